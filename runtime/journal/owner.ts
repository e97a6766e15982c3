// One process owns a data folder. LMDB itself allows many writers, so ownership is a file that names the owner, put in
// place whole by link(2), which fails when one is there. It outlives its owner's `kill -9`, and is then seen to be
// stale: no process has that number, or one has it that started at another time, or the machine was started anew.
//
// Processes that don't see each other's numbers (containers with a volume in common) must not share a data folder;
// LMDB's own table of readers rests on the same.
import { execFileSync } from "node:child_process";
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AisleError } from "../errors.ts";

interface Owner {
  readonly pid: number;
  /** When the process started, in whatever form the system says it; "" where it doesn't. */
  readonly startedAs: string;
  /** Names the run of the machine; "" where it has no name. */
  readonly boot: string;
}

const ATTEMPTS = 8;

/**
 * Takes the folder for this process; the returned function gives it back.
 *
 * @throws AisleError `conflict`, naming the pid, while another process (or this one) has it
 */
export function takeFolder(dir: string): () => void {
  const path = join(dir, "owner.json");
  const own = JSON.stringify({ pid: process.pid, startedAs: startOf(process.pid) ?? "", boot: bootId() });
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (place(path, own)) return () => giveBack(path, own);
    const found = readIfThere(path);
    if (found === null) continue; // given back in between
    const owner = parseOwner(found);
    if (owner !== null && isAlive(owner)) {
      const who = owner.pid === process.pid ? `this process (pid ${owner.pid})` : `the process with pid ${owner.pid}`;
      throw new AisleError("conflict", `the data folder '${dir}' is in use by ${who}`);
    }
    removeStale(path, found);
  }
  throw new AisleError("conflict", `the data folder '${dir}' changes hands all the time; several processes want it`);
}

/** The owner's pid, or null when nobody owns the folder. */
export function ownerOf(dir: string): number | null {
  const found = readIfThere(join(dir, "owner.json"));
  const owner = found === null ? null : parseOwner(found);
  return owner !== null && isAlive(owner) ? owner.pid : null;
}

/** Written aside and linked, so that nobody ever sees half of it. */
function place(path: string, own: string): boolean {
  const aside = `${path}.${process.pid}`;
  writeFileSync(aside, own);
  try {
    linkSync(aside, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

/** By renaming, so that of several finders one wins; a fresh file that was caught by mistake is put back. */
function removeStale(path: string, stale: string): void {
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return; // somebody else was quicker
  }
  const caught = readIfThere(aside);
  if (caught !== null && caught !== stale) place(path, caught);
  rmSync(aside, { force: true });
}

function giveBack(path: string, own: string): void {
  if (readIfThere(path) === own) rmSync(path, { force: true });
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

function parseOwner(text: string): Owner | null {
  try {
    const { pid, startedAs, boot } = JSON.parse(text) as Partial<Owner>;
    if (!Number.isInteger(pid) || typeof startedAs !== "string" || typeof boot !== "string") return null;
    return { pid: pid!, startedAs, boot };
  } catch {
    return null;
  }
}

function isAlive({ pid, startedAs, boot }: Owner): boolean {
  if (boot !== bootId()) return false;
  const started = startOf(pid);
  return started !== null && (started === startedAs || startedAs === "");
}

export function bootId(): string {
  return process.platform === "linux" ? (readIfThere("/proc/sys/kernel/random/boot_id")?.trim() ?? "") : "";
}

/** When a process started; "" when it lives but can't be asked, null when there is none (or only its zombie). */
export function startOf(pid: number): string | null {
  if (process.platform === "linux") return startOnLinux(pid);
  if (!exists(pid)) return null;
  if (process.platform === "win32") return "";
  try {
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
  } catch {
    return "";
  }
}

/** /proc/<pid>/stat: "pid (name) state … starttime …". The name may hold spaces and brackets: count from the last one. */
function startOnLinux(pid: number): string | null {
  const stat = readIfThere(`/proc/${pid}/stat`);
  if (stat === null) return null;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const state = fields[0];
  return state === "Z" || state === "X" ? null : (fields[19] ?? "");
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
