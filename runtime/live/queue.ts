import { Block } from "../journal/block.ts";
import type { Entry } from "../journal/journal.ts";
import { cut } from "../journal/walk.ts";
import { limits } from "../limits.ts";
import { isEvent } from "./batch.ts";

/** A run from the front of the queue: events as objects or in blocks, never both. */
export interface Run {
  readonly events: readonly Entry[];
  readonly blocks: readonly Block[];
  /** How many events these are. */
  readonly count: number;
  /** The entry of another kind that ends the run, if one does. */
  readonly last: Entry | null;
}

/** What is on disk and has yet to be folded, in its order. */
export class EntryQueue {
  #parts: (Entry | Block)[] = [];
  #next = 0;
  #length = 0;

  /** Entries, those in blocks too. */
  get length(): number {
    return this.#length;
  }

  /** Sequence of the first that waits; infinity: nothing does. */
  get firstSeq(): number {
    const part = this.#parts[this.#next];
    if (part === undefined) return Number.POSITIVE_INFINITY;
    return part instanceof Block ? part.firstSeq : part.seq;
  }

  push(part: Entry | Block): void {
    this.#parts.push(part);
    this.#length += part instanceof Block ? part.count : 1;
  }

  /** At most so many events from the front; a block is cut where it has more. */
  take(eventsMax: number = limits.foldEvents, bytesMax: number = limits.foldBytes): Run {
    const events: Entry[] = [];
    const blocks: Block[] = [];
    let last: Entry | null = null;
    let count = 0;
    for (let bytes = 0; count < eventsMax && bytes < bytesMax && last === null; ) {
      const part = this.#parts[this.#next];
      if (part === undefined) break;
      if (part instanceof Block) {
        if (events.length > 0) break;
        const [head, rest] = cut(part, eventsMax - count, bytesMax - bytes);
        blocks.push(head);
        count += head.count;
        bytes += head.end - head.start;
        if (rest === null) this.#next++;
        else this.#parts[this.#next] = rest;
      } else if (!isEvent(part)) {
        this.#next++;
        last = part;
      } else {
        if (blocks.length > 0) break;
        this.#next++;
        events.push(part);
        count++;
        bytes += part.payload.length;
      }
    }
    this.#length -= count + (last === null ? 0 : 1);
    this.#compact();
    return { events, blocks, count, last };
  }

  #compact(): void {
    if (this.#next === this.#parts.length) this.#parts = [];
    else if (this.#next < COMPACT_FROM) return;
    else this.#parts = this.#parts.slice(this.#next);
    this.#next = 0;
  }
}

/** Taken parts that may stay in the array before the others move up. */
const COMPACT_FROM = 4_096;
