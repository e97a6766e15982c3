// From what `offered` chose to the decision that is journalled: with all that it rests on, bounded.
import { limits } from "../limits.ts";
import type { Candidate, Choice, Decision, Profile, Score, Scores } from "./decision.ts";

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

export function buildDecision(basis: Basis, choice: Choice, explain: Explainer): Decision {
  const { profile, scores, timeToLiveMs, ...rest } = basis;
  const known = profile?.state === "known" ? profile : null;
  const shown = choice.ranked.slice(0, limits.decisionCandidates);
  return {
    ...rest,
    expiresAt: basis.receivedAt + timeToLiveMs,
    offers: choice.offers,
    none: choice.none,
    features: known === null ? {} : explain.customer(known.row),
    candidates: shown.map((score: Score): Candidate => ({ ...score, features: explain.coupon(score.coupon) })),
    candidatesMore: choice.ranked.length - shown.length,
    removed: choice.removed.slice(0, limits.decisionRemoved),
    removedMore: Math.max(0, choice.removed.length - limits.decisionRemoved),
    scorer: scores?.state === "scored" ? scores.by : null,
    stale: known?.stale ?? false,
  };
}

/** `<place>-<epoch>-<sequence of the cause>-<n>`: running a cause again gives the same id. */
export function decisionId(place: string, epoch: string, cause: number, n = 0): string {
  return `${place}-${epoch}-${cause}-${n}`;
}

/** The cause in an id of this place and epoch; null for any other text. */
export function causeOf(id: string, place: string, epoch: string): number | null {
  const start = `${place}-${epoch}-`;
  const match = id.startsWith(start) ? /^([1-9]\d{0,14})-0$/.exec(id.slice(start.length)) : null;
  return match === null ? null : Number(match[1]);
}
