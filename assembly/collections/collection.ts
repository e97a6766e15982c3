// Collections as they are built and read; `block.ts` has their layout. Builders write to temporary blocks that nobody
// else knows yet. What a method makes of a collection later (`list.ts`, `map.ts`, `set.ts`) is a new one.

import { CAPACITY, ENTRIES, INDEX, Shift, countOf, entriesOf, newBlock, putPlain, shiftOf } from "./block";
import { keyFault } from "./hash";
import { ITEMS_MAX, spend, temporary } from "../machine/heap";
import { copyIndex, entryOf, indexLast } from "./lookup";
import { Fault, Tag, addressOf, copyCell, lengthOf, putCollection, putText, tagOf } from "../machine/value";
import { pointBytes } from "../text/utf8";

export { assign, keep, release } from "./held";
export { concatLists, repeatList } from "./list";
export { setOperation } from "./set";

// Building

/** A cell in temporary memory with an empty list or tuple. */
export function emptyList(tag: u32, capacity: i32): usize {
  const cell = temporary(16);
  putCollection(cell, tag, newList(tag, capacity));
  return cell;
}

/** A block for a LIST or TUPLE. */
export function newList(tag: u32, capacity: i32): usize {
  return newBlock(Shift.ITEM, capacity, false);
}

export function newSet(): usize {
  return newBlock(Shift.ITEM, 4, false);
}

export function newMap(): usize {
  return newBlock(Shift.ENTRY, 4, false);
}

/** Appends to a list or tuple. */
export function pushItem(cell: usize, value: usize): i32 {
  const count = countOf(cell);
  if (count >= ITEMS_MAX) return Fault.LIMIT;
  const block = withRoom(cell, count);
  copyCell(block + ENTRIES + (<usize>count << 4), value);
  store<i32>(block, count + 1);
  return 0;
}

/** Adds to a set what is not there yet. */
export function addMember(cell: usize, value: usize): i32 {
  let fault = keyFault(value);
  if (fault != 0) return fault;
  if (entryOf(addressOf(cell), Shift.ITEM, value) >= 0) return 0;
  fault = pushItem(cell, value);
  if (fault == 0) indexLast(addressOf(cell), Shift.ITEM, false);
  return fault;
}

/** Sets the value of a key. Of equal keys the first one stays. */
export function putEntry(cell: usize, key: usize, value: usize): i32 {
  const fault = keyFault(key);
  if (fault != 0) return fault;
  const count = countOf(cell);
  const number = entryOf(addressOf(cell), Shift.ENTRY, key);
  if (number >= 0) {
    copyCell(entriesOf(cell) + (<usize>number << 5) + 16, value);
    return 0;
  }
  if (count >= ITEMS_MAX) return Fault.LIMIT;
  const block = withRoom(cell, count);
  const entry = block + ENTRIES + (<usize>count << 5);
  copyCell(entry, key);
  copyCell(entry + 16, value);
  store<i32>(block, count + 1);
  indexLast(block, Shift.ENTRY, false);
  return 0;
}

/** The cell's block, or one of twice the size if that is full. */
function withRoom(cell: usize, count: i32): usize {
  const block = addressOf(cell);
  if (count < load<i32>(block, CAPACITY)) return block;
  const shift = shiftOf(cell);
  const larger = newBlock(shift, max(count << 1, 4), false);
  memory.copy(larger + ENTRIES, block + ENTRIES, <usize>count << shift);
  store<i32>(larger, count);
  store<u32>(larger, load<u32>(block, INDEX), INDEX);
  store<u32>(cell, <u32>larger, 8);
  return larger;
}

/** A temporary collection with the entries of `cell`, to be built on. */
export function putCopy(result: usize, cell: usize, extra: i32): void {
  const tag = tagOf(cell);
  const shift = shiftOf(cell);
  const block = addressOf(cell);
  const count = load<i32>(block);
  const copy = newBlock(shift, count + extra, false);
  memory.copy(copy + ENTRIES, block + ENTRIES, <usize>count << shift);
  store<i32>(copy, count);
  if (tag >= Tag.SET) copyIndex(copy, block, false);
  putCollection(result, tag, copy);
}

// Reading

/** Address of the value that stands under `key`, which is hashable; or 0. */
export function mapGet(block: usize, key: usize): usize {
  const number = entryOf(block, Shift.ENTRY, key);
  return number < 0 ? 0 : block + ENTRIES + (<usize>number << 5) + 16;
}

/**
 * The elements of anything that can be iterated over, as a list or tuple that is only to be read: for the most part
 * it shares the block.
 */
export function itemsOf(result: usize, cell: usize): i32 {
  switch (tagOf(cell)) {
    case Tag.LIST:
    case Tag.TUPLE:
      putPlain(result, cell);
      return 0;
    case Tag.SET:
      putCollection(result, Tag.LIST, addressOf(cell));
      return 0;
    case Tag.MAP:
      return halves(result, cell, 0);
    case Tag.TEXT:
      return characters(result, cell);
    default:
      return Fault.TYPE;
  }
}

/** A list of the keys of a map, or of its values. @param offset  0 or 16 */
export function halves(result: usize, map: usize, offset: usize): i32 {
  const count = countOf(map);
  if (spend(count)) return Fault.LIMIT;
  const block = newBlock(Shift.ITEM, count, false);
  let entry = entriesOf(map) + offset;
  for (let item = block + ENTRIES, end = item + (<usize>count << 4); item < end; item += 16, entry += 32) {
    copyCell(item, entry);
  }
  store<i32>(block, count);
  putCollection(result, Tag.LIST, block);
  return 0;
}

function characters(result: usize, text: usize): i32 {
  const list = emptyList(Tag.LIST, min(lengthOf(text), ITEMS_MAX));
  const item = temporary(16);
  let at = addressOf(text);
  for (const end = at + lengthOf(text); at < end; ) {
    const bytes = pointBytes(load<u8>(at));
    putText(item, at, <i32>bytes);
    const fault = pushItem(list, item);
    if (fault != 0) return fault;
    at += bytes;
  }
  if (spend(countOf(list))) return Fault.LIMIT;
  copyCell(result, list);
  return 0;
}
