// Paths into an event as a tree of keys, and the order of their cells.

/** A key on the way of some path. */
export interface PathNode {
  readonly children: Map<string, PathNode>;
  /** Indexes of the paths that end here; a path may be given twice. */
  readonly paths: number[];
  /** Number of the cell, if paths end here; -1 otherwise. */
  cell: number;
  /** Cells of all that is below, `[from, to)`. */
  cells: { from: number; to: number };
}

/**
 * The tree of some paths, each a list of keys. Its cells are numbered from the top down, so that those of a subtree are
 * neighbours and can be cleared in one go.
 */
export function pathTree(paths: readonly (readonly string[])[]): PathNode {
  const root = newNode();
  for (const [index, path] of paths.entries()) {
    let node = root;
    for (const key of path) {
      const child = node.children.get(key) ?? newNode();
      node.children.set(key, child);
      node = child;
    }
    node.paths.push(index);
  }
  number(root, 0);
  return root;
}

/**
 * "payload.item\.name" → ["payload", "item.name"]. Throws a TypeError for a path with an empty key, with half a
 * surrogate pair, or of too many keys.
 */
export function keysOf(path: string, keysMax: number): string[] {
  const keys = path.split(/(?<!\\)\./).map((key) => key.replaceAll("\\.", "."));
  if (keys.includes("")) throw new TypeError(`path '${path}' has an empty key`);
  if (keys.length > keysMax)
    throw new TypeError(`path '${path}' has ${keys.length} keys, at most ${keysMax} are allowed`);
  if (/\p{Surrogate}/u.test(path)) throw new TypeError(`path '${path}' holds half a surrogate pair`);
  return keys;
}

function newNode(): PathNode {
  return { children: new Map(), paths: [], cell: -1, cells: { from: 0, to: 0 } };
}

/** @returns the first number that is free behind the node and all below */
function number(node: PathNode, first: number): number {
  let next = first;
  if (node.paths.length > 0) node.cell = next++;
  node.cells.from = next;
  for (const child of node.children.values()) next = number(child, next);
  node.cells.to = next;
  return next;
}
