import type { Database, RootDatabase } from "lmdb";
import type { Clock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import { keyOf, seqOf } from "../key.ts";
import { limits } from "../limits.ts";
import { type BlobHeader, BlobReader, BlobWriter, entryBytesMax, readHeader } from "./blob.ts";
import { corrupt, JournalCursor, type ReadOptions } from "./cursor.ts";
import { type Folder, type FolderOptions, openFolder, putAtOnce } from "./folder.ts";
import type { Appended, Draft, Entry, Journal, JournalStats } from "./journal.ts";
import { type Removed, type Retention, RetentionRun, sizeOf } from "./retention.ts";

/** Those of the runtime's bounds that the journal keeps; tests make them smaller. */
export interface JournalLimits {
  readonly journalQueueEntries: number;
  readonly journalQueueBytes: number;
  readonly commitEntries: number;
  readonly commitBytes: number;
}

export interface JournalOptions extends FolderOptions {
  readonly limits?: Partial<JournalLimits>;
}

export interface LmdbJournalStats extends JournalStats {
  /** What retention removed since the journal was opened. */
  readonly removed: Removed;
}

type Listener = (entries: readonly Entry[]) => void;

/** A batch on its way to the disk. */
interface Pending {
  readonly entries: readonly Entry[];
  readonly firstSeq: number;
  readonly receivedAt: number;
  readonly bytesMax: number;
  /** Drafts already on disk; more than 0 only in a batch larger than a commit. */
  written: number;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: AisleError) => void;
}

/** The entries of one batch that go into one commit. */
interface Part {
  readonly pending: Pending;
  readonly from: number;
  readonly to: number;
}

/**
 * Opens the journal of a data folder, and takes the folder for this process (unless `readOnly`).
 *
 * @throws AisleError `conflict` when another process owns the folder, `not-found` when there is nothing to read,
 *   `invalid` when it isn't a journal, `unsupported` when a newer version wrote it
 */
export function openJournal(options: JournalOptions): LmdbJournal {
  return new LmdbJournal(openFolder(options), options);
}

/**
 * The journal on LMDB: one value per commit (`blob.ts`), one commit in flight, what arrives meanwhile in the next.
 *
 * `append` ─► queue ─► commit: encode, put, fsync ─► lastSeq ─► listeners ─► promises
 *                 └─► in turn with commits: slices of retention, tombstones
 */
export class LmdbJournal implements Journal {
  readonly epoch: string;
  readonly readOnly: boolean;
  readonly #folder: Folder;
  readonly #database: Database<Buffer, Buffer>;
  readonly #clock: Clock;
  readonly #limits: JournalLimits;
  readonly #appendListeners: Listener[] = [];
  readonly #commitListeners: Listener[] = [];

  /** Highest sequence on disk, and highest given. */
  #lastSeq = 0;
  #givenSeq = 0;
  /** First sequence of the newest commit. */
  #newestKey = 0;
  #lastAt = 0;
  #appliedSeq = 0;
  #appliedOnDisk = 0;

  #queue: Pending[] = [];
  #queuedEntries = 0;
  #queuedBytes = 0;
  #chores: (() => Promise<void>)[] = [];
  #running: Promise<void> | null = null;
  #failure: AisleError | null = null;
  /** Being closed: nothing more is taken. Gone: nothing can be read either. */
  #closed: Promise<void> | null = null;
  #gone = false;

  #commits = 0;
  #clearedSeq = 0;
  #removed: Removed = { entries: 0, bytes: 0, commits: 0, rewritten: 0 };

  constructor(folder: Folder, options: JournalOptions) {
    this.#folder = folder;
    this.#database = folder.journal;
    this.#clock = options.clock;
    this.#limits = { ...limits, ...options.limits };
    this.epoch = folder.epoch;
    this.readOnly = options.readOnly ?? false;
    this.#findEnd();
  }

  /** The LMDB environment, for databases that live beside the journal. */
  get root(): RootDatabase<Buffer, Buffer> {
    return this.#folder.root;
  }

  /** Why the journal takes no more; null while it does. */
  get failure(): AisleError | null {
    return this.#failure;
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

  append(batch: readonly Draft[]): Promise<Appended> {
    try {
      this.#checkOpen();
      const bytesMax = batch.reduce((sum, draft) => sum + this.#draftBytesMax(draft), 0);
      this.#checkRoom(batch.length, bytesMax);
      const firstSeq = this.#givenSeq + 1;
      if (batch.length === 0) return Promise.resolve({ firstSeq, lastSeq: this.#givenSeq });
      return this.#enqueue(batch, firstSeq, bytesMax);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  onAppend(listener: Listener): void {
    this.#appendListeners.push(listener);
  }

  onCommit(listener: Listener): void {
    this.#commitListeners.push(listener);
  }

  *read(fromSeq = 1, options: ReadOptions = {}): Generator<Entry> {
    const cursor = this.cursor(fromSeq, options);
    while (cursor.next()) yield cursor.entry();
  }

  /** The quick way to go through many entries. */
  cursor(fromSeq = 1, options: ReadOptions = {}): JournalCursor {
    return new JournalCursor(this.#database, () => this.#readableSeq(), fromSeq, options);
  }

  /**
   * One entry; null when it isn't on disk (yet, or any more).
   *
   * @throws AisleError `corrupt`
   */
  find(seq: number): Entry | null {
    if (seq < 1 || seq > this.#readableSeq()) return null;
    this.#database.resetReadTxn();
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
      await this.#database.put(commit.key, value);
      return true;
    });
  }

  /**
   * Removes what a policy no longer keeps, in slices between commits. Never what isn't applied by what is on disk.
   * Resolves when nothing more is to go; one run at a time.
   */
  async retain(policy: Retention): Promise<Removed> {
    this.#checkOpen();
    const run = new RetentionRun({
      database: this.#database,
      clock: this.#clock,
      policy,
      appliedSeq: this.#appliedOnDisk,
      clearedSeq: this.#clearedSeq,
      newestKey: this.#newestKey,
      bytes: () => this.#bytes(),
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

  stats(): LmdbJournalStats {
    return {
      firstSeq: this.#gone ? 0 : this.#firstSeq(),
      lastSeq: this.lastSeq,
      queuedEntries: this.#queuedEntries,
      queuedBytes: this.#queuedBytes,
      commits: this.#commits,
      bytes: this.#gone ? 0 : this.#bytes(),
      removed: this.#removed,
    };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#running;
    this.#gone = true;
    await this.#folder.close();
  }

  // ---- the queue

  #checkOpen(): void {
    if (this.#closed !== null) throw new AisleError("unavailable", "the journal is closed");
    if (this.readOnly) throw new AisleError("unavailable", "the journal is open for reading only");
    if (this.#failure !== null) throw this.#failure;
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

  #enqueue(drafts: readonly Draft[], firstSeq: number, bytesMax: number): Promise<Appended> {
    const receivedAt = Math.max(this.#clock.now(), this.#lastAt);
    this.#lastAt = receivedAt;
    this.#givenSeq += drafts.length;
    this.#queuedEntries += drafts.length;
    this.#queuedBytes += bytesMax;
    const entries = drafts.map(({ kind, principal, subject, headers, payload, value }, i): Entry => {
      return { seq: firstSeq + i, receivedAt, kind, principal, subject, headers, payload, value };
    });
    const appended = new Promise<Appended>((resolve, reject) => {
      this.#queue.push({ entries, firstSeq, receivedAt, bytesMax, written: 0, resolve, reject });
      this.#wake();
    });
    tell(this.#appendListeners, entries);
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
    while (this.#queue.length > 0 || this.#chores.length > 0) {
      if (this.#queue.length > 0) await this.#commit();
      await this.#chores.shift()?.();
    }
    this.#running = null;
  }

  // ---- a commit

  async #commit(): Promise<void> {
    const parts = this.#take();
    const firstSeq = parts[0]!.pending.firstSeq + parts[0]!.from;
    const appliedSeq = this.#appliedSeq;
    try {
      const { value, lastSeq } = encode(parts, firstSeq, appliedSeq);
      await putAtOnce(this.#database, keyOf(firstSeq), value);
      this.#lastSeq = lastSeq;
      this.#newestKey = firstSeq;
      this.#appliedOnDisk = appliedSeq;
      this.#commits++;
    } catch (error) {
      this.#fail(await causeOf(error));
      return;
    }
    const entries = parts.flatMap(({ pending, from, to }) => pending.entries.slice(from, to));
    tell(this.#commitListeners, entries);
    for (const part of parts) this.#settle(part);
  }

  /**
   * Whole batches from the front of the queue, as many as fit into a commit. Only a batch that is larger than a
   * commit is divided; it stays at the front until all of it is on disk.
   */
  #take(): Part[] {
    const { commitEntries, commitBytes } = this.#limits;
    const parts: Part[] = [];
    let entries = 0;
    let bytes = 0;
    for (const pending of this.#queue) {
      const { entries: batch, bytesMax, written } = pending;
      const fits = entries + batch.length - written <= commitEntries && bytes + bytesMax <= commitBytes;
      if (!fits && parts.length > 0) break;
      const to = fits ? batch.length : this.#divide(pending);
      parts.push({ pending, from: written, to });
      if (!fits) break;
      entries += batch.length - written;
      bytes += bytesMax;
    }
    return parts;
  }

  /** How far into a large batch one commit reaches; at least one entry further. */
  #divide({ entries, written }: Pending): number {
    const { commitEntries, commitBytes } = this.#limits;
    const end = Math.min(entries.length, written + commitEntries);
    let to = written;
    for (let bytes = 0; to < end; to++) {
      bytes += entryBytesMax(entries[to]!);
      if (bytes > commitBytes) break;
    }
    return to;
  }

  #settle({ pending, from, to }: Part): void {
    pending.written = to;
    this.#queuedEntries -= to - from;
    if (to < pending.entries.length) return;
    this.#queue.shift();
    this.#queuedBytes -= pending.bytesMax;
    pending.resolve({ firstSeq: pending.firstSeq, lastSeq: pending.firstSeq + pending.entries.length - 1 });
  }

  #fail(cause: unknown): void {
    const why = cause instanceof Error ? cause.message : String(cause);
    const failure = new AisleError("unavailable", `the journal failed and has to be reopened: ${why}`, { cause });
    this.#failure = failure;
    const queue = this.#queue;
    this.#queue = [];
    this.#queuedEntries = 0;
    this.#queuedBytes = 0;
    this.#givenSeq = this.#lastSeq;
    for (const pending of queue) pending.reject(failure);
  }

  // ---- what is on disk

  /** Where the journal stands, by the header of its newest commit. */
  #findEnd(): void {
    if (this.readOnly) this.#database.resetReadTxn();
    for (const { key, value } of this.#database.getRange({ start: keyOf(2 ** 53), reverse: true, limit: 1 })) {
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
    for (const { value } of this.#database.getRange({ start: keyOf(seqOf(key) - 1), reverse: true })) {
      const header = readHeader(value);
      if (typeof header !== "string") return { lastSeq, lastAt: header.lastAt, appliedSeq: header.appliedSeq };
    }
    return { lastSeq, lastAt: 0, appliedSeq: 0 };
  }

  /** lmdb-js may end the process when a closed environment is read: never let it come to that. */
  #readableSeq(): number {
    if (this.#gone) throw new AisleError("unavailable", "the journal is closed");
    return this.lastSeq;
  }

  #commitOf(seq: number): { key: Buffer; value: Buffer } | null {
    for (const commit of this.#database.getRange({ start: keyOf(seq), reverse: true, limit: 1 })) return commit;
    return null;
  }

  #firstSeq(): number {
    const cursor = this.cursor(1, { onCorrupt() {} });
    return cursor.next() ? cursor.seq : 0;
  }

  /** Pages of the journal's own tree, freed ones not counted. */
  #bytes(): number {
    const stats = this.#database.getStats() as Readonly<Record<string, number>>;
    const pages = stats.treeBranchPageCount! + stats.treeLeafPageCount! + stats.overflowPages!;
    return pages * stats.pageSize!;
  }

  async #retainSlice(run: RetentionRun): Promise<boolean> {
    const slice = run.slice();
    if (slice === null) return false;
    if (sizeOf(slice) === 0) return true;
    await this.#database.batch(() => {
      for (const key of slice.deletes) void this.#database.remove(key);
      for (const { key, value } of slice.puts) void this.#database.put(key, value);
    });
    return true;
  }
}

function encode(parts: readonly Part[], firstSeq: number, appliedSeq: number): { value: Buffer; lastSeq: number } {
  let bytes = 0;
  for (const { pending, from, to } of parts) {
    if (to - from === pending.entries.length) bytes += pending.bytesMax;
    else for (let i = from; i < to; i++) bytes += entryBytesMax(pending.entries[i]!);
  }
  const writer = new BlobWriter(bytes);
  let seq = firstSeq;
  let lastAt = 0;
  for (const { pending, from, to } of parts) {
    lastAt = pending.receivedAt;
    for (let i = from; i < to; i++) writer.add(seq++, lastAt, pending.entries[i]!);
  }
  return { value: writer.finish({ firstSeq, lastSeq: seq - 1, appliedSeq, lastAt }), lastSeq: seq - 1 };
}

/** A listener that throws is a bug, and not its caller's: the entries stand, the error surfaces by itself. */
function tell(listeners: readonly Listener[], entries: readonly Entry[]): void {
  for (const listener of listeners) {
    try {
      listener(entries);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}

/** The blob with one entry emptied; null when that entry isn't in it. */
function withTombstone(blob: Buffer, seq: number): Buffer | null {
  const header = readHeader(blob);
  if (typeof header === "string") throw corrupt({ part: "commit", firstSeq: seq, lastSeq: seq, detail: header });
  const reader = new BlobReader((corruption) => {
    throw corrupt(corruption);
  });
  const tombstone = { principal: "", subject: "", headers: { tombstone: "1" }, payload: Buffer.alloc(0) };
  const writer = new BlobWriter(blob.length + entryBytesMax({ kind: "event", ...tombstone }));
  let found = false;
  reader.open(blob, header.firstSeq);
  while (reader.next()) {
    if (reader.seq !== seq) writer.copy(reader);
    else {
      writer.add(seq, reader.receivedAt, { kind: reader.kind, ...tombstone });
      found = true;
    }
  }
  return found ? writer.finish(header) : null;
}

/** lmdb-js rejects with "Commit failed", and the reason in a promise beside it. */
async function causeOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<never> };
  return commitError === undefined ? error : commitError.catch((cause: unknown) => cause);
}
