// Values of the expression machine, as tagged cells.
//
// Cell, 16 bytes:
//   +0  tag      u32  low byte: Tag; above it flags. Below Tag.NONE: a value of JSON as `scan.ts` left it
//   +4  aux      u32  by tag
//   +8  payload  u64  by tag; an address stands in its low half
//
// tag        aux                      payload
// NONE       0                        0
// BOOL       0                        0 or 1
// INT        0                        i64
// FLOAT      0                        f64
// BIG        bytes                    address of the digits, ASCII: an integer of JSON beyond 64 bits
// TEXT       bytes                    address of the text, UTF-8
// DATETIME   offset in seconds east   i64, µs since 1970: of UTC; with aux NAIVE of the wall clock
// DATE       0                        i64, days since 1970
// TIMEDELTA  0                        i64, µs
// ZONE       offset in seconds east   0
// LIST TUPLE SET MAP   0              address of the block, see `block.ts`
//
// Functions of the machine take the addresses of cells. They write their result to `result`, which may be one of
// the operands, and return 0, or a Fault and leave it alone.

/** In the order of their names in `runtime/core/value.ts`. */
export namespace Tag {
  export const NONE: u32 = 16;
  export const BOOL: u32 = 17;
  export const INT: u32 = 18;
  export const FLOAT: u32 = 19;
  export const BIG: u32 = 20;
  export const TEXT: u32 = 21;
  export const DATETIME: u32 = 22;
  export const DATE: u32 = 23;
  export const TIMEDELTA: u32 = 24;
  export const ZONE: u32 = 25;
  export const LIST: u32 = 26;
  export const TUPLE: u32 = 27;
  export const SET: u32 = 28;
  export const MAP: u32 = 29;
}

/** Flag: the payload's address is of a block of `heap.ts` that is counted; without it the value lives until the event is done. */
export const HELD: u32 = 1 << 8;
/** Flag of a LIST or MAP: it stands in the event. Its members are read by attribute too, a missing one is None. */
export const WRAPPED: u32 = 1 << 9;

/** `aux` of a DATETIME without a zone: no offset is that large. */
export const NAIVE: u32 = 0x80000000;

/** What can go wrong in an expression: Python's classes, and two of our own. In the order of their names in `runtime/core/value.ts`. */
export namespace Fault {
  export const TYPE: i32 = 1;
  export const VALUE: i32 = 2;
  export const KEY: i32 = 3;
  export const INDEX: i32 = 4;
  export const ATTRIBUTE: i32 = 5;
  export const ZERO_DIVISION: i32 = 6;
  export const OVERFLOW: i32 = 7;
  /** More work, or a larger value, than the limits allow. */
  export const LIMIT: i32 = 8;
  /** A value that its field's type does not take. */
  export const CAST: i32 = 9;
}

// @ts-ignore: decorator
@inline
export function tagOf(cell: usize): u32 {
  return load<u8>(cell);
}

// @ts-ignore: decorator
@inline
export function lengthOf(cell: usize): i32 {
  return load<i32>(cell, 4);
}

/** Address of a text's bytes or of a collection's block. */
// @ts-ignore: decorator
@inline
export function addressOf(cell: usize): usize {
  return <usize>load<u32>(cell, 8);
}

/** Of INT, BOOL, DATETIME, DATE, TIMEDELTA. */
// @ts-ignore: decorator
@inline
export function intOf(cell: usize): i64 {
  return load<i64>(cell, 8);
}

// @ts-ignore: decorator
@inline
export function floatOf(cell: usize): f64 {
  return load<f64>(cell, 8);
}

// @ts-ignore: decorator
@inline
export function copyCell(result: usize, cell: usize): void {
  v128.store(result, v128.load(cell));
}

// @ts-ignore: decorator
@inline
export function putNone(result: usize): void {
  store<u64>(result, Tag.NONE);
  store<u64>(result, 0, 8);
}

// @ts-ignore: decorator
@inline
export function putBool(result: usize, value: bool): void {
  store<u64>(result, Tag.BOOL);
  store<u64>(result, value ? 1 : 0, 8);
}

// @ts-ignore: decorator
@inline
export function putInt(result: usize, value: i64): void {
  store<u64>(result, Tag.INT);
  store<i64>(result, value, 8);
}

// @ts-ignore: decorator
@inline
export function putFloat(result: usize, value: f64): void {
  store<u64>(result, Tag.FLOAT);
  store<f64>(result, value, 8);
}

/** A text that lives as long as its bytes: in the event, in the program, or made by `temporary`. */
// @ts-ignore: decorator
@inline
export function putText(result: usize, at: usize, length: i32): void {
  store<u32>(result, Tag.TEXT);
  store<i32>(result, length, 4);
  store<u64>(result, <u64>at, 8);
}

/** @param offset  seconds east, or NAIVE */
// @ts-ignore: decorator
@inline
export function putDatetime(result: usize, micros: i64, offset: u32): void {
  store<u32>(result, Tag.DATETIME);
  store<u32>(result, offset, 4);
  store<i64>(result, micros, 8);
}

/** A DATE, TIMEDELTA or other value without aux. */
// @ts-ignore: decorator
@inline
export function putTagged(result: usize, tag: u32, value: i64): void {
  store<u64>(result, <u64>tag);
  store<i64>(result, value, 8);
}

/** A collection that lives until the event is done. */
// @ts-ignore: decorator
@inline
export function putCollection(result: usize, tag: u32, block: usize): void {
  store<u64>(result, <u64>tag);
  store<u64>(result, <u64>block, 8);
}

/** INT, BOOL, FLOAT. */
// @ts-ignore: decorator
@inline
export function isNumber(cell: usize): bool {
  const tag = tagOf(cell);
  return tag - Tag.BOOL <= Tag.FLOAT - Tag.BOOL;
}
