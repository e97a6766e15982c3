// The board of a place with actors of its own, over the journal in memory: the real runner, scheduler and work. What an
// actor does is the test's to say.
import { Applier } from "../../runtime/apply.ts";
import { type BoardRecord, cellOf, rowOf } from "../../runtime/board/board.ts";
import type { Cell } from "../../runtime/board/cell.ts";
import { type Change, changeDraft, changeOf } from "../../runtime/board/change.ts";
import { type Claims, LocalClaims } from "../../runtime/claims/claims.ts";
import { ManualClock } from "../../runtime/clock.ts";
import { CoreScorer } from "../../runtime/decide/scorer.ts";
import { Runner } from "../../runtime/runner.ts";
import type { Accepted, Executor, Job, Notice, Result } from "../../runtime/runs/job.ts";
import { RunLogs } from "../../runtime/runs/log.ts";
import { Work } from "../../runtime/runs/work.ts";
import type { Gate } from "../../runtime/scheduler.ts";
import type { ActorKind, PageConfig, PlannedActor } from "../../runtime/site.ts";
import { type Disk, emptyDisk, MemoryJournal } from "./memory-journal.ts";
import { pageOf } from "./plans.ts";
import { turns } from "./rig.ts";
import { EXPLAIN, OPENING, shopModel, shopReader, WORLD } from "./shop.ts";

const scorer = new CoreScorer(shopModel());

/** An executor whose jobs the test ends, in whatever order. */
export class Hands implements Executor {
  readonly outside: boolean;
  /** All jobs that were ever begun. */
  readonly jobs: Job[] = [];
  readonly #open = new Map<
    string,
    { readonly end: (end: Result | Accepted) => void; readonly fail: (error: Error) => void }
  >();

  constructor(outside = false) {
    this.outside = outside;
  }

  run(job: Job): Promise<Result | Accepted> {
    this.jobs.push(job);
    return new Promise((end, fail) => {
      this.#open.set(job.run, { end, fail });
      // As every executor: it ends soon after it is told to.
      job.signal.addEventListener("abort", () => end({ outcome: "failed", detail: "aborted" }));
    });
  }

  /** "goal key" of the jobs begun, in their order. */
  get begun(): string[] {
    return this.jobs.map(({ actor, key }) => `${actor.goal} ${key}`);
  }

  /** The last job that was begun. */
  get last(): Job {
    return this.jobs.at(-1)!;
  }

  end(job: Job, outcome: Result["outcome"] | "accepted", more: Omit<Result, "outcome"> = {}): void {
    this.#open.get(job.run)!.end({ outcome, ...more } as Result);
  }

  fail(job: Job, error: Error): void {
    this.#open.get(job.run)!.fail(error);
  }
}

/** An executor that answers at once. */
export function atOnce(answer: (job: Job) => Result): Executor {
  return { outside: false, run: answer };
}

export interface WorkbenchOptions {
  readonly actors: readonly PlannedActor[];
  readonly page?: Partial<PageConfig>;
  readonly executors?: Readonly<Partial<Record<ActorKind, Executor>>>;
  readonly claims?: Claims;
  readonly gate?: Gate;
  readonly disk?: Disk;
  readonly node?: string;
  readonly now?: number;
}

export class Workbench {
  /** Does what is of kind `module`, unless the test says who does. */
  readonly hands: Hands;
  readonly clock: ManualClock;
  readonly journal: MemoryJournal;
  readonly applier: Applier;
  readonly runner: Runner;
  readonly work: Work;
  readonly logs = new RunLogs();
  readonly notices: Omit<Notice, "at" | "site" | "place">[] = [];
  readonly faults: string[] = [];
  /** "seq do" of changes that are on disk, as the outside hears of them. */
  readonly boarded: string[] = [];
  /** "goal outcome", as runs are counted. */
  readonly counted: string[] = [];
  readonly #options: WorkbenchOptions;

  constructor(options: WorkbenchOptions) {
    this.#options = options;
    const { actors, page = {}, claims = new LocalClaims(), gate = null, disk = emptyDisk(), node = "n1" } = options;
    const { executors = {}, now = disk.entries.at(-1)?.receivedAt ?? OPENING } = options;
    this.hands = executors.module instanceof Hands ? executors.module : new Hands();
    this.clock = new ManualClock(now);
    this.journal = new MemoryJournal(this.clock, disk);
    const plan = { pages: [pageOf(actors, page)], actors };
    this.applier = new Applier({ plan, actors: [], reader: shopReader(), world: WORLD });
    const fault = (what: string, error: unknown) => void this.faults.push(`${what}: ${(error as Error).message}`);
    const boot = disk.entries.length;
    let runs = 0;
    this.work = new Work({
      ...{ board: this.applier.board, journal: this.journal, clock: this.clock, claims, gate, node, fault },
      executors: { module: this.hands, ...executors },
      defer: (run) => void setImmediate(run),
      logs: this.logs,
      newRun: () => `${node}-${boot}-${++runs}`,
      notice: (notice) => void this.notices.push(notice),
      count: (goal, outcome) => void this.counted.push(`${goal} ${outcome}`),
    });
    this.runner = new Runner({
      ...{ plan, actors: [], world: WORLD, scorer, explain: EXPLAIN, place: node, epoch: this.journal.epoch },
      ...{ journal: this.journal, clock: this.clock, applier: this.applier, work: this.work, gate, fault },
      versions: { model: null, plan: "p", catalog: "c", site: "s" },
      source: { fetch: () => ({ state: "unknown" }) },
      refuse: ({ detail }) => void this.faults.push(`refused: ${detail}`),
      decided: () => {},
      boarded: (entry, change) => void this.boarded.push(`${entry.seq} ${change.do}`),
      applied: () => {},
    });
    this.runner.recover();
  }

  /** A person writes into a row of page `jobs`. Rejects when the journal does not take it. */
  async set(cells: Readonly<Record<string, string>>, key = "1"): Promise<void> {
    await this.append({ do: "set", page: "jobs", key, cells });
  }

  async append(change: Change): Promise<void> {
    await this.journal.append([changeDraft(change, "anna")]);
    await this.settle();
  }

  /** Some turns of the event loop: enough for whatever doesn't wait for an answer from outside. */
  async settle(): Promise<void> {
    await turns(3);
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.settle();
  }

  find(key = "1"): BoardRecord {
    return this.applier.board.page("jobs").find(key)!;
  }

  row(key = "1"): Record<string, string> {
    return rowOf(this.find(key));
  }

  cell(goal: string, key = "1"): Cell | undefined {
    return cellOf(this.find(key), goal);
  }

  get command(): Hands {
    return this.#options.executors!.command as Hands;
  }

  get remote(): Hands {
    return this.#options.executors!.remote as Hands;
  }

  /** "do goal", or "do", of the changes on disk, in their order. */
  get changes(): string[] {
    return this.journal.disk.entries.map(changeOf).map((change) => {
      if (change === null) return "none of the board";
      return "goal" in change ? `${change.do} ${change.goal}` : change.do;
    });
  }

  /** The last change on disk. */
  get lastChange(): Change | null {
    return changeOf(this.journal.disk.entries.at(-1)!);
  }

  /** The place after its plug was pulled: started again from what is on its disk. */
  restarted(more: Partial<WorkbenchOptions> = {}): Workbench {
    const { executors: _, ...rest } = this.#options;
    return new Workbench({ ...rest, disk: this.journal.disk, now: this.clock.now(), ...more });
  }
}
