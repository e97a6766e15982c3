import { beforeEach, describe, expect, it } from "vitest";
import { Ranks } from "../../../runtime/board/ranks.ts";
import { BEGIN, type BoardRig, boardRig } from "../../support/board.ts";
import { LAB } from "../../support/lab.ts";
import { pageConfig } from "../../support/plans.ts";

const MINUTE = 60_000; // ms

let rig: BoardRig;
let ranks: Ranks;

beforeEach(async () => {
  rig = boardRig(LAB);
  ranks = new Ranks(rig.board);
  for (const key of ["lab1,a,", "lab1,b,"]) await rig.set("samples", key);
});

/** Writes a row of the plan page, and tells the ranks. */
async function row(key: string, cells: Record<string, string> = {}) {
  await rig.set("priority", key, cells);
  return ranks.changed(rig.record("priority", key));
}
const rank = (goal: string, key = "lab1,a,", now = BEGIN) =>
  ranks.rank({ page: "samples", goal }, rig.record("samples", key), now);

describe("ranks", () => {
  it("are 0 without a row", () => {
    expect(rank("taskA")).toBe(0);
  });

  it("come from rows of plan pages: 1 if they don't say", async () => {
    const ranked = await row("samples,lab1%2Ca%2C,taskA");
    await row("samples,lab1%2Cb%2C,taskA", { weight: "2.5" });

    expect(ranked).toBe(rig.record("samples", "lab1,a,"));
    expect(rank("taskA")).toBe(1);
    expect(rank("taskA", "lab1,b,")).toBe(2.5);
    expect(rank("taskB")).toBe(0);
  });

  it("are a record's for all its goals that have no row of their own", async () => {
    await row("samples,lab1%2Ca%2C,", { weight: "5" });
    await row("samples,lab1%2Ca%2C,taskA", { weight: "-1" });

    expect(rank("taskA")).toBe(-1);
    expect(rank("taskB")).toBe(5);
  });

  it("follow a row as it changes, and end with it", async () => {
    await row("samples,lab1%2Ca%2C,", { weight: "5" });
    await row("samples,lab1%2Ca%2C,", { weight: "7" });
    expect(rank("taskA")).toBe(7);

    await row("samples,lab1%2Ca%2C,", { complete: "1" });
    expect(rank("taskA")).toBe(0);

    await row("samples,lab1%2Ca%2C,", { complete: "" });
    const gone = rig.record("priority", "samples,lab1%2Ca%2C,");
    await rig.say({ do: "remove", page: "priority", key: gone.key });
    expect(ranks.changed(gone)).toBe(rig.record("samples", "lab1,a,"));
    expect(rank("taskA")).toBe(0);
  });

  it("end at their time: from then on the record's own counts", async () => {
    await row("samples,lab1%2Ca%2C,", { weight: "2" });
    await row("samples,lab1%2Ca%2C,taskA", { weight: "9", expires: new Date(BEGIN + MINUTE).toISOString() });

    expect(rank("taskA", "lab1,a,", BEGIN + MINUTE - 1)).toBe(9);
    expect(rank("taskA", "lab1,a,", BEGIN + MINUTE)).toBe(2);
  });

  it("take a record's key as people write it too", async () => {
    await rig.set("samples", "lab%201,%C3%BC,");
    await row("samples,lab%201%2C%C3%BC%2C,", { weight: "3" });

    expect(rank("taskA", "lab%201,%C3%BC,")).toBe(3);
  });

  it("of several plan pages add up", async () => {
    const second = { ...pageConfig("urgent", { ranks: true }), keys: LAB.pages.at(-1)!.keys };
    rig = boardRig({ ...LAB, pages: [...LAB.pages, second] });
    ranks = new Ranks(rig.board);
    await rig.set("samples", "lab1,a,");
    await row("samples,lab1%2Ca%2C,", { weight: "2" });
    await rig.set("urgent", "samples,lab1%2Ca%2C,taskA", { weight: "10" });
    ranks.changed(rig.record("urgent", "samples,lab1%2Ca%2C,taskA"));

    expect(rank("taskA")).toBe(12);
    expect(rank("taskB")).toBe(2);
    expect(ranks.points("urgent", { page: "samples", goal: "taskA" }, rig.record("samples", "lab1,a,"))).toBe(true);
    expect(ranks.points("urgent", { page: "samples", goal: "taskB" }, rig.record("samples", "lab1,a,"))).toBe(false);
    expect(ranks.points("priority", { page: "samples", goal: "taskB" }, rig.record("samples", "lab1,a,"))).toBe(true);
  });

  it("are taken in again as a whole", async () => {
    await rig.set("priority", "samples,lab1%2Ca%2C,", { weight: "4" });
    expect(rank("taskA")).toBe(0);

    ranks.reset();

    expect(rank("taskA")).toBe(4);
  });

  it("are none of the business of other records", () => {
    expect(ranks.changed(rig.record("samples", "lab1,a,"))).toBe(null);
  });

  it("permit nothing: a goal that may not start does not", async () => {
    rig = boardRig(LAB, { starts: true, scheduler: { rank: () => 100 } });
    await rig.set("samples", "lab1,a,", {});

    expect(rig.runs.size).toBe(0);
  });

  it("say who goes first when a place becomes free", async () => {
    rig = boardRig(LAB, { starts: true, scheduler: { rank: (actor, record) => ranks.rank(actor, record, BEGIN) } });
    ranks = new Ranks(rig.board);
    for (const key of ["1", "2", "3"]) await rig.set("jobs", key);
    const ranked = await row("jobs,3,build", { weight: "5" });
    rig.scheduler.changed(ranked!);

    const order: string[] = [];
    while (rig.runs.size > 0) {
      const { record, run } = rig.runs.values().next().value!;
      order.push(record.key);
      await rig.finish("jobs", record.key, "build", run);
    }

    expect(order).toEqual(["1", "3", "2"]);
  });
});

describe("rows that rank nothing", () => {
  it("are told of, each with the reason", async () => {
    await row("sample,lab1%2Ca%2C,");
    await row("samples,lab9%2Ca%2C,");
    await row("samples,lab1%2Ca%2C,taskD");
    await row("samples,lab1%2Ca%2C,taskA", { weight: "2" });
    await row("samples,%25zz,");

    expect(ranks.unknown().map(({ detail }) => detail)).toEqual([
      "there is no page 'sample' (did you mean 'samples'?)",
      "page 'samples' has no record 'lab9,a,'",
      "page 'samples' has no goal 'taskD' (did you mean 'taskA'?)",
      "page 'samples' has no record '%zz'",
    ]);
    expect(ranks.unknown(2)).toHaveLength(2);
  });

  it("are those whose weight or end can't be read", async () => {
    await row("samples,lab1%2Ca%2C,taskA", { weight: "much" });
    await row("samples,lab1%2Ca%2C,taskB", { expires: "soon" });

    expect(rank("taskA")).toBe(0);
    expect(rank("taskB")).toBe(0);
    expect(ranks.unknown().map(({ detail }) => detail)).toEqual([
      "its weight 'much' is no number",
      "it expires at 'soon', which is no time such as 2026-03-01T12:00:00Z",
    ]);
  });

  it("rank as soon as their record is there", async () => {
    await row("samples,lab9%2Ca%2C,", { weight: "3" });
    await rig.set("samples", "lab9,a,");

    expect(rank("taskA", "lab9,a,")).toBe(3);
    expect(ranks.unknown()).toEqual([]);
  });
});
