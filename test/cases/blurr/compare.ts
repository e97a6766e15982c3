// Output against what is expected, as an entry of the index says.
import { expect } from "vitest";
import type { Case } from "./cases.ts";

type Record = { readonly [field: string]: unknown };
type Entry = readonly [key: string, record: Record];

/** What `compare` says, and how it is done. */
const RULES: Readonly<{ [rule: string]: { readonly isAll: boolean; readonly isLoose: boolean } }> = {
  "every listed [key, record] must be present": { isAll: false, isLoose: false },
  "all records, times as ISO without offset (0.2.0 kept naive times)": { isAll: true, isLoose: true },
  "records present (key text differs between versions: compare aggregate name, identity, _start_time)": {
    isAll: false,
    isLoose: true,
  },
};

/** The same lines in the same order, each with an equal value; fields that are sets in any order. */
export function expectLines(each: Case, actual: string, expected: string, isExact: boolean): void {
  const own = linesOf(actual);
  const theirs = linesOf(expected);
  expect(own.map((line) => ordered(each, line))).toEqual(theirs.map((line) => ordered(each, line)));
  if (isExact && each.unordered_list_fields.length === 0) expect(own).toEqual(theirs);
}

export function expectRecords(each: Case, actual: string, expected: string): void {
  const rule = RULES[each.compare];
  if (rule === undefined) throw new Error(`no known way to compare records: '${each.compare}'`);
  const form = (entry: Entry) => ordered(each, JSON.stringify(rule.isLoose ? loose(entry) : entry));
  const own = linesOf(actual).map((line) => form(parsePython(line) as Entry));
  const theirs = (JSON.parse(expected) as Entry[]).map(form);
  for (const entry of theirs) expect(own).toContainEqual(entry);
  // a note in words, of one case
  const isOnly = rule.isAll || /only record/.test(each.notes ?? "");
  if (isOnly) expect(own).toHaveLength(theirs.length);
}

/** Rows by identity. */
export function expectRows(each: Case, actual: string, expected: string): void {
  const rows = JSON.parse(expected) as { readonly [identity: string]: unknown };
  const own = new Map(linesOf(actual).map((line) => parsePython(line) as [string, unknown]));
  for (const [identity, list] of Object.entries(rows)) expect(own.get(identity)).toEqual(list);
  expect(each.unordered_list_fields.every((field) => !expected.includes(`"${field}"`))).toBe(true);
}

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

/** Identity, aggregate, and a start without an offset in the place of the key; times without offset. */
function loose([key, record]: Entry): Entry {
  const times = Object.entries(record).map(([name, value]) => [
    name,
    typeof value === "string" ? unzoned(value) : value,
  ]);
  const plain = Object.fromEntries(times) as Record;
  return [`${key.split("/").slice(0, 2).join("/")} ${plain._start_time ?? ""}`, plain];
}

function unzoned(text: string): string {
  return text.replace(/^(\d{4}-\d\d-\d\dT[\d:.]+)\+00:00$/, "$1");
}

function ordered({ unordered_list_fields: sets }: Case, line: string): unknown {
  return sorted(parsePython(line), new Set(sets), false);
}

function sorted(value: unknown, sets: ReadonlySet<string>, isSet: boolean): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => sorted(item, sets, false));
    return isSet ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items;
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, sorted(inner, sets, sets.has(name))]));
}

/** JSON as Python prints it, with NaN and Infinity; these become texts that nothing else is. */
export function parsePython(text: string): unknown {
  const marked = text.replace(/"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g, (token) =>
    token.startsWith('"') ? token : `"\\u0000${token}"`,
  );
  return JSON.parse(marked);
}

/**
 * What Aisle gives by default where Blurr's output differs by the rules that README.md tells: no record of a session that
 * never began; other rows, with the same columns, since anchors are as of their events.
 */
export function expectSimilar(each: Case, actual: string, expected: string): void {
  const began = linesOf(expected).filter((line) => !isEmptySession(parsePython(line)));
  if (each.window_spec === null) {
    expectLines(each, actual, began.join("\n"), false);
    return;
  }
  const [own, theirs] = [linesOf(actual), linesOf(expected)].map((lines) =>
    lines.map((line) => parsePython(line) as [string, Record[]]),
  );
  expect(own!.map(([identity]) => identity)).toEqual(theirs!.map(([identity]) => identity));
  const columns = new Set(theirs!.flatMap(([, rows]) => rows.flatMap((row) => Object.keys(row))));
  for (const row of own!.flatMap(([, rows]) => rows)) {
    if (columns.size > 0) expect(new Set(Object.keys(row))).toEqual(columns);
  }
}

function isEmptySession(line: unknown): boolean {
  const [key, record] = line as Entry;
  return key.endsWith("//") && record._identity === "" && record._start_time === null;
}
