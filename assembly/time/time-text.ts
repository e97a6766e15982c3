// What Python's `isoformat`, `str` and `repr` write of datetimes, dates, durations and zones.

import { dateOfDay, dateOfMonth, monthOf, yearOf } from "./calendar";
import { DAY, SECOND, daysOf, dayOfWall, putClock, putFraction, timeOfWall, wallOf } from "./clock";
import { putFour, putNumber, putTwo } from "../numbers/digits";
import { NAIVE, Tag, intOf, lengthOf, tagOf } from "../machine/value";
import { putOffset, putZoneName } from "./zone";

/** Bytes that any of these texts needs at most. */
export const TIME_TEXT_MAX: i32 = 128;

// ISO 8601

/** Writes what `isoformat()` gives of a DATETIME or DATE. @returns bytes */
export function writeIso(cell: usize, at: usize): i32 {
  return tagOf(cell) == Tag.DATE ? writeDate(cell, at) : writeDatetime(cell, at, 0x54);
}

/** Writes a DATETIME with an ASCII separator between date and time. @returns bytes */
export function writeDatetime(cell: usize, at: usize, separator: u32): i32 {
  const wall = wallOf(cell);
  const end = putDate(at, dayOfWall(wall));
  store<u8>(end, separator);
  return <i32>(putClockOf(end + 1, cell, wall) - at);
}

/** Writes `YYYY-MM-DD`. @returns address behind it */
export function putDate(at: usize, day: i32): usize {
  const date = dateOfDay(day);
  putFour(at, yearOf(date));
  store<u8>(at, 0x2d, 4);
  putTwo(at + 5, monthOf(date));
  store<u8>(at, 0x2d, 7);
  putTwo(at + 8, dateOfMonth(date));
  return at + 10;
}

/** Writes the time of day of a DATETIME, and its offset if it has one. @returns address behind it */
export function putClockOf(at: usize, cell: usize, wall: i64): usize {
  at = putClock(at, timeOfWall(wall));
  const offset = lengthOf(cell);
  return offset == <i32>NAIVE ? at : putOffset(at, offset, 1);
}

// str

/** Writes a DATE as `YYYY-MM-DD`. @returns bytes */
export function writeDate(cell: usize, at: usize): i32 {
  return <i32>(putDate(at, <i32>intOf(cell)) - at);
}

/** Writes a ZONE: `UTC`, `UTC+02:00`. @returns bytes */
export function writeZone(cell: usize, at: usize): i32 {
  return <i32>(putZoneName(at, lengthOf(cell)) - at);
}

/** Writes a duration: `1 day, 0:00:10`, `-1 day, 23:59:59.999999`. @returns bytes */
export function writeTimedelta(cell: usize, at: usize): i32 {
  let end = at;
  const days = daysOf(intOf(cell));
  const time = intOf(cell) - days * DAY;
  if (days != 0) {
    end = putWords(putSigned(end, days), DAY_WORD);
    if (abs<i64>(days) != 1) store<u8>(end++, 0x73); // s
    end = putWords(end, COMMA);
  }
  const seconds = <u32>(time / SECOND);
  end = putNumber(end, seconds / 3600);
  store<u8>(end, 0x3a);
  putTwo(end + 1, (seconds / 60) % 60);
  store<u8>(end, 0x3a, 3);
  putTwo(end + 4, seconds % 60);
  return <i32>(putFraction(end + 6, <u32>(time % SECOND)) - at);
}

// repr

/** Writes the `repr` of a DATETIME, DATE, TIMEDELTA or ZONE. @returns bytes */
export function writeTimeRepr(cell: usize, at: usize): i32 {
  switch (tagOf(cell)) {
    case Tag.DATETIME:
      return <i32>(putDatetimeRepr(at, cell) - at);
    case Tag.DATE:
      return <i32>(closed(putDateParts(putWords(at, DATE_OPEN), <i32>intOf(cell))) - at);
    case Tag.TIMEDELTA:
      return <i32>(putDeltaRepr(at, intOf(cell)) - at);
    default:
      return <i32>(putZoneRepr(at, lengthOf(cell)) - at);
  }
}

function putDatetimeRepr(at: usize, cell: usize): usize {
  const wall = wallOf(cell);
  const time = timeOfWall(wall);
  const seconds = <u32>(time / SECOND);
  const rest = <u32>(time % SECOND);
  at = putDateParts(putWords(at, DATETIME_OPEN), dayOfWall(wall));
  at = putNumber(putWords(at, COMMA), seconds / 3600);
  at = putNumber(putWords(at, COMMA), (seconds / 60) % 60);
  if (rest != 0 || seconds % 60 != 0) at = putNumber(putWords(at, COMMA), seconds % 60);
  if (rest != 0) at = putNumber(putWords(at, COMMA), rest);
  const offset = lengthOf(cell);
  if (offset != <i32>NAIVE) at = putZoneRepr(putWords(putWords(at, COMMA), TZINFO), offset);
  return closed(at);
}

function putDateParts(at: usize, day: i32): usize {
  const date = dateOfDay(day);
  at = putNumber(at, yearOf(date));
  at = putNumber(putWords(at, COMMA), monthOf(date));
  return putNumber(putWords(at, COMMA), dateOfMonth(date));
}

function putDeltaRepr(at: usize, micros: i64): usize {
  at = putWords(at, TIMEDELTA_OPEN);
  const days = daysOf(micros);
  const time = micros - days * DAY;
  const open = at;
  if (days != 0) at = putSigned(putWords(at, DAYS), days);
  if (time >= SECOND) at = putNumber(putWords(separated(at, open), SECONDS), <u32>(time / SECOND));
  if (time % SECOND != 0) at = putNumber(putWords(separated(at, open), MICROSECONDS), <u32>(time % SECOND));
  if (at == open) at = putNumber(at, 0);
  return closed(at);
}

function putZoneRepr(at: usize, offset: i32): usize {
  if (offset == 0) return putWords(at, TIMEZONE_UTC);
  return closed(putDeltaRepr(putWords(at, TIMEZONE_OPEN), <i64>offset * SECOND));
}

function separated(at: usize, open: usize): usize {
  return at == open ? at : putWords(at, COMMA);
}

function closed(at: usize): usize {
  store<u8>(at, 0x29);
  return at + 1;
}

function putSigned(at: usize, value: i64): usize {
  if (value >= 0) return putNumber(at, <u32>value);
  store<u8>(at, 0x2d);
  return putNumber(at + 1, <u32>-value);
}

// Words: length u8, letters

/** `, ` */
const COMMA: usize = memory.data<u8>([2, 44, 32]);
/** ` day` */
const DAY_WORD: usize = memory.data<u8>([4, 32, 100, 97, 121]);
/** `datetime.datetime(` */
const DATETIME_OPEN: usize = memory.data<u8>([
  18, 100, 97, 116, 101, 116, 105, 109, 101, 46, 100, 97, 116, 101, 116, 105, 109, 101, 40,
]);
/** `datetime.date(` */
const DATE_OPEN: usize = memory.data<u8>([14, 100, 97, 116, 101, 116, 105, 109, 101, 46, 100, 97, 116, 101, 40]);
/** `datetime.timedelta(` */
const TIMEDELTA_OPEN: usize = memory.data<u8>([
  19, 100, 97, 116, 101, 116, 105, 109, 101, 46, 116, 105, 109, 101, 100, 101, 108, 116, 97, 40,
]);
/** `datetime.timezone(` */
const TIMEZONE_OPEN: usize = memory.data<u8>([
  18, 100, 97, 116, 101, 116, 105, 109, 101, 46, 116, 105, 109, 101, 122, 111, 110, 101, 40,
]);
/** `datetime.timezone.utc` */
const TIMEZONE_UTC: usize = memory.data<u8>([
  21, 100, 97, 116, 101, 116, 105, 109, 101, 46, 116, 105, 109, 101, 122, 111, 110, 101, 46, 117, 116, 99,
]);
/** `tzinfo=` */
const TZINFO: usize = memory.data<u8>([7, 116, 122, 105, 110, 102, 111, 61]);
/** `days=` */
const DAYS: usize = memory.data<u8>([5, 100, 97, 121, 115, 61]);
/** `seconds=` */
const SECONDS: usize = memory.data<u8>([8, 115, 101, 99, 111, 110, 100, 115, 61]);
/** `microseconds=` */
const MICROSECONDS: usize = memory.data<u8>([13, 109, 105, 99, 114, 111, 115, 101, 99, 111, 110, 100, 115, 61]);

function putWords(at: usize, words: usize): usize {
  const length = <usize>load<u8>(words);
  memory.copy(at, words + 1, length);
  return at + length;
}
