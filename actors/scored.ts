import { defineActor } from "../runtime/actor.ts";
import type { Focus, ScoredCoupons, Scores } from "../runtime/decide/decision.ts";

/** Scores every coupon of the department that is valid at the time of the focus. */
export const scored = defineActor({
  goal: "scored",
  page: "focuses",
  prerequisites: ["context"],
  output: "derived",
  params: {},

  ask({ profile, department, at }: Focus, _settings, world) {
    if (profile?.state !== "known") return null;
    const coupons = world.couponsOf(department).filter((coupon) => coupon.validFrom <= at && at < coupon.validUntil);
    return coupons.length === 0 ? null : { port: "scorer", customer: profile.row, coupons };
  },

  handle({ department, at }: Focus, scores: Scores | null, _settings, world): ScoredCoupons {
    const notValid = world.couponsOf(department).filter((coupon) => at < coupon.validFrom || coupon.validUntil <= at);
    return { scores, notValid: notValid.map((coupon) => coupon.id) };
  },
});
