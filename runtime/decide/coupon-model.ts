// The site's model at work on the site's catalog: one encoder, one forest, the coupons' rows prepared once.
import type { Forest } from "../core/forest.ts";
import { encodeCoupons, encodeCustomer, explainFeatures } from "../data/features.ts";
import type { FeatureConfig, Row } from "../site.ts";
import type { Explainer } from "./build.ts";
import type { PreparedModel } from "./scorer.ts";

/** What of a catalog its coupons' rows are. */
export interface CouponRows {
  readonly coupons: readonly { readonly id: string; readonly index: number }[];
  couponRow(index: number): Row;
  coupon(id: string): { readonly index: number } | null;
}

export class CouponModel implements PreparedModel {
  readonly #forest: Forest;
  readonly #features: readonly FeatureConfig[];
  readonly #row: Float64Array;

  constructor(forest: Forest, features: readonly FeatureConfig[], catalog: CouponRows) {
    this.#forest = forest;
    this.#features = features;
    this.#row = new Float64Array(features.length);
    forest.prepare(
      encodeCoupons(
        catalog.coupons.map(({ index }) => catalog.couponRow(index)),
        features,
      ),
    );
  }

  get hash(): string {
    return this.#forest.hash;
  }

  scoreMany(customer: Row, rows: Uint32Array): Float64Array {
    this.#row.fill(Number.NaN);
    return this.#forest.scoreMany(encodeCustomer(customer, this.#features, this.#row), rows);
  }

  /** A coupon that need not be in the catalog. */
  scoreRow(customer: Row, coupon: Row): number {
    const row = encodeCoupons([coupon], this.#features);
    return this.#forest.scoreRow(encodeCustomer(customer, this.#features, row));
  }
}

/** The model's columns by name, for the decision log. */
export function explainer(features: readonly FeatureConfig[], catalog: CouponRows): Explainer {
  // A coupon's columns never change: they are named once.
  const coupons = new Map<string, Record<string, number | null>>();
  return {
    customer: (row) => explainFeatures(row, "customer", features),
    coupon(id) {
      const known = coupons.get(id);
      const coupon = catalog.coupon(id);
      if (known !== undefined || coupon === null) return known ?? {};
      const named = explainFeatures(catalog.couponRow(coupon.index), "coupon", features);
      coupons.set(id, named);
      return named;
    },
  };
}
