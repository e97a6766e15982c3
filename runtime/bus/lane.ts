// The fast lane: a subscription on a socket of its own, whose bytes are read where they lie.
import { type Clock, Pause, systemClock } from "../clock.ts";
import { AisleError, type Code } from "../errors.ts";
import { limits } from "../limits.ts";
import { backoffMs, cryptoRandom } from "./backoff.ts";
import type { BusState, OnError } from "./bus.ts";
import type { Feed, FeedStats } from "./feed.ts";
import { checkHeaders } from "./headers.ts";
import type { Frames } from "./lane-frames.ts";
import { LaneLink, type LaneSubject, type LinkEvents, StrangeServer } from "./lane-link.ts";
import type { NatsOptions } from "./nats.ts";
import { type Login, loginOf } from "./nats-login.ts";
import { announce, report, warn } from "./report.ts";
import { parseServers, type Servers } from "./servers.ts";
import { Stalls } from "./stalls.ts";
import { within } from "./within.ts";

export interface LaneOptions extends NatsOptions {
  readonly subjects: readonly LaneSubject[];
  readonly frames: Frames;
  /**
   * So many messages stand in the rows of `frames`, in order; rows and bytes may be used until it returns. Must not
   * throw.
   *
   * @returns whether more may come; if not, `resume` is awaited. What has been read already still comes.
   */
  readonly take: (count: number) => boolean;
  /** Called once, when the server can't be spoken to here: the lane is closed then, and another way has to be taken. */
  readonly handOver: (reason: string) => void;
}

/**
 * Why the lane can't be taken to these servers; null when it may be tried.
 *
 * @throws AisleError `invalid` when the servers' addresses can't be read
 */
export function whyNoLane({ servers, tls }: Pick<NatsOptions, "servers" | "tls">): string | null {
  return tls !== undefined || parseServers(servers).tls ? "the bus is reached by TLS" : null;
}

/** Starts `away`, connects by itself, and again for ever when the connection is lost. */
export class Lane implements Feed {
  readonly #options: LaneOptions;
  readonly #servers: Servers;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #onError: OnError;
  readonly #listeners: ((state: BusState) => void)[] = [];
  readonly #hosts: Hosts;
  readonly #stalls: Stalls;
  #login: Login | null = null;
  /** Open, or being opened. */
  #link: LaneLink | null = null;
  #state: BusState = "away";
  #lastError: string | null = null;
  #isDraining = false;
  #isPaused = false;
  /** When reading began again after a pause, monotonic, ms. */
  #resumedAt = Number.NEGATIVE_INFINITY;
  #closed: Promise<void> | null = null;
  /** Ends the pause before the next attempt. */
  readonly #pause: Pause;
  readonly #stats = { messages: 0, bytes: 0, large: 0, losses: 0, slow: 0 };

  /** @throws AisleError `invalid` when the servers' addresses can't be read */
  constructor(options: LaneOptions) {
    const { clock = systemClock, random = cryptoRandom, onError = warn } = options;
    this.#options = options;
    this.#servers = parseServers(options.servers);
    this.#clock = clock;
    this.#pause = new Pause(clock);
    this.#random = random;
    this.#onError = onError;
    this.#hosts = new Hosts(this.#servers.hosts, random);
    this.#stalls = new Stalls(clock);
    void this.#stayConnected();
  }

  get state(): BusState {
    return this.#state;
  }

  /** Why the lane is away, in words without secrets; null while it is here. */
  get lastError(): string | null {
    return this.#lastError;
  }

  onState(listener: (state: BusState) => void): void {
    this.#listeners.push(listener);
  }

  pause(): void {
    this.#isPaused = true;
    this.#link?.pause();
  }

  resume(): void {
    if (this.#isPaused) this.#resumedAt = this.#clock.monotonic();
    this.#isPaused = false;
    this.#link?.resume();
  }

  answer(reply: string, payload: string, headers: Readonly<Record<string, string>> = {}): void {
    const frame = frameOf(reply, payload, headers);
    const error = this.#whyUnsent(frame);
    if (error === null) this.#link!.write(frame.text);
    else
      report(this.#onError, new AisleError(error.code, `the answer on '${reply}' was not sent: ${error.why}`), reply);
  }

  async drain(): Promise<void> {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#stalls.stop();
    this.#pause.end();
    if (this.#state !== "here") this.#link?.destroy();
    else await within(this.#clock, limits.drainMs, this.#link!.unsubscribe());
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  stats(): FeedStats {
    return { ...this.#stats };
  }

  async #stayConnected(): Promise<void> {
    for (let attempt = 0; !this.#isDraining; ) {
      const since = this.#clock.monotonic();
      const lost = await this.#connect();
      if (this.#isDraining || lost === null) return;
      this.#lastError = lost.message;
      const wasHere = this.#state === "here";
      if (wasHere) this.#lose(lost);
      if (lost instanceof StrangeServer) return this.#handOver(lost);
      if (!wasHere && attempt === 0) report(this.#onError, lost, "");
      // A server that takes us and throws us out at once must not be asked a thousand times a second.
      if (wasHere && this.#clock.monotonic() - since > limits.busRetryMaxMs) attempt = 0;
      if (!wasHere && this.#hosts.next()) continue;
      await this.#pause.for(backoffMs(attempt++, this.#random()));
    }
  }

  /** Connects to the server whose turn it is. @returns why the connection has ended; null: it was closed here */
  async #connect(): Promise<AisleError | null> {
    try {
      this.#login ??= await loginOf(this.#servers, this.#options);
      if (this.#isDraining) return null;
      const { name = "aisle", subjects, frames } = this.#options;
      const link = new LaneLink({
        ...{ host: this.#hosts.current, name: `${name} lane`, subjects, frames },
        ...{ login: this.#login, clock: this.#clock, on: this.#events() },
      });
      this.#link = link;
      await link.opened;
      if (this.#isPaused) link.pause();
      this.#enter("here");
      return await link.closed;
    } catch (error) {
      return error instanceof AisleError ? error : new AisleError("unavailable", String(error));
    }
  }

  #whyUnsent({ bytes, text }: Frame): { readonly code: Code; readonly why: string } | null {
    const link = this.#link;
    if (link === null || !link.isGreeted) return { code: "unavailable", why: "the NATS server is away" };
    if (bytes > link.bytesMax) return { code: "too-large", why: `${bytes} bytes, at most ${link.bytesMax}` };
    if (link.waiting + text.length > limits.busPendingBytes)
      return { code: "overloaded", why: `the server has not taken ${link.waiting} bytes` };
    return null;
  }

  #events(): LinkEvents {
    return {
      messages: (count) => {
        this.#stats.messages += count;
        if (!this.#options.take(count)) this.#isPaused = true;
        return !this.#isPaused;
      },
      read: (bytes) => {
        this.#stats.bytes += bytes;
      },
      large: (message) => this.#refuse(message),
      refused: (error) => report(this.#onError, error, ""),
      learned: (hosts) => this.#hosts.learn(hosts),
    };
  }

  #refuse({
    subject,
    reply,
    bytes,
  }: {
    readonly subject: string;
    readonly reply: string;
    readonly bytes: number;
  }): void {
    this.#stats.large++;
    const detail = `a message of ${bytes} bytes, at most ${limits.busMessageBytes} are taken`;
    report(this.#onError, new AisleError("too-large", `'${subject}': ${detail}`), subject);
    if (reply === "") return;
    const headers = { "Nats-Service-Error": detail, "Nats-Service-Error-Code": "400" };
    this.answer(reply, JSON.stringify({ code: "too-large", detail }), headers);
  }

  /** The server seldom says why it cuts off who reads too slowly; while nothing is read, that is not noticed. */
  #lose(reason: AisleError): void {
    const isFull = this.#isPaused || this.#clock.monotonic() - this.#resumedAt < limits.busPingMs;
    const isSlow = isFull || reason.code === "overloaded" || this.#stalls.within(limits.busPingMs);
    this.#stats.losses++;
    if (isSlow) this.#stats.slow++;
    this.#hosts.next();
    this.#enter("away");
    const why = isSlow
      ? `${reason.message}, as this place was ${isFull ? "full" : "held up"} and did not read: what it held is lost`
      : reason.message;
    report(this.#onError, new AisleError("unavailable", `the fast lane was cut off: ${why}`), "");
  }

  #handOver({ message }: StrangeServer): void {
    this.#isDraining = true;
    this.#stalls.stop();
    this.#enter("closed");
    this.#options.handOver(message);
  }

  async #close(): Promise<void> {
    await this.drain();
    const link = this.#link;
    if (link !== null) {
      link.close();
      await within(this.#clock, limits.drainMs, link.closed);
      link.destroy();
    }
    this.#enter("closed");
  }

  #enter(state: BusState): void {
    if (this.#state === state) return;
    this.#state = state;
    if (state === "here") this.#lastError = null;
    announce(this.#listeners, state, this.#onError);
  }
}

/** The servers of a cluster, in turn: those that were named, and those that it tells of. */
class Hosts {
  readonly #named: readonly string[];
  #told: readonly string[] = [];
  #turn: number;
  /** Tried since the last pause. */
  #tried = 0;

  /** @param random  in [0, 1): with whom it begins */
  constructor(named: readonly string[], random: () => number) {
    this.#named = named;
    this.#turn = Math.floor(random() * named.length);
  }

  get current(): string {
    const all = this.#all;
    return all[this.#turn % all.length]!;
  }

  /** Goes on to the next one. @returns false once all have had their turn */
  next(): boolean {
    this.#turn++;
    this.#tried = (this.#tried + 1) % this.#all.length;
    return this.#tried !== 0;
  }

  learn(hosts: readonly string[]): void {
    const current = this.current;
    this.#told = hosts.filter((host) => URL.canParse(`nats://${host}`) && !this.#named.includes(host));
    this.#turn = Math.max(0, this.#all.indexOf(current));
  }

  get #all(): readonly string[] {
    return [...this.#named, ...this.#told];
  }
}

/** What is written, and what of it counts against the server's bound on a message. */
interface Frame {
  readonly text: string;
  readonly bytes: number;
}

/** @throws AisleError `invalid` for a header that the wire can't carry */
function frameOf(reply: string, payload: string, headers: Readonly<Record<string, string>>): Frame {
  const lines = Object.entries(checkHeaders(headers)).map(([name, value]) => `${name}: ${value}\r\n`);
  const size = Buffer.byteLength(payload);
  if (lines.length === 0) return { text: `PUB ${reply} ${size}\r\n${payload}\r\n`, bytes: size };
  const block = `NATS/1.0\r\n${lines.join("")}\r\n`;
  const length = Buffer.byteLength(block);
  return { text: `HPUB ${reply} ${length} ${length + size}\r\n${block}${payload}\r\n`, bytes: length + size };
}
