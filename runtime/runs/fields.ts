// What an actor writes beside its outcome.
import type { Page } from "../board/board.ts";
import { columnMistake } from "../board/check.ts";
import { shorten } from "../data/mistakes.ts";
import { limits } from "../limits.ts";

interface Read {
  /** As texts; null: there are none. */
  readonly fields: Readonly<Record<string, string>> | null;
  /** What could not be written, a sentence; undefined: nothing. */
  readonly problem: string | undefined;
}

/** Fields that could not be written that are told of, each with its reason. */
const TOLD = 5;

/**
 * What an actor returned beside its outcome, as texts of data cells. Its own goal and others it can't write: a key, a
 * goal, `ready` or `complete` among its fields is passed over without a word, as they were by the original.
 */
export function readFields(written: Readonly<Record<string, unknown>> | undefined, page: Page): Read {
  const fields: [string, string][] = [];
  const rejected: string[] = [];
  let room = limits.pageColumns - page.header.length;
  for (const [name, value] of Object.entries(written ?? {})) {
    const column = page.column(name);
    if (column !== undefined && page.roleOf(column) !== "data") continue;
    const text = textOf(value);
    const mistake =
      columnMistake(name, page)?.detail ??
      textMistake(name, text) ??
      (column === undefined && room <= 0 ? full(name) : null);
    if (mistake !== null) rejected.push(mistake);
    else {
      fields.push([name, text!]);
      if (column === undefined) room--;
    }
  }
  return { fields: fields.length === 0 ? null : Object.fromEntries(fields), problem: problemOf(rejected) };
}

function problemOf(rejected: readonly string[]): string | undefined {
  if (rejected.length === 0) return undefined;
  const more = rejected.length > TOLD ? `; and ${rejected.length - TOLD} more` : "";
  return `fields not written: ${rejected.slice(0, TOLD).join("; ")}${more}`;
}

function textMistake(name: string, text: string | null): string | null {
  if (text === null) return `'${shorten(name)}' can't be written as JSON`;
  const bytes = Buffer.byteLength(text);
  return bytes <= limits.cellBytes
    ? null
    : `the text for '${shorten(name)}' has ${bytes} bytes: a cell holds ${limits.cellBytes}`;
}

function full(name: string): string {
  return `'${shorten(name)}': the page has ${limits.pageColumns} columns already`;
}

/** Null: JSON has no text for it, such as a ring of objects. */
function textOf(value: unknown): string | null {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return "";
  if (typeof value !== "object") return String(value);
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    return null;
  }
}
