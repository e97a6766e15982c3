// Where a syntax error stands. Node tells that to nobody but its own stderr: not which of the imported files has it either.
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Mistake } from "../errors.ts";
import { limits } from "../limits.ts";

const IMPORT = /\b(?:from|import)\s*\(?\s*["'](\.{1,2}\/[^"']+)["']/g;
const CODE = /\.[cm]?[jt]s$/;

/** The first syntax error in a file, or in those of its folder and others that it imports; null: none was found. */
export async function syntaxMistake(file: string): Promise<Mistake | null> {
  const { stripTypes } = await import("./strip.ts");
  const seen = new Set([file]);
  for (const path of seen) {
    const text = await readFile(path, "utf8").catch(() => "");
    const stripped = stripTypes(text, path);
    if (typeof stripped !== "string") return { file: path, ...stripped };
    for (const [, name] of text.matchAll(IMPORT)) {
      const imported = resolve(path, "..", name!);
      if (CODE.test(imported) && seen.size < limits.moduleFiles) seen.add(imported);
    }
  }
  return null;
}
