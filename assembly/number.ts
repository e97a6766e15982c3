// Numbers of JSON: where one ends, and its value where that is exact without big arithmetic.

import { Expected, fail } from "./fault";

/** 10⁰ … 10²², the powers of ten that a double holds exactly. */
const POWERS: usize = memory.data<f64>([
  1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
]);

/** Digits that surely fit a u64. */
const DIGITS_MAX: i32 = 19;

/** Largest mantissa that is exact as a double. */
const MANTISSA_MAX: u64 = 1 << 53;

/** Behind the number that begins at `at`, or 0: -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)? */
export function numberEnd(at: usize): usize {
  if (load<u8>(at) == 0x2d) at++; // -
  if (load<u8>(at) == 0x30) {
    at++; // a leading 0 stands alone
  } else {
    at = digitsEnd(at);
    if (at == 0) return 0;
  }
  if (load<u8>(at) == 0x2e) { // .
    at = digitsEnd(at + 1);
    if (at == 0) return 0;
  }
  if ((load<u8>(at) | 0x20) == 0x65) { // e
    const sign = load<u8>(at, 1);
    at = digitsEnd(sign == 0x2b || sign == 0x2d ? at + 2 : at + 1);
  }
  return at;
}

/** Behind one or more digits, or 0. */
function digitsEnd(at: usize): usize {
  if (!isDigit(load<u8>(at))) return fail(at, Expected.DIGIT);
  do at++;
  while (isDigit(load<u8>(at)));
  return at;
}

function isDigit(byte: u32): bool {
  return byte - 0x30 < 10;
}

/**
 * The value of a well-formed number, correctly rounded; NaN where that takes more than one multiplication.
 * With a mantissa up to 2⁵³ and a power up to 10²² both operands are exact, so the one rounding is the right one
 * (Clinger, "How to read floating point numbers accurately", 1990). Prices, times, counts and coordinates all are such.
 */
export function numberValue(at: usize, length: i32): f64 {
  const end = at + length;
  const negative = load<u8>(at) == 0x2d;
  if (negative) at++;

  let mantissa: u64 = 0;
  let digits = 0;
  let scale = 0;
  let inFraction = false;
  for (; at < end; at++) {
    const byte = <u32>load<u8>(at);
    if (byte == 0x2e) {
      inFraction = true;
    } else if (isDigit(byte)) {
      mantissa = mantissa * 10 + (byte - 0x30);
      if (mantissa != 0 && ++digits > DIGITS_MAX) return NaN;
      if (inFraction) scale--;
    } else {
      break;
    }
  }
  if (at < end) {
    const exponent = exponentValue(at + 1, end);
    scale += exponent;
  }

  if (mantissa > MANTISSA_MAX || scale > 22 || scale < -22) return NaN;
  const magnitude = scale < 0 ? <f64>mantissa / power(-scale) : <f64>mantissa * power(scale);
  return negative ? -magnitude : magnitude;
}

function power(exponent: i32): f64 {
  return load<f64>(POWERS + (<usize>exponent << 3));
}

/** Held below a million: far outside of what a double reaches, far inside of what an i32 does. */
function exponentValue(at: usize, end: usize): i32 {
  const negative = load<u8>(at) == 0x2d;
  if (negative || load<u8>(at) == 0x2b) at++;
  let exponent = 0;
  for (; at < end; at++) exponent = min(exponent * 10 + (<i32>load<u8>(at) - 0x30), 1_000_000);
  return negative ? -exponent : exponent;
}
