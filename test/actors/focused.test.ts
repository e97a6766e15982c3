import { describe, expect, it } from "vitest";
import { focused } from "../../actors/focused.ts";
import type { Dwell, Sighting } from "../../runtime/decide/decision.ts";
import { prng } from "../support/prng.ts";
import { IN_AISLE, IN_BOYS, IN_SPORT, MINUTE, OPENING, WORLD } from "../support/shop.ts";

const SECOND = 1_000; // ms
const DEFAULTS = { moves: 3, again: 10 * MINUTE };

interface Sight {
  readonly at?: number;
  readonly x?: number;
  readonly y?: number;
  readonly told?: string;
  readonly replayed?: boolean;
}

/** Shows a customer's sightings to the actor, one a second unless they say when. @returns the focus of each, or null */
function watch(sights: readonly Sight[], settings = DEFAULTS): (string | null)[] {
  let dwell: Dwell | undefined;
  return sights.map(({ at, x, y, told, replayed = false }, index) => {
    const event = {
      at: at ?? OPENING + index * SECOND,
      department: told ?? null,
      x: x ?? null,
      y: y ?? null,
      replayed,
    };
    const stop = focused.handle({ event, dwell } satisfies Sighting, null, settings, WORLD);
    ({ dwell } = stop);
    return stop.focus;
  });
}

const times = (count: number, sight: Sight): Sight[] => Array.from({ length: count }, () => sight);

describe("focused", () => {
  it.each([
    ["the third consecutive move, by default", 3, [null, null, "Boys"]],
    ["the fifth, where the plan says so", 5, [null, null, null, null, "Boys"]],
    ["the first, where the plan says so", 1, ["Boys"]],
  ])("sees a stop at %s", (_, moves, expected) => {
    expect(watch(times(moves, IN_BOYS), { ...DEFAULTS, moves })).toEqual(expected);
  });

  it("sees one stop for as long as the customer stays", () => {
    expect(watch(times(13, IN_BOYS)).filter((focus) => focus !== null)).toEqual(["Boys"]);
  });

  it("counts again from one in another department", () => {
    expect(watch([IN_BOYS, IN_BOYS, IN_SPORT, IN_SPORT, IN_SPORT])).toEqual([null, null, null, null, "Sport"]);
  });

  it("counts again from one after a step into the aisle", () => {
    expect(watch([IN_BOYS, IN_BOYS, IN_AISLE, IN_BOYS, IN_BOYS, IN_BOYS]).indexOf("Boys")).toBe(5);
  });

  it("sees a stop anew when the customer leaves and comes back", () => {
    const stay = times(3, IN_BOYS);

    expect(watch([...stay, IN_AISLE, ...stay])).toEqual([null, null, "Boys", null, null, null, "Boys"]);
  });

  it("sees no stop between the departments", () => {
    expect(watch(times(20, IN_AISLE))).toEqual(Array(20).fill(null));
  });

  it.each([
    ["a millisecond before the pause is over", 10 * MINUTE - 1, null],
    ["when the pause is over", 10 * MINUTE, "Boys"],
  ])("sees a stop that goes on %s: %d ms later, %s", (_, later, expected) => {
    const stay = [...times(3, { ...IN_BOYS, at: OPENING }), { ...IN_BOYS, at: OPENING + later }];

    expect(watch(stay).at(-1)).toBe(expected);
  });

  it("counts the next pause from the second stop", () => {
    const at = (minutes: number) => ({ ...IN_BOYS, at: OPENING + minutes * MINUTE });

    expect(watch([at(0), at(0), at(0), at(10), at(19), at(20)]).slice(3)).toEqual(["Boys", null, "Boys"]);
  });

  it("sees no second stop in a move that comes late", () => {
    const late = { ...IN_BOYS, at: OPENING - 60 * MINUTE };

    expect(watch([...times(3, { ...IN_BOYS, at: OPENING }), late]).at(-1)).toBe(null);
  });

  describe("told of a focus from outside", () => {
    it("takes it at once", () => {
      expect(watch([{ told: "Sport" }])).toEqual(["Sport"]);
    });

    it("takes it once per dwell", () => {
      expect(watch([{ told: "Sport" }, { told: "Sport" }])).toEqual(["Sport", null]);
    });

    it("takes it again after the pause", () => {
      const told = "Sport";

      expect(
        watch([
          { told, at: OPENING },
          { told, at: OPENING + 10 * MINUTE },
        ]),
      ).toEqual(["Sport", "Sport"]);
    });

    it("believes it rather than the coordinates beside it", () => {
      expect(watch([{ told: "Sport", ...IN_BOYS }])).toEqual(["Sport"]);
    });

    it("has the moves that follow belong to the same dwell", () => {
      expect(watch([{ told: "Boys" }, ...times(5, IN_BOYS)])).toEqual(["Boys", null, null, null, null, null]);
    });

    it("counts it as the n-th move: one move after the pause is a stop", () => {
      expect(
        watch([
          { told: "Boys", at: OPENING },
          { ...IN_BOYS, at: OPENING + 10 * MINUTE },
        ]),
      ).toEqual(["Boys", "Boys"]);
    });

    it("takes it after a stop that moves made as part of it", () => {
      expect(watch([...times(3, IN_BOYS), { told: "Boys" }]).at(-1)).toBe(null);
    });

    it("takes it again when it comes out of the dead letters", () => {
      expect(watch([{ told: "Sport" }, { told: "Sport", replayed: true }])).toEqual(["Sport", "Sport"]);
    });
  });

  it.each([
    ["the left upper corner", 0, 0, "Boys"],
    ["the right lower corner", 10, 10, "Boys"],
    ["the right edge", 10, 3.5, "Boys"],
    ["a step beyond the right edge", 10.001, 3.5, null],
    ["a step above", 5, -0.001, null],
    ["the left edge of the next", 20, 0, "Sport"],
  ])("counts %s (%d, %d) to %s", (_, x, y, expected) => {
    expect(watch([{ x, y }], { ...DEFAULTS, moves: 1 })).toEqual([expected]);
  });

  /** The rule once more, over the whole walk at once: how long is the run of equal departments that ends here? */
  function restated(sights: readonly (Sight & { at: number })[], { moves, again }: typeof DEFAULTS): (string | null)[] {
    const departments = sights.map(({ told, x, y }) => told ?? WORLD.departmentAt(x!, y!));
    const focuses: (string | null)[] = [];
    for (const [index, here] of departments.entries()) {
      const begin = departments.findLastIndex((department, before) => before < index && department !== here) + 1;
      let count = 0;
      for (let at = begin; at <= index; at++)
        count = sights[at]!.told === undefined ? count + 1 : Math.max(count + 1, moves);
      const last = focuses.findLastIndex((focus, at) => at >= begin && focus !== null);
      const due = last < 0 || sights[index]!.at - sights[last]!.at >= again;
      focuses.push(here !== null && count >= moves && due ? here : null);
    }
    return focuses;
  }

  it("equals the rule restated, on random walks", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = prng(seed);
      const settings = { moves: 1 + Math.floor(random() * 4), again: Math.floor(1 + random() * 5) * MINUTE };
      let at = OPENING;
      let place: Sight = IN_AISLE;
      const walk = Array.from({ length: 60 }, () => {
        // Mostly on in time, now and then late; mostly where the customer was.
        at += Math.floor((random() - 0.1) * 2 * MINUTE);
        if (random() < 0.3) place = [IN_BOYS, IN_SPORT, IN_AISLE][Math.floor(random() * 3)]!;
        return random() < 0.1 ? { told: random() < 0.5 ? "Boys" : "Sport", at } : { ...place, at };
      });

      expect(watch(walk, settings), `seed ${seed}`).toEqual(restated(walk, settings));
    }
  });
});
