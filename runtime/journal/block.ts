import type { Entry } from "./journal.ts";

/** Bit of an entry's flags: nothing on the board hears this event. */
export const PLAIN = 1;

/**
 * Consecutive plain events as the journal writes them (`blob.ts`), in one stretch of bytes: no object for each. Of the
 * kind `event`, with no headers but `type`, `content-type`, `traceparent` and `id`.
 *
 * Of one that a commit tells of, the bytes are good only while its listener is called: then whoever made them uses them
 * again. Who keeps it keeps a copy. Of one that was read they are never changed.
 */
export class Block {
  /** Entries lie in `start … end`, one right behind the other. */
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

  /** The same, in other bytes: copied to `at` there, or into bytes of its own. */
  copy(bytes: Buffer = Buffer.allocUnsafeSlow(this.end - this.start), at = 0): Block {
    const end = at + this.bytes.copy(bytes, at, this.start, this.end);
    return new Block({ ...this, bytes, start: at, end });
  }
}

/** What a commit is made of, in order. */
export type Part = readonly Entry[] | Block;
