// `datetime.strptime`: reads a date and time in a format of the caller's, as Python does: numbers may be shorter than
// their width, so that `%H%M` reads `123`; letters match in either case; a space in the format is any number of them,
// but at least one, in the text.
//
// Python makes a regular expression of the format. Here the ways to read a directive are tried in the same order.

import { LONG, MONTHS, MONTHS_COUNT, SHORT, WEEKDAYS, WEEKDAYS_COUNT, nameAt, nameLength } from "./calendar-names";
import { LAST_DAY, YEAR_MAX, dateOfDay, dateOfMonth, dayOf, isDate, monthOf, yearOf } from "./calendar";
import { DAY, SECOND, putWall } from "./clock";
import { isDigit } from "../numbers/digits";
import { spend } from "../machine/heap";
import { isSpace } from "../text/unicode";
import { pointAt, pointBytes } from "../text/utf8";
import { Fault, NAIVE, Tag, addressOf, lengthOf, tagOf } from "../machine/value";

// What was found

let year: i32 = 0;
let month: i32 = 0;
let day: i32 = 0;
/** Below 1: not given. */
let ofYear: i32 = 0;
let hour: i32 = 0;
/** The hour is of twelve. */
let isTwelve: bool = false;
let isAfternoon: bool = false;
let minute: i32 = 0;
let second: i32 = 0;
let micros: i32 = 0;
/** Seconds east, NAIVE, or WRONG. */
let offset: i32 = 0;

/** Where an empty text is looked for: it may stand at 0, which means that nothing matches. */
const NOWHERE: usize = 16;

const YEAR_DEFAULT: i32 = 1900;

/** An offset that Python reads, and then refuses. */
const WRONG: i32 = 24 * 3600;

let textEnd: usize = 0;
let formatEnd: usize = 0;

export function strptime(result: usize, text: usize, format: usize): i32 {
  if (tagOf(text) != Tag.TEXT || tagOf(format) != Tag.TEXT) return Fault.TYPE;
  if (spend(lengthOf(text)) || spend(lengthOf(format))) return Fault.LIMIT;
  year = YEAR_DEFAULT;
  month = day = 1;
  ofYear = hour = minute = second = micros = 0;
  isTwelve = isAfternoon = false;
  offset = NAIVE;
  const start = lengthOf(text) == 0 ? NOWHERE : addressOf(text);
  textEnd = start + <usize>lengthOf(text);
  formatEnd = addressOf(format) + <usize>lengthOf(format);
  if (match(start, addressOf(format), 0) != textEnd) return Fault.VALUE;
  return put(result);
}

function put(result: usize): i32 {
  if (ofYear > 0) {
    // takes precedence over month and day, and may reach into the next year
    if (<u32>(year - 1) >= <u32>YEAR_MAX) return Fault.VALUE;
    const days = dayOf(year, 1, 1) + ofYear - 1;
    if (days > LAST_DAY) return Fault.VALUE;
    const date = dateOfDay(days);
    year = yearOf(date);
    month = monthOf(date);
    day = dateOfMonth(date);
  }
  if (isTwelve) hour = (hour % 12) + (isAfternoon ? 12 : 0);
  const isZone = offset == <i32>NAIVE || abs<i32>(offset) < WRONG;
  if (!isDate(year, month, day) || second > 59 || !isZone) return Fault.VALUE;
  const time = <i64>((hour * 60 + minute) * 60 + second) * SECOND + micros;
  putWall(result, <i64>dayOf(year, month, day) * DAY + time, offset);
  return 0;
}

// Matching. Addresses are behind what was matched, 0 when nothing does

/**
 * Matches the text from `at` on with the format from `format` on, which may leave some of the text.
 *
 * @param used  a bit for each directive before, by letter: none stands twice, which also bounds the ways to match
 */
function match(at: usize, format: usize, used: u64): usize {
  while (format < formatEnd) {
    const space = spaceBytes(format, formatEnd);
    if (space != 0) {
      // as many as there are: no directive gains from one left to it
      if (spaceBytes(at, textEnd) == 0) return 0;
      format = spaceEnd(format, formatEnd);
      at = spaceEnd(at, textEnd);
      continue;
    }
    let byte = <u32>load<u8>(format++);
    if (byte == 0x25) {
      if (format == formatEnd) return 0;
      byte = load<u8>(format++);
      if (byte != 0x25) {
        const bit = (<u64>1) << (byte & 63);
        return byte - 0x41 > 0x39 || (used & bit) != 0 ? 0 : directive(byte, at, format, used | bit);
      }
    }
    if (at == textEnd || !isSame(load<u8>(at), byte)) return 0;
    at++;
  }
  return at;
}

function directive(letter: u32, at: usize, format: usize, used: u64): usize {
  switch (letter) {
    case 0x59: // Y
      return number(letter, 4, 4, 0, 9999, at, format, used);
    case 0x79: // y
      return number(letter, 2, 2, 0, 99, at, format, used);
    case 0x6d: // m
    case 0x49: // I
      return number(letter, 1, 2, 1, 12, at, format, used);
    case 0x64: { // d: of one digit also with a space before it
      const end = number(letter, 1, 2, 1, 31, at, format, used);
      if (end != 0 || at == textEnd || load<u8>(at) != 0x20) return end;
      return number(letter, 1, 1, 1, 9, at + 1, format, used);
    }
    case 0x6a: // j
      return number(letter, 1, 3, 1, 366, at, format, used);
    case 0x48: // H
      return number(letter, 1, 2, 0, 23, at, format, used);
    case 0x4d: // M
      return number(letter, 1, 2, 0, 59, at, format, used);
    case 0x53: // S
      return number(letter, 1, 2, 0, 61, at, format, used);
    case 0x66: // f
      return number(letter, 1, 6, 0, 999_999, at, format, used);
    case 0x42: // B
      return name(MONTHS, MONTHS_COUNT, LONG, at, format, used);
    case 0x62: // b
      return name(MONTHS, MONTHS_COUNT, SHORT, at, format, used);
    case 0x41: // A
      return name(WEEKDAYS, WEEKDAYS_COUNT, LONG, at, format, used);
    case 0x61: // a
      return name(WEEKDAYS, WEEKDAYS_COUNT, SHORT, at, format, used);
    case 0x70: // p
      return halfOfDay(at, format, used);
    case 0x7a: // z
      return zone(at, format, used);
    default:
      return 0;
  }
}

/** A number of `least` to `most` digits between `low` and `high`, the longest first. */
function number(letter: u32, least: i32, most: i32, low: i32, high: i32, at: usize, format: usize, used: u64): usize {
  for (let digits = most; digits >= least; digits--) {
    const value = digitsAt(at, digits);
    if (value < low || value > high) continue;
    found(letter, value, digits);
    const end = match(at + <usize>digits, format, used);
    if (end != 0) return end;
  }
  return 0;
}

function found(letter: u32, value: i32, digits: i32): void {
  switch (letter) {
    case 0x59: // Y
      year = value;
      break;
    case 0x79: // y: POSIX's century
      year = value < 69 ? 2000 + value : 1900 + value;
      break;
    case 0x6d: // m
      month = value;
      break;
    case 0x64: // d
      day = value;
      break;
    case 0x6a: // j
      ofYear = value;
      break;
    case 0x48: // H
    case 0x49: // I
      hour = value;
      isTwelve = letter == 0x49;
      break;
    case 0x4d: // M
      minute = value;
      break;
    case 0x53: // S
      second = value;
      break;
    case 0x66: // f
      for (micros = value; digits < 6; digits++) micros *= 10;
      break;
  }
}

function name(names: usize, count: i32, most: i32, at: usize, format: usize, used: u64): usize {
  const index = nameAt(at, textEnd, names, count, most);
  if (index < 0) return 0;
  if (names == MONTHS) month = index + 1; // a weekday says nothing that the date does not
  return match(at + <usize>nameLength(names, index, most), format, used);
}

function halfOfDay(at: usize, format: usize, used: u64): usize {
  if (textEnd - at < 2 || !isSame(load<u8>(at, 1), 0x4d)) return 0;
  isAfternoon = isSame(load<u8>(at), 0x50);
  return isAfternoon || isSame(load<u8>(at), 0x41) ? match(at + 2, format, used) : 0;
}

/** `Z`, or hours and minutes behind a sign; seconds may follow, and a fraction of one that has to be 0. */
function zone(at: usize, format: usize, used: u64): usize {
  if (at == textEnd) return 0;
  const sign = <u32>load<u8>(at);
  if (sign == 0x5a) {
    offset = 0;
    return match(at + 1, format, used);
  }
  if (sign != 0x2b && sign != 0x2d) return 0;
  const hours = digitsAt(at + 1, 2);
  const colon = colonAt(at + 3);
  const minutes = digitsAt(at + 3 + colon, 2);
  if (hours < 0 || minutes < 0 || minutes > 59) return 0;
  const size = hours * 3600 + minutes * 60;

  at += 5 + colon;
  const secondColon = colonAt(at);
  const seconds = digitsAt(at + secondColon, 2);
  if (seconds >= 0 && seconds < 60) {
    const behind = at + secondColon + 2;
    const whole = colon != secondColon ? WRONG : sign == 0x2d ? -(size + seconds) : size + seconds;
    if (behind < textEnd && load<u8>(behind) == 0x2e) {
      for (let digits = 6; digits > 0; digits--) {
        const fraction = digitsAt(behind + 1, digits);
        if (fraction < 0) continue;
        offset = fraction != 0 ? WRONG : whole;
        const end = match(behind + 1 + <usize>digits, format, used);
        if (end != 0) return end;
      }
    }
    offset = whole;
    const end = match(behind, format, used);
    if (end != 0) return end;
  }
  offset = sign == 0x2d ? -size : size;
  return match(at, format, used);
}

/** The number that `count` digits at `at` make; below 0 when there are fewer. */
function digitsAt(at: usize, count: i32): i32 {
  if (at + <usize>count > textEnd) return -1;
  let value = 0;
  for (const end = at + <usize>count; at < end; at++) {
    const byte = <u32>load<u8>(at);
    if (!isDigit(byte)) return -1;
    value = value * 10 + (byte - 0x30);
  }
  return value;
}

function colonAt(at: usize): usize {
  return at < textEnd && load<u8>(at) == 0x3a ? 1 : 0;
}

/** The same byte, or the same letter in the other case. */
function isSame(a: u32, b: u32): bool {
  return a == b || ((a ^ b) == 0x20 && (a | 0x20) - 0x61 < 26);
}

function spaceEnd(at: usize, end: usize): usize {
  let bytes = spaceBytes(at, end);
  while (bytes != 0) {
    at += bytes;
    bytes = spaceBytes(at, end);
  }
  return at;
}

/** Bytes of the white space at `at`, 0 when there is none. */
function spaceBytes(at: usize, end: usize): usize {
  return at < end && isSpace(pointAt(at)) ? pointBytes(load<u8>(at)) : 0;
}
