// What the work does when a port is held, replaced or free again.
import { type Board, type BoardRecord, keyOf, type Page } from "../board/board.ts";
import type { Scheduler } from "../scheduler.ts";
import type { PlannedActor } from "../site.ts";
import type { PortShift, Shift } from "./layers.ts";
import { fieldOf } from "./match.ts";

/** Asks again for what a shift may let start: what waited for an output, and who reads what is replaced. */
export function follow(
  shifts: readonly Shift[],
  scheduler: Pick<Scheduler, "changed" | "released">,
  board: Board,
  actors: readonly PlannedActor[],
): void {
  const freed = new Set(shifts.flatMap((shift) => (shift.kind === "inhibits" && shift.free ? shift.hold.port : [])));
  for (const port of freed) scheduler.released(port);
  for (const { goal, subsumes } of actors) if (subsumes.some((other) => freed.has(other))) scheduler.released(goal);
  for (const shift of shifts) {
    if (shift.kind === "moves") scheduler.changed(shift.record);
    if (shift.kind !== "suppresses") continue;
    for (const page of readersOf(shift, board, actors)) {
      const column = page.column(shift.hold.port);
      for (const record of concerned(page, shift)) scheduler.changed(record, column === undefined ? null : [column]);
    }
  }
}

/** The pages on which a lower layer waits for the port. */
function readersOf({ hold, layer }: PortShift, board: Board, actors: readonly PlannedActor[]): Set<Page> {
  const readers = actors.filter((actor) => actor.layer < layer && actor.prerequisites.includes(hold.port));
  return new Set(readers.flatMap(({ page }) => board.find(page) ?? []));
}

/** The records of a page that a shift is about, as a list: what is started may change the page. */
function concerned(page: Page, { hold: { match }, text }: PortShift): BoardRecord[] {
  if (match === null) return [...page.records()];
  const { keys } = page.config;
  if (keys.length === 1 && keys[0]!.name === match) return [page.find(keyOf([text])) ?? []].flat();
  return [...page.records()].filter((record) => fieldOf(record, match) === text);
}
