// Modules in TypeScript. A Node that runs them by itself (22.18 and later) does; an older one is taught to, when the
// first plan names one. Types are stripped, nothing is checked or translated: positions in errors stay true.
import { register } from "node:module";
import { AisleError } from "../errors.ts";

let taught = false;

export function isTypeScript(file: string): boolean {
  return /\.m?ts$/.test(file);
}

/**
 * Makes `import()` take TypeScript from now on, for the whole process.
 *
 * @throws AisleError `unsupported` on a Node that can't be taught
 */
export function acceptTypeScript(): void {
  if (taught || (process.features as { typescript?: unknown }).typescript) return;
  // Whoever runs this file as it stands can run others too.
  if (import.meta.url.endsWith(".ts")) return;
  if (typeof register !== "function") {
    throw new AisleError("unsupported", `TypeScript needs Node 20.6 or later, this is ${process.version}`);
  }
  register("./typescript-hooks.js", import.meta.url);
  taught = true;
}
