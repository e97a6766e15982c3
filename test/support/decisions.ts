import { buildDecision, decisionId } from "../../runtime/decide/build.ts";
import type { Decision } from "../../runtime/decide/decision.ts";
import type { Draft, Entry } from "../../runtime/journal/journal.ts";
import { MINUTE, OPENING } from "./shop.ts";

/** A decision with one offer, or with none. */
export function decisionOf(cause: number, customer: string, coupon: string | null, receivedAt = OPENING): Decision {
  const basis = {
    id: decisionId("box", "e0", cause),
    cause,
    customer,
    visit: 1,
    department: "Boys",
    focusedAt: receivedAt,
    receivedAt,
    timeToLiveMs: 15 * MINUTE,
    threshold: 0.2,
    profile: null,
    scores: null,
    versions: { model: null, plan: "", catalog: "", site: "" },
    test: false,
  };
  const offers = coupon === null ? [] : [{ coupon, score: 0.9, rank: 1 }];
  const none = coupon === null ? { reason: "no-coupon-valid" as const, detail: "" } : null;
  return buildDecision(
    basis,
    { offers, none, ranked: [], removed: [], removedMore: 0 },
    { customer: () => ({}), coupon: () => ({}) },
  );
}

export function draftOf(decision: Decision): Draft {
  const payload = new TextEncoder().encode(JSON.stringify(decision));
  return { kind: "decision", principal: "runner", subject: "offered", headers: {}, payload };
}

/** What erasure leaves of an entry. */
export function emptied(entry: Entry): Entry {
  return { ...entry, principal: "", subject: "", headers: { tombstone: "1" }, payload: new Uint8Array() };
}
