// Values as JSON in the style of Python's `json.dumps`: `", "` and `": "`, only ASCII, NaN and Infinity bare, tuples as
// lists.
//
// What JSON lacks: a set is a list, a datetime is ISO 8601 with its offset (a naive one is of UTC), other times are texts
// as `str` gives them. A key that is no text becomes one: that of its JSON, of a tuple that of `str`.

import { printDouble, printInt } from "../numbers/double";
import { TEXT_MAX, shrinkTemporary, temporary } from "../machine/heap";
import { CLOSE_BRACE, CLOSE_BRACKET, COLON, COMMA, DEPTH_MAX, OPEN_BRACE, OPEN_BRACKET } from "../scan/json";
import { ROOM, copied, digits, escape, separated, writeRepr, writeTime } from "./print";
import { BACKSLASH, QUOTE } from "../scan/text";
import { writeIso } from "../time/time-text";
import { pointAt, pointBytes } from "../text/utf8";
import { NAIVE, Tag, addressOf, floatOf, intOf, lengthOf, putDatetime, tagOf } from "../machine/value";

/** A cell. */
const SCRATCH: usize = memory.data(16, 16);

/**
 * Writes a value.
 *
 * @returns address behind it; 0 when it may not end before `end`, or is nested deeper than DEPTH_MAX
 */
export function writeJson(cell: usize, at: usize, end: usize): usize {
  return value(cell, at, end, DEPTH_MAX);
}

function value(cell: usize, at: usize, end: usize, levels: i32): usize {
  const tag = tagOf(cell);
  if (tag == Tag.TEXT) return text(addressOf(cell), lengthOf(cell), at, end);
  if (tag >= Tag.LIST) return levels == 0 ? 0 : collection(cell, at, end, levels - 1);
  if (at + ROOM > end) return 0;
  switch (tag) {
    case Tag.NONE:
      store<u32>(at, 0x6c6c756e); // null
      return at + 4;
    case Tag.BOOL:
      if (intOf(cell) != 0) {
        store<u32>(at, 0x65757274); // true
        return at + 4;
      }
      store<u64>(at, 0x65736c6166); // false
      return at + 5;
    case Tag.INT:
      return at + printInt(intOf(cell), at);
    case Tag.FLOAT:
      return float(floatOf(cell), at);
    case Tag.BIG:
      return copied(addressOf(cell), lengthOf(cell), at, end);
    default:
      return time(cell, at);
  }
}

function float(value: f64, at: usize): usize {
  if (value - value == 0) return at + printDouble(value, at);
  if (value != value) {
    store<u32>(at, 0x4e614e); // NaN
    return at + 3;
  }
  if (value < 0) store<u8>(at++, 0x2d);
  store<u64>(at, 0x7974696e69666e49); // Infinity
  return at + 8;
}

/** All that stands in the text of a time stands for itself in JSON. */
function time(cell: usize, at: usize): usize {
  store<u8>(at++, QUOTE);
  at = tagOf(cell) == Tag.DATETIME ? zoned(cell, at) : at + writeTime(cell, at);
  store<u8>(at, QUOTE);
  return at + 1;
}

function zoned(cell: usize, at: usize): usize {
  if (<u32>lengthOf(cell) != NAIVE) return at + writeIso(cell, at);
  putDatetime(SCRATCH, intOf(cell), 0);
  return at + writeIso(SCRATCH, at);
}

function collection(cell: usize, at: usize, end: usize, levels: i32): usize {
  const isMap = tagOf(cell) == Tag.MAP;
  const block = addressOf(cell);
  const count = load<u32>(block);
  if (at + ROOM > end) return 0;
  store<u8>(at++, isMap ? OPEN_BRACE : OPEN_BRACKET);
  let item = block + 16;
  for (let i: u32 = 0; i < count; i++, item += 16) {
    if (i > 0) at = separated(at, COMMA);
    if (isMap) {
      at = key(item, at, end);
      if (at == 0) return 0;
      at = separated(at, COLON);
      item += 16;
    }
    at = value(item, at, end, levels);
    if (at == 0 || at + ROOM > end) return 0;
  }
  store<u8>(at, isMap ? CLOSE_BRACE : CLOSE_BRACKET);
  return at + 1;
}

function key(cell: usize, at: usize, end: usize): usize {
  const tag = tagOf(cell);
  if (tag >= Tag.LIST) return printedKey(cell, at, end);
  if (tag > Tag.BIG) return value(cell, at, end, 0);
  if (at + ROOM > end) return 0;
  store<u8>(at, QUOTE);
  at = value(cell, at + 1, end, 0);
  if (at == 0 || at + ROOM > end) return 0;
  store<u8>(at, QUOTE);
  return at + 1;
}

function printedKey(cell: usize, at: usize, end: usize): usize {
  const room = <usize>TEXT_MAX + ROOM;
  const from = temporary(room);
  const textEnd = writeRepr(cell, from, from + room, DEPTH_MAX);
  shrinkTemporary(from); // it is gone through before anything else is taken
  return textEnd == 0 ? 0 : text(from, <i32>(textEnd - from), at, end);
}

function text(from: usize, length: i32, at: usize, end: usize): usize {
  const textEnd = from + length;
  if (at + ROOM > end) return 0;
  store<u8>(at++, QUOTE);
  while (from < textEnd) {
    if (at + ROOM > end) return 0;
    if (from + 16 <= textEnd) {
      v128.store(at, v128.load(from));
      const plain = plainBytes(from);
      at += plain;
      from += plain;
      if (plain == 16) continue;
    }
    const byte = <u32>load<u8>(from);
    if (byte >= 0x80) {
      at = unicode(pointAt(from), at);
      from += pointBytes(byte);
      continue;
    }
    at = character(byte, at);
    from++;
  }
  store<u8>(at, QUOTE);
  return at + 1;
}

/** How many of the 16 bytes at `at`, from the first on, stand for themselves. */
// @ts-ignore: decorator
@inline
function plainBytes(at: usize): usize {
  const bytes = v128.load(at);
  const stops = i8x16.bitmask(
    v128.or(
      v128.or(i8x16.lt_s(bytes, i8x16.splat(0x20)), i8x16.eq(bytes, i8x16.splat(0x7f))),
      v128.or(i8x16.eq(bytes, i8x16.splat(<i8>QUOTE)), i8x16.eq(bytes, i8x16.splat(<i8>BACKSLASH))),
    ),
  );
  return ctz(stops | 0x10000);
}

function character(byte: u32, at: usize): usize {
  switch (byte) {
    case QUOTE:
    case BACKSLASH:
      return escape(at, byte);
    case 0x08:
      return escape(at, 0x62); // b
    case 0x09:
      return escape(at, 0x74); // t
    case 0x0a:
      return escape(at, 0x6e); // n
    case 0x0c:
      return escape(at, 0x66); // f
    case 0x0d:
      return escape(at, 0x72); // r
  }
  if (byte < 0x20 || byte == 0x7f) return unicode(byte, at);
  store<u8>(at, byte);
  return at + 1;
}

/** `\u20ac`, `\ud83d\ude00` */
function unicode(point: u32, at: usize): usize {
  if (point >= 0x10000) {
    point -= 0x10000;
    at = digits(escape(at, 0x75), 0xd800 + (point >> 10), 4);
    point = 0xdc00 + (point & 0x3ff);
  }
  return digits(escape(at, 0x75), point, 4);
}
