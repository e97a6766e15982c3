// Operators on values of any kind: who is responsible for which pair.

import { absolute, add, compareNumbers, divide, floorDivide, multiply, negate, positive, power, remainder, subtract } from "../numbers/arithmetic";
import { concatLists, repeatList, setOperation } from "../collections/collection";
import { equals, isIn, lessThan } from "../collections/compare";
import {
  absoluteTime,
  addTimes,
  divideTimes,
  floorDivideTimes,
  multiplyTimes,
  negateTime,
  remainderTimes,
  subtractTimes,
} from "../time/datetime";
import { concat, repeat } from "../text/string";
import { Fault, Tag, copyCell, intOf, isNumber, putBool, putInt, tagOf } from "./value";

/** Numbers of the operators, in the order of `BINARY` in `runtime/spec/opcode.ts`. */
export namespace Operator {
  export const ADD: u32 = 0;
  export const SUBTRACT: u32 = 1;
  export const MULTIPLY: u32 = 2;
  export const DIVIDE: u32 = 3;
  export const FLOOR_DIVIDE: u32 = 4;
  export const REMAINDER: u32 = 5;
  export const POWER: u32 = 6;
  export const OR: u32 = 7;
  export const AND: u32 = 8;
  export const XOR: u32 = 9;
}

/** Numbers of the comparisons, in the order of `COMPARISONS` in `runtime/spec/opcode.ts`. */
export namespace Comparison {
  export const EQUAL: u32 = 0;
  export const UNEQUAL: u32 = 1;
  export const LESS: u32 = 2;
  export const LESS_EQUAL: u32 = 3;
  export const GREATER: u32 = 4;
  export const GREATER_EQUAL: u32 = 5;
  export const IN: u32 = 6;
  export const NOT_IN: u32 = 7;
  export const IS: u32 = 8;
  export const IS_NOT: u32 = 9;
}

export function operate(operator: u32, result: usize, a: usize, b: usize): i32 {
  if (isNumeric(a) && isNumeric(b)) return onNumbers(operator, result, a, b);
  if (isTime(a) || isTime(b)) return onTimes(operator, result, a, b);
  const left = tagOf(a);
  const right = tagOf(b);
  if (operator == Operator.ADD) {
    if (left == Tag.TEXT && right == Tag.TEXT) return concat(result, a, b);
    if (left == right && (left == Tag.LIST || left == Tag.TUPLE)) return concatLists(result, a, b);
    return Fault.TYPE;
  }
  if (operator == Operator.MULTIPLY) {
    if (isCount(b)) return times(result, a, intOf(b));
    if (isCount(a)) return times(result, b, intOf(a));
    return Fault.TYPE;
  }
  if (left == Tag.SET && right == Tag.SET) return setOperation(operator, result, a, b);
  if (left == Tag.MAP && right == Tag.MAP && operator == Operator.OR) return setOperation(operator, result, a, b);
  return Fault.TYPE;
}

function onNumbers(operator: u32, result: usize, a: usize, b: usize): i32 {
  switch (operator) {
    case Operator.ADD:
      return add(result, a, b);
    case Operator.SUBTRACT:
      return subtract(result, a, b);
    case Operator.MULTIPLY:
      return multiply(result, a, b);
    case Operator.DIVIDE:
      return divide(result, a, b);
    case Operator.FLOOR_DIVIDE:
      return floorDivide(result, a, b);
    case Operator.REMAINDER:
      return remainder(result, a, b);
    case Operator.POWER:
      return power(result, a, b);
    default:
      return bitwise(operator, result, a, b);
  }
}

function bitwise(operator: u32, result: usize, a: usize, b: usize): i32 {
  if (!isCount(a) || !isCount(b)) return Fault.TYPE;
  const left = intOf(a);
  const right = intOf(b);
  const value = operator == Operator.OR ? left | right : operator == Operator.AND ? left & right : left ^ right;
  if (tagOf(a) == Tag.BOOL && tagOf(b) == Tag.BOOL) putBool(result, value != 0);
  else putInt(result, value);
  return 0;
}

function onTimes(operator: u32, result: usize, a: usize, b: usize): i32 {
  switch (operator) {
    case Operator.ADD:
      return addTimes(result, a, b);
    case Operator.SUBTRACT:
      return subtractTimes(result, a, b);
    case Operator.MULTIPLY:
      return multiplyTimes(result, a, b);
    case Operator.DIVIDE:
      return divideTimes(result, a, b);
    case Operator.FLOOR_DIVIDE:
      return floorDivideTimes(result, a, b);
    case Operator.REMAINDER:
      return remainderTimes(result, a, b);
    default:
      return Fault.TYPE;
  }
}

function times(result: usize, cell: usize, count: i64): i32 {
  const tag = tagOf(cell);
  const n = <i32>max<i64>(0, min<i64>(count, i32.MAX_VALUE));
  if (tag == Tag.TEXT) return repeat(result, cell, n);
  if (tag == Tag.LIST || tag == Tag.TUPLE) return repeatList(result, cell, n);
  return Fault.TYPE;
}

export function negated(result: usize, a: usize): i32 {
  return tagOf(a) == Tag.TIMEDELTA ? negateTime(result, a) : negate(result, a);
}

export function affirmed(result: usize, a: usize): i32 {
  if (tagOf(a) != Tag.TIMEDELTA) return positive(result, a);
  copyCell(result, a);
  return 0;
}

export function magnitude(result: usize, a: usize): i32 {
  return tagOf(a) == Tag.TIMEDELTA ? absoluteTime(result, a) : absolute(result, a);
}

let answer: usize = memory.data(16, 16);

/** @returns 0 or 1, or a fault below 0 */
export function compare(comparison: u32, a: usize, b: usize): i32 {
  switch (comparison) {
    case Comparison.EQUAL:
      return i32(equals(a, b));
    case Comparison.UNEQUAL:
      return i32(!equals(a, b));
    case Comparison.LESS:
      return lessThan(a, b);
    case Comparison.GREATER:
      return lessThan(b, a);
    case Comparison.LESS_EQUAL:
      return atMost(a, b);
    case Comparison.GREATER_EQUAL:
      return atMost(b, a);
    case Comparison.IS:
      return i32(isSame(a, b));
    case Comparison.IS_NOT:
      return i32(!isSame(a, b));
    default: {
      const fault = isIn(answer, a, b);
      if (fault != 0) return -fault;
      return i32((intOf(answer) != 0) == (comparison == Comparison.IN));
    }
  }
}

/** `a <= b`; with NaN neither that nor the opposite of `b < a` holds. */
function atMost(a: usize, b: usize): i32 {
  if (isNumeric(a) && isNumeric(b)) {
    const order = compareNumbers(a, b);
    return i32(order <= 0);
  }
  const less = lessThan(a, b);
  if (less != 0) return less;
  return i32(equals(a, b));
}

/** Identity, as far as it can be told of values: of None, True and False; else the same kind and value. */
function isSame(a: usize, b: usize): bool {
  return tagOf(a) == tagOf(b) && equals(a, b);
}

// @ts-ignore: decorator
@inline
function isNumeric(cell: usize): bool {
  return isNumber(cell) || tagOf(cell) == Tag.BIG;
}

// @ts-ignore: decorator
@inline
function isTime(cell: usize): bool {
  return tagOf(cell) - Tag.DATETIME <= Tag.TIMEDELTA - Tag.DATETIME;
}

// @ts-ignore: decorator
@inline
function isCount(cell: usize): bool {
  return tagOf(cell) - Tag.BOOL <= Tag.INT - Tag.BOOL;
}
