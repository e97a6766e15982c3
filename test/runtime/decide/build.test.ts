import { describe, expect, it } from "vitest";
import { type Basis, buildDecision, causeOf, decisionId } from "../../../runtime/decide/build.ts";
import type { Choice, Removed, Score } from "../../../runtime/decide/decision.ts";
import { limits } from "../../../runtime/limits.ts";

const BASIS: Basis = {
  id: "box-e0-4-0",
  cause: 4,
  customer: "7",
  visit: 1,
  department: "Boys",
  focusedAt: 90_000,
  receivedAt: 100_000,
  timeToLiveMs: 60_000,
  threshold: 0.2,
  profile: { state: "known", row: { age: 40 }, stale: true },
  scores: { state: "scored", by: "fallback", scores: [], detail: "the scorer answered 500" },
  versions: { model: "m", plan: "p", catalog: "c", site: "s" },
  test: false,
};
const EXPLAIN = { customer: () => ({ age: 40 }), coupon: (id: string) => ({ discount: Number(id) }) };
const CHOICE: Choice = {
  offers: [],
  none: { reason: "below-threshold", detail: "" },
  ranked: [],
  removed: [],
  removedMore: 0,
};

const scores = (count: number): Score[] =>
  Array.from({ length: count }, (_, i) => ({ coupon: String(i), score: 1 - i / 1_000 }));
const removed = (count: number): Removed[] =>
  Array.from({ length: count }, (_, i) => ({ coupon: String(i), why: "not-valid" }));

describe("buildDecision", () => {
  it("lets the offer stand from the receipt of its cause", () => {
    expect(buildDecision(BASIS, CHOICE, EXPLAIN).expiresAt).toBe(160_000);
  });

  it("shows the customer's columns, who scored, and that the profile is old", () => {
    expect(buildDecision(BASIS, CHOICE, EXPLAIN)).toMatchObject({
      features: { age: 40 },
      scorer: "fallback",
      stale: true,
    });
  });

  it.each([{ state: "unknown" } as const, { state: "unavailable", detail: "" } as const, null])(
    "shows no columns of a customer that it does not know: %j",
    (profile) => {
      expect(buildDecision({ ...BASIS, profile, scores: null }, CHOICE, EXPLAIN)).toMatchObject({
        features: {},
        scorer: null,
        stale: false,
      });
    },
  );

  it("shows the best candidates with their columns, and counts the rest", () => {
    const decision = buildDecision(BASIS, { ...CHOICE, ranked: scores(500) }, EXPLAIN);

    expect(decision.candidates).toHaveLength(limits.decisionCandidates);
    expect(decision.candidates[1]).toEqual({ coupon: "1", score: 0.999, features: { discount: 1 } });
    expect(decision.candidatesMore).toBe(500 - limits.decisionCandidates);
  });

  it("shows the removed that the choice names, and counts the rest", () => {
    const removedMore = 500 - limits.decisionRemoved;
    const decision = buildDecision(
      BASIS,
      { ...CHOICE, removed: removed(limits.decisionRemoved), removedMore },
      EXPLAIN,
    );

    expect(decision.removed).toEqual(removed(limits.decisionRemoved));
    expect(decision.removedMore).toBe(500 - limits.decisionRemoved);
  });

  it("counts no rest where there is none", () => {
    const decision = buildDecision(
      BASIS,
      { ...CHOICE, ranked: scores(limits.decisionCandidates), removed: removed(1) },
      EXPLAIN,
    );

    expect(decision).toMatchObject({ candidatesMore: 0, removedMore: 0 });
  });

  it("is the same after a way through JSON", () => {
    const decision = buildDecision(BASIS, { ...CHOICE, ranked: scores(3), removed: removed(3) }, EXPLAIN);

    expect(JSON.parse(JSON.stringify(decision))).toEqual(decision);
  });
});

describe("the id of a decision", () => {
  it("names place, epoch and cause, and gives the cause back", () => {
    expect(decisionId("box-1", "e0", 42)).toBe("box-1-e0-42-0");
    expect(causeOf("box-1-e0-42-0", "e0")).toBe(42);
    expect(causeOf("the-place-had-another-name-e0-42-0", "e0")).toBe(42);
  });

  it.each([
    ["no place", "-e0-42-0"],
    ["another epoch", "box-1-e1-42-0"],
    ["a cause of 0", "box-1-e0-0-0"],
    ["a cause with leading zeros", "box-1-e0-042-0"],
    ["no number", "box-1-e0-x-0"],
    ["a second decision, of which there is none", "box-1-e0-42-1"],
    ["more behind it", "box-1-e0-42-0-1"],
    ["a cause beyond every journal", "box-1-e0-1234567890123456-0"],
    ["nothing", ""],
  ])("is not read from %s", (_, id) => {
    expect(causeOf(id, "e0")).toBe(null);
  });
});
