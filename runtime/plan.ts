// `plan.yml`: which actors work, on which pages, in which order of priority, checked against what they declare.
import { z } from "zod";
import type { Actor, Param } from "./actor.ts";
import { found, refuse, shorten } from "./data/mistakes.ts";
import { duration, integer, jsonSchema, list, map, named, text, texts, version } from "./data/schema.ts";
import type { Substituted } from "./data/substitute.ts";
import { formatDuration, parseDuration } from "./data/units.ts";
import { check, type Path, parseYaml, type YamlFile } from "./data/yaml.ts";
import { didYouMean, type Mistake } from "./errors.ts";
import { limits } from "./limits.ts";
import type { PageConfig, Plan, PlannedActor } from "./site.ts";

/** What of an actor a plan is checked against: its data, not its function. */
export type Declared = Pick<
  Actor<unknown, unknown, unknown>,
  "goal" | "page" | "prerequisites" | "conflicts" | "maxSelves" | "subsumes" | "layer" | "on" | "params"
>;

const SECOND = 1_000; // ms
const YEAR = 365 * 86_400 * SECOND;

const goal = () => text("a goal");
const types = () => texts("a type of event");

const page = map({
  parent: text("a page").nullable().default(null).describe("The page whose records these belong to"),
  opens: types().default([]).describe("Types of events that make a record ready"),
  closes: types().default([]),
  timeToLive: duration(SECOND, YEAR)
    .optional()
    .describe("A record that heard nothing for so long is closed; default its parent's"),
});

const actor = map({
  goal: goal().describe("Which actor: the goal that it owns"),
  page: text("a page").optional().describe("Default: the page that the actor declares"),
  prerequisites: texts("a goal").default([]).describe("Goals to wait for, besides those that the actor declares"),
  conflicts: named(integer(1, limits.runs), "goals, each with a number")
    .prefault({})
    .describe("Wait while so many work on that goal; goes before what the actor declares"),
  maxSelves: integer(1, limits.runs).optional().describe("How many may work at once"),
  subsumes: texts("a goal").default([]).describe("Goals that hold too once this one does"),
  layer: integer(0, 100).optional(),
  on: types().optional().describe("Types of events that wake it; goes before what the actor declares"),
  with: named(z.unknown(), "settings").prefault({}).describe("Settings of the actor"),
});

export const PlanFile = map({
  version: version(),
  pages: named(page, "pages"),
  actors: list(actor, "actors, by priority"),
});
type PlanFile = z.output<typeof PlanFile>;

/** The JSON Schema (2020-12) of `plan.yml`. */
export function planJsonSchema(): Record<string, unknown> {
  return jsonSchema(PlanFile, "plan.yml");
}

export interface PlanOptions {
  /** Types of events that the site knows. */
  readonly eventTypes: Iterable<string>;
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
  const plan = new Checker(yaml, written, actors, [...options.eventTypes], mistakes).plan();
  return mistakes.length > before ? null : plan;
}

/** Holds the lines of a plan against the pages, the actors and each other. */
class Checker {
  readonly #yaml: YamlFile;
  readonly #written: PlanFile;
  readonly #declared: ReadonlyMap<string, Declared>;
  readonly #pageByName: ReadonlyMap<string, PlanFile["pages"][string]>;
  readonly #types: readonly string[];
  readonly #mistakes: Mistake[];

  constructor(
    yaml: YamlFile,
    written: PlanFile,
    actors: readonly Declared[],
    types: readonly string[],
    mistakes: Mistake[],
  ) {
    this.#yaml = yaml;
    this.#written = written;
    this.#declared = new Map(actors.map((actor) => [actor.goal, actor]));
    this.#pageByName = new Map(Object.entries(written.pages));
    this.#types = types;
    this.#mistakes = mistakes;
  }

  plan(): Plan {
    const pages = this.#pages();
    const actors = this.#written.actors.flatMap((line, index) => this.#actor(line, ["actors", index]));
    this.#wiring(actors, pages);
    return { pages, actors };
  }

  #pages(): PageConfig[] {
    const pages = [...this.#pageByName];
    const names = [...this.#pageByName.keys()];
    if (!pages.some(([, { opens }]) => opens.length > 0)) {
      this.#say(["pages"], "no page has 'opens': expected one whose records events open");
    }
    return pages.map(([name, { parent, opens, closes }]) => {
      const path = ["pages", name];
      const lineage = this.#lineage(name);
      if (parent !== null && !names.includes(parent))
        this.#say([...path, "parent"], `there is no page '${shorten(parent)}'${didYouMean(parent, names)}`);
      else if (lineage === null) this.#say([...path, "parent"], `page '${name}' is its own ancestor`);
      if (parent === null && opens.length === 0)
        this.#say(path, `page '${name}' has neither 'opens' nor 'parent': nothing could open its records`, "key");
      this.#eventTypes(opens, [...path, "opens"]);
      this.#eventTypes(closes, [...path, "closes"]);
      const both = closes.find((type) => opens.includes(type));
      if (both !== undefined) this.#say([...path, "closes"], `'${both}' both opens and closes a record`);
      return { name, parent, opens, closes, timeToLiveMs: this.#timeToLive(name, lineage ?? [name]) };
    });
  }

  /** The page and its ancestors; null when they go in a circle. */
  #lineage(name: string): string[] | null {
    const lineage: string[] = [];
    for (let at: string | null = name; at !== null; at = this.#pageByName.get(at)?.parent ?? null) {
      if (lineage.includes(at)) return null;
      lineage.push(at);
    }
    return lineage;
  }

  #timeToLive(name: string, lineage: readonly string[]): number {
    const owner = lineage.find((page) => this.#pageByName.get(page)?.timeToLive !== undefined);
    if (owner === undefined) this.#say(["pages", name], `'timeToLive' is missing: expected a duration such as '30m'`);
    return owner === undefined ? 0 : this.#pageByName.get(owner)!.timeToLive!;
  }

  #eventTypes(written: readonly string[], path: Path): void {
    written.forEach((type, index) => {
      if (this.#types.includes(type)) return;
      this.#say(
        [...path, index],
        `there is no event type '${shorten(type)}' in site.yml${didYouMean(type, this.#types)}`,
      );
    });
  }

  #actor(line: PlanFile["actors"][number], path: Path): PlannedActor[] {
    const declared = this.#declared.get(line.goal);
    if (declared === undefined) {
      const near = didYouMean(line.goal, this.#declared.keys());
      this.#say(
        [...path, "goal"],
        `no actor owns the goal '${shorten(line.goal)}'${near || `: there are ${[...this.#declared.keys()].join(", ")}`}`,
      );
      return [];
    }
    const first = this.#written.actors.findIndex(({ goal }) => goal === line.goal);
    if (first !== path[1]) this.#say([...path, "goal"], `the goal '${line.goal}' stands twice: one actor owns it`);
    const page = line.page ?? declared.page;
    if (!this.#pageByName.has(page)) {
      const near = didYouMean(page, this.#pageByName.keys());
      const whose =
        line.page === undefined
          ? `'${line.goal}' works on the page '${page}', which this plan lacks`
          : `there is no page '${shorten(page)}'`;
      this.#say([...path, line.page === undefined ? "goal" : "page"], `${whose}${near}`);
    }
    if (line.on !== undefined) this.#eventTypes(line.on, [...path, "on"]);
    return [
      {
        goal: line.goal,
        page,
        prerequisites: [...new Set([...declared.prerequisites, ...line.prerequisites])],
        conflicts: { ...declared.conflicts, ...line.conflicts },
        maxSelves: line.maxSelves ?? declared.maxSelves,
        subsumes: [...new Set([...declared.subsumes, ...line.subsumes])],
        layer: line.layer ?? declared.layer,
        on: line.on ?? declared.on,
        with: this.#settings(line.with, declared, [...path, "with"]),
      },
    ];
  }

  #settings(
    written: Readonly<Record<string, unknown>>,
    { goal, params }: Declared,
    path: Path,
  ): Record<string, number> {
    for (const key of Object.keys(written)) {
      if (Object.hasOwn(params, key)) continue;
      const known = Object.keys(params);
      const near = key.length <= 64 ? didYouMean(key, known) : "";
      const there = known.length === 0 ? "it has none" : `expected ${known.join(", ")}`;
      this.#say([...path, key], `'${goal}' has no setting '${shorten(key)}'${near || `: ${there}`}`, "key");
    }
    const settings: Record<string, number> = {};
    for (const [name, param] of Object.entries(params)) {
      const value = Object.hasOwn(written, name) ? readSetting(written[name], param) : param.default;
      if (value === null)
        this.#say([...path, name], `'${name}': expected ${expectedOf(param)}, found ${found(written[name])}`);
      settings[name] = value ?? param.default;
    }
    return settings;
  }

  /** Goals that are waited for, and that can be reached. */
  #wiring(actors: readonly PlannedActor[], pages: readonly PageConfig[]): void {
    const achieved = new Map<string, PlannedActor>();
    for (const actor of actors)
      for (const goal of [actor.goal, ...actor.subsumes]) if (!achieved.has(goal)) achieved.set(goal, actor);
    const known = [...this.#declared.keys(), ...achieved.keys()];
    for (const actor of actors) {
      const path = ["actors", this.#written.actors.findIndex(({ goal }) => goal === actor.goal)];
      const reach = this.#lineage(actor.page) ?? pages.map(({ name }) => name);
      for (const goal of actor.prerequisites) {
        const owner = achieved.get(goal);
        const near = this.#declared.has(goal) ? ` (add '- goal: ${goal}')` : didYouMean(goal, known);
        if (owner === undefined)
          this.#say(
            [...path, "goal"],
            `'${actor.goal}' waits for '${shorten(goal)}', which no actor of this plan achieves${near}`,
          );
        else if (!reach.includes(owner.page)) {
          this.#say(
            [...path, "goal"],
            `'${actor.goal}' waits for '${goal}' of the page '${owner.page}': expected a goal of ${reach.map((name) => `'${name}'`).join(" or ")}`,
          );
        }
      }
      for (const goal of Object.keys(actor.conflicts)) {
        if (known.includes(goal)) continue;
        this.#say(
          [...path, "conflicts", goal],
          `no actor owns the goal '${shorten(goal)}'${didYouMean(goal, known)}`,
          "key",
        );
      }
    }
    this.#circles(actors, achieved);
  }

  /** Goals that wait for each other would wait for ever. */
  #circles(actors: readonly PlannedActor[], achieved: ReadonlyMap<string, PlannedActor>): void {
    const settled = new Set<PlannedActor>();
    const visit = (actor: PlannedActor, way: readonly PlannedActor[]): void => {
      if (settled.has(actor)) return;
      const start = way.indexOf(actor);
      if (start >= 0) {
        const circle = [...way.slice(start), actor].map(({ goal }) => goal).join(" → ");
        const index = this.#written.actors.findIndex(({ goal }) => goal === actor.goal);
        this.#say(["actors", index, "goal"], `goals wait for each other in a circle: ${circle}`);
      } else {
        for (const goal of actor.prerequisites) {
          const next = achieved.get(goal);
          if (next !== undefined) visit(next, [...way, actor]);
        }
      }
      settled.add(actor);
    };
    for (const actor of actors) visit(actor, []);
  }

  #say(path: Path, message: string, about: "value" | "key" = "value"): void {
    this.#mistakes.push(this.#yaml.mistake(path, message, about));
  }
}

/** A setting as the actor gets it; null when it isn't what the actor declares. */
function readSetting(written: unknown, { type, min, max }: Param): number | null {
  let value: number | null;
  if (type === "duration") value = typeof written === "string" ? parseDuration(written) : null;
  else if (typeof written === "number") value = written;
  else value = typeof written === "string" && /^-?\d{1,15}(\.\d{1,15})?$/.test(written) ? Number(written) : null;
  if (value === null || !(value >= min && value <= max)) return null;
  return type === "count" && !Number.isSafeInteger(value) ? null : value;
}

function expectedOf({ type, min, max }: Param): string {
  if (type === "duration") return `a duration from ${formatDuration(min)} to ${formatDuration(max)}`;
  return `a ${type === "count" ? "whole number" : "number"} from ${min} to ${max}`;
}
