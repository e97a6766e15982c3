import { beforeEach, describe, expect, it } from "vitest";
import { carried } from "../../../runtime/board/change.ts";
import { limits } from "../../../runtime/limits.ts";
import { type BoardRig, boardRig, NODE } from "../../support/board.ts";
import { LAB } from "../../support/lab.ts";

let rig: BoardRig;

const KEY = "lab1,a,";
const history = (field: string | null = null) => rig.face.history("samples", KEY, field);
const cells = (field: string | null = null) => history(field).changes.map((change) => change.cells);

beforeEach(async () => {
  rig = boardRig(LAB);
  await rig.set("samples", KEY, { ready: "1" });
});

describe("the history of a record", () => {
  it("shows what a sheet showed after each change", async () => {
    await rig.set("samples", KEY, { taskA: "1:by hand", taskB: "F:there", complete: "1" });
    await rig.set("samples", KEY, { taskA: "", complete: "" });

    expect(cells()).toEqual([
      { ready: "1" },
      { taskA: "1", taskB: "F:there", complete: "1" },
      { taskA: "", complete: "" },
    ]);
  });

  it("shows goals that another one subsumes", async () => {
    await rig.claim("samples", KEY, "taskC", "run-1");
    await rig.finish("samples", KEY, "taskC", "run-1", {
      fields: { metric: "2", taskA: "1", lab: "x" },
      also: ["report"],
    });

    expect(cells("report")).toEqual([{ metric: "2", report: "1", taskC: "1" }]);
  });

  it("shows that a late result changed nothing", async () => {
    await rig.claim("samples", KEY, "taskA", "run-1");
    await rig.lapse("samples", KEY, "taskA", "run-1", { outcome: "retry" });
    await rig.claim("samples", KEY, "taskA", "run-2", 2);
    await rig.finish("samples", KEY, "taskA", "run-1");
    await rig.say({
      do: "extra",
      page: "samples",
      key: KEY,
      goal: "taskA",
      run: "run-1",
      host: "there",
      detail: "too late",
    });

    expect(history("taskA").changes).toMatchObject([
      { do: "claim", run: "run-1", attempt: 1 },
      { do: "lapse", run: "run-1", why: "lease", outcome: "retry", cells: { taskA: "" } },
      { do: "claim", run: "run-2", attempt: 2 },
      { do: "finish", run: "run-1", cells: {} },
      { do: "extra", run: "run-1", host: "there", detail: "too late", cells: {} },
    ]);
  });

  it("knows on which node a run was that lapsed", async () => {
    await rig.claim("samples", KEY, "taskA", "run-1", 1, "there");
    await rig.lapse("samples", KEY, "taskA", "run-1");

    expect(cells("taskA").at(-1)).toEqual({ taskA: "F:there" });
  });

  it("shows that a person took a goal from a run", async () => {
    await rig.claim("samples", KEY, "taskA", "run-1");
    await rig.set("samples", KEY, { taskA: "1" }, "bob");
    await rig.finish("samples", KEY, "taskA", "run-1", { outcome: "failed" });

    expect(cells("taskA")).toEqual([{ taskA: `r:${NODE}` }, { taskA: "1" }, {}]);
  });

  it("says that what is older is gone", async () => {
    for (let i = 0; i < limits.cellHistory; i++) await rig.set("samples", KEY, { note: String(i) });

    const { changes, missing } = history();

    expect(missing).toBe(true);
    expect(changes).toHaveLength(limits.cellHistory);
    expect(changes.at(-1)!.cells).toEqual({ note: String(limits.cellHistory - 1) });
  });

  it("says so too when the journal has let it go, and goes on with what was carried", async () => {
    await rig.set("samples", KEY, { note: "x", taskA: "F:there" });
    await rig.say(carried(rig.record("samples", KEY)), "here");
    await rig.set("samples", KEY, { note: "y" });

    expect(history()).toMatchObject({
      changes: [
        { do: "carry", cells: { lab: "lab1", sample: "a", ready: "1", note: "x", taskA: "F:there", complete: "" } },
        { do: "set", cells: { note: "y" } },
      ],
    });
    rig.journal.disk.entries.splice(0, 3);
    expect(history()).toMatchObject({ missing: true, changes: [{ cells: { note: "y" } }] });
  });

  it("shows a change once it is on disk", async () => {
    rig.journal.hold();
    const written = rig.set("samples", KEY, { note: "x" });
    expect(cells()).toHaveLength(1);
    rig.journal.release();
    await written;

    expect(cells()).toHaveLength(2);
  });
});
