// Those who hear of decisions: a stream at the server, which confirms what it keeps, and refuses now and then.
import type { Message } from "../../../runtime/bus/bus.ts";
import type { Events } from "./events.ts";
import { type Account, Broken } from "./invariants.ts";
import type { World } from "./world.ts";

const BASE = "aisle.sim.box";
/** Share of the messages that the stream refuses, until all is well. */
const REFUSED = 0.05;

export class Phones {
  /** By message id, in the order in which they came first: the content. */
  readonly #kept = new Map<string, string>();
  /** What was found wrong: a handler must not throw. */
  #wrong: string | null = null;
  readonly #world: World;
  readonly #events: Events;

  constructor(world: World, events: Events) {
    this.#world = world;
    this.#events = events;
    // The stream is the server's own: between them nothing gets lost.
    for (const subject of [`${BASE}.offers.>`, `${BASE}.predictions`])
      world.network.server.subscribe(subject, (message) => this.#hear(message));
  }

  get isDone(): boolean {
    return this.#world.place.outbox.stats().waiting === 0;
  }

  #hear(message: Message): void {
    const { dice, isCalm } = this.#world;
    const answer = (body: unknown) => message.respond(Buffer.from(JSON.stringify(body)));
    if (!isCalm && dice.chance(REFUSED)) {
      answer({ error: { code: 503, description: "no room" } });
      return;
    }
    const id = message.headers["Nats-Msg-Id"] ?? "";
    const content = Buffer.from(message.payload).toString();
    const before = this.#kept.get(id);
    if (before === undefined) {
      this.#kept.set(id, content);
      if (message.subject.startsWith(`${BASE}.offers.`)) this.#events.decisions.push(id);
    } else if (before !== content) this.#wrong ??= `message ${id} came with two contents`;
    answer({ stream: "OUT", seq: this.#kept.size, ...(before === undefined ? {} : { duplicate: true }) });
  }

  /** Nobody hears of what is not in the journal. */
  checkNow({ decisions }: Account): void {
    if (this.#wrong !== null) throw new Broken(this.#wrong);
    const known = new Set([...decisions.values()].map(({ id }) => id));
    for (const id of this.#events.decisions)
      if (!known.has(id)) throw new Broken(`decision ${id} went out, and is lost`);
  }

  /** All decisions came, as they are in the journal; those of one customer in order. */
  checkEnd(account: Account): void {
    this.checkNow(account);
    const came = new Map([...this.#kept.keys()].map((id, place) => [id, place]));
    const last = new Map<string, number>();
    for (const { id, customer, text } of account.decisions.values()) {
      if (this.#kept.get(id) !== text) throw new Broken(`decision ${id} never went out as it is in the journal`);
      const place = came.get(id)!;
      if (place < (last.get(customer) ?? 0)) throw new Broken(`decision ${id} overtook one before it of ${customer}`);
      last.set(customer, place);
    }
  }
}
