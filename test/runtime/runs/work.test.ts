import { describe, expect, it } from "vitest";
import { limits } from "../../../runtime/limits.ts";
import type { Gate } from "../../../runtime/scheduler.ts";
import type { PlannedActor } from "../../../runtime/site.ts";
import { plannedActor } from "../../support/plans.ts";
import { atOnce, Workbench } from "../../support/workbench.ts";

const SECOND = 1_000; // ms
const MINUTE = 60 * SECOND;
const one = (more: Partial<PlannedActor> = {}) => [plannedActor("a", more)];
const retries = { max: 2, backoffMs: SECOND, backoffMaxMs: 3 * SECOND };

describe("a run", () => {
  it("is told of the record, by name and as it stands", async () => {
    const bench = new Workbench({ actors: one() });
    await bench.set({ note: "cloudy" }, "x%2Cy");
    const { page, key, keys, row, run, attempt, token, signal, actor } = bench.hands.last;

    expect({ page, key, keys, attempt, token, goal: actor.goal, aborted: signal.aborted }).toEqual({
      ...{ page: "jobs", key: "x%2Cy", keys: { id: "x,y" }, attempt: 1, token: 0, goal: "a", aborted: false },
    });
    expect(row).toEqual({ id: "x,y", ready: "1", a: "r:n1", note: "cloudy", complete: "" });
    expect(bench.cell("a", "x%2Cy")).toMatchObject({ state: "running", host: "n1", run, attempts: 1, by: "n1" });
    expect(bench.changes).toEqual(["set", "claim a"]);
  });

  it.each([
    ["done", "1"],
    ["failed", "F:n1"],
  ] as const)("that is %s shows '%s', and writes its fields", async (outcome, text) => {
    const bench = new Workbench({ actors: one() });
    await bench.set({});
    bench.hands.end(bench.hands.last, outcome, { fields: { metric: 7, note: "n", list: [1] }, detail: "so it is" });
    await bench.settle();

    expect(bench.row()).toMatchObject({ a: text, metric: "7", note: "n", list: "[1]" });
    expect(bench.cell("a")).toMatchObject({ state: outcome, attempts: 1, detail: "so it is" });
    expect(bench.counted).toEqual([`a ${outcome}`]);
    expect([bench.work.busy, bench.runner.scheduler.working]).toEqual([0, 0]);
  });

  it("that is done lets the next goal start", async () => {
    const bench = new Workbench({ actors: [plannedActor("b", { prerequisites: ["a"] }), plannedActor("a")] });
    await bench.set({});
    expect(bench.hands.begun).toEqual(["a 1"]);
    bench.hands.end(bench.hands.last, "done");
    await bench.settle();

    expect(bench.hands.begun).toEqual(["a 1", "b 1"]);
  });

  it("that answers at once goes to the disk with its claim, and the goal after it too", async () => {
    const actors = [plannedActor("a"), plannedActor("b", { prerequisites: ["a"] })];
    const bench = new Workbench({ actors, executors: { module: atOnce(() => ({ outcome: "done" })) } });
    await bench.set({});

    expect(bench.changes).toEqual(["set", "claim a", "finish a", "claim b", "finish b"]);
    expect(bench.journal.commits).toBe(1);
    expect([bench.work.busy, bench.runner.scheduler.working]).toEqual([0, 0]);
  });

  it("that failed is final, and tells people", async () => {
    const bench = new Workbench({ actors: one() });
    await bench.set({});
    bench.hands.last.log("reading…\nno air\n");
    bench.hands.end(bench.hands.last, "failed", { detail: "no air" });
    await bench.settle();
    await bench.pass(60 * MINUTE);

    expect(bench.hands.jobs.length).toBe(1);
    expect(bench.notices).toEqual([
      {
        ...{ host: "n1", page: "jobs", key: "1", keys: { id: "1" }, goal: "a", run: bench.hands.last.run, attempt: 1 },
        ...{ outcome: "failed", detail: "no air", log: "reading…\nno air\n" },
      },
    ]);
  });

  it("that failed is begun anew when a person clears the cell", async () => {
    const bench = new Workbench({ actors: one() });
    await bench.set({});
    bench.hands.end(bench.hands.last, "failed");
    await bench.settle();
    await bench.set({ a: "" });

    expect(bench.hands.jobs.map(({ attempt }) => attempt)).toEqual([1, 1]);
  });

  it.each([
    [
      "throws",
      atOnce(() => {
        throw new Error("boom");
      }),
    ],
    ["rejects", { outside: false, run: () => Promise.reject(new Error("boom")) }],
  ])("that %s has failed, with the message", async (_, module) => {
    const bench = new Workbench({ actors: one(), executors: { module } });
    await bench.set({});

    expect(bench.row().a).toBe("F:n1");
    expect(bench.cell("a")!.detail).toBe("boom");
    expect(bench.notices).toMatchObject([{ outcome: "failed", detail: "boom" }]);
  });

  it("of a kind that nobody does here has failed, and says so", async () => {
    const bench = new Workbench({ actors: one({ kind: "command" }) });
    await bench.set({});

    expect(bench.cell("a")).toMatchObject({ state: "failed", detail: "nobody does 'command' here" });
  });

  it("ends once: a second result counts for nothing", async () => {
    const bench = new Workbench({ actors: one() });
    await bench.set({});
    const { last } = bench.hands;
    await bench.work.report(last.run, { outcome: "done" });
    expect(await bench.work.report(last.run, { outcome: "failed" })).toBe(false);
    bench.hands.end(last, "failed");
    await bench.settle();

    expect(bench.row().a).toBe("1");
    expect(bench.changes).toEqual(["set", "claim a", "finish a"]);
  });

  it("never has an id that was given before", async () => {
    const bench = new Workbench({ actors: one() });
    for (const key of ["1", "2"]) await bench.set({}, key);
    const again = bench.restarted();
    await again.pass(SECOND + 1);
    const runs = [...bench.hands.jobs, ...again.hands.jobs].map(({ run }) => run);

    expect([runs.length, new Set(runs).size]).toEqual([4, 4]);
  });
});

describe("fields that a run returns", () => {
  it("and that a closed page does not know are told of, and the rest is written", async () => {
    const bench = new Workbench({ actors: one(), page: { data: ["metric"] } });
    await bench.set({});
    bench.hands.end(bench.hands.last, "done", { fields: { metrics: 8, metric: 7 }, detail: "measured" });
    await bench.settle();
    const problem = "fields not written: page 'jobs' has no column 'metrics' (did you mean 'metric'?)";

    expect(bench.row()).toMatchObject({ a: "1", metric: "7" });
    expect(bench.cell("a")!.detail).toBe(`measured; ${problem}`);
    expect(bench.notices).toMatchObject([{ outcome: "rejected-fields", detail: problem, goal: "a" }]);
  });

  it("and that can't be written as a text leave the goal done", async () => {
    const ring: unknown[] = [];
    ring.push(ring);
    const bench = new Workbench({ actors: one() });
    await bench.set({});
    bench.hands.end(bench.hands.last, "done", { fields: { ring, metric: 7 } });
    await bench.settle();

    expect(bench.row()).toMatchObject({ a: "1", metric: "7" });
    expect(bench.cell("a")!.detail).toMatch(/^fields not written: 'ring'/);
  });
});

describe("a result of retry", () => {
  it("is tried again after a while that doubles, up to the longest; then it has failed", async () => {
    const bench = new Workbench({ actors: one({ retries: { ...retries, max: 3 } }) });
    await bench.set({});
    const waits: number[] = [];
    while (bench.row().a !== "F:n1") {
      bench.hands.end(bench.hands.last, "retry", { detail: "busy", fields: { tries: bench.hands.jobs.length } });
      await bench.settle();
      const { notBefore } = bench.cell("a")!;
      if (notBefore === 0) break;
      waits.push(notBefore - bench.clock.now());
      await bench.pass(waits.at(-1)! - 1);
      expect(bench.row().a).toBe("");
      await bench.pass(2);
    }

    expect(waits).toEqual([SECOND, 2 * SECOND, 3 * SECOND]);
    expect(bench.hands.jobs.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
    expect(bench.row()).toMatchObject({ a: "F:n1", tries: "4" });
    expect(bench.cell("a")).toMatchObject({ attempts: 4, detail: "busy; given up after 4 runs" });
    expect(bench.notices.map(({ outcome }) => outcome)).toEqual(["failed"]);
    expect(bench.counted).toEqual(["a retry", "a retry", "a retry", "a failed"]);
  });

  it("has failed at once where the plan allows no second run", async () => {
    const bench = new Workbench({ actors: one({ retries: { ...retries, max: 0 } }) });
    await bench.set({});
    bench.hands.end(bench.hands.last, "retry");
    await bench.settle();

    expect(bench.cell("a")).toMatchObject({ state: "failed", detail: "given up after 1 runs" });
  });

  it("has a person's cleared cell tried at once", async () => {
    const bench = new Workbench({ actors: one({ retries }) });
    await bench.set({});
    bench.hands.end(bench.hands.last, "retry");
    await bench.settle();
    await bench.set({ a: "" });

    expect(bench.hands.jobs.map(({ attempt }) => attempt)).toEqual([1, 1]);
  });

  it("waits for the time again when the clock was set back meanwhile", async () => {
    const bench = new Workbench({ actors: one({ retries }) });
    await bench.set({});
    bench.hands.end(bench.hands.last, "retry");
    await bench.settle();
    const { clock } = bench;
    const real = clock.now.bind(clock);
    clock.now = () => real() - MINUTE;
    await bench.pass(2 * SECOND);
    expect(bench.hands.jobs.length).toBe(1);
    await bench.pass(MINUTE);

    expect(bench.hands.jobs.length).toBe(2);
  });
});

describe("a higher layer that inhibits a goal", () => {
  it("keeps a result back that comes meanwhile, and has it done again afterwards", async () => {
    let ends: number | null = null;
    const gate: Gate = {
      suppressed: () => null,
      inhibited: () => (ends === null ? null : { by: "vetoed boys", layer: 2, until: ends }),
    };
    const bench = new Workbench({ actors: one(), gate });
    await bench.set({});
    ends = bench.clock.now() + 10 * MINUTE;
    bench.hands.end(bench.hands.last, "done", { fields: { note: "n" } });
    await bench.settle();

    expect(bench.row()).toMatchObject({ a: "" });
    expect(bench.cell("a")).toMatchObject({
      ...{ state: "waiting", notBefore: ends, detail: "its result was inhibited by 'vetoed boys', layer 2" },
    });
    ends = null;
    await bench.pass(10 * MINUTE + 1);
    bench.hands.end(bench.hands.last, "done");
    await bench.settle();
    expect([bench.row().a, bench.hands.jobs.length]).toEqual(["1", 2]);
  });

  it("shows a run what it says in place of a field", async () => {
    const suppressed: Gate["suppressed"] = (_actor, _record, field) => (field === "note" ? "clear" : null);
    const bench = new Workbench({ actors: one(), gate: { suppressed, inhibited: () => null } });
    await bench.set({ note: "cloudy" });

    expect(bench.hands.last.row).toMatchObject({ id: "1", note: "clear" });
  });
});

describe("what is under way", () => {
  it("on a goal is known: on which records, by which runs", async () => {
    const bench = new Workbench({ actors: [plannedActor("a"), plannedActor("b")] });
    for (const key of ["1", "2"]) await bench.set({}, key);
    bench.hands.end(bench.hands.jobs[0]!, "done");
    await bench.settle();

    expect(bench.work.doing("a")).toEqual([{ page: "jobs", key: "2", run: bench.cell("a", "2")!.run }]);
    expect(bench.work.doing("b").map(({ key }) => key)).toEqual(["1", "2"]);
  });
});

describe("many starts at once", () => {
  it("are begun a bounded number in a turn of the event loop, each once", async () => {
    const bench = new Workbench({ actors: one(), executors: { module: atOnce(() => ({ outcome: "done" })) } });
    const count = 2 * limits.runsPerTurn + 10;
    const keys = Array.from({ length: count }, (_, i) => String(i));
    const set = Promise.all(keys.map((key) => bench.set({}, key)));
    expect(keys.filter((key) => bench.row(key).a === "1").length).toBe(limits.runsPerTurn);
    await set;
    await bench.settle();

    expect(keys.every((key) => bench.row(key).a === "1")).toBe(true);
    expect([bench.counted.length, bench.work.busy, bench.runner.scheduler.working]).toEqual([count, 0, 0]);
  });

  it("leave out what a person wrote into while it waited for its turn", async () => {
    const bench = new Workbench({ actors: one() });
    const keys = Array.from({ length: limits.runsPerTurn + 3 }, (_, i) => String(i));
    const [filled, cleared, gone] = keys.slice(-3);
    const sets = keys.map((key) => bench.set({}, key));
    sets.push(bench.set({ a: "1" }, filled!), bench.set({ a: "" }, cleared!));
    sets.push(bench.append({ do: "remove", page: "jobs", key: gone! }));
    await Promise.all(sets);
    await bench.settle();

    const begun = (key: string) => bench.hands.begun.filter((each) => each === `a ${key}`).length;
    expect([filled, cleared, gone].map((key) => begun(key!))).toEqual([0, 1, 0]);
    expect([bench.row(filled!).a, bench.row(cleared!).a]).toEqual(["1", "r:n1"]);
    expect(bench.runner.scheduler.working).toBe(limits.runsPerTurn + 1);
  });
});
