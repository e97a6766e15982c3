// The keys of the bucket in which nodes claim goals and show each other their records.
import { decodeToken, encodeToken } from "../bus/subject.ts";
import { limits } from "../limits.ts";

/** What a key stands for. */
export type Place =
  | { readonly family: "record"; readonly page: string; readonly key: string }
  | { readonly family: "claim"; readonly page: string; readonly key: string; readonly goal: string }
  | { readonly family: "slot"; readonly goal: string; readonly number: number };

/** `r.<page>.<key>`: what the home of a record says of it. */
export function recordKey(page: string, key: string): string {
  return `r.${encodeToken(page)}.${encodeToken(key)}`;
}

/** `c.<page>.<key>.<goal>`: who may work on a goal of a record. */
export function claimKey(page: string, key: string, goal: string): string {
  return `c.${encodeToken(page)}.${encodeToken(key)}.${encodeToken(goal)}`;
}

/** `s.<goal>.<number>`: one of the places of a goal that is limited for the whole site. */
export function slotKey(goal: string, number: number): string {
  return `s.${encodeToken(goal)}.${number}`;
}

/** Whether the bucket can hold such a key. */
export function fits(key: string): boolean {
  return key.length <= limits.bucketKeyBytes;
}

/** What a key of the bucket stands for; null: nothing that this version knows. */
export function placeOf(key: string): Place | null {
  const [family, ...tokens] = key.split(".");
  const texts = decoded(tokens);
  if (texts === null) return null;
  const [first = "", second = "", third = ""] = texts;
  if (family === "r" && texts.length === 2) return { family: "record", page: first, key: second };
  if (family === "c" && texts.length === 3) return { family: "claim", page: first, key: second, goal: third };
  if (family !== "s" || texts.length !== 2 || !/^(0|[1-9]\d{0,3})$/.test(second)) return null;
  const number = Number(second);
  return number < limits.siteSlots ? { family: "slot", goal: first, number } : null;
}

/** Name of the bucket: `aisle_store_board`. What a bucket's name can't hold becomes `_XX`. */
export function boardBucket(prefix: string, site: string): string {
  const names = [...prefix.split("."), site].map((name) => encodeToken(name).replace(/=|_/g, escaped));
  return [...names, "board"].join("_");
}

function escaped(mark: string): string {
  return mark === "_" ? "_5F" : "_";
}

function decoded(tokens: readonly string[]): string[] | null {
  try {
    return tokens.map(decodeToken);
  } catch {
    return null; // nobody here wrote it
  }
}
