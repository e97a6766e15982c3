// The pipeline that ships, on one node: its scripts, its sheet, its people.
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { boardCommand } from "../../runtime/cli/board.ts";
import { runCommand as runCommandOf } from "../../runtime/cli/run.ts";
import { runCommand } from "../support/command.ts";
import { type LabPlace, openLab, until } from "../support/lab-site.ts";

const PIPELINE = resolve("deploy/sites/pipeline");
const KEYS = ["mouse-1", "mouse-2", "mouse-3"];

/** A copy of the site: its scripts may be held up. */
function pipeline(): { dir: string; data: string } {
  const folder = mkdtempSync(join(tmpdir(), "aisle-pipeline-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const dir = join(folder, "pipeline");
  cpSync(PIPELINE, dir, { recursive: true });
  return { dir, data: join(folder, "data") };
}

const goals = (place: LabPlace, key: string, ...names: string[]) =>
  names.map((name) => place.row("samples", key)[name]);

interface Interval {
  readonly goal: string;
  readonly from: number;
  to: number;
}

/** The runs of a journal, from their claims to their ends, in sequences. */
function runsOf(place: LabPlace): Interval[] {
  const runs = new Map<string, Interval>();
  for (const { change, entry } of place.changes()) {
    if (change.do === "claim")
      runs.set(change.run, { goal: change.goal, from: entry.seq, to: Number.POSITIVE_INFINITY });
    if (change.do === "finish" || change.do === "lapse") runs.get(change.run)!.to = entry.seq;
  }
  return [...runs.values()];
}

describe("the pipeline that ships", () => {
  it("goes from the sheet to the report, with two people in between", async () => {
    const { dir, data } = pipeline();
    const place = await openLab(dir, data);
    const sheet = readFileSync(join(dir, "samples.csv"), "utf8");
    const { status, body } = await place.ask(
      "POST",
      "/pages/samples/csv",
      { text: sheet },
      { "content-type": "text/csv" },
    );
    expect({ status, body }).toMatchObject({ status: 200, body: { created: 3 } });
    await place.idle();

    // taskA has counted; now a person is to look.
    for (const key of KEYS) expect(goals(place, key, "taskA", "taskB", "taskC")).toEqual(["1", "", ""]);
    expect(KEYS.every((key) => /^\d+$/.test(place.row("samples", key).reads!))).toBe(true);
    for (const key of KEYS) await place.set("samples", key, { taskA_passes_qc: "1" }, "alice");
    await place.idle();

    // taskC has failed where coverage is low, and says how low.
    for (const key of ["mouse-1", "mouse-3"]) {
      expect(place.row("samples", key)).toMatchObject({
        taskB: "1",
        taskC: "1",
        taskD: "1",
        taskE: "1",
        complete: "1",
      });
      expect(Number(place.row("samples", key).coverage)).toBeGreaterThanOrEqual(10);
    }
    expect(place.row("samples", "mouse-2")).toMatchObject({
      taskB: "1",
      taskC: "F:n1",
      taskD: "",
      taskE: "",
      complete: "",
    });
    const coverage = Number(place.row("samples", "mouse-2").coverage);
    expect(coverage).toBeLessThan(10);
    expect(place.notices).toMatchObject([
      { goal: "taskC", key: "mouse-2", outcome: "failed", log: `coverage ${coverage} is below 10\n` },
    ]);

    // A person overrules it.
    await place.set("samples", "mouse-2", { taskC: "1" }, "bob");
    await place.idle();
    expect(place.row("samples", "mouse-2")).toMatchObject({ taskC: "1", taskD: "1", taskE: "1", complete: "1" });
    expect(Number(place.row("samples", "mouse-2").coverage)).toBe(coverage);

    const runs = runsOf(place);
    expect(runs.every(({ to }) => to < Number.POSITIVE_INFINITY)).toBe(true);
    const counts = ["A", "B", "C", "D", "E"].map((task) => runs.filter(({ goal }) => goal === `task${task}`).length);
    expect(counts).toEqual([3, 3, 3, 3, 3]);
  });

  it("never has taskB beside taskC on one node, whatever waits", async () => {
    const { dir, data } = pipeline();
    const place = await openLab(dir, data);
    const keys = Array.from({ length: 12 }, (_, i) => `rat-${i}`);
    const sheet = ["sample,ready,taskA,taskA_passes_qc,reads", ...keys.map((key) => `${key},1,1,1,400`)].join("\n");
    await place.ask("POST", "/pages/samples/csv", { text: sheet }, { "content-type": "text/csv" });
    await until(() => expect(keys.map((key) => place.row("samples", key).complete)).toEqual(keys.map(() => "1")));
    await place.idle();

    const runs = runsOf(place);
    const of = (goal: string) => runs.filter((run) => run.goal === goal);
    expect([of("taskB").length, of("taskC").length]).toEqual([12, 12]);
    for (const b of of("taskB")) for (const c of of("taskC")) expect(b.to < c.from || c.to < b.from).toBe(true);
    // Nor more of one than may.
    const most = (goal: string) =>
      Math.max(...of(goal).map(({ from }) => of(goal).filter((run) => run.from <= from && from < run.to).length));
    expect(most("taskB")).toBeLessThanOrEqual(3);
    expect(most("taskB")).toBeGreaterThan(1);
    expect(most("taskD")).toBe(1);
  });

  it("is worked off by cron, run by run", async () => {
    const { dir, data } = pipeline();
    const board = (...args: string[]) => runCommand(boardCommand, [...args, "--site", dir, "--data", data]);
    const run = async () => {
      const { out } = await runCommand(runCommandOf, [dir, "--data", data], { env: { PATH: process.env.PATH } });
      process.exitCode = 0;
      return out.at(-1);
    };

    await board("import", "samples", join(dir, "samples.csv"));
    expect(await run()).toBe("3 done, 0 failed, 0 to be tried again; 3 wait for a person");
    for (const key of KEYS) await board("set", "samples", key, "taskA_passes_qc=1", "--by", "alice");
    expect(await run()).toBe("9 done, 1 failed, 0 to be tried again");
    await board("set", "samples", "mouse-2", "taskC=1", "--by", "bob");
    expect(await run()).toBe("2 done, 0 failed, 0 to be tried again");
    expect((await board("show", "samples", "mouse-2")).out).toContainEqual(expect.stringMatching(/^complete +1$/));
  });
});
