// Functions that make one value of a collection.

import { argument } from "../time/argument";
import { countOf, entriesOf, isCollection } from "./block";
import { itemsOf } from "./collection";
import { lessThan, truth } from "./compare";
import { spend, temporary } from "../machine/heap";
import { Operator, operate } from "../machine/operate";
import { textLength } from "../text/string";
import { Fault, Tag, copyCell, putBool, putInt, tagOf } from "../machine/value";

/** `len(cell)` */
export function lengthOfAny(result: usize, cell: usize): i32 {
  if (isCollection(cell)) putInt(result, countOf(cell));
  else if (tagOf(cell) == Tag.TEXT) putInt(result, textLength(cell));
  else return Fault.TYPE;
  return 0;
}

/** `sum(iterable, start=0)`, from left to right. */
export function sum(result: usize, args: usize, count: i32): i32 {
  const total = temporary(32);
  const items = total + 16;
  let fault = itemsOf(items, args);
  if (fault != 0) return fault;
  const start = argument(args, count, 1);
  if (start == 0) putInt(total, 0);
  else if (tagOf(start) == Tag.TEXT) return Fault.TYPE; // Python asks for join
  else copyCell(total, start);
  if (spend(countOf(items))) return Fault.LIMIT;
  let item = entriesOf(items);
  for (const end = item + (<usize>countOf(items) << 4); item < end; item += 16) {
    fault = operate(Operator.ADD, total, total, item);
    if (fault != 0) return fault;
  }
  copyCell(result, total);
  return 0;
}

/** `max` or `min`, of one iterable or of several arguments: the first of those that are equal. */
export function extreme(result: usize, args: usize, count: i32, isMax: bool): i32 {
  let items = args;
  if (count == 1) {
    const iterable = temporary(16);
    const fault = itemsOf(iterable, args);
    if (fault != 0) return fault;
    items = entriesOf(iterable);
    count = countOf(iterable);
    if (count == 0) return Fault.VALUE;
  }
  if (spend(count)) return Fault.LIMIT;
  let best = items;
  for (let i = 1; i < count; i++) {
    const item = items + (<usize>i << 4);
    const better = isMax ? lessThan(best, item) : lessThan(item, best);
    if (better < 0) return -better;
    if (better > 0) best = item;
  }
  copyCell(result, best);
  return 0;
}

/** `any(iterable)` */
export function any(result: usize, iterable: usize): i32 {
  return found(result, iterable, true);
}

/** `all(iterable)` */
export function all(result: usize, iterable: usize): i32 {
  return found(result, iterable, false);
}

/** Is there an item whose truth is `wanted`? Then that is the answer, else the opposite. */
function found(result: usize, iterable: usize, wanted: bool): i32 {
  const items = temporary(16);
  const fault = itemsOf(items, iterable);
  if (fault != 0) return fault;
  const count = countOf(items);
  if (spend(count)) return Fault.LIMIT;
  for (let item = entriesOf(items), end = item + (<usize>count << 4); item < end; item += 16) {
    if (truth(item) != wanted) continue;
    putBool(result, wanted);
    return 0;
  }
  putBool(result, !wanted);
  return 0;
}
