// Where the items of a body lie: an array, lines, or one object. This looks at quotes and brackets only and leaves
// all else to the scan, so that each item is checked once, and an item that is wrong inside costs no other.

import { Expected, fail, faultAt, faultCode } from "./fault";
import { CLOSE_BRACE, CLOSE_BRACKET, COMMA, OPEN_BRACE, OPEN_BRACKET, isSpace, space, valueEnd } from "./json";
import { BACKSLASH, QUOTE } from "./text";

/** The host has the words, in the same order (`runtime/core/scanner.ts`). */
namespace Form {
  export const OBJECT: u32 = 0;
  export const ARRAY: u32 = 1;
  export const LINES: u32 = 2;
}

const NEWLINE: u8 = 0x0a;

let form: u32 = Form.OBJECT;
let broken: u32 = 0;
let brokenAt: usize = 0;

/** Where the next item goes, and where the room for items ends. */
let row: usize = 0;
let rowSize: i32 = 0;
let rowsEnd: usize = 0;

/** What the last split found the body to be. */
export function splitForm(): u32 {
  return form;
}

/** What was expected where the last split broke off (`Expected`); 0 = it reached the end. */
export function splitBroken(): u32 {
  return broken;
}

/** Address where the last split broke off. */
export function splitBrokenAt(): usize {
  return brokenAt;
}

/**
 * Writes start and end of each item into a row for `scan`. The body is left as it is.
 *
 * @param end       behind the body; the byte there must be 0
 * @param capacity  rows there is room for; the split breaks off at the item after
 * @param depth     levels of nesting allowed
 * @returns the number of items
 */
export function split(start: usize, end: usize, rows: usize, size: i32, capacity: i32, depth: i32): i32 {
  row = rows;
  rowSize = size;
  rowsEnd = rows + <usize>capacity * size;
  broken = 0;

  if (end - start >= 3 && (load<u32>(start) & 0xffffff) == 0xbfbbef) start += 3; // byte order mark
  start = space(start);
  if (start == end) {
    form = Form.OBJECT;
    fail(start, Expected.BODY);
    breakOff(end);
  } else if (load<u8>(start) == OPEN_BRACKET) {
    form = Form.ARRAY;
    elements(start + 1, end);
  } else if (isOneObject(start, end, depth)) {
    form = Form.OBJECT;
    item(start, end);
  } else {
    form = Form.LINES;
    lines(start, end);
  }
  return <i32>(row - rows) / size;
}

/** Notes an item, without the white space round it. @returns whether there was room */
function item(start: usize, end: usize): bool {
  start = min(space(start), end);
  if (row == rowsEnd) {
    fail(start, Expected.FEWER_ITEMS);
    return false;
  }
  while (end > start && isSpace(load<u8>(end - 1))) end--;
  store<u32>(row, start);
  store<u32>(row, end, 4);
  row += rowSize;
  return true;
}

function breakOff(end: usize): void {
  broken = faultCode(end);
  brokenAt = faultAt();
}

// Arrays

/**
 * Notes the elements of an array, 64 bytes at a time: in a block each kind of byte is a u64 with a bit per byte, and
 * what is within strings follows from the quotes by arithmetic (Langdale, Lemire, "Parsing gigabytes of JSON per
 * second", 2019). So strings cost nothing, however many there are.
 *
 * @param at  behind the opening bracket
 */
function elements(at: usize, end: usize): void {
  const first = space(at);
  if (load<u8>(first) == CLOSE_BRACKET) return closed(first, end);

  let depth = 0;
  let inString: u64 = 0; // all ones if the block before ended within a string
  let isEscaped: u64 = 0; // 1 if it ended with a backslash that escapes the next byte
  for (let block = at; block < end; block += 64) {
    const escapes = escapesOf(bitsOf(block, BACKSLASH), isEscaped);
    isEscaped = escapesNext;
    const strings = toggles(bitsOf(block, QUOTE) & ~escapes) ^ inString;
    inString = <u64>(<i64>strings >> 63);

    let marks = marksOf(block) & ~strings;
    for (; marks != 0; marks &= marks - 1) {
      const mark = block + <usize>ctz(marks);
      if (mark >= end) break;
      const byte = <u32>load<u8>(mark);
      if (byte == COMMA) {
        if (depth != 0) continue;
        if (!item(at, mark)) return breakOff(end);
        at = mark + 1;
      } else if (byte == OPEN_BRACE || byte == OPEN_BRACKET) {
        depth++;
      } else if (depth != 0) {
        depth--;
      } else if (byte == CLOSE_BRACKET) {
        return item(at, mark) ? closed(mark, end) : breakOff(end);
      } else {
        fail(mark, Expected.COMMA_OR_BRACKET);
        return breakOff(end);
      }
    }
  }
  fail(end, Expected.COMMA_OR_BRACKET);
  breakOff(end);
}

/** Nothing may follow the bracket that closes the body. */
function closed(bracket: usize, end: usize): void {
  const rest = space(bracket + 1);
  if (rest == end) return;
  fail(rest, Expected.END);
  breakOff(end);
}

let escapesNext: u64 = 0;

/** Bytes that a backslash stands before; `escapesNext` is the carry into the next block. */
function escapesOf(backslashes: u64, carry: u64): u64 {
  let escaped = carry;
  escapesNext = 0;
  for (backslashes &= ~carry; backslashes != 0; ) {
    const next = (backslashes & -backslashes) << 1;
    if (next == 0) {
      escapesNext = 1;
      break;
    }
    escaped |= next;
    backslashes &= (backslashes - 1) & ~next; // a backslash that is escaped escapes nothing
  }
  return escaped;
}

/** Each bit is the parity of the bits up to it: ones from an opening quote until before the closing one. */
function toggles(bits: u64): u64 {
  bits ^= bits << 1;
  bits ^= bits << 2;
  bits ^= bits << 4;
  bits ^= bits << 8;
  bits ^= bits << 16;
  return bits ^ (bits << 32);
}

/** Where in 64 bytes a byte stands. */
export function bitsOf(block: usize, byte: u32): u64 {
  const wanted = i8x16.splat(<i8>byte);
  return joined(
    i8x16.eq(v128.load(block), wanted),
    i8x16.eq(v128.load(block, 16), wanted),
    i8x16.eq(v128.load(block, 32), wanted),
    i8x16.eq(v128.load(block, 48), wanted),
  );
}

/** Where in 64 bytes brackets, braces and commas stand. */
function marksOf(block: usize): u64 {
  return joined(
    marksIn(v128.load(block)),
    marksIn(v128.load(block, 16)),
    marksIn(v128.load(block, 32)),
    marksIn(v128.load(block, 48)),
  );
}

/** Bit 5 is all that tells [ from { and ] from }. */
function marksIn(bytes: v128): v128 {
  const folded = v128.or(bytes, i8x16.splat(0x20));
  const braces = v128.or(i8x16.eq(folded, i8x16.splat(<i8>OPEN_BRACE)), i8x16.eq(folded, i8x16.splat(<i8>CLOSE_BRACE)));
  return v128.or(braces, i8x16.eq(bytes, i8x16.splat(<i8>COMMA)));
}

function joined(a: v128, b: v128, c: v128, d: v128): u64 {
  const low = <u32>(i8x16.bitmask(a) | (i8x16.bitmask(b) << 16));
  const high = <u32>(i8x16.bitmask(c) | (i8x16.bitmask(d) << 16));
  return <u64>low | (<u64>high << 32);
}

// Lines

/**
 * Is the body one object rather than objects line by line? On one line it is; an object may also span several.
 * What spans several and is broken counts as one as well, unless further lines begin with a brace.
 */
function isOneObject(start: usize, end: usize, depth: i32): bool {
  if (load<u8>(start) != OPEN_BRACE) return false;
  const line = lineEnd(start, end);
  if (space(line) >= end) return true;

  const close = valueEnd(start, depth);
  if (close != 0) {
    if (space(close) == end) return true;
    if (close <= line) return false;
  }
  for (let at = line; at < end; at = lineEnd(at, end)) {
    if (load<u8>(++at) == OPEN_BRACE) return false;
  }
  return true;
}

function lines(at: usize, end: usize): void {
  while (at < end) {
    const line = lineEnd(at, end);
    if (space(at) < line && !item(at, line)) return breakOff(end);
    at = line + 1;
  }
}

/** The newline that ends the line, or `end`. */
function lineEnd(at: usize, end: usize): usize {
  while (at < end) {
    const marks = i8x16.bitmask(i8x16.eq(v128.load(at), i8x16.splat(NEWLINE)));
    if (marks != 0) return min(at + ctz(marks), end);
    at += 16;
  }
  return end;
}
