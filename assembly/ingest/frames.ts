// The NATS protocol as a server speaks it: bytes of the socket in, rows of items out, in place.
//
// A frame is a line that ends with CR LF; MSG and HMSG have so many bytes, CR LF, behind it:
//   MSG <subject> <sid> [reply] <bytes>
//   HMSG <subject> <sid> [reply] <bytes of headers> <bytes of headers and payload>
//   INFO {…}   PING   PONG   +OK   -ERR '…'
// One space between words, as every server writes it. What is written otherwise is not known here, and so are lines
// of no end: the reading stops there, and the host knows what to do.
//
// Row, 32 bytes, one for each message; all are addresses in this memory:
//   +0   start          u32  of the payload
//   +4   end            u32  behind it; the CR there may be overwritten
//   +8   envelope       u32  0: to be looked up by the subject
//   +12  subject        u32
//   +16  subjectLength  u32
//   +20  reply          u32
//   +24  replyLength    u32  0: nobody waits for an answer
//   +28  headers        u32  of the header block, which ends at `start`; 0: none

import { bitsOf } from "../scan/split";

/** Why a reading ended. The host has the words, in the same order (`runtime/core/frames.ts`). */
namespace Stop {
  /** The rest is no whole frame. */
  export const MORE: u32 = 0;
  /** All rows are taken. */
  export const ROWS: u32 = 1;
  /** Behind a line that the host reads: INFO, -ERR. */
  export const INFO: u32 = 2;
  export const REFUSED: u32 = 3;
  /** Before a message that is larger than allowed. */
  export const LARGE: u32 = 4;
  /** Before bytes that are no frame. */
  export const UNKNOWN: u32 = 5;
}

const ROW: usize = 32;

const CR: u32 = 0x0d;
const SPACE: u32 = 0x20;
const CR_LF: u32 = 0x0a0d; // little-endian, as all below
const MSG_: u32 = 0x2047534d;
const HMSG: u32 = 0x47534d48;
const PING: u32 = 0x474e4950;
const PONG: u32 = 0x474e4f50;
const PLUS_OK: u32 = 0x0d4b4f2b;
const MINUS_ERR: u32 = 0x5252452d;
const INFO: u32 = 0x4f464e49;

/** No line has more spaces that matter; further ones make it unknown. */
const GAPS_MAX: i32 = 6;
/** Where the spaces of the line stand, u32 each. */
const GAPS: usize = memory.data(GAPS_MAX * 4, 4);
let gaps: i32 = 0;

let stop: u32 = 0;
let stoppedAt: usize = 0;
let textAt: usize = 0;
let textLength: u32 = 0;
let needed: u32 = 0;
let pings: i32 = 0;
let pongs: i32 = 0;

export function framesStop(): u32 {
  return stop;
}

/** Address of the first byte that is not read yet. */
export function framesAt(): usize {
  return stoppedAt;
}

/** What stands behind INFO or -ERR. */
export function framesText(): usize {
  return textAt;
}

export function framesTextLength(): u32 {
  return textLength;
}

/** Bytes of the frame that is too large, from `framesAt` on. Its row stands behind those of the messages, without a payload. */
export function framesNeeded(): u32 {
  return needed;
}

/** PINGs of the last reading, and PONGs. */
export function framesPings(): i32 {
  return pings;
}

export function framesPongs(): i32 {
  return pongs;
}

/**
 * Reads whole frames. Looks at up to 64 bytes behind the end, and heeds none of them.
 *
 * @param rows      room for `capacity` rows, at least 1
 * @param bytesMax  of a message, its headers among them; below 10⁹
 * @param lineMax   bytes of a line
 * @returns the number of messages
 */
export function frames(start: usize, end: usize, rows: usize, capacity: i32, bytesMax: u32, lineMax: u32): i32 {
  const rowsEnd = rows + <usize>capacity * ROW;
  let row = rows;
  stoppedAt = start;
  stop = Stop.MORE;
  pings = 0;
  pongs = 0;
  while (stop == Stop.MORE && stoppedAt + 4 < end) {
    const op = load<u32>(stoppedAt);
    if (op == MSG_ || op == HMSG) {
      if (row == rowsEnd) stop = Stop.ROWS;
      else if (message(op == HMSG, end, row, bytesMax, lineMax)) row += ROW;
      else break;
    } else if (!line(op, end, lineMax)) break;
  }
  return <i32>((row - rows) / ROW);
}

/** Reads one message into its row. @returns whether it is whole; if not, `stop` says whether it can become so */
function message(hasHeaders: bool, end: usize, row: usize, bytesMax: u32, lineMax: u32): bool {
  const cr = lineEnd(stoppedAt, end, lineMax);
  if (cr == 0) return false;
  // Behind the operation: subject, sid, perhaps reply, one number or two.
  const numbers = hasHeaders ? 2 : 1;
  const words = gaps;
  const hasReply = words == 3 + numbers;
  if (words != 2 + numbers && !hasReply) return unknown();
  if (hasHeaders && gap(0) != stoppedAt + 4) return unknown();
  const total = number(gap(words - 1) + 1, cr);
  const headers = hasHeaders ? number(gap(words - 2) + 1, gap(words - 1)) : 0;
  if (total < 0 || headers < 0 || headers > total) return unknown();
  for (let i = 1; i < words; i++) if (gap(i) == gap(i - 1) + 1) return unknown(); // an empty word

  store<u32>(row, 0, 8);
  store<u32>(row, gap(0) + 1, 12);
  store<u32>(row, gap(1) - gap(0) - 1, 16);
  store<u32>(row, hasReply ? gap(2) + 1 : 0, 20);
  store<u32>(row, hasReply ? gap(3) - gap(2) - 1 : 0, 24);
  const body = cr + 2;
  if (<u32>total > bytesMax) return large(row, <u32>(body - stoppedAt) + total + 2);
  const close = body + total;
  if (close + 2 > end) return false;
  if (load<u16>(close) != CR_LF) return unknown();
  store<u32>(row, body + headers);
  store<u32>(row, close, 4);
  store<u32>(row, hasHeaders ? body : 0, 28);
  stoppedAt = close + 2;
  return true;
}

/** Reads any other frame. @returns whether it is whole */
function line(op: u32, end: usize, lineMax: u32): bool {
  const isText = op == INFO || op == MINUS_ERR;
  if (!isText && op != PING && op != PONG && op != PLUS_OK) return unknown();
  const cr = lineEnd(stoppedAt, end, lineMax);
  if (cr == 0) return false;
  if (isText) {
    if (gaps == 0 || gap(0) != stoppedAt + 4) return unknown();
    textAt = stoppedAt + 5;
    textLength = <u32>(cr - textAt);
    stop = op == INFO ? Stop.INFO : Stop.REFUSED;
  } else if (op == PLUS_OK) {
    if (cr != stoppedAt + 3) return unknown();
  } else {
    if (cr != stoppedAt + 4) return unknown();
    if (op == PING) pings++;
    else pongs++;
  }
  stoppedAt = cr + 2;
  return true;
}

/**
 * Finds the CR that ends the line, and notes its spaces.
 *
 * @returns 0 if the line is not whole, or never will be: then `stop` says so
 */
function lineEnd(at: usize, end: usize, lineMax: u32): usize {
  gaps = 0;
  for (let block = at; block < end; block += 64) {
    const ends = bitsOf(block, CR);
    let spaces = bitsOf(block, SPACE);
    if (ends != 0) spaces &= (ends & -ends) - 1;
    for (; spaces != 0 && gaps < GAPS_MAX; spaces &= spaces - 1) {
      store<u32>(GAPS + (<usize>gaps << 2), block + <usize>ctz(spaces));
      gaps++;
    }
    if (ends != 0) {
      const cr = block + <usize>ctz(ends);
      if (cr + 1 >= end) break;
      if (load<u8>(cr, 1) == 0x0a) return cr;
      unknown();
      return 0;
    }
  }
  if (end - at > <usize>lineMax) unknown();
  return 0;
}

// @ts-ignore: decorator
@inline
function gap(index: i32): usize {
  return <usize>load<u32>(GAPS + (<usize>index << 2));
}

/** A whole number of one to nine digits; -1 for all else. */
function number(at: usize, end: usize): i32 {
  if (end <= at || end - at > 9) return -1;
  let value: i32 = 0;
  for (; at < end; at++) {
    const digit = <u32>load<u8>(at) - 0x30;
    if (digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function unknown(): bool {
  stop = Stop.UNKNOWN;
  return false;
}

function large(row: usize, bytes: u32): bool {
  store<u64>(row, 0);
  store<u32>(row, 0, 28);
  needed = bytes;
  stop = Stop.LARGE;
  return false;
}
