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

/**
 * What Aisle gives where it differs on purpose, from a file of ours beside the case: `expected_aisle.*` by default,
 * `expected_both.*` whatever the mode. Null: it is as Blurr.
 */
export function ownExpectation(
  each: Case,
  mode: Mode,
): { readonly lines: string } | { readonly mistakes: string } | null {
  for (const stem of mode === "aisle" ? ["expected_aisle", "expected_both"] : ["expected_both"]) {
    if (existsSync(pathOf(each, `${stem}.jsonl`))) return { lines: textOf(each, `${stem}.jsonl`) };
    if (existsSync(pathOf(each, `${stem}_mistakes.txt`))) return { mistakes: textOf(each, `${stem}_mistakes.txt`) };
  }
  return null;
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
