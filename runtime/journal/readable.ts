import { AisleError } from "../errors.ts";
import { keyOf, seqOf } from "../key.ts";
import { limits } from "../limits.ts";
import type { Row, Store, Write } from "../store/store.ts";
import { type BlobHeader, BlobReader, readHeader } from "./blob.ts";
import type { Block } from "./block.ts";
import { corrupt, JournalCursor, type ReadOptions } from "./cursor.ts";
import { type Extent, extentOf } from "./extent.ts";
import { FoundCommits } from "./found.ts";
import type { Entry } from "./journal.ts";
import { JOURNAL, movedIn, POSITIONS } from "./meta.ts";

/** Where a journal stands, by the header of its newest commit. */
export interface End extends Pick<BlobHeader, "lastSeq" | "lastAt" | "appliedSeq"> {
  /** First sequence of that commit. */
  readonly newestKey: number;
}

/** What can be asked of a journal in a store. */
export abstract class ReadableJournal {
  /** Others may have tables beside the journal's. */
  readonly store: Store;
  /** The data folder, for messages. */
  readonly #dir: { readonly dir?: string };
  readonly #found: FoundCommits;
  /** The first whole entry's sequence, once it is known; 0: it isn't. */
  #first = 0;

  constructor(store: Store, dir: string | undefined) {
    this.store = store;
    this.#dir = dir === undefined ? {} : { dir };
    this.#found = new FoundCommits(store, limits);
  }

  /** Highest sequence on disk; 0 when empty. */
  abstract get lastSeq(): number;
  /** Is the store closed? Then nothing can be read. */
  protected abstract get isGone(): boolean;

  *read(fromSeq = 1, options: ReadOptions = {}): Generator<Entry> {
    const cursor = this.cursor(fromSeq, options);
    while (cursor.next()) yield cursor.entry();
  }

  *parts(fromSeq = 1, options: ReadOptions = {}): Generator<Entry | Block> {
    const cursor = this.cursor(fromSeq, options);
    while (cursor.next()) yield cursor.block() ?? cursor.entry();
  }

  /** How much is left of what was ever in it. Reads all of it. @throws AisleError `corrupt` */
  extent(): Extent {
    return extentOf(this.parts(), movedIn(this.store));
  }

  /** The quick way to go through many entries. */
  cursor(fromSeq = 1, options: ReadOptions = {}): JournalCursor {
    return new JournalCursor(this.store, () => this.#readableSeq(), fromSeq, { ...this.#dir, ...options });
  }

  /**
   * One entry; null when it isn't on disk (yet, or any more). Its commit is walked when it is met first, and kept at hand.
   *
   * @throws AisleError `corrupt`
   */
  find(seq: number): Entry | null {
    if (seq < 1 || seq > this.#readableSeq()) return null;
    const found = this.#found.find(seq);
    if (found !== undefined) return found;
    const commit = this.commitOf(seq);
    if (commit === null) return null;
    if (this.#found.add(commit)) return this.#found.find(seq) ?? null;
    const reader = new BlobReader((corruption) => {
      if (corruption.part === "entry" && seq >= corruption.firstSeq && seq <= corruption.lastSeq) {
        throw corrupt(corruption, this.#dir.dir);
      }
    });
    reader.open(commit.value, seqOf(commit.key));
    return reader.seek(seq) ? reader.entry() : null;
  }

  position(source: string): string | null {
    this.#readableSeq();
    return this.store.get(POSITIONS, Buffer.from(source))?.toString() ?? null;
  }

  /** Commits were written anew, or removed. */
  protected forget(writes: readonly Write[]): void {
    for (const { key } of writes) this.#found.forget(seqOf(key));
    this.#first = 0;
  }

  /** The commit that would hold an entry; null: there is none. */
  protected commitOf(seq: number): Row | null {
    for (const commit of this.store.range(JOURNAL, { start: keyOf(seq), reverse: true, limit: 1 })) return commit;
    return null;
  }

  /** The first whole entry's sequence; 0: there is none. */
  protected firstSeq(): number {
    if (this.#first > 0) return this.#first;
    const cursor = this.cursor(1, { onCorrupt() {} });
    const first = cursor.next() ? cursor.seq : 0;
    if (!this.store.readOnly) this.#first = first; // of another process' journal it may go any time
    return first;
  }

  #readableSeq(): number {
    if (this.isGone) throw new AisleError("unavailable", "the journal is closed");
    return this.lastSeq;
  }
}

/** @param commitEntries  bound of a commit. @returns null: the journal is empty */
export function findEnd(store: Store, commitEntries: number): End | null {
  for (const { key, value } of store.range(JOURNAL, { start: keyOf(2 ** 53), reverse: true, limit: 1 })) {
    const header = readHeader(value);
    const newestKey = seqOf(key);
    if (typeof header === "string") return { newestKey, ...guessEnd(store, newestKey, commitEntries) };
    return { newestKey, lastSeq: header.lastSeq, lastAt: header.lastAt, appliedSeq: header.appliedSeq };
  }
  return null;
}

/**
 * The newest commit's header is damaged: nobody knows how many sequences it gave. So as many are passed over as it
 * can have had; none is ever given twice. What is applied is known from the commit before, and is run again.
 */
function guessEnd(store: Store, newestKey: number, commitEntries: number): Omit<End, "newestKey"> {
  const lastSeq = newestKey + commitEntries - 1;
  for (const { value } of store.range(JOURNAL, { start: keyOf(newestKey - 1), reverse: true })) {
    const header = readHeader(value);
    if (typeof header !== "string") return { lastSeq, lastAt: header.lastAt, appliedSeq: header.appliedSeq };
  }
  return { lastSeq, lastAt: 0, appliedSeq: 0 };
}
