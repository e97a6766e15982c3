import type { Clock } from "../../runtime/clock.ts";
import { AisleError } from "../../runtime/errors.ts";
import { BLOB_HEADER, BlobWriter, entryBytesMax } from "../../runtime/journal/blob.ts";
import { Block, type Part, PLAIN } from "../../runtime/journal/block.ts";
import { type Extent, extentOf } from "../../runtime/journal/extent.ts";
import type {
  Appended,
  AppendOptions,
  BlockDraft,
  CommitListener,
  Draft,
  Entry,
  Journal,
  JournalStats,
  Position,
} from "../../runtime/journal/journal.ts";
import { entriesOf } from "../../runtime/journal/walk.ts";
import { limits } from "../../runtime/limits.ts";

/** What survives: the entries, and with each the `appliedSeq` that stood on disk beside it. */
export interface Disk {
  readonly entries: Entry[];
  readonly applied: number[];
  /** Those that came in blocks, and the first sequence of the commit of each. */
  readonly plain: Map<number, number>;
  /** Of each source, with the highest sequence on disk at that time. */
  readonly positions: (Position & { readonly lastSeq: number })[];
}

export const emptyDisk = (): Disk => ({ entries: [], applied: [], plain: new Map(), positions: [] });

/** The disk as it was when entry `seq` had just been written. */
export function cutAfter({ entries, applied, plain, positions }: Disk, seq: number): Disk {
  return {
    entries: entries.slice(0, seq),
    applied: applied.slice(0, seq),
    plain: new Map([...plain].filter(([each]) => each <= seq)),
    positions: positions.filter(({ lastSeq }) => lastSeq <= seq),
  };
}

type Listener = (entries: readonly Entry[]) => void;

interface Waiting {
  readonly entries: readonly Entry[];
  readonly block: Block | null;
  readonly position: Position | undefined;
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
  readonly #commitListeners: CommitListener[] = [];
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

  append(batch: readonly Draft[], { position }: AppendOptions = {}): Promise<Appended> {
    if (this.queued + batch.length > this.queueMax) return this.#overloaded();
    this.#lastAt = Math.max(this.#lastAt, this.#clock.now());
    const entries = batch.map((draft) => ({ ...draft, seq: ++this.#givenSeq, receivedAt: this.#lastAt }));
    const done = this.#enqueue(entries, null, position);
    for (const listener of this.#appendListeners) listener(entries);
    return done;
  }

  appendBlock({ count, bytesMax, encode, position }: BlockDraft): Promise<Appended> {
    if (count > limits.commitEntries || bytesMax > limits.commitBytes) {
      return Promise.reject(new AisleError("too-large", `a block of ${count} entries, ${bytesMax} bytes`));
    }
    if (this.queued + count > this.queueMax) return this.#overloaded();
    this.#lastAt = Math.max(this.#lastAt, this.#clock.now());
    const [firstSeq, receivedAt] = [this.#givenSeq + 1, this.#lastAt];
    const bytes = encode(firstSeq, receivedAt);
    this.#givenSeq += count;
    const range = { start: BLOB_HEADER, end: bytes.length, lastAt: receivedAt };
    const block = new Block({ bytes, ...range, count, firstSeq, receivedAt });
    return this.#enqueue([...entriesOf(block)], block, position);
  }

  position(source: string): string | null {
    return this.disk.positions.findLast((each) => each.source === source)?.value ?? null;
  }

  #enqueue(entries: readonly Entry[], block: Block | null, position: Position | undefined): Promise<Appended> {
    const done = new Promise<Appended>((resolve, reject) => {
      this.#queue.push({ entries, block, position, resolve, reject });
    });
    this.#schedule();
    return done;
  }

  #overloaded(): Promise<never> {
    return Promise.reject(new AisleError("overloaded", `${this.queueMax} entries wait for the disk`));
  }

  onAppend(listener: Listener): void {
    this.#appendListeners.push(listener);
  }

  onCommit(listener: CommitListener): void {
    this.#commitListeners.push(listener);
  }

  *read(fromSeq = 1): Generator<Entry> {
    for (const entry of this.disk.entries) if (entry.seq >= fromSeq) yield entry;
  }

  extent(): Extent {
    return extentOf(this.parts());
  }

  *parts(fromSeq = 1): Generator<Entry | Block> {
    const { plain } = this.disk;
    let run: Entry[] = [];
    for (const entry of this.read(fromSeq)) {
      const last = run.at(-1);
      const goesOn = last !== undefined && plain.get(last.seq) === plain.get(entry.seq) && last.seq + 1 === entry.seq;
      if (last !== undefined && !goesOn) {
        yield blockOf(run);
        run = [];
      }
      if (plain.has(entry.seq)) run.push(entry);
      else yield entry;
    }
    if (run.length > 0) yield blockOf(run);
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
    const firstSeq = this.lastSeq + 1;
    for (const { block } of queue) {
      for (let i = 0; i < (block?.count ?? 0); i++) this.disk.plain.set(block!.firstSeq + i, firstSeq);
    }
    // Only with the commit's last entry is what it says of `appliedSeq` on disk.
    const before = this.disk.applied.at(-1) ?? 0;
    for (const entry of entries) {
      this.disk.entries.push(stored(entry));
      this.disk.applied.push(entry === entries.at(-1) ? this.appliedSeq : before);
    }
    const { lastSeq } = this;
    for (const { position } of queue) if (position !== undefined) this.disk.positions.push({ ...position, lastSeq });
    if (entries.length > 0) this.#tell(queue, firstSeq, lastSeq);
    for (const { entries: own, resolve } of queue) {
      const lastSeq = own.at(-1)?.seq ?? this.#givenSeq;
      resolve({ firstSeq: own[0]?.seq ?? lastSeq + 1, lastSeq });
    }
  }

  #tell(queue: readonly Waiting[], firstSeq: number, lastSeq: number): void {
    this.commits++;
    const parts: Part[] = queue.map(({ entries, block }) => block ?? entries).filter((part) => partLength(part) > 0);
    const entries = parts.flatMap((part) => (part instanceof Block ? [] : part));
    for (const listener of this.#commitListeners) listener(entries, { firstSeq, lastSeq, parts });
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
  return { ...rest, payload: Buffer.from(payload) }; // `slice` of a Buffer is a view
}

const partLength = (part: Part): number => (part instanceof Block ? part.count : part.length);

/** A run of plain entries, as one block. */
function blockOf(entries: readonly Entry[]): Block {
  const writer = new BlobWriter(entries.reduce((sum, entry) => sum + entryBytesMax(entry), 0));
  for (const entry of entries) writer.add(entry.seq, entry.receivedAt, entry, PLAIN);
  const bytes = writer.entries();
  const [first, last] = [entries[0]!, entries.at(-1)!];
  return new Block({
    ...{ bytes, start: BLOB_HEADER, end: bytes.length, count: entries.length },
    ...{ firstSeq: first.seq, receivedAt: first.receivedAt, lastAt: last.receivedAt },
  });
}
