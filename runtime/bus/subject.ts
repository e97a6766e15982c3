import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";

// Subjects are tokens joined by dots: `aisle.store.box-7.events.focus.4711`. Names from outside become tokens by
// `encodeToken`, which is injective, so two customers never share a subject and no name is read as a wildcard.

const PLAIN = /^[A-Za-z0-9_-]+$/;
const UTF8 = new TextEncoder();
const UTF8_STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Any text as one token. Bytes outside `[A-Za-z0-9_-]` become `=XX`, upper-case hex of the UTF-8; empty is `=`.
 * A lone surrogate has no UTF-8 and becomes U+FFFD, as everywhere in the platform.
 */
export function encodeToken(text: string): string {
  if (PLAIN.test(text)) return text;
  if (text === "") return "=";
  let token = "";
  for (const byte of UTF8.encode(text)) {
    token += isPlain(byte) ? String.fromCharCode(byte) : `=${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return token;
}

/**
 * The text of a token.
 *
 * @throws AisleError `invalid` for a token that `encodeToken` never gives: each text has one token only
 */
export function decodeToken(token: string): string {
  if (PLAIN.test(token)) return token;
  if (token === "=") return "";
  const text = decodeBytes(token);
  if (text === null || encodeToken(text) !== token) {
    throw new AisleError("invalid", `'${token}' is not an encoded token: expected [A-Za-z0-9_-] and =XX`);
  }
  return text;
}

export interface Address {
  /** Raw, may have several tokens; default `aisle`. */
  readonly prefix?: string;
  readonly site: string;
  readonly place: string;
}

/** `<prefix>.<site>.<place>`, below which all subjects of a place stand. */
export function subjectBase({ prefix = "aisle", site, place }: Address): string {
  const base = `${prefix}.${encodeToken(site)}.${encodeToken(place)}`;
  checkSubject(base);
  return base;
}

/** `subject(base, "offers", customer)`: the texts, encoded, below the base. */
export function subject(base: string, ...texts: readonly string[]): string {
  let joined = base;
  for (const text of texts) joined += `.${encodeToken(text)}`;
  return joined;
}

/**
 * The texts below the base, decoded: `["focus", "4711"]` for `aisle.store.box-7.events.focus.4711` below
 * `aisle.store.box-7.events`. Null when the subject is not below it.
 *
 * @throws AisleError `invalid` for a token that is not encoded as it should be
 */
export function textsBelow(base: string, subject: string): string[] | null {
  if (!subject.startsWith(base) || subject[base.length] !== ".") return null;
  return subject
    .slice(base.length + 1)
    .split(".")
    .map(decodeToken);
}

/** Does a subscription to `pattern` get `subject`? `*` stands for one token, `>` for one or more at the end. */
export function matches(pattern: string, subject: string): boolean {
  let p = 0;
  let s = 0;
  for (;;) {
    const patternEnd = tokenEnd(pattern, p);
    const subjectEnd = tokenEnd(subject, s);
    const isOne = patternEnd - p === 1;
    if (isOne && pattern[p] === ">" && patternEnd === pattern.length) return true;
    const same = (isOne && pattern[p] === "*") || pattern.slice(p, patternEnd) === subject.slice(s, subjectEnd);
    if (!same) return false;
    if (patternEnd === pattern.length || subjectEnd === subject.length) {
      return patternEnd === pattern.length && subjectEnd === subject.length;
    }
    p = patternEnd + 1;
    s = subjectEnd + 1;
  }
}

/** @throws AisleError `invalid` unless one can publish to it */
export function checkSubject(subject: string): void {
  const fault = faultOf(subject, false);
  if (fault !== null) throw new AisleError("invalid", `subject '${shown(subject)}' ${fault}`);
}

/** @throws AisleError `invalid` unless one can subscribe to it */
export function checkPattern(pattern: string): void {
  const fault = faultOf(pattern, true);
  if (fault !== null) throw new AisleError("invalid", `subject '${shown(pattern)}' ${fault}`);
}

/** @throws AisleError `invalid` unless it can name a queue group: one token's worth of printable text */
export function checkQueue(queue: string): void {
  const fault = faultOf(queue, false);
  if (fault !== null) throw new AisleError("invalid", `queue '${shown(queue)}' ${fault}`);
}

const DOT = 46;
const STAR = 42;
const REST = 62;

/** One pass over the characters: it runs for every message, and a newline let through would be a protocol command. */
function faultOf(subject: string, wildcards: boolean): string | null {
  const length = subject.length;
  if (length === 0) return "is empty";
  // A UTF-16 unit is at most three bytes: short subjects need no count.
  if (length * 3 > limits.subjectBytes && Buffer.byteLength(subject) > limits.subjectBytes) {
    return `is longer than ${limits.subjectBytes} bytes`;
  }
  let start = 0;
  for (let i = 0; i <= length; i++) {
    const code = i === length ? DOT : subject.charCodeAt(i);
    if (code === DOT) {
      if (i === start) return "has an empty token";
      start = i + 1;
    } else if (code <= 32 || (code >= 127 && code <= 160)) {
      return "has white space or a control character";
    } else if (code === STAR || code === REST) {
      if (!wildcards) return "has a wildcard";
      const alone = i === start && (i + 1 === length || subject.charCodeAt(i + 1) === DOT);
      if (!alone) return `has '${subject[i]}' inside a token`;
      if (code === REST && i + 1 !== length) return "has '>' before its end";
    }
  }
  return null;
}

function shown(subject: string): string {
  const text = subject.length <= 80 ? subject : `${subject.slice(0, 80)}…`;
  return JSON.stringify(text).slice(1, -1);
}

function tokenEnd(subject: string, start: number): number {
  const dot = subject.indexOf(".", start);
  return dot === -1 ? subject.length : dot;
}

function decodeBytes(token: string): string | null {
  const bytes: number[] = [];
  for (let i = 0; i < token.length; i++) {
    const code = token.charCodeAt(i);
    if (token[i] !== "=") {
      if (!isPlain(code)) return null;
      bytes.push(code);
      continue;
    }
    const hex = token.slice(i + 1, i + 3);
    if (!/^[0-9A-F]{2}$/.test(hex)) return null;
    bytes.push(Number.parseInt(hex, 16));
    i += 2;
  }
  try {
    return UTF8_STRICT.decode(Uint8Array.from(bytes));
  } catch {
    return null;
  }
}

function isPlain(code: number): boolean {
  return (
    (code >= 48 && code <= 57) || // 0-9
    (code >= 65 && code <= 90) || // A-Z
    (code >= 97 && code <= 122) || // a-z
    code === 95 || // _
    code === 45 // -
  );
}
