// Methods and operators of lists and tuples.
//
// A method that changes a list is written once, in `change`. Of a record's list it is called in place; of any other
// it gives a new one, since `own` copies what is not held.

import { argument } from "../time/argument";
import { EMPTY, ENTRIES, Shift, SIZE, countOf, entriesOf, isHeld, newBlock, putPlain } from "./block";
import { Method } from "../machine/builtins";
import { itemsOf } from "./collection";
import { equals, placeOf } from "./compare";
import { keep, own, release, settle } from "./held";
import { ITEMS_MAX, spend, temporary } from "../machine/heap";
import { isInt } from "../numbers/numeric";
import { TOO_LARGE, sizeAfter, sizeOf, sizeOfEntries, sizeWith } from "./size";
import { bound, placed, readBound } from "../text/slice";
import { reverseCells, sortCells } from "./sort";
import { Fault, Tag, addressOf, copyCell, intOf, putCollection, putInt, tagOf } from "../machine/value";

export function listMethod(method: u32, result: usize, receiver: usize, args: usize, count: i32): i32 {
  if (tagOf(receiver) == Tag.TUPLE && method != Method.INDEX && method != Method.COUNT) return Fault.ATTRIBUTE;
  switch (method) {
    case Method.INDEX:
      return indexOf(result, receiver, args, count);
    case Method.COUNT:
      return count == 1 ? countItems(result, receiver, args) : Fault.TYPE;
    case Method.POP:
      return popped(result, receiver, args, count);
    case Method.COPY:
      if (count != 0) return Fault.TYPE;
      putPlain(result, receiver);
      return 0;
    default: {
      const list = temporary(16);
      putCollection(list, Tag.LIST, addressOf(receiver));
      const fault = change(method, list, args, count);
      if (fault == 0) copyCell(result, list);
      return fault;
    }
  }
}

/** A method that changes the list of a record's cell, in place. After a fault the list is as it was. */
export function listChange(method: u32, cell: usize, args: usize, count: i32): i32 {
  settle(cell);
  return change(method, cell, args, count);
}

function change(method: u32, list: usize, args: usize, count: i32): i32 {
  switch (method) {
    case Method.APPEND:
      return count == 1 ? insert(list, countOf(list), args) : Fault.TYPE;
    case Method.INSERT:
      return count == 2 ? insertAt(list, args, args + 16) : Fault.TYPE;
    case Method.EXTEND:
      return count == 1 ? extend(list, args) : Fault.TYPE;
    case Method.REMOVE:
      return count == 1 ? remove(list, args) : Fault.TYPE;
    case Method.SORT:
      return sort(list, args, count);
    case Method.REVERSE:
      if (count != 0) return Fault.TYPE;
      if (spend(countOf(list))) return Fault.LIMIT;
      reverseCells(own(list, 0) + ENTRIES, countOf(list));
      return 0;
    case Method.CLEAR:
      if (count != 0) return Fault.TYPE;
      release(list);
      putCollection(list, Tag.LIST, EMPTY);
      return 0;
    default:
      return Fault.ATTRIBUTE;
  }
}

const kept: usize = memory.data(16, 16);

/** None is not inserted. */
function insert(list: usize, place: i32, value: usize): i32 {
  if (tagOf(value) == Tag.NONE) return 0;
  const count = countOf(list);
  if (count >= ITEMS_MAX) return Fault.LIMIT;
  const held = isHeld(list);
  let size: u32 = 0;
  if (held) {
    size = sizeWith(sizeAfter(sizeOf(list), 1), sizeOf(value));
    if (size == TOO_LARGE) return Fault.LIMIT;
    keep(kept, value); // before `own`: it may be the list itself
  } else {
    if (spend(count)) return Fault.LIMIT;
    copyCell(kept, value);
  }
  const block = own(list, 1);
  const item = block + ENTRIES + (<usize>place << 4);
  if (place < count) memory.copy(item + 16, item, <usize>(count - place) << 4);
  copyCell(item, kept);
  store<i32>(block, count + 1);
  store<u32>(block, size, SIZE);
  return 0;
}

function insertAt(list: usize, index: usize, value: usize): i32 {
  if (tagOf(value) == Tag.NONE) return 0;
  if (!isInt(index)) return Fault.TYPE;
  return insert(list, <i32>placed(intOf(index), countOf(list), 0, countOf(list)), value);
}

function extend(list: usize, iterable: usize): i32 {
  const items = temporary(16);
  const fault = itemsOf(items, iterable);
  if (fault != 0) return fault;
  const more = countOf(items);
  const count = countOf(list);
  if (more > ITEMS_MAX - count || spend(more)) return Fault.LIMIT;
  if (more == 0) return 0;

  let cells = entriesOf(items);
  let size: u32 = 0;
  if (isHeld(list)) {
    size = sizeAfter(sizeOf(list), more);
    for (let i = 0; i < more; i++) size = sizeWith(size, sizeOf(cells + (<usize>i << 4)));
    if (size == TOO_LARGE) return Fault.LIMIT;
    const keeping = temporary(<usize>more << 4); // before `own`: they may be the list's own
    for (let i = 0; i < more; i++) keep(keeping + (<usize>i << 4), cells + (<usize>i << 4));
    cells = keeping;
  } else if (spend(count)) {
    return Fault.LIMIT;
  }
  const block = own(list, more);
  memory.copy(block + ENTRIES + (<usize>count << 4), cells, <usize>more << 4);
  store<i32>(block, count + more);
  store<u32>(block, size, SIZE);
  return 0;
}

function remove(list: usize, value: usize): i32 {
  const count = countOf(list);
  if (spend(count)) return Fault.LIMIT;
  const place = placeOf(list, value, 0, count);
  if (spend(0)) return Fault.LIMIT;
  if (place < 0) return Fault.VALUE;
  const block = own(list, 0);
  const item = block + ENTRIES + (<usize>place << 4);
  copyCell(kept, item);
  memory.copy(item, item + 16, <usize>(count - place - 1) << 4);
  store<i32>(block, count - 1);
  if (isHeld(list)) {
    release(kept);
    store<u32>(block, sizeOfEntries(block, 1), SIZE);
  }
  return 0;
}

function sort(list: usize, args: usize, count: i32): i32 {
  if (count > 1) return Fault.TYPE;
  const reverse = argument(args, count, 0);
  if (reverse != 0 && !isInt(reverse)) return Fault.TYPE;
  const bytes = <usize>countOf(list) << 4;
  const cells = temporary(bytes);
  memory.copy(cells, entriesOf(list), bytes);
  const fault = sortCells(cells, countOf(list), reverse != 0 && intOf(reverse) != 0);
  if (fault != 0) return fault;
  memory.copy(own(list, 0) + ENTRIES, cells, bytes);
  return 0;
}

// Not changing

/** `index(x, start, stop)` */
function indexOf(result: usize, list: usize, args: usize, count: i32): i32 {
  if (count < 1 || count > 3) return Fault.TYPE;
  const start = argument(args, count, 1);
  const stop = argument(args, count, 2);
  if ((start != 0 && tagOf(start) == Tag.NONE) || (stop != 0 && tagOf(stop) == Tag.NONE)) return Fault.TYPE;
  const items = countOf(list);
  if (spend(items)) return Fault.LIMIT;
  let fault = readBound(start, 0);
  if (fault != 0) return fault;
  const from = <i32>placed(bound, items, 0, items);
  fault = readBound(stop, items);
  if (fault != 0) return fault;
  const place = placeOf(list, args, from, <i32>placed(bound, items, 0, items));
  if (spend(0)) return Fault.LIMIT;
  if (place < 0) return Fault.VALUE;
  putInt(result, place);
  return 0;
}

function countItems(result: usize, list: usize, value: usize): i32 {
  const count = countOf(list);
  if (spend(count)) return Fault.LIMIT;
  let found = 0;
  for (let item = entriesOf(list), end = item + (<usize>count << 4); item < end; item += 16) {
    if (equals(item, value)) found++;
  }
  if (spend(0)) return Fault.LIMIT;
  putInt(result, found);
  return 0;
}

/** The element that `pop` gives. The list is a value and stays as it is. */
function popped(result: usize, list: usize, args: usize, count: i32): i32 {
  if (count > 1) return Fault.TYPE;
  const index = argument(args, count, 0);
  if (index != 0 && !isInt(index)) return Fault.TYPE;
  const items = countOf(list);
  const place = index == 0 ? -1 : intOf(index);
  const at = place < 0 ? place + items : place;
  if (at < 0 || at >= items) return Fault.INDEX;
  copyCell(result, entriesOf(list) + (<usize>at << 4));
  return 0;
}

/** `list[from:to:step]`; each may be None. */
export function sliceList(result: usize, list: usize, from: usize, to: usize, step: usize): i32 {
  let fault = readBound(step, 1);
  if (fault != 0) return fault;
  const stride = bound;
  if (stride == 0) return Fault.VALUE;
  const count = <i64>countOf(list);
  const lowest: i64 = stride < 0 ? -1 : 0;
  const highest = stride < 0 ? count - 1 : count;
  fault = readBound(from, stride < 0 ? highest : lowest);
  if (fault != 0) return fault;
  let place = placed(bound, count, lowest, highest);
  fault = readBound(to, stride < 0 ? -count - 1 : count);
  if (fault != 0) return fault;
  const behind = placed(bound, count, lowest, highest);
  const distance = stride < 0 ? place - behind : behind - place;
  const length = distance <= 0 ? 0 : <i32>((distance - 1) / abs(stride)) + 1;
  if (spend(length)) return Fault.LIMIT;

  const block = newBlock(Shift.ITEM, length, false);
  const items = entriesOf(list);
  for (let item = block + ENTRIES, end = item + (<usize>length << 4); item < end; item += 16, place += stride) {
    copyCell(item, items + (<usize>place << 4));
  }
  store<i32>(block, length);
  putCollection(result, tagOf(list), block);
  return 0;
}

// Operators

/** Of two lists, or two tuples. */
export function concatLists(result: usize, a: usize, b: usize): i32 {
  const first = countOf(a);
  const second = countOf(b);
  if (first + second > ITEMS_MAX || spend(first + second)) return Fault.LIMIT;
  const block = newBlock(Shift.ITEM, first + second, false);
  memory.copy(block + ENTRIES, entriesOf(a), <usize>first << 4);
  memory.copy(block + ENTRIES + (<usize>first << 4), entriesOf(b), <usize>second << 4);
  store<i32>(block, first + second);
  putCollection(result, tagOf(a), block);
  return 0;
}

/** @param times  below 0 is none */
export function repeatList(result: usize, list: usize, times: i32): i32 {
  const count = countOf(list);
  const total = <i64>count * max(times, 0);
  if (total > ITEMS_MAX || spend(<i32>total)) return Fault.LIMIT;
  const block = newBlock(Shift.ITEM, <i32>total, false);
  const bytes = <usize>count << 4;
  const end = block + ENTRIES + (<usize>total << 4);
  if (bytes != 0) for (let item = block + ENTRIES; item < end; item += bytes) memory.copy(item, entriesOf(list), bytes);
  store<i32>(block, <i32>total);
  putCollection(result, tagOf(list), block);
  return 0;
}
