// The scanner's tables in the core's memory; see `assembly/scan/keys.ts`.
import type { PathNode } from "./paths.ts";

export type ContextCore = {
  memory: WebAssembly.Memory;
  reserve(bytes: number): number;
  newContext(from: number, to: number): number;
  newField(context: number, key: number, length: number, cell: number, child: number): void;
};

const ROW_HEAD = 16;
const CELL = 16;
/** The core reads up to 64 bytes behind a key; what it sees there it ignores. */
const SLACK = 64;

/**
 * Lays out a node's context, its keys and all below. Cells are numbered from the top down: a subtree's are neighbours.
 *
 * @param place  told of each path that ends somewhere: its index, and the offset of its cell in the row
 * @returns address of the context
 */
export function layOut(core: ContextCore, node: PathNode, place: (path: number, cell: number) => void): number {
  const context = core.newContext(ROW_HEAD + CELL * node.cells.from, ROW_HEAD + CELL * node.cells.to);
  for (const [key, child] of node.children) {
    const text = new TextEncoder().encode(key);
    const address = core.reserve(text.length + SLACK);
    new Uint8Array(core.memory.buffer).set(text, address);
    const cell = child.cell < 0 ? 0 : ROW_HEAD + CELL * child.cell;
    for (const path of child.paths) place(path, cell);
    const below = child.children.size === 0 ? 0 : layOut(core, child, place);
    core.newField(context, address, text.length, cell, below);
  }
  return context;
}
