// The wiring of a plan for a terminal: the layers from top to bottom.
import { formatDuration } from "../data/units.ts";
import type { ActorNode, ConflictEdge, Edge, HoldEdge, Node, Wiring } from "../wiring.ts";

/** Lines of text. */
export function* wiringText(wiring: Wiring): Generator<string> {
  const nameOf = namesOf(wiring.nodes);
  const actors = wiring.nodes.filter((node) => node.type === "actor");
  const [goal, page, kind] = (["goal", "page", "kind"] as const).map((column) =>
    Math.max(0, ...actors.map((actor) => actor[column].length)),
  ) as [number, number, number];
  for (const { layer, actors: ids } of wiring.layers) {
    yield `layer ${layer}`;
    for (const actor of actors.filter(({ id }) => ids.includes(id))) {
      const [first = "", ...more] = about(actor, wiring.edges, nameOf);
      const head = `  ${actor.goal.padEnd(goal)}  ${actor.page.padEnd(page)}  ${actor.kind.padEnd(kind)}`;
      yield `${head}  ${first}`.trimEnd();
      for (const line of more) yield `${" ".repeat(head.length)}  ${line}`;
    }
  }
  if (wiring.sources.length > 0) yield "events";
  const longest = Math.max(...wiring.sources.map(({ type }) => type.length));
  for (const { type, opens, closes, wakes } of wiring.sources) {
    const does = [...listed("opens", opens), ...listed("closes", closes), ...listed("wakes", wakes.map(nameOf))];
    yield `  ${type.padEnd(longest)}  ${does.join("; ")}`;
  }
}

type NameOf = (id: string) => string;

/** What there is to say of an actor: what starts it, what keeps it back, what it does to others, what others do to it. */
function about(actor: ActorNode, edges: readonly Edge[], nameOf: NameOf): string[] {
  const { id, on, maxSelves, selvesScope } = actor;
  const out = edges.filter(({ from }) => from === id);
  const into = edges.filter(({ to }) => to === id);
  const names = (kind: Edge["kind"], among: readonly Edge[], end: "from" | "to") =>
    among.filter((edge) => edge.kind === kind).map((edge) => nameOf(edge[end]));
  const suppressions = into.filter(isHold).filter(({ kind }) => kind === "suppresses");
  return [
    ...listed("woken by", on),
    ...listed("after", names("prerequisite", into, "from")),
    ...(maxSelves === null ? [] : [`at most ${maxSelves} at once on ${SCOPES[selvesScope]}`]),
    ...edges.filter((edge) => edge.kind === "conflict").flatMap((edge) => conflictText(edge, id, nameOf)),
    ...listed("with it holds", names("subsumes", out, "to")),
    ...listed("holds with", names("subsumes", into, "from")),
    ...out.filter(isHold).map((edge) => holdText(edge, nameOf(edge.to))),
    ...suppressions.map(({ port, from }) => `reads '${port}' of ${nameOf(from)} instead, while that holds`),
    ...listed("inhibited by", names("inhibits", into, "from")),
  ];
}

const SCOPES = { record: "the record", node: "the node", site: "the whole site" } as const;

function conflictText({ from, to, limit, scope, mutual }: ConflictEdge, id: string, nameOf: NameOf): string[] {
  const other = from === id ? to : mutual && to === id ? from : null;
  if (other === null) return [];
  const who = limit === 1 ? `${nameOf(other)} is` : `${limit} of ${nameOf(other)} are`;
  return [`not while ${who} at work on ${SCOPES[scope]}`];
}

function isHold(edge: Edge): edge is HoldEdge {
  return edge.kind === "suppresses" || edge.kind === "inhibits";
}

function holdText({ kind, port, match, forMs }: HoldEdge, of: string): string {
  const what = kind === "inhibits" || of === port ? port : `${port} of ${of}`;
  const whom = match === null ? "" : `, where ${match} is its key`;
  return `${kind} ${what} for ${formatDuration(forMs)}${whom}`;
}

/** The goal, or the name of a field; with its page where others are called the same. */
function namesOf(nodes: readonly Node[]): NameOf {
  const bare = new Map(nodes.map((node) => [node.id, node.type === "actor" ? node.goal : node.name]));
  const all = [...bare.values()];
  return (id) => {
    const name = bare.get(id)!;
    return all.indexOf(name) === all.lastIndexOf(name) ? name : id;
  };
}

function listed(verb: string, names: readonly string[]): string[] {
  return names.length === 0 ? [] : [`${verb} ${names.join(", ")}`];
}
