// Plans as text, with scripts beside them.
import { loadPlan, type PlanOptions } from "../../runtime/plan.ts";
import type { PageConfig, Plan, PlannedActor } from "../../runtime/site.ts";
import { mistakesOf } from "./site.ts";

/** A plan with one page, and lines of actors below it. */
export const SAMPLES = `version: 1
pages:
  samples: { keys: [sample] }
actors:
`;

const NO_EVENTS: PlanOptions = { eventTypes: [] };

/** Reads a plan that no shipped actor takes part in. */
export function planOf(text: string, options: Partial<PlanOptions> = {}): Plan {
  return loadPlan(text, "plan.yml", [], { ...NO_EVENTS, ...options });
}

export function pageIn(text: string, name: string, options: Partial<PlanOptions> = {}): PageConfig {
  return planOf(text, options).pages.find((page) => page.name === name)!;
}

export function actorIn(text: string, goal: string, options: Partial<PlanOptions> = {}): PlannedActor {
  return planOf(text, options).actors.find((actor) => actor.goal === goal)!;
}

/**
 * What a plan is refused for, where `¦` stands before what is at fault: each as "<whether it is placed there> <message>",
 * so that a test needs no line numbers.
 */
export function faultsOf(marked: string, options: Partial<PlanOptions> = {}): string[] {
  const before = marked.split("¦")[0]!.split("\n");
  const place = `plan.yml:${before.length}:${[...before.at(-1)!].length + 1}: `;
  const mistakes = mistakesOf(() => planOf(marked.replace("¦", ""), options));
  return mistakes.map((mistake) => (mistake.startsWith(place) ? mistake.slice(place.length) : `elsewhere: ${mistake}`));
}
