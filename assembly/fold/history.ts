// What lets a late event in: the events of an identity that may still be joined by earlier ones, in their order, and
// what each of them has changed. A late event takes the state back to just before its place, and what follows is folded
// again. The same takes back an event that failed in the middle.
//
// Tail, held: an entry of 24 bytes per event, in the order of (time, id, sequence).
//   +0   time  i64  µs
//   +8   seq   f64
//   +16  log   u32  bytes of the log before it
//   +20  id    u32  held: its length u32, its bytes; 0 = none
//
// Log, held: an entry of 24 bytes per change.
//   +0   address  u32
//   +4   kind     u32  low 2 bits; above them the weight of all changes up to this one
//   +8   what stood there, 16 bytes; a held value goes over to the log
//
// What an event makes itself, a record, is not logged cell by cell: it goes as a whole.
//
// Weight is how much the log keeps in memory, in units of 8 bytes, modulo 2^30: of each cell its change, and what that holds.
// It follows from the values alone, since it decides which late events are taken. What else the log has depends on what of
// the past is in memory, and has no weight.

import { countOf, isCollection } from "../collections/block";
import { release } from "../collections/collection";
import { bytesOf, bytesOfBlock } from "../collections/size";
import { give, hold, letGo, roomOf, take } from "../machine/heap";
import {
  COUNT,
  CURRENT,
  FLAGS,
  FLOOR,
  LOG,
  LOG_BYTES,
  PENDING,
  ROWS_COUNT,
  SAVED,
  SLOT,
  TAIL,
  TAIL_COUNT,
  slotOf,
  truncate,
} from "./identity";
import { truncateRows } from "./rows";
import { change } from "./changed";
import { HELD, addressOf } from "../machine/value";

export const ENTRY: usize = 24;
export const ENTRY_SEQ: usize = 8;
const ENTRY_LOG: usize = 16;
export const ENTRY_ID: usize = 20;

/** Kinds of changes. */
namespace Change {
  export const CELL: u32 = 0;
  /** Order, flags, last of a record. */
  export const HEADER: u32 = 1;
  /** Current record and count of a slot. */
  export const SLOT: u32 = 2;
  /** Rows and records saved of the identity. */
  export const IDENTITY: u32 = 3;
}
const KIND: u32 = 3;
const KIND_BITS: u32 = 2;
const CHANGE: usize = 24;

/** Events that are not settled, and bytes of their log, that a tail may hold: beyond, the older half counts as settled. */
let tailMax: u32 = 0;
const LOG_MAX: u32 = 256 * 1024;

/** The same as a weight. */
const UNIT: u32 = 8;
const WEIGHT_MAX: u32 = LOG_MAX / UNIT;
const CHANGE_WEIGHT: u32 = <u32>CHANGE / UNIT;

/** Room of a log, and with it of a tail, that an identity keeps although nothing is in it, bytes. */
const LOG_KEPT: usize = 184;

/** Room of a log at first: most events change two or three cells. */
const LOG_FIRST: usize = 5 * 24;

/** Events from which on a tail is cut when half of it is settled. */
const CUT_FROM: u32 = 4;

export function boundTail(events: u32): void {
  tailMax = events;
}

export function tailBound(): u32 {
  return tailMax;
}

/** Whether tails are kept at all. Without, an event that fails in the middle can't be taken back. */
export function keepsTail(): bool {
  return tailMax > 0;
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
  const held = <usize>load<u32>(entry, ENTRY_ID);
  if (id != 0 && held != 0) {
    const otherLength = load<i32>(held);
    const order = memory.compare(id, held + 4, min(length, otherLength));
    if (order != 0) return order < 0;
    if (length != otherLength) return length < otherLength;
  } else if ((id != 0) != (held != 0)) {
    return id == 0; // without an id goes before
  }
  return seq < load<f64>(entry, ENTRY_SEQ);
}

export function insertEntry(identity: usize, place: u32, time: i64, id: usize, length: i32, seq: f64): void {
  const count = load<u32>(identity, TAIL_COUNT);
  let tail = <usize>load<u32>(identity, TAIL);
  if (tail == 0 || <usize>(count + 1) * ENTRY > roomOf(tail)) {
    tail = roomFor(tail, <usize>count * ENTRY, ENTRY);
    store<u32>(identity, <u32>tail, TAIL);
  }
  store<u32>(identity, count + 1, TAIL_COUNT);
  const entry = tail + <usize>place * ENTRY;
  if (place < count) memory.copy(entry + ENTRY, entry, <usize>(count - place) * ENTRY);
  store<i64>(entry, time);
  store<f64>(entry, seq, ENTRY_SEQ);
  let held: usize = 0;
  if (id != 0) {
    held = take(4 + length);
    store<i32>(held, length);
    memory.copy(held + 4, id, length);
  }
  store<u32>(entry, <u32>held, ENTRY_ID);
}

export function removeEntry(identity: usize, place: u32): void {
  const count = load<u32>(identity, TAIL_COUNT);
  const entry = entryAt(identity, place);
  forgetId(entry);
  memory.copy(entry, entry + ENTRY, <usize>(count - place - 1) * ENTRY);
  store<u32>(identity, count - 1, TAIL_COUNT);
}

/** Bytes of all tails and logs. */
let roomBytes: usize = 0;

export function tailsUsed(): usize {
  return roomBytes;
}

/** A block for a tail or log. */
export function takeRoom(bytes: usize): usize {
  const block = take(bytes);
  roomBytes += roomOf(block);
  return block;
}

function giveRoom(block: usize): void {
  roomBytes -= roomOf(block);
  give(block);
}

/** A block with room for `bytes` more behind `used`. */
function roomFor(block: usize, used: usize, bytes: usize): usize {
  if (block == 0) return takeRoom(bytes);
  if (used + bytes <= roomOf(block)) return block;
  const larger = takeRoom(max(roomOf(block) * 2, used + bytes));
  memory.copy(larger, block, used);
  giveRoom(block);
  return larger;
}

function forgetId(entry: usize): void {
  const id = <usize>load<u32>(entry, ENTRY_ID);
  if (id != 0 && letGo(id)) give(id);
}

// Recording

let subject: usize = 0;
/** Number of the event that is folded; what it made itself bears it. 0 while nothing is recorded. */
let event: u32 = 0;
let events: u32 = 0;
/** Where the next change is logged, and where the log's room ends. */
let logNext: usize = 0;
let logEnd: usize = 0;
/** Of all changes before the next. */
let logWeight: u32 = 0;

/** The event at `place` of the tail is folded from here on. */
export function record(identity: usize, place: u32): void {
  subject = identity;
  events++;
  if (events == 0) events = 1;
  event = events;
  const used = load<u32>(identity, LOG_BYTES);
  store<u32>(entryAt(identity, place), used, ENTRY_LOG);
  const log = <usize>load<u32>(identity, LOG);
  logNext = log + used;
  logEnd = log == 0 ? 0 : log + roomOf(log);
  logWeight = weightAt(log, used);
}

export function stopRecording(): void {
  event = 0;
  store<u32>(subject, <u32>(logNext - load<u32>(subject, LOG)), LOG_BYTES);
}

/** What a new record bears. */
export function eventNumber(): u32 {
  return event;
}

/** Must a change of what bears this number be logged? */
// @ts-ignore: decorator
@inline
export function isLogged(born: u32): bool {
  return event != 0 && born != event;
}

/** Before a cell is written to. What it holds is the log's from now on. */
export function logCell(cell: usize): void {
  logWeight += CHANGE_WEIGHT;
  if (load<u32>(cell) & HELD) logWeight += unitsOf(bytesOf(cell));
  const entry = logged(cell, Change.CELL);
  v128.store(entry, v128.load(cell), 8);
}

/** Before a collection is changed in place: the log holds it too, and so it is copied. `weighShared` follows. */
export function logShared(cell: usize): void {
  if (load<u32>(cell) & HELD) hold(addressOf(cell));
  logWeight += CHANGE_WEIGHT;
  const entry = logged(cell, Change.CELL);
  v128.store(entry, v128.load(cell), 8);
}

/**
 * After it was changed: the log has a block of its own then, and both share what is in it. What came new into the
 * collection counts here, and need not when it goes.
 *
 * @param args  address of the `count` cells with which it was changed
 */
export function weighShared(cell: usize, args: usize, count: i32): void {
  const entry = logNext - CHANGE;
  const before = entry + 8;
  if (!isCollection(before) || addressOf(before) == addressOf(cell)) return;
  // an empty one may get a block although nothing comes into it
  if (countOf(before) == 0 && countOf(cell) == 0) return;
  let weight = unitsOf(bytesOfBlock(before));
  for (let i = 0; i < count; i++) weight += unitsOf(bytesOf(args + (<usize>i << 4)));
  logWeight += weight;
  store<u32>(entry, load<u32>(entry, 4) + (weight << KIND_BITS), 4);
}

/** One value of more than a log may hold is as good as one of just so much. */
function unitsOf(bytes: u32): u32 {
  return (min(bytes, LOG_MAX) + UNIT - 1) / UNIT;
}

/** Before order, flags or last event of a record change. */
export function logHeader(target: usize): void {
  const entry = logged(target, Change.HEADER);
  v128.store(entry, v128.load(target), 8);
}

export function logSlot(slot: usize): void {
  if (event == 0) return;
  const entry = logged(slot, Change.SLOT);
  store<u32>(entry, load<u32>(slot, CURRENT), 8);
  store<u32>(entry, load<u32>(slot, COUNT), 12);
}

/** Before the identity's counts change. */
export function logCounts(): void {
  if (event == 0) return;
  const entry = logged(subject, Change.IDENTITY);
  store<u32>(entry, load<u32>(subject, SAVED), 8);
  store<u32>(entry, load<u32>(subject, ROWS_COUNT), 12);
}

function logged(address: usize, kind: u32): usize {
  if (logNext + CHANGE > logEnd) growLog();
  const entry = logNext;
  logNext += CHANGE;
  store<u64>(entry, <u64>address | (<u64>(kind | (logWeight << KIND_BITS)) << 32));
  return entry;
}

function growLog(): void {
  const log = <usize>load<u32>(subject, LOG);
  const used = logNext - log;
  const larger = log == 0 ? takeRoom(LOG_FIRST) : roomFor(log, used, CHANGE);
  store<u32>(subject, <u32>larger, LOG);
  logNext = larger + used;
  logEnd = larger + roomOf(larger);
}

// Back

/** Takes the state back to before the event at `place` of the tail, and all behind it. */
export function rewind(identity: usize, place: u32): void {
  const back = place < load<u32>(identity, TAIL_COUNT) ? load<u32>(entryAt(identity, place), ENTRY_LOG) : load<u32>(identity, LOG_BYTES);
  undo(identity, back);
}

/** Takes the state back to where the log had `back` bytes. */
export function undo(identity: usize, back: u32): void {
  const log = <usize>load<u32>(identity, LOG);
  for (let used = load<u32>(identity, LOG_BYTES); used > back; used -= <u32>CHANGE) {
    const entry = log + used - CHANGE;
    const address = <usize>load<u32>(entry);
    switch (load<u32>(entry, 4) & KIND) {
      case Change.CELL:
        if (load<u32>(address) & HELD) release(address);
        v128.store(address, v128.load(entry, 8));
        break;
      case Change.HEADER:
        v128.store(address, v128.load(entry, 8));
        break;
      case Change.SLOT:
        truncate(address, <i32>((address - slotOf(identity, 0)) / SLOT), load<u32>(entry, 12));
        store<u32>(address, load<u32>(entry, 8), CURRENT);
        break;
      default:
        store<u32>(address, load<u32>(entry, 8), SAVED);
        truncateRows(address, load<u32>(entry, 12));
    }
  }
  store<u32>(identity, back, LOG_BYTES);
}

/**
 * Shows the state as it was before all events of the tail: what they changed goes to the log. A second call, with
 * `isBack` false, shows it as it was. Nothing is let go of, and nothing may be folded in between.
 */
export function swapLog(identity: usize, isBack: bool): void {
  const log = <usize>load<u32>(identity, LOG);
  const bytes = <usize>load<u32>(identity, LOG_BYTES);
  for (let at: usize = 0; at < bytes; at += CHANGE) swapChange(log + (isBack ? bytes - CHANGE - at : at));
}

function swapChange(entry: usize): void {
  const address = <usize>load<u32>(entry);
  const kind = load<u32>(entry, 4) & KIND;
  if (kind == Change.CELL || kind == Change.HEADER) {
    const before = v128.load(entry, 8);
    v128.store(entry, v128.load(address), 8);
    v128.store(address, before);
    return;
  }
  // the list of a slot, and that of rows, goes on holding what is beyond the count
  const first = address + (kind == Change.SLOT ? CURRENT : SAVED);
  const second = address + (kind == Change.SLOT ? COUNT : ROWS_COUNT);
  const before = load<u64>(entry, 8);
  store<u32>(entry, load<u32>(first), 8);
  store<u32>(entry, load<u32>(second), 12);
  store<u32>(first, <u32>before);
  store<u32>(second, <u32>(before >> 32));
}

/** Log position before the event at `place`; at the end, of all. */
export function logBefore(identity: usize, place: u32): u32 {
  return place < load<u32>(identity, TAIL_COUNT) ? load<u32>(entryAt(identity, place), ENTRY_LOG) : load<u32>(identity, LOG_BYTES);
}

// Settling

/** Before another event comes, of one that is not pending: what is older than `settled` needs no way back; of too much, half counts so. */
export function settle(identity: usize, settled: i64): void {
  forgetSettled(identity, settled);
  settleHalf(identity, settled, load<u32>(identity, TAIL_COUNT));
}

/**
 * Of the events before `place`, which are those that are folded, half count as settled if they are too many, or hold too
 * much: behind a late event, they may hold more than before it.
 *
 * @returns how many are gone
 */
export function settleHalf(identity: usize, settled: i64, place: u32): u32 {
  if (place < tailMax && weightFrom(identity, 0) <= WEIGHT_MAX) return 0;
  // When it is that settled events go, is a matter of memory: it has no say in what else counts as settled.
  const first = firstFrom(identity, settled, place);
  if (!isCrowded(identity, first, place)) return 0;
  const gone = betweenTimes(identity, first, place);
  if (gone > 0) forgetFirst(identity, gone);
  fitBlocks(identity);
  return gone;
}

/** What is settled goes once it is half of the tail. */
function forgetSettled(identity: usize, settled: i64): void {
  const count = load<u32>(identity, TAIL_COUNT);
  if (count == 0 || (load<u32>(identity, FLAGS) & PENDING) != 0) return;
  if (load<i64>(entryAt(identity, count - 1)) < settled) forgetFirst(identity, count);
  else if (count >= CUT_FROM && load<i64>(entryAt(identity, count >> 1)) < settled)
    forgetFirst(identity, firstFrom(identity, settled, count));
}

/** The place of the first event that is not before a time. */
function firstFrom(identity: usize, time: i64, count: u32): u32 {
  let low: u32 = 0;
  for (let high = count; low < high; ) {
    const middle = (low + high) >> 1;
    if (load<i64>(entryAt(identity, middle)) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Are there too many from `first` on, or do their changes hold too much? */
function isCrowded(identity: usize, first: u32, end: u32): bool {
  if (end - first >= tailMax) return true;
  return first < end && weightFrom(identity, load<u32>(entryAt(identity, first), ENTRY_LOG)) > WEIGHT_MAX;
}

/** Weight of what the log has behind its first `from` bytes. */
function weightFrom(identity: usize, from: u32): u32 {
  const log = <usize>load<u32>(identity, LOG);
  return (weightAt(log, load<u32>(identity, LOG_BYTES)) - weightAt(log, from)) & (u32.MAX_VALUE >> KIND_BITS);
}

/** Weight of the first `bytes` of a log. */
// @ts-ignore: decorator
@inline
function weightAt(log: usize, bytes: u32): u32 {
  return bytes == 0 ? 0 : load<u32>(log + bytes - CHANGE, 4) >> KIND_BITS;
}

/** The place nearest to the middle from `first` on, mostly behind it, that parts no events of one time; if all have one, the middle. */
function betweenTimes(identity: usize, first: u32, count: u32): u32 {
  const middle = (first + count) >> 1;
  let after = middle;
  while (after < count && isSameTime(identity, after)) after++;
  if (after < count) return after;
  let before = middle;
  while (before > first && isSameTime(identity, before)) before--;
  return before > first ? before : middle;
}

/** Has the event at `place`, above 0, the time of the one before it? Nothing is before the first. */
function isSameTime(identity: usize, place: u32): bool {
  return place > 0 && load<i64>(entryAt(identity, place)) == load<i64>(entryAt(identity, place - 1));
}

/** The first `gone` events of the tail are settled. */
function forgetFirst(identity: usize, gone: u32): void {
  change(identity);
  const count = load<u32>(identity, TAIL_COUNT);
  const bytes = logBefore(identity, gone);
  const log = <usize>load<u32>(identity, LOG);
  const last = load<i64>(entryAt(identity, gone - 1));
  const isParted = gone < count && load<i64>(entryAt(identity, gone)) == last;
  store<i64>(identity, isParted ? last : last + 1, FLOOR);
  for (let at: usize = 0; at < <usize>bytes; at += CHANGE) {
    if ((load<u32>(log + at, 4) & KIND) == Change.CELL && (load<u32>(log + at, 8) & HELD) != 0) release(log + at + 8);
  }
  for (let place: u32 = 0; place < gone; place++) forgetId(entryAt(identity, place));
  if (gone == count) {
    // a rush is over: what it took would mostly lie empty
    store<u32>(identity, 0, TAIL_COUNT);
    store<u32>(identity, 0, LOG_BYTES);
    if (log != 0 && roomOf(log) > LOG_KEPT) dropBlocks(identity);
    return;
  }
  const tail = <usize>load<u32>(identity, TAIL);
  memory.copy(tail, tail + <usize>gone * ENTRY, <usize>(count - gone) * ENTRY);
  store<u32>(identity, count - gone, TAIL_COUNT);
  cutLog(identity, log, bytes);
  for (let place: u32 = 0; place < count - gone; place++) {
    const entry = entryAt(identity, place);
    store<u32>(entry, load<u32>(entry, ENTRY_LOG) - bytes, ENTRY_LOG);
  }
}

/** The first `bytes` of the log are gone, and with them their weight. */
function cutLog(identity: usize, log: usize, bytes: u32): void {
  if (bytes == 0) return;
  const left = load<u32>(identity, LOG_BYTES) - bytes;
  const weight = weightAt(log, bytes) << KIND_BITS;
  memory.copy(log, log + bytes, left);
  for (let at: usize = 0; at < <usize>left; at += CHANGE) store<u32>(log + at, load<u32>(log + at, 4) - weight, 4);
  store<u32>(identity, left, LOG_BYTES);
}

/** The lowest sequence in the tail; infinity: it is empty. */
export function oldestOf(identity: usize): f64 {
  let oldest = Infinity;
  for (let n = load<u32>(identity, TAIL_COUNT); n > 0; n--) {
    oldest = min(oldest, load<f64>(entryAt(identity, n - 1), ENTRY_SEQ));
  }
  return oldest;
}

/** Forgets what is settled, and gives back the memory that tail and log do not fill any more. */
export function settleFully(identity: usize, settled: i64): void {
  forgetSettled(identity, settled);
  if (load<u32>(identity, TAIL_COUNT) == 0) dropBlocks(identity);
  else fitBlocks(identity);
}

/** Tail and log move to where they have just enough room, if that is half of what they have at most. */
function fitBlocks(identity: usize): void {
  const tail = fitted(load<u32>(identity, TAIL), <usize>load<u32>(identity, TAIL_COUNT) * ENTRY);
  const log = fitted(load<u32>(identity, LOG), load<u32>(identity, LOG_BYTES));
  store<u32>(identity, <u32>tail, TAIL);
  store<u32>(identity, <u32>log, LOG);
}

function fitted(block: usize, used: usize): usize {
  if (block == 0 || roomOf(block) <= max(LOG_KEPT, used << 1)) return block;
  const smaller = takeRoom(used);
  memory.copy(smaller, block, used);
  giveRoom(block);
  return smaller;
}

function dropBlocks(identity: usize): void {
  const tail = <usize>load<u32>(identity, TAIL);
  const log = <usize>load<u32>(identity, LOG);
  if (tail != 0) giveRoom(tail);
  if (log != 0) giveRoom(log);
  store<u64>(identity, 0, TAIL);
  store<u64>(identity, 0, LOG);
}

/** Lets go of tail and log. */
export function forgetHistory(identity: usize): void {
  const count = load<u32>(identity, TAIL_COUNT);
  if (count > 0) {
    const floor = load<i64>(identity, FLOOR);
    forgetFirst(identity, count);
    store<i64>(identity, floor, FLOOR);
  }
  dropBlocks(identity);
}
