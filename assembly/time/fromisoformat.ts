// `datetime.fromisoformat`: ISO 8601 as Python 3.11 reads it: any character between date and time, weeks, basic and
// extended forms mixed, no fractions but of seconds, no ordinal dates. A character too many before a zone, which
// CPython overlooks, is refused.

import { FIRST_DAY, LAST_DAY, YEAR_MAX, dayOf, isDate, weekdayOf } from "./calendar";
import { DAY, clockTime, isClock, putWall, readClock } from "./clock";
import { fourDigits, isDigit, twoDigits } from "../numbers/digits";
import { pointBytes } from "../text/utf8";
import { Fault, NAIVE, Tag, addressOf, lengthOf, tagOf } from "../machine/value";
import { readOffset, setZoneOffset, zoneOffset } from "./zone";

/** Bytes of the shortest, `2018W01`. */
const SHORTEST: usize = 7;

/** What `readDate` read. */
let day: i32 = 0;

export function fromIso(result: usize, cell: usize): i32 {
  if (tagOf(cell) != Tag.TEXT) return Fault.TYPE;
  let at = addressOf(cell);
  const end = at + <usize>lengthOf(cell);
  if (end - at < SHORTEST) return Fault.VALUE;
  at = readDate(at, end);
  if (at == 0) return Fault.VALUE;
  if (at == end) {
    putWall(result, <i64>day * DAY, NAIVE);
    return 0;
  }
  at = readClock(at + pointBytes(load<u8>(at)), end);
  if (at == 0 || !isClock()) return Fault.VALUE;
  const wall = <i64>day * DAY + clockTime();
  if (readZone(at, end) != end) return Fault.VALUE;
  putWall(result, wall, zoneOffset);
  return 0;
}

/** Reads a date into `day`. @returns address behind it, or 0 */
function readDate(at: usize, end: usize): usize {
  const year = fourDigits(at);
  if (year < 1) return 0;
  const dash: usize = load<u8>(at, 4) == 0x2d ? 1 : 0;
  if (load<u8>(at + 4 + dash) == 0x57) return readWeek(at, end, year, dash); // W
  const behind = at + 8 + 2 * dash;
  if (behind > end || (dash != 0 && load<u8>(at, 7) != 0x2d)) return 0;
  const month = twoDigits(at + 4 + dash);
  const date = twoDigits(behind - 2);
  if (!isDate(year, month, date)) return 0;
  day = dayOf(year, month, date);
  return behind;
}

/** Reads `YYYY-Www[-d]` or `YYYYWww[d]`. @returns address behind it, or 0 */
function readWeek(at: usize, end: usize, year: i32, dash: usize): usize {
  const behind = weekEnd(at, end, dash);
  if (behind > end) return 0;
  const week = twoDigits(at + 5 + dash);
  const weekday = behind == at + 7 + dash ? 1 : <i32>load<u8>(behind - 1) - 0x30;
  if (<u32>(weekday - 1) > 6 || <u32>(week - 1) >= <u32>weeksIn(year)) return 0;
  day = firstMonday(year) + (week - 1) * 7 + weekday - 1;
  return day < FIRST_DAY || day > LAST_DAY ? 0 : behind;
}

/** Where a date with a week ends. Python tells the day from the digits of a time that nothing separates so: */
function weekEnd(at: usize, end: usize, dash: usize): usize {
  const week = at + 7 + dash;
  if (dash != 0) {
    if (week >= end || load<u8>(week) != 0x2d) return week;
    return end - at > 10 && isDigit(load<u8>(at, 10)) ? week : at + 10;
  }
  let digits = week;
  while (digits < end && isDigit(load<u8>(digits))) digits++;
  const count = digits - at;
  if (count < 9) return digits;
  return (count & 1) == 0 ? week : week + 1;
}

/** The Monday of the week that has 4 January in it. */
function firstMonday(year: i32): i32 {
  const fourth = dayOf(year, 1, 4);
  return fourth - weekdayOf(fourth);
}

function weeksIn(year: i32): i32 {
  const next = year == YEAR_MAX ? LAST_DAY + 3 : firstMonday(year + 1); // Monday, 10000-01-03
  return (next - firstMonday(year)) / 7;
}

/** Reads what follows the clock, nothing or a zone. @returns address behind it, or 0 */
function readZone(at: usize, end: usize): usize {
  setZoneOffset(NAIVE);
  if (at == end) return at;
  const byte = <u32>load<u8>(at);
  if (byte == 0x2b || byte == 0x2d) return readOffset(at, end);
  setZoneOffset(0);
  return byte == 0x5a ? at + 1 : 0; // Z
}
