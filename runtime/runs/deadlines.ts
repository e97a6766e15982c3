// What people have to do, and by when: a cell that only a person fills, and that is empty for too long after its
// prerequisites held, is told of once.
import { type Board, type BoardRecord, cellOf } from "../board/board.ts";
import { changeOf, type Overdue } from "../board/change.ts";
import { keysByName } from "../board/message.ts";
import { type Clock, DAY } from "../clock.ts";
import type { Entry } from "../journal/journal.ts";
import type { Scheduler } from "../scheduler.ts";
import type { PlannedActor } from "../site.ts";
import type { Notice } from "./job.ts";

export interface DeadlinesPorts {
  readonly board: Board;
  readonly clock: Clock;
  readonly node: string;
  readonly append: (change: Overdue) => void;
  /** An entry of the journal; null: it is not there (any more). */
  readonly find: (seq: number) => Entry | null;
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

  /**
   * From here on it is looked at: all that stands on the board, and what changes. Again: by the actors of a changed plan.
   * What is overdue by then is told at once.
   */
  begin(scheduler: Pick<Scheduler, "blockers">, actors: readonly PlannedActor[]): void {
    this.close();
    this.#scheduler = scheduler;
    this.#actors = actors.filter(({ person }) => person !== null && person.dueMs !== null);
    for (const actor of this.#actors) {
      for (const record of this.#ports.board.find(actor.page)?.records() ?? []) {
        if (this.#isOpen(actor, record)) this.#await(actor, record, this.#dueAt(actor, record));
      }
    }
  }

  /** A change was applied: what it opened is due from now on. */
  changed(record: BoardRecord): void {
    for (const actor of this.#actors) {
      if (actor.page !== record.page.name) continue;
      if (!this.#isOpen(actor, record)) this.#forget(actor, record);
      else if (!this.#waits.has(nameOf(actor, record)))
        this.#await(actor, record, this.#ports.clock.now() + actor.person!.dueMs!);
    }
  }

  close(): void {
    for (const stop of this.#waits.values()) stop();
    this.#waits.clear();
  }

  #await(actor: PlannedActor, record: BoardRecord, dueAt: number): void {
    const { clock } = this.#ports;
    const left = dueAt - clock.now();
    if (left <= 0) {
      this.#tell(actor, record);
      return;
    }
    const stop = clock.after(Math.min(DAY, left), () => {
      this.#waits.delete(nameOf(actor, record));
      if (this.#isOpen(actor, record)) this.#await(actor, record, dueAt);
    });
    this.#waits.set(nameOf(actor, record), stop);
  }

  #forget(actor: PlannedActor, record: BoardRecord): void {
    const name = nameOf(actor, record);
    this.#waits.get(name)?.();
    this.#waits.delete(name);
  }

  /** A person may fill it, nobody has, and nobody was told. */
  #isOpen(actor: PlannedActor, record: BoardRecord): boolean {
    if (record.home !== null || record.page.find(record.key) !== record || cellOf(record, actor.goal) !== undefined)
      return false;
    return this.#scheduler!.blockers(actor, record).every(({ rule }) => rule === "person");
  }

  /** By when what stands open on the board is to be filled, as far as the journal knows since when it is; ms since epoch. */
  #dueAt(actor: PlannedActor, record: BoardRecord): number {
    const { clock, find } = this.#ports;
    const { dueMs } = actor.person!;
    const dueAt = heldSince(actor, record) + dueMs!;
    // Of what is not due yet another look says the same; entries are only sought of what seems to be late.
    return dueAt > clock.now() ? dueAt : Math.max(dueAt, openedAt(actor, record, find) + dueMs!);
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

function nameOf({ goal }: PlannedActor, { page, key }: BoardRecord): string {
  return `${page.name} ${key} ${goal}`;
}

/** When the record was there and its last prerequisite held, ms since epoch. */
function heldSince({ prerequisites }: PlannedActor, record: BoardRecord): number {
  return Math.max(record.baseAt, ...prerequisites.map((goal) => cellOf(record, goal)?.at ?? 0));
}

/** When somebody last wrote into a cell that keeps it from being filled, or opened it anew, ms since epoch; 0: nobody did. */
function openedAt({ goal, prerequisites }: PlannedActor, { seqs }: BoardRecord, find: DeadlinesPorts["find"]): number {
  const names = ["ready", "complete", goal, ...prerequisites];
  for (const seq of seqs.toReversed()) {
    const entry = find(seq);
    const change = entry === null ? null : changeOf(entry);
    if (change?.do === "set" && names.some((name) => change.cells[name] !== undefined)) return entry!.receivedAt;
  }
  return 0;
}
