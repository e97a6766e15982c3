import { beforeEach, describe, expect, it } from "vitest";
import { limits } from "../../../../runtime/limits.ts";
import { type TestApp, testApp } from "../../../support/http.ts";

const CUSTOMER = { customer_id: 25, gender: "F", age: 35, mean_buy_price: 15.22 };
const COUPON = { coupon_id: 116, department: "Boys", discount: 64, product_mean_price: 11.53 };

let at: TestApp;

beforeEach(() => {
  at = testApp();
});

const score = (customer: unknown, coupons: unknown) => at.post("/score", { customer, coupons });
const predictions = async (response: Response): Promise<unknown> => {
  expect(response.status).toBe(200);
  return response.json();
};

describe("POST /score", () => {
  it("answers best first, ids as texts, ten places", async () => {
    const response = await score(CUSTOMER, [
      { ...COUPON, coupon_id: 8, discount: 20 },
      { ...COUPON, coupon_id: 7, discount: 49 },
      { ...COUPON, coupon_id: 9, discount: 23 },
    ]);

    expect(await predictions(response)).toEqual([
      { coupon_id: "7", customer_id: "25", prediction: 0.1633333333 },
      { coupon_id: "9", customer_id: "25", prediction: 0.0766666667 },
      { coupon_id: "8", customer_id: "25", prediction: 0.0666666667 },
    ]);
  });

  it("settles ties by id", async () => {
    const response = await score(
      CUSTOMER,
      [10, 9, 101].map((coupon_id) => ({ ...COUPON, coupon_id })),
    );

    expect(await predictions(response)).toMatchObject([{ coupon_id: "9" }, { coupon_id: "10" }, { coupon_id: "101" }]);
  });

  it("has no predictions for no coupons", async () => {
    expect(await predictions(await score(CUSTOMER, []))).toEqual([]);
  });

  it.each([
    ["ids as texts", { customer_id: "25" }, { coupon_id: "116" }],
    ["columns that it doesn't know", { shoe: 43 }, { start_date: "2010-01-01" }],
    ["a whole number with a fraction of zero", {}, { discount: 64.0 }],
    ["a whole number with a fraction, which it cuts off", {}, { discount: 64.9 }],
    ["digits for a whole number", { age: "35" }, {}],
    ["digits for a number", { mean_buy_price: "15.22" }, {}],
  ])("reads %s", async (_, customer, coupon) => {
    const response = await score({ ...CUSTOMER, ...customer }, [{ ...COUPON, ...coupon }]);

    expect(await predictions(response)).toEqual([{ coupon_id: "116", customer_id: "25", prediction: 0.2133333333 }]);
  });

  it("knows a department by its other names", async () => {
    expect((await score(CUSTOMER, [{ ...COUPON, department: "Sports" }])).status).toBe(200);
  });

  it.each([
    ["no customer", undefined, [COUPON], "/customer", "missing"],
    ["a customer that is no object", 7, [COUPON], "/customer", "wrong-type"],
    ["no coupons", CUSTOMER, undefined, "/coupons", "missing"],
    ["coupons that are no array", CUSTOMER, COUPON, "/coupons", "wrong-type"],
    ["a coupon that is no object", CUSTOMER, [null], "/coupons/0", "wrong-type"],
    ["a missing column", { ...CUSTOMER, age: undefined }, [COUPON], "/customer/age", "missing"],
    [
      "a fraction in a text for a whole number",
      CUSTOMER,
      [{ ...COUPON, discount: "49.9" }],
      "/coupons/0/discount",
      "wrong-type",
    ],
    [
      "null",
      CUSTOMER,
      [COUPON, { ...COUPON, product_mean_price: null }],
      "/coupons/1/product_mean_price",
      "wrong-type",
    ],
    ["a boolean for a text", { ...CUSTOMER, gender: true }, [COUPON], "/customer/gender", "wrong-type"],
    [
      "a text for a number",
      { ...CUSTOMER, mean_buy_price: "dear" },
      [COUPON],
      "/customer/mean_buy_price",
      "wrong-type",
    ],
    [
      "a column that only a prototype has",
      { ...CUSTOMER, age: undefined, __proto__: { age: 3 } },
      [COUPON],
      "/customer/age",
      "missing",
    ],
    [
      "a department that the model doesn't know",
      CUSTOMER,
      [{ ...COUPON, department: "Sprot" }],
      "/coupons/0/department",
      "unknown-value",
    ],
  ])("refuses %s with 422 and where it is", async (_, customer, coupons, pointer, code) => {
    const response = await score(customer, coupons);

    expect(response.status).toBe(422);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.json()).toMatchObject({ status: 422, errors: [{ pointer, code }] });
  });

  it("says what is known, and what may have been meant", async () => {
    const response = await score(CUSTOMER, [{ ...COUPON, department: "Spor" }]);

    const { detail } = await response.json();
    expect(detail).toBe("'Spor' at /coupons/0/department is not one of Boys, Sport (did you mean 'Sport'?)");
  });

  it("names every mistake at once", async () => {
    const { errors } = await (await score({}, [{}])).json();

    expect(errors).toHaveLength(8);
  });

  it.each([
    ["what is no JSON", "{bad", "application/json", 422],
    ["an array", "[]", "application/json", 422],
    ["another content type", "{}", "text/plain", 422],
    [
      "too many coupons",
      JSON.stringify({ customer: CUSTOMER, coupons: Array(limits.scoreCoupons + 1).fill(0) }),
      "application/json",
      413,
    ],
  ])("refuses %s", async (_, body, type, status) => {
    expect((await at.post("/score", body, { "content-type": type })).status).toBe(status);
  });

  it("answers 503 while nobody can score", async () => {
    at.ports.scoring!.score = () => ({ state: "failed", detail: "no model" });

    const response = await score(CUSTOMER, [COUPON]);

    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ detail: "the scorer failed: no model" });
  });

  it("is posted to", async () => {
    const response = await at.app.request("/score");

    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("POST");
  });
});
