import type { KeyField } from "../site.ts";
import type { WrittenPage } from "./file.ts";

/** The key fields of a page in rank order: of a list as they stand there, all required; of a map by their ranks. */
export function keysOf(written: WrittenPage["keys"]): KeyField[] {
  if (written === undefined) return [];
  if (typeof written === "string") return [{ name: written, required: true }];
  if (Array.isArray(written)) return written.map((name) => ({ name, required: true }));
  return Object.entries(written)
    .sort(([, a], [, b]) => a.rank - b.rank)
    .map(([name, { required }]) => ({ name, required }));
}
