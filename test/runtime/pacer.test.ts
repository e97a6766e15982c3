import { describe, expect, it } from "vitest";
import { Board, type BoardRecord, cellOf } from "../../runtime/board/board.ts";
import { type Cell, isBegun } from "../../runtime/board/cell.ts";
import { ManualClock } from "../../runtime/clock.ts";
import { type Pace, Pacer } from "../../runtime/pacer.ts";
import { Scheduler } from "../../runtime/scheduler.ts";
import type { PlannedActor } from "../../runtime/site.ts";
import { pageConfig, plannedActor } from "../support/plans.ts";

interface Options extends Partial<Pace> {
  readonly rank?: (record: BoardRecord) => number;
  /** Runs end within the call that starts them. */
  readonly atOnce?: boolean;
}

/** A scheduler over a board of jobs, and work at a pace, whose runs the test ends. */
function paced(actors: readonly PlannedActor[], { serial = false, sleepMs = 0, rank, atOnce = false }: Options = {}) {
  const clock = new ManualClock();
  const page = new Board([pageConfig("jobs", { goals: actors.map(({ goal }) => goal) })]).page("jobs");
  /** "goal key" of the starts, in order. */
  const begun: string[] = [];
  const started: PlannedActor[] = [];
  const running = new Map<string, { readonly actor: PlannedActor; readonly record: BoardRecord }>();
  let scheduler: Scheduler;
  const end = (name: string, state: Cell["state"] = "done") => {
    const { actor, record } = running.get(name)!;
    running.delete(name);
    const column = record.page.column(actor.goal)!;
    record.cells[column] = { ...(record.cells[column] as Cell), state, run: "r" };
    scheduler.ended(actor, record);
    scheduler.changed(record);
  };
  const pacer: Pacer = new Pacer(
    {
      clock,
      ...(rank === undefined ? {} : { rank: () => (_, record) => rank(record) }),
      work: {
        get busy() {
          return running.size;
        },
        serve: () => {},
        start(actor, record) {
          const name = `${actor.goal} ${record.key}`;
          begun.push(name);
          started.push(actor);
          running.set(name, { actor, record });
          if (atOnce) end(name);
        },
        applied: () => {},
        recovered: () => {
          for (const record of page.records()) scheduler.changed(record);
        },
        close: async () => {},
      },
    },
    { serial, sleepMs },
  );
  scheduler = new Scheduler(actors, (actor, record) => pacer.start(actor, record), { clock });
  pacer.serve(scheduler);
  const add = (key: string) => {
    const record = page.add([key], null);
    scheduler.changed(record);
    return record;
  };
  return { page, clock, scheduler, pacer, begun, started, end, add };
}

const A = plannedActor("a");
const B = plannedActor("b", { prerequisites: ["a"] });

describe("work at a pace", () => {
  it("goes one by one, in order, what a run makes possible behind what waits", () => {
    const { clock, begun, end, add, pacer } = paced([A, B], { serial: true });
    for (const key of ["1", "2"]) add(key);

    expect([begun, pacer.busy]).toEqual([["a 1"], 2]);
    clock.advance(1_000);
    expect(begun).toEqual(["a 1"]);
    for (const name of ["a 1", "a 2", "b 1"]) {
      end(name);
      clock.advance(1);
    }
    expect(begun).toEqual(["a 1", "a 2", "b 1", "b 2"]);
    end("b 2");
    expect(pacer.busy).toBe(0);
  });

  it("pauses between two starts, and not before the first", () => {
    const { clock, begun, add } = paced([A], { sleepMs: 5_000 });
    for (const key of ["1", "2", "3"]) add(key);

    expect(begun).toEqual(["a 1"]);
    clock.advance(4_999);
    expect(begun).toEqual(["a 1"]);
    clock.advance(1);
    expect(begun).toEqual(["a 1", "a 2"]);
    clock.advance(60_000);
    expect(begun).toEqual(["a 1", "a 2", "a 3"]);
    // Long after the last one nothing is to be waited for.
    add("4");
    expect(begun).toHaveLength(4);
  });

  it("pauses, and waits for the run before, when both are asked for", () => {
    const { clock, begun, end, add } = paced([A], { serial: true, sleepMs: 1_000 });
    for (const key of ["1", "2"]) add(key);

    clock.advance(5_000);
    expect(begun).toEqual(["a 1"]);
    end("a 1");
    clock.advance(1);
    expect(begun).toEqual(["a 1", "a 2"]);
  });

  it("takes what ranks highest first, of equals who came first", () => {
    const weights: Record<string, number> = { 2: -1, 4: 7 };
    const { clock, begun, end, add } = paced([A], { serial: true, rank: ({ key }) => weights[key] ?? 0 });
    for (const key of ["1", "2", "3", "4"]) add(key);
    for (let i = 0; i < 4; i++) {
      end(begun.at(-1)!);
      clock.advance(1);
    }

    expect(begun).toEqual(["a 1", "a 4", "a 3", "a 2"]);
  });

  it("looks at all that may start after a restart, before it takes the first", () => {
    const { page, begun, pacer } = paced([A], { serial: true, rank: ({ key }) => Number(key) });
    for (const key of ["1", "3", "2"]) page.add([key], null);

    pacer.recovered();

    expect(begun).toEqual(["a 3"]);
  });

  it("has room for any number of runs that end at once", () => {
    const { begun, page, pacer } = paced([A, B], { serial: true, atOnce: true });
    for (let i = 0; i < 20_000; i++) page.add([String(i)], null);

    pacer.recovered();

    expect(begun).toHaveLength(40_000);
    expect(pacer.busy).toBe(0);
  });

  it.each<[string, (record: BoardRecord, scheduler: Scheduler) => void]>([
    ["its record is not ready any more", (record) => void Object.assign(record, { ready: false })],
    ["its record is complete", (record) => void Object.assign(record, { complete: true })],
    ["the plan has the goal no more", (_, scheduler) => scheduler.adopt([])],
    ["a person does it now", (_, scheduler) => scheduler.adopt([{ ...A, kind: "person" }])],
    ["it needs what is not there", (_, scheduler) => scheduler.adopt([{ ...A, prerequisites: ["note"] }])],
  ])("gives back what waits for its turn when %s", (_, change) => {
    const { clock, begun, end, add, pacer, scheduler } = paced([A], { serial: true });
    add("1");
    const record = add("2");
    expect(isBegun(cellOf(record, "a"))).toBe(true);

    change(record, scheduler);
    end("a 1");
    clock.advance(1);

    expect(begun).toEqual(["a 1"]);
    expect([cellOf(record, "a"), pacer.busy, scheduler.working]).toEqual([undefined, 0, 0]);
  });

  it("starts what waits as the plan says by then", () => {
    const { clock, end, add, scheduler, started } = paced([A], { serial: true });
    add("1");
    add("2");
    scheduler.adopt([{ ...A, timeoutMs: 7 }]);
    end("a 1");
    clock.advance(1);

    expect(started.map(({ timeoutMs }) => timeoutMs)).toEqual([A.timeoutMs, 7]);
  });

  it("begins nothing more once it rests, and leaves the cells as they were", () => {
    const { clock, begun, end, add, pacer, scheduler } = paced([A], { serial: true });
    add("1");
    const tried = add("2");
    const last = add("3");
    const mark = cellOf(tried, "a")!;
    expect(mark.attempts).toBe(0);

    scheduler.pause();
    pacer.rest();
    end("a 1");
    clock.advance(10);

    expect(begun).toEqual(["a 1"]);
    expect([tried, last].map((record) => cellOf(record, "a"))).toEqual([undefined, undefined]);
    expect([pacer.busy, scheduler.working]).toEqual([0, 0]);
  });

  it("leaves a cell alone that somebody has written into", () => {
    const { add, pacer, scheduler } = paced([A], { serial: true });
    add("1");
    const record = add("2");
    const written = { ...cellOf(record, "a")!, state: "failed" as const };
    record.cells[record.page.column("a")!] = written;

    scheduler.pause();
    pacer.rest();

    expect(cellOf(record, "a")).toBe(written);
  });
});
