// Events from streams that keep them: what a stream's server delivers goes to the intake in batches, and to the disk
// together with how far the stream was consumed by then. What is delivered again after a crash changes nothing.
import type { EventStream, StreamMark, StreamMessage, StreamNote, StreamReader } from "./bus/stream.ts";
import { within } from "./bus/within.ts";
import type { Clock } from "./clock.ts";
import { AisleError } from "./errors.ts";
import type { Position } from "./journal/journal.ts";
import { limits } from "./limits.ts";
import type { LabelledReading } from "./metrics.ts";

/** A message on its way in: nobody else holds its bytes. */
export interface StreamItem {
  readonly subject: string;
  /** Of events that name no type themselves; null: as the subject says. */
  readonly type: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Who takes events in. */
export interface StreamSink {
  /**
   * Takes items in, in order; resolves once all are on disk, or in the dead letters. Whatever part of them is one unit
   * on the disk has the position of its last item.
   *
   * @param positionOf  how far the source is consumed once this item, and all before it, are in
   * @throws AisleError `overloaded`, `full`, `unavailable` when some from one item on were not taken
   */
  take(items: readonly StreamItem[], positionOf: (index: number) => Position): Promise<void>;
}

export interface ConsumedStream {
  readonly stream: string;
  readonly consumer: string;
  readonly type: string | null;
  readonly source: EventStream;
}

export interface StreamsPorts {
  readonly streams: readonly ConsumedStream[];
  readonly sink: StreamSink;
  /**
   * How many items are sure to be taken if they come in this turn of the event loop. For of those that come together
   * none may be refused before one that is taken: its position would say that both are in.
   */
  readonly room: () => number;
  /** How far a source was consumed, by what is on disk. */
  readonly position: (source: string) => string | null;
  readonly clock: Clock;
  readonly told: (stream: string, note: StreamNote) => void;
  /** Nothing more can be taken in before a restart. */
  readonly fault: (what: string, error: unknown) => void;
}

/** All streams of a place. */
export class Streams {
  readonly #readers: readonly StreamIntake[];
  readonly #clock: Clock;

  constructor(ports: StreamsPorts) {
    this.#clock = ports.clock;
    this.#readers = ports.streams.map((stream) => new StreamIntake(stream, ports));
  }

  start(): void {
    for (const reader of this.#readers) reader.start();
  }

  /** Why something does not come, or would not last. */
  trouble(): string[] {
    return this.#readers.flatMap(({ trouble }) => trouble);
  }

  /** Asks for no more; resolves once what was received is on disk and acknowledged, or time is up. */
  async stop(timeoutMs: number = limits.drainMs): Promise<void> {
    await within(this.#clock, timeoutMs, Promise.all(this.#readers.map((reader) => reader.stop())));
  }

  readings(): LabelledReading[] {
    const read = (name: string, help: string, value: (reader: StreamIntake) => number): LabelledReading => ({
      ...{ name: `aisle_stream_${name}`, help, labels: ["stream", "consumer"] },
      read: () => this.#readers.map((reader) => [{ stream: reader.name, consumer: reader.consumer }, value(reader)]),
    });
    return [
      read("consumed_total", "Messages of a stream taken in", (reader) => reader.consumed),
      read("repeated_total", "Messages delivered again, and dropped", (reader) => reader.repeated),
      read("gone_total", "Messages that a stream lost before they were read, at most", (reader) => reader.gone),
      read("waiting", "Messages received that are not on disk yet", (reader) => reader.waiting),
      read("position", "Sequence of the last message on disk", (reader) => reader.mark()?.seq ?? 0),
    ];
  }
}

/** Messages that go to the disk together. */
interface Batch {
  readonly items: StreamItem[];
  readonly marks: StreamMark[];
  /** The furthest message received, new or not: a repeat may come behind what follows it. */
  last: StreamMessage | null;
  /** Messages received, repeats among them. */
  messages: number;
  bytes: number;
}

type Progress = Pick<StreamMark, "seq" | "time">;

const NEVER: StreamMark = { created: "", seq: 0, time: "" };

/** One stream on its way into the journal. */
class StreamIntake implements StreamReader {
  readonly name: string;
  readonly consumer: string;
  consumed = 0;
  repeated = 0;
  gone = 0;
  readonly #source: EventStream;
  readonly #type: string | null;
  readonly #ports: StreamsPorts;
  readonly #key: string;
  /** Of subjects that came, as many as the gate may know. */
  readonly #types = new Map<string, string | null>();
  /** Of what was received: what comes at or before it came before. */
  #seen: StreamMark = NEVER;
  /** Of what is on disk. */
  #mark: StreamMark | null = null;
  /** The one that fills last; the one on its way to the disk is none of them. */
  readonly #batches: Batch[] = [];
  #waiting = 0;
  #running: Promise<void> | null = null;
  #held: string | null = null;
  #stopped = false;

  constructor({ stream, consumer, type, source }: ConsumedStream, ports: StreamsPorts) {
    this.name = stream;
    this.consumer = consumer;
    this.#source = source;
    this.#type = type;
    this.#ports = ports;
    this.#key = `stream/${stream}/${consumer}`;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get trouble(): string[] {
    return [this.#source.trouble, this.#source.frailty, this.#held].filter((why) => why !== null);
  }

  start(): void {
    this.#mark = readMark(this.#ports.position(this.#key));
    this.#source.start(this);
  }

  async stop(): Promise<void> {
    this.#source.stop();
    if (this.#held !== null) this.#stopped = true;
    await this.settled();
    this.#stopped = true;
  }

  mark(): StreamMark | null {
    return this.#mark;
  }

  opened(mark: StreamMark): void {
    this.#seen = mark;
  }

  async settled(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  told(note: StreamNote): void {
    if (note.kind === "gone") this.gone += note.messages;
    this.#ports.told(this.name, note);
  }

  receive(message: StreamMessage): void {
    const batch = this.#filling();
    if (batch.last === null || isBehind(batch.last, message)) batch.last = message;
    batch.messages++;
    batch.bytes += message.bytes;
    this.#waiting++;
    if (isBehind(message, this.#seen)) {
      this.repeated++;
    } else {
      this.#seen = { created: this.#seen.created, seq: message.seq, time: later(this.#seen.time, message.time) };
      const { subject, headers } = message;
      batch.items.push({ subject, type: this.#type ?? this.#typeOf(subject), headers, body: message.payload });
      batch.marks.push(this.#seen);
    }
    // Once the bytes that came together are all read.
    this.#running ??= Promise.resolve().then(() => this.#run());
  }

  #typeOf(subject: string): string | null {
    let type = this.#types.get(subject);
    if (type === undefined) {
      type = typeOf(subject);
      if (this.#types.size < limits.intakeEnvelopes) this.#types.set(subject, type);
    }
    return type;
  }

  /** At most half of what may be under way at once: the other half comes while it is committed. */
  #filling(): Batch {
    const batch = this.#batches.at(-1);
    if (batch !== undefined && batch.messages < limits.consumedMessages / 2) return batch;
    const next: Batch = { items: [], marks: [], last: null, messages: 0, bytes: 0 };
    this.#batches.push(next);
    return next;
  }

  async #run(): Promise<void> {
    for (let batch = this.#batches.shift(); batch !== undefined && !this.#stopped; batch = this.#batches.shift()) {
      if (batch.items.length > 0) await this.#commit(batch);
      this.#waiting -= batch.messages;
      if (!this.#stopped) this.#source.done(batch.last!, batch.messages, batch.bytes);
    }
    this.#running = null;
  }

  /** Until it is on disk, however long the intake has no room. */
  async #commit({ items, marks }: Batch): Promise<void> {
    for (let from = 0, attempt = 0; from < items.length && !this.#stopped; ) {
      const to = Math.min(items.length, from + this.#ports.room());
      try {
        if (to === from) throw new AisleError("overloaded", "the intake has no room");
        await this.#take(items, marks, from, to);
        from = to;
        attempt = 0;
        this.#held = null;
      } catch (error) {
        this.#hold(error, attempt);
        await this.#pause(attempt++);
        from = this.#takenOf(marks, from);
      }
    }
  }

  async #take(items: readonly StreamItem[], marks: readonly StreamMark[], from: number, to: number): Promise<void> {
    const some = from === 0 && to === items.length ? items : items.slice(from, to);
    const positionOf = (index: number) => ({ source: this.#key, value: JSON.stringify(marks[from + index]) });
    await this.#ports.sink.take(some, positionOf);
    this.#mark = marks[to - 1]!;
    this.consumed += to - from;
  }

  #hold(error: unknown, attempt: number): void {
    const isPassing = error instanceof AisleError && error.retryable;
    const detail = error instanceof Error ? error.message : String(error);
    this.#held = `the stream '${this.name}' is held up: ${detail}`;
    if (attempt === 0 && !isPassing) this.#ports.fault(`events of the stream '${this.name}' can't be taken in`, error);
  }

  /** Items that are on disk, by the position that is there with the last of them. */
  #takenOf(marks: readonly StreamMark[], from: number): number {
    const mark = readMark(this.#ports.position(this.#key));
    if (mark === null || mark.created !== marks[0]!.created) return from;
    const at = marks.findIndex(({ seq, time }) => seq === mark.seq && time === mark.time);
    if (at < from) return from;
    this.#mark = marks[at]!;
    this.consumed += at + 1 - from;
    return at + 1;
  }

  #pause(attempt: number): Promise<void> {
    const ms = Math.min(limits.consumeRetryMaxMs, limits.consumeRetryMs * 2 ** Math.min(attempt, 20));
    return new Promise((resolve) => void this.#ports.clock.after(ms, resolve));
  }
}

/**
 * A message that was consumed has its sequence at or before the mark, and its time too: a server that lost its end gives
 * the sequences again, but later.
 */
function isBehind({ seq, time }: Progress, mark: Progress): boolean {
  return seq <= mark.seq && (mark.time === "" || later(mark.time, time) === mark.time);
}

/** The later of two times, ns as digits. */
function later(a: string, b: string): string {
  return a.length > b.length || (a.length === b.length && a >= b) ? a : b;
}

/** `….events.<type>…`: the token behind the last `events`. */
function typeOf(subject: string): string | null {
  const at = subject.lastIndexOf(".events.");
  return at < 0 ? null : (subject.slice(at + ".events.".length).split(".", 1)[0] ?? null);
}

function readMark(value: string | null): StreamMark | null {
  return value === null ? null : (JSON.parse(value) as StreamMark);
}
