import { describe, expect, it } from "vitest";
import { scored } from "../../actors/scored.ts";
import type { World } from "../../runtime/actor.ts";
import type { Focus, Profile, Scores } from "../../runtime/decide/decision.ts";
import { COUPONS, OPENING, WORLD } from "../support/shop.ts";

const KNOWN: Profile = { state: "known", row: { age: 30 }, stale: false };

function focusOn(department: string, more: Partial<Focus> = {}): Focus {
  return { customer: "1", department, at: OPENING, profile: KNOWN, scored: null, inhibited: null, ...more };
}

function asked(focus: Focus, world: World = WORLD): string[] | null {
  const ask = scored.ask!(focus, {}, world);
  return ask?.port === "scorer" ? ask.coupons.map(({ id }) => id) : null;
}

const notValid = (focus: Focus, world: World = WORLD) => scored.handle(focus, null, {}, world).notValid;

describe("what is not valid", () => {
  it("is named up to the bound, and counted beyond", () => {
    const old = Array.from({ length: 50 }, (_, index) => ({
      id: `${index}`,
      index,
      department: "Boys",
      validFrom: 0,
      validUntil: 1,
    }));
    const world: World = { ...WORLD, removedMax: 20, couponsOf: () => old };

    const { notValid, notValidMore } = scored.handle(focusOn("Boys"), null, {}, world);

    expect([notValid.length, notValidMore]).toEqual([20, 30]);
  });
});

describe("scored", () => {
  it("asks for all coupons of the department that are valid, with the customer's row", () => {
    expect(scored.ask!(focusOn("Boys"), {}, WORLD)).toEqual({
      port: "scorer",
      customer: { age: 30 },
      coupons: [COUPONS[0], COUPONS[1], COUPONS[2]],
    });
  });

  it("names those that are not valid", () => {
    expect(notValid(focusOn("Boys"))).toEqual(["3"]);
  });

  it("keeps the scores as they came", () => {
    const scores: Scores = { state: "scored", by: "core", scores: [{ coupon: "1", score: 0.3 }] };

    expect(scored.handle(focusOn("Boys"), scores, {}, WORLD).scores).toBe(scores);
  });

  it.each([
    ["the customer is unknown", { profile: { state: "unknown" } as Profile }],
    ["the source was away", { profile: { state: "unavailable", detail: "" } as Profile }],
    ["there is no profile", { profile: null }],
    ["no coupon is valid", { at: Date.UTC(2030, 0, 1) }],
  ])("asks nobody when %s", (_, more) => {
    expect(scored.ask!(focusOn("Boys", more), {}, WORLD)).toBe(null);
  });

  it("asks nobody for a department without coupons", () => {
    expect(scored.ask!(focusOn("Women"), {}, WORLD)).toBe(null);
  });

  const from = Date.UTC(2026, 4, 1);
  const until = Date.UTC(2026, 5, 1);
  const world: World = {
    ...WORLD,
    couponsOf: () => [{ id: "9", index: 0, department: "Boys", validFrom: from, validUntil: until }],
  };

  it.each([
    ["not a millisecond before its first day", from - 1, false],
    ["from its first instant", from, true],
    ["up to the last millisecond", until - 1, true],
    ["not at the instant that ends it", until, false],
  ])("finds a coupon valid %s", (_, at, valid) => {
    const focus = focusOn("Boys", { at });

    expect(asked(focus, world)).toEqual(valid ? ["9"] : null);
    expect(notValid(focus, world)).toEqual(valid ? [] : ["9"]);
  });
});
