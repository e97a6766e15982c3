import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { systemClock } from "../../../runtime/clock.ts";
import { bootId, startOf } from "../../../runtime/journal/owner.ts";
import { endOrphans, noteProcess } from "../../../runtime/runs/orphans.ts";
import { emit } from "../../support/emit.ts";
import { hastyClock, scratch, shell } from "../../support/scripts.ts";

/** Processes take their time, above all on a busy machine. */
const until = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 10_000 });

let built: ReturnType<typeof emit>;
let dir: string;

beforeAll(() => {
  const leaves = ["runtime/errors.ts", "runtime/limits.ts", "runtime/clock.ts", "runtime/journal/owner.ts"];
  built = emit(["runtime/runs", "runtime/board", ...leaves], []);
});
afterAll(() => built.remove());
beforeEach(() => {
  dir = scratch();
});

/** Kills a process of ours as if the plug were pulled, with one command at work; returns the command's processes. */
async function orphaned(lines: string, count: number): Promise<number[]> {
  const file = shell(dir, "taskA", lines);
  const parent = spawn(process.execPath, [resolve("test/fixtures/runs/orphan-parent.mjs"), built.dir, dir, file]);
  let printed = "";
  parent.stdout.on("data", (part) => {
    printed += part;
  });
  parent.stderr.pipe(process.stderr);
  const pidsIn = () => (printed.match(/\d+(?=\s)/g) ?? []).map(Number);
  await until(() => expect(pidsIn().length).toBe(count));
  parent.kill("SIGKILL");
  await exit(parent);
  const pids = pidsIn();
  onTestFinished(() => {
    for (const pid of pids) killIfThere(pid);
  });
  return pids;
}

const exit = (child: ChildProcess) => new Promise((done) => child.once("exit", done));
const isAlive = (pid: number) => startOf(pid) !== null;

function killIfThere(pid: number): void {
  if (!(pid > 1)) throw new Error(`${pid} is more than one process`);
  try {
    process.kill(pid, "SIGKILL");
  } catch {}
}

describe("commands of a place that was killed", () => {
  it("live on, and are ended when it starts again, with all that they started", async () => {
    const pids = await orphaned("sleep 300 & echo $$ $!; wait", 2);
    expect(pids.map(isAlive)).toEqual([true, true]);

    const ended = await endOrphans(join(dir, "runs"), systemClock);

    expect(ended).toEqual(["box-1-abc-1"]);
    await until(() => expect(pids.map(isAlive)).toEqual([false, false]));
    expect(readdirSync(join(dir, "runs"))).toEqual([]);
  });

  it("are ended by force when they do not want to", async () => {
    const [pid] = await orphaned("trap '' TERM; echo $$; while :; do sleep 0.05; done", 1);

    await endOrphans(join(dir, "runs"), hastyClock);

    await until(() => expect(isAlive(pid!)).toBe(false));
  });

  it.runIf(process.platform === "linux")("are ended too when only what they started is left", async () => {
    const [first, second] = await orphaned("sleep 300 & echo $$ $!; wait", 2);
    process.kill(first!, "SIGKILL");
    await until(() => expect(isAlive(first!)).toBe(false));
    expect(isAlive(second!)).toBe(true);

    await endOrphans(join(dir, "runs"), systemClock);

    await until(() => expect(isAlive(second!)).toBe(false));
  });
});

describe("processes that only have the number of a command", () => {
  /** A process in a group of its own that has nothing to do with us, noted as if it worked for a run. */
  function stranger(changes: object): number {
    const child = spawn("sleep", ["300"], { detached: true, stdio: "ignore" });
    onTestFinished(() => killIfThere(child.pid!));
    const folder = join(dir, "runs", "run-1");
    mkdirSync(folder, { recursive: true });
    noteProcess(folder, child.pid!, "r1");
    const file = join(folder, "process.json");
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), ...changes }));
    return child.pid!;
  }

  it.each([
    ["started at another time", { startedAs: "1" }],
    ["belong to another run of the machine", { boot: "another" }],
    ["have no known start", { startedAs: "" }],
  ])("are let be when they %s", async (_, changes) => {
    const pid = stranger(changes);

    expect(await endOrphans(join(dir, "runs"), systemClock)).toEqual([]);
    expect(isAlive(pid)).toBe(true);
  });

  it("are ended when they are the same", async () => {
    const pid = stranger({});

    expect(await endOrphans(join(dir, "runs"), systemClock)).toEqual(["r1"]);
    await until(() => expect(isAlive(pid)).toBe(false));
  });

  it.each([
    ["no JSON", "{"],
    ["no number", `{"pid":"x","startedAs":"1","boot":"${bootId()}","run":"r"}`],
    ["the number of all processes", `{"pid":1,"startedAs":"${startOf(1)}","boot":"${bootId()}","run":"r"}`],
    ["our own group", `{"pid":0,"startedAs":"","boot":"${bootId()}","run":"r"}`],
  ])("are let be when %s is noted", async (_, text) => {
    mkdirSync(join(dir, "runs", "run-1"), { recursive: true });
    writeFileSync(join(dir, "runs", "run-1", "process.json"), text);

    expect(await endOrphans(join(dir, "runs"), systemClock)).toEqual([]);
    expect(readdirSync(join(dir, "runs"))).toEqual([]);
  });

  it("are no matter where nothing ever ran", async () => {
    expect(await endOrphans(join(dir, "none"), systemClock)).toEqual([]);
  });
});
