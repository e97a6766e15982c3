// int() and float(), of numbers and of text.

import { argument } from "../time/argument";
import { parseDouble } from "./double";
import { spend, shrinkTemporary, temporary } from "../machine/heap";
import { isInt } from "./numeric";
import { BYTES_A_UNIT } from "../text/slice";
import { decimalOf, isSpace } from "../text/unicode";
import { isAscii, pointAt, pointBytes } from "../text/utf8";
import { Fault, Tag, addressOf, copyCell, floatOf, intOf, lengthOf, putFloat, putInt, tagOf } from "../machine/value";

const TWO_63: f64 = 9.223372036854775808e18;
const UNDERSCORE: u32 = 0x5f;

/** `int(value=0, base=10)`; truncates floats. @param args  address of the first of `count` neighbouring cells */
export function toInt(result: usize, args: usize, count: i32): i32 {
  const value = argument(args, count, 0);
  const base = argument(args, count, 1);
  if (base != 0) return withBase(result, value, base);
  if (value == 0) {
    putInt(result, 0);
    return 0;
  }
  switch (tagOf(value)) {
    case Tag.BOOL:
    case Tag.INT:
      putInt(result, intOf(value));
      return 0;
    case Tag.FLOAT:
      return truncated(result, floatOf(value));
    case Tag.BIG:
      return Fault.OVERFLOW;
    case Tag.TEXT:
      return fromText(result, value, 10);
    default:
      return Fault.TYPE;
  }
}

function truncated(result: usize, value: f64): i32 {
  if (value != value) return Fault.VALUE;
  if (value >= TWO_63 || value < -TWO_63) return Fault.OVERFLOW;
  putInt(result, <i64>value);
  return 0;
}

function withBase(result: usize, text: usize, base: usize): i32 {
  if (tagOf(base) == Tag.BIG) return Fault.VALUE;
  if (!isInt(base)) return Fault.TYPE;
  const value = intOf(base);
  if (value != 0 && (value < 2 || value > 36)) return Fault.VALUE;
  return text != 0 && tagOf(text) == Tag.TEXT ? fromText(result, text, <u32>value) : Fault.TYPE;
}

// The text that is being read, in ASCII, without white space around it

let at: usize = 0;
let end: usize = 0;

/** Digits of other scripts become ASCII, other white space becomes spaces, what then isn't ASCII is no number. */
function open(text: usize): i32 {
  if (spend(lengthOf(text) >> BYTES_A_UNIT)) return Fault.LIMIT;
  at = addressOf(text);
  end = at + lengthOf(text);
  if (!isAscii(at, end)) {
    const copy = temporary(lengthOf(text));
    let to = copy;
    for (; at < end; at += pointBytes(load<u8>(at))) {
      const point = pointAt(at);
      const digit = decimalOf(point);
      if (point >= 0x80 && digit < 0 && !isSpace(point)) return Fault.VALUE;
      store<u8>(to++, point < 0x80 ? point : digit < 0 ? 0x20 : 0x30 + digit);
    }
    shrinkTemporary(to);
    at = copy;
    end = to;
  }
  while (at < end && isBlank(load<u8>(at))) at++;
  while (at < end && isBlank(load<u8>(end - 1))) end--;
  return 0;
}

/** White space of C, of which there is less than of Python's. */
function isBlank(byte: u32): bool {
  return byte == 0x20 || byte - 0x09 < 5;
}

/** The next byte; 0 at the end. */
// @ts-ignore: decorator
@inline
function next(): u32 {
  return at < end ? load<u8>(at) : 0;
}

/** Reads a sign. @returns whether it is a minus */
function readSign(): bool {
  const sign = next();
  if (sign == 0x2b || sign == 0x2d) at++;
  return sign == 0x2d;
}

/** @param base  2 to 36; 0: as its prefix says */
function fromText(result: usize, text: usize, base: u32): i32 {
  const fault = open(text);
  if (fault != 0) return fault;
  const isNegative = readSign();
  const isPrefix = next() == 0x30 && at + 1 < end;
  const prefixed = isPrefix ? prefixBase(load<u8>(at, 1)) : 0;
  let isZero = false; // has to be
  if (prefixed != 0 && (base == 0 || base == prefixed)) {
    base = prefixed;
    at += 2;
    if (next() == UNDERSCORE) at++;
  } else if (base == 0) {
    isZero = next() == 0x30;
    base = 10;
  }

  let value: u64 = 0;
  let isBeyond = false;
  let isDigitBefore = false;
  for (; at < end; at++) {
    const byte = <u32>load<u8>(at);
    if (byte == UNDERSCORE && isDigitBefore) {
      isDigitBefore = false;
      continue;
    }
    const digit = digitOf(byte);
    if (digit >= base) return Fault.VALUE;
    isDigitBefore = true;
    if (value > (u64.MAX_VALUE - digit) / base) isBeyond = true;
    value = value * base + digit;
  }
  if (!isDigitBefore || (isZero && (value != 0 || isBeyond))) return Fault.VALUE;
  if (isBeyond || value > <u64>i64.MAX_VALUE + u64(isNegative)) return Fault.OVERFLOW;
  putInt(result, isNegative ? -<i64>value : <i64>value);
  return 0;
}

function prefixBase(byte: u32): u32 {
  switch (byte | 0x20) {
    case 0x78: return 16; // x
    case 0x6f: return 8; // o
    case 0x62: return 2; // b
    default: return 0;
  }
}

/** Of a digit or letter; 36 and above: it is none. */
function digitOf(byte: u32): u32 {
  if (byte - 0x30 < 10) return byte - 0x30;
  const place = (byte | 0x20) - 0x61;
  return place < 26 ? place + 10 : 36;
}

/** `float(value=0.0)` @param args  address of the first of `count` neighbouring cells */
export function toFloat(result: usize, args: usize, count: i32): i32 {
  const value = argument(args, count, 0);
  if (value == 0) {
    putFloat(result, 0);
    return 0;
  }
  switch (tagOf(value)) {
    case Tag.BOOL:
    case Tag.INT:
      putFloat(result, <f64>intOf(value));
      return 0;
    case Tag.FLOAT:
      copyCell(result, value);
      return 0;
    case Tag.BIG: {
      const nearest = parseDouble(addressOf(value), lengthOf(value));
      if (abs(nearest) == Infinity) return Fault.OVERFLOW;
      putFloat(result, nearest);
      return 0;
    }
    case Tag.TEXT:
      return floatFromText(result, value);
    default:
      return Fault.TYPE;
  }
}

function floatFromText(result: usize, text: usize): i32 {
  const fault = open(text);
  if (fault != 0) return fault;
  if (!dropUnderscores()) return Fault.VALUE;
  const start = at;
  const length = <i32>(end - start);
  const isNegative = readSign();
  const word = lowerWord();
  if (word == NAN) {
    putFloat(result, NaN);
  } else if (word == INF || word == INFINITY) {
    putFloat(result, isNegative ? -Infinity : Infinity);
  } else {
    if (!isDecimal()) return Fault.VALUE;
    putFloat(result, parseDouble(start, length));
  }
  return 0;
}

const NAN: u64 = 0x6e616e;
const INF: u64 = 0x666e69;
const INFINITY: u64 = 0x7974696e69666e69;

/** What is left, if it is at most eight letters, in lower case, the first lowest; else 0. */
function lowerWord(): u64 {
  if (end - at > 8) return 0;
  let word: u64 = 0;
  for (let from = end; from > at; ) {
    const letter = <u64>load<u8>(--from) | 0x20;
    if (letter - 0x61 >= 26) return 0;
    word = (word << 8) | letter;
  }
  return word;
}

/** Is what is left `digits[.digits?][e[+-]digits]`, or with digits behind the point only? */
function isDecimal(): bool {
  const whole = digitsAt();
  let fraction = 0;
  if (next() == 0x2e) {
    at++;
    fraction = digitsAt();
  }
  if (whole + fraction == 0) return false;
  if ((next() | 0x20) == 0x65) {
    at++;
    readSign();
    if (digitsAt() == 0) return false;
  }
  return at == end;
}

/** Reads digits. @returns how many */
function digitsAt(): i32 {
  const start = at;
  while (next() - 0x30 < 10) at++;
  return <i32>(at - start);
}

/** Takes the underscores out; they may only stand between two digits. @returns whether they do */
function dropUnderscores(): bool {
  let from = at;
  while (from < end && load<u8>(from) != UNDERSCORE) from++;
  if (from == end) return true;
  const copy = temporary(end - at);
  let to = copy;
  let before: u32 = 0;
  for (from = at; from < end; from++) {
    const byte = <u32>load<u8>(from);
    if (byte == UNDERSCORE ? before - 0x30 >= 10 : before == UNDERSCORE && byte - 0x30 >= 10) return false;
    if (byte != UNDERSCORE) store<u8>(to++, byte);
    before = byte;
  }
  shrinkTemporary(to);
  at = copy;
  end = to;
  return before != UNDERSCORE;
}
