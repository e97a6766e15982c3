// The blocks of each window round an anchor, and the values of their columns.

import { callFunction } from "../machine/call";
import { newList } from "../collections/collection";
import { Func } from "../machine/builtins";
import { ITEMS_MAX, spend, temporary } from "../machine/heap";
import { COUNT, LIST, recordAt } from "./identity";
import { Aggregate, Kind, aggregateAt } from "../machine/program";
import { CELLS, END_CELL, EXPIRED, FLAGS, LAST, START_CELL } from "./record";
import { Fault, Tag, copyCell, intOf, putCollection, putInt, tagOf } from "../machine/value";

/** Window by aggregate: +0 address of its records u32, +4 count u32. */
const windows: usize = memory.data(256 * 8, 16);

/** Units of a window. */
namespace Unit {
  export const TIME: u32 = 0;
  export const COUNT: u32 = 1;
}

/** Which blocks a window has, from outside: for Blurr's own reckoning. @param records  addresses, u32 each */
export function setWindow(aggregate: i32, records: usize, count: i32): void {
  store<u32>(windows + (<usize>aggregate << 3), <u32>records);
  store<u32>(windows + (<usize>aggregate << 3), count, 4);
}

export function emptyWindow(aggregate: i32): void {
  setWindow(aggregate, 0, 0);
}

/**
 * Finds the blocks of a window.
 *
 * A block that its store kept no longer at that time is not among them: of a window before the anchor, when the anchor
 * became one; of a time after it, when that was over.
 *
 * @param slot   of the aggregate that the window looks at; its records are in the order of their starts
 * @param start  of the anchor, µs; blocks that start then never belong
 * @param at     time of the event that made it the anchor, µs
 * @returns whether the window is filled: of time by one block, of a count by that many
 */
export function fillWindow(aggregate: i32, slot: usize, start: i64, at: i64): bool {
  const described = aggregateAt(aggregate);
  const retention = load<i64>(aggregateAt(load<u32>(described, Aggregate.SOURCE)), Aggregate.RETENTION);
  const span = load<i64>(described, Aggregate.SPAN);
  const isCount = load<u32>(described, Aggregate.UNIT) == Unit.COUNT;
  let from: u32;
  let to: u32;
  if (span < 0) {
    to = firstFrom(slot, start);
    from = isCount ? 0 : firstFrom(slot, start + span + 1);
  } else {
    from = firstFrom(slot, start + 1);
    to = isCount ? load<u32>(slot, COUNT) : firstFrom(slot, start + span);
  }
  kept = i64.MIN_VALUE;
  if (retention > 0 && span < 0) kept = at - retention;
  else if (retention > 0 && !isCount) kept = start + span - retention;
  if (!isCount) return gather(aggregate, slot, from, to, u32.MAX_VALUE, false) > 0;
  const wanted = <u32>(span < 0 ? -span : span);
  return gather(aggregate, slot, from, to, wanted, span < 0) == wanted;
}

/**
 * Is a window after the anchor as it will stay? That is when it is over and no block in it goes on. A Block, which an event
 * with its dimensions may take up again at any time, counts as over with the window.
 *
 * @param settled  time before which nothing is taken any more, µs; the others as in `fillWindow`
 */
export function isOver(aggregate: i32, slot: usize, start: i64, at: i64, settled: i64): bool {
  const described = aggregateAt(aggregate);
  const isCount = load<u32>(described, Aggregate.UNIT) == Unit.COUNT;
  if (!isCount && start + load<i64>(described, Aggregate.SPAN) > settled) return false;
  if (!fillWindow(aggregate, slot, start, at)) return !isCount;
  const source = aggregateAt(load<u32>(described, Aggregate.SOURCE));
  const window = windows + (<usize>aggregate << 3);
  for (let n: u32 = 0; n < load<u32>(window, 4); n++) {
    if (!isClosed(source, slot, <usize>load<u32>(<usize>load<u32>(window) + (<usize>n << 2)), settled)) return false;
  }
  return true;
}

function isClosed(described: usize, slot: usize, block: usize, settled: i64): bool {
  if (load<u32>(described) == Kind.ACTIVITY) return intOf(block + END_CELL) + load<i64>(described, Aggregate.SEPARATE) < settled;
  if (load<u32>(described) != Kind.SPLIT) return true;
  // one that a condition ends goes on until the next has begun
  const next = firstFrom(slot, intOf(block + START_CELL) + 1);
  return next < load<u32>(slot, COUNT) && intOf(recordAt(slot, next) + START_CELL) < settled;
}

/** The first record that starts at `start` or later. */
function firstFrom(slot: usize, start: i64): u32 {
  let low: u32 = 0;
  let high = load<u32>(slot, COUNT);
  while (low < high) {
    const middle = (low + high) >> 1;
    if (intOf(recordAt(slot, middle) + START_CELL) < start) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Time of the last event from which on a record is kept, µs. */
let kept: i64 = i64.MIN_VALUE;

/** Is the record in no window? One that another has replaced, at its start, is not there any more. */
function isGone(record: usize): bool {
  if (kept == i64.MIN_VALUE) return (load<u32>(record, FLAGS) & EXPIRED) != 0;
  return load<i64>(record, LAST) < kept;
}

/** Sets the window to records [from, to), at most the first or last `most`, without those that are gone. */
function gather(aggregate: i32, slot: usize, from: u32, to: u32, most: u32, fromBehind: bool): u32 {
  let gone: u32 = 0;
  for (let place = from; place < to; place++) gone += u32(isGone(recordAt(slot, place)));
  const list = <usize>load<u32>(slot, LIST);
  let records = list + (<usize>from << 2);
  let count: u32 = to < from ? 0 : to - from;
  if (gone > 0) {
    records = temporary(<usize>count << 2);
    count = 0;
    for (let place = from; place < to; place++) {
      const record = recordAt(slot, place);
      if (isGone(record)) continue;
      store<u32>(records + (<usize>count << 2), <u32>record);
      count++;
    }
  }
  if (count > most) {
    if (fromBehind) records += <usize>(count - most) << 2;
    count = most;
  }
  setWindow(aggregate, records, count);
  return count;
}

// Values

// @ts-ignore: decorator
@inline
function cellOf(window: usize, n: usize, column: u32): usize {
  return <usize>load<u32>(<usize>load<u32>(window) + (n << 2)) + CELLS + (<usize>column << 4);
}

/** The values of a column over the window's blocks, oldest first. */
export function series(result: usize, aggregate: i32, column: u32): i32 {
  const window = windows + (<usize>aggregate << 3);
  const count = load<i32>(window, 4);
  if (count > ITEMS_MAX || spend(count)) return Fault.LIMIT;
  const list = newList(Tag.LIST, count);
  for (let n = 0; n < count; n++) copyCell(list + 16 + (<usize>n << 4), cellOf(window, n, column));
  store<i32>(list, count);
  putCollection(result, Tag.LIST, list);
  return 0;
}

/** `source.f[index]` */
export function seriesItem(result: usize, aggregate: i32, index: usize, column: u32): i32 {
  if (tagOf(index) != Tag.INT && tagOf(index) != Tag.BOOL) return Fault.TYPE;
  const window = windows + (<usize>aggregate << 3);
  const count = <i64>load<u32>(window, 4);
  let n = intOf(index);
  if (n < 0) n += count;
  if (n < 0 || n >= count) return Fault.INDEX;
  copyCell(result, cellOf(window, <usize>n, column));
  return 0;
}

/** `sum(source.f)` and the like, without a list where that is possible. */
export function seriesFunction(result: usize, aggregate: i32, func: u32, column: u32): i32 {
  const window = windows + (<usize>aggregate << 3);
  const count = load<i32>(window, 4);
  if (func == Func.LEN) {
    putInt(result, count);
    return 0;
  }
  if (func == Func.SUM && sum(result, window, count, column)) return 0;
  const fault = series(LISTED, aggregate, column);
  return fault != 0 ? fault : callFunction(func, result, LISTED, 1);
}

const LISTED: usize = memory.data(16, 16);

/** @returns whether all were floats; else nothing is written */
function sum(result: usize, window: usize, count: i32, column: u32): bool {
  if (count == 0 || spend(count)) return false;
  let total: f64 = 0;
  for (let n = 0; n < count; n++) {
    const cell = cellOf(window, n, column);
    if (tagOf(cell) != Tag.FLOAT) return false;
    total += load<f64>(cell, 8);
  }
  store<u64>(result, Tag.FLOAT);
  store<f64>(result, total, 8);
  return true;
}
