// What comes back from whoever did the work, made a result. Nothing in it is trusted to have the right shape.
import { AisleError, didYouMean } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Result } from "./job.ts";

export type Fields = Readonly<Record<string, unknown>>;

const KEYS = ["outcome", "fields", "detail"];
const OUTCOMES = ["done", "failed", "retry"];

export function failed(detail: string): Result {
  return { outcome: "failed", detail: cut(detail) };
}

export function retry(detail: string): Result {
  return { outcome: "retry", detail: cut(detail) };
}

/**
 * `{outcome?, fields?, detail?}`; without an outcome it is done.
 *
 * @throws AisleError `invalid` for any other shape
 */
export function resultOf(value: unknown): Result {
  if (!isObject(value)) throw invalid(`expected { outcome, fields, detail }, got ${kindOf(value)}`);
  for (const key of Object.keys(value)) {
    if (KEYS.includes(key)) continue;
    throw invalid(`unknown '${key}'${didYouMean(key, KEYS)}; what is to be written goes into 'fields'`);
  }
  const { outcome = "done", fields, detail } = value;
  if (!isOutcome(outcome)) throw invalid(`outcome must be 'done', 'failed' or 'retry', got ${shown(outcome)}`);
  if (detail !== undefined && detail !== null && typeof detail !== "string") {
    throw invalid(`detail must be a text, got ${kindOf(detail)}`);
  }
  return {
    outcome,
    ...(fields !== undefined && fields !== null && { fields: fieldsOf(fields) }),
    ...(typeof detail === "string" && { detail: cut(detail) }),
  };
}

/**
 * Fields to write, by name. Those that are undefined are left out.
 *
 * @throws AisleError `invalid`, `too-large` for what the board can't hold
 */
export function fieldsOf(value: unknown): Fields {
  if (!isObject(value)) throw invalid(`fields must be an object of names and values, got ${kindOf(value)}`);
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  if (fields.length > limits.pageColumns) {
    throw new AisleError("too-large", `${fields.length} fields, at most ${limits.pageColumns}`);
  }
  let bytes = 0;
  for (const [name, field] of fields) bytes += bytesOfName(name) + bytesOf(name, field);
  if (bytes > limits.resultBytes) {
    throw new AisleError("too-large", `fields of ${bytes} bytes, at most ${limits.resultBytes}`);
  }
  return Object.fromEntries(fields);
}

/** @throws AisleError `too-large`, `invalid` when it is not JSON, with the place if that is known */
export function jsonOf(bytes: Uint8Array): unknown {
  if (bytes.length > limits.resultBytes) {
    throw new AisleError("too-large", `${bytes.length} bytes, at most ${limits.resultBytes}`);
  }
  const text = utf8(bytes);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(`not JSON: ${placed(text, (error as Error).message)}`);
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What somebody got instead of what they expected, for people. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** At most `limits.resultDetailChars`. */
export function cut(text: string): string {
  const max = limits.resultDetailChars;
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`;
}

function isOutcome(value: unknown): value is Result["outcome"] {
  return typeof value === "string" && OUTCOMES.includes(value);
}

function bytesOfName(name: string): number {
  if (name === "") throw invalid("a field has an empty name");
  if (name.length > limits.specNameChars) throw invalid(`the field '${name.slice(0, 40)}…' has too long a name`);
  return name.length;
}

/** In the form in which it is written: a text as it is, all else as JSON. */
function bytesOf(name: string, field: unknown): number {
  switch (typeof field) {
    case "string":
      return Buffer.byteLength(field);
    case "number":
    case "boolean":
    case "bigint":
      return 8;
    case "object":
      return Buffer.byteLength(written(name, field));
    default:
      throw invalid(`the field '${name}' is ${kindOf(field)}, which JSON can't write`);
  }
}

function written(name: string, field: object | null): string {
  try {
    return JSON.stringify(field) ?? "";
  } catch (error) {
    throw invalid(`the field '${name}' can't be written as JSON: ${(error as Error).message.split("\n")[0]}`);
  }
}

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw invalid("not UTF-8");
  }
}

/** The parser's words, with line and column in place of the offset. */
function placed(text: string, message: string): string {
  if (text.trim() === "") return "nothing is there";
  const offset = /\s*(?:in JSON )?at position (\d+).*$/s.exec(message);
  if (offset === null) return message;
  const before = text.slice(0, Number(offset[1])).split("\n");
  return `${message.slice(0, offset.index)} (line ${before.length}, column ${before.at(-1)!.length + 1})`;
}

function shown(value: unknown): string {
  return typeof value === "string" ? `'${value.slice(0, 40)}'` : kindOf(value);
}

function invalid(message: string): AisleError {
  return new AisleError("invalid", message);
}
