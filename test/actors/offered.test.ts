import { describe, expect, it } from "vitest";
import { offered } from "../../actors/offered.ts";
import type { Choice, Focus, Profile, ScoredCoupons, Scores } from "../../runtime/decide/decision.ts";
import { prng } from "../support/prng.ts";
import { OPENING, WORLD } from "../support/shop.ts";

const DEFAULTS = { threshold: 0.2, top: 1, timeToLive: 60_000 };
const KNOWN: Profile = { state: "known", row: {}, stale: false };

function focusWith(scored: ScoredCoupons, profile: Profile | null = KNOWN, more: Partial<Focus> = {}): Focus {
  return { customer: "389", department: "Boys", at: OPENING, profile, scored, inhibited: null, ...more };
}

function scoresOf(scores: Readonly<Record<string, number>>): Scores {
  return { state: "scored", by: "core", scores: Object.entries(scores).map(([coupon, score]) => ({ coupon, score })) };
}

function choose(scores: Readonly<Record<string, number>>, settings: Partial<typeof DEFAULTS> = {}): Choice {
  return offered.handle(
    focusWith({ scores: scoresOf(scores), notValid: [], notValidMore: 0 }),
    null,
    { ...DEFAULTS, ...settings },
    WORLD,
  );
}

const ids = (choice: Choice) => choice.offers.map(({ coupon }) => coupon);

describe("offered", () => {
  it("offers the single best by default", () => {
    expect(choose({ c0: 0.3, c1: 0.9, c2: 0.5 }).offers).toEqual([{ coupon: "c1", score: 0.9, rank: 1 }]);
  });

  it("offers the top k, best first, with their ranks", () => {
    const scores = { a: 0.5, b: 0.9, c: 0.8, d: 0.7, e: 0.6, f: 0.4, g: 0.3 };

    const { offers } = choose(scores, { top: 5 });

    expect(offers.map(({ coupon, rank }) => [coupon, rank])).toEqual([
      ["b", 1],
      ["c", 2],
      ["d", 3],
      ["e", 4],
      ["a", 5],
    ]);
  });

  it.each([
    [0.2, null],
    [0.2 + Number.EPSILON / 8, "a"],
    [0.19999, null],
    [0.20001, "a"],
  ])("offers above the threshold only, never at it: %d → %s", (score, expected) => {
    expect(ids(choose({ a: score }))).toEqual(expected === null ? [] : [expected]);
  });

  it("offers everything positive at a threshold of 0, and nothing at one of 1", () => {
    expect(ids(choose({ a: 0, b: 1e-9 }, { threshold: 0, top: 9 }))).toEqual(["b"]);
    expect(ids(choose({ a: 1 }, { threshold: 1 }))).toEqual([]);
  });

  it.each([
    ["numbers by their value", ["10", "9", "100"], ["9", "10", "100"]],
    ["numbers that are written differently, by code units", ["7", "007"], ["007", "7"]],
    ["text by code units", ["b", "Z", "a", "ä"], ["Z", "a", "b", "ä"]],
    ["numbers before text", ["1a", "10", "9", "-5", "1e3"], ["9", "10", "-5", "1a", "1e3"]],
    ["text that only looks like a number as text", ["0x10", "2"], ["2", "0x10"]],
  ])("breaks ties by id: %s", (_, given, expected) => {
    // An object would put numbers first by itself.
    const scores: Scores = { state: "scored", by: "core", scores: given.map((coupon) => ({ coupon, score: 0.5 })) };

    const choice = offered.handle(
      focusWith({ scores, notValid: [], notValidMore: 0 }),
      null,
      { ...DEFAULTS, top: 9 },
      WORLD,
    );

    expect(ids(choice)).toEqual(expected);
  });

  it("ranks alike in whatever order the scores come", () => {
    const coupons = ["10", "9", "1a", "007", "7", "abc", "1e1", "-1", "", "8a", "80", "99999999999999999999"];
    for (let seed = 1; seed <= 100; seed++) {
      const random = prng(seed);
      const scores = coupons.map((coupon) => ({ coupon, score: Math.floor(random() * 2) / 2 }));
      const shuffled = scores.map((score) => ({ score, key: random() })).sort((a, b) => a.key - b.key);
      const ranked = (list: typeof scores) =>
        offered.handle(
          focusWith({ scores: { state: "scored", by: "rest", scores: list }, notValid: [], notValidMore: 0 }),
          null,
          DEFAULTS,
          WORLD,
        ).ranked;

      expect(ranked(shuffled.map(({ score }) => score)), `seed ${seed}`).toEqual(ranked(scores));
    }
  });

  it("says of each coupon that it does not offer why", () => {
    const scored = { scores: scoresOf({ a: 0.9, b: 0.8, c: 0.1, d: 0.2 }), notValid: ["old", "new"], notValidMore: 0 };

    const choice = offered.handle(focusWith(scored), null, DEFAULTS, WORLD);

    expect(choice.removed).toEqual([
      { coupon: "b", why: "beyond-top" },
      { coupon: "d", why: "below-threshold" },
      { coupon: "c", why: "below-threshold" },
      { coupon: "old", why: "not-valid" },
      { coupon: "new", why: "not-valid" },
    ]);
  });

  it("gives no reason for none when there is an offer", () => {
    expect(choose({ a: 0.9 }).none).toBe(null);
  });

  const nothing: ScoredCoupons = { scores: null, notValid: ["1"], notValidMore: 0 };
  it.each<[string, Focus, unknown]>([
    [
      "the customer is unknown",
      focusWith(nothing, { state: "unknown" }),
      { reason: "unknown-customer", detail: "customer 389 is not known to the source" },
    ],
    [
      "the source is away",
      focusWith(nothing, { state: "unavailable", detail: "no answer within 500 ms" }),
      { reason: "customer-unavailable", detail: "no answer within 500 ms" },
    ],
    ["there is no profile", focusWith(nothing, null), { reason: "customer-unavailable", detail: "no profile" }],
    [
      "no coupon is valid",
      focusWith(nothing),
      { reason: "no-coupon-valid", detail: "no coupon of Boys is valid at the time of the focus" },
    ],
    [
      "the scorer failed",
      focusWith({ scores: { state: "failed", detail: "the scorer answered 500" }, notValid: [], notValidMore: 0 }),
      { reason: "scorer-failed", detail: "the scorer answered 500" },
    ],
    [
      "all are below the threshold",
      focusWith({ scores: scoresOf({ "4": 0.2, "5": 0.1 }), notValid: [], notValidMore: 0 }),
      { reason: "below-threshold", detail: "the best, coupon 4, scored 0.2000, not above 0.2" },
    ],
  ])("offers nothing, with the reason, when %s", (_, focus, none) => {
    const choice = offered.handle(focus, null, DEFAULTS, WORLD);

    expect(choice.offers).toEqual([]);
    expect(choice.none).toEqual(none);
  });

  it("offers or says why not, accounts for every coupon once, and never offers at or below the threshold", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = prng(seed);
      const settings = { threshold: Math.floor(random() * 10) / 10, top: 1 + Math.floor(random() * 5) };
      const scores = Object.fromEntries(
        Array.from({ length: Math.floor(random() * 12) }, (_, i) => [`c${i}`, Math.floor(random() * 11) / 10]),
      );

      const choice = choose(scores, settings);

      expect(choice.offers.length === 0, `seed ${seed}`).toBe(choice.none !== null);
      expect(choice.offers.length, `seed ${seed}`).toBeLessThanOrEqual(settings.top);
      for (const { score } of choice.offers) expect(score, `seed ${seed}`).toBeGreaterThan(settings.threshold);
      const all = [...choice.offers, ...choice.removed].map(({ coupon }) => coupon);
      expect(all.sort(), `seed ${seed}`).toEqual(Object.keys(scores).sort());
    }
  });

  describe("while a higher layer inhibits it", () => {
    const inhibited = { by: "vetoed of Boys", layer: 2, until: OPENING + 60_000 };
    const held = (scored: ScoredCoupons, profile?: Profile, settings = DEFAULTS) =>
      offered.handle(focusWith(scored, profile, { inhibited }), null, settings, WORLD);

    it("offers nothing, and says who holds it back until when", () => {
      const choice = held({ scores: scoresOf({ a: 0.9 }), notValid: [], notValidMore: 0 });

      expect(choice.offers).toEqual([]);
      expect(choice.none).toEqual({
        reason: "inhibited",
        detail: "'vetoed of Boys' on layer 2 holds offers back until 2026-03-02T09:01:00.000Z",
      });
    });

    it("says all the same what it would have chosen from", () => {
      const scored = { scores: scoresOf({ a: 0.9, b: 0.8, c: 0.1, d: 0.7 }), notValid: ["old"], notValidMore: 2 };

      const choice = held(scored, KNOWN, { ...DEFAULTS, top: 2 });

      expect(choice.ranked.map(({ coupon }) => coupon)).toEqual(["a", "b", "d", "c"]);
      expect(choice.removed).toEqual([
        { coupon: "a", why: "inhibited" },
        { coupon: "b", why: "inhibited" },
        { coupon: "d", why: "beyond-top" },
        { coupon: "c", why: "below-threshold" },
        { coupon: "old", why: "not-valid" },
      ]);
      expect(choice.removedMore).toBe(2);
    });

    it.each<[string, ScoredCoupons, Profile]>([
      ["the customer is unknown", nothing, { state: "unknown" }],
      ["no coupon is valid", nothing, KNOWN],
      ["the scorer failed", { ...nothing, scores: { state: "failed", detail: "500" } }, KNOWN],
      ["all are below the threshold", { ...nothing, scores: scoresOf({ "4": 0.1 }) }, KNOWN],
    ])("gives that as the reason, even when %s", (_, scored, profile) => {
      expect(held(scored, profile).none!.reason).toBe("inhibited");
    });
  });

  it("names removed coupons up to the bound, and counts all others", () => {
    const scores = scoresOf(Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`${i}`, i < 15 ? 0.9 : 0.1])));
    const scored = { scores, notValid: ["old"], notValidMore: 169 };

    const { removed, removedMore } = offered.handle(focusWith(scored), null, DEFAULTS, { ...WORLD, removedMax: 20 });

    expect([removed.length, removedMore]).toEqual([20, 29 + 170 - 20]);
    expect(removed.filter(({ why }) => why === "beyond-top")).toHaveLength(14);
  });
});
