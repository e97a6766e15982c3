// Boards for the plan of `random-journal.ts`, as a checkpoint has them.
import { Applier } from "../../runtime/apply.ts";
import { BoardState } from "../../runtime/checkpoint/board-state.ts";
import { heard } from "../../runtime/checkpoint/hearing.ts";
import { ManualClock } from "../../runtime/clock.ts";
import { OfferBook } from "../../runtime/decide/offers.ts";
import { Block } from "../../runtime/journal/block.ts";
import type { Entry } from "../../runtime/journal/journal.ts";
import { SiteLayers } from "../../runtime/workshop.ts";
import { busyPlan } from "./random-journal.ts";
import { ACTORS, OPENING, shopReader, WORLD } from "./shop.ts";

const reader = shopReader();
/** What the plan of today hears. */
export const HEARS = "h";

export function freshBoard(basis = "b"): BoardState {
  const plan = busyPlan();
  const holds = new SiteLayers(plan.actors);
  const journal = { read: function* () {}, find: () => null, lastSeq: 0 };
  return new BoardState({
    applier: new Applier({ plan, actors: ACTORS, reader, world: WORLD, holds }),
    layers: holds.layers,
    offers: new OfferBook(new ManualClock(OPENING), journal, (id) => ({ id })),
    basis,
  });
}

/** Applies parts of a journal, as a place does at its start. */
export function replayed(state: BoardState, parts: Iterable<Entry | Block>): BoardState {
  for (const part of parts) {
    const last = part instanceof Block ? part.lastSeq : part.seq;
    for (const entry of part instanceof Block ? heard(part, state.configured, HEARS) : [part])
      if (entry.seq > state.applier.appliedSeq) state.apply(entry);
    state.applier.pass(last);
  }
  return state;
}
