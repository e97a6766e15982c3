import { describe, expect, it } from "vitest";
import { cellOf } from "../../../runtime/board/board.ts";
import { BoardSheet } from "../../../runtime/compat/board-sheet.ts";
import { MemorySheet } from "../../../runtime/compat/memory-sheet.ts";
import type { Sheet, Worksheet } from "../../../runtime/compat/sheet.ts";
import { limits } from "../../../runtime/limits.ts";
import type { Plan } from "../../../runtime/site.ts";
import { boardRig } from "../../support/board.ts";
import { pageConfig, plannedActor } from "../../support/plans.ts";
import { VirtualTime } from "../../support/virtual-time.ts";

const PLAN: Plan = {
  pages: [
    pageConfig("samples", { goals: ["taskA", "taskB"], data: ["note"], ready: false }),
    pageConfig("others"),
    pageConfig("visits", { opens: ["entry"] }),
    pageConfig("priority", { ranks: true }),
  ],
  actors: [plannedActor("taskA", { page: "samples", subsumes: ["taskB"] }), plannedActor("taskB", { page: "samples" })],
};

interface Case {
  readonly sheet: Sheet;
  /** As a person does it, elsewhere. */
  put(row: number, name: string, text: string): Promise<void>;
  later(ms: number): Promise<void>;
}

const SHEETS: Readonly<Record<string, () => Promise<Case>>> = {
  "in memory": async () => {
    const time = new VirtualTime();
    const header = ["id", "ready", "taskA", "taskB", "note", "complete"];
    const rows = [{ id: "1", ready: "1" }, { id: "2" }];
    const sheet = new MemorySheet(time, { samples: { header, rows }, others: { header: ["id"], rows: [] } });
    return {
      sheet,
      put: async (row, name, text) => sheet.put("samples", row, name, text),
      later: (ms) => time.advance(ms),
    };
  },
  "that is the board": async () => {
    const { board, sheet, set, clock } = boardSheet();
    await set("samples", "1", { ready: "1" });
    await set("samples", "2");
    return {
      sheet,
      put: async (row, name, text) => {
        await set("samples", [...board.page("samples").records()][row]!.key, { [name]: text });
      },
      later: async (ms) => clock.advance(ms),
    };
  },
};

function boardSheet() {
  const rig = boardRig(PLAN);
  let runs = 0;
  const { board, clock, journal } = rig;
  const append = (drafts: Parameters<typeof journal.append>[0]) => journal.append(drafts);
  const sheet = new BoardSheet({ board, clock, append, plan: PLAN, node: "box", newRun: () => `run-${++runs}` });
  return { ...rig, sheet };
}

describe.each(Object.entries(SHEETS))("a sheet %s", (_, make) => {
  const open = async (): Promise<Case & { readonly page: Worksheet; readonly other: Worksheet }> => {
    const made = await make();
    return { ...made, page: await made.sheet.open("samples"), other: await made.sheet.open("samples") };
  };

  it("has pages in their order, and refuses others with a suggestion", async () => {
    const { sheet } = await make();

    expect(await sheet.titles()).toEqual(["samples", "others"]);
    await expect(sheet.open("sampels")).rejects.toThrow(/did you mean 'samples'/);
  });

  it("shows rows as texts, empty where there is nothing", async () => {
    const { page } = await open();

    expect(page.header).toEqual(["id", "ready", "taskA", "taskB", "note", "complete"]);
    expect(page.rows.map((row) => row.texts())).toEqual([
      { id: "1", ready: "1", taskA: "", taskB: "", note: "", complete: "" },
      { id: "2", ready: "", taskA: "", taskB: "", note: "", complete: "" },
    ]);
    expect(page.rows.map(({ index }) => index)).toEqual([0, 1]);
  });

  it("refuses a column that is not there, to read and to write", async () => {
    const { page } = await open();

    expect(() => page.rows[0]!.get("taskX")).toThrow(/no column 'taskX' \(did you mean 'taskA'/);
    expect(() => page.rows[0]!.set("taskX", "1")).toThrow(/no column 'taskX'/);
  });

  it("shows others what was set once it is saved and they have read again", async () => {
    const { page, other } = await open();

    page.rows[0]!.set("note", 42);
    expect([page.rows[0]!.get("note"), other.rows[0]!.get("note")]).toEqual(["42", ""]);
    await other.reload();
    expect(other.rows[0]!.get("note")).toBe("");
    await page.save();
    expect(other.rows[0]!.get("note")).toBe("");
    await other.reload();

    expect(other.rows[0]!.get("note")).toBe("42");
  });

  it("forgets what was not saved when it is read again", async () => {
    const { page, other } = await open();

    page.rows[0]!.set("note", "lost");
    await page.reload();
    await page.save();
    await other.reload();

    expect([page.rows[0]!.get("note"), other.rows[0]!.get("note")]).toEqual(["", ""]);
  });

  it("refuses to write over a goal that somebody else has claimed, and writes nothing then", async () => {
    const { page, other } = await open();

    page.rows[0]!.set("taskA", "r:box");
    other.rows[0]!.set("taskA", "r:box");
    other.rows[0]!.set("note", "mine");
    await page.save("unchanged");

    await expect(other.save("unchanged")).rejects.toMatchObject({ code: "conflict" });
    await other.reload();
    expect(other.rows[0]!.texts()).toMatchObject({ taskA: "r:box", note: "" });
  });

  it("writes over whatever stands there when it is told to", async () => {
    const { page, put } = await open();

    page.rows[1]!.set("note", "mine");
    await put(1, "note", "theirs");
    await page.save();
    await page.reload();

    expect(page.rows[1]!.get("note")).toBe("mine");
  });

  it("knows two writings of the same text apart", async () => {
    const { page, put } = await open();

    await put(0, "taskA", "1");
    await page.reload();
    const first = page.rows[0]!.writing("taskA").id;
    await put(0, "taskA", "1");
    await page.reload();

    expect(page.rows[0]!.writing("taskA").id).not.toBe(first);
  });

  it("knows when a goal was claimed, and when the claim was renewed", async () => {
    const { page, later } = await open();

    page.rows[0]!.set("taskA", "r:box");
    await page.save();
    await page.reload();
    const { id, at } = page.rows[0]!.writing("taskA");
    await later(1_000);
    page.rows[0]!.renew("taskA");
    await page.reload();

    expect(page.rows[0]!.writing("taskA")).toEqual({ id, at: at + 1_000 });
  });
});

describe("the board as a sheet", () => {
  it("makes a claim of the mark, and the end of that run of the result", async () => {
    const { board, journal, sheet, set } = boardSheet();
    await set("samples", "1", { ready: "1" });
    const page = await sheet.open("samples");

    page.rows[0]!.set("taskA", "r:box");
    await page.save("unchanged");
    expect(cellOf(board.page("samples").find("1")!, "taskA")).toMatchObject({
      state: "running",
      host: "box",
      attempts: 1,
    });
    await page.reload();
    for (const [name, text] of Object.entries({ note: "n", taskB: "1", taskA: "1" })) page.rows[0]!.set(name, text);
    await page.save();

    expect(cellOf(board.page("samples").find("1")!, "taskA")).toMatchObject({
      state: "done",
      run: "run-1",
      attempts: 1,
    });
    expect(cellOf(board.page("samples").find("1")!, "taskB")).toMatchObject({ state: "done", run: "run-1" });
    const subjects = journal.disk.entries.map(({ subject }) => subject);
    expect(subjects).toEqual(["board/set", "board/claim", "board/set", "board/finish"]);
  });

  it("leaves a run that somebody else has claimed alone, and writes over its cell as a person does", async () => {
    const { board, sheet, set, claim, journal } = boardSheet();
    await set("samples", "1", { ready: "1" });
    await claim("samples", "1", "taskB", "run-of-another", 1, "box");
    const page = await sheet.open("samples");

    page.rows[0]!.set("taskB", "1");
    await page.save();

    expect(cellOf(board.page("samples").find("1")!, "taskB")).toMatchObject({ state: "done", run: "" });
    expect(journal.disk.entries.at(-1)?.subject).toBe("board/set");
  });

  it("refuses a text that is longer than a cell holds", async () => {
    const { sheet, set } = boardSheet();
    await set("samples", "1");
    const page = await sheet.open("samples");

    page.rows[0]!.set("note", "x".repeat(limits.cellBytes + 1));

    await expect(page.save()).rejects.toMatchObject({ code: "too-large" });
  });

  it("says when a record is gone", async () => {
    const { sheet, set, say } = boardSheet();
    await set("samples", "1");
    const page = await sheet.open("samples");

    await say({ do: "remove", page: "samples", key: "1" });
    page.rows[0]!.set("note", "n");

    await expect(page.save()).rejects.toMatchObject({ code: "not-found" });
  });
});
