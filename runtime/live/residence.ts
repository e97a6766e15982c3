// Keeps a fold within its memory: the identities that were touched longest ago go to the disk. Whoever comes back is
// folded from its unsettled events on, so one that is heard of all the time stays; when the memory is full of such, they
// have to keep fewer events that late ones may still join.
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

/** Asks that what was before is settled, µs. @returns whether the fold's watermark will go there, a little later */
export type Crowded = (settledMicros: number) => boolean;

/** How far below the limit the memory is brought, so that not every batch has to. */
const ROOM = 0.95;
/** An identity with so many unsettled events is busy, until it was not heard of for so many times the time between two. */
const BUSY_EVENTS = 8;
const BUSY_GAPS = 8;
/** Rounds after one batch, before the next may come. */
const ROUNDS = 4;

export class Residence {
  readonly #fold: Fold;
  readonly #cold: ColdPlace;
  readonly #progress: Progress;
  readonly #crowded: Crowded | null;
  /** Where the search through the identities goes on. */
  #place = 0;
  /** The watermark that was asked for last, µs; and the identities that were looked at since it was reached. */
  #awaited = Number.NEGATIVE_INFINITY;
  #looked = 0;
  /** Held bytes. */
  limitBytes: number;

  /** @param crowded  null: there is nobody to be asked */
  constructor(fold: Fold, cold: ColdPlace, progress: Progress, crowded: Crowded | null, limitBytes: number) {
    this.#fold = fold;
    this.#cold = cold;
    this.#progress = progress;
    this.#crowded = crowded;
    this.limitBytes = limitBytes;
  }

  /** After a batch: a bounded number of identities goes, if there is too little room. */
  shrink(): void {
    const { usedBytes } = this.#fold;
    if (usedBytes <= this.limitBytes) return;
    const isPatient = this.#crowded !== null && usedBytes <= this.limitBytes + limits.crowdedBytes;
    if (isPatient && this.#fold.core.settledAt() < this.#awaited) return;
    const goal = this.limitBytes * ROOM;
    for (let round = 0; round < ROUNDS && this.#fold.usedBytes > goal; round++) this.#evict(goal, isPatient);
  }

  /** The least recently touched of a sample. @param spares  whether those that are busy stay */
  #evict(goal: number, spares: boolean): void {
    const { core } = this.#fold;
    const sample = this.#sample().sort((a, b) => core.touchedOf(a) - core.touchedOf(b));
    this.#looked += sample.length;
    let packedBytes = 0;
    const packed: (ColdOne & { readonly handle: Handle })[] = [];
    const busy: Handle[] = [];
    for (const handle of sample) {
      if (this.#fold.usedBytes - packedBytes <= goal || packed.length === limits.coldBatch) break;
      // What is settled needs no way back, and no room on the disk.
      core.settleIdentity(handle);
      if (this.#isBusy(handle)) {
        busy.push(handle);
        if (spares) continue;
      }
      core.setFolded(handle, this.#progress.seq);
      const bytes = this.#pack(handle);
      if (bytes === null) continue;
      packed.push({ handle, key: this.#fold.keyBytes(handle), bytes, ...this.#noteOf(handle) });
      packedBytes += bytes.length;
    }
    // Only when all have let go of what the watermark allows.
    if (busy.length > packed.length && this.#looked >= core.identitiesCount()) this.#askFor(busy);
    if (packed.length === 0) return;
    this.#cold.put(packed);
    for (const { handle } of packed) this.#fold.forget(handle);
  }

  /** Is it heard of again soon, and folded anew from many events then? */
  #isBusy(handle: Handle): boolean {
    const { core } = this.#fold;
    const count = core.tailCount(handle);
    if (count < BUSY_EVENTS) return false;
    const last = core.tailSeq(handle, count - 1);
    const gap = (last - core.tailSeq(handle, 0)) / (count - 1);
    return this.#progress.seq - last < BUSY_GAPS * gap;
  }

  /** That of what these keep, so much is settled that nearly each may let go of half: they keep more by the time it is. */
  #askFor(busy: readonly Handle[]): void {
    const { core } = this.#fold;
    const times = busy.map((handle) => core.tailTime(handle, (core.tailCount(handle) * 5) >> 3)).sort((a, b) => a - b);
    const micros = times[times.length >> 1]!;
    if (micros <= core.settledAt() || !this.#crowded?.(micros)) return;
    this.#awaited = micros;
    this.#looked = 0;
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
