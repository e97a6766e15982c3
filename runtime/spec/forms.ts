// What single values in a spec may be, and what is said when one is something else.
import { found, oneOf } from "../data/mistakes.ts";
import { formatDuration, parseDuration } from "../data/units.ts";
import { didYouMean } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Form } from "./attributes.ts";
import { AGGREGATE_TYPES, type Dialect, HEADER_TYPES, STORE_TYPES, typeNamed, VERSIONS } from "./dialect.ts";
import { parseExpression } from "./parse.ts";
import { FIELD_TYPES } from "./spec.ts";

export interface FormOptions {
  readonly dialect: Dialect;
  /** As lenient as Blurr's `transform`. */
  readonly compat: boolean;
}

export const DIMENSION_TYPES = ["string", "integer"] as const;
export const WINDOW_TYPES = ["day", "hour", "count"] as const;

const DAY_MS = 86_400_000;

/** "expected a name, found the number 7"; null: the value is what it should be. Expressions are looked at elsewhere. */
export function formMistake(form: Form, value: unknown, options: FormOptions): string | null {
  const wrong = wrongness(form, value, options);
  if (wrong === null) return null;
  return wrong.whole ?? `expected ${expectation(form, options.dialect)}, found ${found(value)}${wrong.hint ?? ""}`;
}

/** "an expression", "a list of fields". */
export function expectation(form: Form, dialect: Dialect): string {
  switch (form.is) {
    case "header type":
      return namesIn(HEADER_TYPES, dialect);
    case "aggregate type":
      return namesIn(AGGREGATE_TYPES, dialect);
    case "store type":
      return namesIn(STORE_TYPES, dialect);
    case "field type":
      return oneOf(FIELD_TYPES);
    case "dimension type":
      return oneOf(DIMENSION_TYPES);
    case "window type":
      return oneOf(WINDOW_TYPES);
    case "version":
      return oneOf(VERSIONS[dialect].map((version) => `'${version}'`));
    case "name":
      return "a name";
    case "field name":
      return "a name";
    case "code":
      return "an expression";
    case "text":
      return "text";
    case "texts":
      return "a list of names";
    case "source":
      return "the name of a streaming spec and of its aggregate, 'spec.aggregate'";
    case "whole":
      return `a whole number from ${form.min} to ${form.max}`;
    case "window value":
      return `a number from -${limits.windowDays} to ${limits.windowDays}`;
    case "duration":
      return `a duration from 0s to ${formatDuration(limits.latenessMs)}, such as '30m' or '1h'`;
    case "retention":
      return "a whole number of days, or a duration such as '12h'";
    case "anything":
      return "anything";
    case "list":
      return `a list of ${PLURALS[form.of] ?? `${form.of}s`}`;
    case "map":
      return `a map that describes the ${form.of === "span" ? "window" : form.of}`;
  }
}

const PLURALS: Readonly<Record<string, string>> = { import: "modules" };

/** Every name of today's, and those of the dialect. */
function namesIn(types: readonly { readonly name: string; readonly dialect: Dialect }[], dialect: Dialect): string {
  return oneOf(
    types
      .filter((type) => type.dialect === dialect || (type.dialect === "today" && dialect === "0.2"))
      .map(({ name }) => name),
  );
}

interface Wrong {
  /** The message, where it is not the usual one. */
  readonly whole?: string;
  /** What follows the usual one. */
  readonly hint?: string;
}

function wrongness(form: Form, value: unknown, { dialect, compat }: FormOptions): Wrong | null {
  switch (form.is) {
    case "store type":
      return compat || typeNamed(STORE_TYPES, value) !== null
        ? null
        : {
            hint: near(
              value,
              STORE_TYPES.map(({ name }) => name),
            ),
          };
    case "field type":
      return isWord(value, FIELD_TYPES) ? null : { hint: nearType(value) };
    case "dimension type":
      return isWord(value, compat ? FIELD_TYPES : DIMENSION_TYPES) ? null : { hint: near(value, DIMENSION_TYPES) };
    case "window type":
      return compat || isWord(value, WINDOW_TYPES) ? null : { hint: near(value, WINDOW_TYPES) };
    case "version":
      return compat || (typeof value === "string" && VERSIONS[dialect].includes(value)) ? null : {};
    case "name":
      return nameWrong(value, compat, IDENTIFIER);
    case "field name":
      return nameWrong(value, compat, null);
    case "text":
    case "source":
      return typeof value === "string" && value.trim() !== "" ? null : {};
    case "texts":
      return Array.isArray(value) && value.every((item) => typeof item === "string") ? null : {};
    case "whole":
      return wholeWrong(value, form, compat);
    case "window value":
      return typeof value === "number" && Math.abs(value) <= limits.windowDays
        ? null
        : {
            hint:
              typeof value === "string" && value !== "" && Number.isFinite(Number(value))
                ? " (write it without quotes)"
                : "",
          };
    case "duration":
      return isDuration(value, 0, limits.latenessMs) ? null : {};
    case "retention":
      return (Number.isInteger(value) &&
        (value as number) >= 1 &&
        (value as number) * DAY_MS <= Number.MAX_SAFE_INTEGER) ||
        isDuration(value, 1, Number.MAX_SAFE_INTEGER)
        ? null
        : {};
    default:
      return null;
  }
}

/** ms of a store's `Retention` that is as it should be. */
export function retentionMs(value: unknown): number {
  return typeof value === "number" ? value * DAY_MS : parseDuration(value as string)!;
}

function isDuration(value: unknown, min: number, max: number): boolean {
  const ms = typeof value === "string" ? parseDuration(value) : null;
  return ms !== null && ms >= min && ms <= max;
}

function isWord(value: unknown, words: readonly string[]): boolean {
  return typeof value === "string" && words.includes(value.toLowerCase());
}

function wholeWrong(value: unknown, { min, max }: { min: number; max: number }, compat: boolean): Wrong | null {
  const number = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return Number.isInteger(number) && (compat || ((number as number) >= min && (number as number) <= max)) ? null : {};
}

export const IDENTIFIER = /^[\p{XID_Start}_][\p{XID_Continue}]*$/u;

function nameWrong(value: unknown, compat: boolean, pattern: RegExp | null): Wrong | null {
  if (typeof value !== "string" || value.trim() === "")
    return typeof value === "number" || typeof value === "boolean" ? { hint: " (write it in quotes)" } : {};
  if (compat) return null;
  if (value.length > limits.specNameChars)
    return { whole: `is ${value.length} characters long: a name has at most ${limits.specNameChars}` };
  if (value.startsWith("_")) return { whole: `'${value}': names that begin with '_' are reserved` };
  if (value.startsWith("run_")) return { whole: `'${value}': names that begin with 'run_' are reserved` };
  if (pattern !== null && !pattern.test(value))
    return {
      whole: `'${value}' is no name that an expression can use: expected letters, digits and '_'${asIdentifier(value)}`,
    };
  if (pattern !== null && parseExpression(value).expr?.kind !== "name")
    return { whole: `'${value}' is a word of Python, which no expression can use as a name` };
  if (value.includes(".")) return { whole: `'${value}': no name may hold a '.'` };
  return null;
}

/** " (did you mean 'my_name'?)" */
function asIdentifier(value: string): string {
  const mended = value.trim().replace(/[^\p{XID_Continue}]+/gu, "_");
  return IDENTIFIER.test(mended) && !mended.startsWith("_") ? ` (did you mean '${mended}'?)` : "";
}

function near(value: unknown, words: readonly string[]): string {
  return typeof value === "string" && value.length < 64 ? didYouMean(value, words) : "";
}

/** What other languages call the types. */
const FOREIGN_TYPES: Readonly<Record<string, string>> = {
  int: "integer",
  long: "integer",
  number: "float",
  double: "float",
  str: "string",
  text: "string",
  bool: "boolean",
  date: "datetime",
  time: "datetime",
  timestamp: "datetime",
  array: "list",
  tuple: "list",
  dict: "map",
  object: "map",
};

function nearType(value: unknown): string {
  const meant =
    typeof value === "string" && Object.hasOwn(FOREIGN_TYPES, value.toLowerCase())
      ? FOREIGN_TYPES[value.toLowerCase()]
      : undefined;
  return meant === undefined ? near(value, FIELD_TYPES) : ` (did you mean '${meant}'?)`;
}
