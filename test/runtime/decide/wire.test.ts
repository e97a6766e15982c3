import { describe, expect, it } from "vitest";
import { buildDecision } from "../../../runtime/decide/build.ts";
import type { Decision, Offered } from "../../../runtime/decide/decision.ts";
import { predictions } from "../../../runtime/decide/wire.ts";

function decisionWith(offers: readonly Offered[], more: Partial<Decision> = {}): Decision {
  const basis = {
    id: "box-e0-4-0",
    cause: 4,
    customer: "7",
    visit: 1,
    department: "Boys",
    focusedAt: 0,
    receivedAt: Date.UTC(2026, 2, 2, 9, 0, 0, 250),
    timeToLiveMs: 1,
    threshold: 0.2,
    profile: null,
    scores: null,
    versions: { model: null, plan: "", catalog: "", site: "" },
    test: false,
  };
  const explain = { customer: () => ({}), coupon: () => ({}) };
  return { ...buildDecision(basis, { offers, none: null, ranked: [], removed: [], removedMore: 0 }, explain), ...more };
}

const publish = (id: string) => ({ id, type: "buy_all" });

describe("predictions", () => {
  it("are one message that both of the original's consumers read", () => {
    expect(predictions(decisionWith([{ coupon: "12", score: 0.9, rank: 1 }]), publish)).toEqual([
      {
        event_type: "prediction result",
        event_timestamp: "2026-03-02T09:00:00.250Z",
        payload: { customer_id: 7, coupon_id: 12, prediction: 0.9 },
        customer: { id: "7" },
        coupon: { id: "12", type: "buy_all" },
        ts: Date.UTC(2026, 2, 2, 9) / 1_000,
        decision: "box-e0-4-0",
        rank: 1,
      },
    ]);
  });

  it("are one message per offer, in order", () => {
    const offers = ["5", "3", "9"].map((coupon, index) => ({ coupon, score: 0.5, rank: index + 1 }));

    expect(
      predictions(decisionWith(offers), publish).map(({ rank, coupon }) => [rank, (coupon as { id: string }).id]),
    ).toEqual([
      [1, "5"],
      [2, "3"],
      [3, "9"],
    ]);
  });

  it("are none when there is no offer", () => {
    expect(predictions(decisionWith([]), publish)).toEqual([]);
  });

  it("keep ids as text that are no whole numbers, or would change as one", () => {
    const ids = ["007", "abc", "1.5", "-1", "12345678901234567890", "0"];
    const offers = ids.map((coupon, index) => ({ coupon, score: 0.5, rank: index + 1 }));

    const sent = predictions(decisionWith(offers), publish).map(
      ({ payload }) => (payload as { coupon_id: unknown }).coupon_id,
    );

    expect(sent).toEqual(["007", "abc", "1.5", "-1", "12345678901234567890", 0]);
  });

  it("say when they come from a mock endpoint", () => {
    expect(predictions(decisionWith([{ coupon: "1", score: 0.9, rank: 1 }], { test: true }), publish)[0]).toMatchObject(
      { test: true },
    );
  });
});
