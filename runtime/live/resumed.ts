import type { Block } from "../journal/block.ts";
import type { Entry } from "../journal/journal.ts";
import { cut } from "../journal/walk.ts";
import type { Counted } from "./live.ts";

/** What a spec at work knows besides the core's state. */
export interface SavedState {
  /** Sequence of the last entry that was folded, or told of time. */
  readonly seq: number;
  readonly firstSeq: number;
  readonly lacksEarlier: boolean;
  readonly counts: Readonly<Record<Counted, number>>;
  /** In the order of their numbers. */
  readonly sources: readonly string[];
  /** Sequences of the events refused last. */
  readonly refused: readonly number[];
}

/** Two parts of what is fed: what came while the state was saved, and what came after. */
export interface Parted<T> {
  readonly again: readonly T[];
  readonly fresh: readonly T[];
}

/**
 * A spec that was loaded. It was saved between two sequences, identity by identity: until it is past the second, each
 * event is folded for an identity only where that one lacks it, while time passes as it did.
 */
export class Resumed {
  readonly fromSeq: number;
  /** As it was at the end. */
  readonly state: SavedState;
  /** Events in between that were late. */
  readonly late: ReadonlySet<number>;
  /** Told once it is past the end. */
  readonly end: () => void;

  constructor(options: Pick<Resumed, "fromSeq" | "state" | "late" | "end">) {
    this.fromSeq = options.fromSeq;
    this.state = options.state;
    this.late = options.late;
    this.end = options.end;
  }

  get untilSeq(): number {
    return this.state.seq;
  }

  /** What was in the state at the beginning belongs to neither. */
  partEntries(entries: readonly Entry[]): Parted<Entry> {
    return {
      again: entries.filter(({ seq }) => seq > this.fromSeq && seq <= this.untilSeq),
      fresh: entries.filter(({ seq }) => seq > this.untilSeq),
    };
  }

  partBlocks(blocks: readonly Block[]): Parted<Block> {
    const again: Block[] = [];
    const fresh: Block[] = [];
    for (const block of blocks) {
      const [, behind] = part(block, this.fromSeq);
      if (behind === null) continue;
      const [before, after] = part(behind, this.untilSeq);
      if (before !== null) again.push(before);
      if (after !== null) fresh.push(after);
    }
    return { again, fresh };
  }
}

/** What is up to a sequence, and what is behind it. */
function part(block: Block, seq: number): readonly [Block | null, Block | null] {
  if (block.firstSeq > seq) return [null, block];
  return cut(block, seq - block.firstSeq + 1, Number.POSITIVE_INFINITY);
}
