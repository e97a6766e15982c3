import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readScenario, type Step } from "../../../runtime/data/scenario.ts";
import { mistakesOf, STORE } from "../../support/site.ts";

const START = Date.UTC(2026, 2, 1);
const OPTIONS = { paceMs: 30, seed: 7, startAt: START };

const read = (value: unknown, options = OPTIONS) =>
  readScenario(typeof value === "string" ? value : JSON.stringify(value), "s.json", options);
const shipped = (name: string) => readScenario(readFileSync(`${STORE}/scenarios/${name}`, "utf8"), name, OPTIONS);
const types = (steps: readonly Step[]) => {
  const counts: Record<string, number> = {};
  for (const { type } of steps) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
};

const move = (id: number | string, x: number, y: number) => ({ type: "MOVE", message: { id, x, y } });

describe("a bus recording", () => {
  it("walks at the pace, and pauses where the place stays the same", () => {
    const steps = read([
      { type: "ENTER", message: { id: 4, x: 0, y: 0 } },
      move(4, 30, 40),
      move(4, 30, 40),
      { type: "EXIT", message: { id: 4 } },
    ]);

    expect(steps.map(({ at, ...step }) => step)).toEqual([
      { type: "entry", customer: "4", x: 0, y: 0 },
      { type: "move", customer: "4", x: 30, y: 40 },
      { type: "move", customer: "4", x: 30, y: 40 },
      { type: "exit", customer: "4" },
    ]);
    const [walked, stood, left] = steps.slice(1).map(({ at }, index) => at - steps[index]!.at);
    expect(walked).toBe(50 * 30);
    for (const pause of [stood!, left!]) {
      expect(pause).toBeGreaterThanOrEqual(800);
      expect(pause).toBeLessThanOrEqual(1_200);
    }
    expect(steps[0]!.at).toBe(START);
  });

  it("takes 'type: null' as a pause for everyone, also for who is yet to come", () => {
    const [without] = read([move(1, 0, 0)]);
    const [after] = read([{ type: null }, { type: null }, move(1, 0, 0)]);

    expect(after!.at - without!.at).toBeGreaterThanOrEqual(2 * 800);
    expect(after!.at - without!.at).toBeLessThanOrEqual(2 * 1_200);
  });

  it("leaves out what the original answered, and keeps a recorded focus", () => {
    const steps = read([
      { type: "PREDICTION", message: { customer: { id: 1 } } },
      { type: "BROWSING", message: { id: 1 } },
      { type: "FOCUS", message: { id: 1, dep: "Boys" } },
    ]);

    expect(steps).toEqual([{ at: START, type: "focus", customer: "1", department: "Boys" }]);
  });

  it.each([
    ["scenario_4.json", { entry: 1, move: 106, exit: 1 }],
    ["scenario_18.json", { entry: 1, move: 69, exit: 1 }],
  ])("%s is read whole", (name, counts) => {
    expect(types(shipped(name))).toEqual(counts);
  });

  it("has the same times for the same seed, and others for another", () => {
    const items = [move(1, 0, 0), move(1, 0, 0), move(2, 5, 5), move(2, 5, 5)];

    expect(read(items)).toEqual(read(items));
    expect(read(items, { ...OPTIONS, seed: 8 })).not.toEqual(read(items));
  });

  it("lets several customers start one after the other", () => {
    const at = new Map(
      read([move(1, 0, 0), move(2, 0, 0), move(3, 0, 0)]).map((step) => [step.customer, step.at - START]),
    );

    expect(at.get("1")).toBe(0);
    expect(at.get("2")).toBeGreaterThanOrEqual(1_000);
    expect(at.get("3")! - at.get("2")!).toBeGreaterThanOrEqual(1_000);
    expect(at.get("3")! - at.get("2")!).toBeLessThanOrEqual(10_000);
  });
});

const path = (...steps: unknown[]) => [{ customer: { customer_id: "3" }, path: steps }];
const step = (type: string, timestamp?: unknown, location: unknown = { x: 1, y: 2 }) => ({
  type,
  location,
  ...(timestamp === undefined ? {} : { timestamp }),
});

describe("a scenario", () => {
  it("keeps the distances between its times, whatever their zones", () => {
    const steps = read(
      path(
        step("ENTER", "2021-04-14T10:00:00+02:00"),
        step("MOVE", "2021-04-14T08:00:05.250Z"),
        step("exit", 1_618_387_210),
      ),
    );

    expect(steps.map(({ type, at }) => [type, at - START])).toEqual([
      ["entry", 0],
      ["move", 5_250],
      ["exit", 10_000],
    ]);
  });

  it("is sorted by time over all customers, equal times in the file's order", () => {
    const steps = shipped("test.scenarios.json");

    expect(steps.map(({ at }) => at)).toEqual(steps.map(({ at }) => at).toSorted((a, b) => a - b));
    expect(types(steps)).toEqual({ entry: 3, move: 43, exit: 3 });
    expect(steps[0]).toEqual({ at: START, type: "entry", customer: "1", x: expect.any(Number), y: expect.any(Number) });
    const equal = read(path(step("MOVE", 5, { x: 1, y: 1 }), step("MOVE", 5, { x: 2, y: 2 }), step("MOVE", 4)));
    expect(equal.map(({ x }) => x)).toEqual([1, 1, 2]);
  });
});

describe("a draft", () => {
  it("is all moves: the first after 10 s, then at the pace, a focus five more at its place 7.5 s apart", () => {
    const steps = read(
      path(
        step("move", undefined, { x: 0, y: 0 }),
        step("FOCUS", undefined, { x: 30, y: 40 }),
        step("move", undefined, { x: 30, y: 50 }),
      ),
    );

    const arrived = 10_000 + 50 * 30;
    expect(types(steps)).toEqual({ move: 8 });
    expect(steps.map(({ at }) => at - START)).toEqual([
      10_000,
      ...[0, 1, 2, 3, 4, 5].map((more) => arrived + more * 7_500),
      arrived + 5 * 7_500 + 300,
    ]);
    expect(steps.slice(1, 7).every(({ x, y }) => x === 30 && y === 40)).toBe(true);
  });

  it("is read whole as shipped", () => {
    const text = JSON.parse(readFileSync(`${STORE}/scenarios/test_drafts.json`, "utf8")) as {
      path: { type: string }[];
    }[];
    const all = text.flatMap((each) => each.path);

    const focuses = all.filter(({ type }) => type === "focus").length;
    expect(shipped("test_drafts.json")).toHaveLength(all.length + 5 * focuses);
  });
});

describe("a mistake in a file of paths", () => {
  it.each([
    ["{", /^s\.json:1:\d+: is not JSON: /],
    ["[\n 7\n]", "s.json:2:2: expected a map with 'type' and 'message', or 'customer' and 'path', found the number 7"],
    ['[\n{"typ": 1}]', "s.json:2:1: expected the keys 'type' and 'message', or 'customer' and 'path', found typ"],
    [
      '[{"type": "MVOE"}]',
      "s.json:1:11: 'type': expected ENTER, MOVE, EXIT, FOCUS, PREDICTION or BROWSING, found 'MVOE' (did you mean 'MOVE'?)",
    ],
    ['[{"type": "MOVE"}]', "s.json:1:2: 'message' is missing: expected a map with 'id', 'x' and 'y'"],
    ['[{"type": "MOVE", "message": {"id": 4, "x": "1", "y": 2}}]', "s.json:1:45: 'x': expected a number, found '1'"],
    [
      '[{"type": "MOVE", "message": {"x": 1, "y": 2}}]',
      "s.json:1:30: 'id': expected the id of a customer, found nothing",
    ],
    [
      path(step("MOVE", "2021-04-14T08:00:00")),
      "s.json:1:94: 'timestamp': expected a time with its zone such as '2021-04-14T08:00:00Z', found '2021-04-14T08:00:00'",
    ],
    [path(step("MOVE", "2021-04-14")), /expected a time with its zone/],
    [path(step("MOVE", "soon")), /'timestamp': expected a time such as '2026-03-01T09:30:00Z', found 'soon'/],
    [path(step("MOVE", 1), step("MOVE")), /'timestamp': expected a time such as .*, found nothing/],
    [path(step("FOCUS", 1)), /'type': expected ENTER, MOVE or EXIT, found 'FOCUS'/],
    [path(step("ENTER")), /'type': expected move or focus, found 'ENTER'/],
    [path(step("move", undefined, null)), /'location' is missing: expected a map with 'x' and 'y'/],
    [[{ customer: { customer_id: "1" } }], /'path' is missing: expected a list of steps/],
    [[{ path: [] }], /'customer' is missing: expected a map with 'customer_id'/],
  ])("%j is told with its place", (value, expected) => {
    const said = mistakesOf(() => read(value));

    expect(said).toHaveLength(1);
    if (typeof expected === "string") expect(said[0]).toBe(expected);
    else expect(said[0]).toMatch(expected);
  });

  it("does not hide the others", () => {
    const said = mistakesOf(() => read([{ type: "X" }, { type: "MOVE" }, ...path(step("Y", 1), step("MOVE", "z"))]));

    expect(said).toHaveLength(4);
  });
});
