// Load on a real place, over HTTP, the bus, or a stream, from publishers that send again what nobody acknowledged; and
// what its journal says afterwards.
import { randomBytes } from "node:crypto";
import type { JetStreamClient } from "nats";
import type { Bus } from "../../../runtime/bus/bus.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { AisleError } from "../../../runtime/errors.ts";
import { Block } from "../../../runtime/journal/block.ts";
import { openJournal } from "../../../runtime/journal/lmdb.ts";
import type { Publisher } from "../../support/streaming.ts";
import { type Account, accountOf } from "../sim/invariants.ts";

const DEPARTMENTS = ["Women", "Boys", "Girls", "Men", "Sport"];

/** What became of a body: all of it is durable; or nobody knows, and the place is gone, or refuses for now. */
export type Answer = "durable" | "refused" | "gone";
/** Sends events, each as a line. */
export type Send = (lines: readonly string[]) => Promise<Answer>;

export interface LoadOptions {
  /** Whether most events are of the type `glance`, which nothing on the board hears (`site.ts`). */
  readonly plain?: boolean;
  /** The number before that of the first event: two loads on one place have no id in common. */
  readonly after?: number;
  /** Of each publisher after a body that was taken; default: none. */
  readonly pauseMs?: number;
}

/** Events of a body that is plain from its beginning to its end, at most: so many that they come as a block. */
const PLAIN_BODY = 40;

/** Publishers that go on until nobody answers. */
export class Load {
  readonly acknowledged = new Set<string>();
  readonly #random: () => number;
  readonly #plain: boolean;
  readonly #pauseMs: number;
  readonly #unknown: string[] = [];
  /** Of the acknowledged. */
  #last: string | null = null;
  #sent: number;

  constructor(random: () => number, { plain = false, after = 0, pauseMs = 0 }: LoadOptions = {}) {
    this.#random = random;
    this.#plain = plain;
    this.#pauseMs = pauseMs;
    this.#sent = after;
  }

  /** Several publishers at once, for so long as the place answers, or `over` says no. */
  async run(send: Send, publishers: number, over: () => boolean): Promise<void> {
    const publisher = async () => {
      while (!over()) {
        const answer = await this.#body(send);
        if (answer === "gone") return;
        const ms = answer === "refused" ? 20 : this.#pauseMs;
        if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
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
    const again = this.#unknown.splice(0, 5);
    return await this.#settle(send, [...this.#fresh(), ...again, ...(this.#last === null ? [] : [this.#last])]);
  }

  /** Ids of new events: a few of all kinds, or many plain ones. */
  #fresh(): string[] {
    const onlyPlain = this.#plain && this.#random() < 0.5;
    const count = 1 + Math.floor(this.#random() * (onlyPlain ? PLAIN_BODY : 5));
    const isPlain = () => onlyPlain || (this.#plain && this.#random() < 0.5);
    return Array.from({ length: count }, () => `${isPlain() ? "g" : "e"}${++this.#sent}`);
  }

  async #settle(send: Send, ids: readonly string[]): Promise<Answer> {
    const answer = await send(ids.map(eventOf));
    for (const id of ids) {
      if (answer === "durable") this.acknowledged.add(id);
      else if (!this.acknowledged.has(id)) this.#unknown.push(id);
    }
    if (answer === "durable") this.#last = ids.at(-1)!;
    return answer;
  }
}

/** The same event for an id, whenever it is sent: a glance, or most are focuses, each in another department. */
export function eventOf(id: string): string {
  const n = Number(id.slice(1));
  const customer = (n % 997) + 1;
  if (id.startsWith("g")) return JSON.stringify({ type: "glance", event_id: id, id: customer, n });
  const dep = DEPARTMENTS[Math.floor(n / 997) % DEPARTMENTS.length];
  if (n % 4 === 0) return JSON.stringify({ type: "entry", event_id: id, id: customer, n });
  if (n % 4 === 1) return JSON.stringify({ type: "view_promotion", event_id: id, id: customer, n, coupon: "1" });
  return JSON.stringify({ type: "focus", event_id: id, id: customer, n, dep });
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

/** What a journal holds, up to now. @throws Broken when something stands there twice, or out of order */
export async function readAccount(dataDir: string): Promise<Account> {
  const journal = openJournal({ dir: dataDir, clock: systemClock, random: randomBytes, readOnly: true });
  try {
    return accountOf(journal.read());
  } finally {
    await journal.close();
  }
}

/** How many entries of a journal that nobody writes came as plain events, without an object for each. */
export async function plainIn(dataDir: string): Promise<number> {
  const journal = openJournal({ dir: dataDir, clock: systemClock, random: randomBytes, readOnly: true });
  try {
    let count = 0;
    for (const part of journal.parts()) if (part instanceof Block) count += part.count;
    return count;
  } finally {
    await journal.close();
  }
}

/** Acknowledged and not in the journal. */
export function lostOf({ events }: Account, { acknowledged }: Load): string[] {
  return [...acknowledged].filter((id) => !events.has(id));
}

/** Over the bus. @param base  `<prefix>.<site>.<place>` @throws Error when something is rejected for good */
export function through(bus: Bus, base: string, timeoutMs = 2_000): Send {
  return async (lines) => {
    try {
      const { payload } = await bus.request(`${base}.events.mixed`, Buffer.from(lines.join("\n")), { timeoutMs });
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

/** Over the bus, each event in a request of its own, all at once: the way of the fast lane. @param base  as of `through` */
export function each(bus: Bus, base: string, timeoutMs: number): Send {
  const send = through(bus, base, timeoutMs);
  return async (lines) => {
    const answers = await Promise.all(lines.map((line) => send([line])));
    return answers.every((answer) => answer === "durable") ? "durable" : "refused";
  };
}

/** Into a stream, each event in a message of its own: `durable` is the stream's word, and no place has it yet. */
export function into(stream: JetStreamClient, subject: string): Send {
  return async (lines) => {
    const sent = await Promise.allSettled(lines.map((line) => stream.publish(subject, line, { timeout: 1_000 })));
    // What was sent twice as its first answer was lost is in the stream twice, and brings its id.
    return sent.every(({ status }) => status === "fulfilled") ? "durable" : "refused";
  };
}

/** All that a stream has: id of the message → what it says. */
export async function messagesOf({ connection, manager }: Publisher, stream: string): Promise<Map<string, string>> {
  const { state } = await manager.streams.info(stream);
  const messages = new Map<string, string>();
  const consumer = await connection.jetstream().consumers.get(stream);
  let left = state.messages;
  while (left > 0) {
    for await (const { headers, data } of await consumer.fetch({ max_messages: Math.min(left, 500) })) {
      messages.set(headers!.get("Nats-Msg-Id"), Buffer.from(data).toString());
      left--;
    }
  }
  return messages;
}

interface Receipt {
  readonly accepted?: number;
  readonly duplicate?: number;
  readonly code?: string;
}
