import type { Found } from "../core/fold.ts";
import { Block } from "../journal/block.ts";
import type { Entry } from "../journal/journal.ts";
import { BlockWalk, idAt, payloadAt } from "../journal/walk.ts";
import { limits } from "../limits.ts";
import { foundOf, isEvent } from "./batch.ts";

/** What an entry takes besides its payload, and a block besides its bytes, about. */
const ENTRY_BYTES = 1_024;
const GONE: Found = { payload: new Uint8Array(0), id: null };
/** Blocks that are gone and may stay in the array before the others move up. */
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
  /** By sequence, oldest first. */
  readonly #young = new Map<number, Entry>();
  /** Oldest first; those before `#first` are gone. */
  #blocks: (Young | null)[] = [];
  #first = 0;
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
      this.#young.set(entry.seq, entry);
      this.#bytes += entry.payload.length + ENTRY_BYTES;
    }
    this.#bound();
  }

  addBlocks(blocks: readonly Block[]): void {
    for (const block of blocks) {
      this.#blocks.push({ block, starts: null });
      this.#bytes += sizeOf(block);
    }
    this.#bound();
  }

  /** Blocks that begin up to a sequence are there no more. */
  forgetBlocks(seq: number): void {
    for (let oldest = this.#blocks[this.#first]; oldest != null && oldest.block.firstSeq <= seq; ) {
      this.#dropBlock(oldest.block);
      oldest = this.#blocks[this.#first];
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
      const [entry] = this.#young.values();
      const block = this.#blocks[this.#first]?.block;
      if (entry !== undefined && (block === undefined || entry.seq < block.firstSeq)) {
        this.#young.delete(entry.seq);
        this.#bytes -= entry.payload.length + ENTRY_BYTES;
      } else if (block !== undefined) {
        this.#dropBlock(block);
      } else break;
    }
  }

  /** The oldest one. */
  #dropBlock(block: Block): void {
    this.#blocks[this.#first++] = null;
    this.#bytes -= sizeOf(block);
    if (this.#first < COMPACT_FROM) return;
    this.#blocks = this.#blocks.slice(this.#first);
    this.#first = 0;
  }

  /** Null: it is there no more. */
  entry(seq: number): Entry | null {
    return this.#young.get(seq) ?? this.#find(seq);
  }

  readonly lookup = (seq: number): Found => {
    const young = this.#blockOf(seq);
    if (young !== null) return foundIn(young, seq);
    const entry = this.entry(seq);
    return entry === null || !isEvent(entry) ? GONE : foundOf(entry);
  };

  #blockOf(seq: number): Young | null {
    let low = this.#first;
    for (let high = this.#blocks.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (this.#blocks[middle]!.block.lastSeq < seq) low = middle + 1;
      else high = middle;
    }
    const found = this.#blocks[low];
    return found === undefined || found === null || found.block.firstSeq > seq ? null : found;
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
