// Saves the state of a place in the background: in slices of the event loop, for a small share of the time, into a store of
// its own, so that no decision's commit ever waits behind it.
import type { Clock } from "../clock.ts";
import type { Commit, Entry } from "../journal/journal.ts";
import { limits } from "../limits.ts";
import type { Write } from "../store/store.ts";
import type { Archive, Meta, RoundWriter } from "./archive.ts";
import type { Round, Saved } from "./checkpoint.ts";
import type { Shadow } from "./shadow.ts";

export interface CheckpointLimits {
  readonly checkpointSliceMs: number;
  readonly checkpointShare: number;
  readonly checkpointCommitBytes: number;
  readonly checkpointEntries: number;
  readonly checkpointRecords: number;
  readonly checkpointStopMs: number;
}

export interface CheckpointerOptions {
  readonly archive: Archive;
  readonly epoch: string;
  readonly clock: Clock;
  /** From one checkpoint to the next, ms. */
  readonly everyMs: number;
  readonly shadow: Shadow;
  /** What is saved beside the board. */
  readonly others: () => readonly Saved[];
  /** What is on disk, as it was loaded; null: nothing is. */
  readonly meta: Meta | null;
  /** It could not be saved: for the log. */
  readonly failed: (error: unknown) => void;
  readonly limits?: Partial<CheckpointLimits>;
}

/** Commits are gathered for so long before the second board follows them, ms. */
const GATHER_MS = 10;
/** With few changes a checkpoint comes so many times as late. */
const PATIENCE = 10;

/** Why a round ended before its end: nobody is told. */
class Left extends Error {}

export class Checkpointer {
  readonly #options: CheckpointerOptions;
  readonly #limits: CheckpointLimits;
  #meta: Meta | null;
  /** Rows may lie in the store that belong to no checkpoint. */
  #litter = true;
  #lastAt: number;
  #entries = 0;
  #running: Promise<void> | null = null;
  #stopping = false;
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

  begin(): void {
    this.#running ??= this.#run();
  }

  /** A commit is on disk. */
  committed(entries: readonly Entry[], commit?: Commit): void {
    const { shadow, clock } = this.#options;
    this.#entries += commit === undefined ? entries.length : commit.lastSeq - commit.firstSeq + 1;
    shadow.committed(entries, commit);
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
    if (this.#running !== null && this.#entries > 0) await this.#tryRound();
  }

  /** Saves at once, however little has changed. */
  async now(): Promise<void> {
    await this.#follow();
    await this.#round();
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      if (this.#options.shadow.hasWork) await this.#follow();
      else if (this.#litter) await this.#guard(() => this.#sweep());
      else if (this.#dueMs() <= 0) await this.#tryRound();
      else await this.#idle();
    }
  }

  /** How long until a checkpoint is worth its while, ms. */
  #dueMs(): number {
    const { clock, everyMs, shadow } = this.#options;
    const { checkpointEntries, checkpointRecords } = this.#limits;
    if (this.#entries === 0) return everyMs;
    const patience = this.#entries >= checkpointEntries ? 1 : PATIENCE;
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

  /** Brings the second board up to what is on disk. */
  async #follow(): Promise<void> {
    const { shadow } = this.#options;
    await this.#guard(() => this.#sliced({ next: () => ({ done: !shadow.step(), value: null }) }, () => null));
  }

  async #tryRound(): Promise<void> {
    await this.#guard(async () => {
      if (this.#litter) await this.#sweep();
      await this.#follow();
      await this.#round();
    });
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#lastAt = this.#options.clock.monotonic();
      if (error instanceof Left) return;
      this.failures++;
      this.#litter = true;
      this.trouble = (error as Error).message;
      this.#options.failed(error);
      // A store that takes nothing is not asked again at once.
      if (!this.#stopping) await this.#idle();
    }
  }

  async #round(): Promise<void> {
    const { archive, clock, epoch, shadow, others } = this.#options;
    const began = clock.monotonic();
    const board = shadow.cut();
    const seq = shadow.through;
    const entries = this.#entries;
    const writer = archive.begin({ round: (this.#meta?.round ?? 0) + 1, epoch, seq, at: clock.now() }, this.#meta);
    this.#litter = true;
    const parts: readonly Saved[] = [board, ...others()];
    const rounds: Round[] = [];
    for (const part of parts) rounds.push(await this.#save(part, writer, seq));
    const { meta, replaced } = await writer.finish();
    this.#meta = meta;
    this.#entries -= entries;
    this.#lastAt = clock.monotonic();
    this.lastMs = this.#lastAt - began;
    this.done++;
    this.trouble = null;
    for (const [index, part] of parts.entries()) part.kept?.(rounds[index]!);
    await this.#tidy(replaced);
  }

  async #save(part: Saved, writer: RoundWriter, seq: number): Promise<Round> {
    const round = { seq, whole: writer.part(part) };
    const rows = part.save(round);
    try {
      await this.#sliced(rows, (row) => {
        if (row !== null) writer.put(row);
        return writer.waiting >= this.#limits.checkpointCommitBytes ? () => writer.flush() : null;
      });
    } finally {
      rows.return?.();
    }
    return round;
  }

  /** What the new checkpoint replaces goes; a board, always saved anew, leaves all of its last one. */
  async #tidy(replaced: readonly Buffer[]): Promise<void> {
    const { archive } = this.#options;
    await this.#sliced(archive.removals(replaced), (writes) => committing(archive, writes));
    await this.#sliced(archive.sweepBefore(this.#meta!), (writes) => committing(archive, writes));
    this.#litter = false;
  }

  async #sweep(): Promise<void> {
    const { archive } = this.#options;
    await this.#sliced(archive.sweep(this.#meta), (writes) => committing(archive, writes));
    this.#litter = false;
  }

  /**
   * Goes through steps in slices; others have their turn in between, and most of the time.
   *
   * @param take  what is to be waited for after a step; null: nothing
   */
  async #sliced<T>(steps: Iterator<T>, take: (step: T) => (() => Promise<void>) | null): Promise<void> {
    const { clock } = this.#options;
    const { checkpointSliceMs } = this.#limits;
    for (;;) {
      const began = clock.monotonic();
      let wait: (() => Promise<void>) | null = null;
      let isOver = false;
      // A step may take as long as the slices before it did on the whole: the slice ends a little early.
      do {
        const { done, value } = steps.next();
        isOver = done === true;
        if (!isOver) wait = take(value as T);
      } while (!isOver && wait === null && clock.monotonic() - began < checkpointSliceMs / 2);
      const waited = wait?.();
      const spent = clock.monotonic() - began;
      this.longestMs = Math.max(this.longestMs, spent);
      await waited;
      if (isOver) return;
      await this.#rest(spent);
    }
  }

  /** Leaves the others their share. When it has to be soon, they have one turn. */
  async #rest(spent: number): Promise<void> {
    const { clock } = this.#options;
    if (clock.monotonic() > this.#deadline) throw new Left();
    if (this.#stopping) return new Promise((resolve) => setImmediate(resolve));
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

function committing(archive: Archive, writes: readonly Write[] | null): (() => Promise<void>) | null {
  return writes === null ? null : () => archive.commit(writes);
}
