import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keyOf, seqOf } from "../../runtime/key.ts";

const sequence = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

describe("keyOf", () => {
  it("is eight bytes, the highest first", () => {
    expect([...keyOf(2 ** 32 + 258)]).toEqual([0, 0, 0, 1, 0, 0, 1, 2]);
  });

  it("comes back through seqOf", () => {
    fc.assert(fc.property(sequence, (seq) => seqOf(keyOf(seq)) === seq));
  });

  it("sorts as the numbers do", () => {
    fc.assert(fc.property(sequence, sequence, (a, b) => Buffer.compare(keyOf(a), keyOf(b)) === Math.sign(a - b)));
  });
});
