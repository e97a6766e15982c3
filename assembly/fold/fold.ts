// Folds batches of events into the records of their identities.
//
// The host writes payloads into rows (`scan.ts`) and, for each, what else is known of it; all are scanned; then in
// phases of a few events, so that memory is fetched while something else is computed: identity and time → look up →
// fold. `identify` and `fold` are called one after the other when the host has to load identities in between.
//
// Event, 80 bytes, one per row:
//   +0   seq       f64
//   +8   receivedAt f64  µs
//   +16  source    u32  below SOURCES; whose watermark it moves; and WAS_LATE
//   +20  outcome   u32  Outcome; written here
//   +24  id        u32  address of its id, 0 = none
//   +28  idLength  u32
//   +32  key       u32  of its identity; written here, as all below
//   +36  keyLength u32
//   +40  identity  u32
//   +44  hash      u32
//   +48  time      i64  µs of UTC
//   +56  offset    u32  seconds east
//   +60  fault     u32  what failed, for INVALID and FAILED
//   +64  row       u32
//   +68  code      u32  program for it
//   +72  writes    u32  aggregates that the program may write to, a bit each
//   +76  known     u32  not 0: its identity and time were evaluated before; the host writes 0

import { enter } from "./aggregate";
import { change } from "./changed";
import { truth } from "../collections/compare";
import { hashOf, sameBytes } from "../text/bytes";
import { allowWork, freeTemporary, giveTemporary } from "../machine/heap";
import {
  ENTRY_SEQ,
  entryAt,
  insertEntry,
  keepsTail,
  placeOf,
  record,
  removeEntry,
  rewind,
  settle,
  settleHalf,
  stopRecording,
} from "./history";
import {
  FLAGS,
  FLOOR,
  FOLDED,
  INCOMPLETE,
  KEY_LENGTH as IDENTITY_KEY_LENGTH,
  CURRENT,
  LAST,
  LOG,
  LOG_BYTES,
  PENDING,
  SLOTS,
  TAIL_COUNT,
  TOUCHED,
  findIdentity,
  homeOf,
  identitiesCount,
  keyOf,
  newIdentity,
  slotOf,
} from "./identity";
import { Base, baseOf, compat, setBase, streamCount } from "../machine/program";
import { recordBytes } from "./record";
import { anchor, anchors } from "./rows";
import { parseTime } from "../time/parse-time";
import { strOf } from "../formats/print";
import { HELD, NAIVE, Tag, addressOf, intOf, lengthOf, putDatetime, putText, tagOf } from "../machine/value";
import { ABORTED, countFaults, run } from "../machine/vm";

const RECEIVED: usize = 8;
const SOURCE: usize = 16;
const OUTCOME: usize = 20;
export const ID: usize = 24;
const ID_LENGTH: usize = 28;
const KEY: usize = 32;
const KEY_LENGTH: usize = 36;
const IDENTITY: usize = 40;
const HASH: usize = 44;
const TIME: usize = 48;
const OFFSET: usize = 56;
const FAULT: usize = 60;
const ROW: usize = 64;
const CODE: usize = 68;
const WRITES: usize = 72;
const KNOWN: usize = 76;
export const EVENT_SIZE: usize = 80;

/** What became of an event, in the order of `OUTCOMES` in `runtime/core/fold.ts`. */
namespace Outcome {
  export const FOLDED: u32 = 0;
  export const MALFORMED: u32 = 1;
  /** No identity: missing, empty, or no text or number. */
  export const NOBODY: u32 = 2;
  /** No time: missing, or no datetime. */
  export const TIMELESS: u32 = 3;
  export const LATE: u32 = 4;
  /** It would have cost more than is allowed; nothing of it is left. */
  export const FAILED: u32 = 5;
}

/** Beside the faults: an identity that is no text, which ends a run of Blurr's. */
const NAMELESS: i32 = 101;

/** Sources told apart; the host numbers the others as the last. */
const SOURCES: u32 = 64;
const PHASE: i32 = 16;

/** Beside the source of an event that comes again: it was late for its identity, which has it. */
const WAS_LATE: u32 = 0x80000000;

/** Source: +0 highest event time i64, +8 last received i64; MIN_VALUE = never heard of. */
const sources: usize = memory.data(64 * 16, 16);
let sourcesCount: u32 = 0;
let lateness: i64 = 0;
let settled: i64 = i64.MIN_VALUE;
let work: i32 = 0;

let identityCode: usize = 0;
let timeCode: usize = 0;
/** Where the identity is a field of the event, and the time one that is parsed: their offsets in the row, else 0. */
let identityCell: usize = 0;
let timeCell: usize = 0;
/** Programs by what stands at the source field most compared with constants. */
let dispatch: usize = 0;
let dispatchCell: usize = 0;
let dispatchCount: i32 = 0;
let eventCell: usize = 0;
let batch: u32 = 0;
/** Latest event folded, µs. */
let highest: i64 = i64.MIN_VALUE;

/**
 * @param table  {text u32, length u32, code u32, writes u32} per constant; behind them {code u32, writes u32} for all
 *               other texts, and the same for what is not known
 * @param cell   offset in the row of the field compared; 0 = there is none
 * @param event  offset in the row of the cell for the event as a whole
 */
export function setCode(identity: usize, time: usize, table: usize, count: i32, cell: usize, event: usize): void {
  eventCell = event;
  identityCode = identity;
  timeCode = time;
  dispatch = table;
  dispatchCount = count;
  dispatchCell = cell;
}

/** What most specs have as their identity and time goes without the machine. */
export function setPlain(identity: usize, time: usize): void {
  identityCell = identity;
  timeCell = time;
}

/** @param latenessMicros  how much earlier than the latest of its source an event may be @param units  work per event */
export function setPace(latenessMicros: f64, units: i32): void {
  lateness = <i64>latenessMicros;
  work = units;
  allowWork(units);
}

/** Time before which nothing is taken any more, µs; -Infinity as long as nothing is. */
export function settledAt(): f64 {
  return settled == i64.MIN_VALUE ? -Infinity : <f64>settled;
}

/** Sources heard of: how many, and where they stand, as drawn above. */
export function sourcesHeard(): u32 {
  return sourcesCount;
}

export function sourcesAt(): usize {
  return sources;
}

/** Of a state that was saved: so many sources stand at `sourcesAt`. */
export function setSources(heard: u32): void {
  sourcesCount = heard;
}

export function highestAt(): f64 {
  return highest == i64.MIN_VALUE ? -Infinity : <f64>highest;
}

/** Of a state that was saved: the latest event in it, µs. */
export function raiseHighest(micros: f64): void {
  highest = max(highest, <i64>micros);
}

/** What is known of an event before it is scanned; its id is the caller's. */
// @ts-ignore: decorator
@inline
export function setEvent(event: usize, seq: f64, receivedMicros: f64, source: u32, row: usize): void {
  store<f64>(event, seq);
  store<f64>(event, receivedMicros, RECEIVED);
  store<u32>(event, source, SOURCE);
  store<u32>(event, <u32>row, ROW);
  store<u32>(event, 0, KNOWN);
}

/** Sets the watermark: of a state that was saved, or as time passes. Never back. */
export function raiseSettled(micros: f64): void {
  settled = max(settled, <i64>micros);
}

// Identity and time

/** Evaluates whom the events are about and when they were, and looks them up; one that is not there stays 0. */
export function identify(events: usize, count: i32): void {
  batch++;
  for (let event = events; count > 0; count--, event += EVENT_SIZE) {
    know(event);
    if (load<u32>(event, OUTCOME) == Outcome.FOLDED) lookUp(event);
  }
}

/** As `identify`, and makes the identities that are not there: they appear in the order of these events. */
export function register(events: usize, count: i32): void {
  identify(events, count);
  for (let event = events; count > 0; count--, event += EVENT_SIZE) {
    if (load<u32>(event, OUTCOME) == Outcome.FOLDED) identityFor(event);
  }
  freeTemporary();
}

function know(event: usize): void {
  countFaults(load<u32>(event, KNOWN) == 0);
  evaluate(event);
  countFaults(true);
  store<u32>(event, 1, KNOWN);
}

function evaluate(event: usize): void {
  const row = <usize>load<u32>(event, ROW);
  store<u64>(event, 0, IDENTITY);
  store<u32>(event, Outcome.FOLDED, OUTCOME);
  if (load<u32>(row, 8) != 0) {
    store<u32>(event, Outcome.MALFORMED, OUTCOME);
    return;
  }
  const start = load<u32>(row);
  store<u64>(row + eventCell, <u64>OBJECT | (<u64>start << 32));
  store<u32>(row + eventCell, load<u32>(row, 4) - start, 8);
  setBase(Base.EVENT, row);
  allowWork(work);
  const cells = baseOf(Base.TEMPORARIES);
  const key = cells + 16;
  let fault = 0;
  if (identityCell != 0 && load<u32>(row + identityCell) == RAW_STRING) textOfRaw(key, row + identityCell);
  else fault = run(identityCode);
  if (fault == 0 && tagOf(key) == Tag.INT && !compat) fault = strOf(key, key);
  const isText = fault == 0 && tagOf(key) == Tag.TEXT && lengthOf(key) > 0;
  const isOdd = compat && fault == 0 && tagOf(key) != Tag.TEXT && truth(key);
  if (!isText && !isOdd) return reject(event, Outcome.NOBODY, fault);
  store<u32>(event, <u32>addressOf(key), KEY);
  store<i32>(event, lengthOf(key), KEY_LENGTH);
  if (isText) store<u32>(event, hashOf(addressOf(key), lengthOf(key)), HASH);
  const isPlain = timeCell != 0 && load<u32>(row + timeCell) == RAW_STRING;
  if (!isPlain || parseRaw(cells, row + timeCell) != 0) fault = run(timeCode);
  // without a time of its own, an event was when it came
  if (fault == 0 && tagOf(cells) == Tag.NONE && load<f64>(event, RECEIVED) > 0) {
    putDatetime(cells, <i64>load<f64>(event, RECEIVED), 0);
  }
  if (fault != 0 || tagOf(cells) != Tag.DATETIME) return reject(event, Outcome.TIMELESS, fault);
  if (isOdd) return reject(event, Outcome.NOBODY, NAMELESS);
  const offset = load<u32>(cells, 4);
  store<i64>(event, intOf(cells), TIME);
  store<u32>(event, offset == NAIVE ? 0 : offset, OFFSET);
  choose(event, row);
}

/** A plain string of the event, where it stands. */
// @ts-ignore: decorator
@inline
function textOfRaw(result: usize, cell: usize): void {
  putText(result, load<u32>(cell, 4), load<i32>(cell, 8));
}

// @ts-ignore: decorator
@inline
function parseRaw(result: usize, cell: usize): i32 {
  textOfRaw(result, cell);
  return parseTime(result, result);
}

function reject(event: usize, outcome: u32, fault: i32): void {
  store<u32>(event, outcome, OUTCOME);
  // a name that nobody defines, in the identity or the time, makes Blurr drop the event
  store<u32>(event, fault == ABORTED && outcome != Outcome.FAILED ? 0 : fault, FAULT);
}

function lookUp(event: usize): void {
  const identity = findIdentity(load<u32>(event, KEY), load<i32>(event, KEY_LENGTH), load<u32>(event, HASH));
  store<u32>(event, <u32>identity, IDENTITY);
  if (identity != 0) store<u32>(identity, batch, TOUCHED);
}

let fetched: u32 = 0;

/** Where the identities of a phase are said to be, and then what is there: so that these reads don't wait for each other. */
function fetchIdentities(events: usize, start: i32, end: i32): void {
  if (identitiesCount() == 0) return;
  let sum: u32 = 0;
  for (let i = start; i < end; i++) sum += load<u32>(homeOf(load<u32>(events + <usize>i * EVENT_SIZE, HASH)));
  for (let i = start; i < end; i++) {
    const identity = <usize>load<u32>(homeOf(load<u32>(events + <usize>i * EVENT_SIZE, HASH)), 4);
    if (identity != 0) sum += load<u32>(identity) + load<u32>(identity + 64) + load<u32>(identity + 128);
  }
  fetched = sum;
}

/** Reads here and there what the fold of an identity will need: what is not in the cache comes while others are read. */
function fetch(event: usize): void {
  const identity = <usize>load<u32>(event, IDENTITY);
  if (identity == 0) return;
  const writes = load<u32>(event, WRITES);
  let sum = load<u32>(identity, SLOTS);
  const count = load<u32>(identity, TAIL_COUNT);
  if (count > 0) sum += load<u32>(entryAt(identity, count - 1));
  const bytes = load<u32>(identity, LOG_BYTES);
  if (bytes > 0) sum += load<u32>(<usize>load<u32>(identity, LOG) + bytes);
  for (let i = 0; i < streamCount; i++) {
    if (((writes >> min(i, 31)) & 1) == 0) continue;
    const record = <usize>load<u32>(slotOf(identity, i), CURRENT);
    if (record == 0) continue;
    sum += load<u32>(record) + load<u32>(record + 64) + load<u32>(record + 128) + load<u32>(record + 192);
    // of a text or collection that ends the record, mostly its dimension
    const last = record + recordBytes(i) - 16;
    if (load<u32>(last) & HELD) sum += load<u32>(addressOf(last));
  }
  fetched = sum;
}

// Folding

/**
 * Folds events from number `from` on.
 *
 * @returns `count` when all are done; -n when at the nth an identity has to wait for `refold`; see `stoppedBefore`
 */
export function fold(events: usize, from: i32, count: i32): i32 {
  for (let i = from; i < count; i++) {
    if (!foldEvent(events + <usize>i * EVENT_SIZE)) return -1 - i;
  }
  freeTemporary();
  return count;
}

/** Scanned events in phases: `identify` and `fold` in one. Returns as `fold` does. */
export function foldBatch(events: usize, from: i32, count: i32): i32 {
  if (from == 0) batch++;
  for (let start = from; start < count; start += PHASE) {
    const end = min(start + PHASE, count);
    for (let i = start; i < end; i++) know(events + <usize>i * EVENT_SIZE);
    fetchIdentities(events, start, end);
    for (let i = start; i < end; i++) {
      const event = events + <usize>i * EVENT_SIZE;
      if (load<u32>(event, OUTCOME) == Outcome.FOLDED) lookUp(event);
    }
    for (let i = start; i < end; i++) fetch(events + <usize>i * EVENT_SIZE);
    for (let i = start; i < end; i++) {
      if (!foldEvent(events + <usize>i * EVENT_SIZE)) return -1 - i;
    }
    freeTemporary();
  }
  return count;
}

/** Identity that waits for `refold`, and the events it needs. */
let waiting: usize = 0;
let waitingFrom: u32 = 0;
let waitingFor: f64 = NaN;
/** Whether the event at which the last `fold` stopped was not begun, and is next. */
let isNext: bool = false;

export function stoppedBefore(): bool {
  return isNext;
}

export function waitingCount(): i32 {
  return <i32>(load<u32>(waiting, TAIL_COUNT) - waitingFrom);
}

/** Sequence of the nth event that `refold` needs. */
export function waitingSeq(n: i32): f64 {
  return load<f64>(entryAt(waiting, waitingFrom + <u32>n), ENTRY_SEQ);
}

/** @returns whether the next may go on: false when the identity has to be folded again first */
function foldEvent(event: usize): bool {
  if (load<u32>(event, OUTCOME) != Outcome.FOLDED) return true;
  const time = load<i64>(event, TIME);
  const identity = identityFor(event);
  if (load<f64>(event) <= load<f64>(identity, FOLDED)) return passAgain(event, time);
  change(identity);
  if (time < settled || time < load<i64>(identity, FLOOR)) return tooLate(event, identity);
  // What comes back from the disk is first made as it was: what of its tail counts as settled follows from all of it.
  isNext = isPending(identity);
  if (isNext) return false;
  if (keepsTail()) {
    settle(identity, settled);
    if (time < load<i64>(identity, FLOOR)) return tooLate(event, identity);
  }
  advance(event, time); // only if it is not late: where its identity was saved with it, nobody could tell
  store<i64>(identity, max(load<i64>(identity, LAST), time), LAST);
  if (!keepsTail()) {
    const fault = foldOne(identity, event);
    if (fault == 0) return true;
    reject(event, Outcome.FAILED, fault);
    lacks(identity);
    return true;
  }
  const id = <usize>load<u32>(event, ID);
  const idLength = load<i32>(event, ID_LENGTH);
  const seq = load<f64>(event);
  const place = placeOf(identity, time, id, idLength, seq);
  if (place < load<u32>(identity, TAIL_COUNT)) {
    rewind(identity, place);
    insertEntry(identity, place, time, id, idLength, seq);
    wait(identity, place, seq);
    return false;
  }
  insertEntry(identity, place, time, id, idLength, seq);
  record(identity, place);
  const fault = foldOne(identity, event);
  stopRecording();
  if (fault == 0) return true;
  reject(event, Outcome.FAILED, fault);
  lacks(identity);
  rewind(identity, place);
  removeEntry(identity, place);
  return true;
}

/** An event that its identity has: only time passes, as it did. */
function passAgain(event: usize, time: i64): bool {
  if (time < settled || (load<u32>(event, SOURCE) & WAS_LATE) != 0) store<u32>(event, Outcome.LATE, OUTCOME);
  else advance(event, time);
  return true;
}

/** An event of the identity was refused. */
function lacks(identity: usize): void {
  store<u32>(identity, load<u32>(identity, FLAGS) | INCOMPLETE, FLAGS);
}

/** The identity of an event; a new one if it is not there, and did not come earlier in the batch. */
function identityFor(event: usize): usize {
  let identity = <usize>load<u32>(event, IDENTITY);
  if (identity != 0) return identity;
  const key = <usize>load<u32>(event, KEY);
  const length = load<i32>(event, KEY_LENGTH);
  const hash = load<u32>(event, HASH);
  identity = findIdentity(key, length, hash);
  if (identity == 0) identity = newIdentity(key, length, hash);
  store<u32>(identity, batch, TOUCHED);
  store<u32>(event, <u32>identity, IDENTITY);
  return identity;
}

function tooLate(event: usize, identity: usize): bool {
  store<u32>(event, Outcome.LATE, OUTCOME);
  lacks(identity);
  return true;
}

/** Number of the last batch: what `touchedOf` compares with. */
export function batchNumber(): u32 {
  return batch;
}

/** @param seq  the event that it waits for, and that was not folded yet; NaN: there is none */
function wait(identity: usize, from: u32, seq: f64): void {
  waiting = identity;
  waitingFrom = from;
  waitingFor = seq;
}

/** Has the events of an identity's tail to be folded yet? Then it waits for `refold`. */
export function isPending(identity: usize): bool {
  if ((load<u32>(identity, FLAGS) & PENDING) == 0) return false;
  wait(identity, 0, NaN);
  return true;
}

/** One event into the records of its identity. @returns a fault that ended it */
function foldOne(identity: usize, event: usize): i32 {
  const row = <usize>load<u32>(event, ROW);
  const time = load<i64>(event, TIME);
  const offset = load<u32>(event, OFFSET);
  setBase(Base.EVENT, row);
  const cells = baseOf(Base.TEMPORARIES);
  putDatetime(cells, time, offset);
  putText(cells + 16, keyOf(identity), load<i32>(identity, IDENTITY_KEY_LENGTH));
  allowWork(work);
  enter(identity, time, offset);
  let fault = run(load<u32>(event, CODE));
  if (fault == 0) {
    highest = max(highest, time);
    if (anchors()) fault = anchor(identity, time, load<f64>(event));
  }
  // What stays of the event is held; what the others of its phase need was taken before it began.
  giveTemporary();
  return fault;
}

/** An object as the scanner left it. */
const OBJECT: u32 = 6;
/** A string as the scanner left it, plain ASCII without escapes. */
const RAW_STRING: u32 = 5;

/** Chooses the program by what stands in the field that is compared most. */
function choose(event: usize, row: usize): void {
  store<u64>(event, load<u64>(programFor(row)), CODE);
}

/** Address of code and writes. */
function programFor(row: usize): usize {
  const other = dispatch + (<usize>dispatchCount << 4);
  if (dispatchCell == 0) return other;
  const cell = row + dispatchCell;
  let start = addressOf(cell);
  let length = lengthOf(cell);
  const kind = load<u32>(cell);
  if (kind == RAW_STRING) {
    start = <usize>load<u32>(cell, 4);
    length = load<i32>(cell, 8);
  } else if (tagOf(cell) == RAW_STRING) {
    return other + 8; // with escapes, or not only ASCII: the program that compares for itself
  } else if (tagOf(cell) != Tag.TEXT) {
    return other;
  }
  for (let entry = dispatch, i = dispatchCount; i > 0; i--, entry += 16) {
    if (load<i32>(entry, 4) == length && sameBytes(load<u32>(entry), start, length)) return entry + 8;
  }
  return other;
}

// Time

/** Moves the watermark: no source that is still heard of will send what is earlier. */
function advance(event: usize, time: i64): void {
  if (lateness < 0) return;
  const place = min(load<u32>(event, SOURCE) & ~WAS_LATE, SOURCES - 1);
  const source = sources + (<usize>place << 4);
  while (sourcesCount <= place) {
    store<i64>(sources + (<usize>sourcesCount << 4), i64.MIN_VALUE);
    sourcesCount++;
  }
  const received = <i64>load<f64>(event, RECEIVED);
  store<i64>(source, received, 8);
  if (time <= load<i64>(source)) return;
  store<i64>(source, time);
  raise(received, time);
}

/**
 * Time passes while nobody sends.
 *
 * @param received  now, µs: when an event that came now would be received
 */
export function passTime(received: f64): void {
  if (lateness >= 0 && sourcesCount > 0) raise(<i64>received, <i64>received);
}

/** The watermark goes to the earliest source that is heard of, or to `low` when that is earlier. */
function raise(received: i64, low: i64): void {
  for (let i: u32 = 0; i < sourcesCount; i++) {
    const other = sources + (<usize>i << 4);
    const high = load<i64>(other);
    // a source that is silent for as long as events may be late holds nobody up
    if (high != i64.MIN_VALUE && received - load<i64>(other, 8) <= lateness) low = min(low, high);
  }
  settled = max(settled, low - lateness);
}

// Folding again

/**
 * Folds again the first of what `waitingSeq` names; the rest waits.
 *
 * @param events  at most as many as `waitingCount` said, scanned, received when they came
 * @returns -1 when all are folded; else the number of the one that can't be: it and what is behind it was not folded, and it is no longer waited for
 */
export function refold(events: usize, count: i32): i32 {
  const identity = waiting;
  // What comes back is made as it was; where a late event came between, what follows it may hold more than it did.
  const isNew = waitingFor == waitingFor;
  for (let i = 0; i < count; i++) {
    if (isNew) waitingFrom -= settleHalf(identity, settled, waitingFrom);
    const fault = again(identity, events + <usize>i * EVENT_SIZE);
    if (fault == 0) {
      waitingFrom++;
      continue;
    }
    change(identity);
    if (fault != GONE) rewind(identity, waitingFrom);
    removeEntry(identity, waitingFrom);
    endWait(identity);
    return i;
  }
  endWait(identity);
  return -1;
}

/** @returns a fault that ended it; GONE when it is no longer what it was */
function again(identity: usize, event: usize): i32 {
  store<u32>(event, 1, KNOWN);
  know(event);
  if (load<u32>(event, OUTCOME) != Outcome.FOLDED) return GONE;
  record(identity, waitingFrom);
  countFaults(load<f64>(event) == waitingFor);
  const fault = foldOne(identity, event);
  countFaults(true);
  stopRecording();
  freeTemporary();
  if (fault == 0) return 0;
  reject(event, Outcome.FAILED, fault);
  lacks(identity);
  return fault;
}

const GONE: i32 = -1;

function endWait(identity: usize): void {
  if (waitingFrom == load<u32>(identity, TAIL_COUNT)) {
    store<u32>(identity, load<u32>(identity, FLAGS) & ~PENDING, FLAGS);
  }
}
