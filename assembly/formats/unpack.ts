// Values from MessagePack, as `pack.ts` writes it, or the host (`runtime/core/value.ts`). Kinds and lengths are not
// trusted: what is cut off, claims more than follows, or is of a kind that neither of them writes, gives 0.

import { addMember, keep, newList, newMap, newSet, putEntry } from "../collections/collection";
import { temporary } from "../machine/heap";
import { DEPTH_MAX } from "../scan/json";
import { Extension, Lead } from "./pack";
import {
  Tag,
  copyCell,
  putBool,
  putCollection,
  putDatetime,
  putFloat,
  putInt,
  putNone,
  putTagged,
  putText,
} from "../machine/value";

/** Bytes of the fixed part behind the leads 0xc0 to 0xdf: numbers, lengths, types of extensions. */
const SIZES: usize = memory.data<u8>([
  0, 0, 0, 0, 0, 0, 0, 2, 3, 5, 0, 8, 1, 2, 4, 0,
  1, 2, 4, 8, 2, 0, 1, 1, 0, 1, 2, 4, 2, 4, 2, 4,
]);

/**
 * Reads a value to be kept. What `result` held before is not let go.
 *
 * @returns address behind it; 0 for what is no value, then `result` is as it was
 */
export function unpackValue(result: usize, at: usize, end: usize): usize {
  const cell = temporary(16);
  at = value(cell, at, end, DEPTH_MAX);
  if (at != 0) keep(result, cell);
  return at;
}

/** Reads a value that lives until the event is done, and no longer than the bytes: its texts stand in them. */
export function readValue(result: usize, at: usize, end: usize): usize {
  const cell = temporary(16);
  at = value(cell, at, end, DEPTH_MAX);
  if (at != 0) copyCell(result, cell);
  return at;
}

function value(result: usize, at: usize, end: usize, levels: i32): usize {
  if (at >= end) return 0;
  const lead = <u32>load<u8>(at++);
  if (lead < Lead.FIXMAP || lead >= 0xe0) {
    putInt(result, <i64>(<i8>lead));
    return at;
  }
  if (lead < Lead.FIXARRAY) return map(result, lead & 15, at, end, levels);
  if (lead < Lead.FIXSTR) return array(result, Tag.LIST, lead & 15, at, end, levels);
  if (lead < Lead.NIL) return text(result, lead & 31, at, end);

  const behind = at + load<u8>(SIZES + lead - Lead.NIL);
  if (behind > end) return 0;
  switch (lead) {
    case Lead.NIL:
      putNone(result);
      return behind;
    case Lead.FALSE:
    case Lead.TRUE:
      putBool(result, lead == Lead.TRUE);
      return behind;
    case Lead.FLOAT64:
      putFloat(result, reinterpret<f64>(word64(at)));
      return behind;
    case Lead.UINT8:
      putInt(result, load<u8>(at));
      return behind;
    case Lead.UINT16:
      putInt(result, word16(at));
      return behind;
    case Lead.UINT32:
      putInt(result, word32(at));
      return behind;
    case Lead.INT8:
      putInt(result, load<i8>(at));
      return behind;
    case Lead.INT16:
      putInt(result, <i16>word16(at));
      return behind;
    case Lead.INT32:
      putInt(result, <i32>word32(at));
      return behind;
    case Lead.INT64:
      putInt(result, word64(at));
      return behind;
    case Lead.STR8:
      return text(result, load<u8>(at), behind, end);
    case Lead.STR16:
      return text(result, word16(at), behind, end);
    case Lead.STR32:
      return text(result, word32(at), behind, end);
    case Lead.ARRAY16:
      return array(result, Tag.LIST, word16(at), behind, end, levels);
    case Lead.ARRAY32:
      return array(result, Tag.LIST, word32(at), behind, end, levels);
    case Lead.MAP16:
      return map(result, word16(at), behind, end, levels);
    case Lead.MAP32:
      return map(result, word32(at), behind, end, levels);
    case Lead.FIXEXT1:
      return tagged(result, load<u8>(at), behind, end, levels);
    case Lead.FIXEXT4:
      return extension(result, load<u8>(at), 4, behind, end);
    case Lead.FIXEXT8:
      return extension(result, load<u8>(at), 8, behind, end);
    case Lead.EXT8:
      return extension(result, load<u8>(at, 1), load<u8>(at), behind, end);
    case Lead.EXT16:
      return extension(result, load<u8>(at, 2), word16(at), behind, end);
    case Lead.EXT32:
      return extension(result, load<u8>(at, 4), word32(at), behind, end);
    default:
      return 0;
  }
}

function text(result: usize, length: u32, at: usize, end: usize): usize {
  if (length > <u32>(end - at)) return 0;
  putText(result, at, length);
  return at + length;
}

function array(result: usize, tag: u32, count: u32, at: usize, end: usize, levels: i32): usize {
  if (levels == 0 || count > <u32>(end - at)) return 0; // an element takes a byte at least
  const block = newList(tag, count);
  putCollection(result, tag, block);
  let item = block + 16;
  for (let i: u32 = 0; i < count && at != 0; i++, item += 16) at = value(item, at, end, levels - 1);
  store<u32>(block, count);
  return at;
}

function map(result: usize, count: u32, at: usize, end: usize, levels: i32): usize {
  if (levels == 0 || count > <u32>(end - at)) return 0;
  putCollection(result, Tag.MAP, newMap());
  const key = temporary(32);
  for (; count > 0; count--) {
    at = value(key, at, end, levels - 1);
    if (at == 0) return 0;
    at = value(key + 16, at, end, levels - 1);
    if (at == 0 || putEntry(result, key, key + 16) != 0) return 0;
  }
  return at;
}

/** A set or tuple: its elements follow as an array of their own. */
function tagged(result: usize, type: u32, at: usize, end: usize, levels: i32): usize {
  if ((type != Extension.SET && type != Extension.TUPLE) || at >= end) return 0;
  const lead = <u32>load<u8>(at++);
  let count = lead & 15;
  if (lead == Lead.ARRAY16 || lead == Lead.ARRAY32) {
    const size: usize = lead == Lead.ARRAY16 ? 2 : 4;
    if (at + size > end) return 0;
    count = size == 2 ? word16(at) : word32(at);
    at += size;
  } else if ((lead & 0xf0) != Lead.FIXARRAY) {
    return 0;
  }
  if (type == Extension.TUPLE) return array(result, Tag.TUPLE, count, at, end, levels);
  return set(result, count, at, end, levels);
}

function set(result: usize, count: u32, at: usize, end: usize, levels: i32): usize {
  if (levels == 0) return 0;
  putCollection(result, Tag.SET, newSet());
  const member = temporary(16);
  for (; count > 0; count--) {
    at = value(member, at, end, levels - 1);
    if (at == 0 || addMember(result, member) != 0) return 0;
  }
  return at;
}

function extension(result: usize, type: u32, length: u32, at: usize, end: usize): usize {
  if (length > <u32>(end - at)) return 0;
  if (type == Extension.BIG && length != 0) {
    store<u32>(result, Tag.BIG);
    store<u32>(result, length, 4);
    store<u64>(result, <u64>at, 8);
  } else if (type == Extension.DATETIME && length == 12) {
    putDatetime(result, word64(at), word32(at + 8));
  } else if (type == Extension.DATE && length == 4) {
    putTagged(result, Tag.DATE, <i32>word32(at));
  } else if (type == Extension.TIMEDELTA && length == 8) {
    putTagged(result, Tag.TIMEDELTA, word64(at));
  } else if (type == Extension.ZONE && length == 4) {
    putTagged(result, Tag.ZONE, 0);
    store<u32>(result, word32(at), 4);
  } else {
    return 0;
  }
  return at + length;
}

function word16(at: usize): u32 {
  return bswap<u16>(load<u16>(at));
}

function word32(at: usize): u32 {
  return bswap<u32>(load<u32>(at));
}

function word64(at: usize): i64 {
  return bswap<i64>(load<i64>(at));
}
