import { Board, type BoardRecord, cellOf } from "../../runtime/board/board.ts";
import { type Change, type Changed, Changes, changeDraft, changeOf } from "../../runtime/board/change.ts";
import type { KeyValue } from "../../runtime/bus/kv.ts";
import { KvClaims } from "../../runtime/claims/kv-claims.ts";
import type { ClaimNotice } from "../../runtime/claims/ports.ts";
import type { Clock, ManualClock } from "../../runtime/clock.ts";
import type { Entry, Journal } from "../../runtime/journal/journal.ts";
import type { Accepted, Executor, Job, Result } from "../../runtime/runs/job.ts";
import { Work } from "../../runtime/runs/work.ts";
import { Scheduler } from "../../runtime/scheduler.ts";
import type { Plan } from "../../runtime/site.ts";
import { type Disk, emptyDisk, MemoryJournal } from "./memory-journal.ts";

export interface NodeOptions {
  readonly name: string;
  readonly plan: Plan;
  readonly kv: KeyValue;
  readonly clock: Clock;
  readonly random?: () => number;
  /** What an earlier process of the node left. */
  readonly disk?: Disk;
  /** Of its journal, by which it knows its records again under another name; default: it does not. */
  readonly epoch?: string;
  /** Tells its runs from those of an earlier process; default 0. */
  readonly boot?: number;
  /** Does the work of every kind of actor. */
  readonly run: (job: Job, node: Node) => Result | Promise<Result | Accepted>;
}

/** A node of a site, from its board to its claims; without events, faces and layers. Its journal is in memory. */
export class Node {
  readonly name: string;
  readonly journal: MemoryJournal;
  readonly board: Board;
  readonly claims: KvClaims;
  readonly work: Work;
  readonly scheduler: Scheduler;
  readonly kv: KeyValue;
  readonly notices: ClaimNotice[] = [];
  readonly faults: string[] = [];
  /** Changes that took effect, with their entries, of this process. */
  readonly changes: { readonly change: Change; readonly entry: Entry }[] = [];
  readonly #apply: Changes;
  readonly #boarded = new Map<number, { readonly change: Change; readonly changed: Changed | null }>();
  readonly #clock: MortalClock;
  #queue: Entry[] = [];
  #applying = false;

  constructor({
    name,
    plan,
    kv,
    clock,
    random = () => 0.5,
    disk = emptyDisk(),
    boot = 0,
    epoch = "",
    run,
  }: NodeOptions) {
    this.name = name;
    this.kv = kv;
    this.#clock = new MortalClock(clock);
    this.journal = new MemoryJournal(this.#clock, disk);
    this.board = new Board(plan.pages);
    this.#apply = new Changes(this.board);
    const fault = (what: string, error: unknown) => {
      this.faults.push(`${what}: ${error instanceof Error ? error.message : error}`);
    };
    this.claims = new KvClaims({
      ...{ kv, node: name, epoch, plan, board: this.board, clock: this.#clock, random, fault },
      append: (drafts) => this.journal.append(drafts),
      changed: (record, columns) => this.scheduler.changed(record, columns),
      notice: (notice) => void this.notices.push(notice),
    });
    const executor: Executor = { outside: false, run: (job) => run(job, this) };
    let runs = 0;
    this.work = new Work({
      ...{ board: this.board, journal: this.journal as Pick<Journal, "append">, clock: this.#clock, node: name, fault },
      claims: this.claims,
      defer: (next: () => void) => void setImmediate(next),
      executors: { module: executor, command: executor, remote: executor },
      gate: null,
      logs: { append: () => {}, tail: () => "" },
      newRun: () => `${name}-${boot}-${++runs}`,
      notice: (notice) => void this.notices.push(notice),
      count: () => {},
    });
    this.scheduler = new Scheduler(plan.actors, (actor, record) => this.work.start(actor, record), {
      clock: this.#clock,
    });
    this.work.serve(this.scheduler);
    for (const entry of this.journal.read()) this.#change(entry);
  }

  /** Takes part, once the board is rebuilt. */
  async open(timeoutMs = 1_000): Promise<this> {
    this.journal.onAppend((entries) => this.#appended(entries));
    this.journal.onCommit((entries) => this.#committed(entries));
    const opened = this.claims.open(timeoutMs);
    this.work.recovered();
    await opened;
    return this;
  }

  /** A person writes into cells; makes the record if it is not there. */
  async write(page: string, key: string, cells: Readonly<Record<string, string>>): Promise<void> {
    await this.journal.append([changeDraft({ do: "set", page, key, cells }, "a person")]);
  }

  async remove(page: string, key: string): Promise<void> {
    await this.journal.append([changeDraft({ do: "remove", page, key }, "a person")]);
  }

  find(page: string, key: string): BoardRecord | undefined {
    return this.board.find(page)?.find(key);
  }

  /** What the node's board says of a goal: `running box-1`, `done box-2`, `empty`. */
  shows(page: string, key: string, goal: string): string {
    const record = this.find(page, key);
    if (record === undefined) return "no record";
    const cell = cellOf(record, goal);
    return cell === undefined ? "empty" : `${cell.state} ${cell.host}`.trim();
  }

  /** Entries of the board in its journal, of this process, such as `claim t box-1`. */
  log(goal?: string): string[] {
    const changes = this.changes.map(({ change }) => change);
    return changes.flatMap((change) => {
      if (!("goal" in change) || (goal !== undefined && change.goal !== goal)) return [];
      const host = "host" in change ? ` ${change.host}` : "";
      const outcome = "outcome" in change ? ` ${change.outcome}` : "";
      return [`${change.do} ${change.goal}${host}${outcome}`];
    });
  }

  /** The process ends as if the plug were pulled; what was on disk is kept. */
  kill(): Disk {
    this.#clock.die();
    this.journal.hold();
    void this.kv.close();
    return this.journal.disk;
  }

  async stop(): Promise<void> {
    await this.work.close();
    await this.claims.close();
    await this.journal.close();
    this.#clock.die();
  }

  #appended(entries: readonly Entry[]): void {
    this.#queue.push(...entries);
    if (this.#applying) return;
    this.#applying = true;
    for (let i = 0; i < this.#queue.length; i++) {
      const entry = this.#queue[i]!;
      const made = this.#change(entry);
      if (made === null) continue;
      const { change, changed } = made;
      this.#boarded.set(entry.seq, made);
      this.work.applied(change, changed);
      this.changes.push({ change, entry });
      if (changed === null) continue;
      this.claims.applied(change, changed.record, entry);
      this.scheduler.changed(changed.record, changed.columns);
    }
    this.#queue = [];
    this.#applying = false;
  }

  #change(entry: Entry): { readonly change: Change; readonly changed: Changed | null } | null {
    const change = changeOf(entry);
    if (change === null) return null;
    const changed = this.#apply.apply(change, entry);
    // An extra run changes nothing, and stands there all the same.
    return changed === null && change.do !== "extra" ? null : { change, changed };
  }

  #committed(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const boarded = this.#boarded.get(entry.seq);
      this.#boarded.delete(entry.seq);
      if (boarded?.changed != null) this.claims.committed(boarded.change, boarded.changed.record, entry);
    }
  }
}

/** A clock whose timers end with a process. */
class MortalClock implements Clock {
  readonly #clock: Clock;
  #dead = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  after(ms: number, run: () => void): () => void {
    return this.#clock.after(ms, () => {
      if (!this.#dead) run();
    });
  }

  die(): void {
    this.#dead = true;
  }
}

/** Lets everything happen that needs no time to pass. */
export async function settle(rounds = 12): Promise<void> {
  for (let i = 0; i < rounds; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Lets time pass, step by step, with all that happens meanwhile. */
export async function pass(clock: ManualClock, ms: number, stepMs = ms): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    clock.advance(Math.min(stepMs, ms - passed));
    await settle();
  }
}
