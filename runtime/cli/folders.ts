// Folders that a command makes of another.
import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { AisleError } from "../errors.ts";
import { makeFolders } from "../store/folders.ts";

/**
 * A folder that a copy may be written to.
 *
 * @throws AisleError `conflict` when something is in it, or when it lies within what is copied
 */
export function checkTarget(to: string, from: string): void {
  if (isWithin(to, from))
    throw new AisleError("conflict", `'${to}' lies in '${from}', which it is to be made of: name a folder elsewhere`);
  if (!existsSync(to)) return;
  if (!statSync(to).isDirectory() || readdirSync(to).length > 0)
    throw new AisleError("conflict", `'${to}' is not empty: name a folder that is, or that is not there yet`);
}

/** Makes a folder that a copy is written to. @throws AisleError `invalid` when there can be no such folder */
export function makeTarget(path: string): void {
  try {
    makeFolders(path, 0o700);
  } catch (cause) {
    throw new AisleError("invalid", `'${path}' can't be made: ${(cause as Error).message}`, { cause });
  }
}

function isWithin(dir: string, parent: string): boolean {
  const way = relative(real(parent), real(dir));
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`));
}

/** Without links, as far as it is there. */
function real(path: string): string {
  const whole = resolve(path);
  if (existsSync(whole) || dirname(whole) === whole) return existsSync(whole) ? realpathSync(whole) : whole;
  return join(real(dirname(whole)), basename(whole));
}
