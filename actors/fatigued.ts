import { defineActor } from "../runtime/actor.ts";
import type { Dismissal, Fatigue, Noted, Told } from "../runtime/decide/decision.ts";

const MINUTE = 60_000; // ms

/** Dismissed offers that are remembered at most: more than the most that a plan may count. */
const DISMISSED_MAX = 50;

const FRESH: Fatigue = { dismissed: [], takenAt: null };

/**
 * Sees when a customer is tired of offers: so many dismissed in a row, within a while. Each further one tires anew; an
 * offer that is taken makes the customer fresh again. Event times alone decide, whatever the order of arrival.
 */
export const fatigued = defineActor({
  goal: "fatigued",
  page: "visits",
  layer: 1,
  on: ["outcome"],
  output: "derived",
  params: {
    dismissals: {
      type: "count",
      default: 3,
      min: 1,
      max: DISMISSED_MAX,
      does: "offers dismissed in a row that tire a customer",
    },
    within: {
      type: "duration",
      default: 30 * MINUTE,
      min: 1_000,
      max: 24 * 60 * MINUTE,
      does: "a dismissal counts for",
    },
  },

  handle({ event, register = FRESH }: Told<Fatigue>, _answer: null, { dismissals, within }): Noted<Fatigue> {
    const { at, action, decision, coupon } = event;
    if (action === "selected" || action === "redeemed") return { register: taken(register, at), holds: false };
    if (action !== "dismissed") return { register, holds: false };

    const since = Math.max(at, register.dismissed.at(-1)?.at ?? at) - within;
    const before = register.dismissed.filter((each) => each.at > since);
    const dismissal: Dismissal = { decision, coupon, at };
    const isOver = at <= since || (register.takenAt !== null && at <= register.takenAt);
    const isNew = !isOver && !before.some((each) => isSameOffer(each, dismissal));
    const dismissed = isNew ? [...before, dismissal].sort((a, b) => a.at - b.at).slice(-DISMISSED_MAX) : before;
    return { register: { ...register, dismissed }, holds: isNew && dismissed.length >= dismissals };
  },
});

function taken({ dismissed, takenAt }: Fatigue, at: number): Fatigue {
  const last = Math.max(takenAt ?? at, at);
  return { dismissed: dismissed.filter((each) => each.at > last), takenAt: last };
}

/** An event may name the decision, the coupon or both: what both events name must be the same. */
function isSameOffer(a: Dismissal, b: Dismissal): boolean {
  const decisions = a.decision !== null && b.decision !== null;
  const coupons = a.coupon !== null && b.coupon !== null;
  return (decisions || coupons) && (!decisions || a.decision === b.decision) && (!coupons || a.coupon === b.coupon);
}
