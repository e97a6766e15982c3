import type { Clock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import { keyOf } from "../key.ts";
import { limits } from "../limits.ts";
import { MapFull, type Store, type Write } from "../store/store.ts";
import { BLOB_HEADER, entryBytesMax } from "./blob.ts";
import { Block, type Part } from "./block.ts";
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
} from "./journal.ts";
import { JOURNAL, type MetaOptions, readMeta, removedSeq, removedWrite } from "./meta.ts";
import { besidesOf, CommitRoom, encode, partsOf, type Slice } from "./pending.ts";
import { Queue, type QueueBounds } from "./queue.ts";
import { findEnd, ReadableJournal } from "./readable.ts";
import { type Removed, type Retention, RetentionRun } from "./retention.ts";
import { withTombstone } from "./tombstone.ts";

/** Those of the runtime's bounds that the journal keeps; tests make them smaller. */
export interface JournalLimits extends QueueBounds {
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
/** @param forMs  for how long there has been no room */
type FullListener = (error: AisleError, forMs: number) => void;

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
export class StoreJournal extends ReadableJournal implements Journal {
  readonly readOnly: boolean;
  readonly #options: StoreJournalOptions;
  #epoch: string;
  #formerEpoch: string | null = null;
  readonly #clock: Clock;
  readonly #limits: JournalLimits;
  readonly #onClosed: () => void;
  readonly #queue: Queue;
  readonly #appendListeners: AppendListener[] = [];
  readonly #commitListeners: CommitListener[] = [];
  readonly #fullListeners: FullListener[] = [];
  readonly #companions: (() => Write | null)[] = [];
  readonly #forerunners: (() => Promise<void>)[] = [];

  readonly #room = new CommitRoom();
  /** Highest sequence on disk, and highest given. */
  #lastSeq = 0;
  #givenSeq = 0;
  /** First sequence of the newest commit. */
  #newestKey = 0;
  #lastAt = 0;
  #appliedSeq = 0;
  #appliedOnDisk = 0;
  /** Go with the next commit. */
  #meta: readonly Write[];
  /** See `removedSeq`. */
  #removedSeq = 0;

  #chores: (() => Promise<void>)[] = [];
  #running: Promise<void> | null = null;
  #failure: AisleError | null = null;
  /** The disk is full, or the map: the commit that found no room, why, and the end of the wait for the next try. */
  #stuck: Prepared | null = null;
  #full: AisleError | null = null;
  /** Monotonic, ms. */
  #fullAt = 0;
  #stopWait: (() => void) | null = null;
  /** Being closed: nothing more is taken. Gone: nothing can be read either. */
  #closed: Promise<void> | null = null;
  #gone = false;

  #commits = 0;
  #clearedSeq = 0;
  #removed: Removed = { entries: 0, bytes: 0, commits: 0, rewritten: 0 };

  /** @throws AisleError `invalid`, `not-found`, `unsupported` or `corrupt`: see `readMeta` */
  constructor(store: Store, options: StoreJournalOptions) {
    super(store, options.dir);
    this.readOnly = store.readOnly;
    this.#options = options;
    this.#clock = options.clock;
    this.#limits = { ...limits, ...options.limits };
    this.#onClosed = options.closed ?? (() => {});
    this.#queue = new Queue(this.#limits);
    const { epoch, write } = readMeta(store, options);
    this.#epoch = epoch;
    this.#findEnd();
    const removed = removedSeq(store);
    this.#removedSeq = Math.min(removed, this.#lastSeq);
    // Of what older versions wrote, retention may have removed any.
    const note = store.readOnly || Number.isFinite(removed) ? null : removedWrite(this.#removedSeq);
    this.#meta = [write, note].filter((each) => each !== null);
    if (this.#meta.length > 0) void this.#inTurn(() => this.#writeMeta());
  }

  get epoch(): string {
    return this.#epoch;
  }

  /** The epoch that it was opened with, where it was renewed since; null: it was not. */
  get formerEpoch(): string | null {
    return this.#formerEpoch;
  }

  /** As a restore does it. Before anything is appended; on disk with the first commit at the latest. */
  renewEpoch(): void {
    const { epoch, write } = readMeta(this.store, { ...this.#options, renewEpoch: true });
    this.#formerEpoch = this.#epoch;
    this.#epoch = epoch;
    if (write !== null) this.#meta = [...this.#meta, write];
    void this.#inTurn(() => this.#writeMeta());
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

  /** Receive time of the last entry that was given a sequence, ms since epoch; 0 when empty. */
  get lastAt(): number {
    return this.#lastAt;
  }

  get appliedSeq(): number {
    if (this.readOnly && !this.#gone) this.#findEnd();
    return this.#appliedSeq;
  }

  set appliedSeq(seq: number) {
    this.#appliedSeq = seq;
  }

  append(batch: readonly Draft[], { position, beside }: AppendOptions = {}): Promise<Appended> {
    try {
      this.#checkTakes();
      const bytesMax = batch.reduce((sum, draft) => sum + this.#draftBytesMax(draft), 0);
      this.#queue.checkRoom(batch.length, bytesMax);
      if (position !== undefined || beside !== undefined) this.#checkCommit(batch.length);
      const firstSeq = this.#givenSeq + 1;
      if (batch.length === 0 && position === undefined) return Promise.resolve({ firstSeq, lastSeq: this.#givenSeq });
      const receivedAt = this.#receive();
      const entries = batch.map(({ kind, principal, subject, headers, payload, value }, i): Entry => {
        return { seq: firstSeq + i, receivedAt, kind, principal, subject, headers, payload, value };
      });
      const at = { firstSeq, count: batch.length, receivedAt, bytesMax };
      const rest = { position: position ?? null, beside: beside?.(firstSeq) ?? null };
      const appended = this.#given(this.#queue.add(entries, null, at, rest), batch.length);
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
      this.#queue.checkRoom(count, bytesMax);
      const receivedAt = this.#receive();
      const firstSeq = this.#givenSeq + 1;
      const bytes = encode(firstSeq, receivedAt);
      const range = { start: BLOB_HEADER, end: bytes.length };
      const block = new Block({ bytes, ...range, count, firstSeq, receivedAt, lastAt: receivedAt });
      const at = { firstSeq, count, receivedAt, bytesMax: bytes.length - BLOB_HEADER };
      return this.#given(this.#queue.add(null, block, at, { position: position ?? null }), count);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  onAppend(listener: AppendListener): void {
    this.#appendListeners.push(listener);
  }

  onCommit(listener: CommitListener): void {
    this.#commitListeners.push(listener);
  }

  /** Called each time that a commit finds no room: what is kept for nobody may go then. */
  onFull(listener: FullListener): void {
    this.#fullListeners.push(listener);
  }

  /** Asked at each try to commit what else of its store has to change with it; null: nothing. */
  alongside(write: () => Write | null): void {
    this.#companions.push(write);
  }

  /**
   * Waited for before each commit that says how far a source was consumed: of what came from there something may not
   * be an entry, and has to be on disk by then.
   *
   * @param forerun  throws `full` when the disk has no room for it: the commit waits, too
   */
  ahead(forerun: () => Promise<void>): void {
    this.#forerunners.push(forerun);
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
      const commit = seq <= this.#lastSeq ? this.commitOf(seq) : null;
      const value = commit === null ? null : withTombstone(commit.value, seq);
      if (commit === null || value === null) return false;
      await this.#rewrite([{ table: JOURNAL, key: commit.key, value }]);
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
    const onDisk = (read: () => number) => (this.#gone ? 0 : read());
    const [first, bytes] = [() => this.firstSeq(), () => this.store.bytes(JOURNAL)];
    return {
      // Read from the disk when they are asked for: who wants to know what waits asks often.
      get firstSeq() {
        return onDisk(first);
      },
      get bytes() {
        return onDisk(bytes);
      },
      lastSeq: this.lastSeq,
      queuedEntries: this.#queue.entries,
      queuedBytes: this.#queue.bytes,
      commits: this.#commits,
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

  /** Of what has to be one commit. */
  #checkCommit(entries: number): void {
    const { commitEntries } = this.#limits;
    if (entries > commitEntries)
      throw new AisleError("too-large", `${entries} entries in one piece, at most ${commitEntries} fit into a commit`);
  }

  #receive(): number {
    this.#lastAt = Math.max(this.#clock.now(), this.#lastAt);
    return this.#lastAt;
  }

  #given(appended: Promise<Appended>, count: number): Promise<Appended> {
    this.#givenSeq += count;
    this.#wake();
    return appended;
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
    return !this.#queue.isEmpty && this.#stopWait === null;
  }

  // ---- a commit

  async #commit(): Promise<void> {
    let prepared: Prepared | null = this.#stuck;
    try {
      prepared ??= this.#prepare();
      if (hasPosition(prepared)) for (const forerun of this.#forerunners) await forerun();
      await this.store.commit([...this.#besides(), ...prepared.writes]);
    } catch (error) {
      if (error instanceof AisleError && error.code === "full") this.#stall(prepared!, error);
      else this.#fail(error);
      return;
    }
    this.#written(prepared);
  }

  #prepare(): Prepared {
    const slices = this.#queue.next();
    const firstSeq = this.#lastSeq + 1;
    const count = slices.reduce((sum, { from, to }) => sum + to - from, 0);
    const lastSeq = this.#lastSeq + count;
    const appliedSeq = this.#appliedSeq;
    const writes = besidesOf(slices);
    if (count > 0) {
      const value = encode(slices, { firstSeq, lastSeq, appliedSeq }, this.#room);
      writes.unshift({ table: JOURNAL, key: keyOf(firstSeq), value });
    }
    return { slices, writes, count, firstSeq, lastSeq, appliedSeq, parts: partsOf(slices) };
  }

  #besides(): readonly Write[] {
    return [...this.#meta, ...this.#companions.map((write) => write())].filter((write) => write !== null);
  }

  #written(prepared: Prepared): void {
    const { slices, firstSeq, lastSeq, appliedSeq, parts, count } = prepared;
    this.#meta = [];
    this.#stuck = null;
    this.#full = null;
    if (count > 0) {
      this.#lastSeq = lastSeq;
      this.#newestKey = firstSeq;
      this.#appliedOnDisk = appliedSeq;
      this.#commits++;
      tell(this.#commitListeners, entriesOf(parts), { firstSeq, lastSeq, parts });
    }
    this.#queue.settle(slices);
  }

  /** Nothing has changed on disk: the same commit is tried again after a while, or once something was removed. */
  #stall(prepared: Prepared, cause: AisleError): void {
    const message =
      cause instanceof MapFull
        ? `the journal is full, whatever the disk has free: ${cause.message}; it goes on by itself once old entries have gone, which wait for a checkpoint, and decisions for the bus and the hub; if that does not come, lower 'retention: { size }'`
        : `the disk is full: ${cause.message}; free some space, it goes on by itself`;
    this.#stuck = prepared;
    if (this.#full === null) this.#fullAt = this.#clock.monotonic();
    this.#full = new AisleError("full", message, { cause });
    const wait = this.#clock.after(this.#limits.journalRetryMs, () => this.#endWait());
    if (this.#closed === null) this.#stopWait = wait;
    else {
      wait();
      this.#rejectAll(this.#full);
    }
    tell(this.#fullListeners, this.#full, this.#clock.monotonic() - this.#fullAt);
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
    this.#givenSeq = this.#lastSeq;
    this.#stuck = null;
    this.#queue.rejectAll(error);
  }

  /** A commit may have written it by now; and what finds no room goes with the first commit that does. */
  async #writeMeta(): Promise<void> {
    const writes = this.#meta;
    if (writes.length === 0) return;
    try {
      await this.store.commit(writes);
      this.#meta = this.#meta.filter((write) => !writes.includes(write)); // the epoch may be another since
    } catch (error) {
      if (!(error instanceof AisleError && error.code === "full")) this.#fail(error);
    }
  }

  // ---- what is on disk

  #findEnd(): void {
    const end = findEnd(this.store, this.#limits.commitEntries);
    if (end === null) return;
    this.#newestKey = end.newestKey;
    this.#lastSeq = end.lastSeq;
    this.#givenSeq = end.lastSeq;
    this.#lastAt = end.lastAt;
    this.#appliedSeq = end.appliedSeq;
    this.#appliedOnDisk = end.appliedSeq;
  }

  protected override get isGone(): boolean {
    return this.#gone;
  }

  async #retainSlice(run: RetentionRun): Promise<boolean> {
    const slice = run.slice();
    if (slice === null) return false;
    if (slice.length > 0) {
      await this.#commitSlice(slice, run.removedSeq);
      this.#endWait(); // there may be room now
    }
    return true;
  }

  /** A full disk has room for what only removes, and then perhaps for what is written again. */
  async #commitSlice(slice: readonly Write[], removedSeq: number): Promise<void> {
    try {
      await this.#rewrite(slice, removedSeq);
    } catch (error) {
      const removals = slice.filter(({ value }) => value === null);
      const isFull = error instanceof AisleError && error.code === "full";
      if (!isFull || removals.length === 0 || removals.length === slice.length) throw error;
      await this.#rewrite(removals, removedSeq);
      await this.#rewrite(slice.filter(({ value }) => value !== null));
    }
  }

  /** Commits that stand are changed. @param removedSeq  the last sequence of those that were removed till then */
  async #rewrite(writes: readonly Write[], removedSeq = 0): Promise<void> {
    const isMore = removedSeq > this.#removedSeq;
    await this.store.commit(isMore ? [...writes, removedWrite(removedSeq)] : writes);
    if (isMore) this.#removedSeq = removedSeq;
    this.forget(writes);
  }
}

function hasPosition({ slices }: Prepared): boolean {
  return slices.some(({ pending }) => pending.position !== null);
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
