import { defineActor } from "../runtime/actor.ts";
import type { Coupon, Focus, ScoredCoupons, Scores } from "../runtime/decide/decision.ts";

/** Scores every coupon of the department that is valid at the time of the focus. */
export const scored = defineActor({
  goal: "scored",
  page: "focuses",
  prerequisites: ["context"],
  output: "derived",
  params: {},

  ask({ profile, department, at }: Focus, _settings, world) {
    if (profile?.state !== "known") return null;
    const coupons = world.couponsOf(department).filter((coupon) => isValid(coupon, at));
    return coupons.length === 0 ? null : { port: "scorer", customer: profile.row, coupons };
  },

  handle({ department, at }: Focus, scores: Scores | null, _settings, world): ScoredCoupons {
    // Most coupons of a department are out of their days: they are counted, and only a few named.
    const notValid: string[] = [];
    let notValidMore = 0;
    for (const coupon of world.couponsOf(department)) {
      if (isValid(coupon, at)) continue;
      if (notValid.length < world.removedMax) notValid.push(coupon.id);
      else notValidMore++;
    }
    return { scores, notValid, notValidMore };
  },
});

function isValid({ validFrom, validUntil }: Coupon, at: number): boolean {
  return validFrom <= at && at < validUntil;
}
