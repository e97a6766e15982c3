// What people have to do, and by when: a cell that only a person fills, and that is empty for too long after its
// prerequisites held, is told of once.
import { type Board, type BoardRecord, cellOf } from "../board/board.ts";
import type { Overdue } from "../board/change.ts";
import { keysByName } from "../board/message.ts";
import { type Clock, DAY } from "../clock.ts";
import type { Scheduler } from "../scheduler.ts";
import type { PlannedActor } from "../site.ts";
import type { Notice } from "./work.ts";

export interface DeadlinesPorts {
  readonly board: Board;
  readonly clock: Clock;
  readonly node: string;
  readonly append: (change: Overdue) => void;
  readonly notice: (notice: Omit<Notice, "at" | "site" | "place" | "log">) => void;
}

export class Deadlines {
  readonly #ports: DeadlinesPorts;
  #scheduler: Pick<Scheduler, "blockers"> | null = null;
  #actors: readonly PlannedActor[] = [];
  /** By what waits: ends the wait. */
  readonly #waits = new Map<string, () => void>();

  constructor(ports: DeadlinesPorts) {
    this.#ports = ports;
  }

  /** From here on it is looked at: all that stands on the board, and what changes. */
  begin(scheduler: Pick<Scheduler, "blockers">, actors: readonly PlannedActor[]): void {
    this.#scheduler = scheduler;
    this.#actors = actors.filter(({ person }) => person !== null && person.dueMs !== null);
    for (const name of new Set(this.#actors.map(({ page }) => page))) {
      for (const record of this.#ports.board.find(name)?.records() ?? []) this.changed(record);
    }
  }

  changed(record: BoardRecord): void {
    for (const actor of this.#actors) if (actor.page === record.page.name) this.#look(actor, record);
  }

  close(): void {
    for (const stop of this.#waits.values()) stop();
    this.#waits.clear();
  }

  #look(actor: PlannedActor, record: BoardRecord): void {
    const what = `${record.page.name} ${record.key} ${actor.goal}`;
    if (!this.#isOpen(actor, record)) {
      this.#waits.get(what)?.();
      this.#waits.delete(what);
      return;
    }
    if (this.#waits.has(what)) return;
    const left = sinceOf(actor, record, this.#ports.clock.now()) + actor.person!.dueMs! - this.#ports.clock.now();
    const stop = this.#ports.clock.after(Math.min(DAY, Math.max(1, left)), () => {
      this.#waits.delete(what);
      if (left > DAY) this.#look(actor, record);
      else if (this.#isOpen(actor, record)) this.#tell(actor, record);
    });
    this.#waits.set(what, stop);
  }

  /** A person may fill it, nobody has, and nobody was told. */
  #isOpen({ goal, ...rest }: PlannedActor, record: BoardRecord): boolean {
    if (record.home !== null || record.page.find(record.key) !== record || cellOf(record, goal) !== undefined)
      return false;
    return this.#scheduler!.blockers({ goal, ...rest }, record).every(({ rule }) => rule === "person");
  }

  #tell({ goal, person }: PlannedActor, record: BoardRecord): void {
    const { append, notice, node } = this.#ports;
    const { key } = record;
    const page = record.page.name;
    append({ do: "overdue", page, key, goal });
    const detail = `a person has not filled it in time${person!.who.length === 0 ? "" : `: ${person!.who.join(", ")}`}`;
    notice({ host: node, page, key, keys: keysByName(record), goal, run: "", attempt: 0, outcome: "overdue", detail });
  }
}

/** Since when a person could have filled it: its last prerequisite says, as far as the board knows; ms since epoch. */
function sinceOf({ prerequisites }: PlannedActor, record: BoardRecord, now: number): number {
  const times = prerequisites.map((goal) => cellOf(record, goal)?.at ?? 0);
  const since = Math.max(record.baseAt, ...times);
  return since === 0 ? now : Math.min(since, now);
}
