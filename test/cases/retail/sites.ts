// The sites that the cases are about, made of the original's own test data.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Cells, type SiteParts, writeSite } from "../../support/sites.ts";
import { FOLDER, json, NOW } from "./cases.ts";

/** As the coupons of the original's tables call them. */
export const DEPARTMENTS = ["Boys", "Girls", "Men", "Sport", "Women"];

const DAY = 86_400_000; // ms

/** The sample request of the scorer: a customer and three coupons, with the columns of the tables. */
export const SAMPLE = json<{ score_v3: { request: { customer: Cells; coupons: Cells[] } } }>("samples.json").score_v3
  .request;

interface DummyCoupon extends Record<string, unknown> {
  readonly id: string;
  readonly start_date: string;
  readonly end_date: string;
  readonly products: readonly Record<string, string | number>[];
}

/** What the original's dummy database gives to everyone: one coupon, for a hat. */
export const DUMMY = json<{ mqtt: { prediction_as_emitted_with_dummy_db: { coupon: DummyCoupon } } }>("samples.json")
  .mqtt.prediction_as_emitted_with_dummy_db.coupon;

/** "12-12-2020" → "2020-12-12" */
export const isoDay = (text: string): string => text.split("-").reverse().join("-");

/** The days by which the dummy coupon is moved so that it is valid at `at`, ms. */
export const dummyShift = (at: number): number => Math.floor((at - Date.parse(isoDay(DUMMY.start_date))) / DAY);

/**
 * The dummy database as a site: every customer is F and 40, the coupon stands once per department (the first is the
 * recorded one) and is valid at `at`, and whatever is scored gets 0.45.
 *
 * @param at  ms since epoch
 */
export function dummySite(at = NOW, parts: SiteParts = {}): string {
  const [product] = DUMMY.products;
  const departments = [String(DUMMY.department), ...DEPARTMENTS.filter((name) => name !== DUMMY.department)];
  return writeSite({
    customers: dummyCustomers(),
    coupons: departments.map((department, index) =>
      coupon({
        coupon_id: Number(DUMMY.id) + index,
        coupon_type: String(DUMMY.type),
        department,
        discount: Number(DUMMY.discount),
        how_many_products_required: Number(DUMMY.how_many_products_required),
        start_date: isoDay(DUMMY.start_date),
        end_date: isoDay(DUMMY.end_date),
      }),
    ),
    products: [{ ...product, product_id: product!.id! } as Cells],
    links: departments.map((_, index) => ({ coupon_id: Number(DUMMY.id) + index, product_id: Number(product!.id) })),
    model: constantModel(0.45),
    ...parts,
    site: { "catalog.shiftDays": dummyShift(at), ...parts.site },
  });
}

/**
 * One coupon of Boys for each score, with the id that the case gives it; scored by a service.
 *
 * @param top  offers at most: the later original published one, the earlier five
 */
export function scoredSite(ids: readonly string[], top: number): string {
  const coupons = ids.map((id) => coupon({ coupon_id: Number(id) }));
  // A table has a row: where there is nothing to score it is another department's.
  const elsewhere = coupon({ coupon_id: 999, department: "Girls" });
  return dummySite(NOW, {
    coupons: coupons.length === 0 ? [elsewhere] : coupons,
    links: [{ coupon_id: coupons.length === 0 ? 999 : Number(ids[0]), product_id: 1 }],
    site: { "catalog.shiftDays": 0, "scorer.timeout": "30s", "scorer.fallback": "none" },
    plan: { offered: { top } },
  });
}

/** The store site, with the tables of the cases' own `cachedb` where there is one. */
export function storeSite(parts: SiteParts = {}): string {
  const files = {
    customers: "customer_info.csv",
    coupons: "coupon_info.csv",
    products: "product_info.csv",
    couponProducts: "coupon_product.csv",
  };
  const own = Object.entries(files).filter(([, file]) => existsSync(join(FOLDER, "cachedb", file)));
  const tables = own.map(([table, file]) => [`catalog.${table}.file`, join(FOLDER, "cachedb", file)]);
  return writeSite({ ...parts, site: { ...Object.fromEntries(tables), ...parts.site } });
}

/** A coupon of Boys that was and will be valid for long. */
export function coupon(cells: Cells): Cells {
  return {
    coupon_id: 1,
    coupon_type: "just_discount",
    department: "Boys",
    discount: 30,
    how_many_products_required: 1,
    start_date: "1970-01-01",
    end_date: "2099-12-31",
    product_mean_price: 12.45,
    products_available: 1,
    ...cells,
  };
}

function dummyCustomers(): Cells[] {
  return Array.from({ length: 1_000 }, (_, id) => ({ ...SAMPLE.customer, customer_id: id, gender: "F", age: 40 }));
}

/** A model file that gives everyone the same score: one tree that is a leaf. */
export function constantModel(
  score: number,
  features = json<{ training_order: string[] }>("features.json").training_order,
): string {
  const leaf = {
    left_children: [-1],
    right_children: [-1],
    split_indices: [0],
    split_conditions: [0],
    default_left: [0],
    tree_param: { num_nodes: "1", num_deleted: "0" },
  };
  return JSON.stringify({
    learner: {
      feature_names: features,
      learner_model_param: {
        num_class: "0",
        num_feature: String(features.length),
        num_target: "1",
        base_score: String(score),
      },
      objective: { name: "reg:logistic" },
      gradient_booster: { name: "gbtree", model: { gbtree_model_param: { num_trees: "1" }, trees: [leaf] } },
    },
  });
}

interface Plan {
  readonly store: { readonly width: number; readonly height: number };
  readonly areas: readonly { type: string; name?: string; x1: number; y1: number; x2?: number; y2?: number }[];
}

/** The store plan of the later original, as `floor:` of a site. */
export function laterFloor(): Record<string, unknown> {
  const { store, areas } = json<Plan>("store-plan/store-plan-mqtt-only.json");
  const departments = areas.filter(({ type }) => type === "department");
  return {
    ...store,
    areas: departments.map(({ name, x1, y1, x2, y2 }) => ({ department: name, x0: x1, y0: y1, x1: x2, y1: y2 })),
  };
}
