import { cpSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Board } from "../../../runtime/board/board.ts";
import { carryOld } from "../../../runtime/board/carry.ts";
import { changeOf } from "../../../runtime/board/change.ts";
import { DAY, HOUR, ManualClock } from "../../../runtime/clock.ts";
import type { Draft } from "../../../runtime/journal/journal.ts";
import { boardRig } from "../../support/board.ts";
import { type LabPlace, labSite, openLab, until } from "../../support/lab-site.ts";
import { pageConfig } from "../../support/plans.ts";

const BEGIN = Date.UTC(2026, 2, 2, 9);
const PLAN = `version: 1
pages:
  samples: { keys: [sample] }
  visits: { keys: [id], ready: true }
  priority: { ranks: [samples] }
actors:
  - { goal: runs, page: samples, command: scripts/runs, timeout: 20h }
  - { goal: fails, page: samples, command: scripts/fails }
  - { goal: waits, page: samples, command: scripts/waits, retries: { max: 9, backoff: 1d, backoffMax: 1d } }
  - { goal: qc, page: samples, person: true }
`;

/** A site whose journal keeps four hours, with a record in each state. */
async function oldBoard() {
  const site = labSite(PLAN);
  site.file("site.yml", "version: 1\nname: lab\nretention: { age: 4h, decisions: 4h }\n");
  site.script("runs", `while [ ! -e '${site.dir}/go' ]; do sleep 0.02; done`);
  site.script("fails", "echo no gel; exit 3");
  site.script("waits", "exit 75");
  const clock = new ManualClock(BEGIN);
  const lab = await site.open({ clock });
  const skip = { runs: "1", fails: "1", waits: "1" };
  const make = (sample: string, cells: Record<string, string>) =>
    lab.make("samples", { sample, ...skip, ready: "1", ...cells });
  await make("running", { runs: "" });
  await make("failed", { fails: "" });
  await make("waiting", { waits: "" });
  await make("done, by hand", { qc: "1", note: 'ü, "quoted"\nand long' });
  await make("overruled", { fails: "F:elsewhere" });
  await make("complete", { complete: "1" });
  await lab.make("samples", { sample: "not ready" });
  await lab.make("visits", { id: "1" });
  await lab.make("priority", { page: "samples", record: "failed", goal: "", weight: "3" });
  await until(() => {
    expect(lab.row("samples", "running").runs).toBe("r:n1");
    expect(lab.row("samples", "failed").fails).toBe("F:n1");
    expect(lab.changes().filter(({ change }) => change.do === "finish")).toHaveLength(2);
  });
  /** Lets the run end that still runs. */
  const end = () => site.file("go", "");
  return { site, clock, lab, end };
}

/** All that a board shows, with what stands behind its cells; not which entries it is made of. */
const boardOf = ({ place }: LabPlace) =>
  Object.fromEntries(
    [...place.runner.board.pages].map((page) => [
      page.name,
      [...page.records()].map(({ key, ready, complete, cells }) => ({
        ...{ key, ready, complete },
        cells: Object.fromEntries(
          cells.flatMap((cell, column) => (cell === undefined ? [] : [[page.nameOf(column), cell]])),
        ),
      })),
    ]),
  );

/** Lets hours pass, with what is done each hour. */
async function hours({ clock, lab }: { clock: ManualClock; lab: LabPlace }, count: number): Promise<void> {
  for (let hour = 0; hour < count; hour++) {
    clock.advance(HOUR);
    await until(() => expect(lab.place.journal.stats().queuedEntries).toBe(0));
    await new Promise((turn) => setTimeout(turn, 10));
  }
}

const carries = (lab: LabPlace) => lab.changes().filter(({ change }) => change.do === "carry");

describe("a board whose journal lets old entries go", () => {
  it("keeps its records, in whatever state, also after a restart", async () => {
    const of = await oldBoard();
    const { site, clock, lab, end } = of;
    const before = boardOf(lab);
    const { lastSeq } = lab.place.journal;

    await hours(of, 10);

    expect(boardOf(lab)).toEqual(before);
    const seqs = [...lab.place.journal.read()].map(({ seq }) => seq);
    expect(Math.min(...seqs)).toBeGreaterThan(lastSeq);
    expect(carries(lab).length).toBeGreaterThan(8);
    // As after a loss of power; and only looked at, as what runs would be begun anew.
    const cut = join(site.dir, "cut");
    cpSync(site.data, cut, { recursive: true, filter: (path) => !/\.sock$|owner\.json$/.test(path) });
    const tool = await openLab(site.dir, cut, { clock, attach: true });
    expect(boardOf(tool)).toEqual(before);
    await tool.stop();

    // The run that was carried ends well, and what waits is not begun before its time.
    end();
    await until(() => expect(lab.row("samples", "running").runs).toBe("1"));
    await lab.stop();
    const again = await site.open({ clock });
    await again.idle();
    expect(boardOf(again).samples).toEqual(
      before.samples!.map((record) =>
        record.key === "running" ? expect.objectContaining({ key: "running" }) : record,
      ),
    );
    expect((await again.view("samples", "waiting")).goals.waits).toMatchObject({ state: "waiting", attempts: 1 });
    expect((await again.view("samples", "failed")).goals.fails).toMatchObject({ detail: "exit 3", attempts: 1 });
  });

  it("does not bring back what was removed, nor carries what is young", async () => {
    const of = await oldBoard();
    const { lab, site, clock, end } = of;
    end();
    await until(() => expect(lab.row("samples", "running").runs).toBe("1"));
    await hours(of, 1);
    expect(carries(lab)).toEqual([]);
    await lab.ask("DELETE", "/pages/samples/records/failed");
    await lab.make("samples", { sample: "young" });
    await hours(of, 2);

    const carried = carries(lab).map(({ change }) => change.key);
    expect(carried).toContain("overruled");
    expect(carried).not.toContain("failed");
    expect(carried).not.toContain("young");
    await hours(of, 6);
    await lab.stop();
    const again = await site.open({ clock });
    const keys = boardOf(again).samples!.map(({ key }) => key);
    expect(keys).toContain("young");
    expect(keys).not.toContain("failed");
  });

  it("shows in its history that it was written again", async () => {
    const of = await oldBoard();
    await hours(of, 3);

    const { body } = await of.lab.ask("GET", "/pages/samples/records/failed/history");
    expect(body.changes.map((each: { do: string }) => each.do)).toEqual(["carry"]);
    of.end();
    await until(() => expect(of.lab.row("samples", "running").runs).toBe("1"));
  });
});

describe("carrying", () => {
  it("goes in batches, and says up to where the journal is needed no more", async () => {
    const rig = boardRig({ pages: [pageConfig("jobs", { goals: [] })], actors: [] });
    for (let i = 0; i < 1_200; i++) void rig.set("jobs", String(i));
    await rig.set("jobs", "last");
    const batches: number[] = [];
    const append = (drafts: readonly Draft[]) => {
      batches.push(drafts.length);
      return rig.journal.append(drafts);
    };
    const at = { board: rig.board, append, node: "n1", beforeAt: 0 };

    expect(await carryOld({ ...at, beforeSeq: 0 })).toBe(0);
    expect(batches).toEqual([]);
    expect(await carryOld({ ...at, beforeSeq: 1_101 })).toBe(1_100);
    expect(batches).toEqual([500, 500, 100]);
    expect(rig.board.page("jobs").size).toBe(1_201);
  });

  it("needs no journal for an empty board, nor for what events make or others own", async () => {
    const board = new Board([pageConfig("visits", { opens: ["entry"] }), pageConfig("jobs")]);
    board.page("visits").add(["1"], null);
    board.page("jobs").add(["1"], null, { home: "there" });
    const drafts: Draft[] = [];
    const append = async (more: readonly Draft[]) => void drafts.push(...more);

    expect(await carryOld({ board, append, node: "n1", beforeAt: DAY, beforeSeq: 9 })).toBe(Number.POSITIVE_INFINITY);
    expect(drafts).toEqual([]);
  });

  it("leaves a goal that was let start, and has no run yet, as the journal knows it", async () => {
    const rig = boardRig({ pages: [pageConfig("jobs", { goals: ["build"] })], actors: [] });
    await rig.set("jobs", "1", { note: "x" });
    const record = rig.record("jobs", "1");
    const column = record.page.column("build")!;
    const mark = {
      state: "running",
      host: "",
      run: "",
      attempts: 2,
      by: "",
      at: 0,
      detail: null,
      notBefore: 0,
    } as const;
    record.cells[column] = mark;
    const append = (drafts: readonly Draft[]) => rig.journal.append(drafts);

    await carryOld({ board: rig.board, append, node: "n1", beforeAt: 0, beforeSeq: 99 });

    expect(record.cells[column]).toBe(mark);
    expect(changeOf(rig.journal.disk.entries.at(-1)!)).toMatchObject({
      ...{ do: "carry", key: "1", cells: { note: "x", build: { state: "waiting", attempts: 2 } } },
    });
  });
});
