import { defineActor } from "../runtime/actor.ts";
import type { Dwell, Sighting, Stop } from "../runtime/decide/decision.ts";

const MINUTE = 60_000; // ms

/** Nobody has been seen anywhere yet. */
const NOWHERE: Dwell = { department: null, moves: 0, focusedAt: null };

/**
 * Turns moves into a focus: the n-th consecutive move in one department, once per dwell, and again after a pause.
 * A focus from outside counts as the n-th move at once. Event times alone decide, so a replay agrees.
 */
export const focused = defineActor({
  goal: "focused",
  page: "visits",
  on: ["move", "focus"],
  output: "derived",
  params: {
    moves: {
      type: "count",
      default: 3,
      min: 1,
      max: 1_000,
      does: "consecutive moves in a department that make a focus",
    },
    again: {
      type: "duration",
      default: 10 * MINUTE,
      min: 1_000,
      max: 24 * 60 * MINUTE,
      does: "a dwell that goes on is a focus again after",
    },
  },

  handle(sighting: Sighting, _answer: null, settings, world): Stop {
    const { event, dwell: before = NOWHERE } = sighting;
    const told = event.department;
    const department = told ?? world.departmentAt(event.x ?? Number.NaN, event.y ?? Number.NaN);
    const stayed = before.department === department;
    const consecutive = stayed ? before.moves + 1 : 1;
    const moves = told === null ? consecutive : Math.max(consecutive, settings.moves);
    const focusedAt = stayed ? before.focusedAt : null;

    const looking = department !== null && moves >= settings.moves;
    const due = focusedAt === null || event.at - focusedAt >= settings.again;
    const focus = looking && (due || event.replayed);
    return { dwell: { department, moves, focusedAt: focus ? event.at : focusedAt }, focus: focus ? department : null };
  },
});
