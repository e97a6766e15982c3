import { beforeEach, describe, expect, it } from "vitest";
import { Board, type BoardRecord, cellOf, putCell } from "../../runtime/board/board.ts";
import { cell } from "../../runtime/board/cell.ts";
import { ManualClock } from "../../runtime/clock.ts";
import { type Blocker, type Gate, Scheduler, type SchedulerOptions } from "../../runtime/scheduler.ts";
import type { Conflict, PageConfig, PlannedActor } from "../../runtime/site.ts";
import { pageOf, plannedActor } from "../support/plans.ts";
import { prng } from "../support/prng.ts";

const SECOND = 1_000; // ms

const planned = (goal: string, more: Partial<PlannedActor> = {}) => plannedActor(goal, { page: "visits", ...more });
const apart = (goal: string, scope: Conflict["scope"] = "node", limit = 1): Conflict => ({ goal, limit, scope });

interface Work {
  readonly actor: PlannedActor;
  readonly record: BoardRecord;
}

const pagesOf = (actors: readonly PlannedActor[], more: Partial<PageConfig> = {}) => [
  pageOf(actors, { name: "visits", ready: false, ...more }),
  pageOf(actors, { name: "focuses", parent: "visits" }),
];

/** A scheduler whose work is begun, and ended by the test. */
class Bench {
  readonly clock = new ManualClock(1_000_000);
  readonly board: Board;
  /** "goal record", in the order of their start. */
  readonly started: string[] = [];
  readonly running: Work[] = [];
  /** Rules that kept a goal from starting, as they were told. */
  readonly blocked: string[] = [];
  readonly scheduler: Scheduler;

  constructor(
    actors: readonly PlannedActor[],
    options: Partial<SchedulerOptions> = {},
    page: Partial<PageConfig> = {},
  ) {
    this.board = new Board(pagesOf(actors, page));
    this.scheduler = new Scheduler(
      actors,
      (actor, record) => {
        this.started.push(`${actor.goal} ${record.key}`);
        this.running.push({ actor, record });
      },
      { clock: this.clock, blocked: (rule) => this.blocked.push(rule), ...options },
    );
  }

  visit(key: string): BoardRecord {
    const record = this.board.page("visits").add([key], null) as BoardRecord;
    record.ready = true;
    return record;
  }

  focus(key: string, parent: BoardRecord): BoardRecord {
    return this.board.page("focuses").add([key], null, { parent }) as BoardRecord;
  }

  /** A text is written into a column of data, and the scheduler is told of that column alone. */
  write(record: BoardRecord, name: string, text: string): void {
    const column = record.page.ensure(name);
    record.cells[column] = text;
    this.scheduler.changed(record, [column]);
  }

  /** A person, or an entry, puts a goal's cell. */
  put(record: BoardRecord, goal: string, state: "done" | "failed" | null): void {
    putCell(record, goal, state === null ? undefined : cell({ state }));
    this.scheduler.changed(record, [record.page.column(goal)!]);
  }

  /** The oldest work that runs, or that with a goal, ends: as it does when a result is in. */
  end(state: "done" | "failed" = "done", goal = this.running[0]!.actor.goal): void {
    const [{ actor, record }] = this.running.splice(
      this.running.findIndex((work) => work.actor.goal === goal),
      1,
    ) as [Work];
    putCell(record, actor.goal, cell({ state }));
    this.scheduler.ended(actor, record);
    this.scheduler.changed(record, [record.page.column(actor.goal)!]);
  }
}

describe("a scheduler", () => {
  it("starts what needs nothing, and marks it as running", () => {
    const bench = new Bench([planned("a")]);
    const visit = bench.visit("1");
    bench.scheduler.changed(visit);

    expect(bench.started).toEqual(["a 1"]);
    expect(cellOf(visit, "a")).toMatchObject({ state: "running", run: "", attempts: 0 });
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
    bench.focus("f", visit);
    bench.scheduler.changed(visit);
    expect(bench.started).toEqual(["a 1"]);
    bench.end();

    expect(bench.started).toEqual(["a 1", "b f"]);
  });

  it("prefers the child's own cell", () => {
    const bench = new Bench([planned("b", { page: "focuses", prerequisites: ["a"] })]);
    const visit = bench.visit("1");
    const focus = bench.focus("f", visit);
    putCell(visit, "a", cell({ state: "done" }));
    putCell(focus, "a", cell({ state: "failed" }));
    bench.scheduler.changed(visit);

    expect(bench.started).toEqual([]);
  });

  it("works on several goals of a record at once, begun in the order of the plan", () => {
    const bench = new Bench([planned("b"), planned("a"), planned("c")]);
    bench.scheduler.changed(bench.visit("1"));

    expect(bench.started).toEqual(["b 1", "a 1", "c 1"]);
    expect(bench.scheduler.working).toBe(3);
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
    const bench = new Bench([planned("a"), planned("b", { page: "focuses", conflicts: [apart("a", "node", 2)] })]);
    const [one, two] = ["1", "2"].map((key) => bench.visit(key));
    bench.focus("f", two!);
    bench.scheduler.changed(one!);
    bench.scheduler.changed(two!);
    expect(bench.started).toEqual(["a 1", "a 2"]);
    bench.end();

    expect(bench.started).toEqual(["a 1", "a 2", "b f"]);
  });

  it("does another goal of the record while a limit holds one up", () => {
    const bench = new Bench([planned("a", { maxSelves: 1 }), planned("b")]);
    for (const key of ["1", "2"]) bench.scheduler.changed(bench.visit(key));

    expect(bench.started).toEqual(["a 1", "b 1", "b 2"]);
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
    const goals = ["c", "b", "a"];
    const actors = goals.map((goal, index) => planned(goal, { prerequisites: goals.slice(index + 1, index + 2) }));
    const visit = new Board(pagesOf(actors)).page("visits").add(["1"], null) as BoardRecord;
    visit.ready = true;
    const order: string[] = [];
    const scheduler: Scheduler = new Scheduler(
      actors,
      (actor, record) => {
        order.push(actor.goal);
        putCell(record, actor.goal, cell({ state: "done" }));
        scheduler.ended(actor, record);
        scheduler.changed(record);
      },
      { clock: new ManualClock() },
    );
    scheduler.changed(visit);

    expect(order).toEqual(["a", "b", "c"]);
    expect(scheduler.working).toBe(0);
  });

  describe("told of a column", () => {
    const actors = [
      planned("a", { prerequisites: ["approved"] }),
      planned("b", { prerequisites: ["a", "weighed"] }),
      planned("c", { prerequisites: ["colour"] }),
    ];

    it("looks only at the goals that read it", () => {
      const bench = new Bench(actors);
      const visit = bench.visit("1");
      bench.write(visit, "weighed", "0");
      expect(bench.blocked).toEqual(["prerequisite"]);
      bench.write(visit, "colour", "1");
      expect(bench.started).toEqual(["c 1"]);
      bench.write(visit, "note", "1");

      expect(bench.blocked).toEqual(["prerequisite"]);
    });

    it("looks at the goal itself when its own cell was cleared", () => {
      const bench = new Bench(actors);
      const visit = bench.visit("1");
      bench.put(visit, "c", "failed");
      bench.write(visit, "colour", "1");
      expect(bench.started).toEqual([]);
      bench.put(visit, "c", null);

      expect(bench.started).toEqual(["c 1"]);
    });

    it("looks at all when it is ready or complete", () => {
      const bench = new Bench(actors);
      const visit = bench.visit("1");
      bench.scheduler.changed(visit, [visit.page.column("ready")!]);
      bench.scheduler.changed(visit, [visit.page.column("complete")!]);

      expect(bench.blocked.length).toBe(6);
    });

    it("looks at a goal once, though several of the columns are its own", () => {
      const bench = new Bench(actors);
      const visit = bench.visit("1");
      const columns = ["a", "weighed"].map((name) => visit.page.ensure(name));
      bench.scheduler.changed(visit, columns);

      // `a` by its own cell, `b` by both of its prerequisites.
      expect(bench.blocked.length).toBe(2);
    });

    it("looks at nobody when none has changed", () => {
      const bench = new Bench(actors);
      bench.scheduler.changed(bench.visit("1"), []);

      expect(bench.blocked).toEqual([]);
    });

    it("looks at a column that came after the plan", () => {
      const bench = new Bench(actors);
      const visit = bench.visit("1");
      expect(visit.page.column("colour")).toBe(undefined);
      bench.write(visit, "colour", "1");

      expect(bench.started).toEqual(["c 1"]);
    });
  });

  describe("waits for", () => {
    it("a field of data to be 1, and nothing else", () => {
      const bench = new Bench([planned("a", { prerequisites: ["weighed"] })]);
      const visit = bench.visit("1");
      for (const text of ["", "0", "yes", "true", "11"]) bench.write(visit, "weighed", text);
      expect(bench.started).toEqual([]);
      bench.write(visit, "weighed", "1");

      expect(bench.started).toEqual(["a 1"]);
    });

    it("a field of data to say yes, in a lenient page", () => {
      const bench = new Bench([planned("a", { prerequisites: ["weighed"] })], {}, { lenient: true });
      const visit = bench.visit("1");
      bench.write(visit, "weighed", "no");
      expect(bench.started).toEqual([]);
      bench.write(visit, "weighed", "Yes");

      expect(bench.started).toEqual(["a 1"]);
    });

    it("a person's cell, and starts nothing for the person", () => {
      const person = planned("checked", { kind: "person", person: { who: [], dueMs: null } });
      const bench = new Bench([person, planned("a", { prerequisites: ["checked"] })]);
      const visit = bench.visit("1");
      bench.scheduler.changed(visit);
      expect(bench.started).toEqual([]);
      bench.put(visit, "checked", "done");

      expect(bench.started).toEqual(["a 1"]);
    });

    it("the time before which it is not to be tried again", () => {
      const bench = new Bench([planned("a")]);
      const visit = bench.visit("1");
      const notBefore = bench.clock.now() + SECOND;
      putCell(visit, "a", cell({ state: "waiting", attempts: 2, notBefore }));
      bench.scheduler.changed(visit);
      expect([bench.started, bench.blocked]).toEqual([[], ["backoff"]]);
      bench.clock.advance(SECOND);
      bench.scheduler.changed(visit);

      expect(bench.started).toEqual(["a 1"]);
      expect(cellOf(visit, "a")).toMatchObject({ state: "running", attempts: 2 });
    });
  });

  describe("keeps apart", () => {
    it("two goals of one record, and lets other records alone", () => {
      const bench = new Bench([planned("a"), planned("b", { conflicts: [apart("a", "record")] })]);
      const [one, two] = ["1", "2"].map((key) => bench.visit(key));
      bench.scheduler.changed(one!);
      expect(bench.started).toEqual(["a 1"]);
      putCell(two!, "a", cell({ state: "done" }));
      bench.scheduler.changed(two!);
      expect(bench.started).toEqual(["a 1", "b 2"]);
      bench.end("failed", "a");

      expect(bench.started).toEqual(["a 1", "b 2", "b 1"]);
    });

    it("two goals of one record, each from the other", () => {
      const both = [
        planned("a", { conflicts: [apart("b", "record")] }),
        planned("b", { conflicts: [apart("a", "record")] }),
      ];
      const bench = new Bench(both);
      bench.scheduler.changed(bench.visit("1"));
      expect(bench.started).toEqual(["a 1"]);
      bench.end();

      expect(bench.started).toEqual(["a 1", "b 1"]);
    });

    it("two goals of one record without end when neither may start after all", () => {
      const both = [
        planned("a", { conflicts: [apart("b", "record")] }),
        planned("b", { conflicts: [apart("a", "record")] }),
      ];
      const bench = new Bench(both);
      const visit = bench.visit("1");
      bench.scheduler.changed(visit);
      for (let i = 0; i < 10 && bench.running.length > 0; i++) {
        const { actor } = bench.running.shift()!;
        putCell(visit, actor.goal, undefined);
        bench.scheduler.ended(actor, visit);
      }

      expect(bench.started).toEqual(["a 1", "b 1"]);
    });

    it("a goal from one of its record that another node was at work on", () => {
      const bench = new Bench([planned("a"), planned("b", { conflicts: [apart("a", "record")] })]);
      const visit = bench.visit("1");
      putCell(visit, "a", cell({ state: "running", host: "n2", run: "r1" }));
      bench.scheduler.changed(visit);
      expect(bench.started).toEqual([]);
      bench.put(visit, "a", "done");

      expect(bench.started).toEqual(["b 1"]);
    });

    it("two goals of the node, whatever the record", () => {
      const bench = new Bench([planned("a"), planned("b", { conflicts: [apart("a")] })]);
      const [one, two] = ["1", "2"].map((key) => bench.visit(key));
      putCell(two!, "a", cell({ state: "done" }));
      bench.scheduler.changed(one!);
      bench.scheduler.changed(two!);
      expect(bench.started).toEqual(["a 1"]);
      bench.end();

      expect(bench.started.toSorted()).toEqual(["a 1", "b 1", "b 2"]);
    });

    it("none for the whole site's sake: that is asked for with the claim", () => {
      const sitewide = { conflicts: [apart("a", "site")], maxSelves: 1, selvesScope: "site" } as const;
      const bench = new Bench([planned("a"), planned("b", sitewide)]);
      for (const key of ["1", "2"]) bench.scheduler.changed(bench.visit(key));

      expect(bench.started).toEqual(["a 1", "b 1", "a 2", "b 2"]);
    });
  });

  describe("has what is held up wait", () => {
    it("by rank, the highest first, then by who came first", () => {
      const rank = new Map([
        ["2", 1],
        ["4", 5],
        ["5", 5],
      ]);
      const bench = new Bench([planned("a", { maxSelves: 1 })], { rank: (_, { key }) => rank.get(key) ?? 0 });
      for (const key of ["1", "2", "3", "4", "5", "6"]) bench.scheduler.changed(bench.visit(key));
      while (bench.running.length > 0) bench.end();

      expect(bench.started).toEqual(["a 1", "a 4", "a 5", "a 2", "a 3", "a 6"]);
    });

    it("by the rank that it has when it was looked at last", () => {
      let first = "2";
      const bench = new Bench([planned("a", { maxSelves: 1 })], { rank: (_, { key }) => (key === first ? 1 : 0) });
      const visits = ["1", "2", "3"].map((key) => bench.visit(key));
      for (const visit of visits) bench.scheduler.changed(visit);
      first = "3";
      for (const visit of visits) bench.scheduler.changed(visit);
      bench.end();

      expect(bench.started).toEqual(["a 1", "a 3"]);
    });

    it("without losing a place: as many start as ended", () => {
      const bench = new Bench([
        planned("a", { maxSelves: 2 }),
        planned("b", { maxSelves: 1, conflicts: [apart("a")] }),
      ]);
      for (const key of ["1", "2", "3"]) bench.scheduler.changed(bench.visit(key));
      bench.end();
      bench.end();
      expect(bench.started).toEqual(["a 1", "a 2", "a 3"]);
      bench.end();
      bench.end();
      bench.end();

      expect(bench.started).toEqual(["a 1", "a 2", "a 3", "b 1", "b 2", "b 3"]);
    });
  });

  it("counts a self of an earlier process that is at work elsewhere", () => {
    const actor = planned("a", { maxSelves: 1 });
    const bench = new Bench([actor]);
    const [one, two] = ["1", "2"].map((key) => bench.visit(key));
    putCell(one!, "a", cell({ state: "running", host: "n1", run: "r1" }));
    bench.scheduler.resumed(actor);
    bench.scheduler.changed(one!);
    bench.scheduler.changed(two!);
    expect([bench.started, bench.scheduler.working]).toEqual([[], 1]);
    bench.scheduler.ended(actor, one!);

    expect(bench.started).toEqual(["a 2"]);
  });

  it("starts nothing once it is paused, or of some actors only nothing", () => {
    const bench = new Bench([planned("a"), planned("b", { kind: "shipped" })]);
    bench.scheduler.pause(({ kind }) => kind !== "shipped");
    bench.scheduler.changed(bench.visit("1"));
    expect(bench.started).toEqual(["b 1"]);
    bench.scheduler.pause();
    bench.scheduler.changed(bench.visit("2"));

    expect(bench.started).toEqual(["b 1"]);
  });

  it("starts nothing that is left out", () => {
    const admits = ({ goal }: PlannedActor, { key }: BoardRecord) => goal === "a" && key === "2";
    const bench = new Bench([planned("a"), planned("b")], { admits });
    for (const key of ["1", "2"]) bench.scheduler.changed(bench.visit(key));

    expect(bench.started).toEqual(["a 2"]);
  });

  describe("below a higher layer", () => {
    /** Holds the output of records; and reads of a field. */
    class Holds implements Gate {
      readonly held = new Set<string>();
      readonly instead = new Map<string, string>();

      inhibited(_actor: PlannedActor, { key }: BoardRecord) {
        return this.held.has(key) ? { by: "vetoed boys", layer: 2, until: 5 * SECOND } : null;
      }

      suppressed(_actor: PlannedActor, _record: BoardRecord, field: string) {
        return this.instead.get(field) ?? null;
      }
    }
    let gate: Holds;

    beforeEach(() => {
      gate = new Holds();
    });

    it("starts nothing that it holds, until it is released", () => {
      const bench = new Bench([planned("a"), planned("b", { maxSelves: 1 })], { gate });
      gate.held.add("1");
      bench.scheduler.changed(bench.visit("1"));
      expect([bench.started, bench.blocked]).toEqual([[], ["inhibited", "inhibited"]]);
      gate.held.clear();
      bench.scheduler.released("a");

      expect(bench.started).toEqual(["a 1"]);
    });

    it("starts what is free again, though other records are still held", () => {
      const bench = new Bench([planned("a")], { gate });
      for (const key of ["1", "2", "3"]) {
        gate.held.add(key);
        bench.scheduler.changed(bench.visit(key));
      }
      gate.held.delete("2");
      bench.scheduler.released("a");
      expect(bench.started).toEqual(["a 2"]);
      gate.held.clear();
      bench.scheduler.released("a");

      expect(bench.started).toEqual(["a 2", "a 1", "a 3"]);
    });

    it("takes no place while it is held", () => {
      const bench = new Bench([planned("a", { maxSelves: 1 })], { gate });
      gate.held.add("1");
      for (const key of ["1", "2"]) bench.scheduler.changed(bench.visit(key));

      expect(bench.started).toEqual(["a 2"]);
    });

    it.each([
      ["1", "0", []],
      ["0", "1", ["a 1"]],
    ])("reads what it says instead of the field: '%s' stands there, '%s' instead", (stands, instead, started) => {
      const bench = new Bench([planned("a", { prerequisites: ["weighed"] })], { gate });
      gate.instead.set("weighed", instead);
      bench.write(bench.visit("1"), "weighed", stands);

      expect(bench.started).toEqual(started);
    });

    it("forgets what it held in a plan that was changed", () => {
      const bench = new Bench([planned("a")], { gate });
      gate.held.add("1");
      const visit = bench.visit("1");
      bench.scheduler.changed(visit);
      bench.scheduler.adopt([planned("b")]);
      gate.held.clear();
      bench.scheduler.released("a");

      expect(bench.started).toEqual([]);
    });
  });

  describe("with a changed plan", () => {
    it("starts what it adds, and nothing that it withdrew", () => {
      const bench = new Bench([planned("a"), planned("b", { prerequisites: ["a"] })]);
      const visit = bench.visit("1");
      bench.scheduler.changed(visit);
      const plan = [planned("a"), planned("c", { prerequisites: ["a"] })];
      bench.board.adopt(pagesOf(plan));
      bench.scheduler.adopt(plan);
      bench.scheduler.changed(visit);
      bench.end();

      expect(bench.started).toEqual(["a 1", "c 1"]);
    });

    it("counts what runs on", () => {
      const bench = new Bench([planned("a", { maxSelves: 2 })]);
      const visits = ["1", "2", "3"].map((key) => bench.visit(key));
      for (const visit of visits) bench.scheduler.changed(visit);
      bench.scheduler.adopt([planned("a", { maxSelves: 1 })]);
      for (const visit of visits) bench.scheduler.changed(visit);
      bench.end();
      expect(bench.started).toEqual(["a 1", "a 2"]);
      bench.end();

      expect(bench.started).toEqual(["a 1", "a 2", "a 3"]);
    });

    it("reads the columns that the new plan reads", () => {
      const bench = new Bench([planned("a", { prerequisites: ["weighed"] })]);
      const visit = bench.visit("1");
      bench.write(visit, "weighed", "0");
      bench.scheduler.adopt([planned("a", { prerequisites: ["colour"] })]);
      bench.write(visit, "weighed", "1");
      expect(bench.started).toEqual([]);
      bench.write(visit, "colour", "1");

      expect(bench.started).toEqual(["a 1"]);
    });
  });

  describe("says why not", () => {
    const rules = (blockers: readonly Blocker[]) => blockers.map(({ rule }) => rule);
    const asked = (actor: PlannedActor, set: (bench: Bench, visit: BoardRecord) => void, more: PlannedActor[] = []) => {
      const bench = new Bench([actor, ...more]);
      const visit = bench.visit("1");
      set(bench, visit);
      return bench.scheduler.blockers(actor, visit);
    };

    it.each<[string, Partial<PlannedActor>, (visit: BoardRecord) => void, Blocker[]]>([
      ["nothing", {}, () => {}, []],
      ["that it is not ready", {}, (visit) => void Object.assign(visit, { ready: false }), [{ rule: "not-ready" }]],
      ["that it is complete", {}, (visit) => void Object.assign(visit, { complete: true }), [{ rule: "complete" }]],
      ["that it is done", {}, (visit) => putCell(visit, "a", cell({ state: "done" })), [{ rule: "done" }]],
      [
        "who is at work",
        {},
        (visit) => putCell(visit, "a", cell({ state: "running", host: "n2", run: "r7" })),
        [{ rule: "running", host: "n2", run: "r7" }],
      ],
      [
        "that it failed, how often and why",
        {},
        (visit) => putCell(visit, "a", cell({ state: "failed", attempts: 4, detail: "no air" })),
        [{ rule: "failed", attempts: 4, detail: "no air" }],
      ],
      [
        "until when it waits",
        {},
        (visit) => putCell(visit, "a", cell({ state: "waiting", attempts: 2, notBefore: 1_000_001 })),
        [{ rule: "backoff", attempts: 2, until: 1_000_001 }],
      ],
      [
        "nothing once the time is over",
        {},
        (visit) => putCell(visit, "a", cell({ state: "waiting", attempts: 2, notBefore: 1_000_000 })),
        [],
      ],
      [
        "which prerequisites lack, and how they stand",
        { prerequisites: ["b", "weighed", "c", "d"] },
        (visit) => {
          putCell(visit, "b", cell({ state: "failed" }));
          putCell(visit, "c", cell({ state: "done" }));
        },
        [
          { rule: "prerequisite", goal: "b", state: "failed" },
          { rule: "prerequisite", goal: "weighed", state: "empty" },
          { rule: "prerequisite", goal: "d", state: "empty" },
        ],
      ],
      [
        "which person is to fill it",
        { kind: "person", person: { who: ["anna"], dueMs: null } },
        () => {},
        [{ rule: "person", who: ["anna"] }],
      ],
    ])("%s", (_, more, set, blockers) => {
      expect(asked(planned("a", more), (_bench, visit) => set(visit))).toEqual(blockers);
    });

    it("with what it conflicts, and which limit is reached", () => {
      const actor = planned("a", { maxSelves: 1, conflicts: [apart("b", "record"), apart("c"), apart("d")] });
      const blockers = asked(
        actor,
        (bench, visit) => {
          putCell(visit, "b", cell({ state: "running" }));
          const other = bench.visit("2");
          for (const goal of ["b", "c", "d"]) putCell(other, goal, cell({ state: "done" }));
          bench.scheduler.resumed(actor);
          bench.scheduler.resumed(planned("c"));
        },
        [planned("b"), planned("c"), planned("d")],
      );

      expect(blockers).toEqual([
        { rule: "conflict", goal: "b", limit: 1, scope: "record" },
        { rule: "conflict", goal: "c", limit: 1, scope: "node" },
        { rule: "max-selves", limit: 1 },
      ]);
    });

    it("which layer holds it, and until when", () => {
      const gate: Gate = {
        suppressed: () => null,
        inhibited: () => ({ by: "vetoed boys", layer: 2, until: 7 }),
      };
      const actor = planned("a");
      const bench = new Bench([actor], { gate });

      expect(bench.scheduler.blockers(actor, bench.visit("1"))).toEqual([
        { rule: "inhibited", by: "vetoed boys", layer: 2, until: 7 },
      ]);
    });

    it("every rule at once", () => {
      const actor = planned("a", { prerequisites: ["b"], maxSelves: 1 });
      const blockers = asked(actor, (bench, visit) => {
        visit.ready = false;
        visit.complete = true;
        putCell(visit, "a", cell({ state: "failed" }));
        bench.scheduler.resumed(actor);
      });

      expect(rules(blockers)).toEqual(["not-ready", "complete", "failed", "prerequisite", "max-selves"]);
    });

    it("without starting anything", () => {
      const actor = planned("a");
      const bench = new Bench([actor]);
      bench.scheduler.blockers(actor, bench.visit("1"));

      expect([bench.started, bench.scheduler.working]).toEqual([[], 0]);
    });

    it("of an actor that it finds by page and goal", () => {
      const actor = planned("a");
      const { scheduler } = new Bench([planned("a", { page: "focuses" }), actor]);

      expect(scheduler.actorOf("visits", "a")).toBe(actor);
      expect(scheduler.actorOf("visits", "b")).toBe(undefined);
    });
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
        conflicts: goals
          .filter((other) => other !== goal && random() < 0.15)
          .map((other) => apart(other, random() < 0.5 ? "record" : "node", 1 + Math.floor(random() * 2))),
        maxSelves: random() < 0.3 ? 1 + Math.floor(random() * 2) : Number.POSITIVE_INFINITY,
      });
    });
    actors.sort(() => random() - 0.5);
    return { actors, random };
  }

  it("never starts a goal before its prerequisites hold, beyond its limits, or twice; and reaches all in the end", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const { actors, random } = randomPlan(seed);
      const board = new Board(pagesOf(actors));
      const running: Work[] = [];
      const started = new Set<string>();
      const selves = (goal: string) => running.filter(({ actor }) => actor.goal === goal).length;
      const reached = (record: BoardRecord | null, goal: string): boolean =>
        record !== null && (cellOf(record, goal)?.state === "done" || reached(record.parent, goal));
      const start = (actor: PlannedActor, record: BoardRecord) => {
        const what = `seed ${seed}: ${actor.goal} on ${record.key}`;
        expect(started.has(what), what).toBe(false);
        started.add(what);
        expect(
          actor.prerequisites.every((goal) => reached(record, goal)),
          what,
        ).toBe(true);
        expect(selves(actor.goal), what).toBeLessThan(actor.maxSelves);
        for (const { goal, limit, scope } of actor.conflicts) {
          const beside = running.filter((work) => work.actor.goal === goal);
          const counted = scope === "record" ? beside.filter((work) => work.record === record) : beside;
          expect(counted.length, what).toBeLessThan(limit);
        }
        running.push({ actor, record });
      };
      const scheduler = new Scheduler(actors, start, {
        clock: new ManualClock(),
        rank: () => Math.floor(random() * 3),
      });

      const records: BoardRecord[] = [];
      for (let visit = 0; visit < 4; visit++) {
        const record = board.page("visits").add([`v${visit}`], null) as BoardRecord;
        record.ready = true;
        const focuses = Array.from({ length: Math.floor(random() * 3) }, (_, i) =>
          board.page("focuses").add([`v${visit}f${i}`], null, { parent: record }),
        );
        records.push(record, ...(focuses as BoardRecord[]));
        scheduler.changed(record);
      }
      while (running.length > 0) {
        const [{ actor, record }] = running.splice(Math.floor(random() * running.length), 1) as [Work];
        putCell(record, actor.goal, cell({ state: "done" }));
        scheduler.ended(actor, record);
        scheduler.changed(record, [record.page.column(actor.goal)!]);
      }

      const due = records.reduce((sum, { page }) => sum + actors.filter((actor) => actor.page === page.name).length, 0);
      expect(started.size, `seed ${seed}`).toBe(due);
      expect(scheduler.working).toBe(0);
    }
  });
});
