import type { Clock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";

interface Waiter {
  readonly seq: number;
  readonly resolve: () => void;
  readonly reject: (error: AisleError) => void;
  /** Monotonic, ms. */
  readonly until: number;
}

/** Those who wait until the hub has an entry. */
export class Waiters {
  readonly #clock: Clock;
  /** By sequence. */
  #waiters: Waiter[] = [];
  #stopTimer: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws AisleError `unavailable` when the hub doesn't have it in time, `overloaded` when too many wait */
  wait(seq: number): Promise<void> {
    if (this.#waiters.length >= limits.replicatedCallers)
      return Promise.reject(new AisleError("overloaded", `${limits.replicatedCallers} callers wait for the hub`));
    return new Promise((resolve, reject) => {
      let at = this.#waiters.length;
      while (at > 0 && this.#waiters[at - 1]!.seq > seq) at--;
      this.#waiters.splice(at, 0, { seq, resolve, reject, until: this.#clock.monotonic() + limits.replicatedMs });
      this.#watch();
    });
  }

  /** The hub has everything up to here. */
  reached(through: number): void {
    let count = 0;
    while (count < this.#waiters.length && this.#waiters[count]!.seq <= through) this.#waiters[count++]!.resolve();
    if (count > 0) this.#waiters = this.#waiters.slice(count);
  }

  close(): void {
    this.#stopTimer?.();
    this.#stopTimer = null;
    for (const { reject } of this.#waiters.splice(0))
      reject(new AisleError("unavailable", "this place stops: the event is on its disk, and the hub gets it later"));
  }

  #watch(): void {
    if (this.#waiters.length === 0) return;
    // They come nearly in the order of their sequences.
    const { until } = this.#waiters[0]!;
    this.#stopTimer ??= this.#clock.after(Math.max(1, until - this.#clock.monotonic()), () => this.#late());
  }

  #late(): void {
    this.#stopTimer = null;
    const now = this.#clock.monotonic();
    const late = this.#waiters.filter(({ until }) => until <= now);
    this.#waiters = this.#waiters.filter(({ until }) => until > now);
    for (const { reject } of late)
      reject(new AisleError("unavailable", "the event is on this place's disk; the hub has not confirmed it in time"));
    this.#watch();
  }
}
