// Methods and operators of sets; as in `list.ts`, those that change one are written once.

import { EMPTY, ENTRIES, SIZE, Shift, countOf, entriesOf, isHeld, putPlain } from "./block";
import { Method } from "../machine/builtins";
import { addMember, itemsOf, newSet, putCopy } from "./collection";
import { isSubset, keyFault } from "./compare";
import { assign, keep, own, release, settle } from "./held";
import { ITEMS_MAX, spend, temporary } from "../machine/heap";
import { entryOf, indexLast, unindex } from "./lookup";
import { mergeMaps } from "./map";
import { Operator } from "../machine/operate";
import { TOO_LARGE, sizeAfter, sizeOf, sizeOfEntries, sizeWith } from "./size";
import { Fault, Tag, addressOf, copyCell, putBool, putCollection, tagOf } from "../machine/value";

export function setMethod(method: u32, result: usize, receiver: usize, args: usize, count: i32): i32 {
  switch (method) {
    case Method.UNION:
      return folded(Operator.OR, result, receiver, args, count);
    case Method.INTERSECTION:
      return folded(Operator.AND, result, receiver, args, count);
    case Method.DIFFERENCE:
      return folded(Operator.SUBTRACT, result, receiver, args, count);
    case Method.SYMMETRIC_DIFFERENCE:
      return count == 1 ? folded(Operator.XOR, result, receiver, args, count) : Fault.TYPE;
    case Method.ISSUBSET:
    case Method.ISSUPERSET:
    case Method.ISDISJOINT:
      return count == 1 ? related(method, result, receiver, args) : Fault.TYPE;
    case Method.POP: {
      if (count != 0) return Fault.TYPE;
      if (countOf(receiver) == 0) return Fault.KEY;
      copyCell(result, entriesOf(receiver)); // any; the set is a value and stays as it is
      return 0;
    }
    case Method.COPY:
      if (count != 0) return Fault.TYPE;
      putPlain(result, receiver);
      return 0;
    default: {
      const set = temporary(16);
      putCollection(set, Tag.SET, addressOf(receiver));
      const fault = change(method, set, args, count);
      if (fault == 0) copyCell(result, set);
      return fault;
    }
  }
}

/** A method that changes the set of a record's cell, in place. After a fault the set is as it was. */
export function setChange(method: u32, cell: usize, args: usize, count: i32): i32 {
  settle(cell);
  return change(method, cell, args, count);
}

function change(method: u32, set: usize, args: usize, count: i32): i32 {
  switch (method) {
    case Method.ADD:
      return count == 1 ? add(set, args) : Fault.TYPE;
    case Method.DISCARD:
      return count == 1 ? remove(set, args, 0) : Fault.TYPE;
    case Method.REMOVE:
      return count == 1 ? remove(set, args, Fault.KEY) : Fault.TYPE;
    case Method.UPDATE:
      return update(set, args, count);
    case Method.INTERSECTION_UPDATE:
      return become(Operator.AND, set, args, count);
    case Method.DIFFERENCE_UPDATE:
      return become(Operator.SUBTRACT, set, args, count);
    case Method.SYMMETRIC_DIFFERENCE_UPDATE:
      return count == 1 ? become(Operator.XOR, set, args, count) : Fault.TYPE;
    case Method.CLEAR:
      if (count != 0) return Fault.TYPE;
      release(set);
      putCollection(set, Tag.SET, EMPTY);
      return 0;
    default:
      return Fault.ATTRIBUTE;
  }
}

// Changing

const kept: usize = memory.data(16, 16);

/** None is not added. */
function add(set: usize, value: usize): i32 {
  if (tagOf(value) == Tag.NONE) return 0;
  const fault = keyFault(value);
  if (fault != 0) return fault;
  if (entryOf(addressOf(set), Shift.ITEM, value) >= 0) return 0;
  const count = countOf(set);
  if (count >= ITEMS_MAX) return Fault.LIMIT;
  if (!isHeld(set)) {
    if (spend(count)) return Fault.LIMIT;
    own(set, 1);
    return addMember(set, value);
  }
  const size = sizeWith(sizeAfter(sizeOf(set), 1), sizeOf(value));
  if (size == TOO_LARGE) return Fault.LIMIT;
  keep(kept, value);
  const block = own(set, 1);
  copyCell(block + ENTRIES + (<usize>count << 4), kept);
  store<i32>(block, count + 1);
  store<u32>(block, size, SIZE);
  indexLast(block, Shift.ITEM, true);
  return 0;
}

/** @param missing  what to give when the value is not there */
function remove(set: usize, value: usize, missing: i32): i32 {
  if (tagOf(value) == Tag.SET) return missing; // no set is in a set, but may be asked for
  const fault = keyFault(value);
  if (fault != 0) return fault;
  const number = entryOf(addressOf(set), Shift.ITEM, value);
  if (number < 0) return missing;
  const count = countOf(set);
  if (spend(count)) return Fault.LIMIT;
  const block = own(set, 0);
  const held = isHeld(set);
  unindex(block, Shift.ITEM, held, number);
  const item = block + ENTRIES + (<usize>number << 4);
  copyCell(kept, item);
  memory.copy(item, item + 16, <usize>(count - number - 1) << 4);
  store<i32>(block, count - 1);
  if (held) {
    release(kept);
    store<u32>(block, sizeOfEntries(block, 1), SIZE);
  }
  return 0;
}

/** `update(iterable, …)` */
function update(set: usize, args: usize, count: i32): i32 {
  const more = temporary(16);
  putCollection(more, Tag.SET, newSet());
  for (let i = 0; i < count; i++) {
    const fault = addAll(more, args + (<usize>i << 4));
    if (fault != 0) return fault;
  }
  if (countOf(more) == 0) return 0;
  if (!isHeld(set)) {
    if (spend(countOf(set))) return Fault.LIMIT;
    own(set, countOf(more));
    return addAll(set, more);
  }

  const items = entriesOf(more);
  const itemsEnd = items + (<usize>countOf(more) << 4);
  let size = sizeOf(set);
  let added = 0;
  for (let item = items; item < itemsEnd; item += 16) {
    if (entryOf(addressOf(set), Shift.ITEM, item) >= 0) continue;
    size = sizeWith(sizeAfter(size, 1), sizeOf(item));
    added++;
  }
  if (size == TOO_LARGE || added > ITEMS_MAX - countOf(set)) return Fault.LIMIT;
  if (added == 0) return 0;
  const block = own(set, added);
  for (let item = items; item < itemsEnd; item += 16) {
    if (entryOf(block, Shift.ITEM, item) >= 0) continue;
    const last = load<i32>(block);
    keep(block + ENTRIES + (<usize>last << 4), item);
    store<i32>(block, last + 1);
    indexLast(block, Shift.ITEM, true);
  }
  store<u32>(block, size, SIZE);
  return 0;
}

/** The set becomes what `operator` makes of it and the arguments. */
function become(operator: u32, set: usize, args: usize, count: i32): i32 {
  const made = temporary(16);
  const fault = folded(operator, made, set, args, count);
  if (fault != 0) return fault;
  if (isHeld(set)) assign(set, made);
  else copyCell(set, made);
  return 0;
}

// Not changing

/** `a | b`, `a & b`, `a - b`, `a ^ b` of sets, `a | b` of maps. */
export function setOperation(operator: u32, result: usize, a: usize, b: usize): i32 {
  if (tagOf(a) == Tag.MAP) return operator == Operator.OR ? mergeMaps(result, a, b) : Fault.TYPE;
  if (operator < Operator.OR && operator != Operator.SUBTRACT) {
    return Fault.TYPE;
  }
  return folded(operator, result, a, b, 1);
}

/** What `operator` makes of the set and each of the arguments in turn. */
function folded(operator: u32, result: usize, set: usize, args: usize, count: i32): i32 {
  const whole = temporary(16);
  putPlain(whole, set);
  for (let i = 0; i < count; i++) {
    const fault = combined(operator, whole, whole, args + (<usize>i << 4));
    if (fault != 0) return fault;
  }
  copyCell(result, whole);
  return 0;
}

function combined(operator: u32, result: usize, a: usize, iterable: usize): i32 {
  const made = temporary(32);
  let fault = 0;
  if (operator == Operator.OR) {
    putCopy(made, a, 0);
    fault = spend(countOf(a)) ? Fault.LIMIT : addAll(made, iterable);
  } else if (operator == Operator.AND && tagOf(iterable) == Tag.SET && countOf(iterable) > countOf(a)) {
    fault = select(made, a, iterable, true); // as Python: the members of the smaller one
  } else if (operator == Operator.AND) {
    fault = select(made, iterable, a, true);
  } else {
    const other = made + 16;
    fault = toSet(other, iterable);
    if (fault == 0) fault = select(made, a, other, false);
    if (fault == 0 && operator == Operator.XOR) fault = selectInto(made, other, a, false);
  }
  if (fault == 0) copyCell(result, made);
  return fault;
}

/** A new set of the items that are, or are not, in the set. */
function select(result: usize, iterable: usize, set: usize, isIn: bool): i32 {
  putCollection(result, Tag.SET, newSet());
  return selectInto(result, iterable, set, isIn);
}

function selectInto(made: usize, iterable: usize, set: usize, isIn: bool): i32 {
  const items = temporary(16);
  let fault = itemsOf(items, iterable);
  if (fault != 0) return fault;
  const count = countOf(items);
  if (spend(count)) return Fault.LIMIT;
  for (let item = entriesOf(items), end = item + (<usize>count << 4); item < end; item += 16) {
    fault = keyFault(item);
    if (fault != 0) return fault;
    if (entryOf(addressOf(set), Shift.ITEM, item) >= 0 != isIn) continue;
    fault = addMember(made, item);
    if (fault != 0) return fault;
  }
  return 0;
}

/** Adds all elements of `iterable` to a set that is being built. */
function addAll(set: usize, iterable: usize): i32 {
  const items = temporary(16);
  let fault = itemsOf(items, iterable);
  if (fault != 0) return fault;
  const count = countOf(items);
  if (spend(count)) return Fault.LIMIT;
  for (let item = entriesOf(items), end = item + (<usize>count << 4); item < end; item += 16) {
    fault = addMember(set, item);
    if (fault != 0) return fault;
  }
  return 0;
}

/** `set(cell)` */
export function toSet(result: usize, cell: usize): i32 {
  if (tagOf(cell) == Tag.SET) {
    putPlain(result, cell);
    return 0;
  }
  const made = temporary(16);
  putCollection(made, Tag.SET, newSet());
  const fault = addAll(made, cell);
  if (fault == 0) copyCell(result, made);
  return fault;
}

function related(method: u32, result: usize, set: usize, iterable: usize): i32 {
  const other = temporary(16);
  if (method == Method.ISSUBSET) {
    const fault = toSet(other, iterable);
    if (fault == 0) putBool(result, isSubset(set, other));
    return fault;
  }
  let fault = itemsOf(other, iterable);
  if (fault != 0) return fault;
  const count = countOf(other);
  if (spend(count)) return Fault.LIMIT;
  const wanted = method == Method.ISSUPERSET;
  let holds = true; // until an item says otherwise
  for (let i = 0; i < count && holds; i++) {
    const item = entriesOf(other) + (<usize>i << 4);
    fault = keyFault(item);
    if (fault != 0) return fault;
    holds = entryOf(addressOf(set), Shift.ITEM, item) >= 0 == wanted;
  }
  putBool(result, holds);
  return 0;
}
