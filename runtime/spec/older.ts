// Expressions of older dialects, in today's words: a text for a text, so that a file can be translated, and a problem
// in the new text be shown in the old one.
import type { Dialect } from "./dialect.ts";
import { TIME_FIELDS } from "./dialect.ts";
import { type Problem, parseExpression } from "./parse.ts";
import type { Expr } from "./term.ts";
import { walk } from "./walk.ts";

/** What the words of an older dialect mean where an expression stands. */
export interface OlderWords {
  readonly dialect: Dialect;
  /** The group that it stands in, whose fields the first draft names alone. */
  readonly own: { readonly name: string; readonly fields: ReadonlySet<string> } | null;
  /** Names of the groups; none of them is a field. */
  readonly groups: ReadonlySet<string>;
  /** Those that have a start and an end, and no field that is called so. */
  readonly timed: ReadonlySet<string>;
  /** In a window group: by which names it calls its window, and whether that has one block. */
  readonly window: { readonly names: readonly string[]; readonly one: boolean } | null;
  /** Does it stand in a window spec? */
  readonly inWindowSpec: boolean;
}

export interface Modern {
  readonly text: string;
  /** What can't be said in today's words; offsets into the old text. */
  readonly problems: readonly Problem[];
  /** From an offset into the new text to one into the old. */
  readonly back: (offset: number) => number;
}

/** One place where the text changes. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** An expression that does not parse comes back as it is. */
export function modernise(text: string, words: OlderWords): Modern {
  const { expr } = words.dialect === "draft" || words.dialect === "0.1" ? parseExpression(text) : { expr: null };
  if (expr === null) return { text, problems: [], back: (offset) => offset };

  const edits: Edit[] = [];
  const problems: Problem[] = [];
  walk(expr, (part, bound, within) => {
    const free = (name: string) => !bound.has(name);
    if (words.dialect === "draft") {
      const problem = neverWorked(part, text);
      if (problem !== null) {
        problems.push(problem);
        return true;
      }
      const edit = windowRead(part, within, words, free) ?? ownField(part, words, free);
      if (edit !== null) {
        edits.push(edit);
        return true;
      }
      parseTime(part, text, free, edits, problems);
    }
    const edit = timeField(part, words, free);
    if (edit !== null) edits.push(edit);
    return false;
  });
  edits.sort((a, b) => a.start - b.start);
  return { text: applied(text, edits), problems, back: (offset) => back(edits, offset) };
}

/** `games_played` → `game_stats.games_played` */
function ownField(part: Expr, { own, groups, timed }: OlderWords, free: (name: string) => boolean): Edit | null {
  if (part.kind !== "name" || own === null || groups.has(part.name) || !free(part.name)) return null;
  const time = timed.has(own.name) && Object.hasOwn(TIME_FIELDS, part.name) ? TIME_FIELDS[part.name]! : null;
  if (time === null && !own.fields.has(part.name)) return null;
  return { start: part.start, end: part.end, text: `${own.name}.${time ?? part.name}` };
}

/** Functions that take the list of a window's values. */
const OF_LISTS: ReadonlySet<string> = new Set(
  "all any count enumerate len list max min reversed set sorted sum tuple zip".split(" "),
);

/** `prev_session.win_ratio` → `source.win_ratio[0]`; of more than one block `sum(source.win_ratio)`. */
function windowRead(
  part: Expr,
  within: Expr | null,
  { window }: OlderWords,
  free: (name: string) => boolean,
): Edit | null {
  if (window === null || part.kind !== "attribute" || part.of.kind !== "name") return null;
  if (!window.names.includes(part.of.name) || !free(part.of.name)) return null;
  const list = `source.${Object.hasOwn(TIME_FIELDS, part.name) ? TIME_FIELDS[part.name] : part.name}`;
  const asList =
    within !== null &&
    ((within.kind === "call" && within.callee.kind === "name" && OF_LISTS.has(within.callee.name)) ||
      ((within.kind === "item" || within.kind === "slice") && within.of === part) ||
      (within.kind === "comprehension" && within.clauses.some(({ iterable }) => iterable === part)));
  return { start: part.start, end: part.end, text: asList ? list : window.one ? `${list}[0]` : `sum(${list})` };
}

/** `session.start_time` → `session._start_time` */
function timeField(part: Expr, { timed, inWindowSpec }: OlderWords, free: (name: string) => boolean): Edit | null {
  const read = part.kind === "attribute" || (part.kind === "item" && part.index.kind === "constant") ? part : null;
  if (read === null) return null;
  const name = read.kind === "attribute" ? read.name : read.index.kind === "constant" ? read.index.value : null;
  if (typeof name !== "string" || !Object.hasOwn(TIME_FIELDS, name)) return null;
  const { of } = read;
  const known = inWindowSpec
    ? (of.kind === "name" && free(of.name) && (of.name === "source" || of.name === "anchor")) ||
      (of.kind === "attribute" && of.of.kind === "name" && free(of.of.name) && of.of.name !== "source")
    : of.kind === "name" && free(of.name) && timed.has(of.name);
  if (!known) return null;
  if (read.kind === "attribute")
    return { start: read.nameAt, end: read.nameAt + name.length, text: TIME_FIELDS[name]! };
  return { start: read.index.start, end: read.index.end, text: `'${TIME_FIELDS[name]}'` };
}

/** What `parse` reads without being told. */
const READ_AS_IT_IS = /^YYYY[/-]?MM[/-]?DD(?:[ T]HH:?MM(?::?SS)?)?$/i;

/** `parse_time(source.event_time, 'YYYY/mm/dd HH:MM:SS')` → `parse(source.event_time)` */
function parseTime(
  part: Expr,
  text: string,
  free: (name: string) => boolean,
  edits: Edit[],
  problems: Problem[],
): void {
  if (part.kind !== "call" || part.callee.kind !== "name" || part.callee.name !== "parse_time") return;
  const [time, format] = part.args;
  if (!free("parse_time") || time === undefined || part.args.length > 2 || part.keywords.length > 0) return;
  if (format !== undefined) {
    if (format.kind !== "constant" || typeof format.value !== "string" || !READ_AS_IT_IS.test(format.value)) {
      const message = `${text.slice(format.start, format.end)} can't be translated: expected 'YYYY/mm/dd HH:MM:SS' or 'YYYY-mm-dd HH:MM:SS'; for others use datetime.strptime`;
      problems.push({ start: format.start, end: format.end, message });
      return;
    }
    edits.push({ start: text.indexOf(",", time.end), end: part.end - 1, text: "" });
  }
  edits.push({ start: part.callee.start, end: part.callee.end, text: "parse" });
}

/** `any(offer_type) in offer_ai_v1.game_stats.offer_type`: in no version did this work. */
function neverWorked(part: Expr, text: string): Problem | null {
  if (part.kind !== "compare" || part.rest.length !== 1 || part.rest[0]!.op !== "in") return null;
  const { first } = part;
  const { right } = part.rest[0]!;
  if (first.kind !== "call" || first.callee.kind !== "name" || first.callee.name !== "any") return null;
  if (first.args.length !== 1 || first.args[0]!.kind !== "name" || right.kind !== "attribute") return null;
  const field = text.slice(right.start, right.end);
  const asked = text.slice(first.start, first.end);
  const message = `'${asked} in' never worked: to ask whether anything was recorded write ${field} != ''`;
  return { start: part.start, end: part.end, message };
}

function applied(text: string, edits: readonly Edit[]): string {
  let out = "";
  let at = 0;
  for (const { start, end, text: instead } of edits) {
    out += text.slice(at, start) + instead;
    at = end;
  }
  return out + text.slice(at);
}

function back(edits: readonly Edit[], offset: number): number {
  let grown = 0;
  for (const { start, end, text } of edits) {
    const from = start + grown;
    if (offset < from) break;
    if (offset < from + text.length) return start;
    grown += text.length - (end - start);
  }
  return offset - grown;
}
