// Gradient boosted trees: the score of one row, and of one customer × many coupons.
//
// Values. Every split asks `value > threshold`: yes goes right. Missing values, zeros that count as missing, and
// categories are settled before, once per row: `widen` turns features into columns, one for each way in which some
// split reads a feature. A missing value that goes left becomes −∞, one that goes right +∞; a category becomes 0
// (in the split's set: left) or 1. So the loops below know no NaN, and XGBoost and LightGBM are the same to them.
//
// Column, 16 bytes:
//   +0  feature  u32  index into the row
//   +4  kind     u32  bits, see below
//   +8  set      u32  address of the set's bits, u32[words]
//   +12 words    u32
//
// Way 1, "factorised": the leaves of a tree, left to right, are the bits of a u64. A split whose answer is right
// removes the leaves of its left subtree; AND over all splits, and the lowest bit left is the leaf that the row falls
// into (QuickScorer: Lucchese et al., SIGIR 2015). AND doesn't mind the order, so the coupons' splits are applied once
// per catalogue, the customer's once per request; a pair costs one AND, one ctz and one load per tree.
//
// Way 2, "general": walk the trees. Trees up to the depth of a heap stand as implicit heaps, four of one depth
// in a group: child = 2·node + answer, no branch to mispredict, four walks in flight. Deeper ones have nodes
// with the children side by side, so the answer is added there too.
//
// Heap node, 16 bytes, node 1 is the root (slot 0 is unused):   Deep node, 16 bytes:
//   +0  threshold  f64                                            +0  threshold  f64; a leaf's value
//   +8  column     u32  byte offset into the values               +8  column     u32; LEAF at a leaf
//                                                                 +12 left       u32  byte offset of the left child from
//                                                                                     the tree's root, the right is next

const COLUMN_SIZE: usize = 16;

const MISSING_RIGHT: u32 = 1; // a missing value answers "right"
const ZERO_IS_MISSING: u32 = 2; // LightGBM's zero_as_missing
const CATEGORY: u32 = 4;
const SINGLE: u32 = 8; // XGBoost: features are f32

const ZERO: f64 = 1.0000000180025095e-35; // LightGBM's kZeroThreshold, a f32
const LEAF: u32 = 0xffffffff;

/** What the host lays out, in this order; all u32 after the two f64. Addresses unless said otherwise. */
@unmanaged
class Forest {
  base: f64; // margin before the first tree
  slope: f64; // probability = 1 / (1 + e^(−slope · margin)); 0: the score is the margin

  columns: usize; // Column[shared + row + crossing], in that order
  sharedColumns: u32; // count; columns of features that are the customer's
  rowColumns: u32; // count; … the coupon's
  crossingColumns: u32; // count; … of both
  values: usize; // f64[columns]; written

  row: usize; // f64[features]; the row at hand
  candidates: usize; // u32[]: rows of the catalogue
  crossed: usize; // f64[candidates × crossingFeatures]
  crossingFeatures: usize; // u32[]: where they stand in the row
  crossingFeatureCount: u32;
  scores: usize; // f64[candidates]; written

  factorised: u32; // 1 or 0
  trees: u32; // count, a multiple of 4; the last one is empty: one leaf, 0
  splitsFrom: usize; // u32[columns + 1]: first split of each column
  splitThresholds: usize; // f64[splits], ascending within a column
  splitMasks: usize; // u64[splits]: leaves that stay when the answer is right
  splitTrees: usize; // u32[splits]: byte offset of the tree's mask
  leaves: usize; // f64[trees << leafShift]
  leafShift: u32; // log2 of the leaves that a tree has room for
  mixed: usize; // u64[trees]: leaves that have a split on their way that isn't the customer's
  sharedMasks: usize; // u64[trees]; written per request
  rowMasks: usize; // u64[trees]; written
  active: usize; // {mask u64, tree u32, leaves u32}[trees]; written per request
  prepared: usize; // u64[rows × trees], or f64[rows × rowColumns] when not factorised; written

  groups: usize; // {nodes u32, leaves u32, depth u32}[groupCount]: four heaps each
  groupCount: u32;
  deepRoots: usize; // u32[deepCount]: addresses
  deepCount: u32;
}

/** Prepare `count` rows, f64[count × features] at `rows`, as the catalogue's rows from `first` on. */
export function forestPrepare(address: usize, rows: usize, features: u32, first: u32, count: u32): void {
  const forest = changetype<Forest>(address);
  const from = forest.sharedColumns;
  const to = from + forest.rowColumns;
  for (let i: u32 = 0; i < count; i++) {
    const row = rows + ((<usize>i * features) << 3);
    if (forest.factorised) {
      widen(forest, from, to, row, forest.values);
      const masks = forest.prepared + ((<usize>(first + i) * forest.trees) << 3);
      memory.fill(masks, 0xff, <usize>forest.trees << 3);
      narrow(forest, from, to, masks);
    } else {
      // `widen` writes column c at values + 8c: shift the table so that the row's first column comes first.
      const values = forest.prepared + ((<usize>(first + i) * forest.rowColumns) << 3);
      widen(forest, from, to, row, values - (<usize>from << 3));
    }
  }
}

/** Score `count` candidates for the customer in `row`, into `scores`. */
export function forestScoreMany(address: usize, count: u32): void {
  const forest = changetype<Forest>(address);
  widen(forest, 0, forest.sharedColumns, forest.row, forest.values);
  if (forest.factorised) {
    memory.fill(forest.sharedMasks, 0xff, <usize>forest.trees << 3);
    narrow(forest, 0, forest.sharedColumns, forest.sharedMasks);
    if (forest.crossingColumns) scoreCrossing(forest, count);
    else scoreFactorised(forest, count);
  } else {
    scoreGeneral(forest, count);
  }
  for (let i: usize = 0; i < count; i++) {
    const score = forest.scores + (i << 3);
    store<f64>(score, link(forest, load<f64>(score)));
  }
}

/** Score of the full-width row in `row`. */
export function forestScoreRow(address: usize): f64 {
  const forest = changetype<Forest>(address);
  widen(forest, 0, forest.sharedColumns + forest.rowColumns + forest.crossingColumns, forest.row, forest.values);
  return link(forest, walk(forest));
}

function link(forest: Forest, margin: f64): f64 {
  const slope = forest.slope;
  return slope == 0 ? margin : 1 / (1 + NativeMath.exp(-slope * margin));
}

/** Columns `from` to `to` of the row, each to `values` + 8 · column. */
function widen(forest: Forest, from: u32, to: u32, row: usize, values: usize): void {
  for (let column: usize = from; column < to; column++) {
    const at = forest.columns + column * COLUMN_SIZE;
    const kind = load<u32>(at, 4);
    let value = load<f64>(row + (<usize>load<u32>(at) << 3));
    if (kind & SINGLE) value = <f64>(<f32>value);
    const missing = value != value || (kind & ZERO_IS_MISSING && Math.abs(value) <= ZERO);
    if (kind & CATEGORY) {
      const left = missing ? !(kind & MISSING_RIGHT) : holds(load<u32>(at, 8), load<u32>(at, 12), kind, value);
      value = left ? 0 : 1;
    } else if (missing) {
      value = kind & MISSING_RIGHT ? Infinity : -Infinity;
    } else {
      value = min(max(value, -f64.MAX_VALUE), f64.MAX_VALUE); // thresholds are finite, only missing is beyond them
    }
    store<f64>(values + (column << 3), value);
  }
}

/** Is the category in the set? XGBoost knows none below 0, LightGBM cuts off the fraction first. */
function holds(set: usize, words: u32, kind: u32, value: f64): bool {
  const category = kind & SINGLE ? Math.floor(value) : Math.trunc(value);
  if (!(category >= 0 && category < <f64>(words << 5))) return false;
  const bit = <u32>category;
  return ((load<u32>(set + ((bit >> 5) << 2)) >> (bit & 31)) & 1) != 0;
}

/** Take from `masks` the leaves that the values of columns `from` to `to` rule out. */
function narrow(forest: Forest, from: u32, to: u32, masks: usize): void {
  const thresholds = forest.splitThresholds;
  const splitMasks = forest.splitMasks;
  const trees = forest.splitTrees;
  for (let column: usize = from; column < to; column++) {
    const value = load<f64>(forest.values + (column << 3));
    const end = load<u32>(forest.splitsFrom + (column << 2), 4);
    // ascending, so the first split that answers "left" ends the column
    for (let split: usize = load<u32>(forest.splitsFrom + (column << 2)); split < end; split++) {
      if (!(value > load<f64>(thresholds + (split << 3)))) break;
      const mask = masks + load<u32>(trees + (split << 2));
      store<u64>(mask, load<u64>(mask) & load<u64>(splitMasks + (split << 3)));
    }
  }
}

function scoreFactorised(forest: Forest, count: u32): void {
  // Where the customer alone decides, the tree is settled for all candidates. With every other split answering left,
  // its leaf is the lowest bit; if no such split stands on the way to that leaf, none is ever asked.
  const end = <usize>forest.trees << 3;
  const treeLeaves = <usize>8 << forest.leafShift;
  let leaves = forest.leaves;
  let settled = forest.base;
  let active = forest.active;
  for (let tree: usize = 0; tree < end; tree += 8, leaves += treeLeaves) {
    const mask = load<u64>(forest.sharedMasks + tree);
    const leaf = ctz(mask);
    if ((load<u64>(forest.mixed + tree) >> leaf) & 1) {
      store<u64>(active, mask);
      store<u32>(active, <u32>tree, 8);
      store<u32>(active, <u32>leaves, 12);
      active += 16;
    } else {
      settled += load<f64>(leaves + (<usize>leaf << 3));
    }
  }

  let i: u32 = 0;
  for (; i + 4 <= count; i += 4) scoreFour(forest, i, settled, active);
  for (; i < count; i++) {
    const row = rowOf(forest, i);
    let sum = settled;
    for (let at = forest.active; at < active; at += 16) {
      sum += leafAt(load<u32>(at, 12), load<u64>(at) & load<u64>(row + load<u32>(at, 8)));
    }
    store<f64>(forest.scores + (<usize>i << 3), sum);
  }
}

/** Four candidates at once: a tree's mask and leaves are fetched once, and four sums don't wait for each other. */
function scoreFour(forest: Forest, i: u32, settled: f64, end: usize): void {
  const rowA = rowOf(forest, i);
  const rowB = rowOf(forest, i + 1);
  const rowC = rowOf(forest, i + 2);
  const rowD = rowOf(forest, i + 3);
  let a = settled, b = settled, c = settled, d = settled;
  for (let at = forest.active; at < end; at += 16) {
    const mask = load<u64>(at);
    const tree = <usize>load<u32>(at, 8);
    const leaves = <usize>load<u32>(at, 12);
    a += leafAt(leaves, mask & load<u64>(rowA + tree));
    b += leafAt(leaves, mask & load<u64>(rowB + tree));
    c += leafAt(leaves, mask & load<u64>(rowC + tree));
    d += leafAt(leaves, mask & load<u64>(rowD + tree));
  }
  const scores = forest.scores + (<usize>i << 3);
  store<f64>(scores, a, 0);
  store<f64>(scores, b, 8);
  store<f64>(scores, c, 16);
  store<f64>(scores, d, 24);
}

/** The masks of candidate `i`. */
function rowOf(forest: Forest, i: u32): usize {
  return forest.prepared + ((<usize>load<u32>(forest.candidates + (<usize>i << 2)) * forest.trees) << 3);
}

/** The leaf that the lowest bit of `mask` stands for. */
function leafAt(leaves: usize, mask: u64): f64 {
  return load<f64>(leaves + (<usize>ctz(mask) << 3));
}

function scoreCrossing(forest: Forest, count: u32): void {
  const bytes = <usize>forest.trees << 3;
  const from = forest.sharedColumns + forest.rowColumns;
  const to = from + forest.crossingColumns;
  for (let i: u32 = 0; i < count; i++) {
    memory.copy(forest.rowMasks, rowOf(forest, i), bytes);
    cross(forest, i);
    widen(forest, from, to, forest.row, forest.values);
    narrow(forest, from, to, forest.rowMasks);
    store<f64>(forest.scores + (<usize>i << 3), sumLeaves(forest));
  }
}

function scoreGeneral(forest: Forest, count: u32): void {
  const rowBytes = <usize>forest.rowColumns << 3;
  const own = forest.values + (<usize>forest.sharedColumns << 3);
  const from = forest.sharedColumns + forest.rowColumns;
  const to = from + forest.crossingColumns;
  for (let i: u32 = 0; i < count; i++) {
    const row = <usize>load<u32>(forest.candidates + (<usize>i << 2));
    memory.copy(own, forest.prepared + row * rowBytes, rowBytes);
    if (from < to) {
      cross(forest, i);
      widen(forest, from, to, forest.row, forest.values);
    }
    store<f64>(forest.scores + (<usize>i << 3), walk(forest));
  }
}

/** Put the crossing features of candidate `i` where they stand in the row. */
function cross(forest: Forest, i: u32): void {
  const count = forest.crossingFeatureCount;
  let from = forest.crossed + ((<usize>i * count) << 3);
  for (let k: usize = 0; k < count; k++, from += 8) {
    const feature = load<u32>(forest.crossingFeatures + (k << 2));
    store<f64>(forest.row + (<usize>feature << 3), load<f64>(from));
  }
}

/** The margin of the pair whose masks are `sharedMasks` and `rowMasks`. */
function sumLeaves(forest: Forest): f64 {
  const shared = forest.sharedMasks;
  const own = forest.rowMasks;
  const end = <usize>forest.trees << 3;
  const treeLeaves = <usize>8 << forest.leafShift;
  let leaves = forest.leaves;
  let sum = forest.base;
  for (let tree: usize = 0; tree < end; tree += 8, leaves += treeLeaves) {
    sum += leafAt(leaves, load<u64>(shared + tree) & load<u64>(own + tree));
  }
  return sum;
}

/** The margin, by walking all trees over `values`. */
function walk(forest: Forest): f64 {
  const values = forest.values;
  let a: f64 = 0, b: f64 = 0, c: f64 = 0, d: f64 = 0;

  const groupsEnd = forest.groups + <usize>forest.groupCount * 12;
  for (let group = forest.groups; group < groupsEnd; group += 12) {
    const depth = load<u32>(group, 8);
    const heapBytes = <usize>16 << depth;
    const heapA = <usize>load<u32>(group);
    const heapB = heapA + heapBytes;
    const heapC = heapB + heapBytes;
    const heapD = heapC + heapBytes;
    let i: usize = 16, j: usize = 16, k: usize = 16, l: usize = 16;
    for (let level: u32 = 0; level < depth; level++) {
      const nodeA = heapA + i;
      const nodeB = heapB + j;
      const nodeC = heapC + k;
      const nodeD = heapD + l;
      i = (i << 1) + (<usize>(load<f64>(values + load<u32>(nodeA, 8)) > load<f64>(nodeA)) << 4);
      j = (j << 1) + (<usize>(load<f64>(values + load<u32>(nodeB, 8)) > load<f64>(nodeB)) << 4);
      k = (k << 1) + (<usize>(load<f64>(values + load<u32>(nodeC, 8)) > load<f64>(nodeC)) << 4);
      l = (l << 1) + (<usize>(load<f64>(values + load<u32>(nodeD, 8)) > load<f64>(nodeD)) << 4);
    }
    // the walks end 16 · (2^depth + leaf); leaves are 8 bytes each, one tree after the other
    const leafBytes = heapBytes >> 1;
    const leaves = <usize>load<u32>(group, 4) - leafBytes;
    a += load<f64>(leaves + (i >> 1));
    b += load<f64>(leaves + leafBytes + (j >> 1));
    c += load<f64>(leaves + (leafBytes << 1) + (k >> 1));
    d += load<f64>(leaves + leafBytes * 3 + (l >> 1));
  }

  const rootsEnd = forest.deepRoots + (<usize>forest.deepCount << 2);
  for (let at = forest.deepRoots; at < rootsEnd; at += 4) {
    const root = <usize>load<u32>(at);
    let node = root;
    let column = load<u32>(node, 8);
    while (column != LEAF) {
      const right = <usize>(load<f64>(values + column) > load<f64>(node));
      node = root + load<u32>(node, 12) + (right << 4);
      column = load<u32>(node, 8);
    }
    a += load<f64>(node);
  }
  return forest.base + (a + b + (c + d));
}
