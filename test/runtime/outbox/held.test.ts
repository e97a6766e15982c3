import { expect, it } from "vitest";
import type { Decision } from "../../../runtime/decide/decision.ts";
import type { Entry } from "../../../runtime/journal/journal.ts";
import { limits } from "../../../runtime/limits.ts";
import { HeldDecisions } from "../../../runtime/outbox/held.ts";
import { prng } from "../../support/prng.ts";

const SEED = Number(process.env.AISLE_SEED ?? 20_261_127);

const held = (seq: number, bytes = 10) => ({
  entry: { seq, payload: new Uint8Array(bytes) } as unknown as Entry,
  decision: { id: `d${seq}` } as unknown as Decision,
});

it("gives back what was added, in order, whatever is taken in between", () => {
  const random = prng(SEED);
  const decisions = new HeldDecisions();
  const expected: number[] = [];
  for (let seq = 1; seq <= 20_000; seq++) {
    // At times far more is added than taken, at times all is taken.
    if (random() < 0.5 + 0.4 * Math.sin(seq / 1_500)) {
      if (decisions.add(held(seq))) expected.push(seq);
    } else if (expected.length > 0) {
      expect(decisions.peek()!.entry.seq, `seed ${SEED}, ${seq}`).toBe(expected.shift());
      decisions.shift();
    }
    expect(decisions.isEmpty, `seed ${SEED}, ${seq}`).toBe(expected.length === 0);
  }
  while (!decisions.isEmpty) {
    expect(decisions.peek()!.entry.seq, `seed ${SEED}`).toBe(expected.shift());
    decisions.shift();
  }
  expect(decisions.peek()).toBeNull();
  expect(expected).toEqual([]);
});

it("takes so many, and so many bytes, and again when some have gone", () => {
  const many = new HeldDecisions();
  for (let seq = 1; seq <= limits.outboxHeld; seq++) expect(many.add(held(seq))).toBe(true);
  expect(many.add(held(0))).toBe(false);
  many.shift();
  expect(many.add(held(0))).toBe(true);

  const large = new HeldDecisions();
  expect(large.add(held(1, limits.outboxHeldBytes - 5))).toBe(true);
  expect(large.add(held(2, 6))).toBe(false);
  large.clear();
  expect(large.add(held(2, 6))).toBe(true);
});
