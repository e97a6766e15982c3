import { describe, expect, it } from "vitest";
import { wiringCommand } from "../../runtime/cli/wiring.ts";
import { wiringMermaid } from "../../runtime/cli/wiring-mermaid.ts";
import { wiringText } from "../../runtime/cli/wiring-text.ts";
import type { Plan, PlannedActor } from "../../runtime/site.ts";
import { type Edge, type Wiring, wiringOf } from "../../runtime/wiring.ts";
import { runCommand } from "../support/command.ts";
import { planOf } from "../support/plan-text.ts";
import { pageConfig, plannedActor } from "../support/plans.ts";

const PIPELINE = "deploy/sites/pipeline";

/** The wiring that the command prints of a site. */
async function printed(...args: string[]): Promise<Wiring> {
  const { out } = await runCommand(wiringCommand, [...args, "--json"]);
  return JSON.parse(out.join("\n")) as Wiring;
}

const lines = (wiring: Wiring) => [...wiringText(wiring)].map((line) => line.trim().replace(/ {2,}/g, " | "));
const brief = ({ edges }: Wiring, kind: Edge["kind"]) =>
  edges.filter((edge) => edge.kind === kind).map(({ from, to }) => `${from} ${to}`);

function planWith(actors: readonly PlannedActor[], data: readonly string[] | null = null): Plan {
  const pages = [...new Set(actors.map(({ page }) => page))];
  return { pages: pages.map((name) => pageConfig(name, { data })), actors };
}

describe("the wiring of the store", () => {
  it("has the layers from top to bottom, with their actors in the order of the plan", async () => {
    const { layers } = await printed();

    expect(layers).toEqual([
      { layer: 2, actors: ["departments/vetoed"] },
      { layer: 1, actors: ["visits/fatigued"] },
      { layer: 0, actors: ["visits/context", "visits/focused", "focuses/scored", "focuses/offered"] },
    ]);
  });

  it("has prerequisites across pages, and who holds back offers", async () => {
    const wiring = await printed();

    expect(brief(wiring, "prerequisite")).toEqual(["visits/context focuses/scored", "focuses/scored focuses/offered"]);
    expect(wiring.edges.filter(({ kind }) => kind === "inhibits")).toEqual([
      {
        kind: "inhibits",
        from: "visits/fatigued",
        to: "focuses/offered",
        port: "offered",
        match: "customer",
        forMs: 1.8e6,
      },
      {
        ...{ kind: "inhibits", from: "departments/vetoed", to: "focuses/offered" },
        ...{ port: "offered", match: "department", forMs: 8 * 3.6e6 },
      },
    ]);
  });

  it("has what events do", async () => {
    const { sources } = await printed();

    expect(sources).toContainEqual({ type: "exit", opens: [], closes: ["visits"], wakes: [] });
    expect(sources).toContainEqual({ type: "focus", opens: ["visits"], closes: [], wakes: ["visits/focused"] });
    expect(sources).toContainEqual({ type: "outcome", opens: [], closes: [], wakes: ["visits/fatigued"] });
  });

  it("is read from top to bottom on a terminal", async () => {
    const { out } = await runCommand(wiringCommand, []);
    const text = out.join("\n");

    for (const says of [
      /^layer 2\n {2}vetoed +departments +person +inhibits offered for 8h, where department is its key\nlayer 1$/m,
      /^ {2}offered +focuses +shipped +after scored\n +inhibited by fatigued, vetoed$/m,
      /^events\n {2}entry +opens visits\n {2}focus +opens visits; wakes focused$/m,
    ]) {
      expect(text).toMatch(says);
    }
  });
});

describe("the wiring of a pipeline", () => {
  it("has each edge once, a conflict that is told on both sides too", async () => {
    const wiring = await printed(PIPELINE);

    expect(wiring.edges.filter(({ kind }) => kind === "conflict")).toEqual([
      { kind: "conflict", from: "samples/taskB", to: "samples/taskC", limit: 1, scope: "node", mutual: true },
    ]);
    expect(new Set(wiring.edges.map((edge) => JSON.stringify(edge))).size).toBe(wiring.edges.length);
    expect(brief(wiring, "prerequisite")).toContain("samples/taskA_passes_qc samples/taskC");
  });

  it("tells each side of its conflict and of its limit", async () => {
    const said = lines(await printed(PIPELINE));

    expect(said).toContain("taskD | samples | command | after taskC");
    expect(said.filter((line) => line.startsWith("not while"))).toEqual([
      "not while taskC is at work on the node",
      "not while taskB is at work on the node",
    ]);
    expect(said).toContain("at most 5 at once on the node");
    expect(said).not.toContain("events");
  });
});

describe("wiringOf", () => {
  it("shows a field that people fill as what it is", () => {
    const wiring = wiringOf(
      planOf(`version: 1
pages:
  samples: { keys: [sample], data: [approved] }
actors:
  - { goal: packed, remote: true, prerequisites: [approved] }
`),
    );

    expect(wiring.nodes[1]).toEqual({ type: "field", id: "samples/approved", name: "approved", page: "samples" });
    expect(brief(wiring, "prerequisite")).toEqual(["samples/approved samples/packed"]);
  });

  it("tells goals apart that are called the same on several pages", () => {
    const wiring = wiringOf(
      planWith([
        plannedActor("checked", { page: "a" }),
        plannedActor("checked", { page: "b" }),
        plannedActor("packed", { page: "b", prerequisites: ["checked"] }),
      ]),
    );

    expect(brief(wiring, "prerequisite")).toEqual(["b/checked b/packed"]);
    expect(lines(wiring).at(-1)).toBe("packed | b | module | after b/checked");
  });

  it("leads from whoever subsumes a goal that no actor owns", () => {
    const wiring = wiringOf(
      planWith([plannedActor("all", { subsumes: ["part"] }), plannedActor("next", { prerequisites: ["part"] })]),
    );

    expect(brief(wiring, "prerequisite")).toEqual(["jobs/all jobs/next"]);
    expect(brief(wiring, "subsumes")).toEqual(["jobs/all jobs/part"]);
    expect(lines(wiring)).toContain("all | jobs | module | with it holds part");
  });

  it("keeps a conflict as it is told when the other side tells another", () => {
    const conflict = (goal: string, limit: number) => [{ goal, limit, scope: "site" as const }];
    const wiring = wiringOf(
      planWith([
        plannedActor("a", { conflicts: conflict("b", 2) }),
        plannedActor("b", { conflicts: conflict("a", 1) }),
      ]),
    );

    expect(wiring.edges).toMatchObject([
      { from: "jobs/a", to: "jobs/b", limit: 2, mutual: false },
      { from: "jobs/b", to: "jobs/a", limit: 1, mutual: false },
    ]);
    expect(lines(wiring)).toContain("a | jobs | module | not while 2 of b are at work on the whole site");
  });

  it("leads a suppression to the lower actors that read the port, and to no others", () => {
    const hold = { port: "a", match: "id", forMs: 600_000 };
    const wiring = wiringOf(
      planWith([
        plannedActor("a"),
        plannedActor("b", { prerequisites: ["a"] }),
        plannedActor("c", { prerequisites: ["a"], layer: 1 }),
        plannedActor("d", { layer: 1, suppresses: [hold] }),
      ]),
    );

    expect(wiring.edges.filter(({ kind }) => kind === "suppresses")).toEqual([
      { kind: "suppresses", from: "jobs/d", to: "jobs/b", ...hold },
    ]);
    expect(lines(wiring)).toContain("d | jobs | module | suppresses a of b for 10m, where id is its key");
    expect(lines(wiring)).toContain("reads 'a' of d instead, while that holds");
  });

  it("leads an inhibition to a subject, a suppression to a column, where no actor has the port", () => {
    const wiring = wiringOf(
      planWith(
        [
          plannedActor("a"),
          plannedActor("b", {
            layer: 1,
            inhibits: [{ port: "offers", match: null, forMs: 1 }],
            suppresses: [{ port: "note", match: null, forMs: 1 }],
          }),
        ],
        ["note"],
      ),
    );

    expect(wiring.nodes.slice(2)).toEqual([
      { type: "field", id: "jobs/note", name: "note", page: "jobs" },
      { type: "subject", id: "subject offers", name: "offers", page: null },
    ]);
  });

  it("has no limit as null, since JSON has no infinity", () => {
    expect(wiringOf(planWith([plannedActor("a")])).nodes).toMatchObject([{ maxSelves: null }]);
  });
});

describe("a Mermaid flowchart", () => {
  const flowchart = (wiring: Wiring) => [...wiringMermaid(wiring)];

  it("has a subgraph for each layer, a box for each actor, an arrow for each edge", async () => {
    const wiring = await printed();
    const chart = flowchart(wiring);

    expect(chart[0]).toBe("flowchart LR");
    expect(chart.filter((line) => line.includes("subgraph"))).toHaveLength(3);
    expect(chart.filter((line) => line.trim() === "end")).toHaveLength(3);
    expect(chart.join("\n")).toContain('n3["offered<br/>focuses, shipped"]');
    expect(chart).toContain("  n0 --> n2");
    expect(chart).toContain('  n5 ==x|"inhibits offered by department, 8h"| n3');
    expect(chart.filter((line) => / (-->|==x)/.test(line))).toHaveLength(wiring.edges.length);
  });

  it("shows a name as text, whatever stands in it", () => {
    const name = 'a"] --> n9; end %% <b>`x`</b> #35; \u{1F6D2} ü';
    const chart = flowchart(wiringOf(planWith([plannedActor(name), plannedActor("b", { prerequisites: [name] })])));

    expect(chart[2]).toMatch(/^ {4}n0\["[\p{L}\p{N} .,:_/#;-]+<br\/>jobs, module"\]$/u);
    expect(chart).toHaveLength(6);
    const shown = /"(.*)<br/.exec(chart[2]!)![1]!;
    expect(shown.replace(/#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))).toBe(name);
  });

  it("is what the command prints when it is asked for", async () => {
    const { out, code } = await runCommand(wiringCommand, [PIPELINE, "--format", "mermaid"]);

    expect(code).toBe(0);
    expect(out).toEqual(flowchart(await printed(PIPELINE)));
  });
});
