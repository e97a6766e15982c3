// `strftime`: a date and time in a format of the caller's, as Python writes it without a locale on Linux.

import { LONG, MONTHS, SHORT, WEEKDAYS, putName } from "./calendar-names";
import { dateOfDay, dateOfMonth, dayOfYear, monthOf, weekdayOf, yearOf } from "./calendar";
import { DAY, SECOND, dayOfWall, timeOfWall, wallOf } from "./clock";
import { putNumber, putSix, putTwo } from "../numbers/digits";
import { TEXT_MAX, shrinkTemporary, spend, temporary } from "../machine/heap";
import { Fault, NAIVE, Tag, addressOf, intOf, lengthOf, putText, tagOf } from "../machine/value";
import { putOffset, putZoneName } from "./zone";

/** Bytes written for each of a directive's two: `%Z` is `UTC+23:59:59` at most. */
const GROWTH: usize = 6;

/** The DATETIME or DATE `cell` in a format. An unknown directive is Fault.VALUE. */
export function strftime(result: usize, cell: usize, format: usize): i32 {
  if (tagOf(format) != Tag.TEXT) return Fault.TYPE;
  const length = lengthOf(format);
  if (spend(length)) return Fault.LIMIT;
  const isDate = tagOf(cell) == Tag.DATE;
  const wall = isDate ? intOf(cell) * DAY : wallOf(cell);
  const offset = isDate ? <i32>NAIVE : lengthOf(cell);

  let at = addressOf(format);
  const end = at + <usize>length;
  const text = temporary(<usize>length * GROWTH);
  let to = text;
  while (at < end) {
    const byte = <u32>load<u8>(at++);
    if (byte != 0x25) {
      store<u8>(to++, byte);
    } else {
      to = at < end ? putDirective(to, load<u8>(at++), wall, offset) : 0;
      if (to == 0) return Fault.VALUE;
    }
  }
  shrinkTemporary(to);
  if (<i32>(to - text) > TEXT_MAX) return Fault.LIMIT;
  putText(result, text, <i32>(to - text));
  return 0;
}

/** Writes what the directive stands for. @returns address behind it, or 0 for an unknown one */
function putDirective(at: usize, letter: u32, wall: i64, offset: i32): usize {
  const day = dayOfWall(wall);
  const date = dateOfDay(day);
  const time = timeOfWall(wall);
  const seconds = <u32>(time / SECOND);
  const hour = seconds / 3600;
  const weekday = weekdayOf(day);
  const ofYear = dayOfYear(day, yearOf(date));
  switch (letter) {
    case 0x25: // %
      store<u8>(at, letter);
      return at + 1;
    case 0x41: // A
      return putName(at, WEEKDAYS, weekday, LONG);
    case 0x42: // B
      return putName(at, MONTHS, monthOf(date) - 1, LONG);
    case 0x48: // H
      return two(at, hour);
    case 0x49: // I
      return two(at, ((hour + 11) % 12) + 1);
    case 0x4d: // M
      return two(at, (seconds / 60) % 60);
    case 0x53: // S
      return two(at, seconds % 60);
    case 0x55: // U: weeks since the first Sunday
      return two(at, (ofYear + 6 - ((weekday + 1) % 7)) / 7);
    case 0x57: // W: weeks since the first Monday
      return two(at, (ofYear + 6 - weekday) / 7);
    case 0x59: // Y: not padded
      return putNumber(at, yearOf(date));
    case 0x5a: // Z
      return offset == <i32>NAIVE ? at : putZoneName(at, offset);
    case 0x61: // a
      return putName(at, WEEKDAYS, weekday, SHORT);
    case 0x62: // b
      return putName(at, MONTHS, monthOf(date) - 1, SHORT);
    case 0x64: // d
      return two(at, dateOfMonth(date));
    case 0x66: // f
      putSix(at, <u32>(time % SECOND));
      return at + 6;
    case 0x6a: // j
      store<u8>(at, 0x30 + ofYear / 100);
      return two(at + 1, ofYear % 100);
    case 0x6d: // m
      return two(at, monthOf(date));
    case 0x70: // p
      store<u16>(at, hour < 12 ? 0x4d41 : 0x4d50); // AM, PM
      return at + 2;
    case 0x77: // w: 0 is Sunday
      store<u8>(at, 0x30 + ((weekday + 1) % 7));
      return at + 1;
    case 0x79: // y
      return two(at, yearOf(date) % 100);
    case 0x7a: // z
      return offset == <i32>NAIVE ? at : putOffset(at, offset, 0);
    default:
      return 0;
  }
}

function two(at: usize, value: u32): usize {
  putTwo(at, value);
  return at + 2;
}
