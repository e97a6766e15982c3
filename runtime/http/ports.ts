// What the HTTP faces need of the runtime. Types only: no LMDB, no NATS, no actor behind them.
import type { Decision, Scores } from "../decide/decision.ts";
import type { Range, Row } from "../site.ts";

/** Why one item of a batch was not taken. `code` is stable, `detail` is for a person. */
export interface Rejection {
  /** Place in the batch, from 0. */
  readonly index: number;
  /** JSON pointer of the field meant, "" for the whole item. */
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
}

export interface Receipt {
  readonly accepted: number;
  readonly duplicate: number;
  readonly rejected: readonly Rejection[];
  /** Journal sequences of what was accepted, in the order given. */
  readonly seqs: readonly number[];
}

/** A body as it came, not parsed: one object, an array, or NDJSON. */
export interface Inbound {
  /** Who sent it: "http", "nats", "player" … */
  readonly principal: string;
  /** URL path or bus subject. */
  readonly subject: string;
  /** Type for events that name none: from the URL or the subject. */
  readonly type: string | null;
  /** Of what came with it: `content-type`, `traceparent`, `idempotency-key`, `ce-*`. Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Not reused by the caller afterwards. */
  readonly body: Uint8Array;
  /** From a mock endpoint: marked, spends nothing. */
  readonly test?: boolean;
}

export interface Ingest {
  /**
   * Scans, checks, journals; resolves when what was accepted is on disk. What was not is in the dead letters.
   *
   * @throws AisleError `overloaded` at a bound, `unavailable` while the journal can't be written
   */
  accept(inbound: Inbound): Promise<Receipt>;
  /**
   * A request that the face itself had to refuse: cut off, too large, of an unknown content type. Keeps what came
   * of it as a dead letter; never throws. `inbound.body` holds at most `limits.deadLetterBytes`.
   */
  refused?(inbound: Inbound, code: string, detail: string): void;
}

/** An offer that stands: the published form, with what is needed to explain it. */
export interface Standing {
  /** Sequence of the decision's journal entry; the `id:` of the event stream. */
  readonly seq: number;
  readonly decision: Decision;
  /** One message per offer, both wires of the original in one object; empty with `none`. */
  readonly messages: readonly Readonly<Record<string, unknown>>[];
}

export interface Offers {
  /** Decisions of a customer whose offers stand now, newest first; of all customers with null. */
  standing(customer: string | null): readonly Standing[];
  /** Decisions of a customer as they are committed; all customers with null. The returned function ends it. */
  follow(customer: string | null, listener: (standing: Standing) => void): () => void;
  /**
   * Decisions of a customer after a sequence, oldest first, from the journal, bounded: a stream asks again with
   * the last sequence that it got. Empty only when none is left.
   */
  since(customer: string | null, seq: number): readonly Standing[];
}

export interface Decisions {
  /** Null: not there (never made, or past its retention). */
  find(id: string): Promise<Decision | null>;
  /** Resolves with the decisions that an event led to once they are committed; [] when it leads to none. */
  causedBy(seq: number): Promise<readonly Standing[]>;
}

export interface Letter {
  readonly id: number;
  readonly at: number;
  readonly code: string;
  readonly detail: string;
  readonly where: {
    readonly source: string;
    readonly index?: number;
    readonly offset?: number;
    readonly pointer?: string;
  };
  /** Journal sequence, when it was journalled and failed afterwards. */
  readonly seq?: number;
  readonly principal: string;
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Uint8Array;
  /** Length before the payload was cut to `limits.deadLetterBytes`. */
  readonly payloadBytes: number;
  readonly replayedAs?: number;
}

export interface DeadLetters {
  list(options: { before?: number; limit: number; code?: string }): readonly Letter[];
  get(id: number): Letter | null;
  count(): number;
  /** Takes the letter in again: past the dedupe, as a new entry with `replay-of`. */
  replay(id: number): Promise<Receipt>;
}

/** The original's scorer, as `POST /score` serves it. */
export interface Scoring {
  /** Columns that a customer and a coupon must have: name → type. */
  readonly customerColumns: Readonly<Record<string, "text" | "integer" | "number" | "date">>;
  readonly couponColumns: Readonly<Record<string, "text" | "integer" | "number" | "date">>;
  readonly customerKey: string;
  readonly couponKey: string;
  /**
   * For columns whose values the model knows by name: what may be written → what it stands for ("Sports" → "Sport").
   * A column that is not here takes any value.
   */
  readonly known?: {
    readonly customer: Readonly<Record<string, ReadonlyMap<string, string>>>;
    readonly coupon: Readonly<Record<string, ReadonlyMap<string, string>>>;
  };
  /** What a number may be, both ends included. A column that is not here takes any. */
  readonly ranges?: {
    readonly customer: Readonly<Record<string, Range>>;
    readonly coupon: Readonly<Record<string, Range>>;
  };
  score(customer: Row, coupons: readonly Row[]): Scores;
}

export interface Health {
  /** Empty: ready. Otherwise why not, one sentence each. */
  notReady(): readonly string[];
  /** What works, but worse: the bus away, the source away … */
  degraded(): readonly string[];
}

export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
}

/** Counts requests. `route` is a pattern such as `/offers/:customer`, never a path that names somebody. */
export interface Requests {
  observe(route: string, status: number, seconds: number): void;
}

/** Where bugs are told. A pino logger is one. */
export interface Log {
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** Everything that the faces need, handed over once by `runtime/main.ts`. */
export interface Ports {
  readonly ingest: Ingest;
  readonly offers: Offers;
  readonly decisions: Decisions;
  readonly letters: DeadLetters;
  /** Null: the site has no model of its own. */
  readonly scoring: Scoring | null;
  readonly health: Health;
  readonly metrics: Metrics;
  readonly requests: Requests;
  readonly log: Log;
}
