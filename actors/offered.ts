import { defineActor } from "../runtime/actor.ts";
import type { Choice, Focus, None, Removed, RemovedWhy, Score } from "../runtime/decide/decision.ts";

const MINUTE = 60_000; // ms

/**
 * Chooses what to offer: scores strictly above the threshold, the top k, best first, ties by coupon id.
 * Nothing to offer is a choice too, with its reason. While a higher layer inhibits it, it still says what it would
 * have chosen from.
 */
export const offered = defineActor({
  goal: "offered",
  page: "focuses",
  prerequisites: ["scored"],
  output: "decision",
  params: {
    threshold: {
      type: "number",
      default: 0.2,
      min: 0,
      max: 1,
      does: "a coupon is offered when its score is strictly greater",
    },
    top: { type: "count", default: 1, min: 1, max: 20, does: "coupons offered at most" },
    timeToLive: {
      type: "duration",
      default: 15 * MINUTE,
      min: 1_000,
      max: 24 * 60 * MINUTE,
      does: "an offer stands for",
    },
  },

  handle(focus: Focus, _answer: null, { threshold, top }, { removedMax }): Choice {
    const { scores, notValid, notValidMore } = focus.scored!;
    const ranked = scores?.state === "scored" ? scores.scores.toSorted(bestFirst) : [];
    const above = ranked.filter(({ score }) => score > threshold);
    const best = above.slice(0, top);
    const offers = focus.inhibited === null ? best : [];
    const removed: Removed[] = [];
    const remove = (coupon: string, why: RemovedWhy) => {
      if (removed.length < removedMax) removed.push({ coupon, why });
    };
    for (const { coupon } of best.slice(offers.length)) remove(coupon, "inhibited");
    for (const { coupon } of above.slice(top)) remove(coupon, "beyond-top");
    for (const { coupon } of ranked.slice(above.length)) remove(coupon, "below-threshold");
    for (const coupon of notValid) remove(coupon, "not-valid");
    const removedCount = ranked.length - offers.length + notValid.length + notValidMore;
    return {
      offers: offers.map(({ coupon, score }, index) => ({ coupon, score, rank: index + 1 })),
      none: offers.length > 0 ? null : whyNone(focus, ranked, threshold),
      ranked,
      removed,
      removedMore: removedCount - removed.length,
    };
  },
});

function bestFirst(a: Score, b: Score): number {
  if (a.score !== b.score) return b.score - a.score;
  return compareIds(a.coupon, b.coupon);
}

const NUMBER = /^\d+$/;

/** Numbers first, by value, then all else, by code units: no locale, so every machine ranks alike. */
function compareIds(a: string, b: string): number {
  const isNumber = NUMBER.test(a);
  if (isNumber !== NUMBER.test(b)) return isNumber ? -1 : 1;
  const byValue = isNumber ? Number(a) - Number(b) : 0;
  if (byValue !== 0) return byValue;
  return a < b ? -1 : a > b ? 1 : 0;
}

function whyNone(focus: Focus, ranked: readonly Score[], threshold: number): None {
  const { profile, customer, department, scored, inhibited } = focus;
  if (inhibited !== null) {
    const { by, layer, until } = inhibited;
    return {
      reason: "inhibited",
      detail: `'${by}' on layer ${layer} holds offers back until ${new Date(until).toISOString()}`,
    };
  }
  if (profile?.state === "unknown")
    return { reason: "unknown-customer", detail: `customer ${customer} is not known to the source` };
  if (profile?.state !== "known") return { reason: "customer-unavailable", detail: profile?.detail ?? "no profile" };
  const scores = scored!.scores;
  if (scores?.state === "failed") return { reason: "scorer-failed", detail: scores.detail };
  const best = ranked[0];
  if (best === undefined)
    return { reason: "no-coupon-valid", detail: `no coupon of ${department} is valid at the time of the focus` };
  return {
    reason: "below-threshold",
    detail: `the best, coupon ${best.coupon}, scored ${best.score.toFixed(4)}, not above ${threshold}`,
  };
}
