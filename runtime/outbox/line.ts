// The way of single messages to the bus, and the word that they have arrived.
import type { Bus, Message, Subscription } from "../bus/bus.ts";
import type { Clock } from "../clock.ts";
import { limits } from "../limits.ts";
import type { StreamKeeper } from "./keepers.ts";
import type { Owed } from "./owed.ts";

/** Whose word counts: a stream's, the server's, or the stream's where one listens. */
export type Ack = "auto" | "stream" | "server";

/**
 * @param why     null: it has arrived
 * @param isLost  nobody will ever keep the message as it is
 */
export type Settle = (why: string | null, isLost?: boolean) => void;

export interface LinePorts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly ack: Ack;
  /** Told of a port that `streams` has just grown by. */
  readonly learned?: (port: string) => void;
  /** Told of the stream at each message that it has kept. */
  readonly kept?: (keeper: StreamKeeper) => void;
}

/** A message that is handed over, and not settled. */
interface Sent {
  readonly message: Owed;
  readonly settle: Settle;
  /** Where the answer is to come; null: none is asked for. */
  readonly token: string | null;
  /** A stream's word is waited for up to here; monotonic, ms. */
  readonly until: number;
  /** The server has it. */
  arrived: boolean;
}

/** Who keeps what is published by a port. "unknown": it is being found out. */
type Keeper = "unknown" | "stream" | "server";

/**
 * Publishes with a subject below one inbox for the answer, where a stream says that it has the message (`PubAck`). An
 * empty answer says that nobody listens; silence, with `auto`, that those who do keep nothing: then the server's word
 * is all there is, and after a while it is tried again. A port that a stream has kept once stays a stream's: when the
 * link to it is cut, all is as if there had never been one, and what the server confirms then is lost.
 */
export class Line {
  readonly #ports: LinePorts;
  readonly #inbox: string;
  readonly #subscription: Subscription | null;
  readonly #keepers = new Map<string, { readonly keeper: Keeper; readonly since: number }>();
  /** All that is not settled. */
  readonly #sent = new Set<Sent>();
  /** By the last token of the subject for the answer, oldest first. */
  readonly #awaited = new Map<string, Sent>();
  /** Handed over since the last time that the server was asked. */
  #unasked: Sent[] = [];
  #asking = false;
  #tokens = 0;
  #stopTimer: (() => void) | null = null;

  constructor(ports: LinePorts) {
    this.#ports = ports;
    const { bus, ack } = ports;
    this.#inbox = bus.inbox();
    const isAsked = ack !== "server";
    this.#subscription = isAsked ? bus.subscribe(`${this.#inbox}.*`, (message) => this.#answered(message)) : null;
    bus.onRefused((subject) => this.#refused(subject));
    bus.onState((state) => {
      if (state !== "here") this.#loseAll("the bus went away before it confirmed");
    });
  }

  /** Whether a stream is known to keep what goes out by a port. */
  isStream(port: string): boolean {
    return this.#keeperOf(port) === "stream";
  }

  /** Ports that a stream is known to keep. With `server` there are none: the site says that there is no stream. */
  get streams(): readonly string[] {
    return this.#ports.ack === "server" ? [] : [...this.#keepers.keys()].filter((port) => this.isStream(port));
  }

  /** The port was known as a stream's before. */
  remember(port: string): void {
    this.#keepers.set(port, { keeper: "stream", since: 0 });
  }

  /**
   * `settle` is called once, later.
   *
   * @throws AisleError as `Bus.publish`
   */
  send(message: Owed, settle: Settle): void {
    const { bus, clock } = this.#ports;
    const { port, subject, id, payload } = message;
    const keeper = this.#keeperOf(port);
    const headers = { "Nats-Msg-Id": id };
    const token = keeper === "server" ? null : String(++this.#tokens);
    const within = keeper === "stream" ? limits.outboxAckMs : limits.outboxTrialMs;
    const sent: Sent = { message, settle, token, until: clock.monotonic() + within, arrived: false };
    bus.publish(subject, payload, token === null ? { headers } : { headers, reply: `${this.#inbox}.${token}` });
    if (token !== null) {
      this.#awaited.set(token, sent);
      this.#watch();
    }
    this.#sent.add(sent);
    if (keeper !== "stream") this.#ask(sent);
  }

  close(): void {
    this.#subscription?.unsubscribe();
    this.#stopTimer?.();
    this.#sent.clear();
    this.#awaited.clear();
    this.#unasked = [];
  }

  #keeperOf(port: string): Keeper {
    const { ack, clock } = this.#ports;
    if (ack !== "auto") return ack;
    const known = this.#keepers.get(port);
    if (known === undefined) return "unknown";
    const isOld = known.keeper === "server" && clock.monotonic() - known.since >= limits.outboxLookMs;
    return isOld ? "unknown" : known.keeper;
  }

  #keeps(port: string, keeper: Keeper): void {
    const before = this.#keepers.get(port)?.keeper;
    if (before === "stream") return;
    this.#keepers.set(port, { keeper, since: this.#ports.clock.monotonic() });
    if (keeper === "stream") this.#ports.learned?.(port);
  }

  // ---- the server's word

  #ask(sent: Sent): void {
    this.#unasked.push(sent);
    if (this.#asking) return;
    this.#asking = true;
    queueMicrotask(() => void this.#askServer()); // for all that is handed over in this turn
  }

  async #askServer(): Promise<void> {
    while (this.#unasked.length > 0) {
      const asked = this.#unasked;
      this.#unasked = [];
      try {
        await this.#ports.bus.flush();
        // What the server refused it says before it confirms; that it does is heard of in the same turn.
        await new Promise((resolve) => setImmediate(resolve));
        for (const sent of asked) this.#arrived(sent);
      } catch (error) {
        for (const sent of asked) this.#settle(sent, (error as Error).message);
      }
    }
    this.#asking = false;
  }

  #arrived(sent: Sent): void {
    sent.arrived = true;
    if (sent.token === null) this.#settle(sent, null);
  }

  #refused(subject: string): void {
    for (const sent of [...this.#sent]) {
      if (sent.message.subject !== subject) continue;
      this.#settle(sent, `the server lets this place not publish to '${subject}': give it the permission`);
    }
  }

  // ---- a stream's word

  #answered({ subject, payload }: Message): void {
    const token = subject.slice(this.#inbox.length + 1);
    const sent = this.#awaited.get(token);
    if (sent === undefined) return;
    const { port } = sent.message;
    const answer = readAck(payload);
    if (answer === null) return; // somebody who listens has answered, and is no stream
    if (answer === "nobody") {
      const isLost = this.isStream(port);
      if (!isLost) this.#keeps(port, "server");
      this.#settle(sent, isLost ? this.#silence(sent, "no stream listens on") : null);
      return;
    }
    if (answer.keeper !== null) {
      this.#keeps(port, "stream");
      if (answer.error === null) this.#ports.kept?.(answer.keeper);
    }
    this.#settle(sent, answer.error === null ? null : `the stream says: ${answer.error}`, answer.isFinal);
  }

  #watch(): void {
    this.#stopTimer ??= this.#ports.clock.after(limits.outboxTrialMs, () => this.#late());
  }

  /** Some have waited long enough. */
  #late(): void {
    const { clock } = this.#ports;
    this.#stopTimer = null;
    const now = clock.monotonic();
    for (const sent of [...this.#awaited.values()]) {
      if (sent.until > now) continue;
      const { port } = sent.message;
      // The server has it, and nobody has ever said that he keeps it.
      const isKept = sent.arrived && !this.isStream(port);
      if (!this.isStream(port)) this.#keeps(port, isKept ? "server" : "unknown");
      this.#settle(sent, isKept ? null : this.#silence(sent, "no stream has confirmed what came on"));
    }
    if (this.#awaited.size > 0) this.#watch();
  }

  /** Why a message is not confirmed that a stream should keep. @param what  followed by the subject */
  #silence({ message: { port, subject } }: Sent, what: string): string {
    const why = `${what} '${subject}'`;
    if (this.#ports.ack !== "auto" || !this.isStream(port)) return why;
    return `the stream that kept '${port}' can't be reached: ${why}; set 'bus.outbox.ack: server' if there is none any more`;
  }

  #loseAll(why: string): void {
    this.#unasked = [];
    for (const sent of [...this.#sent]) this.#settle(sent, why);
  }

  #settle(sent: Sent, why: string | null, isLost = false): void {
    if (!this.#sent.delete(sent)) return;
    if (sent.token !== null) this.#awaited.delete(sent.token);
    sent.settle(why, isLost);
  }
}

/** A stream's answer, or an error whose sender doesn't say that it is one. */
interface PubAck {
  /** Null: an error may come from anybody. */
  readonly keeper: StreamKeeper | null;
  readonly error: string | null;
  /** It will say so however often it is asked. */
  readonly isFinal: boolean;
}

/** JetStream's own code: the message is larger than the stream takes. */
const TOO_LARGE = 10054;

/** "nobody": nobody listens. Null: the answer is no stream's. */
function readAck(payload: Uint8Array): "nobody" | PubAck | null {
  if (payload.length === 0) return "nobody";
  try {
    const { stream, seq, domain, error } = JSON.parse(Buffer.from(payload).toString());
    const isStream = typeof stream === "string" && typeof seq === "number";
    const keeper = isStream ? { stream, domain: typeof domain === "string" ? domain : null } : null;
    if (error !== undefined && error !== null)
      return {
        keeper,
        error: String(error.description ?? error.code ?? error),
        isFinal: error.err_code === TOO_LARGE,
      };
    return keeper === null ? null : { keeper, error: null, isFinal: false };
  } catch {
    return null;
  }
}
