import type { Clock } from "../../runtime/clock.ts";
import { AisleError } from "../../runtime/errors.ts";
import type { Appended, Draft, Entry, Journal, JournalStats } from "../../runtime/journal/journal.ts";

/** What survives: the entries, and with each the `appliedSeq` that stood on disk beside it. */
export interface Disk {
  readonly entries: Entry[];
  readonly applied: number[];
}

export const emptyDisk = (): Disk => ({ entries: [], applied: [] });

/** The disk as it was when entry `seq` had just been written. */
export function cutAfter({ entries, applied }: Disk, seq: number): Disk {
  return { entries: entries.slice(0, seq), applied: applied.slice(0, seq) };
}

type Listener = (entries: readonly Entry[]) => void;

interface Waiting {
  readonly entries: readonly Entry[];
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The port of `runtime/journal/journal.ts` in memory: sequences at once, group commit on a later turn of the event
 * loop. Tests can hold commits back, make one fail, or bound the queue.
 */
export class MemoryJournal implements Journal {
  readonly epoch: string;
  readonly disk: Disk;
  appliedSeq: number;
  /** Entries that may wait; past that `append` is refused. */
  queueMax = Number.POSITIVE_INFINITY;
  /** Commits so far. */
  commits = 0;
  readonly #clock: Clock;
  readonly #appendListeners: Listener[] = [];
  readonly #commitListeners: Listener[] = [];
  #queue: Waiting[] = [];
  #givenSeq: number;
  #lastAt: number;
  #held = false;
  #scheduled = false;
  #failure: Error | null = null;

  constructor(clock: Clock, disk: Disk = emptyDisk(), epoch = "e0") {
    this.#clock = clock;
    this.disk = disk;
    this.epoch = epoch;
    this.#givenSeq = disk.entries.at(-1)?.seq ?? 0;
    this.#lastAt = disk.entries.at(-1)?.receivedAt ?? 0;
    this.appliedSeq = disk.applied.at(-1) ?? 0;
  }

  get lastSeq(): number {
    return this.disk.entries.at(-1)?.seq ?? 0;
  }

  get queued(): number {
    return this.#queue.reduce((sum, { entries }) => sum + entries.length, 0);
  }

  append(batch: readonly Draft[]): Promise<Appended> {
    if (this.queued + batch.length > this.queueMax) {
      return Promise.reject(new AisleError("overloaded", `${this.queueMax} entries wait for the disk`));
    }
    this.#lastAt = Math.max(this.#lastAt, this.#clock.now());
    const entries = batch.map((draft) => ({ ...draft, seq: ++this.#givenSeq, receivedAt: this.#lastAt }));
    const done = new Promise<Appended>((resolve, reject) => this.#queue.push({ entries, resolve, reject }));
    this.#schedule();
    for (const listener of this.#appendListeners) listener(entries);
    return done;
  }

  onAppend(listener: Listener): void {
    this.#appendListeners.push(listener);
  }

  onCommit(listener: Listener): void {
    this.#commitListeners.push(listener);
  }

  *read(fromSeq = 1): Generator<Entry> {
    for (const entry of this.disk.entries) if (entry.seq >= fromSeq) yield entry;
  }

  find(seq: number): Entry | null {
    return this.disk.entries.find((entry) => entry.seq === seq) ?? null;
  }

  stats(): JournalStats {
    const { lastSeq, commits } = this;
    return {
      firstSeq: this.disk.entries[0]?.seq ?? 0,
      lastSeq,
      queuedEntries: this.queued,
      queuedBytes: 0,
      commits,
      bytes: 0,
    };
  }

  async close(): Promise<void> {
    this.commit();
  }

  /** No commit until `release`. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.#schedule();
  }

  /** The next commit fails; what was in it is gone. */
  failNext(error: Error): void {
    this.#failure = error;
  }

  /** Takes what waits apart: one commit for each batch, to be made by the caller in order. */
  split(): (() => void)[] {
    const queue = this.#queue;
    this.#queue = [];
    return queue.map((waiting) => () => this.#commit([waiting]));
  }

  /** Writes what waits, now. */
  commit(): void {
    const queue = this.#queue;
    this.#queue = [];
    this.#commit(queue);
  }

  #commit(queue: readonly Waiting[]): void {
    if (queue.length === 0) return;
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) {
      for (const { reject } of queue) reject(failure);
      return;
    }
    const entries = queue.flatMap((waiting) => waiting.entries);
    // Only with the commit's last entry is what it says of `appliedSeq` on disk.
    const before = this.disk.applied.at(-1) ?? 0;
    for (const entry of entries) {
      this.disk.entries.push(stored(entry));
      this.disk.applied.push(entry === entries.at(-1) ? this.appliedSeq : before);
    }
    this.commits++;
    for (const listener of this.#commitListeners) listener(entries);
    for (const { entries: own, resolve } of queue) {
      const lastSeq = own.at(-1)?.seq ?? this.#givenSeq;
      resolve({ firstSeq: own[0]?.seq ?? lastSeq + 1, lastSeq });
    }
  }

  #schedule(): void {
    if (this.#held || this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#held) this.commit();
    });
  }
}

/** An entry as it comes back from a disk: bytes of its own, and no value at hand. */
function stored({ value: _, payload, ...rest }: Entry): Entry {
  return { ...rest, payload: payload.slice() };
}
