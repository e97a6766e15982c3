// A changed spec takes its place: folded from the oldest entry that is kept, in the background, while the old one
// serves; then both fold what comes, until the entry of the journal that says that the new one is in force.
import { Block } from "../journal/block.ts";
import type { Entry } from "../journal/journal.ts";
import { cut } from "../journal/walk.ts";
import { limits } from "../limits.ts";
import { batchOf, isEvent } from "./batch.ts";
import { Gaps } from "./gaps.ts";
import type { Live } from "./live.ts";
import { EntryQueue } from "./queue.ts";

/** What the journal has up to a sequence. */
export function* partsTo(seq: number, parts: Iterable<Entry | Block>): Generator<Entry | Block> {
  for (const part of parts) {
    if (!(part instanceof Block)) {
      if (part.seq > seq) return;
      yield part;
      continue;
    }
    if (part.firstSeq > seq) return;
    yield cut(part, seq - part.firstSeq + 1, Number.POSITIVE_INFINITY)[0];
  }
}

/** Folds the journal anew into specs that were not there before. */
export class Rebuild {
  readonly lives: readonly Live[];
  readonly #read: (fromSeq: number) => Iterator<Entry | Block>;
  readonly #gaps = new Gaps();
  readonly #queue = new EntryQueue();
  #parts: Iterator<Entry | Block>;
  /** Sequence of the last entry that was read. */
  through = 0;

  /** @param read  what the journal has, in order, as far as it is on disk */
  constructor(lives: readonly Live[], read: (fromSeq: number) => Iterator<Entry | Block>) {
    this.lives = lives;
    this.#read = read;
    this.#parts = read(1);
  }

  /** The next slice. @returns whether there was anything: false at the end of what is on disk */
  step(): boolean {
    const isMore = this.#fetch();
    for (let left: number = limits.foldEvents; left > 0 && this.#queue.length > 0; ) {
      const { events, blocks, count, last } = this.#queue.take(left);
      left -= count + 1;
      const batch = batchOf(events);
      for (const live of this.lives) {
        live.feed(batch);
        live.feedBlocks(blocks);
        if (last !== null) live.tick(last);
      }
    }
    for (const live of this.lives) live.lacksEarlier = this.#gaps.found;
    return isMore || this.#queue.length > 0;
  }

  /** Reads on, as long as there is too little for a slice. @returns whether there was anything */
  #fetch(): boolean {
    let passed = 0;
    for (let bytes = 0; passed < limits.foldEvents && bytes < limits.foldBytes; passed++) {
      if (this.#queue.length >= limits.foldEvents) return true;
      const { done, value: part } = this.#parts.next();
      if (done) {
        this.#parts = this.#read(this.through + 1);
        break;
      }
      if (part instanceof Block) {
        this.#pass(part.firstSeq, part.lastSeq);
        this.#queue.push(part);
      } else {
        this.#pass(part.seq, part.seq);
        if (isEvent(part) || part.kind === "tick") this.#queue.push(part);
        bytes += part.payload.length;
      }
    }
    return passed > 0;
  }

  #pass(firstSeq: number, lastSeq: number): void {
    this.through = lastSeq;
    this.#gaps.passAll(firstSeq, lastSeq);
  }
}
