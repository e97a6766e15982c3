import { describe, expect, it, onTestFinished } from "vitest";
import type { Entry } from "../../../runtime/journal/journal.ts";
import { batchOf, isEvent } from "../../../runtime/live/batch.ts";
import { Lines } from "../../../runtime/live/lines.ts";
import { Live } from "../../../runtime/live/live.ts";
import { Recent } from "../../../runtime/live/recent.ts";
import { tailsTick } from "../../../runtime/live/tails.ts";
import { IdentityStore } from "../../../runtime/store/identities.ts";
import { type EventParts, entriesOf, playersEvents, specOf } from "../../support/folding.ts";
import { tempDir } from "../../support/journal.ts";
import { prng } from "../../support/prng.ts";

const MINUTE = 60_000; // ms
const SEED = Number(process.env.AISLE_SEED ?? 20_261_127);
const PLENTY = 2 ** 28; // bytes
const TICK = { kind: "tick", payload: new Uint8Array(0) } as const;

const spec = specOf("players.yml", "players-window.yml");
const recorded = playersEvents();

/** Events in some disorder, of three sources, with ticks between them. */
function entries(random: () => number): Entry[] {
  const delayMs = MINUTE * (1 + 3 * random());
  const events = recorded
    .map(({ payload, at }, i): EventParts => {
      const receivedAt = at + Math.floor(random() * delayMs);
      return { payload, receivedAt, source: `s${i % 3}`, ...(random() < 0.5 ? { id: `e${i}` } : {}) };
    })
    .sort((a, b) => a.receivedAt - b.receivedAt)
    .slice(0, 3_000 + Math.floor(3_000 * random()));
  return entriesOf(events)
    .flatMap((entry): Entry[] => {
      if (random() >= 0.005) return [entry];
      const receivedAt = entry.receivedAt + Math.floor(random() * MINUTE);
      const tails = tailsTick(spec.name, 2 + Math.floor(30 * random()));
      return [entry, { ...entry, ...(random() < 0.4 ? tails : TICK), receivedAt }];
    })
    .map((entry, i) => ({ ...entry, seq: i + 1 }));
}

function feed(live: Live, run: readonly Entry[]): void {
  for (const entry of run.filter((each) => !isEvent(each))) live.tick(entry);
  live.feed(batchOf(run.filter(isEvent)));
}

function linesOf(live: Live): string[] {
  const lines = new Lines([live], () => {});
  let text = "";
  for (let more = lines.next(); more !== null; more = lines.next()) text += more;
  return text.split("\n").toSorted();
}

describe("state", () => {
  const store = () => {
    const opened = new IdentityStore(`${tempDir()}/identities`);
    onTestFinished(() => opened.close());
    return opened;
  };

  it.each([1, 2, 3, 4])(`is a function of the entries, round %i (seed ${SEED})`, (round) => {
    const random = prng(SEED + round);
    const all = entries(random);
    const identities = store();
    const liveWith = (memoryBytes: number, recentBytes: number) =>
      new Live(spec, {
        recent: new Recent((seq) => all[seq - 1]!, recentBytes),
        cold: identities.newPart(),
        memoryBytes,
        refused() {},
        fault(_, error) {
          throw error;
        },
      });
    const one = liveWith(PLENTY, 0);
    for (const entry of all) feed(one, [entry]);

    // In batches of any size, with little memory, while somebody asks.
    const other = liveWith(20_000 + Math.floor(300_000 * random()), 1_000_000 * random());
    const players = [...new Set(all.filter(isEvent).map(playerOf))];
    for (let from = 0; from < all.length; ) {
      const size = all[from]!.kind === "tick" ? 1 : 1 + Math.floor(150 * random() ** 3);
      const tick = all.findIndex(({ kind }, i) => i >= from && kind === "tick");
      const to = tick > from ? Math.min(from + size, tick) : from + size;
      feed(other, all.slice(from, to));
      from = to;
      const player = players[Math.floor(random() * players.length)]!;
      if (random() < 0.1) other.aggregates(player);
      if (random() < 0.1) other.features(player);
      if (random() < 0.01) linesOf(other);
    }

    expect(other.cold.size).toBeGreaterThan(0);
    expect(other.counts).toEqual(one.counts);
    expect(linesOf(other)).toEqual(linesOf(one));
    for (const player of players) expect(other.features(player), player).toEqual(one.features(player));
  });
});

function playerOf({ payload }: Entry): string {
  return (JSON.parse(String(payload)) as { customer_identifier: string }).customer_identifier;
}
