/** A missing value answers "right" at this split. */
export const MISSING_RIGHT = 1;
/** Zero is a missing value at this split. */
export const ZERO_IS_MISSING = 2;
/** The split asks whether a category is in a set. */
export const CATEGORY = 4;

/**
 * One tree. Splits count from 0, the root, parents before children; a child c ≥ 0 is a split, c < 0 is leaf ~c.
 * Leaves count from left to right. A split sends a value left when `value <= threshold`, or when the category is in its set.
 */
export interface Tree {
  readonly features: Uint32Array;
  /** Finite: infinite values count as the greatest f64, so that missing ones can go beyond. 0 where the split has categories. */
  readonly thresholds: Float64Array;
  readonly left: Int32Array;
  readonly right: Int32Array;
  /** Bits: `MISSING_RIGHT`, `ZERO_IS_MISSING`, `CATEGORY`. */
  readonly kinds: Uint8Array;
  /** Per split with `CATEGORY`: bit c of the words says whether category c goes left. */
  readonly categories: ReadonlyMap<number, Uint32Array>;
  /** Margins. */
  readonly leaves: Float64Array;
}

/** A gradient boosted forest as data, checked: every index is inside, every tree is a tree. */
export interface Model {
  readonly format: "xgboost" | "lightgbm";
  /** sha256 of the file, hex. */
  readonly hash: string;
  /** The columns of a row, in order. */
  readonly features: readonly string[];
  /** As the library calls it, e.g. "binary:logistic". */
  readonly objective: string;
  /** Margin before the first tree. */
  readonly base: number;
  /** score = 1 / (1 + e^(−slope · margin)); 0: the score is the margin itself. */
  readonly slope: number;
  /** Features are rounded to 32 bits before they are compared, as XGBoost does. */
  readonly single: boolean;
  readonly trees: readonly Tree[];
}
