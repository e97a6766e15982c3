import { AisleError } from "../errors.ts";
import { keyOf, seqOf } from "../key.ts";
import type { Row, Store } from "../store/store.ts";
import { BlobReader, type Corruption } from "./blob.ts";
import type { Block } from "./block.ts";
import type { Entry, Kind } from "./journal.ts";
import { JOURNAL } from "./meta.ts";
import { Succession } from "./succession.ts";

/** Commits fetched at a time. No read transaction outlives the fetch, so a slow reader keeps no space from reuse. */
const FETCH = 32;

export interface ReadOptions {
  /** Called for each stretch that can't be read, which is then stepped over. Without it, reading throws there. */
  readonly onCorrupt?: (corruption: Corruption) => void;
  /** The data folder, for messages. */
  readonly dir?: string;
}

/**
 * Goes through the journal without an object per entry: for replay, where millions of entries pass by.
 * `next()` moves on and says whether there was one; at the end it says false, and later perhaps true again.
 */
export class JournalCursor {
  readonly #store: Store;
  readonly #lastSeq: () => number;
  readonly #reader: BlobReader;
  readonly #onCorrupt: (corruption: Corruption) => void;
  readonly #succession: Succession;
  #blobs: readonly Row[] = [];
  #next = 0;
  /** Entries below it are passed over. */
  #fromSeq: number;
  #inBlob = false;

  /** @param lastSeq the highest sequence that may be shown */
  constructor(store: Store, lastSeq: () => number, fromSeq: number, options: ReadOptions = {}) {
    this.#store = store;
    this.#lastSeq = lastSeq;
    this.#fromSeq = Math.max(fromSeq, 1);
    this.#onCorrupt = (corruption) => {
      if (corruption.part === "entry" && corruption.lastSeq < fromSeq) return;
      if (options.onCorrupt === undefined) throw corrupt(corruption, options.dir);
      options.onCorrupt(corruption);
    };
    this.#reader = new BlobReader(this.#onCorrupt);
    this.#succession = new Succession(store, this.#fromSeq);
  }

  /** @throws AisleError `corrupt`, unless `onCorrupt` was given */
  next(): boolean {
    for (;;) {
      if (this.#inBlob) {
        while (this.#reader.next()) {
          if (this.#reader.seq < this.#fromSeq) continue;
          this.#fromSeq = this.#reader.seq + 1;
          return true;
        }
        this.#inBlob = false;
      }
      if (!this.#nextBlob()) return false;
    }
  }

  get seq(): number {
    return this.#reader.seq;
  }

  get kind(): Kind {
    return this.#reader.kind;
  }

  /** ms since epoch */
  get receivedAt(): number {
    return this.#reader.receivedAt;
  }

  /** A view into a buffer that is never reused. */
  get payload(): Buffer {
    return this.#reader.payload;
  }

  /** Where the payload lies: `bytes[payloadStart … payloadEnd)`, for copying it without a view. */
  get bytes(): Buffer {
    return this.#reader.bytes;
  }

  get payloadStart(): number {
    return this.#reader.payloadStart;
  }

  get payloadEnd(): number {
    return this.#reader.entryEnd;
  }

  entry(): Entry {
    return this.#reader.entry();
  }

  /** The run of plain events that begins here, as far as their commit goes; null: this entry is none. */
  block(): Block | null {
    const block = this.#reader.block();
    if (block !== null) this.#fromSeq = block.lastSeq + 1;
    return block;
  }

  #nextBlob(): boolean {
    if (this.#next === this.#blobs.length && !this.#fetch()) return false;
    const { key, value } = this.#blobs[this.#next++]!;
    const following = this.#blobs[this.#next]?.key;
    this.#missed(seqOf(key));
    this.#inBlob = true;
    this.#reader.open(value, seqOf(key), following === undefined ? Number.POSITIVE_INFINITY : seqOf(following));
    this.#succession.passed(this.#reader.lastSeq);
    return true;
  }

  /** Tells once what should have come before a sequence, and is gone. */
  #missed(seq: number): void {
    const missing = this.#succession.missing(seq);
    if (missing === null) return;
    this.#succession.passed(missing.lastSeq);
    this.#onCorrupt(missing);
  }

  #fetch(): boolean {
    const lastSeq = this.#lastSeq(); // first, since it throws when the journal is closed
    const passed = this.#blobs.at(-1)?.key;
    const start = passed === undefined ? this.#startKey() : keyOf(seqOf(passed) + 1);
    if (seqOf(start) > lastSeq) return false;
    const blobs = [...this.#store.range(JOURNAL, { start, end: keyOf(lastSeq + 1), limit: FETCH })];
    if (blobs.length === 0) {
      this.#missed(lastSeq + 1);
      return false;
    }
    this.#blobs = blobs;
    this.#next = 0;
    return true;
  }

  /** The key of the commit that would hold `fromSeq`. */
  #startKey(): Buffer {
    const wanted = keyOf(this.#fromSeq);
    for (const { key } of this.#store.range(JOURNAL, { start: wanted, reverse: true, limit: 1 })) return key;
    return wanted;
  }
}

/** @param dir  the data folder, for what to do about it */
export function corrupt(corruption: Corruption, dir = "DIR"): AisleError {
  const todo = `See all that is damaged with 'aisle journal verify --data ${dir}', move it to the dead letters with 'aisle journal repair --data ${dir}'`;
  return new AisleError("corrupt", `journal: ${describeCorruption(corruption)}. ${todo}`);
}

/** "entry 5: has checksum …" */
export function describeCorruption({ part, firstSeq, lastSeq, detail }: Corruption): string {
  if (part === "commit") return `the commit that begins at ${firstSeq}: ${detail}`;
  return `${firstSeq === lastSeq ? `entry ${firstSeq}` : `entries ${firstSeq} to ${lastSeq}`}: ${detail}`;
}
