// Zones: fixed offsets from UTC in whole seconds, less than a day. Python's may also have µs: those are refused.

import { SECOND, hours, micros, minutes, readClock, seconds } from "./clock";
import { putTwo, twoDigits } from "../numbers/digits";
import { Fault, NAIVE, Tag, intOf, lengthOf, tagOf } from "../machine/value";

const OFFSET_MAX: i32 = 24 * 3600 - 1;

/** @param offset  seconds east */
export function putZone(result: usize, offset: i32): void {
  store<u32>(result, Tag.ZONE);
  store<i32>(result, offset, 4);
  store<u64>(result, 0, 8);
}

/** `timezone(offset)`. */
export function zoneOf(result: usize, cell: usize): i32 {
  if (tagOf(cell) != Tag.TIMEDELTA) return Fault.TYPE;
  const time = intOf(cell);
  const offset = time / SECOND;
  if (offset * SECOND != time || abs<i64>(offset) > OFFSET_MAX) return Fault.VALUE;
  putZone(result, <i32>offset);
  return 0;
}

/** What was read last: seconds east, or NAIVE. */
export let zoneOffset: i32 = 0;

export function setZoneOffset(offset: i32): void {
  zoneOffset = offset;
}

/** Reads an argument that has to be a zone or None. @returns 0 or a Fault */
export function zoneArgument(cell: usize): i32 {
  const tag = tagOf(cell);
  if (tag != Tag.ZONE && tag != Tag.NONE) return Fault.TYPE;
  zoneOffset = tag == Tag.ZONE ? lengthOf(cell) : <i32>NAIVE;
  return 0;
}

/** Reads `+HH`, `+HHMM`, `+HHMMSS` or the same with colons, from its sign on. @returns address behind it, or 0 */
export function readOffset(at: usize, end: usize): usize {
  const isWest = load<u8>(at) == 0x2d;
  let size: i32;
  if (end - at == 6 && load<u8>(at, 3) == 0x3a) {
    // nearly all are such, and behind nearly all times
    const hour = twoDigits(at + 1);
    const minute = twoDigits(at + 4);
    if ((hour | minute) < 0) return 0;
    size = (hour * 60 + minute) * 60;
    at = end;
  } else {
    at = readClock(at + 1, end);
    size = (hours * 60 + minutes) * 60 + seconds;
    if (at == 0 || micros != 0) return 0;
  }
  if (size > OFFSET_MAX) return 0;
  zoneOffset = isWest ? -size : size;
  return at;
}

/**
 * Writes `+HH:MM`, and the seconds unless they are 0.
 *
 * @param colons  1, or 0 to leave them out
 * @returns address behind it
 */
export function putOffset(at: usize, offset: i32, colons: usize): usize {
  const size = <u32>abs<i32>(offset);
  store<u8>(at, offset < 0 ? 0x2d : 0x2b);
  putTwo(at + 1, size / 3600);
  at = putPart(at + 3, (size / 60) % 60, colons);
  return size % 60 == 0 ? at : putPart(at, size % 60, colons);
}

function putPart(at: usize, value: u32, colons: usize): usize {
  store<u8>(at, 0x3a);
  putTwo(at + colons, value);
  return at + colons + 2;
}

/** Writes what Python calls a zone: `UTC`, `UTC+02:00`. @returns address behind it */
export function putZoneName(at: usize, offset: i32): usize {
  store<u8>(at, 0x55);
  store<u8>(at, 0x54, 1);
  store<u8>(at, 0x43, 2);
  return offset == 0 ? at + 3 : putOffset(at + 3, offset, 1);
}
