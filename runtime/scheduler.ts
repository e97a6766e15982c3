// Which goals may start, and why others may not. Works by what changed: nothing is ever scanned.
import { type BoardRecord, type Column, cellOf, holdsAt, type Page } from "./board/board.ts";
import { isTrue } from "./board/cell.ts";
import type { Clock } from "./clock.ts";
import type { Conflict, PlannedActor } from "./site.ts";

/** Begins the work on a goal whose cell is now `running`. Its end is told to the scheduler by `ended`. */
export type Start = (actor: PlannedActor, record: BoardRecord) => void;

/** A rule that keeps a goal from starting. */
export type Blocker =
  | { readonly rule: "not-ready" | "complete" | "done" }
  | { readonly rule: "running"; readonly host: string; readonly run: string }
  | { readonly rule: "failed"; readonly attempts: number; readonly detail: string | null }
  | { readonly rule: "backoff"; readonly attempts: number; readonly until: number }
  | { readonly rule: "prerequisite"; readonly goal: string; readonly state: string }
  | { readonly rule: "conflict"; readonly goal: string; readonly limit: number; readonly scope: Conflict["scope"] }
  | { readonly rule: "max-selves"; readonly limit: number }
  | { readonly rule: "inhibited"; readonly by: string; readonly layer: number; readonly until: number }
  | { readonly rule: "site-limit"; readonly detail: string }
  | { readonly rule: "person"; readonly who: readonly string[] };

/** What higher layers do to lower ones: they block outputs, and replace inputs. */
export interface Gate {
  /** What an actor reads in a field instead of what stands there; null: what stands there. */
  suppressed(actor: PlannedActor, record: BoardRecord, field: string, now: number): string | null;
  /** Null: the actor's output is free for the record at that time. */
  inhibited(
    actor: PlannedActor,
    record: BoardRecord,
    now: number,
  ): { readonly by: string; readonly layer: number; readonly until: number } | null;
}

export interface SchedulerOptions {
  readonly clock: Clock;
  readonly gate?: Gate;
  /** Weight of a goal of a record, from the plan pages; the higher goes first. Default 0 for all. */
  readonly rank?: (actor: PlannedActor, record: BoardRecord) => number;
  /** What is left out of a run is not started; default: nothing is. */
  readonly admits?: (actor: PlannedActor, record: BoardRecord) => boolean;
  /** Told of each goal that a change made nobody start, by the rule. */
  readonly blocked?: (rule: Blocker["rule"]) => void;
}

export class Scheduler {
  readonly #start: Start;
  readonly #options: SchedulerOptions;
  #actors: readonly PlannedActor[] = [];
  readonly #byPage = new Map<string, PageWork>();
  /** Selves at work on this node, by goal. */
  readonly #running = new Map<string, number>();
  /** By actor: records that only a limit or a conflict of the node holds up. */
  readonly #held = new Map<PlannedActor, Held>();
  /** By record: actors that a goal of the same record holds up. */
  #apart = new WeakMap<BoardRecord, Set<PlannedActor>>();
  /** By actor: records that a higher layer holds up. */
  readonly #inhibited = new Map<PlannedActor, Set<BoardRecord>>();
  #working = 0;
  #paused: (actor: PlannedActor) => boolean = () => false;

  constructor(actors: readonly PlannedActor[], start: Start, options: SchedulerOptions) {
    this.#start = start;
    this.#options = options;
    this.adopt(actors);
  }

  /** Selves at work, of all actors. */
  get working(): number {
    return this.#working;
  }

  /** Takes over the actors of a changed plan. What runs, runs on; what is held is asked for again by `changed`. */
  adopt(actors: readonly PlannedActor[]): void {
    this.#actors = actors;
    this.#byPage.clear();
    this.#held.clear();
    this.#inhibited.clear();
    this.#apart = new WeakMap();
    // The rest is woken by events or by people, not by the state of a record.
    const startable = actors.filter(({ on, kind }) => on.length === 0 && kind !== "person");
    for (const actor of startable) this.#held.set(actor, new Held());
    for (const name of new Set(startable.map(({ page }) => page))) {
      this.#byPage.set(name, new PageWork(startable.filter(({ page }) => page === name)));
    }
  }

  /**
   * Starts what may start on a record, in the order of the plan, and on its children.
   *
   * @param columns  what has changed; null: anything
   */
  changed(record: BoardRecord, columns: readonly Column[] | null = null): void {
    const work = this.#byPage.get(record.page.name);
    if (work !== undefined) {
      for (const actor of work.touchedBy(record.page, columns)) this.#consider(actor, record);
    }
    if (record.children !== null) for (const child of record.children) this.changed(child);
  }

  /** A self of a goal is done: those that it held up may start. */
  ended(actor: PlannedActor, record: BoardRecord): void {
    const { goal } = actor;
    this.#running.set(goal, this.#selves(goal) - 1);
    this.#working--;
    for (const [waiting, held] of this.#held) {
      const { goal: own, conflicts } = waiting;
      if (held.size === 0 || (own !== goal && !conflicts.some((conflict) => conflict.goal === goal))) continue;
      // Each that starts may take the last place: the next one asks again.
      for (const next of held.inOrder()) {
        if (!this.#nodeAdmits(waiting)) break;
        held.delete(next);
        this.#consider(waiting, next);
      }
    }
    // Goals of the same record that were kept apart: only those, so that two that are refused don't take turns for ever.
    const apart = this.#apart.get(record);
    if (apart === undefined) return;
    this.#apart.delete(record);
    for (const other of apart) this.#consider(other, record);
  }

  /**
   * Nothing is started any more.
   *
   * @param which  actors are paused; left out: all
   */
  pause(which: (actor: PlannedActor) => boolean = () => true): void {
    this.#paused = which;
  }

  /** A self that was at work before this process began is still at work, elsewhere. */
  resumed({ goal }: PlannedActor): void {
    this.#running.set(goal, this.#selves(goal) + 1);
    this.#working++;
  }

  /** An output is free again: what it held up is asked for again. */
  released(port: string): void {
    // What is still held comes to stand there again.
    for (const [actor, records] of [...this.#inhibited]) {
      if (actor.goal !== port) continue;
      this.#inhibited.delete(actor);
      for (const record of records) this.#consider(actor, record);
    }
  }

  /** Every rule that keeps a goal of a record from starting now; empty: it may start. */
  blockers(actor: PlannedActor, record: BoardRecord): Blocker[] {
    const blockers: Blocker[] = [];
    const own = stateBlocker(actor, record, this.#options.clock.now());
    if (!record.ready) blockers.push({ rule: "not-ready" });
    if (record.complete) blockers.push({ rule: "complete" });
    if (own !== null) blockers.push(own);
    for (const goal of actor.prerequisites) {
      if (!this.#holds(actor, record, goal))
        blockers.push({ rule: "prerequisite", goal, state: stateOf(record, goal) });
    }
    if (own?.rule === "done" || own?.rule === "running") return blockers;
    for (const conflict of actor.conflicts)
      if (!this.#keepsApart(conflict, record)) blockers.push(conflictOf(conflict));
    if (!this.#admitsSelf(actor)) blockers.push({ rule: "max-selves", limit: actor.maxSelves });
    const inhibited = this.#options.gate?.inhibited(actor, record, this.#options.clock.now()) ?? null;
    if (inhibited !== null) blockers.push({ rule: "inhibited", ...inhibited });
    if (actor.kind === "person") blockers.push({ rule: "person", who: actor.person?.who ?? [] });
    return blockers;
  }

  actorOf(page: string, goal: string): PlannedActor | undefined {
    return this.#actors.find((actor) => actor.page === page && actor.goal === goal);
  }

  #consider(actor: PlannedActor, record: BoardRecord): void {
    if (this.#paused(actor) || this.#options.admits?.(actor, record) === false) return;
    const rule = this.#hindrance(actor, record);
    if (rule !== null) {
      this.#options.blocked?.(rule);
      return;
    }
    const { page, cells } = record;
    const column = page.ensure(actor.goal, "goal");
    const before = cells[column];
    const attempts = typeof before === "object" ? before.attempts : 0;
    cells[column] = { state: "running", host: "", run: "", attempts, by: "", at: 0, detail: null, notBefore: 0 };
    this.#running.set(actor.goal, this.#selves(actor.goal) + 1);
    this.#working++;
    this.#start(actor, record);
  }

  /** The first rule that keeps the goal from starting, in the order of the original; null: it may start. */
  #hindrance(actor: PlannedActor, record: BoardRecord): Blocker["rule"] | null {
    if (!record.ready) return "not-ready";
    if (record.complete) return "complete";
    const { clock, gate } = this.#options;
    const own = record.cells[record.page.ensure(actor.goal, "goal")];
    if (typeof own === "object") {
      if (own.state !== "waiting") return own.state;
      if (own.notBefore > clock.now()) return "backoff";
    }
    for (const goal of actor.prerequisites) if (!this.#holds(actor, record, goal)) return "prerequisite";
    for (const conflict of actor.conflicts) {
      if (conflict.scope !== "record" || this.#keepsApart(conflict, record)) continue;
      const others = this.#apart.get(record);
      if (others === undefined) this.#apart.set(record, new Set([actor]));
      else others.add(actor);
      return "conflict";
    }
    if (gate !== undefined && gate.inhibited(actor, record, clock.now()) !== null) {
      const records = this.#inhibited.get(actor);
      if (records === undefined) this.#inhibited.set(actor, new Set([record]));
      else records.add(record);
      return "inhibited";
    }
    if (!this.#nodeAdmits(actor)) {
      this.#held.get(actor)?.add(record, this.#options.rank?.(actor, record) ?? 0);
      return this.#admitsSelf(actor) ? "conflict" : "max-selves";
    }
    return null;
  }

  #holds(actor: PlannedActor, record: BoardRecord, field: string): boolean {
    const { gate, clock } = this.#options;
    const instead = gate?.suppressed(actor, record, field, clock.now()) ?? null;
    return instead === null ? holds(record, field) : isTrue(instead, record.page.config.lenient);
  }

  /** Limits and conflicts of the node; those of the site are slots, asked for with the claim. */
  #nodeAdmits(actor: PlannedActor): boolean {
    if (!this.#admitsSelf(actor)) return false;
    for (const { goal, limit, scope } of actor.conflicts) {
      if (scope === "node" && this.#selves(goal) >= limit) return false;
    }
    return true;
  }

  #admitsSelf({ goal, maxSelves, selvesScope }: PlannedActor): boolean {
    return selvesScope === "site" || this.#selves(goal) < maxSelves;
  }

  #keepsApart({ goal, limit, scope }: Conflict, record: BoardRecord): boolean {
    if (scope === "record") return limit > 1 || cellOf(record, goal)?.state !== "running";
    return scope === "site" || this.#selves(goal) < limit;
  }

  #selves(goal: string): number {
    return this.#running.get(goal) ?? 0;
  }
}

/** The actors of a page, and which a change of which column may start. */
class PageWork {
  readonly actors: readonly PlannedActor[];
  /** By column: the actors that read it. Made when asked for. */
  readonly #readers: (readonly PlannedActor[] | undefined)[] = [];

  constructor(actors: readonly PlannedActor[]) {
    this.actors = actors;
  }

  touchedBy(page: Page, columns: readonly Column[] | null): readonly PlannedActor[] {
    if (columns === null) return this.actors;
    if (columns.length === 1) return this.#readersOf(page, columns[0]!);
    const touched = new Set(columns.flatMap((column) => this.#readersOf(page, column)));
    return this.actors.filter((actor) => touched.has(actor));
  }

  #readersOf(page: Page, column: Column): readonly PlannedActor[] {
    this.#readers[column] ??= this.#find(page, column);
    return this.#readers[column];
  }

  #find(page: Page, column: Column): readonly PlannedActor[] {
    const role = page.roleOf(column);
    if (role === "ready" || role === "complete") return this.actors;
    const name = page.nameOf(column);
    return this.actors.filter(
      ({ goal, prerequisites, conflicts }) =>
        goal === name ||
        prerequisites.includes(name) ||
        conflicts.some((conflict) => conflict.scope === "record" && conflict.goal === name),
    );
  }
}

/** Records that wait for a place: the highest rank first, then who came first. */
class Held {
  readonly #byRank = new Map<number, Set<BoardRecord>>();
  readonly #rankOf = new Map<BoardRecord, number>();

  get size(): number {
    return this.#rankOf.size;
  }

  add(record: BoardRecord, rank: number): void {
    if (this.#rankOf.get(record) === rank) return;
    this.delete(record);
    this.#rankOf.set(record, rank);
    const records = this.#byRank.get(rank);
    if (records === undefined) this.#byRank.set(rank, new Set([record]));
    else records.add(record);
  }

  delete(record: BoardRecord): void {
    const rank = this.#rankOf.get(record);
    if (rank === undefined) return;
    this.#rankOf.delete(record);
    const records = this.#byRank.get(rank)!;
    records.delete(record);
    if (records.size === 0) this.#byRank.delete(rank);
  }

  *inOrder(): Generator<BoardRecord> {
    for (;;) {
      if (this.#byRank.size === 0) return;
      const top = this.#byRank.size === 1 ? this.#byRank.keys().next().value! : highest(this.#byRank.keys());
      yield this.#byRank.get(top)!.values().next().value!;
    }
  }
}

function highest(ranks: Iterable<number>): number {
  let top = Number.NEGATIVE_INFINITY;
  for (const rank of ranks) if (rank > top) top = rank;
  return top;
}

/** Whether a field holds for a record or, where it is none of the goals of its page and has no cell, for its parent. */
export function holds(record: BoardRecord, field: string): boolean {
  const { page, parent } = record;
  const column = page.column(field);
  const own = column !== undefined && (record.cells[column] !== undefined || page.config.goals.includes(field));
  if (own || parent === null) return column !== undefined && holdsAt(record, column);
  return holds(parent, field);
}

function stateBlocker({ goal }: PlannedActor, record: BoardRecord, now: number): Blocker | null {
  const cell = cellOf(record, goal);
  switch (cell?.state) {
    case "done":
      return { rule: "done" };
    case "running":
      return { rule: "running", host: cell.host, run: cell.run };
    case "failed":
      return { rule: "failed", attempts: cell.attempts, detail: cell.detail };
    case "waiting":
      return cell.notBefore > now ? { rule: "backoff", attempts: cell.attempts, until: cell.notBefore } : null;
    default:
      return null;
  }
}

function conflictOf({ goal, limit, scope }: Conflict): Blocker {
  return { rule: "conflict", goal, limit, scope };
}

function stateOf(record: BoardRecord, field: string): string {
  const cell = cellOf(record, field) ?? (record.parent === null ? undefined : cellOf(record.parent, field));
  return cell?.state ?? "empty";
}
