// What people, and files, may write into cells.
import { shorten } from "../data/mistakes.ts";
import { didYouMean } from "../errors.ts";
import type { CellMistake } from "../http/ports.ts";
import { type Limits, limits } from "../limits.ts";
import type { PlannedActor } from "../site.ts";
import { keyOf, type Page } from "./board.ts";
import { isTrue, readGoalText } from "./cell.ts";
import { shownText } from "./message.ts";
import { mistakeIn, NOT_YOURS } from "./refused.ts";

/** The bounds on what is written, as `limits.ts` has them. */
export type CellLimits = Record<
  keyof Pick<Limits, "cellBytes" | "pageColumns" | "recordKeyBytes" | "columnNameChars">,
  number
>;

/** Who writes, and what the plan says of whose goals are whose. */
export interface Writer {
  readonly by: string;
  readonly actorOf: (page: string, goal: string) => PlannedActor | undefined;
}

/** What of these texts may not be written, and why. Key cells are looked at by `keysFrom` and `keptKeys`. */
export function mistakesIn(
  cells: Readonly<Record<string, string>>,
  page: Page,
  writer: Writer,
  within: CellLimits = limits,
): CellMistake[] {
  const mistakes = Object.entries(cells).flatMap(
    ([name, text]) => columnMistake(name, page, within) ?? cellMistake(name, text, page, writer, within) ?? [],
  );
  const fresh = freshMistake(Object.keys(cells), page, within);
  return fresh === null ? mistakes : [...mistakes, fresh];
}

/** More new columns than an open page has room for. */
export function freshMistake(names: readonly string[], page: Page, { pageColumns }: CellLimits): CellMistake | null {
  const fresh = names.filter((name) => page.column(name) === undefined);
  if (fresh.length === 0 || page.config.data !== null) return null;
  const columns = page.header.length + fresh.length;
  if (columns <= pageColumns) return null;
  const detail = `page '${page.name}' may have ${pageColumns} columns, with these it would have ${columns}`;
  return mistakeIn(fresh[0]!, "too-many-columns", detail);
}

/** What the board shows of a text in a column; null: it means nothing there. */
export function meaningOf(page: Page, name: string, text: string): string | null {
  const column = page.column(name);
  switch (column === undefined ? "data" : page.roleOf(column)) {
    case "goal":
      return readGoalText(text) === null ? null : shownText(page, name, text);
    case "ready":
    case "complete":
      return isTruth(text, page.config.lenient) ? shownText(page, name, text) : null;
    default:
      return text;
  }
}

/** A name that no cell can have. */
export function columnMistake(name: string, page: Page, within: CellLimits = limits): CellMistake | null {
  if (page.column(name) !== undefined) return null;
  const { data } = page.config;
  if (data !== null) {
    const known = page.header;
    const instead = didYouMean(name, known) || `: it has ${known.join(", ")}`;
    return mistakeIn(name, "unknown-column", `page '${page.name}' has no column '${shorten(name)}'${instead}`);
  }
  if (name.length <= within.columnNameChars && COLUMN_NAME.test(name) && name !== "__proto__") return null;
  const expected = `1 to ${within.columnNameChars} characters, no space at its ends, no control characters`;
  return mistakeIn(name, "invalid-column", `'${shorten(name)}' can't be the name of a column: expected ${expected}`);
}

/** Neither spaces at the ends nor characters that nobody sees. */
const COLUMN_NAME = /^(?!\s)[^\p{Cc}\p{Surrogate}]+(?<!\s)$/u;

/** What is wrong with a text in a column of the page that is no key. */
function cellMistake(
  name: string,
  text: string,
  page: Page,
  writer: Writer,
  { cellBytes }: CellLimits,
): CellMistake | null {
  const wrong = (code: string, detail: string) => mistakeIn(name, code, detail);
  if (!isWellFormed(text)) return wrong("malformed", `the text for '${name}' has half a character: it is no Unicode`);
  const bytes = Buffer.byteLength(text);
  if (bytes > cellBytes)
    return wrong("too-long", `the text for '${name}' has ${bytes} bytes: a cell holds ${cellBytes}`);
  const column = page.column(name);
  switch (column === undefined ? "data" : page.roleOf(column)) {
    case "key":
      return null;
    case "goal":
      return goalMistake(name, text, page, writer);
    case "ready":
    case "complete":
      return isTruth(text, page.config.lenient)
        ? null
        : wrong("invalid-cell", `'${name}' holds 1 or nothing, not '${shorten(text)}'${lenientHint(page)}`);
    default:
      return page.config.ranks ? rankMistake(name, text) : null;
  }
}

function goalMistake(name: string, text: string, page: Page, { by, actorOf }: Writer): CellMistake | null {
  if (readGoalText(text) === null) {
    const why = /^r(?::|$)/.test(text) ? " ('r' is written by who does the work)" : "";
    const detail = `'${name}' takes nothing (to have it done), 1 (it is done), or F (it has failed), not '${shorten(text)}'${why}`;
    return mistakeIn(name, "invalid-cell", detail);
  }
  const who = actorOf(page.name, name)?.person?.who ?? [];
  if (who.length === 0 || who.includes(by)) return null;
  return mistakeIn(name, NOT_YOURS, `'${name}' is for ${who.join(", ")} to fill, not for '${shorten(by)}'`);
}

const FALSE = new Set(["", "0", "0.0", "false", "no", "n", "off"]);

function isTruth(text: string, lenient: boolean): boolean {
  return text === "" || isTrue(text, lenient) || (lenient && FALSE.has(text.trim().toLowerCase()));
}

function lenientHint({ name, config }: Page): string {
  return config.lenient ? "" : `; 'truth: lenient' at page '${name}' of the plan lets more count`;
}

/** Columns of a plan page that mean something to the runtime. */
function rankMistake(name: string, text: string): CellMistake | null {
  if (text === "") return null;
  if (name === "weight" && readWeight(text) === null)
    return mistakeIn(name, "invalid-cell", `'weight' is a number, not '${shorten(text)}'`);
  if (name === "expires" && readInstant(text) === null)
    return mistakeIn(name, "invalid-cell", `'expires' is a time such as 2026-03-01T12:00:00Z, not '${shorten(text)}'`);
  return null;
}

/** The weight of a row of a plan page; null: the text is no number. */
export function readWeight(text: string): number | null {
  if (text === "") return 1;
  return NUMBER.test(text.trim()) ? Number(text) : null;
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2})?$/;

/** An ISO 8601 time, ms since epoch; Infinity for none; null: the text is no time. */
export function readInstant(text: string): number | null {
  if (text === "") return Number.POSITIVE_INFINITY;
  const at = INSTANT.test(text.trim()) ? Date.parse(text.trim()) : Number.NaN;
  return Number.isNaN(at) ? null : at;
}

/** A day, or a time with its zone. */
const INSTANT = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d))?$/;

/** The key cells among these texts, in rank order; "" for those that are not there. Adds to `mistakes`. */
export function keysFrom(
  cells: Readonly<Record<string, string>>,
  page: Page,
  mistakes: CellMistake[],
  within: CellLimits = limits,
): string[] {
  const keys = page.config.keys.map(({ name }) => (Object.hasOwn(cells, name) ? cells[name]! : ""));
  for (const [rank, { name, required }] of page.config.keys.entries()) {
    const wrong = keyMistake(name, keys[rank]!, required);
    if (wrong !== null) mistakes.push(wrong);
  }
  if (mistakes.length === 0) {
    const wrong = wholeKeyMistake(keyOf(keys), page, within);
    if (wrong !== null) mistakes.push(wrong);
  }
  return keys;
}

function keyMistake(name: string, text: string, required: boolean): CellMistake | null {
  if (text === "") return required ? mistakeIn(name, "missing", `'${name}' is missing: it is part of the key`) : null;
  if (!isWellFormed(text)) return mistakeIn(name, "malformed", `the text for '${name}' has half a character`);
  // It may become an argument of a command, where it would end the text.
  if (text.includes("\0")) return mistakeIn(name, "malformed", `the text for '${name}' has a NUL character`);
  return null;
}

function wholeKeyMistake(key: string, { config }: Page, { recordKeyBytes }: CellLimits): CellMistake | null {
  const name = config.keys[0]!.name;
  if (key.length > recordKeyBytes)
    return mistakeIn(name, "too-long", `the key has ${key.length} bytes as a URL writes it, at most ${recordKeyBytes}`);
  // In a URL they mean folders, however they are encoded.
  return key === "." || key === ".."
    ? mistakeIn(name, "invalid-key", `'${key}' can't be the whole of a key: no URL can name it`)
    : null;
}

/** Key cells among texts for a record that is there, which differ from its own. */
export function movedKeys(cells: Readonly<Record<string, string>>, page: Page, keys: readonly string[]): CellMistake[] {
  return page.config.keys.flatMap(({ name }, rank) => {
    const text = Object.hasOwn(cells, name) ? cells[name] : undefined;
    if (text === undefined || text === keys[rank]) return [];
    const detail = `'${name}' is part of the key and stays '${shorten(keys[rank]!)}': make another record instead`;
    return [mistakeIn(name, "key-cell", detail)];
  });
}

/** Texts without the key cells. */
export function withoutKeys(cells: Readonly<Record<string, string>>, page: Page): Record<string, string> {
  return Object.fromEntries(
    Object.entries(cells).filter(([name]) => {
      const column = page.column(name);
      return column === undefined || page.roleOf(column) !== "key";
    }),
  );
}

/** Whether a text has no half of a pair of surrogates: `encodeURIComponent` would throw, and UTF-8 would change it. */
function isWellFormed(text: string): boolean {
  return !LONE_SURROGATE.test(text);
}

const LONE_SURROGATE = /\p{Surrogate}/u;
