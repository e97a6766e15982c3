// Memory that is full of what only late events would need: whoever is heard of all the time stays in it, and keeps less.
import { describe, expect, it, onTestFinished } from "vitest";
import type { Entry } from "../../../runtime/journal/journal.ts";
import { limits } from "../../../runtime/limits.ts";
import { batchOf, isEvent } from "../../../runtime/live/batch.ts";
import { Lines } from "../../../runtime/live/lines.ts";
import { Live } from "../../../runtime/live/live.ts";
import { Recent } from "../../../runtime/live/recent.ts";
import { tailsTick } from "../../../runtime/live/tails.ts";
import { IdentityStore } from "../../../runtime/store/identities.ts";
import { playersEvents, specOf } from "../../support/folding.ts";
import { tempDir } from "../../support/journal.ts";

const spec = specOf("players.yml", "players-window.yml");
const [recorded] = playersEvents();
const PLENTY = 2 ** 28; // bytes
const PLAYERS = 40;
const BATCH = 100;

/** The recorded event `i`, ms after the first, of some player. */
function event(player: number, ms: number): Omit<Entry, "seq"> {
  const at = recorded!.at + ms;
  const event_time = new Date(at).toISOString().slice(0, 23);
  const parsed = JSON.parse(String(recorded!.payload)) as object;
  const payload = Buffer.from(JSON.stringify({ ...parsed, customer_identifier: `p${player}`, event_time }));
  return { receivedAt: at, kind: "event", principal: "test", subject: "events", headers: {}, payload };
}

/** A spec over a journal that only grows; with a journal's answer to what it asks for, if somebody gives one. */
class Work {
  readonly journal: Entry[] = [];
  readonly live: Live;
  readonly late: number[] = [];
  /** Entries that were looked for, as they were not at hand. */
  found = 0;
  asked = 0;
  #tick: Omit<Entry, "seq"> | null = null;

  constructor(memoryBytes: number, isAnswered: boolean) {
    const store = new IdentityStore(`${tempDir()}/identities`);
    onTestFinished(() => store.close());
    this.live = new Live(spec, {
      recent: new Recent((seq) => {
        this.found++;
        return this.journal[seq - 1]!;
      }, 100_000),
      cold: store.newPart(),
      memoryBytes,
      ...(isAnswered ? { crowded: (_, events) => this.#ask(events) } : {}),
      refused: (_, { seq }) => this.late.push(seq),
      fault(_, error) {
        throw error;
      },
    });
    this.live.tellsFrom = 1;
  }

  /** As a place: one at a time. */
  #ask(events: number): void {
    this.asked++;
    this.#tick ??= { ...tailsTick(spec.name, events), receivedAt: this.journal.at(-1)!.receivedAt };
  }

  feed(entries: readonly Omit<Entry, "seq">[]): this {
    for (let from = 0; from < entries.length; from += BATCH) {
      const batch = entries.slice(from, from + BATCH).map((entry) => this.#append(entry));
      this.live.feed(batchOf(batch.filter(isEvent)));
      if (this.#tick !== null) this.live.tick(this.#append(this.#tick));
      this.#tick = null;
    }
    return this;
  }

  /** Entry by entry, as a journal gives them. */
  follow(journal: readonly Entry[]): this {
    for (const entry of journal) {
      this.journal.push(entry);
      if (isEvent(entry)) this.live.feed(batchOf([entry]));
      else this.live.tick(entry);
    }
    return this;
  }

  #append(entry: Omit<Entry, "seq">): Entry {
    const appended = { ...entry, seq: this.journal.length + 1 };
    this.journal.push(appended);
    return appended;
  }

  lines(): string[] {
    const lines = new Lines([this.live], () => {});
    let text = "";
    for (let more = lines.next(); more !== null; more = lines.next()) text += more;
    return text.split("\n").toSorted();
  }
}

/** All players again and again, an event a ms: nothing of it is settled, as the spec waits for two minutes. */
const busy = Array.from({ length: 300 * PLAYERS }, (_, i) => event(i % PLAYERS, i));

describe("memory that is full of what is not settled", () => {
  const third = () => new Work(PLENTY, false).feed(busy).live.fold.usedBytes / 3;

  it("keeps who is heard of all the time, and lets late ones join the youngest of it only", () => {
    const bytes = third();
    const work = new Work(bytes, true).feed(busy);

    expect(work.asked).toBeGreaterThan(0);
    expect(work.live.cold.size).toBe(0);
    expect(work.found).toBe(0);
    expect(work.live.fold.usedBytes).toBeLessThan(1.5 * bytes);
    expect(work.late).toEqual([]);
    expect(work.live.tailEvents).toBeLessThan(300);
    expect(work.live.counts).toMatchObject({ folded: busy.length, late: 0 });
  });

  it("keeps thousands who are heard of all the time", () => {
    const many = Array.from({ length: 32 * 3_000 }, (_, i) => event(i % 3_000, i));
    const bytes = new Work(PLENTY, false).feed(many).live.fold.usedBytes / 2;
    const work = new Work(bytes, true).feed(many);

    expect(work.live.tailEvents).toBeLessThan(32);
    expect(work.live.fold.usedBytes).toBeLessThan(1.2 * bytes);
    expect(work.found).toBe(0);
    expect(work.late).toEqual([]);
  });

  it("is as a journal tells it again, with plenty of memory and one by one", () => {
    const work = new Work(third(), true).feed([...busy, event(3, 0), event(4, busy.length - 10)]);
    const again = new Work(PLENTY, false).follow(work.journal);

    expect(work.late).toEqual([work.journal.length - 1]);
    expect(again.late).toEqual(work.late);
    expect(again.live.counts).toEqual(work.live.counts);
    expect(again.lines()).toEqual(work.lines());
  });

  it("sends who is heard of no more to the disk instead", () => {
    const oneByOne = Array.from({ length: busy.length }, (_, i) => event(Math.floor(i / 300), i));
    const work = new Work(third(), true).feed(oneByOne);

    expect(work.asked).toBe(0);
    expect(work.live.cold.size).toBeGreaterThan(PLAYERS / 2);
    expect(work.live.tailEvents).toBe(limits.tailEvents);
  });

  it("sends all to the disk when nobody can journal how long tails are", () => {
    const work = new Work(third(), false).feed(busy.slice(0, 200 * PLAYERS));

    expect(work.live.cold.size).toBeGreaterThan(0);
    expect(work.found).toBeGreaterThan(0);
    expect(work.lines()).toEqual(new Work(PLENTY, false).feed(busy.slice(0, 200 * PLAYERS)).lines());
  });
});
