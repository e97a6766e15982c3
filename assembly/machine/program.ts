// The compiled spec, as `runtime/core/image.ts` lays it out: who may be read where, and what each aggregate is like.

import { reserve } from "../arena";

/** Bases of operands; from FIRST_RECORD on one for each aggregate. */
export namespace Base {
  export const CONSTANTS: u32 = 0;
  export const TEMPORARIES: u32 = 1;
  export const EVENT: u32 = 2;
  export const ANCHOR: u32 = 3;
  export const FIRST_RECORD: u32 = 4;
}

/** Kinds of aggregates, in the order of `KINDS` in `runtime/core/image.ts`. */
export namespace Kind {
  export const VARIABLE: u32 = 0;
  export const IDENTITY: u32 = 1;
  export const BLOCK: u32 = 2;
  export const SPLIT: u32 = 3;
  export const ACTIVITY: u32 = 4;
  export const WINDOW: u32 = 5;
}

/** Address of each base. */
export const BASES: usize = memory.data(256 * 4, 16);

// Aggregate, 80 bytes:
//   +0   kind        u32
//   +4   columns     u32
//   +8   template    u32  a record with every column's default
//   +12  dimensions  u32  the first column that is one; they are the last
//   +16  retention   i64  µs; 0 = for ever
//   +24  separate    i64  µs, of an activity
//   +32  types       u32  address of a byte per column, the types in the order of FIELD_TYPES
//   +36  names       u32  address of four words per column: `"name": ` as JSON, address and bytes; the name alone
//   +40  entry       u32  of an aggregate of the window spec: where its code begins
//   +44  source      u32  of a window: the aggregate it looks at
//   +48  span        i64  of a window of time: µs; of a count: blocks; below 0 before the anchor
//   +56  unit        u32  of a window: 0 time, 1 count; of a variable 2
//   +60  deferred    u32  1: of a window aggregate, waits for blocks after the anchor
//   +64  name        u32  of the aggregate, address and bytes
//   +72  stored      u32  1: its records are among what a run gives
export const AGGREGATE_SIZE: usize = 80;
export namespace Aggregate {
  export const KIND: usize = 0;
  export const COLUMNS: usize = 4;
  export const TEMPLATE: usize = 8;
  export const DIMENSIONS: usize = 12;
  export const RETENTION: usize = 16;
  export const SEPARATE: usize = 24;
  export const TYPES: usize = 32;
  export const NAMES: usize = 36;
  export const ENTRY: usize = 40;
  export const SOURCE: usize = 44;
  export const SPAN: usize = 48;
  export const UNIT: usize = 56;
  export const DEFERRED: usize = 60;
  export const NAME: usize = 64;
  export const NAME_LENGTH: usize = 68;
  export const STORED: usize = 72;
}

export let aggregates: usize = 0;
/** Aggregates of the streaming spec; those of the window spec follow. */
export let streamCount: i32 = 0;
export let windowCount: i32 = 0;
/** Faults by field, class within it: u32[fields][FAULTS]. */
export let counters: usize = 0;
/** Blurr's behaviour where it differs. */
export let compat: bool = false;

export const FAULTS: usize = 10;

/** @param table  aggregates of both specs, one behind the other */
export function newProgram(constants: usize, temporaries: usize, table: usize, streams: i32, windows: i32, fields: i32, asBlurr: bool): void {
  store<u32>(BASES, constants, Base.CONSTANTS << 2);
  store<u32>(BASES, temporaries, Base.TEMPORARIES << 2);
  aggregates = table;
  streamCount = streams;
  windowCount = windows;
  counters = reserve(<usize>max(fields, 1) * FAULTS * 4);
  compat = asBlurr;
}

export function countersAt(): usize {
  return counters;
}

// @ts-ignore: decorator
@inline
export function aggregateAt(index: i32): usize {
  return aggregates + <usize>index * AGGREGATE_SIZE;
}

// @ts-ignore: decorator
@inline
export function baseOf(base: u32): usize {
  return <usize>load<u32>(BASES + (<usize>base << 2));
}

// @ts-ignore: decorator
@inline
export function setBase(base: u32, address: usize): void {
  store<u32>(BASES + (<usize>base << 2), <u32>address);
}
