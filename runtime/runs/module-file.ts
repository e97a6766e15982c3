// A module of a site, loaded and looked at. Its code runs in this process, from here on.
import { createHash } from "node:crypto";
import { readFile, realpath } from "node:fs/promises";
import { basename } from "node:path";
import { pathToFileURL } from "node:url";
import type { Clock } from "../clock.ts";
import { type Mistake, reasonOf, SiteError } from "../errors.ts";
import { limits } from "../limits.ts";
import { syntaxMistake } from "./module-syntax.ts";
import { isObject, kindOf } from "./result.ts";
import { acceptTypeScript, isTypeScript } from "./typescript.ts";

/** What a module gets for one run. */
export interface ModuleJob {
  /** Key cells by name, in rank order. */
  readonly keys: Readonly<Record<string, string>>;
  /** The record's row as texts: keys, `ready`, goals, data, `complete`. */
  readonly row: Readonly<Record<string, string>>;
  readonly page: string;
  readonly goal: string;
  readonly run: string;
  /** From 1. */
  readonly attempt: number;
  /** Fencing token of the run's claim among several nodes; 0: there is one node. */
  readonly claim: number;
  /** Aborted when the run is cancelled, has taken too long, or has lost its claim. */
  readonly signal: AbortSignal;
  /** Adds a line to the run's log. */
  readonly log: (...parts: readonly unknown[]) => void;
}

export type Handle = (job: ModuleJob) => unknown;

export interface Loaded {
  /** Of its bytes; the same hash is the same module. */
  readonly hash: string;
  readonly handle: Handle;
}

/**
 * Imports a module and finds its function. A file that has changed is loaded anew; what it imports is not.
 *
 * @param known  what was loaded from the file before, if anything
 * @throws SiteError when there is no such file, it can't be loaded, or has no function as its default export
 */
export async function loadModule(file: string, clock: Clock, known?: Loaded): Promise<Loaded> {
  const bytes = await readFile(file).catch((error) => throwMistake(file, unreadable(error)));
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
  if (known?.hash === hash) return known;
  const exported = await imported(await realpath(file), hash, clock).catch(async (error) => {
    throw new SiteError([await mistakeOf(file, hash, error)]);
  });
  const handle = handleOf(exported);
  return handle === null ? throwMistake(file, faultOf(exported)) : { hash, handle };
}

async function imported(path: string, hash: string, clock: Clock): Promise<unknown> {
  if (isTypeScript(path)) acceptTypeScript();
  return await new Promise((resolve, reject) => {
    const cancel = clock.after(limits.moduleLoadMs, () => {
      reject(new Error(`not loaded within ${limits.moduleLoadMs} ms: what it awaits does not come`));
    });
    // The query makes it another module for Node, whose cache can't be emptied.
    import(`${pathToFileURL(path).href}?v=${hash}`)
      .finally(cancel)
      .then((module: { default?: unknown }) => resolve(module.default), reject);
  });
}

function handleOf(exported: unknown): Handle | null {
  if (typeof exported === "function") return exported as Handle;
  if (!isObject(exported) || typeof exported.handle !== "function") return null;
  const actor = exported as { handle: Handle };
  return (job) => actor.handle(job);
}

function faultOf(exported: unknown): string {
  if (exported === undefined) return "has no default export; expected: export default function ({ keys, row }) { … }";
  const got = isObject(exported) ? "an object without one" : kindOf(exported);
  return `its default export must be a function, or an object with the function 'handle'; got ${got}`;
}

function unreadable({ code, message }: NodeJS.ErrnoException): string {
  return code === "ENOENT" ? "no such file" : message;
}

/** What a failed import says, and where. */
async function mistakeOf(file: string, hash: string, error: unknown): Promise<Mistake> {
  const message = reasonOf(error);
  const isSyntax = error instanceof SyntaxError || isTypeScript(file);
  const found = isSyntax ? await syntaxMistake(file) : null;
  if (found !== null) return found;
  const [, line = 0, column = 0] = frameOf(error, `${encodeURI(basename(file))}?v=${hash}`);
  return { file, line: Number(line), column: Number(column), message: `${message}${hintOf(file, message)}` };
}

/** Line and column, if it is known, of the topmost call in a file; of the name alone, as a path may be shown in several ways. */
function frameOf(error: unknown, name: string): readonly string[] {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  return /^:(\d+)(?::(\d+))?/.exec(stack.split(name)[1] ?? "") ?? [];
}

function hintOf(file: string, message: string): string {
  if (!/\.[jt]s$/.test(file) || !/^(Unexpected token 'export'|Cannot use import statement)/.test(message)) return "";
  const sure = file.endsWith(".ts") ? ".mts" : ".mjs";
  return `; Node takes it for CommonJS: name it ${sure}, or put a package.json with "type": "module" beside it`;
}

function throwMistake(file: string, message: string): never {
  throw new SiteError([{ file, line: 0, column: 0, message }]);
}
