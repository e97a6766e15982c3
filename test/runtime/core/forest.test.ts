import { describe, expect, it } from "vitest";
import { Forest } from "../../../runtime/core/forest.ts";
import { CATEGORY, type Model } from "../../../runtime/core/model.ts";
import { columnsOf, MASK_LEAVES } from "../../../runtime/core/tables.ts";
import { limits } from "../../../runtime/limits.ts";
import { plainScore, type RandomForest, randomModel, randomRows } from "../../support/forests.ts";
import { FIXTURES, fixture } from "../../support/models.ts";
import { prng } from "../../support/prng.ts";

const TOLERANCE = 1e-6;

/** Calls `check` with fresh seeds; a failure names its seed, `AISLE_SEED` repeats it. */
function everySeed(count: number, check: (seed: number) => void): void {
  const first = Number(process.env.AISLE_SEED ?? Math.floor(Math.random() * 2 ** 32));
  for (let i = 0; i < count; i++) {
    const seed = (first + i) >>> 0;
    try {
      check(seed);
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
    }
  }
}

function rowOf(rows: Float64Array, i: number, width: number): Float64Array {
  return rows.subarray(i * width, (i + 1) * width);
}

function furthest(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < expected.length; i++) {
    const apart = Math.abs(found[i]! - expected[i]!);
    most = Number.isNaN(apart) ? Number.POSITIVE_INFINITY : Math.max(most, apart);
  }
  return most;
}

describe.each(FIXTURES)("the model %s", (name) => {
  const { model, rows, predictions } = fixture(name);
  const width = model.features.length;
  const count = predictions.length;

  it("has at least 1,000 rows predicted by the real library", () => {
    expect(count).toBeGreaterThanOrEqual(1000);
    expect(rows.length).toBe(count * width);
  });

  it("gives the library's prediction, a row at a time", () => {
    const forest = new Forest(model, { shared: model.features.map(() => false) });

    const found = Float64Array.from({ length: count }, (_, i) => forest.scoreRow(rowOf(rows, i, width)));

    expect(furthest(found, predictions)).toBeLessThanOrEqual(TOLERANCE);
  });

  // every second feature is the customer's; each row is asked for as the customer of its own coupon
  it.each([[undefined], ["general"]] as const)(
    "gives the library's prediction for a customer's coupons, path %s",
    (path) => {
      const shared = model.features.map((_, i) => i % 2 === 0);
      const forest = new Forest(model, path === undefined ? { shared } : { shared, path });
      forest.prepare(rows);

      const found = Float64Array.from({ length: count }, (_, i) => {
        return forest.scoreMany(rowOf(rows, i, width), Uint32Array.of(i))[0]!;
      });

      expect(furthest(found, predictions)).toBeLessThanOrEqual(TOLERANCE);
    },
  );

  it("is factorised where its trees fit a mask", () => {
    const forest = new Forest(model, { shared: model.features.map((_, i) => i % 2 === 0) });

    const fits = model.trees.every(({ leaves }) => leaves.length <= MASK_LEAVES);
    expect(fits).toBe(!name.endsWith("-large"));
    expect(forest.path).toBe(fits ? "factorised" : "general");
  });
});

describe("the fixtures", () => {
  it("hold missing values, splits by category, and deep trees", () => {
    const models = FIXTURES.map(fixture);

    expect(models.filter(({ rows }) => rows.some(Number.isNaN)).length).toBeGreaterThanOrEqual(7);
    const categorical = models.filter(({ model }) =>
      model.trees.some(({ kinds }) => kinds.some((kind) => (kind & CATEGORY) !== 0)),
    );
    expect(categorical.map(({ model }) => model.format).sort()).toEqual(["lightgbm", "xgboost"]);
  });
});

describe("Forest", () => {
  const SHAPES: [string, RandomForest][] = [
    ["shallow", { trees: 7, features: 6, depth: 4, complete: false, categorical: 0.2, link: true }],
    ["complete to 64 leaves", { trees: 9, features: 10, depth: 6, complete: true, categorical: 0, link: false }],
    ["deeper than a heap", { trees: 5, features: 6, depth: 11, complete: false, categorical: 0.1, link: true }],
    ["stumps", { trees: 3, features: 3, depth: 0, complete: true, categorical: 0, link: false }],
  ];

  it.each(SHAPES)("scores random %s trees as the definition does, both ways", (_, shape) => {
    everySeed(20, (seed) => {
      const random = prng(seed);
      const model = { ...randomModel(random, shape), single: random() < 0.5 };
      const rows = randomRows(random, 40, shape.features, { missing: 0.15, zero: 0.1, whole: 0.2 });
      const shared = model.features.map(() => random() < 0.6);
      const crossing = shared.map((is) => !is && random() < 0.3);
      const customer = rowOf(rows, 0, shape.features);
      const candidates = Uint32Array.from({ length: 33 }, () => Math.floor(random() * 40));
      const crossed: number[] = [];
      const expected = Array.from(candidates, (row) => {
        const own = rowOf(rows, row, shape.features);
        // a crossing feature differs per pair, so what is prepared for the row must not count
        const pair = own.map((value, i) => (shared[i] ? customer[i]! : crossing[i] ? random() : value));
        crossed.push(...pair.filter((_, i) => crossing[i]));
        return plainScore(model, pair);
      });

      for (const options of [
        { shared, crossing },
        { shared, crossing, path: "general" as const },
      ]) {
        const forest = new Forest(model, options);
        forest.prepare(rows);
        const found = forest.scoreMany(customer, candidates, Float64Array.from(crossed));
        expect(furthest(found, expected)).toBeLessThan(1e-12);
        const own = rowOf(rows, 3, shape.features);
        expect(forest.scoreRow(own)).toBeCloseTo(plainScore(model, own), 12);
      }
    });
  });

  const random = prng(11);
  const model = randomModel(random, { trees: 8, features: 4, depth: 3, complete: true, categorical: 0, link: true });
  const rows = randomRows(random, 2000, 4, { missing: 0.1, zero: 0, whole: 0 });
  const shared = [true, false, true, false];
  const expectedOf = (customer: Float64Array, row: number) =>
    plainScore(
      model,
      rowOf(rows, row, 4).map((value, i) => (shared[i] ? customer[i]! : value)),
    );

  it("takes a larger catalogue, then a smaller one", () => {
    const forest = new Forest(model, { shared });
    const customer = rowOf(rows, 5, 4);
    for (const count of [3, 2000, 100]) {
      forest.prepare(rows.subarray(0, count * 4));

      expect(forest.rows).toBe(count);
      expect(forest.scoreMany(customer, Uint32Array.of(count - 1))[0]).toBeCloseTo(expectedOf(customer, count - 1), 12);
      expect(() => forest.scoreMany(customer, Uint32Array.of(count))).toThrow(`row ${count} was not prepared`);
    }
  });

  it("scores more candidates than ever before, one of them several times", () => {
    const forest = new Forest(model, { shared });
    forest.prepare(rows);
    const customer = rowOf(rows, 9, 4);
    for (const count of [0, 1, 1024, 5000]) {
      const candidates = Uint32Array.from({ length: count }, (_, i) => (i * 7) % 2000);

      const found = forest.scoreMany(customer, candidates);

      expect(
        furthest(
          found,
          Array.from(candidates, (row) => expectedOf(customer, row)),
        ),
      ).toBeLessThan(1e-12);
      expect(found.length).toBe(count);
    }
  });

  it("gives the same bits for a candidate, whoever else is asked for", () => {
    const forest = new Forest(model, { shared });
    forest.prepare(rows);
    const customer = rowOf(rows, 1, 4);
    const alone = Array.from({ length: 9 }, (_, row) => forest.scoreMany(customer, Uint32Array.of(row))[0]!);

    const together = forest.scoreMany(
      customer,
      Uint32Array.from({ length: 9 }, (_, row) => row),
    );

    expect([...together]).toEqual(alone);
  });

  it("leaves a customer's row as it was", () => {
    const crossing = [false, true, false, false];
    const forest = new Forest(model, { shared: [true, false, true, false], crossing });
    forest.prepare(rows);
    const customer = Float64Array.of(0.1, 0.2, 0.3, 0.4);

    forest.scoreMany(customer, Uint32Array.of(1, 2), Float64Array.of(0.5, 0.6));

    expect([...customer]).toEqual([0.1, 0.2, 0.3, 0.4]);
  });

  it("walks the trees when crossing splits are many", () => {
    const wide = randomModel(prng(3), { trees: 4, features: 2, depth: 6, complete: true, categorical: 0, link: false });
    const crossing = [false, true];

    expect(new Forest(wide, { shared: [true, false], crossing }).path).toBe("general");
    expect(new Forest(wide, { shared: [true, false] }).path).toBe("factorised");
  });

  it("shares a column among equal questions to a feature", () => {
    const columns = columnsOf(model, ["shared", "row", "shared", "row"]);

    // each feature is asked with a missing value to either side, some with zero as missing too
    expect(columns.list.length).toBeLessThanOrEqual(4 * 4);
    expect(columns.shared + columns.row + columns.crossing).toBe(columns.list.length);
  });

  it.each([
    ["a row of another width", (forest: Forest) => forest.scoreRow(new Float64Array(3)), "a row has 4 features, got 3"],
    [
      "rows that end in the middle",
      (forest: Forest) => forest.prepare(new Float64Array(6)),
      "6 values are not whole rows",
    ],
    [
      "a row before any was prepared",
      (forest: Forest) => forest.scoreMany(new Float64Array(4), Uint32Array.of(0)),
      "row 0 was not prepared",
    ],
    [
      "crossing values without crossing features",
      (forest: Forest) => forest.scoreMany(new Float64Array(4), Uint32Array.of(), Float64Array.of(1)),
      "got 1 crossing values, expected 0",
    ],
  ])("refuses %s", (_, act, message) => {
    expect(() => act(new Forest(model, { shared }))).toThrow(message);
  });

  it("refuses flags for another number of features", () => {
    expect(() => new Forest(model, { shared: [true] })).toThrow("has 4 features, got flags for 1");
    expect(() => new Forest(model, { shared, crossing: shared })).toThrow(
      "'f0' can't be both the customer's and crossing",
    );
  });

  it("refuses a catalogue whose masks would not fit, and still scores", () => {
    const many: Model = { ...model, trees: Array.from({ length: 9000 }, (_, i) => model.trees[i % 8]!) };
    const forest = new Forest(many, { shared });
    const count = Math.ceil(limits.modelTableBytes / (9000 * 8));

    expect(() => forest.prepare(new Float64Array(count * 4))).toThrow("tables need more than");
    expect(forest.scoreRow(rowOf(rows, 0, 4))).toBeCloseTo(plainScore(many, rowOf(rows, 0, 4)), 9);
  });
});
