// Two kinds of memory for values.
//
// Temporary: taken while an event is folded, given back when it is done. A bump through chunks.
//
// Held: what records keep, taken and given back one by one. A block has a class of size. Memory that has none of its
// blocks taken serves other classes (`units.ts`). Behind the head the block is its taker's:
//
//   -8  class  u32
//   -4  count  u32  how many cells hold it; above 1 it is never written to

import { reserve } from "../arena";
import { GRANULE, GRANULES, UNIT, giveGranule, giveUnits, takeGranule, takeUnits } from "./units";

// Temporary

/** Bytes of the first chunk, and of each that follows unless more is asked for. */
const CHUNK: usize = 64 * 1024;

/** Chunk: +0 next u32, +4 bytes u32, +16 the room. */
const CHUNK_HEAD: usize = 16;

let chunks: usize = 0;
let chunk: usize = 0;
let chunkEnd: usize = 0;
let next: usize = 0;
/** Bytes in use in the chunks before, less what was in use at the mark: may wrap below 0. */
let before: usize = 0;

let markChunk: usize = 0;
let markEnd: usize = 0;
let mark: usize = 0;

/** `bytes` of temporary memory, 16-byte aligned, not zeroed. */
export function temporary(bytes: usize): usize {
  const at = next;
  const end = at + ((bytes + 15) & ~15);
  if (end > chunkEnd) return inNextChunk(bytes);
  next = end;
  return at;
}

/** Gives back what reaches beyond `end` of the temporary block taken last. */
export function shrinkTemporary(end: usize): void {
  next = (end + 15) & ~15;
}

/** Bytes of temporary memory taken since the mark: what others took before says nothing about an event. */
export function temporaryUsed(): usize {
  return before + inChunk();
}

/** An event begins. */
function markTemporary(): void {
  markChunk = chunk;
  markEnd = chunkEnd;
  mark = next;
  before = 0 - inChunk();
}

/** Gives back what was taken since work was allowed last. */
export function giveTemporary(): void {
  chunk = markChunk;
  chunkEnd = markEnd;
  next = mark;
  before = 0 - inChunk();
}

// @ts-ignore: decorator
@inline
function inChunk(): usize {
  return chunk == 0 ? 0 : next - chunk - CHUNK_HEAD;
}

/** All temporary memory is free again. */
export function freeTemporary(): void {
  chunk = chunks;
  before = 0;
  if (chunk == 0) return;
  next = chunk + CHUNK_HEAD;
  chunkEnd = chunk + load<u32>(chunk, 4);
}

function inNextChunk(bytes: usize): usize {
  const needed = ((bytes + 15) & ~15) + CHUNK_HEAD;
  const used = inChunk();
  let following = chunk == 0 ? chunks : <usize>load<u32>(chunk);
  if (following == 0 || load<u32>(following, 4) < <u32>needed) {
    const size = max(needed, CHUNK);
    const fresh = reserve(size);
    store<u32>(fresh, following);
    store<u32>(fresh, size, 4);
    if (chunk == 0) chunks = fresh;
    else store<u32>(chunk, fresh);
    following = fresh;
  }
  before += used;
  chunk = following;
  chunkEnd = chunk + load<u32>(chunk, 4);
  next = chunk + needed;
  return chunk + CHUNK_HEAD;
}

// Held

const HEAD: usize = 8;
/**
 * Sizes of blocks, heads included: 16, 24, 32, 48, 64, 96, … two for each power of two. Blocks of these classes, up to
 * 16 KiB, lie in slabs, granules of blocks of one size; larger ones have units of their own.
 */
const SLAB_CLASSES: u32 = 21;

/** What is known of a slab, by its granule. */
const SLAB_SHIFT: usize = 4;
/** Address of its first free block, each with that of the next; 0: it is full. */
const FREE: usize = 0;
/** Blocks that are taken. */
const TAKEN: usize = 4;
/** The slabs of a class that have room are a list: granules of those after it and before it; 0: there is none. */
const AFTER: usize = 8;
const BEFORE: usize = 12;

let slabs: usize = 0;
/** By class, the granule of the first slab that has room; 0: there is none. */
const roomy: usize = memory.data(21 * 4, 16);
let heldBytes: usize = 0;

/** Bytes of held memory in use, heads and rounding included. */
export function heldUsed(): usize {
  return heldBytes;
}

/** `bytes` of held memory, 8-byte aligned, not zeroed, held once. */
export function take(bytes: usize): usize {
  const kind = classOf(bytes + HEAD);
  const size = sizeOf(kind);
  heldBytes += size;
  const block = kind < SLAB_CLASSES ? takeOfSlab(kind) : takeUnits(size / UNIT) + HEAD;
  store<u32>(block - 8, kind);
  store<u32>(block - 4, 1);
  return block;
}

/** Gives a block back, however often it is held. */
export function give(block: usize): void {
  const kind = load<u32>(block - 8);
  const size = sizeOf(kind);
  heldBytes -= size;
  if (kind < SLAB_CLASSES) giveToSlab(kind, block);
  else giveUnits(block - HEAD, size / UNIT);
}

function takeOfSlab(kind: u32): usize {
  const first = load<u32>(roomy + (<usize>kind << 2));
  const granule = first == 0 ? newSlab(kind) : first;
  const slab = slabOf(granule);
  const block = <usize>load<u32>(slab, FREE);
  const next = load<u32>(block);
  store<u32>(slab, next, FREE);
  store<u32>(slab, load<u32>(slab, TAKEN) + 1, TAKEN);
  if (next == 0) leaveRoomy(kind, granule);
  return block;
}

function giveToSlab(kind: u32, block: usize): void {
  const granule = <u32>(block / GRANULE);
  const slab = slabOf(granule);
  const next = load<u32>(slab, FREE);
  store<u32>(block, next);
  store<u32>(slab, <u32>block, FREE);
  const taken = load<u32>(slab, TAKEN) - 1;
  store<u32>(slab, taken, TAKEN);
  if (next == 0) joinRoomy(kind, granule);
  // The last one with room stays: a block that is taken and given in turns does not make a slab each time.
  else if (taken == 0 && (load<u32>(slab, AFTER) | load<u32>(slab, BEFORE)) != 0) {
    leaveRoomy(kind, granule);
    giveGranule(<usize>granule * GRANULE);
  }
}

// @ts-ignore: decorator
@inline
function slabOf(granule: u32): usize {
  return slabs + (<usize>granule << SLAB_SHIFT);
}

/** A slab of free blocks. @returns its granule */
function newSlab(kind: u32): u32 {
  if (slabs == 0) slabs = reserve(GRANULES << SLAB_SHIFT);
  const address = takeGranule();
  const granule = <u32>(address / GRANULE);
  const size = sizeOf(kind);
  let next: usize = 0;
  for (let block = address + (GRANULE / size - 1) * size + HEAD; block > address; block -= size) {
    store<u32>(block, <u32>next);
    next = block;
  }
  const slab = slabOf(granule);
  store<u32>(slab, <u32>next, FREE);
  store<u32>(slab, 0, TAKEN);
  joinRoomy(kind, granule);
  return granule;
}

function joinRoomy(kind: u32, granule: u32): void {
  const list = roomy + (<usize>kind << 2);
  const after = load<u32>(list);
  store<u32>(slabOf(granule), after, AFTER);
  store<u32>(slabOf(granule), 0, BEFORE);
  if (after != 0) store<u32>(slabOf(after), granule, BEFORE);
  store<u32>(list, granule);
}

function leaveRoomy(kind: u32, granule: u32): void {
  const after = load<u32>(slabOf(granule), AFTER);
  const before = load<u32>(slabOf(granule), BEFORE);
  if (after != 0) store<u32>(slabOf(after), before, BEFORE);
  if (before != 0) store<u32>(slabOf(before), after, AFTER);
  else store<u32>(roomy + (<usize>kind << 2), after);
}

/** Bytes that a held block has room for. */
export function roomOf(block: usize): usize {
  return sizeOf(load<u32>(block - 8)) - HEAD;
}

// @ts-ignore: decorator
@inline
export function holds(block: usize): u32 {
  return load<u32>(block - 4);
}

// @ts-ignore: decorator
@inline
export function hold(block: usize): void {
  store<u32>(block - 4, load<u32>(block - 4) + 1);
}

/** One cell less holds the block. @returns whether it was the last: then what it holds must go, and `give` */
// @ts-ignore: decorator
@inline
export function letGo(block: usize): bool {
  const count = load<u32>(block - 4) - 1;
  store<u32>(block - 4, count);
  return count == 0;
}

function classOf(bytes: usize): u32 {
  if (bytes <= 16) return 0;
  const top = 31 - clz<u32>(<u32>(bytes - 1)); // bytes in (2^top, 2^(top+1)]
  const half: usize = (<usize>1 << top) + (<usize>1 << (top - 1));
  return ((<u32>top - 4) << 1) + (bytes <= half ? 1 : 2);
}

// @ts-ignore: decorator
@inline
function sizeOf(kind: u32): usize {
  const power = <usize>16 << (kind >> 1);
  return kind & 1 ? power + (power >> 1) : power;
}

// Work

let work: i32 = 0;
let workMax: i32 = 0;

/** What one event may cost: instructions, and elements that are looked at. Its temporary memory counts from here, too. */
export function allowWork(units: i32): void {
  workMax = units;
  renewWork();
}

/** As much again as was allowed last. */
export function renewWork(): void {
  work = 0;
  markTemporary();
}

/** Counts `units` of work. @returns whether that is more than allowed */
// @ts-ignore: decorator
@inline
export function spend(units: i32): bool {
  work += units;
  return work > workMax;
}

/** Bytes of text from which on to look at them counts, and how many are a unit then. */
const LONG: i32 = 4096;
const LONG_UNIT: i32 = 256;

/** Counts the work of looking at `bytes` of text. That it is too much is found out with what is spent next. */
// @ts-ignore: decorator
@inline
export function spendBytes(bytes: i32): void {
  if (bytes >= LONG) spend(bytes / LONG_UNIT);
}

// Bounds of values, set by the host from `limits.ts`

/** Bytes of a text. */
export let TEXT_MAX: i32 = 65536;
/** Elements of a collection. */
export let ITEMS_MAX: i32 = 10000;

export function boundValues(textBytes: i32, items: i32): void {
  TEXT_MAX = textBytes;
  ITEMS_MAX = items;
}
