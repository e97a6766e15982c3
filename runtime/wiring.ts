// How the actors of a plan hang together, as a graph: who waits for whom, who keeps whom apart, who holds whom.
import type { ActorKind, Conflict, Hold, Plan, PlannedActor } from "./site.ts";

/** An actor of the plan. */
export interface ActorNode {
  readonly type: "actor";
  readonly id: string;
  readonly goal: string;
  readonly page: string;
  readonly kind: ActorKind;
  readonly layer: number;
  /** How many may work at once; null: any number. */
  readonly maxSelves: number | null;
  readonly selvesScope: PlannedActor["selvesScope"];
  /** Types of events that wake it; none: the state of its record does. */
  readonly on: readonly string[];
}

/** What somebody waits for, or holds, and no actor of the plan owns: a column, or a subject that is published. */
export interface OtherNode {
  readonly type: "field" | "subject";
  readonly id: string;
  readonly name: string;
  /** Null for a subject. */
  readonly page: string | null;
}

export type Node = ActorNode | OtherNode;

interface Between {
  /** Ids of nodes. */
  readonly from: string;
  readonly to: string;
}

/** `to` starts once `from` holds. */
export interface Prerequisite extends Between {
  readonly kind: "prerequisite";
}

/** `from` waits while `limit` or more work on `to`; `mutual`: and the other way round. */
export interface ConflictEdge extends Between, Pick<Conflict, "limit" | "scope"> {
  readonly kind: "conflict";
  readonly mutual: boolean;
}

/** With `from`, `to` holds too. */
export interface Subsumption extends Between {
  readonly kind: "subsumes";
}

/** `from` replaces an input of `to`, or blocks its output. */
export interface HoldEdge extends Between, Hold {
  readonly kind: "suppresses" | "inhibits";
}

export type Edge = Prerequisite | ConflictEdge | Subsumption | HoldEdge;

/** A type of event, and what it does. */
export interface EventSource {
  readonly type: string;
  /** Pages whose records it opens, and closes. */
  readonly opens: readonly string[];
  readonly closes: readonly string[];
  /** Ids of the actors that it wakes. */
  readonly wakes: readonly string[];
}

export interface Wiring {
  /** The highest first, each with the ids of its actors in the order of the plan. */
  readonly layers: readonly { readonly layer: number; readonly actors: readonly string[] }[];
  /** The actors in the order of the plan, then all else. */
  readonly nodes: readonly Node[];
  /** Each once. */
  readonly edges: readonly Edge[];
  readonly sources: readonly EventSource[];
}

/** The graph of a plan. */
export function wiringOf(plan: Plan): Wiring {
  const wirer = new Wirer(plan);
  const layers = [...new Set(plan.actors.map(({ layer }) => layer))].sort((a, b) => b - a);
  return {
    layers: layers.map((layer) => ({
      layer,
      actors: plan.actors.filter((actor) => actor.layer === layer).map((actor) => idOf(actor)),
    })),
    ...wirer.graph(),
    sources: sourcesOf(plan),
  };
}

class Wirer {
  readonly #plan: Plan;
  readonly #others = new Map<string, OtherNode>();
  /** By what they say, so that each stands once. */
  readonly #edges = new Map<string, Edge>();

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  graph(): Pick<Wiring, "nodes" | "edges"> {
    for (const actor of this.#plan.actors) {
      this.#prerequisites(actor);
      this.#conflicts(actor);
      this.#subsumptions(actor);
      for (const kind of ["suppresses", "inhibits"] as const) this.#holds(actor, kind);
    }
    return { nodes: [...this.#plan.actors.map(nodeOf), ...this.#others.values()], edges: [...this.#edges.values()] };
  }

  #prerequisites(actor: PlannedActor): void {
    const reach = this.#reach(actor.page);
    for (const field of actor.prerequisites) {
      const owners = this.#ownersOf(field).filter((owner) => owner !== actor && reach.includes(owner.page));
      const froms = owners.length > 0 ? owners.map(idOf) : [this.#field(field, actor.page)];
      for (const from of froms) this.#add({ kind: "prerequisite", from, to: idOf(actor) });
    }
  }

  #conflicts(actor: PlannedActor): void {
    for (const { goal, limit, scope } of actor.conflicts) {
      for (const other of this.#owning(goal)) {
        if (scope === "record" && other.page !== actor.page) continue;
        const isSame = (back: Conflict) => back.goal === actor.goal && back.limit === limit && back.scope === scope;
        const mutual = other !== actor && other.conflicts.some(isSame);
        const ends = [idOf(actor), idOf(other)] as const;
        const [from, to] = mutual && this.#indexOf(other) < this.#indexOf(actor) ? [ends[1], ends[0]] : ends;
        this.#add({ kind: "conflict", from, to, limit, scope, mutual });
      }
    }
  }

  #subsumptions(actor: PlannedActor): void {
    for (const goal of actor.subsumes) {
      const owner = this.#owning(goal).find(({ page }) => page === actor.page);
      const to = owner === undefined ? this.#field(goal, actor.page) : idOf(owner);
      this.#add({ kind: "subsumes", from: idOf(actor), to });
    }
  }

  #holds(actor: PlannedActor, kind: "suppresses" | "inhibits"): void {
    for (const hold of actor[kind]) {
      const lower = this.#plan.actors.filter(({ layer }) => layer < actor.layer);
      const concerned =
        kind === "suppresses"
          ? lower.filter(({ prerequisites }) => prerequisites.includes(hold.port))
          : lower.filter(({ goal, subsumes }) => goal === hold.port || subsumes.includes(hold.port));
      const tos = concerned.length > 0 ? concerned.map(idOf) : this.#port(hold.port, kind);
      for (const to of tos) this.#add({ kind, from: idOf(actor), to, ...hold });
    }
  }

  /** A port that no lower actor waits for, or owns: columns of that name, or else a subject. */
  #port(port: string, kind: "suppresses" | "inhibits"): string[] {
    const owners = this.#owning(port);
    if (owners.length > 0) return owners.map(idOf);
    const pages = this.#plan.pages.filter(({ data }) => data?.includes(port));
    if (kind === "suppresses") return pages.map(({ name }) => this.#field(port, name));
    const id = `subject ${port}`;
    this.#others.set(id, { type: "subject", id, name: port, page: null });
    return [id];
  }

  #field(name: string, page: string): string {
    const id = `${page}/${name}`;
    this.#others.set(id, { type: "field", id, name, page });
    return id;
  }

  #add(edge: Edge): void {
    this.#edges.set(JSON.stringify(edge), edge);
  }

  #owning(goal: string): PlannedActor[] {
    return this.#plan.actors.filter((actor) => actor.goal === goal);
  }

  /** Who achieves a goal: its own actor or, where there is none, those that subsume it. */
  #ownersOf(goal: string): PlannedActor[] {
    const own = this.#owning(goal);
    return own.length > 0 ? own : this.#plan.actors.filter(({ subsumes }) => subsumes.includes(goal));
  }

  #indexOf(actor: PlannedActor): number {
    return this.#plan.actors.indexOf(actor);
  }

  /** A page and those that its records belong to. */
  #reach(page: string): string[] {
    const parent = this.#plan.pages.find(({ name }) => name === page)?.parent ?? null;
    return parent === null ? [page] : [page, ...this.#reach(parent)];
  }
}

/** A goal may stand on several pages: the page belongs to its name. */
function idOf({ page, goal }: PlannedActor): string {
  return `${page}/${goal}`;
}

function nodeOf(actor: PlannedActor): ActorNode {
  const { goal, page, kind, layer, maxSelves, selvesScope, on } = actor;
  const selves = Number.isFinite(maxSelves) ? maxSelves : null;
  return { type: "actor", id: idOf(actor), goal, page, kind, layer, maxSelves: selves, selvesScope, on };
}

function sourcesOf({ pages, actors }: Plan): EventSource[] {
  const types = new Set([
    ...pages.flatMap(({ opens, closes }) => [...opens, ...closes]),
    ...actors.flatMap(({ on }) => on),
  ]);
  return [...types].map((type) => ({
    type,
    opens: pages.filter(({ opens }) => opens.includes(type)).map(({ name }) => name),
    closes: pages.filter(({ closes }) => closes.includes(type)).map(({ name }) => name),
    wakes: actors.filter(({ on }) => on.includes(type)).map(idOf),
  }));
}
