import { describe, expect, it } from "vitest";
import { limits } from "../../../runtime/limits.ts";
import { type Declared, loadPlan } from "../../../runtime/plan.ts";
import { faultsOf, planOf, SAMPLES } from "../../support/plan-text.ts";
import { mistakesOf } from "../../support/site.ts";

const LOW = `${SAMPLES}  - { goal: low, remote: true }\n  - { goal: reads, remote: true, prerequisites: low }\n`;
const high = (more: string, goal = "high") => `  - { goal: ${goal}, remote: true, ${more} }\n`;

describe("a higher layer", () => {
  it("may inhibit a goal below it, and suppress what is read there", () => {
    const text =
      LOW + high("layer: 1, inhibits: { port: low, for: 1m }, suppresses: { port: low, match: sample, for: 1m }");

    expect(planOf(text).actors[2]).toMatchObject({
      inhibits: [{ port: "low", match: null, forMs: 60_000 }],
      suppresses: [{ port: "low", match: "sample", forMs: 60_000 }],
    });
  });

  it("may suppress a field that only stands on the page", () => {
    const text = `version: 1\npages:\n  samples: { keys: [sample], data: [price] }\nactors:\n  - { goal: low, remote: true }\n`;

    expect(planOf(text + high("layer: 1, suppresses: { port: price, for: 1m }")).actors).toHaveLength(2);
  });

  it("may hold the same port on another layer", () => {
    const text =
      LOW +
      high("layer: 1, inhibits: { port: low, for: 1m }") +
      high("layer: 2, inhibits: { port: low, for: 1m }", "top");

    expect(planOf(text).actors).toHaveLength(4);
  });

  it.each([
    ["layer: 1, inhibits: { port: low, for: ¦0s }", /^expected a duration from 1ms to 1d.*found '0s'$/],
    [`layer: 1, inhibits: { port: low, for: ¦${limits.holdMs + 1}ms }`, /^expected a duration from 1ms to 1d/],
    ["layer: 1, inhibits: ¦{ port: low }", /^'for' is missing: expected a duration/],
    ["layer: 1, inhibits: { port: low, ¦fro: 1m, for: 1m }", /^unknown key 'fro' \(did you mean 'for'\?\)$/],
    [
      "layer: 1, inhibits: [{ port: low, ¦macth: sample, for: 1m }]",
      /^unknown key 'macth' \(did you mean 'match'\?\)$/,
    ],
    ["layer: 1, inhibits: { port: ¦lwo, for: 1m }", /^there is no port 'lwo' \(did you mean 'low'\?\)$/],
    [
      "layer: 1, inhibits: { port: ¦elsewhere, for: 1m }",
      /^there is no port 'elsewhere': expected a goal of this plan, 'offers' or/,
    ],
    ["layer: 1, inhibits: { port: ¦offers, for: 1m }", /^'offers' is a subject: no actor of this plan publishes it$/],
    [
      "layer: 1, suppresses: { port: ¦offers, for: 1m }",
      /^'offers' is a subject: it is an output, which 'inhibits' blocks$/,
    ],
    [
      "inhibits: { port: ¦low, for: 1m }",
      /^'high' inhibits 'low' on its own layer: 'low' is on layer 0 too; expected 'layer: 1' or above for 'high'$/,
    ],
    [
      "suppresses: { port: ¦low, for: 1m }",
      /^'high' suppresses 'low' on its own layer: 'reads', which reads it, is on layer 0 too/,
    ],
    ["layer: 1, inhibits: { port: ¦high, for: 1m }", /^'high' inhibits itself: expected a goal of a lower layer$/],
    [
      "layer: 1, suppresses: { port: low, match: ¦smaple, for: 1m }",
      /^records of 'samples' have no field 'smaple' \(did you mean 'sample'\?\)$/,
    ],
    ["layer: 1, inhibits: [{ port: low, for: 1m }, { port: ¦low, for: 2m }]", /^'high' inhibits 'low' twice$/],
  ])("%s: %s", (more, message) => {
    expect(faultsOf(LOW + high(more))).toEqual([expect.stringMatching(message)]);
  });

  it("reaches down only", () => {
    const text = `${SAMPLES}  - { goal: upper, remote: true, layer: 2 }\n${high("layer: 1, inhibits: { port: ¦upper, for: 1m }")}`;

    expect(faultsOf(text)).toEqual([
      "'high' inhibits 'upper' upwards, from layer 1: 'upper' is on layer 2; expected 'layer: 3' or above for 'high'",
    ]);
  });

  it("shares no port with another of its layer", () => {
    const text =
      LOW +
      high("layer: 1, inhibits: { port: low, for: 1m }") +
      high("layer: 1, inhibits: { port: ¦low, for: 1m }", "other");

    expect(faultsOf(text)).toEqual(["'high' of layer 1 inhibits 'low' too: expected one on each layer"]);
  });

  it("finds nothing to suppress where nobody reads", () => {
    const text = `${SAMPLES}  - { goal: low, remote: true }\n${high("layer: 1, suppresses: { port: ¦low, for: 1m }")}`;

    expect(faultsOf(text)).toEqual(["no other actor reads 'low': there is nothing to suppress"]);
  });

  it("must match a field that a closed page has", () => {
    const text = `version: 1\npages:\n  samples: { keys: [sample], data: [kind] }\n  kinds: { keys: [kind] }\nactors:\n  - { goal: low, page: samples, remote: true }\n`;
    const veto = (match: string) => high(`page: kinds, layer: 1, inhibits: { port: low, match: ${match}, for: 1m }`);

    expect(planOf(text + veto("kind")).actors).toHaveLength(2);
    expect(faultsOf(text + veto("¦colour"))).toEqual([
      "records of 'samples' have no field 'colour': expected sample, kind",
    ]);
  });
});

describe("a layer over records that events make", () => {
  const decide: Declared = {
    goal: "offered",
    page: "focuses",
    prerequisites: [],
    conflicts: {},
    maxSelves: 1,
    subsumes: [],
    layer: 0,
    on: [],
    params: {},
    output: "decision",
  };
  const TEXT = `version: 1
pages:
  visits: { opens: entry, timeToLive: 1m }
  focuses: { parent: visits }
  vetoes: { keys: [department] }
actors:
  - goal: offered
  - { goal: vetoed, page: vetoes, person: true, layer: 1, inhibits: { port: PORT, match: MATCH, for: 1h } }
`;
  const load = (port: string, match: string) =>
    loadPlan(TEXT.replace("PORT", port).replace("MATCH", match), "plan.yml", [decide], {
      eventTypes: ["entry"],
      eventFields: ["department"],
    });

  it.each([
    ["offered", "department"],
    ["offered", "customer"],
    ["offers", "department"],
    ["predictions", "department"],
  ])("holds %s by %s", (port, match) => {
    expect(load(port, match).actors[1]!.inhibits).toEqual([{ port, match, forMs: 3_600_000 }]);
  });

  it("matches no field that neither events nor columns bring", () => {
    expect(mistakesOf(() => load("offered", "colour"))).toEqual([
      expect.stringMatching(
        /^plan\.yml:8:\d+: records of 'focuses' have no field 'colour': expected focus, customer, department$/,
      ),
    ]);
  });
});
