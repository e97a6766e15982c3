// From what `offered` chose to the decision that is journalled: with all that it rests on, bounded.
import { limits } from "../limits.ts";
import type { Candidate, Choice, Decision, Profile, Scores } from "./decision.ts";

/** The model's row, taken apart for people: the customer's columns and a coupon's. */
export interface Explainer {
  readonly customer: (row: Readonly<Record<string, string | number | null>>) => Record<string, number | null>;
  readonly coupon: (id: string) => Record<string, number | null>;
}

export interface Basis {
  readonly id: string;
  readonly cause: number;
  readonly customer: string;
  readonly visit: number;
  readonly department: string;
  readonly focusedAt: number;
  readonly receivedAt: number;
  readonly timeToLiveMs: number;
  readonly threshold: number;
  readonly profile: Profile | null;
  readonly scores: Scores | null;
  readonly versions: Decision["versions"];
  readonly test: boolean;
}

/** Written out field by field: copying objects made half of what a decision allocated, and collecting that is felt. */
export function buildDecision(basis: Basis, choice: Choice, explain: Explainer): Decision {
  const { profile, scores } = basis;
  const known = profile?.state === "known" ? profile : null;
  const candidates: Candidate[] = [];
  for (const { coupon, score } of choice.ranked) {
    if (candidates.length === limits.decisionCandidates) break;
    candidates.push({ coupon, score, features: explain.coupon(coupon) });
  }
  return {
    id: basis.id,
    cause: basis.cause,
    customer: basis.customer,
    visit: basis.visit,
    department: basis.department,
    focusedAt: basis.focusedAt,
    receivedAt: basis.receivedAt,
    expiresAt: basis.receivedAt + basis.timeToLiveMs,
    offers: choice.offers,
    none: choice.none,
    threshold: basis.threshold,
    features: known === null ? {} : explain.customer(known.row),
    candidates,
    candidatesMore: choice.ranked.length - candidates.length,
    removed: choice.removed,
    removedMore: choice.removedMore,
    scorer: scores?.state === "scored" ? scores.by : null,
    stale: known?.stale ?? false,
    versions: basis.versions,
    test: basis.test,
  };
}

/** `<place>-<epoch>-<sequence of the cause>-<n>`: running a cause again gives the same id. */
export function decisionId(place: string, epoch: string, cause: number, n = 0): string {
  return `${place}-${epoch}-${cause}-${n}`;
}

/** The cause in an id of this epoch, whatever the place was called; null for any other text. */
export function causeOf(id: string, epoch: string): number | null {
  const [before, after] = id.split(`-${epoch}-`);
  const match = before === undefined || before === "" ? null : /^([1-9]\d{0,14})-0$/.exec(after ?? "");
  return match === null ? null : Number(match[1]);
}
