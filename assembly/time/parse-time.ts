// `parse`: the formats of `dateutil.parser.parse` that publishers really write, with its meaning:
//
//   ISO 8601   2018-03-07T22:36:31.123Z   20180307T223631,5+0200   2018-03-07 22:36   2018-03-07
//   slashes    2018/03/07 22:36:31.5      2018/03/07
//   RFC 2822   Wed, 07 Mar 2018 22:36:31 +0000 (UTC)   7 Mar 2018 22:36 EST
//
// Year, month and day are required: what is left out, `dateutil` takes from the clock, and the core has none.

import { MONTHS, MONTHS_COUNT, SHORT, WEEKDAYS, WEEKDAYS_COUNT, nameAt } from "./calendar-names";
import { dayOf, isDate } from "./calendar";
import { DAY, SECOND, clockTime, isClock, micros, putWall, readClock, readFraction } from "./clock";
import { fourDigits, isDigit, twoDigits } from "../numbers/digits";
import { Fault, NAIVE, Tag, addressOf, lengthOf, putDatetime, tagOf } from "../machine/value";
import { readOffset, setZoneOffset, zoneOffset } from "./zone";

export function parseTime(result: usize, cell: usize): i32 {
  if (tagOf(cell) != Tag.TEXT) return Fault.TYPE;
  const at = addressOf(cell);
  const end = at + <usize>lengthOf(cell);
  if (end - at >= PLAIN_BYTES) {
    const wall = readPlain(at);
    if (wall != NO_TIME) {
      if (end - at > PLAIN_BYTES) return putRest(result, wall, at + PLAIN_BYTES, end);
      putDatetime(result, wall, NAIVE);
      return 0;
    }
  }
  return parseOther(result, at, end);
}

// Plain: 2018-03-07T22:36:31, what nearly every event has

const PLAIN_BYTES: usize = 19;

const NO_TIME: i64 = i64.MIN_VALUE;

/** µs since 1970 of `YYYY-MM-DDxHH:MM:SS` at `at`, x a `T`, `t` or space; NO_TIME when it is none. */
function readPlain(at: usize): i64 {
  // Exclusive or turns digits into their values and what should stand between them into 0
  const digits = v128.xor(v128.load(at), i8x16(48, 48, 48, 48, 45, 48, 48, 45, 48, 48, 0, 48, 48, 58, 48, 48));
  const most = i8x16(9, 9, 9, 9, 0, 9, 9, 0, 9, 9, -1, 9, 9, 0, 9, 9);
  if (v128.any_true(i8x16.gt_u(digits, most))) return NO_TIME;
  const between = <u32>load<u8>(at, 10);
  const second = twoDigits(at + 17);
  if (((between | 0x20) != 0x74 && between != 0x20) || load<u8>(at, 16) != 0x3a || <u32>second > 59) return NO_TIME;

  // Pairs of digits, tens below ones: ten times that, plus the ones, has their number in its low byte
  const pairs = i8x16.shuffle(digits, digits, 0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 4, 4, 4, 4);
  const sums = i16x8.add(i16x8.mul(pairs, i16x8.splat(10)), i16x8.shr_u(pairs, 8));
  const numbers = v128.and(sums, i16x8.splat(0xff));
  const year = <i32>i16x8.extract_lane_u(numbers, 0) * 100 + <i32>i16x8.extract_lane_u(numbers, 1);
  const month = <i32>i16x8.extract_lane_u(numbers, 2);
  const day = <i32>i16x8.extract_lane_u(numbers, 3);
  const hour = <i32>i16x8.extract_lane_u(numbers, 4);
  const minute = <i32>i16x8.extract_lane_u(numbers, 5);
  if (!isDate(year, month, day) || hour > 23 || minute > 59) return NO_TIME;
  return <i64>dayOf(year, month, day) * DAY + <i64>((hour * 60 + minute) * 60 + second) * SECOND;
}

/** Reads what follows the seconds. */
function putRest(result: usize, wall: i64, at: usize, end: usize): i32 {
  if (isSign(load<u8>(at)) && readOffset(at, end) == end) {
    putWall(result, wall, zoneOffset);
    return 0;
  }
  at = readFraction(at, end);
  return at == 0 ? Fault.VALUE : putZoned(result, wall + micros, at, end);
}

// The others

/** What the date said, and whether hours can't stand without minutes behind it. */
let days: i32 = 0;
let isMinuteDue: bool = false;

function parseOther(result: usize, at: usize, end: usize): i32 {
  at = spaceEnd(at, end);
  while (end > at && isSpace(load<u8>(end - 1))) end--;
  const isIso = end - at >= 8 && fourDigits(at) >= 0;
  const clock = isIso ? readIsoDate(at, end) : readMailDate(at, end);
  if (clock == 0) return Fault.VALUE;
  at = spaceEnd(clock, end);
  if (at == end && isIso) {
    putWall(result, <i64>days * DAY, NAIVE);
    return 0;
  }
  if (at == clock) {
    if (!isIso || (load<u8>(at) | 0x20) != 0x74) return Fault.VALUE; // T
    at++;
  }
  if (isMinuteDue && (end - at < 5 || load<u8>(at, 2) != 0x3a)) return Fault.VALUE;
  at = readClock(at, end);
  if (at == 0 || !isClock()) return Fault.VALUE;
  return putZoned(result, <i64>days * DAY + clockTime(), at, end);
}

/** Reads `YYYY-MM-DD`, `YYYY/MM/DD` or `YYYYMMDD`. @returns address behind it, or 0 */
function readIsoDate(at: usize, end: usize): usize {
  const mark = <u32>load<u8>(at, 4);
  const marks: usize = mark == 0x2d || mark == 0x2f ? 1 : 0;
  if (end - at < 8 + 2 * marks || (marks != 0 && load<u8>(at, 7) != mark)) return 0;
  isMinuteDue = mark == 0x2f;
  const behind = at + 8 + 2 * marks;
  return readDay(fourDigits(at), twoDigits(at + 4 + marks), twoDigits(behind - 2)) ? behind : 0;
}

/** RFC 2822, 3.3; and `dateutil` takes smaller years for short ones. */
const MAIL_YEAR_MIN: i32 = 1900;

/** Reads `[Wed,] 7 Mar 2018`. @returns address behind it, or 0 */
function readMailDate(at: usize, end: usize): usize {
  isMinuteDue = true;
  if (nameAt(at, end, WEEKDAYS, WEEKDAYS_COUNT, SHORT) >= 0) {
    at += 3;
    if (at == end || load<u8>(at) != 0x2c) return 0;
    at = spaceEnd(at + 1, end);
  }
  if (end - at < 10) return 0; // of the shortest, 7 Mar 2018
  let date = <i32>load<u8>(at) - 0x30;
  if (<u32>date > 9) return 0;
  if (isDigit(load<u8>(++at))) date = date * 10 + (<i32>load<u8>(at++) - 0x30);
  const name = spaceEnd(at, end);
  const month = nameAt(name, end, MONTHS, MONTHS_COUNT, SHORT);
  if (name == at || month < 0) return 0;
  at = name + 3;
  const year = spaceEnd(at, end);
  if (year == at || end - year < 4 || fourDigits(year) < MAIL_YEAR_MIN) return 0;
  return readDay(fourDigits(year), month + 1, date) ? year + 4 : 0;
}

function readDay(year: i32, month: i32, date: i32): bool {
  if (!isDate(year, month, date)) return false;
  days = dayOf(year, month, date);
  return true;
}

// Zones

/** Puts the time that its clock showed, with the zone that may follow. */
function putZoned(result: usize, wall: i64, at: usize, end: usize): i32 {
  at = spaceEnd(at, end);
  if (at == end) {
    putDatetime(result, wall, NAIVE);
    return 0;
  }
  const byte = <u32>load<u8>(at);
  if (byte == 0x5a || byte == 0x7a) { // Z
    setZoneOffset(0);
    at++;
  } else {
    at = isSign(byte) ? readOffset(at, end) : readZoneName(at, end);
    if (at == 0) return Fault.VALUE;
  }
  at = spaceEnd(at, end);
  if (at < end && (load<u8>(at) != 0x28 || load<u8>(end - 1) != 0x29)) return Fault.VALUE; // (a comment)
  putWall(result, wall, zoneOffset);
  return 0;
}

/** Name, 5 bytes: length u8, letters, hours east i8; a longer one before what it begins with. From RFC 2822, 4.3. */
const ZONES: usize = memory.data<i8>([
  3, 80, 68, 84, -7, // PDT
  3, 80, 83, 84, -8, // PST
  3, 77, 68, 84, -6, // MDT
  3, 77, 83, 84, -7, // MST
  3, 67, 68, 84, -5, // CDT
  3, 67, 83, 84, -6, // CST
  3, 69, 68, 84, -4, // EDT
  3, 69, 83, 84, -5, // EST
  3, 71, 77, 84, 0, // GMT
  3, 85, 84, 67, 0, // UTC
  2, 85, 84, 0, 0, // UT
]);
const ZONE: usize = 5;
const ZONES_COUNT: usize = 11;

/** Reads the name of a zone into `zoneOffset`. @returns address behind it, or 0 */
function readZoneName(at: usize, end: usize): usize {
  for (let name = ZONES; name < ZONES + ZONES_COUNT * ZONE; name += ZONE) {
    const length = <usize>load<u8>(name);
    if (at + length > end || memory.compare(at, name + 1, length) != 0) continue;
    setZoneOffset(<i32>load<i8>(name, 4) * 3600);
    return at + length;
  }
  return 0;
}

function spaceEnd(at: usize, end: usize): usize {
  while (at < end && isSpace(load<u8>(at))) at++;
  return at;
}

function isSpace(byte: u32): bool {
  return byte == 0x20 || byte - 0x09 < 5;
}

function isSign(byte: u32): bool {
  return byte == 0x2b || byte == 0x2d;
}
