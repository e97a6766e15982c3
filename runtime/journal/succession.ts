import type { Store } from "../store/store.ts";
import type { Corruption } from "./blob.ts";
import { removedSeq } from "./meta.ts";

/**
 * Which sequence has to come next on a way through the commits. Sequences are given without a gap, so one that doesn't
 * come is lost, unless retention removed it.
 */
export class Succession {
  readonly #store: Pick<Store, "get">;
  /** 0: unknown, since the header that would tell is damaged. */
  #next: number;
  /** As it was read last: it only grows. */
  #removed = 0;

  /** @param fromSeq  the first sequence that matters */
  constructor(store: Pick<Store, "get">, fromSeq = 1) {
    this.#store = store;
    this.#next = fromSeq;
  }

  /** What is missing before a sequence that comes now; null: nothing. To be asked once that one was read. */
  missing(seq: number): Corruption | null {
    if (this.#next === 0 || seq <= this.#next || seq <= this.#removed + 1) return null;
    this.#removed = removedSeq(this.#store); // after the commits: retention may have removed some meanwhile
    const firstSeq = Math.max(this.#next, this.#removed + 1);
    if (seq <= firstSeq) return null;
    return { part: "entry", firstSeq, lastSeq: seq - 1, detail: "missing, the journal goes on behind" };
  }

  /** A commit was passed whose last sequence is this; Infinity: nobody knows. */
  passed(lastSeq: number): void {
    this.#next = Number.isFinite(lastSeq) ? Math.max(this.#next, lastSeq + 1) : 0;
  }
}
