import { describe, expect, it } from "vitest";
import { keyOf } from "../../../runtime/board/board.ts";
import { readSheet, type SheetLine } from "../../../runtime/board/csv.ts";
import { changesOf, type SheetChanges } from "../../../runtime/board/sheet.ts";
import { limits } from "../../../runtime/limits.ts";
import { type BoardRig, boardRig } from "../../support/board.ts";
import { LAB } from "../../support/lab.ts";
import { prng } from "../../support/prng.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

async function linesOf(text: string) {
  const lines: SheetLine[] = [];
  const source = readSheet(bytes(text));
  for (;;) {
    const { done, value } = await source.next();
    if (done === true) return { lines, fault: value };
    lines.push(...value);
  }
}

describe("a sheet", () => {
  it.each([
    ["a byte order mark", "\ufeffa,b\n1,2\n"],
    ["CRLF", "a,b\r\n1,2\r\n"],
    ["no line break at its end", "a,b\n1,2"],
    ["semicolons", "a;b\n1;2\n"],
    ["tabs", "a\tb\n1\t2\n"],
    ["quotes", '"a","b"\n"1","2"\n'],
  ])("may have %s", async (_, text) => {
    expect(await linesOf(text)).toEqual({
      ...{
        lines: [
          { line: 1, cells: ["a", "b"] },
          { line: 2, cells: ["1", "2"] },
        ],
        fault: null,
      },
    });
  });

  it("keeps commas where semicolons part the cells, and the other way round", async () => {
    expect((await linesOf("a;b;c\n1,5;2;3\n")).lines[1]!.cells).toEqual(["1,5", "2", "3"]);
    expect((await linesOf('a,b,"c;d;e;f"\n1;5,2,3\n')).lines[1]!.cells).toEqual(["1;5", "2", "3"]);
  });

  it("says on which line each record begins: empty ones and those within quotes count too", async () => {
    const { lines } = await linesOf('a,b\r\n\r\n1,"x\r\n\r\ny"\r\n,\r\n2,z\r\n');

    expect(lines).toEqual([
      { line: 1, cells: ["a", "b"] },
      { line: 3, cells: ["1", "x\r\n\r\ny"] },
      { line: 7, cells: ["2", "z"] },
    ]);
  });

  it.each([
    ["a quote that is never closed", 'a,b\n1,2\n3,"4\n5,6\n', 3, "is never closed"],
    ["a quote within a field", 'a,b\n1,2\n\n3,4"5\n', 4, "quote the whole field"],
    ["text after a quote", 'a,b\n1,"2"3\n', 2, "text follows the closing quote"],
  ])("with %s is read up to there", async (_, text, line, detail) => {
    const { lines, fault } = await linesOf(text);

    expect(fault).toEqual({ line, detail: expect.stringContaining(detail) });
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.every((each) => each.line < line)).toBe(true);
  });

  it("is the same read in many slices: every line has its number", async () => {
    const seed = 7;
    const random = prng(seed);
    const cells = ["x", "", '"a ""b"""', '"two\nlines"', '"c,d"', "ü☕".repeat(50)];
    const written: { line: number; text: string }[] = [];
    let text = "id,note\n";
    let line = 2;
    for (let i = 0; i < 20_000; i++) {
      const cell = cells[Math.floor(random() * cells.length)]!;
      written.push({ line, text: `${i}` });
      text += `${i},${cell}\n`;
      line += cell.includes("\n") ? 2 : 1;
    }
    expect(text.length).toBeGreaterThan(5 * 64 * 1024);

    const { lines } = await linesOf(text);

    expect(
      lines.slice(1).map((each) => ({ line: each.line, text: each.cells[0]! })),
      `seed ${seed}`,
    ).toEqual(written);
  });

  it("is read a slice at a time, so that others have their turn", async () => {
    let turns = 0;
    let reading = true;
    const turn = () => {
      turns++;
      if (reading) setImmediate(turn);
    };
    setImmediate(turn);
    await linesOf(`id\n${"0123456789\n".repeat(50_000)}`);
    reading = false;

    expect(turns).toBeGreaterThan(5);
  });
});

describe("what a sheet would change", () => {
  const compare = (rig: BoardRig, page: string, text: string, more: object = {}): Promise<SheetChanges> =>
    changesOf(bytes(text), rig.board.page(page), {
      ...{ by: "bob", closed: () => null, limits: { ...limits, ...more } },
      actorOf: (name, goal) => rig.scheduler.actorOf(name, goal),
    });
  const mistakes = async (page: string, text: string, more: object = {}) =>
    (await compare(boardRig(LAB), page, text, more)).mistakes;
  const told = async (page: string, text: string) => (await mistakes(page, text)).map(({ detail }) => detail);

  it.each([
    ["nothing at all", "", "the file is empty: expected a first line with the names of the columns"],
    ["no key column", "note,build\nx,1\n", "line 1: the key column 'id' is missing: it has note, build"],
    [
      "a key column with a slip in its name",
      "ids,note\n1,x\n",
      "line 1: the key column 'id' is missing (did you mean 'ids'?)",
    ],
    ["a column that a closed page lacks", "id,nota\n1,x\n", "did you mean 'note'"],
    ["a column twice", "id,note,note\n1,a,b\n", "line 1, column 'note': the column 'note' stands twice"],
    ["a column without a name", "id,,note\n1,a,b\n", "line 1: column 2 has no name"],
    ["a line without its key", "id,note\n,x\n", "line 2, column 'id': 'id' is missing: it is part of the key"],
    ["a key twice", "id\n1\n2\n1\n", "line 4: the key 1 stands on line 2 already"],
    ["a goal that means nothing", "id,build\n1,yes\n", "line 2, column 'build': 'build' takes nothing"],
    ["a line that is too short", "id,note\n1\n", "line 2: expected 2 cells as in the first line, found 1"],
    ["a line that is too long", "id,note\n1,a,b\n", "line 2: expected 2 cells as in the first line, found 3"],
    [
      "a cell that is too long",
      `id,note\n1,${"x".repeat(limits.cellBytes + 1)}\n`,
      "line 2, column 'note': the text for 'note' has",
    ],
    [
      "a quote that is never closed",
      'id,note\n1,"x\n',
      "line 2: a field that begins with a quote here is never closed",
    ],
    ["a new record on a page that events feed", "visit,note\n7,x\n", "records of page 'visits' are made by events"],
  ])("with %s is said", async (name, text, detail) => {
    const page = name.includes("events feed") ? "visits" : name.includes("slip") ? "loose" : "jobs";

    expect(await told(page, text)).toEqual([expect.stringContaining(detail)]);
  });

  it("names all mistakes, each with line and column", async () => {
    const found = await mistakes("jobs", "id,ready,build\n1,1,x\n,1,1\n3,maybe,F\n");

    expect(found.map(({ line, column, code }) => ({ line, column, code }))).toEqual([
      { line: 2, column: "build", code: "invalid-cell" },
      { line: 3, column: "id", code: "missing" },
      { line: 4, column: "ready", code: "invalid-cell" },
    ]);
  });

  it("tells a bounded number of mistakes, and how many more there are", async () => {
    const found = await mistakes("jobs", `id,build\n${Array.from({ length: 30 }, (_, i) => `${i},x\n`).join("")}`);

    expect(found).toHaveLength(limits.mistakesPerFile + 1);
    expect(found.at(-1)!.detail).toBe("10 more mistakes not shown");
  });

  it("finds a record by its whole key: optional cells too", async () => {
    const rig = boardRig(LAB);
    await rig.set("samples", keyOf(["lab1", "a", ""]), { note: "no batch" });
    await rig.set("samples", keyOf(["lab1", "a", "2"]), { note: "batch 2" });

    const { changes, counts } = await compare(rig, "samples", "lab,sample,batch,note\nlab1,a,,new\nlab1,a,2,batch 2\n");

    expect(changes).toEqual([{ do: "set", page: "samples", key: "lab1,a,", cells: { note: "new" } }]);
    expect(counts).toMatchObject({ changed: 1, unchanged: 1, created: 0 });
  });

  it("may leave columns out, optional keys among them, and empty lines in", async () => {
    const { changes } = await compare(boardRig(LAB), "samples", "sample,lab,note,\na,lab1,x,\n,,,\n\nb,lab1,,\n");

    expect(changes.map(({ key, cells }) => ({ key, cells }))).toEqual([
      { key: "lab1,a,", cells: { note: "x" } },
      { key: "lab1,b,", cells: {} },
    ]);
  });

  it("writes only what differs, by what it means", async () => {
    const rig = boardRig(LAB);
    await rig.set("loose", "1", { ready: "1", clean: "F:there", note: " x " });

    expect((await compare(rig, "loose", "id,ready,clean,note\n1,Yes,F:there, x \n")).counts).toMatchObject({
      unchanged: 1,
    });
    expect((await compare(rig, "loose", "id,ready,clean,note\n1,no,1:by hand,x\n")).changes).toEqual([
      { do: "set", page: "loose", key: "1", cells: { ready: "no", clean: "1:by hand", note: "x" } },
    ]);
  });

  it("clears cells: to have a goal done again is an empty cell in a sheet", async () => {
    const rig = boardRig(LAB);
    await rig.set("jobs", "1", { build: "F:there" });

    expect((await compare(rig, "jobs", "id,build\n1,\n")).changes).toMatchObject([{ cells: { build: "" } }]);
  });

  it("leaves goals alone that somebody works on, or worked on when the sheet was written", async () => {
    const rig = boardRig(LAB);
    await rig.set("jobs", "1");
    await rig.set("jobs", "2", { build: "1" });
    await rig.claim("jobs", "1", "build", "run-1");

    const { changes, counts } = await compare(rig, "jobs", "id,build\n1,r:here\n2,r:here\n3,r:here\n");

    expect(changes).toMatchObject([{ key: "3", cells: {} }]);
    expect(counts).toMatchObject({ running: 3, unchanged: 2, created: 1 });
  });

  it("takes a new record as not ready, where the sheet says so", async () => {
    const { changes } = await compare(boardRig(LAB), "jobs", "id,ready\n1,\n2,1\n");

    expect(changes.map(({ cells }) => cells)).toEqual([{ ready: "" }, {}]);
  });

  it("is refused when the page has no room for its columns or its records", async () => {
    expect(await mistakes("samples", "lab,sample,x,y\nlab1,a,1,2\n", { pageColumns: 11 })).toMatchObject([
      { line: 1, code: "too-many-columns" },
    ]);
    expect(await mistakes("jobs", "id\n1\n2\n3\n", { pageRecords: 2 })).toMatchObject([
      { line: 4, code: "closed", detail: "line 4: page 'jobs' has 2 records, the most there may be" },
    ]);
  });

  it("is refused for records of another node", async () => {
    const rig = boardRig(LAB);
    rig.board.page("jobs").add(["1"], null, { home: "there" });

    const sheet = bytes("id,note\n1,x\n");
    await expect(rig.face.importSheet("jobs", sheet, { by: "bob", headers: {}, dryRun: true })).rejects.toMatchObject({
      code: "invalid",
      mistakes: [{ detail: expect.stringContaining("is node 'there'"), line: 2 }],
    });
  });
});
