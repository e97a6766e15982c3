// Actors on layers, pages and records for them, as a plan would make them.
import { Board, type BoardRecord } from "../../runtime/board/board.ts";
import type { Hold, PageConfig, PlannedActor } from "../../runtime/site.ts";
import { pageConfig, plannedActor } from "./plans.ts";

/** An actor on layer 0 of page `work`. */
export function actorOf(goal: string, more: Partial<PlannedActor> = {}): PlannedActor {
  return plannedActor(goal, { page: "work", ...more });
}

export function holdOn(port: string, forMs: number, match: string | null = null): Hold {
  return { port, match, forMs };
}

export function pageOf(name: string, keys: readonly string[], more: Partial<PageConfig> = {}): PageConfig {
  return pageConfig(name, { keys: keys.map((key) => ({ name: key, required: true })), ...more });
}

/** A board with some pages, and the goals of some actors on them. */
export function boardOf(actors: readonly PlannedActor[], pages: readonly PageConfig[]): Board {
  const goalsOf = (name: string) => actors.filter(({ page }) => page === name).map(({ goal }) => goal);
  return new Board(pages.map((page) => ({ ...page, goals: goalsOf(page.name) })));
}

export function recordOf(board: Board, page: string, ...keys: string[]): BoardRecord {
  return board.page(page).add(keys, null) as BoardRecord;
}
