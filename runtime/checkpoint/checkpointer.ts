// Saves the state of a place in the background: in slices of the event loop, for a small share of the time, into a store of
// its own, so that no decision's commit ever waits behind it.
import type { Clock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import type { Commit, Entry, Journal } from "../journal/journal.ts";
import { limits } from "../limits.ts";
import type { Write } from "../store/store.ts";
import type { Archive, Meta, RoundWriter, Written } from "./archive.ts";
import type { Round, Saved } from "./checkpoint.ts";
import type { Shadow } from "./shadow.ts";

export interface CheckpointLimits {
  readonly checkpointSliceMs: number;
  readonly checkpointUrgentSliceMs: number;
  readonly checkpointShare: number;
  readonly checkpointCommitBytes: number;
  readonly checkpointEntries: number;
  readonly checkpointRecords: number;
  readonly checkpointStopMs: number;
  readonly checkpointQueueEntries: number;
  readonly checkpointQueueBytes: number;
}

export interface CheckpointerOptions {
  readonly archive: Archive;
  readonly journal: Pick<Journal, "epoch" | "lastSeq">;
  readonly clock: Clock;
  /** From one checkpoint to the next, ms. */
  readonly everyMs: number;
  readonly shadow: Shadow;
  /** What is saved beside the board. */
  readonly others: () => readonly Saved[];
  /** What is on disk, as it was loaded; null: nothing is. */
  readonly meta: Meta | null;
  /** What stands there instead says what the journal has lost: it stays until the first checkpoint takes its place. */
  readonly keepsRecord?: boolean;
  /** It could not be saved: for the log. */
  readonly failed: (error: unknown) => void;
  /**
   * 0: others have most of the time. Above it they have a turn after each slice and no more, and up to 1 slices are the
   * longer, and commits the larger: without a checkpoint the journal takes more than it should. Missing: 0.
   */
  readonly urgency?: () => number;
  readonly limits?: Partial<CheckpointLimits>;
}

/** Commits are gathered for so long before the second board follows them, ms. */
const GATHER_MS = 10;
/** A commit of what is urgent has so many times as much as another. */
const URGENT_TIMES = 8;
/** Steps after which it is looked whether they are enough. */
const LOOK_EVERY = 16;
/** With few changes a checkpoint comes so many times as late. */
const PATIENCE = 10;
/** One that failed is tried again after so long at the earliest, whoever waits for it, ms. */
const RETRY_MS = 5_000;
const NOTHING = (): void => {};

/** Why a round ended before its end: nobody is told. */
class Left extends Error {}

export class Checkpointer {
  readonly #options: CheckpointerOptions;
  readonly #limits: CheckpointLimits;
  #meta: Meta | null;
  /** Rows may lie in the store that belong to no checkpoint. */
  #litter = true;
  #lastAt: number;
  /** Who wants a checkpoint of all that is on disk now, and who wants any. */
  #wanted: (() => void)[] = [];
  #awaiting: (() => void)[] = [];
  #running: Promise<void> | null = null;
  #stopping = false;
  #rests = false;
  /** It has failed for want of room, and not worked since. */
  #isFull = false;
  /** Monotonic: before it who awaits one waits. */
  #retryAt = Number.NEGATIVE_INFINITY;
  /** Monotonic: what is under way has to be done until then. */
  #deadline = Number.POSITIVE_INFINITY;
  #wake: () => void = () => {};
  #wakeLater: (() => void) | null = null;
  /** Of the last checkpoint, ms; and the longest slice since the start, ms. */
  lastMs = 0;
  longestMs = 0;
  /** Checkpoints completed since the start, and those that failed. */
  done = 0;
  failures = 0;
  /** Why the last one failed; null: it did not. */
  trouble: string | null = null;
  /** As of the last slice. */
  #urgency = 0;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    this.#limits = { ...limits, ...options.limits };
    this.#meta = options.meta;
    this.#lastAt = options.clock.monotonic();
  }

  /** The last complete checkpoint; null: there is none. The journal may be cut behind its sequence. */
  get meta(): Meta | null {
    return this.#meta;
  }

  get bytes(): number {
    return this.#options.archive.bytes;
  }

  get urgency(): number {
    return this.#options.urgency?.() ?? 0;
  }

  begin(): void {
    this.#running ??= this.#run();
  }

  /** A commit is on disk. */
  committed(entries: readonly Entry[], commit?: Commit): void {
    const { shadow, clock } = this.#options;
    if (this.#rests) return;
    try {
      shadow.committed(entries, commit);
    } catch (error) {
      // A bug, but the place at work does not need this board.
      this.failures++;
      this.rest(`the board that is saved fell behind: ${(error as Error).message}`);
      this.#options.failed(error);
      return;
    }
    if (!shadow.hasWork) return;
    this.#wakeLater ??= clock.after(GATHER_MS, () => {
      this.#wakeLater = null;
      this.#wake();
    });
  }

  /** Ends; what has changed is saved if that can be done soon. */
  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#deadline = this.#options.clock.monotonic() + this.#limits.checkpointStopMs;
    this.#wakeLater?.();
    this.#wake();
    await this.#running;
    // A place that was never ready has nothing new to save.
    if (this.#running !== null && this.#changes > 0 && !this.#rests) await this.#tryRound();
    this.#tellWanting();
  }

  /** Saves at once, however little has changed; resolves when it is tried. */
  now(): Promise<void> {
    if (this.#stopping || this.#rests) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wanted.push(resolve);
      this.#wake();
    });
  }

  /** The checkpoint that is under way, or else one that begins at once; resolves when it counts, or has failed. */
  next(): Promise<void> {
    if (this.#stopping || this.#rests) return Promise.resolve();
    return new Promise((resolve) => {
      this.#awaiting.push(resolve);
      this.#wake();
    });
  }

  /** Saves nothing any more. */
  rest(why: string): void {
    this.#rests = true;
    this.trouble = why;
    this.#wake();
  }

  #tellWanting(): void {
    for (const resolve of this.#wanted.splice(0)) resolve();
    this.#tellAwaiting();
  }

  #tellAwaiting(): void {
    for (const resolve of this.#awaiting.splice(0)) resolve();
  }

  /** Entries on disk since the last checkpoint. */
  get #changes(): number {
    return this.#options.journal.lastSeq - (this.#meta?.seq ?? 0);
  }

  async #run(): Promise<void> {
    const { shadow } = this.#options;
    while (!this.#stopping) {
      if (this.#rests) await this.#idle();
      else if (this.#dueMs() <= 0) await this.#tryRound();
      else if (this.#litter) await this.#guard(() => this.#sweep());
      else if (shadow.hasWork) await this.#guard(() => this.#follow(() => this.#stopping || this.#dueMs() <= 0));
      else await this.#idle();
    }
  }

  /** How long until a checkpoint is worth its while, ms. */
  #dueMs(): number {
    const { clock, everyMs, shadow } = this.#options;
    const { checkpointEntries, checkpointRecords } = this.#limits;
    const changes = this.#changes;
    if (this.#rests) {
      this.#tellWanting();
      return everyMs;
    }
    if (this.#wanted.length > 0) return 0;
    if (this.#awaiting.length > 0) return Math.max(0, this.#retryAt - clock.monotonic());
    if (changes === 0) return everyMs;
    const patience = changes >= checkpointEntries ? 1 : PATIENCE;
    const size = Math.max(1, shadow.records / checkpointRecords);
    return this.#lastAt + everyMs * patience * size - clock.monotonic();
  }

  #idle(): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.#options.clock.after(Math.max(1, Math.min(this.#dueMs(), this.#options.everyMs)), resolve);
      this.#wake = () => {
        stop();
        resolve();
      };
    });
  }

  /** Brings the second board up to what is on disk, or until it is far enough. */
  #follow(isEnough: () => boolean): Promise<void> {
    const { shadow } = this.#options;
    let steps = 0;
    const isOver = () => ++steps % LOOK_EVERY === 0 && isEnough();
    return this.#sliced({ next: () => ({ done: isOver() || !shadow.step(), value: null }) }, () => null);
  }

  #followTo(seq: number): Promise<void> {
    const { shadow } = this.#options;
    return this.#follow(() => shadow.through >= seq && !shadow.isLoading);
  }

  async #tryRound(): Promise<void> {
    const wanted = this.#wanted.splice(0);
    await this.#guard(async () => {
      if (this.#litter) await this.#sweep();
      await this.#followTo(this.#options.journal.lastSeq);
      await this.#round();
    });
    for (const resolve of wanted) resolve();
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const { clock, everyMs } = this.#options;
      this.#lastAt = clock.monotonic();
      if (error instanceof Left) return;
      this.failures++;
      this.#retryAt = this.#lastAt + Math.min(everyMs, RETRY_MS);
      this.#tellAwaiting();
      this.#litter = true;
      if (!this.#rests) this.trouble = (error as Error).message;
      const wasFull = this.#isFull;
      this.#isFull = error instanceof AisleError && error.code === "full";
      // A full disk is told of once: it is tried again and again.
      if (!(wasFull && this.#isFull)) this.#options.failed(error);
      // A store that takes nothing is not asked again at once.
      if (!this.#stopping) await this.#idle();
    }
  }

  async #round(): Promise<void> {
    const { archive, clock, journal, shadow, others } = this.#options;
    const began = clock.monotonic();
    const board = shadow.cut();
    const seq = shadow.through;
    const head = { round: (this.#meta?.round ?? 0) + 1, epoch: journal.epoch, seq, at: clock.now() };
    const writer = archive.begin(head, this.#meta);
    this.#litter = true;
    const parts: readonly Saved[] = [board, ...others()];
    const rounds: Round[] = [];
    for (const part of parts) rounds.push(await this.#save(part, writer, seq));
    const { meta, written } = await writer.finish();
    this.#meta = meta;
    this.#lastAt = clock.monotonic();
    this.lastMs = this.#lastAt - began;
    this.done++;
    this.#isFull = false;
    this.trouble = null;
    for (const [index, part] of parts.entries()) part.kept?.(rounds[index]!);
    this.#tellAwaiting();
    await this.#tidy(written);
  }

  async #save(part: Saved, writer: RoundWriter, seq: number): Promise<Round> {
    const round = { seq, whole: writer.part(part) };
    const rows = part.save(round);
    try {
      await this.#sliced(rows, (row) => {
        if (row !== null) writer.put(row);
        return writer.waiting >= this.#limits.checkpointCommitBytes * this.#times ? () => writer.flush() : null;
      });
    } finally {
      rows.return?.();
    }
    return round;
  }

  /** What the new checkpoint replaces goes; a board, always saved anew, leaves all of its last one. */
  async #tidy(written: readonly Written[]): Promise<void> {
    const { archive } = this.#options;
    await this.#remove(archive.sweepReplaced(this.#meta!, written));
    await this.#remove(archive.sweepBefore(this.#meta!));
    this.#litter = false;
  }

  async #sweep(): Promise<void> {
    const { archive, keepsRecord = false } = this.#options;
    // One that can't be used still stands on disk: before its rows go, so that a start takes it for none.
    if (this.#meta === null && !keepsRecord) await archive.forget();
    await this.#remove(archive.sweep(this.#meta));
    this.#litter = false;
  }

  async #remove(found: Iterable<Write[] | null>): Promise<void> {
    const { archive } = this.#options;
    const steps = this.#gathered(found);
    try {
      await this.#sliced(steps, (writes) => (writes === null ? null : () => archive.commit(writes)));
    } finally {
      steps.return(null);
    }
  }

  *#gathered(found: Iterable<Write[] | null>): Generator<Write[] | null> {
    let gathered: Write[] = [];
    let parts = 0;
    for (const writes of found) {
      if (writes !== null) {
        gathered.push(...writes);
        parts++;
      }
      const isEnough = parts >= this.#times;
      yield isEnough ? gathered : null;
      if (isEnough) [gathered, parts] = [[], 0];
    }
    if (gathered.length > 0) yield gathered;
  }

  /** In a hurry a commit has so many times as much: each waits for the one before it. */
  get #times(): number {
    return 1 + this.#urgency * (URGENT_TIMES - 1);
  }

  /**
   * Goes through steps in slices; others have their turn in between, and most of the time. What comes next is prepared
   * while a commit is under way.
   *
   * @param take  what is to be waited for after a step; null: nothing
   */
  async #sliced<T>(steps: Iterator<T>, take: (step: T) => (() => Promise<void>) | null): Promise<void> {
    const { clock } = this.#options;
    let underWay = Promise.resolve();
    try {
      for (;;) {
        const began = clock.monotonic();
        const { wait, isOver } = this.#slice(steps, take);
        let spent = clock.monotonic() - began;
        if (wait !== null) {
          await underWay;
          const handed = clock.monotonic();
          underWay = wait();
          underWay.catch(NOTHING); // waited for before the next one
          spent += clock.monotonic() - handed;
        }
        this.longestMs = Math.max(this.longestMs, spent);
        if (isOver) return await underWay;
        await this.#rest(spent);
      }
    } finally {
      await underWay.catch(NOTHING); // who failed has told of it, and nothing is under way any more
    }
  }

  #slice<T>(steps: Iterator<T>, take: (step: T) => (() => Promise<void>) | null) {
    const { clock } = this.#options;
    const { checkpointSliceMs, checkpointUrgentSliceMs } = this.#limits;
    const began = clock.monotonic();
    this.#urgency = this.urgency;
    const sliceMs = checkpointSliceMs + this.#urgency * (checkpointUrgentSliceMs - checkpointSliceMs);
    let wait: (() => Promise<void>) | null = null;
    let isOver = false;
    // A step may take as long as the slices before it did on the whole: the slice ends a little early.
    do {
      const { done, value } = steps.next();
      isOver = done === true;
      if (!isOver) wait = take(value as T);
    } while (!isOver && wait === null && clock.monotonic() - began < sliceMs / 2);
    return { wait, isOver };
  }

  /** Leaves the others their share. When it has to be soon, they have one turn. */
  async #rest(spent: number): Promise<void> {
    const { clock } = this.#options;
    if (this.#rests || clock.monotonic() > this.#deadline) throw new Left();
    if (this.#stopping || this.#urgency > 0) return new Promise((resolve) => setImmediate(resolve));
    const ms = spent * (1 / this.#limits.checkpointShare - 1);
    await new Promise<void>((resolve) => {
      const stop = clock.after(Math.max(1, ms), resolve);
      this.#wake = () => {
        if (!this.#stopping) return;
        stop();
        resolve();
      };
    });
  }
}
