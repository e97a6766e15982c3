// The recorded cases: where they are read from, and what one looks like.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

export interface Case {
  readonly name: string;
  readonly dialect: string;
  readonly streaming_spec: string | null;
  readonly window_spec: string | null;
  /** Files; more than one are batches of one state, unless a file stands twice. */
  readonly events: readonly string[];
  readonly data_processor: string | null;
  /** A file; of records and rows two, joined by " + ". */
  readonly expected: string | null;
  readonly expected_kind: string;
  readonly compare: string;
  /** Fields that are sets in Blurr: their lists have no order. */
  readonly unordered_list_fields: readonly string[];
  readonly notes: string | null;
}

/** Which behaviour a run is to show. */
export type Mode = "blurr" | "aisle";

/** The folder of the cases that ship. */
const SHIPPED = resolve("test/cases/blurr");
const { AISLE_CASES } = process.env;

/** `$AISLE_CASES/blurr`, or the cases that ship. */
export const FOLDER = AISLE_CASES === undefined || AISLE_CASES === "" ? SHIPPED : resolve(AISLE_CASES, "blurr");
export const isShipped = FOLDER === SHIPPED;

export function readCases(): readonly Case[] {
  return JSON.parse(readFileSync(join(FOLDER, "index.json"), "utf8")) as Case[];
}

export function pathOf({ name }: Case, file: string): string {
  return join(FOLDER, name, file);
}

export function textOf(each: Case, file: string): string {
  return readFileSync(pathOf(each, file), "utf8");
}

/** What Aisle gives: lines; or what is wrong with the specs, a line each. */
export type Expectation = { readonly lines: string } | { readonly mistakes: string };

/**
 * What Aisle gives where it differs on purpose, from a file of ours beside the case: `expected_aisle.*` by default,
 * `expected_both.*` whatever the mode. Beside a case of another folder too that is one of those that ship. Null: it is as
 * Blurr.
 */
export function ownExpectation(each: Case, mode: Mode): Expectation | null {
  const folders = [join(FOLDER, each.name), ...(isOneOfOurs(each) ? [join(SHIPPED, each.name)] : [])];
  const stems = mode === "aisle" ? ["expected_aisle", "expected_both"] : ["expected_both"];
  for (const stem of folders.flatMap((folder) => stems.map((name) => join(folder, name)))) {
    if (existsSync(`${stem}.jsonl`)) return { lines: readFileSync(`${stem}.jsonl`, "utf8") };
    if (existsSync(`${stem}_mistakes.txt`)) return { mistakes: readFileSync(`${stem}_mistakes.txt`, "utf8") };
  }
  return null;
}

/** Is there a case among those that ship with the same specs and events? */
function isOneOfOurs(each: Case): boolean {
  const files = [each.streaming_spec, each.window_spec, ...each.events].filter((file) => file !== null);
  return files.every((file) => {
    const ours = join(SHIPPED, each.name, file);
    return existsSync(ours) && readFileSync(ours, "utf8") === textOf(each, file);
  });
}

/** Are its records those that a DynamoDB gave back? */
export function usesDynamo(each: Case): boolean {
  if (each.expected_kind !== "records_subset" || each.streaming_spec === null) return false;
  return /^\s*(?:- *)?Type: *['"]?Blurr:Store:Dynamo/im.test(textOf(each, each.streaming_spec));
}

/** Does Blurr do something here that it should not? Then what Aisle does is not in the recorded output. */
export function isQuirk({ notes }: Case): boolean {
  return notes !== null && /\b(bugs?|quirks?)\b/i.test(notes);
}

/** Cases in the table of README.md. */
export function differing(): readonly string[] {
  const text = readFileSync(join(SHIPPED, "README.md"), "utf8");
  return [...text.matchAll(/^\| `([a-z0-9_]+)` +\|/gm)].map(([, name]) => name!);
}
