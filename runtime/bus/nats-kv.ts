import { type Clock, systemClock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { OnError } from "./bus.ts";
import type { BucketState, Held, KeyValue, Watch, Watcher } from "./kv.ts";
import type { Link, NatsBus } from "./nats.ts";
import { findBucket } from "./nats-bucket.ts";
import { codeOf, ERR, NO_RESPONDERS } from "./nats-codes.ts";
import { NatsWatch } from "./nats-watch.ts";
import { report, warn } from "./report.ts";
import { checkPattern, checkSubject } from "./subject.ts";

export interface NatsKvOptions {
  readonly bus: NatsBus;
  /** `[A-Za-z0-9_-]+`. Made if it is not there, by whoever comes first: of the file, one value for each key. */
  readonly bucket: string;
  /** Servers that keep a copy; from 1, and at most 5. More than one needs nats-server 2.9.21 or later. */
  readonly replicas?: number;
  /** Size of the bucket; default `limits.boardBucketBytes`. */
  readonly bytesMax?: number;
  readonly clock?: Clock;
  /** In [0, 1). */
  readonly random?: () => number;
  /** Default: a warning of the process. */
  readonly onError?: OnError;
}

/**
 * A bucket of JetStream, as `nats kv` and every NATS client know it. Values are read from the stream's leader, never
 * from a copy that may lag behind.
 */
export class NatsKv implements KeyValue {
  readonly #options: Required<NatsKvOptions>;
  readonly #stream: string;
  readonly #prefix: string;
  readonly #listeners: ((state: BucketState) => void)[] = [];
  readonly #readers = new Set<NatsWatch>();
  #state: BucketState = "away";
  /** The connection on which the bucket was found. */
  #link: Link | null = null;
  #seeking = false;
  #probing = false;
  #requests = 0;
  /** When the stream was made: tells it from another of the same name. */
  #created: string | null = null;
  /** The highest revision that this process has seen: a stream that ends before it has lost its end. */
  #highest = 0;
  #stopPause: () => void = () => {};

  constructor(options: NatsKvOptions) {
    const { bucket, bus } = options;
    if (!/^[A-Za-z0-9_-]+$/.test(bucket))
      throw new AisleError("invalid", `'${bucket}' can't name a bucket: expected [A-Za-z0-9_-]`);
    this.#options = {
      ...{ replicas: 1, bytesMax: limits.boardBucketBytes, clock: systemClock, random: () => 0.5, onError: warn },
      ...options,
    };
    this.#stream = `KV_${bucket}`;
    this.#prefix = `$KV.${bucket}.`;
    bus.onState((state) => {
      if (state === "here") void this.#seek();
      else this.#lose();
      if (state === "closed") void this.close();
    });
    if (bus.state === "here") void this.#seek();
  }

  get state(): BucketState {
    return this.#state;
  }

  onState(listener: (state: BucketState) => void): void {
    this.#listeners.push(listener);
  }

  async create(key: string, value: string): Promise<number | null> {
    const created = await this.#publish(key, value, { expected: 0 });
    if (created !== null) return created;
    // Where something was removed, a mark stands.
    const held = await this.get(key);
    if (held === null || held.value !== null) return null;
    return this.#publish(key, value, { expected: held.revision });
  }

  update(key: string, value: string, revision: number): Promise<number | null> {
    return this.#publish(key, value, { expected: revision });
  }

  async put(key: string, value: string): Promise<number> {
    const revision = await this.#publish(key, value, {});
    if (revision === null) throw new AisleError("unavailable", `'${key}' was not written`);
    return revision;
  }

  remove(key: string, revision: number): Promise<number | null> {
    return this.#publish(key, "", { expected: revision, removes: true });
  }

  async get(key: string): Promise<Held | null> {
    const request = JSON.stringify({ last_by_subj: this.#subject(key) });
    const answer = await this.#ask(`$JS.API.STREAM.MSG.GET.${this.#stream}`, request, {});
    const { error, message } = answer as { error?: ApiError; message?: StoredMessage };
    if (error?.err_code === ERR.noMessage || error?.code === 404) {
      if (error.err_code === ERR.noStream) throw this.#refused(error, key);
      return null;
    }
    if (error !== undefined || message === undefined) throw this.#refused(error, key);
    const removed = message.hdrs !== undefined && REMOVED.test(fromBase64(message.hdrs));
    return { value: removed ? null : fromBase64(message.data ?? ""), revision: message.seq };
  }

  async forget(key: string, revision: number): Promise<void> {
    const request = JSON.stringify({ filter: this.#subject(key), seq: revision + 1 });
    const { error } = await this.#ask(`$JS.API.STREAM.PURGE.${this.#stream}`, request, {});
    if (error !== undefined) throw this.#refused(error, key);
  }

  watch(filter: string, watcher: Watcher): Watch {
    const pattern = this.#prefix + filter;
    checkPattern(pattern);
    const reader = new NatsWatch({
      ...{ pattern, stream: this.#stream, prefixLength: this.#prefix.length, watcher },
      told: (revision) => {
        this.#highest = Math.max(this.#highest, revision);
      },
      failed: (error) => void this.#again(reader, error),
    });
    this.#readers.add(reader);
    if (this.#link !== null) void reader.read(this.#link, false);
    return {
      stop: () => {
        this.#readers.delete(reader);
        reader.stop();
      },
    };
  }

  async close(): Promise<void> {
    if (this.#state === "closed") return;
    for (const reader of this.#readers) reader.stop();
    this.#readers.clear();
    this.#link = null;
    this.#stopPause();
    this.#enter("closed");
  }

  /** Looks for the bucket on the bus's connection until it is found, or the connection is lost. */
  async #seek(): Promise<void> {
    if (this.#seeking) return;
    this.#seeking = true;
    for (let attempt = 0; this.#state !== "closed" && this.#link === null; attempt++) {
      const { link } = this.#options.bus;
      if (link === null) break; // the bus tells when it is back
      try {
        await this.#open(link);
      } catch (error) {
        if (attempt === 0) report(this.#options.onError, asFailure(error, this.#stream), this.#stream);
        await this.#pause(attempt);
      }
    }
    this.#seeking = false;
  }

  async #open(link: Link): Promise<void> {
    const { created, state } = await findBucket(link, this.#stream, this.#prefix, this.#options);
    if (this.#state === "closed" || this.#options.bus.link?.connection !== link.connection) return;
    const anew = this.#created !== null && (this.#created !== created || state.last_seq < this.#highest);
    this.#created = created;
    this.#highest = Math.max(anew ? 0 : this.#highest, state.last_seq);
    this.#link = link;
    this.#enter("here");
    for (const reader of this.#readers) void reader.read(link, anew);
  }

  #lose(): void {
    if (this.#link === null) return;
    this.#link = null;
    for (const reader of this.#readers) reader.stop();
    this.#enter("away");
  }

  /** The bucket is not where it was: it is looked for anew. */
  #leave(link: Link): void {
    if (this.#link !== link) return;
    this.#lose();
    void this.#seek();
  }

  /** A request was not answered: whether that was this one's bad luck is found out by another. */
  async #probe(link: Link): Promise<void> {
    if (this.#probing || this.#link !== link) return;
    this.#probing = true;
    try {
      await link.connection.request(`$JS.API.STREAM.INFO.${this.#stream}`, "", { timeout: limits.bucketRequestMs });
    } catch {
      this.#leave(link);
    }
    this.#probing = false;
  }

  async #again(reader: NatsWatch, error: unknown): Promise<void> {
    report(this.#options.onError, asFailure(error, this.#stream), this.#stream);
    const link = this.#link;
    await this.#pause(0);
    if (link !== null && this.#link === link && this.#readers.has(reader)) void reader.read(link, false);
  }

  #pause(attempt: number): Promise<void> {
    const { clock, random } = this.#options;
    const ms = Math.min(limits.busRetryMaxMs, limits.busRetryMs * 2 ** Math.min(attempt, 20)) * (0.5 + random() / 2);
    return new Promise((resolve) => {
      const stop = clock.after(ms, resolve);
      this.#stopPause = () => {
        stop();
        resolve();
      };
    });
  }

  #enter(state: BucketState): void {
    if (this.#state === state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }

  /** Null: the last change is another than the expected one. */
  async #publish(
    key: string,
    value: string,
    { expected, removes = false }: { readonly expected?: number; readonly removes?: boolean },
  ): Promise<number | null> {
    const headers: Record<string, string> = {};
    if (expected !== undefined) headers["Nats-Expected-Last-Subject-Sequence"] = String(expected);
    if (removes) headers["KV-Operation"] = "DEL";
    const subject = this.#subject(key);
    const answer = await this.#ask(subject, value, headers);
    const { error, seq } = answer as { error?: ApiError; seq?: number };
    if (error?.err_code === ERR.wrongRevision) return null;
    if (error !== undefined || seq === undefined) throw this.#refused(error, key);
    this.#highest = Math.max(this.#highest, seq);
    for (const reader of this.#readers) reader.wrote(subject, seq);
    return seq;
  }

  async #ask(subject: string, text: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
    const link = this.#link;
    if (link === null) throw new AisleError("unavailable", `the bucket '${this.#options.bucket}' is ${this.#state}`);
    const { library, connection } = link;
    const payload = Buffer.from(text);
    const bytesMax = (connection.info?.max_payload ?? limits.busMessageBytes) - HEADER_BYTES;
    if (payload.length > bytesMax)
      throw new AisleError("too-large", `${payload.length} bytes for '${subject}', at most ${bytesMax}`);
    if (this.#requests >= limits.bucketRequests)
      throw new AisleError("overloaded", `${this.#requests} requests to the bucket wait for their answers`);
    const named = library.headers();
    for (const name in headers) named.append(name, headers[name]!);
    this.#requests++;
    try {
      const answer = await connection.request(subject, payload, { timeout: limits.bucketRequestMs, headers: named });
      return answer.json<Answer>();
    } catch (error) {
      if (codeOf(error) === NO_RESPONDERS) this.#leave(link);
      else void this.#probe(link);
      throw asFailure(error, subject);
    } finally {
      this.#requests--;
    }
  }

  #refused(error: ApiError | undefined, key: string): AisleError {
    const { err_code = 0, description = "an answer that makes no sense" } = error ?? {};
    if (err_code === ERR.noStream && this.#link !== null) this.#leave(this.#link);
    const isFull = err_code === ERR.full || err_code === ERR.noRoom;
    return new AisleError(isFull ? "overloaded" : "unavailable", `'${key}': JetStream: ${description}`);
  }

  /** @throws AisleError `invalid` for what is no key */
  #subject(key: string): string {
    const subject = this.#prefix + key;
    checkSubject(subject);
    return subject;
  }
}

interface ApiError {
  readonly code: number;
  readonly err_code: number;
  readonly description: string;
}

interface Answer {
  readonly error?: ApiError;
}

interface StoredMessage {
  readonly seq: number;
  /** In Base64, as `data`. */
  readonly hdrs?: string;
  readonly data?: string;
}

const REMOVED = /^KV-Operation: *(DEL|PURGE)/im;
/** What the headers of a change take of a message, with room to spare. */
const HEADER_BYTES = 256;

function fromBase64(text: string): string {
  return Buffer.from(text, "base64").toString();
}

function asFailure(error: unknown, subject: string): AisleError {
  if (error instanceof AisleError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const said = message === "503" ? "no JetStream answers" : message === "TIMEOUT" ? "no answer in time" : message;
  return new AisleError("unavailable", `'${subject}': ${said}`, { cause: error });
}
