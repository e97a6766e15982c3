import type { ConnectionOptions, Msg, NatsConnection, Subscription as NatsSubscription } from "nats";
import { type Clock, Pause, systemClock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";
import { backoffMs, cryptoRandom } from "./backoff.ts";
import type {
  Bus,
  BusState,
  BusStats,
  Message,
  OnError,
  PublishOptions,
  RequestOptions,
  SubscribeOptions,
  Subscription,
} from "./bus.ts";
import { checkHeaders, type Headers, headerBytes, NO_HEADERS } from "./headers.ts";
import { codeOf } from "./nats-codes.ts";
import { CODES, reasonOf, translated } from "./nats-errors.ts";
import { headersOf } from "./nats-headers.ts";
import { announce, report, warn } from "./report.ts";
import { parseServers, type Servers } from "./servers.ts";
import { Stalls } from "./stalls.ts";
import { checkPattern, checkQueue, checkSubject, encodeToken } from "./subject.ts";
import { within } from "./within.ts";

// The only file that loads the package `nats` (a successor exists): at the first connection, so that a site without NATS
// doesn't. Buckets and streams reach it by `link`.

export interface NatsOptions {
  /** `nats://host:4222` or `tls://…`, one or several. May carry `user:password@` or `token@`. */
  readonly servers: string | readonly string[];
  /** Shown by the server's monitoring. */
  readonly name?: string;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /** The text of a `.creds` file. */
  readonly credentials?: string;
  /** An NKey seed. */
  readonly seed?: string;
  readonly tls?: NatsTls;
  readonly clock?: Clock;
  /** In [0, 1); spreads the reconnects of many boxes. */
  readonly random?: () => number;
  /** Default: a warning of the process. */
  readonly onError?: OnError;
}

/** Paths of PEM files. An empty object demands TLS with the system's authorities. */
export interface NatsTls {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

type Library = typeof import("nats");

/** A connection, for what NATS offers beyond subjects. */
export interface Link {
  readonly library: Library;
  readonly connection: NatsConnection;
}

/** The server's word before it throws out a client that does not keep up. */
const SLOW = /slow.?consumer/i;
/** After so many bytes the server is asked to confirm that it has them. */
const MARK_BYTES = 1024 * 1024;
/** Of what the server forbids, so much is shown; of each subject so many tokens. */
const FORBIDDEN_SHOWN = 8;
const SUBJECT_TOKENS = 5;

/**
 * The bus over a NATS server. Starts `away`, connects by itself, and again for ever when the connection is lost.
 *
 * The package's own reconnecting is switched off: it keeps what is published meanwhile without a bound, drops it at
 * the next attempt without a word, and can't be stopped while it waits. Here a lost connection is a new one, with the
 * same subscriptions; what is published meanwhile is refused.
 */
export class NatsBus implements Bus {
  readonly #options: NatsOptions;
  readonly #servers: Servers;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #onError: OnError;
  readonly #receivers = new Set<Receiver>();
  readonly #requests = new Set<Promise<Message>>();
  readonly #listeners: ((state: BusState) => void)[] = [];
  readonly #refusedListeners: ((subject: string) => void)[] = [];
  readonly #stalls: Stalls;
  #inboxes = 0;
  #library: Library | null = null;
  #connection: NatsConnection | null = null;
  #state: BusState = "away";
  #drained: Promise<void> | null = null;
  /** Ends the pause before the next attempt. */
  readonly #pause: Pause;
  /** Of flushes under way: the package forgets them when the connection is lost. */
  readonly #flushes = new Set<() => void>();
  #lastError: string | null = null;
  /** What the server has refused on this connection. */
  readonly #forbidden = new Set<string>();
  /** Bytes handed over and not confirmed; the part of them after the last mark. */
  #unconfirmed = 0;
  #unmarked = 0;
  #published = 0;
  #delivered = 0;
  #failed = 0;
  #slow = 0;
  #losses = 0;
  #cutOff = 0;

  /** @throws AisleError `invalid` when the servers' addresses can't be read */
  constructor(options: NatsOptions) {
    const { clock = systemClock, random = cryptoRandom, onError = warn } = options;
    this.#options = options;
    this.#servers = parseServers(options.servers);
    this.#clock = clock;
    this.#pause = new Pause(clock);
    this.#random = random;
    this.#onError = onError;
    this.#stalls = new Stalls(clock);
    void this.#stayConnected();
  }

  get state(): BusState {
    return this.#state;
  }

  /** The connection of now; null while the bus is away. Each return makes a new one. */
  get link(): Link | null {
    const [library, connection] = [this.#library, this.#connection];
    return this.#state === "here" && library !== null && connection !== null ? { library, connection } : null;
  }

  /** Why the bus is away, in words without secrets; null while it is here. */
  get lastError(): string | null {
    return this.#lastError;
  }

  /** Why the bus does not do all that it should, in words without secrets; null: it does. */
  get trouble(): string | null {
    if (this.#state === "away" && this.#lastError !== null) return `NATS can't be reached: ${this.#lastError}`;
    if (this.#forbidden.size === 0) return null;
    return `the NATS server gives our account no permission to ${[...this.#forbidden].join(", ")}`;
  }

  onState(listener: (state: BusState) => void): void {
    this.#listeners.push(listener);
  }

  /** @throws AisleError `unavailable` when no server could be reached in time */
  async whenHere(timeoutMs: number = limits.busConnectMs): Promise<void> {
    if (this.#state === "here") return;
    this.#refuseWhenDraining();
    await new Promise<void>((resolve, reject) => {
      const cancel = this.#clock.after(timeoutMs, () => {
        reject(new AisleError("unavailable", `no NATS server within ${timeoutMs} ms: ${this.#lastError ?? "silence"}`));
      });
      this.onState((state) => {
        cancel();
        if (state === "here") resolve();
        else reject(new AisleError("unavailable", "the bus is closed"));
      });
    });
  }

  /** Who listens elsewhere only the server knows. */
  hears(): boolean {
    return this.state === "here";
  }

  inbox(): string {
    return `_INBOX.${encodeToken(this.#random().toString(36).slice(2) + (++this.#inboxes).toString(36))}`;
  }

  onRefused(listener: (subject: string) => void): void {
    this.#refusedListeners.push(listener);
  }

  publish(subject: string, payload: Uint8Array, { headers, reply }: PublishOptions = {}): void {
    checkSubject(subject);
    if (reply !== undefined) checkSubject(reply);
    this.#hand(this.#here(subject), subject, payload, checkHeaders(headers), reply);
  }

  subscribe(subject: string, handle: (message: Message) => void, options: SubscribeOptions = {}): Subscription {
    const { queue = "", bytes = null } = options;
    this.#refuseWhenDraining();
    checkPattern(subject);
    if (queue !== "") checkQueue(queue);
    const receiver: Receiver = { subject, queue, handle, bytes, live: null };
    this.#receivers.add(receiver);
    if (this.#connection !== null) this.#listen(this.#connection, receiver);
    return { subject, unsubscribe: () => this.#forget(receiver) };
  }

  async request(subject: string, payload: Uint8Array, options: RequestOptions = {}): Promise<Message> {
    this.#refuseWhenDraining();
    checkSubject(subject);
    const headers = checkHeaders(options.headers);
    if (this.#requests.size >= limits.busRequests) {
      throw new AisleError("overloaded", `${limits.busRequests} requests are waiting for their answers`);
    }
    const answer = this.#ask(subject, payload, headers, options.timeoutMs ?? limits.busRequestMs);
    this.#requests.add(answer);
    try {
      return await answer;
    } finally {
      this.#requests.delete(answer);
    }
  }

  async flush(): Promise<void> {
    const connection = this.#here("flush");
    await new Promise<void>((resolve, reject) => {
      const lost = () => reject(new AisleError("unavailable", "the NATS server went away before it had everything"));
      this.#flushes.add(lost);
      connection
        .flush()
        .then(resolve, lost)
        .finally(() => this.#flushes.delete(lost));
    });
  }

  drain(): Promise<void> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  stats(): BusStats {
    return {
      published: this.#published,
      delivered: this.#delivered,
      failed: this.#failed,
      slow: this.#slow,
      waiting: this.#unconfirmed,
      losses: this.#losses,
      cutOff: this.#cutOff,
    };
  }

  async #stayConnected(): Promise<void> {
    let attempt = 0;
    while (this.#drained === null) {
      try {
        const connection = await this.#connect();
        if (this.#drained !== null) return await connection.close();
        const since = this.#clock.monotonic();
        this.#enter("here");
        const reason = await connection.closed();
        this.#lose(reason ?? null);
        // A server that takes us and throws us out at once must not be asked a thousand times a second.
        if (this.#clock.monotonic() - since > limits.busRetryMaxMs) attempt = 0;
      } catch (error) {
        if (attempt === 0) report(this.#onError, translated(error, "connect"), "");
        this.#lastError = reasonOf(error);
      }
      if (this.#drained === null) await this.#pause.for(backoffMs(attempt++, this.#random()));
    }
  }

  /** Resolves once the server knows all subscriptions. */
  async #connect(): Promise<NatsConnection> {
    this.#library ??= await import("nats");
    const connection = await this.#library.connect(connectionOptions(this.#library, this.#servers, this.#options));
    try {
      void this.#watch(connection);
      for (const receiver of this.#receivers) this.#listen(connection, receiver);
      await Promise.race([connection.flush(), connection.closed().then((reason) => throwLost(reason ?? null))]);
    } catch (error) {
      await connection.close();
      throw error;
    }
    this.#connection = connection;
    // Subscribed to while the flush was under way: unknown to this connection so far.
    for (const receiver of this.#receivers) if (receiver.live === null) this.#listen(connection, receiver);
    return connection;
  }

  #lose(reason: Error | null): void {
    this.#connection = null;
    this.#unconfirmed = 0;
    this.#unmarked = 0;
    for (const receiver of this.#receivers) receiver.live = null;
    for (const lost of this.#flushes) lost();
    this.#flushes.clear();
    if (this.#drained !== null) return;
    this.#losses++;
    // A server that has waited for too long closes the connection, mostly without a word.
    const isSaid = reason !== null && SLOW.test(reason.message);
    if (isSaid || this.#stalls.within(limits.busPingMs)) this.#cutOff++;
    this.#lastError = reason === null ? "the server closed the connection" : reasonOf(reason);
    this.#enter("away");
  }

  async #drain(): Promise<void> {
    const connection = this.#connection;
    this.#stalls.stop();
    this.#pause.end();
    if (connection !== null) {
      const done = Promise.race([this.#finish(connection), connection.closed()]);
      await within(this.#clock, limits.drainMs, done);
      await connection.close();
    }
    this.#receivers.clear();
    this.#enter("closed");
  }

  /** Our subscriptions first: their handlers may still ask and publish. Never settles when the connection is lost. */
  async #finish(connection: NatsConnection): Promise<void> {
    const lives = [...this.#receivers].flatMap(({ live }) => live ?? []);
    await Promise.allSettled(lives.map((live) => live.drain()));
    await Promise.allSettled(this.#requests);
    await connection.flush();
  }

  #enter(state: BusState): void {
    this.#state = state;
    if (state === "here") this.#lastError = null;
    else this.#forbidden.clear();
    announce(this.#listeners, state, this.#onError);
  }

  #listen(connection: NatsConnection, receiver: Receiver): void {
    receiver.live = connection.subscribe(receiver.subject, {
      ...(receiver.queue === "" ? {} : { queue: receiver.queue }),
      callback: (error, message) => {
        if (error === null && receiver.bytes !== null && isBare(message)) {
          this.#delivered++;
          receiver.bytes(message._msg.subject, message._rdata);
        } else if (error === null) this.#deliver(receiver, message, connection);
        else report(this.#onError, translated(error, receiver.subject), receiver.subject);
      },
    });
  }

  #forget(receiver: Receiver): void {
    this.#receivers.delete(receiver);
    // Not `unsubscribe`, which would drop what the server has sent already.
    receiver.live?.drain().catch(() => {});
    receiver.live = null;
  }

  /** Nothing may be thrown into the package: it would stop reading, for good. */
  #deliver(receiver: Receiver, raw: Msg, connection: NatsConnection): void {
    this.#delivered++;
    const message = new NatsMessage(raw, connection, this.#respond);
    const start = this.#clock.monotonic();
    try {
      const result: unknown = receiver.handle(message);
      if (result instanceof Promise) result.catch((error) => this.#fail(error, message.subject));
    } catch (error) {
      this.#fail(error, message.subject);
    }
    if (this.#clock.monotonic() - start > limits.busSlowMs) this.#slow++;
  }

  /** By the connection of now, or the one that the question came by: it may come before the bus is here. */
  readonly #respond: Respond = ({ reply, subject }, from, payload, headers) => {
    if (!reply) return;
    try {
      const connection = this.#state === "away" && !from.isClosed() ? from : this.#here(reply);
      this.#hand(connection, reply, payload, checkHeaders(headers));
    } catch (error) {
      if (!(error instanceof AisleError && error.retryable)) throw error;
      report(this.#onError, error, subject);
    }
  };

  #fail(error: unknown, subject: string): void {
    this.#failed++;
    report(this.#onError, error, subject);
  }

  #hand(connection: NatsConnection, subject: string, payload: Uint8Array, headers: Headers, reply?: string): void {
    this.#reserve(connection, subject, payload.length + headerBytes(headers));
    try {
      if (headers === NO_HEADERS && reply === undefined) connection.publish(subject, payload);
      else connection.publish(subject, payload, this.#publishOptions(headers, reply));
    } catch (error) {
      throw translated(error, subject);
    }
    this.#published++;
  }

  async #ask(subject: string, payload: Uint8Array, headers: Headers, timeoutMs: number): Promise<Message> {
    const connection = this.#here(subject);
    this.#reserve(connection, subject, payload.length + headerBytes(headers));
    this.#published++;
    const options = { timeout: timeoutMs, ...(headers === NO_HEADERS ? {} : { headers: this.#encoded(headers) }) };
    try {
      return new NatsMessage(await connection.request(subject, payload, options), connection, this.#respond);
    } catch (error) {
      throw codeOf(error) === "TIMEOUT"
        ? new AisleError("unavailable", `no answer on '${subject}' within ${timeoutMs} ms`)
        : translated(error, subject);
    }
  }

  /**
   * The package writes to the socket whether or not it takes more. So the server confirms, mark by mark, what it has
   * got, and what it has not got has a bound.
   */
  #reserve(connection: NatsConnection, subject: string, bytes: number): void {
    const bytesMax = connection.info?.max_payload ?? limits.busMessageBytes;
    if (bytes > bytesMax) throw new AisleError("too-large", `${bytes} bytes for '${subject}', at most ${bytesMax}`);
    if (this.#unconfirmed + bytes > limits.busPendingBytes) {
      throw new AisleError("overloaded", `the NATS server has not confirmed ${this.#unconfirmed} bytes`);
    }
    this.#unconfirmed += bytes;
    this.#unmarked += bytes;
    if (this.#unmarked < MARK_BYTES) return;
    const marked = this.#unmarked;
    this.#unmarked = 0;
    const confirmed = () => {
      if (this.#connection === connection) this.#unconfirmed -= marked;
    };
    connection.flush().then(confirmed, () => {}); // rejected: the connection is lost, and with it the count
  }

  #here(subject: string): NatsConnection {
    if (this.#state === "here" && this.#connection !== null) return this.#connection;
    const why =
      this.#state === "closed"
        ? "the bus is closed"
        : `the NATS server is away (${this.#lastError ?? "not reached yet"})`;
    throw new AisleError("unavailable", `'${subject}' not sent: ${why}`);
  }

  #publishOptions(headers: Headers, reply: string | undefined) {
    return {
      ...(headers === NO_HEADERS ? {} : { headers: this.#encoded(headers) }),
      ...(reply === undefined ? {} : { reply }),
    };
  }

  #encoded(headers: Headers) {
    const encoded = this.#library!.headers();
    for (const [name, value] of Object.entries(headers)) encoded.append(name, value);
    return encoded;
  }

  /** What the server complains about outside any call. Ends with the connection. */
  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      const { type, data } = status;
      if (type !== "error") continue;
      const { operation, subject } = (status as { permissionContext?: { operation: string; subject: string } })
        .permissionContext ?? { operation: "", subject: "" };
      if (operation === "publish") for (const listener of this.#refusedListeners) listener(subject);
      const verb = operation === "subscription" ? "subscribe" : operation;
      if (verb !== "") this.#forbid(verb, subject);
      const said = verb === "" ? String(data) : `our account may not ${verb} to '${subject}'`;
      report(this.#onError, new AisleError(CODES[String(data)] ?? "unavailable", `NATS server: ${said}`), subject);
    }
  }

  #forbid(verb: string, subject: string): void {
    if (this.#forbidden.size >= FORBIDDEN_SHOWN) return;
    // Subjects below ours name customers; what is forbidden is told by their beginning.
    this.#forbidden.add(`${verb} to '${subject.split(".").slice(0, SUBJECT_TOKENS).join(".")}'`);
  }

  #refuseWhenDraining(): void {
    if (this.#drained !== null) throw new AisleError("unavailable", "the bus is closing");
  }
}

interface Receiver {
  readonly subject: string;
  /** Empty: in no group. */
  readonly queue: string;
  readonly handle: (message: Message) => void;
  readonly bytes: NonNullable<SubscribeOptions["bytes"]> | null;
  /** Its subscription on the connection of now. */
  live: NatsSubscription | null;
}

/** What the package's message holds: not in its types, so that it is looked for. */
type Bare = Msg & { readonly _msg: { readonly subject: Uint8Array }; readonly _rdata: Uint8Array };

/** Whether a message has neither headers nor a reply; no, where the package keeps that elsewhere. */
function isBare(message: Msg): message is Bare {
  const { _msg: head, _rdata: data } = message as Partial<{
    _msg: { readonly subject?: unknown; readonly hdr?: number; readonly reply?: Uint8Array };
    _rdata: unknown;
  }>;
  if (head === undefined || head.hdr !== -1 || !(data instanceof Uint8Array)) return false;
  return (head.reply === undefined || head.reply.length === 0) && head.subject instanceof Uint8Array;
}

/** @param from  the connection that the message came by */
type Respond = (raw: Msg, from: NatsConnection, payload: Uint8Array, headers: Headers | undefined) => void;

/** Decodes subject and headers when asked: most handlers read the payload only. */
class NatsMessage implements Message {
  readonly #raw: Msg;
  readonly #from: NatsConnection;
  readonly #respond: Respond;
  #headers: Headers | null = null;

  constructor(raw: Msg, from: NatsConnection, respond: Respond) {
    this.#raw = raw;
    this.#from = from;
    this.#respond = respond;
  }

  get subject(): string {
    return this.#raw.subject;
  }

  get payload(): Uint8Array {
    return this.#raw.data;
  }

  get headers(): Headers {
    this.#headers ??= headersOf(this.#raw);
    return this.#headers;
  }

  get wantsReply(): boolean {
    return Boolean(this.#raw.reply);
  }

  respond(payload: Uint8Array, headers?: Headers): void {
    this.#respond(this.#raw, this.#from, payload, headers);
  }
}

function connectionOptions(library: Library, servers: Servers, options: NatsOptions): ConnectionOptions {
  const { hosts, tls, ...inUrl } = servers;
  const { name = "aisle", credentials, seed } = options;
  const { user, password, token } = options.user || options.token ? options : inUrl;
  const utf8 = new TextEncoder();
  return {
    servers: [...hosts],
    name,
    reconnect: false,
    noAsyncTraces: true, // a stack trace per request costs more than the request
    timeout: limits.busConnectMs,
    pingInterval: limits.busPingMs,
    maxPingOut: 2,
    ...(user === undefined ? {} : { user, pass: password ?? "" }),
    ...(token === undefined ? {} : { token }),
    ...(credentials === undefined ? {} : { authenticator: library.credsAuthenticator(utf8.encode(credentials)) }),
    ...(seed === undefined ? {} : { authenticator: library.nkeyAuthenticator(utf8.encode(seed)) }),
    ...(options.tls === undefined && !tls ? {} : { tls: { ...options.tls } }),
  };
}

function throwLost(reason: Error | null): never {
  throw reason ?? new AisleError("unavailable", "the server closed the connection");
}
