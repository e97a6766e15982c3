import type { Clock } from "../clock.ts";

/**
 * Deliveries between two turns of the event loop. A microtask starts 0.1 µs after the publisher has returned, a
 * `setImmediate` 1–3 µs, and only when every socket has had its say. But microtasks alone never let those sockets
 * speak once handlers publish in a circle (tried: no timer fired again). So after so many the next one goes by
 * `setImmediate`. At 16 a storm loses a third of its rate; 1,024 is no faster than 128.
 */
export const DELIVERIES_PER_TURN = 128;
/** Where turns of the event loop are long there are more, for such a share of what others take: so long at most, ms, and so many. */
const SHARE = 0.5;
const MOST_MS = 10;
const MOST = 4_096;
/** So many between two looks at the clock. */
const LOOK_EVERY = 16;

/** The delivered head of the queue is cut off when it is this long, and half of the queue. */
const CUT = 4_096;

/** Work that is done soon, in order, and never on the stack of the one who pushes it. */
export class Deliveries<T> {
  readonly #deliver: (item: T) => void;
  readonly #clock: Pick<Clock, "monotonic">;
  /** Items before `#head` are delivered. */
  #queue: T[] = [];
  #head = 0;
  #scheduled = false;
  #turnLeft = DELIVERIES_PER_TURN;
  /** When this turn's deliveries were done, and until when more are made; monotonic, ms. */
  #doneAt = Number.POSITIVE_INFINITY;
  #until = Number.NEGATIVE_INFINITY;
  #moreLeft = 0;
  #pushed = 0;
  #done = 0;
  #flushes: { readonly at: number; readonly resolve: () => void }[] = [];

  /** @param deliver  must not throw */
  constructor(deliver: (item: T) => void, clock: Pick<Clock, "monotonic">) {
    this.#deliver = deliver;
    this.#clock = clock;
  }

  get waiting(): number {
    return this.#pushed - this.#done;
  }

  push(item: T): void {
    this.#queue.push(item);
    this.#pushed++;
    this.#schedule();
  }

  /** Resolves once everything pushed before is delivered. */
  async flush(): Promise<void> {
    if (this.waiting === 0) return;
    await new Promise<void>((resolve) => this.#flushes.push({ at: this.#pushed, resolve }));
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (this.#turnLeft > 0) queueMicrotask(this.#run);
    else setImmediate(this.#run);
  }

  readonly #run = (): void => {
    // The turn's count is reset by the setImmediate that its end brings, and by no timer.
    if (this.#turnLeft === 0) this.#begin();
    while (this.#head < this.#queue.length && (this.#turnLeft > 0 || this.#mayGoOn())) {
      this.#turnLeft--;
      this.#deliver(this.#queue[this.#head++]!);
      this.#done++;
    }
    // While nothing waits, others take nothing.
    if (this.#turnLeft === 0) this.#doneAt = this.#head < this.#queue.length ? this.#clock.monotonic() : Infinity;
    while (this.#flushes.length > 0 && this.#flushes[0]!.at <= this.#done) this.#flushes.shift()!.resolve();
    this.#cut();
    this.#scheduled = false;
    if (this.#queue.length > 0) this.#schedule();
  };

  /** A turn in which others had their say. */
  #begin(): void {
    const now = this.#clock.monotonic();
    this.#turnLeft = DELIVERIES_PER_TURN;
    this.#moreLeft = MOST;
    this.#until = now + Math.min(MOST_MS, SHARE * (now - this.#doneAt));
  }

  #mayGoOn(): boolean {
    if (this.#moreLeft <= 0 || this.#clock.monotonic() >= this.#until) return false;
    this.#moreLeft -= LOOK_EVERY;
    this.#turnLeft = LOOK_EVERY;
    return true;
  }

  #cut(): void {
    if (this.#head === this.#queue.length) {
      this.#queue.length = 0;
      this.#head = 0;
    } else if (this.#head >= CUT && this.#head * 2 >= this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
  }
}
