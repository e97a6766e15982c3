import type { Clock } from "../clock.ts";

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/**
 * Stands until it is told to move, and then moves at once, as when a machine wakes up: what fell due meanwhile runs
 * once, at the end. Monotonic time is real.
 */
export class WakingClock implements Clock {
  readonly monotonic: () => number;
  #now: number;
  #timers: Timer[] = [];

  constructor(now: number, { monotonic }: Pick<Clock, "monotonic">) {
    this.#now = now;
    this.monotonic = monotonic;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  /** @param at  ms since epoch; one that is past changes nothing */
  moveTo(at: number): void {
    if (at <= this.#now) return;
    this.#now = at;
    const due = this.#timers.filter((timer) => timer.at <= at).sort((a, b) => a.at - b.at);
    for (const timer of due) {
      // one may have cancelled another
      if (!this.#timers.includes(timer)) continue;
      this.#timers = this.#timers.filter((each) => each !== timer);
      timer.run();
    }
  }
}
