import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { Board, type BoardRecord, cellOf, putCell, rowOf } from "../../../runtime/board/board.ts";
import { cell } from "../../../runtime/board/cell.ts";
import { type Change, type Changed, Changes, carried, changeDraft, changeOf } from "../../../runtime/board/change.ts";
import type { Entry } from "../../../runtime/journal/journal.ts";
import { limits } from "../../../runtime/limits.ts";
import type { PageConfig } from "../../../runtime/site.ts";
import { pageConfig, pageOf, plannedActor } from "../../support/plans.ts";

const NOON = Date.UTC(2026, 2, 2, 12); // ms

/** A board that changes are applied to, each as an entry of its own. */
class Sheet {
  readonly board: Board;
  readonly entries: Entry[] = [];
  readonly #changes: Changes;

  constructor(pages: readonly PageConfig[]) {
    this.board = new Board(pages);
    this.#changes = new Changes(this.board);
  }

  apply(change: Change, principal = "anna"): Changed | null {
    const seq = this.entries.length + 1;
    const entry = { ...changeDraft(change, principal), seq, receivedAt: NOON + seq };
    this.entries.push(entry);
    return this.play(entry);
  }

  play(entry: Entry): Changed | null {
    const change = changeOf(entry);
    return change === null ? null : this.#changes.apply(change, entry);
  }

  find(key: string, page = "jobs"): BoardRecord | undefined {
    return this.board.page(page).find(key);
  }

  /** Names of the columns that a change touched. */
  touched(change: Change): string[] | null {
    const { record, columns } = this.apply(change)!;
    return columns?.map((column) => record.page.nameOf(column)) ?? null;
  }
}

const OF = { page: "jobs", key: "1" } as const;
const set = (cells: Readonly<Record<string, string>>, key = "1"): Change => ({ do: "set", page: "jobs", key, cells });
const claim = (run: string, goal = "a", attempt = 1): Change => ({
  ...OF,
  ...{ do: "claim", goal, run, host: "n1", attempt },
});
const finish = (run: string, outcome: "done" | "failed" | "retry" = "done", more: object = {}, goal = "a"): Change => ({
  ...OF,
  ...{ do: "finish", goal, run, host: "n1", outcome, ...more },
});
const lapse = (run: string, outcome: "failed" | "retry", more: object = {}): Change => ({
  ...OF,
  ...{ do: "lapse", goal: "a", run, why: "lease", outcome, ...more },
});

const ACTORS = [plannedActor("a"), plannedActor("b", { subsumes: ["a", "c"] }), plannedActor("c")];

function newSheet(more: Partial<PageConfig> = {}, actors = ACTORS): Sheet {
  const fed = pageConfig("visits", { opens: ["entry"], goals: ["seen"] });
  return new Sheet([pageOf(actors, { data: ["note"], ready: false, ...more }), fed]);
}

describe("a change", () => {
  let sheet: Sheet;

  beforeEach(() => {
    sheet = newSheet();
  });

  describe("that sets cells", () => {
    it("makes the record, and writes what a person says by the kind of each column", () => {
      const cells = { ready: "1", a: "1", b: "F:lab", note: "cloudy", colour: "red", id: "9" };
      const made = sheet.touched(set(cells));

      expect(rowOf(sheet.find("1")!)).toEqual({
        ...{ id: "1", ready: "1", a: "1", b: "F:lab", c: "", note: "cloudy", colour: "red", complete: "" },
      });
      // Of a new record anything may have changed: it may be ready as it is.
      expect(made).toBe(null);
      expect(sheet.touched(set(cells))).toEqual(["ready", "a", "b", "note", "colour", "id"]);
    });

    it("remembers who wrote a goal's cell, and when, and that no run did", () => {
      sheet.apply(set({ a: "F:lab" }), "bert");

      expect(cellOf(sheet.find("1")!, "a")).toEqual({
        ...{ state: "failed", host: "lab", run: "", attempts: 0, by: "bert", at: NOON + 1 },
        ...{ detail: null, notBefore: 0 },
      });
    });

    it("clears a goal's cell with an empty text, its attempts with it", () => {
      sheet.apply(set({}));
      sheet.apply(claim("r1", "a", 3));
      sheet.apply(finish("r1", "failed"));
      sheet.apply(set({ a: "" }));

      expect(cellOf(sheet.find("1")!, "a")).toBe(undefined);
    });

    it("takes the goal from a run that holds it", () => {
      sheet.apply(set({}));
      sheet.apply(claim("r1"));
      sheet.apply(set({ a: "" }));

      expect(sheet.apply(finish("r1"))).toBe(null);
      expect(rowOf(sheet.find("1")!).a).toBe("");
    });

    it.each([
      [false, "yes", ""],
      [false, "1", "1"],
      [true, "yes", "1"],
      [true, "no", ""],
    ])("reads ready and complete by the truth of the page: lenient %s, '%s' is '%s'", (lenient, text, shown) => {
      sheet = newSheet({ lenient });
      sheet.apply(set({ ready: text, complete: text }));

      expect(rowOf(sheet.find("1")!)).toMatchObject({ ready: shown, complete: shown });
    });

    it("makes no record where events do, and writes into those that they made", () => {
      expect(sheet.apply({ do: "set", page: "visits", key: "7", cells: { seen: "1" } })).toBe(null);
      expect(sheet.board.page("visits").size).toBe(0);
      const visit = sheet.board.page("visits").add(["7"], null);
      sheet.apply({ do: "set", page: "visits", key: "7", cells: { seen: "1" } });

      expect(rowOf(visit)).toMatchObject({ seen: "1" });
    });

    it("finds the record by its key, whatever stands in it", () => {
      sheet.apply(set({ note: "x" }, "a%2Cb"));
      sheet.apply(set({ note: "y" }, "a%2Cb"));

      expect([sheet.find("a%2Cb")!.keys, sheet.board.page("jobs").size]).toEqual([["a,b"], 1]);
    });

    it("throws at a key that is none, and changes nothing", () => {
      expect(() => sheet.apply(set({ note: "x" }, "%E0"))).toThrow(URIError);
      expect(sheet.board.page("jobs").size).toBe(0);
    });
  });

  it("that removes takes the record off, and lets nothing start on it", () => {
    sheet.apply(set({ ready: "1" }));
    const record = sheet.find("1")!;
    const changed = sheet.apply({ ...OF, do: "remove" });

    expect(changed).toEqual({ record, columns: null });
    expect([sheet.find("1"), record.complete]).toEqual([undefined, true]);
  });

  it("of a record or page that is not there is nothing", () => {
    expect(sheet.apply(claim("r1"))).toBe(null);
    expect(sheet.apply({ ...OF, do: "remove" })).toBe(null);
    expect(sheet.apply({ ...OF, do: "remove", page: "tills" })).toBe(null);
  });

  it("of a page that the plan lacks by now keeps its record, which rests", () => {
    sheet.apply({ do: "set", page: "tills", key: "1,north", cells: { note: "n" } });
    const record = sheet.find("1,north", "tills")!;

    expect(rowOf(record)).toMatchObject({ "key 1": "1", "key 2": "north", note: "n" });
    expect(carried(record)).toMatchObject({ page: "tills", key: "1,north", cells: { note: "n" } });
  });

  describe("that claims", () => {
    it("shows who works", () => {
      sheet.apply(set({}));

      expect(sheet.touched(claim("r1", "a", 2))).toEqual(["a"]);
      expect(rowOf(sheet.find("1")!).a).toBe("r:n1");
      expect(cellOf(sheet.find("1")!, "a")).toMatchObject({ state: "running", host: "n1", run: "r1", attempts: 2 });
    });

    it.each(["1", "F:lab"])("changes nothing where '%s' stands", (text) => {
      sheet.apply(set({ a: text }));

      expect(sheet.apply(claim("r1"))).toBe(null);
      expect(rowOf(sheet.find("1")!).a).toBe(text);
    });
  });

  describe("that finishes", () => {
    beforeEach(() => {
      sheet.apply(set({}));
      sheet.apply(claim("r1", "a", 2));
    });

    it.each([
      ["done", "1", "done"],
      ["failed", "F:n1", "failed"],
      ["retry", "", "waiting"],
    ] as const)("with %s shows '%s', and writes its fields", (outcome, text, state) => {
      const touched = sheet.touched(finish("r1", outcome, { fields: { note: "n", metric: "7" }, detail: "so" }));

      expect(touched).toEqual(["note", "metric", "a"]);
      expect(rowOf(sheet.find("1")!)).toMatchObject({ a: text, note: "n", metric: "7" });
      expect(cellOf(sheet.find("1")!, "a")).toMatchObject({ state, run: "r1", attempts: 2, detail: "so" });
    });

    it("keeps the time before which it is not tried again", () => {
      sheet.apply(finish("r1", "retry", { notBefore: NOON + 9_000 }));

      expect(cellOf(sheet.find("1")!, "a")).toMatchObject({ state: "waiting", notBefore: NOON + 9_000 });
    });

    it("does so only for the run that holds the claim", () => {
      const before = rowOf(sheet.find("1")!);

      expect(sheet.apply(finish("r0", "done", { fields: { note: "late" } }))).toBe(null);
      expect(rowOf(sheet.find("1")!)).toEqual(before);
    });

    it("does so once", () => {
      sheet.apply(finish("r1", "failed"));

      expect(sheet.apply(finish("r1", "done"))).toBe(null);
      expect(rowOf(sheet.find("1")!).a).toBe("F:n1");
    });

    it("is overdue once, and empty as before, until somebody writes", () => {
      const change: Change = { ...OF, do: "overdue", goal: "b" };
      sheet.apply(change);

      expect(cellOf(sheet.find("1")!, "b")).toMatchObject({ state: "waiting", detail: "overdue" });
      expect([rowOf(sheet.find("1")!).b, sheet.apply(change)]).toEqual(["", null]);
    });

    it("writes no key, no goal, neither ready nor complete", () => {
      sheet.apply(finish("r1", "done", { fields: { id: "9", b: "1", ready: "1", complete: "1", a: "F", note: "n" } }));

      expect(rowOf(sheet.find("1")!)).toEqual({
        ...{ id: "1", ready: "", a: "1", b: "", c: "", note: "n", complete: "" },
      });
    });

    it("sets the goals that it subsumes when it is done, whatever stood there", () => {
      sheet.apply(claim("r2", "b"));
      sheet.apply(set({ c: "F" }));
      const touched = sheet.touched(finish("r2", "done", { also: ["a", "c"] }, "b"));

      expect(touched).toEqual(["a", "c", "b"]);
      expect(rowOf(sheet.find("1")!)).toMatchObject({ a: "1", b: "1", c: "1" });
      // The run that was at work on one of them comes too late.
      expect(sheet.apply(finish("r1", "failed"))).toBe(null);
    });

    it.each(["failed", "retry"] as const)("leaves them alone when it is %s", (outcome) => {
      sheet.apply(claim("r2", "b"));

      expect(sheet.touched(finish("r2", outcome, {}, "b"))).toEqual(["b"]);
      expect(rowOf(sheet.find("1")!)).toMatchObject({ a: "r:n1", c: "" });
    });
  });

  describe("that lapses", () => {
    beforeEach(() => {
      sheet.apply(set({}));
      sheet.apply(claim("r1", "a", 2));
    });

    it.each([
      ["failed", "F:n1", "failed"],
      ["retry", "", "waiting"],
    ] as const)("with %s shows '%s', and why", (outcome, text, state) => {
      expect(sheet.touched(lapse("r1", outcome, { notBefore: NOON }))).toEqual(["a"]);
      expect(rowOf(sheet.find("1")!).a).toBe(text);
      expect(cellOf(sheet.find("1")!, "a")).toMatchObject({
        ...{ state, host: "n1", attempts: 2, detail: "lease", notBefore: NOON },
      });
    });

    it("says more where there is more to say", () => {
      sheet.apply(lapse("r1", "failed", { detail: "was not renewed for 30 s" }));

      expect(cellOf(sheet.find("1")!, "a")!.detail).toBe("was not renewed for 30 s");
    });

    it("does so only for the run that holds the claim", () => {
      sheet.apply(claim("r2", "a", 3));

      expect(sheet.apply(lapse("r1", "failed"))).toBe(null);
      expect(rowOf(sheet.find("1")!).a).toBe("r:n1");
    });
  });

  it.each<[string, Change]>([
    ["an extra run", { ...OF, do: "extra", goal: "a", run: "r0", host: "n2", detail: "too late" }],
    ["a result of a run that holds nothing", finish("r0")],
  ])("that is %s changes nothing, and stands in the history", (_, change) => {
    sheet.apply(set({ note: "n" }));
    const before = rowOf(sheet.find("1")!);

    expect(sheet.apply(change)).toBe(null);
    expect(rowOf(sheet.find("1")!)).toEqual(before);
    expect(sheet.find("1")!.seqs).toEqual([1, 2]);
  });

  it("is remembered by its sequence, the youngest few of a record", () => {
    for (let i = 0; i <= limits.cellHistory; i++) sheet.apply(set({ note: String(i) }));
    const { seqs } = sheet.find("1")!;

    expect([seqs.length, seqs[0], seqs.at(-1)]).toEqual([limits.cellHistory, 2, limits.cellHistory + 1]);
  });

  describe("on a page that completes by its goals", () => {
    beforeEach(() => {
      sheet = newSheet({ completes: true }, [plannedActor("a"), plannedActor("b")]);
      sheet.apply(set({ a: "1" }));
    });

    it("completes a record with the last goal, by an actor", () => {
      sheet.apply(claim("r1", "b"));
      expect(sheet.find("1")!.complete).toBe(false);

      expect(sheet.touched(finish("r1", "done", {}, "b"))).toEqual(["b", "complete"]);
      expect(sheet.find("1")!.complete).toBe(true);
    });

    it("completes a record with the last goal, by a person", () => {
      expect(sheet.touched(set({ b: "1" }))).toEqual(["b", "complete"]);
      expect(sheet.find("1")!.complete).toBe(true);
    });

    it("completes none of whose goals one failed", () => {
      sheet.apply(set({ b: "F" }));

      expect(sheet.find("1")!.complete).toBe(false);
    });
  });

  it("completes no record by itself where the page leaves that to people", () => {
    sheet.apply(set({ a: "1", b: "1", c: "1" }));

    expect(sheet.find("1")!.complete).toBe(false);
  });
});

describe("an entry of the board", () => {
  const sheet = newSheet();

  it.each<[Change, string, string]>([
    [set({ note: "x" }), "cell", "board/set"],
    [{ ...OF, do: "remove" }, "cell", "board/remove"],
    [claim("r1"), "effect", "board/claim"],
    [finish("r1"), "effect", "board/finish"],
    [lapse("r1", "retry"), "effect", "board/lapse"],
  ])("of %j has kind %s, subject %s, and says it all", (change, kind, subject) => {
    const { value, ...stored } = changeDraft(change, "anna", { traceparent: "00-1" });

    expect(stored).toMatchObject({ kind, subject, principal: "anna", headers: { traceparent: "00-1" } });
    expect(value).toBe(change);
    expect(changeOf({ ...stored, seq: 1, receivedAt: NOON })).toEqual(change);
  });

  it.each([
    ["effect", "context"],
    ["cell", ""],
    ["event", "board/set"],
  ] as const)("is not one of kind %s with subject '%s'", (kind, subject) => {
    const draft = { kind, subject, principal: "", headers: {}, payload: Buffer.from("{}") };

    expect(changeOf({ ...draft, seq: 1, receivedAt: NOON })).toBe(null);
    expect(sheet.play({ ...draft, seq: 1, receivedAt: NOON })).toBe(null);
  });
});

describe("a record that is carried", () => {
  it("stands again from one entry, as it was", () => {
    const sheet = newSheet();
    sheet.apply(set({ ready: "1", note: "cloudy", colour: "red", c: "F:lab" }));
    sheet.apply(claim("r1", "a", 2));
    sheet.apply(finish("r1", "retry", { notBefore: NOON + 5_000, detail: "again" }));
    sheet.apply(claim("r2", "b"));
    const before = sheet.find("1")!;
    const fresh = newSheet();
    const changed = fresh.apply(carried(before));

    expect(changed).toEqual({ record: fresh.find("1"), columns: null });
    expect(stateOf(fresh)).toEqual(stateOf(sheet));
    expect(fresh.find("1")!.seqs).toEqual([1]);
  });

  it("lets a run that was at work finish", () => {
    const sheet = newSheet();
    sheet.apply(set({}));
    sheet.apply(claim("r1"));
    const fresh = newSheet();
    fresh.apply(carried(sheet.find("1")!));

    expect(fresh.apply(finish("r1"))).not.toBe(null);
    expect(rowOf(fresh.find("1")!).a).toBe("1");
  });

  it("changes nothing where its older entries are still there", () => {
    const sheet = newSheet();
    sheet.apply(set({ ready: "1", note: "cloudy" }));
    sheet.apply(claim("r1"));
    const before = stateOf(sheet);
    sheet.apply(carried(sheet.find("1")!));

    expect(stateOf(sheet)).toEqual(before);
  });

  it("keeps nothing that went in what was let go between", () => {
    const sheet = newSheet();
    sheet.apply(set({ note: "cloudy" }));
    sheet.apply(set({ a: "1" }));
    const only = newSheet();
    only.apply(set({}));
    only.apply(carried(only.find("1")!));
    sheet.apply(carried(only.find("1")!));

    expect(rowOf(sheet.find("1")!)).toEqual(rowOf(only.find("1")!));
  });

  it("knows nothing of a goal that was let start and is not claimed yet", () => {
    const sheet = newSheet();
    sheet.apply(set({ note: "n" }));
    sheet.apply(claim("r1", "a", 2));
    sheet.apply(finish("r1", "retry"));
    const record = sheet.find("1")!;
    const begun = ["a", "c"].map((goal) => {
      const started = cell({ state: "running", attempts: cellOf(record, goal)?.attempts ?? 0 });
      putCell(record, goal, started);
      return started;
    });
    const change = carried(record);
    sheet.apply(change);
    const fresh = newSheet();
    fresh.apply(change);

    expect(["a", "c"].map((goal) => cellOf(record, goal))).toEqual(begun);
    expect(cellOf(fresh.find("1")!, "a")).toMatchObject({ state: "waiting", attempts: 2 });
    expect(cellOf(fresh.find("1")!, "c")).toBe(undefined);
  });

  it("needs nothing before that entry", () => {
    const sheet = newSheet();
    sheet.apply(set({ note: "cloudy" }));
    expect(sheet.find("1")).toMatchObject({ baseSeq: 1, baseAt: NOON + 1 });
    sheet.apply(set({ note: "clear" }));
    expect(sheet.find("1")).toMatchObject({ baseSeq: 1 });
    sheet.apply(carried(sheet.find("1")!));

    expect(sheet.find("1")).toMatchObject({ baseSeq: 3, baseAt: NOON + 3 });
  });
});

/** All that a board says, without what nobody sees of it: numbers of columns. */
function stateOf({ board }: Sheet) {
  return [...board.pages].map((page) => ({
    name: page.name,
    records: [...page.records()].map((record) => ({
      row: rowOf(record),
      cells: page.header.map((name) => cellOf(record, name)),
    })),
  }));
}

describe("a board", () => {
  const goal = fc.constantFrom("a", "b", "c");
  const key = fc.constantFrom("1", "2", "a%2Cb");
  const run = fc.constantFrom("r1", "r2", "r3", "r4");
  const name = fc.constantFrom("id", "ready", "complete", "a", "b", "c", "note", "metric", "__proto__");
  const text = fc.constantFrom("", "1", "F", "F:n9", "yes", "no", "r:n1", "7");
  const cells = fc.array(fc.tuple(name, text), { maxLength: 4 }).map((pairs) => Object.fromEntries(pairs));
  const outcome = fc.constantFrom("failed", "retry");
  const notBefore = fc.integer({ min: 0, max: 9 });
  const of = { page: fc.constantFrom("jobs", "jobs", "jobs", "visits", "tills"), key };
  const by = { ...of, goal, run, host: fc.constantFrom("n1", "n2") };
  const made = <T extends Change["do"]>(what: T, more: Record<string, fc.Arbitrary<unknown>>) =>
    fc.record({ do: fc.constant(what), ...more }) as unknown as fc.Arbitrary<Change>;
  const change = fc.oneof(
    { weight: 4, arbitrary: made("set", { ...of, cells }) },
    { weight: 1, arbitrary: made("remove", of) },
    { weight: 4, arbitrary: made("claim", { ...by, attempt: fc.integer({ min: 1, max: 4 }) }) },
    {
      weight: 6,
      arbitrary: made("finish", {
        ...by,
        outcome: fc.constantFrom("done", "failed", "retry"),
        fields: cells,
        notBefore,
      }),
    },
    { weight: 2, arbitrary: made("lapse", { ...by, why: fc.constantFrom("lease", "timeout"), outcome, notBefore }) },
    { weight: 1, arbitrary: made("extra", { ...by, detail: fc.constant("late") }) },
    { weight: 1, arbitrary: made("overdue", { ...of, goal }) },
    // Stands for one that carries what the record then says.
    { weight: 1, arbitrary: made("carry", of) },
  );
  const page = fc.record({ completes: fc.boolean(), lenient: fc.boolean(), ready: fc.boolean() });

  function played(changes: readonly Change[], more: Partial<PageConfig>): Sheet {
    const sheet = newSheet(more);
    for (const each of changes) {
      if (each.do !== "carry") sheet.apply(each);
      else {
        const record = sheet.board.find(each.page)?.find(each.key);
        if (record !== undefined) sheet.apply(carried(record));
      }
    }
    return sheet;
  }

  it("is a function of its entries: read from the disk they make the same", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), page, (changes, more) => {
        const sheet = played(changes, more);
        const again = newSheet(more);
        for (const { value: _, ...stored } of sheet.entries) again.play(stored);

        expect(stateOf(again)).toEqual(stateOf(sheet));
        const histories = ({ board }: Sheet) => [...board.page("jobs").records()].map(({ seqs }) => [...seqs]);
        expect(histories(again)).toEqual(histories(sheet));
      }),
      { numRuns: 500 },
    );
  });

  it("needs of the entries before only what it carries", () => {
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 30 }),
        fc.array(change, { maxLength: 10 }),
        page,
        (old, young, more) => {
          const sheet = played(old, more);
          const from = sheet.entries.length;
          for (const record of [...sheet.board.page("jobs").records()]) sheet.apply(carried(record));
          for (const each of young) if (each.do !== "carry") sheet.apply(each);
          const again = newSheet(more);
          for (const { value: _, ...stored } of sheet.entries.slice(from)) again.play(stored);

          const byKey = (of: Sheet) =>
            [...of.board.page("jobs").records()]
              .map((record) => ({ row: shown(record), cells: ["a", "b", "c"].map((each) => cellOf(record, each)) }))
              .toSorted((one, two) => one.row.id!.localeCompare(two.row.id!));
          expect(byKey(again)).toEqual(byKey(sheet));
        },
      ),
      { numRuns: 300 },
    );
  });

  /** A row without what is empty: a column may be known of that no record fills any more. */
  function shown(record: BoardRecord): Record<string, string> {
    return Object.fromEntries(Object.entries(rowOf(record)).filter(([, text]) => text !== ""));
  }
});
