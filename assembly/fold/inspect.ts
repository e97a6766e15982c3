// What the host may see of identities, their records and rows.

import { freeTemporary } from "../machine/heap";
import {
  COUNT,
  CURRENT,
  FLAGS as IDENTITY_FLAGS,
  FOLDED,
  INCOMPLETE,
  KEY_LENGTH,
  LAST as IDENTITY_LAST,
  ORDINAL,
  PENDING,
  ROWS_COUNT,
  TAIL_COUNT,
  TOUCHED,
  addRecord,
  findIdentity,
  freeSlot,
  identitiesCount,
  identityFrom,
  keyOf,
  nextPlace,
  recordAt,
  slotOf,
} from "./identity";
import { hashOf } from "../text/bytes";
import { writeLine, writeRecord, writeRow } from "./output";
import { Aggregate, Kind, aggregateAt, compat, streamCount } from "../machine/program";
import { ACCEPTED, EXPIRED, FLAGS, LAST, ORDER, newRecord } from "./record";
import { highestAt, settledAt } from "./fold";
import { ENTRY_SEQ, entryAt, settleFully } from "./history";
import { writeJson } from "../formats/write-json";

export { identitiesCount, identityFrom, nextPlace };

export function identityOf(key: usize, length: i32): usize {
  return findIdentity(key, length, hashOf(key, length));
}

export function keyAt(identity: usize): usize {
  return keyOf(identity);
}

export function keyLength(identity: usize): i32 {
  return load<i32>(identity, KEY_LENGTH);
}

/** Its turn among all identities, from 1. */
export function ordinalOf(identity: usize): u32 {
  return load<u32>(identity, ORDINAL);
}

export function flagsOf(identity: usize): u32 {
  return load<u32>(identity, IDENTITY_FLAGS) & (INCOMPLETE | PENDING);
}

/** Number of the batch that last touched it; see `batchNumber`. */
export function touchedOf(identity: usize): u32 {
  return load<u32>(identity, TOUCHED);
}

export function setFlags(identity: usize, flags: u32): void {
  const others = load<u32>(identity, IDENTITY_FLAGS) & ~(INCOMPLETE | PENDING);
  store<u32>(identity, (flags & (INCOMPLETE | PENDING)) | others, IDENTITY_FLAGS);
}

/** Events up to this sequence are in its state: of those that come again, none is folded twice. */
export function setFolded(identity: usize, seq: f64): void {
  store<f64>(identity, max(load<f64>(identity, FOLDED), seq), FOLDED);
}

/** Time of its last event, µs. */
export function lastOf(identity: usize): f64 {
  return <f64>load<i64>(identity, IDENTITY_LAST);
}

/** Events of its tail: those whose payloads may be asked for again. */
export function tailCount(identity: usize): i32 {
  return load<i32>(identity, TAIL_COUNT);
}

export function tailSeq(identity: usize, n: i32): f64 {
  return load<f64>(entryAt(identity, n), ENTRY_SEQ);
}

/** Forgets how to get back before the watermark. */
export function settleIdentity(identity: usize): void {
  const settled = settledAt();
  if (settled > -Infinity) settleFully(identity, <i64>settled);
}

/** Its variables go back to their defaults: Blurr's begin anew in each run. One that is stored keeps its turn. */
export function forgetVariables(identity: usize): void {
  for (let i = 0; i < streamCount; i++) {
    const described = aggregateAt(i);
    const slot = slotOf(identity, i);
    if (load<u32>(described) != Kind.VARIABLE || load<u32>(slot, COUNT) == 0) continue;
    const turn = load<u32>(recordAt(slot, 0), ORDER);
    freeSlot(slot, i);
    if (load<u32>(described, Aggregate.STORED) == 0) continue;
    const record = newRecord(i, 0);
    store<u32>(record, turn, ORDER);
    addRecord(slot, record);
    store<u32>(slot, <u32>record, CURRENT);
  }
}

/** All records of an aggregate go. Only where no event can be taken back. */
export function forgetRecords(identity: usize, aggregate: i32): void {
  freeSlot(slotOf(identity, aggregate), aggregate);
}

export function recordsCount(identity: usize, aggregate: i32): i32 {
  return load<i32>(slotOf(identity, aggregate), COUNT);
}

/** The nth record of an aggregate, in the order in which they were made; 0 when it holds nothing to be shown. */
export function shownRecord(identity: usize, aggregate: i32, n: i32): usize {
  const record = recordAt(slotOf(identity, aggregate), n);
  const flags = load<u32>(record, FLAGS);
  if ((flags & EXPIRED) != 0) return 0;
  if (compat) return record;
  if ((flags & ACCEPTED) == 0) return 0;
  const retention = load<i64>(aggregateAt(aggregate), Aggregate.RETENTION);
  return retention > 0 && <f64>(load<i64>(record, LAST) + retention) < highestAt() ? 0 : record;
}

/** Its turn among the records saved; those that are loaded still come last, in the order of their aggregates: 0. */
export function orderOf(record: usize): u32 {
  return load<u32>(record, ORDER);
}

export function currentRecord(identity: usize, aggregate: i32): usize {
  return <usize>load<u32>(slotOf(identity, aggregate), CURRENT);
}

export function rowsCount(identity: usize): i32 {
  return load<i32>(identity, ROWS_COUNT);
}

export function printLine(identity: usize, aggregate: i32, record: usize, at: usize, end: usize): usize {
  const behind = writeLine(identity, aggregate, record, at, end);
  freeTemporary();
  return behind;
}

export function printRecord(aggregate: i32, record: usize, at: usize, end: usize): usize {
  const behind = writeRecord(aggregate, record, at, end);
  freeTemporary();
  return behind;
}

export function printRow(row: usize, at: usize, end: usize): usize {
  const behind = writeRow(row, at, end);
  freeTemporary();
  return behind;
}

/** A value as JSON, while it is computed: nothing is given back. */
export function printValue(cell: usize, at: usize, end: usize): usize {
  return writeJson(cell, at, end);
}
