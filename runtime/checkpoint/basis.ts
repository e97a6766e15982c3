import { createHash } from "node:crypto";
import type { Plan, Site } from "../site.ts";

/** Names all of a site that decides what entries do to its board: with another, the same entries make another board. */
export function boardBasis({ events, departments, areas, timeZone }: Site, plan: Plan): string {
  // Where a file of the site lies is nothing to the board.
  const actors = plan.actors.map((actor) => ({ ...actor, file: null }));
  const text = JSON.stringify([plan.pages, actors, events, departments, areas, timeZone], (_, value) =>
    value instanceof Map ? [...value] : value === Number.POSITIVE_INFINITY ? "∞" : value,
  );
  return createHash("sha256").update(text).digest("hex");
}
