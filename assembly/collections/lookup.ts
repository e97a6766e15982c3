// Where a key stands in a SET or MAP. Up to 8 entries are looked through; more have an index: a hash table with open
// addressing, in memory of the same kind as the block's.
//
// Index:
//   +0   slots  u32         a power of two, at least twice the entries
//   +8   slot   u32[slots]  number of the entry + 1; 0 = free

import { ENTRIES, INDEX } from "./block";
import { equals, sameText } from "./compare";
import { hash } from "./hash";
import { give, take, temporary } from "../machine/heap";
import { Tag, tagOf } from "../machine/value";

/** Entries that are looked through faster than hashed. */
const UNINDEXED: u32 = 8;
const SLOTS: usize = 8;

/** Hash of the key that `entryOf` did not find, where there is an index. */
let missed: u32 = 0;

/** Number of the entry with this key, or -1. The key must be hashable. */
export function entryOf(block: usize, shift: usize, key: usize): i32 {
  const index = <usize>load<u32>(block, INDEX);
  if (index == 0) return searched(block, shift, key);
  const last = load<u32>(index) - 1;
  const code = hash(key);
  let slot = code & last;
  while (true) {
    const number = load<i32>(slotAt(index, slot)) - 1;
    if (number < 0) break;
    if (isKey(block + ENTRIES + (<usize>number << shift), key)) return number;
    slot = (slot + 1) & last;
  }
  missed = code;
  return -1;
}

function searched(block: usize, shift: usize, key: usize): i32 {
  const count = load<i32>(block);
  let entry = block + ENTRIES;
  for (let number = 0; number < count; number++) {
    if (isKey(entry, key)) return number;
    entry += <usize>1 << shift;
  }
  return -1;
}

/** Keys are mostly texts, and mostly of other lengths. */
// @ts-ignore: decorator
@inline
function isKey(entry: usize, key: usize): bool {
  return tagOf(entry) == Tag.TEXT && tagOf(key) == Tag.TEXT ? sameText(entry, key) : equals(entry, key);
}

/** The entry that was just put behind all others is one that `entryOf` did not find, last of all calls. */
export function indexLast(block: usize, shift: usize, held: bool): void {
  const count = load<u32>(block);
  const index = <usize>load<u32>(block, INDEX);
  if (index == 0 ? count > UNINDEXED : count << 1 > load<u32>(index)) buildIndex(block, shift, held);
  else if (index != 0) fill(index, missed, count);
}

/** Makes the index anew, if there is to be one. */
export function buildIndex(block: usize, shift: usize, held: bool): void {
  dropIndex(block, held);
  const count = load<u32>(block);
  if (count <= UNINDEXED) return;
  const slots = <u32>2 << (32 - clz(count - 1)); // two to four times the entries
  const index = newIndex(slots, held);
  memory.fill(index + SLOTS, 0, <usize>slots << 2);
  let entry = block + ENTRIES;
  for (let number: u32 = 1; number <= count; number++) {
    fill(index, hash(entry), number);
    entry += <usize>1 << shift;
  }
  store<u32>(block, index, INDEX);
}

/** Gives `target`, which has the same entries, an index like that of `block`. */
export function copyIndex(target: usize, block: usize, held: bool): void {
  const index = <usize>load<u32>(block, INDEX);
  if (index == 0) return;
  const copy = newIndex(load<u32>(index), held);
  memory.copy(copy, index, SLOTS + (<usize>load<u32>(index) << 2));
  store<u32>(target, copy, INDEX);
}

export function dropIndex(block: usize, held: bool): void {
  const index = <usize>load<u32>(block, INDEX);
  if (index == 0) return;
  store<u32>(block, 0, INDEX);
  if (held) give(index);
}

/** Takes an entry out of the index, before it is taken out of the block and those behind it move up. */
export function unindex(block: usize, shift: usize, held: bool, number: i32): void {
  const index = <usize>load<u32>(block, INDEX);
  if (index == 0) return;
  if (load<u32>(block) - 1 <= UNINDEXED) {
    dropIndex(block, held);
    return;
  }
  const last = load<u32>(index) - 1;
  let hole = hash(block + ENTRIES + (<usize>number << shift)) & last;
  while (load<i32>(slotAt(index, hole)) != number + 1) hole = (hole + 1) & last;

  // what was put off because of this entry, and of those put off after it, moves up
  let slot = hole;
  while (true) {
    slot = (slot + 1) & last;
    const other = load<i32>(slotAt(index, slot));
    if (other == 0) break;
    const home = hash(block + ENTRIES + (<usize>(other - 1) << shift)) & last;
    if (((slot - home) & last) < ((slot - hole) & last)) continue;
    store<i32>(slotAt(index, hole), other);
    hole = slot;
  }
  store<i32>(slotAt(index, hole), 0);

  if (number == load<i32>(block) - 1) return;
  for (slot = 0; slot <= last; slot++) {
    const other = load<i32>(slotAt(index, slot));
    if (other > number + 1) store<i32>(slotAt(index, slot), other - 1);
  }
}

function newIndex(slots: u32, held: bool): usize {
  const bytes = SLOTS + (<usize>slots << 2);
  const index = held ? take(bytes) : temporary(bytes);
  store<u32>(index, slots);
  return index;
}

function fill(index: usize, code: u32, entry: u32): void {
  const last = load<u32>(index) - 1;
  let slot = code & last;
  while (load<u32>(slotAt(index, slot)) != 0) slot = (slot + 1) & last;
  store<u32>(slotAt(index, slot), entry);
}

// @ts-ignore: decorator
@inline
function slotAt(index: usize, slot: u32): usize {
  return index + SLOTS + (<usize>slot << 2);
}
