// What lets a late event in: the events of an identity that may still be joined by earlier ones, in their order,
// and the state before some of them. A late event takes the state back to the checkpoint before it, and what follows is
// folded again. The same takes back an event that failed in the middle.
//
// Tail, held: an entry of 24 bytes per event, in the order of (time, id, sequence).
//   +0   time    i64  µs
//   +8   seq     f64
//   +16  id      u32  held text, 0 = none
//   +20  length  u32
//
// Checkpoint, held, 24 bytes and 8 per aggregate:
//   +0   older   u32
//   +4   place   u32  how many events of the tail are in this state
//   +8   era     u32
//   +12  saved   u32
//   +16  rows    u32
//   +20  copies  u32  records as they were then, of those that were written to since
//   +24  {current u32, count u32} of each slot
//
// Copy, held: +0 next u32, +4 record u32, +8 bytes u32, +16 the record.

import { give, hold, letGo, roomOf, take } from "./heap";
import {
  CHECKPOINT,
  COUNT,
  CURRENT,
  ERA as IDENTITY_ERA,
  FLOOR,
  ROWS_COUNT,
  SAVED as IDENTITY_SAVED,
  TAIL,
  TAIL_COUNT,
  slotOf,
  truncate,
} from "./identity";
import { streamCount } from "./program";
import { ERA as RECORD_ERA, copyRecord, emptyRecord } from "./record";
import { truncateRows } from "./rows";

export const ENTRY: usize = 24;
export const ENTRY_SEQ: usize = 8;
const ENTRY_ID: usize = 16;
const ENTRY_LENGTH: usize = 20;

export const OLDER: usize = 0;
export const PLACE: usize = 4;
const ERA: usize = 8;
const SAVED: usize = 12;
const ROWS: usize = 16;
const COPIES: usize = 20;
export const CHECKPOINT_HEAD: usize = 24;

/** Head of a copy. */
export const COPIED: usize = 16;

/** Events between two checkpoints. */
const STRIDE: u32 = 16;

/** Events that a tail may hold: beyond, its older half counts as settled. */
let tailMax: u32 = 0;
/** Whether tails are kept at all. Without, an event that fails in the middle can't be taken back. */
let keeps: bool = false;

export function boundTail(events: u32): void {
  tailMax = events;
  keeps = events > 0;
}

export function keepsTail(): bool {
  return keeps;
}

// @ts-ignore: decorator
@inline
export function entryAt(identity: usize, place: u32): usize {
  return <usize>load<u32>(identity, TAIL) + <usize>place * ENTRY;
}

/** The place that an event belongs to: behind all that come before it. */
export function placeOf(identity: usize, time: i64, id: usize, length: i32, seq: f64): u32 {
  let place = load<u32>(identity, TAIL_COUNT);
  while (place > 0 && isBefore(time, id, length, seq, entryAt(identity, place - 1))) place--;
  return place;
}

function isBefore(time: i64, id: usize, length: i32, seq: f64, entry: usize): bool {
  const other = load<i64>(entry);
  if (time != other) return time < other;
  const otherId = <usize>load<u32>(entry, ENTRY_ID);
  if (id != 0 && otherId != 0) {
    const otherLength = load<i32>(entry, ENTRY_LENGTH);
    const order = memory.compare(id, otherId, min(length, otherLength));
    if (order != 0) return order < 0;
    if (length != otherLength) return length < otherLength;
  } else if (id != otherId) {
    return id == 0; // without an id goes before
  }
  return seq < load<f64>(entry, ENTRY_SEQ);
}

export function insertEntry(identity: usize, place: u32, time: i64, id: usize, length: i32, seq: f64): void {
  const count = load<u32>(identity, TAIL_COUNT);
  let tail = <usize>load<u32>(identity, TAIL);
  const needed = <usize>(count + 1) * ENTRY;
  if (tail == 0) {
    tail = take(2 * ENTRY);
  } else if (needed > roomOf(tail)) {
    const larger = take(max(roomOf(tail) * 2, needed));
    memory.copy(larger, tail, <usize>count * ENTRY);
    give(tail);
    tail = larger;
  }
  store<u32>(identity, <u32>tail, TAIL);
  store<u32>(identity, count + 1, TAIL_COUNT);
  const entry = tail + <usize>place * ENTRY;
  if (place < count) memory.copy(entry + ENTRY, entry, <usize>(count - place) * ENTRY);
  store<i64>(entry, time);
  store<f64>(entry, seq, ENTRY_SEQ);
  let text: usize = 0;
  if (id != 0) {
    text = take(max(length, 1));
    memory.copy(text, id, length);
  }
  store<u32>(entry, <u32>text, ENTRY_ID);
  store<i32>(entry, length, ENTRY_LENGTH);
}

export function removeEntry(identity: usize, place: u32): void {
  const count = load<u32>(identity, TAIL_COUNT);
  const entry = entryAt(identity, place);
  forgetId(entry);
  memory.copy(entry, entry + ENTRY, <usize>(count - place - 1) * ENTRY);
  store<u32>(identity, count - 1, TAIL_COUNT);
}

function forgetId(entry: usize): void {
  const id = <usize>load<u32>(entry, ENTRY_ID);
  if (id != 0 && letGo(id)) give(id);
}

// Checkpoints

/**
 * Before the event at `place` of the tail is folded: a checkpoint, if the last is too long ago.
 *
 * @param settled  time before which nothing comes any more, µs: what is older is forgotten, and places move; i64.MIN_VALUE: nothing is
 */
export function prepare(identity: usize, place: u32, settled: i64): void {
  if (!keeps) return;
  const newest = <usize>load<u32>(identity, CHECKPOINT);
  if (newest == 0) {
    checkpoint(identity, place);
  } else if (place - load<u32>(newest, PLACE) >= STRIDE) {
    checkpoint(identity, place);
    if (settled != i64.MIN_VALUE) settle(identity, settled);
  }
}

function checkpoint(identity: usize, place: u32): void {
  const made = take(CHECKPOINT_HEAD + (<usize>streamCount << 3));
  const era = load<u32>(identity, IDENTITY_ERA) + 1;
  store<u32>(made, load<u32>(identity, CHECKPOINT), OLDER);
  store<u32>(made, place, PLACE);
  store<u32>(made, era, ERA);
  store<u32>(made, load<u32>(identity, IDENTITY_SAVED), SAVED);
  store<u32>(made, load<u32>(identity, ROWS_COUNT), ROWS);
  store<u32>(made, 0, COPIES);
  for (let i = 0; i < streamCount; i++) {
    const slot = slotOf(identity, i);
    store<u32>(made + CHECKPOINT_HEAD + (<usize>i << 3), load<u32>(slot, CURRENT));
    store<u32>(made + CHECKPOINT_HEAD + (<usize>i << 3), load<u32>(slot, COUNT), 4);
  }
  store<u32>(identity, era, IDENTITY_ERA);
  store<u32>(identity, <u32>made, CHECKPOINT);
}

/** Before a record is written to: what the newest checkpoint has to remember of it. */
// @ts-ignore: decorator
@inline
export function touch(identity: usize, record: usize, bytes: usize): void {
  if (load<u32>(record, RECORD_ERA) != load<u32>(identity, IDENTITY_ERA)) remember(identity, record, bytes);
}

function remember(identity: usize, record: usize, bytes: usize): void {
  const newest = <usize>load<u32>(identity, CHECKPOINT);
  if (newest != 0) {
    const copy = take(COPIED + bytes);
    store<u32>(copy, load<u32>(newest, COPIES));
    store<u32>(copy, <u32>record, 4);
    store<u32>(copy, <u32>bytes, 8);
    copyRecord(copy + COPIED, record, bytes);
    store<u32>(newest, <u32>copy, COPIES);
  }
  store<u32>(record, load<u32>(identity, IDENTITY_ERA), RECORD_ERA);
}

/** Takes the state back to the last checkpoint that has no event from `place` on. @returns its place */
export function rewind(identity: usize, place: u32): u32 {
  let newest = <usize>load<u32>(identity, CHECKPOINT);
  while (true) {
    undo(identity, newest);
    const older = <usize>load<u32>(newest);
    if (load<u32>(newest, PLACE) <= place || older == 0) break;
    give(newest);
    newest = older;
    store<u32>(identity, <u32>newest, CHECKPOINT);
  }
  return load<u32>(newest, PLACE);
}

function undo(identity: usize, checkpoint: usize): void {
  let copy = <usize>load<u32>(checkpoint, COPIES);
  while (copy != 0) {
    const next = <usize>load<u32>(copy);
    const record = <usize>load<u32>(copy, 4);
    const bytes = <usize>load<u32>(copy, 8);
    emptyRecord(record, bytes);
    memory.copy(record, copy + COPIED, bytes);
    give(copy);
    copy = next;
  }
  store<u32>(checkpoint, 0, COPIES);
  for (let i = 0; i < streamCount; i++) {
    const slot = slotOf(identity, i);
    truncate(slot, i, load<u32>(checkpoint + CHECKPOINT_HEAD + (<usize>i << 3), 4));
    store<u32>(slot, load<u32>(checkpoint + CHECKPOINT_HEAD + (<usize>i << 3)), CURRENT);
  }
  truncateRows(identity, load<u32>(checkpoint, ROWS));
  store<u32>(identity, load<u32>(checkpoint, SAVED), IDENTITY_SAVED);
  store<u32>(identity, load<u32>(checkpoint, ERA), IDENTITY_ERA);
}

/** Forgets how to get back before `settled`: nothing earlier will come. */
export function settle(identity: usize, settled: i64): void {
  const newest = <usize>load<u32>(identity, CHECKPOINT);
  if (newest == 0) return;
  const count = load<u32>(identity, TAIL_COUNT);
  const crowded = count > tailMax ? count >> 1 : 0;
  for (let each = newest; each != 0; each = <usize>load<u32>(each)) {
    const place = load<u32>(each, PLACE);
    if (place != 0 && place > crowded && load<i64>(entryAt(identity, place - 1)) >= settled) continue;
    forgetBefore(identity, each);
    return;
  }
}

/** Everything of the identity is settled: the next event begins a new tail. */
export function settleWhole(identity: usize): void {
  const newest = <usize>load<u32>(identity, CHECKPOINT);
  if (newest == 0) return;
  checkpoint(identity, load<u32>(identity, TAIL_COUNT));
  forgetBefore(identity, <usize>load<u32>(identity, CHECKPOINT));
}

/** Time of the last event of the tail, µs; i64.MIN_VALUE without one. */
export function lastOfTail(identity: usize): i64 {
  const count = load<u32>(identity, TAIL_COUNT);
  return count == 0 ? i64.MIN_VALUE : load<i64>(entryAt(identity, count - 1));
}

function forgetBefore(identity: usize, kept: usize): void {
  forgetCheckpoints(<usize>load<u32>(kept));
  store<u32>(kept, 0);
  const gone = load<u32>(kept, PLACE);
  if (gone == 0) return;
  const count = load<u32>(identity, TAIL_COUNT);
  store<i64>(identity, load<i64>(entryAt(identity, gone - 1)), FLOOR);
  for (let place: u32 = 0; place < gone; place++) forgetId(entryAt(identity, place));
  const tail = <usize>load<u32>(identity, TAIL);
  if (gone == count) {
    give(tail);
    store<u32>(identity, 0, TAIL);
  } else {
    memory.copy(tail, tail + <usize>gone * ENTRY, <usize>(count - gone) * ENTRY);
  }
  store<u32>(identity, count - gone, TAIL_COUNT);
  for (let each = <usize>load<u32>(identity, CHECKPOINT); each != 0; each = <usize>load<u32>(each)) {
    store<u32>(each, load<u32>(each, PLACE) - gone, PLACE);
  }
}

function forgetCheckpoints(from: usize): void {
  while (from != 0) {
    const older = <usize>load<u32>(from);
    let copy = <usize>load<u32>(from, COPIES);
    while (copy != 0) {
      const next = <usize>load<u32>(copy);
      emptyRecord(copy + COPIED, load<u32>(copy, 8));
      give(copy);
      copy = next;
    }
    give(from);
    from = older;
  }
}

/** Lets go of tail and checkpoints. */
export function forgetHistory(identity: usize): void {
  forgetCheckpoints(<usize>load<u32>(identity, CHECKPOINT));
  const count = load<u32>(identity, TAIL_COUNT);
  for (let place: u32 = 0; place < count; place++) forgetId(entryAt(identity, place));
  const tail = <usize>load<u32>(identity, TAIL);
  if (tail != 0) give(tail);
  store<u32>(identity, 0, CHECKPOINT);
  store<u32>(identity, 0, TAIL);
  store<u32>(identity, 0, TAIL_COUNT);
}
