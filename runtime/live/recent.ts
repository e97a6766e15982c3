import type { Found } from "../core/fold.ts";
import { Block } from "../journal/block.ts";
import type { Entry } from "../journal/journal.ts";
import { BlockWalk, idAt, payloadAt } from "../journal/walk.ts";
import { limits } from "../limits.ts";
import { foundOf, isEvent } from "./batch.ts";

/** What an entry takes besides its payload, and a block besides its bytes, about. */
const ENTRY_BYTES = 1_024;
const GONE: Found = { payload: new Uint8Array(0), id: null };
/** Places of what is gone, that may stay in front before the others move up. */
const COMPACT_FROM = 256;

/** A block, and where its entries begin, once somebody has asked for one. */
interface Young {
  readonly block: Block;
  starts: Uint32Array | null;
}

/**
 * Events that a late one makes be folded once more: the youngest are at hand, the others are read from the journal.
 */
export class Recent {
  readonly #find: (seq: number) => Entry | null;
  readonly #young = new Youngest<Entry>(({ seq }) => seq);
  readonly #blocks = new Youngest<Young>(({ block }) => block.lastSeq);
  #bytes = 0;
  /** What is at hand takes at most so many. */
  bytesMax: number;

  /** @param find  an entry on disk */
  constructor(find: (seq: number) => Entry | null, bytesMax: number = limits.recentBytes) {
    this.#find = find;
    this.bytesMax = bytesMax;
  }

  add(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#young.add(entry);
      this.#bytes += entry.payload.length + ENTRY_BYTES;
    }
    this.#bound();
  }

  addBlocks(blocks: readonly Block[]): void {
    for (const block of blocks) {
      this.#blocks.add({ block, starts: null });
      this.#bytes += sizeOf(block);
    }
    this.#bound();
  }

  /** Blocks that begin up to a sequence are there no more. */
  forgetBlocks(seq: number): void {
    for (let oldest = this.#blocks.oldest; oldest !== null && oldest.block.firstSeq <= seq; ) {
      this.#dropBlock(oldest.block);
      oldest = this.#blocks.oldest;
    }
  }

  /** One or the other; what is no event is of no use. */
  addPart(part: Entry | Block): void {
    if (part instanceof Block) this.addBlocks([part]);
    else if (isEvent(part)) this.add([part]);
  }

  /** The oldest go, be they entries or blocks. */
  #bound(): void {
    while (this.#bytes > this.bytesMax) {
      const entry = this.#young.oldest;
      const block = this.#blocks.oldest?.block ?? null;
      if (entry !== null && (block === null || entry.seq < block.firstSeq)) {
        this.#young.drop();
        this.#bytes -= entry.payload.length + ENTRY_BYTES;
      } else if (block !== null) {
        this.#dropBlock(block);
      } else break;
    }
  }

  /** The oldest one. */
  #dropBlock(block: Block): void {
    this.#blocks.drop();
    this.#bytes -= sizeOf(block);
  }

  /** Null: it is there no more. */
  entry(seq: number): Entry | null {
    const young = this.#young.from(seq);
    return young?.seq === seq ? young : this.#find(seq);
  }

  readonly lookup = (seq: number): Found => {
    const young = this.#blockOf(seq);
    if (young !== null) return foundIn(young, seq);
    const entry = this.entry(seq);
    return entry === null || !isEvent(entry) ? GONE : foundOf(entry);
  };

  #blockOf(seq: number): Young | null {
    const found = this.#blocks.from(seq);
    return found === null || found.block.firstSeq > seq ? null : found;
  }
}

/** In the order of their sequences; the oldest are dropped first. */
class Youngest<T> {
  readonly #seqOf: (item: T) => number;
  /** Those before `#first` are gone. */
  #items: (T | null)[] = [];
  #first = 0;

  constructor(seqOf: (item: T) => number) {
    this.#seqOf = seqOf;
  }

  get oldest(): T | null {
    return this.#items[this.#first] ?? null;
  }

  add(item: T): void {
    this.#items.push(item);
  }

  drop(): void {
    this.#items[this.#first++] = null;
    if (this.#first < COMPACT_FROM || 2 * this.#first < this.#items.length) return;
    this.#items = this.#items.slice(this.#first);
    this.#first = 0;
  }

  /** The oldest one of this sequence or a higher one; null: there is none. */
  from(seq: number): T | null {
    let low = this.#first;
    for (let high = this.#items.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (this.#seqOf(this.#items[middle]!) < seq) low = middle + 1;
      else high = middle;
    }
    return this.#items[low] ?? null;
  }
}

function sizeOf({ start, end }: Block): number {
  return end - start + ENTRY_BYTES;
}

function foundIn(young: Young, seq: number): Found {
  const { bytes, firstSeq } = young.block;
  young.starts ??= startsOf(young.block);
  const start = young.starts[seq - firstSeq]!;
  return { payload: payloadAt(bytes, start), id: idAt(bytes, start), receivedAt: bytes.readDoubleLE(start + 16) };
}

function startsOf(block: Block): Uint32Array {
  const walk = new BlockWalk(block);
  return Uint32Array.from({ length: block.count }, () => {
    walk.next();
    return walk.start;
  });
}
