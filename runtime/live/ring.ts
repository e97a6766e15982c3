// Blocks of commits, for as long as they wait for the fold or may be asked for again: copies in one stretch of memory,
// where the next one takes the place of the oldest.
import type { Block } from "../journal/block.ts";

interface Placed {
  readonly start: number;
  readonly lastSeq: number;
}

/** Places that are gone and may stay in the array before the others move up. */
const COMPACT_FROM = 1_024;

export class Ring {
  readonly #size: number;
  /** Made for the first block. */
  #bytes: Buffer | null = null;
  /** Behind the youngest. */
  #at = 0;
  /** Oldest first; those before `#first` are gone. */
  #placed: Placed[] = [];
  #first = 0;

  /** @param size  bytes */
  constructor(size: number) {
    this.#size = size;
  }

  /** The last sequence of what must not be in use any more when this one is put; 0: nothing is in its place. */
  overwrites(block: Block): number {
    const behind = this.#behind(block);
    return behind === this.#first ? 0 : this.#placed[behind - 1]!.lastSeq;
  }

  /** @returns a copy, good until `overwrites` names it; one with bytes of its own when it is larger than all of this */
  put(block: Block): Block {
    const size = block.end - block.start;
    if (size > this.#size) return block.copy();
    this.#first = this.#behind(block);
    this.#compact();
    this.#bytes ??= Buffer.allocUnsafeSlow(this.#size);
    const start = this.#wraps(size) ? 0 : this.#at;
    this.#placed.push({ start, lastSeq: block.lastSeq });
    this.#at = start + size;
    return block.copy(this.#bytes, start);
  }

  /** Index of the oldest that can stay. The oldest lies right behind the youngest, or at the beginning. */
  #behind(block: Block): number {
    const size = block.end - block.start;
    let index = this.#first;
    if (size > this.#size) return index;
    const [from, to] = [this.#at, this.#at + size];
    for (; index < this.#placed.length; index++) {
      const { start } = this.#placed[index]!;
      const isInPlace = this.#wraps(size) ? start >= from || start < size : start >= from && start < to;
      if (!isInPlace) break;
    }
    return index;
  }

  #wraps(size: number): boolean {
    return this.#at + size > this.#size;
  }

  #compact(): void {
    if (this.#first < COMPACT_FROM) return;
    this.#placed = this.#placed.slice(this.#first);
    this.#first = 0;
  }
}
