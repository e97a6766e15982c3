// Tells, on a terminal, what customers do and what they are offered. For recorded paths and tries; a store's own
// customers appear in no terminal.
import type { Applied } from "./apply.ts";
import type { Decision } from "./decide/decision.ts";
import type { PublishCoupon } from "./decide/wire.ts";
import type { Entry } from "./journal/journal.ts";

/** Whose events are told. */
const TOLD = new Set(["player"]);

const STYLES = { dim: "2", bold: "1", green: "32", yellow: "33", cyan: "36" } as const;
type Style = keyof typeof STYLES;

export interface TellerOptions {
  readonly write: (line: string) => void;
  readonly colour: boolean;
  readonly publish: PublishCoupon;
}

export class Teller {
  readonly #options: TellerOptions;
  /** Causes that were told of, with when they came in (host's monotonic time, ms). */
  readonly #told = new Map<number, number>();
  offers = 0;
  decisions = 0;

  constructor(options: TellerOptions) {
    this.#options = options;
  }

  /** An entry has been applied. `now` is monotonic, ms. */
  applied(entry: Entry, { event, focus }: Applied, now: number): void {
    if (event === null || !TOLD.has(entry.principal)) return;
    const at = event.at ?? entry.receivedAt;
    if (event.type === "entry") this.#line(at, event.identity, "enters the store", "dim");
    if (event.type === "exit") this.#line(at, event.identity, "leaves", "dim");
    if (focus === null) return;
    this.#told.set(entry.seq, now);
    this.#line(at, event.identity, `stops in ${focus.data.department}`, "cyan");
  }

  /** A decision is on disk. */
  decided(decision: Decision, now: number): void {
    const since = this.#told.get(decision.cause);
    if (since === undefined) return;
    this.#told.delete(decision.cause);
    this.decisions++;
    const took = `${(now - since).toFixed(1)} ms`;
    const { none } = decision;
    if (none !== null) this.#line(decision.focusedAt, decision.customer, `no offer: ${none.detail}`, "yellow", took);
    for (const { coupon, score } of decision.offers) {
      this.offers++;
      this.#line(
        decision.focusedAt,
        decision.customer,
        `is offered ${this.#coupon(coupon)}`,
        "green",
        `score ${score.toFixed(3)}, ${took}`,
      );
    }
  }

  #coupon(id: string): string {
    const { discount, type, products } = this.#options.publish(id) as {
      discount?: number;
      type?: string;
      products?: { name?: string }[];
    };
    const what =
      products?.length === 1
        ? products[0]!.name
        : products === undefined
          ? type
          : `${type}, ${products.length} products`;
    return `coupon ${id}: ${discount} % off (${what})`;
  }

  #line(at: number, customer: string | null, text: string, style: Style, note = ""): void {
    const time = new Date(at).toISOString().slice(11, 19);
    const who = `customer ${customer}`.padEnd(12);
    this.#options.write(
      `${this.#style(time, "dim")}  ${who}  ${this.#style(text, style)}${note === "" ? "" : `  ${this.#style(note, "dim")}`}`,
    );
  }

  #style(text: string, style: Style): string {
    return this.#options.colour ? `\x1b[${STYLES[style]}m${text}\x1b[0m` : text;
  }
}
