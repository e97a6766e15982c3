// Runs in a thread of its own, where Node asks how to load what is imported.
import { readFile } from "node:fs/promises";
import type { LoadHook } from "node:module";
import { fileURLToPath } from "node:url";
import { stripTypes } from "./strip.ts";

export const load: LoadHook = async (url, context, nextLoad) => {
  if (!url.startsWith("file:") || !/\.m?ts$/.test(new URL(url).pathname)) return nextLoad(url, context);
  const file = fileURLToPath(url);
  const source = stripTypes(await readFile(file, "utf8"), file);
  if (typeof source === "string") return { format: "module", shortCircuit: true, source };
  throw new SyntaxError(`${file}:${source.line}:${source.column}: ${source.message}`);
};
