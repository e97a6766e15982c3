// What the original model said of pairs of customers and coupons, and how near the shipped one comes.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import type { Row } from "../../../runtime/site.ts";

export interface Pair {
  readonly customer: Row;
  readonly coupon: Row;
  /** What the original gave, in [0, 1]. */
  readonly recorded: number;
}

/** The tables have ages as brackets, as the model was trained on them; any age within is the same to it. */
const AGES: Readonly<Record<string, number>> = { young: 20, mid: 45, old: 75 };

/** Every pair that has a probability, of every file of a folder. */
export function readPairs(folder: string): readonly Pair[] {
  const files = readdirSync(folder).filter((file) => file.endsWith(".csv"));
  const rows = files.flatMap(
    (file) => parse(readFileSync(join(folder, file)), { columns: true }) as Record<string, string>[],
  );
  return rows.filter(({ probs }) => probs !== undefined).map(pair);
}

/** Which customer and which coupon. */
export function keyOf({ customer, coupon }: Pair): string {
  return `${customer.customer_id},${coupon.coupon_id}`;
}

function pair(row: Record<string, string>): Pair {
  const number = (column: string) => Number(row[column]);
  return {
    customer: {
      customer_id: number("customer_id"),
      gender: row.cust_gender!,
      age: AGES[row.cust_age!]!,
      mean_buy_price: number("cust_mean_buy_price"),
      total_coupons_used: number("cust_total_coupons"),
      mean_discount_received: number("cust_mean_discount"),
      unique_products_bought: number("cust_unique_products"),
      unique_products_bought_with_coupons: number("cust_unique_products_coupon"),
      total_items_bought: number("cust_total_products"),
    },
    coupon: {
      coupon_id: number("coupon_id"),
      coupon_type: row.coupon_type!,
      department: row.coupon_dpt!,
      discount: number("coupon_discount"),
      how_many_products_required: number("coupon_how_many"),
      product_mean_price: number("coupon_mean_prod_price"),
      products_available: number("coupon_prods_avail"),
    },
    recorded: number("probs"),
  };
}

/**
 * Mean absolute errors as the card of the shipped model states them: on the pairs that it was trained on, and on
 * others (the worse of unseen customers and unseen coupons).
 */
export function shippedError(): { readonly trainedOn: number; readonly heldOut: number } {
  const card = readFileSync("deploy/sites/store/models/coupon.card.md", "utf8");
  const stated = (row: string): number => {
    const figure = new RegExp(`^\\| ${row}[^|]*\\| (0\\.\\d+)`, "m").exec(card)?.[1];
    if (figure === undefined) throw new Error(`the model's card states no error for '${row}'`);
    return Number(figure) + 0.5 * 10 ** -(figure.length - 2); // what rounding may have cut off
  };
  return { trainedOn: stated("nothing"), heldOut: Math.max(stated("customers"), stated("coupons")) };
}
