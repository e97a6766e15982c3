// Which record of an aggregate an event goes to: the steps that the bytecode takes between its expressions.

import { equals, hash } from "../collections/compare";
import { sameBytes } from "../text/bytes";
import { eventNumber, isLogged, logCell, logCounts, logHeader, logSlot } from "./history";
import {
  CURRENT,
  COUNT,
  KEY_LENGTH,
  SAVED,
  addRecord,
  findRecord,
  keyOf,
  recordAt,
  slotOf,
  truncate,
} from "./identity";
import { Aggregate, Base, Kind, aggregateAt, compat, setBase, streamCount } from "../machine/program";
import {
  ACCEPTED,
  BORN,
  CELLS,
  END_CELL,
  EXPIRED,
  FLAGS,
  HASH,
  IDENTITY_CELL,
  LAST,
  ORDER,
  START_CELL,
  copyOf,
  newRecord,
  recordBytes,
} from "./record";
import { Tag, addressOf, intOf, lengthOf, putDatetime, putText, tagOf } from "../machine/value";

/** Whom the event is about, and its time. */
let identity: usize = 0;
let time: i64 = 0;
let offset: u32 = 0;

/** Makes the records of an identity those that expressions read; one that was kept too long is not there. */
export function enter(subject: usize, at: i64, zone: u32): void {
  identity = subject;
  time = at;
  offset = zone;
  for (let i = 0; i < streamCount; i++) {
    const record = <usize>load<u32>(slotOf(subject, i), CURRENT);
    show(i, record != 0 && isPast(i, record) ? 0 : record);
  }
}

// @ts-ignore: decorator
@inline
function show(aggregate: i32, record: usize): void {
  const shown = record == 0 ? <usize>load<u32>(aggregateAt(aggregate), Aggregate.TEMPLATE) : record;
  setBase(Base.FIRST_RECORD + <u32>aggregate, shown + CELLS);
}

/** Its header is written to next. */
function logged(record: usize): usize {
  if (isLogged(load<u32>(record, BORN))) logHeader(record);
  return record;
}

function become(aggregate: i32, slot: usize, record: usize): void {
  if (<usize>load<u32>(slot, CURRENT) != record) {
    logSlot(slot);
    store<u32>(slot, <u32>record, CURRENT);
  }
  show(aggregate, record);
}

/** A record that may be written to: the current one, or a new one. */
export function own(aggregate: i32): void {
  const slot = slotOf(identity, aggregate);
  const record = <usize>load<u32>(slot, CURRENT);
  if (record != 0 && isPast(aggregate, record)) leave(aggregate, slot, record);
  if (load<u32>(slot, CURRENT) == 0) become(aggregate, slot, make(aggregate, slot, 0));
}

function make(aggregate: i32, slot: usize, hash: u32): usize {
  const record = newRecord(aggregate, eventNumber());
  store<u32>(record, hash, HASH);
  logSlot(slot);
  addRecord(slot, record);
  return record;
}

/** The record gets its turn among those saved, unless it has it. */
function save(record: usize): void {
  if (load<u32>(record, ORDER) != 0) return;
  const turn = load<u32>(identity, SAVED) + 1;
  logCounts();
  store<u32>(identity, turn, SAVED);
  store<u32>(logged(record), turn, ORDER);
}

/** Is this record kept no longer, as of the time that was entered? */
export function isPast(aggregate: i32, record: usize): bool {
  const retention = load<i64>(aggregateAt(aggregate), Aggregate.RETENTION);
  return retention > 0 && (load<u32>(record, FLAGS) & ACCEPTED) != 0 && load<i64>(record, LAST) + retention < time;
}

function expire(record: usize): void {
  store<u32>(logged(record), load<u32>(record, FLAGS) | EXPIRED, FLAGS);
}

/** The current record is done; one that was kept too long is as if it were not there. */
function leave(aggregate: i32, slot: usize, record: usize): void {
  if (isPast(aggregate, record)) {
    expire(record);
  } else {
    save(record);
  }
  become(aggregate, slot, 0);
}

/**
 * The record with these dimensions becomes the current one: as it was left, or new.
 *
 * @param dimensions  address of the first of `length` cells, each of its type
 */
export function switchTo(aggregate: i32, dimensions: usize, length: i32): i32 {
  const slot = slotOf(identity, aggregate);
  const first = CELLS + (<usize>load<u32>(aggregateAt(aggregate), Aggregate.DIMENSIONS) << 4);
  let record = <usize>load<u32>(slot, CURRENT);
  if (record != 0) {
    if (isSame(record + first, dimensions, length) && !isPast(aggregate, record)) return 0;
    leave(aggregate, slot, record);
  }
  const code = hashAll(dimensions, length);
  record = findRecord(slot, aggregate, dimensions, length, code);
  if (record != 0 && isPast(aggregate, record)) {
    expire(record);
    record = 0;
  }
  become(aggregate, slot, record != 0 ? record : make(aggregate, slot, code));
  return 0;
}

function isSame(cells: usize, dimensions: usize, length: i32): bool {
  for (let i = 0; i < length; i++, cells += 16, dimensions += 16) {
    if (tagOf(cells) == Tag.TEXT && tagOf(dimensions) == Tag.TEXT) {
      const bytes = lengthOf(cells);
      if (bytes != lengthOf(dimensions) || !sameBytes(addressOf(cells), addressOf(dimensions), bytes)) return false;
    } else if (!equals(cells, dimensions)) {
      return false;
    }
  }
  return true;
}

function hashAll(cells: usize, length: i32): u32 {
  let code: u32 = 17;
  for (let i = 0; i < length; i++) code = rotl(code, 5) * 31 + hash(cells + (<usize>i << 4));
  return code;
}

/**
 * Ends a session whose last event is too long ago.
 *
 * @returns false where Blurr's run ends: it looks for the session that began last, and one never began
 */
export function separate(aggregate: i32): bool {
  const slot = slotOf(identity, aggregate);
  let record = <usize>load<u32>(slot, CURRENT);
  if (record == 0) {
    if (compat && hasEmpty(slot)) return false;
    record = youngest(slot);
    if (record == 0) return true;
    become(aggregate, slot, record);
  }
  if (tagOf(record + START_CELL) != Tag.DATETIME) return true;
  const gap = load<i64>(aggregateAt(aggregate), Aggregate.SEPARATE);
  const start = intOf(record + START_CELL);
  if (time < start - gap || time > intOf(record + END_CELL) + gap || isPast(aggregate, record)) {
    leave(aggregate, slot, record);
  }
  return true;
}

/** Is there a session that never began? Blurr stores one, under the same key for all. */
export function hasEmpty(slot: usize): bool {
  for (let n = load<u32>(slot, COUNT); n > 0; n--) {
    if (tagOf(recordAt(slot, n - 1) + START_CELL) != Tag.DATETIME) return true;
  }
  return false;
}

/** The session that began last: an earlier one may have been made after it, by `fork`. */
function youngest(slot: usize): usize {
  let found: usize = 0;
  for (let place = load<u32>(slot, COUNT); place > 0; place--) {
    const record = recordAt(slot, place - 1);
    if ((load<u32>(record, FLAGS) & (ACCEPTED | EXPIRED)) != ACCEPTED) continue;
    if (!compat) return record;
    if (found == 0 || intOf(record + START_CELL) > intOf(found + START_CELL)) found = record;
  }
  return found;
}

/** Is the event before a session that was stored? */
function movesBack(described: usize, record: usize): bool {
  if (load<u32>(described) != Kind.ACTIVITY || load<u32>(record, ORDER) == 0) return false;
  return tagOf(record + START_CELL) == Tag.DATETIME && time < intOf(record + START_CELL);
}

/** Blurr keys a session by its start: one whose start moves back is stored anew, and the old one stays. */
function fork(aggregate: i32, slot: usize, record: usize): usize {
  const copy = copyOf(record, recordBytes(aggregate));
  store<u32>(copy, 0, ORDER);
  store<u32>(copy, eventNumber(), BORN);
  logSlot(slot);
  addRecord(slot, copy);
  become(aggregate, slot, copy);
  return copy;
}

/** Ends a block when its condition says so; only one that has an event. */
export function split(aggregate: i32, ends: bool): void {
  if (!ends) return;
  const slot = slotOf(identity, aggregate);
  const record = <usize>load<u32>(slot, CURRENT);
  if (record == 0 || tagOf(record + START_CELL) != Tag.DATETIME) return;
  // a block is known by its start: the next with the same takes its place
  const isRepeat = intOf(record + START_CELL) == time;
  leave(aggregate, slot, record);
  if (isRepeat) replace(aggregate, slot, record);
}

/** A new record in the place and turn of another. */
function replace(aggregate: i32, slot: usize, record: usize): void {
  expire(record);
  store<i64>(record, i64.MIN_VALUE, LAST); // it is in no window, whatever the retention
  const fresh = make(aggregate, slot, 0);
  store<u32>(fresh, load<u32>(record, ORDER), ORDER);
  become(aggregate, slot, fresh);
}

/** The current record, new with this event, doesn't take it after all: it is not kept. */
export function discard(aggregate: i32): void {
  const slot = slotOf(identity, aggregate);
  const record = <usize>load<u32>(slot, CURRENT);
  if (record == 0 || (load<u32>(record, FLAGS) & ACCEPTED) != 0) return;
  // what the event logged of the slot takes back all of it
  truncate(slot, aggregate, load<u32>(slot, COUNT) - 1);
  store<u32>(slot, 0, CURRENT);
  show(aggregate, 0);
}

/** The current record takes the event: it knows whom it is about, and when it began and ended. */
export function accept(aggregate: i32): void {
  const slot = slotOf(identity, aggregate);
  let record = <usize>load<u32>(slot, CURRENT);
  const described = aggregateAt(aggregate);
  if (compat && movesBack(described, record)) record = fork(aggregate, slot, record);
  const isNew = (load<u32>(record, FLAGS) & ACCEPTED) == 0;
  const keepsLast = load<i64>(described, Aggregate.RETENTION) > 0;
  if (isNew || keepsLast) {
    logged(record);
    store<u32>(record, load<u32>(record, FLAGS) | ACCEPTED, FLAGS);
    if (keepsLast && (isNew || time > load<i64>(record, LAST))) store<i64>(record, time, LAST);
  }
  // the key lives as long as the identity, and that longer than its records
  if (isNew) putText(written(record, record + IDENTITY_CELL), keyOf(identity), load<i32>(identity, KEY_LENGTH));
  const kind = load<u32>(described);
  if (kind < Kind.BLOCK || kind > Kind.ACTIVITY) return;
  const start = record + START_CELL;
  const end = record + END_CELL;
  if (tagOf(start) != Tag.DATETIME || time < intOf(start)) putDatetime(written(record, start), time, offset);
  if (tagOf(end) != Tag.DATETIME || time > intOf(end)) putDatetime(written(record, end), time, offset);
}

/** The cell, logged: it is written to next. */
function written(record: usize, cell: usize): usize {
  if (isLogged(load<u32>(record, BORN))) logCell(cell);
  return cell;
}
