import { beforeEach, describe, expect, it } from "vitest";
import { why } from "../../../../runtime/http/schemas.ts";
import { BEGIN, type BoardRig, boardRig, NODE } from "../../../support/board.ts";
import { type TestApp, testApp } from "../../../support/http.ts";
import { LAB } from "../../../support/lab.ts";

let rig: BoardRig;
let at: TestApp;

const use = (made: BoardRig) => {
  rig = made;
  at = testApp({}, rig.face);
};

beforeEach(() => use(boardRig(LAB)));

const KEY = "lab1,a,";
const set = (cells: Record<string, string>, key = KEY) => rig.set("samples", key, cells, "alice");
const ask = async (goal: string, key = KEY, page = "samples") =>
  (await at.app.request(`/pages/${page}/records/${key}/goals/${goal}/why`)).json();
const rules = async (goal: string) => (await ask(goal)).reasons.map(({ rule }: { rule: string }) => rule);

describe("GET …/goals/:goal/why", () => {
  it("says that a goal may start", async () => {
    await set({ ready: "1" });

    expect(await ask("taskA")).toEqual({
      ...{ page: "samples", key: KEY, goal: "taskA", state: "empty", mayStart: true },
      ...{ says: "'taskA' may start now", reasons: [] },
    });
  });

  it("names every rule, and what would unblock it", async () => {
    await set({});

    const body = await ask("taskB");

    expect(body).toMatchObject({
      mayStart: false,
      says: "'taskB' does not start: the record is not ready (and 1 more)",
      reasons: [
        { rule: "not-ready", says: "the record is not ready", unblock: "write 1 into 'ready'" },
        {
          rule: "prerequisite",
          goal: "qc",
          says: "it needs 'qc', which is empty",
          unblock: "it starts once 'qc' is 1",
        },
      ],
    });
    expect(why.parse(body)).toEqual(body);
  });

  it("says that the record is complete", async () => {
    await set({ ready: "1", complete: "1" });

    expect((await ask("taskA")).reasons).toMatchObject([{ rule: "complete", unblock: "clear 'complete'" }]);
  });

  it("says that a goal is done, or is worked on", async () => {
    await set({ ready: "1", taskA: "1" });
    expect(await ask("taskA")).toMatchObject({ state: "done", says: "'taskA' is done" });

    await rig.claim("samples", KEY, "taskC", "run-7", 1, "there");
    expect(await ask("taskC")).toMatchObject({
      state: "running",
      says: "'taskC' runs on 'there', run run-7",
      reasons: [{ rule: "running", unblock: expect.stringContaining("cancel") }, { rule: "prerequisite" }],
    });
  });

  it.each([
    [{ qc: "F" }, "it needs 'qc', which has failed", "clear 'qc' to have it done again, or write 1 into it"],
    [{}, "it needs 'qc', which is empty", "it starts once 'qc' is 1"],
  ])("says where a prerequisite stands: %j", async (cells, says, unblock) => {
    await set({ ready: "1", ...cells });

    expect((await ask("taskB")).reasons).toMatchObject([{ rule: "prerequisite", says, unblock }]);
  });

  it("says that a prerequisite runs, and where", async () => {
    await set({ ready: "1" });
    await rig.claim("samples", KEY, "qc", "run-1", 1, "there");

    expect((await ask("taskB")).says).toBe("'taskB' does not start: it needs 'qc', which runs on 'there'");
  });

  it("says how often it failed, and why", async () => {
    await set({ ready: "1" });
    await rig.claim("samples", KEY, "taskA", "run-1", 3);
    await rig.finish("samples", KEY, "taskA", "run-1", { outcome: "failed", detail: "exit code 2" });

    expect((await ask("taskA")).reasons).toMatchObject([
      {
        rule: "failed",
        attempts: 3,
        says: "it failed after 3 runs: exit code 2",
        unblock: expect.stringContaining("clear"),
      },
    ]);
  });

  it("says when it is tried again", async () => {
    await set({ ready: "1" });
    await rig.claim("samples", KEY, "taskA", "run-1");
    await rig.finish("samples", KEY, "taskA", "run-1", { outcome: "retry", notBefore: BEGIN + 90_000 });

    expect(await ask("taskA")).toMatchObject({
      state: "waiting",
      reasons: [{ rule: "backoff", says: "it was tried once, and is tried again in 90s, at 2023-11-14T22:14:50.000Z" }],
    });
    rig.clock.advance(90_000);
    expect(await ask("taskA")).toMatchObject({ mayStart: true });
  });

  it("says with whom it conflicts", async () => {
    use(boardRig(LAB, { starts: true }));
    await set({ ready: "1", taskA: "1", qc: "1", taskC: "F" }, "lab1,b,");
    await set({ ready: "1", taskA: "1", qc: "1", taskB: "F" });

    expect(rig.runs.size).toBe(1);
    expect((await ask("taskC")).reasons).toMatchObject([
      {
        ...{ rule: "conflict", goal: "taskB", limit: 1, scope: "node" },
        says: `'taskB' runs on '${NODE}': for samples lab1,b,`,
        unblock: "it starts when 'taskB' ends",
        with: [{ page: "samples", key: "lab1,b,", run: [...rig.runs.keys()][0] }],
      },
    ]);
  });

  it("says that as many run as may", async () => {
    use(boardRig(LAB, { starts: true }));
    await rig.set("jobs", "1");
    await rig.set("jobs", "2");

    expect(await ask("build", "2", "jobs")).toMatchObject({
      reasons: [{ rule: "max-selves", limit: 1, says: `1 of it run on '${NODE}', the most that may: for jobs 1` }],
    });
  });

  it("says who inhibits it, and until when", async () => {
    const until = BEGIN + 60_000;
    const gate = { inhibited: () => ({ by: "veto", layer: 2, until }), suppressed: () => null };
    use(boardRig(LAB, { scheduler: { gate } }));
    await set({ ready: "1" });

    expect((await ask("taskA")).reasons).toMatchObject([
      { rule: "inhibited", says: "'veto' of layer 2 inhibits it until 2023-11-14T22:14:20.000Z" },
    ]);
  });

  it("says that it waits for a person, and for whom", async () => {
    await set({ ready: "1", taskA: "1" });

    expect((await ask("qc")).reasons).toMatchObject([
      { rule: "person", says: "it waits for alice", unblock: "alice writes 1 into 'qc' (or F)" },
    ]);
  });

  it("says that a person is late", async () => {
    await set({ ready: "1", taskA: "1" });
    await rig.say({ do: "overdue", page: "samples", key: KEY, goal: "qc" });

    expect((await ask("qc")).reasons).toMatchObject([{ rule: "person", says: "it waits for alice, and is overdue" }]);
    expect((await ask("taskB")).says).toBe(
      "'taskB' does not start: it needs 'qc', which is overdue: a person has to fill it",
    );
  });

  it("says that no actor owns a goal", async () => {
    await set({ ready: "1" });

    expect(await rules("report")).toEqual(["no-actor"]);
  });

  it("answers 404 to a goal that the page has not", async () => {
    await set({});
    const response = await at.app.request(`/pages/samples/records/${KEY}/goals/taskD/why`);

    expect(response.status).toBe(404);
    expect((await response.json()).detail).toContain("did you mean 'taskA'");
    expect((await at.app.request(`/pages/samples/records/${KEY}/goals/lab/why`)).status).toBe(404);
  });
});
