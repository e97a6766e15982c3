// The service that knows the customers: slow at times, and out of order at others.
import type { Dice } from "../../support/dice.ts";
import type { FaultyTime } from "../../support/faulty-clock.ts";
import { simSite } from "./site.ts";

/** Shares of the questions that are answered at once, and that are not answered with a customer. */
const AT_ONCE = 0.5;
const FAILED = 0.1;
const DELAY_MS = 3_000;

export class Customers {
  readonly #time: FaultyTime;
  readonly #dice: Dice;

  constructor(time: FaultyTime, dice: Dice) {
    this.#time = time;
    this.#dice = dice;
  }

  /** As the service of the site's `source.url`. */
  readonly fetch: typeof globalThis.fetch = async (url) => {
    const status = this.#dice.chance(FAILED) ? 503 : 200;
    if (!this.#dice.chance(AT_ONCE)) await this.#wait(this.#dice.below(DELAY_MS));
    const row = simSite().catalog.customers.get(String(url).split("/").at(-1)!) ?? {};
    return { ok: status === 200, status, body: null, text: async () => JSON.stringify(row) } as Response;
  };

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#time.after(ms, resolve));
  }
}
