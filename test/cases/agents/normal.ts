// A case as the runtime works by default: nodes that share a bucket, with the real scheduler, claims and commands. The
// records are at home on a node that starts nothing itself, so that all others ask for them alike.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { keyOf, rowOf } from "../../../runtime/board/board.ts";
import { ManualClock, systemClock } from "../../../runtime/clock.ts";
import { type CompatConfig, configOf } from "../../../runtime/compat/config.ts";
import type { PageContent } from "../../../runtime/compat/memory-sheet.ts";
import { createCommandExecutor } from "../../../runtime/runs/command.ts";
import type { Accepted, Job, Result } from "../../../runtime/runs/job.ts";
import type { PageConfig, Plan, PlannedActor } from "../../../runtime/site.ts";
import { MemoryBucket } from "../../support/memory-kv.ts";
import { Node, pass, settle } from "../../support/nodes.ts";
import { pageConfig, plannedActor } from "../../support/plans.ts";
import { scratch, script } from "../../support/scripts.ts";
import { type Action, type Case, type Json, refuseOthers } from "./cases.ts";

const HOME = "home";
/** Time passes in such steps, ms: shorter than leases and pauses. */
const STEP_MS = 5_000;
/** What an op may take, ms: more than a run's lease and its pause before the next. */
const OP_MS = 120_000;

/** What was seen while an op was performed. */
interface Seen {
  bodyRuns: number;
  /** One for each agent that the op names. */
  returned: boolean[];
  /** Arguments of each command. */
  argv: string[][];
}

type Work = (job: Job) => Result | Promise<Result | Accepted>;

export class NormalWorld {
  readonly #clock = new ManualClock(Date.UTC(2026, 2, 2, 9));
  readonly #bucket = new MemoryBucket();
  readonly #case: Case;
  readonly #config: CompatConfig;
  readonly #plan: Plan;
  readonly #dir = scratch();
  readonly #nodes: Node[] = [];
  #home: Node | null = null;

  constructor(each: Case) {
    this.#case = each;
    this.#config = configOf({ key_fields: each.setup.configKeyFields });
    const goals = this.#goals();
    const pages = Object.entries(each.setup.pages ?? {});
    this.#plan = {
      pages: pages.map(([title, page]) => this.#page(title, page, goals)),
      actors: pages.flatMap(([title, { header }]) =>
        goals.filter((goal) => header.includes(goal)).map((goal) => this.#actor(title, goal)),
      ),
    };
  }

  /** @throws Error when the case does something that is not known here */
  async perform(action: Action): Promise<Seen> {
    this.#home ??= await this.#settleIn();
    const seen: Seen = { bodyRuns: 0, returned: [], argv: [] };
    const host = this.#case.setup.hostname ?? "host-a";
    switch (action.op) {
      case "advance":
        refuseOthers("advance", action, ["op", "ms"]);
        await pass(this.#clock, Number(action.ms), STEP_MS);
        break;
      case "process":
        refuseOthers("process", action, ["op", "body"]);
        await this.#join([host], this.#body((action.body ?? {}) as Json, seen));
        break;
      case "race": {
        refuseOthers("race", action, ["op", "agents", "body"]);
        const hosts = (action.agents as Json[]).map(({ hostname = host }) => String(hostname));
        await this.#join(hosts, this.#body((action.body ?? {}) as Json, seen));
        break;
      }
      case "run":
        refuseOthers("run", action, ["op"]);
        await this.#join([host], await this.#commands(seen));
        break;
      default:
        throw new Error(`not understood by default: the op '${action.op}'; known: advance, process, race, run`);
    }
    return seen;
  }

  expectSeen(seen: Seen, expected: Json): void {
    for (const [name, value] of Object.entries(expected)) {
      switch (name) {
        case "bodyRuns":
          expect(seen.bodyRuns).toBe(value);
          break;
        case "bodyRan":
          expect(seen.bodyRuns > 0).toBe(value);
          break;
        case "returned":
        case "allReturned":
          expect(seen.returned).toEqual(seen.returned.map(() => value));
          expect(seen.returned).not.toEqual([]);
          break;
        case "row":
          expect(this.#row()).toMatchObject(value as Json);
          break;
        case "argvKeys":
          expect(seen.argv).toEqual(seen.argv.map(() => value));
          expect(seen.argv).not.toEqual([]);
          break;
        default:
          throw new Error(`not understood by default: the expectation '${name}'`);
      }
    }
    expect(this.#nodes.flatMap(({ faults }) => faults)).toEqual([]);
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.stop()));
  }

  /** The home with its records; who has a goal running there has begun, and died. */
  async #settleIn(): Promise<Node> {
    const home = await this.#open(HOME, () => ({ outcome: "failed" }), true);
    const running: { host: string; page: string; key: string; goal: string }[] = [];
    for (const [page, { rows }] of Object.entries(this.#case.setup.pages ?? {})) {
      for (const row of rows as Record<string, string>[]) {
        const key = keyOf(this.#config.keys.map(({ name }) => row[name] ?? ""));
        const cells = Object.entries(row).filter(([name, text]) => !this.#isKey(name) && !text.startsWith("r:"));
        for (const [goal, text] of Object.entries(row))
          if (text.startsWith("r:")) running.push({ host: text.slice(2), page, key, goal });
        await home.write(page, key, Object.fromEntries(cells));
      }
    }
    for (const { host, page, key, goal } of running) {
      const dead = await this.#open(host, () => new Promise(() => {}));
      await settle();
      expect(home.shows(page, key, goal)).toBe(`running ${host}`);
      dead.kill();
      this.#nodes.splice(this.#nodes.indexOf(dead), 1);
    }
    return home;
  }

  /** Nodes that come at the same time, and stay. Two of one host are two processes there. */
  async #join(hosts: readonly string[], work: Work): Promise<void> {
    const names = hosts.map((host, i) => (hosts.indexOf(host) === i ? host : `${host}-${i + 1}`));
    await Promise.all(names.map((name) => this.#open(name, work)));
    const isBusy = () => this.#nodes.some(({ work: { busy } }) => busy > 0);
    await settle();
    for (let ms = 0; ms < OP_MS; ms += STEP_MS) {
      while (isBusy()) await new Promise((resolve) => setTimeout(resolve, 2));
      await pass(this.#clock, STEP_MS);
    }
  }

  async #open(name: string, run: Work, isPaused = false): Promise<Node> {
    const kv = this.#bucket.connect();
    const node = new Node({ name, plan: this.#plan, kv, clock: this.#clock, run });
    if (isPaused) node.scheduler.pause();
    this.#nodes.push(node);
    await node.open();
    return node;
  }

  #body(body: Json, seen: Seen): Work {
    refuseOthers("body", body, ["returns", "throws"]);
    return () => {
      seen.bodyRuns++;
      seen.returned.push(!("throws" in body));
      if ("throws" in body) throw new Error(String(body.throws));
      const [isDone, fields = {}] = (Array.isArray(body.returns) ? body.returns : [body.returns]) as [unknown, Json?];
      return { outcome: isDone === true ? "done" : "failed", fields };
    };
  }

  /** Real scripts, that say with what they were called. */
  async #commands(seen: Seen): Promise<Work> {
    const out = join(this.#dir, "called");
    for (const goal of this.#goals())
      script(this.#dir, goal, `#!/bin/sh\nfor arg in "$@"; do printf '%s\\0' "$arg"; done > ${out}\n`);
    const env = { PATH: process.env.PATH };
    const dir = join(this.#dir, "runs");
    const executor = createCommandExecutor({ cwd: this.#dir, env, node: "host-a", dir, clock: systemClock });
    return async (job) => {
      const result = await executor.run(job);
      seen.argv.push(readFileSync(out, "utf8").split("\0").slice(0, -1));
      return result;
    };
  }

  #row(): Record<string, string> {
    const [page = ""] = Object.keys(this.#case.setup.pages ?? {});
    return rowOf(this.#home!.board.page(page).records().next().value!);
  }

  /** Those of scripts, else of the agent, else the column that cases mean. */
  #goals(): string[] {
    const { agentBin, agent } = this.#case.setup;
    if (agentBin !== undefined) return Object.keys(agentBin.scripts).map((name) => name.replace(/_agent$/, ""));
    return [String(agent?.agentName ?? "goal")];
  }

  #page(title: string, { header }: PageContent, goals: readonly string[]): PageConfig {
    const others = header.filter((name) => !this.#isKey(name) && !["ready", "complete"].includes(name));
    return pageConfig(title, {
      keys: this.#config.keys,
      goals: others.filter((name) => goals.includes(name)),
      data: others.filter((name) => !goals.includes(name)),
      ready: false,
      shared: true,
    });
  }

  #actor(page: string, goal: string): PlannedActor {
    return plannedActor(goal, { page, kind: "command", file: join(this.#dir, goal) });
  }

  #isKey(name: string): boolean {
    return this.#config.keys.some((key) => key.name === name);
  }
}
