// The original's scorer as a service: `POST /score` for others, with this site's model.
import type { CouponModel } from "./decide/coupon-model.ts";
import type { Scoring } from "./http/ports.ts";
import type { ColumnType, Site } from "./site.ts";

export function scoringOf(site: Site, model: CouponModel): Scoring {
  const { customers, coupons } = site.catalog;
  const used = (of: "customer" | "coupon") => site.scorer.features.filter((feature) => feature.of === of);
  const columns = (table: { key: string; columns: Readonly<Record<string, ColumnType>> }, of: "customer" | "coupon") =>
    Object.fromEntries(
      [table.key, ...used(of).map(({ column }) => column)].map((name) => [name, table.columns[name]!]),
    );
  const known = (of: "customer" | "coupon") => {
    const words: Record<string, Map<string, string>> = {};
    for (const { column, encode } of used(of)) {
      if (encode.kind !== "is") continue;
      words[column] ??= new Map();
      words[column].set(encode.text, encode.text);
      for (const alias of site.departments.get(encode.text) ?? []) words[column].set(alias, encode.text);
    }
    return words;
  };
  return {
    customerColumns: columns(customers, "customer"),
    couponColumns: columns(coupons, "coupon"),
    customerKey: customers.key,
    couponKey: coupons.key,
    known: { customer: known("customer"), coupon: known("coupon") },
    ranges: { customer: customers.ranges ?? {}, coupon: coupons.ranges ?? {} },
    score: (customer, rows) => ({
      state: "scored",
      by: "core",
      scores: rows.map((row) => ({ coupon: String(row[coupons.key]), score: model.scoreRow(customer, row) })),
    }),
  };
}
