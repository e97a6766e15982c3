// The table of keys: how they are printed, read, and compared by their beginning.
import { expect } from "vitest";
import {
  type Key,
  type KeyKind,
  newKey,
  parseKey,
  printKey,
  sortPrefix,
  startsWith,
} from "../../../runtime/batch/key.ts";
import { Datetime } from "../../../runtime/core/value.ts";

type Written = readonly [
  kind: string,
  identity: string,
  group: string,
  dimensions: readonly string[],
  start: string | null,
];

export interface Keys {
  readonly print: readonly (readonly [Written, string])[];
  readonly sort_prefix: readonly (readonly [Written, string])[];
  readonly parse_ok: Readonly<Record<string, Written>>;
  readonly parse_error: readonly string[];
  readonly construct_error: readonly (string | Readonly<Record<string, string | null>>)[];
  readonly prefix_match: readonly (readonly [readonly string[], readonly string[], boolean])[];
}

const START = new Datetime(1_520_462_131_000_000n, 0);

/** What the table's sentences stand for. */
const WRONG: Readonly<Record<string, Partial<Key> & Pick<Key, "kind">>> = {
  "dimensions and timestamp together": { kind: "timestamp", dimensions: ["a"], start: START },
  "timestamp on a DIMENSION key": { kind: "dimension", start: START },
  "dimensions on a TIMESTAMP key": { kind: "timestamp", dimensions: ["a"] },
};

export function expectKeys({ print, sort_prefix, parse_ok, parse_error, construct_error, prefix_match }: Keys): void {
  for (const [written, text] of print) expect(printKey(keyOf(written))).toBe(text);
  for (const [written, text] of sort_prefix) expect(sortPrefix(keyOf(written))).toBe(text);
  for (const [text, written] of Object.entries(parse_ok)) {
    expect(parseKey(text)).toEqual(keyOf(written));
    expect(printKey(parseKey(text))).toBe(text);
  }
  for (const text of parse_error) expect(() => parseKey(text)).toThrow();
  for (const wrong of construct_error) {
    const parts = typeof wrong === "string" ? WRONG[wrong] : { kind: "dimension" as const, ...wrong };
    if (parts === undefined) throw new Error(`no known kind of wrong key: '${wrong}'`);
    expect(() => newKey({ identity: "a", group: "b", ...parts } as Key)).toThrow();
  }
  for (const [dimensions, asked, matches] of prefix_match) {
    const [longer, shorter] = [dimensions, asked];
    expect(startsWith(longer, shorter)).toBe(matches);
  }
}

function keyOf([kind, identity, group, dimensions, start]: Written): Key {
  return newKey({
    kind: kind.toLowerCase() as KeyKind,
    identity,
    group,
    dimensions,
    start: start === null ? null : timeOf(start),
  });
}

/** ISO 8601; `(naive)` behind it: without a zone. */
function timeOf(text: string): Datetime {
  const isNaive = text.endsWith("(naive)");
  const iso = isNaive ? `${text.split(" ")[0]}Z` : text;
  return new Datetime(BigInt(Date.parse(iso)) * 1000n, isNaive ? null : 0);
}
