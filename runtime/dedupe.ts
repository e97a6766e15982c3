import * as crypto from "node:crypto";
import { DAY } from "./clock.ts";
import { crc32 } from "./crc32.ts";

/** Bytes of the hash of (source, id) kept: 128 bits of SHA-256, so that nobody can make two ids meet. */
const KEY_WORDS = 4;
/** A checksum and the length of the payload tell `id-reused` from a repeat. */
const SLOT_WORDS = KEY_WORDS + 2;

const EMPTY = 0;

/** An id as it is remembered: u32[6], four words of the id and two of its payload. */
export type Print = Uint32Array;

/** The ids of one day: they stand side by side in the ring. */
interface Generation {
  /** Days since 1970, UTC. */
  readonly day: number;
  ids: number;
}

/** Slots that lie, and are saved, together: 48 KiB; a power of two. */
const CHUNK_BITS = 11;
const CHUNK_SLOTS = 1 << CHUNK_BITS;

/** Slots, and half of the places in the index, at first. */
const START_SLOTS = 1_024;

/**
 * Ids that go into a new index with each that is added. Two are enough to be through before it is half full itself;
 * more, and sooner only one index has to be asked. All at once, it would take seconds.
 */
const MOVES = 4;

/** What a checkpoint says of a memory of ids beside the ids. */
export interface DedupeSaved {
  readonly added: number;
  readonly evicted: number;
  readonly generations: readonly (readonly [day: number, ids: number])[];
}

/**
 * The last `capacity` ids seen, each with a print of its payload. A ring of 24-byte slots and an open-addressed index
 * over it, so that a quiet place pays for few: the ring grows by a chunk, the index by doubling. At a million ids:
 * 24 MB and 8 MB. No single id pays for a growth: chunks stay where they are, and the ids go into a new index little by
 * little while the one before, which nothing changes any more, is asked too.
 *
 * The ring is divided into generations, one for each day of receipt; beyond the capacity the oldest gives way, id by
 * id. So it is known how far back ids are remembered, and one lookup asks all days at once.
 */
export class Dedupe {
  readonly #capacity: number;
  /** Oldest first. */
  readonly #generations: Generation[] = [];
  /** All full but the last; the first begins small. */
  readonly #chunks: Uint32Array[] = [];
  /** Slot number + 1, or EMPTY; power of two, at most half full. */
  #index: Uint32Array;
  /** The index before, while ids go from it into the new one; null: all are there. */
  #before: Uint32Array | null = null;
  /** Slots that went into the new index: those below. */
  #moved = 0;
  #size = 0;
  /** Ring position of the next id, once `capacity` is reached also of the oldest. */
  #next = 0;
  /** Ids forgotten because newer ones came: what lies behind the horizon. */
  evicted = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    const start = Math.min(capacity, START_SLOTS);
    this.#chunks.push(new Uint32Array(start * SLOT_WORDS));
    this.#index = new Uint32Array(powerOfTwo(start * 2));
  }

  get size(): number {
    return this.#size;
  }

  /** Days of which some id is remembered. */
  get days(): number {
    return this.#generations.length;
  }

  /** Where the oldest day that is remembered begins, ms since epoch; null: nothing is. */
  get since(): number | null {
    const oldest = this.#generations[0];
    return oldest === undefined ? null : oldest.day * DAY;
  }

  get capacity(): number {
    return this.#capacity;
  }

  // A checkpoint. What was added since the last one lies in few chunks: only these are saved again.

  /** Ids ever added: the next one goes to slot `added % capacity`. */
  get added(): number {
    return this.#size + this.evicted;
  }

  /** Number of the chunk that holds an id by its count, the first that was ever added being 0. */
  chunkOf(count: number): number {
    return Math.floor((count % this.#capacity) / CHUNK_SLOTS);
  }

  /** The count of the first id behind those of the same chunk. */
  chunkEnd(count: number): number {
    const slot = count % this.#capacity;
    const end = Math.min((Math.floor(slot / CHUNK_SLOTS) + 1) * CHUNK_SLOTS, this.#capacity);
    return count + end - slot;
  }

  /** A copy of a chunk's slots, as they are now. */
  chunk(number: number): Buffer {
    return Buffer.from(this.#chunks[number]!.slice().buffer);
  }

  saved(): DedupeSaved {
    const { added, evicted } = this;
    return { added, evicted, generations: this.#generations.map(({ day, ids }) => [day, ids]) };
  }

  /** Takes over what was saved; nothing has been added yet. @param chunks  by number */
  restore({ added, evicted, generations }: DedupeSaved, chunks: Iterable<readonly [number, Uint8Array]>): void {
    const size = added - evicted;
    while (this.#room < size) this.#extend();
    for (const [number, chunk] of chunks) {
      const slots = this.#chunks[number];
      if (slots === undefined) continue;
      const bytes = new Uint8Array(slots.buffer);
      bytes.set(chunk.subarray(0, bytes.length));
    }
    this.#index = new Uint32Array(powerOfTwo(2 * Math.min(this.#capacity, Math.max(START_SLOTS, powerOfTwo(size)))));
    this.#size = size;
    this.evicted = evicted;
    this.#next = added % this.#capacity;
    this.#generations.push(...generations.map(([day, ids]) => ({ day, ids })));
    for (let slot = 0; slot < size; slot++) this.#insert(slot);
  }

  /** Null: never seen, or behind the horizon. */
  seen(print: Print): "same" | "other-payload" | null {
    const slot = this.#find(print);
    if (slot < 0) return null;
    const slots = this.#chunkAt(slot);
    const at = placeOf(slot) + KEY_WORDS;
    return slots[at] === print[4] && slots[at + 1] === print[5] ? "same" : "other-payload";
  }

  /**
   * Remembers an id; the oldest goes when there are too many.
   *
   * @param at  receive time, ms since epoch; what is earlier than that of the id before counts as the same day
   */
  add(print: Print, at = 0): void {
    if (this.#find(print) >= 0) return;
    if (this.#size < this.#capacity && 2 * this.#size === this.#index.length) this.#grow();
    if (this.#before !== null) this.#move();
    if (this.#size === this.#capacity) this.#forget(this.#next);
    else if (this.#size === this.#room) this.#extend();
    const slot = this.#next;
    this.#chunkAt(slot).set(print, placeOf(slot));
    this.#insert(slot);
    this.#size++;
    this.#next = (slot + 1) % this.#capacity;
    const day = Math.floor(at / DAY);
    const youngest = this.#generations.at(-1);
    if (youngest !== undefined && day <= youngest.day) youngest.ids++;
    else this.#generations.push({ day, ids: 1 });
  }

  /** Slots that there is room for. */
  get #room(): number {
    const { length } = this.#chunks;
    return (length - 1) * CHUNK_SLOTS + this.#chunks[length - 1]!.length / SLOT_WORDS;
  }

  #chunkAt(slot: number): Uint32Array {
    return this.#chunks[slot >>> CHUNK_BITS]!;
  }

  /** @returns -1: nowhere */
  #find(key: Print): number {
    const slot = this.#findIn(this.#index, key);
    return slot < 0 && this.#before !== null ? this.#findIn(this.#before, key) : slot;
  }

  #findIn(index: Uint32Array, key: Print): number {
    const mask = index.length - 1;
    for (let at = key[0]! & mask; ; at = (at + 1) & mask) {
      const entry = index[at]!;
      if (entry === EMPTY) return -1;
      if (this.#equals(entry - 1, key)) return entry - 1;
    }
  }

  #equals(slot: number, key: Print): boolean {
    const at = placeOf(slot);
    const slots = this.#chunkAt(slot);
    return slots[at] === key[0] && slots[at + 1] === key[1] && slots[at + 2] === key[2] && slots[at + 3] === key[3];
  }

  #insert(slot: number): void {
    const mask = this.#index.length - 1;
    let at = this.#chunkAt(slot)[placeOf(slot)]! & mask;
    while (this.#index[at] !== EMPTY) at = (at + 1) & mask;
    this.#index[at] = slot + 1;
  }

  /**
   * Takes a slot out of the index and closes the gap (linear probing without tombstones). The index before may still
   * name it: whoever stands there by then is in the new one too, and found there first.
   */
  #forget(slot: number): void {
    const mask = this.#index.length - 1;
    let gap = this.#chunkAt(slot)[placeOf(slot)]! & mask;
    while (this.#index[gap] !== slot + 1) gap = (gap + 1) & mask;
    for (let at = (gap + 1) & mask; this.#index[at] !== EMPTY; at = (at + 1) & mask) {
      const other = this.#index[at]! - 1;
      const home = this.#chunkAt(other)[placeOf(other)]! & mask;
      // An entry may fill the gap unless its home lies cyclically after the gap.
      if (((at - home) & mask) >= ((at - gap) & mask)) {
        this.#index[gap] = this.#index[at]!;
        gap = at;
      }
    }
    this.#index[gap] = EMPTY;
    this.#size--;
    this.evicted++;
    const oldest = this.#generations[0]!;
    if (--oldest.ids === 0) this.#generations.shift();
  }

  #grow(): void {
    this.#before = this.#index;
    this.#moved = 0;
    this.#index = new Uint32Array(2 * this.#before.length);
  }

  /** In the order of the ring: so a slot is in the new index before it is its turn to be forgotten. */
  #move(): void {
    const old = this.#before!.length / 2;
    const end = Math.min(this.#moved + MOVES, old);
    while (this.#moved < end) this.#insert(this.#moved++);
    if (end === old) this.#before = null;
  }

  /** Room for more ids: a chunk, or the rest of the first one. */
  #extend(): void {
    const number = Math.floor(this.#room / CHUNK_SLOTS);
    const slots = new Uint32Array(Math.min(CHUNK_SLOTS, this.#capacity - number * CHUNK_SLOTS) * SLOT_WORDS);
    slots.set(this.#chunks[number] ?? []);
    this.#chunks[number] = slots;
  }
}

/** The print of an id of a source, with that of its payload. */
export function printOf(source: string, id: string, payload: Uint8Array): Print {
  return print(keyOf(source, id), crc32(payload, 0, payload.length), payload.length);
}

/** The same for an event that another place took in. Other bytes under the same id are remembered beside it. */
export function printAt(place: string, source: string, id: string, payload: Uint8Array): Print {
  const check = crc32(payload, 0, payload.length);
  // Begins as no text of `keyOf` does: each place has ids of its own.
  return print(`${place.length}@${place}${keyOf(source, id)} ${check} ${payload.length}`, check, payload.length);
}

/** @param text  names what is remembered */
function print(text: string, check: number, length: number): Print {
  const key = sha256(text);
  return Uint32Array.of(word(key, 0), word(key, 1), word(key, 2), word(key, 3), check, length);
}

/** Came with Node 20.12, and takes half the time of an object that is made to be used once. */
const oneShot: typeof crypto.hash | undefined = crypto.hash;

function sha256(text: string): Buffer {
  return oneShot === undefined
    ? crypto.createHash("sha256").update(text).digest()
    : (oneShot("sha256", text, "buffer") as Buffer);
}

/** Source and id as one text; no other pair gives the same. */
export function keyOf(source: string, id: string): string {
  return `${source.length}:${source}${id}`;
}

function word(hash: Buffer, index: number): number {
  return hash.readUInt32LE(index * 4);
}

/** Where a slot begins in its chunk, words. */
function placeOf(slot: number): number {
  return (slot & (CHUNK_SLOTS - 1)) * SLOT_WORDS;
}

function powerOfTwo(atLeast: number): number {
  let size = 1;
  while (size < atLeast) size *= 2;
  return size;
}
