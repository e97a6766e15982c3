// What pages, goals and fields may be called: names become columns of a sheet, tokens of a subject and parts of a URL.
import { shorten } from "../data/mistakes.ts";
import type { Say } from "../data/site-parts.ts";
import type { Path } from "../data/yaml.ts";
import { limits } from "../limits.ts";

/** Columns that every page has. */
export const OWN_COLUMNS = ["ready", "complete"];

/** Says what is wrong with a name, if anything is. @returns whether it may be used */
export function checkName(name: string, what: string, say: Say, path: Path, about: "value" | "key" = "value"): boolean {
  const fault = faultOf(name);
  if (fault !== null) say(path, `${what} '${shown(name)}' ${fault}`, about);
  return fault === null;
}

function faultOf(name: string): string | null {
  if (name === "") return "has no letters: expected a name";
  if (/\p{Cc}/u.test(name)) return "has a control character in it: expected letters, digits and signs";
  if (name === "." || name === "..") return "means a folder in a URL: expected another name";
  const bytes = Buffer.byteLength(name);
  return bytes > limits.tokenBytes ? `is ${bytes} bytes long: expected at most ${limits.tokenBytes}` : null;
}

function shown(name: string): string {
  return shorten(name.replace(/\p{Cc}/gu, "\uFFFD"));
}
