// Two kinds of memory for values.
//
// Temporary: taken while an event is folded, given back when it is done. A bump through chunks.
//
// Held: what records keep, taken and given back one by one. A block has a class of size; free blocks of a class
// wait in a list. Behind the head the block is its taker's:
//
//   -8  class  u32
//   -4  count  u32  how many cells hold it; above 1 it is never written to

import { reserve } from "../arena";

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
/** Sizes of blocks, heads included: 16, 24, 32, 48, 64, 96, … two for each power of two. */
const CLASSES: u32 = 54;
const SLAB: usize = 64 * 1024;

const free: usize = memory.data(54 * 4, 16);
let slab: usize = 0;
let slabEnd: usize = 0;
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
  let block = <usize>load<u32>(free + (<usize>kind << 2));
  if (block != 0) store<u32>(free + (<usize>kind << 2), load<u32>(block));
  else block = fresh(size) + HEAD;
  store<u32>(block - 8, kind);
  store<u32>(block - 4, 1);
  return block;
}

/** Gives a block back, however often it is held. */
export function give(block: usize): void {
  const kind = load<u32>(block - 8);
  heldBytes -= sizeOf(kind);
  store<u32>(block, load<u32>(free + (<usize>kind << 2)));
  store<u32>(free + (<usize>kind << 2), <u32>block);
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

function fresh(size: usize): usize {
  if (size > SLAB >> 2) return reserve(size);
  if (slab + size > slabEnd) {
    slab = reserve(SLAB);
    slabEnd = slab + SLAB;
  }
  const at = slab;
  slab += size;
  return at;
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
