// `plan.yml`: which actors work, on which pages, in which order of priority, checked against what they declare.
import { dirname, resolve } from "node:path";
import { refuse } from "./data/mistakes.ts";
import type { Say } from "./data/site-parts.ts";
import type { Substituted } from "./data/substitute.ts";
import { check, parseYaml } from "./data/yaml.ts";
import type { Mistake } from "./errors.ts";
import { type Declared, type Line, Lines } from "./plan/actors.ts";
import { typeCheck } from "./plan/event-types.ts";
import { PlanFile } from "./plan/file.ts";
import { checkLayers } from "./plan/layers.ts";
import { PageChecks } from "./plan/page-checks.ts";
import { Pages } from "./plan/pages.ts";
import { checkWiring } from "./plan/wiring.ts";
import { Workers } from "./plan/work.ts";
import type { Plan } from "./site.ts";

export type { Declared } from "./plan/actors.ts";
export { PlanFile, planJsonSchema } from "./plan/file.ts";
export { SUBJECT_PORTS } from "./plan/layers.ts";

export interface PlanOptions {
  /** Types of events that the site knows. */
  readonly eventTypes: Iterable<string>;
  /** Fields that events bring along; default: any. */
  readonly eventFields?: Iterable<string>;
  /** The folder that modules and commands are relative to; default that of the file. */
  readonly dir?: string;
  /** Puts `${…}` into values. */
  readonly fill?: (text: string) => Substituted;
}

/** @throws SiteError with every mistake of the file */
export function loadPlan(text: string, file: string, actors: readonly Declared[], options: PlanOptions): Plan {
  const mistakes: Mistake[] = [];
  const plan = readPlan(text, file, actors, options, mistakes);
  refuse(mistakes);
  return plan!;
}

/** As `loadPlan`, with the mistakes added to a list; null when there were any. */
export function readPlan(
  text: string,
  file: string,
  actors: readonly Declared[],
  options: PlanOptions,
  mistakes: Mistake[],
): Plan | null {
  const before = mistakes.length;
  const yaml = parseYaml(text, file, mistakes, options.fill);
  const written = yaml === null ? null : check(yaml, PlanFile, mistakes);
  if (yaml === null || written === null) return null;
  const say: Say = (path, message, about = "value") => void mistakes.push(yaml.mistake(path, message, about));
  const plan = planOf(written, actors, { ...options, dir: resolve(options.dir ?? dirname(file)) }, say);
  return mistakes.length > before ? null : plan;
}

/** Whether a plan takes events in; false also for what is no plan. */
export function opensRecords(text: string, file: string, fill?: PlanOptions["fill"]): boolean {
  if (!text.includes("opens")) return false;
  const yaml = parseYaml(text, file, [], fill);
  const { pages } = (yaml?.value ?? {}) as { readonly pages?: unknown };
  if (typeof pages !== "object" || pages === null) return false;
  return Object.values(pages).some((page: { readonly opens?: string | readonly unknown[] } | null) => {
    const opens = page?.opens;
    return (typeof opens === "string" || Array.isArray(opens)) && opens.length > 0;
  });
}

/** Holds what is written against the pages, the actors, the files and each other. */
function planOf(
  written: PlanFile,
  actors: readonly Declared[],
  { eventTypes, eventFields, dir }: PlanOptions & { readonly dir: string },
  say: Say,
): Plan {
  const declared = new Map(actors.map((actor) => [actor.goal, actor]));
  const shipped = [...declared.keys()];
  const checkTypes = typeCheck([...eventTypes], say);
  const pages = new Pages(written.pages);
  const checks = new PageChecks(pages, checkTypes, say);
  checks.check();
  const workers = new Workers(dir, written, shipped, say);
  const lines = new Lines(pages, workers, checkTypes, declared, say).read(written);
  for (const name of pages.names) checks.checkColumns(name, ownGoals(name, lines));
  checkWiring({ lines, pages, shipped, written: new Set(written.actors.map(({ goal }) => goal)) }, say);
  checkLayers({ lines, pages, declared, eventFields: eventFields === undefined ? null : [...eventFields] }, say);
  return {
    pages: pages.names.map((name) => pages.config(name, goalsOf(name, lines))),
    actors: lines.map(({ actor }) => actor),
  };
}

/** Goals that have an actor on a page, and where each stands. */
function ownGoals(page: string, lines: readonly Line[]): Map<string, (string | number)[]> {
  const own = lines.filter(({ actor }) => actor.page === page);
  return new Map(own.map(({ actor, path }) => [actor.goal, [...path, "goal"]]));
}

/** The goals of a page in the order of the plan: each actor's, then those that it subsumes. */
function goalsOf(page: string, lines: readonly Line[]): string[] {
  const own = lines.filter(({ actor }) => actor.page === page);
  return [...new Set(own.flatMap(({ actor }) => [actor.goal, ...actor.subsumes]))];
}
