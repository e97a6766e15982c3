import type { Clock } from "../../runtime/clock.ts";

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** Time that passes only when everybody waits for it: hours of sleep take as long as the work between them. */
export class VirtualTime implements Clock {
  #now = 0;
  #timers: Timer[] = [];

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  sleep = (ms: number): Promise<void> => new Promise((resolve) => this.after(ms, resolve));

  async advance(ms: number): Promise<void> {
    await this.until(this.sleep(ms));
  }

  /** What the promise comes to; time passes as far as that needs. @throws Error when nothing is left to wait for */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settle = () => {
      isSettled = true;
    };
    promise.then(settle, settle);
    for (;;) {
      await everybodyWaits();
      if (isSettled) return promise;
      const next = this.#timers.reduce<Timer | null>(
        (first, each) => (first && first.at <= each.at ? first : each),
        null,
      );
      if (next === null) throw new Error(`somebody waits for ever, since ${this.#now} ms`);
      this.#timers = this.#timers.filter((each) => each !== next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
  }
}

/** Promises are settled before: nothing here waits for a disk or a network. */
function everybodyWaits(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
