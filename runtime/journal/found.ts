// Commits in which entries were looked for one by one: where their entries begin, so that a second look is a step and no walk.
import { keyOf, seqOf } from "../key.ts";
import type { Row, Store } from "../store/store.ts";
import { BlobReader, ENTRY_HEADER, readEntry, readHeader } from "./blob.ts";
import { checksum, viewOf } from "./checksum.ts";
import type { Entry } from "./journal.ts";
import { JOURNAL } from "./meta.ts";

export interface FoundLimits {
  readonly foundCommits: number;
  readonly foundCommitBytes: number;
}

/** A smaller commit is walked as soon as looked up, bytes. */
const SMALL = 8 * 1024;

interface Known {
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Where entries begin, by their sequence from `firstSeq` on; 0: it is not there any more. */
  readonly starts: Uint32Array;
  /** Null: to be read again. */
  value: Buffer | null;
  usedAt: number;
}

export class FoundCommits {
  readonly #store: Store;
  readonly #limits: FoundLimits;
  /** By sequence. */
  readonly #known: Known[] = [];
  #bytes = 0;
  #uses = 0;

  constructor(store: Store, limits: FoundLimits) {
    this.#store = store;
    this.#limits = limits;
  }

  /** Null: its commit does not have it; undefined: nothing is known of its commit, or it is damaged. */
  find(seq: number): Entry | null | undefined {
    const known = this.#known[this.#indexOf(seq)];
    if (known === undefined || known.firstSeq > seq) return undefined;
    known.usedAt = ++this.#uses;
    const start = known.starts[seq - known.firstSeq]!;
    if (start === 0) return null;
    const value = known.value ?? this.#read(known);
    if (value !== null && isEntry(value, start, seq)) return readEntry(value, start);
    this.forget(known.firstSeq); // another process has written it anew, or it is damaged by now
    return undefined;
  }

  /** Takes a commit in, unless it is small, or some of it can't be read. @returns whether it did */
  add({ key, value }: Row): boolean {
    if (value.length < SMALL || value.length > this.#limits.foundCommitBytes) return false;
    const firstSeq = seqOf(key);
    const starts = startsOf(value, firstSeq);
    if (starts === null) return false;
    this.forget(firstSeq);
    const known = { firstSeq, lastSeq: firstSeq + starts.length - 1, starts, value, usedAt: ++this.#uses };
    this.#known.splice(this.#indexOf(firstSeq), 0, known);
    this.#bytes += value.length;
    this.#bound(known);
    return true;
  }

  /** A commit was written anew, or is gone. */
  forget(firstSeq: number): void {
    const index = this.#indexOf(firstSeq);
    const known = this.#known[index];
    if (known === undefined || known.firstSeq !== firstSeq) return;
    this.#bytes -= known.value?.length ?? 0;
    this.#known.splice(index, 1);
  }

  #read(known: Known): Buffer | null {
    known.value = this.#store.get(JOURNAL, keyOf(known.firstSeq));
    this.#bytes += known.value?.length ?? 0;
    this.#bound(known);
    return known.value;
  }

  /** What was used longest ago goes, but not this one: its bytes first, since to read them again costs less than the walk. */
  #bound(used: Known): void {
    const { foundCommits, foundCommitBytes } = this.#limits;
    while (this.#bytes > foundCommitBytes) {
      const oldest = this.#oldest((known) => known !== used && known.value !== null);
      if (oldest === null) break;
      this.#bytes -= oldest.value!.length;
      oldest.value = null;
    }
    while (this.#known.length > foundCommits) this.forget(this.#oldest((known) => known !== used)!.firstSeq);
  }

  #oldest(isMeant: (known: Known) => boolean): Known | null {
    let oldest: Known | null = null;
    for (const known of this.#known) {
      if (isMeant(known) && known.usedAt < (oldest?.usedAt ?? Number.POSITIVE_INFINITY)) oldest = known;
    }
    return oldest;
  }

  /** Of the first commit that does not end before this sequence. */
  #indexOf(seq: number): number {
    let low = 0;
    for (let high = this.#known.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (this.#known[middle]!.lastSeq < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Null: some of it can't be read. */
function startsOf(value: Buffer, firstSeq: number): Uint32Array | null {
  const header = readHeader(value);
  if (typeof header === "string") return null;
  let isWhole = true;
  const reader = new BlobReader(() => {
    isWhole = false;
  });
  const starts = new Uint32Array(header.lastSeq - firstSeq + 1);
  reader.open(value, firstSeq);
  while (isWhole && reader.next()) starts[reader.seq - firstSeq] = reader.entryStart;
  return isWhole ? starts : null;
}

/** Is there the entry, and whole? */
function isEntry(value: Buffer, start: number, seq: number): boolean {
  if (start + ENTRY_HEADER > value.length) return false;
  const length = value.readUInt32LE(start + 4);
  if (length < ENTRY_HEADER || start + length > value.length || value.readDoubleLE(start + 8) !== seq) return false;
  return checksum(viewOf(value), start + 4, start + length) === value.readUInt32LE(start);
}
