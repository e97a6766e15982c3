// What the publishers of a run send, what they were told, and what they send again.
import type { Dice } from "../../support/dice.ts";
import { CUSTOMERS, DEPARTMENTS } from "./site.ts";

/** "unknown": sent or not, nobody said what became of it; "told": acknowledged as durable. */
type Standing = "unknown" | "told" | "on its way";

/** An event, the same bytes each time that it is sent. */
export interface Sent {
  readonly id: string;
  readonly type: string;
  readonly customer: string;
  readonly line: string;
  standing: Standing;
  /** Sent without asking for an answer: nobody promised anything. */
  readonly unasked: boolean;
}

/** Events without an effect on the board are the most, as in a store. */
const TYPES = ["purchase", "purchase", "purchase", "entry", "focus", "focus", "exit", "outcome"] as const;

export class Events {
  readonly all = new Map<string, Sent>();
  /** Ids of decisions that somebody was told of, for outcomes. */
  readonly decisions: string[] = [];
  readonly #dice: Dice;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  /** @param at  event time, ms since epoch */
  make(at: number, unasked = false): Sent {
    const id = `e${this.all.size + 1}`;
    const type = this.#dice.one(TYPES);
    const customer = this.#dice.one(CUSTOMERS);
    const line = JSON.stringify({ type, event_id: id, customer, at, session: `s${id.length}`, ...this.#more(type) });
    const sent: Sent = { id, type, customer, line, standing: "unknown", unasked };
    this.all.set(id, sent);
    return sent;
  }

  /** Those of which nobody said what became of them: they are sent again. */
  unknown(): Sent[] {
    return [...this.all.values()].filter(({ standing, unasked }) => standing === "unknown" && !unasked);
  }

  /** Some that were acknowledged: a careless publisher sends them again. */
  repeats(count: number): Sent[] {
    const told = [...this.all.values()].filter(({ standing }) => standing === "told");
    return told.length === 0 ? [] : Array.from({ length: count }, () => this.#dice.one(told));
  }

  #more(type: string): Record<string, unknown> {
    if (type === "purchase") return { amount: this.#dice.below(1000) / 4 };
    if (type === "focus") return { dep: this.#dice.one(DEPARTMENTS) };
    if (type !== "outcome") return {};
    const decision = this.decisions.length === 0 ? "none" : this.#dice.one(this.decisions);
    return { decision, action: this.#dice.one(["shown", "dismissed", "redeemed"]) };
  }
}
