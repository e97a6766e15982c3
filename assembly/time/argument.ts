// Arguments of functions: which were given, and whole numbers among them.

import { Fault, Tag, intOf, tagOf } from "../machine/value";

/** Address of an argument's cell; 0 when it was left out. */
// @ts-ignore: decorator
@inline
export function argument(args: usize, count: i32, index: i32): usize {
  const cell = args + (<usize>index << 4);
  return index < count && tagOf(cell) != 0 ? cell : 0;
}

/** What `wholeNumber` read last. */
export let whole: i32 = 0;

/** Reads an argument that has to be a whole number of 32 bits. @returns 0 or a Fault */
export function wholeNumber(cell: usize): i32 {
  const tag = tagOf(cell);
  if (tag == Tag.BIG) return Fault.OVERFLOW;
  if (tag != Tag.INT && tag != Tag.BOOL) return Fault.TYPE;
  const value = intOf(cell);
  whole = <i32>value;
  return <i64>whole == value ? 0 : Fault.OVERFLOW;
}
