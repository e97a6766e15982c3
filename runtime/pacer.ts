// Starts of a run from the command line: one at a time, or with a pause between two, where people ask for it.
import { type BoardRecord, cellOf } from "./board/board.ts";
import { begunFrom, type Cell, isBegun } from "./board/cell.ts";
import type { Change, Changed } from "./board/change.ts";
import type { Clock } from "./clock.ts";
import type { Entry } from "./journal/journal.ts";
import type { Worker } from "./runner.ts";
import type { Blocker, Scheduler } from "./scheduler.ts";
import type { PlannedActor } from "./site.ts";

export interface Pace {
  /** One run at a time. */
  readonly serial: boolean;
  /** Between the starts of two runs, ms. */
  readonly sleepMs: number;
}

export interface PacerPorts {
  readonly work: Worker;
  readonly clock: Clock;
  /** Weight of a goal of a record: the higher goes first. Null: all weigh the same. */
  readonly rank?: () => ((actor: PlannedActor, record: BoardRecord) => number) | null;
}

/** A goal that was let start, and the mark that the scheduler left in its cell. */
interface Waiting {
  readonly actor: PlannedActor;
  readonly record: BoardRecord;
  readonly mark: Cell | undefined;
}

/** How often it is looked whether the run before has ended, and is on disk, ms. */
const POLL_MS = 1;
/** What may have come between since the goal was let start; its own mark, and its place among others, are no hindrance. */
const HINDRANCES: readonly Blocker["rule"][] = ["not-ready", "complete", "prerequisite"];

/** Work at a pace: holds starts back, in the order of their ranks, then in their own. */
export class Pacer implements Worker {
  readonly #ports: PacerPorts;
  readonly #pace: Pace;
  #scheduler: Scheduler | null = null;
  #waiting: Waiting[] = [];
  /** Those before it have had their turn. */
  #head = 0;
  #asleep = false;
  #watching = false;
  #resting = false;
  #starting = false;

  constructor(ports: PacerPorts, pace: Pace) {
    this.#ports = ports;
    this.#pace = pace;
  }

  get busy(): number {
    return this.#ports.work.busy + this.#left;
  }

  serve(scheduler: Scheduler): void {
    this.#scheduler = scheduler;
    this.#ports.work.serve(scheduler);
  }

  start(actor: PlannedActor, record: BoardRecord): void {
    const waiting = { actor, record, mark: cellOf(record, actor.goal) };
    if (this.#resting) this.#giveBack(waiting);
    else this.#waiting.push(waiting);
    this.#next();
  }

  applied(change: Change, changed: Changed | null, entry: Entry): void {
    this.#ports.work.applied(change, changed, entry);
  }

  /** What ranks highest of all that may start then goes first. */
  recovered(): void {
    this.#starting = true;
    this.#ports.work.recovered();
    this.#starting = false;
    this.#next();
  }

  /** Begins nothing more. The scheduler was paused before. */
  rest(): void {
    this.#resting = true;
    const left = this.#waiting.slice(this.#head);
    this.#drop();
    for (const waiting of left) this.#giveBack(waiting);
  }

  close(): Promise<void> {
    this.#resting = true;
    this.#drop();
    return this.#ports.work.close();
  }

  get #left(): number {
    return this.#waiting.length - this.#head;
  }

  #drop(): void {
    this.#waiting = [];
    this.#head = 0;
  }

  /** What ends at once lets others start, within this very call: they come to stand behind. */
  #next(): void {
    if (this.#starting) return;
    this.#starting = true;
    while (this.#mayBegin()) this.#begin(this.#take());
    this.#starting = false;
  }

  #mayBegin(): boolean {
    if (this.#asleep || this.#left === 0) return false;
    if (!this.#pace.serial || this.#ports.work.busy === 0) return true;
    if (!this.#watching) this.#ports.clock.after(POLL_MS, () => this.#look());
    this.#watching = true;
    return false;
  }

  #take(): Waiting {
    const rank = this.#ports.rank?.() ?? null;
    const first = this.#head++;
    if (rank !== null) this.#bringForward(first, rank);
    const taken = this.#waiting[first]!;
    // What is behind is let go of now and then, not each time: many may wait.
    if (this.#head * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    return taken;
  }

  /** The highest comes to stand first, the others behind it as they were. */
  #bringForward(first: number, rank: (actor: PlannedActor, record: BoardRecord) => number): void {
    let [best, top] = [first, Number.NEGATIVE_INFINITY];
    for (let i = first; i < this.#waiting.length; i++) {
      const { actor, record } = this.#waiting[i]!;
      const weight = rank(actor, record);
      if (weight > top) [best, top] = [i, weight];
    }
    const [waiting] = this.#waiting.splice(best, 1);
    this.#waiting.splice(first, 0, waiting!);
  }

  /** Much may have happened since it was let start: the plan may have changed, or its record. */
  #begin(waiting: Waiting): void {
    const { record, actor } = waiting;
    const current = this.#scheduler!.actorOf(record.page.name, actor.goal);
    const isHindered = (by: PlannedActor) =>
      by.kind !== actor.kind || this.#scheduler!.blockers(by, record).some(({ rule }) => HINDRANCES.includes(rule));
    if (current === undefined || isHindered(current)) {
      this.#giveBack(waiting);
      return;
    }
    const { sleepMs } = this.#pace;
    if (sleepMs > 0) {
      this.#asleep = true;
      this.#ports.clock.after(sleepMs, () => this.#awake());
    }
    this.#ports.work.start(current, record);
  }

  /** The goal was not begun after all. */
  #giveBack({ actor, record, mark }: Waiting): void {
    const column = record.page.column(actor.goal)!;
    // Unless somebody has written into the cell meanwhile.
    if (isBegun(mark) && record.cells[column] === mark) record.cells[column] = begunFrom(mark);
    this.#scheduler!.ended(actor, record);
  }

  #awake(): void {
    this.#asleep = false;
    this.#next();
  }

  #look(): void {
    this.#watching = false;
    this.#next();
  }
}
