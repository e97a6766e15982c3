// Identities: whom events are about, found by their key, with the records of each aggregate.
//
// Identity, held, 80 bytes, a slot per aggregate of the streaming spec, and its key:
//   +0   hash         u32
//   +4   ordinal      u32  its turn among all identities
//   +8   keyLength    u32  bytes
//   +12  flags        u32
//   +16  saved        u32  records saved so far
//   +20  touched      u32  number of the batch that last touched it
//   +24  tail         u32  block: its events that may still be joined by earlier ones; see `history.ts`
//   +28  tailCount    u32
//   +32  log          u32  block: what these events have changed
//   +36  logBytes     u32
//   +40  rows         u32  block of addresses: rows of training, see `rows.ts`
//   +44  rowsCount    u32
//   +48  last         i64  time of its last event, µs
//   +56  floor        i64  time, µs: nothing earlier is taken, as later events are settled
//   +64  previous     u32  links of a ring, see `changed.ts`
//   +68  next         u32
//   +72  folded       f64  sequence: events up to here are in its state, where the journal is read again
//
// Slot, 16 bytes:
//   +0   current  u32  the record that is loaded, 0 = none
//   +4   list     u32  block of addresses: all records in the order in which they were made
//   +8   count    u32
//   +12  index    u32  block: hash table of places in the list + 1, for dimensions; 0 = look through the list
//
// Table: {hash u32, identity u32}, open addressing, half full at most.

import { sameBytes } from "../text/bytes";
import { equals } from "../collections/compare";
import { give, roomOf, take } from "../machine/heap";
import { Aggregate, aggregateAt, streamCount } from "../machine/program";
import { CELLS, EXPIRED, FLAGS as RECORD_FLAGS, HASH as RECORD_HASH, dropRecord, recordBytes } from "./record";

export const ORDINAL: usize = 4;
export const KEY_LENGTH: usize = 8;
export const FLAGS: usize = 12;
export const SAVED: usize = 16;
export const TOUCHED: usize = 20;
export const TAIL: usize = 24;
export const TAIL_COUNT: usize = 28;
export const LOG: usize = 32;
export const LOG_BYTES: usize = 36;
export const ROWS: usize = 40;
export const ROWS_COUNT: usize = 44;
export const LAST: usize = 48;
export const FLOOR: usize = 56;
export const FOLDED: usize = 72;
export const SLOTS: usize = 80;
export const SLOT: usize = 16;

export const CURRENT: usize = 0;
export const LIST: usize = 4;
export const COUNT: usize = 8;
const INDEX: usize = 12;

/** It may lack earlier events. */
export const INCOMPLETE: u32 = 1;
/** The events of its tail have yet to be folded. */
export const PENDING: u32 = 2;

/** Records of an aggregate from which on they are indexed by their dimensions. */
const INDEXED_FROM: u32 = 8;

let table: usize = 0;
let tableMask: u32 = 0;
let count: u32 = 0;
let ordinals: u32 = 0;

export function identitiesCount(): u32 {
  return count;
}

/** The turn of the newest identity. */
export function ordinalsGiven(): u32 {
  return ordinals;
}

/** The next new identity comes after this one. */
export function raiseOrdinals(ordinal: u32): void {
  ordinals = max(ordinals, ordinal);
}

/** Gives the newest identity the turn that it had before, instead of its own: the next new one comes after all others. */
export function restoreOrdinal(identity: usize, ordinal: u32): void {
  store<u32>(identity, ordinal, ORDINAL);
  ordinals = max(ordinals - 1, ordinal);
}

/** Address of its key's bytes. */
// @ts-ignore: decorator
@inline
export function keyOf(identity: usize): usize {
  return identity + SLOTS + <usize>streamCount * SLOT;
}

// @ts-ignore: decorator
@inline
export function slotOf(identity: usize, aggregate: i32): usize {
  return identity + SLOTS + <usize>aggregate * SLOT;
}

/** Where the table is looked at first for a hash. */
// @ts-ignore: decorator
@inline
export function homeOf(hash: u32): usize {
  return table + (<usize>(hash & tableMask) << 3);
}

/** The identity with this key, or 0. */
export function findIdentity(key: usize, length: i32, hash: u32): usize {
  if (table == 0) return 0;
  for (let at = hash & tableMask; ; at = (at + 1) & tableMask) {
    const slot = table + (<usize>at << 3);
    const identity = <usize>load<u32>(slot, 4);
    if (identity == 0) return 0;
    if (load<u32>(slot) != hash || load<i32>(identity, KEY_LENGTH) != length) continue;
    if (sameBytes(keyOf(identity), key, length)) return identity;
  }
  return 0;
}

/** A new identity: its key must not be there yet. */
export function newIdentity(key: usize, length: i32, hash: u32): usize {
  if ((count + 1) << 1 > tableMask) growTable();
  const bytes = SLOTS + <usize>streamCount * SLOT;
  const identity = take(bytes + length);
  memory.fill(identity, 0, bytes);
  memory.copy(identity + bytes, key, length);
  store<i64>(identity, i64.MIN_VALUE, FLOOR);
  store<u32>(identity, hash);
  store<i32>(identity, length, KEY_LENGTH);
  store<u32>(identity, ++ordinals, ORDINAL);
  insert(identity, hash);
  count++;
  return identity;
}

/** Takes an identity without records out of the table. What it held otherwise must be gone. */
export function dropIdentity(identity: usize): void {
  const hash = load<u32>(identity);
  let gap = hash & tableMask;
  while (<usize>load<u32>(table + (<usize>gap << 3), 4) != identity) gap = (gap + 1) & tableMask;
  for (let at = (gap + 1) & tableMask; ; at = (at + 1) & tableMask) {
    const slot = table + (<usize>at << 3);
    if (load<u32>(slot, 4) == 0) break;
    const home = load<u32>(slot) & tableMask;
    if (((at - home) & tableMask) < ((at - gap) & tableMask)) continue; // its home lies behind the gap
    store<u64>(table + (<usize>gap << 3), load<u64>(slot));
    gap = at;
  }
  store<u64>(table + (<usize>gap << 3), 0);
  count--;
}

/** The first identity at or after a place of the table, or 0; `nextPlace` then says where to go on. */
export function identityFrom(place: u32): usize {
  for (let at = place; table != 0 && at <= tableMask; at++) {
    const identity = <usize>load<u32>(table + (<usize>at << 3), 4);
    if (identity == 0) continue;
    walked = at + 1;
    return identity;
  }
  walked = 0;
  return 0;
}

let walked: u32 = 0;

/** Where a walk goes on; 0 = it is at its end. */
export function nextPlace(): u32 {
  return walked;
}

function insert(identity: usize, hash: u32): void {
  let at = hash & tableMask;
  while (load<u32>(table + (<usize>at << 3), 4) != 0) at = (at + 1) & tableMask;
  store<u32>(table + (<usize>at << 3), hash);
  store<u32>(table + (<usize>at << 3), <u32>identity, 4);
}

function growTable(): void {
  const old = table;
  const oldSize: u32 = old == 0 ? 0 : tableMask + 1;
  const size = max<u32>(oldSize << 1, 1024);
  table = take(<usize>size << 3);
  memory.fill(table, 0, <usize>size << 3);
  tableMask = size - 1;
  for (let at: u32 = 0; at < oldSize; at++) {
    const identity = <usize>load<u32>(old + (<usize>at << 3), 4);
    if (identity != 0) insert(identity, load<u32>(old + (<usize>at << 3)));
  }
  if (old != 0) give(old);
}

// Records of a slot

// @ts-ignore: decorator
@inline
export function recordAt(slot: usize, place: u32): usize {
  return <usize>load<u32>(<usize>load<u32>(slot, LIST) + (<usize>place << 2));
}

/** Adds a record, the youngest. */
export function addRecord(slot: usize, record: usize): void {
  const records = load<u32>(slot, COUNT);
  let list = <usize>load<u32>(slot, LIST);
  list = grown(list, records);
  store<u32>(slot, <u32>list, LIST);
  store<u32>(list + (<usize>records << 2), <u32>record);
  store<u32>(slot, records + 1, COUNT);
  if (load<u32>(slot, INDEX) != 0) index(slot, records);
}

/** A block of addresses with room for one more behind `used`. */
export function grown(list: usize, used: u32): usize {
  const needed = (<usize>used + 1) << 2;
  if (list == 0) return take(8);
  if (needed <= roomOf(list)) return list;
  const larger = take(roomOf(list) * 2 + 8);
  memory.copy(larger, list, <usize>used << 2);
  give(list);
  return larger;
}

/** Drops the records made after the first `records`. */
export function truncate(slot: usize, aggregate: i32, records: u32): void {
  const bytes = recordBytes(aggregate);
  for (let place = load<u32>(slot, COUNT); place > records; place--) dropRecord(recordAt(slot, place - 1), bytes);
  store<u32>(slot, records, COUNT);
  const index = <usize>load<u32>(slot, INDEX);
  if (index == 0) return;
  give(index);
  store<u32>(slot, 0, INDEX);
}

export function freeSlot(slot: usize, aggregate: i32): void {
  truncate(slot, aggregate, 0);
  const list = <usize>load<u32>(slot, LIST);
  if (list != 0) give(list);
  store<u32>(slot, 0, LIST);
  store<u32>(slot, 0, CURRENT);
}

/**
 * The record with these dimensions, or 0.
 *
 * @param dimensions  address of the first of `length` cells
 */
export function findRecord(slot: usize, aggregate: i32, dimensions: usize, length: i32, hash: u32): usize {
  const records = load<u32>(slot, COUNT);
  const first = CELLS + (<usize>load<u32>(aggregateAt(aggregate), Aggregate.DIMENSIONS) << 4);
  if (records <= INDEXED_FROM) {
    for (let place: u32 = 0; place < records; place++) {
      const record = recordAt(slot, place);
      if (load<u32>(record, RECORD_HASH) == hash && isOf(record + first, dimensions, length, record)) return record;
    }
    return 0;
  }
  if (load<u32>(slot, INDEX) == 0) indexAll(slot);
  const table = <usize>load<u32>(slot, INDEX);
  const mask = load<u32>(table);
  for (let at = hash & mask; ; at = (at + 1) & mask) {
    const place = load<u32>(table + 4 + (<usize>at << 2));
    if (place == 0) return 0;
    const record = recordAt(slot, place - 1);
    if (load<u32>(record, RECORD_HASH) == hash && isOf(record + first, dimensions, length, record)) return record;
  }
  return 0;
}

function isOf(cells: usize, dimensions: usize, length: i32, record: usize): bool {
  if (load<u32>(record, RECORD_FLAGS) & EXPIRED) return false;
  for (let i: usize = 0; i < <usize>length; i++) {
    if (!equals(cells + (i << 4), dimensions + (i << 4))) return false;
  }
  return true;
}

/** Index: +0 mask u32, +4 places + 1, u32 each. */
function indexAll(slot: usize): void {
  const records = load<u32>(slot, COUNT);
  let size: u32 = 32;
  while (size < records << 2) size <<= 1;
  const table = take(4 + (<usize>size << 2));
  memory.fill(table, 0, 4 + (<usize>size << 2));
  store<u32>(table, size - 1);
  store<u32>(slot, <u32>table, INDEX);
  for (let place: u32 = 0; place < records; place++) index(slot, place);
}

function index(slot: usize, place: u32): void {
  const table = <usize>load<u32>(slot, INDEX);
  const mask = load<u32>(table);
  if (load<u32>(slot, COUNT) << 1 > mask) {
    give(table);
    indexAll(slot);
    return;
  }
  let at = load<u32>(recordAt(slot, place), RECORD_HASH) & mask;
  while (load<u32>(table + 4 + (<usize>at << 2)) != 0) at = (at + 1) & mask;
  store<u32>(table + 4 + (<usize>at << 2), place + 1);
}
