// What a case does, by the name of its op; and what was seen meanwhile.
import type { Agent, Body } from "../../../runtime/compat/agent.ts";
import { type CompatConfig, configPath } from "../../../runtime/compat/config.ts";
import type { CompatNotice } from "../../../runtime/compat/notice.ts";
import type { Processed } from "../../../runtime/compat/outcome.ts";
import type { CompatRunner, RunReport } from "../../../runtime/compat/runner.ts";
import { type Action, type Json, refuseOthers } from "./cases.ts";
import { type Pipeline, runUntilQuiet } from "./pipeline.ts";
import { type BodyCall, chain, goalRule, makeRunner, type RunOfRunner, rowRule, run, titleRule } from "./running.ts";
import type { Command } from "./scripts.ts";
import type { World } from "./world.ts";

type Row = Readonly<Record<string, string>>;

/** What came of an action. What it has nothing to do with is not there. */
export interface Seen {
  thrown?: unknown;
  terminal?: string;
  notices?: readonly CompatNotice[];
  /** Each page as it was, and as it is. */
  before?: Readonly<Record<string, readonly Row[]>>;
  after?: Readonly<Record<string, readonly Row[]>>;
  made?: Agent | CompatRunner | CompatConfig;
  path?: string;
  agent?: Agent;
  processed?: readonly Processed[];
  /** The rows that bodies of agents got. */
  bodyRows?: readonly Row[];
  report?: RunReport;
  runner?: RunOfRunner;
  bodyCalls?: readonly BodyCall[];
  commands?: readonly Command[];
  pipeline?: Pipeline;
  returnsSelf?: boolean;
}

type Op = (world: World, action: Action) => Promise<Seen>;

/** Name → the keys that its action may have, and what it does. */
const OPS: Readonly<Record<string, readonly [keys: readonly string[], op: Op]>> = {
  newAgent: [["params"], async (world, { params = {} }) => ({ made: world.agent(params as Json) })],
  newDb: [
    ["params"],
    async (world, { params = {} }) => {
      refuseOthers("params", params as Json, ["config"]);
      return { made: world.config((params as Json).config) };
    },
  ],
  resolveConfig: [
    ["scriptDir", "configFile"],
    async (_, { scriptDir, configFile = null }) => ({
      path: configPath(String(scriptDir), configFile as string | null),
    }),
  ],
  process: [["agent", "body", "hostname"], process],
  race: [["agents", "body"], race],
  advance: [
    ["ms"],
    async (world, { ms }) => {
      await world.time.advance(Number(ms));
      return {};
    },
  ],
  setCell: [
    ["page", "row", "set"],
    async (world, { page = world.pageTitles()[0], row = 0, set }) => {
      for (const [name, value] of Object.entries(set as Json)) world.sheet.put(String(page), Number(row), name, value);
      return {};
    },
  ],
  setProcesses: [
    ["processes"],
    async (world, { processes }) => {
      world.processes = processes as World["processes"];
      return {};
    },
  ],
  addPage: [
    ["name", "header", "rows"],
    async (world, { name, header, rows }) => {
      world.sheet.add(String(name), { header: header as string[], rows: rows as Json[] });
      return {};
    },
  ],
  newRunner: [
    ["params", "scriptDir"],
    async (world, { params = {}, scriptDir }) => {
      world.runner = makeRunner(world, { ...(params as Json), ...(scriptDir === undefined ? {} : { scriptDir }) });
      return { made: world.runner };
    },
  ],
  run: [["body", "params"], run],
  runUntilQuiet: [[], async (world) => ({ pipeline: await runUntilQuiet(world) })],
  setOnlyPages: [["pages"], filtering((runner, { pages }) => runner.onlyPages(pages as string[]))],
  setSkipPages: [["pages"], filtering((runner, { pages }) => runner.skipPages(pages as string[]))],
  setOnlyPagesIf: [["titleContains"], filtering((runner, action) => runner.onlyPagesIf(titleRule(withoutOp(action))))],
  setSkipPagesIf: [["titleContains"], filtering((runner, action) => runner.skipPagesIf(titleRule(withoutOp(action))))],
  clearPageFilters: [[], filtering((runner) => runner.allPages())],
  setSkipEntry: [
    ["field", "equals", "always", "never"],
    filtering((runner, action) => runner.skipEntry(rowRule(withoutOp(action)))),
  ],
  setSkipGoal: [
    ["equals", "always", "never", "unless"],
    filtering((runner, action) => runner.skipGoal(goalRule(withoutOp(action)))),
  ],
  chain: [["calls"], async (world, { calls }) => ({ returnsSelf: chain(world, calls as string[]) })],
};

/** @throws Error when the case does something that is not known; what the op throws is seen instead */
export async function perform(world: World, action: Action): Promise<Seen> {
  const known = OPS[action.op];
  if (known === undefined)
    throw new Error(`not understood: the op '${action.op}'; known: ${Object.keys(OPS).join(", ")}`);
  const [keys, op] = known;
  refuseOthers(action.op, action, ["op", ...keys]);
  const before = await shown(world);
  world.terminal = "";
  world.notices = [];
  let seen: Seen;
  try {
    seen = await op(world, action);
  } catch (error) {
    if (error instanceof Error && /not understood/.test(error.message)) throw error;
    seen = { thrown: error };
  }
  return { ...seen, before, after: await shown(world), terminal: world.terminal, notices: world.notices };
}

async function process(world: World, { agent: named, body = {}, hostname }: Action): Promise<Seen> {
  const params = (named as Json | undefined) ?? world.usualAgent();
  const agent = world.agent(hostname === undefined ? params : { ...params, hostname });
  const bodyRows: Row[] = [];
  const processed = await world.time.until(agent.process(agentBody(body as Json, bodyRows)));
  return { agent, processed: [processed], bodyRows };
}

/** Work on which others may come in, ms. */
const RACE_BODY_MS = 10_000;

/** Agents that begin at the same time, each on a host and in a process of its own, with work that takes its time. */
async function race(world: World, { agents, body = {} }: Action): Promise<Seen> {
  const bodyRows: Row[] = [];
  const all = (agents as Json[]).map((own) => world.agent({ ...world.usualAgent(), ...own }));
  const work = agentBody(body as Json, bodyRows);
  const slowly: Body = async (row, print) => {
    const result = await work(row, print);
    await world.time.sleep(RACE_BODY_MS);
    return result;
  };
  const processed = await world.time.until(Promise.all(all.map((agent) => agent.process(slowly))));
  return { agent: all[0]!, processed, bodyRows };
}

function agentBody(body: Json, rows: Row[]): Body {
  refuseOthers("body", body, ["returns", "throws", "echo", "stdout", "stderr"]);
  return (row, print) => {
    rows.push(row);
    for (const text of [body.stdout, body.stderr]) if (text !== undefined) print(`${text}\n`);
    if (body.throws !== undefined) throw new Error(String(body.throws));
    return "returns" in body ? body.returns : "echo" in body;
  };
}

function filtering(set: (runner: CompatRunner, action: Action) => CompatRunner): Op {
  return async (world, action) => {
    world.runner ??= makeRunner(world, world.setup.runner ?? {});
    return { returnsSelf: set(world.runner, action) === world.runner };
  };
}

function withoutOp({ op: _, ...rest }: Action): Json {
  return rest;
}

async function shown({ sheet }: World): Promise<Record<string, readonly Row[]>> {
  return Object.fromEntries((await sheet.titles()).map((title) => [title, sheet.show(title)]));
}
