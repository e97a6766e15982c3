import type { Clock } from "../clock.ts";
import { keyOf, seqOf } from "../key.ts";
import { limits } from "../limits.ts";
import type { Store } from "../store/store.ts";
import { readHeader } from "./blob.ts";
import { JOURNAL } from "./meta.ts";
import type { StoreJournal } from "./store-journal.ts";

/** A stretch of time in which nothing was received, ms since epoch. */
export interface Gap {
  readonly from: number;
  readonly until: number;
}

export interface ClockDoubtOptions {
  readonly journal: Pick<StoreJournal, "store" | "lastSeq">;
  readonly clock: Clock;
}

/**
 * Whether it is to be believed how old things are. A clock that jumped ahead makes all of them old at once, and looks as
 * if the place had been switched off meanwhile. So behind a gap nothing is old before the clock has gone well for
 * `limits.clockProofMs`, by what was received since, or as long as this process runs.
 */
export class ClockDoubt {
  readonly #options: ClockDoubtOptions;
  /** Monotonic time since when the clock has gone as time does; and how far it was ahead of that when it was last seen. */
  #steadySince: number;
  #offset: number;

  constructor(options: ClockDoubtOptions) {
    const { clock } = options;
    this.#options = options;
    this.#steadySince = clock.monotonic();
    this.#offset = clock.now() - clock.monotonic();
  }

  /** The gap that makes ages doubtful; null: they aren't. */
  gap(): Gap | null {
    const { clock } = this.#options;
    const [now, monotonic] = [clock.now(), clock.monotonic()];
    const offset = now - monotonic;
    if (Math.abs(offset - this.#offset) > limits.clockBehindMs) this.#steadySince = monotonic;
    this.#offset = offset;
    return monotonic - this.#steadySince >= limits.clockProofMs ? null : this.#gapBefore(now);
  }

  /** Where what was received within the proof's time begins, was nothing received for long before? */
  #gapBefore(now: number): Gap | null {
    const before = this.#lastBefore(now - limits.clockProofMs);
    if (before === null) return null;
    const until = this.#after(before.key) ?? now;
    return until - before.at > limits.clockGapMs ? { from: before.at, until } : null;
  }

  /** The last commit whose last entry was received by then; receive times never go back. Null: there is none. */
  #lastBefore(time: number): { readonly key: number; readonly at: number } | null {
    let found: { key: number; at: number } | null = null;
    for (let [low, high] = [1, this.#options.journal.lastSeq]; low <= high; ) {
      const middle = Math.floor((low + high) / 2);
      const commit = this.#commitAt(middle);
      if (commit === null) low = middle + 1;
      else if (commit.at <= time) {
        found = commit;
        low = middle + 1;
      } else high = commit.key - 1;
    }
    return found;
  }

  /** The whole commit that holds an entry, or the nearest before it. */
  #commitAt(seq: number): { readonly key: number; readonly at: number } | null {
    for (const { key, value } of this.#store.range(JOURNAL, { start: keyOf(seq), reverse: true })) {
      const header = readHeader(value);
      if (typeof header !== "string") return { key: seqOf(key), at: header.lastAt };
    }
    return null;
  }

  /** When the commit behind this one was received; null: there is none. */
  #after(key: number): number | null {
    for (const { value } of this.#store.range(JOURNAL, { start: keyOf(key + 1) })) {
      const header = readHeader(value);
      if (typeof header !== "string") return header.lastAt;
    }
    return null;
  }

  get #store(): Pick<Store, "range"> {
    return this.#options.journal.store;
  }
}
