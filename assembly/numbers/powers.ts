// Powers of ten, to 128 bits: rounded down, the topmost bit set.
//
//   10^q = (high · 2^64 + low + d) · 2^(binaryExponent(q) - 127),  0 ≤ d < 1
//
// Entry, 16 bytes: +0 low u64, +8 high u64. The table is made when it is first needed, which takes less time than
// most events and none of the module's size.

import { NATURAL, divideNatural, multiplyAdd, setNatural, shiftLeft, topBits } from "./natural";

/** Below 10^-342 no number of 19 digits reaches the smallest double; above 10^308 they all are beyond the largest. */
export const POWER_MIN: i32 = -342;
export const POWER_MAX: i32 = 308;
/** The shortest form of the smallest double is found by way of 10^324. */
const LAST: i32 = 324;

const TABLE: usize = memory.data((LAST - POWER_MIN + 1) * 16, 16);
const scratch: usize = memory.data(NATURAL, 16);
let isMade: bool = false;

/** Bits of a number whose division by 5^342, 795 bits, leaves 128 and more. */
const DIVIDEND_BITS: i32 = 960;

/** Address of the entry of 10^exponent. */
// @ts-ignore: decorator
@inline
export function powerOfTen(exponent: i32): usize {
  if (!isMade) make();
  return entryOf(exponent);
}

// @ts-ignore: decorator
@inline
function entryOf(exponent: i32): usize {
  return TABLE + (<usize>(exponent - POWER_MIN) << 4);
}

/** ⌊log₂ 10^exponent⌋, right for |exponent| up to 1,233. */
// @ts-ignore: decorator
@inline
export function binaryExponent(exponent: i32): i32 {
  return (exponent * 1741647) >> 19;
}

function make(): void {
  isMade = true;
  setNatural(scratch, 1);
  for (let exponent = 0; exponent <= LAST; exponent++) {
    put(exponent);
    multiplyAdd(scratch, 5, 0);
  }
  setNatural(scratch, 1);
  shiftLeft(scratch, DIVIDEND_BITS);
  for (let exponent = -1; exponent >= POWER_MIN; exponent--) {
    divideNatural(scratch, 5); // dividing what was rounded down and rounding down again is as good as dividing at once
    put(exponent);
  }
}

function put(exponent: i32): void {
  const entry = entryOf(exponent);
  store<u64>(entry, topBits(scratch, 64));
  store<u64>(entry, topBits(scratch, 0), 8);
}
