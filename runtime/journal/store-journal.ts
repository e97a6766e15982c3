import type { Clock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import { keyOf, seqOf } from "../key.ts";
import { limits } from "../limits.ts";
import type { Row, Store, Write } from "../store/store.ts";
import { BLOB_HEADER, type BlobHeader, BlobReader, entryBytesMax, readHeader } from "./blob.ts";
import { Block, type Part } from "./block.ts";
import { corrupt, JournalCursor, type ReadOptions } from "./cursor.ts";
import type {
  Appended,
  AppendOptions,
  BlockDraft,
  Commit,
  CommitListener,
  Draft,
  Entry,
  Journal,
  JournalStats,
  Position,
} from "./journal.ts";
import { JOURNAL, type MetaOptions, POSITIONS, readMeta } from "./meta.ts";
import { encode, type Pending, partsOf, positionsOf, type Slice, take } from "./pending.ts";
import { type Removed, type Retention, RetentionRun } from "./retention.ts";
import { withTombstone } from "./tombstone.ts";

/** Those of the runtime's bounds that the journal keeps; tests make them smaller. */
export interface JournalLimits {
  readonly journalQueueEntries: number;
  readonly journalQueueBytes: number;
  readonly commitEntries: number;
  readonly commitBytes: number;
  readonly journalRetryMs: number;
}

export interface StoreJournalOptions extends MetaOptions {
  readonly limits?: Partial<JournalLimits>;
  /** The store is closed, by `close`. */
  readonly closed?: () => void;
}

export interface StoreJournalStats extends JournalStats {
  /** What retention removed since the journal was opened. */
  readonly removed: Removed;
}

type AppendListener = (entries: readonly Entry[]) => void;

/** A commit, ready for the disk. */
interface Prepared extends Commit {
  readonly slices: readonly Slice[];
  readonly writes: readonly Write[];
  readonly count: number;
  readonly appliedSeq: number;
}

/**
 * The journal in a store: one value per commit (`blob.ts`), one commit in flight, what arrives meanwhile in the next.
 *
 * `append` ─► queue ─► commit: encode, put, fsync ─► lastSeq ─► listeners ─► promises
 *                 │      └─ disk full: kept, and tried again; `append` refuses meanwhile
 *                 └─► in turn with commits: slices of retention, tombstones
 */
export class StoreJournal implements Journal {
  readonly epoch: string;
  /** Others may have tables beside the journal's. */
  readonly store: Store;
  readonly readOnly: boolean;
  readonly #clock: Clock;
  readonly #limits: JournalLimits;
  readonly #onClosed: () => void;
  readonly #appendListeners: AppendListener[] = [];
  readonly #commitListeners: CommitListener[] = [];

  /** Highest sequence on disk, and highest given. */
  #lastSeq = 0;
  #givenSeq = 0;
  /** First sequence of the newest commit. */
  #newestKey = 0;
  #lastAt = 0;
  #appliedSeq = 0;
  #appliedOnDisk = 0;
  /** Goes with the next commit. */
  #meta: Write | null;

  #queue: Pending[] = [];
  #queuedEntries = 0;
  #queuedBytes = 0;
  #chores: (() => Promise<void>)[] = [];
  #running: Promise<void> | null = null;
  #failure: AisleError | null = null;
  /** The disk is full: the commit that found no room, why, and the end of the wait for the next try. */
  #stuck: Prepared | null = null;
  #full: AisleError | null = null;
  #stopWait: (() => void) | null = null;
  /** Being closed: nothing more is taken. Gone: nothing can be read either. */
  #closed: Promise<void> | null = null;
  #gone = false;

  #commits = 0;
  #clearedSeq = 0;
  #removed: Removed = { entries: 0, bytes: 0, commits: 0, rewritten: 0 };

  /** @throws AisleError `invalid`, `not-found`, `unsupported` or `corrupt`: see `readMeta` */
  constructor(store: Store, options: StoreJournalOptions) {
    this.store = store;
    this.readOnly = store.readOnly;
    this.#clock = options.clock;
    this.#limits = { ...limits, ...options.limits };
    this.#onClosed = options.closed ?? (() => {});
    const { epoch, write } = readMeta(store, options);
    this.epoch = epoch;
    this.#meta = write;
    this.#findEnd();
    if (write !== null) void this.#inTurn(() => this.#writeMeta());
  }

  /** Why the journal takes no more; null while it does. */
  get failure(): AisleError | null {
    return this.#failure;
  }

  /** Why the journal takes nothing for now, and what to do; null while it does. It goes on by itself. */
  get trouble(): string | null {
    return this.#full?.message ?? null;
  }

  get lastSeq(): number {
    if (this.readOnly && !this.#gone) this.#findEnd();
    return this.#lastSeq;
  }

  get appliedSeq(): number {
    if (this.readOnly && !this.#gone) this.#findEnd();
    return this.#appliedSeq;
  }

  set appliedSeq(seq: number) {
    this.#appliedSeq = seq;
  }

  append(batch: readonly Draft[], { position }: AppendOptions = {}): Promise<Appended> {
    try {
      this.#checkTakes();
      const bytesMax = batch.reduce((sum, draft) => sum + this.#draftBytesMax(draft), 0);
      this.#checkRoom(batch.length, bytesMax);
      const firstSeq = this.#givenSeq + 1;
      if (batch.length === 0 && position === undefined) return Promise.resolve({ firstSeq, lastSeq: this.#givenSeq });
      const receivedAt = this.#receive();
      const entries = batch.map(({ kind, principal, subject, headers, payload, value }, i): Entry => {
        return { seq: firstSeq + i, receivedAt, kind, principal, subject, headers, payload, value };
      });
      const appended = this.#enqueue({ entries, block: null, count: batch.length, receivedAt, bytesMax }, position);
      if (entries.length > 0) tell(this.#appendListeners, entries);
      return appended;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  appendBlock({ count, bytesMax, encode, position }: BlockDraft): Promise<Appended> {
    try {
      this.#checkTakes();
      const { commitEntries, commitBytes } = this.#limits;
      if (count > commitEntries || bytesMax > commitBytes) {
        const most = `${commitEntries} and ${commitBytes}`;
        throw new AisleError("too-large", `a block of ${count} entries, ${bytesMax} bytes; at most ${most}`);
      }
      this.#checkRoom(count, bytesMax);
      const receivedAt = this.#receive();
      const firstSeq = this.#givenSeq + 1;
      const bytes = encode(firstSeq, receivedAt);
      const range = { start: BLOB_HEADER, end: bytes.length };
      const block = new Block({ bytes, ...range, count, firstSeq, receivedAt, lastAt: receivedAt });
      return this.#enqueue({ entries: null, block, count, receivedAt, bytesMax: bytes.length - BLOB_HEADER }, position);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  position(source: string): string | null {
    this.#readableSeq();
    return this.store.get(POSITIONS, Buffer.from(source))?.toString() ?? null;
  }

  onAppend(listener: AppendListener): void {
    this.#appendListeners.push(listener);
  }

  onCommit(listener: CommitListener): void {
    this.#commitListeners.push(listener);
  }

  *read(fromSeq = 1, options: ReadOptions = {}): Generator<Entry> {
    const cursor = this.cursor(fromSeq, options);
    while (cursor.next()) yield cursor.entry();
  }

  *parts(fromSeq = 1, options: ReadOptions = {}): Generator<Entry | Block> {
    const cursor = this.cursor(fromSeq, options);
    while (cursor.next()) yield cursor.block() ?? cursor.entry();
  }

  /** The quick way to go through many entries. */
  cursor(fromSeq = 1, options: ReadOptions = {}): JournalCursor {
    return new JournalCursor(this.store, () => this.#readableSeq(), fromSeq, options);
  }

  /**
   * One entry; null when it isn't on disk (yet, or any more).
   *
   * @throws AisleError `corrupt`
   */
  find(seq: number): Entry | null {
    if (seq < 1 || seq > this.#readableSeq()) return null;
    const commit = this.#commitOf(seq);
    if (commit === null) return null;
    const reader = new BlobReader((corruption) => {
      if (corruption.part === "entry" && seq >= corruption.firstSeq && seq <= corruption.lastSeq) {
        throw corrupt(corruption);
      }
    });
    reader.open(commit.value, seqOf(commit.key));
    return reader.seek(seq) ? reader.entry() : null;
  }

  /**
   * Empties an entry for good: sequence, kind and receive time stay, everything else gives way to the header
   * `tombstone`. Resolves, once on disk, with whether there was such an entry. LMDB writes the commit anew elsewhere;
   * the old pages are free, and keep their bytes until they are used again.
   *
   * @throws AisleError `corrupt` when another entry of the same commit can't be read: it would be lost
   */
  tombstone(seq: number): Promise<boolean> {
    return this.#inTurn(async () => {
      const commit = seq <= this.#lastSeq ? this.#commitOf(seq) : null;
      const value = commit === null ? null : withTombstone(commit.value, seq);
      if (commit === null || value === null) return false;
      await this.store.commit([{ table: JOURNAL, key: commit.key, value }]);
      return true;
    });
  }

  /**
   * Removes what a policy no longer keeps, in slices between commits, also while the disk is full. Never what isn't
   * applied by what is on disk. Resolves when nothing more is to go; one run at a time.
   */
  async retain(policy: Retention): Promise<Removed> {
    this.#checkOpen();
    const run = new RetentionRun({
      store: this.store,
      clock: this.#clock,
      policy,
      appliedSeq: this.#appliedOnDisk,
      clearedSeq: this.#clearedSeq,
      newestKey: this.#newestKey,
      bytes: () => this.store.bytes(JOURNAL),
    });
    while (await this.#inTurn(() => this.#retainSlice(run))) await new Promise((resolve) => setImmediate(resolve));
    this.#clearedSeq = run.clearedSeq;
    const { removed } = run;
    this.#removed = {
      entries: this.#removed.entries + removed.entries,
      bytes: this.#removed.bytes + removed.bytes,
      commits: this.#removed.commits + removed.commits,
      rewritten: this.#removed.rewritten + removed.rewritten,
    };
    return removed;
  }

  stats(): StoreJournalStats {
    return {
      firstSeq: this.#gone ? 0 : this.#firstSeq(),
      lastSeq: this.lastSeq,
      queuedEntries: this.#queuedEntries,
      queuedBytes: this.#queuedBytes,
      commits: this.#commits,
      bytes: this.#gone ? 0 : this.store.bytes(JOURNAL),
      removed: this.#removed,
    };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** What waits for room gets a last chance. */
  async #close(): Promise<void> {
    this.#endWait();
    await this.#running;
    if (this.#full !== null) this.#rejectAll(this.#full);
    this.#gone = true;
    await this.store.close();
    this.#onClosed();
  }

  // ---- the queue

  #checkOpen(): void {
    if (this.#closed !== null) throw new AisleError("unavailable", "the journal is closed");
    if (this.readOnly) throw new AisleError("unavailable", "the journal is open for reading only");
    if (this.#failure !== null) throw this.#failure;
  }

  #checkTakes(): void {
    this.#checkOpen();
    if (this.#full !== null) throw this.#full;
  }

  #draftBytesMax(draft: Draft): number {
    const bytes = entryBytesMax(draft);
    const { commitBytes } = this.#limits;
    if (bytes > commitBytes) throw new AisleError("too-large", `an entry of ${bytes} bytes, at most ${commitBytes}`);
    return bytes;
  }

  #checkRoom(entries: number, bytes: number): void {
    const { journalQueueEntries, journalQueueBytes } = this.#limits;
    if (entries > journalQueueEntries || bytes > journalQueueBytes) {
      const most = `${journalQueueEntries} and ${journalQueueBytes}`;
      throw new AisleError("too-large", `a batch of ${entries} entries, ${bytes} bytes; at most ${most} can wait`);
    }
    const full = this.#queuedEntries + entries > journalQueueEntries || this.#queuedBytes + bytes > journalQueueBytes;
    if (full) {
      const waiting = `${this.#queuedEntries} entries, ${this.#queuedBytes} bytes`;
      throw new AisleError("overloaded", `the journal's queue is full: ${waiting} wait for the disk`);
    }
  }

  #receive(): number {
    this.#lastAt = Math.max(this.#clock.now(), this.#lastAt);
    return this.#lastAt;
  }

  #enqueue(
    what: Pick<Pending, "entries" | "block" | "count" | "receivedAt" | "bytesMax">,
    position: Position | undefined,
  ): Promise<Appended> {
    const firstSeq = this.#givenSeq + 1;
    this.#givenSeq += what.count;
    this.#queuedEntries += what.count;
    this.#queuedBytes += what.bytesMax;
    return new Promise<Appended>((resolve, reject) => {
      this.#queue.push({ ...what, position: position ?? null, firstSeq, written: 0, resolve, reject });
      this.#wake();
    });
  }

  /** Runs a chore when no commit is in flight; commits and chores take turns when both wait. */
  #inTurn<T>(chore: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#checkOpen();
      this.#chores.push(() => chore().then(resolve, reject));
      this.#wake();
    });
  }

  #wake(): void {
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    await null; // what else is appended before the caller yields goes into the same commit
    while (this.#hasWork || this.#chores.length > 0) {
      if (this.#hasWork) await this.#commit();
      await this.#chores.shift()?.();
    }
    this.#running = null;
  }

  get #hasWork(): boolean {
    return this.#queue.length > 0 && this.#stopWait === null;
  }

  // ---- a commit

  async #commit(): Promise<void> {
    let prepared: Prepared | null = this.#stuck;
    try {
      prepared ??= this.#prepare();
      await this.store.commit(this.#meta === null ? prepared.writes : [this.#meta, ...prepared.writes]);
    } catch (error) {
      if (error instanceof AisleError && error.code === "full") this.#stall(prepared!, error);
      else this.#fail(error);
      return;
    }
    this.#written(prepared);
  }

  #prepare(): Prepared {
    const slices = take(this.#queue, this.#limits);
    const firstSeq = this.#lastSeq + 1;
    const count = slices.reduce((sum, { from, to }) => sum + to - from, 0);
    const lastSeq = this.#lastSeq + count;
    const appliedSeq = this.#appliedSeq;
    const writes = positionsOf(slices);
    if (count > 0) {
      const value = encode(slices, firstSeq, lastSeq, appliedSeq);
      writes.unshift({ table: JOURNAL, key: keyOf(firstSeq), value });
    }
    return { slices, writes, count, firstSeq, lastSeq, appliedSeq, parts: partsOf(slices) };
  }

  #written(prepared: Prepared): void {
    const { slices, firstSeq, lastSeq, appliedSeq, parts, count } = prepared;
    this.#meta = null;
    this.#stuck = null;
    this.#full = null;
    if (count > 0) {
      this.#lastSeq = lastSeq;
      this.#newestKey = firstSeq;
      this.#appliedOnDisk = appliedSeq;
      this.#commits++;
      tell(this.#commitListeners, entriesOf(parts), { firstSeq, lastSeq, parts });
    }
    for (const slice of slices) this.#settle(slice);
  }

  #settle({ pending, from, to }: Slice): void {
    pending.written = to;
    this.#queuedEntries -= to - from;
    if (to < pending.count) return;
    this.#queue.shift();
    this.#queuedBytes -= pending.bytesMax;
    pending.resolve({ firstSeq: pending.firstSeq, lastSeq: pending.firstSeq + pending.count - 1 });
  }

  /** Nothing has changed on disk: the same commit is tried again after a while, or once something was removed. */
  #stall(prepared: Prepared, cause: AisleError): void {
    const message = `the disk is full: ${cause.message}; free some space, it goes on by itself`;
    this.#stuck = prepared;
    this.#full = new AisleError("full", message, { cause });
    const wait = this.#clock.after(this.#limits.journalRetryMs, () => this.#endWait());
    if (this.#closed === null) this.#stopWait = wait;
    else {
      wait();
      this.#rejectAll(this.#full);
    }
  }

  #endWait(): void {
    if (this.#stopWait === null) return;
    this.#stopWait();
    this.#stopWait = null;
    this.#wake();
  }

  #fail(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    const cause = error instanceof AisleError ? (error.cause ?? error) : error;
    this.#failure = new AisleError("unavailable", `the journal failed and has to be reopened: ${why}`, { cause });
    this.#full = null;
    this.#rejectAll(this.#failure);
  }

  #rejectAll(error: AisleError): void {
    const queue = this.#queue;
    this.#queue = [];
    this.#queuedEntries = 0;
    this.#queuedBytes = 0;
    this.#givenSeq = this.#lastSeq;
    this.#stuck = null;
    for (const pending of queue) pending.reject(error);
  }

  /** A commit may have written it by now; and what finds no room goes with the first commit that does. */
  async #writeMeta(): Promise<void> {
    if (this.#meta === null) return;
    try {
      await this.store.commit([this.#meta]);
      this.#meta = null;
    } catch (error) {
      if (!(error instanceof AisleError && error.code === "full")) this.#fail(error);
    }
  }

  // ---- what is on disk

  /** Where the journal stands, by the header of its newest commit. */
  #findEnd(): void {
    for (const { key, value } of this.store.range(JOURNAL, { start: keyOf(2 ** 53), reverse: true, limit: 1 })) {
      const header = readHeader(value);
      const end = typeof header === "string" ? this.#guessEnd(key) : header;
      this.#newestKey = seqOf(key);
      this.#lastSeq = end.lastSeq;
      this.#givenSeq = end.lastSeq;
      this.#lastAt = end.lastAt;
      this.#appliedSeq = end.appliedSeq;
      this.#appliedOnDisk = end.appliedSeq;
    }
  }

  /**
   * The newest commit's header is damaged: nobody knows how many sequences it gave. So as many are passed over as it
   * can have had; none is ever given twice. What is applied is known from the commit before, and is run again.
   */
  #guessEnd(key: Buffer): Pick<BlobHeader, "lastSeq" | "lastAt" | "appliedSeq"> {
    const lastSeq = seqOf(key) + this.#limits.commitEntries - 1;
    for (const { value } of this.store.range(JOURNAL, { start: keyOf(seqOf(key) - 1), reverse: true })) {
      const header = readHeader(value);
      if (typeof header !== "string") return { lastSeq, lastAt: header.lastAt, appliedSeq: header.appliedSeq };
    }
    return { lastSeq, lastAt: 0, appliedSeq: 0 };
  }

  /** Nothing can be read once the store is closed. */
  #readableSeq(): number {
    if (this.#gone) throw new AisleError("unavailable", "the journal is closed");
    return this.lastSeq;
  }

  #commitOf(seq: number): Row | null {
    for (const commit of this.store.range(JOURNAL, { start: keyOf(seq), reverse: true, limit: 1 })) return commit;
    return null;
  }

  #firstSeq(): number {
    const cursor = this.cursor(1, { onCorrupt() {} });
    return cursor.next() ? cursor.seq : 0;
  }

  async #retainSlice(run: RetentionRun): Promise<boolean> {
    const slice = run.slice();
    if (slice === null) return false;
    if (slice.length > 0) {
      await this.store.commit(slice);
      this.#endWait(); // there may be room now
    }
    return true;
  }
}

function entriesOf(parts: readonly Part[]): readonly Entry[] {
  const runs = parts.filter((part): part is readonly Entry[] => !(part instanceof Block));
  return runs.length === 1 ? runs[0]! : runs.flat();
}

/** A listener that throws is a bug, and not its caller's: the entries stand, the error surfaces by itself. */
function tell<Args extends readonly unknown[]>(listeners: readonly ((...args: Args) => void)[], ...args: Args): void {
  for (const listener of listeners) {
    try {
      listener(...args);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
