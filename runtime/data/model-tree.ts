// What the readers of model files share: how a tree is taken from its nodes, whatever the file calls them.

import { CATEGORY, type Tree } from "../core/model.ts";

/** Refuses the file; `line` from 1, 0 when the file as a whole is meant. */
export type Fail = (message: string, line?: number) => never;

/** A node as a file has it; children are ids of nodes. */
export type Node =
  | { readonly leaf: number }
  | {
      readonly feature: number;
      /** A value up to and including it goes left. */
      readonly threshold: number;
      /** The categories that go left, as bits; instead of a threshold. */
      readonly categories?: Uint32Array;
      /** Bits of `Tree.kinds`, without `CATEGORY`. */
      readonly kind: number;
      readonly left: number;
      readonly right: number;
    };

/**
 * Follows the tree from `root` and numbers splits and leaves as `Tree` has them. Refuses what is no tree: a child outside,
 * a node reached twice (a cycle, or a shared branch), one never reached, a threshold that is no number, a leaf that is not
 * finite.
 *
 * @param name   of the tree, for messages: "tree 3"
 * @param nodes  ids are 0 to nodes − 1
 * @param unused nodes that may stay unreached, because the file says that they are deleted
 */
export function growTree(
  name: string,
  { root, nodes, unused, features }: { root: number; nodes: number; unused: number; features: number },
  nodeAt: (id: number) => Node,
  fail: Fail,
): Tree {
  const splits: { feature: number; threshold: number; kind: number; left: number; right: number }[] = [];
  const leaves: number[] = [];
  const categories = new Map<number, Uint32Array>();
  const seen = new Uint8Array(nodes);

  // parents first, left before right; a child's new number is written into its parent once it is known
  const open: { id: number; parent: number; side: "left" | "right" }[] = [{ id: root, parent: -1, side: "left" }];
  let reached = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { id, parent, side } = next;
    if (!Number.isInteger(id) || id < 0 || id >= nodes) {
      fail(`${name}: a node points at node ${id}, outside of the tree's ${nodes} nodes`);
    }
    if (seen[id] === 1) fail(`${name}: node ${id} is reached twice, so it is no tree`);
    seen[id] = 1;
    reached++;

    const node = nodeAt(id);
    const number = "leaf" in node ? ~leaves.length : splits.length;
    if (parent >= 0) splits[parent]![side] = number;
    if ("leaf" in node) {
      if (!Number.isFinite(node.leaf)) fail(`${name}: leaf ${id} has the value ${node.leaf}`);
      leaves.push(node.leaf);
      continue;
    }
    const { feature, threshold, left, right } = node;
    if (!Number.isInteger(feature) || feature < 0 || feature >= features) {
      fail(`${name}: node ${id} reads feature ${feature}, the model has ${features}`);
    }
    if (node.categories !== undefined) categories.set(number, node.categories);
    else if (Number.isNaN(threshold)) fail(`${name}: node ${id} has the threshold ${threshold}`);
    const kind = node.kind | (node.categories === undefined ? 0 : CATEGORY);
    splits.push({ feature, threshold: node.categories === undefined ? finite(threshold) : 0, kind, left: 0, right: 0 });
    open.push({ id: right, parent: number, side: "right" }, { id: left, parent: number, side: "left" });
  }
  if (reached + unused < nodes) fail(`${name}: ${nodes - reached} of its ${nodes} nodes can't be reached`);

  return {
    features: Uint32Array.from(splits, ({ feature }) => feature),
    thresholds: Float64Array.from(splits, ({ threshold }) => threshold),
    left: Int32Array.from(splits, ({ left }) => left),
    right: Int32Array.from(splits, ({ right }) => right),
    kinds: Uint8Array.from(splits, ({ kind }) => kind),
    categories,
    leaves: Float64Array.from(leaves),
  };
}

/** LightGBM parts what is missing from all else by an infinite threshold; see `Tree.thresholds`. */
function finite(threshold: number): number {
  return Math.min(Math.max(threshold, -Number.MAX_VALUE), Number.MAX_VALUE);
}

/** The bits of a list of categories; `spend` is told the words before they are taken. */
export function categoryBits(categories: readonly number[], spend: (words: number) => void): Uint32Array {
  const words = categories.reduce((most, each) => Math.max(most, (each >> 5) + 1), 1);
  spend(words);
  const bits = new Uint32Array(words);
  for (const each of categories) bits[each >> 5]! |= 1 << (each & 31);
  return bits;
}
