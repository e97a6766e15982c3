// Starts of a run from the command line: one at a time, or with a pause between two, where people ask for it.
import type { BoardRecord } from "./board/board.ts";
import type { Change, Changed } from "./board/change.ts";
import type { Clock } from "./clock.ts";
import type { Entry } from "./journal/journal.ts";
import type { Worker } from "./runner.ts";
import type { Scheduler } from "./scheduler.ts";
import type { PlannedActor } from "./site.ts";

export interface Pace {
  /** One run at a time. */
  readonly serial: boolean;
  /** Between the starts of two runs, ms. */
  readonly sleepMs: number;
}

/** How often it is looked whether the run before has ended, and is on disk, ms. */
const POLL_MS = 1;

/** Work at a pace: holds starts back, in their order. */
export class Pacer implements Worker {
  readonly #work: Worker;
  readonly #pace: Pace;
  readonly #clock: Clock;
  readonly #waiting: { readonly actor: PlannedActor; readonly record: BoardRecord }[] = [];
  #asleep = false;
  #watching = false;

  constructor(work: Worker, pace: Pace, clock: Clock) {
    this.#work = work;
    this.#pace = pace;
    this.#clock = clock;
  }

  get busy(): number {
    return this.#work.busy + this.#waiting.length;
  }

  serve(scheduler: Scheduler): void {
    this.#work.serve(scheduler);
  }

  start(actor: PlannedActor, record: BoardRecord): void {
    this.#waiting.push({ actor, record });
    this.#next();
  }

  applied(change: Change, changed: Changed | null, entry: Entry): void {
    this.#work.applied(change, changed, entry);
  }

  recovered(): void {
    this.#work.recovered();
  }

  close(): Promise<void> {
    this.#waiting.length = 0;
    return this.#work.close();
  }

  #next(): void {
    const { serial, sleepMs } = this.#pace;
    if (this.#asleep || this.#waiting.length === 0) return;
    if (serial && this.#work.busy > 0) {
      if (!this.#watching) this.#clock.after(POLL_MS, () => this.#look());
      this.#watching = true;
      return;
    }
    const { actor, record } = this.#waiting.shift()!;
    this.#work.start(actor, record);
    if (sleepMs > 0) {
      this.#asleep = true;
      this.#clock.after(sleepMs, () => {
        this.#asleep = false;
        this.#next();
      });
    } else this.#next();
  }

  #look(): void {
    this.#watching = false;
    this.#next();
  }
}
