import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  Board,
  cellOf,
  holdsAt,
  keyOf,
  keysOf,
  type Page,
  putCell,
  rowOf,
  textAt,
} from "../../../runtime/board/board.ts";
import { cell } from "../../../runtime/board/cell.ts";
import { pageConfig } from "../../support/plans.ts";

const newBoard = () =>
  new Board([
    pageConfig("visits", { opens: ["entry"], ready: false }),
    pageConfig("focuses", { parent: "visits", ready: false }),
  ]);
const keys = (page: Page) => [...page.records()].map(({ key }) => key);

describe("a board", () => {
  it("finds a record by page and key", () => {
    const board = newBoard();
    const visit = board.page("visits").add(["7"], { customer: "7" });

    expect(board.find("visits")!.find("7")).toBe(visit);
    expect(board.find("focuses")!.find("7")).toBe(undefined);
    expect(board.find("visits")!.find("8")).toBe(undefined);
  });

  it("holds a new record back until it is ready, but not the child of one", () => {
    const board = newBoard();
    const visit = board.page("visits").add(["7"], null);
    const focus = board.page("focuses").add(["12"], null, { parent: visit });

    expect(visit).toMatchObject({ ready: false, complete: false, parent: null });
    expect(focus).toMatchObject({ ready: true, complete: false, parent: visit });
    expect([...visit.children!]).toEqual([focus]);
  });

  it("has a record ready from the start where the page says so", () => {
    const board = new Board([pageConfig("jobs", { ready: true }), pageConfig("gated", { ready: false })]);

    expect([board.page("jobs").add(["a"], null).ready, board.page("gated").add(["a"], null).ready]).toEqual([
      true,
      false,
    ]);
  });

  it("goes through a page from the least recently touched", () => {
    const page = newBoard().page("visits");
    const [a] = ["a", "b", "c"].map((key) => page.add([key], null));
    page.touch(a!);

    expect(keys(page)).toEqual(["b", "c", "a"]);
  });

  it("takes a record off, and off its parent", () => {
    const board = newBoard();
    const visit = board.page("visits").add(["7"], null);
    const focus = board.page("focuses").add(["12"], null, { parent: visit });
    board.page("focuses").remove(focus);

    expect(board.page("focuses").find("12")).toBe(undefined);
    expect(visit.children!.size).toBe(0);
  });

  it("lets children keep a parent that was taken off", () => {
    const board = newBoard();
    const visit = board.page("visits").add(["7"], null);
    const focus = board.page("focuses").add(["12"], null, { parent: visit });
    board.page("visits").remove(visit);

    expect(board.page("visits").find("7")).toBe(undefined);
    expect(focus.parent).toBe(visit);
    expect(board.page("focuses").find("12")).toBe(focus);
  });

  it("leaves a newer record of the same key alone", () => {
    const page = newBoard().page("visits");
    const old = page.add(["7"], null);
    page.remove(old);
    const young = page.add(["7"], null);
    page.remove(old);

    expect(page.find("7")).toBe(young);
  });

  it("does not bring back what was taken off by a touch", () => {
    const page = newBoard().page("visits");
    const visit = page.add(["7"], null);
    page.remove(visit);
    page.touch(visit);

    expect(page.size).toBe(0);
  });

  it("may lose records while somebody goes through them", () => {
    const page = newBoard().page("visits");
    for (const key of ["a", "b", "c"]) page.add([key], null);
    for (const record of page.records()) page.remove(record);

    expect(page.size).toBe(0);
  });

  it("has no page that the plan lacks", () => {
    expect(() => newBoard().page("tills")).toThrow("no page 'tills'");
    expect(newBoard().find("tills")).toBe(undefined);
  });

  it("knows which pages events fill", () => {
    const board = new Board([...newBoard().pages].map(({ config }) => config).concat(pageConfig("jobs")));

    expect([...board.pages].map(({ name, fed }) => [name, fed])).toEqual([
      ["visits", true],
      ["focuses", true],
      ["jobs", false],
    ]);
  });
});

describe("the columns of a page", () => {
  const labPage = () =>
    new Board([
      pageConfig("samples", {
        keys: [
          { name: "lab", required: true },
          { name: "batch", required: false },
        ],
        goals: ["measured", "checked"],
        data: ["note"],
      }),
    ]).page("samples");

  it("stand as a sheet shows them: keys, ready, goals and data, complete", () => {
    const page = labPage();
    page.ensure("metric");
    page.ensure("shipped", "goal");

    expect(page.header).toEqual([
      ...["lab", "batch", "ready", "measured", "checked", "shipped", "note", "metric", "complete"],
    ]);
  });

  it("keep their number when others are added", () => {
    const page = labPage();
    const note = page.column("note");
    page.ensure("metric");

    expect(page.column("note")).toBe(note);
    expect(page.ensure("note")).toBe(note);
    expect(page.nameOf(page.column("metric")!)).toBe("metric");
    expect(page.column("colour")).toBe(undefined);
  });

  it("turn from data to a goal when an actor comes to own one, and never back", () => {
    const page = labPage();
    const note = page.ensure("note", "goal");
    expect(page.roleOf(note)).toBe("goal");
    page.ensure("note", "data");

    expect(page.roleOf(note)).toBe("goal");
  });

  it("leave keys, ready and complete what they are", () => {
    const page = labPage();
    for (const name of ["lab", "ready", "complete"]) page.ensure(name, "goal");

    expect(["lab", "ready", "complete"].map((name) => page.roleOf(page.column(name)!))).toEqual([
      "key",
      "ready",
      "complete",
    ]);
  });

  it("come of a changed plan too; what the plan does not name stays", () => {
    const board = new Board([pageConfig("jobs", { goals: ["a"], data: ["note"] })]);
    const record = board.page("jobs").add(["1"], null);
    record.cells[board.page("jobs").column("note")!] = "kept";
    board.adopt([pageConfig("jobs", { goals: ["b", "note"], lenient: true }), pageConfig("more")]);

    expect(board.page("jobs").header).toEqual(["id", "ready", "a", "note", "b", "complete"]);
    expect(board.page("jobs").config.lenient).toBe(true);
    expect(board.page("jobs").find("1")).toBe(record);
    expect(board.page("more").size).toBe(0);
  });
});

describe("a key", () => {
  it.each([
    [["lab1", "a"], "lab1,a"],
    [["a,b", "c d"], "a%2Cb,c%20d"],
    [["a", ""], "a,"],
    [[""], ""],
  ])("of %j is '%s'", (cells, key) => {
    expect(keyOf(cells)).toBe(key);
    expect(keysOf(key)).toEqual(cells);
  });

  it("of any texts leads back to them", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme" }), { minLength: 1, maxLength: 4 }), (cells) => {
        expect(keysOf(keyOf(cells))).toEqual(cells);
      }),
    );
  });

  it("that is not well-formed is refused", () => {
    expect(() => keysOf("a,%E0")).toThrow(URIError);
  });
});

describe("a row", () => {
  const page = () =>
    new Board([
      pageConfig("samples", {
        keys: [
          { name: "lab", required: true },
          { name: "sample", required: true },
        ],
        goals: ["measured", "checked"],
        data: ["note"],
      }),
    ]).page("samples");

  it("shows every cell as a text, by name, in the order of the header", () => {
    const record = page().add(["lab1", "a"], null);
    putCell(record, "measured", cell({ state: "failed", host: "n1", run: "r1" }));
    record.cells[record.page.column("note")!] = "cloudy";

    expect(Object.entries(rowOf(record))).toEqual([
      ["lab", "lab1"],
      ["sample", "a"],
      ["ready", "1"],
      ["measured", "F:n1"],
      ["checked", ""],
      ["note", "cloudy"],
      ["complete", ""],
    ]);
  });

  it("shows a column that came after the record as empty", () => {
    const record = page().add(["lab1", "a"], null);
    const metric = record.page.ensure("metric");

    expect(textAt(record, metric)).toBe("");
  });

  it("gives a goal's cell, and no text as one", () => {
    const record = page().add(["lab1", "a"], null);
    record.cells[record.page.column("note")!] = "cloudy";
    const done = cell({ state: "done" });
    putCell(record, "checked", done);

    expect(["checked", "measured", "note", "nothing"].map((goal) => cellOf(record, goal))).toEqual([
      done,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe("whether a field holds", () => {
  const record = (lenient: boolean) =>
    new Board([pageConfig("jobs", { goals: ["a"], data: ["note"], lenient })]).page("jobs").add(["1"], null);

  it.each([
    ["done", true],
    ["running", false],
    ["failed", false],
    ["waiting", false],
  ] as const)("of a goal that is %s: %s", (state, held) => {
    const job = record(false);
    putCell(job, "a", cell({ state }));

    expect(holdsAt(job, job.page.column("a")!)).toBe(held);
  });

  it.each([
    ["1", true, true],
    ["", false, false],
    ["0", false, false],
    ["yes", false, true],
    ["1.0", false, true],
    ["11", false, false],
  ])("of the text '%s': %s, in a lenient page %s", (text, strict, lenient) => {
    const held = [false, true].map((of) => {
      const job = record(of);
      const note = job.page.column("note")!;
      job.cells[note] = text;
      return holdsAt(job, note);
    });

    expect(held).toEqual([strict, lenient]);
  });

  it("of a key, of ready and of complete is what they show", () => {
    const job = record(false);
    const held = () => ["id", "ready", "complete"].map((name) => holdsAt(job, job.page.column(name)!));
    expect(held()).toEqual([true, true, false]);
    job.ready = false;
    job.complete = true;

    expect(held()).toEqual([true, false, true]);
  });
});
