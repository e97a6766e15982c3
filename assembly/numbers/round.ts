// round(): to the nearest, ties to even, decided on the exact value: 2.675 is a little less, so it becomes 2.67.

import { compareDecimal, fromDecimal } from "./float-from-text";
import { decimalScale, digitsOf, shortest, tenTo } from "./float-to-text";
import { isInt, magnitudeOf } from "./numeric";
import { Fault, Tag, addressOf, floatOf, intOf, putFloat, putInt, tagOf } from "../machine/value";

const TWO_63: f64 = 9.223372036854775808e18;

/** More places than any double has, before or behind the point. */
const PLACES_MAX: i64 = 1000;

/**
 * @param a       INT, BOOL or FLOAT
 * @param places  address of the number of places behind the point, negative before it; 0, or None: a whole INT
 */
export function roundTo(result: usize, a: usize, places: usize): i32 {
  const isWhole = places == 0 || tagOf(places) <= Tag.NONE;
  let kept: i64 = 0;
  if (!isWhole) {
    if (isInt(places)) kept = max(-PLACES_MAX, min(intOf(places), PLACES_MAX));
    else if (tagOf(places) == Tag.BIG) kept = load<u8>(addressOf(places)) == 0x2d ? -PLACES_MAX : PLACES_MAX;
    else return Fault.TYPE;
  }
  if (isInt(a)) return roundInt(result, intOf(a), <i32>kept);
  if (tagOf(a) == Tag.BIG) return Fault.OVERFLOW;
  if (tagOf(a) != Tag.FLOAT) return Fault.TYPE;
  return isWhole ? roundWhole(result, floatOf(a)) : roundPlaces(result, floatOf(a), <i32>kept);
}

function roundInt(result: usize, value: i64, places: i32): i32 {
  if (places < -19) {
    putInt(result, 0);
  } else if (places >= 0) {
    putInt(result, value);
  } else {
    const unit = tenTo(-places);
    const magnitude = magnitudeOf(value);
    let units = magnitude / unit;
    const rest = magnitude - units * unit;
    const half = unit >> 1;
    if (rest > half || (rest == half && (units & 1) != 0)) units++;
    const rounded = units * unit; // 10¹⁹ still fits
    if (rounded > <u64>i64.MAX_VALUE + u64(value < 0)) return Fault.OVERFLOW;
    putInt(result, value < 0 ? -<i64>rounded : <i64>rounded);
  }
  return 0;
}

function roundWhole(result: usize, value: f64): i32 {
  if (value != value) return Fault.VALUE;
  const rounded = nearest(value);
  if (rounded >= TWO_63 || rounded < -TWO_63) return Fault.OVERFLOW;
  putInt(result, <i64>rounded);
  return 0;
}

/**
 * Rounds the shortest decimal instead of the value itself: between both lies no decimal as short as what is cut from,
 * for it would be the shortest one. Only when the decimal is a tie it matters on which side of it the value lies.
 */
function roundPlaces(result: usize, value: f64, places: i32): i32 {
  const magnitude = abs(value);
  if (value != value || magnitude == Infinity || magnitude == 0) {
    putFloat(result, value);
    return 0;
  }
  const digits = shortest(magnitude);
  const scale = decimalScale;
  const cut = -places - scale; // digits to be cut off
  if (cut <= 0) {
    putFloat(result, value);
    return 0;
  }
  let rounded: f64 = 0;
  if (cut <= digitsOf(digits)) {
    const unit = tenTo(cut);
    let units = digits / unit;
    const rest = digits - units * unit;
    const half = unit >> 1;
    let order = rest < half ? -1 : i32(rest > half);
    if (order == 0) order = -compareDecimal(digits, scale, magnitude);
    if (order > 0 || (order == 0 && (units & 1) != 0)) units++;
    rounded = fromDecimal(units, -places);
    if (rounded == Infinity) return Fault.OVERFLOW;
  }
  putFloat(result, copysign(rounded, value));
  return 0;
}
