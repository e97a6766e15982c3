// The columns of a record or row for the host, as MessagePack: as texts for CSV, or as values.

import { freeTemporary, temporary } from "../machine/heap";
import { flatKey } from "./output";
import { packArray, packText, packValue } from "../formats/pack";
import { strOf } from "../formats/print";
import { Aggregate, aggregateAt, compat, streamCount } from "../machine/program";
import { CELLS } from "./record";
import { writeIso } from "../time/time-text";
import { Tag, addressOf, copyCell, lengthOf, putText, tagOf } from "../machine/value";

/** Longer than any datetime as text. */
const TIME_ROOM: usize = 64;

const TEXT: usize = memory.data(16, 16);

/**
 * [value, …], a value per column.
 *
 * @returns address behind it; 0 when it doesn't fit before `end`
 */
export function packColumns(aggregate: i32, record: usize, at: usize, end: usize): usize {
  const columns = load<i32>(aggregateAt(aggregate), Aggregate.COLUMNS);
  at = packArray(columns, at, end);
  for (let i = 0; i < columns && at != 0; i++) at = packValue(record + CELLS + (<usize>i << 4), at, end);
  return at;
}

/**
 * [text, …]: each column as Python's `csv` prints it, None as nothing, a datetime as ISO 8601, a set as a list. Where Blurr
 * flattens a map, that stands as [key, text, …].
 *
 * @returns address behind it; 0 when it doesn't fit before `end`
 */
export function packTexts(aggregate: i32, record: usize, at: usize, end: usize): usize {
  const described = aggregateAt(aggregate);
  const columns = load<i32>(described, Aggregate.COLUMNS);
  at = packArray(columns, at, end);
  for (let i = 0; i < columns && at != 0; i++) {
    const cell = record + CELLS + (<usize>i << 4);
    if (aggregate >= streamCount && compat && tagOf(cell) == Tag.MAP) {
      const name = <usize>load<u32>(described, Aggregate.NAMES) + (<usize>i << 4);
      at = packArray(2 * leaves(cell), at, end);
      if (at != 0) at = packFlat(cell, load<u32>(name, 8), load<i32>(name, 12), at, end);
    } else {
      at = packOne(cell, at, end);
    }
  }
  freeTemporary();
  return at;
}

function packOne(cell: usize, at: usize, end: usize): usize {
  if (!textOf(cell)) return 0;
  return packText(addressOf(TEXT), lengthOf(TEXT), at, end);
}

/** Writes the text of a value to TEXT. */
function textOf(cell: usize): bool {
  const tag = tagOf(cell);
  if (tag == Tag.NONE) {
    putText(TEXT, 0, 0);
    return true;
  }
  if (tag == Tag.DATETIME) {
    const text = temporary(TIME_ROOM);
    putText(TEXT, text, writeIso(cell, text));
    return true;
  }
  copyCell(TEXT, cell);
  if (tag == Tag.SET) store<u8>(TEXT, Tag.LIST);
  return strOf(TEXT, TEXT) == 0;
}

/** Entries of a map and of the maps in it, without these. */
function leaves(cell: usize): u32 {
  const block = addressOf(cell);
  let found: u32 = 0;
  let entry = block + 16;
  for (let left = load<u32>(block); left > 0; left--, entry += 32) {
    found += tagOf(entry + 16) == Tag.MAP ? leaves(entry + 16) : 1;
  }
  return found;
}

function packFlat(cell: usize, name: usize, length: i32, at: usize, end: usize): usize {
  const block = addressOf(cell);
  let entry = block + 16;
  for (let left = load<u32>(block); left > 0 && at != 0; left--, entry += 32) {
    if (strOf(TEXT, entry) != 0) return 0;
    const part = addressOf(TEXT);
    const partLength = lengthOf(TEXT);
    if (tagOf(entry + 16) == Tag.MAP) {
      at = packFlat(entry + 16, part, partLength, at, end);
      continue;
    }
    at = packText(flatKey(name, length, part, partLength), length + 1 + partLength, at, end);
    if (at != 0) at = packOne(entry + 16, at, end);
  }
  return at;
}
