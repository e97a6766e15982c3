// Losses of the connection that events come over, for as long as somebody should hear of them.
import { type Clock, MINUTE } from "../clock.ts";
import { limits } from "../limits.ts";

/** What each means. */
export const LOSS =
  "the connection to NATS was lost: events sent without a reply meanwhile, and what the server still held for us, are lost; only requests, JetStream and HTTP are guaranteed";

interface Loss {
  /** Monotonic, ms. */
  readonly at: number;
  readonly isCutOff: boolean;
}

export class Losses {
  readonly #clock: Clock;
  /** Oldest first. */
  #recent: Loss[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param isCutOff  the server had waited in vain for us to read */
  add(isCutOff: boolean): void {
    this.#recent.push({ at: this.#clock.monotonic(), isCutOff });
    if (this.#recent.length > limits.busLosses) this.#recent.shift();
  }

  /** How often of late; null: not at all. */
  get trouble(): string | null {
    const since = this.#clock.monotonic() - limits.busLossMs;
    this.#recent = this.#recent.filter(({ at }) => at > since);
    const many = this.#recent.length;
    if (many === 0) return null;
    const cutOff = this.#recent.filter(({ isCutOff }) => isCutOff).length;
    const why = cutOff === 0 ? "" : `, ${cutOff} of them as this place did not read`;
    const often = many === 1 ? "once" : `${many} times`;
    const when = `in the last ${limits.busLossMs / MINUTE} minutes`;
    return `the connection to NATS was lost ${often} ${when}${why}: events sent without a reply may be lost`;
  }
}
