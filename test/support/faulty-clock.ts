// A clock that a test moves: time passes only when it says so, and the wall may be wrong or jump, as far as 1970.
import type { Clock } from "../../runtime/clock.ts";

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** Time itself; the clocks of all processes run on it. */
export class FaultyTime {
  /** ms since the start. */
  passed = 0;
  #timers = new Map<number, Timer>();
  #lastTimer = 0;

  after(ms: number, run: () => void): () => void {
    const number = ++this.#lastTimer;
    this.#timers.set(number, { at: this.passed + Math.max(0, ms), run });
    return () => void this.#timers.delete(number);
  }

  /** Lets time pass; what falls due runs in order, and what follows from it has so many turns of the event loop. */
  async pass(ms: number, turns: (count: number) => Promise<void>): Promise<void> {
    const end = this.passed + ms;
    for (;;) {
      const next = this.#next();
      if (next === null || next[1].at > end) break;
      const [number, { at, run }] = next;
      this.#timers.delete(number);
      this.passed = Math.max(this.passed, at);
      run();
      await turns(1);
    }
    this.passed = end;
  }

  #next(): [number, Timer] | null {
    let next: [number, Timer] | null = null;
    for (const each of this.#timers) if (next === null || each[1].at < next[1].at) next = each;
    return next;
  }
}

/** The clock of one process. Its timers end with it. */
export class FaultyClock implements Clock {
  readonly #time: FaultyTime;
  /** What its wall shows when no time has passed, ms since epoch; a jump sets it. */
  wall: number;
  #ended = false;

  constructor(time: FaultyTime, wall: number) {
    this.#time = time;
    this.wall = wall;
  }

  now(): number {
    return Math.max(0, Math.floor(this.wall + this.#time.passed));
  }

  monotonic(): number {
    return this.#time.passed;
  }

  after(ms: number, run: () => void): () => void {
    return this.#time.after(ms, () => {
      if (!this.#ended) run();
    });
  }

  /** The process is gone. */
  end(): void {
    this.#ended = true;
  }
}
