import type { Mistake } from "../errors.ts";
import { SiteError } from "../errors.ts";
import { limits } from "../limits.ts";
import { maskAddress, maskUrls } from "./mask.ts";

const SHOWN_CHARS = 60;

/** "text 'abc'", "the number 12", "a list": what stands in a file, cut to a line and without passwords. */
export function found(value: unknown): string {
  if (value === undefined || value === null || value === "") return "nothing";
  if (typeof value === "string") return `'${shorten(maskUrls(value))}'`;
  if (typeof value === "number") return `the number ${value}`;
  if (typeof value === "boolean") return `${value}`;
  return Array.isArray(value) ? "a list" : "a map";
}

/** The same where an address is expected, which may lack its `nats://`. */
export function foundAddress(value: unknown): string {
  return typeof value === "string" && value !== "" ? `'${shorten(maskAddress(value))}'` : found(value);
}

export function shorten(text: string): string {
  const line = text.replace(/\s+/g, " ");
  return line.length <= SHOWN_CHARS ? line : `${line.slice(0, SHOWN_CHARS)}…`;
}

/** "debug, info, warn or error" */
export function oneOf(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

/** In the order in which one reads: file after file as they were met, each from its top, a bounded number of each. */
export function inOrder(mistakes: readonly Mistake[], most: number = limits.mistakesPerFile): Mistake[] {
  const files = [...new Set(mistakes.map(({ file }) => file))];
  return files.flatMap((file) => {
    const here = mistakes
      .filter((mistake) => mistake.file === file)
      .sort((a, b) => a.line - b.line || a.column - b.column);
    const more = here.length - most;
    if (more <= 0) return here;
    return [
      ...here.slice(0, most),
      { file, line: 0, column: 0, message: `${more} more ${more === 1 ? "mistake" : "mistakes"} not shown` },
    ];
  });
}

/** @throws SiteError if there is any mistake */
export function refuse(mistakes: readonly Mistake[]): void {
  if (mistakes.length > 0) throw new SiteError(inOrder(mistakes));
}
