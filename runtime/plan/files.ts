// The files that a plan names: modules and commands, looked at before anything runs.
import { accessSync, constants, readdirSync, type Stats, statSync } from "node:fs";
import { basename, dirname, extname } from "node:path";
import { oneOf } from "../data/mistakes.ts";
import { didYouMean } from "../errors.ts";

const MODULES = [".ts", ".mts", ".js", ".mjs", ".cjs"];

export function isFolder(path: string): boolean {
  return statOf(path)?.isDirectory() === true;
}

/** Something of that name is there. */
export function isThere(path: string): boolean {
  return statOf(path) !== null;
}

/** What keeps a file from being run as a command; null: nothing does. `name`: as it stands in the plan. */
export function commandFault(path: string, name: string): string | null {
  const fault = fileFault(path, name, "an executable file");
  if (fault !== null) return /\s/.test(name) ? `${fault}: a command is one file, its arguments are the keys` : fault;
  try {
    accessSync(path, constants.X_OK);
    return null;
  } catch {
    return `the file '${name}' may not be executed: chmod +x '${name}'`;
  }
}

/** What keeps a file from being loaded as a module; null: nothing does. */
export function moduleFault(path: string, name: string): string | null {
  const fault = fileFault(path, name, `a file that ends in ${oneOf(MODULES)}`);
  if (fault !== null || MODULES.includes(extname(path))) return fault;
  return `'${name}' is no module: expected a file that ends in ${oneOf(MODULES)}; an executable is a 'command'`;
}

function fileFault(path: string, name: string, expected: string): string | null {
  const stat = statOf(path);
  if (stat === null) return `the file '${name}' doesn't exist${near(path)}`;
  if (stat.isDirectory()) return `'${name}' is a folder: expected ${expected}`;
  return stat.isFile() ? null : `'${name}' is no file: expected ${expected}`;
}

function near(path: string): string {
  const wanted = basename(path);
  const names = neighbours(path);
  // 'taskA.sh' for 'taskA', which is further than a slip of the pen.
  const longer = names.find((name) => name.startsWith(`${wanted}.`));
  return longer === undefined ? didYouMean(wanted, names) : ` (did you mean '${longer}'?)`;
}

function neighbours(path: string): string[] {
  try {
    return readdirSync(dirname(path)).slice(0, 1_000);
  } catch {
    return [];
  }
}

function statOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null; // Not there, or not for us to see: both mean that it can't be used.
  }
}
