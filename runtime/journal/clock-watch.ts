import { type Clock, HOUR, MINUTE } from "../clock.ts";
import { limits } from "../limits.ts";
import type { StoreJournal } from "./store-journal.ts";

export interface ClockWatchOptions {
  readonly journal: Pick<StoreJournal, "lastAt" | "onCommit">;
  readonly clock: Clock;
  /** A sentence for the log. */
  readonly warn: (sentence: string) => void;
}

/**
 * Notices a clock that is behind the journal: one that was ahead before, as after a start without the time from outside,
 * or one that was set back. Receive times never go back, so they stand still until the clock has caught up; and with
 * them stands all that is reckoned from them.
 */
export class ClockWatch {
  readonly #options: ClockWatchOptions;
  #told = false;
  #stop: () => void = () => {};

  constructor(options: ClockWatchOptions) {
    this.#options = options;
  }

  /** Looks now, now and then, and whenever something was journalled. */
  begin(): void {
    this.#options.journal.onCommit(() => this.#look());
    this.#watch();
  }

  end(): void {
    this.#stop();
  }

  /** Also while nothing comes: with a clock that is wrong all events may be refused as ahead of time. */
  #watch(): void {
    this.#look();
    this.#stop = this.#options.clock.after(limits.clockLookMs, () => this.#watch());
  }

  /** What is wrong, and what to do; null: nothing. */
  trouble(): string | null {
    const { journal, clock } = this.#options;
    const now = clock.now();
    const behind = journal.lastAt - now;
    if (behind <= limits.clockBehindMs) return null;
    const [from, until] = [now, journal.lastAt].map((at) => new Date(at).toISOString());
    return `the clock says ${from}, ${lasting(behind)} behind the journal's last entry: all that comes is noted as received at ${until} until the clock has caught up. Is the clock right? Then it was ahead before, and nothing else is to do; else set it (NTP)`;
  }

  #look(): void {
    const trouble = this.trouble();
    if (trouble !== null && !this.#told) this.#options.warn(trouble);
    this.#told = trouble !== null;
  }
}

function lasting(ms: number): string {
  return ms < 2 * HOUR ? `${Math.floor(ms / MINUTE)} minutes` : `${Math.floor(ms / HOUR)} hours`;
}
