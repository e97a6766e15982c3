// What becomes of an event does not depend on the memory that others near it used.
import { describe, expect, it } from "vitest";
import type { Entry } from "../../../runtime/journal/journal.ts";
import { batchOf } from "../../../runtime/live/batch.ts";
import type { Live } from "../../../runtime/live/live.ts";
import type { SiteTransform } from "../../../runtime/site.ts";
import { entriesOf } from "../../support/folding.ts";
import { liveOn, PLENTY, recordSpec } from "../../support/lives.ts";

const SECOND = 1_000; // ms
const START = Date.UTC(2026, 0); // ms
const MiB = 2 ** 20;
const COUNT = 48;

/** Fields that take memory while they are evaluated, then one that divides by the event's `zero`, if it has one. */
function specOf(fields: readonly string[], lateness = "10m"): SiteTransform {
  return recordSpec(lateness, [
    "Name: events, Type: integer, Value: n.events + 1",
    ...fields,
    "Name: odd, Type: float, Value: 1 / source.zero, When: source.zero is not None",
    "Name: last, Type: string, Value: source.at",
  ]);
}

const at = (ms: number) => new Date(START + ms).toISOString().slice(0, 19);
const event = (who: string, ms: number, more: object) => ({ who, at: at(ms), ...more });

const journalOf = (events: readonly object[]): Entry[] =>
  entriesOf(
    events.map((parsed, i) => ({ payload: Buffer.from(JSON.stringify(parsed)), receivedAt: START + i * SECOND })),
  );

interface Outcome {
  readonly counts: Live["counts"];
  /** What is known of each of `players`, as JSON. */
  readonly known: readonly (string | undefined)[];
  readonly coreBytes: number;
}

function fold(
  spec: SiteTransform,
  entries: readonly Entry[],
  { batch, memoryBytes = PLENTY, players = ["p"] }: { batch: number; memoryBytes?: number; players?: string[] },
): Outcome {
  const live = liveOn(entries, spec, memoryBytes);
  for (let from = 0; from < entries.length; from += batch) live.feed(batchOf(entries.slice(from, from + batch)));
  const coreBytes = live.fold.core.memory.buffer.byteLength;
  return { counts: { ...live.counts }, known: players.map((player) => live.aggregates(player)?.json), coreBytes };
}

describe("a fault that ends only its expression", () => {
  const texts = specOf(Array.from({ length: 6 }, (_, i) => `Name: l${i}, Type: integer, Value: len(source.text * 17)`));
  const text = "x".repeat(60_000);

  it.each([5, 16, 64])("leaves the event, however many came in its batch: %i", (batch) => {
    const journal = journalOf(Array.from({ length: COUNT }, (_, i) => event("p", i * SECOND, { text, zero: 0 })));
    const single = fold(texts, journal, { batch: 1 });
    const many = fold(texts, journal, { batch });

    expect(single.counts).toMatchObject({ folded: COUNT, failed: 0 });
    expect(many.counts).toEqual(single.counts);
    expect(many.known).toEqual(single.known);
  });

  it("leaves the event when a late one makes it be folded again", () => {
    const inOrder = Array.from({ length: 20 }, (_, i) => event("p", i * SECOND, { text, zero: 0 }));
    const late = [...inOrder.slice(5), ...inOrder.slice(0, 5)];
    const expected = fold(texts, journalOf(inOrder), { batch: 1 });

    for (const batch of [1, 20]) {
      const { counts, known } = fold(texts, journalOf(late), { batch });
      expect(counts).toMatchObject({ folded: 20, failed: 0 });
      expect(known).toEqual(expected.known);
    }
  });

  it("leaves the event, whether its identity was in memory or comes from the disk", () => {
    const lists = specOf(
      Array.from(
        { length: 6 },
        (_, i) => `Name: l${i}, Type: list, Value: source.list * 30, When: source.list is not None`,
      ),
      "0s",
    );
    const list = Array.from({ length: 2_000 }, (_, i) => i);
    const players = Array.from({ length: 16 }, (_, i) => `p${i}`);
    const journal = journalOf([
      ...players.map((who, i) => event(who, i * SECOND, { list })),
      ...players.map((who, i) => event(who, (100 + i) * SECOND, { zero: 0 })),
    ]);
    const plenty = fold(lists, journal, { batch: 16, players });
    const little = fold(lists, journal, { batch: 16, memoryBytes: 1, players });

    expect(plenty.counts).toMatchObject({ folded: 32, failed: 0 });
    expect(little.counts).toEqual(plenty.counts);
    expect(little.known).toEqual(plenty.known);
  });
});

describe("an event that needs much memory by itself", () => {
  const hungry = specOf(["Name: most, Type: integer, Value: 'len([source.text * 17 for i in range(source.times)])'"]);
  const text = "x".repeat(60_000);
  const eventOf = (i: number, more: object) => event("p", i * SECOND, { text, ...more });

  it("ends with the first fault past the bound, alone or among others", () => {
    const times = [10, 80, 10, 40, 80, 40, 40, 10];
    const journal = journalOf(times.map((times, i) => eventOf(i, { times, zero: 0 })));
    const single = fold(hungry, journal, { batch: 1 });
    const all = fold(hungry, journal, { batch: times.length });

    expect(single.counts).toMatchObject({ folded: 6, failed: 2 });
    expect(all.counts).toEqual(single.counts);
    expect(all.known).toEqual(single.known);
  });

  it("gives it back before the next of its batch", () => {
    const journal = journalOf(Array.from({ length: 16 }, (_, i) => eventOf(i, { times: 40, zero: 1 })));
    const { counts, coreBytes } = fold(hungry, journal, { batch: 16 });

    expect(counts).toMatchObject({ folded: 16, failed: 0 });
    expect(coreBytes).toBeLessThan(128 * MiB);
  });
});
