// The offers that stand now, and those who follow them.
import type { Clock } from "../clock.ts";
import type { Offers, Standing } from "../http/ports.ts";
import type { Entry, Journal } from "../journal/journal.ts";
import { limits } from "../limits.ts";
import type { Decision } from "./decision.ts";
import { type PublishCoupon, predictions } from "./wire.ts";

type Listener = (standing: Standing) => void;

/** Where a standing offer is written, and until when it stands: the journal keeps the rest. */
interface Place {
  readonly seq: number;
  readonly expiresAt: number;
}

/** A customer's standing offers as they are saved, newest first. */
export type StandingSaved = readonly [customer: string, places: readonly (readonly [seq: number, expiresAt: number])[]];

export class OfferBook implements Offers {
  readonly #clock: Clock;
  readonly #journal: OfferJournal;
  readonly #publish: PublishCoupon;
  /** Newest first for each customer; customers by their last offer, oldest first. */
  readonly #byCustomer = new Map<string, readonly Place[]>();
  readonly #listeners = new Map<string | null, Set<Listener>>();

  constructor(clock: Clock, journal: OfferJournal, publish: PublishCoupon) {
    this.#clock = clock;
    this.#journal = journal;
    this.#publish = publish;
  }

  /** Takes in a committed decision. What has ended when its cause came goes: the clock of the moment says nothing here. */
  add(seq: number, { customer, offers, expiresAt, receivedAt }: Decision): void {
    if (offers.length === 0) return;
    const before = this.#byCustomer.get(customer) ?? [];
    this.#byCustomer.delete(customer);
    this.#byCustomer.set(
      customer,
      [{ seq, expiresAt }, ...validAt(before, receivedAt)].slice(0, limits.standingOffers),
    );
    if (this.#byCustomer.size <= limits.standingCustomers) return;
    for (const oldest of this.#byCustomer.keys()) {
      this.#byCustomer.delete(oldest);
      break;
    }
  }

  /** What stands, by customer: the one whose last offer is oldest first. */
  *saved(): Generator<StandingSaved> {
    for (const [customer, places] of this.#byCustomer)
      yield [customer, places.map(({ seq, expiresAt }) => [seq, expiresAt] as const)];
  }

  /** Puts back what was saved, in the order of `saved`. */
  restore([customer, saved]: StandingSaved): void {
    this.#byCustomer.set(
      customer,
      saved.map(([seq, expiresAt]) => ({ seq, expiresAt })),
    );
  }

  /** Tells those who follow of a committed decision. */
  tell(standing: Standing): void {
    for (const key of [standing.decision.customer, null]) {
      for (const listener of this.#listeners.get(key) ?? []) listener(standing);
    }
  }

  standing(customer: string | null): readonly Standing[] {
    const all = customer === null ? [...this.#byCustomer.values()].flat() : (this.#byCustomer.get(customer) ?? []);
    const newest = validAt(all, this.#clock.now()).sort((a, b) => b.seq - a.seq);
    return newest.slice(0, limits.standingShown).flatMap(({ seq }) => {
      const entry = this.#journal.find(seq);
      return entry === null || !isDecision(entry) ? [] : [this.#standing(seq, readDecision(entry.payload))];
    });
  }

  follow(customer: string | null, listener: Listener): () => void {
    const listeners = this.#listeners.get(customer) ?? new Set();
    this.#listeners.set(customer, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(customer) === listeners) this.#listeners.delete(customer);
    };
  }

  since(customer: string | null, seq: number): readonly Standing[] {
    const found: Standing[] = [];
    const from = Math.max(seq, this.#journal.lastSeq - limits.resumeEntries);
    for (const entry of this.#journal.read(from + 1)) {
      if (!isDecision(entry)) continue;
      const decision = readDecision(entry.payload);
      if (customer === null || decision.customer === customer) found.push(this.#standing(entry.seq, decision));
      if (found.length >= limits.streamQueue) break;
    }
    return found;
  }

  /** A decision with what goes out for it. */
  #standing(seq: number, decision: Decision): Standing {
    return { seq, decision, messages: predictions(decision, this.#publish) };
  }
}

function validAt(places: readonly Place[], now: number): Place[] {
  return places.filter(({ expiresAt }) => expiresAt > now);
}
/** What of the journal the offers need. */
export type OfferJournal = Pick<Journal, "read" | "find" | "lastSeq">;

/** Whether an entry holds a decision, and was not emptied since. */
export function isDecision({ kind, headers }: Pick<Entry, "kind" | "headers">): boolean {
  return kind === "decision" && headers.tombstone === undefined;
}

/** A decision as its journal entry holds it. */
export function readDecision(payload: Uint8Array): Decision {
  return JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString()) as Decision;
}
