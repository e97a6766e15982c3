// Methods of maps; as in `list.ts`, those that change one are written once.

import { argument } from "../time/argument";
import { EMPTY, ENTRIES, SIZE, Shift, countOf, entriesOf, isHeld, newBlock, putPlain } from "./block";
import { Method } from "../machine/builtins";
import { halves, itemsOf, newMap, putCopy, putEntry } from "./collection";
import { keyFault } from "./compare";
import { assign, keep, own, release, settle } from "./held";
import { ITEMS_MAX, spend, temporary } from "../machine/heap";
import { entryOf, indexLast } from "./lookup";
import { Operator, operate } from "../machine/operate";
import { TOO_LARGE, isHeavy, sizeAfter, sizeOf, sizeOfEntries, sizeWith } from "./size";
import { Fault, Tag, addressOf, copyCell, putCollection, putInt, putNone, tagOf } from "../machine/value";

export function mapMethod(method: u32, result: usize, receiver: usize, args: usize, count: i32): i32 {
  switch (method) {
    case Method.KEYS:
      return count == 0 ? halves(result, receiver, 0) : Fault.TYPE;
    case Method.VALUES:
      return count == 0 ? halves(result, receiver, 16) : Fault.TYPE;
    case Method.ITEMS:
      return count == 0 ? pairs(result, receiver) : Fault.TYPE;
    case Method.GET:
      return got(result, receiver, args, count);
    case Method.POP:
      return popped(result, receiver, args, count);
    case Method.COPY:
      if (count != 0) return Fault.TYPE;
      putPlain(result, receiver);
      return 0;
    default: {
      const map = temporary(16);
      putCollection(map, Tag.MAP, addressOf(receiver));
      const fault = change(method, map, args, count);
      if (fault == 0) copyCell(result, map);
      return fault;
    }
  }
}

/** A method that changes the map of a record's cell, in place. After a fault the map is as it was. */
export function mapChange(method: u32, cell: usize, args: usize, count: i32): i32 {
  settle(cell);
  return change(method, cell, args, count);
}

function change(method: u32, map: usize, args: usize, count: i32): i32 {
  switch (method) {
    case Method.SET:
      if (count != 2) return Fault.TYPE;
      return tagOf(args) == Tag.NONE ? 0 : set(map, args, args + 16);
    case Method.INCREMENT:
      return increment(map, args, count);
    case Method.SETDEFAULT:
      return setDefault(map, args, count);
    case Method.UPDATE:
      return count == 0 ? 0 : count == 1 ? update(map, args) : Fault.TYPE;
    case Method.CLEAR:
      if (count != 0) return Fault.TYPE;
      release(map);
      putCollection(map, Tag.MAP, EMPTY);
      return 0;
    default:
      return Fault.ATTRIBUTE;
  }
}

// Changing

const kept: usize = memory.data(32, 16);

function set(map: usize, key: usize, value: usize): i32 {
  const fault = keyFault(key);
  if (fault != 0) return fault;
  return setAt(map, entryOf(addressOf(map), Shift.ENTRY, key), key, value);
}

/** @param number  of the entry with this key; below 0 when `entryOf` has just missed it */
function setAt(map: usize, number: i32, key: usize, value: usize): i32 {
  const isNew = number < 0;
  if (isNew && countOf(map) >= ITEMS_MAX) return Fault.LIMIT;
  if (!isHeld(map)) {
    if (spend(countOf(map))) return Fault.LIMIT;
    own(map, i32(isNew));
    return putEntry(map, key, value);
  }

  // what is kept is so before `own`: it may be the map itself, or a part
  if (isNew) {
    const size = sizeWith(sizeWith(sizeAfter(sizeOf(map), 2), sizeOf(key)), sizeOf(value));
    if (size == TOO_LARGE) return Fault.LIMIT;
    keep(kept, key);
    keep(kept + 16, value);
    const block = own(map, 1);
    append(block, kept);
    store<u32>(block, size, SIZE);
    return 0;
  }
  if (!isHeavy(valueAt(addressOf(map), number)) && !isHeavy(value)) {
    assign(valueAt(own(map, 0), number), value);
    return 0;
  }
  const size = sizeReplacing(addressOf(map), number, value);
  if (size == TOO_LARGE) return Fault.LIMIT;
  keep(kept, value);
  const block = own(map, 0);
  const cell = valueAt(block, number);
  release(cell);
  copyCell(cell, kept);
  store<u32>(block, size, SIZE);
  return 0;
}

// @ts-ignore: decorator
@inline
function valueAt(block: usize, number: i32): usize {
  return block + ENTRIES + (<usize>number << 5) + 16;
}

/** Puts a kept entry behind the others, where there is room; `entryOf` has just missed its key. */
function append(block: usize, entry: usize): void {
  const count = load<i32>(block);
  const target = block + ENTRIES + (<usize>count << 5);
  copyCell(target, entry);
  copyCell(target + 16, entry + 16);
  store<i32>(block, count + 1);
  indexLast(block, Shift.ENTRY, true);
}

/** Size of a map when `value` is the one of entry `number`. */
function sizeReplacing(block: usize, number: i32, value: usize): u32 {
  const count = load<i32>(block);
  const replaced = valueAt(block, number);
  let size = sizeAfter(1, <u32>count << 1);
  for (let cell = block + ENTRIES, end = cell + (<usize>count << 5); cell < end; cell += 16) {
    size = sizeWith(size, sizeOf(cell == replaced ? value : cell));
  }
  return size;
}

/** `increment(key, by=1)`. A key that is not there counts as 0, None is left alone. */
function increment(map: usize, args: usize, count: i32): i32 {
  if (count < 1 || count > 2) return Fault.TYPE;
  if (tagOf(args) == Tag.NONE) return 0;
  let fault = keyFault(args);
  if (fault != 0) return fault;
  const sum = temporary(32);
  const number = entryOf(addressOf(map), Shift.ENTRY, args);
  if (number < 0) putInt(sum, 0);
  else copyCell(sum, valueAt(addressOf(map), number));
  const by = argument(args, count, 1);
  if (by == 0) putInt(sum + 16, 1);
  else copyCell(sum + 16, by);
  fault = operate(Operator.ADD, sum, sum, sum + 16);
  return fault == 0 ? setAt(map, number, args, sum) : fault;
}

function setDefault(map: usize, args: usize, count: i32): i32 {
  if (count < 1 || count > 2) return Fault.TYPE;
  const fault = keyFault(args);
  if (fault != 0) return fault;
  if (entryOf(addressOf(map), Shift.ENTRY, args) >= 0) return 0;
  const value = temporary(16);
  const given = argument(args, count, 1);
  if (given == 0) putNone(value);
  else copyCell(value, given);
  return setAt(map, -1, args, value);
}

function update(map: usize, source: usize): i32 {
  const entries = temporary(16);
  let fault = toMap(entries, source);
  if (fault != 0) return fault;
  if (countOf(entries) == 0) return 0;
  if (isHeld(map) && fitsAll(map, entries)) {
    updateKept(map, entries);
    return 0;
  }

  const merged = temporary(16);
  fault = mergeMaps(merged, map, entries);
  if (fault != 0) return fault;
  if (isHeld(map)) {
    if (sizeOf(merged) == TOO_LARGE) return Fault.LIMIT;
    assign(map, merged);
  } else {
    copyCell(map, merged);
  }
  return 0;
}

/** Would a map that is kept take these entries even if none replaced one? */
function fitsAll(map: usize, entries: usize): bool {
  const more = countOf(entries);
  if (more > ITEMS_MAX - countOf(map) || spend(more)) return false;
  return sizeWith(sizeAfter(sizeOf(map), <u32>more << 1), sizeOf(entries)) != TOO_LARGE;
}

function updateKept(map: usize, entries: usize): void {
  const count = countOf(entries);
  const bytes = <usize>count << 5;
  const from = entriesOf(entries);
  const cells = temporary(bytes); // kept before anything is let go: some may be the map's own
  for (let offset: usize = 0; offset < bytes; offset += 16) keep(cells + offset, from + offset);

  const block = own(map, count);
  for (let entry = cells, end = cells + bytes; entry < end; entry += 32) {
    const number = entryOf(block, Shift.ENTRY, entry);
    if (number < 0) {
      append(block, entry);
      continue;
    }
    const value = valueAt(block, number);
    release(value);
    copyCell(value, entry + 16);
    release(entry);
  }
  store<u32>(block, sizeOfEntries(block, 2), SIZE);
}

// Not changing

/** `get(key, otherwise=None)` */
function got(result: usize, map: usize, args: usize, count: i32): i32 {
  if (count < 1 || count > 2) return Fault.TYPE;
  const fault = keyFault(args);
  if (fault != 0) return fault;
  const number = entryOf(addressOf(map), Shift.ENTRY, args);
  const otherwise = argument(args, count, 1);
  if (number >= 0) copyCell(result, entriesOf(map) + (<usize>number << 5) + 16);
  else if (otherwise != 0) copyCell(result, otherwise);
  else putNone(result);
  return 0;
}

/** What `pop(key, otherwise)` gives. The map is a value and stays as it is. An empty one does not look at the key. */
function popped(result: usize, map: usize, args: usize, count: i32): i32 {
  if (count < 1 || count > 2) return Fault.TYPE;
  const isEmpty = countOf(map) == 0;
  const fault = isEmpty ? 0 : keyFault(args);
  if (fault != 0) return fault;
  const number = isEmpty ? -1 : entryOf(addressOf(map), Shift.ENTRY, args);
  const otherwise = argument(args, count, 1);
  if (number >= 0) copyCell(result, entriesOf(map) + (<usize>number << 5) + 16);
  else if (otherwise != 0) copyCell(result, otherwise);
  else return Fault.KEY;
  return 0;
}

/** A list of tuples of key and value. */
function pairs(result: usize, map: usize): i32 {
  const count = countOf(map);
  if (spend(count)) return Fault.LIMIT;
  const block = newBlock(Shift.ITEM, count, false);
  store<i32>(block, count);
  let entry = entriesOf(map);
  for (let item = block + ENTRIES, end = item + (<usize>count << 4); item < end; item += 16, entry += 32) {
    const pair = newBlock(Shift.ITEM, 2, false);
    store<i32>(pair, 2);
    copyCell(pair + ENTRIES, entry);
    copyCell(pair + ENTRIES + 16, entry + 16);
    putCollection(item, Tag.TUPLE, pair);
  }
  putCollection(result, Tag.LIST, block);
  return 0;
}

/** `dict(cell)`: of a map itself; else of an iterable of pairs, each anything with two elements. */
export function toMap(result: usize, cell: usize): i32 {
  if (tagOf(cell) == Tag.MAP) {
    putPlain(result, cell);
    return 0;
  }
  const items = temporary(48);
  const map = items + 16;
  const pair = items + 32;
  let fault = itemsOf(items, cell);
  if (fault != 0) return fault;
  const count = countOf(items);
  if (spend(count)) return Fault.LIMIT;
  putCollection(map, Tag.MAP, newMap());
  for (let i = 0; i < count; i++) {
    fault = itemsOf(pair, entriesOf(items) + (<usize>i << 4));
    if (fault != 0) return fault;
    if (countOf(pair) != 2) return Fault.VALUE;
    fault = putEntry(map, entriesOf(pair), entriesOf(pair) + 16);
    if (fault != 0) return fault;
  }
  copyCell(result, map);
  return 0;
}

/** `a | b` */
export function mergeMaps(result: usize, a: usize, b: usize): i32 {
  if (spend(countOf(a) + countOf(b))) return Fault.LIMIT;
  const merged = temporary(16);
  putCopy(merged, a, countOf(b));
  for (let entry = entriesOf(b), end = entry + (<usize>countOf(b) << 5); entry < end; entry += 32) {
    const fault = putEntry(merged, entry, entry + 16);
    if (fault != 0) return fault;
  }
  copyCell(result, merged);
  return 0;
}
