// The `suppresses` and `inhibits` of a plan, found by who holds and by what is held.
import { limits } from "../limits.ts";
import type { Hold, PlannedActor } from "../site.ts";
import { type HoldKind, Wire } from "./held.ts";

const NO_WIRES: readonly Wire[] = [];
const NO_ACTORS: readonly PlannedActor[] = [];

export class Wires {
  /** In the order of the plan. */
  readonly all: readonly Wire[];
  /** By port, the highest layer first, then as in the plan. */
  readonly inhibits: ReadonlyMap<string, readonly Wire[]>;
  readonly suppresses: ReadonlyMap<string, readonly Wire[]>;
  /** Fields by which holds find whom they are about. */
  readonly matches: ReadonlySet<string>;
  /** By page and goal of who holds. */
  readonly #byHolder = new Map<string, Map<string, Wire[]>>();
  readonly #holders = new Map<string, PlannedActor[]>();
  readonly #byLine: ReadonlyMap<string, Wire>;

  constructor(actors: readonly PlannedActor[]) {
    const all: Wire[] = [];
    for (const actor of actors) {
      for (const kind of ["suppresses", "inhibits"] as const) {
        for (const hold of actor[kind]) all.push(wireOf(actor, kind, hold, all.length));
      }
    }
    this.all = all;
    this.inhibits = byPort(all, "inhibits");
    this.suppresses = byPort(all, "suppresses");
    this.matches = new Set(all.flatMap(({ hold: { match } }) => match ?? []));
    this.#byLine = new Map(all.map((wire) => [lineOf(wire), wire]));
    for (const wire of all) this.#addHolder(wire);
  }

  /** What an actor holds by. */
  of({ page, goal }: PlannedActor): readonly Wire[] {
    return this.#byHolder.get(page)?.get(goal) ?? NO_WIRES;
  }

  /** The actors of a page that hold anything. */
  holdersOf(page: string): readonly PlannedActor[] {
    return this.#holders.get(page) ?? NO_ACTORS;
  }

  /** The wire that stands where another stood in the plan before. */
  successorOf(wire: Wire): Wire | undefined {
    return this.#byLine.get(lineOf(wire));
  }

  #addHolder(wire: Wire): void {
    const { actor } = wire;
    const goals = this.#byHolder.get(actor.page) ?? new Map<string, Wire[]>();
    this.#byHolder.set(actor.page, goals);
    const wires = goals.get(actor.goal);
    if (wires !== undefined) {
      wires.push(wire);
      return;
    }
    goals.set(actor.goal, [wire]);
    this.#holders.set(actor.page, [...(this.#holders.get(actor.page) ?? []), actor]);
  }
}

function wireOf(actor: PlannedActor, kind: HoldKind, hold: Hold, order: number): Wire {
  if (!(hold.forMs > 0 && hold.forMs <= limits.holdMs))
    throw new RangeError(`'${actor.goal}' holds '${hold.port}' for ${hold.forMs} ms: expected 1 to ${limits.holdMs}`);
  return new Wire(actor, kind, hold, order);
}

function byPort(wires: readonly Wire[], kind: HoldKind): Map<string, Wire[]> {
  const ports = new Map<string, Wire[]>();
  const highestFirst = wires.toSorted((a, b) => b.actor.layer - a.actor.layer || a.order - b.order);
  for (const wire of highestFirst) {
    if (wire.kind !== kind) continue;
    const { port } = wire.hold;
    ports.set(port, [...(ports.get(port) ?? []), wire]);
  }
  return ports;
}

function lineOf({ actor: { page, goal }, kind, hold: { port, match } }: Wire): string {
  return JSON.stringify([page, goal, kind, port, match]);
}
