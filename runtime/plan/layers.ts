// Who suppresses and inhibits whom: downwards only, each layer once, and nothing that isn't there.
import { shorten } from "../data/mistakes.ts";
import type { Say } from "../data/site-parts.ts";
import type { Path } from "../data/yaml.ts";
import { didYouMean, nearest } from "../errors.ts";
import type { Hold, PlannedActor } from "../site.ts";
import type { Declared, Line } from "./actors.ts";
import type { Pages } from "./pages.ts";

/** Outputs that are no goal: what is published of decisions. */
export const SUBJECT_PORTS: readonly string[] = ["offers", "predictions"];

/** What the layers of a plan are checked against. */
export interface Layered {
  readonly lines: readonly Line[];
  readonly pages: Pages;
  readonly declared: ReadonlyMap<string, Declared>;
  /** Fields that events bring along; null: any. */
  readonly eventFields: readonly string[] | null;
}

const KINDS = ["suppresses", "inhibits"] as const;
type Kind = (typeof KINDS)[number];

/** Says what is wrong with what layers do to each other. */
export function checkLayers(layered: Layered, say: Say): void {
  const ports = new Ports(layered, say);
  for (const line of layered.lines) {
    for (const kind of KINDS) {
      line.actor[kind].forEach((hold, index) => {
        const path = Array.isArray(line.written[kind]) ? [...line.path, kind, index] : [...line.path, kind];
        ports.check(line, kind, hold, path);
      });
    }
  }
}

class Ports {
  readonly #lines: readonly Line[];
  readonly #pages: Pages;
  readonly #declared: Layered["declared"];
  readonly #eventFields: Layered["eventFields"];
  readonly #say: Say;
  /** By kind, port and layer: who holds it. */
  readonly #holders = new Map<string, PlannedActor>();
  readonly #seen = new Set<string>();

  constructor({ lines, pages, declared, eventFields }: Layered, say: Say) {
    this.#lines = lines;
    this.#pages = pages;
    this.#declared = declared;
    this.#eventFields = eventFields;
    this.#say = say;
  }

  check(line: Line, kind: Kind, hold: Hold, path: Path): void {
    const concerned = this.#concerned(line, kind, hold.port);
    const lower = concerned?.filter(({ actor }) => actor.layer < line.actor.layer) ?? [];
    const fault =
      concerned === null
        ? this.#unknown(kind, hold.port)
        : lower.length === 0
          ? noneLower(line, kind, hold.port, concerned)
          : this.#clash(line, kind, hold);
    if (fault !== null) this.#say([...path, "port"], fault);
    if (hold.match !== null && lower.length > 0) this.#checkMatch(hold.match, lower, [...path, "match"]);
  }

  /** Who holds the port on the same layer; null: nobody. */
  #clash({ actor }: Line, kind: Kind, { port, match }: Hold): string | null {
    const { goal, layer, page } = actor;
    const wire = JSON.stringify([kind, port, layer]);
    const holder = this.#holders.get(wire) ?? actor;
    this.#holders.set(wire, holder);
    if (holder !== actor) return `'${holder.goal}' of layer ${layer} ${kind} '${port}' too: expected one on each layer`;
    const own = JSON.stringify([wire, goal, page, match]);
    const twice = this.#seen.has(own);
    this.#seen.add(own);
    return twice ? `'${goal}' ${kind} '${port}' twice` : null;
  }

  /** Whose output a port is, or who reads it, of any layer; null: there is no such port. */
  #concerned(line: Line, kind: Kind, port: string): Line[] | null {
    if (SUBJECT_PORTS.includes(port)) {
      const deciders = this.#lines.filter(({ actor }) => this.#decides(actor.goal, actor.kind));
      return kind === "inhibits" && deciders.length > 0 ? deciders : null;
    }
    const owners = this.#lines.filter(({ actor }) => actor.goal === port || actor.subsumes.includes(port));
    if (kind === "inhibits") return owners.length === 0 ? null : owners;
    const isField = (page: string) => this.#pages.dataOf(page)?.includes(port) === true;
    const pages = [...owners.map(({ actor }) => actor.page), ...this.#pages.names.filter(isField)];
    if (pages.length === 0) return null;
    const others = this.#lines.filter(
      (other) => other !== line && this.#pages.reach(other.actor.page).some((page) => pages.includes(page)),
    );
    const readers = others.filter(({ actor }) => actor.prerequisites.includes(port));
    return readers.length > 0 ? readers : others.filter((other) => !owners.includes(other));
  }

  #decides(goal: string, kind: string): boolean {
    return kind === "shipped" && this.#declared.get(goal)?.output === "decision";
  }

  #unknown(kind: Kind, port: string): string {
    if (SUBJECT_PORTS.includes(port)) {
      const why =
        kind === "inhibits" ? "no actor of this plan publishes it" : "it is an output, which 'inhibits' blocks";
      return `'${port}' is a subject: ${why}`;
    }
    const goals = this.#lines.map(({ actor }) => actor.goal);
    const near = didYouMean(port, [...goals, ...SUBJECT_PORTS]);
    const expected = `: expected a goal of this plan, ${SUBJECT_PORTS.map((subject) => `'${subject}'`).join(" or ")}`;
    return `there is no port '${shorten(port)}'${near || expected}`;
  }

  /** The field must be there on some lower record, or the hold would never meet one. */
  #checkMatch(match: string, lower: readonly Line[], path: Path): void {
    const pages = [...new Set(lower.map(({ actor }) => actor.page))];
    if (!pages.every((page) => this.#pages.has(page))) return; // an actor of no page is told of by itself
    const reach = [...new Set(pages.flatMap((page) => this.#pages.reach(page)))];
    const goals = this.#lines.filter(({ actor }) => reach.includes(actor.page)).map(({ actor }) => actor.goal);
    const brought = pages.some((page) => this.#pages.isFed(page)) ? (this.#eventFields ?? []) : [];
    const fields = [...pages.flatMap((page) => this.#pages.fieldsOf(page)), ...brought];
    if (fields.includes(match) || goals.includes(match)) return;
    const where = pages.map((page) => `'${page}'`).join(" and ");
    const near = nearest(match, fields);
    const isKnown = (page: string) =>
      this.#pages.isClosed(page) && (this.#eventFields !== null || !this.#pages.isFed(page));
    if (pages.every(isKnown) || near !== null) {
      const expected = near === null ? `: expected ${[...new Set(fields)].join(", ")}` : ` (did you mean '${near}'?)`;
      this.#say(path, `records of ${where} have no field '${shorten(match)}'${expected}`);
    }
  }
}

/** @param concerned  whose output it is, or who reads it: all on the layer of who holds, or above */
function noneLower({ actor }: Line, kind: Kind, port: string, concerned: readonly Line[]): string {
  const { goal, layer } = actor;
  if (concerned.length === 0) return `no other actor reads '${port}': there is nothing to suppress`;
  if (port === goal && kind === "inhibits") return `'${goal}' inhibits itself: expected a goal of a lower layer`;
  const lowest = concerned.reduce((low, line) => (line.actor.layer < low.actor.layer ? line : low)).actor;
  const expected = `expected 'layer: ${lowest.layer + 1}' or above for '${goal}'`;
  const does = kind === "inhibits" ? "puts it out" : "reads it";
  const whose = lowest.goal === port ? `'${port}'` : `'${lowest.goal}', which ${does},`;
  if (lowest.layer === layer)
    return `'${goal}' ${kind} '${port}' on its own layer: ${whose} is on layer ${layer} too; ${expected}`;
  return `'${goal}' ${kind} '${port}' upwards, from layer ${layer}: ${whose} is on layer ${lowest.layer}; ${expected}`;
}
