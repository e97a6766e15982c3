// Sums, differences and order of datetimes, dates, durations and zones.

import { FIRST_DAY, LAST_DAY } from "./calendar";
import { DAY, FIRST, LAST, daysOf, putWall, wallOf } from "./clock";
import { Fault, NAIVE, Tag, intOf, lengthOf, putTagged, tagOf } from "../machine/value";

export function addTimes(result: usize, a: usize, b: usize): i32 {
  if (tagOf(b) == Tag.TIMEDELTA) {
    if (tagOf(a) == Tag.TIMEDELTA) return addDurations(result, intOf(a), intOf(b));
    return move(result, a, intOf(b), daysOf(intOf(b)));
  }
  return tagOf(a) == Tag.TIMEDELTA ? move(result, b, intOf(a), daysOf(intOf(a))) : Fault.TYPE;
}

export function subtractTimes(result: usize, a: usize, b: usize): i32 {
  const left = tagOf(a);
  if (tagOf(b) == Tag.TIMEDELTA) {
    const micros = intOf(b);
    if (micros == i64.MIN_VALUE) return Fault.OVERFLOW;
    if (left == Tag.TIMEDELTA) return addDurations(result, intOf(a), -micros);
    return move(result, a, -micros, -daysOf(micros));
  }
  if (left != tagOf(b) || (left != Tag.DATETIME && left != Tag.DATE)) return Fault.TYPE;
  if (left == Tag.DATETIME && isNaive(a) != isNaive(b)) return Fault.TYPE;
  putTagged(result, Tag.TIMEDELTA, (intOf(a) - intOf(b)) * (left == Tag.DATE ? DAY : 1));
  return 0;
}

function addDurations(result: usize, a: i64, b: i64): i32 {
  const sum = a + b;
  if (((sum ^ a) & (sum ^ b)) < 0) return Fault.OVERFLOW;
  putTagged(result, Tag.TIMEDELTA, sum);
  return 0;
}

/** A datetime later by `micros`, or a date later by `days`. */
function move(result: usize, cell: usize, micros: i64, days: i64): i32 {
  if (tagOf(cell) == Tag.DATETIME) {
    const wall = wallOf(cell);
    if (micros > LAST - wall || micros < FIRST - wall) return Fault.OVERFLOW;
    putWall(result, wall + micros, lengthOf(cell));
    return 0;
  }
  if (tagOf(cell) != Tag.DATE) return Fault.TYPE;
  const day = intOf(cell) + days;
  if (day < FIRST_DAY || day > LAST_DAY) return Fault.OVERFLOW;
  putTagged(result, Tag.DATE, day);
  return 0;
}

function isNaive(cell: usize): bool {
  return lengthOf(cell) == <i32>NAIVE;
}

/** @returns -1, 0, 1 or, where Python has no order, 2 */
export function compareTimes(a: usize, b: usize): i32 {
  const tag = tagOf(a);
  if (tag != tagOf(b) || tag == Tag.ZONE) return 2;
  if (tag == Tag.DATETIME && isNaive(a) != isNaive(b)) return 2;
  return i32(intOf(a) > intOf(b)) - i32(intOf(a) < intOf(b));
}

export function equalTimes(a: usize, b: usize): bool {
  const tag = tagOf(a);
  if (tag != tagOf(b)) return false;
  if (tag == Tag.ZONE) return lengthOf(a) == lengthOf(b);
  if (tag == Tag.DATETIME && isNaive(a) != isNaive(b)) return false;
  return intOf(a) == intOf(b);
}
