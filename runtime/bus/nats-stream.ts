import { type Clock, systemClock } from "../clock.ts";
import type { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";
import { backoffMs } from "./backoff.ts";
import type { OnError } from "./bus.ts";
import type { Link, NatsBus } from "./nats.ts";
import { type ConsumerSettings, type OpenedConsumer, openConsumer } from "./nats-consumer.ts";
import { failureOf } from "./nats-errors.ts";
import { NatsStreamLine, type NatsStreamMessage } from "./nats-stream-line.ts";
import { frailtyOf } from "./nats-versions.ts";
import { report, warn } from "./report.ts";
import type { EventStream, StreamMessage, StreamReader } from "./stream.ts";

export interface NatsStreamOptions extends ConsumerSettings {
  readonly bus: NatsBus;
  /** Whether its server syncs before it acknowledges, as the site says: the server doesn't tell. */
  readonly synced: boolean;
  readonly clock?: Clock;
  /** In [0, 1). */
  readonly random?: () => number;
  /** Default: a warning of the process. */
  readonly onError?: OnError;
}

/**
 * A stream of JetStream, read by a durable consumer. Whatever breaks (connection, server, consumer, stream), the line is
 * closed, what it brought is waited for, and another is opened behind what is on disk by then.
 */
export class NatsStream implements EventStream {
  readonly #options: Required<NatsStreamOptions>;
  #reader: StreamReader | null = null;
  #line: NatsStreamLine | null = null;
  #trouble: string | null;
  #frailty: string | null = null;
  #seeking = false;
  #stopped = false;
  #stopPause: () => void = () => {};
  /** When the last line was opened; attempts since then. */
  #openedAt = Number.NEGATIVE_INFINITY;
  #attempt = 0;

  constructor(options: NatsStreamOptions) {
    this.#options = { clock: systemClock, random: () => 0.5, onError: warn, ...options };
    this.#trouble = `the stream '${options.stream}' is not reached yet`;
  }

  get trouble(): string | null {
    return this.#trouble;
  }

  get frailty(): string | null {
    return this.#frailty;
  }

  start(reader: StreamReader): void {
    this.#reader = reader;
    const { bus } = this.#options;
    bus.onState((state) => {
      if (state === "here") void this.#seek();
      else this.#close(`the stream '${this.#options.stream}' is not read: the bus is ${state}`);
    });
    if (bus.state === "here") void this.#seek();
  }

  done(last: StreamMessage, messages: number, bytes: number): void {
    const message = last as NatsStreamMessage;
    message.line.done(message, messages, bytes);
  }

  stop(): void {
    this.#stopped = true;
    this.#trouble = `the stream '${this.#options.stream}' is read no more`;
    this.#line?.stop();
    this.#stopPause();
  }

  /** Opens lines on the bus's connection until one stands, or the connection is lost. */
  async #seek(): Promise<void> {
    if (this.#seeking) return;
    this.#seeking = true;
    while (!this.#stopped && this.#line === null) {
      // A line that breaks at once must not be opened a thousand times a second.
      if (this.#attempt > 0) await this.#pause(this.#attempt);
      const { link } = this.#options.bus;
      if (link === null || this.#stopped) break; // the bus tells when it is back
      this.#attempt++;
      try {
        await this.#open(link);
      } catch (error) {
        this.#fail(failureOf(error, `the stream '${this.#options.stream}'`));
      }
    }
    this.#seeking = false;
  }

  async #open(link: Link): Promise<void> {
    const { stream, consumer, clock, domain } = this.#options;
    const reader = this.#reader!;
    await reader.settled();
    const opened = await openConsumer(link, this.#options, reader.mark());
    if (this.#stopped || this.#options.bus.link?.connection !== link.connection) return;
    for (const note of opened.notes) reader.told(note);
    reader.opened(opened.mark);
    this.#entered(link, opened);
    const api = domain === null ? "$JS.API" : `$JS.${domain}.API`;
    const line = new NatsStreamLine({
      ...{ link, clock, api, stream, consumer, delivered: opened.delivered },
      receive: (message) => {
        this.#attempt = 0;
        reader.receive(message);
      },
      ended: (reason) => {
        if (this.#line === line) this.#line = null;
        this.#fail(reason);
        void this.#seek();
      },
    });
    this.#line = line;
  }

  #entered({ connection }: Link, { info }: OpenedConsumer): void {
    const { synced, domain, clock } = this.#options;
    this.#trouble = null;
    this.#openedAt = clock.monotonic();
    // Through a leaf node the stream is on another server than the one that greeted us.
    const version = domain === null ? (connection.info?.version ?? null) : null;
    const { name, storage } = info.config;
    const rests = `events of the stream '${name}' rest on JetStream alone until they are consumed`;
    this.#frailty = frailtyOf({ rests, synced, setting: "synced", storage }, version);
  }

  #close(why: string): void {
    this.#line?.close();
    this.#line = null;
    this.#attempt = 0;
    this.#stopPause();
    if (!this.#stopped) this.#trouble = why;
  }

  #fail(error: AisleError): void {
    const { clock, onError, stream } = this.#options;
    if (clock.monotonic() - this.#openedAt > limits.busRetryMaxMs) this.#attempt = Math.min(this.#attempt, 1);
    // What is tried on and on is told when it changes.
    if (this.#trouble !== error.message) report(onError, error, stream);
    this.#trouble = error.message;
  }

  #pause(attempt: number): Promise<void> {
    const { clock, random } = this.#options;
    return new Promise((resolve) => {
      const stop = clock.after(backoffMs(attempt - 1, random()), resolve);
      this.#stopPause = () => {
        stop();
        resolve();
      };
    });
  }
}
