// The lines of a plan as the runtime has them: what is written, what the actor declares, and defaults for the rest.
import type { Actor } from "../actor.ts";
import { oneOf, shorten } from "../data/mistakes.ts";
import type { Say } from "../data/site-parts.ts";
import type { Path } from "../data/yaml.ts";
import { didYouMean } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Conflict, Hold, PlannedActor, RetryConfig } from "../site.ts";
import type { CheckTypes } from "./event-types.ts";
import type { PlanFile, WrittenActor } from "./file.ts";
import { checkName, OWN_COLUMNS } from "./names.ts";
import type { Pages } from "./pages.ts";
import { readSettings } from "./settings.ts";
import type { Work, Workers } from "./work.ts";

/** What of an actor a plan is checked against: its data, not its function. */
export type Declared = Pick<
  Actor<unknown, unknown, unknown>,
  "goal" | "page" | "prerequisites" | "conflicts" | "maxSelves" | "subsumes" | "layer" | "on" | "params"
> &
  Partial<Pick<Actor<unknown, unknown, unknown>, "output">>;

/** A line of the plan, and where it stands. */
export interface Line {
  readonly actor: PlannedActor;
  readonly written: WrittenActor;
  readonly path: Path;
}

const SECOND = 1_000; // ms
const MINUTE = 60 * SECOND;

const TIMEOUT = 10 * MINUTE;
const LEASE = 30 * SECOND;
const RETRIES: RetryConfig = { max: 3, backoffMs: SECOND, backoffMaxMs: 5 * MINUTE };

const UNDECLARED: Omit<Declared, "goal" | "page"> = {
  prerequisites: [],
  conflicts: {},
  maxSelves: Number.POSITIVE_INFINITY,
  subsumes: [],
  layer: 0,
  on: [],
  params: {},
};

/** What is for work that is run, not for a cell that people fill. */
const OF_RUNS = ["conflicts", "maxSelves", "timeout", "lease", "retries", "onLapse"] as const;
/** What only actors that ship understand. */
const OF_SHIPPED = ["on", "with"] as const;

/** Reads the lines; those that nobody could make anything of are left out, and told. */
export class Lines {
  readonly #pages: Pages;
  readonly #workers: Workers;
  readonly #checkTypes: CheckTypes;
  readonly #declared: ReadonlyMap<string, Declared>;
  readonly #say: Say;
  /** Goals by page, to find those that stand twice. */
  readonly #seen = new Set<string>();

  constructor(
    pages: Pages,
    workers: Workers,
    checkTypes: CheckTypes,
    declared: ReadonlyMap<string, Declared>,
    say: Say,
  ) {
    this.#pages = pages;
    this.#workers = workers;
    this.#checkTypes = checkTypes;
    this.#declared = declared;
    this.#say = say;
  }

  read({ actors }: PlanFile): Line[] {
    if (actors.length > limits.planActors) {
      this.#say(["actors"], `there are ${actors.length} actors: expected at most ${limits.planActors}`);
      return [];
    }
    return actors.flatMap((written, index) => this.#line(written, ["actors", index]) ?? []);
  }

  #line(written: WrittenActor, path: Path): Line | null {
    if (!this.#checkGoal(written.goal, path)) return null;
    const work = this.#workers.of(written, path);
    if (work === null) return null;
    const declared = work.kind === "shipped" ? this.#declared.get(written.goal)! : null;
    const page = this.#page(written, declared, path);
    if (page === null) return null;
    this.#checkTwice(written.goal, page, declared !== null, path);
    this.#checkForeign(written, work, path);
    if (written.on !== undefined) this.#checkTypes(written.on, [...path, "on"]);
    const actor = this.#actor(written, declared ?? { ...UNDECLARED, goal: written.goal, page }, work, page, path);
    return { actor, written, path };
  }

  #actor(written: WrittenActor, declared: Declared, work: Work, page: string, path: Path): PlannedActor {
    const selves =
      typeof written.maxSelves === "object" ? written.maxSelves : { limit: written.maxSelves, scope: "node" as const };
    this.#checkSlots(selves.limit ?? 0, selves.scope, [...path, "maxSelves"]);
    return {
      goal: written.goal,
      page,
      ...work,
      prerequisites: union(declared.prerequisites, written.prerequisites),
      conflicts: this.#conflicts(written, declared, path),
      maxSelves: selves.limit ?? declared.maxSelves,
      selvesScope: selves.scope,
      subsumes: union(declared.subsumes, written.subsumes),
      layer: written.layer ?? declared.layer,
      suppresses: holdsOf(written.suppresses),
      inhibits: holdsOf(written.inhibits),
      on: written.on ?? declared.on,
      with: readSettings(
        written.with ?? {},
        declared,
        [...path, "with"],
        work.kind === "shipped" ? this.#say : () => {},
      ),
      timeoutMs: written.timeout ?? (work.kind === "person" ? Number.POSITIVE_INFINITY : TIMEOUT),
      leaseMs: written.lease ?? LEASE,
      retries: this.#retries(written, path),
      onLapse: written.onLapse ?? "retry",
    };
  }

  #checkGoal(goal: string, path: Path): boolean {
    const at = [...path, "goal"];
    if (!checkName(goal, "the goal", this.#say, at)) return false;
    if (!OWN_COLUMNS.includes(goal)) return true;
    this.#say(at, `every page has a column '${goal}': expected another name for the goal`);
    return false;
  }

  #page({ goal, page: written }: WrittenActor, declared: Declared | null, path: Path): string | null {
    const name = written ?? declared?.page ?? this.#onlyPage(goal, path);
    if (name === null) return null;
    if (this.#pages.has(name)) {
      if (this.#pages.kindOf(name) !== "ranks") return name;
      this.#say([...path, "page"], `'${name}' is a plan page: expected a page of records`);
      return null;
    }
    const near = didYouMean(name, this.#pages.names);
    if (written !== undefined) this.#say([...path, "page"], `there is no page '${shorten(name)}'${near}`);
    else this.#say([...path, "goal"], `'${goal}' works on the page '${name}', which this plan lacks${near}`);
    return declared === null ? null : name;
  }

  /** What a line means that names no page. */
  #onlyPage(goal: string, path: Path): string | null {
    const own = this.#pages.names.filter((name) => this.#pages.kindOf(name) === "records");
    if (own.length === 1) return own[0]!;
    const names = this.#pages.names.filter((name) => this.#pages.kindOf(name) !== "ranks");
    if (names.length > 0)
      this.#say([...path, "page"], `'${shorten(goal)}' lacks its 'page': expected ${oneOf(names.map(shorten))}`);
    return null;
  }

  #checkTwice(goal: string, page: string, ships: boolean, path: Path): void {
    // An actor that ships keeps what it knows by its goal.
    const identity = ships ? goal : JSON.stringify([goal, page]);
    if (this.#seen.has(identity)) this.#say([...path, "goal"], `the goal '${goal}' stands twice: one actor owns it`);
    this.#seen.add(identity);
  }

  #checkForeign(written: WrittenActor, { kind }: Work, path: Path): void {
    for (const key of OF_RUNS) {
      if (kind !== "person" || !isWritten(written[key])) continue;
      const instead = key === "timeout" ? ": expected 'due', under 'person'" : "";
      this.#say([...path, key], `'${key}' is for work that is run, not for what people do${instead}`, "key");
    }
    for (const key of OF_SHIPPED) {
      if (kind === "shipped" || !isWritten(written[key])) continue;
      this.#say([...path, key], `'${key}' is for actors that ship: this one is of the kind '${kind}'`, "key");
    }
  }

  #conflicts(written: WrittenActor, declared: Declared, path: Path): Conflict[] {
    const conflicts = new Map<string, Conflict>();
    for (const [goal, limit] of Object.entries(declared.conflicts)) conflicts.set(goal, { goal, limit, scope: "node" });
    for (const [goal, conflict] of Object.entries(written.conflicts)) {
      const { limit, scope } = typeof conflict === "number" ? { limit: conflict, scope: "node" as const } : conflict;
      this.#checkSlots(limit, scope, [...path, "conflicts", goal]);
      conflicts.set(goal, { goal, limit, scope });
    }
    return [...conflicts.values()];
  }

  /** Limits of the whole site are kept as so many numbered slots. */
  #checkSlots(limit: number, scope: string, path: Path): void {
    if (scope !== "site" || limit <= limits.siteSlots) return;
    this.#say([...path, "limit"], `expected at most ${limits.siteSlots} for the whole site, found ${limit}`);
  }

  #retries({ retries }: WrittenActor, path: Path): RetryConfig {
    if (retries === undefined) return RETRIES;
    if (typeof retries === "number") return { ...RETRIES, max: retries };
    const { max, backoff: backoffMs, backoffMax } = retries;
    if (backoffMax !== undefined && backoffMax < backoffMs)
      this.#say([...path, "retries", "backoffMax"], "is shorter than 'backoff': expected at least as long a time");
    return { max, backoffMs, backoffMaxMs: backoffMax ?? Math.max(backoffMs, RETRIES.backoffMaxMs) };
  }
}

function holdsOf(written: WrittenActor["inhibits"]): Hold[] {
  return [written].flat().map(({ port, match, for: forMs }) => ({ port, match, forMs }));
}

function union(declared: readonly string[], written: readonly string[]): string[] {
  return [...new Set([...declared, ...written])];
}

function isWritten(value: unknown): boolean {
  return value !== undefined && !(typeof value === "object" && value !== null && Object.keys(value).length === 0);
}
