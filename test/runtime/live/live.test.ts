import { describe, expect, it, onTestFinished } from "vitest";
import type { Entry } from "../../../runtime/journal/journal.ts";
import { batchOf } from "../../../runtime/live/batch.ts";
import { Lines } from "../../../runtime/live/lines.ts";
import { type ColdIdentities, Live } from "../../../runtime/live/live.ts";
import { pastRow } from "../../../runtime/live/past.ts";
import { Recent } from "../../../runtime/live/recent.ts";
import type { SiteTransform } from "../../../runtime/site.ts";
import { IdentityStore } from "../../../runtime/store/identities.ts";
import { type EventParts, entriesOf, playersEvents, specOf } from "../../support/folding.ts";
import { tempDir } from "../../support/journal.ts";
import { prng } from "../../support/prng.ts";

const MINUTE = 60_000; // ms
const SEED = Number(process.env.AISLE_SEED ?? 20_261_125);
const MiB = 2 ** 20;

const spec = specOf("players.yml", "players-window.yml");

/** Events in the order in which they come: each up to `delayMs` after it happened. */
function received(random: () => number, delayMs: number): Entry[] {
  const events = playersEvents().map(({ payload, at }, i): EventParts => {
    const receivedAt = at + Math.floor(random() * delayMs);
    return { payload, receivedAt, id: `e${i}`, source: `s${i % 3}` };
  });
  return entriesOf(events.sort((a, b) => a.receivedAt - b.receivedAt));
}

interface Refusal {
  readonly seq: number;
  readonly outcome: string;
}

/** A spec at work over entries that are all on disk. */
class Work {
  readonly live: Live;
  readonly refused: Refusal[] = [];
  readonly faults: unknown[] = [];
  readonly #entries: readonly Entry[];

  constructor(
    entries: readonly Entry[],
    options: { cold?: ColdIdentities; memoryBytes?: number; recentBytes?: number; spec?: SiteTransform } = {},
  ) {
    const { cold = storeOf().newPart(), memoryBytes = 64 * MiB, recentBytes } = options;
    this.#entries = entries;
    this.live = new Live(options.spec ?? spec, {
      recent: new Recent((seq) => entries[seq - 1] ?? null, recentBytes),
      cold,
      memoryBytes,
      refused: (_, { seq }, outcome) => this.refused.push({ seq, outcome }),
      fault: (_, error) => this.faults.push(error),
    });
    this.live.tellsFrom = 1;
  }

  feed(batchSize = 256, entries = this.#entries): this {
    for (let from = 0; from < entries.length; from += batchSize)
      this.live.feed(batchOf(entries.slice(from, from + batchSize)));
    expect(this.faults).toEqual([]);
    return this;
  }

  /** What is known of everybody, by identity. */
  all(): Map<string, string> {
    const players = new Set(this.#entries.map(playerOf));
    return new Map(
      [...players].map((player) => {
        const { aggregates, features } = {
          aggregates: this.live.aggregates(player),
          features: this.live.features(player),
        };
        return [player, JSON.stringify([aggregates, features])];
      }),
    );
  }

  lines(): string[] {
    let ended = 0;
    const lines = new Lines([this.live], () => ended++);
    const texts: string[] = [];
    for (let text = lines.next(); text !== null; text = lines.next()) texts.push(text);
    expect(ended).toBe(1);
    return texts.join("").split("\n").slice(0, -1).toSorted();
  }
}

function storeOf(): IdentityStore {
  const store = new IdentityStore(`${tempDir()}/identities`);
  onTestFinished(() => store.close());
  return store;
}

const playerOf = ({ payload }: Entry) =>
  (JSON.parse(String(payload)) as { customer_identifier: string }).customer_identifier;

const entries = received(prng(SEED), MINUTE);

describe(`a spec with too little memory (seed ${SEED})`, () => {
  const plenty = () => new Work(entries).feed();

  it.each([
    ["nearly none", 64 * 1024, 256],
    ["nearly none, one event at a time", 64 * 1024, 1],
    ["half of what it takes", 600 * 1024, 100],
  ])("knows the same as with plenty: %s", (_, memoryBytes, batchSize) => {
    const expected = plenty();
    const work = new Work(entries, { memoryBytes, recentBytes: 10_000 }).feed(batchSize);

    expect(work.live.cold.size).toBeGreaterThan(10);
    expect(work.live.fold.usedBytes).toBeLessThan(expected.live.fold.usedBytes);
    expect(work.live.counts).toEqual(expected.live.counts);
    expect(work.lines()).toEqual(expected.lines());
    expect(work.all()).toEqual(expected.all());
  });

  it("has as many identities as before, whoever was asked for", () => {
    const work = new Work(entries, { memoryBytes: 64 * 1024 }).feed();
    const count = () => work.live.fold.core.identitiesCount() + work.live.cold.size;
    const before = count();

    work.all();
    work.lines();

    expect(count()).toBe(before);
    expect(before).toBe(new Set(entries.map(playerOf)).size);
  });

  it("shows everybody once, while identities come and go", () => {
    const half = Math.floor(entries.length / 2);
    const work = new Work(entries, { memoryBytes: 64 * 1024 }).feed(256, entries.slice(0, half));
    const known = new Set(entries.slice(0, half).map(playerOf));

    const lines = new Lines([work.live], () => {});
    const shown: string[] = [];
    for (let from = half, text = lines.next(); text !== null; from += 50, text = lines.next()) {
      for (const line of text.split("\n").slice(0, -1)) shown.push((JSON.parse(line) as { identity: string }).identity);
      work.feed(50, entries.slice(from, from + 50));
    }

    expect(shown.toSorted()).toEqual([...known].toSorted());
  });
});

describe(`rows of the past (seed ${SEED})`, () => {
  const late = received(prng(SEED + 1), 4 * MINUTE);
  const players = [...new Set(late.map(playerOf))].slice(0, 20);

  it("rest on what was folded, and not on what came too late", async () => {
    const work = new Work(late).feed();
    expect(work.refused.length).toBeGreaterThan(100);

    for (const player of players) {
      const row = await pastRow(work.live, late, player, Date.UTC(2030, 0));
      expect(row).toBe(work.live.features(player)!.json);
    }
  });

  it("are as they were when the last event before them was folded", async () => {
    const work = new Work(entries).feed();
    const inOrder = entriesOf(playersEvents().map(({ payload, at }) => ({ payload, receivedAt: at })));
    const sorted = inOrder.toSorted((a, b) => a.receivedAt - b.receivedAt);
    for (const player of players.slice(0, 5)) {
      const own = sorted.filter((entry) => playerOf(entry) === player);
      for (let n = 1; n < own.length; n += 20) {
        const at = own[n]!.receivedAt;
        const until = entriesOf(own.filter(({ receivedAt }) => receivedAt <= at));
        const then = new Work(until).feed();
        expect(await pastRow(work.live, inOrder, player, at)).toBe(then.live.features(player)!.json);
      }
    }
  });

  it("are none for who was not heard of yet", async () => {
    const work = new Work(entries).feed();

    expect(await pastRow(work.live, entries, players[0]!, 0)).toBe(null);
    expect(await pastRow(work.live, entries, "nobody", Date.UTC(2030, 0))).toBe(null);
  });
});

describe("a spec at work", () => {
  const [first, second] = [playersEvents()[0]!, playersEvents()[1]!];
  const at = (minutes: number, more: Partial<EventParts> = {}): EventParts => {
    const event_time = new Date(first.at + minutes * MINUTE).toISOString().slice(0, 19);
    const event = { ...(JSON.parse(String(second.payload)) as object), event_time };
    return { payload: Buffer.from(JSON.stringify(event)), receivedAt: first.at + minutes * MINUTE, ...more };
  };
  const player = playerOf(entriesOf([at(0)])[0]!);
  const known = (work: Work) => {
    const { json, ...rest } = work.live.aggregates(player)!;
    const records = JSON.parse(json) as { sitting: { games: number }[] };
    return { ...rest, games: records.sitting.map(({ games }) => games) };
  };

  it("refuses what comes too late, says so, and marks whom it was about", () => {
    const work = new Work(entriesOf([at(0), at(10), at(7), at(8)])).feed(1);

    expect(work.refused).toEqual([{ seq: 3, outcome: "late" }]);
    expect(known(work)).toMatchObject({ incomplete: true, games: [1, 1, 1] });
    expect(work.live.counts).toMatchObject({ folded: 3, late: 1 });
  });

  it("marks an identity too whose first event came too late", () => {
    const other = Buffer.from(String(at(0).payload).replace(player, "somebody"));
    const work = new Work(entriesOf([at(10), { ...at(0), payload: other }])).feed();

    expect(work.live.aggregates("somebody")).toMatchObject({ incomplete: true });
    expect(known(work).incomplete).toBe(false);
  });

  it("stays marked on the disk and back", () => {
    const work = new Work(entriesOf([at(0), at(10), at(7)]), { memoryBytes: 1 }).feed(1);

    expect(work.live.cold.size).toBe(1);
    expect(known(work).incomplete).toBe(true);
  });

  it("waits for the slowest source, unless that is silent", () => {
    const slow = { source: "slow" };
    const fast = { source: "fast" };
    const work = new Work(entriesOf([at(0, slow), at(10, { ...fast, receivedAt: first.at }), at(1, slow)])).feed();
    const silent = new Work(entriesOf([at(0, slow), at(10, fast), at(1, slow)])).feed();

    expect(work.refused).toEqual([]);
    expect(silent.refused).toEqual([{ seq: 3, outcome: "late" }]);
  });

  it("takes sources beyond the sixty-third as one", () => {
    const many = Array.from({ length: 80 }, (_, i) => at(0, { source: `s${i}` }));
    const work = new Work(entriesOf([...many, at(1, { source: "s79" }), at(1, { source: "new" })])).feed();

    expect(work.live.counts.folded).toBe(82);
  });

  it("lets time settle what nobody adds to", () => {
    const work = new Work(entriesOf([at(0), at(1)])).feed();
    const { live } = work;
    const tick = (minutes: number) => live.tick(entriesOf([at(minutes)])[0]!);
    expect([live.isUnsettled, live.settledAt]).toEqual([true, first.at - MINUTE]);

    tick(2);
    expect([live.isUnsettled, live.settledAt]).toEqual([true, first.at - MINUTE]);
    tick(10);
    expect([live.isUnsettled, live.settledAt]).toEqual([false, first.at + 8 * MINUTE]);
    expect(live.fold.core.tailCount(live.fold.find(player)!)).toBe(0);
  });

  it("is settled while it has heard of nothing", () => {
    const work = new Work([]);
    work.live.tick(entriesOf([at(0)])[0]!);

    expect([work.live.isUnsettled, work.live.settledAt]).toEqual([false, null]);
  });

  it("counts what was taken in again once: only what had been refused is new", () => {
    const all = entriesOf([at(0), at(10), at(0), at(9), at(9)]);
    const replayed = (index: number, of: number) => ({
      ...all[index]!,
      headers: { "replay-of": "1", "replay-seq": String(of) },
    });
    // The fourth is the first once more, which counted; the fifth is the third, which was too late, on time now.
    const work = new Work([...all.slice(0, 3), replayed(3, 1), replayed(4, 3)]).feed(1);

    expect(work.refused).toEqual([{ seq: 3, outcome: "late" }]);
    expect(work.live.counts).toMatchObject({ folded: 3, late: 1, repeated: 1 });
  });

  describe("of what was taken in again", () => {
    const again = (entry: Entry, of: number): Entry => ({
      ...entry,
      headers: { "replay-of": "1", "replay-seq": String(of) },
    });
    /** The last of the entries comes in one batch with so many before it, those one by one. */
    const countsOf = (all: readonly Entry[], together: number, spec?: SiteTransform) => {
      const work = new Work(all, spec === undefined ? {} : { spec }).feed(1, all.slice(0, all.length - 1 - together));
      return work.feed(256, all.slice(all.length - 1 - together)).live.counts;
    };

    it.each([0, 1, 2])("takes what was too late, also with %i of those before it in one batch", (together) => {
      const [launch, late, repeat] = entriesOf([at(10), at(7), at(9)]);

      expect(countsOf([launch!, late!, again(repeat!, 2)], together)).toMatchObject({
        folded: 2,
        late: 1,
        repeated: 0,
      });
    });

    it.each([0, 1, 2])("takes what fails since a late event came, with %i before it in one batch", (together) => {
      const part = (minutes: number, more: object): EventParts => {
        const { payload, receivedAt } = at(minutes);
        return { payload: Buffer.from(JSON.stringify({ ...JSON.parse(String(payload)), ...more })), receivedAt };
      };
      const many = Array.from({ length: 1_500 }, (_, i) => i);
      const [pairs, late, repeat] = entriesOf([part(1, { pairs: 1 }), part(0, { many }), part(1, { pairs: 1 })]);

      const counts = countsOf([pairs!, late!, again(repeat!, 1)], together, specOf("pairs.yml"));

      expect(counts).toMatchObject({ folded: 1, failed: 2, repeated: 0 });
    });
  });

  it("counts what names nobody, has no time, or is no JSON, and goes on", () => {
    const text = (payload: string): EventParts => ({ payload: Buffer.from(payload), receivedAt: first.at });
    const events = [text("{}"), text('{"customer_identifier":"x","event_time":"soon"}'), text("{"), at(0)];
    const work = new Work(entriesOf(events)).feed();

    expect(work.refused).toEqual([]);
    expect(work.live.counts).toMatchObject({ folded: 1, nobody: 1, timeless: 1, malformed: 1 });
  });

  it("refuses what costs more than one event may, and leaves nothing of it", () => {
    const many = JSON.stringify(Array.from({ length: 1_500 }, (_, i) => i));
    const heavy = Buffer.from(String(at(1).payload).replace(/}$/, `, "many": ${many}}`));
    const work = new Work(entriesOf([at(0), { ...at(1), payload: heavy }, at(2)]), { spec: specOf("heavy.yml") }).feed(
      1,
    );

    expect(work.refused).toEqual([{ seq: 2, outcome: "failed" }]);
    expect(work.live.counts).toMatchObject({ folded: 2, failed: 1 });
    const { incomplete, json } = work.live.aggregates(player)!;
    expect([incomplete, JSON.parse(json)]).toMatchObject([true, { all: [{ events: 2, pairs: 0 }] }]);
  });

  it("goes on without events that were erased from the journal", () => {
    const all = entriesOf([at(0), at(1.5), at(1), at(0.5)]);
    const erased: Entry[] = all.map((entry) =>
      entry.seq === 2 ? { ...entry, payload: Buffer.alloc(0), headers: { tombstone: "1" } } : entry,
    );
    const work = new Work(erased, { recentBytes: 0 });
    work.live.feed(batchOf(all.slice(0, 2)));

    work.feed(1, all.slice(2));

    expect(known(work).games).toEqual([1, 1, 1]);
    expect(work.refused).toEqual([]);
    expect(work.faults).toEqual([]);
  });

  it("writes numbers that JSON has not as null, and leaves texts be", async () => {
    const { strict } = await import("../../../runtime/live/json.ts");

    expect(strict('{"a": NaN, "b": [-Infinity, Infinity, 1], "NaN \\" Infinity": "NaN"}')).toBe(
      '{"a": null, "b": [null, null, 1], "NaN \\" Infinity": "NaN"}',
    );
  });
});
