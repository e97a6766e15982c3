// Notices that this process did not run for a while: held up by its own code, or stopped from outside.
import type { Clock } from "../clock.ts";
import { limits } from "../limits.ts";

export class Stalls {
  readonly #clock: Clock;
  /** Monotonic, ms. */
  #lookedAt: number;
  /** When the last one ended. */
  #endedAt = Number.NEGATIVE_INFINITY;
  #stopTimer: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lookedAt = clock.monotonic();
    this.#wait();
  }

  /** Whether one has ended within the last `ms`; also when nothing but the caller has run since. */
  within(ms: number): boolean {
    this.#look();
    return this.#clock.monotonic() - this.#endedAt < ms;
  }

  stop(): void {
    this.#stopTimer();
  }

  #look(): void {
    const now = this.#clock.monotonic();
    if (now - this.#lookedAt >= limits.busStallMs) this.#endedAt = now;
    this.#lookedAt = now;
  }

  #wait(): void {
    this.#stopTimer = this.#clock.after(limits.busStallLookMs, () => {
      this.#look();
      this.#wait();
    });
  }
}
