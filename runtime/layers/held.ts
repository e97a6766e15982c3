// A port that a record holds, and the line of the plan that lets it.
import type { Hold, PlannedActor } from "../site.ts";

/** `suppresses`: what lower layers read is replaced; `inhibits`: what they put out is blocked. */
export type HoldKind = "suppresses" | "inhibits";

/** One hold in force: from a renewal on, for as long as the plan says. */
export interface Held {
  readonly wire: Wire;
  /** Key of the record that holds. */
  readonly key: string;
  /** What the field of a lower record must say; "" where all records are held. */
  readonly text: string;
  /** What lower layers read instead; "" for an inhibition. */
  value: string;
  /** Last renewal: receive time, ms since epoch. */
  at: number;
  /** Half-open: at this instant it holds no more. */
  until: number;
  /** It was let go before its end. */
  gone: boolean;
}

/** A group of holds whose end is the end of the last of them. */
interface Bucket {
  readonly holds: Set<Held>;
  last: Held;
}

/** One `suppresses` or `inhibits` of an actor, with the records that hold by it. */
export class Wire {
  readonly actor: PlannedActor;
  readonly kind: HoldKind;
  readonly hold: Hold;
  /** Its place among the lines of the plan. */
  readonly order: number;
  readonly #byRecord = new Map<string, Held>();
  readonly #byText = new Map<string, Bucket>();

  constructor(actor: PlannedActor, kind: HoldKind, hold: Hold, order: number) {
    this.actor = actor;
    this.kind = kind;
    this.hold = hold;
    this.order = order;
  }

  get size(): number {
    return this.#byRecord.size;
  }

  /** The last renewed comes last. */
  get holds(): IterableIterator<Held> {
    return this.#byRecord.values();
  }

  find(key: string): Held | undefined {
    return this.#byRecord.get(key);
  }

  /** The hold that ends last among those for a text. */
  last(text: string): Held | undefined {
    return this.#byText.get(text)?.last;
  }

  /**
   * Puts a hold in its place, again after it was renewed. All go by the order of renewals, whether or not what had ended
   * before was taken away in between.
   */
  put(held: Held): void {
    this.#byRecord.delete(held.key);
    this.#byRecord.set(held.key, held);
    const bucket = this.#byText.get(held.text);
    if (bucket === undefined) {
      this.#byText.set(held.text, { holds: new Set([held]), last: held });
      return;
    }
    bucket.holds.delete(held);
    bucket.holds.add(held);
    if (held.until >= bucket.last.until) bucket.last = held;
  }

  remove(held: Held): void {
    held.gone = true;
    this.#byRecord.delete(held.key);
    const bucket = this.#byText.get(held.text)!;
    bucket.holds.delete(held);
    if (bucket.holds.size === 0) this.#byText.delete(held.text);
    else if (bucket.last === held) bucket.last = lastOf(bucket.holds);
  }
}

/** The last to end; of several, the last that was put. */
function lastOf(holds: Iterable<Held>): Held {
  let last: Held | null = null;
  for (const held of holds) if (last === null || held.until >= last.until) last = held;
  return last!;
}
