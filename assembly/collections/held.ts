// What records keep. A held cell owns one count of the block it points to, and so do the cells in that block; a block
// that several cells hold is never written to.

import { CAPACITY, EMPTY, ENTRIES, INDEX, SIZE, countOf, isCollection, isHeld, newBlock, shiftOf } from "./block";
import { give, hold, holds, letGo, roomOf, take } from "../machine/heap";
import { buildIndex, copyIndex, dropIndex } from "./lookup";
import { sizeOfEntries } from "./size";
import { HELD, Tag, addressOf, copyCell, lengthOf, tagOf } from "../machine/value";

/** Room for a text that is not given up for a smaller one; larger room has to stay half full. */
const SMALL: usize = 64;

/** Makes `result` a held value that equals `cell`. What `result` was before is not let go. */
export function keep(result: usize, cell: usize): void {
  const tag = tagOf(cell);
  if (tag >= Tag.LIST) keepCollection(result, cell);
  else if (tag - Tag.BIG <= Tag.TEXT - Tag.BIG) keepText(result, cell);
  else copyCell(result, cell);
}

function keepText(result: usize, cell: usize): void {
  const from = addressOf(cell);
  const length = lengthOf(cell);
  let at: usize = 0;
  let head = tagOf(cell);
  if (isHeld(cell)) {
    hold(from);
    at = from;
    head |= HELD;
  } else if (length != 0) {
    at = take(length);
    memory.copy(at, from, length);
    head |= HELD;
  }
  put(result, head, length, at);
}

function keepCollection(result: usize, cell: usize): void {
  const tag = tagOf(cell);
  const from = addressOf(cell);
  if (isHeld(cell)) {
    hold(from);
    put(result, tag | HELD, 0, from);
    return;
  }
  const count = load<i32>(from);
  if (count == 0) {
    put(result, tag, 0, EMPTY);
    return;
  }
  const shift = shiftOf(cell);
  const block = newBlock(shift, count, true);
  store<i32>(block, count);
  let source = from + ENTRIES;
  for (let target = block + ENTRIES, end = target + (<usize>count << shift); target < end; target += 16, source += 16) {
    keep(target, source);
  }
  if (tag >= Tag.SET) buildIndex(block, shift, true);
  store<u32>(block, sizeOfEntries(block, cellsOf(tag)), SIZE);
  put(result, tag | HELD, 0, block);
}

/** Lets go of what the cell holds. The cell is void then. */
export function release(cell: usize): void {
  if (!isHeld(cell)) return;
  const block = addressOf(cell);
  if (!letGo(block)) return;
  if (isCollection(cell)) {
    for (let entry = block + ENTRIES, end = entry + (<usize>countOf(cell) << shiftOf(cell)); entry < end; entry += 16) {
      if (isHeld(entry)) release(entry);
    }
    dropIndex(block, true);
  }
  give(block);
}

const before: usize = memory.data(16, 16);

/**
 * Replaces what `cell` holds by `value`, which may be a part of it. A text may be written over the old one: whatever
 * else pointed there without holding it, points to the new one.
 */
export function assign(cell: usize, value: usize): void {
  if (isHeld(cell)) {
    if (tagOf(cell) == Tag.TEXT && tagOf(value) == Tag.TEXT && overwrite(cell, value)) return;
    copyCell(before, cell);
    keep(cell, value);
    release(before);
  } else {
    keep(cell, value);
  }
}

function overwrite(cell: usize, value: usize): bool {
  const block = addressOf(cell);
  const length = <usize>lengthOf(value);
  const room = roomOf(block);
  if (isHeld(value) || holds(block) != 1 || length == 0 || length > room) return false;
  if (room > SMALL && room > length << 1) return false;
  memory.copy(block, addressOf(value), length);
  store<u32>(cell, length, 4);
  return true;
}

/**
 * Makes the collection of `cell` one that may be written to, with room for `extra` entries more. A held one stays
 * where it is if nobody else holds it and there is room. One that is not held is copied, into temporary memory.
 *
 * @returns the block
 */
export function own(cell: usize, extra: i32): usize {
  const block = addressOf(cell);
  const shift = shiftOf(cell);
  const count = load<i32>(block);
  const held = isHeld(cell);
  const alone = held && holds(block) == 1;
  if (alone && count + extra <= load<i32>(block, CAPACITY)) return block;

  const spare = held && extra > 0 ? max(extra, count >> 1) : extra;
  const fresh = newBlock(shift, count + spare, held);
  store<i32>(fresh, count);
  memory.copy(fresh + ENTRIES, block + ENTRIES, <usize>count << shift);
  store<u32>(cell, <u32>fresh, 8);
  if (alone) {
    store<u32>(fresh, load<u32>(block, INDEX), INDEX);
    store<u32>(fresh, load<u32>(block, SIZE), SIZE);
    give(block);
    return fresh;
  }
  if (tagOf(cell) >= Tag.SET) copyIndex(fresh, block, held);
  if (held) {
    store<u32>(fresh, load<u32>(block, SIZE), SIZE);
    for (let entry = fresh + ENTRIES, end = entry + (<usize>count << shift); entry < end; entry += 16) {
      if (isHeld(entry)) hold(addressOf(entry));
    }
    letGo(block);
  }
  return fresh;
}

/** Gives the cell of a record that has no block of its own yet, because it is empty, one that can be changed. */
export function settle(cell: usize): void {
  if (isHeld(cell)) return;
  const tag = tagOf(cell);
  keep(cell, cell);
  if (isHeld(cell)) return;
  const block = newBlock(shiftOf(cell), 1, true);
  put(cell, tag | HELD, 0, block);
  store<u32>(block, sizeOfEntries(block, cellsOf(tag)), SIZE);
}

// @ts-ignore: decorator
@inline
function cellsOf(tag: u32): u32 {
  return tag == Tag.MAP ? 2 : 1;
}

// @ts-ignore: decorator
@inline
function put(result: usize, head: u32, length: i32, at: usize): void {
  store<u32>(result, head);
  store<i32>(result, length, 4);
  store<u64>(result, <u64>at, 8);
}
