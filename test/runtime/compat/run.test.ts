import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { rowOf } from "../../../runtime/board/board.ts";
import { systemClock } from "../../../runtime/clock.ts";
import type { Outcome } from "../../../runtime/compat/outcome.ts";
import { type CompatOptions, runCompat } from "../../../runtime/compat/run.ts";
import type { Launch } from "../../../runtime/compat/runner.ts";
import { createCommandExecutor } from "../../../runtime/runs/command.ts";
import type { Told } from "../../../runtime/runs/notices.ts";
import type { Plan, PlannedActor } from "../../../runtime/site.ts";
import { boardRig } from "../../support/board.ts";
import { pageConfig, plannedActor } from "../../support/plans.ts";
import { scratch, shell } from "../../support/scripts.ts";

const KEYS = [
  { name: "lab", required: true },
  { name: "batch", required: false },
  { name: "sample", required: true },
];

interface Walked {
  readonly ended: { readonly goal: string; readonly outcome: Outcome }[];
  readonly notices: Told[];
  readonly printed: string[];
  readonly logs: Map<string, string>;
  readonly together: string[];
}

/** A board in memory, and real scripts: each walk is one of `aisle run`. */
function lab(scripts: Readonly<Record<string, string>>, more: Readonly<Record<string, Partial<PlannedActor>>> = {}) {
  const dir = scratch();
  const goals = Object.keys(scripts);
  const plan: Plan = {
    pages: [
      pageConfig("samples", { keys: KEYS, goals, data: ["note", "qc"], ready: false }),
      pageConfig("urgent", { keys: KEYS, data: ["taskA"], ready: false }),
    ],
    actors: goals.map((goal) =>
      plannedActor(goal, { page: "samples", kind: "command", file: shell(dir, goal, scripts[goal]!), ...more[goal] }),
    ),
  };
  const rig = boardRig(plan);
  const { board, journal } = rig;
  let runs = 0;
  const walk = async (options: Partial<CompatOptions> = {}): Promise<Walked> => {
    const walked: Walked = { ended: [], notices: [], printed: [], logs: new Map(), together: [] };
    const working = new Set<string>();
    const env = { PATH: process.env.PATH };
    const command = createCommandExecutor({ cwd: dir, env, node: "box", dir: join(dir, "runs"), clock: systemClock });
    await runCompat({
      ...{ plan, board, node: "box", clock: systemClock, processes: () => [], sleepBetween: 0 },
      append: (drafts) => journal.append(drafts),
      executors: {
        command: {
          outside: true,
          run: async (job) => {
            for (const other of working) walked.together.push(`${other}+${job.actor.goal}`);
            working.add(job.actor.goal);
            try {
              return await command.run(job);
            } finally {
              working.delete(job.actor.goal);
            }
          },
        },
      },
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      newRun: () => `run-${++runs}`,
      log: (run, output) => void walked.logs.set(run, (walked.logs.get(run) ?? "") + String(output)),
      notice: (told) => void walked.notices.push(told),
      ended: ({ goal }: Launch, outcome) => void walked.ended.push({ goal, outcome }),
      terminal: (text) => void walked.printed.push(text),
      ...options,
    });
    return walked;
  };
  return { ...rig, walk, row: (key: string) => rowOf(board.page("samples").find(key)!) };
}

describe("a plan in the original's way", () => {
  it("gives scripts the key in rank order, and writes what they leave", async () => {
    const { set, walk, row, journal } = lab({
      taskA: 'printf \'{"note": "%s"}\' "$#:$1:$2:$3" > "$AISLE_RESULT"; echo done',
      taskB: 'printf \'{"note": "%s"}\' "run $AISLE_RUN" > "$AISLE_RESULT"; exit 1',
    });
    await set("samples", "lab1,,a", { ready: "1" });
    await set("samples", "lab1,,b");

    const { ended, logs } = await walk({ onlyGoals: ["taskA"] });

    expect(row("lab1,,a")).toMatchObject({ taskA: "1", taskB: "", note: "3:lab1::a" });
    expect(row("lab1,,b")).toMatchObject({ taskA: "", note: "" });
    expect(ended.map(({ outcome }) => outcome.kind).sort()).toEqual(["done", "skipped"]);
    expect([...logs]).toEqual([["run-1", "done\n"]]);
    expect(journal.disk.entries.map(({ subject }) => subject).slice(2)).toEqual([
      ...["board/claim", "board/set", "board/finish"],
    ]);

    await walk();
    expect(row("lab1,,a")).toMatchObject({ taskB: "F:box", note: "run run-2" });
  });

  it("goes the pipeline's way, walk for walk, with a person between", async () => {
    const order = { taskB: { prerequisites: ["taskA", "qc"] }, taskC: { prerequisites: ["taskB"] } };
    const { set, walk, row } = lab({ taskC: "true", taskB: "true", taskA: "true" }, order);
    await set("samples", "lab1,,a", { ready: "1" });
    const states = () => ["taskA", "taskB", "taskC"].map((goal) => row("lab1,,a")[goal]);

    await walk();
    expect(states()).toEqual(["1", "", ""]);
    await walk();
    expect(states()).toEqual(["1", "", ""]);
    await set("samples", "lab1,,a", { qc: "1" });
    await walk();
    expect(states()).toEqual(["1", "1", ""]);
    await walk();
    expect(states()).toEqual(["1", "1", "1"]);
  });

  it("lets goals that conflict never run together, nor more of one than may", async () => {
    const apart = (goal: string) => ({ conflicts: [{ goal, limit: 1, scope: "node" as const }] });
    const { set, walk, row } = lab(
      { taskB: "sleep 0.05", taskC: "sleep 0.05" },
      { taskB: { ...apart("taskC"), maxSelves: 1 }, taskC: apart("taskB") },
    );
    const keys = ["a", "b", "c"].map((sample) => `lab1,,${sample}`);
    for (const key of keys) await set("samples", key, { ready: "1" });

    let walks = 0;
    const open = () => keys.some((key) => row(key).taskB === "" || row(key).taskC === "");
    for (; open() && walks < 20; walks++) {
      const { together } = await walk();
      expect(together.filter((pair) => pair !== "taskC+taskC")).toEqual([]);
    }

    expect(open()).toBe(false);
    expect(walks).toBeGreaterThan(1);
  });

  it("takes the host's other processes into account", async () => {
    const { set, walk, row } = lab(
      { taskA: "true" },
      { taskA: { conflicts: [{ goal: "taskA", limit: 1, scope: "node" }] } },
    );
    await set("samples", "lab1,,a", { ready: "1" });

    await walk({ processes: () => [{ pid: 9, command: "/bin/sh /elsewhere/taskA lab9 x" }] });
    expect(row("lab1,,a").taskA).toBe("");
    await walk({ processes: () => [{ pid: 9, command: "/bin/sh /elsewhere/taskAB lab9 x" }] });
    expect(row("lab1,,a").taskA).toBe("1");
  });

  it("keeps the mark of a run that left a field which the page lacks, and sends a notice", async () => {
    const { set, walk, row } = lab({ taskA: 'printf \'{"nosuch": 1}\' > "$AISLE_RESULT"' });
    await set("samples", "lab1,,a", { ready: "1" });

    const { notices } = await walk();

    expect(row("lab1,,a").taskA).toBe("r:box");
    expect(notices).toMatchObject(
      [{ goal: "taskA", run: "run-1", key: "lab1,,a", outcome: "failed", detail: /nosuch/ }].map(
        ({ detail, ...told }) => ({ ...told, detail: expect.stringMatching(detail) }),
      ),
    );
  });

  it("ends a run that takes too long", async () => {
    const { set, walk, row } = lab({ taskA: "exec sleep 60" }, { taskA: { timeoutMs: 50 } });
    await set("samples", "lab1,,a", { ready: "1" });

    await walk();

    expect(row("lab1,,a").taskA).toBe("F:box");
  });

  it("works off a page whose rows name records of another", async () => {
    const { set, walk, row } = lab({ taskA: "true" });
    await set("samples", "lab1,,a", { ready: "1" });
    await set("samples", "lab1,,b", { ready: "1" });
    await set("samples", "lab1,,c");
    for (const key of ["lab1,,b", "lab1,,c", "lab1,,gone"]) await set("urgent", key);

    const { ended } = await walk({ onlyPages: ["urgent"] });

    expect(["a", "b", "c"].map((sample) => row(`lab1,,${sample}`).taskA)).toEqual(["", "1", ""]);
    expect(ended.map(({ outcome }) => outcome.kind).sort()).toEqual(["done", "error", "skipped"]);
  });

  it("says what it would do in a dry run, and does nothing", async () => {
    const { set, walk, row } = lab({ taskA: "true" });
    await set("samples", "lab1,,a", { ready: "1" });

    const { printed, ended } = await walk({ dryRun: true, skipPages: ["urgent"] });

    expect(printed.join("")).toMatch(/\/taskA lab1 {2}a\n/);
    expect([row("lab1,,a").taskA, ended]).toEqual(["", []]);
  });

  it("refuses actors that answer later", async () => {
    const { walk } = lab({ taskA: "true" }, { taskA: { kind: "remote" } });

    await expect(walk()).rejects.toThrow(/'taskA' is done by somebody remote/);
  });
});
