// What sets two plans apart, for a reload while the place runs.
import { AisleError } from "../errors.ts";
import type { PageConfig, Plan, PlannedActor } from "../site.ts";

export interface Difference {
  /** Pages by name, goals as `page goal`. */
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/**
 * @param resting  pages that an earlier plan has left on the board: their records have their key fields
 * @throws AisleError `conflict` for pages that events feed, actors that ship, and key fields: they need a restart
 */
export function differenceOf(before: Plan, after: Plan, resting: Iterable<PageConfig> = []): Difference {
  const rest = new Map([...resting].map((page) => [page.name, page]));
  const [old, young] = [linesOf(before), linesOf(after)];
  const added = [...young.keys()].filter((name) => !old.has(name));
  const removed = [...old.keys()].filter((name) => !young.has(name));
  const changed = [...young.keys()].filter(
    (name) => old.has(name) && textOf(old.get(name)!) !== textOf(young.get(name)!),
  );
  for (const name of [...added, ...changed, ...removed]) {
    const needs = needsRestart(old.get(name) ?? rest.get(name) ?? null, young.get(name) ?? null);
    if (needs !== null)
      throw new AisleError("conflict", `'${name}' ${needs}: that takes a restart; nothing was changed`);
  }
  return { added, changed, removed };
}

type Line = PageConfig | PlannedActor;

function linesOf({ pages, actors }: Plan): Map<string, Line> {
  const lines = new Map<string, Line>();
  for (const page of pages) lines.set(page.name, page);
  for (const actor of actors) lines.set(`${actor.page} ${actor.goal}`, actor);
  return lines;
}

function needsRestart(before: Line | null, after: Line | null): string | null {
  for (const line of [before, after]) {
    if (line === null) continue;
    if ("kind" in line && line.kind === "shipped") return "is an actor that ships";
    if ("keys" in line && (line.opens.length > 0 || line.parent !== null)) return "is fed by events";
  }
  if (before === null || after === null || !("keys" in before) || !("keys" in after)) return null;
  return textOf(before.keys) === textOf(after.keys) ? null : "has other key fields";
}

/** `goals` of a page follow from its actors. */
function textOf(value: unknown): string {
  return JSON.stringify(value, (name, each) =>
    name === "goals" ? undefined : each === Number.POSITIVE_INFINITY ? "unlimited" : each,
  );
}
