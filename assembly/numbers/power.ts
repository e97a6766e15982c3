// a ** b

import { productOverflows } from "./arithmetic";
import { isInt, misfit, realOf } from "./numeric";
import { Fault, intOf, isNumber, putFloat, putInt } from "../machine/value";

/**
 * a ** b: of integers an integer, unless b is below 0. A negative number to a fraction is complex in Python: a VALUE
 * fault here. Fractional powers are within one unit in the last place.
 */
export function power(result: usize, a: usize, b: usize): i32 {
  if (isInt(a) && isInt(b) && intOf(b) >= 0) return wholePower(result, intOf(a), intOf(b));
  if (!isNumber(a) || !isNumber(b)) return misfit(a, b);
  return realPower(result, realOf(a), realOf(b));
}

/** By squaring. @param exponent  at least 0 */
function wholePower(result: usize, base: i64, exponent: i64): i32 {
  let value: i64 = 1;
  if (base >= -1 && base <= 1) {
    value = exponent == 0 || base == 1 ? 1 : base == 0 ? 0 : exponent & 1 ? -1 : 1;
  } else {
    if (exponent > 63) return Fault.OVERFLOW;
    while (true) {
      if (exponent & 1) {
        if (productOverflows(value, base)) return Fault.OVERFLOW;
        value *= base;
      }
      exponent >>= 1;
      if (exponent == 0) break;
      if (productOverflows(base, base)) return Fault.OVERFLOW;
      base *= base;
    }
  }
  putInt(result, value);
  return 0;
}

/** Neither whole nor NaN. */
function isFraction(value: f64): bool {
  return value == value && floor(value) != value;
}

/** C's `pow`, in whose special cases CPython follows C99, and Python's errors. */
function realPower(result: usize, base: f64, exponent: f64): i32 {
  const isFinite = abs(base) < Infinity && abs(exponent) < Infinity; // and no NaN
  if (isFinite && base == 0 && exponent < 0) return Fault.ZERO_DIVISION;
  if (isFinite && base < 0 && isFraction(exponent)) return Fault.VALUE;
  let value: f64;
  if (exponent == 0 || base == 1) value = 1;
  else if (base == -1 && abs(exponent) == Infinity) value = 1;
  else if (base == -Infinity && isFraction(exponent)) value = exponent < 0 ? 0 : Infinity;
  else value = NativeMath.pow(base, exponent);
  if (isFinite && abs(value) == Infinity) return Fault.OVERFLOW;
  putFloat(result, value);
  return 0;
}
