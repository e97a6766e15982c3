import { describe, expect, it } from "vitest";
import { entriesOf, Folding, playersEvents, programOf, specOf } from "../../support/folding.ts";
import { prng } from "../../support/prng.ts";

const MINUTE = 60_000; // ms
const SEED = Number(process.env.AISLE_SEED ?? 20_261_124);

const spec = specOf("players.yml", "players-window.yml");
const program = programOf(spec);
const events = playersEvents().map(({ payload, at }, i) => ({ payload, at, receivedAt: at, id: `e${i}` }));
/** By time, and what is of the same time by id: the order that counts. */
const inOrder = events.toSorted((a, b) => a.at - b.at || Buffer.compare(Buffer.from(a.id), Buffer.from(b.id)));

/** Each event is received up to `delayMs` after it happened. */
function shuffled(random: () => number, delayMs: number) {
  return events
    .map((event) => ({ ...event, receivedAt: event.at + Math.floor(random() * delayMs) }))
    .sort((a, b) => a.receivedAt - b.receivedAt);
}

describe(`events in any order within the lateness (seed ${SEED})`, () => {
  const whole = new Folding(program, { rows: true, unordered: true }).feed(entriesOf(inOrder));

  it("are many, and lead to records and rows", () => {
    expect(whole.lines().length).toBeGreaterThan(1_000);
    expect(whole.rows().length).toBeGreaterThan(100);
    expect(whole.told).toEqual([]);
  });

  it.each([1, 2, 3, 4])("give the records and rows of the batch in order, round %i", (round) => {
    const random = prng(SEED + round);
    const live = new Folding(program, { rows: true }).feed(entriesOf(shuffled(random, 2 * MINUTE)));

    expect(live.told).toEqual([]);
    expect(live.lines()).toEqual(whole.lines());
    expect(live.rows()).toEqual(whole.rows());
  });

  it("give the same bytes in one batch and one at a time, and each time again", () => {
    const entries = entriesOf(shuffled(prng(SEED), 2 * MINUTE));
    const all = new Folding(program, { rows: true }).feed(entries, 100_000);
    const again = new Folding(program, { rows: true }).feed(entries, 100_000);
    const single = new Folding(program, { rows: true }).feed(entries, 1);
    const some = new Folding(program, { rows: true }).feed(entries, 37);

    const bytes = all.packed();
    expect(again.packed()).toEqual(bytes);
    expect(single.packed()).toEqual(bytes);
    expect(some.packed()).toEqual(bytes);
  });

  it("refuse what comes later than that, and fold the rest as if it had not come", () => {
    const random = prng(SEED + 10);
    const entries = entriesOf(shuffled(random, 4 * MINUTE));
    const live = new Folding(program, { rows: true }).feed(entries);
    const late = new Set(live.told.map(({ seq }) => seq));

    expect(new Set(live.told.map(({ outcome }) => outcome))).toEqual(new Set(["late"]));
    expect(late.size).toBeGreaterThan(100);
    const rest = entries.filter(({ seq }) => !late.has(seq)).map(({ headers }) => headers.id);
    const kept = new Set(rest);
    const batch = new Folding(program, { rows: true, unordered: true }).feed(
      entriesOf(inOrder.filter(({ id }) => kept.has(id))),
    );
    expect(live.lines()).toEqual(batch.lines());
    expect(live.rows()).toEqual(batch.rows());
  });
});

describe("rows of training", () => {
  it("equal the features that were served when their anchor was made", () => {
    const training = new Folding(program, { rows: true });
    const live = new Folding(program);
    const counts = new Map<string, number>();
    let rows = 0;

    for (const entry of entriesOf(inOrder)) {
      training.feed([entry]);
      live.feed([entry]);
      const key = (JSON.parse(String(entry.payload)) as { customer_identifier: string }).customer_identifier;
      const made = training.fold.rows(training.fold.find(key)!);
      const before = counts.get(key) ?? 0;
      if (made.length === before) continue;
      counts.set(key, made.length);
      rows++;
      expect(live.fold.features(live.fold.find(key)!)).toBe(made.at(-1));
    }

    expect(rows).toBeGreaterThan(100);
    expect(training.rows()).toHaveLength(rows);
  });
});
