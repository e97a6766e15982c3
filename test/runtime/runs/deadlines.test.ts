import { describe, expect, it } from "vitest";
import { DAY, HOUR, ManualClock, MINUTE } from "../../../runtime/clock.ts";
import { type LabPlace, type LabSite, labSite, until } from "../../support/lab-site.ts";

const BEGIN = Date.UTC(2026, 2, 2, 9);
const PLAN = `version: 1
pages:
  samples:
    keys: [sample]
actors:
  - { goal: qc, page: samples, person: { who: [alice, bob], due: 2h }, prerequisites: [gel] }
  - { goal: sign, page: samples, person: true, prerequisites: [qc] }
`;

interface Lab {
  readonly site: LabSite;
  readonly clock: ManualClock;
  readonly place: LabPlace;
}

async function lab(plan = PLAN): Promise<Lab> {
  const site = labSite(plan);
  const clock = new ManualClock(BEGIN);
  return { site, clock, place: await site.open({ clock }) };
}

/** Lets time pass, and what it brings come to the disk. */
async function pass({ clock, place }: Pick<Lab, "clock" | "place">, ms: number): Promise<void> {
  clock.advance(ms);
  await until(() => expect(place.place.journal.stats().queuedEntries).toBe(0));
  await new Promise((turn) => setTimeout(turn, 5));
}

const told = ({ notices }: LabPlace) => notices.map(({ goal, key, outcome }) => `${goal} ${key} ${outcome}`);
const overdue = (place: LabPlace) =>
  place.changes().flatMap(({ change }) => (change.do === "overdue" ? [`${change.goal} ${change.key}`] : []));
const READY = { ready: "1", gel: "1" };

describe("what a person has not done in time", () => {
  it("is told of once, with who may do it, and stands in the cell", async () => {
    const of = await lab();
    await of.place.make("samples", { sample: "a", ...READY });

    await pass(of, 2 * HOUR - 1);
    expect(told(of.place)).toEqual([]);
    await pass(of, 1);
    expect(of.place.notices).toMatchObject([
      {
        ...{ site: expect.any(String), place: "n1", page: "samples", key: "a", keys: { sample: "a" }, goal: "qc" },
        ...{ run: "", outcome: "overdue", detail: "a person has not filled it in time: alice, bob" },
      },
    ]);
    expect((await of.place.view("samples", "a")).goals.qc).toMatchObject({ state: "waiting", detail: "overdue" });
    expect(of.place.row("samples", "a").qc).toBe("");
    await pass(of, 3 * DAY);
    expect([told(of.place), overdue(of.place)]).toEqual([["qc a overdue"], ["qc a"]]);

    await of.place.set("samples", "a", { qc: "1" }, "alice");
    expect((await of.place.view("samples", "a")).goals.qc).toMatchObject({ state: "done", by: "alice", detail: null });
  });

  it("is not told of when it was done in time, or can't be done any more", async () => {
    const of = await lab();
    for (const sample of ["a", "b", "c", "d", "e"]) await of.place.make("samples", { sample, ...READY });
    await pass(of, HOUR);
    await of.place.set("samples", "a", { qc: "1" }, "bob");
    await of.place.set("samples", "b", { gel: "" });
    await of.place.set("samples", "c", { complete: "1" });
    await of.place.ask("DELETE", "/pages/samples/records/d");
    await pass(of, 3 * DAY);

    expect(told(of.place)).toEqual(["qc e overdue"]);
  });

  it("is due from when it could be done, also after a restart", async () => {
    const of = await lab();
    await of.place.make("samples", { sample: "a" });
    await pass(of, 10 * DAY);
    await of.place.set("samples", "a", { ready: "1" });
    await pass(of, DAY);
    await of.place.set("samples", "a", { gel: "1" });
    await pass(of, HOUR);
    await of.place.stop();

    const place = await of.site.open({ clock: of.clock });
    await pass({ ...of, place }, HOUR - 1);
    expect(told(place)).toEqual([]);
    await pass({ ...of, place }, 1);
    expect(told(place)).toEqual(["qc a overdue"]);
  });

  it("is not told of again after a restart, but what became due meanwhile is, at once", async () => {
    const of = await lab();
    await of.place.make("samples", { sample: "a", ...READY });
    await pass(of, 2 * HOUR);
    await of.place.make("samples", { sample: "b", ...READY });
    await of.place.stop();
    of.clock.advance(DAY);

    const place = await of.site.open({ clock: of.clock });
    await pass({ ...of, place }, 0);
    expect(told(place)).toEqual(["qc b overdue"]);
    await place.stop();
    const again = await of.site.open({ clock: of.clock });
    await pass({ ...of, place: again }, DAY);
    expect(told(again)).toEqual([]);
    expect(overdue(again)).toEqual(["qc a", "qc b"]);
  });

  it("is due anew when somebody opens it anew, also after a restart", async () => {
    const of = await lab();
    await of.place.make("samples", { sample: "a", ...READY });
    await of.place.make("samples", { sample: "b", ...READY });
    await of.place.set("samples", "b", { qc: "1" }, "bob");
    await pass(of, DAY);
    expect(told(of.place)).toEqual(["qc a overdue"]);
    // The mark is cleared by hand; the other was done, and is to be done again.
    await of.place.set("samples", "a", { qc: "" }, "alice");
    await of.place.set("samples", "b", { qc: "" }, "alice");
    expect((await of.place.view("samples", "a")).goals.qc).toMatchObject({ state: "empty", detail: null });
    await pass(of, HOUR);
    await of.place.stop();

    const place = await of.site.open({ clock: of.clock });
    await pass({ ...of, place }, HOUR - 1);
    expect(told(place)).toEqual([]);
    await pass({ ...of, place }, MINUTE);
    expect(told(place).sort()).toEqual(["qc a overdue", "qc b overdue"]);
  });

  it("follows the plan when it is read again", async () => {
    const of = await lab();
    await of.place.make("samples", { sample: "a", ...READY });
    of.site.plan(PLAN.replace("due: 2h", "due: 3h"));
    expect((await of.place.ask("POST", "/plan/reload")).status).toBe(200);
    await pass(of, 2 * HOUR);
    expect(told(of.place)).toEqual([]);
    await pass(of, HOUR);
    expect(told(of.place)).toEqual(["qc a overdue"]);

    await of.place.make("samples", { sample: "b", ...READY });
    of.site.plan(PLAN.replace("due: 2h", "").replace("[alice, bob], ", "[alice, bob]"));
    expect((await of.place.ask("POST", "/plan/reload")).status).toBe(200);
    await pass(of, 3 * DAY);
    expect(told(of.place)).toEqual(["qc a overdue"]);
  });

  it("waits for a due time of many days", async () => {
    const of = await lab(PLAN.replace("due: 2h", "due: 40d"));
    await of.place.make("samples", { sample: "a", ...READY });

    for (let day = 0; day < 39; day++) of.clock.advance(DAY);
    await pass(of, DAY - 1);
    expect(told(of.place)).toEqual([]);
    await pass(of, 1);
    expect(told(of.place)).toEqual(["qc a overdue"]);
  });

  it("is left to who works: a tool that opens the folder tells nobody", async () => {
    const of = await lab();
    await of.place.make("samples", { sample: "a", ...READY });
    await of.place.stop();
    of.clock.advance(DAY);

    const tool = await of.site.open({ clock: of.clock, attach: true });
    await pass({ ...of, place: tool }, DAY);
    expect([told(tool), overdue(tool)]).toEqual([[], []]);
    await tool.stop();
    const place = await of.site.open({ clock: of.clock });
    await pass({ ...of, place }, 0);
    expect(told(place)).toEqual(["qc a overdue"]);
  });
});
