// Events on their way into the core's memory: rows for the scanner, and beside each what else is known of it.
import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";

/** Events of a batch, in the order of the journal: one after the other in each array. */
export interface Batch {
  readonly payloads: readonly Uint8Array[];
  /** Sequences: rising, safe integers. */
  readonly seqs: ArrayLike<number>;
  /** Receive times, ms since epoch. Missing: 0. */
  readonly receivedAt?: ArrayLike<number>;
  /** Numbers of the sources; each has a watermark of its own. Missing: one source. */
  readonly sources?: ArrayLike<number>;
  /** Ids, UTF-8: they order events of the same time. */
  readonly ids?: readonly (Uint8Array | null)[];
}

/** Entries as the journal writes them (`runtime/journal/blob.ts`), one right behind the other, all of them events. */
export interface EntryBytes {
  readonly bytes: Uint8Array;
  /** They lie in `start … end`. */
  readonly start: number;
  readonly end: number;
  readonly count: number;
}

/** The event, as drawn in `assembly/fold/fold.ts`, in bytes. */
export const EVENT = 80;
/** Bytes behind the last payload that the core may read; what it sees there it ignores. */
export const SLACK = 64;
const INPUT_BYTES = 256 * 1024;
const EVENTS_COUNT = 256;

/** Beside the source of an event; `WAS_LATE` in `assembly/fold/fold.ts`. */
const WAS_LATE = 0x80000000;

/** The largest of the sources' numbers; `SOURCES - 1` in `assembly/fold/fold.ts`. */
export const SOURCE_MAX = 63;

/** The core's memory, seen in several ways; growing it makes views void. */
export class Views {
  readonly #memory: WebAssembly.Memory;
  bytes = new Uint8Array();
  words = new Uint32Array();
  doubles = new Float64Array();

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
  }

  /** Valid until the core is called again. */
  now(): this {
    const { buffer } = this.#memory;
    if (this.bytes.buffer !== buffer) {
      this.bytes = new Uint8Array(buffer);
      this.words = new Uint32Array(buffer);
      this.doubles = new Float64Array(buffer);
    }
    return this;
  }
}

export type RoomCore = {
  reserve(bytes: number): number;
  readEntries(at: number, count: number, rows: number, rowSize: number, events: number, source: number): number;
};

/** Rows, events and bytes of one batch in the core's memory. */
export class Room {
  readonly #core: RoomCore;
  readonly #views: Views;
  readonly #rowSize: number;
  #input = 0;
  #inputSize = 0;
  #rows = 0;
  #count = 0;
  events = 0;

  constructor(core: RoomCore, views: Views, rowSize: number) {
    this.#core = core;
    this.#views = views;
    this.#rowSize = rowSize;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Copies the events in. Throws `too-large` for more than a batch may hold. */
  fill(batch: Batch): void {
    const { payloads, ids } = batch;
    const count = payloads.length;
    let size = count;
    for (let i = 0; i < count; i++) size += payloads[i]!.length + (ids?.[i]?.length ?? 0);
    this.#makeRoom(size, count);
    const { bytes, words, doubles } = this.#views.now();
    const { seqs, receivedAt, sources } = batch;
    let at = this.#input;
    let row = this.#rows;
    let event = this.events;
    for (let i = 0; i < count; i++, row += this.#rowSize, event += EVENT) {
      const payload = payloads[i]!;
      bytes.set(payload, at);
      words[row >> 2] = at;
      at += payload.length;
      words[(row >> 2) + 1] = at++; // a byte for the sentinel
      doubles[event >> 3] = seqs[i]!;
      doubles[(event >> 3) + 1] = receivedAt === undefined ? 0 : receivedAt[i]! * 1000;
      words[(event >> 2) + 4] = sources === undefined ? 0 : Math.min(sources[i]!, SOURCE_MAX);
      words[(event >> 2) + 16] = row;
      words[(event >> 2) + 19] = 0;
      const id = ids?.[i] ?? null;
      words[(event >> 2) + 6] = id === null ? 0 : at;
      words[(event >> 2) + 7] = id === null ? 0 : id.length;
      if (id === null) continue;
      bytes.set(id, at);
      at += id.length;
    }
  }

  /** Copies entries in, which are then read where they stand. Throws as `fill`. */
  fillEntries(stretches: readonly EntryBytes[], source: number): void {
    let size = 1; // a byte for the sentinel of the last
    let count = 0;
    for (const each of stretches) {
      size += each.end - each.start;
      count += each.count;
    }
    this.#makeRoom(size, count);
    const { bytes: memory } = this.#views.now();
    let at = this.#input;
    for (const { bytes, start, end } of stretches) {
      memory.set(bytes.subarray(start, end), at);
      at += end - start;
    }
    this.#core.readEntries(this.#input, count, this.#rows, this.#rowSize, this.events, Math.min(source, SOURCE_MAX));
  }

  /** Of events that come again: these were late for their identities, which have them. */
  markLate(count: number, late: ReadonlySet<number>): void {
    const { words, doubles } = this.#views.now();
    for (let i = 0, event = this.events; i < count; i++, event += EVENT)
      if (late.has(doubles[event >> 3]!)) words[(event >> 2) + 4]! |= WAS_LATE;
  }

  #makeRoom(inputBytes: number, count: number): void {
    if (inputBytes > limits.scanBytes)
      throw new AisleError("too-large", `a batch of ${inputBytes} bytes, at most ${limits.scanBytes} are allowed`);
    if (count > limits.scanPayloads)
      throw new AisleError("too-large", `a batch of ${count} events, at most ${limits.scanPayloads} are allowed`);
    if (inputBytes > this.#inputSize) {
      this.#inputSize = Math.min(Math.max(inputBytes, 2 * this.#inputSize, INPUT_BYTES), limits.scanBytes);
      this.#input = this.#core.reserve(this.#inputSize + SLACK);
    }
    if (count > this.#count) {
      this.#count = Math.min(Math.max(count, 2 * this.#count, EVENTS_COUNT), limits.scanPayloads);
      this.#rows = this.#core.reserve(this.#count * this.#rowSize);
      this.events = this.#core.reserve(this.#count * EVENT);
    }
  }
}
