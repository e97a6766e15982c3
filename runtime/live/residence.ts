// Keeps a fold within its memory: the identities that were touched longest ago go to the disk.
import type { Fold, Handle } from "../core/fold.ts";
import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";

/** Of an identity that a checkpoint doesn't have as it is. */
export interface ColdNote {
  readonly hasTail: boolean;
  /** Number of the round that it was given to, and that is not on disk yet; 0: none. */
  round: number;
}

export interface ColdOne {
  readonly key: Uint8Array;
  readonly bytes: Uint8Array;
  readonly note?: ColdNote;
}

/** Where identities go. */
export interface ColdPlace {
  put(identities: readonly ColdOne[]): void;
}

/** How far the fold has come: the last sequence, and the last round of a checkpoint. */
export interface Progress {
  readonly seq: number;
  readonly round: number;
}

/** How far below the limit the memory is brought, so that not every batch has to. */
const ROOM = 0.95;
/** Rounds after one batch, before the next may come. */
const ROUNDS = 4;

export class Residence {
  readonly #fold: Fold;
  readonly #cold: ColdPlace;
  readonly #progress: Progress;
  /** Where the search through the identities goes on. */
  #place = 0;
  /** Held bytes. */
  limitBytes: number;

  constructor(fold: Fold, cold: ColdPlace, progress: Progress, limitBytes: number) {
    this.#fold = fold;
    this.#cold = cold;
    this.#progress = progress;
    this.limitBytes = limitBytes;
  }

  /** After a batch: a bounded number of identities goes, if there is too little room. */
  shrink(): void {
    if (this.#fold.usedBytes <= this.limitBytes) return;
    const goal = this.limitBytes * ROOM;
    for (let round = 0; round < ROUNDS && this.#fold.usedBytes > goal; round++) if (!this.#evict(goal)) return;
  }

  /** The least recently touched of a sample. @returns whether there were any */
  #evict(goal: number): boolean {
    const { core } = this.#fold;
    const sample = this.#sample().sort((a, b) => core.touchedOf(a) - core.touchedOf(b));
    let excess = this.#fold.usedBytes - goal;
    const packed: (ColdOne & { readonly handle: Handle })[] = [];
    for (const handle of sample) {
      if (excess <= 0 || packed.length === limits.coldBatch) break;
      // What is settled needs no way back, and no room on the disk.
      core.settleIdentity(handle);
      core.setFolded(handle, this.#progress.seq);
      const bytes = this.#pack(handle);
      if (bytes === null) continue;
      packed.push({ handle, key: this.#fold.keyBytes(handle), bytes, ...this.#noteOf(handle) });
      excess -= bytes.length;
    }
    this.#cold.put(packed);
    for (const { handle } of packed) this.#fold.forget(handle);
    return packed.length > 0;
  }

  /** What is not saved as it is, is saved from where it goes. */
  #noteOf(handle: Handle): { readonly note?: ColdNote } {
    const { core } = this.#fold;
    const changed = core.isChanged(handle);
    if (changed === 0) return {};
    return { note: { hasTail: core.tailCount(handle) > 0, round: changed === 2 ? this.#progress.round : 0 } };
  }

  /** Null: it is too large to be moved. */
  #pack(handle: Handle): Uint8Array | null {
    try {
      return this.#fold.pack(handle);
    } catch (error) {
      if (error instanceof AisleError && error.code === "too-large") return null;
      throw error;
    }
  }

  #sample(): Handle[] {
    const { core } = this.#fold;
    const sample: Handle[] = [];
    const count = Math.min(limits.coldSample, core.identitiesCount());
    while (sample.length < count) {
      const handle = core.identityFrom(this.#place);
      this.#place = core.nextPlace();
      if (handle !== 0) sample.push(handle);
    }
    return sample;
  }
}
