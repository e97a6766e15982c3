// Functions that make a list of one or several collections. In Python some of them give iterators; here all are lists.

import { argument } from "../time/argument";
import { ENTRIES, Shift, countOf, entriesOf, newBlock } from "./block";
import { itemsOf } from "./collection";
import { ITEMS_MAX, spend, temporary } from "../machine/heap";
import { isInt } from "../numbers/numeric";
import { reverseCells, sortCells } from "./sort";
import { Fault, Tag, addressOf, copyCell, intOf, putCollection, putInt, tagOf } from "../machine/value";

/** `sorted(iterable, reverse=False)` */
export function sorted(result: usize, args: usize, count: i32): i32 {
  const list = temporary(16);
  let fault = copied(list, args);
  if (fault != 0) return fault;
  const reverse = argument(args, count, 1);
  if (reverse != 0 && !isInt(reverse)) return Fault.TYPE;
  fault = sortCells(entriesOf(list), countOf(list), reverse != 0 && intOf(reverse) != 0);
  if (fault == 0) copyCell(result, list);
  return fault;
}

/** `reversed(cell)`, of what has an order: not of sets. */
export function reversed(result: usize, cell: usize): i32 {
  if (tagOf(cell) == Tag.SET) return Fault.TYPE;
  const list = temporary(16);
  const fault = copied(list, cell);
  if (fault != 0) return fault;
  reverseCells(entriesOf(list), countOf(list));
  copyCell(result, list);
  return 0;
}

/** A new list of the elements of an iterable. */
function copied(result: usize, iterable: usize): i32 {
  const items = temporary(16);
  const fault = itemsOf(items, iterable);
  if (fault != 0) return fault;
  const count = countOf(items);
  if (spend(count)) return Fault.LIMIT;
  const block = newBlock(Shift.ITEM, count, false);
  memory.copy(block + ENTRIES, entriesOf(items), <usize>count << 4);
  store<i32>(block, count);
  putCollection(result, Tag.LIST, block);
  return 0;
}

/** `range(stop)`, `range(start, stop, step=1)` */
export function range(result: usize, args: usize, count: i32): i32 {
  for (let i = 0; i < count; i++) {
    if (!isInt(args + (<usize>i << 4))) return Fault.TYPE;
  }
  const start: i64 = count == 1 ? 0 : intOf(args);
  const stop = intOf(count == 1 ? args : args + 16);
  const step: i64 = count == 3 ? intOf(args + 32) : 1;
  if (step == 0) return Fault.VALUE;

  let length: u64 = 0; // without signs, so that the widest range has a length too
  if (step > 0 && start < stop) length = (<u64>(stop - start) - 1) / <u64>step + 1;
  if (step < 0 && start > stop) length = (<u64>(start - stop) - 1) / <u64>-step + 1;
  if (length > <u64>ITEMS_MAX || spend(<i32>length)) return Fault.LIMIT;
  const block = newBlock(Shift.ITEM, <i32>length, false);
  for (let i: u64 = 0; i < length; i++) putInt(block + ENTRIES + (<usize>i << 4), start + <i64>i * step);
  store<i32>(block, <i32>length);
  putCollection(result, Tag.LIST, block);
  return 0;
}

/** `enumerate(iterable, start=0)` */
export function enumerate(result: usize, args: usize, count: i32): i32 {
  const items = temporary(16);
  const fault = itemsOf(items, args);
  if (fault != 0) return fault;
  const start = argument(args, count, 1);
  if (start != 0 && !isInt(start)) return Fault.TYPE;
  const length = countOf(items);
  if (spend(length)) return Fault.LIMIT;
  const first: i64 = start == 0 ? 0 : intOf(start);
  if (length > 0 && first > i64.MAX_VALUE - (length - 1)) return Fault.OVERFLOW;
  const block = newBlock(Shift.ITEM, length, false);
  for (let i = 0; i < length; i++) {
    const pair = newBlock(Shift.ITEM, 2, false);
    store<i32>(pair, 2);
    putInt(pair + ENTRIES, first + i);
    copyCell(pair + ENTRIES + 16, entriesOf(items) + (<usize>i << 4));
    putCollection(block + ENTRIES + (<usize>i << 4), Tag.TUPLE, pair);
  }
  store<i32>(block, length);
  putCollection(result, Tag.LIST, block);
  return 0;
}

/** `zip(iterable, …)`: tuples, as many as the shortest has elements. */
export function zip(result: usize, args: usize, count: i32): i32 {
  const columns = temporary(<usize>count << 4);
  let length = count == 0 ? 0 : ITEMS_MAX;
  for (let i = 0; i < count; i++) {
    const column = columns + (<usize>i << 4);
    const fault = itemsOf(column, args + (<usize>i << 4));
    if (fault != 0) return fault;
    length = min(length, countOf(column));
  }
  if (spend(length * count)) return Fault.LIMIT;
  const block = newBlock(Shift.ITEM, length, false);
  for (let i = 0; i < length; i++) {
    const row = newBlock(Shift.ITEM, count, false);
    store<i32>(row, count);
    for (let j = 0; j < count; j++) {
      const item = addressOf(columns + (<usize>j << 4)) + ENTRIES + (<usize>i << 4);
      copyCell(row + ENTRIES + (<usize>j << 4), item);
    }
    putCollection(block + ENTRIES + (<usize>i << 4), Tag.TUPLE, row);
  }
  store<i32>(block, length);
  putCollection(result, Tag.LIST, block);
  return 0;
}
