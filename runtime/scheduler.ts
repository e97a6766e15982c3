import type { Goal } from "./actor.ts";
import type { BoardRecord } from "./board.ts";
import type { PlannedActor } from "./site.ts";

/** Begins the work on a goal whose cell is now `running`. Its end is told to the scheduler by `ended`. */
export type Start = (actor: PlannedActor, record: BoardRecord) => void;

/**
 * Says what may start: the record is ready and not complete, the goal's cell is empty, its prerequisites hold on the
 * record or its parent, nobody else works on the record, no conflict is running and the limit of selves is not reached.
 * Works by what changed: nothing is ever scanned.
 */
export class Scheduler {
  readonly #byPage = new Map<string, PlannedActor[]>();
  readonly #running = new Map<Goal, number>();
  /** By actor: records that only its limit or a conflict holds up, first come first. */
  readonly #held = new Map<PlannedActor, Set<BoardRecord>>();
  readonly #start: Start;
  #working = 0;

  constructor(actors: readonly PlannedActor[], start: Start) {
    this.#start = start;
    for (const actor of actors) {
      // Woken by events, not by the state of a record.
      if (actor.on.length > 0) continue;
      this.#held.set(actor, new Set());
      const list = this.#byPage.get(actor.page);
      if (list === undefined) this.#byPage.set(actor.page, [actor]);
      else list.push(actor);
    }
  }

  /** Selves at work, of all actors. */
  get working(): number {
    return this.#working;
  }

  /** Starts what may start on a record, in order of priority, and on its children. */
  changed(record: BoardRecord): void {
    const next = this.#startable(record);
    if (next !== null) {
      record.cells.set(next.goal, { state: "running" });
      this.#running.set(next.goal, this.#selves(next.goal) + 1);
      this.#working++;
      this.#start(next, record);
    }
    for (const child of record.children) this.changed(child);
  }

  /** A self of a goal is done: those that it held up may start. */
  ended(goal: Goal): void {
    this.#running.set(goal, this.#selves(goal) - 1);
    this.#working--;
    for (const [actor, held] of this.#held) {
      if (held.size === 0 || (actor.goal !== goal && !(goal in actor.conflicts))) continue;
      // Each that starts may take the last place: the next one asks again.
      for (const record of held) {
        if (!this.#admits(actor)) break;
        held.delete(record);
        this.changed(record);
      }
    }
  }

  #startable(record: BoardRecord): PlannedActor | null {
    if (!record.ready || record.complete) return null;
    for (const cell of record.cells.values()) if (cell.state === "running") return null;
    for (const actor of this.#byPage.get(record.page) ?? []) {
      if (record.cells.has(actor.goal) || !actor.prerequisites.every((goal) => holds(record, goal))) continue;
      if (this.#admits(actor)) return actor;
      this.#held.get(actor)!.add(record);
    }
    return null;
  }

  #admits({ goal, maxSelves, conflicts }: PlannedActor): boolean {
    if (this.#selves(goal) >= maxSelves) return false;
    for (const other in conflicts) if (this.#selves(other) >= conflicts[other]!) return false;
    return true;
  }

  #selves(goal: Goal): number {
    return this.#running.get(goal) ?? 0;
  }
}

/** Whether a goal has been reached for a record or, where the record has no such cell, for its parent. */
function holds(record: BoardRecord, goal: Goal): boolean {
  const cell = record.cells.get(goal);
  if (cell !== undefined) return cell.state === "done";
  return record.parent !== null && holds(record.parent, goal);
}
