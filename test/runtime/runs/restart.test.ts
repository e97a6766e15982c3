import { describe, expect, it } from "vitest";
import { changeOf } from "../../../runtime/board/change.ts";
import { AisleError } from "../../../runtime/errors.ts";
import type { Conflict, PlannedActor } from "../../../runtime/site.ts";
import { cutAfter } from "../../support/memory-journal.ts";
import { plannedActor } from "../../support/plans.ts";
import { prng } from "../../support/prng.ts";
import { Hands, Workbench } from "../../support/workbench.ts";

const SECOND = 1_000; // ms
const one = (more: Partial<PlannedActor> = {}) => [plannedActor("a", more)];
const retries = { max: 2, backoffMs: SECOND, backoffMaxMs: 3 * SECOND };
const apart = (goal: string, scope: Conflict["scope"] = "node"): Conflict => ({ goal, limit: 1, scope });

describe("a restart", () => {
  it("lets a claim of the earlier process lapse, and tries again", async () => {
    const bench = new Workbench({ actors: one({ retries }) });
    await bench.set({});
    const again = bench.restarted();
    await again.settle();

    expect(again.lastChange).toMatchObject({ do: "lapse", goal: "a", run: bench.hands.last.run, why: "restart" });
    expect(again.cell("a")).toMatchObject({ state: "waiting", attempts: 1 });
    await again.pass(SECOND + 1);
    expect(again.hands.jobs.map(({ attempt }) => attempt)).toEqual([2]);
  });

  it("lets it fail where the plan says so, and after the last run", async () => {
    for (const more of [{ onLapse: "fail" }, { retries: { ...retries, max: 0 } }] as const) {
      const bench = new Workbench({ actors: one(more) });
      await bench.set({});
      const again = bench.restarted();
      await again.settle();

      expect(again.row().a).toBe("F:n1");
    }
  });

  it("lets it fail when no actor of the plan owns the goal any more", async () => {
    const bench = new Workbench({ actors: one() });
    await bench.set({});
    const again = bench.restarted({ actors: [], page: { goals: ["a"] } });
    await again.settle();

    expect(again.row().a).toBe("F:n1");
  });

  it("leaves a claim of another node alone", async () => {
    const bench = new Workbench({ actors: one() });
    await bench.set({});
    const other = bench.restarted({ node: "n2" });
    await other.settle();

    expect(other.row().a).toBe("r:n1");
    expect(other.changes).toEqual(["set", "claim a"]);
  });

  it("waits on for what is to be tried again", async () => {
    const bench = new Workbench({ actors: one({ retries }) });
    await bench.set({});
    bench.hands.end(bench.hands.last, "retry");
    await bench.settle();
    const again = bench.restarted();
    await again.pass(SECOND - 1);
    expect(again.hands.jobs).toEqual([]);
    await again.pass(2);

    expect(again.hands.jobs.map(({ attempt }) => attempt)).toEqual([2]);
  });

  it("starts what could have started, and nothing that is done", async () => {
    const bench = new Workbench({ actors: one({ maxSelves: 1 }) });
    for (const key of ["1", "2"]) await bench.set({}, key);
    bench.journal.hold();
    bench.hands.end(bench.hands.jobs[0]!, "done");
    await bench.settle();
    bench.journal.commit();
    const again = bench.restarted();
    await again.pass(SECOND + 1);

    expect(again.hands.begun).toEqual(["a 2"]);
  });

  it("after a stop tries again what was told to end by it", async () => {
    const bench = new Workbench({ actors: one({ retries, maxSelves: 1 }) });
    for (const key of ["1", "2"]) await bench.set({}, key);
    const [first] = bench.hands.jobs;
    const drained = bench.runner.drain(SECOND);
    bench.clock.advance(SECOND);
    await drained;
    bench.hands.end(first!, "failed", { detail: "told to end" });
    await bench.settle();

    expect(first!.signal.aborted).toBe(true);
    expect(bench.hands.begun).toEqual(["a 1"]);
    expect(bench.lastChange).toMatchObject({ do: "lapse", why: "restart", outcome: "retry" });
    const again = bench.restarted();
    await again.pass(2 * SECOND);
    expect(again.hands.begun).toEqual(["a 2"]);
    again.hands.end(again.hands.last, "done");
    await again.settle();
    expect(again.hands.begun).toEqual(["a 2", "a 1"]);
  });
});

describe("a cut of the power", () => {
  // Two more runs than ever say retry, for the one that the cut ends.
  const many = { ...retries, max: 4 };
  const actors = [
    plannedActor("a", { retries: many, maxSelves: 2 }),
    plannedActor("b", { prerequisites: ["a"], retries: many, conflicts: [apart("c")] }),
    plannedActor("c", { prerequisites: ["a"], retries: many, conflicts: [apart("b")] }),
    plannedActor("d", { prerequisites: ["b", "c"], retries: many }),
  ];
  const keys = ["1", "2", "3"];

  /** Ends what runs, in random order, until nothing is left to do. */
  async function finished(bench: Workbench, random: () => number): Promise<void> {
    const ended = new Set<string>();
    for (let turn = 0; turn < 1_000; turn++) {
      const open = bench.hands.jobs.filter(({ run, signal }) => !ended.has(run) && !signal.aborted);
      const job = open[Math.floor(random() * open.length)];
      if (job === undefined && keys.every((key) => bench.row(key).d === "1")) return;
      if (job !== undefined) {
        ended.add(job.run);
        bench.hands.end(job, job.attempt < 3 && random() < 0.2 ? "retry" : "done");
      }
      await bench.settle();
      if (job === undefined) await bench.pass(SECOND);
    }
  }

  /** Goals by the number of entries that brought them to their end. */
  function ends({ journal }: Workbench): Record<string, number> {
    const ended: Record<string, number> = {};
    for (const entry of journal.disk.entries) {
      const change = changeOf(entry);
      if (change?.do !== "finish" || change.outcome !== "done") continue;
      const what = `${change.goal} ${change.key}`;
      ended[what] = (ended[what] ?? 0) + 1;
    }
    return ended;
  }

  it.each([1, 2, 3])(
    "after any entry leaves every goal to be done, and each is finished once: seed %d",
    async (seed) => {
      const whole = new Workbench({ actors });
      for (const key of keys) await whole.set({}, key);
      await finished(whole, prng(seed));
      const once = Object.fromEntries(keys.flatMap((key) => ["a", "b", "c", "d"].map((goal) => [`${goal} ${key}`, 1])));
      expect(ends(whole)).toEqual(once);

      for (let cut = 1; cut <= whole.journal.lastSeq; cut++) {
        const disk = cutAfter(whole.journal.disk, cut);
        const bench = whole.restarted({ disk, now: disk.entries.at(-1)!.receivedAt });
        for (const key of keys) if (bench.find(key) === undefined) await bench.set({}, key);
        await finished(bench, prng(seed + cut));

        const shown = `seed ${seed}, cut after entry ${cut}`;
        expect(ends(bench), shown).toEqual(once);
        expect([bench.faults, bench.work.busy, bench.runner.scheduler.working], shown).toEqual([[], 0, 0]);
      }
    },
  );
});

describe("a journal", () => {
  it("has the claim of an outside run on disk before it starts", async () => {
    const bench = new Workbench({ actors: one({ kind: "command" }), executors: { command: new Hands(true) } });
    bench.journal.hold();
    const set = bench.set({});
    await bench.settle();
    expect([bench.row().a, bench.command.jobs]).toEqual(["r:n1", []]);
    bench.journal.release();
    await set;

    expect(bench.command.begun).toEqual(["a 1"]);
  });

  it("has a change on disk before anybody outside hears of it", async () => {
    const bench = new Workbench({ actors: one() });
    bench.journal.hold();
    const set = bench.set({});
    await bench.settle();
    expect(bench.boarded).toEqual([]);
    bench.journal.release();
    await set;

    expect(bench.boarded).toEqual(["1 set", "2 claim"]);
  });

  it("need not have that of a run within", async () => {
    const bench = new Workbench({ actors: one() });
    bench.journal.hold();
    const set = bench.set({});
    await bench.settle();
    expect(bench.hands.begun).toEqual(["a 1"]);
    bench.journal.release();
    await set;
  });

  it("that is full gets the result a little later", async () => {
    const bench = new Workbench({ actors: one() });
    await bench.set({});
    bench.journal.queueMax = 0;
    bench.hands.end(bench.hands.last, "done", { fields: { note: "n" } });
    for (let i = 0; i < 5; i++) await bench.pass(20);
    expect([bench.row().a, bench.work.busy, bench.runner.scheduler.working]).toEqual(["r:n1", 1, 1]);
    bench.journal.queueMax = 10;
    await bench.pass(20);

    expect(bench.row()).toMatchObject({ a: "1", note: "n" });
    expect([bench.faults, bench.work.busy, bench.runner.scheduler.working]).toEqual([[], 0, 0]);
  });

  it("that is full when the claim comes gets no result before it", async () => {
    const bench = new Workbench({ actors: one() });
    bench.journal.queueMax = 1;
    bench.journal.hold();
    const set = bench.set({});
    await bench.settle();
    bench.journal.queueMax = 10;
    bench.hands.end(bench.hands.last, "done");
    await bench.settle();
    bench.journal.release();
    await set;
    await bench.pass(20);

    expect(bench.changes).toEqual(["set", "claim a", "finish a"]);
    expect([bench.row().a, bench.work.busy]).toEqual(["1", 0]);
  });

  it("that is full when the claim comes lets a person write over it", async () => {
    const bench = new Workbench({ actors: one() });
    bench.journal.queueMax = 1;
    const set = bench.set({});
    bench.journal.queueMax = 10;
    await set;
    await bench.set({ note: "n" });
    expect(bench.hands.last.signal.aborted).toBe(false);
    await bench.set({ a: "1" });
    await bench.pass(20);

    expect(bench.hands.last.signal.aborted).toBe(true);
    expect([bench.row().a, bench.runner.scheduler.working]).toEqual(["1", 0]);
  });

  it("that is full when the claim comes has a cancelled run begun anew", async () => {
    const bench = new Workbench({ actors: one({ maxSelves: 1 }) });
    bench.journal.queueMax = 1;
    const set = bench.set({});
    bench.journal.queueMax = 10;
    await set;
    bench.work.cancel(bench.hands.last.run);
    await bench.pass(20);
    await bench.pass(1);
    expect(bench.hands.jobs.length).toBe(2);
    bench.hands.end(bench.hands.last, "done");
    await bench.settle();

    expect([bench.row().a, bench.runner.scheduler.working]).toEqual(["1", 0]);
  });

  it("that breaks is told of once, and leaves nobody waiting", async () => {
    const bench = new Workbench({ actors: one() });
    await bench.set({});
    bench.journal.failNext(new AisleError("unavailable", "the disk is full"));
    const reported = bench.work.report(bench.hands.last.run, { outcome: "done" });

    expect(await reported).toBe(false);
    expect(bench.faults).toEqual(["the board can't be journalled: the disk is full"]);
    expect(bench.work.busy).toBe(0);
    const again = bench.restarted();
    await again.pass(SECOND + 1);
    expect(again.hands.begun).toEqual(["a 1"]);
  });

  it("that breaks at the claim of an outside run has nobody begin it", async () => {
    const bench = new Workbench({ actors: one({ kind: "command" }), executors: { command: new Hands(true) } });
    bench.journal.hold();
    const set = bench.set({});
    await bench.settle();
    bench.journal.failNext(new AisleError("unavailable", "the disk is full"));
    bench.journal.release();

    await expect(set).rejects.toThrow("the disk is full");
    await bench.settle();
    expect(bench.command.jobs).toEqual([]);
    expect(bench.work.busy).toBe(0);
  });
});
