// From decimal text to the nearest double, ties to even.
//
// Three ways, each for what the one before can't decide:
//   1. one multiplication or division of two exact doubles (Clinger, "How to read floating point numbers accurately",
//      1990): prices, times, counts and coordinates;
//   2. 64 bits of digits by 128 bits of a power of ten (after Lemire, "Number parsing at a gigabyte per second", 2021);
//   3. natural numbers of any size that is needed.

import { NATURAL, compareNaturals, multiplyAdd, multiplyByFives, setNatural, shiftLeft } from "./natural";
import { POWER_MAX, POWER_MIN, binaryExponent, powerOfTen } from "./powers";
import { mulHigh } from "./wide";

/** 10⁰ … 10²², the powers of ten that a double holds exactly. */
const POWERS: usize = memory.data<f64>([
  1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
]);
const EXACT_POWER_MAX: i32 = 22;

/** Largest mantissa that is exact as a double. */
const MANTISSA_MAX: u64 = 1 << 53;

/** Digits that surely fit a u64. */
const DIGITS_MAX: i32 = 19;

/** Between any two neighbours among doubles the middle has at most 767 digits; what comes later only breaks ties. */
const DECIDING_DIGITS: i32 = 769;

/** Beyond all that any number of digits makes up for. */
const EXPONENT_MAX: i64 = 1 << 40;

const INFINITE: u64 = 0x7ff0000000000000;

/**
 * The value of `[+-]?(digits[.digits?]?|.digits)([eE][+-]?digits)?`, which is not checked: the double nearest to it,
 * Infinity beyond the largest.
 */
export function parseDouble(at: usize, length: i32): f64 {
  const end = at + length;
  const sign = <u32>load<u8>(at);
  if (sign == 0x2d || sign == 0x2b) at++;
  while (at < end && load<u8>(at) == 0x30) at++;

  const first = at;
  let mantissa: u64 = 0;
  let digit = at < end ? <u32>load<u8>(at) - 0x30 : 10;
  while (digit < 10) {
    mantissa = mantissa * 10 + digit;
    at++;
    digit = at < end ? <u32>load<u8>(at) - 0x30 : 10;
  }
  let digits = <i32>(at - first);
  let scale: i64 = 0;
  if (digit == 0x2e - 0x30 && at < end) {
    const from = ++at;
    if (digits == 0) while (at < end && load<u8>(at) == 0x30) at++;
    const significant = at;
    digit = at < end ? <u32>load<u8>(at) - 0x30 : 10;
    while (digit < 10) {
      mantissa = mantissa * 10 + digit;
      at++;
      digit = at < end ? <u32>load<u8>(at) - 0x30 : 10;
    }
    digits += <i32>(at - significant);
    scale = -<i64>(at - from);
  }
  if (at < end) scale += exponentValue(at + 1, end);

  let magnitude: f64;
  if (digits > DIGITS_MAX) magnitude = ofManyDigits(first, end, scale);
  else magnitude = fromDecimal(mantissa, scale);
  return sign == 0x2d ? -magnitude : magnitude;
}

/** Held below EXPONENT_MAX. */
function exponentValue(at: usize, end: usize): i64 {
  const sign = <u32>load<u8>(at);
  if (sign == 0x2d || sign == 0x2b) at++;
  let exponent: i64 = 0;
  for (; at < end; at++) exponent = min<i64>(exponent * 10 + (<i64>load<u8>(at) - 0x30), EXPONENT_MAX);
  return sign == 0x2d ? -exponent : exponent;
}

/** The double nearest to digits · 10^scale. */
export function fromDecimal(digits: u64, scale: i64): f64 {
  if (digits <= MANTISSA_MAX && scale <= EXACT_POWER_MAX && scale >= -EXACT_POWER_MAX) {
    const value = <f64>digits;
    return scale < 0 ? value / exactPower(-<i32>scale) : value * exactPower(<i32>scale);
  }
  const nearest = byPower(digits, scale);
  if (!isNaN(nearest)) return nearest;
  setNatural(decimal, digits);
  return byNaturals(<i32>scale);
}

function exactPower(exponent: i32): f64 {
  return load<f64>(POWERS + (<usize>exponent << 3));
}

/** As bits: the double below what `byPower` left open. */
let below: u64 = 0;

/**
 * The double nearest to digits · 10^scale, or NaN where the 128 bits of the power leave that open; then one of the two
 * neighbours that it may be is left in `below`.
 */
function byPower(digits: u64, scale: i64): f64 {
  if (digits == 0 || scale < POWER_MIN) return 0;
  if (scale > POWER_MAX) return Infinity;

  // digits · power = high, middle, low, and above it by less than `digits` where the power was rounded down
  const exponent = <i32>scale;
  const power = powerOfTen(exponent);
  const powerHigh = load<u64>(power, 8);
  const powerLow = load<u64>(power);
  const lead = <i32>clz<u64>(digits);
  digits <<= lead;
  let low = digits * powerLow;
  let middle = digits * powerHigh;
  const carry = mulHigh(digits, powerLow);
  let high = mulHigh(digits, powerHigh);
  middle += carry;
  if (middle < carry) high++;
  let binary = binaryExponent(exponent) + 64 - lead;
  if (high >> 63 == 0) {
    high = (high << 1) | (middle >> 63);
    middle = (middle << 1) | (low >> 63);
    low <<= 1;
    binary--;
  }

  if (binary > 1023) return Infinity;
  const isSubnormal = binary < -1022;
  const bits = isSubnormal ? 53 + (binary + 1022) : 53; // that fit
  let mantissa = bits <= 0 ? 0 : high >> <u64>(64 - bits);
  if (!isSubnormal) mantissa += <u64>(binary + 1022) << 52;
  const isExact = exponent >= 0 && exponent <= 55; // 5^55 has 128 bits
  if (!isExact && middle >= <u64>-2) {
    below = mantissa; // what was rounded off the power may carry
    return NaN;
  }
  if (bits < 0) return 0;
  const rest = high << <u64>bits;
  const half: u64 = 1 << 63;
  const isTie = rest == half && (middle | low) == 0 && isExact;
  if (isTie ? (mantissa & 1) != 0 : rest >= half) mantissa++;
  return reinterpret<f64>(mantissa);
}

/** @param at  the first digit that isn't 0 @param scale  power of ten of the last digit */
function ofManyDigits(at: usize, end: usize, scale: i64): f64 {
  let mantissa: u64 = 0;
  let taken = 0;
  let left = 0;
  for (let from = at; from < end; from++) {
    const digit = <u32>load<u8>(from) - 0x30;
    if (digit > 9) {
      if (digit == 0x2e - 0x30) continue;
      break;
    }
    if (taken == 0 && digit == 0) continue; // 0.00…
    if (taken < DIGITS_MAX) {
      mantissa = mantissa * 10 + digit;
      taken++;
    } else {
      left++;
    }
  }
  const lower = byPower(mantissa, scale + left);
  if (!isNaN(lower) && lower == byPower(mantissa + 1, scale + left)) return lower;
  if (!isNaN(lower)) below = reinterpret<u64>(lower);

  setNatural(decimal, 0);
  taken = 0;
  left = 0;
  let isMore = false;
  for (let from = at; from < end; from++) {
    const digit = <u32>load<u8>(from) - 0x30;
    if (digit > 9) {
      if (digit == 0x2e - 0x30) continue;
      break;
    }
    if (taken == 0 && digit == 0) continue;
    if (taken < DECIDING_DIGITS) {
      multiplyAdd(decimal, 10, digit);
      taken++;
    } else {
      left++;
      if (digit != 0) isMore = true;
    }
  }
  if (isMore) {
    multiplyAdd(decimal, 10, 1);
    left--;
  }
  return byNaturals(<i32>(scale + left));
}

/** digits of the number in question, as a natural number; changed by comparing. */
const decimal: usize = memory.data(NATURAL, 16);
const scaled: usize = memory.data(NATURAL, 16);
const middleOf: usize = memory.data(NATURAL, 16);

/** The double nearest to decimal · 10^scale, which is `below` or not far from it. */
function byNaturals(scale: i32): f64 {
  let bits = below;
  while (bits < INFINITE) {
    const order = compareWithMiddle(scale, bits);
    if (order < 0 || (order == 0 && (bits & 1) == 0)) break;
    bits++;
  }
  while (bits > 0) {
    const order = compareWithMiddle(scale, bits - 1);
    if (order > 0 || (order == 0 && (bits & 1) == 0)) break;
    bits--;
  }
  return reinterpret<f64>(bits);
}

/** Compares decimal · 10^scale with the middle between the double of these bits and the next one. */
function compareWithMiddle(scale: i32, bits: u64): i32 {
  const exponent = <i32>(bits >> 52);
  const fraction = bits & 0xfffffffffffff;
  const mantissa = exponent == 0 ? fraction : fraction | (1 << 52);
  setNatural(middleOf, 2 * mantissa + 1);
  return compareScaled(scale, max(exponent, 1) - 1076);
}

/** Compares decimal · 10^scale with middleOf · 2^binary, which is changed. */
function compareScaled(scale: i32, binary: i32): i32 {
  memory.copy(scaled, decimal, <usize>NATURAL);
  if (scale < 0) multiplyByFives(middleOf, -scale);
  else multiplyByFives(scaled, scale);
  if (scale < binary) shiftLeft(middleOf, binary - scale);
  else shiftLeft(scaled, scale - binary);
  return compareNaturals(scaled, middleOf);
}

/** -1, 0 or 1 as digits · 10^scale is below, equal to or above a finite value that is near to it, and above 0. */
export function compareDecimal(digits: u64, scale: i32, value: f64): i32 {
  setNatural(decimal, digits);
  return compareWith(scale, value);
}

/** Digits before the point of the largest double. */
const WHOLE_DIGITS_MAX: i32 = 309;

/** The same for a natural number of any length that begins with no 0, and any finite value above 0. */
export function compareDigits(at: usize, length: i32, value: f64): i32 {
  if (length > WHOLE_DIGITS_MAX) return 1;
  setNatural(decimal, 0);
  for (const end = at + length; at < end; at++) multiplyAdd(decimal, 10, <u32>load<u8>(at) - 0x30);
  return compareWith(0, value);
}

function compareWith(scale: i32, value: f64): i32 {
  const bits = reinterpret<u64>(value);
  const exponent = <i32>(bits >> 52);
  const fraction = bits & 0xfffffffffffff;
  setNatural(middleOf, exponent == 0 ? fraction : fraction | (1 << 52));
  return compareScaled(scale, max(exponent, 1) - 1075);
}
