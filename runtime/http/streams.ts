import type { Clock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";
import { badParameter } from "./params.ts";
import type { Log } from "./ports.ts";
import type { Context } from "./route.ts";

export interface StreamLimits {
  /** Streams open at once. */
  readonly streams: number;
  /** Messages waiting for one slow client. */
  readonly streamQueue: number;
  /** ms between two comment lines. */
  readonly streamBeatMs: number;
}

/** What a stream sends: its sequence is its id, and grows. */
export interface Message {
  readonly seq: number;
}

/** Where a stream gets its messages from. */
export interface Feed<M extends Message> {
  /** What a client begins with that has no id to resume from, oldest first. */
  begin(): readonly M[];
  /** Messages after a sequence, oldest first, bounded; empty when none is left. */
  since(seq: number): readonly M[];
  follow(listener: (message: M) => void): () => void;
  /** A message as an event of the stream. The same message is asked for once. */
  print(message: M): { readonly event: string; readonly data: unknown };
}

const HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  "x-accel-buffering": "no", // nginx would hold messages back
};

/** ms that a client waits before it connects again. */
const RETRY = 2_000;

const utf8 = new TextEncoder();
const COMMENT = utf8.encode(":\n\n");

/**
 * Server-sent events. Each stream catches up from the journal first and follows live after; the switch happens
 * within one synchronous step, so that nothing falls between and nothing comes twice. A client that doesn't read
 * is cut off when its queue is full, and resumes by the id that it saw last.
 */
export class Streams {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limits: StreamLimits;
  /** Writes a comment line into each open stream. */
  readonly #beats = new Set<() => void>();
  #stopBeating: (() => void) | null = null;

  constructor(clock: Clock, log: Log, bounds: StreamLimits = limits) {
    this.#clock = clock;
    this.#log = log;
    this.#limits = bounds;
  }

  /** @throws AisleError `overloaded` when too many are open; `invalid` for an id that is none */
  open<M extends Message>(c: Context, feed: Feed<M>): Response {
    const resumeAfter = lastEventId(c);
    if (c.req.method === "HEAD") return new Response(null, { headers: HEADERS }); // nobody would read a body
    if (this.#beats.size >= this.#limits.streams) {
      throw new AisleError("overloaded", `${this.#limits.streams} streams are open, the most there may be`);
    }

    const { outgoing, closing } = c.env ?? {};
    let controller: ReadableStreamDefaultController<Uint8Array>;
    let unfollow: (() => void) | null = null;
    let ended = false;
    let after = resumeAfter; // null: begin with what stands, don't read the journal
    let lastSent = 0;

    const end = () => {
      if (ended) return;
      ended = true;
      unfollow?.();
      this.#beats.delete(beat);
      if (this.#beats.size === 0) this.#stopBeating?.();
      closing?.removeEventListener("abort", close);
    };
    const close = () => {
      if (ended) return;
      end();
      controller.close(); // after what is queued
    };
    const cut = () => {
      end();
      if (outgoing)
        outgoing.destroy(); // closing politely would wait for a reader who isn't there
      else controller.error(new AisleError("overloaded", "the client reads too slowly"));
    };
    const beat = () => {
      if ((controller.desiredSize ?? 0) > 0) controller.enqueue(COMMENT);
    };
    const send = (message: M) => {
      if (ended || message.seq <= lastSent) return;
      if ((controller.desiredSize ?? 0) <= 0) return cut();
      lastSent = message.seq;
      controller.enqueue(encoded(message, feed));
    };
    const goLive = () => {
      unfollow = feed.follow(send);
    };
    const catchUp = () => {
      const room = controller.desiredSize ?? 0;
      const page = after === null ? feed.begin() : feed.since(after);
      for (const message of page.slice(0, room)) send(message);
      if (after === null || page.length === 0) goLive();
      else after = lastSent;
    };

    this.#beats.add(beat);
    if (this.#beats.size === 1) this.#beatLater();
    closing?.addEventListener("abort", close);

    const body = new ReadableStream<Uint8Array>(
      {
        start: (given) => {
          controller = given;
          controller.enqueue(utf8.encode(`retry: ${RETRY}\n\n`));
          if (closing?.aborted) close();
        },
        pull: () => {
          if (ended || unfollow !== null) return;
          try {
            catchUp();
          } catch (error) {
            this.#log.error({ err: error }, "a stream could not read the journal");
            cut();
          }
        },
        cancel: end,
      },
      // Room for the queue and the first line.
      new CountQueuingStrategy({ highWaterMark: this.#limits.streamQueue + 1 }),
    );
    return new Response(body, { headers: HEADERS });
  }

  /** One timer for all streams, as long as there are any. */
  #beatLater(): void {
    this.#stopBeating = this.#clock.after(this.#limits.streamBeatMs, () => {
      for (const beat of this.#beats) beat();
      this.#beatLater();
    });
  }
}

/** `EventSource` sends the header by itself; the query is for a first connection. */
function lastEventId(c: Context): number | null {
  const text = c.req.header("last-event-id") ?? c.req.query("lastEventId");
  if (text === undefined || text === "") return null;
  if (!/^\d{1,15}$/.test(text)) {
    throw badParameter(
      "lastEventId",
      "wrong-type",
      `the last event id '${text}' is no sequence: a whole number from 0, as in the stream's 'id:' lines`,
    );
  }
  return Number(text);
}

/** Live messages go to many streams: encoded once, the memory shared. */
const encodings = new WeakMap<Message, Uint8Array>();

function encoded<M extends Message>(message: M, feed: Feed<M>): Uint8Array {
  let bytes = encodings.get(message);
  if (bytes === undefined) {
    const { event, data } = feed.print(message);
    bytes = utf8.encode(`id: ${message.seq}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    encodings.set(message, bytes);
  }
  return bytes;
}
