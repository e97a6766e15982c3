// From a model to the tables that assembly/forest.ts reads. Pure: typed arrays out, no address known yet.

import { CATEGORY, type Model, type Tree } from "./model.ts";

/** Whose a feature is: the customer's, the coupon's, or a crossing of both, known per pair only. */
export type Whose = "shared" | "row" | "crossing";

/** Leaves of a tree that fit a u64. */
export const MASK_LEAVES = 64;
/** Trees up to this depth are walked as implicit heaps; 2^8 nodes of 16 bytes are a page. */
export const HEAP_DEPTH = 8;

const SINGLE = 8; // the kernel's bit for a column of f32 values
const LEAF = 0xffffffff;
const NODE = 16; // bytes of a node, in a heap or deep

/** One way in which some split reads a feature. */
export interface Column {
  readonly feature: number;
  /** The kinds of model.ts, and 8: round to 32 bits. */
  readonly kind: number;
  /** The categories that go left; empty without `CATEGORY`. */
  readonly set: Uint32Array;
}

export interface Columns {
  /** The shared ones first, then the row's, then the crossing ones. */
  readonly list: readonly Column[];
  readonly shared: number;
  readonly row: number;
  readonly crossing: number;
  /** Per tree: the column of each split. */
  readonly of: readonly Uint32Array[];
}

/** The columns of a model: equal questions to a feature share one. */
export function columnsOf(model: Model, whose: readonly Whose[]): Columns {
  const found = new Map<string, { column: Column; whose: Whose; splits: [tree: number, split: number][] }>();
  model.trees.forEach((tree, t) => {
    tree.features.forEach((feature, split) => {
      const kind = tree.kinds[split]! | (model.single ? SINGLE : 0);
      const set = tree.categories.get(split) ?? new Uint32Array(0);
      const key = `${feature} ${kind} ${set.join(",")}`;
      let entry = found.get(key);
      if (entry === undefined) {
        entry = { column: { feature, kind, set }, whose: whose[feature]!, splits: [] };
        found.set(key, entry);
      }
      entry.splits.push([t, split]);
    });
  });

  const of = model.trees.map((tree) => new Uint32Array(tree.features.length));
  const groups = (["shared", "row", "crossing"] as const).map((each) =>
    [...found.values()].filter((entry) => entry.whose === each),
  );
  const entries = groups.flat();
  entries.forEach(({ splits }, column) => {
    for (const [tree, split] of splits) of[tree]![split] = column;
  });
  return {
    list: entries.map(({ column }) => column),
    shared: groups[0]!.length,
    row: groups[1]!.length,
    crossing: groups[2]!.length,
    of,
  };
}

/** Threshold that the kernel compares a column's value with: a category has become 0 (left) or 1. */
function thresholdOf(tree: Tree, split: number): number {
  return tree.kinds[split]! & CATEGORY ? 0.5 : tree.thresholds[split]!;
}

/** Tables of the factorised way. Masks are u64 as two u32, the low word first. */
export interface MaskTables {
  /** A multiple of 4; at least the last one is empty, a leaf of 0. */
  readonly trees: number;
  readonly splitsFrom: Uint32Array;
  readonly splitThresholds: Float64Array;
  readonly splitMasks: Uint32Array;
  readonly splitTrees: Uint32Array;
  /** Leaves that have a split on their way that isn't the customer's. */
  readonly mixed: Uint32Array;
  readonly leaves: Float64Array;
  readonly leafShift: number;
}

/** Every tree has at most `MASK_LEAVES` leaves. */
export function maskTables(model: Model, columns: Columns): MaskTables {
  const trees = roundUp(model.trees.length + 1, 4);
  const leavesMax = model.trees.reduce((most, tree) => Math.max(most, tree.leaves.length), 1);
  const leafShift = Math.ceil(Math.log2(leavesMax));
  const leaves = new Float64Array(trees << leafShift);
  const splits: { column: number; threshold: number; tree: number; from: number; to: number }[] = [];
  const mixed = new Uint32Array(trees * 2);
  model.trees.forEach((tree, t) => {
    leaves.set(tree.leaves, t << leafShift);
    mixed.set(mixedLeaves(tree, columns.of[t]!, columns.shared), t * 2);
    const spans = leafSpans(tree);
    tree.features.forEach((_, split) => {
      const [from, to] = spans[split]!;
      splits.push({ column: columns.of[t]![split]!, threshold: thresholdOf(tree, split), tree: t, from, to });
    });
  });
  splits.sort((a, b) => a.column - b.column || a.threshold - b.threshold || a.tree - b.tree);

  const splitsFrom = new Uint32Array(columns.list.length + 1);
  const splitMasks = new Uint32Array(splits.length * 2);
  splits.forEach(({ column, from, to }, i) => {
    splitsFrom[column + 1] = i + 1;
    splitMasks[2 * i] = ~bits(from, to);
    splitMasks[2 * i + 1] = ~bits(from - 32, to - 32);
  });
  return {
    trees,
    splitsFrom,
    splitThresholds: Float64Array.from(splits, ({ threshold }) => threshold),
    splitMasks,
    splitTrees: Uint32Array.from(splits, ({ tree }) => tree * 8),
    mixed,
    leaves,
    leafShift,
  };
}

/** As two words: leaves below a split whose column isn't among the first `shared`. */
function mixedLeaves(tree: Tree, columns: Uint32Array, shared: number): [low: number, high: number] {
  const words: [number, number] = [0, 0];
  const mark = (child: number, mixed: boolean): void => {
    if (child >= 0) {
      const below = mixed || columns[child]! >= shared;
      mark(tree.left[child]!, below);
      mark(tree.right[child]!, below);
    } else if (mixed) {
      words[~child >> 5]! |= 1 << (~child & 31);
    }
  };
  if (tree.features.length > 0) mark(0, false);
  return words;
}

/** Per split: the leaves [from, to) of its left subtree. Leaves count from left to right, so `to` is the right one's first. */
function leafSpans(tree: Tree): [from: number, to: number][] {
  const firstLeaf = (child: number): number => {
    let at = child;
    while (at >= 0) at = tree.left[at]!;
    return ~at;
  };
  return Array.from(tree.left, (left, split) => [firstLeaf(left), firstLeaf(tree.right[split]!)]);
}

/** Bits [from, to) of one word, cut to the 32 that it has. */
function bits(from: number, to: number): number {
  const below = (end: number) => (end <= 0 ? 0 : end >= 32 ? -1 : (1 << end) - 1);
  return below(to) & ~below(from);
}

/** Trees to walk: four heaps of one depth in a group, deep trees on their own. */
export interface WalkTables {
  /** Heap nodes of all groups; a group's start at `nodes`, 4 · 2^depth of them. */
  readonly heap: ArrayBuffer;
  readonly heapLeaves: Float64Array;
  /** Byte offsets into `heap` and `heapLeaves`. */
  readonly groups: readonly { readonly nodes: number; readonly leaves: number; readonly depth: number }[];
  readonly deep: ArrayBuffer;
  /** Byte offsets into `deep`. */
  readonly deepRoots: readonly number[];
}

export function walkTables(model: Model, columns: Columns): WalkTables {
  const trees = model.trees.map((tree, t) => ({ tree, columns: columns.of[t]!, depth: depthOf(tree) }));
  const shallow = trees.filter(({ depth }) => depth <= HEAP_DEPTH).sort((a, b) => b.depth - a.depth);
  const deep = trees.filter(({ depth }) => depth > HEAP_DEPTH);

  const groups: { nodes: number; leaves: number; depth: number }[] = [];
  let nodes = 0;
  let leaves = 0;
  for (let i = 0; i < shallow.length; i += 4) {
    const { depth } = shallow[i]!;
    groups.push({ nodes, leaves, depth });
    nodes += (4 * NODE) << depth;
    leaves += (4 * 8) << depth;
  }
  const heap = new DataView(new ArrayBuffer(nodes));
  const heapLeaves = new Float64Array(leaves / 8);
  shallow.forEach(({ tree, columns }, i) => {
    const group = groups[i >> 2]!;
    const nodesAt = group.nodes + (i & 3) * (NODE << group.depth);
    const leavesAt = (group.leaves >> 3) + ((i & 3) << group.depth);
    fillHeap(tree, columns, group.depth, heap, nodesAt, heapLeaves.subarray(leavesAt, leavesAt + (1 << group.depth)));
  });

  const deepRoots: number[] = [];
  let deepBytes = 0;
  for (const { tree } of deep) {
    deepRoots.push(deepBytes);
    deepBytes += (tree.features.length + tree.leaves.length) * NODE;
  }
  const deepNodes = new DataView(new ArrayBuffer(deepBytes));
  for (const [i, { tree, columns }] of deep.entries()) fillDeep(tree, columns, deepNodes, deepRoots[i]!);
  return { heap: heap.buffer, heapLeaves, groups, deep: deepNodes.buffer, deepRoots };
}

/** Splits on the longest way down. */
function depthOf(tree: Tree): number {
  const depths = new Uint32Array(tree.features.length); // a child's index is greater than its parent's
  let deepest = 0;
  for (let split = 0; split < depths.length; split++) {
    const below = depths[split]! + 1;
    deepest = Math.max(deepest, below);
    for (const child of [tree.left[split]!, tree.right[split]!]) if (child >= 0) depths[child] = below;
  }
  return deepest;
}

/** A leaf above the bottom fills all places below it, so whatever its padding answers, the walk ends well. */
function fillHeap(
  tree: Tree,
  columns: Uint32Array,
  depth: number,
  heap: DataView,
  nodesAt: number,
  leaves: Float64Array,
): void {
  const place = (child: number, slot: number, level: number): void => {
    if (child < 0) {
      const width = 1 << (depth - level);
      const first = (slot << (depth - level)) - (1 << depth);
      leaves.fill(tree.leaves[~child]!, first, first + width);
      return;
    }
    heap.setFloat64(nodesAt + slot * NODE, thresholdOf(tree, child), true);
    heap.setUint32(nodesAt + slot * NODE + 8, columns[child]! * 8, true);
    place(tree.left[child]!, 2 * slot, level + 1);
    place(tree.right[child]!, 2 * slot + 1, level + 1);
  };
  place(tree.features.length === 0 ? -1 : 0, 1, 0);
}

/** Breadth first, so that the upper levels share cache lines and children stand side by side. */
function fillDeep(tree: Tree, columns: Uint32Array, nodes: DataView, root: number): void {
  const queue = [0];
  for (let i = 0; i < queue.length; i++) {
    const child = queue[i]!;
    const at = root + i * NODE;
    if (child < 0) {
      nodes.setFloat64(at, tree.leaves[~child]!, true);
      nodes.setUint32(at + 8, LEAF, true);
    } else {
      nodes.setFloat64(at, thresholdOf(tree, child), true);
      nodes.setUint32(at + 8, columns[child]! * 8, true);
      nodes.setUint32(at + 12, queue.length * NODE, true);
      queue.push(tree.left[child]!, tree.right[child]!);
    }
  }
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}
