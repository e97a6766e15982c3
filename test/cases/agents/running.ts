// Runners of a case: how its settings are read, and what is done for each record.
import { CompatRunner, type EntryBody, type RunnerParams } from "../../../runtime/compat/runner.ts";
import type { SheetRow } from "../../../runtime/compat/sheet.ts";
import { type Action, type Json, refuseOthers } from "./cases.ts";
import type { Seen } from "./ops.ts";
import type { World } from "./world.ts";

/** A record that was handed to a body: what it showed then, and when that was, ms. */
export interface BodyCall {
  readonly row: Readonly<Record<string, string>>;
  readonly page: string;
  readonly collected: string | null;
  readonly at: number;
}

export interface RunOfRunner {
  readonly debug: boolean;
  readonly sleptMs: number;
  readonly maxConcurrent: number;
  readonly isBackground: boolean;
}

const PARAMS = [
  ...[
    "onlyPages",
    "skipPages",
    "onlyPagesIf",
    "skipPagesIf",
    "skipEntry",
    "skipGoal",
    "dryRun",
    "runInSerial",
    "debug",
  ],
  ...["sleepBetween", "agentBin", "scriptDir", "defaultFilters"],
];

export function makeRunner(world: World, params: Json): CompatRunner {
  refuseOthers("runner", params, PARAMS);
  const { onlyPagesIf, skipPagesIf, skipEntry, skipGoal, ...own } = params;
  const folder = world.setup.agentBin;
  const runner = new CompatRunner(
    {
      ...(folder === undefined || params.scriptDir !== undefined ? {} : { agentBin: folder.path }),
      ...own,
      config: world.config(),
      dialect: world.dialect,
      suffix: "",
    } as RunnerParams,
    {
      sheet: world.sheet,
      sleep: (ms) => {
        world.folder.goesOn();
        world.sleptMs += ms;
        return world.time.sleep(ms);
      },
      terminal: (text) => world.print(text),
      scripts: world.folder,
    },
  );
  if (onlyPagesIf !== undefined) runner.onlyPagesIf(titleRule(onlyPagesIf as Json));
  if (skipPagesIf !== undefined) runner.skipPagesIf(titleRule(skipPagesIf as Json));
  if (skipEntry !== undefined) runner.skipEntry(rowRule(skipEntry as Json));
  if (skipGoal !== undefined) runner.skipGoal(goalRule(skipGoal as Json));
  return runner;
}

export async function run(world: World, { body, params }: Action): Promise<Seen> {
  if (world.runner === null || params !== undefined)
    world.runner = makeRunner(world, { ...world.setup.runner, ...(params as Json | undefined) });
  const { runner, folder, time } = world;
  const bodyCalls: BodyCall[] = [];
  folder.forget();
  world.sleptMs = 0;
  const report = await time.until(runner.run(body === undefined ? null : entryBody(world, body as Json, bodyCalls)));
  folder.goesOn();
  await time.until(report.ended);
  if (world.complaint !== null) throw world.complaint;
  const { commands, maxConcurrent, isBackground } = folder;
  const seen = { debug: runner.debug, sleptMs: world.sleptMs, maxConcurrent, isBackground };
  return { report, bodyCalls, commands, runner: seen, made: runner };
}

/** @throws Error when a call is not known */
export function chain(world: World, calls: readonly string[]): boolean {
  const runner = makeRunner(world, world.setup.runner ?? {});
  const filters: Readonly<Record<string, () => CompatRunner>> = {
    onlyPages: () => runner.onlyPages([]),
    skipPages: () => runner.skipPages([]),
    onlyPagesIf: () => runner.onlyPagesIf(() => true),
    skipPagesIf: () => runner.skipPagesIf(() => false),
    skipEntry: () => runner.skipEntry(() => false),
    skipGoal: () => runner.skipGoal(() => false),
  };
  return calls.every((call) => {
    const filter = filters[call];
    if (filter === undefined) throw new Error(`not understood: the filter '${call}'; known: ${Object.keys(filters)}`);
    return filter() === runner;
  });
}

function entryBody(world: World, body: Json, calls: BodyCall[]): EntryBody {
  refuseOthers("body", body, ["setCell", "to", "save", "collect", "collectPage", "echo"]);
  const { setCell, to, save, collect } = body;
  return async (entry, page) => {
    const collected = collect === undefined ? null : entry.get(String(collect));
    calls.push({ row: entry.texts(), page: page.title, collected, at: world.time.now() });
    if (setCell !== undefined) entry.set(String(setCell), to);
    if (save === true) await page.save();
  };
}

export function titleRule(rule: Json): (title: string) => boolean {
  refuseOthers("a rule for titles", rule, ["titleContains"]);
  return (title) => title.includes(String(rule.titleContains));
}

export function rowRule(rule: Json): (entry: SheetRow) => boolean {
  refuseOthers("a rule for records", rule, ["field", "equals", "always", "never"]);
  const { field, equals } = rule;
  if (field === undefined) return always(rule);
  return (entry) => entry.get(String(field)) === equals;
}

export function goalRule(rule: Json): (goal: string, entry: SheetRow) => boolean {
  refuseOthers("a rule for goals", rule, ["equals", "unless", "always", "never"]);
  const { equals, unless } = rule;
  if (equals !== undefined) return (goal) => goal === equals;
  if (unless === undefined) return always(rule);
  const { goal: named, ...cells } = unless as Json;
  const isMeant = (entry: SheetRow) => Object.entries(cells).every(([name, value]) => entry.get(name) === value);
  return (goal, entry) => !(isMeant(entry) && (named === undefined || goal === named));
}

function always({ always: holds, never }: Json): () => boolean {
  if (holds === true) return () => true;
  if (never === true) return () => false;
  throw new Error("not understood: a rule that says neither always nor never");
}
