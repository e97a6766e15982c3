// Records and rows as text, in the form of Blurr's output.
//
// A record: ["<identity>/<aggregate>/<dimensions, joined by ':'>/", {…}], of a session
// ["<identity>/<aggregate>//<its start, ISO 8601>", {…}]. A row: {"<aggregate>.<field>": …, …}.

import { addressOf, lengthOf, putText, tagOf, Tag } from "../machine/value";
import { temporary } from "../machine/heap";
import { KEY_LENGTH, keyOf as keyAt } from "./identity";
import { strOf } from "../formats/print";
import { Aggregate, Kind, aggregateAt, compat, streamCount, windowCount } from "../machine/program";
import { CELLS, START_CELL } from "./record";
import { recordOfRow } from "./rows";
import { writeIso } from "../time/time-text";
import { writeJson } from "../formats/write-json";

/** Room for what stands between values. */
const MARKS: usize = 64;

const KEY: usize = memory.data(16, 16);
const PART: usize = memory.data(16, 16);

/** @returns address behind the line, which has no line break; 0 when it doesn't fit before `end` */
export function writeLine(identity: usize, aggregate: i32, record: usize, at: usize, end: usize): usize {
  if (at + MARKS > end) return 0;
  if (!keyOf(identity, aggregate, record)) return 0;
  store<u8>(at++, 0x5b); // [
  at = writeJson(KEY, at, end);
  if (at == 0 || at + MARKS > end) return 0;
  store<u16>(at, 0x202c); // ", "
  at = writeRecord(aggregate, record, at + 2, end);
  if (at == 0 || at + MARKS > end) return 0;
  store<u8>(at++, 0x5d);
  return at;
}

/** The record alone, as a JSON object. */
export function writeRecord(aggregate: i32, record: usize, at: usize, end: usize): usize {
  if (at + MARKS > end) return 0;
  store<u8>(at++, 0x7b);
  at = members(aggregate, record, at, end, true);
  if (at == 0 || at + 1 > end) return 0;
  store<u8>(at++, 0x7d);
  return at;
}

/** A row of all aggregates of the window spec as one flat JSON object. */
export function writeRow(row: usize, at: usize, end: usize): usize {
  if (at + MARKS > end) return 0;
  store<u8>(at++, 0x7b);
  let isFirst = true;
  for (let i = streamCount; i < streamCount + windowCount; i++) {
    const before = at;
    at = members(i, recordOfRow(row, i), at, end, isFirst);
    if (at == 0) return 0;
    if (at != before) isFirst = false;
  }
  if (at + 1 > end) return 0;
  store<u8>(at++, 0x7d);
  return at;
}

function members(aggregate: i32, record: usize, at: usize, end: usize, isFirst: bool): usize {
  const described = aggregateAt(aggregate);
  const columns = load<i32>(described, Aggregate.COLUMNS);
  const names = <usize>load<u32>(described, Aggregate.NAMES);
  const isRow = aggregate >= streamCount;
  for (let i = 0; i < columns; i++) {
    const cell = record + CELLS + (<usize>i << 4);
    if (isRow && compat && tagOf(cell) == Tag.MAP) {
      const before = at;
      const own = names + (<usize>i << 4);
      at = flattened(cell, load<u32>(own, 8), load<i32>(own, 12), at, end, isFirst);
      if (at == 0) return 0;
      if (at != before) isFirst = false;
      continue;
    }
    const text = names + (<usize>i << 4);
    const length = <usize>load<u32>(text, 4);
    if (at + length + MARKS > end) return 0;
    if (!isFirst) {
      store<u16>(at, 0x202c);
      at += 2;
    }
    isFirst = false;
    memory.copy(at, load<u32>(text), length);
    at = writeJson(cell, at + length, end);
    if (at == 0) return 0;
  }
  return at;
}

/** Blurr's way with a map in a row: a member for each entry, under the name of the map that it stands in alone. */
function flattened(cell: usize, name: usize, length: i32, at: usize, end: usize, isFirst: bool): usize {
  const block = addressOf(cell);
  const count = load<i32>(block);
  for (let i = 0; i < count; i++) {
    const entry = block + 16 + (<usize>i << 5);
    if (strOf(PART, entry) != 0) return 0;
    const part = addressOf(PART);
    const partLength = lengthOf(PART);
    if (tagOf(entry + 16) == Tag.MAP) {
      const before = at;
      at = flattened(entry + 16, part, partLength, at, end, isFirst);
      if (at == 0) return 0;
      if (at != before) isFirst = false;
      continue;
    }
    putText(PART, flatKey(name, length, part, partLength), length + 1 + partLength);
    if (at + MARKS > end) return 0;
    if (!isFirst) {
      store<u16>(at, 0x202c);
      at += 2;
    }
    isFirst = false;
    at = writeJson(PART, at, end);
    if (at == 0 || at + MARKS > end) return 0;
    store<u16>(at, 0x203a); // ": "
    at = writeJson(entry + 16, at + 2, end);
    if (at == 0) return 0;
  }
  return at;
}

/** `<name>.<part>` */
export function flatKey(name: usize, length: i32, part: usize, partLength: i32): usize {
  const key = temporary(length + 1 + partLength);
  memory.copy(key, name, length);
  store<u8>(key + length, 0x2e);
  memory.copy(key + length + 1, part, partLength);
  return key;
}

/** Builds the key in KEY. */
function keyOf(identity: usize, aggregate: i32, record: usize): bool {
  const described = aggregateAt(aggregate);
  const columns = load<i32>(described, Aggregate.COLUMNS);
  const kind = load<u32>(described);
  const first = load<i32>(described, Aggregate.DIMENSIONS);
  const idLength = load<i32>(identity, KEY_LENGTH);
  let bytes: usize = idLength + load<u32>(described, Aggregate.NAME_LENGTH) + 64;
  for (let i = first; i < columns; i++) {
    if (strOf(PART, record + CELLS + (<usize>i << 4)) != 0) return false;
    bytes += <usize>lengthOf(PART) + 1;
  }
  const text = temporary(bytes);
  let at = text;
  memory.copy(at, keyAt(identity), idLength);
  at += idLength;
  store<u8>(at++, 0x2f);
  memory.copy(at, load<u32>(described, Aggregate.NAME), load<u32>(described, Aggregate.NAME_LENGTH));
  at += load<u32>(described, Aggregate.NAME_LENGTH);
  store<u8>(at++, 0x2f);
  for (let i = first; i < columns; i++) {
    if (i > first) store<u8>(at++, 0x3a);
    strOf(PART, record + CELLS + (<usize>i << 4));
    memory.copy(at, addressOf(PART), lengthOf(PART));
    at += lengthOf(PART);
  }
  store<u8>(at++, 0x2f);
  const hasStart = kind == Kind.SPLIT || kind == Kind.ACTIVITY;
  if (hasStart && tagOf(record + START_CELL) == Tag.DATETIME) at += writeIso(record + START_CELL, at);
  putText(KEY, text, <i32>(at - text));
  return true;
}
