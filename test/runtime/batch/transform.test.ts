import { describe, expect, it } from "vitest";
import { RecordsCsv, RowsCsv } from "../../../runtime/batch/csv.ts";
import type { fileSink } from "../../../runtime/batch/sink.ts";
import { tallyLines } from "../../../runtime/batch/tally.ts";
import { COUNTING, ROUND, source, transformed } from "../../support/transforming.ts";

const DAY = 86_400; // s

const event = (u: unknown, seconds: number, more: object = {}) => ({
  u,
  t: new Date((1_514_764_800 + seconds) * 1000).toISOString().slice(0, 19),
  v: "x",
  sid: "A",
  ...more,
});

/** The value of a field in each record of an aggregate. */
function valuesOf(lines: readonly string[], aggregate: string, field: string): unknown[] {
  return lines
    .map((line) => JSON.parse(line) as [string, Record<string, unknown>])
    .filter(([key]) => key.includes(`/${aggregate}/`))
    .map(([, record]) => record[field]);
}

describe("a transform", () => {
  it("folds events in the order of their times, those of the same time in the order of the input", async () => {
    const events = [event("a", 2, { v: "2" }), event("a", 1, { v: "1" }), event("a", 2, { v: "3" })];

    const { lines } = await transformed({ streaming: COUNTING, events });

    expect(valuesOf(lines, "block", "vs")).toEqual([["1", "2", "3"]]);
  });

  it("gives identities in the order in which they appear in the input, whatever their times", async () => {
    const events = [event("b", 5), event("a", 1), event("", 0), event("c", 0), event("b", 0)];

    const { lines } = await transformed({ streaming: COUNTING, events });

    expect(valuesOf(lines, "all", "_identity")).toEqual(["b", "a", "c"]);
  });

  it("says what was not used, and why, and where expressions failed", async () => {
    const streaming = COUNTING.replace("source.v }\n  - Type", "source.v + 'x' }\n  - Type");
    const sources = [
      source("a.jsonl", `${JSON.stringify(event("a", 1, { v: 7 }))}\n\nnothing\n[1]\n`),
      source("b.jsonl", `${JSON.stringify(event(null, 1))}\n${JSON.stringify({ u: "a", t: "when" })}\n{"u":"a"}`),
    ];

    const { tally, debug } = await transformed({ streaming, sources });

    expect(tallyLines(tally)).toEqual([
      "5 of 6 events were not used: 2 no JSON object, 1 without identity, 2 without time",
      "3 times an expression failed, and left what it is for as it was:",
      "  time, line 7: 1 × TypeError",
      "  time, line 7: 1 × ValueError",
      "  all.last, line 15: 1 × TypeError",
    ]);
    expect(debug.map((line) => line.replace(/ \(.*/, ""))).toEqual([
      "a.jsonl:3: no JSON object",
      "a.jsonl:4: no JSON object",
      "b.jsonl:1: without identity",
      "b.jsonl:2: without time",
      "b.jsonl:3: without time",
    ]);
  });

  it("says nothing when all went well", async () => {
    const { tally } = await transformed({ streaming: COUNTING, events: [event("a", 1)] });

    expect(tallyLines(tally)).toEqual([]);
  });

  it("gives nothing for no events", async () => {
    expect((await transformed({ streaming: COUNTING })).stdout).toBe("");
    expect((await transformed({ streaming: COUNTING, window: ROUND })).stdout).toBe("");
  });

  it("takes more events than the core does at once", async () => {
    const events = Array.from({ length: 5_000 }, (_, i) => event(`u${i % 7}`, 5_000 - i));

    const { lines, tally } = await transformed({ streaming: COUNTING, events });

    expect(tally.events).toBe(5_000);
    expect(valuesOf(lines, "all", "n")).toEqual([715, 715, 714, 714, 714, 714, 714]);
  });
});

describe("a store's Retention", () => {
  const streaming = COUNTING.replace("Name: m }]", "Name: m, Retention: 2 }]");

  it("lets records go that had no event for so long", async () => {
    const events = [event("a", 0), event("b", 1.5 * DAY), event("a", 1 * DAY, { sid: "B" }), event("c", 2.5 * DAY)];

    const { lines } = await transformed({ streaming, events });

    // a's block A is 2.5 days old, its block B and it itself are 1.5
    expect(valuesOf(lines, "block", "sid")).toEqual(["B", "A", "A"]);
    expect(valuesOf(lines, "all", "n")).toEqual([2, 1, 1]);
  });

  it("makes who comes back later begin anew", async () => {
    const events = [event("a", 0), event("a", 2 * DAY), event("a", 4 * DAY + 1)];

    const { lines } = await transformed({ streaming, events });

    expect(valuesOf(lines, "all", "n")).toEqual([1]);
    expect(valuesOf(lines, "block", "n")).toEqual([1]);
  });

  it("takes blocks out of the windows of later anchors, and of no earlier ones", async () => {
    const events = [event("a", 0, { sid: "A" }), event("a", 1 * DAY, { sid: "B" }), event("a", 4 * DAY, { sid: "C" })];

    const { lines } = await transformed({ streaming, window: ROUND, events });
    const kept = await transformed({ streaming: COUNTING, window: ROUND, events });

    expect(lines).toEqual(['["a", [{"before._identity": "a", "before.n": 1, "before.sid": "A"}]]']);
    expect(JSON.parse(kept.lines[0]!)[1]).toHaveLength(2);
  });

  it("has no effect in Blurr's way", async () => {
    const events = [event("a", 0), event("a", 30 * DAY)];

    const { lines } = await transformed({ streaming, events, compat: true });

    expect(valuesOf(lines, "all", "n")).toEqual([2]);
  });
});

describe("rows", () => {
  const anchored = (condition: string, more = "") =>
    ROUND.replace("S.block.n > 0", condition).replace(
      "    Fields:\n",
      `    Fields:\n      - { Name: now, Type: integer, Value: anchor.n }\n      - { Name: seen, Type: integer, Value: S.all.n }\n${more}`,
    );
  const events = [
    event("a", 0, { sid: "A" }),
    event("a", 10, { sid: "B" }),
    event("a", 11, { sid: "B" }),
    event("a", 12, { sid: "B" }),
  ];
  const rowsOf = (lines: readonly string[]) =>
    (JSON.parse(lines[0]!) as [string, Record<string, unknown>[]])[1].map((row) => [
      row["before.now"],
      row["before.seen"],
    ]);

  it("are as of the first event that makes the condition true", async () => {
    const { lines } = await transformed({ streaming: COUNTING, window: anchored("S.block.n == 2"), events });

    expect(rowsOf(lines)).toEqual([[2, 3]]);
  });

  it("are of finished blocks and the end of the run in Blurr's way", async () => {
    const setting = { streaming: COUNTING, events, compat: true };

    expect(rowsOf((await transformed({ ...setting, window: anchored("S.block.n == 2") })).lines)).toEqual([]);
    expect(rowsOf((await transformed({ ...setting, window: anchored("S.block.n == 3") })).lines)).toEqual([[3, 4]]);
  });

  it("are as many for a calendar day as Max allows, and one that is not complete takes nobody's turn", async () => {
    const window = ROUND.replace("S.block.n > 0", "True, Max: 1").replace("WindowValue: -1", "WindowValue: 2");
    const blocks = ["A", "B", "C", "D", "E"].map((sid, i) => event("a", i, { sid }));
    const later = [...blocks, event("a", 2 * DAY, { sid: "F" })];

    const { lines } = await transformed({ streaming: COUNTING, window, events: later });
    const theirs = await transformed({ streaming: COUNTING, window, events: later, compat: true });

    expect(lines).toEqual(['["a", [{"before._identity": "a", "before.n": 2, "before.sid": "B"}]]']);
    expect(theirs.lines).toEqual(lines);
  });

  it("end the run in Blurr's way when a session never began", async () => {
    const streaming = COUNTING.replace("Blurr:Aggregate:Block", "Blurr:Aggregate:Activity")
      .replace(
        "Dimensions: [{ Name: sid, Type: string, Value: source.sid }]",
        "SeparateByInactiveSeconds: 10\n    When: 1 == 2",
      )
      .replace("sid", "n");
    const window = ROUND.replace('- { Name: sid, Type: string, Value: "source.sid[0]" }', "").replace(
      "S.block.n > 0",
      "True",
    );

    await expect(transformed({ streaming, window, events, compat: true })).rejects.toThrow(
      /^AttributeError: 'NoneType'/,
    );
    expect((await transformed({ streaming, window, events })).lines).toEqual(['["a", []]']);
  });
});

describe("CSV", () => {
  const events = [
    event("a", 0, { v: 'say "x"', sid: "A,1" }),
    event("a", 1, { v: "é\nb", sid: "B" }),
    event("a", 2, { sid: "C" }),
  ];

  it("has the rows of all identities, columns by name, quotes where they are needed", async () => {
    const writer = (fold: ConstructorParameters<typeof RowsCsv>[0], sink: ReturnType<typeof fileSink>) =>
      new RowsCsv(fold, sink);
    const window = ROUND.replace(
      "    Fields:\n",
      "    Fields:\n      - { Name: vs, Type: list, Value: 'source.vs[0]' }\n      - { Name: at, Type: datetime, Value: 'source._start_time[0]' }\n",
    );

    const { stdout } = await transformed({ streaming: COUNTING, window, events, writer });

    expect(stdout).toBe(
      [
        "before._identity,before.at,before.n,before.sid,before.vs",
        `a,2018-01-01T00:00:00+00:00,1,"A,1","['say ""x""']"`,
        `a,2018-01-01T00:00:01+00:00,1,B,['é\\nb']`,
        "",
      ].join("\r\n"),
    );
  });

  it("has the header alone when there are no rows", async () => {
    const writer = (fold: ConstructorParameters<typeof RowsCsv>[0], sink: ReturnType<typeof fileSink>) =>
      new RowsCsv(fold, sink);
    const setting = { streaming: COUNTING, window: ROUND, events: [event("a", 0)], writer };

    expect((await transformed(setting)).stdout).toBe("before._identity,before.n,before.sid\r\n");
    expect((await transformed({ ...setting, compat: true })).stdout).toBe("\r\n");
  });

  it("spreads maps over columns in Blurr's way, and refuses rows that differ in them", async () => {
    const writer = (fold: ConstructorParameters<typeof RowsCsv>[0], sink: ReturnType<typeof fileSink>) =>
      new RowsCsv(fold, sink);
    const withMap = (value: string) =>
      ROUND.replace("    Fields:\n", `    Fields:\n      - { Name: m, Type: map, Value: "${value}" }\n`);
    const setting = { streaming: COUNTING, events, writer };

    const own = await transformed({ ...setting, window: withMap("{'k': {'l': None}, 'j': 1.5}") });
    const theirs = await transformed({ ...setting, window: withMap("{'k': {'l': None}, 'j': 1.5}"), compat: true });

    expect(own.stdout.split("\r\n")[1]).toBe(`a,"{'k': {'l': None}, 'j': 1.5}",1,"A,1"`);
    expect(theirs.stdout.split("\r\n").slice(0, 2)).toEqual([
      "before._identity,before.n,before.sid,k.l,m.j",
      'a,1,"A,1",,1.5',
    ]);
    await expect(transformed({ ...setting, window: withMap("{source.sid[0]: 1}"), compat: true })).rejects.toThrow(
      "ValueError: dict contains fields not in fieldnames: 'm.B'",
    );
  });

  it("has the records of each aggregate in a table of their own", async () => {
    const written = new Map<string, string>();
    const sinkOf = (name: string) => ({
      write: (text: string | Uint8Array) => void written.set(name, (written.get(name) ?? "") + text),
      ready: async () => {},
      end: async () => {},
      abandon: async () => {},
    });

    await transformed({ streaming: COUNTING, events, writer: (fold) => new RecordsCsv(fold, sinkOf) });

    expect(written.get("all")).toBe("_identity,n,last\r\na,3,x\r\n");
    expect(written.get("block")!.split("\r\n")[0]).toBe("_identity,_start_time,_end_time,n,vs,sid");
  });
});
