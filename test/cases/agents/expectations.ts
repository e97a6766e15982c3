// What a case expects of an action, by name. A name that is not here fails, and so does one that the action says nothing of.
import { expect } from "vitest";
import { Agent } from "../../../runtime/compat/agent.ts";
import type { CompatConfig } from "../../../runtime/compat/config.ts";
import type { Outcome } from "../../../runtime/compat/outcome.ts";
import { CompatRunner } from "../../../runtime/compat/runner.ts";
import type { Json } from "./cases.ts";
import type { Seen } from "./ops.ts";
import { outOfOrder, ranOnce, together } from "./pipeline.ts";
import type { World } from "./world.ts";

type Row = Readonly<Record<string, string>>;

type Check = (seen: Seen, value: unknown, world: World) => void;

/** Words of cases → reasons of outcomes. A conflict is what the process table forbids, be it others or selves. */
const REASONS: Readonly<Record<string, readonly string[]>> = {
  "not-ready": ["not-ready"],
  complete: ["complete"],
  "already-complete": ["complete"],
  running: ["already-running"],
  "already-running": ["already-running"],
  done: ["already-done"],
  "already-done": ["already-done"],
  failed: ["already-failed"],
  "already-failed": ["already-failed"],
  prerequisite: ["prerequisite"],
  "prerequisite-not-met": ["prerequisite"],
  "max-selves": ["max-selves"],
  conflict: ["conflict", "max-selves"],
  "lost-claim": ["lost"],
  "no-row": ["no-row"],
  "not-found": ["no-row"],
  error: ["no-row", "thrown"],
};

const CHECKS: Readonly<Record<string, Check>> = {
  // `false` says that nothing was thrown, which is checked of all that expects no error.
  throws: (seen, value) => {
    if (typeof value === "string") expect(messageOf(seen.thrown)).toContain(value);
    else expect(seen.thrown !== undefined).toBe(value);
  },
  messageContains: (seen, value) => expect(messageOf(seen.thrown)).toContain(value),
  ok: (seen, value) => expect(given(seen.made, "ok") !== null).toBe(value),
  path: (seen, value) => expect(given(seen.path, "path")).toBe(value),

  returned: (seen, value, { dialect }) => expect(one(seen, "returned")[dialect]).toBe(value),
  allReturned: (seen, value, { dialect }) =>
    expect(given(seen.processed, "allReturned").map((each) => each[dialect])).toEqual(seen.processed!.map(() => value)),
  bodyRan: (seen, value) => expect(given(seen.bodyRows, "bodyRan").length > 0).toBe(value),
  bodyRuns: (seen, value) => expect(given(seen.bodyRows, "bodyRuns")).toHaveLength(Number(value)),
  bodyArg: (seen, value) => expect(given(seen.bodyRows, "bodyArg").at(-1)).toMatchObject(value as Json),
  reason: (seen, value) => {
    const known = REASONS[String(value)];
    if (known === undefined) throw new Error(`not understood: the reason '${value}'; known: ${Object.keys(REASONS)}`);
    expect(known).toContain(reasonOf(one(seen, "reason").outcome));
  },
  row: (seen, value, world) => expectCells(rowOf(seen, world), value as Json),
  rowIndexWritten: (seen, value, world) => {
    const page = pageOf(seen, world);
    const [before, after] = [seen.before![page]!, seen.after![page]!];
    const written = after.flatMap((row, i) => (JSON.stringify(row) === JSON.stringify(before[i]) ? [] : [i]));
    expect(written).toEqual([value]);
  },
  // Whoever debugs is told on the terminal. So `true` asks that somebody was told, `false` that no notice went out.
  notified: (seen, value) => {
    const { outcome } = one(seen, "notified");
    const isSent = seen.notices!.length > 0;
    if (value === false || outcome.kind !== "error" || !seen.agent!.debug) expect(isSent).toBe(value);
    else expect(isSent || seen.terminal!.includes(outcome.detail)).toBe(value);
  },
  notice: (seen, value) => {
    const { subjectContains = [], bodyContains = [], ...others } = value as Record<string, string[]>;
    expect(others).toEqual({});
    expect(seen.notices).toHaveLength(1);
    for (const part of subjectContains) expect(seen.notices![0]!.subject).toContain(part);
    for (const part of bodyContains) expect(seen.notices![0]!.body).toContain(part);
  },
  logContains: (seen, value) => expect(logOf(seen)).toContain(value),
  logExcludes: (seen, value) => expect(logOf(seen)).not.toContain(value),
  stderr: (seen, value) => expect(seen.terminal).toBe(value),
  stderrContains: (seen, value) => expect(seen.terminal).toContain(value),
  stderrExcludes: (seen, value) => expect(seen.terminal).not.toContain(value),
  stderrNonEmpty: (seen, value) => expect(seen.terminal !== "").toBe(value),

  debug: (seen, value) => expect(runnerOf(seen, "debug").debug).toBe(value),
  dryRun: (seen, value) => expect(runnerOf(seen, "dryRun").dryRun).toBe(value),
  runInSerial: (seen, value) => expect(runnerOf(seen, "runInSerial").runInSerial).toBe(value),
  sleepBetween: (seen, value) => expect(runnerOf(seen, "sleepBetween").sleepBetween).toBe(value),
  agentBin: (seen, value) => expect(runnerOf(seen, "agentBin").agentBin).toBe(value),
  queryFields: (seen, value) => expect(runnerOf(seen, "queryFields").queryFields).toEqual(value),
  returnsSelf: (seen, value) => expect(given(seen.returnsSelf, "returnsSelf")).toBe(value),

  commandsRun: (seen, value) => expect(given(seen.commands, "commandsRun")).toHaveLength(Number(value)),
  commandsInclude: (seen, value) =>
    expect(given(seen.commands, "commandsInclude").map(({ text }) => text)).toEqual(
      expect.arrayContaining(value as string[]),
    ),
  goalsLaunched: (seen, value) => expect(given(seen.commands, "goalsLaunched").map(({ goal }) => goal)).toEqual(value),
  argvKeys: (seen, value) => {
    const commands = given(seen.commands, "argvKeys");
    expect(commands).not.toEqual([]);
    for (const { args } of commands) expect(args).toEqual(value);
  },
  maxConcurrent: (seen, value) => expect(given(seen.runner, "maxConcurrent").maxConcurrent).toBe(value),
  background: (seen, value) => expect(given(seen.runner, "background").isBackground).toBe(value),
  totalSleepSec: (seen, value) => expect(given(seen.runner, "totalSleepSec").sleptMs / 1_000).toBe(value),
  pagesProcessed: (seen, value) => expect(given(seen.report, "pagesProcessed").pages).toEqual(value),
  bodyCalls: (seen, value) => expect(given(seen.bodyCalls, "bodyCalls")).toHaveLength(Number(value)),
  bodyArgs: (seen, value) =>
    expect(given(seen.bodyCalls, "bodyArgs").map(({ row, page }) => [row, page])).toMatchObject(value as unknown[]),
  collected: (seen, value) =>
    expect(given(seen.bodyCalls, "collected").map(({ collected }) => collected)).toEqual(value),
  gapsBetweenBodyCallsSec: (seen, value) => {
    const times = given(seen.bodyCalls, "gapsBetweenBodyCallsSec").map(({ at }) => at / 1_000);
    expect(times.length).toBeGreaterThan(1);
    expect(times.slice(1).map((at, i) => at - times[i]!)).toEqual(times.slice(1).map(() => value));
  },

  allRows: (seen, value) => {
    const rows = Object.values(seen.after!).flat();
    expect(rows).not.toEqual([]);
    for (const row of rows) expectCells(row, value as Json);
  },
  rows: (seen, value) => {
    for (const [page, rows] of Object.entries(value as Record<string, Json[]>)) {
      expect(seen.after![page]).toHaveLength(rows.length);
      for (const [i, cells] of rows.entries()) expectCells(seen.after![page]![i]!, cells);
    }
  },
  rowsWhere: (seen, value) => {
    for (const [where, cells] of value as [Json, Json][]) {
      const rows = Object.values(seen.after!).flat();
      const meant = rows.filter((row) => Object.entries(where).every(([name, text]) => (row[name] ?? "") === text));
      expect(meant).not.toEqual([]);
      for (const row of meant) expectCells(row, cells);
    }
  },

  eachGoalRanOnce: (seen, value) => expect(ranOnce(given(seen.pipeline, "eachGoalRanOnce").runs)).toBe(value),
  neverTogetherOnOneHost: (seen, value) => {
    const { runs } = given(seen.pipeline, "neverTogetherOnOneHost");
    for (const pair of value as [string, string][]) expect(together(runs, pair)).toEqual([]);
  },
  order: (seen, value) => {
    const { runs } = given(seen.pipeline, "order");
    for (const pair of value as [string, string][]) expect(outOfOrder(runs, pair)).toEqual([]);
  },
};

/** Fails where what was seen is not what the case expects. */
export function expectSeen(seen: Seen, expected: Json, world: World): void {
  const expectsError = (expected.throws ?? false) !== false || "messageContains" in expected;
  if (seen.thrown !== undefined && !expectsError) throw seen.thrown;
  for (const [name, value] of Object.entries(expected)) {
    const check = CHECKS[name] ?? settingOf(name);
    if (check === undefined) {
      const known = [...Object.keys(CHECKS), "get.<setting>", "config.<setting>"].join(", ");
      throw new Error(`not understood: the expectation '${name}'; known: ${known}`);
    }
    check(seen, value, world);
  }
}

/** `get.<setting>` of an agent or a runner, `config.<setting>` in the spelling of the file. */
function settingOf(name: string): Check | undefined {
  const [of, setting = ""] = name.split(".");
  if (of === "get")
    return ({ made }, value) => {
      expect(made).toHaveProperty([setting]);
      expect((made as unknown as Json)[setting]).toEqual(value);
    };
  if (of !== "config") return undefined;
  return ({ made }, value) => {
    const config = given(made, name) as CompatConfig;
    if (setting === "key_fields") expectKeys(config, value as Json);
    else {
      const camel = setting.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
      expect(config).toHaveProperty([camel], value);
    }
  };
}

/** In the order of their ranks, and which are required. */
function expectKeys({ keys }: CompatConfig, fields: Json): void {
  const ranked = Object.entries(fields as Record<string, { rank: number; required?: unknown }>);
  ranked.sort(([, a], [, b]) => a.rank - b.rank);
  expect(keys).toEqual(ranked.map(([name, { required = false }]) => ({ name, required: Boolean(required) })));
}

/** Absent cells read as empty. */
function expectCells(row: Row, cells: Json): void {
  expect(Object.fromEntries(Object.keys(cells).map((name) => [name, row[name] ?? ""]))).toEqual(cells);
}

/** The row of the agent's key. */
function rowOf(seen: Seen, world: World): Row {
  const names = world.config().keys.map(({ name }) => name);
  const { keys } = seen.agent!;
  const rows = seen.after![pageOf(seen, world)]!;
  const row = rows.find((each) => names.every((name) => keys[name] === undefined || keys[name] === each[name]));
  if (row === undefined) throw new Error(`there is no row ${JSON.stringify(keys)}`);
  return row;
}

function pageOf(seen: Seen, world: World): string {
  return seen.agent?.pageName ?? world.pageTitles()[0]!;
}

function reasonOf(outcome: Outcome): string {
  return "reason" in outcome ? outcome.reason : outcome.kind;
}

function logOf(seen: Seen): string {
  const details = (seen.processed ?? []).map(({ outcome }) => ("detail" in outcome ? outcome.detail : ""));
  return [seen.terminal!, ...details].join("\n");
}

function messageOf(thrown: unknown): string {
  expect(thrown).toBeInstanceOf(Error);
  return (thrown as Error).message;
}

function one(seen: Seen, name: string) {
  const all = given(seen.processed, name);
  expect(all).toHaveLength(1);
  return all[0]!;
}

function runnerOf({ made }: Seen, name: string): CompatRunner {
  if (made instanceof CompatRunner) return made;
  throw new Error(
    `'${name}' is expected of a runner, and the action has made ${made instanceof Agent ? "an agent" : "none"}`,
  );
}

function given<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`'${name}' is expected, and the action says nothing of it`);
  return value;
}
