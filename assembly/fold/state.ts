// An identity with all that belongs to it as MessagePack, and back: for what is not in memory.
//
// [version, key, ordinal, saved, flags, last, floor, tail, slots, rows, folded]: the state before the events of the tail, and these.
// Version 1 had no `folded`, the sequence up to which events are in it.
//   flags        bit 2: it has changed since it was saved
//   tail         [[time, seq, id | nil], …]
//   slots        [[current, [record, …]], …]      current: place in the list, -1 = none
//   record       [order, flags, last, hash, cell, …]
//   rows         [[at, seq, start, day, [record | nil, …]], …]  of each aggregate of both specs

import { keep } from "../collections/collection";
import { highestAt, settledAt } from "./fold";
import { give, take } from "../machine/heap";
import { changeBefore, isChanged, unlist } from "./changed";
import { ENTRY, ENTRY_ID, entryAt, forgetHistory, swapLog, takeRoom } from "./history";
import {
  COUNT,
  CURRENT,
  FLAGS,
  FLOOR,
  FOLDED,
  INCOMPLETE,
  LAST,
  KEY_LENGTH,
  ORDINAL,
  PENDING,
  ROWS,
  ROWS_COUNT,
  SAVED,
  TAIL,
  TAIL_COUNT,
  addRecord,
  dropIdentity,
  findIdentity,
  freeSlot,
  grown,
  keyOf,
  newIdentity,
  recordAt,
  restoreOrdinal,
  slotOf,
} from "./identity";
import { hashOf } from "../text/bytes";
import { packArray, packInt, packText, packValue } from "../formats/pack";
import { Aggregate, aggregateAt, streamCount, windowCount } from "../machine/program";
import { ACCEPTED, BORN, CELLS, EXPIRED, FLAGS as RECORD_FLAGS, HASH, LAST as RECORD_LAST, ORDER, recordBytes } from "./record";
import { RECORDS, looksAhead, rowAt, truncateRows } from "./rows";
import { readValue } from "../formats/unpack";
import { Tag, addressOf, intOf, lengthOf, putNone, tagOf } from "../machine/value";

const VERSION: i64 = 2;
const OLDEST: i64 = 1;
/** Bit of the flags as they are written. */
const CHANGED: u32 = 4;

let at: usize = 0;
let end: usize = 0;
const NIL: usize = memory.data(16, 16);
/**
 * Time before which no event comes any more, those of the tail included, and as of which nobody asks any more, µs: records
 * are shown as of the latest event of all, features as of the identity's last.
 */
let reached: f64 = 0;

// Writing

/**
 * Writes the state before the events of the tail: what is taken in again waits for `refold`.
 *
 * @param isSaved  false: whether it has changed since it was saved is written too
 * @returns address behind it, or 0 when it does not fit before `limit`
 */
export function packIdentity(identity: usize, from: usize, limit: usize, isSaved: bool): usize {
  const isAhead = load<u32>(identity, TAIL_COUNT) > 0 && (load<u32>(identity, FLAGS) & PENDING) == 0;
  if (isAhead) swapLog(identity, true);
  reached = min(min(settledAt(), highestAt()), <f64>load<i64>(identity, LAST));
  if (load<u32>(identity, TAIL_COUNT) > 0) reached = min(reached, <f64>load<i64>(entryAt(identity, 0)));
  at = from;
  end = limit;
  putNone(NIL);
  array(11);
  int(VERSION);
  text(keyOf(identity), load<u32>(identity, KEY_LENGTH));
  int(load<u32>(identity, ORDINAL));
  int(load<u32>(identity, SAVED));
  int(flagsToPack(identity, isSaved));
  int(load<i64>(identity, LAST));
  int(load<i64>(identity, FLOOR));
  packTail(identity);
  array(streamCount);
  for (let i = 0; i < streamCount; i++) packSlot(identity, i);
  packRows(identity);
  int(<i64>load<f64>(identity, FOLDED));
  if (isAhead) swapLog(identity, false);
  return at;
}

function flagsToPack(identity: usize, isSaved: bool): u32 {
  let flags = load<u32>(identity, FLAGS) & (INCOMPLETE | PENDING);
  if (load<u32>(identity, TAIL_COUNT) > 0) flags |= PENDING;
  return !isSaved && isChanged(identity) != 0 ? flags | CHANGED : flags;
}

function packTail(identity: usize): void {
  const count = load<u32>(identity, TAIL_COUNT);
  array(count);
  for (let n: u32 = 0; n < count; n++) {
    const entry = entryAt(identity, n);
    array(3);
    int(load<i64>(entry));
    int(<i64>load<f64>(entry, 8));
    const id = <usize>load<u32>(entry, ENTRY_ID);
    if (id == 0) value(NIL);
    else text(id + 4, load<u32>(id));
  }
}

function packSlot(identity: usize, aggregate: i32): void {
  const slot = slotOf(identity, aggregate);
  const count = load<u32>(slot, COUNT);
  const current = <usize>load<u32>(slot, CURRENT);
  let kept: u32 = 0;
  let place: i64 = -1;
  for (let n: u32 = 0; n < count; n++) {
    const record = recordAt(slot, n);
    if (!isKept(aggregate, record)) continue;
    if (record == current) place = kept;
    kept++;
  }
  array(2);
  int(place);
  array(kept);
  for (let n: u32 = 0; n < count; n++) {
    if (isKept(aggregate, recordAt(slot, n))) packRecord(aggregate, recordAt(slot, n));
  }
}

/** What its store kept no longer is not shown again; but a row that looks ahead may still look at it. */
function isKept(aggregate: i32, record: usize): bool {
  if (looksAhead()) return true;
  const flags = load<u32>(record, RECORD_FLAGS);
  if ((flags & EXPIRED) != 0) return false;
  const retention = load<i64>(aggregateAt(aggregate), Aggregate.RETENTION);
  if (retention == 0 || (flags & ACCEPTED) == 0) return true;
  return <f64>(load<i64>(record, RECORD_LAST) + retention) >= reached;
}

function packRecord(aggregate: i32, record: usize): void {
  const columns = load<i32>(aggregateAt(aggregate), Aggregate.COLUMNS);
  array(4 + columns);
  int(load<u32>(record, ORDER));
  int(load<u32>(record, RECORD_FLAGS));
  int(load<i64>(record, RECORD_LAST));
  int(load<u32>(record, HASH));
  for (let n: usize = 0; n < <usize>columns; n++) value(record + CELLS + (n << 4));
}

function packRows(identity: usize): void {
  const count = load<u32>(identity, ROWS_COUNT);
  array(count);
  for (let n: u32 = 0; n < count; n++) {
    const row = rowAt(identity, n);
    array(5);
    int(load<i64>(row));
    int(<i64>load<f64>(row, 8));
    int(load<i64>(row, 16));
    int(load<i32>(row, 24));
    array(streamCount + windowCount);
    for (let i = 0; i < streamCount + windowCount; i++) {
      const record = <usize>load<u32>(row + RECORDS + (<usize>i << 2));
      if (record == 0) value(NIL);
      else packRecord(i, record);
    }
  }
}

function array(count: u32): void {
  if (at != 0) at = packArray(count, at, end);
}

function int(number: i64): void {
  if (at != 0) at = packInt(number, at, end);
}

function text(bytes: usize, length: u32): void {
  if (at != 0) at = packText(bytes, length, at, end);
}

function value(cell: usize): void {
  if (at != 0) at = packValue(cell, at, end);
}

// Reading. The bytes are ours: what is not as it was written ends the core.

const WHOLE: usize = memory.data(16, 16);

/** Takes an identity in; uses temporary memory. @returns it; 0 when the bytes are of another version, or it is there already */
export function unpackIdentity(from: usize, limit: usize): usize {
  if (readValue(WHOLE, from, limit) == 0) return 0;
  const version = intOf(item(WHOLE, 0));
  if (version < OLDEST || version > VERSION) return 0;
  const key = item(WHOLE, 1);
  const hash = hashOf(addressOf(key), lengthOf(key));
  if (findIdentity(addressOf(key), lengthOf(key), hash) != 0) return 0;
  const identity = newIdentity(addressOf(key), lengthOf(key), hash);
  restoreOrdinal(identity, number(WHOLE, 2));
  store<u32>(identity, number(WHOLE, 3), SAVED);
  const flags = number(WHOLE, 4);
  store<u32>(identity, flags & (INCOMPLETE | PENDING), FLAGS);
  store<i64>(identity, intOf(item(WHOLE, 5)), LAST);
  store<i64>(identity, intOf(item(WHOLE, 6)), FLOOR);
  unpackTail(identity, item(WHOLE, 7));
  for (let i = 0; i < streamCount; i++) unpackSlot(identity, i, item(item(WHOLE, 8), i));
  unpackRows(identity, item(WHOLE, 9));
  if (version > OLDEST) store<f64>(identity, <f64>intOf(item(WHOLE, 10)), FOLDED);
  // What has a tail is saved with every round, also one that only came back from a checkpoint.
  if ((flags & CHANGED) != 0 || load<u32>(identity, TAIL_COUNT) > 0) changeBefore(identity);
  return identity;
}

function unpackTail(identity: usize, tail: usize): void {
  const count = countOf(tail);
  if (count == 0) return;
  const block = takeRoom(<usize>count * ENTRY);
  for (let n = 0; n < count; n++) {
    const entry = block + <usize>n * ENTRY;
    const read = item(tail, n);
    const id = item(read, 2);
    store<i64>(entry, intOf(item(read, 0)));
    store<f64>(entry, <f64>intOf(item(read, 1)), 8);
    store<u64>(entry, 0, 16);
    if (tagOf(id) != Tag.TEXT) continue;
    const length = lengthOf(id);
    const held = take(4 + length);
    store<i32>(held, length);
    memory.copy(held + 4, addressOf(id), length);
    store<u32>(entry, <u32>held, ENTRY_ID);
  }
  store<u32>(identity, <u32>block, TAIL);
  store<u32>(identity, count, TAIL_COUNT);
}

function unpackSlot(identity: usize, aggregate: i32, read: usize): void {
  const slot = slotOf(identity, aggregate);
  const records = item(read, 1);
  const count = countOf(records);
  for (let n = 0; n < count; n++) {
    const record = take(recordBytes(aggregate));
    unpackRecord(aggregate, record, item(records, n));
    addRecord(slot, record);
  }
  store<u32>(slot, recordOf(slot, intOf(item(read, 0))), CURRENT);
}

function recordOf(slot: usize, place: i64): u32 {
  return place < 0 ? 0 : <u32>recordAt(slot, <u32>place);
}

function unpackRecord(aggregate: i32, record: usize, read: usize): void {
  const columns = load<i32>(aggregateAt(aggregate), Aggregate.COLUMNS);
  store<u32>(record, number(read, 0), ORDER);
  store<u32>(record, number(read, 1), RECORD_FLAGS);
  store<i64>(record, intOf(item(read, 2)), RECORD_LAST);
  store<u32>(record, number(read, 3), HASH);
  store<u32>(record, 0, BORN);
  for (let n = 0; n < columns; n++) keep(record + CELLS + (<usize>n << 4), item(read, 4 + n));
}

function unpackRows(identity: usize, list: usize): void {
  for (let n = 0; n < countOf(list); n++) {
    const read = item(list, n);
    const bytes = RECORDS + (<usize>(streamCount + windowCount) << 2);
    const row = take(bytes);
    memory.fill(row, 0, bytes);
    store<i64>(row, intOf(item(read, 0)));
    store<f64>(row, <f64>intOf(item(read, 1)), 8);
    store<i64>(row, intOf(item(read, 2)), 16);
    store<i32>(row, <i32>intOf(item(read, 3)), 24);
    for (let i = 0; i < streamCount + windowCount; i++) {
      const packed = item(item(read, 4), i);
      if (tagOf(packed) == Tag.NONE) continue;
      const record = take(recordBytes(i));
      unpackRecord(i, record, packed);
      store<u32>(row + RECORDS + (<usize>i << 2), <u32>record);
    }
    const rows = grown(load<u32>(identity, ROWS), n);
    store<u32>(rows + (<usize>n << 2), <u32>row);
    store<u32>(identity, <u32>rows, ROWS);
    store<u32>(identity, n + 1, ROWS_COUNT);
  }
}

function item(list: usize, n: i32): usize {
  assert(tagOf(list) == Tag.LIST && n < countOf(list));
  return addressOf(list) + 16 + (<usize>n << 4);
}

function countOf(list: usize): i32 {
  return load<i32>(addressOf(list));
}

function number(list: usize, n: i32): u32 {
  return <u32>intOf(item(list, n));
}

// Letting go

/** Takes an identity out of memory, with all that belongs to it. */
export function forgetIdentity(identity: usize): void {
  forgetHistory(identity);
  unlist(identity);
  truncateRows(identity, 0);
  const rows = <usize>load<u32>(identity, ROWS);
  if (rows != 0) give(rows);
  for (let i = 0; i < streamCount; i++) freeSlot(slotOf(identity, i), i);
  dropIdentity(identity);
  give(identity);
}
