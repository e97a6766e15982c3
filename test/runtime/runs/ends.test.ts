import { describe, expect, it } from "vitest";
import type { PlannedActor } from "../../../runtime/site.ts";
import { plannedActor } from "../../support/plans.ts";
import { Hands, Workbench } from "../../support/workbench.ts";

const SECOND = 1_000; // ms
const MINUTE = 60 * SECOND;
const one = (more: Partial<PlannedActor> = {}) => [plannedActor("a", more)];
const retries = { max: 2, backoffMs: SECOND, backoffMaxMs: 3 * SECOND };

describe("a run that takes too long", () => {
  it("is told to end, and tried again", async () => {
    const bench = new Workbench({ actors: one({ timeoutMs: MINUTE, retries }) });
    await bench.set({});
    const { signal } = bench.hands.last;
    await bench.pass(MINUTE - 1);
    expect(signal.aborted).toBe(false);
    await bench.pass(1);

    expect(signal.aborted).toBe(true);
    expect((signal.reason as Error).message).toBe("it took longer than 60000 ms");
    expect(bench.cell("a")).toMatchObject({ state: "waiting", detail: "took longer than 60000 ms", attempts: 1 });
    expect(bench.notices).toMatchObject([{ outcome: "lapsed", detail: "took longer than 60000 ms" }]);
    await bench.pass(SECOND + 1);
    expect(bench.hands.jobs.length).toBe(2);
  });

  it("has failed where the plan says so", async () => {
    const bench = new Workbench({ actors: one({ timeoutMs: MINUTE, onLapse: "fail" }) });
    await bench.set({});
    await bench.pass(MINUTE);

    expect(bench.row().a).toBe("F:n1");
    expect(bench.counted).toEqual(["a lapsed"]);
  });

  it("has failed after the last of its runs", async () => {
    const bench = new Workbench({ actors: one({ timeoutMs: MINUTE, retries: { ...retries, max: 1 } }) });
    await bench.set({});
    await bench.pass(MINUTE);
    await bench.pass(SECOND + 1);
    await bench.pass(MINUTE);

    expect([bench.hands.jobs.length, bench.row().a]).toEqual([2, "F:n1"]);
  });

  it("brings a result that counts for nothing", async () => {
    const bench = new Workbench({ actors: one({ timeoutMs: MINUTE, onLapse: "fail" }) });
    await bench.set({});
    await bench.pass(MINUTE);
    bench.hands.end(bench.hands.last, "done", { fields: { note: "late" } });
    await bench.settle();

    expect(bench.row()).toMatchObject({ a: "F:n1" });
    expect(bench.changes).toEqual(["set", "claim a", "lapse a"]);
  });

  it("gives its place to the next", async () => {
    const bench = new Workbench({ actors: one({ timeoutMs: MINUTE, onLapse: "fail", maxSelves: 1 }) });
    for (const key of ["1", "2"]) await bench.set({}, key);
    await bench.pass(MINUTE);

    expect(bench.hands.begun).toEqual(["a 1", "a 2"]);
  });
});

describe("an accepted run", () => {
  const accepted = async (more: Partial<PlannedActor> = {}) => {
    const bench = new Workbench({ actors: one({ kind: "remote", ...more }), executors: { remote: new Hands(true) } });
    const hands = bench.remote;
    await bench.set({});
    hands.end(hands.last, "accepted");
    await bench.settle();
    return { bench, run: hands.last.run, signal: hands.last.signal };
  };

  it("stays claimed while it is renewed, and ends by its report", async () => {
    const { bench, run } = await accepted({ leaseMs: 30 * SECOND });
    for (let i = 0; i < 5; i++) {
      await bench.pass(29 * SECOND);
      expect(bench.work.renew(run)).toBe(true);
    }
    expect(bench.row().a).toBe("r:n1");
    expect(await bench.work.report(run, { outcome: "done", fields: { note: "n" } })).toBe(true);

    expect(bench.row()).toMatchObject({ a: "1", note: "n" });
    expect(bench.work.renew(run)).toBe(false);
    await bench.pass(MINUTE);
    expect(bench.changes).toEqual(["set", "claim a", "finish a"]);
  });

  it("whose lease runs out lapses, and its late report is refused", async () => {
    const { bench, run, signal } = await accepted({ leaseMs: 30 * SECOND, retries });
    await bench.pass(30 * SECOND);

    expect(bench.cell("a")).toMatchObject({ state: "waiting", detail: "was not renewed for 30000 ms" });
    expect(signal.aborted).toBe(true);
    expect(bench.notices).toMatchObject([{ outcome: "lapsed", run }]);
    expect([bench.work.renew(run), await bench.work.report(run, { outcome: "done" })]).toEqual([false, false]);
    await bench.pass(SECOND + 1);
    expect(bench.cell("a")).toMatchObject({ state: "running", attempts: 2 });
  });

  it("whose lease runs out has failed where the plan says so", async () => {
    const { bench } = await accepted({ leaseMs: 30 * SECOND, onLapse: "fail" });
    await bench.pass(30 * SECOND);

    expect(bench.row().a).toBe("F:n1");
  });

  it("may take no longer than any other, however often it is renewed", async () => {
    const { bench, run } = await accepted({ leaseMs: 30 * SECOND, timeoutMs: MINUTE, onLapse: "fail" });
    for (let i = 0; i < 3; i++) {
      await bench.pass(20 * SECOND);
      bench.work.renew(run);
    }

    expect(bench.cell("a")).toMatchObject({ state: "failed", detail: "took longer than 60000 ms" });
  });

  it("may be reported before it was said to be accepted", async () => {
    const bench = new Workbench({ actors: one({ kind: "remote" }), executors: { remote: new Hands(true) } });
    await bench.set({});
    const { last } = bench.remote;
    await bench.work.report(last.run, { outcome: "done" });
    bench.remote.end(last, "accepted");
    await bench.pass(60 * SECOND);

    expect(bench.row().a).toBe("1");
    expect(bench.changes).toEqual(["set", "claim a", "finish a"]);
  });

  it("that was never given is not known", async () => {
    const { bench } = await accepted();

    expect(await bench.work.report("n1-9-9", { outcome: "done" })).toBe(false);
    expect(bench.work.renew("n1-9-9")).toBe(false);
  });
});

describe("a person who writes over a run", () => {
  it.each([
    ["1", "1", 1],
    ["F", "F", 1],
    ["", "r:n1", 2],
  ])("with '%s' ends it: '%s' stands, %d jobs were begun", async (text, stands, jobs) => {
    const bench = new Workbench({ actors: one() });
    await bench.set({});
    const [first] = bench.hands.jobs;
    await bench.set({ a: text });
    bench.hands.end(first!, "done", { fields: { note: "late" } });
    await bench.settle();

    expect(first!.signal.aborted).toBe(true);
    expect(bench.row().a).toBe(stands);
    expect([bench.hands.jobs.length, bench.runner.scheduler.working]).toEqual([jobs, jobs - 1]);
    expect(bench.counted).toEqual(["a cancelled"]);
  });

  it("leaves other goals of the record, and other records, alone", async () => {
    const bench = new Workbench({ actors: [plannedActor("a"), plannedActor("b")] });
    for (const key of ["1", "2"]) await bench.set({}, key);
    await bench.set({ a: "1", note: "n" });

    expect(bench.hands.jobs.map(({ actor, key, signal }) => [actor.goal, key, signal.aborted])).toEqual([
      ["a", "1", true],
      ["b", "1", false],
      ["a", "2", false],
      ["b", "2", false],
    ]);
  });

  it("gives its place to the next", async () => {
    const bench = new Workbench({ actors: one({ maxSelves: 1 }) });
    for (const key of ["1", "2"]) await bench.set({}, key);
    await bench.set({ a: "F" });

    expect(bench.hands.begun).toEqual(["a 1", "a 2"]);
  });

  it("by taking the record off the board ends it too", async () => {
    const bench = new Workbench({ actors: one() });
    await bench.set({});
    await bench.append({ do: "remove", page: "jobs", key: "1" });

    expect(bench.hands.last.signal.aborted).toBe(true);
    expect([bench.work.busy, bench.runner.scheduler.working]).toEqual([0, 0]);
  });

  it("has a run that nobody wrote over begun anew when it is told to end", async () => {
    const bench = new Workbench({ actors: one() });
    await bench.set({});
    bench.work.cancel(bench.hands.last.run);
    await bench.pass(1);
    expect(bench.hands.jobs.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    bench.hands.end(bench.hands.last, "done");
    await bench.settle();

    expect([bench.row().a, bench.runner.scheduler.working]).toEqual(["1", 0]);
  });

  it("has a run begun anew that is not the one that is told to end", async () => {
    const bench = new Workbench({ actors: one() });
    await bench.set({});
    const { run } = bench.hands.last;
    await bench.set({ a: "" });
    // As the door does that the person wrote through.
    bench.work.cancel(run);
    bench.hands.end(bench.hands.last, "done");
    await bench.settle();

    expect(bench.row().a).toBe("1");
  });

  it("before the claim of an outside run is on disk has nobody hear of it", async () => {
    const bench = new Workbench({ actors: one({ kind: "command" }), executors: { command: new Hands(true) } });
    bench.journal.hold();
    const set = bench.set({});
    await bench.settle();
    const over = bench.set({ a: "1" });
    bench.journal.release();
    await Promise.all([set, over]);

    expect(bench.command.jobs).toEqual([]);
    expect(bench.row().a).toBe("1");
  });
});
