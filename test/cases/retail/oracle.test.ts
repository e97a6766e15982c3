import { describe, expect, it } from "vitest";
import { load } from "../../../runtime/loaded.ts";
import { readStore } from "../../support/place.ts";
import { beside, SHIPPED } from "./cases.ts";
import { keyOf, type Pair, readPairs, shippedError } from "./oracle.ts";

describe("the shipped coupon model", () => {
  const { model } = load(readStore());
  const trainedOn = readPairs(`${SHIPPED}/oracle`);
  const known = new Set(trainedOn.map(keyOf));
  const others = readPairs(beside("oracle")).filter((pair) => !known.has(keyOf(pair)));

  const scoreOf = ({ customer, coupon }: Pair) => model!.scoreRow(customer, coupon);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const errorOn = (pairs: readonly Pair[]) => mean(pairs.map((pair) => Math.abs(scoreOf(pair) - pair.recorded)));

  it("is no further from the scores that it was trained on than its card states", () => {
    expect(trainedOn.length).toBeGreaterThan(1_000);
    expect(errorOn(trainedOn)).toBeLessThanOrEqual(shippedError().trainedOn);
  });

  // Another folder may have pairs that the shipped one lacks.
  it.runIf(others.length > 0)("is no further from other scores than its card states", () => {
    expect(errorOn(others)).toBeLessThanOrEqual(shippedError().heldOut);
  });

  it.each(["department", "buy_all", "buy_more", "just_discount"])(
    "scores '%s' on average as the original did",
    (type) => {
      const ofType = trainedOn.filter(({ coupon }) => coupon.coupon_type === type);

      expect(mean(ofType.map(scoreOf))).toBeCloseTo(mean(ofType.map(({ recorded }) => recorded)), 1);
    },
  );
});
