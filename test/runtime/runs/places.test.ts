import { describe, expect, it } from "vitest";
import { type Claim, LocalClaims } from "../../../runtime/claims/claims.ts";
import { limits } from "../../../runtime/limits.ts";
import type { Executor, Job, Result } from "../../../runtime/runs/job.ts";
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

/** Claims that can be taken away. */
class LosableClaims extends LocalClaims {
  lose: (claim: Claim) => void = () => {};

  onLost(listener: (claim: Claim) => void): void {
    this.lose = listener;
  }
}

describe("the place of a run that is told to end", () => {
  async function held() {
    const [slow, hands, claims] = [new Slow(), new Hands(), new LosableClaims()];
    const actors = [
      plannedActor("a", { timeoutMs: MINUTE, onLapse: "fail" }),
      plannedActor("b", { kind: "command", conflicts: [{ goal: "a", limit: 1, scope: "node" }] }),
    ];
    const bench = new Workbench({ actors, claims, executors: { module: slow, command: hands } });
    await bench.set({});
    return { bench, slow, hands, claims };
  }

  it.each<[string, (of: Awaited<ReturnType<typeof held>>) => Promise<void> | void]>([
    ["a person wrote over it", ({ bench }) => bench.set({ a: "1" })],
    ["its claim was lost", ({ claims, slow }) => claims.lose({ run: slow.jobs[0]!.run, attempt: 1, token: 0 })],
  ])("stays taken until it has really ended: %s", async (_, end) => {
    const of = await held();
    await end(of);
    await of.bench.pass(1);
    expect([of.slow.jobs[0]!.signal.aborted, of.hands.begun]).toEqual([true, []]);
    of.slow.endAll();
    await of.bench.pass(1);

    expect(of.hands.begun).toEqual(["b 1"]);
  });

  it("stays taken until it has really ended: it took too long", async () => {
    const { bench, slow, hands } = await held();
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
