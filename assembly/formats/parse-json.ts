// Values of JSON as cells. What is read here `scan.ts` has checked: it is well-formed.
//
// Numbers without fraction and exponent are integers, as in Python. A list or map that stands in the event itself is
// WRAPPED, what is within it is not: whoever reads a member of the one gives it the flag.

import { newList, newMap, pushItem, putEntry } from "../collections/collection";
import { parseDouble } from "../numbers/double";
import { TEXT_MAX, spend, temporary } from "../machine/heap";
import { CLOSE_BRACE, CLOSE_BRACKET, COMMA, DEPTH_MAX, OPEN_BRACE, OPEN_BRACKET, space } from "../scan/json";
import { numberEnd } from "../scan/number";
import { ESCAPED, QUOTE, stringEnd, stringFlags, unescape } from "../scan/text";
import { Fault, Tag, WRAPPED, putBool, putCollection, putFloat, putInt, putNone, putText } from "../machine/value";

/** As `scan.ts` has them. */
namespace Kind {
  export const MISSING: u32 = 0;
  export const NULL: u32 = 1;
  export const FALSE: u32 = 2;
  export const TRUE: u32 = 3;
  export const NUMBER: u32 = 4;
  export const STRING: u32 = 5;
}

/** Digits that surely fit an i64. */
const DIGITS_SAFE: i32 = 18;

/** Why `value` gave 0. */
let fault: i32 = 0;

/** Makes a value of a cell that the scanner filled, in its place; a missing one is None. */
export function resolveCell(cell: usize): i32 {
  const kind = load<u32>(cell);
  const start = <usize>load<u32>(cell, 4);
  const length = load<i32>(cell, 8);
  switch (kind & 0xff) {
    case Kind.STRING:
      return putString(cell, start, start + length, kind);
    case Kind.NUMBER:
      putNumber(cell, start, length);
      return 0;
    case Kind.MISSING:
    case Kind.NULL:
      putNone(cell);
      return 0;
    case Kind.FALSE:
    case Kind.TRUE:
      putBool(cell, (kind & 0xff) == Kind.TRUE);
      return 0;
    default:
      return parseValue(cell, start, start + length);
  }
}

/** The value that is written from `start` to `end`, without spaces around it. Of equal keys the last one counts. */
export function parseValue(result: usize, start: usize, end: usize): i32 {
  const cell = temporary(16);
  if (value(cell, start, DEPTH_MAX) == 0) return fault;
  const tag = load<u32>(cell);
  if (tag >= Tag.LIST) store<u32>(cell, tag | WRAPPED);
  v128.store(result, v128.load(cell));
  return 0;
}

/** The text of a string that is written from `start` to `end`. Half a surrogate pair becomes U+FFFD. */
export function unescapeText(result: usize, start: usize, end: usize): i32 {
  if (<i32>(end - start) > TEXT_MAX) return Fault.LIMIT; // its escapes can only make it shorter
  const text = temporary(end - start);
  const textEnd = unescape(start, end, text);
  replaceHalves(text, textEnd);
  putText(result, text, <i32>(textEnd - text));
  return 0;
}

// @ts-ignore: decorator
@inline
function putString(result: usize, start: usize, end: usize, flags: u32): i32 {
  if (flags & ESCAPED) return unescapeText(result, start, end);
  if (<i32>(end - start) > TEXT_MAX) return Fault.LIMIT;
  putText(result, start, <i32>(end - start));
  return 0;
}

/** Halves of surrogate pairs, as `unescape` leaves them: 0xed, then 0xa0 or above. U+FFFD is three bytes long too. */
function replaceHalves(at: usize, end: usize): void {
  for (; at < end; at++) {
    if (load<u8>(at) != 0xed || load<u8>(at, 1) < 0xa0) continue;
    store<u16>(at, 0xbfef);
    store<u8>(at, 0xbd, 2);
  }
}

function putNumber(result: usize, at: usize, length: i32): void {
  const negative = load<u8>(at) == 0x2d;
  const digits = at + usize(negative);
  const end = at + length;
  let magnitude: u64 = 0; // of more than 19 digits it is not used
  for (let digit = digits; digit < end; digit++) {
    const byte = <u32>load<u8>(digit);
    if (byte - 0x30 >= 10) {
      putFloat(result, parseDouble(at, length));
      return;
    }
    magnitude = magnitude * 10 + (byte - 0x30);
  }
  const count = <i32>(end - digits);
  if (count > DIGITS_SAFE && (count > DIGITS_SAFE + 1 || magnitude > <u64>i64.MAX_VALUE + u64(negative))) {
    store<u32>(result, Tag.BIG);
    store<i32>(result, length, 4);
    store<u64>(result, <u64>at, 8);
  } else {
    putInt(result, negative ? 0 - <i64>magnitude : <i64>magnitude);
  }
}

/** @param levels  levels of nesting allowed @returns address behind the value, or 0 with `fault` */
function value(result: usize, at: usize, levels: i32): usize {
  at = space(at);
  const byte = <u32>load<u8>(at);
  if (byte == QUOTE) return text(result, at + 1);
  if (byte == OPEN_BRACE || byte == OPEN_BRACKET) {
    if (levels == 0) return failed(Fault.LIMIT);
    return byte == OPEN_BRACE ? map(result, at + 1, levels - 1) : list(result, at + 1, levels - 1);
  }
  if (byte == 0x2d || byte - 0x30 < 10) {
    const end = numberEnd(at);
    putNumber(result, at, <i32>(end - at));
    return end;
  }
  if (byte == 0x6e) putNone(result); // n
  else putBool(result, byte == 0x74); // t
  return at + (byte == 0x66 ? 5 : 4);
}

function text(result: usize, start: usize): usize {
  const end = stringEnd(start);
  fault = putString(result, start, end, stringFlags());
  return fault == 0 ? end + 1 : 0;
}

function list(result: usize, at: usize, levels: i32): usize {
  putCollection(result, Tag.LIST, newList(Tag.LIST, 4));
  const item = temporary(16);
  let count = 0;
  at = space(at);
  while (load<u8>(at) != CLOSE_BRACKET) {
    if (load<u8>(at) == COMMA) at++;
    at = value(item, at, levels);
    if (at == 0) return 0;
    fault = pushItem(result, item);
    if (fault != 0) return 0;
    count++;
    at = space(at);
  }
  return spend(count) ? failed(Fault.LIMIT) : at + 1;
}

function map(result: usize, at: usize, levels: i32): usize {
  putCollection(result, Tag.MAP, newMap());
  const key = temporary(32);
  const member = key + 16;
  let count = 0;
  at = space(at);
  while (load<u8>(at) != CLOSE_BRACE) {
    if (load<u8>(at) == COMMA) at = space(at + 1);
    at = text(key, at + 1);
    if (at == 0) return 0;
    at = value(member, space(at) + 1, levels); // behind the colon
    if (at == 0) return 0;
    fault = putEntry(result, key, member);
    if (fault != 0) return 0;
    count++;
    at = space(at);
  }
  return spend(count) ? failed(Fault.LIMIT) : at + 1;
}

function failed(code: i32): usize {
  fault = code;
  return 0;
}
