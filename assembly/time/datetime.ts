// Datetimes and dates: making them, their attributes and methods. The door to all that the machine knows of time.

import { argument, whole, wholeNumber } from "./argument";
import { Attribute, Method } from "../machine/builtins";
import { FIRST_DAY, dateOfDay, dateOfMonth, dayOf, isDate, monthOf, weekdayOf, yearOf } from "./calendar";
import { DAY, FIRST, HOUR, LAST, MINUTE, SECOND, dayOfWall, putWall, timeOfWall, wallOf } from "./clock";
import { temporary } from "../machine/heap";
import { strftime } from "./strftime";
import { TIME_TEXT_MAX, putClockOf, putDate, writeDate, writeDatetime } from "./time-text";
import { daysOfDelta, microsOfDelta, quotient, secondsOfDelta, totalSeconds } from "./timedelta";
import { pointBytes } from "../text/utf8";
import {
  Fault,
  NAIVE,
  Tag,
  addressOf,
  floatOf,
  intOf,
  lengthOf,
  putFloat,
  putInt,
  putNone,
  putTagged,
  putText,
  tagOf,
} from "../machine/value";
import { putZone, zoneArgument, zoneOffset } from "./zone";

export { fromIso } from "./fromisoformat";
export { parseTime } from "./parse-time";
export { strftime } from "./strftime";
export { strptime } from "./strptime";
export { addTimes, compareTimes, equalTimes, subtractTimes } from "./time-arithmetic";
export {
  TIME_TEXT_MAX,
  writeDate,
  writeDatetime,
  writeIso,
  writeTimeRepr,
  writeTimedelta,
  writeZone,
} from "./time-text";
export {
  absoluteTime,
  divideTimes,
  floorDivideTimes,
  multiplyTimes,
  negateTime,
  remainderTimes,
  timedeltaOf,
} from "./timedelta";
export { zoneOf } from "./zone";

// Making

/** `datetime(year, month, day, hour, minute, second, microsecond, tzinfo)`. */
export function datetimeOf(result: usize, args: usize, count: i32): i32 {
  if (argument(args, count, 2) == 0) return Fault.TYPE;
  memory.fill(PARTS, 0, PARTS_BYTES);
  return putParts(result, args, count, <i32>NAIVE);
}

/** `date(year, month, day)`. */
export function dateOf(result: usize, args: usize, count: i32): i32 {
  if (argument(args, count, 2) == 0) return Fault.TYPE;
  memory.fill(PARTS, 0, PARTS_BYTES);
  return putDateParts(result, args, count);
}

/** i32 each: year, month, day, hour, minute, second, µs. */
const PARTS: usize = memory.data(28, 4);
const PARTS_BYTES: usize = 28;
const DATE_PARTS: i32 = 3;
const TIME_PARTS: i32 = 7;

function part(index: i32): i32 {
  return load<i32>(PARTS + (<usize>index << 2));
}

/** Overwrites the parts that were given. @returns 0 or a Fault */
function readParts(args: usize, count: i32, most: i32): i32 {
  for (let index = 0; index < most; index++) {
    const cell = argument(args, count, index);
    if (cell == 0) continue;
    const fault = wholeNumber(cell);
    if (fault != 0) return fault;
    store<i32>(PARTS + (<usize>index << 2), whole);
  }
  return 0;
}

/** Puts the datetime of the parts, with those that were given. @param offset  unless a zone was given */
function putParts(result: usize, args: usize, count: i32, offset: i32): i32 {
  let fault = readParts(args, count, TIME_PARTS);
  if (fault != 0) return fault;
  const isTime = <u32>part(3) < 24 && <u32>part(4) < 60 && <u32>part(5) < 60 && <u32>part(6) < 1_000_000;
  const zone = argument(args, count, TIME_PARTS);
  if (!isDate(part(0), part(1), part(2)) || !isTime) return Fault.VALUE;
  if (zone != 0) {
    fault = zoneArgument(zone);
    if (fault != 0) return fault;
    offset = zoneOffset;
  }
  const time = <i64>part(3) * HOUR + <i64>part(4) * MINUTE + <i64>part(5) * SECOND + part(6);
  putWall(result, <i64>dayOf(part(0), part(1), part(2)) * DAY + time, offset);
  return 0;
}

function putDateParts(result: usize, args: usize, count: i32): i32 {
  const fault = readParts(args, count, DATE_PARTS);
  if (fault != 0) return fault;
  if (!isDate(part(0), part(1), part(2))) return Fault.VALUE;
  putTagged(result, Tag.DATE, dayOf(part(0), part(1), part(2)));
  return 0;
}

// Timestamps

/** Seconds from 1970 to where C's years have more than 32 bits. Python's error there is an OSError: here an overflow. */
const GMTIME_MAX: i64 = 67_768_036_191_676_799;

/** `datetime.fromtimestamp(timestamp, tz)`. Without a zone the clock on the wall is UTC's: the core has no locale. */
export function fromTimestamp(result: usize, args: usize, count: i32): i32 {
  const zone = argument(args, count, 1);
  let offset = <i32>NAIVE;
  if (zone != 0) {
    const fault = zoneArgument(zone);
    if (fault != 0) return fault;
    offset = zoneOffset;
  }
  const fault = readTimestamp(args);
  if (fault != 0) return fault;
  const wall = offset == <i32>NAIVE ? instant : instant + <i64>offset * SECOND;
  if (wall < FIRST || wall > LAST) return Fault.OVERFLOW;
  putWall(result, wall, offset);
  return 0;
}

/** `datetime.utcfromtimestamp(timestamp)`: naive. */
export function utcFromTimestamp(result: usize, cell: usize): i32 {
  return fromTimestamp(result, cell, 1);
}

/** What `readTimestamp` read: µs since 1970, within the years that count. */
let instant: i64 = 0;

function readTimestamp(cell: usize): i32 {
  let seconds: i64 = 0;
  let micros: i64 = 0;
  const tag = tagOf(cell);
  if (tag == Tag.INT || tag == Tag.BOOL) {
    seconds = intOf(cell);
  } else if (tag == Tag.FLOAT) {
    const value = floatOf(cell);
    if (value != value) return Fault.VALUE;
    const floor = trunc(value);
    if (abs(floor) >= 9223372036854775808.0) return Fault.OVERFLOW;
    seconds = <i64>floor;
    micros = <i64>nearest((value - floor) * 1e6); // half to even
  } else {
    return tag == Tag.BIG ? Fault.OVERFLOW : Fault.TYPE;
  }
  if (seconds > GMTIME_MAX || seconds < -GMTIME_MAX) return Fault.OVERFLOW;
  if (seconds > LAST / SECOND + 1 || seconds < FIRST / SECOND - 1) return Fault.VALUE;
  instant = seconds * SECOND + micros;
  return instant < FIRST || instant > LAST ? Fault.VALUE : 0;
}

function putTimestamp(result: usize, cell: usize): i32 {
  if (lengthOf(cell) != <i32>NAIVE) return quotient(result, intOf(cell), SECOND);
  // Python rounds twice here
  const time = intOf(cell) - FIRST;
  const seconds = time / SECOND + FIRST / SECOND;
  putFloat(result, <f64>seconds + <f64>(time % SECOND) / 1e6);
  return 0;
}

// Attributes

export function datetimeAttribute(attribute: u32, result: usize, cell: usize): i32 {
  const tag = tagOf(cell);
  if (tag == Tag.TIMEDELTA) return timedeltaAttribute(attribute, result, cell);
  if (tag == Tag.DATE && attribute > Attribute.DAY) return Fault.ATTRIBUTE;
  if (tag == Tag.ZONE || attribute < Attribute.YEAR) return Fault.ATTRIBUTE;
  const wall = tag == Tag.DATE ? intOf(cell) * DAY : wallOf(cell);
  switch (attribute) {
    case Attribute.YEAR:
      putInt(result, yearOf(dateOfDay(dayOfWall(wall))));
      return 0;
    case Attribute.MONTH:
      putInt(result, monthOf(dateOfDay(dayOfWall(wall))));
      return 0;
    case Attribute.DAY:
      putInt(result, dateOfMonth(dateOfDay(dayOfWall(wall))));
      return 0;
    case Attribute.HOUR:
      putInt(result, timeOfWall(wall) / HOUR);
      return 0;
    case Attribute.MINUTE:
      putInt(result, (timeOfWall(wall) / MINUTE) % 60);
      return 0;
    case Attribute.SECOND:
      putInt(result, (timeOfWall(wall) / SECOND) % 60);
      return 0;
    case Attribute.MICROSECOND:
      putInt(result, timeOfWall(wall) % SECOND);
      return 0;
    case Attribute.TZINFO:
      if (lengthOf(cell) == <i32>NAIVE) putNone(result);
      else putZone(result, lengthOf(cell));
      return 0;
    default:
      return Fault.ATTRIBUTE;
  }
}

function timedeltaAttribute(attribute: u32, result: usize, cell: usize): i32 {
  switch (attribute) {
    case Attribute.DAYS:
      putInt(result, daysOfDelta(cell));
      return 0;
    case Attribute.SECONDS:
      putInt(result, secondsOfDelta(cell));
      return 0;
    case Attribute.MICROSECONDS:
      putInt(result, microsOfDelta(cell));
      return 0;
    default:
      return Fault.ATTRIBUTE;
  }
}

// Methods

/** A method of a DATETIME, DATE, TIMEDELTA or ZONE. */
export function datetimeMethod(method: u32, result: usize, cell: usize, args: usize, count: i32): i32 {
  switch (tagOf(cell)) {
    case Tag.DATETIME:
      return ofDatetime(method, result, cell, args, count);
    case Tag.DATE:
      return ofDate(method, result, cell, args, count);
    case Tag.TIMEDELTA:
      return method == Method.TOTAL_SECONDS ? totalSeconds(result, cell) : Fault.ATTRIBUTE;
    default:
      // Python's takes the datetime that it is asked for
      return method == Method.UTCOFFSET ? Fault.TYPE : Fault.ATTRIBUTE;
  }
}

function ofDatetime(method: u32, result: usize, cell: usize, args: usize, count: i32): i32 {
  switch (method) {
    case Method.DATE:
      putTagged(result, Tag.DATE, dayOfWall(wallOf(cell)));
      return 0;
    case Method.TIMESTAMP:
      return putTimestamp(result, cell);
    case Method.ISOFORMAT:
      return isoformat(result, cell, argument(args, count, 0));
    case Method.REPLACE:
      return replaced(result, cell, args, count);
    case Method.ASTIMEZONE:
      return inZone(result, cell, argument(args, count, 0));
    case Method.UTCOFFSET:
      if (lengthOf(cell) == <i32>NAIVE) putNone(result);
      else putTagged(result, Tag.TIMEDELTA, <i64>lengthOf(cell) * SECOND);
      return 0;
    default:
      return ofDay(method, result, cell, dayOfWall(wallOf(cell)), args);
  }
}

function ofDate(method: u32, result: usize, cell: usize, args: usize, count: i32): i32 {
  switch (method) {
    case Method.ISOFORMAT: {
      if (count > 0) return Fault.TYPE;
      const text = temporary(TIME_TEXT_MAX);
      putText(result, text, writeDate(cell, text));
      return 0;
    }
    case Method.REPLACE:
      for (let index = DATE_PARTS; index < count; index++) {
        if (argument(args, count, index) != 0) return Fault.TYPE;
      }
      takeApart(intOf(cell) * DAY);
      return putDateParts(result, args, count);
    default:
      return ofDay(method, result, cell, <i32>intOf(cell), args);
  }
}

/** What datetimes and dates have in common. */
function ofDay(method: u32, result: usize, cell: usize, day: i32, args: usize): i32 {
  switch (method) {
    case Method.STRFTIME:
      return strftime(result, cell, args);
    case Method.WEEKDAY:
      putInt(result, weekdayOf(day));
      return 0;
    case Method.ISOWEEKDAY:
      putInt(result, weekdayOf(day) + 1);
      return 0;
    case Method.TOORDINAL:
      putInt(result, day - FIRST_DAY + 1);
      return 0;
    default:
      return Fault.ATTRIBUTE;
  }
}

/** @param separator  one character; 0: left out, T */
function isoformat(result: usize, cell: usize, separator: usize): i32 {
  const text = temporary(TIME_TEXT_MAX);
  if (separator == 0) {
    putText(result, text, writeDatetime(cell, text, 0x54));
    return 0;
  }
  if (tagOf(separator) != Tag.TEXT || lengthOf(separator) == 0) return Fault.TYPE;
  const from = addressOf(separator);
  const bytes = <usize>lengthOf(separator);
  if (bytes != pointBytes(load<u8>(from))) return Fault.TYPE;
  const wall = wallOf(cell);
  const clock = putDate(text, dayOfWall(wall));
  memory.copy(clock, from, bytes);
  const end = putClockOf(clock + bytes, cell, wall);
  putText(result, text, <i32>(end - text));
  return 0;
}

function replaced(result: usize, cell: usize, args: usize, count: i32): i32 {
  takeApart(wallOf(cell));
  return putParts(result, args, count, lengthOf(cell));
}

/** Sets the parts to what a clock shows. */
function takeApart(wall: i64): void {
  const date = dateOfDay(dayOfWall(wall));
  const time = timeOfWall(wall);
  store<i32>(PARTS, yearOf(date));
  store<i32>(PARTS, monthOf(date), 4);
  store<i32>(PARTS, dateOfMonth(date), 8);
  store<i32>(PARTS, <i32>(time / HOUR), 12);
  store<i32>(PARTS, <i32>((time / MINUTE) % 60), 16);
  store<i32>(PARTS, <i32>((time / SECOND) % 60), 20);
  store<i32>(PARTS, <i32>(time % SECOND), 24);
}

/** The same instant by the clocks of a zone; of UTC when it is left out or None. A naive datetime is of UTC. */
function inZone(result: usize, cell: usize, zone: usize): i32 {
  let offset = 0;
  if (zone != 0 && tagOf(zone) != Tag.NONE) {
    const fault = zoneArgument(zone);
    if (fault != 0) return fault;
    offset = zoneOffset;
  }
  // of an aware datetime the payload is UTC's clock, and Python goes by way of it
  const instant = intOf(cell);
  const wall = instant + <i64>offset * SECOND;
  const isSame = lengthOf(cell) == offset;
  if (!isSame && (instant < FIRST || instant > LAST || wall < FIRST || wall > LAST)) return Fault.OVERFLOW;
  putWall(result, wall, offset);
  return 0;
}
