// Rows of features: one for each anchor, as of the event that made it one; or for an identity as of now.
//
// What windows after the anchor say waits: the row keeps the records as they were, and these fields are evaluated when
// the row is asked for.
//
// Row, held, 40 bytes and an address per aggregate of either spec:
//   +0   at      i64  time of the event that made the block an anchor, µs
//   +8   seq     f64  of that event
//   +16  start   i64  of the block, µs
//   +24  day     i32  its calendar day, in its own zone
//   +40  records, u32 each: of the streaming spec as they were (0 = none, or not needed), then the row's own

import { enter, isPast } from "./aggregate";
import { give, renewWork, take } from "../machine/heap";
import { CURRENT, KEY_LENGTH, LAST, ROWS, ROWS_COUNT, grown, keyOf, slotOf } from "./identity";
import { eventNumber, isLogged, logCounts, logHeader } from "./history";
import { Aggregate, Base, Kind, aggregateAt, baseOf, setBase, streamCount, windowCount } from "../machine/program";
import { ACCEPTED, ANCHORED, BORN, CELLS, FLAGS, IDENTITY_CELL, START_CELL, copyOf, dropRecord, newRecord, recordBytes } from "./record";
import { fillWindow, isOver } from "./series";
import { truth } from "../collections/compare";
import { Fault, Tag, intOf, putText, tagOf } from "../machine/value";
import { ABORTED, run } from "../machine/vm";

const SEQ: usize = 8;
const START: usize = 16;
const DAY: usize = 24;
export const RECORDS: usize = 40;

const MICROS_PER_DAY: i64 = 86_400_000_000;

let isOn: bool = false;
let conditionCode: usize = 0;
let blocks: i32 = 0;
let rowsPerDay: u32 = 0;
let hasDeferred: bool = false;
/** The temporary that the condition writes to. */
const ANSWER: usize = 2 << 4;
/** The temporary that `identity` is. */
const NAME: usize = 1 << 4;

/**
 * @param condition  its code; the answer goes to the third temporary
 * @param aggregate  what anchors are made of
 * @param max        rows per identity and calendar day; 0 = any number
 * @param collects   whether each anchor leaves a row
 */
export function setAnchor(condition: usize, aggregate: i32, max: u32, collects: bool): void {
  conditionCode = condition;
  blocks = aggregate;
  rowsPerDay = max;
  isOn = collects;
  showDefaults();
  hasDeferred = false;
  for (let i = streamCount; i < streamCount + windowCount; i++) {
    if (load<u32>(aggregateAt(i), Aggregate.DEFERRED) != 0) hasDeferred = true;
  }
}

/** Does a window look beyond its anchor? */
export function looksAhead(): bool {
  return hasDeferred;
}

/** Outside of rows, the aggregates of the window spec are empty. */
function showDefaults(): void {
  for (let i = streamCount; i < streamCount + windowCount; i++) {
    setBase(Base.FIRST_RECORD + <u32>i, <usize>load<u32>(aggregateAt(i), Aggregate.TEMPLATE) + CELLS);
  }
}

/** Whether anchors are looked for. */
export function anchors(): bool {
  return isOn;
}

/** After an event: if its block has become an anchor, its row. @returns a fault that ends the event */
export function anchor(identity: usize, at: i64, seq: f64): i32 {
  const block = <usize>load<u32>(slotOf(identity, blocks), CURRENT);
  if (block == 0 || (load<u32>(block, FLAGS) & (ACCEPTED | ANCHORED)) != ACCEPTED || isPast(blocks, block)) return 0;
  setBase(Base.ANCHOR, block + CELLS);
  const fault = run(conditionCode);
  if (fault == Fault.LIMIT || fault == ABORTED) return fault;
  if (fault != 0 || !truth(baseOf(Base.TEMPORARIES) + ANSWER)) return 0;
  if (isLogged(load<u32>(block, BORN))) logHeader(block);
  store<u32>(block, load<u32>(block, FLAGS) | ANCHORED, FLAGS);
  const day = dayOf(block);
  // a row whose windows after it are never filled takes nobody's turn: `rows` in `runtime/core/fold.ts` counts those
  if (rowsPerDay > 0 && !hasDeferred && rowsOn(identity, day) >= rowsPerDay) return 0;
  const start = intOf(block + START_CELL);
  if (!fill(identity, start, at, false)) return 0;
  const row = newRow(identity, at, seq, start, day);
  const failed = evaluate(row, false);
  if (failed != 0) {
    dropRow(row);
    return failed;
  }
  const count = load<u32>(identity, ROWS_COUNT);
  logCounts();
  const list = grown(<usize>load<u32>(identity, ROWS), count);
  store<u32>(list + (<usize>count << 2), <u32>row);
  store<u32>(identity, <u32>list, ROWS);
  store<u32>(identity, count + 1, ROWS_COUNT);
  return 0;
}

function dayOf(block: usize): i32 {
  const local = intOf(block + START_CELL) + <i64>load<i32>(block + START_CELL, 4) * 1_000_000;
  return <i32>((local - (local < 0 ? MICROS_PER_DAY - 1 : 0)) / MICROS_PER_DAY);
}

function rowsOn(identity: usize, day: i32): u32 {
  let found: u32 = 0;
  for (let n = load<u32>(identity, ROWS_COUNT); n > 0; n--) {
    if (load<i32>(rowAt(identity, n - 1), DAY) == day) found++;
  }
  return found;
}

// @ts-ignore: decorator
@inline
export function rowAt(identity: usize, n: u32): usize {
  return <usize>load<u32>(<usize>load<u32>(identity, ROWS) + (<usize>n << 2));
}

/**
 * Fills the windows that don't look ahead, or all.
 *
 * @param start  of the anchor, µs
 * @param at     time of the event that made it one, µs: what was kept no longer then is not in a window before it
 * @returns whether all of them are filled
 */
function fill(identity: usize, start: i64, at: i64, deferred: bool): bool {
  for (let i = streamCount; i < streamCount + windowCount; i++) {
    const described = aggregateAt(i);
    if (load<u32>(described) != Kind.WINDOW) continue;
    if (!deferred && load<i64>(described, Aggregate.SPAN) > 0) continue;
    if (!fillWindow(i, slotOf(identity, load<u32>(described, Aggregate.SOURCE)), start, at)) return false;
  }
  return true;
}

function newRow(identity: usize, at: i64, seq: f64, start: i64, day: i32): usize {
  const bytes = RECORDS + (<usize>(streamCount + windowCount) << 2);
  const row = take(bytes);
  memory.fill(row, 0, bytes);
  store<i64>(row, at);
  store<f64>(row, seq, SEQ);
  store<i64>(row, start, START);
  store<i32>(row, day, DAY);
  for (let i = 0; i < streamCount && hasDeferred; i++) {
    const record = <usize>load<u32>(slotOf(identity, i), CURRENT);
    if (record != 0) store<u32>(recordIn(row, i), <u32>copyOf(record, recordBytes(i)));
  }
  for (let i = streamCount; i < streamCount + windowCount; i++) {
    const record = newRecord(i, eventNumber());
    store<u32>(recordIn(row, i), <u32>record);
    putText(record + IDENTITY_CELL, keyOf(identity), load<i32>(identity, KEY_LENGTH));
  }
  return row;
}

// @ts-ignore: decorator
@inline
function recordIn(row: usize, aggregate: i32): usize {
  return row + RECORDS + (<usize>aggregate << 2);
}

/** Evaluates the row's own aggregates: those that wait, or those that don't. */
function evaluate(row: usize, deferred: bool): i32 {
  for (let i = streamCount; i < streamCount + windowCount; i++) {
    setBase(Base.FIRST_RECORD + <u32>i, <usize>load<u32>(recordIn(row, i)) + CELLS);
  }
  for (let i = streamCount; i < streamCount + windowCount; i++) {
    const described = aggregateAt(i);
    if ((load<u32>(described, Aggregate.DEFERRED) != 0) != deferred) continue;
    const fault = run(load<u32>(described, Aggregate.ENTRY));
    if (fault != Fault.LIMIT && fault != ABORTED) continue;
    showDefaults();
    return fault;
  }
  showDefaults();
  return 0;
}

// Asking for rows

/**
 * Completes a row: the result has every field, and must be dropped by `dropRow`.
 *
 * @returns the row, or 0 when a window after the anchor is not filled
 */
export function completeRow(identity: usize, n: u32): usize {
  renewWork();
  const row = rowAt(identity, n);
  if (hasDeferred && !fill(identity, load<i64>(row, START), load<i64>(row), true)) return 0;
  const bytes = RECORDS + (<usize>(streamCount + windowCount) << 2);
  const copy = take(bytes);
  memory.copy(copy, row, bytes);
  for (let i = 0; i < streamCount + windowCount; i++) {
    const record = <usize>load<u32>(recordIn(row, i));
    if (record != 0) store<u32>(recordIn(copy, i), <u32>copyOf(record, recordBytes(i)));
  }
  if (!hasDeferred) return copy;
  showSnapshot(copy);
  begin(identity);
  if (evaluate(copy, true) == 0) return copy;
  dropRow(copy);
  return 0;
}

/** What is evaluated next, without an event, is about this identity. */
export function begin(identity: usize): void {
  renewWork();
  putText(baseOf(Base.TEMPORARIES) + NAME, keyOf(identity), load<i32>(identity, KEY_LENGTH));
}

/** Day of a row's block in its own zone, since 1970. */
export function dayOfRow(row: usize): i32 {
  return load<i32>(row, DAY);
}

function showSnapshot(row: usize): void {
  for (let i = 0; i < streamCount; i++) {
    const record = <usize>load<u32>(recordIn(row, i));
    const shown = record == 0 ? <usize>load<u32>(aggregateAt(i), Aggregate.TEMPLATE) : record;
    setBase(Base.FIRST_RECORD + <u32>i, shown + CELLS);
    if (i == blocks) setBase(Base.ANCHOR, shown + CELLS);
  }
}

/**
 * Can nothing that may still come change the row? Its event is settled, the windows after it are over, and so are the
 * blocks in these. A window of a count that is not filled is not over.
 *
 * @param settled  time before which nothing is taken any more, µs
 */
export function isRipe(identity: usize, n: u32, settled: f64): bool {
  const row = rowAt(identity, n);
  if (!(<f64>load<i64>(row) < settled)) return false;
  const start = load<i64>(row, START);
  for (let i = streamCount; i < streamCount + windowCount && hasDeferred; i++) {
    const described = aggregateAt(i);
    if (load<u32>(described) != Kind.WINDOW || load<i64>(described, Aggregate.SPAN) < 0) continue;
    if (!isOver(i, slotOf(identity, load<u32>(described, Aggregate.SOURCE)), start, load<i64>(row), <i64>settled)) return false;
  }
  return true;
}

/**
 * The features of an identity as of its last event, with its youngest block as the anchor. What was kept no longer then
 * is not in them.
 *
 * @returns a row to be dropped, whose windows after the anchor are defaults; 0 when it has no block, or a window is not filled
 */
export function featuresOf(identity: usize): usize {
  renewWork();
  const last = load<i64>(identity, LAST);
  enter(identity, last, 0);
  const block = <usize>load<u32>(slotOf(identity, blocks), CURRENT);
  if (block == 0 || isPast(blocks, block) || tagOf(block + START_CELL) != Tag.DATETIME) return 0;
  const start = intOf(block + START_CELL);
  if (!fill(identity, start, last, false)) return 0;
  begin(identity);
  setBase(Base.ANCHOR, block + CELLS);
  const row = newRow(identity, 0, 0, start, dayOf(block));
  if (evaluate(row, false) == 0) return row;
  dropRow(row);
  return 0;
}

/**
 * A row for a block, of what is shown and the windows that were set from outside: see `blurr.ts`.
 *
 * @returns a row to be dropped; ABORTED or Fault.LIMIT when an expression ended it: no row is at such an address
 */
export function rowOf(identity: usize): usize {
  const row = newRow(identity, 0, 0, 0, 0);
  const fault = evaluate(row, false);
  const later = fault == 0 ? evaluate(row, true) : fault;
  if (later == 0) return row;
  dropRow(row);
  return <usize>later;
}

/** A row of defaults, without a name, to be dropped. */
export function emptyRow(identity: usize): usize {
  const row = newRow(identity, 0, 0, 0, 0);
  for (let i = streamCount; i < streamCount + windowCount; i++) putText(<usize>load<u32>(recordIn(row, i)) + IDENTITY_CELL, 0, 0);
  return row;
}

/** Runs a condition of what is shown. @returns 0 or 1, ABORTED, Fault.LIMIT */
export function isTrue(entry: usize): i32 {
  const fault = run(entry);
  if (fault == ABORTED || fault == Fault.LIMIT) return fault;
  return i32(fault == 0 && truth(baseOf(Base.TEMPORARIES) + ANSWER));
}

/** Address of the record of a window-spec aggregate within a row. */
export function recordOfRow(row: usize, aggregate: i32): usize {
  return <usize>load<u32>(recordIn(row, aggregate));
}

export function dropRow(row: usize): void {
  for (let i = 0; i < streamCount + windowCount; i++) {
    const record = <usize>load<u32>(recordIn(row, i));
    if (record != 0) dropRecord(record, recordBytes(i));
  }
  give(row);
}

/** Drops the rows behind the first `count`. */
export function truncateRows(identity: usize, count: u32): void {
  for (let n = load<u32>(identity, ROWS_COUNT); n > count; n--) dropRow(rowAt(identity, n - 1));
  store<u32>(identity, count, ROWS_COUNT);
}


