// Records: what an aggregate keeps, one cell per column.
//
// Record, held, 24 bytes and the cells:
//   +0   order  u32  its turn among the records of its identity that were saved; 0 = not yet
//   +4   flags  u32
//   +8   last   i64  time of its last event, µs; kept only where the store has a retention
//   +16  hash   u32  of its dimensions
//   +20  born   u32  number of the event that made it, see `history.ts`
//   +24  cells
//
// The values of a template point to nothing that is held.

import { EMPTY } from "../collections/block";
import { release } from "../collections/collection";
import { Type } from "../collections/convert";
import { give, hold, take } from "../machine/heap";
import { Aggregate, aggregateAt } from "../machine/program";
import { HELD, Tag, addressOf, putCollection, putFloat, putInt, putBool, putNone, putText } from "../machine/value";

export const ORDER: usize = 0;
export const FLAGS: usize = 4;
export const LAST: usize = 8;
export const HASH: usize = 16;
export const BORN: usize = 20;
export const CELLS: usize = 24;

/** It took an event. */
export const ACCEPTED: u32 = 1;
/** A decision was made in it: it is an anchor. */
export const ANCHORED: u32 = 2;
/** Kept too long: it is as if it were not there. */
export const EXPIRED: u32 = 4;

/** Columns of every record, and of those of blocks. */
export const IDENTITY_CELL: usize = CELLS;
export const START_CELL: usize = CELLS + 16;
export const END_CELL: usize = CELLS + 32;

export function recordBytes(aggregate: i32): usize {
  return CELLS + (<usize>load<u32>(aggregateAt(aggregate), Aggregate.COLUMNS) << 4);
}

/** Writes a template. @param types  a byte per column, in the order of FIELD_TYPES; see `convert.ts` */
export function newTemplate(types: usize, columns: i32): usize {
  const template = take(CELLS + (<usize>columns << 4));
  memory.fill(template, 0, CELLS);
  for (let i = 0; i < columns; i++) putDefault(template + CELLS + (<usize>i << 4), load<u8>(types + i));
  return template;
}

function putDefault(cell: usize, type: u32): void {
  switch (type) {
    case Type.INTEGER:
      return putInt(cell, 0);
    case Type.FLOAT:
      return putFloat(cell, 0);
    case Type.STRING:
      return putText(cell, 0, 0);
    case Type.BOOLEAN:
      return putBool(cell, false);
    case Type.DATETIME:
      return putNone(cell);
    case Type.LIST:
      return putCollection(cell, Tag.LIST, EMPTY);
    case Type.MAP:
      return putCollection(cell, Tag.MAP, EMPTY);
    default:
      return putCollection(cell, Tag.SET, EMPTY);
  }
}

/** A record of defaults. */
export function newRecord(aggregate: i32, born: u32): usize {
  const bytes = recordBytes(aggregate);
  const record = take(bytes);
  memory.copy(record, <usize>load<u32>(aggregateAt(aggregate), Aggregate.TEMPLATE), bytes);
  store<u32>(record, born, BORN);
  return record;
}

/** Another record with the same values. */
export function copyOf(record: usize, bytes: usize): usize {
  const copy = take(bytes);
  copyRecord(copy, record, bytes);
  return copy;
}

/** Writes the values of a record where none are yet. */
export function copyRecord(target: usize, record: usize, bytes: usize): void {
  memory.copy(target, record, bytes);
  for (let cell = target + CELLS; cell < target + bytes; cell += 16) {
    if (load<u32>(cell) & HELD) hold(addressOf(cell));
  }
}

/** Lets go of the values of a record. */
export function emptyRecord(record: usize, bytes: usize): void {
  for (let cell = record + CELLS; cell < record + bytes; cell += 16) {
    if (load<u32>(cell) & HELD) release(cell);
  }
}

export function dropRecord(record: usize, bytes: usize): void {
  emptyRecord(record, bytes);
  give(record);
}
