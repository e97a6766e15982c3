// From doubles to the shortest decimal that is read back as the same double, of these the nearest to it: Schubfach
// (Giulietti, "The Schubfach way to render doubles", 2020). The names below are the paper's where it is closest to it:
// v = c · 2^q, and v lies between 10^k and 10^(k+1) divided by its digits.

import { binaryExponent, powerOfTen } from "./powers";
import { mulHigh } from "./wide";

const SIGN: u64 = 1 << 63;
const FRACTION: u64 = (1 << 52) - 1;
const IMPLICIT: u64 = 1 << 52;
/** Below it all whole doubles are exact with their digits written out. */
const WHOLE_MAX: f64 = 9007199254740992;

/** "00" … "99". */
const PAIRS: usize = memory.data<u8>([
  48, 48, 48, 49, 48, 50, 48, 51, 48, 52, 48, 53, 48, 54, 48, 55, 48, 56, 48, 57,
  49, 48, 49, 49, 49, 50, 49, 51, 49, 52, 49, 53, 49, 54, 49, 55, 49, 56, 49, 57,
  50, 48, 50, 49, 50, 50, 50, 51, 50, 52, 50, 53, 50, 54, 50, 55, 50, 56, 50, 57,
  51, 48, 51, 49, 51, 50, 51, 51, 51, 52, 51, 53, 51, 54, 51, 55, 51, 56, 51, 57,
  52, 48, 52, 49, 52, 50, 52, 51, 52, 52, 52, 53, 52, 54, 52, 55, 52, 56, 52, 57,
  53, 48, 53, 49, 53, 50, 53, 51, 53, 52, 53, 53, 53, 54, 53, 55, 53, 56, 53, 57,
  54, 48, 54, 49, 54, 50, 54, 51, 54, 52, 54, 53, 54, 54, 54, 55, 54, 56, 54, 57,
  55, 48, 55, 49, 55, 50, 55, 51, 55, 52, 55, 53, 55, 54, 55, 55, 55, 56, 55, 57,
  56, 48, 56, 49, 56, 50, 56, 51, 56, 52, 56, 53, 56, 54, 56, 55, 56, 56, 56, 57,
  57, 48, 57, 49, 57, 50, 57, 51, 57, 52, 57, 53, 57, 54, 57, 55, 57, 56, 57, 57,
]);

/**
 * Writes a double as Python's `repr` does: `40.0`, `1e-07`, `1e+16`, `nan`, `inf`.
 *
 * @param at  room for 32 bytes @returns bytes written
 */
export function printDouble(value: f64, at: usize): i32 {
  const start = at;
  if (isNaN(value)) {
    store<u32>(at, 0x6e616e); // nan
    return 3;
  }
  if (reinterpret<u64>(value) & SIGN) {
    store<u8>(at++, 0x2d);
    value = -value;
  }
  if (value == Infinity) {
    store<u32>(at, 0x666e69); // inf
    at += 3;
  } else if (value < WHOLE_MAX && Math.floor(value) == value) {
    at = putDigits(<u64>value, digitsOf(<u64>value), at);
    store<u16>(at, 0x302e); // .0
    at += 2;
  } else {
    at = putDecimal(shortest(value), decimalScale, at);
  }
  return <i32>(at - start);
}

/** Writes an integer. @returns bytes written, at most 20 */
export function printInt(value: i64, at: usize): i32 {
  const start = at;
  let magnitude = <u64>value;
  if (value < 0) {
    store<u8>(at++, 0x2d);
    magnitude = -magnitude;
  }
  at = putDigits(magnitude, digitsOf(magnitude), at);
  return <i32>(at - start);
}

/** digits · 10^scale, the digits' last not 0, with a point or an exponent. @returns behind it */
function putDecimal(digits: u64, scale: i32, at: usize): usize {
  const count = digitsOf(digits);
  const exponent = scale + count - 1; // of the first digit
  if (exponent < -4 || exponent >= 16) {
    // d.ddde±xx: the digits one place to the right, then the first back before the point
    const end = putDigits(digits, count, at + 1);
    store<u8>(at, load<u8>(at, 1));
    store<u8>(at, 0x2e, 1);
    return putExponent(exponent, count == 1 ? at + 1 : end);
  }
  if (exponent < 0) {
    store<u64>(at, 0x30303030302e30); // 0.00000
    return putDigits(digits, count, at + 1 - exponent);
  }
  if (scale >= 0) {
    at = putDigits(digits, count, at);
    for (; scale > 0; scale--) store<u8>(at++, 0x30);
    store<u16>(at, 0x302e);
    return at + 2;
  }
  const end = putDigits(digits, count, at + 1);
  const whole = exponent + 1;
  for (let i = 0; i < whole; i++, at++) store<u8>(at, load<u8>(at, 1));
  store<u8>(at, 0x2e);
  return end;
}

/** e±xx, e±xxx */
function putExponent(exponent: i32, at: usize): usize {
  store<u8>(at, 0x65);
  store<u8>(at, exponent < 0 ? 0x2d : 0x2b, 1);
  at += 2;
  const magnitude = <u32>abs(exponent);
  return putDigits(magnitude, magnitude < 100 ? 2 : 3, at);
}

/** Decimal digits of a number; 1 of 0. */
export function digitsOf(value: u64): i32 {
  if (value < 10) return 1;
  // 1233/4096 is log₁₀ 2, near enough for 64 bits
  const estimate = ((64 - <i32>clz(value)) * 1233) >> 12;
  return estimate + i32(value >= tenTo(estimate));
}

/** 10^exponent up to 10¹⁹. */
// @ts-ignore: decorator
@inline
export function tenTo(exponent: i32): u64 {
  return load<u64>(TENS + (<usize>exponent << 3));
}

const TENS: usize = memory.data<u64>([
  1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000,
  10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000,
  10000000000000000000,
]);

/** Writes the lowest `count` digits of a number. @returns behind them */
function putDigits(value: u64, count: i32, at: usize): usize {
  const end = at + count;
  let to = end;
  while (value > u32.MAX_VALUE) {
    const upper = value / 100000000;
    const lower = <u32>(value - upper * 100000000);
    const high = lower / 10000;
    const low = lower % 10000;
    to -= 8;
    putPair(high / 100, to);
    putPair(high % 100, to + 2);
    putPair(low / 100, to + 4);
    putPair(low % 100, to + 6);
    value = upper;
  }
  let rest = <u32>value;
  while (to >= at + 2) {
    to -= 2;
    putPair(rest % 100, to);
    rest /= 100;
  }
  if (to > at) store<u8>(at, 0x30 + rest);
  return end;
}

// @ts-ignore: decorator
@inline
function putPair(pair: u32, at: usize): void {
  store<u16>(at, load<u16>(PAIRS + (<usize>pair << 1)));
}

/** Power of ten of the last digit that `shortest` gave. */
export let decimalScale: i32 = 0;

/** The digits of the shortest decimal of a finite value above 0, without zeros at their end; see `decimalScale`. */
export function shortest(value: f64): u64 {
  const bits = reinterpret<u64>(value);
  const fraction = bits & FRACTION;
  const exponent = <i32>(bits >> 52);
  const c = exponent == 0 ? fraction : fraction | IMPLICIT;
  const q = max(exponent, 1) - 1075;
  // just above a power of two the doubles below are twice as close
  const isIrregular = fraction == 0 && exponent > 1;

  // ⌊log₁₀ 2^q⌋; of three quarters of it where the interval is that much smaller
  const k = (q * 1262611 - (isIrregular ? 524031 : 0)) >> 22;
  const power = powerOfTen(-k);
  // rounded up, so that what is odd below is so for sure
  const powerLow = load<u64>(power) + 1;
  const powerHigh = load<u64>(power, 8) + u64(powerLow == 0);
  const h = <u64>(q + binaryExponent(-k) + 1);

  // the interval of what is read as v, and v itself, in quarters of 10^k; its ends belong to it when c is even
  const isOdd = c & 1;
  const quarters = c << 2;
  const lower = roundToOdd(powerHigh, powerLow, (quarters - (isIrregular ? 1 : 2)) << h) + isOdd;
  const middle = roundToOdd(powerHigh, powerLow, quarters << h);
  const upper = roundToOdd(powerHigh, powerLow, (quarters + 2) << h) - isOdd;

  const s = middle >> 2;
  if (s >= 10) {
    const tens = s / 10;
    const down = 40 * tens;
    const isDownIn = lower <= down;
    const isUpIn = down + 40 <= upper;
    if (isDownIn != isUpIn) return withoutZeros(isUpIn ? tens + 1 : tens, k + 1);
  }
  const isDownIn = lower <= s << 2;
  const isUpIn = (s << 2) + 4 <= upper;
  if (isDownIn != isUpIn) return withoutZeros(isUpIn ? s + 1 : s, k);
  const half = (s << 2) + 2;
  return withoutZeros(middle > half || (middle == half && (s & 1) != 0) ? s + 1 : s, k);
}

/** ⌊power · factor / 2^128⌋, with the lowest bit set if anything was cut off. */
// @ts-ignore: decorator
@inline
function roundToOdd(powerHigh: u64, powerLow: u64, factor: u64): u64 {
  const carried = mulHigh(powerLow, factor);
  const low = powerHigh * factor + carried;
  const high = mulHigh(powerHigh, factor) + u64(low < carried);
  return high | u64(low > 1); // up to 1 may be what the power was rounded up by
}

/** Takes the zeros off their end, up to 15, and sets `decimalScale`. */
function withoutZeros(digits: u64, scale: i32): u64 {
  // written out, so that each divisor is a constant
  if (digits % 100000000 == 0) {
    digits /= 100000000;
    scale += 8;
  }
  if (digits % 10000 == 0) {
    digits /= 10000;
    scale += 4;
  }
  if (digits % 100 == 0) {
    digits /= 100;
    scale += 2;
  }
  if (digits % 10 == 0) {
    digits /= 10;
    scale += 1;
  }
  decimalScale = scale;
  return digits;
}
