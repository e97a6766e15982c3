// Which key leads where. Three tables, all for one set of paths:
//
//   context  one per object that a path leads through; the root is the first
//   field    a key that some path names, within its context; fixed
//   step     a member's beginning as publishers really write it, `, "key": ` with its comma, its spaces and its
//            colon, learned on the way. Events of one type look alike, so the step that followed last time is
//            compared first: 32 bytes at once, and comma, key and colon are read.
//
// Steps only ever make a scan faster: what they say is what the fields say. Their number is bounded; when it is
// reached all are forgotten, between two payloads.
//
// Step, 64 bytes:
//   +0   literal  u8[32]  behind it 0
//   +32  mask     u64     a bit per byte of the literal; bit 40 = matches nothing
//   +40  length   u32     bytes of the literal
//   +44  cell     u32     offset in the row, 0 = not wanted
//   +48  child    u32     context of the object that may follow, 0 = none
//   +52  next     u32     step that followed last time
//   +56  other    u32     step that followed the time before
//   +60  context  u32
//
// Context, 400 bytes. It begins as a step: the one before the first member, of which only next and other count.
//   +0    step
//   +64   loose    step      stands in for members too long or too many to learn
//   +128  buckets  u32[64]   fields by hash of the key
//   +384  from     u32       offsets in the row: the cells of the paths that lead through here
//   +388  to       u32
//   +392  sibling  u32       context made before this one, 0 = none
//
// Field, 20 bytes:
//   +0   chain   u32  next field of the bucket
//   +4   key     u32  address of its text, UTF-8
//   +8   length  u32
//   +12  cell    u32
//   +16  child   u32

import { reserve } from "../arena";
import { ESCAPED, unescape } from "./text";

const MASK: usize = 32;
export const LENGTH: usize = 40;
export const CELL: usize = 44;
export const CHILD: usize = 48;
export const NEXT: usize = 52;
export const OTHER: usize = 56;
const CONTEXT: usize = 60;
const STEP_SIZE: usize = 64;

const LOOSE: usize = 64;
const BUCKETS: usize = 128;
const BUCKETS_MASK: u32 = 63;
export const CLEAR_FROM: usize = 384;
export const CLEAR_TO: usize = 388;
const SIBLING: usize = 392;
const CONTEXT_SIZE: usize = 400;

const FIELD_CHAIN: usize = 0;
const FIELD_KEY: usize = 4;
const FIELD_LENGTH: usize = 8;
const FIELD_CELL: usize = 12;
const FIELD_CHILD: usize = 16;
const FIELD_SIZE: usize = 20;

/** Bytes of a member's beginning that can be learned. */
const LITERAL_MAX: u32 = 32;
/** Steps learned at most. A site has a few dozen; only keys that are data (a map by customer) have more. */
const STEPS_MAX: usize = 512;
/** Hash table of the steps: addresses, 0 = empty; a quarter full at most. */
const SLOTS: u32 = 2048;
/** Slots looked at before a step counts as unknown, so that nobody can choose keys that make this slow. */
const PROBES: u32 = 8;

const MATCHES_NOTHING: u64 = 1 << 40;

let none: usize = 0;
let steps: usize = 0;
let stepsCount: usize = 0;
let slots: usize = 0;
let contexts: usize = 0;
let scratch: usize = 0;
let scratchSize: i32 = 0;

// Building

/** A context whose paths fill the row from offset `from` to `to`. */
export function newContext(from: u32, to: u32): usize {
  if (none == 0) {
    none = reserve(STEP_SIZE);
    store<u64>(none, MATCHES_NOTHING, MASK);
    steps = reserve(STEPS_MAX * STEP_SIZE);
    slots = reserve(SLOTS * 4);
  }
  const context = reserve(CONTEXT_SIZE);
  store<u32>(context, from, CLEAR_FROM);
  store<u32>(context, to, CLEAR_TO);
  store<u64>(context, MATCHES_NOTHING, LOOSE + MASK);
  store<u32>(context, contexts, SIBLING);
  contexts = context;
  forgetContext(context);
  return context;
}

/**
 * A key of `context`. Its bytes stay where they are.
 *
 * @param cell   offset in the row, 0 = the value itself is not wanted
 * @param child  context of the paths that go on from here, 0 = none
 */
export function newField(context: usize, key: usize, length: i32, cell: u32, child: usize): void {
  const field = reserve(FIELD_SIZE);
  const bucket = context + BUCKETS + (<usize>(keyHash(key, length) & BUCKETS_MASK) << 2);
  store<u32>(field, load<u32>(bucket), FIELD_CHAIN);
  store<u32>(field, key, FIELD_KEY);
  store<u32>(field, length, FIELD_LENGTH);
  store<u32>(field, cell, FIELD_CELL);
  store<u32>(field, child, FIELD_CHILD);
  store<u32>(bucket, field);

  const longest = length * 6; // every byte may be written as \u00XX
  if (longest > scratchSize) {
    scratchSize = longest;
    scratch = reserve(longest + 8); // the hash reads eight bytes of the shortest
  }
}

// Reading

/** Does the text at `at` begin with the literal of this step? */
// @ts-ignore: decorator
@inline
export function begins(at: usize, step: usize): bool {
  const low = i8x16.bitmask(i8x16.eq(v128.load(at), v128.load(step)));
  const high = i8x16.bitmask(i8x16.eq(v128.load(at, 16), v128.load(step, 16)));
  const mask = load<u64>(step, MASK);
  return (<u64>(<u32>(low | (high << 16))) & mask) == mask;
}

/**
 * The step for a member that was just read the long way, and from now on the first guess after `previous`.
 *
 * @param from   end of the value before
 * @param value  begin of the value that follows
 * @param key    the key's bytes, between its quotes
 * @param flags  ESCAPED when they are not yet its text
 */
export function stepFor(context: usize, previous: usize, from: usize, value: usize, key: usize, keyEnd: usize, flags: u32): usize {
  const step = learned(context, from, value, key, keyEnd, flags);
  if (step != context + LOOSE && <usize>load<u32>(previous, NEXT) != step) {
    store<u32>(previous, load<u32>(previous, NEXT), OTHER);
    store<u32>(previous, step, NEXT);
  }
  return step;
}

function learned(context: usize, from: usize, value: usize, key: usize, keyEnd: usize, flags: u32): usize {
  const length = <u32>(value - from);
  if (length <= LITERAL_MAX) {
    const hash = keyHash(key, <i32>(keyEnd - key)) + <u32>context;
    for (let probe: u32 = 0; probe < PROBES; probe++) {
      const slot = slots + (<usize>((hash + probe) & (SLOTS - 1)) << 2);
      const step = <usize>load<u32>(slot);
      if (step == 0) {
        if (stepsCount == STEPS_MAX) break;
        const fresh = steps + stepsCount++ * STEP_SIZE;
        memory.copy(fresh, from, length);
        store<u64>(fresh, (<u64>1 << length) - 1, MASK);
        store<u32>(fresh, length, LENGTH);
        store<u32>(fresh, context, CONTEXT);
        store<u32>(fresh, none, NEXT);
        store<u32>(fresh, none, OTHER);
        aim(fresh, context, key, keyEnd, flags);
        store<u32>(slot, fresh);
        return fresh;
      }
      if (load<u32>(step, CONTEXT) == <u32>context && load<u32>(step, LENGTH) == length && begins(from, step)) return step;
    }
  }
  const loose = context + LOOSE;
  aim(loose, context, key, keyEnd, flags);
  return loose;
}

/** Writes into a step what the field of this key says, or that nobody wants it. */
function aim(step: usize, context: usize, key: usize, keyEnd: usize, flags: u32): void {
  const field = fieldOf(context, key, keyEnd, flags);
  store<u32>(step, field == 0 ? 0 : load<u32>(field, FIELD_CELL), CELL);
  store<u32>(step, field == 0 ? 0 : load<u32>(field, FIELD_CHILD), CHILD);
}

function fieldOf(context: usize, key: usize, keyEnd: usize, flags: u32): usize {
  let length = <i32>(keyEnd - key);
  if (flags & ESCAPED) {
    if (length > scratchSize) return 0; // longer than any wanted key can be written
    length = <i32>(unescape(key, keyEnd, scratch) - scratch);
    key = scratch;
  }
  let field = <usize>load<u32>(context + BUCKETS + (<usize>(keyHash(key, length) & BUCKETS_MASK) << 2));
  while (field != 0) {
    if (load<u32>(field, FIELD_LENGTH) == length && memory.compare(load<u32>(field, FIELD_KEY), key, length) == 0) break;
    field = load<u32>(field, FIELD_CHAIN);
  }
  return field;
}

/** Of the length and the first and last eight bytes: enough to tell the keys of one event type apart. */
function keyHash(key: usize, length: i32): u32 {
  const head = load<u64>(key);
  const mixed = length < 8 ? head & ((<u64>1 << (length << 3)) - 1) : head ^ rotl(load<u64>(key + length - 8), 29);
  const product = (mixed + <u64>length) * 0x9e3779b97f4a7c15;
  return <u32>(product >> 40);
}

// Forgetting

/** Forgets all steps if there is no room for more. Only between payloads: within one, the scan holds on to steps. */
export function makeRoom(): void {
  if (stepsCount < STEPS_MAX) return;
  stepsCount = 0;
  memory.fill(steps, 0, STEPS_MAX * STEP_SIZE);
  memory.fill(slots, 0, SLOTS * 4);
  for (let context = contexts; context != 0; context = load<u32>(context, SIBLING)) forgetContext(context);
}

function forgetContext(context: usize): void {
  for (let step = context; step <= context + LOOSE; step += LOOSE) {
    store<u32>(step, none, NEXT);
    store<u32>(step, none, OTHER);
  }
}
