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

/** Slots that are saved together: 48 KiB. */
const CHUNK_SLOTS = 2_048;

/** What a checkpoint says of a memory of ids beside the ids. */
export interface DedupeSaved {
  readonly added: number;
  readonly evicted: number;
  readonly generations: readonly (readonly [day: number, ids: number])[];
}

/**
 * The last `capacity` ids seen, each with a print of its payload. A ring of 24-byte slots and an open-addressed index
 * over it; both grow by doubling, so a quiet place pays for few. At a million ids: 24 MB and 8 MB.
 *
 * The ring is divided into generations, one for each day of receipt; beyond the capacity the oldest gives way, id by
 * id. So it is known how far back ids are remembered, and one lookup asks all days at once.
 */
export class Dedupe {
  readonly #capacity: number;
  /** Oldest first. */
  readonly #generations: Generation[] = [];
  #slots: Uint32Array;
  /** Slot number + 1, or EMPTY; power of two, at most half full. */
  #index: Uint32Array;
  #size = 0;
  /** Ring position of the next id, once `capacity` is reached also of the oldest. */
  #next = 0;
  /** Ids forgotten because newer ones came: what lies behind the horizon. */
  evicted = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    const start = Math.min(capacity, 1024);
    this.#slots = new Uint32Array(start * SLOT_WORDS);
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
    const start = number * CHUNK_SLOTS * SLOT_WORDS;
    const words = this.#slots.slice(start, start + CHUNK_SLOTS * SLOT_WORDS);
    return Buffer.from(words.buffer);
  }

  saved(): DedupeSaved {
    const { added, evicted } = this;
    return { added, evicted, generations: this.#generations.map(({ day, ids }) => [day, ids]) };
  }

  /** Takes over what was saved; nothing has been added yet. @param chunks  by number */
  restore({ added, evicted, generations }: DedupeSaved, chunks: Iterable<readonly [number, Uint8Array]>): void {
    const size = added - evicted;
    const count = Math.min(this.#capacity, Math.max(this.#slots.length / SLOT_WORDS, powerOfTwo(size)));
    this.#slots = new Uint32Array(count * SLOT_WORDS);
    const bytes = new Uint8Array(this.#slots.buffer);
    for (const [number, chunk] of chunks) {
      const start = number * CHUNK_SLOTS * SLOT_WORDS * Uint32Array.BYTES_PER_ELEMENT;
      bytes.set(chunk.subarray(0, Math.max(0, bytes.length - start)), start);
    }
    this.#index = new Uint32Array(powerOfTwo(count * 2));
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
    const at = slot * SLOT_WORDS + KEY_WORDS;
    return this.#slots[at] === print[4] && this.#slots[at + 1] === print[5] ? "same" : "other-payload";
  }

  /**
   * Remembers an id; the oldest goes when there are too many.
   *
   * @param at  receive time, ms since epoch; what is earlier than that of the id before counts as the same day
   */
  add(print: Print, at = 0): void {
    if (this.#find(print) >= 0) return;
    if (this.#size === this.#capacity) this.#forget(this.#next);
    else if (this.#size === this.#slots.length / SLOT_WORDS) this.#grow();
    const slot = this.#next;
    this.#slots.set(print, slot * SLOT_WORDS);
    this.#insert(slot);
    this.#size++;
    this.#next = (slot + 1) % this.#capacity;
    const day = Math.floor(at / DAY);
    const youngest = this.#generations.at(-1);
    if (youngest !== undefined && day <= youngest.day) youngest.ids++;
    else this.#generations.push({ day, ids: 1 });
  }

  #find(key: Print): number {
    const mask = this.#index.length - 1;
    for (let at = key[0]! & mask; ; at = (at + 1) & mask) {
      const entry = this.#index[at]!;
      if (entry === EMPTY) return -1;
      if (this.#equals(entry - 1, key)) return entry - 1;
    }
  }

  #equals(slot: number, key: Print): boolean {
    const at = slot * SLOT_WORDS;
    const slots = this.#slots;
    return slots[at] === key[0] && slots[at + 1] === key[1] && slots[at + 2] === key[2] && slots[at + 3] === key[3];
  }

  #insert(slot: number): void {
    const mask = this.#index.length - 1;
    let at = this.#slots[slot * SLOT_WORDS]! & mask;
    while (this.#index[at] !== EMPTY) at = (at + 1) & mask;
    this.#index[at] = slot + 1;
  }

  /** Takes a slot out of the index and closes the gap (linear probing without tombstones). */
  #forget(slot: number): void {
    const mask = this.#index.length - 1;
    let gap = this.#slots[slot * SLOT_WORDS]! & mask;
    while (this.#index[gap] !== slot + 1) gap = (gap + 1) & mask;
    for (let at = (gap + 1) & mask; this.#index[at] !== EMPTY; at = (at + 1) & mask) {
      const home = this.#slots[(this.#index[at]! - 1) * SLOT_WORDS]! & mask;
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
    const count = Math.min(this.#capacity, (this.#slots.length / SLOT_WORDS) * 2);
    const slots = new Uint32Array(count * SLOT_WORDS);
    slots.set(this.#slots);
    this.#slots = slots;
    this.#index = new Uint32Array(powerOfTwo(count * 2));
    for (let slot = 0; slot < this.#size; slot++) this.#insert(slot);
  }
}

/** The print of an id of a source, with that of its payload. */
export function printOf(source: string, id: string, payload: Uint8Array): Print {
  const key = sha256(keyOf(source, id));
  const check = crc32(payload, 0, payload.length);
  return Uint32Array.of(word(key, 0), word(key, 1), word(key, 2), word(key, 3), check, payload.length);
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

function powerOfTwo(atLeast: number): number {
  let size = 1;
  while (size < atLeast) size *= 2;
  return size;
}
