// Arithmetic on INT, BOOL and FLOAT with Python's meaning: booleans count as integers, an integer meets a float as the
// nearest double, `/` gives a float, `//` and `%` round down. Integers have 64 bits; what is beyond is an OVERFLOW.

import { isInt, magnitudeOf, misfit, realOf } from "./numeric";
import { Fault, Tag, copyCell, floatOf, intOf, isNumber, putFloat, putInt, tagOf } from "../machine/value";
import { mulHigh } from "./wide";

export { UNORDERED, compareNumbers } from "./order";
export { power } from "./power";
export { roundTo } from "./round";
export { toFloat, toInt } from "./to-number";

/** a + b */
export function add(result: usize, a: usize, b: usize): i32 {
  if (isInt(a) && isInt(b)) {
    const left = intOf(a);
    const right = intOf(b);
    const sum = left + right;
    if (((sum ^ left) & (sum ^ right)) < 0) return Fault.OVERFLOW;
    putInt(result, sum);
    return 0;
  }
  if (!isNumber(a) || !isNumber(b)) return misfit(a, b);
  putFloat(result, realOf(a) + realOf(b));
  return 0;
}

/** a - b */
export function subtract(result: usize, a: usize, b: usize): i32 {
  if (isInt(a) && isInt(b)) {
    const left = intOf(a);
    const right = intOf(b);
    const difference = left - right;
    if (((left ^ right) & (left ^ difference)) < 0) return Fault.OVERFLOW;
    putInt(result, difference);
    return 0;
  }
  if (!isNumber(a) || !isNumber(b)) return misfit(a, b);
  putFloat(result, realOf(a) - realOf(b));
  return 0;
}

/** a * b */
export function multiply(result: usize, a: usize, b: usize): i32 {
  if (isInt(a) && isInt(b)) {
    const left = intOf(a);
    const right = intOf(b);
    if (productOverflows(left, right)) return Fault.OVERFLOW;
    putInt(result, left * right);
    return 0;
  }
  if (!isNumber(a) || !isNumber(b)) return misfit(a, b);
  putFloat(result, realOf(a) * realOf(b));
  return 0;
}

/** Is a · b beyond 64 bits? */
export function productOverflows(a: i64, b: i64): bool {
  if (<i64>(<i32>a) == a && <i64>(<i32>b) == b) return false;
  const left = magnitudeOf(a);
  const right = magnitudeOf(b);
  const most = <u64>i64.MAX_VALUE + u64((a ^ b) < 0); // one more below 0 than above it
  return mulHigh(left, right) != 0 || left * right > most;
}

/** a / b: a float, for integers too the nearest to their exact quotient. */
export function divide(result: usize, a: usize, b: usize): i32 {
  if (!isNumber(a) || !isNumber(b)) return misfit(a, b);
  const divisor = realOf(b);
  if (divisor == 0) return Fault.ZERO_DIVISION;
  putFloat(result, isInt(a) && isInt(b) ? quotient(intOf(a), intOf(b)) : realOf(a) / divisor);
  return 0;
}

/** Up to it integers are exact as doubles. */
const EXACT_MAX: u64 = 1 << 53;

function quotient(a: i64, b: i64): f64 {
  let dividend = magnitudeOf(a);
  let divisor = magnitudeOf(b);
  if ((dividend <= EXACT_MAX && divisor <= EXACT_MAX) || dividend == 0) return <f64>a / <f64>b;

  // long division of both shifted to the top: 62 bits behind the point, and whether anything is left
  const scale = clz(divisor) - clz(dividend);
  dividend <<= clz(dividend);
  divisor <<= clz(divisor);
  let digits: u64 = 0;
  for (let bit = 0; bit < 63; bit++) {
    const isCarried = bit > 0 && dividend >> 63 != 0;
    if (bit > 0) dividend <<= 1;
    digits <<= 1;
    if (isCarried || dividend >= divisor) {
      dividend -= divisor;
      digits |= 1;
    }
  }
  if (dividend != 0) digits |= 1;
  const magnitude = <f64>digits * powerOfTwo(<i32>scale - 62);
  return (a ^ b) < 0 ? -magnitude : magnitude;
}

/** 2^exponent, for -1023 < exponent < 1024. */
function powerOfTwo(exponent: i32): f64 {
  return reinterpret<f64>(<u64>(exponent + 1023) << 52);
}

/** a // b */
export function floorDivide(result: usize, a: usize, b: usize): i32 {
  if (isInt(a) && isInt(b)) {
    const dividend = intOf(a);
    const divisor = intOf(b);
    if (divisor == 0) return Fault.ZERO_DIVISION;
    if (divisor == -1 && dividend == i64.MIN_VALUE) return Fault.OVERFLOW;
    const truncated = dividend / divisor;
    const isBelow = (dividend ^ divisor) < 0 && truncated * divisor != dividend;
    putInt(result, isBelow ? truncated - 1 : truncated);
    return 0;
  }
  if (!isNumber(a) || !isNumber(b)) return misfit(a, b);
  const divisor = realOf(b);
  if (divisor == 0) return Fault.ZERO_DIVISION;
  putFloat(result, floorQuotient(realOf(a), divisor));
  return 0;
}

/** As CPython finds it: from the exact remainder, for the quotient itself may be rounded up. */
function floorQuotient(dividend: f64, divisor: f64): f64 {
  const rest = NativeMath.mod(dividend, divisor);
  let exact = (dividend - rest) / divisor;
  if (rest != 0 && rest < 0 != divisor < 0) exact -= 1;
  if (exact == 0) return copysign<f64>(0, dividend / divisor);
  const whole = floor(exact);
  return exact - whole > 0.5 ? whole + 1 : whole;
}

/** a % b, with the sign of b. */
export function remainder(result: usize, a: usize, b: usize): i32 {
  if (isInt(a) && isInt(b)) {
    const divisor = intOf(b);
    if (divisor == 0) return Fault.ZERO_DIVISION;
    const rest = intOf(a) % divisor;
    putInt(result, rest != 0 && (rest ^ divisor) < 0 ? rest + divisor : rest);
    return 0;
  }
  if (!isNumber(a) || !isNumber(b)) return misfit(a, b);
  const divisor = realOf(b);
  if (divisor == 0) return Fault.ZERO_DIVISION;
  const rest = NativeMath.mod(realOf(a), divisor);
  if (rest == 0) putFloat(result, copysign<f64>(0, divisor));
  else putFloat(result, rest < 0 != divisor < 0 ? rest + divisor : rest);
  return 0;
}

/** -a */
export function negate(result: usize, a: usize): i32 {
  if (isInt(a)) {
    const value = intOf(a);
    if (value == i64.MIN_VALUE) return Fault.OVERFLOW;
    putInt(result, -value);
    return 0;
  }
  if (tagOf(a) != Tag.FLOAT) return misfit(a, a);
  putFloat(result, -floatOf(a));
  return 0;
}

/** +a: a boolean becomes an integer. */
export function positive(result: usize, a: usize): i32 {
  if (isInt(a)) putInt(result, intOf(a));
  else if (tagOf(a) == Tag.FLOAT) copyCell(result, a);
  else return misfit(a, a);
  return 0;
}

/** |a| */
export function absolute(result: usize, a: usize): i32 {
  if (isInt(a) && intOf(a) < 0) return negate(result, a);
  if (tagOf(a) != Tag.FLOAT) return positive(result, a);
  putFloat(result, abs(floatOf(a)));
  return 0;
}
