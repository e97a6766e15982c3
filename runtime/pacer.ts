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
  /** Weight of a goal of a record: the higher goes first. Default 0 for all. */
  readonly rank?: (actor: PlannedActor, record: BoardRecord) => number;
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
  #asleep = false;
  #watching = false;
  #resting = false;
  #starting = false;

  constructor(ports: PacerPorts, pace: Pace) {
    this.#ports = ports;
    this.#pace = pace;
  }

  get busy(): number {
    return this.#ports.work.busy + this.#waiting.length;
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

  recovered(): void {
    this.#ports.work.recovered();
  }

  /** Begins nothing more. The scheduler was paused before. */
  rest(): void {
    this.#resting = true;
    for (const waiting of this.#waiting.splice(0)) this.#giveBack(waiting);
  }

  close(): Promise<void> {
    this.#resting = true;
    this.#waiting = [];
    return this.#ports.work.close();
  }

  /** What ends at once lets others start, within this very call: they come to stand behind. */
  #next(): void {
    if (this.#starting) return;
    this.#starting = true;
    while (this.#mayBegin()) this.#begin(this.#take());
    this.#starting = false;
  }

  #mayBegin(): boolean {
    if (this.#asleep || this.#waiting.length === 0) return false;
    if (!this.#pace.serial || this.#ports.work.busy === 0) return true;
    if (!this.#watching) this.#ports.clock.after(POLL_MS, () => this.#look());
    this.#watching = true;
    return false;
  }

  #take(): Waiting {
    const { rank } = this.#ports;
    if (rank === undefined) return this.#waiting.shift()!;
    const ranks = this.#waiting.map(({ actor, record }) => rank(actor, record));
    const top = ranks.reduce((best, each, index) => (each > ranks[best]! ? index : best), 0);
    return this.#waiting.splice(top, 1)[0]!;
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
