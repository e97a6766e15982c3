// Records that a plan brings along: as many cells as the page has keys, none of them twice.
import { shorten } from "../data/mistakes.ts";
import type { Say } from "../data/site-parts.ts";
import type { Path } from "../data/yaml.ts";
import { limits } from "../limits.ts";
import type { KeyField } from "../site.ts";

/** Says what is wrong with the rows; optional keys at the end of a row may be left out. */
export function checkRecords(
  rows: readonly (readonly string[])[],
  keys: readonly KeyField[],
  say: Say,
  path: Path,
): void {
  if (keys.length === 0) return; // Told where the keys are missing.
  const seen = new Map<string, number>();
  rows.forEach((row, index) => {
    const at = [...path, index];
    if (!checkWidth(row, keys, say, at)) return;
    row.forEach((text, rank) => {
      checkCell(text, keys[rank]!, say, [...at, rank]);
    });
    const key = JSON.stringify(keys.map((_, rank) => row[rank] ?? ""));
    const first = seen.get(key);
    if (first === undefined) seen.set(key, index);
    else say(at, `stands twice: it is record ${first + 1} of this list too`);
  });
}

function checkWidth(row: readonly string[], keys: readonly KeyField[], say: Say, path: Path): boolean {
  const least = keys.findLastIndex(({ required }) => required) + 1;
  if (row.length >= least && row.length <= keys.length) return true;
  const names = keys.map(({ name }) => shorten(name)).join(", ");
  const expected = least === keys.length ? `${least}` : `${least} to ${keys.length}`;
  say(path, `expected ${expected} ${keys.length === 1 ? "cell" : "cells"} (${names}), found ${row.length}`);
  return false;
}

function checkCell(text: string, { name, required }: KeyField, say: Say, path: Path): void {
  if (text === "" && required) say(path, `the key '${shorten(name)}' is empty: expected text`);
  if (/\p{Cc}/u.test(text)) say(path, `the key '${shorten(name)}' has a control character in it`);
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.tokenBytes)
    say(path, `the key '${shorten(name)}' is ${bytes} bytes long: expected at most ${limits.tokenBytes}`);
}
