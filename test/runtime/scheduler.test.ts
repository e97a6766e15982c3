import { describe, expect, it } from "vitest";
import { Board, type BoardRecord } from "../../runtime/board.ts";
import { Scheduler } from "../../runtime/scheduler.ts";
import type { PlannedActor } from "../../runtime/site.ts";
import { prng } from "../support/prng.ts";

function planned(goal: string, more: Partial<PlannedActor> = {}): PlannedActor {
  const least = { page: "visits", prerequisites: [], conflicts: {}, maxSelves: Number.POSITIVE_INFINITY };
  return { goal, ...least, subsumes: [], layer: 0, on: [], with: {}, ...more };
}

interface Work {
  readonly actor: PlannedActor;
  readonly record: BoardRecord;
}

/** A scheduler whose work is begun, and ended by the test. */
class Bench {
  readonly board = new Board(["visits", "focuses"]);
  /** "goal record", in the order of their start. */
  readonly started: string[] = [];
  readonly running: Work[] = [];
  readonly scheduler: Scheduler;

  constructor(actors: readonly PlannedActor[]) {
    this.scheduler = new Scheduler(actors, (actor, record) => {
      this.started.push(`${actor.goal} ${record.key}`);
      this.running.push({ actor, record });
    });
  }

  visit(key: string): BoardRecord {
    const record = this.board.add("visits", key, null) as BoardRecord;
    record.ready = true;
    return record;
  }

  /** The oldest work that runs, or that with a goal, ends: as it does when a result is in. */
  end(state: "done" | "failed" = "done", goal = this.running[0]!.actor.goal): void {
    const [{ actor, record }] = this.running.splice(
      this.running.findIndex((work) => work.actor.goal === goal),
      1,
    ) as [Work];
    record.cells.set(actor.goal, state === "done" ? { state, value: null } : { state, detail: "" });
    this.scheduler.ended(actor.goal);
    this.scheduler.changed(record);
  }
}

describe("a scheduler", () => {
  it("starts what needs nothing, and marks it as running", () => {
    const bench = new Bench([planned("a")]);
    const visit = bench.visit("1");
    bench.scheduler.changed(visit);

    expect(bench.started).toEqual(["a 1"]);
    expect(visit.cells.get("a")).toEqual({ state: "running" });
  });

  it("starts nothing twice", () => {
    const bench = new Bench([planned("a")]);
    const visit = bench.visit("1");
    bench.scheduler.changed(visit);
    bench.scheduler.changed(visit);
    bench.end();

    expect(bench.started).toEqual(["a 1"]);
  });

  it("waits for the prerequisites on the record", () => {
    const bench = new Bench([planned("b", { prerequisites: ["a"] }), planned("a")]);
    bench.scheduler.changed(bench.visit("1"));
    expect(bench.started).toEqual(["a 1"]);
    bench.end();

    expect(bench.started).toEqual(["a 1", "b 1"]);
  });

  it("starts nothing whose prerequisite failed", () => {
    const bench = new Bench([planned("a"), planned("b", { prerequisites: ["a"] })]);
    bench.scheduler.changed(bench.visit("1"));
    bench.end("failed");

    expect(bench.started).toEqual(["a 1"]);
  });

  it("takes a parent's goal for the child's, and wakes children when the parent changes", () => {
    const bench = new Bench([planned("a"), planned("b", { page: "focuses", prerequisites: ["a"] })]);
    const visit = bench.visit("1");
    bench.board.add("focuses", "f", null, visit);
    bench.scheduler.changed(visit);
    expect(bench.started).toEqual(["a 1"]);
    bench.end();

    expect(bench.started).toEqual(["a 1", "b f"]);
  });

  it("prefers the child's own cell", () => {
    const bench = new Bench([planned("b", { page: "focuses", prerequisites: ["a"] })]);
    const visit = bench.visit("1");
    const focus = bench.board.add("focuses", "f", null, visit);
    visit.cells.set("a", { state: "done", value: null });
    focus.cells.set("a", { state: "failed", detail: "" });
    bench.scheduler.changed(visit);

    expect(bench.started).toEqual([]);
  });

  it("has one self work on a record at a time, in the order of the plan", () => {
    const bench = new Bench([planned("b"), planned("a"), planned("c")]);
    bench.scheduler.changed(bench.visit("1"));
    expect(bench.started).toEqual(["b 1"]);
    bench.end();
    bench.end();

    expect(bench.started).toEqual(["b 1", "a 1", "c 1"]);
  });

  it("works on many records at once", () => {
    const bench = new Bench([planned("a")]);
    for (const key of ["1", "2"]) bench.scheduler.changed(bench.visit(key));

    expect(bench.started).toEqual(["a 1", "a 2"]);
    expect(bench.scheduler.working).toBe(2);
  });

  it.each([
    ["is not ready", { ready: false }],
    ["is complete", { complete: true }],
  ])("starts nothing on a record that %s", (_, state) => {
    const bench = new Bench([planned("a")]);
    const visit = bench.visit("1");
    Object.assign(visit, state);
    bench.scheduler.changed(visit);

    expect(bench.started).toEqual([]);
  });

  it("leaves alone what is woken by events", () => {
    const bench = new Bench([planned("a", { on: ["move"] })]);
    bench.scheduler.changed(bench.visit("1"));

    expect(bench.started).toEqual([]);
  });

  it("keeps a goal to its number of selves, and starts the next in turn when one is done", () => {
    const bench = new Bench([planned("a", { maxSelves: 2 })]);
    for (const key of ["1", "2", "3", "4"]) bench.scheduler.changed(bench.visit(key));
    expect(bench.started).toEqual(["a 1", "a 2"]);
    bench.end();

    expect(bench.started).toEqual(["a 1", "a 2", "a 3"]);
  });

  it("waits while as many as the conflict says pursue the other goal", () => {
    const bench = new Bench([planned("a"), planned("b", { page: "focuses", conflicts: { a: 2 } })]);
    const [one, two] = ["1", "2"].map((key) => bench.visit(key));
    bench.board.add("focuses", "f", null, two!);
    bench.scheduler.changed(one!);
    bench.scheduler.changed(two!);
    expect(bench.started).toEqual(["a 1", "a 2"]);
    bench.end();

    expect(bench.started).toEqual(["a 1", "a 2", "b f"]);
  });

  it("does another goal of the record while a limit holds one up", () => {
    const bench = new Bench([planned("a", { maxSelves: 1 }), planned("b")]);
    for (const key of ["1", "2"]) bench.scheduler.changed(bench.visit(key));

    expect(bench.started).toEqual(["a 1", "b 2"]);
  });

  it("forgets a record that was held up and is complete by now", () => {
    const bench = new Bench([planned("a", { maxSelves: 1 })]);
    const [one, two] = ["1", "2"].map((key) => bench.visit(key));
    bench.scheduler.changed(one!);
    bench.scheduler.changed(two!);
    two!.complete = true;
    bench.end();

    expect(bench.started).toEqual(["a 1"]);
  });

  it("goes through a chain whose work ends at once", () => {
    const board = new Board(["visits"]);
    const visit = board.add("visits", "1", null) as BoardRecord;
    visit.ready = true;
    const goals = ["c", "b", "a"];
    const order: string[] = [];
    const scheduler: Scheduler = new Scheduler(
      goals.map((goal, index) => planned(goal, { prerequisites: goals.slice(index + 1, index + 2) })),
      ({ goal }, record) => {
        order.push(goal);
        record.cells.set(goal, { state: "done", value: null });
        scheduler.ended(goal);
        scheduler.changed(record);
      },
    );
    scheduler.changed(visit);

    expect(order).toEqual(["a", "b", "c"]);
    expect(scheduler.working).toBe(0);
  });

  interface RandomPlan {
    readonly actors: readonly PlannedActor[];
    readonly random: () => number;
  }

  /** Up to 6 goals on two pages; goals wait only for earlier letters, so that all can be reached. */
  function randomPlan(seed: number): RandomPlan {
    const random = prng(seed);
    const goals = [..."abcdef"].slice(0, 1 + Math.floor(random() * 6));
    const pages = goals.map(() => (random() < 0.5 ? "visits" : "focuses"));
    const actors = goals.map((goal, index) => {
      const reachable = goals.filter(
        (_, other) => other < index && (pages[other] === "visits" || pages[index] === "focuses"),
      );
      return planned(goal, {
        page: pages[index]!,
        prerequisites: reachable.filter(() => random() < 0.4),
        conflicts: Object.fromEntries(
          goals
            .filter((other) => other !== goal && random() < 0.15)
            .map((other) => [other, 1 + Math.floor(random() * 2)]),
        ),
        maxSelves: random() < 0.3 ? 1 + Math.floor(random() * 2) : Number.POSITIVE_INFINITY,
      });
    });
    actors.sort(() => random() - 0.5);
    return { actors, random };
  }

  it("never starts a goal before its prerequisites hold, beyond its limits, or twice; and reaches all in the end", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const { actors, random } = randomPlan(seed);
      const board = new Board(["visits", "focuses"]);
      const running: Work[] = [];
      const started = new Set<string>();
      const selves = (goal: string) => running.filter(({ actor }) => actor.goal === goal).length;
      const reached = (record: BoardRecord | null, goal: string): boolean =>
        record !== null && (record.cells.get(goal)?.state === "done" || reached(record.parent, goal));
      const scheduler = new Scheduler(actors, (actor, record) => {
        const what = `seed ${seed}: ${actor.goal} on ${record.key}`;
        expect(started.has(what), what).toBe(false);
        started.add(what);
        expect(
          actor.prerequisites.every((goal) => reached(record, goal)),
          what,
        ).toBe(true);
        expect(selves(actor.goal), what).toBeLessThan(actor.maxSelves);
        for (const [goal, limit] of Object.entries(actor.conflicts)) expect(selves(goal), what).toBeLessThan(limit);
        expect(
          running.some((work) => work.record === record),
          what,
        ).toBe(false);
        running.push({ actor, record });
      });

      const records: BoardRecord[] = [];
      for (let visit = 0; visit < 4; visit++) {
        const record = board.add("visits", `v${visit}`, null) as BoardRecord;
        record.ready = true;
        const focuses = Array.from({ length: Math.floor(random() * 3) }, (_, i) =>
          board.add("focuses", `v${visit}f${i}`, null, record),
        );
        records.push(record, ...(focuses as BoardRecord[]));
        scheduler.changed(record);
      }
      while (running.length > 0) {
        const [{ actor, record }] = running.splice(Math.floor(random() * running.length), 1) as [Work];
        record.cells.set(actor.goal, { state: "done", value: null });
        scheduler.ended(actor.goal);
        scheduler.changed(record);
      }

      const due = records.reduce((sum, { page }) => sum + actors.filter((actor) => actor.page === page).length, 0);
      expect(started.size, `seed ${seed}`).toBe(due);
      expect(scheduler.working).toBe(0);
    }
  });
});
