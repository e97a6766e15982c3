// How the goals of a plan hang together: what is waited for can be reached, what keeps apart can meet, nothing waits for itself.
import { shorten } from "../data/mistakes.ts";
import type { Say } from "../data/site-parts.ts";
import type { Path } from "../data/yaml.ts";
import { didYouMean, nearest } from "../errors.ts";
import type { Line } from "./actors.ts";
import { sayCircles } from "./circles.ts";
import { OWN_COLUMNS } from "./names.ts";
import type { Pages } from "./pages.ts";

/** What the wiring of a plan is checked against. */
export interface Wired {
  readonly lines: readonly Line[];
  readonly pages: Pages;
  /** Goals of actors that ship. */
  readonly shipped: readonly string[];
  /** Goals of all lines, also of those that could not be read: what waits for them is not to blame. */
  readonly written: ReadonlySet<string>;
}

/** Says what is wrong with how goals refer to each other. */
export function checkWiring(wired: Wired, say: Say): void {
  const { lines } = wired;
  const wiring = new Wiring(wired, say);
  for (const line of lines) wiring.check(line);
  sayCircles(lines, (line, goal) => wiring.achievers(line, goal), say);
}

class Wiring {
  readonly #lines: readonly Line[];
  readonly #pages: Pages;
  readonly #shipped: readonly string[];
  readonly #written: ReadonlySet<string>;
  readonly #say: Say;
  readonly #known: readonly string[];
  /** By goal: who achieves it, by owning or by subsuming it. */
  readonly #achievers = new Map<string, Line[]>();

  constructor({ lines, pages, shipped, written }: Wired, say: Say) {
    this.#lines = lines;
    this.#pages = pages;
    this.#shipped = shipped;
    this.#written = written;
    this.#say = say;
    for (const line of lines) {
      for (const goal of new Set([line.actor.goal, ...line.actor.subsumes])) {
        const known = this.#achievers.get(goal);
        if (known === undefined) this.#achievers.set(goal, [line]);
        else known.push(line);
      }
    }
    this.#known = [...new Set([...shipped, ...this.#achievers.keys(), ...written])];
  }

  check(line: Line): void {
    for (const goal of line.actor.prerequisites) this.#checkPrerequisite(line, goal);
    for (const goal of line.actor.subsumes) this.#checkSubsumed(line, goal);
    for (const { goal, limit, scope } of line.actor.conflicts) this.#checkConflict(line, goal, limit, scope);
  }

  /** Who achieves a goal for the record of a line, or for its parents; by subsuming it, others only. */
  achievers(line: Line, goal: string): Line[] {
    const reach = this.#pages.reach(line.actor.page);
    const isMeant = (other: Line) => other !== line || line.actor.goal === goal;
    return (this.#achievers.get(goal) ?? []).filter((other) => isMeant(other) && reach.includes(other.actor.page));
  }

  #checkPrerequisite(line: Line, field: string): void {
    const fault = this.#prerequisiteFault(line, field);
    if (fault !== null)
      this.#of(line, "prerequisites", field, `'${line.actor.goal}' waits for '${shorten(field)}'${fault}`);
  }

  #prerequisiteFault(line: Line, field: string): string | null {
    const { page, subsumes } = line.actor;
    if (subsumes.includes(field)) return null; // Told where it is subsumed.
    if (field === "complete") return ": nothing starts once a record is complete";
    if (this.achievers(line, field).length > 0 || this.#columns(page).includes(field)) return null;
    const elsewhere = this.#achievers.get(field)?.[0]?.actor.page;
    if (elsewhere !== undefined) {
      const reach = this.#pages.reach(page).map((name) => `'${name}'`);
      return ` of the page '${elsewhere}': expected a goal of ${reach.join(" or ")}`;
    }
    if (this.#written.has(field)) return null; // Told where its line stands.
    if (!this.#pages.isFed(page))
      return this.#columnFault(line, field, `what people fill is '- goal: ${field}' with 'person: true'`);
    const near = this.#shipped.includes(field) ? ` (add '- goal: ${field}')` : didYouMean(field, this.#known);
    return `, which no actor of this plan achieves${near}`;
  }

  #checkSubsumed(line: Line, field: string): void {
    const fault = this.#subsumedFault(line, field);
    if (fault !== null) this.#of(line, "subsumes", field, `'${line.actor.goal}' subsumes '${shorten(field)}'${fault}`);
  }

  #subsumedFault(line: Line, field: string): string | null {
    const { goal, page, prerequisites } = line.actor;
    if (field === goal) return ": a goal that is done holds by itself";
    if (prerequisites.includes(field)) return ", which it waits for: that holds before";
    const owners = this.#lines.filter(({ actor }) => actor.goal === field).map(({ actor }) => actor.page);
    if (owners.includes(page)) return null;
    if (owners.length > 0) return ` of the page '${owners[0]}': expected a goal of '${page}'`;
    if (OWN_COLUMNS.includes(field) || this.#pages.fieldsOf(page).includes(field)) return ", which is no goal";
    const isTold = this.#written.has(field) || this.#pages.isFed(page);
    return isTold ? null : this.#columnFault(line, field, `give '${field}' an actor`);
  }

  /** A field that nobody of the plan names: on an open page it may appear, unless it looks like a slip. */
  #columnFault({ actor: { page, goal } }: Line, field: string, mend: string): string | null {
    const named = [...this.#achievers.keys(), ...this.#written, ...this.#columns(page)];
    const others = named.filter((name) => name !== goal && name !== field);
    const near = nearest(
      field,
      others.filter((name) => !areOfSeries(name, field)),
    );
    const meant = near === null ? "" : ` (did you mean '${near}'?)`;
    if (this.#pages.isClosed(page)) return `, which is no column of the page '${page}'${meant}`;
    return near === null ? null : `, which nobody of this plan fills${meant}; if not, ${mend}`;
  }

  #checkConflict(line: Line, goal: string, limit: number, scope: string): void {
    const known = this.#known;
    const path = [...line.path, "conflicts", goal];
    if (!known.includes(goal)) {
      this.#say(path, `no actor owns the goal '${shorten(goal)}'${didYouMean(goal, known)}`, "key");
    } else if (scope === "record") {
      if (limit > 1)
        this.#say([...path, "limit"], `at most one works on a goal of a record: expected 1, found ${limit}`);
      const pages = (this.#achievers.get(goal) ?? []).map(({ actor }) => actor.page);
      if (pages.length > 0 && !pages.includes(line.actor.page))
        this.#say(path, `no record has both goals: '${goal}' is one of the page '${pages[0]}'`, "key");
    }
  }

  /** Columns that the records of a page and their parents have besides goals. */
  #columns(page: string): string[] {
    return ["ready", ...this.#pages.fieldsOf(page)];
  }

  /** About an element of a list of the line or, where the actor brings it along, about the line. */
  #of({ written, path }: Line, key: "prerequisites" | "subsumes", element: string, message: string): void {
    const index = written[key].indexOf(element);
    const at: Path = index < 0 ? [...path, "goal"] : [...path, key, index];
    this.#say(at, message);
  }
}

/** Names that count, as `taskA` and `taskB` or `step1` and `step12` do, are meant to be nearly the same. */
function areOfSeries(one: string, other: string): boolean {
  const isLetter = one.length === other.length && one.slice(0, -1) === other.slice(0, -1);
  return isLetter || one.replace(/\d+/g, "") === other.replace(/\d+/g, "");
}
