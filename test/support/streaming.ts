// A stream on a real server, read into a real journal.
import { type ConnectionOptions, connect, type JetStreamManager, type NatsConnection, type StreamConfig } from "nats";
import { onTestFinished } from "vitest";
import { NatsBus, type NatsOptions } from "../../runtime/bus/nats.ts";
import { NatsStream, type NatsStreamOptions } from "../../runtime/bus/nats-stream.ts";
import type { StreamNote } from "../../runtime/bus/stream.ts";
import { systemClock } from "../../runtime/clock.ts";
import type { AisleError } from "../../runtime/errors.ts";
import type { Draft, Journal } from "../../runtime/journal/journal.ts";
import { type StreamSink, Streams } from "../../runtime/streams.ts";
import { texts } from "./journal.ts";

export const STREAM = "SALES";

/** Somebody who publishes, with the control of JetStream. */
export interface Publisher {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  /** Publishes `<prefix><n>` for n in [from, to); resolves once the stream has them. */
  publish(from: number, to: number, subject?: string): Promise<void>;
}

/** Address, user and password of `nats://user:password@host:port`: the package reads no more than the address of it. */
export function loginOf(url: string): ConnectionOptions {
  const { host, username, password } = new URL(url);
  return { servers: host, ...(username === "" ? {} : { user: username, pass: password }) };
}

export async function publisherAt(url: string, stream: Partial<StreamConfig> | null = {}): Promise<Publisher> {
  const connection = await connect({
    ...loginOf(url),
    reconnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
  });
  onTestFinished(() => connection.close());
  const manager = await connection.jetstreamManager({ checkAPI: false });
  if (stream !== null) await manager.streams.add({ name: STREAM, subjects: ["sales.>"], ...stream });
  return {
    connection,
    manager,
    async publish(from, to, subject = "sales.events.sale") {
      const js = connection.jetstream();
      // Again until it is taken; the stream drops what it has.
      const send = async (n: number): Promise<void> => {
        for (;;) {
          const sent = js.publish(subject, String(n), { msgID: String(n), timeout: 1_000 });
          if (
            await sent.then(
              () => true,
              () => false,
            )
          )
            return;
          await pause(50);
        }
      };
      for (let at = from; at < to; at += 500)
        await Promise.all(Array.from({ length: Math.min(500, to - at) }, (_, i) => send(at + i)));
    },
  };
}

/** Appends each item as it is, with the position of the last. */
export function journalSink(journal: Journal): StreamSink {
  return {
    async take(items, positionOf) {
      const drafts = items.map(({ subject, body }): Draft => {
        return { kind: "event", principal: "nats", subject, headers: {}, payload: body };
      });
      await journal.append(drafts, { position: positionOf(items.length - 1) });
    },
  };
}

export interface ReadingStream {
  readonly bus: NatsBus;
  readonly source: NatsStream;
  readonly streams: Streams;
  readonly journal: Journal;
  readonly notes: StreamNote[];
  readonly errors: AisleError[];
  readonly faults: unknown[];
  /** Payloads of the journal, as numbers. */
  numbers(): number[];
  /** Leaves as a process that is killed: what it has not done stays undone. */
  vanish(): Promise<void>;
}

export interface ReadOptions {
  readonly url: string;
  readonly journal: Journal;
  readonly sink?: (journal: Journal) => StreamSink;
  readonly stream?: Partial<NatsStreamOptions>;
  readonly nats?: Partial<NatsOptions>;
}

export function readStream({ url, journal, sink = journalSink, stream = {}, nats = {} }: ReadOptions): ReadingStream {
  const notes: StreamNote[] = [];
  const errors: AisleError[] = [];
  const faults: unknown[] = [];
  const onError = (error: unknown) => void errors.push(error as AisleError);
  const bus = new NatsBus({ servers: url, onError, random: () => 0, ...nats });
  const source = new NatsStream({
    ...{ bus, stream: STREAM, consumer: "lab-box", filter: null, from: "all", domain: null, synced: false, onError },
    ...{ random: () => 0, ...stream },
  });
  const streams = new Streams({
    streams: [{ stream: STREAM, consumer: "lab-box", type: null, source }],
    sink: sink(journal),
    room: () => 100_000,
    position: (name) => journal.position(name),
    clock: systemClock,
    told: (_, note) => notes.push(note),
    fault: (_, error) => faults.push(error),
  });
  streams.start();
  onTestFinished(async () => {
    await streams.stop(500);
    await bus.drain();
  });
  return {
    ...{ bus, source, streams, journal, notes, errors, faults },
    numbers: () => texts(journal.read()).map(Number),
    async vanish() {
      source.stop();
      await bus.link?.connection.close();
      await bus.drain();
      await streams.stop(500);
    },
  };
}

/** As `until`, and may ask somebody. */
export async function untilSo(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(5);
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** 0, 1 … count - 1 */
export const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

export const reading = (streams: Streams, name: string): number =>
  streams
    .readings()
    .find((each) => each.name === `aisle_stream_${name}`)!
    .read()[0]![1];
