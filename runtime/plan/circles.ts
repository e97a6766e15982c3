// Goals that wait for each other would wait for ever.
import type { Say } from "../data/site-parts.ts";
import type { Line } from "./actors.ts";

/** What each line waits for: of every prerequisite that an actor achieves, those who do. */
type Waits = ReadonlyMap<Line, readonly (readonly Line[])[]>;

/** Says which goals wait for each other. @param achievers  who achieves a goal for a line; nobody: people or files do */
export function sayCircles(
  lines: readonly Line[],
  achievers: (line: Line, goal: string) => readonly Line[],
  say: Say,
): void {
  const waits: Waits = new Map(
    lines.map((line) => {
      const { prerequisites } = line.actor;
      return [line, prerequisites.map((goal) => achievers(line, goal)).filter((all) => all.length > 0)];
    }),
  );
  const stuck = stuckOf(waits);
  const told = new Set<Line>();
  for (const line of stuck) {
    const circle = circleFrom(line, waits, stuck, told);
    if (circle === null) continue;
    const words = [...circle, circle[0]!].map(({ actor }) => actor.goal).join(" → ");
    say([...circle[0]!.path, "goal"], `goals wait for each other in a circle: ${words}`);
  }
}

/** Lines that never start, in the order of the plan: what they wait for is achieved by such lines only. */
function stuckOf(waits: Waits): ReadonlySet<Line> {
  const stuck = new Set(waits.keys());
  for (let before = -1; before !== stuck.size; ) {
    before = stuck.size;
    for (const line of stuck) {
      if (nextOf(line, waits, stuck) === undefined) stuck.delete(line);
    }
  }
  return stuck;
}

/** The circle that one comes into by going from goal to goal; null: it was told. */
function circleFrom(start: Line, waits: Waits, stuck: ReadonlySet<Line>, told: Set<Line>): Line[] | null {
  const way: Line[] = [];
  for (let at: Line | undefined = start; at !== undefined; at = nextOf(at, waits, stuck)) {
    const from = way.indexOf(at);
    if (from >= 0) return way.slice(from);
    if (told.has(at)) return null;
    told.add(at);
    way.push(at);
  }
  return null;
}

/** A stuck line that a line waits for; undefined: it waits for none. */
function nextOf(line: Line, waits: Waits, stuck: ReadonlySet<Line>): Line | undefined {
  return waits.get(line)!.find((achievers) => achievers.every((each) => stuck.has(each)))?.[0];
}
