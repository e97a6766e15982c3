// What is decided, and about whom: the words that actors, the journal and the HTTP faces share. Types only.
import type { Row } from "../site.ts";

/** What the central source said of a customer. */
export type Profile =
  | {
      readonly state: "known";
      readonly row: Row /** From an earlier answer, because the source was away. */;
      readonly stale: boolean;
    }
  | { readonly state: "unknown" }
  | { readonly state: "unavailable"; readonly detail: string };

/** A visit as the `context` actor sees it. */
export interface Visit {
  readonly customer: string;
  /** Sequence of the event that opened it. */
  readonly number: number;
}

/** A move or a focus from outside, as the `focused` actor sees it. */
export interface Sighting {
  readonly event: {
    /** Event time, ms. */
    readonly at: number;
    /** Named by a focus from outside; null with a move. */
    readonly department: string | null;
    readonly x: number | null;
    readonly y: number | null;
    /** Taken in again from the dead letters: not a repeat. */
    readonly replayed: boolean;
  };
  /** What came of the sightings before; undefined for the first. */
  readonly dwell: Dwell | undefined;
}

/** What comes of a sighting. */
export interface Stop {
  readonly dwell: Dwell;
  /** The department focused on; null: no focus. */
  readonly focus: string | null;
}

/** A focus as the deciding actors see it; `profile` and `scored` are there once their goals hold. */
export interface Focus {
  readonly customer: string;
  readonly department: string;
  /** Event time, ms. */
  readonly at: number;
  readonly profile: Profile | null;
  readonly scored: ScoredCoupons | null;
  /** A higher layer blocked offers when the focus came; null: none did. */
  readonly inhibited: Inhibited | null;
}

export interface ScoredCoupons {
  /** Null: nobody was asked, as there was nothing to score or nobody to score it for. */
  readonly scores: Scores | null;
  /** Coupons of the department that are not valid at the time of the focus: the first few, and how many more. */
  readonly notValid: readonly string[];
  readonly notValidMore: number;
}

export interface None {
  readonly reason: NoneReason;
  readonly detail: string;
}

/** A higher layer blocks an output of a lower one until then, ms since epoch. */
export interface Inhibited {
  /** Who holds it: the goal of the higher actor, and of which record. */
  readonly by: string;
  readonly layer: number;
  readonly until: number;
}

/** What `offered` chooses; the runtime makes a `Decision` of it. */
export interface Choice {
  /** Best first; empty with `none`. */
  readonly offers: readonly Offered[];
  readonly none: None | null;
  /** All that was scored, best first. */
  readonly ranked: readonly Score[];
  /** The first few, and how many more. */
  readonly removed: readonly Removed[];
  readonly removedMore: number;
}

/** Where a customer stands, for as long as it takes: consecutive moves in one department. */
export interface Dwell {
  /** Null: between departments. */
  readonly department: string | null;
  /** Consecutive moves in it. */
  readonly moves: number;
  /** Event time of the last focus of this dwell, ms; null: none yet. */
  readonly focusedAt: number | null;
}

/** What became of an offer, as the actors that it wakes are told of it. */
export interface Told<Register = unknown> {
  readonly event: {
    /** Event time, ms. */
    readonly at: number;
    readonly action: string;
    readonly decision: string | null;
    readonly coupon: string | null;
  };
  /** What the actor returned for the event before, of the same visit. */
  readonly register: Register | undefined;
}

/** What an actor makes of an event: what it keeps for the next, and whether it holds what it inhibits and suppresses. */
export interface Noted<Register = unknown> {
  readonly register: Register;
  readonly holds: boolean;
}

/** What the `fatigued` actor keeps of a visit: dismissed offers that still count. */
export interface Fatigue {
  /** Oldest first, each offer once. */
  readonly dismissed: readonly Dismissal[];
  /** Event time of the last offer taken, ms: what was dismissed before counts no more; null: none was. */
  readonly takenAt: number | null;
}

/** An offer that a customer dismissed, as far as the event names it. */
export interface Dismissal {
  readonly decision: string | null;
  readonly coupon: string | null;
  /** Event time, ms. */
  readonly at: number;
}

/** A coupon as the deciding actors see it. Times in ms since epoch, half-open: valid in [validFrom, validUntil). */
export interface Coupon {
  readonly id: string;
  /** Row in the catalog, and in the scorer's prepared table. */
  readonly index: number;
  readonly department: string;
  readonly validFrom: number;
  readonly validUntil: number;
}

export interface Score {
  readonly coupon: string;
  readonly score: number;
}

/** What a scorer says: scores in any order, or why there are none. */
export type Scores =
  | {
      readonly state: "scored";
      readonly scores: readonly Score[];
      /** Who scored: the core, the REST service, or the core because the service failed. */
      readonly by: "core" | "rest" | "fallback";
      /** Why the service was not used, with `fallback`. */
      readonly detail?: string;
    }
  | { readonly state: "failed"; readonly detail: string };

export type NoneReason =
  | "unknown-customer"
  | "customer-unavailable"
  | "no-coupon-valid"
  | "below-threshold"
  | "scorer-failed"
  /** A higher layer blocks offers: the customer is tired of them, or a person has said so. */
  | "inhibited"
  /** Decided only after its time to live had passed, as after a restart. */
  | "expired";

export type RemovedWhy = "not-valid" | "below-threshold" | "beyond-top" | "inhibited";

export interface Removed {
  readonly coupon: string;
  readonly why: RemovedWhy;
}

export interface Candidate extends Score {
  /** The coupon's columns of the model's row; the customer's stand in `Decision.features`. NaN is null. */
  readonly features: Readonly<Record<string, number | null>>;
}

export interface Offered extends Score {
  readonly rank: number;
}

/** The choice made for one focus, with all that it rests on. What `GET /decisions/:id` shows. */
export interface Decision {
  /** `<place>-<epoch>-<sequence of the cause>-<n>` */
  readonly id: string;
  /** Journal sequence of the event that caused it. */
  readonly cause: number;
  readonly customer: string;
  /** Sequence of the event that opened the visit. */
  readonly visit: number;
  readonly department: string;
  /** Event time of the focus, ms. */
  readonly focusedAt: number;
  /** Receive time of the cause, ms; an offer stands from here for its time to live. */
  readonly receivedAt: number;
  readonly expiresAt: number;
  /** Best first; empty with `none`. */
  readonly offers: readonly Offered[];
  readonly none: None | null;
  readonly threshold: number;
  /** The customer's columns of the model's row. */
  readonly features: Readonly<Record<string, number | null>>;
  /** The best, at most `limits.decisionCandidates`; `candidatesMore` counts the rest. */
  readonly candidates: readonly Candidate[];
  readonly candidatesMore: number;
  readonly removed: readonly Removed[];
  readonly removedMore: number;
  /** How the scores came about. */
  readonly scorer: "core" | "rest" | "fallback" | null;
  readonly stale: boolean;
  readonly versions: {
    readonly model: string | null;
    readonly plan: string;
    readonly catalog: string;
    readonly site: string;
  };
  /** From a mock endpoint: spends nothing, teaches nothing. */
  readonly test: boolean;
}
