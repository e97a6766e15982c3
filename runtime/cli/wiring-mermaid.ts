// The wiring of a plan as a Mermaid flowchart.
import { formatDuration } from "../data/units.ts";
import type { Edge, Node, Wiring } from "../wiring.ts";

/** Lines of a flowchart: a subgraph for each layer, the highest first. */
export function* wiringMermaid({ layers, nodes, edges, sources }: Wiring): Generator<string> {
  const names = new Map(nodes.map(({ id }, index) => [id, `n${index}`]));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  yield "flowchart LR";
  for (const { layer, actors } of layers) {
    yield `  subgraph layer${layer}["layer ${layer}"]`;
    for (const id of actors) yield `    ${names.get(id)}${boxOf(byId.get(id)!)}`;
    yield "  end";
  }
  for (const node of nodes) if (node.type !== "actor") yield `  ${names.get(node.id)}${boxOf(node)}`;
  for (const [index, { type, wakes }] of sources.entries()) {
    if (wakes.length === 0) continue;
    yield `  e${index}([${quoted(type)}])`;
    for (const id of wakes) yield `  e${index} -.-> ${names.get(id)}`;
  }
  for (const edge of edges) yield `  ${names.get(edge.from)} ${arrowOf(edge)} ${names.get(edge.to)}`;
}

function boxOf(node: Node): string {
  if (node.type === "actor") return `[${quoted(node.goal, `${node.page}, ${node.kind}`)}]`;
  return node.page === null ? `>${quoted(node.name)}]` : `[/${quoted(node.name, node.page)}/]`;
}

function arrowOf(edge: Edge): string {
  switch (edge.kind) {
    case "prerequisite":
      return "-->";
    case "subsumes":
      return `-->|${quoted("subsumes")}|`;
    case "conflict":
      return `${edge.mutual ? "x" : ""}--x|${quoted(`${edge.limit} on ${edge.scope}`)}|`;
    default: {
      const { kind, port, match, forMs } = edge;
      const whom = match === null ? "" : ` by ${match}`;
      return `${kind === "inhibits" ? "==x" : "==>"}|${quoted(`${kind} ${port}${whom}, ${formatDuration(forMs)}`)}|`;
    }
  }
}

/** Lines of text that Mermaid takes for text, whatever stands in them. */
function quoted(...lines: readonly string[]): string {
  return `"${lines.map(escaped).join("<br/>")}"`;
}

/** Letters and digits as they are, of all else only what means nothing to Mermaid, to Markdown or to HTML. */
function escaped(text: string): string {
  return text.replace(/[^\p{L}\p{N} .,:_/-]/gu, (sign) => `#${sign.codePointAt(0)};`);
}
