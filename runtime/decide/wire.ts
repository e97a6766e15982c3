// What leaves: one message per offer that the consumers of both of the original's wires read as their own.
import type { Decision } from "./decision.ts";

/** The published form of a coupon, as the site's `publish:` names it. */
export type PublishCoupon = (id: string) => Readonly<Record<string, unknown>>;

export type Wire = Readonly<Record<string, unknown>>;

/**
 * The flat form reads `customer`, `coupon` and `ts` (s); the envelope reads `event_type`, `event_timestamp` and
 * `payload`. No name is in both, so one object serves either.
 */
export function predictions(decision: Decision, publish: PublishCoupon): Wire[] {
  return decision.offers.map(({ coupon, score, rank }) => ({
    event_type: "prediction result",
    event_timestamp: new Date(decision.receivedAt).toISOString(),
    payload: { customer_id: original(decision.customer), coupon_id: original(coupon), prediction: score },
    customer: { id: decision.customer },
    coupon: publish(coupon),
    ts: Math.trunc(decision.receivedAt / 1000),
    decision: decision.id,
    rank,
    ...(decision.test ? { test: true } : {}),
  }));
}

/** The envelope's ids are numbers where the site's are whole numbers. */
function original(id: string): string | number {
  return /^(0|[1-9]\d{0,14})$/.test(id) ? Number(id) : id;
}
