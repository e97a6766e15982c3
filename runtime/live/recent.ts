import type { Found } from "../core/fold.ts";
import type { Entry } from "../journal/journal.ts";
import { limits } from "../limits.ts";
import { foundOf, isEvent } from "./batch.ts";

/** What an entry takes besides its payload, about. */
const ENTRY_BYTES = 1_024;
const GONE: Found = { payload: new Uint8Array(0), id: null };

/**
 * Events that a late one makes be folded once more: the youngest are at hand, the others are read from the journal.
 */
export class Recent {
  readonly #find: (seq: number) => Entry | null;
  readonly #bytesMax: number;
  /** By sequence, oldest first. */
  readonly #young = new Map<number, Entry>();
  #bytes = 0;

  /** @param find  an entry on disk */
  constructor(find: (seq: number) => Entry | null, bytesMax: number = limits.recentBytes) {
    this.#find = find;
    this.#bytesMax = bytesMax;
  }

  add(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#young.set(entry.seq, entry);
      this.#bytes += entry.payload.length + ENTRY_BYTES;
    }
    for (const [seq, { payload }] of this.#young) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#young.delete(seq);
      this.#bytes -= payload.length + ENTRY_BYTES;
    }
  }

  /** Null: it is there no more. */
  entry(seq: number): Entry | null {
    return this.#young.get(seq) ?? this.#find(seq);
  }

  readonly lookup = (seq: number): Found => {
    const entry = this.entry(seq);
    return entry === null || !isEvent(entry) ? GONE : foundOf(entry);
  };
}
