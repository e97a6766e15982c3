import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fatigued } from "../../actors/fatigued.ts";
import type { Fatigue, Told } from "../../runtime/decide/decision.ts";
import { MINUTE, OPENING, WORLD } from "../support/shop.ts";

const DEFAULTS = { dismissals: 3, within: 30 * MINUTE };

interface Event {
  readonly action?: string;
  readonly decision?: string;
  readonly coupon?: string;
  /** Minutes after the opening; default: one more with each event. */
  readonly minute?: number;
}

/** Tells the actor of events in the order given. @returns of each whether it holds offers back, and what is kept last */
function tell(events: readonly Event[], settings: Partial<typeof DEFAULTS> = {}): { holds: boolean[]; kept: Fatigue } {
  let register: Fatigue | undefined;
  const holds = events.map(({ action = "dismissed", decision = null, coupon = null, minute }, index) => {
    const event = { at: OPENING + (minute ?? index) * MINUTE, action, decision, coupon };
    const noted = fatigued.handle(
      { event, register } satisfies Told<Fatigue>,
      null,
      { ...DEFAULTS, ...settings },
      WORLD,
    );
    ({ register } = noted);
    return noted.holds;
  });
  return { holds, kept: register! };
}

const dismissed = (...decisions: string[]): Event[] => decisions.map((decision) => ({ decision }));

describe("fatigued", () => {
  it("holds offers back with the third that is dismissed in a row, by default", () => {
    expect(tell(dismissed("a", "b", "c")).holds).toEqual([false, false, true]);
  });

  it.each([1, 2, 5])("holds them back with dismissal %d, where the plan says so", (dismissals) => {
    const { holds } = tell(dismissed("a", "b", "c", "d", "e"), { dismissals });

    expect(holds.indexOf(true)).toBe(dismissals - 1);
  });

  it("holds them back anew with each further one", () => {
    expect(tell(dismissed("a", "b", "c", "d")).holds).toEqual([false, false, true, true]);
  });

  it.each(["selected", "redeemed"])("starts again after an offer was %s", (action) => {
    const events = [...dismissed("a", "b"), { action, decision: "x" }, ...dismissed("c", "d", "e")];

    expect(tell(events).holds).toEqual([false, false, false, false, false, true]);
  });

  it.each(["shown", "returned"])("is not impressed by an offer that was %s", (action) => {
    expect(tell([...dismissed("a", "b"), { action, decision: "x" }, ...dismissed("c")]).holds.at(-1)).toBe(true);
  });

  it("counts each offer once", () => {
    expect(tell(dismissed("a", "a", "a", "b")).holds).toEqual([false, false, false, false]);
    expect(tell(dismissed("a", "b", "c", "c")).holds).toEqual([false, false, true, false]);
  });

  it.each<[string, Event, Event, boolean]>([
    ["two coupons of a decision are two", { decision: "a", coupon: "1" }, { decision: "a", coupon: "2" }, false],
    ["a coupon of two decisions is two", { decision: "a", coupon: "1" }, { decision: "b", coupon: "1" }, false],
    ["a decision, and its coupon too, are one", { decision: "a" }, { decision: "a", coupon: "1" }, true],
    ["a coupon, and its decision too, are one", { coupon: "1" }, { decision: "a", coupon: "1" }, true],
    ["a coupon is itself", { coupon: "1" }, { coupon: "1" }, true],
    ["a decision and a coupon may be two", { decision: "a" }, { coupon: "1" }, false],
  ])("tells offers apart: %s", (_, first, second, isSame) => {
    expect(tell([first, second]).kept.dismissed).toHaveLength(isSame ? 1 : 2);
  });

  it.each([
    [29.99, true],
    [30, false],
    [31, false],
  ])("counts what was dismissed less than half an hour before, by default: %d minutes → %s", (minute, expected) => {
    const events = [...dismissed("a", "b"), { decision: "c", minute }].map((event, index) =>
      index === 1 ? { ...event, minute: 0.5 } : event,
    );

    expect(tell(events).holds.at(-1)).toBe(expected);
  });

  it("takes what is late at its own time", () => {
    const late = { decision: "late", minute: 0 };

    expect(tell([{ decision: "a", minute: 5 }, { decision: "b", minute: 29 }, late]).holds.at(-1)).toBe(true);
    expect(tell([{ decision: "a", minute: 5 }, { decision: "b", minute: 30 }, late]).holds.at(-1)).toBe(false);
    expect(tell([{ decision: "a", minute: 30 }, { decision: "b", minute: 5 }, late]).holds.at(-1)).toBe(false);
  });

  it("forgets by an offer taken late only what was dismissed before", () => {
    const events = [
      ...dismissed("a", "b"),
      { decision: "c", minute: 10 },
      { action: "selected", decision: "x", minute: 5 },
      { decision: "late", minute: 4 },
      ...[11, 12].map((minute) => ({ decision: `d${minute}`, minute })),
    ];

    expect(tell(events).holds).toEqual([false, false, true, false, false, false, true]);
  });

  it("keeps no more than a bound, however much is dismissed", () => {
    const { holds, kept } = tell(
      Array.from({ length: 1_000 }, (_, index) => ({ decision: `${index}`, minute: index / 1_000 })),
      { dismissals: 50 },
    );

    expect(kept.dismissed).toHaveLength(50);
    expect(holds.indexOf(true)).toBe(49);
  });

  it("counts as somebody would who keeps a list", () => {
    const event = fc.record({
      action: fc.constantFrom("dismissed", "dismissed", "dismissed", "selected", "shown"),
      decision: fc.constantFrom("a", "b", "c", "d", "e", "f"),
      after: fc.integer({ min: 1, max: 20 }),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), (steps) => {
        let minute = 0;
        const events = steps.map(({ after, ...rest }) => {
          minute += after;
          return { ...rest, minute };
        });

        expect(tell(events).holds).toEqual(byList(events));
      }),
    );
  });
});

function byList(events: readonly Required<Omit<Event, "coupon">>[]): boolean[] {
  let list: { readonly decision: string; readonly minute: number }[] = [];
  return events.map(({ action, decision, minute }) => {
    if (action === "selected") list = [];
    list = list.filter((each) => minute - each.minute < 30);
    if (action !== "dismissed" || list.some((each) => each.decision === decision)) return false;
    list.push({ decision, minute });
    return list.length >= 3;
  });
}
