// An integer of 64 bits, multiplied or divided by a number without losing a digit in between, rounded half to even.
// What does not fit is an overflow.

import { Fault } from "../machine/value";
import { mulHigh } from "../numbers/wide";

/** Result of the function that last returned 0. */
export let scaled: i64 = 0;

export function multiplyExactly(value: i64, factor: i64): i32 {
  const a = size(value);
  const b = size(factor);
  return mulHigh(a, b) == 0 ? signed(a * b, (value ^ factor) < 0) : Fault.OVERFLOW;
}

export function divideExactly(value: i64, divisor: i64): i32 {
  if (divisor == 0) return Fault.ZERO_DIVISION;
  const a = size(value);
  const b = size(divisor);
  return signed(rounded(a / b, a % b, b), (value ^ divisor) < 0);
}

export function multiplyByFloat(value: i64, factor: f64): i32 {
  const fault = takeApart(factor);
  if (fault != 0) return fault;
  // value · factor = product · 2^exponent, the product of less than 118 bits
  const low = size(value) * mantissa;
  const high = mulHigh(size(value), mantissa);
  const isNegative = value < 0 != factor < 0;
  if ((low | high) == 0) return signed(0, false);
  if (exponent >= 0) {
    return high == 0 && exponent < <i32>clz<u64>(low) ? signed(low << exponent, isNegative) : Fault.OVERFLOW;
  }
  const shift: u64 = -exponent;
  if (shift > 127) return signed(0, false);
  if (shift > 63) {
    const kept = shift == 64 ? high : high >> (shift - 64);
    const half = shift == 64 ? low >> 63 : (high >> (shift - 65)) & 1;
    const isMore = shift == 64 ? low << 1 : low | (high & (((<u64>1) << (shift - 65)) - 1));
    return signed(kept + (half & (kept | u64(isMore != 0))), isNegative);
  }
  if (high >> shift != 0) return Fault.OVERFLOW;
  const kept = (high << (64 - shift)) | (low >> shift);
  const half = (low >> (shift - 1)) & 1;
  const isMore = low & (((<u64>1) << (shift - 1)) - 1);
  return signed(kept + (half & (kept | u64(isMore != 0))), isNegative);
}

export function divideByFloat(value: i64, divisor: f64): i32 {
  if (divisor == 0) return Fault.ZERO_DIVISION;
  const fault = takeApart(divisor);
  if (fault != 0) return fault;
  const isNegative = value < 0 != divisor < 0;
  if (exponent > 0) {
    // beyond 64 bits the divisor is at least twice any value, and a tie goes to 0
    if (exponent > <i32>clz<u64>(mantissa)) return signed(0, false);
    mantissa <<= exponent;
    exponent = 0;
  }
  let quotient = size(value) / mantissa;
  let rest = size(value) % mantissa;
  // one binary digit of the quotient after the other: the mantissa has 53 bits when there are any to be found
  for (; exponent < 0 && (quotient | rest) != 0; exponent++) {
    if (quotient >> 62 != 0) return Fault.OVERFLOW;
    rest <<= 1;
    quotient <<= 1;
    if (rest >= mantissa) {
      rest -= mantissa;
      quotient |= 1;
    }
  }
  return signed(rounded(quotient, rest, mantissa), isNegative);
}

let mantissa: u64 = 0;
let exponent: i32 = 0;

/** |value| = mantissa · 2^exponent. @returns 0 or a Fault */
function takeApart(value: f64): i32 {
  if (value != value) return Fault.VALUE;
  const bits = reinterpret<u64>(value);
  const biased = <i32>((bits >> 52) & 0x7ff);
  if (biased == 0x7ff) return Fault.OVERFLOW;
  mantissa = bits & 0xfffffffffffff;
  if (biased != 0) mantissa |= (<u64>1) << 52;
  exponent = max(biased, 1) - 1075;
  return 0;
}

/** The quotient, or the next when the rest is more than half of the divisor, or half and the quotient odd. */
function rounded(quotient: u64, rest: u64, divisor: u64): u64 {
  const missing = divisor - rest;
  return rest > missing || (rest == missing && (quotient & 1) != 0) ? quotient + 1 : quotient;
}

function signed(value: u64, isNegative: bool): i32 {
  if (value > <u64>i64.MAX_VALUE) return Fault.OVERFLOW;
  scaled = isNegative ? -(<i64>value) : <i64>value;
  return 0;
}

function size(value: i64): u64 {
  return value < 0 ? <u64>-value : value;
}
