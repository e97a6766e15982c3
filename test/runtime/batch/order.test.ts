import { describe, expect, it } from "vitest";
import { inOrder } from "../../../runtime/batch/order.ts";
import { prng } from "../../support/prng.ts";

const NONE = Number.NaN;

describe("the order of events", () => {
  it("is that of their times; of equal times the order of the input", () => {
    expect([...inOrder(Float64Array.of(5, 1, 5, 3, 1))]).toEqual([1, 4, 3, 0, 2]);
  });

  it("leaves out what has no time", () => {
    expect([...inOrder(Float64Array.of(NONE, 2, NONE, 1))]).toEqual([3, 1]);
    expect([...inOrder(Float64Array.of(NONE))]).toEqual([]);
    expect([...inOrder(new Float64Array(0))]).toEqual([]);
  });

  it("is stable for any number of stretches", () => {
    const seed = 3;
    const random = prng(seed);
    for (let round = 0; round < 200; round++) {
      const times = Float64Array.from({ length: Math.floor(random() * 60) }, () =>
        random() < 0.1 ? NONE : Math.floor(random() * 12),
      );
      const expected = Array.from(times, (_, i) => i)
        .filter((i) => !Number.isNaN(times[i]))
        .sort((a, b) => times[a]! - times[b]! || a - b);

      expect([...inOrder(times)], `seed ${seed}, round ${round}`).toEqual(expected);
    }
  });
});
