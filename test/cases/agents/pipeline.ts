// Many hosts at one sheet, each with its own processes, all told by a clock to walk it again and again.

import type { Process } from "../../../runtime/compat/conflicts.ts";
import { CompatRunner, type Launch, type Scripts } from "../../../runtime/compat/runner.ts";
import { prng } from "../../support/prng.ts";
import { type Json, refuseOthers } from "./cases.ts";
import type { World } from "./world.ts";

/** One run of a body, [from, until) in ms. */
export interface GoalRun {
  readonly goal: string;
  readonly record: string;
  readonly host: string;
  readonly from: number;
  until: number;
}

export interface Pipeline {
  readonly runs: readonly GoalRun[];
}

const SEED = 4;
/** Between two walks of a host. */
const EVERY_MS = 60_000;
/** An agent stands in the process table for so long at most before it looks at it. */
const STARTUP_MS = 2_000;
const ROUNDS_MAX = 200;
/** Agents that must not run together may keep each other off for a round. */
const QUIET_ROUNDS = 5;

/** Walks until rounds of all hosts change nothing any more. @throws Error when that does not come about */
export async function runUntilQuiet(world: World): Promise<Pipeline> {
  const { hosts = 1 } = world.setup;
  const dice = prng(SEED);
  const runs: GoalRun[] = [];
  const all = Array.from({ length: hosts }, (_, i) => new Host(world, `host-${i + 1}`, runs, dice));
  const shown = () => JSON.stringify(world.pageTitles().map((title) => world.sheet.show(title)));
  let before = shown();
  for (let round = 0, quiet = 0; round < ROUNDS_MAX; round++) {
    await world.time.until(Promise.all(all.map((host, i) => host.walk(i * (EVERY_MS / hosts)))));
    await world.time.advance(EVERY_MS);
    quiet = shown() === before ? quiet + 1 : 0;
    if (quiet === QUIET_ROUNDS) return { runs };
    before = shown();
  }
  throw new Error(`not quiet after ${ROUNDS_MAX} rounds of ${hosts} hosts (seed ${SEED})`);
}

class Host implements Scripts {
  readonly #world: World;
  readonly #name: string;
  readonly #runs: GoalRun[];
  readonly #dice: () => number;
  readonly #runner: CompatRunner;
  readonly #processes: Process[] = [];
  #pid = 1_000;

  constructor(world: World, name: string, runs: GoalRun[], dice: () => number) {
    this.#world = world;
    this.#name = name;
    this.#runs = runs;
    this.#dice = dice;
    const { sheet, time } = world;
    const params = { config: world.config(), suffix: "", ...(world.setup.runner as object | undefined) };
    this.#runner = new CompatRunner(params, { sheet, sleep: time.sleep, terminal: () => {}, scripts: this });
  }

  async walk(afterMs: number): Promise<void> {
    await this.#world.time.sleep(afterMs);
    const { ended } = await this.#runner.run();
    await ended;
  }

  isExecutable({ goal }: Launch): boolean {
    return this.#world.setup.agents?.[goal] !== undefined;
  }

  async run({ goal, args, page }: Launch): Promise<void> {
    const self = { pid: this.#pid++, command: `ruby ${goal}_agent.rb ${args.join(" ")}` };
    this.#processes.push(self);
    try {
      await this.#world.time.sleep(Math.floor(this.#dice() * STARTUP_MS));
      await this.#agent(goal, args, page, self.pid).process(() => this.#work(goal, args.join(" ")));
    } finally {
      this.#processes.splice(this.#processes.indexOf(self), 1);
    }
  }

  async #work(goal: string, record: string): Promise<boolean> {
    const { time } = this.#world;
    const run = { goal, record, host: this.#name, from: time.now(), until: Number.POSITIVE_INFINITY };
    this.#runs.push(run);
    await time.sleep(1_000 + Math.floor(this.#dice() * 60_000));
    run.until = time.now();
    return true;
  }

  #agent(goal: string, args: readonly string[], pageName: string, selfPid: number) {
    const names = this.#world.config().keys.map(({ name }) => name);
    const keys = Object.fromEntries(names.map((name, i) => [name, args[i]]));
    const own = this.#world.setup.agents![goal]!;
    refuseOthers("an agent of the pipeline", own, ["maxSelves", "prerequisites", "conflictsWith", "subsumes"]);
    const of = { agentName: goal, pageName, keys, hostname: this.#name };
    const params: Json = { ...of, selfName: `${goal}_agent.rb`, selfPid, ...own };
    return this.#world.agent(params, () => this.#processes);
  }
}

export function ranOnce(runs: readonly GoalRun[]): boolean {
  const seen = new Set(runs.map(({ goal, record }) => `${goal} ${record}`));
  return runs.length > 0 && seen.size === runs.length;
}

/** Runs of the two goals that were at work at the same time on one host. */
export function together(runs: readonly GoalRun[], [a, b]: readonly [string, string]): string[] {
  const of = (goal: string) => runsOf(runs, goal);
  return of(a).flatMap((one) =>
    of(b)
      .filter((other) => other.host === one.host && other.from < one.until && one.from < other.until)
      .map((other) => `${a} of ${one.record} and ${b} of ${other.record} on ${one.host} at ${other.from} ms`),
  );
}

/** Records of which the second goal began before the first had ended. */
export function outOfOrder(runs: readonly GoalRun[], [first, second]: readonly [string, string]): string[] {
  const ended = new Map(runsOf(runs, first).map(({ record, until }) => [record, until]));
  return runsOf(runs, second)
    .filter(({ record, from }) => from < (ended.get(record) ?? Number.POSITIVE_INFINITY))
    .map(({ record, from }) => `${second} of ${record} began at ${from} ms, ${first} ended at ${ended.get(record)} ms`);
}

/** @throws Error when there is none: of what never ran nothing can be said */
function runsOf(runs: readonly GoalRun[], goal: string): GoalRun[] {
  const found = runs.filter((run) => run.goal === goal);
  if (found.length === 0) throw new Error(`'${goal}' never ran`);
  return found;
}
