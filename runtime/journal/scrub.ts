// Reads again what a start does not: the commits that a checkpoint stands for, checksums included. Once, in the background.
import type { Clock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import { keyOf, seqOf } from "../key.ts";
import { limits } from "../limits.ts";
import type { RangeOptions, Row, Store } from "../store/store.ts";
import { BlobReader, type Corruption, readHeader } from "./blob.ts";
import { corrupt, describeCorruption } from "./cursor.ts";
import { JOURNAL } from "./meta.ts";
import { Succession } from "./succession.ts";

export interface ScrubLimits {
  readonly scrubSliceMs: number;
  readonly scrubShare: number;
  readonly scrubTold: number;
}

export interface ScrubOptions {
  readonly store: Pick<Store, "get" | "range">;
  readonly clock: Clock;
  /** The data folder, for messages. */
  readonly dir: string;
  /** For the log: each damaged stretch, as many as may be told of; or why it can't go on. */
  readonly fault: (what: string, error: unknown) => void;
  readonly limits?: Partial<ScrubLimits>;
}

/** Bytes of entries after which the time is looked at; an entry is never split. */
const LOOK_BYTES = 4 * 1024;

/**
 * A start from a checkpoint replays what came after it, and would not notice damage before it until somebody needs that:
 * a start that has to replay it, a hub, a person who asks why. What retention removes meanwhile is no damage.
 *
 * Slices are short, but for a commit that is read as a whole, and one of which little can be found any more.
 */
export class Scrub {
  readonly #options: ScrubOptions;
  readonly #limits: ScrubLimits;
  /** Of the first damaged stretch; null: none was found. */
  #found: Corruption | null = null;
  /** Why it could not go on; null: nothing. */
  #failure: string | null = null;
  #steps: Iterator<void> | null = null;
  #stop: () => void = () => {};
  /** Damaged stretches found so far. */
  damaged = 0;
  /** The last sequence up to which it has read; 0 at first, and where there is nothing to be read. */
  throughSeq = 0;
  /** The longest slice, ms. */
  longestMs = 0;

  constructor(options: ScrubOptions) {
    this.#options = options;
    this.#limits = { ...limits, ...options.limits };
  }

  /** @param replayedFrom  the sequence from which on the start has read everything itself */
  begin(replayedFrom: number): void {
    this.#steps = this.#read(replayedFrom);
    // A start has enough to do at first.
    this.#rest(this.#limits.scrubSliceMs);
  }

  /** Nothing is read any more. Twice is once. */
  end(): void {
    this.#stop();
    this.#steps = null;
  }

  /** What is wrong, and what to do, until the next start; null: nothing was found. */
  trouble(): string | null {
    if (this.#found === null) return this.#failure;
    const more = this.damaged === 1 ? "" : `, and ${this.damaged - 1} more`;
    return `the journal is damaged before the checkpoint: ${describeCorruption(this.#found)}${more}. A start that has to replay it is refused: stop the place, and move it to the dead letters with 'aisle journal repair --data ${this.#options.dir}'`;
  }

  #slice(): void {
    const { clock, fault } = this.#options;
    const began = clock.monotonic();
    let spent = 0;
    try {
      do {
        if (this.#steps === null || this.#steps.next().done === true) {
          this.end();
          break;
        }
        spent = clock.monotonic() - began;
        // A step may take as long as the slice did so far: it ends a little early.
      } while (spent < this.#limits.scrubSliceMs / 2);
    } catch (error) {
      this.#failure = `the journal can't be verified: ${(error as Error).message}`;
      fault("the journal can't be verified", error);
      this.end();
    }
    this.longestMs = Math.max(this.longestMs, spent);
    if (this.#steps !== null) this.#rest(spent);
  }

  #rest(spent: number): void {
    const ms = spent * (1 / this.#limits.scrubShare - 1);
    this.#stop = this.#options.clock.after(Math.max(1, ms), () => this.#slice());
  }

  /** Goes through the commits that begin before a sequence, in short steps. */
  *#read(beforeSeq: number): Generator<void> {
    let firstSeq = 0;
    const succession = new Succession(this.#options.store);
    const reader = new BlobReader((corruption) => this.#tell(corruption, firstSeq));
    let commit = this.#next({ start: keyOf(0), end: keyOf(beforeSeq) });
    while (commit !== null) {
      yield;
      firstSeq = seqOf(commit.key);
      this.#count(succession.missing(firstSeq));
      reader.open(commit.value, firstSeq, this.#endOf(commit));
      succession.passed(reader.lastSeq);
      for (let bytes = 0; reader.next(); ) {
        this.throughSeq = reader.seq;
        bytes += reader.entryEnd - reader.entryStart;
        if (bytes < LOOK_BYTES) continue;
        bytes = 0;
        yield;
      }
      commit = this.#next({ start: keyOf(firstSeq + 1), end: keyOf(beforeSeq) });
    }
    this.#count(succession.missing(beforeSeq));
    this.throughSeq = Math.max(this.throughSeq, beforeSeq - 1);
    const untold = this.damaged - this.#limits.scrubTold;
    if (untold > 0)
      this.#fault(new AisleError("corrupt", `journal: damaged stretches that are not told of here: ${untold}`));
  }

  /** One at a time: a commit may have megabytes, and none is kept over a rest but the one that is read. */
  #next(range: RangeOptions): Row | null {
    for (const row of this.#options.store.range(JOURNAL, { ...range, limit: 1 })) return row;
    return null;
  }

  /** The first sequence of the commit that follows, if only that tells where this one ends. */
  #endOf({ key, value }: Row): number {
    if (typeof readHeader(value) !== "string") return Number.POSITIVE_INFINITY;
    const next = this.#next({ start: keyOf(seqOf(key) + 1) });
    return next === null ? Number.POSITIVE_INFINITY : seqOf(next.key);
  }

  #tell(corruption: Corruption, firstSeq: number): void {
    // Retention may have taken the commit away since it was read.
    if (this.#options.store.get(JOURNAL, keyOf(firstSeq)) !== null) this.#count(corruption);
  }

  #count(corruption: Corruption | null): void {
    if (corruption === null) return;
    this.damaged++;
    this.#found ??= corruption;
    if (this.damaged <= this.#limits.scrubTold) this.#fault(corrupt(corruption, this.#options.dir));
  }

  #fault(error: AisleError): void {
    this.#options.fault("the journal is damaged before the checkpoint", error);
  }
}
