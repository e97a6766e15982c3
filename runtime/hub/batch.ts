// What a place sends to its hub: entries of its journal that matter there, as the journal writes a commit (`blob.ts`).

import { AisleError } from "../errors.ts";
import { BlobReader, BlobWriter, entryBytesMax, readHeader } from "../journal/blob.ts";
import { Block } from "../journal/block.ts";
import type { Draft, Entry, Journal } from "../journal/journal.ts";
import { cut } from "../journal/walk.ts";
import { limits } from "../limits.ts";
import { originOf } from "./words.ts";

/** Entries of a stretch of a journal, those that matter. */
export interface Batch {
  /** Of the stretch; what lies before `first` was sent. */
  readonly first: number;
  readonly last: number;
  readonly entries: number;
  readonly bytes: Buffer;
}

/**
 * Events, outcomes and decisions. Cells, effects, ticks and configuration tell of this place alone. A dead letter that
 * was taken in again was at the hub already, as the entry it first was.
 */
export function matters({ kind, headers }: Pick<Entry, "kind" | "headers">): boolean {
  if (headers.tombstone !== undefined) return false;
  switch (kind) {
    case "event":
    case "outcome":
      return headers["replay-seq"] === undefined;
    case "import":
      return headers.origin !== undefined;
    default:
      return kind === "decision";
  }
}

/** Reads the journal on, and makes batches of it. */
export class Gatherer {
  readonly #journal: Pick<Journal, "parts">;
  #parts: Generator<Entry | Block> | null = null;
  /** Read, and not in a batch. */
  #rest: Entry | Block | null = null;
  /** What was read, and is in a batch or doesn't matter. */
  #scanned: number;
  /** Of the last batch. */
  #last: number;
  readonly #bytesMax: number;
  readonly #onMissing: (first: number, last: number) => void;

  /**
   * @param through  the hub has everything up to here
   * @param onMissing  told of sequences that are no longer in the journal
   */
  constructor(
    journal: Pick<Journal, "parts">,
    through: number,
    onMissing: (first: number, last: number) => void = () => {},
    bytesMax: number = limits.hubBatchBytes,
  ) {
    this.#journal = journal;
    this.#scanned = through;
    this.#last = through;
    this.#onMissing = onMissing;
    this.#bytesMax = bytesMax;
  }

  /** Nothing up to here is left to send, but what is in a batch. */
  get scanned(): number {
    return this.#scanned;
  }

  /**
   * The next batch; null: nothing was found among the next entries, and `scanned` says whether there may be more.
   *
   * @param end  the last sequence that may be in it
   * @throws AisleError `corrupt`
   */
  next(end: number): Batch | null {
    const parts: (Entry | Block)[] = [];
    let entries = 0;
    let bytes = 0;
    for (let looked = 0; looked < limits.hubBatchEntries; looked++) {
      const part = this.#take(end, limits.hubBatchEntries - entries, this.#bytesMax - bytes, entries === 0);
      if (part === null) break;
      if (!(part instanceof Block) && !matters(part)) continue;
      parts.push(part);
      entries += part instanceof Block ? part.count : 1;
      bytes += sizeOf(part);
    }
    return entries === 0 ? null : this.#batch(parts, entries, bytes);
  }

  #batch(parts: readonly (Entry | Block)[], entries: number, bytesMax: number): Batch {
    const writer = new BlobWriter(bytesMax);
    for (const part of parts) {
      if (part instanceof Block) writer.addBlock(part);
      else writer.add(part.seq, part.receivedAt, part);
    }
    const first = this.#last + 1;
    this.#last = this.#scanned;
    const bytes = writer.finish({ firstSeq: first, lastSeq: this.#last, appliedSeq: 0, lastAt: 0 });
    return { first, last: this.#last, entries, bytes };
  }

  /** The next part that has room; null: none has, or there is none. The first of a batch always has. */
  #take(end: number, entries: number, bytes: number, isFirst: boolean): Entry | Block | null {
    const part = this.#rest ?? this.#read(end);
    this.#rest = part;
    if (part === null || entries <= 0) return null;
    if (firstOf(part) > end) {
      this.#pass(end + 1, end);
      return null;
    }
    if (!isFirst && sizeOf(part instanceof Block ? cut(part, 1, 0)[0] : part) > bytes) return null;
    const [head, rest] = part instanceof Block ? cut(part, entries, bytes) : [part, null];
    this.#rest = rest;
    this.#pass(firstOf(head), head instanceof Block ? head.lastSeq : head.seq);
    return head;
  }

  #pass(first: number, last: number): void {
    if (first > this.#scanned + 1) this.#onMissing(this.#scanned + 1, first - 1);
    this.#scanned = last;
  }

  #read(end: number): Entry | Block | null {
    if (this.#scanned >= end) return null;
    this.#parts ??= this.#journal.parts(this.#scanned + 1);
    const { value, done } = this.#parts.next();
    if (done !== true) return value;
    this.#parts = null;
    return null;
  }
}

/** @throws AisleError `invalid` for what is no batch */
export function readBatch(bytes: Buffer): { readonly first: number; readonly last: number } {
  const header = readHeader(bytes);
  if (typeof header === "string") throw new AisleError("invalid", `the batch ${header}`);
  return { first: header.firstSeq, last: header.lastSeq };
}

/**
 * The entries of a batch after a sequence, as the hub journals them: events and outcomes as what they are, which its
 * transforms fold; decisions as imports, since they are not its own.
 *
 * @throws AisleError `invalid` when one of them is damaged
 */
export function draftsOf(bytes: Buffer, after: number, from: { place: string; epoch: string }): Draft[] {
  const { first } = readBatch(bytes);
  const reader = new BlobReader(({ detail }) => {
    throw new AisleError("invalid", `the batch from ${first} on is damaged: ${detail}`);
  });
  reader.open(bytes, first);
  const drafts: Draft[] = [];
  while (reader.next()) if (reader.seq > after) drafts.push(draftOf(reader.entry(), from));
  return drafts;
}

function draftOf(entry: Entry, { place, epoch }: { place: string; epoch: string }): Draft {
  const { seq, receivedAt, subject, payload } = entry;
  // What one hub hands on to the next stays the first place's.
  const origin = entry.headers.origin ?? originOf(place, epoch, seq);
  const at = entry.headers["origin-at"] ?? String(receivedAt);
  const isEvent = entry.kind === "event" || entry.kind === "outcome";
  const { withheld: _, ...own } = entry.headers;
  const headers = { ...own, origin, "origin-at": at, ...(entry.kind === "decision" ? { kind: "decision" } : {}) };
  return { kind: isEvent ? entry.kind : "import", principal: `hub/${place}`, subject, headers, payload };
}

function firstOf(part: Entry | Block): number {
  return part instanceof Block ? part.firstSeq : part.seq;
}

function sizeOf(part: Entry | Block): number {
  return part instanceof Block ? part.end - part.start : entryBytesMax(part);
}
