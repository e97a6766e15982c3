// How much a value holds, all levels counted: what a record keeps is bounded by it.
//
// A size is elements << 8 | levels. Elements are cells, an entry of a map has two, a long text counts as several; a list
// of numbers has one level, and what is no collection none. A held block knows its size, so that no value is walked
// through twice.

import { ENTRIES, SIZE, countOf, isCollection, isHeld, shiftOf } from "./block";
import { ITEMS_MAX } from "../machine/heap";
import { Tag, addressOf, lengthOf, tagOf } from "../machine/value";

/** Levels of a kept value. */
const LEVELS_MAX: u32 = 32;
/** Elements of a kept value, for each that one collection may have: room for a list of a map's items, and a bit. */
const FACTOR: u32 = 4;
const ELEMENTS_END: u32 = 1 << 24;
/** Bytes of a text that count as an element more. */
const TEXT_BYTES: u32 = 256;

/** About as many bytes are taken by an element that lies deeper than a value's own: 16 by a cell, 256 by what a long text counts. */
const DEEP_BYTES: u32 = 64;

/** What no record keeps. */
export const TOO_LARGE: u32 = 0xffffffff;

export function sizeOf(cell: usize): u32 {
  if (!isCollection(cell)) return isHeavy(cell) ? (<u32>lengthOf(cell) / TEXT_BYTES) << 8 : 0;
  const block = addressOf(cell);
  const known = load<u32>(block, SIZE);
  return known != 0 && isHeld(cell) ? known : sizeOfEntries(block, tagOf(cell) == Tag.MAP ? 2 : 1);
}

/** Does a value count for more than the cell that it stands in? */
// @ts-ignore: decorator
@inline
export function isHeavy(cell: usize): bool {
  return isCollection(cell) || (tagOf(cell) == Tag.TEXT && <u32>lengthOf(cell) >= TEXT_BYTES);
}

/** @param cells  for each entry */
export function sizeOfEntries(block: usize, cells: u32): u32 {
  const elements = load<u32>(block) * cells;
  let size = sized(elements, 1);
  for (let cell = block + ENTRIES, end = cell + (<usize>elements << 4); cell < end; cell += 16) {
    if (!isHeavy(cell)) continue;
    size = sizeWith(size, sizeOf(cell));
    if (size == TOO_LARGE) break;
  }
  return size;
}

/** Size of a collection of size `size` to which `cells` elements are added. */
export function sizeAfter(size: u32, cells: u32): u32 {
  return size == TOO_LARGE ? size : sized((size >> 8) + cells, size & 0xff);
}

/** Size of a collection of size `size` of which one element turns out to be a collection of size `item`. */
export function sizeWith(size: u32, item: u32): u32 {
  if (size == TOO_LARGE || item == TOO_LARGE) return TOO_LARGE;
  return sized((size >> 8) + (item >> 8), max(size & 0xff, item == 0 ? 0 : (item & 0xff) + 1));
}

function sized(elements: u32, levels: u32): u32 {
  const elementsMax = min(<u32>ITEMS_MAX * FACTOR, ELEMENTS_END - 1);
  return elements > elementsMax || levels > LEVELS_MAX ? TOO_LARGE : (elements << 8) | levels;
}

// Bytes

/** About how many bytes a value takes beside its cell. It follows from the value alone, wherever it stands. */
export function bytesOf(cell: usize): u32 {
  const tag = tagOf(cell);
  if (tag == Tag.TEXT || tag == Tag.BIG) return lengthOf(cell);
  if (!isCollection(cell)) return 0;
  const own = bytesOfBlock(cell);
  return own + ((sizeOf(cell) >> 8) - (own >> 4)) * DEEP_BYTES;
}

/** Of a collection, without what its elements hold. */
export function bytesOfBlock(cell: usize): u32 {
  return <u32>countOf(cell) << <u32>shiftOf(cell);
}
