// Windows and the end of a run as Blurr has them, for `--compat blurr`: the host reckons which blocks are anchors and what
// their windows hold (`runtime/batch/blurr.ts`), the core evaluates.

import { hasEmpty } from "./aggregate";
import { freeTemporary } from "../machine/heap";
import { CURRENT, SAVED, addRecord, slotOf } from "./identity";
import { Aggregate, Base, Kind, aggregateAt, setBase, streamCount } from "../machine/program";
import { CELLS, ORDER, START_CELL, newRecord } from "./record";
import { begin } from "./rows";
import { Tag, addressOf, intOf, tagOf } from "../machine/value";

// The end of a run

/**
 * All that is loaded is saved, in the order of the aggregates; of an activity or a stored variable that has nothing loaded,
 * a record of defaults.
 */
export function finishRun(identity: usize): void {
  for (let i = 0; i < streamCount; i++) {
    const slot = slotOf(identity, i);
    let record = <usize>load<u32>(slot, CURRENT);
    if (record == 0 && savesEmpty(i) && !hasEmpty(slot)) {
      record = newRecord(i, 0);
      addRecord(slot, record);
    }
    if (record != 0 && load<u32>(record, ORDER) == 0) {
      const turn = load<u32>(identity, SAVED) + 1;
      store<u32>(identity, turn, SAVED);
      store<u32>(record, turn, ORDER);
    }
    store<u32>(slot, 0, CURRENT);
  }
}

/** Of which aggregates Blurr saves a record that took no event. */
function savesEmpty(aggregate: i32): bool {
  const described = aggregateAt(aggregate);
  const kind = load<u32>(described);
  return kind == Kind.ACTIVITY || (kind == Kind.VARIABLE && load<u32>(described, Aggregate.STORED) != 0);
}

// Windows

/** What is evaluated next is about this identity; all its aggregates are empty until they are shown. */
export function showIdentity(identity: usize): void {
  freeTemporary();
  for (let i = 0; i < streamCount; i++) showRecord(i, 0);
  begin(identity);
}

/** Makes a record what expressions read of an aggregate; 0: defaults. */
export function showRecord(aggregate: i32, record: usize): void {
  const shown = record == 0 ? <usize>load<u32>(aggregateAt(aggregate), Aggregate.TEMPLATE) : record;
  setBase(Base.FIRST_RECORD + <u32>aggregate, shown + CELLS);
}

/** Makes a block the anchor. */
export function showAnchor(aggregate: i32, block: usize): void {
  showRecord(aggregate, block);
  setBase(Base.ANCHOR, block + CELLS);
}

/** Start of a block, µs; NaN for one that never began. */
export function startOf(block: usize): f64 {
  return tagOf(block + START_CELL) == Tag.DATETIME ? <f64>intOf(block + START_CELL) : NaN;
}

/** Offset of a block's start, seconds east. */
export function zoneOf(block: usize): i32 {
  return load<i32>(block + START_CELL, 4);
}

// What Python's JSON refuses

/** The tag of a value in a list or map that Python's `json` can't print, or of a key; 0 when there is none. */
export function unprintable(aggregate: i32, record: usize): u32 {
  const columns = load<i32>(aggregateAt(aggregate), Aggregate.COLUMNS);
  for (let i = 0; i < columns; i++) {
    const cell = record + CELLS + (<usize>i << 4);
    const tag = tagOf(cell) >= Tag.LIST ? refusedIn(cell) : 0;
    if (tag != 0) return tag;
  }
  return 0;
}

function refusedIn(cell: usize): u32 {
  const block = addressOf(cell);
  const isMap = tagOf(cell) == Tag.MAP;
  let item = block + 16;
  for (let left = load<u32>(block); left > 0; left--, item += 16) {
    if (isMap) {
      if (tagOf(item) > Tag.TEXT) return tagOf(item);
      item += 16;
    }
    const tag = tagOf(item);
    if (tag == Tag.SET || (tag > Tag.TEXT && tag < Tag.LIST)) return tag;
    const inner = tag >= Tag.LIST ? refusedIn(item) : 0;
    if (inner != 0) return inner;
  }
  return 0;
}
