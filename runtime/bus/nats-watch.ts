import { AisleError } from "../errors.ts";
import type { Watch, Watcher } from "./kv.ts";
import { Latest } from "./latest.ts";
import type { Link } from "./nats.ts";
import { matches } from "./subject.ts";

export interface NatsWatchOptions {
  /** Subjects of the stream, as in `$KV.<bucket>.c.>`. */
  readonly pattern: string;
  readonly stream: string;
  /** Of what stands before a key in a subject. */
  readonly prefixLength: number;
  readonly watcher: Watcher;
  /** Of each change that is told. */
  readonly told: (revision: number) => void;
  /** The reading has ended before its time, and may be begun again. */
  readonly failed: (error: unknown) => void;
}

/**
 * One watch over a bucket: reads it again on each connection. By an ordered consumer, so that a message that was lost
 * on the way is asked for again, and none is told twice.
 */
export class NatsWatch implements Watch {
  readonly #options: NatsWatchOptions;
  readonly #latest: Latest;
  /** Counts the readings: what an older one still brings counts for nothing. */
  #reading = 0;
  #unsubscribe: () => void = () => {};

  constructor(options: NatsWatchOptions) {
    this.#options = options;
    this.#latest = new Latest(options.watcher);
  }

  /** @param anew  the bucket is another than before */
  async read({ library, connection }: Link, anew: boolean): Promise<void> {
    this.stop();
    const reading = this.#reading;
    this.#latest.begin(anew);
    let received = 0;
    /** Messages until all that stood there has come; not known at first. */
    let standing = Number.POSITIVE_INFINITY;
    const options = library.consumerOpts();
    options.bindStream(this.#options.stream);
    options.orderedConsumer();
    options.deliverLastPerSubject();
    options.callback((error, message) => {
      if (reading !== this.#reading) return;
      if (error !== null || message === null) return this.#fail(error);
      const removed = (message.headers?.get("KV-Operation") ?? "") !== "";
      const key = message.subject.slice(this.#options.prefixLength);
      this.#options.told(message.seq);
      this.#latest.see(key, removed ? null : message.string(), message.seq);
      if (++received >= standing || message.info.pending === 0) this.#latest.end();
    });
    try {
      const subscription = await connection.jetstream().subscribe(this.#options.pattern, options);
      if (reading !== this.#reading) return subscription.unsubscribe();
      this.#unsubscribe = () => subscription.unsubscribe();
      // As the consumer was when it was made; some may have come since.
      const { num_pending, delivered } = (subscription as unknown as Made).info.last;
      standing = num_pending + delivered.consumer_seq;
      if (received >= standing) this.#latest.end();
    } catch (error) {
      if (reading === this.#reading) this.#fail(error);
    }
  }

  /** A key was written on this connection. */
  wrote(subject: string, revision: number): void {
    const { pattern, prefixLength } = this.#options;
    if (matches(pattern, subject)) this.#latest.wrote(subject.slice(prefixLength), revision);
  }

  stop(): void {
    this.#reading++;
    this.#unsubscribe();
    this.#unsubscribe = () => {};
  }

  #fail(error: unknown): void {
    this.stop();
    this.#options.failed(error ?? new AisleError("unavailable", "the watch over the bucket ended"));
  }
}

/** What the package keeps with a subscription, and its own buckets rely on. */
interface Made {
  readonly info: {
    readonly last: { readonly num_pending: number; readonly delivered: { readonly consumer_seq: number } };
  };
}
