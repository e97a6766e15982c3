// Who scores coupons: the model in the core, or a REST service with the original's request and response.
import { type HttpAddress, httpAddress, whyUnanswered } from "../address.ts";
import type { Clock } from "../clock.ts";
import { limits } from "../limits.ts";
import type { Row } from "../site.ts";
import type { Coupon, Score, Scores } from "./decision.ts";

/** Scores coupons for one customer. The answer to no coupons is no scores. */
export interface Scorer {
  /** Whether the answer comes from outside and has to be journalled, as nobody can compute it again. */
  readonly outside: boolean;
  /** sha256 of the model in force, hex; null when only the service knows. */
  readonly model: string | null;
  score(customer: Row, coupons: readonly Coupon[]): Scores | Promise<Scores>;
}

/** What the core scorer needs of a forest prepared with the catalog's rows. */
export interface PreparedModel {
  readonly hash: string;
  /** @returns f64[coupons.length], in the order of `rows`; a view, valid until the next call */
  scoreMany(customer: Row, rows: Uint32Array): Float64Array;
}

export class CoreScorer implements Scorer {
  readonly outside = false;
  readonly #model: PreparedModel;

  constructor(model: PreparedModel) {
    this.#model = model;
  }

  get model(): string {
    return this.#model.hash;
  }

  score(customer: Row, coupons: readonly Coupon[]): Scores {
    const rows = Uint32Array.from(coupons, (coupon) => coupon.index);
    const values = this.#model.scoreMany(customer, rows);
    return { state: "scored", by: "core", scores: coupons.map(({ id }, i) => ({ coupon: id, score: values[i]! })) };
  }
}

export interface RestOptions {
  /** http or https; may carry `user:password@`. All of it but the host counts as a secret. */
  readonly url: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly fetch: typeof fetch;
  /** Scores while the service fails; null: nobody does. */
  readonly fallback: Scorer | null;
  /** A coupon's columns, as the original sends them. */
  readonly couponRow: (index: number) => Row;
  /** The column of a coupon's id in the service's answer. */
  readonly couponKey: string;
}

/** Failures in a row after which the service is left alone for a while. */
const FAILURES_MAX = 5;
const REST_MS = 5_000;

/** Asks the service, within a time limit; while it fails it is asked only now and then. */
export class RestScorer implements Scorer {
  readonly outside = true;
  readonly #options: RestOptions;
  readonly #address: HttpAddress;
  #failures = 0;
  #restUntil = 0;
  /** Why the service was last not used, in words without secrets; null while it answers. */
  trouble: string | null = null;

  /** @throws AisleError `invalid` for an address that can't be asked */
  constructor(options: RestOptions) {
    this.#options = options;
    this.#address = httpAddress(options.url, "the scorer");
  }

  get model(): string | null {
    return this.#options.fallback?.model ?? null;
  }

  async score(customer: Row, coupons: readonly Coupon[]): Promise<Scores> {
    const { clock, fallback } = this.#options;
    const resting = clock.monotonic() < this.#restUntil;
    const scores = resting ? this.trouble! : await this.#ask(customer, coupons);
    if (typeof scores !== "string") {
      this.#failures = 0;
      // An answer that was under way may come while the service is left alone: it is back.
      this.#restUntil = 0;
      this.trouble = null;
      return { state: "scored", by: "rest", scores };
    }
    this.trouble = scores;
    if (!resting && ++this.#failures >= FAILURES_MAX) this.#restUntil = clock.monotonic() + REST_MS;
    const instead = fallback === null ? null : await fallback.score(customer, coupons);
    return instead?.state === "scored"
      ? { ...instead, by: "fallback", detail: scores }
      : { state: "failed", detail: scores };
  }

  /** @returns the scores, or why there are none */
  async #ask(customer: Row, coupons: readonly Coupon[]): Promise<readonly Score[] | string> {
    const { timeoutMs, couponRow } = this.#options;
    const { url, login } = this.#address;
    const body = JSON.stringify({ customer, coupons: coupons.map(({ index }) => couponRow(index)) });
    try {
      const response = await this.#options.fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json", accept: "application/json", ...login },
        body,
        signal: AbortSignal.timeout(timeoutMs),
      });
      if (!response.ok) {
        await response.body?.cancel(); // else the connection stays taken
        return `the scorer answered ${response.status}`;
      }
      return this.#read(await response.text(), coupons);
    } catch (error) {
      return (error as Error).name === "TimeoutError"
        ? `the scorer gave no answer within ${timeoutMs} ms`
        : `the scorer can't be reached: ${whyUnanswered(error)}`;
    }
  }

  #read(text: string, coupons: readonly Coupon[]): readonly Score[] | string {
    if (text.length > limits.bodyBytes) return "the scorer's answer is too long";
    const known = new Map(coupons.map(({ id }) => [id, Number.NaN]));
    try {
      const items = JSON.parse(text) as Record<string, unknown>[];
      for (const item of items) {
        const id = String(item[this.#options.couponKey]);
        if (known.has(id) && typeof item.prediction === "number") known.set(id, item.prediction);
      }
    } catch {
      return "the scorer's answer is no list of predictions";
    }
    for (const [id, score] of known)
      if (!(score >= 0 && score <= 1)) return `the scorer's answer has no prediction in [0, 1] for coupon ${id}`;
    return [...known].map(([coupon, score]) => ({ coupon, score }));
  }
}
