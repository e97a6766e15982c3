// What a spec holds in memory: bounded by bytes, also where a customer's records keep large texts and collections. And
// what that means for late events follows from the journal alone.
import { describe, expect, it } from "vitest";
import type { Entry } from "../../../runtime/journal/journal.ts";
import { batchOf } from "../../../runtime/live/batch.ts";
import type { Live } from "../../../runtime/live/live.ts";
import { liveOn, recordSpec } from "../../support/lives.ts";
import { prng } from "../../support/prng.ts";

const SECOND = 1_000; // ms
const MiB = 2 ** 20;
const PLENTY = 256 * MiB;
const START = Date.UTC(2026, 0, 1);
const SEED = Number(process.env.AISLE_SEED ?? 20_261_204);

type More = Readonly<Record<string, unknown>>;

/** Entries of events, each of some customer and so many ms after the first. */
function journalOf(events: readonly (readonly [who: string, ms: number, more?: More, receivedMs?: number])[]): Entry[] {
  return events.map(([who, ms, more = {}, receivedMs = ms], i) => ({
    seq: i + 1,
    receivedAt: START + receivedMs,
    kind: "event",
    principal: "test",
    subject: "events",
    headers: {},
    payload: Buffer.from(JSON.stringify({ who, at: new Date(START + ms).toISOString().slice(0, 23), ...more })),
  }));
}

/** @returns the most bytes that were held after a batch */
function fold(live: Live, journal: readonly Entry[], batch: number): number {
  let most = 0;
  for (let from = 0; from < journal.length; from += batch) {
    live.feed(batchOf(journal.slice(from, from + batch)));
    most = Math.max(most, live.fold.usedBytes);
  }
  return most;
}

describe("what late events need", () => {
  it("is bounded where each event makes a list longer", () => {
    const spec = recordSpec("10m", ["Name: seen, Type: list, Value: n.seen.append(source.x)"]);
    const journal = journalOf(Array.from({ length: 3_000 }, (_, x) => ["p", 20 * x, { x }] as const));
    const live = liveOn(journal, spec);

    expect(fold(live, journal, 100)).toBeLessThan(4 * MiB);
    expect(live.counts).toMatchObject({ folded: journal.length, late: 0 });
  });

  it("is bounded where each event replaces a text, or what a map holds of them", () => {
    const spec = recordSpec("10m", [
      "Name: text, Type: string, Value: source.text",
      "Name: last, Type: map, Value: \"n.last.set('text', source.text)\"",
    ]);
    const text = (x: number) => `${x}`.padEnd(10_000, "x");
    const journal = journalOf(Array.from({ length: 1_000 }, (_, x) => ["p", 20 * x, { text: text(x) }] as const));

    expect(fold(liveOn(journal, spec), journal, 100)).toBeLessThan(4 * MiB);
  });

  it("is bounded where a late event makes larger what younger ones have changed", () => {
    const spec = recordSpec("10m", ["Name: seen, Type: list, Value: n.seen.extend(source.more)"]);
    const many = Array.from({ length: 10_000 }, (_, x) => x);
    const journal = journalOf([
      ...Array.from({ length: 100 }, (_, x) => ["p", SECOND + 20 * x, { more: [x] }] as const),
      ["p", 0, { more: many }, 4 * SECOND],
      ["p", 5 * SECOND, { more: [1] }],
    ]);
    const live = liveOn(journal, spec);
    fold(live, journal, 1);

    expect(live.counts).toMatchObject({ folded: journal.length, late: 0 });
    expect(live.fold.core.memory.buffer.byteLength).toBeLessThan(12 * MiB);
  });

  it(`is the same whatever is in memory, and with it which late events are taken (seed ${SEED})`, () => {
    const random = prng(SEED);
    const spec = recordSpec("1m", [
      "Name: events, Type: integer, Value: n.events + 1",
      "Name: seen, Type: list, Value: n.seen.append(source.x)",
      'Name: pairs, Type: list, Value: "[(source.x, source.text)] + n.pairs[0:20]"',
      'Name: by, Type: map, Value: "n.by.set(source.x, source.text)"',
      "Name: all, Type: set, Value: n.all.add(source.text)",
      "Name: none, Type: list, Value: n.none.append(source.x), When: source.x == 0",
      "Name: text, Type: string, Value: source.text",
    ]);
    const journal = journalOf(
      Array.from({ length: 800 }, (_, i) => {
        const lateMs = random() < 0.2 ? 5 * SECOND * random() : 0;
        const text = "x".repeat(Math.floor(random() < 0.05 ? 20_000 * random() : 20 * random()));
        const who = `p${Math.floor(2 * random())}`;
        return [who, Math.floor(100 * i - lateMs), { x: Math.floor(200 * random()), text }, 100 * i] as const;
      }),
    );
    const [plenty, ...others] = [
      [PLENTY, 1],
      [PLENTY, 64],
      [1, 1],
      [1, 7],
    ].map(([bytes, batch]) => {
      const live = liveOn(journal, spec, bytes);
      fold(live, journal, batch!);
      return { counts: live.counts, known: ["p0", "p1"].map((who) => live.aggregates(who)) };
    });

    expect(plenty!.counts.late).toBeGreaterThan(10);
    expect(plenty!.counts.late).toBeLessThan(130);
    for (const other of others) expect(other).toEqual(plenty);
  });
});

describe("memory that is full", () => {
  it("is made free by as many bytes as come, however small those are who go", () => {
    const spec = recordSpec("1s", ["Name: text, Type: string, Value: source.text"]);
    const limit = 4 * MiB;
    const large = "x".repeat(60_000);
    const journal = journalOf([
      ...Array.from({ length: 20_000 }, (_, i) => [`small${i}`, i] as const),
      ...Array.from({ length: 340 }, (_, i) => [`large${i}`, 20_000 + i, { text: large }] as const),
    ]);
    const live = liveOn(journal, spec, limit);
    fold(live, journal.slice(0, 20_000), 250);

    expect(fold(live, journal.slice(20_000), 17)).toBeLessThanOrEqual(limit);
  });

  it("takes a lower limit little by little", () => {
    const spec = recordSpec("1s", ["Name: events, Type: integer, Value: n.events + 1"]);
    const journal = journalOf(Array.from({ length: 20_000 }, (_, i) => [`p${i}`, i] as const));
    const live = liveOn(journal, spec);
    fold(live, journal.slice(0, -1), 250);

    live.memoryBytes = 1;
    fold(live, journal.slice(-1), 1);

    expect(live.cold.size).toBeGreaterThan(0);
    expect(live.cold.size).toBeLessThan(journal.length / 2);
  });
});
