// What clocks on a wall show: µs since 1970 as that wall counts them, and the hours, minutes and seconds of a day.

import { FIRST_DAY, LAST_DAY } from "./calendar";
import { isDigit, putSix, putTwo, twoDigits } from "../numbers/digits";
import { NAIVE, intOf, lengthOf, putDatetime } from "../machine/value";

// Units, µs

export const SECOND: i64 = 1_000_000;
export const MINUTE: i64 = 60 * SECOND;
export const HOUR: i64 = 60 * MINUTE;
export const DAY: i64 = 24 * HOUR;

/** The first µs of the year 1, and the last of the year 9999. */
export const FIRST: i64 = <i64>FIRST_DAY * DAY;
export const LAST: i64 = (<i64>LAST_DAY + 1) * DAY - 1;

// Of a DATETIME

/** What the clock shows where the DATETIME is at home: FIRST to LAST. */
export function wallOf(cell: usize): i64 {
  const offset = lengthOf(cell);
  return offset == <i32>NAIVE ? intOf(cell) : intOf(cell) + <i64>offset * SECOND;
}

/** @param offset  of the wall, seconds east, or NAIVE */
export function putWall(result: usize, wall: i64, offset: i32): void {
  putDatetime(result, offset == <i32>NAIVE ? wall : wall - <i64>offset * SECOND, offset);
}

// @ts-ignore: decorator
@inline
export function dayOfWall(wall: i64): i32 {
  return <i32>(<u64>(wall - FIRST) / DAY) + FIRST_DAY;
}

/** µs since midnight. */
// @ts-ignore: decorator
@inline
export function timeOfWall(wall: i64): i64 {
  return <u64>(wall - FIRST) % DAY;
}

/** ⌊micros / DAY⌋ of any number of µs. */
export function daysOf(micros: i64): i64 {
  const days = micros / DAY;
  return days * DAY > micros ? days - 1 : days;
}

// Reading

/** What `readClock` read last. */
export let hours: i32 = 0;
export let minutes: i32 = 0;
export let seconds: i32 = 0;
/** Further digits are cut, as by `dateutil` and by Python. */
export let micros: i32 = 0;

/**
 * Reads HH[:MM[:SS[.f]]] or HH[MM[SS[.f]]], with a point or a comma and any number of digits behind it, as far as it
 * goes. Sizes are not checked, see `isClock`.
 *
 * @returns address behind it, or 0
 */
export function readClock(at: usize, end: usize): usize {
  minutes = seconds = micros = 0;
  if (at + 2 > end) return 0;
  hours = twoDigits(at);
  if (hours < 0) return 0;
  at += 2;
  if (at == end) return at;
  const colon: usize = load<u8>(at) == 0x3a ? 1 : 0;
  if (colon == 0 && !isDigit(load<u8>(at))) return at;

  at += colon;
  if (at + 2 > end) return 0;
  minutes = twoDigits(at);
  if (minutes < 0) return 0;
  at += 2;
  if (at == end) return at;
  if (colon != 0 ? load<u8>(at) != 0x3a : !isDigit(load<u8>(at))) return at;

  at += colon;
  if (at + 2 > end) return 0;
  seconds = twoDigits(at);
  if (seconds < 0) return 0;
  return readFraction(at + 2, end);
}

/**
 * Reads what follows the seconds into `micros`: nothing, or a point or comma and digits.
 *
 * @returns address behind it, or 0
 */
export function readFraction(at: usize, end: usize): usize {
  micros = 0;
  if (at == end) return at;
  const byte = <u32>load<u8>(at);
  if (byte != 0x2e && byte != 0x2c) return at;
  if (++at == end || !isDigit(load<u8>(at))) return 0;
  let scale = 100_000;
  do {
    micros += (load<u8>(at) - 0x30) * scale;
    scale /= 10;
  } while (++at < end && isDigit(load<u8>(at)));
  return at;
}

/** Is what `readClock` read a time of day? */
export function isClock(): bool {
  return hours < 24 && minutes < 60 && seconds < 60;
}

/** What `readClock` read, in µs. */
export function clockTime(): i64 {
  return <i64>((hours * 60 + minutes) * 60 + seconds) * SECOND + micros;
}

// Writing

/**
 * Writes a time of day, `HH:MM:SS` and `.ffffff` unless that is 0.
 *
 * @param time  µs since midnight
 * @returns address behind it
 */
export function putClock(at: usize, time: i64): usize {
  const whole = <u32>(<u64>time / SECOND);
  const rest = <u32>(time - <i64>whole * SECOND);
  const minute = whole / 60;
  putTwo(at, minute / 60);
  store<u8>(at, 0x3a, 2);
  putTwo(at + 3, minute % 60);
  store<u8>(at, 0x3a, 5);
  putTwo(at + 6, whole - minute * 60);
  return putFraction(at + 8, rest);
}

/** @param rest  µs, below a second @returns address behind it */
export function putFraction(at: usize, rest: u32): usize {
  if (rest == 0) return at;
  store<u8>(at, 0x2e);
  putSix(at + 1, rest);
  return at + 7;
}
