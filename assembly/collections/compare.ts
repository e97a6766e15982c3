// Which values are equal, which of two is less, what counts as true, what is in what.
//
// A comparison of collections counts as work, an element each. When that is more than allowed, one of temporary
// collections ends early, with whatever answer: the expression fails. What is kept has a bound of its own.

import { UNORDERED, compareNumbers } from "../numbers/arithmetic";
import { ENTRIES, Shift, countOf, entriesOf, isHeld, shiftOf } from "./block";
import { sameBytes } from "../text/bytes";
import { compareTimes, equalTimes } from "../time/datetime";
import { keyFault } from "./hash";
import { spend, spendBytes } from "../machine/heap";
import { entryOf } from "./lookup";
import { compareTexts, textIn } from "../text/string";
import { Fault, Tag, addressOf, floatOf, intOf, lengthOf, putBool, tagOf } from "../machine/value";

export { hash, isHashable, keyFault } from "./hash";

/** Of `order`: they have none, which in Python is a TypeError. */
export const ORDER_FAULT: i32 = 2;

export function equals(a: usize, b: usize): bool {
  const tag = tagOf(a);
  if (tag != tagOf(b)) return isNumeric(a) && isNumeric(b) && compareNumbers(a, b) == 0;
  switch (tag) {
    case Tag.NONE:
      return true;
    case Tag.BOOL:
    case Tag.INT:
      return intOf(a) == intOf(b);
    case Tag.FLOAT:
      return floatOf(a) == floatOf(b);
    case Tag.BIG: // JSON has one way to write an integer
    case Tag.TEXT:
      return sameText(a, b);
    case Tag.DATETIME:
    case Tag.DATE:
    case Tag.TIMEDELTA:
      return equalTimes(a, b);
    case Tag.ZONE:
      return lengthOf(a) == lengthOf(b);
    case Tag.SET:
      return countOf(a) == countOf(b) && isSubset(a, b);
    case Tag.MAP:
      return equalMaps(a, b);
    default:
      return equalItems(a, b);
  }
}

/** Of two texts. */
// @ts-ignore: decorator
@inline
export function sameText(a: usize, b: usize): bool {
  const length = lengthOf(a);
  if (lengthOf(b) != length) return false;
  spendBytes(length);
  return sameBytes(addressOf(a), addressOf(b), length);
}

function equalItems(a: usize, b: usize): bool {
  const count = countOf(a);
  if (count != countOf(b) || isTooMuch(a, b, count)) return false;
  let other = entriesOf(b);
  for (let item = entriesOf(a), end = item + (<usize>count << 4); item < end; item += 16, other += 16) {
    if (!equals(item, other)) return false;
  }
  return true;
}

function equalMaps(a: usize, b: usize): bool {
  const count = countOf(a);
  if (count != countOf(b) || isTooMuch(a, b, count)) return false;
  const others = addressOf(b);
  for (let key = entriesOf(a), end = key + (<usize>count << 5); key < end; key += 32) {
    const number = entryOf(others, Shift.ENTRY, key);
    if (number < 0 || !equals(key + 16, others + ENTRIES + (<usize>number << 5) + 16)) return false;
  }
  return true;
}

/** Is every member of the set `a` one of `b`? */
export function isSubset(a: usize, b: usize): bool {
  const count = countOf(a);
  if (count > countOf(b) || isTooMuch(a, b, count)) return false;
  const others = addressOf(b);
  for (let item = entriesOf(a), end = item + (<usize>count << 4); item < end; item += 16) {
    if (entryOf(others, Shift.ITEM, item) < 0) return false;
  }
  return true;
}

/**
 * -1, 0 or 1 as `a` is less than, equal to or greater than `b`, where less is, of sets: contained in. ORDER_FAULT; or
 * UNORDERED where nothing of that holds: NaN, and sets that both have what the other lacks.
 */
export function order(a: usize, b: usize): i32 {
  const tag = tagOf(a);
  const other = tagOf(b);
  if (tag == Tag.INT && other == Tag.INT) return i32(intOf(a) > intOf(b)) - i32(intOf(a) < intOf(b));
  if (isNumeric(a) && isNumeric(b)) return compareNumbers(a, b);
  if (isTime(tag) && isTime(other)) return compareTimes(a, b);
  if (tag != other) return ORDER_FAULT;
  switch (tag) {
    case Tag.TEXT:
      return compareTexts(a, b);
    case Tag.LIST:
    case Tag.TUPLE:
      return orderItems(a, b);
    case Tag.SET:
      if (isSubset(a, b)) return countOf(a) == countOf(b) ? 0 : -1;
      return isSubset(b, a) ? 1 : UNORDERED;
    default:
      return ORDER_FAULT;
  }
}

/** The first items that differ decide. */
function orderItems(a: usize, b: usize): i32 {
  const counts = countOf(a) - countOf(b);
  const common = min(countOf(a), countOf(b));
  if (isTooMuch(a, b, common)) return UNORDERED;
  let other = entriesOf(b);
  for (let item = entriesOf(a), end = item + (<usize>common << 4); item < end; item += 16, other += 16) {
    if (!equals(item, other)) return order(item, other);
  }
  return i32(counts > 0) - i32(counts < 0);
}

// @ts-ignore: decorator
@inline
function isTooMuch(a: usize, b: usize, count: i32): bool {
  return spend(count) && !isHeld(a) && !isHeld(b);
}

/** @returns 0 or 1, or a Fault below 0 */
export function lessThan(a: usize, b: usize): i32 {
  const which = order(a, b);
  if (which == ORDER_FAULT) return -Fault.TYPE;
  return spend(0) ? -Fault.LIMIT : i32(which == -1);
}

export function truth(cell: usize): bool {
  switch (tagOf(cell)) {
    case Tag.NONE:
      return false;
    case Tag.BOOL:
    case Tag.INT:
    case Tag.TIMEDELTA:
      return intOf(cell) != 0;
    case Tag.FLOAT:
      return floatOf(cell) != 0;
    case Tag.TEXT:
      return lengthOf(cell) != 0;
    case Tag.LIST:
    case Tag.TUPLE:
    case Tag.SET:
    case Tag.MAP:
      return countOf(cell) != 0;
    default:
      return true;
  }
}

export function isIn(result: usize, needle: usize, haystack: usize): i32 {
  switch (tagOf(haystack)) {
    case Tag.LIST:
    case Tag.TUPLE: {
      if (spend(countOf(haystack))) return Fault.LIMIT;
      const place = placeOf(haystack, needle, 0, countOf(haystack));
      if (spend(0)) return Fault.LIMIT;
      putBool(result, place >= 0);
      return 0;
    }
    case Tag.SET:
    case Tag.MAP: {
      const fault = keyFault(needle);
      // a set may be asked for by a set, though it never holds one
      if (fault != 0 && !(tagOf(needle) == Tag.SET && tagOf(haystack) == Tag.SET)) return fault;
      putBool(result, fault == 0 && entryOf(addressOf(haystack), shiftOf(haystack), needle) >= 0);
      return 0;
    }
    case Tag.TEXT:
      if (tagOf(needle) != Tag.TEXT) return Fault.TYPE;
      putBool(result, textIn(needle, haystack));
      return 0;
    default:
      return Fault.TYPE;
  }
}

/** Number of the first item of a list or tuple that equals `cell`, among those from `from` up to `end`; or -1. */
export function placeOf(list: usize, cell: usize, from: i32, end: i32): i32 {
  const items = entriesOf(list);
  for (let place = from; place < end; place++) {
    if (equals(items + (<usize>place << 4), cell)) return place;
  }
  return -1;
}

// @ts-ignore: decorator
@inline
function isNumeric(cell: usize): bool {
  return tagOf(cell) - Tag.BOOL <= Tag.BIG - Tag.BOOL;
}

// @ts-ignore: decorator
@inline
function isTime(tag: u32): bool {
  return tag - Tag.DATETIME <= Tag.TIMEDELTA - Tag.DATETIME;
}
