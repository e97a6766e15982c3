import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { State } from "../../../runtime/batch/state.ts";
import { prng } from "../../support/prng.ts";
import { COUNTING, ROUND, transformed, transformOf } from "../../support/transforming.ts";

/** Every kind of aggregate, values of every type, and events up to two minutes late. */
const PLAYERS = readFileSync("test/fixtures/specs/players.yml", "utf8");
const LATENESS = 120_000; // ms
/** Windows to both sides, of blocks and of time; rows for some of a day's blocks. */
const WINDOWS = `
Type: Blurr:Transform:Window
Version: '2018-03-01'
Name: W
Anchor: { Condition: players.sitting.games > 0, Max: 20 }
Aggregates:
  - Type: Blurr:Aggregate:Window
    Name: before
    WindowType: count
    WindowValue: -1
    Source: players.sitting
    Fields: [{ Name: games, Type: integer, Value: "source.games[0]" }]
  - Type: Blurr:Aggregate:Window
    Name: after
    WindowType: hour
    WindowValue: 0.01
    Source: players.sitting
    Fields: [{ Name: games, Type: integer, Value: "sum(source.games)" }]
  - Type: Blurr:Aggregate:Variable
    Name: both
    Fields:
      - { Name: who, Type: string, Value: identity }
      - { Name: games, Type: integer, Value: before.games + after.games }
      - { Name: now, Type: integer, Value: anchor.games }
`;
const EVENTS = readFileSync("test/cases/offer-ai/events.jsonl", "utf8").trimEnd().split("\n");

const timeOf = (line: string) => Date.parse(`${(JSON.parse(line) as { event_time: string }).event_time}Z`);

describe("the state between runs", () => {
  let folder: string;
  let stateDir: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "state-"));
    stateDir = join(folder, "state");
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** Runs batches one after the other. @returns what the last gives */
  async function batches(setting: Parameters<typeof transformed>[0], parts: readonly (readonly unknown[])[]) {
    let given = await transformed({ ...setting, events: parts[0]!, stateDir });
    for (const events of parts.slice(1)) given = await transformed({ ...setting, events, stateDir });
    return given;
  }

  describe.each([
    ["records", undefined],
    ["rows", WINDOWS],
  ])("of %s", (_, window) => {
    const setting = { streaming: PLAYERS, ...(window === undefined ? {} : { window }) };

    it.each([1, 2, 3])("makes batches equal one, cut anywhere and late as far as allowed, seed %i", async (seed) => {
      const random = prng(seed);
      // so that batches reach into one another
      const arrived = EVENTS.map((line) => ({ line, at: timeOf(line) + random() * LATENESS * 0.999 }))
        .sort((a, b) => a.at - b.at)
        .map(({ line }) => line);
      const cuts = Array.from({ length: 3 }, () => Math.floor(random() * arrived.length)).sort((a, b) => a - b);
      const parts = [0, ...cuts].map((from, i) => arrived.slice(from, cuts[i] ?? arrived.length));

      const whole = await transformed({ ...setting, events: arrived });
      const cut = await batches(setting, parts);

      expect(cut.tally.dropped).toEqual(new Map());
      expect(whole.lines.filter((line) => !line.endsWith("[]]")).length).toBeGreaterThan(100);
      expect(cut.stdout === whole.stdout, `cut at ${cuts}`).toBe(true);
    });
  });

  const event = (u: string, minute: number, v: string, sid = "A") => ({
    u,
    v,
    sid,
    t: `2018-01-01T${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}:00`,
  });

  it("folds a late event where it belongs, and prints identities in the order in which they first appeared", async () => {
    const parts = [
      [event("a", 10, "1"), event("b", 20, "2")],
      [event("c", 30, "3"), event("a", 5, "4")],
    ];

    const { lines } = await batches({ streaming: COUNTING }, parts);

    expect(lines).toEqual([
      '["a/all//", {"_identity": "a", "n": 2, "last": "1"}]',
      '["a/block/A/", {"_identity": "a", "_start_time": "2018-01-01T00:05:00+00:00", "_end_time": "2018-01-01T00:10:00+00:00", "n": 2, "vs": ["4", "1"], "sid": "A"}]',
      '["b/all//", {"_identity": "b", "n": 1, "last": "2"}]',
      '["b/block/A/", {"_identity": "b", "_start_time": "2018-01-01T00:20:00+00:00", "_end_time": "2018-01-01T00:20:00+00:00", "n": 1, "vs": ["2"], "sid": "A"}]',
      '["c/all//", {"_identity": "c", "n": 1, "last": "3"}]',
      '["c/block/A/", {"_identity": "c", "_start_time": "2018-01-01T00:30:00+00:00", "_end_time": "2018-01-01T00:30:00+00:00", "n": 1, "vs": ["3"], "sid": "A"}]',
    ]);
  });

  it("takes no event later than the spec allows, and says so", async () => {
    const parts = [[event("a", 90, "1"), event("b", 180, "2")], [event("a", 100, "3")], [event("a", 200, "4")]];

    const second = await batches({ streaming: COUNTING }, parts.slice(0, 2));
    const third = await batches({ streaming: COUNTING }, parts.slice(2));

    expect(second.tally.dropped).toEqual(new Map([["late", 1]]));
    expect(second.debug).toEqual(["events:1: too late"]);
    expect(third.lines[0]).toBe('["a/all//", {"_identity": "a", "n": 2, "last": "4"}]');
  });

  it("follows the spec's own lateness", async () => {
    const streaming = `${COUNTING}Lateness: 3h\n`;
    const parts = [[event("a", 90, "1"), event("b", 180, "2")], [event("a", 60, "3")]];

    const { lines, tally } = await batches({ streaming }, parts);

    expect(tally.dropped).toEqual(new Map());
    expect(lines[0]).toBe('["a/all//", {"_identity": "a", "n": 2, "last": "1"}]');
  });

  it("gives rows of identities without new events", async () => {
    const parts = [
      [event("a", 1, "x", "A"), event("a", 2, "x", "B"), event("b", 3, "x", "A")],
      [event("b", 4, "x", "B")],
      [event("c", 5, "x", "A")],
    ];

    const { lines } = await batches({ streaming: COUNTING, window: ROUND }, parts);

    expect(lines).toEqual([
      '["a", [{"before._identity": "a", "before.n": 1, "before.sid": "A"}]]',
      '["b", [{"before._identity": "b", "before.n": 1, "before.sid": "A"}]]',
      '["c", []]',
    ]);
  });

  it("lets go of what a store keeps no longer", async () => {
    const streaming = COUNTING.replace("Name: m }]", "Name: m, Retention: 2 }]");
    const day = 1_440; // minutes
    const at = (u: string, minute: number, sid: string) => ({
      ...{ u, sid, v: "x" },
      t: new Date(Date.UTC(2018, 0, 1, 0, minute)).toISOString().slice(0, 19),
    });
    const parts = [
      [at("a", 0, "A"), at("b", 1, "A"), at("a", 2, "B")],
      [at("b", 1.5 * day, "A"), at("c", 1.5 * day, "A")],
      [at("a", 3 * day, "A"), at("c", 3 * day, "B")],
      [at("a", 3.2 * day, "B")],
    ];

    const whole = await transformed({ streaming, events: parts.flat() });
    const cut = await batches({ streaming }, parts);

    expect(cut.lines).toEqual(whole.lines);
    expect(cut.lines.filter((line) => line.startsWith('["a/')).map((line) => /"n": (\d)/.exec(line)![1])).toEqual([
      "1",
      "2",
      "1",
    ]);
  });

  it("is not of another spec, nor of another mode; a comment or another place changes nothing", async () => {
    await transformed({ streaming: COUNTING, events: [event("a", 1, "x")], stateDir });
    const other = COUNTING.replace("all.n + 1", "all.n + 2");

    await expect(transformed({ streaming: other, events: [], stateDir })).rejects.toThrow(/is of another spec/);
    await expect(transformed({ streaming: COUNTING, events: [], stateDir, compat: true })).rejects.toThrow(
      /another spec/,
    );
    const { lines } = await transformed({ streaming: `# again\n\n${COUNTING}`, events: [], stateDir });
    expect(lines).toHaveLength(2);
  });

  it("stays as it was when a run fails", async () => {
    await transformed({ streaming: COUNTING, events: [event("a", 1, "x")], stateDir });
    const fails = () => {
      throw new Error("no room");
    };

    await expect(
      transformed({ streaming: COUNTING, events: [event("a", 2, "y")], stateDir, writer: fails }),
    ).rejects.toThrow("no room");
    const { lines } = await transformed({ streaming: COUNTING, events: [], stateDir });

    expect(lines[0]).toBe('["a/all//", {"_identity": "a", "n": 1, "last": "x"}]');
  });

  it("is of one process at a time, in a folder of its own", async () => {
    const transform = transformOf({ streaming: COUNTING });
    const first = State.open(stateDir, transform, false);
    expect(() => State.open(stateDir, transform, false)).toThrow(/is in use by this process/);
    await first.close();

    mkdirSync(join(folder, "other"));
    writeFileSync(join(folder, "other", "notes.txt"), "mine");
    expect(() => State.open(join(folder, "other"), transform, false)).toThrow(/holds something else/);
    mkdirSync(join(folder, "broken"));
    writeFileSync(join(folder, "broken", "data.mdb"), "no LMDB at all");
    expect(() => State.open(join(folder, "broken"), transform, false)).toThrow(/holds something else/);
    expect(() => State.open(join(folder, "other", "notes.txt"), transform, false)).toThrow(/is no folder/);
  });

  describe("with Blurr's compatibility", () => {
    it("starts variables anew, and prints identities without new events last", async () => {
      const streaming = COUNTING.replace(
        "Aggregates:\n",
        "Aggregates:\n  - { Type: Blurr:Aggregate:Variable, Name: v, Fields: [{ Name: n, Type: integer, Value: v.n + 1 }] }\n",
      ).replace("all.n + 1", "v.n");
      const parts = [
        [event("a", 1, "x"), event("a", 2, "y"), event("b", 3, "z")],
        [event("c", 4, "u"), event("b", 5, "w")],
      ];

      const { lines } = await batches({ streaming, compat: true }, parts);

      expect(lines.filter((line) => line.includes("/all/"))).toEqual([
        '["c/all//", {"_identity": "c", "n": 1, "last": "u"}]',
        '["b/all//", {"_identity": "b", "n": 1, "last": "w"}]',
        '["a/all//", {"_identity": "a", "n": 2, "last": "y"}]',
      ]);
    });

    it("considers the session that began last when one was stored twice", async () => {
      const streaming = COUNTING.replace("Blurr:Aggregate:Block", "Blurr:Aggregate:Activity").replace(
        "Dimensions: [{ Name: sid, Type: string, Value: source.sid }]",
        "SeparateByInactiveSeconds: 120",
      );
      const parts = [[event("a", 10, "1")], [event("a", 9, "2")], [event("a", 11, "3")]];

      const { lines } = await batches({ streaming, compat: true }, parts);

      expect(lines.filter((line) => line.includes("/block/")).map((line) => /"vs": (\[.*?\])/.exec(line)![1])).toEqual([
        '["1", "3"]',
        '["1", "2"]',
      ]);
    });
  });
});
