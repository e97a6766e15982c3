/**
 * Deliveries between two turns of the event loop. A microtask starts 0.1 µs after the publisher has returned, a
 * `setImmediate` 1–3 µs, and only when every socket has had its say. But microtasks alone never let those sockets
 * speak once handlers publish in a circle (tried: no timer fired again). So one delivery in so many goes by
 * `setImmediate`. At 16 a storm loses a third of its rate; 1,024 is no faster than 128.
 */
export const DELIVERIES_PER_TURN = 128;

/** The delivered head of the queue is cut off when it is this long, and half of the queue. */
const CUT = 4_096;

/** Work that is done soon, in order, and never on the stack of the one who pushes it. */
export class Deliveries<T> {
  readonly #deliver: (item: T) => void;
  /** Items before `#head` are delivered. */
  #queue: T[] = [];
  #head = 0;
  #scheduled = false;
  #turnLeft = DELIVERIES_PER_TURN;
  #pushed = 0;
  #done = 0;
  #flushes: { readonly at: number; readonly resolve: () => void }[] = [];

  /** @param deliver  must not throw */
  constructor(deliver: (item: T) => void) {
    this.#deliver = deliver;
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
    // The turn's count is not reset by time but by the setImmediate that its end brings: no clock, no timer.
    if (this.#turnLeft === 0) this.#turnLeft = DELIVERIES_PER_TURN;
    while (this.#turnLeft > 0 && this.#head < this.#queue.length) {
      this.#turnLeft--;
      this.#deliver(this.#queue[this.#head++]!);
      this.#done++;
    }
    while (this.#flushes.length > 0 && this.#flushes[0]!.at <= this.#done) this.#flushes.shift()!.resolve();
    this.#cut();
    this.#scheduled = false;
    if (this.#queue.length > 0) this.#schedule();
  };

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
