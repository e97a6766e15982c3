import { basename } from "node:path";
import { type Board, type BoardRecord, cellOf, keyOf } from "../board/board.ts";
import type { Clock } from "../clock.ts";
import { reasonOf } from "../errors.ts";
import type { Executor, Result } from "../runs/job.ts";
import type { Told } from "../runs/notices.ts";
import type { ActorKind, Plan, PlannedActor } from "../site.ts";
import { Agent, type Body } from "./agent.ts";
import type { BoardSheet } from "./board-sheet.ts";
import type { CompatConfig } from "./config.ts";
import type { Process, ProcessTable } from "./conflicts.ts";
import type { CompatNotice } from "./notice.ts";
import type { Outcome } from "./outcome.ts";
import type { Launch, Scripts } from "./runner.ts";

/** What the agents of a plan need besides their sheet. */
export interface PlanWorld {
  readonly plan: Plan;
  readonly board: Board;
  /** By kind. Only commands and modules are run: the original knows nobody who answers later. */
  readonly executors: Readonly<Partial<Record<ActorKind, Executor>>>;
  /** Name of this node: the host. */
  readonly node: string;
  readonly clock: Clock;
  readonly sleep: (ms: number) => Promise<void>;
  /** Of the host, without this process and what it started: those are known here. */
  readonly processes: ProcessTable;
  /** What a run prints. */
  readonly log: (run: string, output: string | Uint8Array) => void;
  readonly notice: (told: Told) => void;
  /** Told of each agent that has ended. */
  readonly ended: (launch: Launch, outcome: Outcome) => void;
  readonly terminal: (text: string) => void;
  /** Agents and the runner say what they do, and why they do not. Default false. */
  readonly debug?: boolean;
}

/** Kinds of actors whose work is begun here, and ends with its result. */
const KINDS: readonly ActorKind[] = ["command", "module"];

/** The agents of a plan: each is told its goal by its name, and its record by its arguments. */
export class PlanAgents implements Scripts {
  readonly #world: PlanWorld;
  readonly #sheet: BoardSheet;
  /** At work, as a process table would show them. */
  readonly #running = new Set<Process>();
  /** Resolves when the agent that came last has its claim, or does not run. */
  #last: Promise<void> = Promise.resolve();

  constructor(world: PlanWorld, sheet: BoardSheet) {
    this.#world = world;
    this.#sheet = sheet;
  }

  /** Null: nobody here does the work on that goal. */
  scriptOf(page: string, goal: string): string | null {
    return this.#actorOf(page, goal)?.file ?? null;
  }

  isExecutable({ page, goal }: Launch): boolean {
    return this.#actorOf(page, goal) !== undefined;
  }

  async run(launch: Launch): Promise<void> {
    const actor = this.#actorOf(launch.page, launch.goal)!;
    const self = { pid: 0, command: [launch.script, ...launch.args].join(" ") };
    const begun = await this.#turn();
    let outcome: Outcome;
    try {
      const work = this.#bodyOf(actor, launch);
      ({ outcome } = await this.#agentOf(actor, launch).process((row, print) => {
        this.#running.add(self);
        begun();
        return work(row, print);
      }));
    } catch (error) {
      outcome = { kind: "error", reason: "thrown", detail: reasonOf(error), error };
    }
    begun();
    this.#running.delete(self);
    this.#world.ended(launch, outcome);
  }

  /**
   * One after the other they look whether they may run, up to the claim. So each sees those that work, and two that
   * must not run together can't both keep off, or both begin, as they can with the original.
   */
  async #turn(): Promise<() => void> {
    const before = this.#last;
    let begun = () => {};
    this.#last = new Promise((resolve) => {
      begun = resolve;
    });
    await before;
    return begun;
  }

  /** Of the page, or the one of another: rows of a page that orders the work of others name records there. */
  #actorOf(page: string, goal: string): PlannedActor | undefined {
    const actors = this.#world.plan.actors.filter((actor) => actor.goal === goal && KINDS.includes(actor.kind));
    return actors.find((actor) => actor.page === page) ?? (actors.length === 1 ? actors[0] : undefined);
  }

  #agentOf(actor: PlannedActor, { args, script }: Launch): Agent {
    const { plan, node: host, clock, sleep, processes, terminal, debug = false } = this.#world;
    const { goal, page, prerequisites, maxSelves, conflicts, subsumes, leaseMs } = actor;
    const config = configOf(plan, page);
    const limits = conflicts.map((conflict) => [this.#patternOf(page, conflict.goal), conflict.limit]);
    const params = {
      agentName: goal,
      pageName: page,
      keys: Object.fromEntries(config.keys.map(({ name }, i) => [name, args[i] ?? ""])),
      selfName: basename(script),
      settleMs: 0, // the board is written in one turn, so there is nobody to wait for
      ...{ config, debug, leaseMs, prerequisites, subsumes },
      ...(Number.isFinite(maxSelves) ? { maxSelves } : {}),
      ...(limits.length === 0 ? {} : { conflictsWith: Object.fromEntries(limits) }),
    };
    return new Agent(params, {
      ...{ sheet: this.#sheet, host, clock, sleep, terminal, pid: null },
      processes: async () => [...(await processes()), ...this.#running],
      notify: (notice) => this.#notify(notice),
    });
  }

  /** The script of a goal, standing as a whole in a command line. */
  #patternOf(page: string, goal: string): string {
    const name = basename(this.scriptOf(page, goal) ?? goal);
    return `(?:^|[/\\s])${name.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")}(?:\\s|$)`;
  }

  #bodyOf(actor: PlannedActor, { args }: Launch): Body {
    return async (row, print) => {
      const record = this.#recordOf(actor.page, args)!;
      const result = await this.#execute(actor, record, row, print);
      if (result.detail !== undefined) print(`${result.detail}\n`);
      return [result.outcome === "done", result.fields ?? {}];
    };
  }

  /** The claim that the agent has just made holds the run. */
  async #execute(
    actor: PlannedActor,
    record: BoardRecord,
    row: Readonly<Record<string, string>>,
    print: (text: string) => void,
  ): Promise<Result> {
    const { executors, clock, log } = this.#world;
    const { page, key, keys } = record;
    const { run, attempts: attempt } = cellOf(record, actor.goal)!;
    const abort = new AbortController();
    const late = new Error(`took longer than ${actor.timeoutMs} ms`);
    const stopTime = clock.after(actor.timeoutMs, () => abort.abort(late));
    try {
      const result = await executors[actor.kind]!.run({
        ...{ actor, page: page.name, key, row, run, attempt, token: 0, signal: abort.signal },
        keys: Object.fromEntries(page.config.keys.map(({ name }, i) => [name, keys[i] ?? ""])),
        log: (output) => {
          log(run, output);
          print(typeof output === "string" ? output : Buffer.from(output).toString());
        },
      });
      if (result.outcome === "accepted") throw new Error(`'${actor.goal}' answers later, which is not known here`);
      return abort.signal.aborted ? { outcome: "failed", detail: late.message } : result;
    } finally {
      stopTime();
    }
  }

  #recordOf(page: string, args: readonly string[]): BoardRecord | undefined {
    return this.#world.board.page(page).find(keyOf(args));
  }

  #notify({ host, page, keys, goal, outcome }: CompatNotice): void {
    const key = keyOf(Object.values(keys));
    const record = this.#world.board.page(page).find(key);
    const cell = record === undefined ? undefined : cellOf(record, goal);
    const detail = "detail" in outcome ? outcome.detail : "";
    const { run = "", attempts: attempt = 0 } = cell ?? {};
    this.#world.notice({ host, page, key, keys, goal, run, attempt, outcome: "failed", detail });
  }
}

/** The key fields of a page; from whom and to whom notices go, says whoever delivers them. */
export function configOf({ pages }: Plan, page: string): CompatConfig {
  const { keys } = pages.find(({ name }) => name === page)!;
  return { keys, spreadsheetName: null, replyEmail: null, sendTo: null };
}
