import { AisleError } from "../errors.ts";
import type { Write } from "../store/store.ts";
import type { Block } from "./block.ts";
import type { Appended, Entry, Position } from "./journal.ts";
import { type CommitBounds, type Pending, type Slice, take } from "./pending.ts";

export interface QueueBounds extends CommitBounds {
  readonly journalQueueEntries: number;
  readonly journalQueueBytes: number;
}

/** What is on disk may stay in front of the others up to here, and as long as it is less than half. */
const COMPACT_FROM = 1_024;

/** Batches and blocks that wait for the disk, in the order of their sequences. */
export class Queue {
  readonly #bounds: QueueBounds;
  /** Those before `#first` are on disk: to move all others up after each would take longer the more wait. */
  #pending: (Pending | null)[] = [];
  #first = 0;
  #entries = 0;
  #bytes = 0;

  constructor(bounds: QueueBounds) {
    this.#bounds = bounds;
  }

  get isEmpty(): boolean {
    return this.#first === this.#pending.length;
  }

  get entries(): number {
    return this.#entries;
  }

  /** Upper bound of what they take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @throws AisleError `too-large` for what could never wait, `overloaded` for what can't now */
  checkRoom(entries: number, bytes: number): void {
    const { journalQueueEntries, journalQueueBytes } = this.#bounds;
    if (entries > journalQueueEntries || bytes > journalQueueBytes) {
      const most = `${journalQueueEntries} and ${journalQueueBytes}`;
      throw new AisleError("too-large", `a batch of ${entries} entries, ${bytes} bytes; at most ${most} can wait`);
    }
    if (this.#entries + entries > journalQueueEntries || this.#bytes + bytes > journalQueueBytes) {
      const waiting = `${this.#entries} entries, ${this.#bytes} bytes`;
      throw new AisleError("overloaded", `the journal's queue is full: ${waiting} wait for the disk`);
    }
  }

  /** Entries with one receive time, or a block: the other one is null. Resolves once all of it is on disk. */
  add(
    entries: readonly Entry[] | null,
    block: Block | null,
    { firstSeq, count, receivedAt, bytesMax }: Pick<Pending, "firstSeq" | "count" | "receivedAt" | "bytesMax">,
    { position = null, beside = null }: { readonly position?: Position | null; readonly beside?: Write | null },
  ): Promise<Appended> {
    this.#entries += count;
    this.#bytes += bytesMax;
    return new Promise((resolve, reject) => {
      const at = { firstSeq, count, receivedAt, bytesMax };
      this.#pending.push({ entries, block, position, beside, ...at, written: 0, resolve, reject });
    });
  }

  /** What goes into the next commit. */
  next(): Slice[] {
    return take(this.#pending, this.#bounds, this.#first);
  }

  /** Slices are on disk, in order: whose batch is whole with them is told. */
  settle(slices: readonly Slice[]): void {
    for (const { pending, from, to } of slices) {
      pending.written = to;
      this.#entries -= to - from;
      if (to < pending.count) return;
      this.#pending[this.#first++] = null;
      this.#bytes -= pending.bytesMax;
      pending.resolve({ firstSeq: pending.firstSeq, lastSeq: pending.firstSeq + pending.count - 1 });
    }
    this.#compact();
  }

  #compact(): void {
    if (this.#first < this.#pending.length && (this.#first < COMPACT_FROM || 2 * this.#first < this.#pending.length)) {
      return;
    }
    this.#pending = this.#pending.slice(this.#first);
    this.#first = 0;
  }

  rejectAll(error: AisleError): void {
    const pending = this.#pending;
    this.#pending = [];
    this.#first = 0;
    this.#entries = 0;
    this.#bytes = 0;
    for (const each of pending) each?.reject(error);
  }
}
