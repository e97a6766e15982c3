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

/** Asks for tails of at most so many events, a little later. */
export type Crowded = (tailEvents: number) => void;

/** How far below the limit the memory is brought, so that not every batch has to. */
const ROOM = 0.95;
/** An identity with so many unsettled events is busy, until it was not heard of for so many times the time between two. */
const BUSY_EVENTS = 4;
const BUSY_GAPS = 8;
/** The shortest that tails are made: whoever comes back with one costs little more than the event. */
const TAIL_MIN = 2;
/** Entries until it is looked again for what may go, after nothing could. */
const REST = 4_096;
/** For one that may go, so many that are busy: then it is time that these need less. */
const BUSY_SHARE = 4;
/** Rounds after one batch, before the next may come; more only if these made free less than came. */
const ROUNDS = 4;

export class Residence {
  readonly #fold: Fold;
  readonly #cold: ColdPlace;
  readonly #progress: Progress;
  readonly #crowded: Crowded | null;
  /** Where the search through the identities goes on. */
  #place = 0;
  /** Up to this sequence nothing more is expected to go. */
  #restsTo = 0;
  /** Bytes that were left above the limit after the last batch; what a lower limit asks for goes little by little. */
  #left = 0;
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

  /** After a batch: identities go if there is too little room, a few rounds of them, and at least as many bytes as came. */
  shrink(): void {
    if (this.#fold.usedBytes > this.limitBytes && !this.#rests) this.#makeRoom();
    this.#left = this.#fold.usedBytes;
  }

  #makeRoom(): void {
    const goal = this.limitBytes * ROOM;
    const most = Math.max(this.limitBytes, this.#left);
    for (let round = 0; this.#fold.usedBytes > (round < ROUNDS ? goal : most); round++) {
      const spares = this.#spares;
      const gone = this.#evict(goal, spares);
      // among those that are busy the few that are not would be sought for long
      if (gone === 0 || (round >= ROUNDS && spares && gone < limits.coldBatch)) return;
    }
  }

  /** Was it looked in vain, not long ago? */
  get #rests(): boolean {
    return this.#spares && this.#progress.seq < this.#restsTo;
  }

  /** Do those that are busy stay? */
  get #spares(): boolean {
    return this.#fold.usedBytes <= this.limitBytes + this.#patience;
  }

  /** Bytes above the limit up to which those that are busy stay. */
  get #patience(): number {
    return this.#crowded === null ? 0 : Math.min(this.limitBytes, limits.crowdedBytes);
  }

  /**
   * The least recently touched of a sample.
   *
   * @param spares  whether those that are busy stay
   * @returns how many went
   */
  #evict(goal: number, spares: boolean): number {
    const { core } = this.#fold;
    const sample = this.#sample().sort((a, b) => core.touchedOf(a) - core.touchedOf(b));
    let [packedBytes, idle] = [0, 0];
    const packed: (ColdOne & { readonly handle: Handle })[] = [];
    const busy: Handle[] = [];
    for (const handle of sample) {
      if (this.#fold.usedBytes - packedBytes <= goal || packed.length === limits.coldBatch) break;
      // What is settled needs no way back, and no room on the disk.
      core.settleIdentity(handle);
      const isBusy = this.#isBusy(handle);
      if (isBusy) busy.push(handle);
      if (isBusy && spares) continue;
      core.setFolded(handle, this.#progress.seq);
      const bytes = this.#pack(handle);
      if (bytes === null) continue;
      packed.push({ handle, key: this.#fold.keyBytes(handle), bytes, ...this.#noteOf(handle) });
      packedBytes += bytes.length;
      if (!isBusy) idle++;
    }
    const isShort = this.#fold.usedBytes - packedBytes > goal;
    if (isShort && busy.length > BUSY_SHARE * idle) this.#ask(busy);
    if (packed.length === 0) {
      this.#restsTo = this.#progress.seq + REST;
      return 0;
    }
    this.#cold.put(packed);
    for (const { handle } of packed) this.#fold.forget(handle);
    return packed.length;
  }

  /** Is it heard of again soon, and folded anew from many events then? */
  #isBusy(handle: Handle): boolean {
    const { core } = this.#fold;
    const count = core.tailCount(handle);
    if (count < BUSY_EVENTS) return false;
    // By time: what was heard of first and last is near the ends, mostly.
    let [first, last] = [Number.POSITIVE_INFINITY, 0];
    for (let i = 0; i < BUSY_EVENTS; i++) {
      const [old, young] = [core.tailSeq(handle, i), core.tailSeq(handle, count - 1 - i)];
      first = Math.min(first, old, young);
      last = Math.max(last, old, young);
    }
    return this.#progress.seq - last < (BUSY_GAPS * (last - first)) / (count - 1);
  }

  /** That these need about half, unless most have yet to come down to what was asked for before. */
  #ask(busy: readonly Handle[]): void {
    const { core } = this.#fold;
    const counts = busy.map((handle) => core.tailCount(handle)).sort((a, b) => a - b);
    const median = counts[counts.length >> 1]!;
    const bound = core.tailBound();
    // Tails are from half as long as the bound to just as long.
    if (median <= bound && bound > TAIL_MIN) this.#crowded?.(Math.max(TAIL_MIN, (median * 5) >> 3));
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
