// The process table of this host.
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { limits } from "../limits.ts";
import type { Process, ProcessTable } from "./conflicts.ts";

interface Child extends Process {
  /** Number of the process that started it. */
  readonly parent: number;
}

const PROC = "/proc";

/** Processes of this host that a process has not started itself, nor what it started; itself left out as well. */
export function othersThan(self: number): ProcessTable {
  return async () => {
    const all = (await fromProc()) ?? (await fromPs());
    const own = familyOf(self, all);
    return all.filter(({ pid }) => !own.has(pid));
  };
}

/** A process, and all that it started, directly or not. */
export function familyOf(self: number, all: readonly { readonly pid: number; readonly parent: number }[]): Set<number> {
  const family = new Set([self]);
  for (let size = 0; size < family.size; ) {
    size = family.size;
    for (const { pid, parent } of all) if (family.has(parent)) family.add(pid);
  }
  return family;
}

/** Null: there is no such folder here, or nothing in it. */
async function fromProc(): Promise<Child[] | null> {
  const names = await readdir(PROC).catch(() => []);
  const all = await Promise.all(names.filter((name) => /^\d+$/.test(name)).map(readProcess));
  const found = all.filter((each) => each !== null);
  return found.length === 0 ? null : found;
}

/** Null: it has ended meanwhile, or is a thread of the kernel. */
async function readProcess(pid: string): Promise<Child | null> {
  try {
    const [stat, line] = await Promise.all([
      readFile(`${PROC}/${pid}/stat`, "utf8"),
      readFile(`${PROC}/${pid}/cmdline`, "utf8"),
    ]);
    // "12 (name of it) S 1 …": the name may hold anything, brackets too.
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    const command = line.slice(0, limits.processChars).replaceAll("\0", " ").trim();
    return command === "" ? null : { pid: Number(pid), parent, command };
  } catch {
    return null;
  }
}

async function fromPs(): Promise<Child[]> {
  const { stdout } = await promisify(execFile)("ps", ["-Ao", "pid=,ppid=,args="], { maxBuffer: limits.runOutputBytes });
  return readPs(stdout);
}

/** Lines of `ps -Ao pid=,ppid=,args=`. */
export function readPs(text: string): Child[] {
  return text.split("\n").flatMap((line) => {
    const [, pid, parent, command] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    if (pid === undefined) return [];
    return { pid: Number(pid), parent: Number(parent), command: command!.slice(0, limits.processChars) };
  });
}
