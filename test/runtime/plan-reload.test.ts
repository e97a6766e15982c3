import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cellOf } from "../../runtime/board/board.ts";
import type { PlanReload } from "../../runtime/http/ports.ts";
import { type LabPlace, type LabSite, labSite, openLab, until } from "../support/lab-site.ts";
import { writeSite } from "../support/sites.ts";

const SAMPLES = `  samples:
    keys: [sample]
    ready: true
`;
const PRIORITY = `  priority:
    ranks: [samples]
`;
const TASK_A = "  - { goal: taskA, page: samples, command: scripts/taskA, maxSelves: 1 }\n";
const planOf = (pages: string, actors: string) => `version: 1\npages:\n${pages}actors:\n${actors}`;
const PLAN = planOf(SAMPLES + PRIORITY, TASK_A);

/** Scripts run until the test lets them end, by the goal and the key. */
function lab(plan = PLAN): LabSite & { end(goal: string, key: string): void } {
  const site = labSite(plan);
  const lines = `while [ ! -e "${site.dir}/go-$AISLE_GOAL-$1" ]; do sleep 0.01; done`;
  for (const goal of ["taskA", "taskB"]) site.script(goal, lines);
  return { ...site, end: (goal, key) => writeFileSync(join(site.dir, `go-${goal}-${key}`), "") };
}

const reload = async (lab: LabPlace) => {
  const { status, body } = await lab.ask("POST", "/plan/reload");
  return { status, body: body as PlanReload & { detail?: string; errors?: { detail: string }[] } };
};

/** "goal key" of the claims, in order. */
const claims = (lab: LabPlace) =>
  lab.changes().flatMap(({ change }) => (change.do === "claim" ? [`${change.goal} ${change.key}`] : []));

const configs = (lab: LabPlace) =>
  [...lab.place.journal.read()].flatMap(({ kind, seq, payload }) =>
    kind === "config" ? [{ seq, ...JSON.parse(Buffer.from(payload).toString()) }] : [],
  );

/** What it was started with, once that is on disk. */
const begun = (lab: LabPlace) =>
  until(() => {
    expect(configs(lab)).toHaveLength(1);
    return configs(lab);
  });

const text = (lab: LabPlace, key: string, goal: string) => lab.row("samples", key)[goal];

describe("a plan that is read again", () => {
  it("brings pages, records and actors that are new, which start at once", async () => {
    const site = lab();
    const lab1 = await site.open();
    await lab1.make("samples", { sample: "a" });
    site.end("taskB", "7");
    site.end("taskA", "a");
    await lab1.idle();

    const jobs = "  jobs: { keys: [id], ready: true, records: [['7']] }\n";
    const actors =
      "  - { goal: taskB, page: jobs, command: scripts/taskB }\n  - { goal: note, page: samples, module: note.mjs }\n";
    site.file("note.mjs", "export default ({ keys }) => ({ outcome: 'done', fields: { said: keys.sample } });");
    site.plan(planOf(SAMPLES + PRIORITY + jobs, TASK_A + actors));
    const { status, body } = await reload(lab1);
    await lab1.idle();

    expect({ status, body }).toMatchObject({
      status: 200,
      body: { added: ["jobs", "jobs taskB", "samples note"], changed: [], removed: [] },
    });
    expect(lab1.row("jobs", "7")).toMatchObject({ ready: "1", taskB: "1" });
    expect(lab1.row("samples", "a")).toMatchObject({ taskA: "1", note: "1", said: "a" });
    const entry = configs(lab1).at(-1)!;
    expect(entry).toMatchObject({ seq: body.seq, plan: body.hash });
    expect((await lab1.view("jobs", "7")).goals.taskB).toMatchObject({ state: "done" });
  });

  it("says that nothing has changed, and writes no entry for it", async () => {
    const lab1 = await lab().open();
    const before = await begun(lab1);

    expect((await reload(lab1)).body).toMatchObject({ added: [], changed: [], removed: [], seq: null });
    expect(configs(lab1)).toEqual(before);
  });

  it("has new limits in force at once, while what runs goes on", async () => {
    const site = lab();
    const lab1 = await site.open();
    for (const sample of ["a", "b", "c"]) await lab1.make("samples", { sample });
    await until(() => expect(claims(lab1)).toEqual(["taskA a"]));

    site.plan(PLAN.replace("maxSelves: 1", "maxSelves: 2"));
    expect((await reload(lab1)).body.changed).toEqual(["samples taskA"]);
    await until(() => expect(claims(lab1)).toEqual(["taskA a", "taskA b"]));
    for (const key of ["a", "b", "c"]) site.end("taskA", key);
    await lab1.idle();

    expect(claims(lab1)).toEqual(["taskA a", "taskA b", "taskA c"]);
    expect(["a", "b", "c"].map((key) => text(lab1, key, "taskA"))).toEqual(["1", "1", "1"]);
  });

  it("lets an actor go: its cells stay, what runs ends well, and nothing more starts", async () => {
    const site = lab();
    const lab1 = await site.open();
    for (const sample of ["a", "b"]) await lab1.make("samples", { sample });
    await until(() => expect(claims(lab1)).toEqual(["taskA a"]));

    site.plan(planOf(SAMPLES + PRIORITY, "  - { goal: other, page: samples, person: true }\n"));
    expect((await reload(lab1)).body).toMatchObject({ added: ["samples other"], removed: ["samples taskA"] });
    site.end("taskA", "a");
    await lab1.idle();
    await lab1.make("samples", { sample: "c" });
    await lab1.idle();

    expect(claims(lab1)).toEqual(["taskA a"]);
    expect(["a", "b", "c"].map((key) => text(lab1, key, "taskA"))).toEqual(["1", "", ""]);
    expect((await lab1.view("samples", "a")).goals.taskA).toMatchObject({ state: "done", by: "n1" });

    // So does the next process have it; and the actor may come back.
    await lab1.stop();
    const lab2 = await site.open();
    expect(text(lab2, "a", "taskA")).toBe("1");
    site.plan(PLAN);
    await reload(lab2);
    for (const key of ["b", "c"]) site.end("taskA", key);
    await lab2.idle();
    expect(claims(lab2)).toEqual(["taskA a", "taskA b", "taskA c"]);
  });

  it("ends the run of a goal that the plan lost while the place was away", async () => {
    const site = lab();
    const lab1 = await site.open();
    await lab1.make("samples", { sample: "a" });
    await until(() => expect(claims(lab1)).toEqual(["taskA a"]));
    // As after a loss of power: the run has no end.
    const files = (path: string) => !/\.sock$|owner\.json$/.test(path);
    cpSync(site.data, join(site.dir, "cut"), { recursive: true, filter: files });
    site.end("taskA", "a");
    await lab1.stop();

    site.plan(planOf(SAMPLES, "  - { goal: other, page: samples, person: true }\n"));
    const lab2 = await openLab(site.dir, join(site.dir, "cut"));
    await lab2.idle();

    expect(text(lab2, "a", "taskA")).toBe("F:n1");
  });

  it("takes a text that people wrote before as what stands in the goal's cell", async () => {
    const site = lab();
    const lab1 = await site.open();
    await lab1.make("samples", { sample: "a", taskB: "1" });
    await lab1.make("samples", { sample: "b", taskB: "F:there" });
    await lab1.make("samples", { sample: "c", taskB: "who knows" });

    for (const key of ["a", "b", "c"]) {
      site.end("taskA", key);
      site.end("taskB", key);
    }
    site.plan(planOf(SAMPLES + PRIORITY, `${TASK_A}  - { goal: taskB, page: samples, command: scripts/taskB }\n`));
    await reload(lab1);
    await lab1.idle();

    const shown = (of: LabPlace) => ["a", "b", "c"].map((key) => text(of, key, "taskB"));
    expect(shown(lab1)).toEqual(["1", "F:there", "1"]);
    expect(claims(lab1).filter((each) => each.startsWith("taskB"))).toEqual(["taskB c"]);
    await lab1.stop();
    expect(shown(await site.open())).toEqual(["1", "F:there", "1"]);
  });

  it("changes nothing when there is a mistake in it, and says where", async () => {
    const site = lab();
    const lab1 = await site.open();
    const before = await begun(lab1);

    site.plan(PLAN.replace("maxSelves: 1", "maxSelves: 1, prerequisites: [taskA], lease: soon"));
    const { status, body } = await reload(lab1);

    expect(status).toBe(422);
    expect(body.errors!.map(({ detail }) => detail)).toEqual([
      expect.stringMatching(/^plan\.yml:\d+:\d+: .*soon/),
      ...body.errors!.slice(1).map(() => expect.stringMatching(/^plan\.yml:\d+:\d+: /)),
    ]);
    // A module that can't be used is one too.
    site.file("broken.mjs", "export default 7;");
    site.plan(planOf(SAMPLES + PRIORITY, "  - { goal: taskA, page: samples, module: broken.mjs }\n"));
    expect(await reload(lab1)).toMatchObject({ status: 422, body: { detail: expect.stringContaining("broken.mjs") } });

    expect(configs(lab1)).toEqual(before);
    site.end("taskA", "a");
    await lab1.make("samples", { sample: "a" });
    await lab1.idle();
    expect(text(lab1, "a", "taskA")).toBe("1");
    site.plan(PLAN);
    expect((await reload(lab1)).body.seq).toBeNull();
  });

  it("keeps its key fields: of a page that went, too", async () => {
    const site = lab();
    const lab1 = await site.open();
    site.end("taskA", "a");
    await lab1.make("samples", { sample: "a" });

    site.plan(PLAN.replace("keys: [sample]", "keys: [lab, sample]"));
    expect(await reload(lab1)).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining("other key fields") },
    });
    site.plan(planOf("  jobs: { keys: [id] }\n", "  - { goal: taskB, page: jobs, command: scripts/taskB }\n"));
    expect((await reload(lab1)).status).toBe(200);
    expect((await lab1.view("samples", "a")).row.sample).toBe("a");
    site.plan(PLAN.replace("keys: [sample]", "keys: [lab, sample]"));
    expect((await reload(lab1)).status).toBe(409);
    site.plan(PLAN);
    expect((await reload(lab1)).status).toBe(200);
  });

  it("is refused where events feed a page, or an actor ships; the rest of such a plan may change", async () => {
    const dir = writeSite({});
    const plan = readFileSync(join(dir, "plan.yml"), "utf8");
    const write = (before: string, after: string) => {
      expect(plan.split(before)).toHaveLength(2);
      writeFileSync(join(dir, "plan.yml"), plan.replace(before, after));
    };
    const store = await openLab(dir, join(dir, "data"));
    const before = await begun(store);

    write("timeToLive: 30m # who was", "timeToLive: 31m # who was");
    expect(await reload(store)).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining("'visits' is fed by events: that takes a restart; nothing was changed") },
    });
    write("threshold: 0.2", "threshold: 0.3");
    expect(await reload(store)).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining("'focuses offered' is an actor that ships") },
    });
    expect(configs(store)).toEqual(before);
    write("for: 8h", "for: 1h");
    expect(await reload(store)).toMatchObject({ status: 200, body: { changed: ["departments vetoed"] } });
  });
});

describe("rows of a plan page while the place runs", () => {
  /** A place that has `a` at work, and `b`, `c`, `d` waiting for its place. */
  async function waiting() {
    const site = lab();
    const lab1 = await site.open();
    for (const sample of ["a", "b", "c", "d"]) await lab1.make("samples", { sample });
    await until(() => expect(claims(lab1)).toEqual(["taskA a"]));
    const row = (record: string, cells: Record<string, string>) =>
      lab1.make("priority", { page: "samples", record, goal: "", ...cells });
    const rest = async () => {
      for (const key of ["a", "b", "c", "d"]) site.end("taskA", key);
      await lab1.idle();
      return claims(lab1).slice(1);
    };
    return { site, lab1, row, rest };
  }

  it("change the order of starts", async () => {
    const { row, rest } = await waiting();
    await row("d", {});
    await row("c", { weight: "7" });

    expect(await rest()).toEqual(["taskA c", "taskA d", "taskA b"]);
  });

  it("count as they were changed, and no more once they are taken off", async () => {
    const { lab1, row, rest } = await waiting();
    await row("d", { weight: "5" });
    await row("c", { weight: "2" });
    await lab1.set("priority", "samples,c,", { weight: "9" });
    await lab1.ask("DELETE", "/pages/priority/records/samples,d,");

    expect(await rest()).toEqual(["taskA c", "taskA b", "taskA d"]);
  });

  it("count no more once they have expired", async () => {
    const { row, rest } = await waiting();
    await row("d", { weight: "5", expires: new Date(Date.now() + 50).toISOString() });
    await row("c", { weight: "1" });
    await new Promise((turn) => setTimeout(turn, 90));

    expect((await rest())[0]).toBe("taskA c");
  });

  it("permit nothing", async () => {
    const { lab1, row, rest } = await waiting();
    await lab1.set("samples", "d", { ready: "" });
    await row("d", { weight: "100" });
    await row("b", { weight: "100" });
    await lab1.set("samples", "b", { taskA: "F:there" });

    expect(await rest()).toEqual(["taskA c"]);
    expect(cellOf(lab1.place.runner.board.page("samples").find("d")!, "taskA")).toBeUndefined();
  });

  it("go with their page when the plan lets it go", async () => {
    const { site, lab1, row, rest } = await waiting();
    await row("d", { weight: "100" });
    site.plan(planOf(SAMPLES, TASK_A));
    expect((await reload(lab1)).body.removed).toEqual(["priority"]);

    expect(await rest()).toEqual(["taskA b", "taskA c", "taskA d"]);
  });
});
