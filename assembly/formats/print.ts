// Values as text: Python's `str` and `repr`.
//
// Whatever writes gives the address behind what it wrote, or 0 when that might not have ended before `end`: a little
// room is always asked for, so that not every byte needs a look.

import { printDouble, printInt } from "../numbers/double";
import { TEXT_MAX, shrinkTemporary, spend, temporary } from "../machine/heap";
import { CLOSE_BRACE, CLOSE_BRACKET, COLON, COMMA, DEPTH_MAX, OPEN_BRACE, OPEN_BRACKET } from "../scan/json";
import { isPrintable } from "./printable";
import { BACKSLASH, QUOTE } from "../scan/text";
import { writeDate, writeDatetime, writeTimeRepr, writeTimedelta, writeZone } from "../time/time-text";
import { pointAt, pointBytes } from "../text/utf8";
import { Fault, Tag, addressOf, floatOf, intOf, lengthOf, putText, tagOf } from "../machine/value";

/** Room enough for a number, a time, a character, each in its longest form. */
export const ROOM: usize = 192;

/** Room for the text of a collection at first. */
const FIRST_TRY: i32 = 256;

const APOSTROPHE: u32 = 0x27;
const SPACE: u32 = 0x20;

/** `str(cell)`. */
export function strOf(result: usize, cell: usize): i32 {
  const tag = tagOf(cell);
  if (tag != Tag.TEXT && tag != Tag.BIG) return printed(result, cell, false);
  putText(result, addressOf(cell), lengthOf(cell));
  return 0;
}

/** `repr(cell)`. */
export function reprOf(result: usize, cell: usize): i32 {
  return printed(result, cell, true);
}

/** Tries with more and more room, up to what a text may take. */
function printed(result: usize, cell: usize, asRepr: bool): i32 {
  let bytes = FIRST_TRY;
  while (true) {
    if (spend(bytes >> 6)) return Fault.LIMIT;
    const at = temporary(<usize>bytes + ROOM);
    const end = asRepr ? writeRepr(cell, at, at + bytes + ROOM, DEPTH_MAX) : writeStr(cell, at, at + bytes + ROOM);
    if (end != 0 && <i32>(end - at) <= TEXT_MAX) {
      shrinkTemporary(end);
      putText(result, at, <i32>(end - at));
      return 0;
    }
    shrinkTemporary(at);
    if (bytes >= TEXT_MAX) return Fault.LIMIT;
    bytes = min(bytes << 2, TEXT_MAX);
  }
}

function writeStr(cell: usize, at: usize, end: usize): usize {
  return isTime(cell) ? at + writeTime(cell, at) : writeRepr(cell, at, end, DEPTH_MAX);
}

function isTime(cell: usize): bool {
  return tagOf(cell) - Tag.DATETIME <= Tag.ZONE - Tag.DATETIME;
}

/** Writes `str` of a DATETIME, DATE, TIMEDELTA or ZONE. @returns bytes */
export function writeTime(cell: usize, at: usize): i32 {
  switch (tagOf(cell)) {
    case Tag.DATETIME:
      return writeDatetime(cell, at, SPACE);
    case Tag.DATE:
      return writeDate(cell, at);
    case Tag.TIMEDELTA:
      return writeTimedelta(cell, at);
    default:
      return writeZone(cell, at);
  }
}

/** Writes `repr(cell)`. @param levels  levels of nesting allowed */
export function writeRepr(cell: usize, at: usize, end: usize, levels: i32): usize {
  const tag = tagOf(cell);
  if (tag >= Tag.LIST) return levels == 0 ? 0 : reprCollection(cell, at, end, levels - 1);
  if (at + ROOM > end) return 0;
  switch (tag) {
    case Tag.NONE:
      store<u32>(at, 0x656e6f4e); // "None"
      return at + 4;
    case Tag.BOOL:
      if (intOf(cell) != 0) {
        store<u32>(at, 0x65757254); // "True"
        return at + 4;
      }
      store<u64>(at, 0x65736c6146); // "False"
      return at + 5;
    case Tag.INT:
      return at + printInt(intOf(cell), at);
    case Tag.FLOAT:
      return at + printDouble(floatOf(cell), at);
    case Tag.BIG:
      return copied(addressOf(cell), lengthOf(cell), at, end);
    case Tag.TEXT:
      return reprText(addressOf(cell), lengthOf(cell), at, end);
    default:
      return at + writeTimeRepr(cell, at);
  }
}

/** `[1, 2]`, `(1,)`, `{1}`, `set()`, `{'a': 1}` */
function reprCollection(cell: usize, at: usize, end: usize, levels: i32): usize {
  const tag = tagOf(cell);
  const block = addressOf(cell);
  const count = load<u32>(block);
  if (at + ROOM > end) return 0;
  if (tag == Tag.SET && count == 0) {
    store<u64>(at, 0x2928746573); // "set()"
    return at + 5;
  }

  store<u8>(at++, tag == Tag.LIST ? OPEN_BRACKET : tag == Tag.TUPLE ? 0x28 : OPEN_BRACE);
  let item = block + 16;
  for (let i: u32 = 0; i < count; i++, item += 16) {
    if (i > 0) at = separated(at, COMMA);
    at = writeRepr(item, at, end, levels);
    if (at == 0) return 0;
    if (tag == Tag.MAP) {
      item += 16;
      at = writeRepr(item, separated(at, COLON), end, levels);
      if (at == 0) return 0;
    }
    if (at + ROOM > end) return 0;
  }
  if (tag == Tag.TUPLE && count == 1) store<u8>(at++, COMMA);
  store<u8>(at, tag == Tag.LIST ? CLOSE_BRACKET : tag == Tag.TUPLE ? 0x29 : CLOSE_BRACE);
  return at + 1;
}

/** In apostrophes, or in quotes when it holds apostrophes and no quotes. */
function reprText(text: usize, length: i32, at: usize, end: usize): usize {
  const textEnd = text + length;
  const mark = holds(text, textEnd, APOSTROPHE) && !holds(text, textEnd, QUOTE) ? QUOTE : APOSTROPHE;
  store<u8>(at++, mark);
  while (text < textEnd) {
    if (at + ROOM > end) return 0;
    const byte = <u32>load<u8>(text);
    if (byte >= 0x80) {
      const size = pointBytes(byte);
      const point = pointAt(text);
      if (isPrintable(point)) {
        memory.copy(at, text, size);
        at += size;
      } else {
        at = reprEscape(point, at);
      }
      text += size;
      continue;
    }
    if (byte == mark || byte == BACKSLASH) at = escape(at, byte);
    else if (byte == 0x0a) at = escape(at, 0x6e); // n
    else if (byte == 0x0d) at = escape(at, 0x72); // r
    else if (byte == 0x09) at = escape(at, 0x74); // t
    else if (byte < 0x20 || byte == 0x7f) at = reprEscape(byte, at);
    else store<u8>(at++, byte);
    text++;
  }
  store<u8>(at, mark);
  return at + 1;
}

function holds(text: usize, end: usize, byte: u32): bool {
  for (; text < end; text++) {
    if (load<u8>(text) == byte) return true;
  }
  return false;
}

/** `\x7f`, `\u200b`, `\U000e0001` */
function reprEscape(point: u32, at: usize): usize {
  if (point < 0x100) return digits(escape(at, 0x78), point, 2);
  if (point < 0x10000) return digits(escape(at, 0x75), point, 4);
  return digits(escape(at, 0x55), point, 8);
}

/** A backslash and a letter. */
// @ts-ignore: decorator
@inline
export function escape(at: usize, letter: u32): usize {
  store<u16>(at, BACKSLASH | (letter << 8));
  return at + 2;
}

/** `count` hexadecimal digits. */
export function digits(at: usize, value: u32, count: i32): usize {
  for (let shift = (count - 1) << 2; shift >= 0; shift -= 4) {
    const digit = (value >> shift) & 15;
    store<u8>(at++, digit < 10 ? digit + 0x30 : digit + 0x57);
  }
  return at;
}

/** A comma or colon, and a space. */
// @ts-ignore: decorator
@inline
export function separated(at: usize, mark: u32): usize {
  store<u16>(at, mark | (SPACE << 8));
  return at + 2;
}

/** @returns address behind the copy, or 0 */
export function copied(bytes: usize, length: i32, at: usize, end: usize): usize {
  if (at + ROOM + length > end) return 0;
  memory.copy(at, bytes, length);
  return at + length;
}
