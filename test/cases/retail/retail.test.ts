import { describe, expect, it } from "vitest";
import { type Case, excluded, isShipped, readCases, type Shape } from "./cases.ts";
import { decisionRules } from "./decision-rules.ts";
import { environment } from "./environment.ts";
import { faces } from "./faces.ts";
import { kafka } from "./kafka.ts";
import { recommendation } from "./recommendation.ts";
import { scenarioPlayer } from "./scenario-player.ts";
import { scorer } from "./scorer.ts";
import { visualization } from "./visualization.ts";

const SHAPES: Readonly<Record<string, readonly Shape[]>> = {
  "recommendation-service": [...faces, ...environment, ...recommendation, ...kafka],
  "prediction-service": [...faces, ...scorer],
  "decision-service": decisionRules,
  "scenario-player": scenarioPlayer,
  "visualization-app": visualization,
};

const cases = readCases();
const elsewhere = new Set(excluded());
const tested = cases.filter(({ id }) => !elsewhere.has(id));
const components = [...new Set(cases.map(({ component }) => component))];

/** @throws Error that says what is not understood: a case is never left out in silence */
async function runCase(each: Case): Promise<void> {
  const shapes = SHAPES[each.component] ?? [];
  const shape = shapes.find(({ fits }) => fits(each));
  if (shape === undefined) {
    const known = shapes.map(({ name }) => name).join("; ") || "none";
    throw new Error(`no known shape of '${each.component}' fits ${JSON.stringify(each.input)}; known: ${known}`);
  }
  await shape.run(each);
}

describe.each(components)("the recorded %s", (component) => {
  const ofComponent = cases.filter((each) => each.component === component);

  for (const each of ofComponent) {
    // What README.md tells about is reported as skipped, by its name.
    it.skipIf(elsewhere.has(each.id))(each.id, () => runCase(each));
  }
});

describe.runIf(isShipped)("the recorded cases", () => {
  it("are all run, or stand in the table of differences", () => {
    const ids = cases.map(({ id }) => id);

    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining([...elsewhere]));
    expect([...tested.map(({ id }) => id), ...elsewhere].sort()).toEqual([...ids].sort());
    expect(excluded()).toHaveLength(elsewhere.size);
  });
});
