// Finds the values that somebody reads in a batch of JSON payloads, and checks the rest as strictly.
//
// Row, one per payload:
//   +0   start     u32  address of the payload; the host writes these two
//   +4   end       u32  behind its last byte; the byte there is overwritten by the sentinel
//   +8   expected  u32  0 = well-formed, else what was expected (`Expected`)
//   +12  offset    u32  where, from the payload's start
//   +16  cells
//
// Cell, 16 bytes, one per path:
//   +0   kind      u32  Kind, and for strings the flags ESCAPED and NON_ASCII
//   +4   start     u32  address of the value; of strings, behind the quote
//   +8   length    u32  bytes; of strings, without the quotes
//   +12  not used
//
// Of several members with the same key the last one counts, as with JSON.parse. A member that replaces an object
// so also takes with it what was found within: its paths are missing again until they are found anew.

import { Expected, fail, faultAt, faultCode } from "./fault";
import { CLOSE_BRACE, COLON, COMMA, OPEN_BRACE, OPEN_BRACKET, space, valueEnd, wordEnd } from "./json";
import { CELL, CHILD, CLEAR_FROM, CLEAR_TO, LENGTH, NEXT, OTHER, begins, makeRoom, stepFor } from "./keys";
import { numberEnd } from "./number";
import { QUOTE, plainEnd, stringEnd, stringFlags, stringRest } from "./text";

/** The host has the words, in the same order (`runtime/core/scanner.ts`). */
namespace Kind {
  export const NULL: u32 = 1;
  export const FALSE: u32 = 2;
  export const TRUE: u32 = 3;
  export const NUMBER: u32 = 4;
  export const STRING: u32 = 5;
  export const OBJECT: u32 = 6;
  export const ARRAY: u32 = 7;
}

/** Offset of the first cell in a row. */
const CELLS: usize = 16;

/** Levels of nesting allowed within the member that is being read. */
let levels: i32 = 0;

/** Where the value of the member begins that `member` read; or where the object ended. */
let memberEnd: usize = 0;

/**
 * Scans `count` payloads, each on its own: a malformed one is reported in its row and has no values.
 *
 * @param root    context of the whole payload
 * @param rows    rows, one behind the other
 * @param size    bytes per row
 * @param depth   levels of nesting allowed, 1 to DEPTH_MAX
 * @returns how many are malformed
 */
export function scan(root: usize, rows: usize, size: i32, count: i32, depth: i32): i32 {
  let malformed = 0;
  for (let row = rows; count > 0; count--, row += size) {
    const end = <usize>load<u32>(row, 4);
    clear(row + CELLS, row + size);
    store<u8>(end, 0);
    levels = depth;
    if (payload(root, row, end)) {
      store<u64>(row, 0, 8);
    } else {
      malformed++;
      clear(row + CELLS, row + size);
      store<u32>(row, faultCode(end), 8);
      store<u32>(row, <u32>(faultAt() - load<u32>(row)), 12);
    }
    makeRoom();
  }
  return malformed;
}

function payload(root: usize, row: usize, end: usize): bool {
  const start = <usize>load<u32>(row);
  let at = space(start);
  if (load<u8>(at) != OPEN_BRACE) {
    const isMark = end - start >= 3 && (load<u32>(at) & 0xffffff) == 0xbfbbef;
    return fail(at, isMark ? Expected.NO_BOM : Expected.OBJECT) != 0;
  }
  at = object(at + 1, root, row);
  if (at == 0) return false;
  at = space(at);
  return at == end || fail(at, Expected.END) != 0;
}

/** Reads the members of an object. @param at  behind the opening brace @returns behind the closing one, or 0 */
function object(at: usize, context: usize, row: usize): usize {
  if (--levels < 0) return fail(at - 1, Expected.DEPTH);
  let previous = context;
  while (true) {
    let step = <usize>load<u32>(previous, NEXT);
    if (begins(at, step)) {
      at += load<u32>(step, LENGTH);
    } else if (load<u8>(at) == CLOSE_BRACE) {
      break;
    } else {
      step = <usize>load<u32>(previous, OTHER);
      if (begins(at, step)) {
        at += load<u32>(step, LENGTH);
      } else {
        step = member(at, context, previous);
        at = memberEnd;
        if (step == 0) {
          if (at == 0) return 0;
          break;
        }
      }
    }

    if (load<u8>(at) == QUOTE && load<u32>(step, CHILD) == 0) {
      // a string, by far the most frequent: without a call
      const start = at + 1;
      let end = plainEnd(start);
      let kind = Kind.STRING;
      if (load<u8>(end) != QUOTE) {
        end = stringRest(end);
        if (end == 0) return 0;
        kind |= stringFlags();
      }
      const cell = <usize>load<u32>(step, CELL);
      if (cell != 0) put(row + cell, kind, start, end);
      at = end + 1;
    } else {
      at = value(at, step, row);
      if (at == 0) return 0;
    }
    previous = step;
  }
  levels++;
  return at + 1;
}

/** Reads the value of a wanted or unwanted member into its cell. @returns address behind it, or 0 */
function value(at: usize, step: usize, row: usize): usize {
  at = space(at);
  const child = <usize>load<u32>(step, CHILD);
  if (child != 0) clear(row + load<u32>(child, CLEAR_FROM), row + load<u32>(child, CLEAR_TO));

  let kind: u32;
  let start = at;
  let end: usize;
  const byte = <u32>load<u8>(at);
  if (byte == QUOTE) {
    end = stringEnd(++start);
    kind = Kind.STRING | stringFlags();
  } else if (byte == 0x2d || byte - 0x30 < 10) {
    end = numberEnd(at);
    kind = Kind.NUMBER;
  } else if (byte == OPEN_BRACE) {
    end = child != 0 ? object(at + 1, child, row) : valueEnd(at, levels);
    kind = Kind.OBJECT;
  } else if (byte == OPEN_BRACKET) {
    end = valueEnd(at, levels);
    kind = Kind.ARRAY;
  } else {
    end = wordEnd(at);
    kind = byte == 0x74 ? Kind.TRUE : byte == 0x66 ? Kind.FALSE : Kind.NULL;
  }
  if (end == 0) return 0;

  const cell = <usize>load<u32>(step, CELL);
  if (cell != 0) put(row + cell, kind, start, end);
  return byte == QUOTE ? end + 1 : end;
}

/**
 * Reads the beginning of a member byte by byte: comma, key, colon.
 *
 * @param at  behind the value before, or behind the opening brace
 * @returns its step, with `memberEnd` at its value; 0 with `memberEnd` at the closing brace, or 0 with 0
 */
function member(at: usize, context: usize, previous: usize): usize {
  const isFirst = previous == context;
  memberEnd = 0;
  let key = space(at);
  if (load<u8>(key) == CLOSE_BRACE) {
    memberEnd = key;
    return 0;
  }
  if (!isFirst) {
    if (load<u8>(key) != COMMA) return fail(key, Expected.COMMA_OR_BRACE);
    key = space(key + 1);
  }
  if (load<u8>(key) != QUOTE) return fail(key, isFirst ? Expected.KEY_OR_END : Expected.KEY);
  const keyEnd = stringEnd(++key);
  if (keyEnd == 0) return 0;
  const flags = stringFlags();
  const colon = space(keyEnd + 1);
  if (load<u8>(colon) != COLON) return fail(colon, Expected.COLON);
  memberEnd = space(colon + 1);
  return stepFor(context, previous, at, memberEnd, key, keyEnd, flags);
}

// @ts-ignore: decorator
@inline
function put(cell: usize, kind: u32, start: usize, end: usize): void {
  store<u64>(cell, <u64>kind | (<u64>start << 32));
  store<u32>(cell, <u32>(end - start), 8);
}

/** Makes cells missing. */
// @ts-ignore: decorator
@inline
function clear(from: usize, to: usize): void {
  for (; from < to; from += 16) v128.store(from, i64x2.splat(0));
}
