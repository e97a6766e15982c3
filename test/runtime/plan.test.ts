import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { actors } from "../../actors/index.ts";
import { type Declared, loadPlan, planJsonSchema } from "../../runtime/plan.ts";
import { mistakesOf, STORE } from "../support/site.ts";

const eventTypes = ["entry", "focus", "move", "exit", "outcome"];
const load = (text: string, declared: readonly Declared[] = actors) =>
  loadPlan(text, "plan.yml", declared, { eventTypes });

const HEAD = `version: 1
pages:
  visits: { opens: [entry, focus], closes: exit, timeToLive: 30m }
  focuses: { parent: visits }
actors:
`;

/** An actor that declares nothing but its goal. */
const declare = (goal: string, more: Partial<Declared> = {}): Declared => ({
  goal,
  page: "visits",
  prerequisites: [],
  conflicts: {},
  maxSelves: Number.POSITIVE_INFINITY,
  subsumes: [],
  layer: 0,
  on: [],
  params: {},
  ...more,
});

describe("the store's plan", () => {
  const plan = load(readFileSync(`${STORE}/plan.yml`, "utf8"));

  it("has visits, and focuses within them that live as long", () => {
    const of = (name: string) => plan.pages.find((page) => page.name === name);

    expect(of("visits")).toMatchObject({
      parent: null,
      opens: ["entry", "focus"],
      closes: ["exit"],
      timeToLiveMs: 1_800_000,
      keys: [{ name: "customer", required: true }],
      ready: false,
      shared: false,
      ranks: false,
      records: [],
    });
    expect(of("focuses")).toMatchObject({
      parent: "visits",
      opens: [],
      closes: [],
      timeToLiveMs: 1_800_000,
      keys: [{ name: "focus", required: true }],
      shared: false,
    });
    expect(of("visits")!.goals).toEqual(expect.arrayContaining(["context", "focused"]));
    expect(of("focuses")!.goals).toEqual(expect.arrayContaining(["scored", "offered"]));
  });

  it("has the actors in order, that ship, with their settings", () => {
    const shipped = plan.actors.filter(({ goal }) => ["context", "focused", "scored", "offered"].includes(goal));

    expect(shipped.map(({ goal, kind, with: settings }) => [goal, kind, settings])).toEqual([
      ["context", "shipped", { timeToLive: 1_800_000, retry: 30_000 }],
      ["focused", "shipped", { moves: 3, again: 600_000 }],
      ["scored", "shipped", {}],
      ["offered", "shipped", { threshold: 0.2, top: 1, timeToLive: 900_000 }],
    ]);
  });
});

describe("loadPlan", () => {
  it("takes from the actor what the plan leaves out", () => {
    const declared = declare("a", { conflicts: { b: 2 }, maxSelves: 3, layer: 1, on: ["move"], prerequisites: ["b"] });

    expect(load(`${HEAD}  - goal: a\n  - goal: b\n`, [declared, declare("b")]).actors[0]).toEqual({
      goal: "a",
      page: "visits",
      kind: "shipped",
      prerequisites: ["b"],
      conflicts: [{ goal: "b", limit: 2, scope: "node" }],
      maxSelves: 3,
      selvesScope: "node",
      subsumes: [],
      layer: 1,
      suppresses: [],
      inhibits: [],
      on: ["move"],
      with: {},
      file: null,
      person: null,
      timeoutMs: 600_000,
      leaseMs: 30_000,
      retries: { max: 3, backoffMs: 1_000, backoffMaxMs: 300_000 },
      onLapse: "retry",
    });
  });

  it("adds the plan's prerequisites to the actor's, and lets its other wiring go first", () => {
    const text = `${HEAD}  - goal: a\n    prerequisites: c\n    conflicts: { b: 5, c: 1 }\n    maxSelves: 7\n    on: focus\n    layer: 2\n  - goal: b\n  - goal: c\n`;
    const declared = [
      declare("a", { prerequisites: ["b"], conflicts: { b: 2 }, on: ["move"] }),
      declare("b"),
      declare("c"),
    ];

    expect(load(text, declared).actors[0]).toMatchObject({
      prerequisites: ["b", "c"],
      conflicts: [
        { goal: "b", limit: 5, scope: "node" },
        { goal: "c", limit: 1, scope: "node" },
      ],
      maxSelves: 7,
      on: ["focus"],
      layer: 2,
    });
  });

  it("counts a goal as achieved when another subsumes it", () => {
    const declared = [declare("a", { prerequisites: ["c"] }), declare("b", { subsumes: ["c"] })];

    expect(load(`${HEAD}  - goal: a\n  - goal: b\n`, declared).actors).toHaveLength(2);
  });

  it("fills in the defaults of settings", () => {
    expect(load(`${HEAD}  - goal: focused\n    with: { moves: 5 }\n`).actors[0]!.with).toEqual({
      moves: 5,
      again: 600_000,
    });
  });

  it.each([
    ["  - goal: focussed\n", "plan.yml:6:11: no actor owns the goal 'focussed' (did you mean 'focused'?)"],
    [
      "  - goal: nonsense\n",
      `plan.yml:6:11: no actor owns the goal 'nonsense': there are ${actors.map(({ goal }) => goal).join(", ")}; another needs 'command', 'module', 'remote' or 'person'`,
    ],
    ["  - goal: focused\n  - goal: focused\n", "plan.yml:7:11: the goal 'focused' stands twice: one actor owns it"],
    ["  - goal: focused\n    page: visit\n", "plan.yml:7:11: there is no page 'visit' (did you mean 'visits'?)"],
    [
      "  - goal: focused\n    on: [mvoe]\n",
      "plan.yml:7:10: there is no event type 'mvoe' in site.yml (did you mean 'move'?)",
    ],
    ["  - goal: focused\n    wtih: { moves: 3 }\n", "plan.yml:7:5: unknown key 'wtih' (did you mean 'with'?)"],
    [
      "  - goal: focused\n    with: { move: 3 }\n",
      "plan.yml:7:13: 'focused' has no setting 'move' (did you mean 'moves'?)",
    ],
    [
      "  - goal: focused\n    with: { toString: 3 }\n",
      "plan.yml:7:13: 'focused' has no setting 'toString': expected moves, again",
    ],
    [
      "  - goal: focused\n    with: { moves: 0 }\n",
      "plan.yml:7:20: 'moves': expected a whole number from 1 to 1000, found the number 0",
    ],
    [
      "  - goal: focused\n    with: { moves: 2.5 }\n",
      "plan.yml:7:20: 'moves': expected a whole number from 1 to 1000, found the number 2.5",
    ],
    [
      "  - goal: focused\n    with: { moves: }\n",
      "plan.yml:7:20: 'moves': expected a whole number from 1 to 1000, found nothing",
    ],
    [
      "  - goal: focused\n    with: { again: 10 }\n",
      "plan.yml:7:20: 'again': expected a duration from 1s to 1d, found the number 10",
    ],
    [
      "  - goal: focused\n    with: { again: 2w }\n",
      "plan.yml:7:20: 'again': expected a duration from 1s to 1d, found '2w'",
    ],
    [
      "  - goal: focused\n    conflicts: { focusd: 1 }\n",
      "plan.yml:7:18: no actor owns the goal 'focusd' (did you mean 'focused'?)",
    ],
    [
      "  - goal: focused\n    maxSelves: 0\n",
      "plan.yml:7:16: expected a whole number from 1 to 10000, found the number 0",
    ],
    ["  - page: visits\n", "plan.yml:6:5: 'goal' is missing: expected a goal"],
    [
      "  - goal: offered\n",
      "plan.yml:6:11: 'offered' waits for 'scored', which no actor of this plan achieves (add '- goal: scored')",
    ],
  ])("says of the actors %j: %s", (text, expected) => {
    expect(mistakesOf(() => load(HEAD + text))).toEqual([expected]);
  });

  it.each([
    ["version: 1\nactors: []\n", "plan.yml:1:1: 'pages' is missing: expected a map of pages"],
    ["version: 1\npages: {}\nactors: []\n", "plan.yml:2:8: expected at least one page"],
    [
      "version: 1\npages:\n  v: { opens: [entyr], timeToLive: 1m }\nactors: []\n",
      "plan.yml:3:16: there is no event type 'entyr' in site.yml (did you mean 'entry'?)",
    ],
    [
      "version: 1\npages:\n  v: { opens: entry }\nactors: []\n",
      "plan.yml:3:6: 'timeToLive' is missing: expected a duration such as '30m'",
    ],
    [
      "version: 1\npages:\n  v: { opens: entry, closes: entry, timeToLive: 1m }\nactors: []\n",
      "plan.yml:3:30: 'entry' both opens and closes a record",
    ],
    [
      "version: 1\npages:\n  v: { opens: entry, timeToLive: 1m }\n  w: { timeToLive: 1m }\nactors: []\n",
      "plan.yml:4:3: page 'w' has no 'keys': expected the fields that name a record, such as 'keys: [sample]', or 'opens', 'parent' or 'ranks'",
    ],
    [
      "version: 1\npages:\n  v: { opens: entry, timeToLive: 1m }\n  w: { parent: shop, timeToLive: 1m }\nactors: []\n",
      "plan.yml:4:16: there is no page 'shop'",
    ],
    [
      "version: 1\npages:\n  v: { opens: entry, timeToLive: 1m, parent: v }\nactors: []\n",
      "plan.yml:3:46: page 'v' is its own ancestor",
    ],
    [
      "version: 1\npages:\n  v: { opens: entry, timeToLive: 0s }\nactors: []\n",
      "plan.yml:3:34: expected a duration from 1s to 365d, such as '30s', '10m' or '7d', found '0s'",
    ],
  ])("says of the pages %j: %s", (text, expected) => {
    expect(mistakesOf(() => load(text))).toContain(expected);
  });

  it("finds goals that wait for each other", () => {
    const declared = [
      declare("a", { prerequisites: ["b"] }),
      declare("b", { prerequisites: ["c"] }),
      declare("c", { prerequisites: ["a"] }),
    ];

    expect(mistakesOf(() => load(`${HEAD}  - goal: a\n  - goal: b\n  - goal: c\n`, declared))).toEqual([
      "plan.yml:6:11: goals wait for each other in a circle: a → b → c → a",
    ]);
  });

  it("finds a goal that waits for one of a page below", () => {
    const declared = [declare("a", { prerequisites: ["b"] }), declare("b", { page: "focuses" })];

    expect(mistakesOf(() => load(`${HEAD}  - goal: a\n  - goal: b\n`, declared))).toEqual([
      "plan.yml:6:11: 'a' waits for 'b' of the page 'focuses': expected a goal of 'visits'",
    ]);
  });

  it("finds an actor whose page the plan lacks", () => {
    expect(mistakesOf(() => load(`${HEAD}  - goal: a\n`, [declare("a", { page: "baskets" })]))).toEqual([
      "plan.yml:6:11: 'a' works on the page 'baskets', which this plan lacks",
    ]);
  });

  it("says everything at once", () => {
    const text = `${HEAD}  - goal: focused\n    with: { moves: 0, agian: 1s }\n  - goal: scord\n  - goal: offered\n`;

    expect(mistakesOf(() => load(text))).toHaveLength(4);
  });
});

describe("the JSON Schema of plan.yml", () => {
  it("knows the keys, and lets a reference stand for a duration", () => {
    const schema = planJsonSchema() as {
      properties: Record<string, { additionalProperties: { properties: Record<string, unknown> } }>;
    };

    expect(Object.keys(schema.properties)).toEqual(["version", "scripts", "pages", "actors"]);
    expect(schema.properties.pages!.additionalProperties.properties.timeToLive).toMatchObject({
      anyOf: [
        { type: "string", pattern: expect.any(String) },
        { type: "string", pattern: "\\$\\{" },
      ],
    });
  });
});
