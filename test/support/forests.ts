// Forests for tests and benches: random ones, and the plainest way to score one, to compare with.

import { CATEGORY, MISSING_RIGHT, type Model, type Tree, ZERO_IS_MISSING } from "../../runtime/core/model.ts";

export interface RandomForest {
  readonly trees: number;
  readonly features: number;
  /** Splits on every way down when `complete`, else at most. */
  readonly depth: number;
  readonly complete: boolean;
  /** Share of splits that read a category; the categories are 0 to 9. */
  readonly categorical: number;
  readonly link: boolean;
}

/** Thresholds and features as f32 in [0, 1), leaves in ±0.05. */
export function randomModel(random: () => number, shape: RandomForest): Model {
  const trees = Array.from({ length: shape.trees }, () => randomTree(random, shape));
  return {
    format: "xgboost",
    hash: "0".repeat(64),
    features: Array.from({ length: shape.features }, (_, i) => `f${i}`),
    objective: shape.link ? "binary:logistic" : "reg:squarederror",
    base: Math.fround(random() - 0.5),
    slope: shape.link ? 1 : 0,
    single: false,
    trees,
  };
}

function randomTree(random: () => number, shape: RandomForest): Tree {
  const features: number[] = [];
  const thresholds: number[] = [];
  const left: number[] = [];
  const right: number[] = [];
  const kinds: number[] = [];
  const leaves: number[] = [];
  const categories = new Map<number, Uint32Array>();
  const grow = (level: number): number => {
    if (level === shape.depth || (!shape.complete && level > 0 && random() < 0.25)) {
      return ~(leaves.push(Math.fround((random() - 0.5) / 10)) - 1);
    }
    const split = features.push(Math.floor(random() * shape.features)) - 1;
    const categorical = random() < shape.categorical;
    let kind = random() < 0.5 ? MISSING_RIGHT : 0;
    if (categorical) {
      kind |= CATEGORY;
      categories.set(split, Uint32Array.of(Math.floor(random() * 1024)));
    } else if (random() < 0.1) {
      kind |= ZERO_IS_MISSING;
    }
    thresholds.push(categorical ? 0 : Math.fround(random()));
    kinds.push(kind);
    left.push(0);
    right.push(0);
    left[split] = grow(level + 1);
    right[split] = grow(level + 1);
    return split;
  };
  grow(0);
  return {
    features: Uint32Array.from(features),
    thresholds: Float64Array.from(thresholds),
    left: Int32Array.from(left),
    right: Int32Array.from(right),
    kinds: Uint8Array.from(kinds),
    categories,
    leaves: Float64Array.from(leaves),
  };
}

/** The definition of a model's score, one split after the other. */
export function plainScore(model: Model, row: Float64Array): number {
  let margin = model.base;
  for (const tree of model.trees) {
    let at = tree.features.length === 0 ? ~0 : 0;
    while (at >= 0) at = goesLeft(model, tree, at, row) ? tree.left[at]! : tree.right[at]!;
    margin += tree.leaves[~at]!;
  }
  return model.slope === 0 ? margin : 1 / (1 + Math.exp(-model.slope * margin));
}

function goesLeft(model: Model, tree: Tree, split: number, row: Float64Array): boolean {
  const raw = row[tree.features[split]!]!;
  const value = model.single ? Math.fround(raw) : raw;
  const kind = tree.kinds[split]!;
  if (Number.isNaN(value) || (kind & ZERO_IS_MISSING && Math.abs(value) < 1e-34)) return !(kind & MISSING_RIGHT);
  const bounded = Math.min(Math.max(value, -Number.MAX_VALUE), Number.MAX_VALUE);
  if (!(kind & CATEGORY)) return bounded <= tree.thresholds[split]!;
  const category = model.single ? Math.floor(value) : Math.trunc(value);
  const word = tree.categories.get(split)![category >> 5];
  return category >= 0 && word !== undefined && ((word >>> (category & 31)) & 1) === 1;
}

/** Rows of values in [0, 1) as f32, some missing, some zero, columns in `categorical` a whole number from −1 to 11. */
export function randomRows(
  random: () => number,
  rows: number,
  features: number,
  holes: { missing: number; zero: number; whole: number },
): Float64Array {
  return Float64Array.from({ length: rows * features }, () => {
    const kind = random();
    if (kind < holes.missing) return Number.NaN;
    if (kind < holes.missing + holes.zero) return 0;
    if (kind < holes.missing + holes.zero + holes.whole) return Math.floor(random() * 13) - 1;
    return Math.fround(random());
  });
}
