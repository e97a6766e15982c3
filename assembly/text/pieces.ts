// Text cut into a list of texts: split, rsplit, splitlines. The pieces lie in the text itself.

import { ENTRIES } from "../collections/block";
import { newList, pushItem } from "../collections/collection";
import { spend } from "../machine/heap";
import { firstPlace, lastPlace } from "./search";
import { isSpace } from "./unicode";
import { continues, pointAt, pointBytes } from "./utf8";
import { Fault, Tag, addressOf, copyCell, lengthOf, putCollection, putText, tagOf } from "../machine/value";

const list: usize = memory.data(16, 16);
const piece: usize = memory.data(16, 16);

/** Pieces that there is room for at first. */
const FEW: i32 = 8;

function begin(): void {
  putCollection(list, Tag.LIST, newList(Tag.LIST, FEW));
}

function push(from: usize, end: usize): i32 {
  putText(piece, from, <i32>(end - from));
  return pushItem(list, piece);
}

function finish(result: usize): i32 {
  if (spend(countOfList())) return Fault.LIMIT;
  copyCell(result, list);
  return 0;
}

function countOfList(): i32 {
  return load<i32>(addressOf(list));
}

/**
 * @param separator  cell of the text between the pieces; 0 or None: any white space, and no empty pieces
 * @param cuts       at most
 */
export function split(result: usize, text: usize, separator: usize, cuts: i32): i32 {
  const isAtSpace = separator == 0 || tagOf(separator) <= Tag.NONE;
  if (!isAtSpace && tagOf(separator) != Tag.TEXT) return Fault.TYPE;
  if (!isAtSpace && lengthOf(separator) == 0) return Fault.VALUE;
  const start = addressOf(text);
  const end = start + lengthOf(text);
  begin();
  const fault = isAtSpace
    ? splitAtSpace(start, end, cuts)
    : splitAt(start, end, addressOf(separator), lengthOf(separator), cuts);
  return fault != 0 ? fault : finish(result);
}

function splitAt(start: usize, end: usize, separator: usize, length: usize, cuts: i32): i32 {
  let from = start;
  for (; cuts > 0; cuts--) {
    const at = firstPlace(from, end, separator, length);
    if (at == 0) break;
    const fault = push(from, at);
    if (fault != 0) return fault;
    from = at + length;
  }
  return push(from, end);
}

function splitAtSpace(start: usize, end: usize, cuts: i32): i32 {
  let at = spaceEnd(start, end);
  for (; at < end && cuts > 0; cuts--) {
    const from = at;
    while (at < end && !isSpace(pointAt(at))) at += pointBytes(load<u8>(at));
    const fault = push(from, at);
    if (fault != 0) return fault;
    at = spaceEnd(at, end);
  }
  return at < end ? push(at, end) : 0;
}

/** The same, cut from the end on. */
export function splitFromEnd(result: usize, text: usize, separator: usize, cuts: i32): i32 {
  const isAtSpace = separator == 0 || tagOf(separator) <= Tag.NONE;
  if (!isAtSpace && tagOf(separator) != Tag.TEXT) return Fault.TYPE;
  if (!isAtSpace && lengthOf(separator) == 0) return Fault.VALUE;
  const start = addressOf(text);
  const end = start + lengthOf(text);
  begin();
  const fault = isAtSpace
    ? splitAtSpaceFromEnd(start, end, cuts)
    : splitAtFromEnd(start, end, addressOf(separator), lengthOf(separator), cuts);
  if (fault != 0) return fault;
  turn();
  return finish(result);
}

function splitAtFromEnd(start: usize, end: usize, separator: usize, length: usize, cuts: i32): i32 {
  for (; cuts > 0; cuts--) {
    const at = lastPlace(start, end, separator, length);
    if (at == 0) break;
    const fault = push(at + length, end);
    if (fault != 0) return fault;
    end = at;
  }
  return push(start, end);
}

function splitAtSpaceFromEnd(start: usize, end: usize, cuts: i32): i32 {
  let at = spaceStart(start, end);
  for (; at > start && cuts > 0; cuts--) {
    const behind = at;
    let before = at;
    while (before > start) {
      before = characterBefore(before);
      if (isSpace(pointAt(before))) break;
      at = before;
    }
    const fault = push(at, behind);
    if (fault != 0) return fault;
    at = spaceStart(start, at);
  }
  return at > start ? push(start, at) : 0;
}

/** Puts the pieces into the opposite order. */
function turn(): void {
  let first = addressOf(list) + ENTRIES;
  let last = first + (<usize>countOfList() << 4);
  while (first + 16 < last) {
    last -= 16;
    const cell = v128.load(first);
    copyCell(first, last);
    v128.store(last, cell);
    first += 16;
  }
}

export function splitLines(result: usize, text: usize): i32 {
  let at = addressOf(text);
  const end = at + lengthOf(text);
  begin();
  while (at < end) {
    const from = at;
    while (at < end && !endsLine(pointAt(at))) at += pointBytes(load<u8>(at));
    const fault = push(from, at);
    if (fault != 0) return fault;
    if (at < end) at += load<u8>(at) == 0x0d && at + 1 < end && load<u8>(at, 1) == 0x0a ? 2 : pointBytes(load<u8>(at));
  }
  return finish(result);
}

/** Line feed, vertical tab, form feed, return, the separators of files, groups and records, NEL, LS, PS. */
function endsLine(point: u32): bool {
  return point - 0x0a < 4 || point - 0x1c < 3 || point == 0x85 || point - 0x2028 < 2;
}

// White space at the ends

/** First character from `at` on that is no white space. */
export function spaceEnd(at: usize, end: usize): usize {
  while (at < end && isSpace(pointAt(at))) at += pointBytes(load<u8>(at));
  return at;
}

/** Behind the last character before `end` that is no white space. */
export function spaceStart(start: usize, end: usize): usize {
  while (end > start) {
    const before = characterBefore(end);
    if (!isSpace(pointAt(before))) break;
    end = before;
  }
  return end;
}

/** Begin of the character that ends at `at`. */
export function characterBefore(at: usize): usize {
  do at--;
  while (continues(load<u8>(at)));
  return at;
}
