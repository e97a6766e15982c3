import { describe, expect, it } from "vitest";
import type { BoardState } from "../../../runtime/checkpoint/board-state.ts";
import type { LoadedRow, Saved } from "../../../runtime/checkpoint/checkpoint.ts";
import type { Entry } from "../../../runtime/journal/journal.ts";
import { limits } from "../../../runtime/limits.ts";
import { digestOf } from "../../support/board-digest.ts";
import { freshBoard } from "../../support/board-state.ts";
import { Dice } from "../../support/dice.ts";
import { prng } from "../../support/prng.ts";
import { randomJournal } from "../../support/random-journal.ts";

const SEED = Number(process.env.AISLE_SEED ?? 20_261_126);
/** Rows as they come back from a store: each once. */
function rowsOf(part: Saved): LoadedRow[] {
  const rows = new Map<string, LoadedRow>();
  const steps = part.save({ seq: 0, whole: true });
  for (let { done, value } = steps.next(); done !== true; { done, value } = steps.next()) {
    if (value?.value != null) rows.set(value.key.toString("hex"), { key: value.key, value: Buffer.from(value.value) });
  }
  return [...rows.values()].sort((a, b) => a.key.length - b.key.length || Buffer.compare(a.key, b.key));
}

function saved(state: BoardState): BoardState {
  const loaded = freshBoard();
  loaded.load(rowsOf(state));
  return loaded;
}

function replay(state: BoardState, entries: readonly Entry[]): BoardState {
  for (const entry of entries) state.apply(entry);
  return state;
}

describe("a board that was saved", () => {
  it.each([0, 1, 2, 3, 4, 5, 6, 7])("goes on as one that was not, wherever it was cut (%i)", async (number) => {
    const seed = SEED + number;
    const dice = new Dice(prng(seed));
    const entries = await randomJournal(seed, 300);
    const whole = digestOf(replay(freshBoard(), entries));
    const cuts = [0, entries.length, ...Array.from({ length: 12 }, () => dice.below(entries.length))];

    for (const cut of cuts) {
      const before = replay(freshBoard(), entries.slice(0, cut));
      const loaded = saved(before);

      expect(digestOf(loaded), `seed ${seed}, cut at ${cut}`).toEqual(digestOf(before));
      expect(digestOf(replay(loaded, entries.slice(cut))), `seed ${seed}, cut at ${cut}`).toEqual(whole);
    }
  });

  it("may be saved again and again", async () => {
    const dice = new Dice(prng(SEED));
    const entries = await randomJournal(SEED, 300);
    let state = freshBoard();

    for (let at = 0; at < entries.length; ) {
      const next = at + 1 + dice.below(40);
      state = saved(replay(state, entries.slice(at, next)));
      at = next;
    }

    expect(digestOf(state), `seed ${SEED}`).toEqual(digestOf(replay(freshBoard(), entries)));
  });

  it("is saved in rows of a bounded size, and a cell may be larger than one", () => {
    const state = freshBoard();
    const text = "☃".repeat(limits.checkpointRowBytes);
    const record = state.applier.board.page("jobs").add(["Boys"], null);
    record.cells[state.applier.board.page("jobs").ensure("note")] = text;

    const rows = rowsOf(state);
    const loaded = freshBoard();
    loaded.load(rows);

    expect(rows.length).toBeGreaterThan(3);
    expect(Math.max(...rows.map(({ value }) => value.length))).toBeLessThanOrEqual(limits.checkpointRowBytes);
    expect(digestOf(loaded)).toEqual(digestOf(state));
  });
});
