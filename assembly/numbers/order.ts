// The order of numbers, exact where an integer meets a float: 2**53 + 1 is above 2.0**53.

import { compareDigits } from "./float-from-text";
import { isInt } from "./numeric";
import { Tag, addressOf, floatOf, intOf, lengthOf, tagOf } from "../machine/value";

/** What `compareNumbers` gives when one of both is NaN. */
export const UNORDERED: i32 = 3;

const TWO_63: f64 = 9.223372036854775808e18;

/** -1, 0 or 1 as a is below, equal to or above b; or UNORDERED. Both are INT, BOOL, FLOAT or BIG. */
export function compareNumbers(a: usize, b: usize): i32 {
  if (isInt(a)) {
    if (isInt(b)) return i32(intOf(a) > intOf(b)) - i32(intOf(a) < intOf(b));
    return tagOf(b) == Tag.FLOAT ? compareIntFloat(intOf(a), floatOf(b)) : -signOf(b);
  }
  if (tagOf(a) == Tag.FLOAT) {
    if (isInt(b)) return opposite(compareIntFloat(intOf(b), floatOf(a)));
    return tagOf(b) == Tag.FLOAT ? compareFloats(floatOf(a), floatOf(b)) : opposite(compareBigFloat(b, floatOf(a)));
  }
  if (isInt(b)) return signOf(a);
  return tagOf(b) == Tag.FLOAT ? compareBigFloat(a, floatOf(b)) : compareBigs(a, b);
}

function compareFloats(a: f64, b: f64): i32 {
  if (a != a || b != b) return UNORDERED;
  return i32(a > b) - i32(a < b);
}

function compareIntFloat(a: i64, b: f64): i32 {
  if (b != b) return UNORDERED;
  if (b >= TWO_63) return -1;
  if (b < -TWO_63) return 1;
  const whole = <i64>b; // towards 0
  if (a != whole) return a < whole ? -1 : 1;
  return compareFloats(<f64>whole, b);
}

/** The sign of a BIG, which is beyond all integers of 64 bits on its side. */
function signOf(big: usize): i32 {
  return load<u8>(addressOf(big)) == 0x2d ? -1 : 1;
}

function compareBigFloat(a: usize, b: f64): i32 {
  if (b != b) return UNORDERED;
  const sign = signOf(a);
  if (sign > 0 ? b < TWO_63 : b >= -TWO_63) return sign;
  if (abs(b) == Infinity) return -sign;
  const at = addressOf(a) + usize(sign < 0);
  const digits = lengthOf(a) - i32(sign < 0);
  return sign * compareDigits(at, digits, abs(b));
}

function compareBigs(a: usize, b: usize): i32 {
  const sign = signOf(a);
  if (sign != signOf(b)) return sign;
  const length = lengthOf(a);
  if (length != lengthOf(b)) return length < lengthOf(b) ? -sign : sign;
  const order = memory.compare(addressOf(a), addressOf(b), length);
  return order == 0 ? 0 : order < 0 ? -sign : sign;
}

function opposite(order: i32): i32 {
  return order == UNORDERED ? UNORDERED : -order;
}
