// Hashes of values that can be keys. Equal values have equal hashes: 1, 1.0 and True are one key.

import { toFloat } from "../numbers/arithmetic";
import { ENTRIES } from "./block";
import { spend, spendBytes } from "../machine/heap";
import { Fault, NAIVE, Tag, addressOf, floatOf, intOf, lengthOf, tagOf } from "../machine/value";

/** 2⁶⁴ / φ. */
const FACTOR: u64 = 0x9e3779b97f4a7c15;
/** 2⁶³, where doubles leave the integers of 64 bits. */
const INT_END: f64 = 9223372036854775808.0;

const nearest: usize = memory.data(16, 16);

/** Can it be a key? All that can't change in Python: not lists, sets, maps, and tuples of such. */
export function isHashable(cell: usize): bool {
  return keyFault(cell) == 0;
}

/** What is wrong with a key: TYPE where it can't be one, LIMIT where to find out is more work than allowed; or 0. */
export function keyFault(cell: usize): i32 {
  const tag = tagOf(cell);
  if (tag < Tag.LIST) return 0;
  return tag == Tag.TUPLE ? itemsFault(addressOf(cell)) : Fault.TYPE;
}

function itemsFault(block: usize): i32 {
  const count = load<i32>(block);
  if (spend(count)) return Fault.LIMIT;
  for (let i = 0; i < count; i++) {
    const fault = keyFault(block + ENTRIES + (<usize>i << 4));
    if (fault != 0) return fault;
  }
  return 0;
}

/** Of a cell that can be a key. */
export function hash(cell: usize): u32 {
  switch (tagOf(cell)) {
    case Tag.TEXT:
      spendBytes(lengthOf(cell));
      return hashBytes(addressOf(cell), lengthOf(cell));
    case Tag.BOOL:
    case Tag.INT:
      return mixed(intOf(cell));
    case Tag.FLOAT:
      return hashFloat(floatOf(cell));
    case Tag.BIG:
      // a float that equals it is the nearest one to it
      return toFloat(nearest, cell, 1) == 0 ? hashFloat(floatOf(nearest)) : hashBytes(addressOf(cell), lengthOf(cell));
    case Tag.DATETIME:
      return mixed(intOf(cell)) + u32(lengthOf(cell) == NAIVE);
    case Tag.ZONE:
      return mixed(lengthOf(cell)) + Tag.ZONE;
    case Tag.TUPLE:
      return hashItems(addressOf(cell));
    default:
      return mixed(intOf(cell)) + tagOf(cell);
  }
}

// @ts-ignore: decorator
@inline
function mixed(value: u64): u32 {
  return <u32>(((value ^ (value >> 32)) * FACTOR) >> 32);
}

function hashFloat(value: f64): u32 {
  const isInt = value >= -INT_END && value < INT_END && Math.trunc(value) == value;
  return mixed(isInt ? <i64>value : reinterpret<i64>(value));
}

/** Eight bytes a step; the last step may read some again. */
function hashBytes(at: usize, length: i32): u32 {
  let state = (<u64>length + 1) * FACTOR;
  if (length >= 8) {
    const last = at + length - 8;
    for (; at < last; at += 8) state = (rotl(state, 23) ^ load<u64>(at)) * FACTOR;
    state = (rotl(state, 23) ^ load<u64>(last)) * FACTOR;
  } else {
    let tail: u64 = 0;
    for (let end = at + length; at < end; at++) tail = (tail << 8) | load<u8>(at);
    state = (rotl(state, 23) ^ tail) * FACTOR;
  }
  return mixed(state);
}

function hashItems(block: usize): u32 {
  const count = load<i32>(block);
  let state = (<u64>count + 1) * FACTOR;
  for (let i = 0; i < count; i++) {
    state = (rotl(state, 23) ^ hash(block + ENTRIES + (<usize>i << 4))) * FACTOR;
  }
  return mixed(state);
}
