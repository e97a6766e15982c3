// One plain connection to a NATS server, whose bytes go straight to where they are read.
import { connect, type Socket } from "node:net";
import type { Clock } from "../clock.ts";
import { AisleError, type Code } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Frames } from "./lane-frames.ts";
import { reasonOf } from "./nats-errors.ts";
import type { Login } from "./nats-login.ts";

export interface LaneSubject {
  readonly subject: string;
  /** Of the subscribers with the same queue name, one gets each message. */
  readonly queue?: string;
}

export interface LinkOptions {
  /** `host:port`, IPv6 in brackets. */
  readonly host: string;
  /** Shown by the server's monitoring. */
  readonly name: string;
  readonly login: Login;
  readonly subjects: readonly LaneSubject[];
  readonly frames: Frames;
  readonly clock: Clock;
  readonly on: LinkEvents;
}

export interface LinkEvents {
  /** So many messages stand in the rows of the reader. Must not throw. @returns whether more may come */
  messages(count: number): boolean;
  /** Bytes came from the server. */
  read(bytes: number): void;
  /** A message is larger than what is taken: it is passed over. */
  large(message: { readonly subject: string; readonly reply: string; readonly bytes: number }): void;
  /** The server said that something is wrong. */
  refused(error: AisleError): void;
  /** The addresses, `host:port`, under which the cluster can be reached. */
  learned(hosts: readonly string[]): void;
}

/** What is read of a server's INFO. */
interface Info {
  readonly tls_required?: boolean;
  readonly headers?: boolean;
  readonly nonce?: string;
  readonly max_payload?: number;
  readonly connect_urls?: readonly string[];
}

/** A server that can't be spoken to here; another way has to be taken. */
export class StrangeServer extends AisleError {
  override name = "StrangeServer";

  constructor(detail: string) {
    super("unsupported", detail);
  }
}

/** Opens at once. Its subscriptions are in force when `opened` resolves. */
export class LaneLink {
  /** Rejects with an AisleError, a StrangeServer among them. */
  readonly opened: Promise<void>;
  /** Resolves once it is closed: to the reason, null when that was `close`. */
  readonly closed: Promise<AisleError | null>;
  readonly #options: LinkOptions;
  readonly #socket: Socket;
  /** For each PING of ours that has no PONG yet; told false when none will come. */
  readonly #pongs: ((isHere: boolean) => void)[] = [];
  #info: Info | null = null;
  #reason: AisleError | null = null;
  #isOpen = false;
  #isClosing = false;
  #isPaused = false;
  /** What is written at the end of this turn. */
  #pending = "";
  #stopBeat: () => void = () => {};

  constructor(options: LinkOptions) {
    this.#options = options;
    options.frames.reset();
    const { hostname, port } = new URL(`nats://${options.host}`);
    // Before the buffer is asked for again, what was read is taken: the room is always the next one.
    const onread = { buffer: () => options.frames.room(), callback: (bytes: number) => this.#read(bytes) };
    this.#socket = connect({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port), noDelay: true, onread });
    this.closed = new Promise((resolve) => {
      this.#socket.once("close", () => {
        this.#stopBeat();
        this.#reason ??= lost("the server closed the connection");
        resolve(this.#isClosing ? null : this.#reason);
        for (const answered of this.#pongs.splice(0)) answered(false);
      });
    });
    this.#socket.on("error", (error) => this.#fail(lost(error.message)));
    this.opened = this.#open();
  }

  /** Bytes that the server has not taken yet. */
  get waiting(): number {
    return this.#socket.writableLength + this.#pending.length;
  }

  get bytesMax(): number {
    return Math.min(this.#info?.max_payload ?? limits.busMessageBytes, limits.busMessageBytes);
  }

  /** Messages may come, and be answered: that is before it is open. */
  get isGreeted(): boolean {
    return this.#info !== null && !this.#socket.destroyed;
  }

  /** Written at the end of this turn, together with what else is. */
  write(frames: string): void {
    if (this.#pending === "") process.nextTick(this.#send);
    this.#pending += frames;
  }

  /** Resolves once the server has answered to all that was written before, or the connection is lost. */
  flush(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.destroyed) return resolve();
      this.#pongs.push(() => resolve());
      this.write("PING\r\n");
    });
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  /** The server sends no further messages; resolves once all that were under way have been read. */
  async unsubscribe(): Promise<void> {
    this.write(this.#options.subjects.map((_, i) => `UNSUB ${i + 1}\r\n`).join(""));
    await this.flush();
  }

  /** Ends after what was written, at once when the server has not greeted. Twice is once. */
  close(): void {
    this.#isClosing = true;
    this.#send();
    if (this.#info === null) this.#socket.destroy();
    else this.#socket.destroySoon();
  }

  /** Ends whatever the server has not taken yet. */
  destroy(): void {
    this.#isClosing = true;
    this.#socket.destroy();
  }

  #open(): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.#options.clock.after(limits.busConnectMs, () =>
        this.#fail(lost(`no greeting within ${limits.busConnectMs} ms`)),
      );
      this.#pongs.push((isHere) => {
        cancel();
        if (!isHere) return reject(this.#reason);
        this.#isOpen = true;
        this.#beat(0);
        resolve();
      });
    });
  }

  /** Asks for a sign of life; two missing ones mean that nobody is there. While nothing is read, none can be heard. */
  #beat(missing: number): void {
    this.#stopBeat = this.#options.clock.after(limits.busPingMs, () => {
      if (this.#isPaused) return this.#beat(missing);
      if (missing === 2) return this.#fail(lost("the server gives no sign of life"));
      this.#beat(missing + 1);
      void this.flush().then(() => {
        this.#stopBeat();
        if (!this.#socket.destroyed) this.#beat(0);
      });
    });
  }

  #read(bytes: number): boolean {
    const { frames, on } = this.#options;
    on.read(bytes);
    frames.add(bytes);
    for (let more = true; more && !this.#socket.destroyed; ) more = this.#next();
    return !this.#isPaused;
  }

  /** Takes what the reader has found up to its next stop. @returns whether there is more to read */
  #next(): boolean {
    const { frames, on } = this.#options;
    const stop = frames.next();
    const { messages, pings, pongs } = frames;
    const large = stop === "large" ? frames.pass() : null;
    if (messages > 0 && !on.messages(messages)) this.pause();
    if (large !== null) on.large(large);
    if (pings > 0) this.write("PONG\r\n".repeat(pings));
    for (const answered of this.#pongs.splice(0, pongs)) answered(true);
    if (stop === "info") this.#greeted(frames.text());
    else if (stop === "refused") this.#refused(frames.text());
    else if (stop === "unknown")
      this.#fail(new StrangeServer(`the server sent ${frames.strange()}, which is no known frame`));
    return stop !== "more" && stop !== "unknown";
  }

  #greeted(text: string): void {
    const isFirst = this.#info === null;
    const info = parseInfo(text);
    const strange = whyStrange(info);
    this.#info = info;
    if (info?.connect_urls !== undefined) this.#options.on.learned(info.connect_urls);
    if (strange !== null) this.#fail(new StrangeServer(strange));
    else if (isFirst) this.#greet(info!);
  }

  #greet({ nonce }: Info): void {
    const { login, name, subjects } = this.#options;
    try {
      const about = { verbose: false, pedantic: false, lang: "node", version: "1", protocol: 1, name };
      const connect = { ...about, headers: true, no_responders: true, ...login(nonce) };
      const subs = subjects.map(({ subject, queue = "" }, i) => `SUB ${subject} ${queue} ${i + 1}\r\n`);
      this.write(`CONNECT ${JSON.stringify(connect)}\r\n${subs.join("")}PING\r\n`);
    } catch (error) {
      this.#fail(error instanceof AisleError ? error : lost(String(error)));
    }
  }

  #refused(text: string): void {
    const error = refusalOf(text.replace(/^'|'$/g, ""));
    const isFatal = error.code !== "forbidden";
    if (isFatal) this.#reason ??= error;
    // What keeps the connection from being opened is told of as the reason.
    if (this.#isOpen || !isFatal) this.#options.on.refused(error);
  }

  #fail(error: AisleError): void {
    this.#reason ??= error;
    this.#socket.destroy();
  }

  readonly #send = (): void => {
    if (this.#pending === "" || this.#socket.destroyed) return;
    this.#socket.write(this.#pending);
    this.#pending = "";
  };
}

function lost(detail: string): AisleError {
  return new AisleError("unavailable", detail);
}

function parseInfo(text: string): Info | null {
  try {
    const info: unknown = JSON.parse(text);
    return typeof info === "object" && info !== null ? (info as Info) : null;
  } catch {
    return null;
  }
}

function whyStrange(info: Info | null): string | null {
  if (info === null) return "the server's INFO is no JSON object";
  if (info.tls_required === true) return "the server demands TLS";
  return info.headers === true ? null : "the server knows no headers";
}

/** What the server said, by its words, in any version. */
function refusalOf(text: string): AisleError {
  const [, code, known] = REFUSALS.find(([words]) => words.test(text)) ?? [null, "unavailable" as const];
  return new AisleError(code, known === undefined ? `NATS server: ${text}` : reasonOf({ code: known }));
}

/** Words, the code, and the package's code for it where there are better words. */
const REFUSALS: readonly (readonly [RegExp, Code, string?])[] = [
  [/permissions violation|invalid subject/i, "forbidden"],
  [/expired/i, "unauthorized", "AUTHENTICATION_EXPIRED"],
  [/authori[sz]ation|authentication|revoked/i, "unauthorized", "AUTHORIZATION_VIOLATION"],
  [/maximum payload/i, "too-large"],
  [/slow consumer/i, "overloaded"],
];
