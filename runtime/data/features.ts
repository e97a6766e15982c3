// Rows of customers and coupons → rows of the model. One encoder for training, scoring and explaining, so that
// what the model was trained on is what it is asked with: the same columns, brackets and order.
import type { FeatureConfig, Row, Value } from "../site.ts";

/**
 * Writes a customer's columns into a row of the model.
 *
 * @param out  f64[features], in the model's order; columns of coupons are left as they are
 * @returns `out`; missing values are NaN
 */
export function encodeCustomer(
  row: Row,
  features: readonly FeatureConfig[],
  out: Float64Array = new Float64Array(features.length).fill(Number.NaN),
): Float64Array {
  encode(row, "customer", features, out, 0);
  return out;
}

/** f64[rows × features]: the coupons' columns of each row, NaN where the customer's belong. Missing is NaN. */
export function encodeCoupons(rows: readonly Row[], features: readonly FeatureConfig[]): Float64Array {
  const out = new Float64Array(rows.length * features.length).fill(Number.NaN);
  rows.forEach((row, index) => {
    encode(row, "coupon", features, out, index * features.length);
  });
  return out;
}

/** One side's columns by name, for people; a missing value is null. */
export function explainFeatures(
  row: Row,
  of: FeatureConfig["of"],
  features: readonly FeatureConfig[],
): Record<string, number | null> {
  const named: Record<string, number | null> = {};
  for (const feature of features) {
    if (feature.of !== of) continue;
    const value = encodeValue(row[feature.column] ?? null, feature.encode);
    named[feature.name] = Number.isNaN(value) ? null : value;
  }
  return named;
}

/** A text that the model has never seen in this column: every one of its features says 0. */
export interface Unseen {
  readonly column: string;
  readonly text: string;
  /** The texts that it knows. */
  readonly known: readonly string[];
}

/** The columns of a row whose text none of the features stands for. */
export function unseen(row: Row, of: FeatureConfig["of"], features: readonly FeatureConfig[]): Unseen[] {
  const known = new Map<string, string[]>();
  for (const { of: side, column, encode } of features) {
    if (side !== of || encode.kind !== "is") continue;
    known.set(column, [...(known.get(column) ?? []), encode.text]);
  }
  return [...known].flatMap(([column, texts]) => {
    const value = row[column] ?? null;
    return value === null || texts.includes(String(value)) ? [] : [{ column, text: String(value), known: texts }];
  });
}

function encode(
  row: Row,
  of: FeatureConfig["of"],
  features: readonly FeatureConfig[],
  out: Float64Array,
  at: number,
): void {
  for (let i = 0; i < features.length; i++) {
    const feature = features[i]!;
    if (feature.of === of) out[at + i] = encodeValue(row[feature.column] ?? null, feature.encode);
  }
}

function encodeValue(value: Value, encode: FeatureConfig["encode"]): number {
  if (value === null) return Number.NaN;
  if (encode.kind === "is") return String(value) === encode.text ? 1 : 0;
  if (typeof value !== "number") return Number.NaN;
  return encode.kind === "value" ? value : value >= encode.from && value < encode.below ? 1 : 0;
}
