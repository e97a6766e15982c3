// A stream at the server of a network that fails: it keeps messages until they are acknowledged, and delivers from there
// again whenever a consumer comes.
import type { EventStream, StreamMessage, StreamReader } from "../../runtime/bus/stream.ts";
import type { FaultyBus, FaultyNetwork } from "./faulty-bus.ts";

const CREATED = "2026-03-01T00:00:00Z";
/** Messages under way to a consumer at most. */
const WINDOW = 8;
/** Nothing was heard for so long: the consumer asks again, ms. */
const AGAIN_MS = 2_000;

export class FaultyStream {
  readonly network: FaultyNetwork;
  readonly #messages: StreamMessage[] = [];
  /** The last message acknowledged. */
  consumed = 0;
  #heard: (() => void) | null = null;

  constructor(network: FaultyNetwork) {
    this.network = network;
  }

  get length(): number {
    return this.#messages.length;
  }

  get isConsumed(): boolean {
    return this.consumed === this.length;
  }

  add(subject: string, payload: Buffer): void {
    const seq = this.length + 1;
    this.#messages.push({
      subject,
      payload,
      headers: {},
      seq,
      time: String(10n ** 18n + BigInt(seq)),
      bytes: payload.length,
    });
    this.#heard?.();
  }

  /** Messages behind one, as many as may be under way; in a buffer of their own each. */
  after(seq: number): StreamMessage[] {
    return this.#messages.slice(seq, seq + WINDOW).map((each) => ({ ...each, payload: Buffer.from(each.payload) }));
  }

  acknowledge(seq: number): void {
    this.consumed = Math.max(this.consumed, seq);
  }

  /** A place's side of it; the one before is gone. */
  consumer(line: FaultyBus): EventStream {
    const consumer = new Consumer(this, line);
    this.#heard = () => consumer.fetch();
    return consumer;
  }
}

class Consumer implements EventStream {
  readonly trouble = null;
  readonly frailty = null;
  readonly #stream: FaultyStream;
  readonly #line: FaultyBus;
  #reader: StreamReader | null = null;
  /** The last one delivered on this line. */
  #delivered = 0;
  /** The last one that the place is done with. */
  #done = 0;
  #stopped = false;

  constructor(stream: FaultyStream, line: FaultyBus) {
    this.#stream = stream;
    this.#line = line;
  }

  start(reader: StreamReader): void {
    this.#reader = reader;
    reader.opened(reader.mark() ?? { created: CREATED, seq: 0, time: "" });
    this.#delivered = this.#stream.consumed;
    this.#done = this.#delivered;
    this.fetch();
    this.#askAgain();
  }

  /** Only in the order of the stream; what gets lost on the way is asked for again. */
  fetch(): void {
    if (this.#stopped || this.#reader === null || this.#line.state !== "here") return;
    for (const message of this.#stream.after(this.#done)) {
      if (message.seq !== this.#delivered + 1) continue;
      let isHere = false;
      this.#stream.network.carry(this.#line, () => {
        if (this.#stopped || this.#line.state === "closed" || (message.seq !== this.#delivered + 1 && !isHere)) return;
        isHere = true;
        this.#delivered = Math.max(this.#delivered, message.seq);
        this.#reader!.receive(message);
      });
    }
  }

  done(last: StreamMessage): void {
    this.#done = Math.max(this.#done, last.seq);
    this.#stream.network.carry(this.#line, () => this.#stream.acknowledge(last.seq));
    this.fetch();
  }

  stop(): void {
    this.#stopped = true;
  }

  #askAgain(): void {
    this.#stream.network.after(AGAIN_MS, () => {
      if (this.#stopped || this.#line.state === "closed") return;
      if (this.#done > this.#stream.consumed)
        this.#stream.network.carry(this.#line, () => this.#stream.acknowledge(this.#done));
      this.fetch();
      this.#askAgain();
    });
  }
}
