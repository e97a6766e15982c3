// A second board that follows the first, a little behind and only by what is on disk. Whoever saves it lets it stand
// meanwhile: so what is saved is exactly what a replay would have made. Its price is the memory of a second board.
import { Block, type Part } from "../journal/block.ts";
import type { Commit, Entry, Journal } from "../journal/journal.ts";
import type { BoardState } from "./board-state.ts";
import type { LoadedRow } from "./checkpoint.ts";
import { heard, passesPlain } from "./hearing.ts";

export interface ShadowOptions {
  readonly journal: Pick<Journal, "parts" | "lastSeq" | "appliedSeq">;
  /** Hash of what decides what a board hears; missing: plain events are shown to it. */
  readonly hears: (board: BoardState) => string | undefined;
  /** Entries, and bytes, that may wait here; past that they are read from the journal when their turn comes. */
  readonly queueEntries: number;
  readonly queueBytes: number;
}

/** What was taken from the queue is let go of when there is so much of it, and half of all. */
const SPENT = 256;

/** What waits: a part of a commit, or its end. */
type Waiting = Entry | Block | { readonly through: number; readonly settled: number };

export class Shadow {
  readonly #options: ShadowOptions;
  readonly #fresh: () => BoardState;
  #state: BoardState;
  #hears: string | undefined;
  /** All entries up to here were applied. */
  through = 0;
  /** Causes up to here are settled, by what was on disk with the entry `through`. */
  #settled = 0;
  /** `appliedSeq` as it was after the commit before: on disk with the next one. */
  #appliedBefore = 0;
  #loading: Iterator<void> | null = null;
  /** Null: it follows the commits. */
  #reading: Iterator<Entry | Block> | null = null;
  /** Entries of one block, to be shown one by one. */
  #block: Iterator<Entry> | null = null;
  #queue: Waiting[] = [];
  /** Index of the first that waits. */
  #next = 0;
  #queued = { entries: 0, bytes: 0 };
  /** Those of the kind `config` that wait: behind one, plain events may have to be shown. */
  #configs = 0;

  /**
   * @param fresh   makes a board with nothing on it
   * @param loaded  what it begins with: the state as of that entry; null: nothing
   */
  constructor(
    options: ShadowOptions,
    fresh: () => BoardState,
    loaded: { readonly rows: Iterable<LoadedRow>; readonly seq: number } | null,
  ) {
    this.#options = options;
    this.#fresh = fresh;
    this.#state = fresh();
    this.#hears = options.hears(this.#state);
    if (loaded !== null) {
      this.#loading = this.#state.loading(loaded.rows);
      this.through = loaded.seq;
    }
    this.#read();
  }

  /** The state as of `through`; it stays so until the next `step`. */
  cut(): BoardState {
    this.#state.settle(this.#settled);
    return this.#state;
  }

  /** Whatever it has reached. */
  get board(): BoardState {
    return this.#state;
  }

  get records(): number {
    let records = 0;
    for (const page of this.#state.applier.board.pages) records += page.size;
    return records;
  }

  /** It knows all that is on disk, or has it at hand. */
  get follows(): boolean {
    return this.#reading === null && this.#loading === null;
  }

  get isLoading(): boolean {
    return this.#loading !== null;
  }

  get hasWork(): boolean {
    return !this.follows || this.#block !== null || this.#next < this.#queue.length;
  }

  /** Begins anew, with a fresh board: the plan has changed. */
  restart(): void {
    this.#state = this.#fresh();
    this.#hears = this.#options.hears(this.#state);
    this.through = 0;
    this.#settled = 0;
    this.#loading = null;
    this.#read();
  }

  /** A commit is on disk. */
  committed(entries: readonly Entry[], commit: Commit | undefined): void {
    const settled = this.#appliedBefore;
    this.#appliedBefore = this.#options.journal.appliedSeq;
    if (!this.follows) return;
    const parts: readonly Part[] = commit?.parts ?? [entries];
    const through = commit?.lastSeq ?? entries.at(-1)!.seq;
    if (!this.hasWork && parts.every((part) => this.#isPassed(part))) {
      this.#passed(through, settled);
      return;
    }
    for (const part of parts) this.#push(part);
    this.#queue.push({ through, settled });
    const { queueEntries, queueBytes } = this.#options;
    if (this.#queued.entries > queueEntries || this.#queued.bytes > queueBytes) this.#read();
  }

  /** Does a little. @returns false: there is nothing to do */
  step(): boolean {
    if (this.#loading !== null) {
      this.#loadNext(this.#loading);
      return true;
    }
    if (this.#block !== null) {
      const { done, value } = this.#block.next();
      if (done === true) this.#block = null;
      else this.#apply(value);
      return true;
    }
    return this.#reading === null ? this.#takeNext() : this.#readNext(this.#reading);
  }

  #loadNext(loading: Iterator<void>): void {
    try {
      if (loading.next().done === true) this.#loading = null;
    } catch (error) {
      // Half of it is there: the journal says it too.
      this.restart();
      throw error;
    }
  }

  #readNext(reading: Iterator<Entry | Block>): boolean {
    let read: IteratorResult<Entry | Block>;
    try {
      read = reading.next();
    } catch (error) {
      this.#read();
      throw error;
    }
    const { done, value } = read;
    if (done === true) {
      // Nothing is committed within this turn: from here on the commits tell of all.
      this.#reading = null;
      this.#passed(Math.max(this.through, this.#options.journal.lastSeq), this.#settled);
    } else this.#show(value);
    return true;
  }

  #takeNext(): boolean {
    const waiting = this.#queue[this.#next];
    if (waiting === undefined) return false;
    this.#next++;
    if ("through" in waiting) this.#passed(waiting.through, waiting.settled);
    else {
      this.#queued.entries -= waiting instanceof Block ? waiting.count : 1;
      this.#queued.bytes -= bytesOf(waiting);
      if (isConfig(waiting)) this.#configs--;
      this.#show(waiting);
    }
    const left = this.#queue.length - this.#next;
    if (left === 0 || (this.#next >= SPENT && this.#next >= left)) {
      this.#queue = this.#queue.slice(this.#next);
      this.#next = 0;
    }
    return true;
  }

  #show(part: Entry | Block): void {
    if (!(part instanceof Block)) this.#apply(part);
    else this.#block = heard(part, this.#state.configured, this.#hears)[Symbol.iterator]();
  }

  #apply(entry: Entry): void {
    this.#state.apply(entry);
    this.through = entry.seq;
  }

  #passed(through: number, settled: number): void {
    this.through = through;
    this.#settled = settled;
    this.#state.applier.pass(through);
  }

  #isPassed(part: Part): boolean {
    return part instanceof Block && passesPlain(this.#state.configured, this.#hears);
  }

  #push(part: Part): void {
    if (this.#configs === 0 && this.#isPassed(part)) return;
    for (const each of part instanceof Block ? [part.copy()] : part) {
      if (isConfig(each)) this.#configs++;
      this.#queue.push(each);
      this.#queued.entries += each instanceof Block ? each.count : 1;
      this.#queued.bytes += bytesOf(each);
    }
  }

  /** What is not at hand is read from the journal. */
  #read(): void {
    this.#queue = [];
    this.#next = 0;
    this.#queued = { entries: 0, bytes: 0 };
    this.#configs = 0;
    this.#block = null;
    this.#reading = this.#entries();
  }

  /** A reading may end before what was written meanwhile: it is at its end when a fresh one finds nothing. */
  *#entries(): Generator<Entry | Block> {
    for (let from = this.through + 1; ; ) {
      let next = from;
      for (const part of this.#options.journal.parts(from)) {
        next = (part instanceof Block ? part.lastSeq : part.seq) + 1;
        yield part;
      }
      if (next === from) return;
      from = next;
    }
  }
}

function isConfig(part: Entry | Block): boolean {
  return !(part instanceof Block) && part.kind === "config";
}

function bytesOf(part: Entry | Block): number {
  return part instanceof Block ? part.end - part.start : part.payload.length;
}
