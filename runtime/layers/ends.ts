// Which hold ends next.
import type { Held } from "./held.ts";

interface Due {
  readonly held: Held;
  /** Its end when it was put here; a renewal moves the end on, and the place follows when its turn comes. */
  at: number;
}

/** What was let go leaves its place only when its turn comes; past so many of those all places are given anew. */
const SLACK = 1_024;

/** A heap of holds, the one that ends next on top. A hold that is renewed need not be told of again. */
export class Ends {
  #heap: Due[] = [];
  #size = 0;

  /** Holds that were not let go. */
  get size(): number {
    return this.#size;
  }

  /** Places in use, also by holds that were let go. */
  get places(): number {
    return this.#heap.length;
  }

  add(held: Held): void {
    this.#size++;
    this.#heap.push({ held, at: held.until });
    this.#rise(this.#heap.length - 1);
  }

  /** A hold was let go: it is `gone`. */
  dropped(): void {
    this.#size--;
    if (this.#heap.length <= 2 * this.#size + SLACK) return;
    const live = this.#heap.filter(({ held }) => !held.gone);
    this.#heap = [];
    for (const { held } of live) {
      this.#heap.push({ held, at: held.until });
      this.#rise(this.#heap.length - 1);
    }
  }

  /** The hold that ends next; null: there is none. */
  next(): Held | null {
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined) return null;
      const { held } = top;
      if (!held.gone && held.until === top.at) return held;
      if (held.gone) this.#removeTop();
      else {
        top.at = held.until;
        this.#sink(0);
      }
    }
  }

  #removeTop(): void {
    const last = this.#heap.pop()!;
    if (this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #rise(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(this.#heap[at]!, this.#heap[parent]!)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(from: number): void {
    let at = from;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= this.#heap.length) return;
      const right = left + 1;
      const least = right < this.#heap.length && isBefore(this.#heap[right]!, this.#heap[left]!) ? right : left;
      if (!isBefore(this.#heap[least]!, this.#heap[at]!)) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #swap(a: number, b: number): void {
    const held = this.#heap[a]!;
    this.#heap[a] = this.#heap[b]!;
    this.#heap[b] = held;
  }
}

/** Of several that end at once, which goes first does not depend on how they came here: a replay agrees. */
function isBefore(a: Due, b: Due): boolean {
  if (a.at !== b.at) return a.at < b.at;
  const order = a.held.wire.order - b.held.wire.order;
  return order === 0 ? a.held.key < b.held.key : order < 0;
}
