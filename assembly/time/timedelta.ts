// Durations: µs, 64 bits of them. Python's go on to a billion days; beyond 106,751,991 of them is an overflow here.

import { divide, floorDivide, remainder } from "../numbers/arithmetic";
import { argument } from "./argument";
import { DAY, HOUR, MINUTE, SECOND, daysOf } from "./clock";
import { divideByFloat, divideExactly, multiplyByFloat, multiplyExactly, scaled } from "./scale";
import { Fault, Tag, floatOf, intOf, putInt, putTagged, tagOf } from "../machine/value";

// Making

/** `timedelta(days, seconds, microseconds, milliseconds, minutes, hours, weeks)`. */
export function timedeltaOf(result: usize, args: usize, count: i32): i32 {
  sum = 0;
  fraction = 0;
  isTooLarge = false;
  // in Python's order, which decides what is wrong first
  let fault = addUnits(argument(args, count, 2), 1);
  if (fault == 0) fault = addUnits(argument(args, count, 3), 1000);
  if (fault == 0) fault = addUnits(argument(args, count, 1), SECOND);
  if (fault == 0) fault = addUnits(argument(args, count, 4), MINUTE);
  if (fault == 0) fault = addUnits(argument(args, count, 5), HOUR);
  if (fault == 0) fault = addUnits(argument(args, count, 0), DAY);
  if (fault == 0) fault = addUnits(argument(args, count, 6), 7 * DAY);
  if (fault == 0) fault = isTooLarge ? Fault.OVERFLOW : addToSum(wholeFraction());
  if (fault == 0) putTagged(result, Tag.TIMEDELTA, sum);
  return fault;
}

/** Whole µs so far. */
let sum: i64 = 0;
/** What the floats among the arguments had beside them, µs. */
let fraction: f64 = 0;
/** The sum is beyond 64 bits: told when all arguments have been looked at. */
let isTooLarge: bool = false;

/** @param cell  0: left out @param unit  µs */
function addUnits(cell: usize, unit: i64): i32 {
  if (cell == 0) return 0;
  switch (tagOf(cell)) {
    case Tag.INT:
    case Tag.BOOL:
      isTooLarge = isTooLarge || addProduct(intOf(cell), unit) != 0;
      return 0;
    case Tag.FLOAT:
      return addFloat(floatOf(cell), unit);
    case Tag.BIG:
      isTooLarge = true;
      return 0;
    default:
      return Fault.TYPE;
  }
}

function addFloat(value: f64, unit: i64): i32 {
  if (value != value) return Fault.VALUE;
  const whole = trunc(value);
  if (abs(whole) == Infinity) return Fault.OVERFLOW;
  if (abs(whole) >= 9223372036854775808.0 || addProduct(<i64>whole, unit) != 0) {
    isTooLarge = true;
    return 0;
  }
  const part = (value - whole) * <f64>unit;
  const micros = trunc(part);
  fraction += part - micros;
  isTooLarge = isTooLarge || addToSum(<i64>micros) != 0;
  return 0;
}

function addProduct(value: i64, unit: i64): i32 {
  const fault = multiplyExactly(value, unit);
  return fault != 0 ? fault : addToSum(scaled);
}

function addToSum(micros: i64): i32 {
  const total = sum + micros;
  if (((total ^ sum) & (total ^ micros)) < 0) return Fault.OVERFLOW;
  sum = total;
  return 0;
}

/** The fraction, rounded so that of two as near the sum becomes even. */
function wholeFraction(): i64 {
  const isTie = abs(fraction - trunc(fraction)) == 0.5;
  return <i64>(isTie && (sum & 1) != 0 ? nearest(fraction + 1) - 1 : nearest(fraction));
}

// Reading

export function daysOfDelta(cell: usize): i64 {
  return daysOf(intOf(cell));
}

/** Seconds beside the days, from 0. */
export function secondsOfDelta(cell: usize): i64 {
  return (intOf(cell) - daysOfDelta(cell) * DAY) / SECOND;
}

/** µs beside days and seconds, from 0. */
export function microsOfDelta(cell: usize): i64 {
  return (intOf(cell) - daysOfDelta(cell) * DAY) % SECOND;
}

export function totalSeconds(result: usize, cell: usize): i32 {
  return quotient(result, intOf(cell), SECOND);
}

/** The float nearest to a / b. */
export function quotient(result: usize, a: i64, b: i64): i32 {
  putInt(LEFT, a);
  putInt(RIGHT, b);
  return divide(result, LEFT, RIGHT);
}

/** Two cells. */
const LEFT: usize = memory.data(32, 16);
const RIGHT: usize = LEFT + 16;

// Arithmetic

export function negateTime(result: usize, cell: usize): i32 {
  if (tagOf(cell) != Tag.TIMEDELTA) return Fault.TYPE;
  if (intOf(cell) == i64.MIN_VALUE) return Fault.OVERFLOW;
  putTagged(result, Tag.TIMEDELTA, -intOf(cell));
  return 0;
}

export function absoluteTime(result: usize, cell: usize): i32 {
  if (tagOf(cell) != Tag.TIMEDELTA) return Fault.TYPE;
  if (intOf(cell) < 0) return negateTime(result, cell);
  putTagged(result, Tag.TIMEDELTA, intOf(cell));
  return 0;
}

/** a · b, one of them a number. */
export function multiplyTimes(result: usize, a: usize, b: usize): i32 {
  const delta = tagOf(a) == Tag.TIMEDELTA ? a : b;
  const factor = delta == a ? b : a;
  if (tagOf(delta) != Tag.TIMEDELTA) return Fault.TYPE;
  switch (tagOf(factor)) {
    case Tag.INT:
    case Tag.BOOL:
      return putScaled(result, multiplyExactly(intOf(delta), intOf(factor)));
    case Tag.FLOAT:
      return putScaled(result, multiplyByFloat(intOf(delta), floatOf(factor)));
    case Tag.BIG:
      return Fault.OVERFLOW;
    default:
      return Fault.TYPE;
  }
}

/** a / b: a duration by a number, or by another to a float. */
export function divideTimes(result: usize, a: usize, b: usize): i32 {
  if (tagOf(a) != Tag.TIMEDELTA) return Fault.TYPE;
  switch (tagOf(b)) {
    case Tag.TIMEDELTA:
      return quotient(result, intOf(a), intOf(b));
    case Tag.INT:
    case Tag.BOOL:
      return putScaled(result, divideExactly(intOf(a), intOf(b)));
    case Tag.FLOAT:
      return putScaled(result, divideByFloat(intOf(a), floatOf(b)));
    case Tag.BIG:
      return Fault.OVERFLOW;
    default:
      return Fault.TYPE;
  }
}

/** a // b: a duration by an integer, or by another to an integer. */
export function floorDivideTimes(result: usize, a: usize, b: usize): i32 {
  if (tagOf(a) != Tag.TIMEDELTA) return Fault.TYPE;
  const right = tagOf(b);
  if (right == Tag.BIG) return Fault.OVERFLOW;
  if (right != Tag.TIMEDELTA && right != Tag.INT && right != Tag.BOOL) return Fault.TYPE;
  putInt(LEFT, intOf(a));
  putInt(RIGHT, intOf(b));
  const fault = floorDivide(result, LEFT, RIGHT);
  if (fault == 0 && right != Tag.TIMEDELTA) putTagged(result, Tag.TIMEDELTA, intOf(result));
  return fault;
}

export function remainderTimes(result: usize, a: usize, b: usize): i32 {
  if (tagOf(a) != Tag.TIMEDELTA || tagOf(b) != Tag.TIMEDELTA) return Fault.TYPE;
  putInt(LEFT, intOf(a));
  putInt(RIGHT, intOf(b));
  const fault = remainder(result, LEFT, RIGHT);
  if (fault == 0) putTagged(result, Tag.TIMEDELTA, intOf(result));
  return fault;
}

function putScaled(result: usize, fault: i32): i32 {
  if (fault == 0) putTagged(result, Tag.TIMEDELTA, scaled);
  return fault;
}
