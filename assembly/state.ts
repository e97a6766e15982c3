// An identity with all that belongs to it as MessagePack, and back: for what is not in memory.
//
// [version, key, ordinal, saved, era, flags, last, floor | nil, tail, slots, checkpoints, rows]
//   tail         [[time, seq, id | nil], …]
//   slots        [[current, [record, …]], …]      current: place in the list, -1 = none
//   record       [order, era, hash, flags, last, cell, …]
//   checkpoints  [[place, era, saved, rows, [[current, count], …], [[aggregate, place, record], …]], …]  newest first
//   rows         [[at, seq, start, day, [record | nil, …]], …]  of each aggregate of both specs

import { keep } from "./collection";
import { give, letGo, take } from "./heap";
import { CHECKPOINT_HEAD, COPIED, ENTRY, entryAt, forgetHistory } from "./history";
import {
  CHECKPOINT,
  COUNT,
  CURRENT,
  ERA,
  FLAGS,
  FLOOR,
  LAST,
  ORDINAL,
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
  hashOf,
  newIdentity,
  raiseOrdinals,
  recordAt,
  slotOf,
} from "./identity";
import { packArray, packInt, packText, packValue } from "./pack";
import { Aggregate, aggregateAt, streamCount, windowCount } from "./program";
import { CELLS, recordBytes } from "./record";
import { RECORDS, rowAt, truncateRows } from "./rows";
import { readValue } from "./unpack";
import { Tag, addressOf, intOf, lengthOf, putNone, tagOf } from "./value";

const VERSION: i64 = 1;

let at: usize = 0;
let end: usize = 0;
const NIL: usize = memory.data(16, 16);

// Writing

/** @returns address behind it, or 0 when it does not fit before `limit` */
export function packIdentity(identity: usize, from: usize, limit: usize): usize {
  at = from;
  end = limit;
  putNone(NIL);
  array(12);
  int(VERSION);
  text(load<u32>(identity, 4), load<u32>(identity, 8));
  int(load<u32>(identity, ORDINAL));
  int(load<u32>(identity, SAVED));
  int(load<u32>(identity, ERA));
  int(load<u32>(identity, FLAGS));
  int(load<i64>(identity, LAST));
  int(load<i64>(identity, FLOOR));
  packTail(identity);
  array(streamCount);
  for (let i = 0; i < streamCount; i++) packSlot(identity, i);
  packCheckpoints(identity);
  packRows(identity);
  return at;
}

function packTail(identity: usize): void {
  const count = load<u32>(identity, TAIL_COUNT);
  array(count);
  for (let n: u32 = 0; n < count; n++) {
    const entry = entryAt(identity, n);
    array(3);
    int(load<i64>(entry));
    int(<i64>load<f64>(entry, 8));
    if (load<u32>(entry, 16) == 0) value(NIL);
    else text(load<u32>(entry, 16), load<u32>(entry, 20));
  }
}

function packSlot(identity: usize, aggregate: i32): void {
  const slot = slotOf(identity, aggregate);
  const count = load<u32>(slot, COUNT);
  array(2);
  int(placeOf(slot, load<u32>(slot, CURRENT)));
  array(count);
  for (let n: u32 = 0; n < count; n++) packRecord(aggregate, recordAt(slot, n));
}

/** Place of a record in its list; -1 for none. */
function placeOf(slot: usize, record: usize): i64 {
  if (record == 0) return -1;
  for (let n = load<u32>(slot, COUNT); n > 0; n--) {
    if (recordAt(slot, n - 1) == record) return n - 1;
  }
  return -1;
}

function packRecord(aggregate: i32, record: usize): void {
  const columns = load<i32>(aggregateAt(aggregate), Aggregate.COLUMNS);
  array(5 + columns);
  for (let n: usize = 0; n < 4; n++) int(load<u32>(record + (n << 2)));
  int(load<i64>(record, 16));
  for (let n: usize = 0; n < <usize>columns; n++) value(record + CELLS + (n << 4));
}

function packCheckpoints(identity: usize): void {
  let count = 0;
  for (let each = <usize>load<u32>(identity, CHECKPOINT); each != 0; each = <usize>load<u32>(each)) count++;
  array(count);
  for (let each = <usize>load<u32>(identity, CHECKPOINT); each != 0; each = <usize>load<u32>(each)) {
    array(6);
    for (let n: usize = 4; n <= 16; n += 4) int(load<u32>(each + n));
    array(streamCount);
    for (let i = 0; i < streamCount; i++) {
      const saved = each + CHECKPOINT_HEAD + (<usize>i << 3);
      array(2);
      int(placeOf(slotOf(identity, i), load<u32>(saved)));
      int(load<u32>(saved, 4));
    }
    packCopies(identity, load<u32>(each, 20));
  }
}

function packCopies(identity: usize, first: usize): void {
  let count = 0;
  for (let copy = first; copy != 0; copy = <usize>load<u32>(copy)) count++;
  array(count);
  for (let copy = first; copy != 0; copy = <usize>load<u32>(copy)) {
    array(3);
    for (let i = 0; i < streamCount; i++) {
      const place = placeOf(slotOf(identity, i), load<u32>(copy, 4));
      if (place < 0) continue;
      int(i);
      int(place);
      packRecord(i, copy + COPIED);
    }
  }
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
  if (intOf(item(WHOLE, 0)) != VERSION) return 0;
  const key = item(WHOLE, 1);
  const hash = hashOf(addressOf(key), lengthOf(key));
  if (findIdentity(addressOf(key), lengthOf(key), hash) != 0) return 0;
  const identity = newIdentity(addressOf(key), lengthOf(key), hash);
  store<u32>(identity, number(WHOLE, 2), ORDINAL);
  raiseOrdinals(number(WHOLE, 2));
  store<u32>(identity, number(WHOLE, 3), SAVED);
  store<u32>(identity, number(WHOLE, 4), ERA);
  store<u32>(identity, number(WHOLE, 5), FLAGS);
  store<i64>(identity, intOf(item(WHOLE, 6)), LAST);
  store<i64>(identity, intOf(item(WHOLE, 7)), FLOOR);
  unpackTail(identity, item(WHOLE, 8));
  for (let i = 0; i < streamCount; i++) unpackSlot(identity, i, item(item(WHOLE, 9), i));
  unpackCheckpoints(identity, item(WHOLE, 10));
  unpackRows(identity, item(WHOLE, 11));
  return identity;
}

function unpackTail(identity: usize, tail: usize): void {
  const count = countOf(tail);
  if (count == 0) return;
  const block = take(<usize>count * ENTRY);
  for (let n = 0; n < count; n++) {
    const entry = block + <usize>n * ENTRY;
    const read = item(tail, n);
    const id = item(read, 2);
    store<i64>(entry, intOf(item(read, 0)));
    store<f64>(entry, <f64>intOf(item(read, 1)), 8);
    store<u64>(entry, 0, 16);
    if (tagOf(id) != Tag.TEXT) continue;
    const length = lengthOf(id);
    const held = take(max(length, 1));
    memory.copy(held, addressOf(id), length);
    store<u32>(entry, <u32>held, 16);
    store<i32>(entry, length, 20);
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
  for (let n = 0; n < 4; n++) store<u32>(record + (<usize>n << 2), number(read, n));
  store<i64>(record, intOf(item(read, 4)), 16);
  store<i64>(record, 0, 24);
  for (let n = 0; n < columns; n++) keep(record + CELLS + (<usize>n << 4), item(read, 5 + n));
}

function unpackCheckpoints(identity: usize, list: usize): void {
  let newer: usize = 0;
  for (let n = 0; n < countOf(list); n++) {
    const read = item(list, n);
    const made = take(CHECKPOINT_HEAD + (<usize>streamCount << 3));
    store<u32>(made, 0);
    for (let k = 0; k < 4; k++) store<u32>(made + 4 + (<usize>k << 2), number(read, k));
    for (let i = 0; i < streamCount; i++) {
      const saved = item(item(read, 4), i);
      store<u32>(made + CHECKPOINT_HEAD + (<usize>i << 3), recordOf(slotOf(identity, i), intOf(item(saved, 0))));
      store<u32>(made + CHECKPOINT_HEAD + (<usize>i << 3), number(saved, 1), 4);
    }
    store<u32>(made, <u32>unpackCopies(identity, item(read, 5)), 20);
    if (newer == 0) store<u32>(identity, <u32>made, CHECKPOINT);
    else store<u32>(newer, <u32>made);
    newer = made;
  }
}

function unpackCopies(identity: usize, list: usize): usize {
  let first: usize = 0;
  for (let n = countOf(list); n > 0; n--) {
    const read = item(list, n - 1);
    const aggregate = <i32>number(read, 0);
    const bytes = recordBytes(aggregate);
    const copy = take(COPIED + bytes);
    store<u32>(copy, <u32>first);
    store<u32>(copy, recordOf(slotOf(identity, aggregate), intOf(item(read, 1))), 4);
    store<u32>(copy, <u32>bytes, 8);
    unpackRecord(aggregate, copy + COPIED, item(read, 2));
    first = copy;
  }
  return first;
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
  truncateRows(identity, 0);
  const rows = <usize>load<u32>(identity, ROWS);
  if (rows != 0) give(rows);
  for (let i = 0; i < streamCount; i++) freeSlot(slotOf(identity, i), i);
  dropIdentity(identity);
  const key = <usize>load<u32>(identity, 4);
  if (letGo(key)) give(key);
  give(identity);
}
