// Commands outlive a place that is killed. So each run leaves word of its process in its folder, and a place that
// starts ends those that are still the same: they work for claims that nobody holds any more.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../clock.ts";
import { bootId, startOf } from "../journal/owner.ts";
import { limits } from "../limits.ts";
import { signalGroup } from "./child.ts";

interface Noted {
  readonly pid: number;
  /** When it started, in whatever form the system says it. */
  readonly startedAs: string;
  readonly boot: string;
  readonly run: string;
}

const FILE = "process.json";
const POLL_MS = 20;

/** Writes into the folder of a run which process group works for it. */
export function noteProcess(folder: string, pid: number, run: string): void {
  const noted: Noted = { pid, startedAs: startOf(pid) ?? "", boot: bootId(), run };
  writeFileSync(join(folder, FILE), JSON.stringify(noted));
}

/**
 * Ends what an earlier process left at work, and removes its folders. To be called before anything runs.
 *
 * @param dir  the folder of all runs
 * @returns the runs that were ended
 */
export async function endOrphans(dir: string, clock: Clock): Promise<string[]> {
  const folders = foldersIn(dir);
  const orphans = folders.flatMap((folder) => notedIn(folder) ?? []).filter(isAtWork);
  await Promise.all(orphans.map(({ pid }) => endGroup(pid, clock)));
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  return orphans.map(({ run }) => run);
}

async function endGroup(pid: number, clock: Clock): Promise<void> {
  signalGroup(pid, "SIGTERM");
  const until = clock.monotonic() + limits.runKillMs;
  while (hasGroup(pid) && clock.monotonic() < until) {
    await new Promise<void>((resolve) => void clock.after(POLL_MS, resolve));
  }
  signalGroup(pid, "SIGKILL");
}

/** Numbers are given again: it is the same process if it started then, or says whose run it is. */
function isAtWork({ pid, startedAs, boot, run }: Noted): boolean {
  if (boot !== bootId()) return false;
  return (
    (startedAs !== "" && startOf(pid) === startedAs) || (hasGroup(pid) && membersOf(pid).some((id) => isOf(id, run)))
  );
}

function hasGroup(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Processes of a group; none where there is no /proc. */
function membersOf(group: number): string[] {
  return listOf("/proc").filter((name) => /^\d+$/.test(name) && groupOf(name) === group);
}

/** /proc/<pid>/stat: "pid (name) state parent group …"; the name may hold spaces and brackets. */
function groupOf(pid: string): number {
  const stat = textOf(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]);
}

/** What starts in a run inherits its name. */
function isOf(pid: string, run: string): boolean {
  return textOf(`/proc/${pid}/environ`).split("\0").includes(`AISLE_RUN=${run}`);
}

function foldersIn(dir: string): string[] {
  return listOf(dir).map((name) => join(dir, name));
}

function notedIn(folder: string): Noted | null {
  try {
    const { pid, startedAs, boot, run } = JSON.parse(textOf(join(folder, FILE))) as Partial<Noted>;
    // A group of 0 or 1 would be our own, or everybody's.
    if (!Number.isInteger(pid) || pid! < 2 || typeof startedAs !== "string" || typeof boot !== "string") return null;
    return { pid: pid!, startedAs, boot, run: String(run) };
  } catch {
    return null;
  }
}

function listOf(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

/** "" when it can't be read. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
