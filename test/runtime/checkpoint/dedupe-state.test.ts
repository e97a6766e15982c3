import { describe, expect, it } from "vitest";
import type { LoadedRow, SavedRow } from "../../../runtime/checkpoint/checkpoint.ts";
import { DedupeState } from "../../../runtime/checkpoint/dedupe-state.ts";
import { DAY } from "../../../runtime/clock.ts";
import { Dedupe, printOf } from "../../../runtime/dedupe.ts";
import { Dice } from "../../support/dice.ts";
import { prng } from "../../support/prng.ts";

const SEED = Number(process.env.AISLE_SEED ?? 20_261_126);
const CHUNK = 2_048;
const PAYLOAD = Buffer.from("{}");

function print(id: number) {
  return printOf("", String(id), PAYLOAD);
}

/** Rows as a store keeps them. */
class Rows extends Map<string, SavedRow> {
  take(row: SavedRow | null): void {
    if (row !== null) this.set(row.key.toString("hex"), row);
  }

  get inOrder(): LoadedRow[] {
    const rows = [...this.values()] as LoadedRow[];
    return rows.sort((a, b) => a.key.length - b.key.length || Buffer.compare(a.key, b.key));
  }
}

function loaded(rows: Rows, capacity: number): Dedupe {
  const dedupe = new Dedupe(capacity);
  new DedupeState(dedupe).load(rows.inOrder);
  return dedupe;
}

function answers(dedupe: Dedupe, ids: number) {
  return Array.from({ length: ids }, (_, id) => dedupe.seen(print(id)));
}

describe("the ids seen", () => {
  it("are the same after a checkpoint and a replay of what followed it, while more came in meanwhile", () => {
    const dice = new Dice(prng(SEED));
    for (const capacity of [1_000, CHUNK, 5_000, 10_000]) {
      const dedupe = new Dedupe(capacity);
      const state = new DedupeState(dedupe);
      const rows = new Rows();
      let id = 0;
      const add = (count: number) => {
        for (let n = 0; n < count; n++, id++) dedupe.add(print(id), Math.floor(id / 700) * DAY);
      };
      for (let round = 0; round < 8; round++) {
        add(dice.below(3_000));
        const cut = id;
        const steps = state.save({ seq: 0, whole: round === 0 });
        for (let { done, value } = steps.next(); done !== true; { done, value } = steps.next()) {
          rows.take(value!);
          add(dice.below(100));
        }
        state.kept();

        const again = loaded(rows, capacity);
        for (let n = cut; n < id; n++) again.add(print(n), Math.floor(n / 700) * DAY);
        const why = `seed ${SEED}, capacity ${capacity}, round ${round}`;
        expect(answers(again, id), why).toEqual(answers(dedupe, id));
        expect([again.size, again.evicted, again.days, again.since], why).toEqual([
          dedupe.size,
          dedupe.evicted,
          dedupe.days,
          dedupe.since,
        ]);
      }
    }
  });

  it("are saved again only where something was added", () => {
    const dedupe = new Dedupe(100_000);
    const state = new DedupeState(dedupe);
    for (let id = 0; id < 10 * CHUNK; id++) dedupe.add(print(id));
    const first = [...state.save({ seq: 0, whole: true })];
    state.kept();
    dedupe.add(print(-1));
    const second = [...state.save({ seq: 0, whole: false })];

    expect(first).toHaveLength(11);
    expect(second).toHaveLength(2);
  });

  it("are given again when the round was lost", () => {
    const dedupe = new Dedupe(10_000);
    const state = new DedupeState(dedupe);
    for (let id = 0; id < 3 * CHUNK; id++) dedupe.add(print(id));
    [...state.save({ seq: 0, whole: false })];

    expect([...state.save({ seq: 0, whole: false })]).toHaveLength(4);
  });
});
