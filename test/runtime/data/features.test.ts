import { describe, expect, it } from "vitest";
import { loadSite } from "../../../runtime/config.ts";
import { encodeCoupons, encodeCustomer, explainFeatures, unseen } from "../../../runtime/data/features.ts";
import type { FeatureConfig, Row } from "../../../runtime/site.ts";
import { OPTIONS, SiteCopy } from "../../support/site.ts";

// Customer 1 and coupon 7 of the shipped tables.
const CUSTOMER: Row = {
  customer_id: 1,
  gender: "M",
  age: 79,
  mean_buy_price: 11.62,
  total_coupons_used: 285,
  mean_discount_received: 9.16,
  unique_products_bought: 866,
  unique_products_bought_with_coupons: 232,
  total_items_bought: 1102,
};
const COUPON: Row = {
  coupon_id: 7,
  coupon_type: "buy_all",
  department: "Boys",
  discount: 49,
  how_many_products_required: 3,
  product_mean_price: 8.79,
  products_available: 3,
};

// As trained, and as the original served it: columns 10 to 14 permuted, Sport called Sports.
const TRAINED = "cust_gender_F cust_gender_M cust_age_mid cust_age_old cust_age_young".split(" ");
const TRAINED_ROW = [11.62, 285, 9.16, 866, 232, 1102, 49, 3, 8.79, 3, 0, 1, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0];
const SERVED_ROW = [11.62, 285, 9.16, 866, 232, 1102, 49, 3, 8.79, 3, 0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0];

const features = (): readonly FeatureConfig[] => loadSite(new SiteCopy().dir, OPTIONS).scorer.features;

/** The whole row of a pair: the coupon's columns with the customer's written in. */
function rowOf(customer: Row, coupon: Row): number[] {
  return [...encodeCustomer(customer, features(), encodeCoupons([coupon], features()))];
}

describe("the store's features", () => {
  it("make the row that the model was trained with", () => {
    expect(rowOf(CUSTOMER, COUPON)).toEqual(TRAINED_ROW);
  });

  it("do not make the row that the original served", () => {
    expect(rowOf(CUSTOMER, COUPON)).not.toEqual(SERVED_ROW);
    expect(
      features()
        .map(({ name }) => name)
        .slice(10, 15),
    ).toEqual(TRAINED);
    expect(features().map(({ name }) => name)).not.toContain("coupon_dpt_Sports");
  });

  it.each([
    [18, "young"],
    [29, "young"],
    [30, "mid"],
    [59, "mid"],
    [60, "old"],
    [90, "old"],
  ])("put age %d into the bracket '%s'", (age, bracket) => {
    const named = explainFeatures({ ...CUSTOMER, age }, "customer", features());

    const brackets = Object.entries(named).filter(([name, value]) => name.startsWith("cust_age_") && value === 1);
    expect(brackets).toEqual([[`cust_age_${bracket}`, 1]]);
  });

  it("have a column for each department", () => {
    const departments = ["Boys", "Girls", "Men", "Sport", "Women"];
    const rows = encodeCoupons(
      departments.map((department) => ({ ...COUPON, department })),
      features(),
    );

    expect(departments.map((_, row) => [...rows.subarray(row * 24 + 19, row * 24 + 24)])).toEqual([
      [1, 0, 0, 0, 0],
      [0, 1, 0, 0, 0],
      [0, 0, 1, 0, 0],
      [0, 0, 0, 1, 0],
      [0, 0, 0, 0, 1],
    ]);
  });
});

describe("encoding", () => {
  it("leaves the other side's columns alone", () => {
    const out = new Float64Array(24).fill(5);

    encodeCustomer(CUSTOMER, features(), out);

    expect([...out.subarray(6, 10), ...out.subarray(15)]).toEqual(Array(13).fill(5));
  });

  it("writes NaN for what is missing, in every kind of column", () => {
    const encoded = encodeCustomer({ customer_id: 1, age: null, gender: null }, features());

    expect([...encoded]).toEqual(Array(24).fill(Number.NaN));
    expect(new Set(Object.values(explainFeatures({}, "customer", features())))).toEqual(new Set([null]));
  });

  it("writes 0 in every column for a text that the model has not seen, and tells which", () => {
    const coupon = { ...COUPON, coupon_type: "bogus", department: "Nowhere" };

    expect([...encodeCoupons([coupon], features())].slice(15)).toEqual(Array(9).fill(0));
    expect(unseen(coupon, "coupon", features())).toEqual([
      { column: "coupon_type", text: "bogus", known: ["buy_all", "buy_more", "department", "just_discount"] },
      { column: "department", text: "Nowhere", known: ["Boys", "Girls", "Men", "Sport", "Women"] },
    ]);
    expect(unseen(COUPON, "coupon", features())).toEqual([]);
  });
});
