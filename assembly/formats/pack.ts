// Values as MessagePack, for whatever leaves the core: `runtime/core/value.ts` reads it, `unpack.ts` takes it back.
// The same value gives the same bytes.
//
// NONE BOOL TEXT LIST MAP   their MessagePack, in its shortest form
// INT                       the shortest integer; beyond 32 bits int 64
// FLOAT                     float 64, always
// SET                       the extension 0x73 of one byte, 0, and behind it the array of its members: the form that
//                           `msgpackr` gives a Set
// TUPLE                     the same with extension 2
//
// and extensions of their own, numbers big-endian:
//
// DATETIME   1  i64 µs, i32 offset in seconds or NAIVE
// DATE       3  i32 days
// TIMEDELTA  4  i64 µs
// ZONE       5  i32 offset in seconds
// BIG        6  the digits

import { DEPTH_MAX } from "../scan/json";
import { Tag, addressOf, floatOf, intOf, lengthOf, tagOf } from "../machine/value";

/** MessagePack's first bytes. */
export namespace Lead {
  export const FIXMAP: u32 = 0x80;
  export const FIXARRAY: u32 = 0x90;
  export const FIXSTR: u32 = 0xa0;
  export const NIL: u32 = 0xc0;
  export const FALSE: u32 = 0xc2;
  export const TRUE: u32 = 0xc3;
  export const EXT8: u32 = 0xc7;
  export const EXT16: u32 = 0xc8;
  export const EXT32: u32 = 0xc9;
  export const FLOAT64: u32 = 0xcb;
  export const UINT8: u32 = 0xcc;
  export const UINT16: u32 = 0xcd;
  export const UINT32: u32 = 0xce;
  export const INT8: u32 = 0xd0;
  export const INT16: u32 = 0xd1;
  export const INT32: u32 = 0xd2;
  export const INT64: u32 = 0xd3;
  export const FIXEXT1: u32 = 0xd4;
  export const FIXEXT4: u32 = 0xd6;
  export const FIXEXT8: u32 = 0xd7;
  export const STR8: u32 = 0xd9;
  export const STR16: u32 = 0xda;
  export const STR32: u32 = 0xdb;
  export const ARRAY16: u32 = 0xdc;
  export const ARRAY32: u32 = 0xdd;
  export const MAP16: u32 = 0xde;
  export const MAP32: u32 = 0xdf;
}

/** Types of extensions. The host has the same in `runtime/core/value.ts`. */
export namespace Extension {
  export const DATETIME: u32 = 1;
  export const TUPLE: u32 = 2;
  export const DATE: u32 = 3;
  export const TIMEDELTA: u32 = 4;
  export const ZONE: u32 = 5;
  export const BIG: u32 = 6;
  export const SET: u32 = 0x73;
}

/** Room for anything but the bytes of a text or the elements of a collection. */
const ROOM: usize = 16;

/**
 * Writes a value.
 *
 * @returns address behind it; 0 when it does not end before `end`, or is nested deeper than DEPTH_MAX
 */
export function packValue(cell: usize, at: usize, end: usize): usize {
  return value(cell, at, end, DEPTH_MAX);
}

/** What stands before the elements of an array. @returns address behind it, or 0 */
export function packArray(count: u32, at: usize, end: usize): usize {
  return at + ROOM > end ? 0 : head(at, count, 15, Lead.FIXARRAY, 0, Lead.ARRAY16);
}

/** What stands before the keys and values of a map, in turn. @returns address behind it, or 0 */
export function packMap(count: u32, at: usize, end: usize): usize {
  return at + ROOM > end ? 0 : head(at, count, 15, Lead.FIXMAP, 0, Lead.MAP16);
}

/** @returns address behind it, or 0 */
export function packText(text: usize, length: u32, at: usize, end: usize): usize {
  if (at + ROOM + length > end) return 0;
  at = head(at, length, 31, Lead.FIXSTR, Lead.STR8, Lead.STR16);
  memory.copy(at, text, length);
  return at + length;
}

/** @returns address behind it, or 0 */
export function packInt(value: i64, at: usize, end: usize): usize {
  return at + ROOM > end ? 0 : int(value, at);
}

function value(cell: usize, at: usize, end: usize, levels: i32): usize {
  if (at + ROOM > end) return 0;
  switch (tagOf(cell)) {
    case Tag.NONE:
      return byte(at, Lead.NIL);
    case Tag.BOOL:
      return byte(at, intOf(cell) != 0 ? Lead.TRUE : Lead.FALSE);
    case Tag.INT:
      return int(intOf(cell), at);
    case Tag.FLOAT:
      return word64(byte(at, Lead.FLOAT64), reinterpret<i64>(floatOf(cell)));
    case Tag.TEXT:
      return packText(addressOf(cell), lengthOf(cell), at, end);
    case Tag.BIG:
      return big(addressOf(cell), lengthOf(cell), at, end);
    case Tag.DATETIME:
      return word32(word64(byte(byte(byte(at, Lead.EXT8), 12), Extension.DATETIME), intOf(cell)), lengthOf(cell));
    case Tag.DATE:
      return word32(byte(byte(at, Lead.FIXEXT4), Extension.DATE), <i32>intOf(cell));
    case Tag.TIMEDELTA:
      return word64(byte(byte(at, Lead.FIXEXT8), Extension.TIMEDELTA), intOf(cell));
    case Tag.ZONE:
      return word32(byte(byte(at, Lead.FIXEXT4), Extension.ZONE), lengthOf(cell));
    default:
      return levels == 0 ? 0 : collection(cell, at, end, levels - 1);
  }
}

function collection(cell: usize, at: usize, end: usize, levels: i32): usize {
  const tag = tagOf(cell);
  const block = addressOf(cell);
  const count = load<u32>(block);
  if (tag == Tag.TUPLE || tag == Tag.SET) {
    at = byte(byte(byte(at, Lead.FIXEXT1), tag == Tag.SET ? Extension.SET : Extension.TUPLE), 0);
  }
  at = tag == Tag.MAP ? packMap(count, at, end) : packArray(count, at, end);
  let item = block + 16;
  const itemsEnd = item + (<usize>count << (tag == Tag.MAP ? 5 : 4));
  for (; at != 0 && item < itemsEnd; item += 16) at = value(item, at, end, levels);
  return at;
}

/** A number of bytes or elements: up to `most` in the lead itself, else behind one in 8 bits (if there is), 16 or 32. */
function head(at: usize, count: u32, most: u32, fix: u32, lead8: u32, lead16: u32): usize {
  if (count <= most) return byte(at, fix | count);
  if (lead8 != 0 && count < 0x100) return byte(byte(at, lead8), count);
  if (count < 0x10000) return word16(byte(at, lead16), count);
  return word32(byte(at, lead16 + 1), count);
}

function int(value: i64, at: usize): usize {
  if (value >= 0) {
    if (value < 0x80) return byte(at, <u32>value);
    if (value < 0x100) return byte(byte(at, Lead.UINT8), <u32>value);
    if (value < 0x10000) return word16(byte(at, Lead.UINT16), <u32>value);
    if (value < 0x100000000) return word32(byte(at, Lead.UINT32), <u32>value);
  } else {
    if (value >= -0x20) return byte(at, <u32>value & 0xff);
    if (value >= -0x80) return byte(byte(at, Lead.INT8), <u32>value & 0xff);
    if (value >= -0x8000) return word16(byte(at, Lead.INT16), <u32>value & 0xffff);
    if (value >= -0x80000000) return word32(byte(at, Lead.INT32), <u32>value);
  }
  return word64(byte(at, Lead.INT64), value);
}

function big(digits: usize, length: u32, at: usize, end: usize): usize {
  if (at + ROOM + length > end) return 0;
  at = head(at, length, 0, 0, Lead.EXT8, Lead.EXT16);
  at = byte(at, Extension.BIG);
  memory.copy(at, digits, length);
  return at + length;
}

// @ts-ignore: decorator
@inline
function byte(at: usize, value: u32): usize {
  store<u8>(at, value);
  return at + 1;
}

// @ts-ignore: decorator
@inline
function word16(at: usize, value: u32): usize {
  store<u16>(at, bswap<u16>(<u16>value));
  return at + 2;
}

// @ts-ignore: decorator
@inline
function word32(at: usize, value: u32): usize {
  store<u32>(at, bswap<u32>(value));
  return at + 4;
}

// @ts-ignore: decorator
@inline
function word64(at: usize, value: i64): usize {
  store<i64>(at, bswap<i64>(value));
  return at + 8;
}
