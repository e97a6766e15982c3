// Blocks: the memory of collections, temporary or held.
//
//   +0   count     u32  entries
//   +4   capacity  u32  entries that there is room for
//   +8   index     u32  of a SET or MAP with more than 8 entries, see `lookup.ts`; else 0
//   +12  size      u32  of a held block: elements << 8 | levels, see `size.ts`; else 0
//   +16  entries        in the order in which they came: a cell each; of a MAP 32 bytes, key and value
//
// An empty collection that a record keeps needs no memory of its own: all have the block EMPTY, which nobody holds.

import { roomOf, take, temporary } from "../machine/heap";
import { HELD, Tag, WRAPPED, addressOf, tagOf } from "../machine/value";

export const CAPACITY: usize = 4;
export const INDEX: usize = 8;
export const SIZE: usize = 12;
export const ENTRIES: usize = 16;

export const EMPTY: usize = memory.data(16, 16);

/** Bytes of an entry, as a power of two. */
export namespace Shift {
  /** LIST, TUPLE, SET. */
  export const ITEM: usize = 4;
  export const ENTRY: usize = 5;
}

// @ts-ignore: decorator
@inline
export function shiftOf(cell: usize): usize {
  return tagOf(cell) == Tag.MAP ? Shift.ENTRY : Shift.ITEM;
}

// @ts-ignore: decorator
@inline
export function countOf(cell: usize): i32 {
  return load<i32>(addressOf(cell));
}

/** Address of the first entry. */
// @ts-ignore: decorator
@inline
export function entriesOf(cell: usize): usize {
  return addressOf(cell) + ENTRIES;
}

// @ts-ignore: decorator
@inline
export function isCollection(cell: usize): bool {
  return tagOf(cell) >= Tag.LIST;
}

// @ts-ignore: decorator
@inline
export function isHeld(cell: usize): bool {
  return (load<u32>(cell) & HELD) != 0;
}

/** An empty block. Held ones have all the capacity that their class of size gives. */
export function newBlock(shift: usize, capacity: i32, held: bool): usize {
  const bytes = ENTRIES + (<usize>capacity << shift);
  const block = held ? take(bytes) : temporary(bytes);
  v128.store(block, i64x2.splat(0));
  store<u32>(block, held ? <u32>((roomOf(block) - ENTRIES) >> shift) : capacity, CAPACITY);
  return block;
}

/** The same collection as one that doesn't stand in the event. */
// @ts-ignore: decorator
@inline
export function putPlain(result: usize, cell: usize): void {
  const word = load<u64>(cell) & ~(<u64>WRAPPED);
  store<u64>(result, load<u64>(cell, 8), 8);
  store<u64>(result, word);
}
