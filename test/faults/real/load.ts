// Load on a real place, over HTTP or the bus, from publishers that send again what nobody acknowledged; and what its
// journal says afterwards.
import { randomBytes } from "node:crypto";
import type { Bus } from "../../../runtime/bus/bus.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { AisleError } from "../../../runtime/errors.ts";
import { openJournal } from "../../../runtime/journal/lmdb.ts";
import { type Account, accountOf } from "../sim/invariants.ts";

const DEPARTMENTS = ["Women", "Boys", "Girls", "Men", "Sport"];

/** What became of a body: all of it is durable; or nobody knows, and the place is gone, or refuses for now. */
export type Answer = "durable" | "refused" | "gone";
/** Sends events, each as a line. */
export type Send = (lines: readonly string[]) => Promise<Answer>;

/** Publishers that go on until nobody answers. */
export class Load {
  readonly acknowledged = new Set<string>();
  readonly #random: () => number;
  readonly #unknown: string[] = [];
  #sent = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Several publishers at once, for so long as the place answers, or `over` says no. */
  async run(send: Send, publishers: number, over: () => boolean): Promise<void> {
    const publisher = async () => {
      while (!over()) {
        const answer = await this.#body(send);
        if (answer === "gone") return;
        if (answer === "refused") await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    await Promise.all(Array.from({ length: publishers }, publisher));
  }

  /** One body; what nobody said anything of goes along again. */
  send(send: Send): Promise<Answer> {
    return this.#body(send);
  }

  /** Sends what is left until all is acknowledged. */
  async rest(send: Send): Promise<void> {
    while (this.#unknown.length > 0) await this.#settle(send, this.#unknown.splice(0, 50));
  }

  async #body(send: Send): Promise<Answer> {
    const ids = Array.from({ length: 1 + Math.floor(this.#random() * 5) }, () => `e${++this.#sent}`);
    const again = this.#unknown.splice(0, 5);
    const repeat = [...this.acknowledged].at(-1);
    return await this.#settle(send, [...ids, ...again, ...(repeat === undefined ? [] : [repeat])]);
  }

  async #settle(send: Send, ids: readonly string[]): Promise<Answer> {
    const answer = await send(ids.map(eventOf));
    for (const id of ids) {
      if (answer === "durable") this.acknowledged.add(id);
      else if (!this.acknowledged.has(id)) this.#unknown.push(id);
    }
    return answer;
  }
}

/** The same event for an id, whenever it is sent: most are focuses, each in another department. */
export function eventOf(id: string): string {
  const n = Number(id.slice(1));
  const customer = (n % 997) + 1;
  const dep = DEPARTMENTS[Math.floor(n / 997) % DEPARTMENTS.length];
  if (n % 4 === 0) return JSON.stringify({ type: "entry", event_id: id, id: customer });
  if (n % 4 === 1) return JSON.stringify({ type: "view_promotion", event_id: id, id: customer, coupon: "1" });
  return JSON.stringify({ type: "focus", event_id: id, id: customer, dep });
}

/** Over HTTP. @throws Error when something is rejected for good */
export function over(url: string): Send {
  return async (lines) => {
    try {
      const response = await fetch(`${url}/events`, {
        method: "POST",
        headers: { "content-type": "application/x-ndjson" },
        body: lines.join("\n"),
      });
      const text = await response.text();
      if ([429, 503, 507].includes(response.status)) return "refused";
      const { rejected } = JSON.parse(text) as { rejected: unknown[] };
      if (!response.ok || rejected.length > 0) throw new Error(`${response.status}: ${text}`);
      return "durable";
    } catch (error) {
      if (error instanceof TypeError) return "gone"; // the connection was cut, or refused
      throw error;
    }
  };
}

/** What a journal holds that nobody has open. @throws Broken when something stands there twice, or out of order */
export async function readAccount(dataDir: string): Promise<Account> {
  const journal = openJournal({ dir: dataDir, clock: systemClock, random: randomBytes, readOnly: true });
  try {
    return accountOf(journal.read());
  } finally {
    await journal.close();
  }
}

/** Acknowledged and not in the journal. */
export function lostOf({ events }: Account, { acknowledged }: Load): string[] {
  return [...acknowledged].filter((id) => !events.has(id));
}

/** Over the bus. @param base  `<prefix>.<site>.<place>` @throws Error when something is rejected for good */
export function through(bus: Bus, base: string): Send {
  return async (lines) => {
    try {
      const { payload } = await bus.request(`${base}.events.mixed`, Buffer.from(lines.join("\n")), {
        timeoutMs: 2_000,
      });
      const text = Buffer.from(payload).toString();
      const { accepted = 0, duplicate = 0, code } = JSON.parse(text) as Receipt;
      if (accepted + duplicate === lines.length) return "durable";
      if (code === "unavailable" || code === "overloaded" || code === "full") return "refused";
      throw new Error(text);
    } catch (error) {
      // Nobody is there, or the server is away: whether it was taken, nobody knows.
      if (error instanceof AisleError && error.retryable) return "refused";
      throw error;
    }
  };
}

interface Receipt {
  readonly accepted?: number;
  readonly duplicate?: number;
  readonly code?: string;
}
