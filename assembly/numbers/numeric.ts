// What the functions on numbers share. Numbers are INT, BOOL and FLOAT; a BIG only converts and compares.

import { Fault, Tag, floatOf, intOf, isNumber, tagOf } from "../machine/value";

/** INT, or BOOL, which counts as 0 or 1. */
// @ts-ignore: decorator
@inline
export function isInt(cell: usize): bool {
  return tagOf(cell) - Tag.BOOL <= Tag.INT - Tag.BOOL;
}

/** The double nearest to a number. */
// @ts-ignore: decorator
@inline
export function realOf(cell: usize): f64 {
  return tagOf(cell) == Tag.FLOAT ? floatOf(cell) : <f64>intOf(cell);
}

/** What is wrong with operands that aren't two numbers: to reckon with a BIG overflows, the rest has no meaning. */
export function misfit(a: usize, b: usize): i32 {
  return (isNumber(a) || tagOf(a) == Tag.BIG) && (isNumber(b) || tagOf(b) == Tag.BIG) ? Fault.OVERFLOW : Fault.TYPE;
}

/** |value|, also of the lowest integer. */
// @ts-ignore: decorator
@inline
export function magnitudeOf(value: i64): u64 {
  return value < 0 ? -<u64>value : <u64>value;
}
