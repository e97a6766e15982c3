import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FIELDS, Forest } from "../../runtime/core/forest.ts";
import { CATEGORY, MISSING_RIGHT, type Model, type Tree, ZERO_IS_MISSING } from "../../runtime/core/model.ts";

const KERNEL = readFileSync(new URL("../../assembly/forest.ts", import.meta.url), "utf8");

const LEFT = 1;
const RIGHT = 2;
/** LightGBM's bound of zero: the f32 nearest to 1e-35. */
const ZERO = Math.fround(1e-35);

/** One split of one feature; the score says where a value went. */
function stump(split: { threshold?: number; kind?: number; categories?: number[]; single?: boolean }): Model {
  const categories = split.categories === undefined ? [] : ([[0, Uint32Array.from(split.categories)]] as const);
  const tree: Tree = {
    features: Uint32Array.of(0),
    thresholds: Float64Array.of(split.threshold ?? 0),
    left: Int32Array.of(~0),
    right: Int32Array.of(~1),
    kinds: Uint8Array.of((split.kind ?? 0) | (split.categories === undefined ? 0 : CATEGORY)),
    categories: new Map(categories),
    leaves: Float64Array.of(LEFT, RIGHT),
  };
  const { single = false } = split;
  return { format: "lightgbm", hash: "", features: ["x"], objective: "", base: 0, slope: 0, single, trees: [tree] };
}

/** Where the values go, as the customer's, as the coupon's, crossing, and a row at a time; all have to agree. */
function sides(model: Model, values: readonly number[]): number[] {
  return values.map((value) => {
    const row = Float64Array.of(value);
    const score = new Forest(model, { shared: [true] }).scoreRow(row);
    for (const path of [{}, { path: "general" as const }]) {
      const shared = new Forest(model, { shared: [true], ...path });
      shared.prepare(Float64Array.of(Number.NaN));
      expect(shared.scoreMany(row, Uint32Array.of(0))[0]).toBe(score);
      const own = new Forest(model, { shared: [false], ...path });
      own.prepare(row);
      expect(own.scoreMany(Float64Array.of(Number.NaN), Uint32Array.of(0))[0]).toBe(score);
      const crossing = new Forest(model, { shared: [false], crossing: [true], ...path });
      crossing.prepare(Float64Array.of(Number.NaN));
      expect(crossing.scoreMany(Float64Array.of(Number.NaN), Uint32Array.of(0), row)[0]).toBe(score);
    }
    return score;
  });
}

describe("the kernel's Forest", () => {
  it("has the fields that the host writes, in that order", () => {
    const body = /class Forest \{([\s\S]*?)\n\}/.exec(KERNEL)![1]!;
    const fields = [...body.matchAll(/^ {2}(\w+): (\w+);/gm)].map(([, name, type]) => ({ name, type }));

    expect(fields.slice(0, 2)).toEqual([
      { name: "base", type: "f64" },
      { name: "slope", type: "f64" },
    ]);
    expect(fields.slice(2).map(({ name }) => name)).toEqual([...FIELDS]);
    expect(fields.slice(2).every(({ type }) => type === "u32" || type === "usize")).toBe(true);
  });

  it("has the host's bits for kinds of splits", () => {
    expect(KERNEL).toContain(`const MISSING_RIGHT: u32 = ${MISSING_RIGHT};`);
    expect(KERNEL).toContain(`const ZERO_IS_MISSING: u32 = ${ZERO_IS_MISSING};`);
    expect(KERNEL).toContain(`const CATEGORY: u32 = ${CATEGORY};`);
  });
});

describe("a split", () => {
  it("sends a value equal to the threshold left", () => {
    expect(sides(stump({ threshold: 0.5 }), [0.4, 0.5, 0.5000000000000001])).toEqual([LEFT, LEFT, RIGHT]);
  });

  it("compares in 32 bits when the model does", () => {
    const threshold = Math.fround(0.1); // a little above 0.1

    expect(sides(stump({ threshold, single: true }), [threshold + 1e-12])).toEqual([LEFT]);
    expect(sides(stump({ threshold }), [threshold + 1e-12])).toEqual([RIGHT]);
  });

  it("sends a missing value where it says", () => {
    expect(sides(stump({ threshold: 5 }), [Number.NaN])).toEqual([LEFT]);
    expect(sides(stump({ threshold: 5, kind: MISSING_RIGHT }), [Number.NaN])).toEqual([RIGHT]);
  });

  it("compares an infinite value like any other", () => {
    const values = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

    expect(sides(stump({ threshold: 5 }), values)).toEqual([RIGHT, LEFT]);
    expect(sides(stump({ threshold: 5, kind: MISSING_RIGHT }), values)).toEqual([RIGHT, LEFT]);
  });

  it("parts what is missing from all else by the greatest threshold", () => {
    const model = stump({ threshold: Number.MAX_VALUE, kind: MISSING_RIGHT });

    expect(sides(model, [Number.NaN, Number.POSITIVE_INFINITY, 1e308, 0])).toEqual([RIGHT, LEFT, LEFT, LEFT]);
  });

  it("takes zeros for missing up to LightGBM's bound, where it says", () => {
    const model = stump({ threshold: -1, kind: ZERO_IS_MISSING });

    expect(sides(model, [0, -0, ZERO, -ZERO, 1.01e-35, Number.NaN])).toEqual([LEFT, LEFT, LEFT, LEFT, RIGHT, LEFT]);
    expect(sides(stump({ threshold: -1 }), [0, ZERO])).toEqual([RIGHT, RIGHT]);
  });

  it("sends the categories of its set left, and those beyond it right", () => {
    const model = stump({ categories: [0b1001, 0b1] }); // 0, 3, 32

    expect(sides(model, [0, 1, 3, 31, 32, 33, 64, 1e300])).toEqual([
      LEFT,
      RIGHT,
      LEFT,
      RIGHT,
      LEFT,
      RIGHT,
      RIGHT,
      RIGHT,
    ]);
  });

  it("cuts off the fraction of a category as the model's library does", () => {
    const categories = [0b1];

    expect(sides(stump({ categories }), [0.9, -0.5, -1])).toEqual([LEFT, LEFT, RIGHT]);
    expect(sides(stump({ categories, single: true }), [0.9, -0.5, -1])).toEqual([LEFT, RIGHT, RIGHT]);
  });

  it("sends a missing category where it says", () => {
    expect(sides(stump({ categories: [0b1] }), [Number.NaN])).toEqual([LEFT]);
    expect(sides(stump({ categories: [0b1], kind: MISSING_RIGHT }), [Number.NaN])).toEqual([RIGHT]);
  });
});

describe("the link", () => {
  it("is the logistic function, steeper with the slope", () => {
    const scoreWith = (slope: number) =>
      new Forest({ ...stump({}), base: -1.5, slope }, { shared: [true] }).scoreRow(Float64Array.of(1));

    expect(scoreWith(1)).toBeCloseTo(1 / (1 + Math.exp(-0.5)), 15);
    expect(scoreWith(3)).toBeCloseTo(1 / (1 + Math.exp(-1.5)), 15);
    expect(scoreWith(0)).toBe(0.5);
    expect(scoreWith(10_000)).toBe(1);
  });
});
