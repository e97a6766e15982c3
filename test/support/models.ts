// The models of test/fixtures/models, with what the real libraries predicted (made by make.py there).

import { readFileSync } from "node:fs";
import type { Model } from "../../runtime/core/model.ts";
import { readModel } from "../../runtime/data/model.ts";

export interface Fixture {
  readonly text: string;
  readonly file: string;
  readonly features: readonly string[];
  readonly model: Model;
  /** f64[rows × features]; missing is NaN. */
  readonly rows: Float64Array;
  readonly predictions: Float64Array;
}

export const FIXTURES = [
  "xgboost-missing",
  "xgboost-category",
  "xgboost-large",
  "lightgbm-category",
  "lightgbm-zero",
  "lightgbm-none",
  "lightgbm-large",
  "lightgbm-mean",
  "coupon",
] as const;
export type FixtureName = (typeof FIXTURES)[number];

const FEATURES = ["visits", "basket", "days", "age", "price", "discount", "aisle", "brand"];
const STORE_MODEL = new URL("../../deploy/sites/store/models/coupon.json", import.meta.url);

/** The columns of the shipped model, in training order. */
export const COUPON_FEATURES = [
  "cust_mean_buy_price",
  "cust_total_coupons",
  "cust_mean_discount",
  "cust_unique_products",
  "cust_unique_products_coupon",
  "cust_total_products",
  "coupon_discount",
  "coupon_how_many",
  "coupon_mean_prod_price",
  "coupon_prods_avail",
  "cust_gender_F",
  "cust_gender_M",
  "cust_age_mid",
  "cust_age_old",
  "cust_age_young",
  "coupon_type_buy_all",
  "coupon_type_buy_more",
  "coupon_type_department",
  "coupon_type_just_discount",
  "coupon_dpt_Boys",
  "coupon_dpt_Girls",
  "coupon_dpt_Men",
  "coupon_dpt_Sport",
  "coupon_dpt_Women",
];

export function fixture(name: FixtureName): Fixture {
  const url = (ending: string) => new URL(`../fixtures/models/${name}.${ending}`, import.meta.url);
  const modelUrl = name === "coupon" ? STORE_MODEL : url(name.startsWith("lightgbm") ? "txt" : "json");
  const features = name === "coupon" ? COUPON_FEATURES : FEATURES;
  const file = modelUrl.pathname.split("/").at(-1)!;
  const text = readFileSync(modelUrl, "utf8");
  const lines = readFileSync(url("csv"), "utf8").trimEnd().split("\n");
  const cells = lines.map((line) => line.split(",").map((cell) => (cell === "" ? Number.NaN : Number(cell))));
  return {
    text,
    file,
    features,
    model: readModel(text, { file, features }),
    rows: Float64Array.from(cells.flatMap((row) => row.slice(0, -1))),
    predictions: Float64Array.from(cells, (row) => row.at(-1)!),
  };
}
