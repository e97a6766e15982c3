import type { Entry } from "./journal.ts";

/** Bit of an entry's flags: nothing on the board hears this event. */
export const PLAIN = 1;

/**
 * Consecutive plain events as the journal writes them (`blob.ts`), in one stretch of bytes: no object for each. Of the
 * kind `event`, with no headers but `type`, `content-type`, `traceparent` and `id`.
 */
export class Block {
  /** Entries lie in `start … end`, one right behind the other; never changed any more. */
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly count: number;
  readonly firstSeq: number;
  /** The first and the last entry's, ms since epoch. */
  readonly receivedAt: number;
  readonly lastAt: number;

  constructor(block: Pick<Block, "bytes" | "start" | "end" | "count" | "firstSeq" | "receivedAt" | "lastAt">) {
    this.bytes = block.bytes;
    this.start = block.start;
    this.end = block.end;
    this.count = block.count;
    this.firstSeq = block.firstSeq;
    this.receivedAt = block.receivedAt;
    this.lastAt = block.lastAt;
  }

  get lastSeq(): number {
    return this.firstSeq + this.count - 1;
  }
}

/** What a commit is made of, in order. */
export type Part = readonly Entry[] | Block;
