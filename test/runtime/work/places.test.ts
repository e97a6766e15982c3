import { describe, expect, it } from "vitest";
import { limits } from "../../../runtime/limits.ts";
import type { Executor, Job, Result } from "../../../runtime/work/job.ts";
import { plannedActor } from "../../support/plans.ts";
import { Hands, Workbench } from "../../support/workbench.ts";

const MINUTE = 60_000; // ms

/** An executor whose runs take a while to end when they are told to. */
class Slow implements Executor {
  readonly outside = false;
  readonly jobs: Job[] = [];
  readonly #ends: (() => void)[] = [];

  run(job: Job): Promise<Result> {
    this.jobs.push(job);
    return new Promise((end) => this.#ends.push(() => end({ outcome: "failed" })));
  }

  endAll(): void {
    for (const end of this.#ends.splice(0)) end();
  }
}

describe("the place of a run that took too long", () => {
  it("stays taken until it has really ended", async () => {
    const slow = new Slow();
    const actors = [
      plannedActor("a", { timeoutMs: MINUTE, onLapse: "fail" }),
      plannedActor("b", { kind: "command", conflicts: [{ goal: "a", limit: 1, scope: "node" }] }),
    ];
    const hands = new Hands();
    const bench = new Workbench({ actors, executors: { module: slow, command: hands } });
    await bench.set({});
    await bench.pass(MINUTE);
    expect([slow.jobs[0]!.signal.aborted, bench.cell("a")?.state, hands.begun]).toEqual([true, "running", []]);
    slow.endAll();
    await bench.pass(1);

    expect([bench.cell("a")?.state, hands.begun.length]).toEqual(["failed", 1]);
  });
});

describe("more runs than may be outside this process at once", () => {
  it("wait without a claim, and without their time running", async () => {
    const hands = new Hands(true);
    const bench = new Workbench({ actors: [plannedActor("a", { timeoutMs: MINUTE })], executors: { module: hands } });
    const keys = Array.from({ length: limits.outsideRuns + 1 }, (_, i) => String(i));
    for (const key of keys) await bench.set({}, key);
    await bench.pass(1);
    const last = keys.at(-1)!;
    expect(hands.jobs.length).toBe(limits.outsideRuns);
    expect(bench.changes.filter((change) => change === "claim a").length).toBe(limits.outsideRuns);
    expect(bench.cell("a", last)).toMatchObject({ state: "running", run: "" });
    hands.end(hands.jobs[0]!, "done");
    await bench.pass(1);

    expect(hands.last.key).toBe(last);
  });
});
