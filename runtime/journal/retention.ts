// What may go, and when. Two classes of kinds: decisions, also those of other places (`import`), with the configuration
// that explains them, have their own age; all others go by age, and by the bytes that the journal takes. Nothing goes
// that is not yet applied.
import type { Clock } from "../clock.ts";
import { keyOf, seqOf } from "../key.ts";
import type { Row, Store, Write } from "../store/store.ts";
import { BLOB_HEADER, type BlobHeader, BlobReader, BlobWriter, kindBits, readHeader } from "./blob.ts";
import type { Kind } from "./journal.ts";
import { JOURNAL } from "./meta.ts";

/** Each bound is optional; without one, nothing goes by it. */
export interface Retention {
  /** Entries older than this go, decisions and configuration excepted, ms. */
  readonly ageMs?: number;
  /** Decisions and configuration older than this go, ms. */
  readonly decisionAgeMs?: number;
  /** Beyond this, the oldest entries go; decisions only when nothing else is left to give. */
  readonly bytes?: number;
  /** Nothing after this sequence goes, besides what isn't applied: the last checkpoint. */
  readonly upToSeq?: number;
  /** From this sequence on only events go, and only by the bytes: records of the board rest on the others. */
  readonly recordsFrom?: number;
  /** No decision or configuration from this sequence on goes, whatever its age: somebody outside has yet to get it. */
  readonly lastingFrom?: number;
  /** Others from this sequence on don't go by their age; by the bytes they do. */
  readonly passingFrom?: number;
}

export interface Removed {
  readonly entries: number;
  /** Of entries and headers; LMDB frees whole pages of 4 KiB. */
  readonly bytes: number;
  /** Commits deleted, and commits written again without some of their entries. */
  readonly commits: number;
  readonly rewritten: number;
}

const LASTING: readonly Kind[] = ["decision", "import", "config"];
const LASTING_BITS = kindBits(LASTING);
const PASSING_BITS = 0xffff & ~LASTING_BITS;
/** On these no record rests that is not in a checkpoint. */
const EVENT_BITS = kindBits(["event", "outcome", "tick"]);

/** One slice of work on the event loop, ms. A commit is never split, so a very large one may take longer. */
const SLICE_MS = 0.4;
/** While the journal takes so many times what it may: a slice takes as long as a few commits do, which come fast then. */
const HURRIED = 1.125;
const SLICE_HURRIED_MS = 20;
/** Commits looked at in one slice, and changed in one LMDB transaction. */
const SLICE_LOOKED = 512;
const SLICE_CHANGED = 64;
/** Commits read at a time; one alone after a large one, since reading copies, and the time is looked at after each. */
const FETCH = 16;
const LARGE = 32 * 1024; // bytes
const PAGE = 4096;

/** What one slice found: commits to delete, and to write again. To be committed as one transaction. */
export type Slice = Write[];

interface World {
  readonly store: Store;
  readonly clock: Clock;
  readonly policy: Retention;
  /** Applied, by what is on disk: recovery would run again what comes after it. */
  readonly appliedSeq: number;
  /** First sequence of the newest commit, which stays: its header says where the journal stands. */
  readonly newestKey: number;
  /** Bytes that the journal takes now. */
  readonly bytes: () => number;
  /** What an earlier run left in `clearedSeq`; 0 at first. */
  readonly clearedSeq: number;
}

/** From the oldest commit on: drop entries of these kinds from commits whose last entry is older than `before`. */
interface Walk {
  readonly kinds: number;
  readonly before: number;
  /** Go on, whatever the age, while the journal takes more than the policy allows. */
  readonly bySize: boolean;
  /** Up to here. */
  readonly upToSeq: number;
}

/** One run of retention: call `slice`, commit what it gives, and so on until it gives null. */
export class RetentionRun {
  readonly #world: World;
  readonly #walks: Walk[];
  readonly #reader = new BlobReader(() => {
    this.#damaged = true;
  });
  #damaged = false;
  #removedSeq = 0;
  #fromKey = keyOf(0);
  #clearedSeq: number;
  #wasLarge = false;
  #bytes = 0;
  #removed = { entries: 0, bytes: 0, commits: 0, rewritten: 0 };

  constructor(world: World) {
    this.#world = world;
    const {
      ageMs,
      decisionAgeMs,
      bytes,
      upToSeq = Infinity,
      recordsFrom = Infinity,
      lastingFrom = Infinity,
      passingFrom = Infinity,
    } = world.policy;
    const now = world.clock.now();
    const never = Number.NEGATIVE_INFINITY;
    const all = Math.min(world.appliedSeq, world.newestKey - 1, upToSeq);
    const unneeded = Math.min(all, recordsFrom - 1);
    const lasting = { kinds: LASTING_BITS, upToSeq: Math.min(unneeded, lastingFrom - 1) };
    const passing = { kinds: PASSING_BITS, upToSeq: Math.min(unneeded, passingFrom - 1) };
    this.#clearedSeq = world.clearedSeq;
    this.#walks = [
      { ...passing, before: ageMs === undefined ? never : now - ageMs, bySize: false },
      { ...lasting, before: decisionAgeMs === undefined ? never : now - decisionAgeMs, bySize: false },
    ];
    if (bytes !== undefined) {
      this.#walks.push({ ...passing, upToSeq: unneeded, before: never, bySize: true });
      if (unneeded < all) this.#walks.push({ kinds: EVENT_BITS, upToSeq: all, before: never, bySize: true });
      this.#walks.push({ ...lasting, before: never, bySize: true });
    }
    this.#begin();
  }

  get removed(): Removed {
    return { ...this.#removed };
  }

  /** The last sequence of the commits that are deleted so far; 0: none is. */
  get removedSeq(): number {
    return this.#removedSeq;
  }

  /** Below it only lasting kinds are left; the next run need not look there again. */
  get clearedSeq(): number {
    return this.#clearedSeq;
  }

  /** The next piece of work, which the caller commits before it asks for more; null: done. */
  slice(): Slice | null {
    const { clock, policy } = this.#world;
    this.#bytes = this.#world.bytes();
    const hurries = this.#bytes > HURRIED * (policy.bytes ?? Number.POSITIVE_INFINITY);
    const end = clock.monotonic() + (hurries ? SLICE_HURRIED_MS : SLICE_MS);
    const slice: Slice = [];
    let looked = 0;
    while (looked < SLICE_LOOKED && clock.monotonic() < end && this.#walks.length > 0) {
      const walk = this.#walks[0]!;
      const fetched = this.#fetch();
      for (const { key, value } of fetched) {
        looked++;
        if (!this.#visit(walk, key, value, slice)) {
          this.#endWalk();
          break;
        }
        this.#pass(walk, key);
        if (slice.length >= SLICE_CHANGED || clock.monotonic() >= end) return slice;
      }
      if (fetched.length === 0) this.#endWalk();
      // the next walk may meet the same commits, and has to see what became of them
      if (this.#walks[0] !== walk && slice.length > 0) return slice;
    }
    return slice.length === 0 && this.#walks.length === 0 ? null : slice;
  }

  #endWalk(): void {
    this.#walks.shift();
    this.#begin();
  }

  #begin(): void {
    this.#fromKey = keyOf(this.#walks[0]?.kinds === LASTING_BITS ? 0 : this.#clearedSeq);
  }

  #pass(walk: Walk, key: Buffer): void {
    const next = seqOf(key) + 1;
    this.#fromKey = keyOf(next);
    if (walk.kinds === PASSING_BITS) this.#clearedSeq = next;
  }

  #fetch(): Row[] {
    const end = keyOf(this.#walks[0]!.upToSeq + 1);
    const limit = this.#wasLarge ? 1 : FETCH;
    const fetched = [...this.#world.store.range(JOURNAL, { start: this.#fromKey, end, limit })];
    this.#wasLarge = fetched.some(({ value }) => value.length > LARGE);
    return fetched;
  }

  /** Decides about one commit; false when the walk ends here. */
  #visit(walk: Walk, key: Buffer, value: Buffer, slice: Slice): boolean {
    const header = readHeader(value);
    if (typeof header === "string") return true; // left for a person to look at
    if (header.lastSeq > walk.upToSeq) return false;
    if (walk.bySize ? this.#bytes <= this.#world.policy.bytes! : header.lastAt >= walk.before) return false;

    const goes = header.kinds & walk.kinds;
    if (goes === header.kinds) {
      slice.push({ table: JOURNAL, key, value: null });
      this.#removedSeq = Math.max(this.#removedSeq, header.lastSeq);
      this.#count({ entries: header.count, bytes: value.length, commits: 1, rewritten: 0 });
    } else if (goes !== 0) {
      const rest = this.#without(goes, header, value);
      if (rest === null) return true;
      slice.push({ table: JOURNAL, key, value: rest.value });
      const bytes = value.length - rest.value.length;
      this.#count({ entries: header.count - rest.count, bytes, commits: 0, rewritten: 1 });
    }
    return true;
  }

  /** Null when an entry is damaged: written again, the damage could no longer be reported. */
  #without(kinds: number, header: BlobHeader, value: Buffer): { value: Buffer; count: number } | null {
    const reader = this.#reader;
    this.#damaged = false;
    const writer = new BlobWriter(value.length - BLOB_HEADER);
    let count = 0;
    reader.open(value, header.firstSeq);
    while (reader.next()) {
      if (kinds & (1 << reader.kindIndex)) continue;
      writer.copy(reader);
      count++;
    }
    return this.#damaged ? null : { value: writer.finish(header), count };
  }

  #count(removed: Removed): void {
    this.#bytes -= Math.floor(removed.bytes / PAGE) * PAGE;
    for (const name of ["entries", "bytes", "commits", "rewritten"] as const) this.#removed[name] += removed[name];
  }
}
