// Decisions that wait at hand until there is room for them under way, in the order of the journal.
import type { Decision } from "../decide/decision.ts";
import type { Entry } from "../journal/journal.ts";
import { limits } from "../limits.ts";

export interface Held {
  readonly entry: Entry;
  readonly decision: Decision;
}

/** Those that were taken are forgotten together, once they are so many and most of all. */
const SPENT = 1_024;

export class HeldDecisions {
  #all: Held[] = [];
  #next = 0;
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#next === this.#all.length;
  }

  /** @returns whether there was room: `limits.outboxHeld`, `limits.outboxHeldBytes` */
  add(held: Held): boolean {
    const bytes = this.#bytes + held.entry.payload.length;
    if (this.#all.length - this.#next >= limits.outboxHeld || bytes > limits.outboxHeldBytes) return false;
    this.#bytes = bytes;
    this.#all.push(held);
    return true;
  }

  /** The oldest; it stays. Null: there is none. */
  peek(): Held | null {
    return this.#all[this.#next] ?? null;
  }

  /** The oldest goes. */
  shift(): void {
    this.#bytes -= this.#all[this.#next]!.entry.payload.length;
    this.#next++;
    if (this.isEmpty) this.clear();
    else if (this.#next >= SPENT && 2 * this.#next >= this.#all.length) {
      this.#all = this.#all.slice(this.#next);
      this.#next = 0;
    }
  }

  clear(): void {
    this.#all = [];
    this.#next = 0;
    this.#bytes = 0;
  }
}
