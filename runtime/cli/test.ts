import { readFileSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { Command } from "commander";
import { systemClock } from "../clock.ts";
import type { OpenedSite } from "../config.ts";
import { AisleError, reasonOf } from "../errors.ts";
import { compare, type Difference } from "../testing/compare.ts";
import { expected, type Outcome, perform } from "../testing/perform.ts";
import { readScripts, type Script, scriptNames, TESTS } from "../testing/script.ts";
import { updated } from "../testing/update.ts";
import { readSite, type Shell, siteFolder } from "./shell.ts";
import { atStage, readerOf } from "./stage.ts";

interface Options {
  readonly only?: string;
  readonly update?: boolean;
  readonly json?: boolean;
}

/** What became of a test. */
interface Verdict {
  readonly site: string;
  readonly test: string;
  readonly state: "passed" | "failed" | "updated";
  readonly ms: number;
  readonly differences: readonly Difference[];
  /** Why it could not be played to its end; null: it was. */
  readonly error: string | null;
}

const HELP = `
A test is a file tests/<name>.yml (or .json) of the site:

  at: 2026-03-02T09:00:00Z           # when it begins; default: the time of the first event
  events:                            # or the name of a file beside it, with an event on each line
    - { type: entry, id: 7 }
    - 5s                             # time passes; events that bring a time move the clock to it
    - { type: focus, id: 7, dep: Sport }
  expect:                            # of a map the keys named count, of a list all elements
    decisions:
      - { customer: "7", offers: [{ coupon: "87" }] }
    aggregates: { "7": { visit: [{ stops: 1 }] } }
    features: { "7": { now.stops: 1 } }
    deadLetters: []                  # the default: every event is taken

It is played at a place of its own: the site's plan, model, catalog and transforms over an empty journal, without a network.

Exit code: 0 when all tests pass, 1 when one fails, 2 when it was called in a wrong way.`;

/** `aisle test`: a site's tests. */
export function testCommand(shell: Shell): Command {
  const command = new Command("test")
    .description("Run the tests of sites: events in, expected decisions, aggregates and features out")
    .argument("[sites...]", "folders of sites; default: this one, or the one that ships")
    .option("--only <name>", "only tests with this in their name")
    .option("--update", "write what comes out into the tests that fail, in the place of what they expect")
    .option("--json", "print JSON")
    .addHelpText("after", HELP);
  return command.action(async (named: string[], options: Options) => {
    const { only, json } = options;
    const folders = (named.length === 0 ? [undefined] : named).map((name) => siteFolder(shell, name));
    const names = folders.flatMap(scriptNames);
    if (only !== undefined && names.length > 0 && !names.some((name) => name.includes(only)))
      command.error(`error: no test has '${only}' in its name: ${names.slice(0, 20).join(", ")}`);
    const verdicts: Verdict[] = [];
    let isWhole = true;
    for (const folder of folders) {
      try {
        for await (const verdict of verdictsOf(shell, folder, options)) verdicts.push(verdict);
      } catch (error) {
        if (!(error instanceof AisleError)) throw error;
        isWhole = false;
        for (const line of error.message.split("\n")) shell.warn(`  ${line}`);
      }
    }
    if (json === true) shell.write(JSON.stringify(verdicts, null, 2));
    else shell.write(summaryOf(verdicts));
    const isFine = isWhole && verdicts.length > 0 && verdicts.every(({ state }) => state !== "failed");
    if (!isFine) shell.exit(1);
  });
}

/** Runs the tests of a site, one after the other, and tells of each. */
async function* verdictsOf(shell: Shell, folder: string, options: Options): AsyncGenerator<Verdict> {
  const { only = "", json } = options;
  if (json !== true) shell.write(relative(".", folder) || ".");
  const opened = readSite(shell, folder, { play: null });
  const scripts = readScripts(folder, { only, timeZone: opened.site.timeZone });
  if (scripts.length === 0 && only === "") shell.warn(`  there is no test in ${TESTS}/: see aisle test --help`);
  for (const script of scripts) {
    const verdict = await run(opened, script, shell, options);
    if (json !== true) for (const line of linesOf(verdict)) shell.write(line);
    yield verdict;
  }
}

async function run(opened: OpenedSite, script: Script, { version }: Shell, { update }: Options): Promise<Verdict> {
  const began = systemClock.monotonic();
  const verdict = (state: Verdict["state"], differences: readonly Difference[], error: string | null): Verdict => ({
    site: opened.site.name,
    test: script.name,
    state,
    ms: Math.round(systemClock.monotonic() - began),
    differences,
    error,
  });
  let outcome: Outcome;
  try {
    outcome = await perform(script, readerOf(opened.site), (at, play) => atStage(opened, at, version, play));
  } catch (error) {
    return verdict("failed", [], reasonOf(error));
  }
  const { expect, path } = script;
  const differences = compare(expected(script), outcome);
  if (expect !== null && differences.length === 0) return verdict("passed", [], null);
  if (update === true) {
    writeFileSync(path, updated(readFileSync(path, "utf8"), expect, outcome, path.endsWith(".json")));
    return verdict("updated", differences, null);
  }
  return verdict("failed", differences, expect === null ? NOTHING : null);
}

const NOTHING = "expects nothing: 'aisle test --update' writes what comes out";

const WORDS = { passed: "ok", failed: "FAILED", updated: "updated" } as const;

function* linesOf({ test, state, ms, differences, error }: Verdict): Iterable<string> {
  yield `  ${WORDS[state].padEnd(8)}${test}  (${ms} ms)`;
  if (error !== null) yield `          ${error}`;
  for (const { path, expected, got } of differences.slice(0, DIFFERENCES)) {
    yield `          ${path}`;
    const [before, now] = state === "updated" ? ["was", "is"] : ["expected", "got"];
    yield `            ${before.padEnd(8)}  ${shown(expected)}`;
    yield `            ${now.padEnd(8)}  ${shown(got)}`;
  }
  if (differences.length > DIFFERENCES) yield `          … and ${differences.length - DIFFERENCES} more`;
}

/** Differences, and characters of a value, that are shown of one test. */
const DIFFERENCES = 20;
const SHOWN_CHARS = 400;

function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length <= SHOWN_CHARS ? text : `${text.slice(0, SHOWN_CHARS)}…`;
}

function summaryOf(verdicts: readonly Verdict[]): string {
  const parts = (["passed", "updated", "failed"] as const).flatMap((state) => {
    const count = verdicts.filter((verdict) => verdict.state === state).length;
    return count === 0 ? [] : [`${count} ${state}`];
  });
  return `${verdicts.length} ${verdicts.length === 1 ? "test" : "tests"}: ${parts.join(", ") || "none was run"}`;
}
