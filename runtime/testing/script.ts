// A site's test, as it is written: events in, and what must come of them. The file is the test, its name is the name.
//
//   at: 2026-03-02T09:00:00Z            when it begins; default: the time of the first event
//   events:                             or the name of a file beside it, with an event on each line
//     - { type: entry, id: 7 }
//     - 5s                              time passes
//     - { type: focus, id: 7, dep: Sport }
//   expect:                             what is not named may be anything; of a list every element is
//     decisions: [{ customer: "7", offers: [{ coupon: "87" }] }]
//     aggregates: { "7": { visit: [{ stops: 1 }] } }
//     features: { "7": { now.stops: 1 } }
//     deadLetters: []                   the default
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { readBytes, readText } from "../data/files.ts";
import { list, map, named, says, text } from "../data/schema.ts";
import { parseIso } from "../data/time.ts";
import { parseDuration } from "../data/units.ts";
import { check, parseYaml, type YamlFile } from "../data/yaml.ts";
import { type Mistake, SiteError } from "../errors.ts";
import { limits } from "../limits.ts";

/** What happens next: an event comes, or time passes. */
export type Step = { readonly body: Uint8Array } | { readonly pauseMs: number };

/** Parts of what comes out: of a map the keys named, of a list all elements. */
export interface Expectation {
  readonly decisions?: readonly unknown[] | undefined;
  /** Identity → aggregate → records. */
  readonly aggregates?: Readonly<Record<string, Readonly<Record<string, readonly unknown[]>>>> | undefined;
  /** Identity → row; null: there is none. */
  readonly features?: Readonly<Record<string, Readonly<Record<string, unknown>> | null>> | undefined;
  readonly deadLetters?: readonly unknown[] | undefined;
}

export interface Script {
  /** Of the file, without its ending. */
  readonly name: string;
  /** Absolute path. */
  readonly path: string;
  /** ms since epoch; null: when the first event was. */
  readonly at: number | null;
  readonly steps: readonly Step[];
  /** Null: nothing is expected yet. */
  readonly expect: Expectation | null;
}

/** Folder of a site's tests. */
export const TESTS = "tests";

const ENDING = /\.(?:ya?ml|json)$/;

const records = () => list(z.unknown(), "records");

const ScriptFile = map({
  at: text("a time such as '2026-03-02T09:00:00Z'").optional(),
  events: z.union([z.string(), z.array(z.unknown())], says("a list of events, or the name of a file beside this one")),
  expect: map({
    decisions: list(z.unknown(), "decisions").optional(),
    aggregates: named(named(records(), "aggregates"), "identities").optional(),
    features: named(named(z.unknown(), "features").nullable(), "identities").optional(),
    deadLetters: list(z.unknown(), "dead letters").optional(),
  })
    .nullable()
    .default(null),
});

/** Names of a site's tests, in their order; none when there is no such folder. */
export function scriptNames(siteDir: string): string[] {
  return filesOf(siteDir).map(nameOf);
}

/**
 * Reads a site's tests.
 *
 * @param only      part of a name: the others are left out
 * @param timeZone  of times without a zone
 * @throws SiteError with the mistakes of all of them
 */
export function readScripts(siteDir: string, { only = "", timeZone }: { only?: string; timeZone: string }): Script[] {
  const mistakes: Mistake[] = [];
  const scripts = filesOf(siteDir)
    .filter((file) => nameOf(file).includes(only))
    .flatMap((file) => readScript(join(siteDir, TESTS), file, timeZone, mistakes) ?? []);
  if (mistakes.length > 0) throw new SiteError(mistakes);
  return scripts;
}

function filesOf(siteDir: string): string[] {
  try {
    return readdirSync(join(siteDir, TESTS))
      .filter((name) => ENDING.test(name))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function nameOf(file: string): string {
  return basename(file).replace(ENDING, "");
}

function readScript(folder: string, file: string, timeZone: string, mistakes: Mistake[]): Script | null {
  const name = `${TESTS}/${file}`;
  const path = join(folder, file);
  const whole = (message: string) => void mistakes.push({ file: name, line: 0, column: 0, message });
  let written: string;
  try {
    written = readText(path, name, limits.yamlBytes);
  } catch (error) {
    whole((error as Error).message);
    return null;
  }
  const yaml = parseYaml(written, name, mistakes);
  const parts = yaml === null ? null : check(yaml, ScriptFile, mistakes);
  if (yaml === null || parts === null) return null;

  const before = mistakes.length;
  const { at, events, expect } = parts;
  const instant = at === undefined ? null : parseIso(at, timeZone);
  if (at !== undefined && instant === null)
    mistakes.push(yaml.mistake(["at"], `expected a time such as '2026-03-02T09:00:00Z', found '${at}'`));
  const steps = typeof events === "string" ? linesOf(folder, events, yaml, mistakes) : stepsOf(events, yaml, mistakes);
  if (mistakes.length > before) return null;
  return { name: nameOf(file), path, at: instant, steps, expect };
}

function stepsOf(events: readonly unknown[], yaml: YamlFile, mistakes: Mistake[]): Step[] {
  return events.flatMap((event, index): Step[] => {
    if (typeof event === "object" && event !== null && !Array.isArray(event))
      return [{ body: Buffer.from(JSON.stringify(event)) }];
    const pauseMs = typeof event === "string" ? parseDuration(event) : null;
    if (pauseMs !== null) return [{ pauseMs }];
    mistakes.push(yaml.mistake(["events", index], "expected an event, which is a map, or how much time passes: '5s'"));
    return [];
  });
}

/** An event on each line, as it is; a line that is a text says how much time passes. */
function linesOf(folder: string, file: string, yaml: YamlFile, mistakes: Mistake[]): Step[] {
  let bytes: Buffer;
  try {
    bytes = readBytes(join(folder, file), file, limits.scenarioBytes);
  } catch (error) {
    mistakes.push(yaml.mistake(["events"], (error as Error).message));
    return [];
  }
  const lines = bytes.toString("utf8").split("\n");
  return lines.flatMap((line, index): Step[] => {
    if (line.trim() === "") return [];
    const pause = /^\s*"([^"\\]*)"\s*$/.exec(line);
    if (pause === null) return [{ body: Buffer.from(line) }];
    const pauseMs = parseDuration(pause[1]!);
    if (pauseMs !== null) return [{ pauseMs }];
    mistakes.push({
      file: `${TESTS}/${file}`,
      line: index + 1,
      column: 1,
      message: `expected an event, or how much time passes, such as "5s"`,
    });
    return [];
  });
}
