import type { Msg, Subscription } from "nats";
import type { Clock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Link } from "./nats.ts";
import { headersOf } from "./nats-headers.ts";
import type { StreamMessage } from "./stream.ts";

export interface LineOptions {
  readonly link: Link;
  readonly clock: Clock;
  /** Of the API's subjects: `$JS.API`, or `$JS.<domain>.API`. */
  readonly api: string;
  readonly stream: string;
  readonly consumer: string;
  /** Deliveries of the consumer before this line: each is counted, so that none is missed. */
  readonly delivered: number;
  readonly receive: (message: NatsStreamMessage) => void;
  /** The line is of no use any more; called once, and not after `stop`. */
  readonly ended: (reason: AisleError) => void;
}

/** A message of JetStream. Decodes subject and headers when asked. */
export class NatsStreamMessage implements StreamMessage {
  readonly seq: number;
  readonly time: string;
  /** The line it came on, which alone can acknowledge it. */
  readonly line: NatsStreamLine;
  readonly #raw: Msg;

  constructor(raw: Msg, { seq, time }: Delivery, line: NatsStreamLine) {
    this.#raw = raw;
    this.seq = seq;
    this.time = time;
    this.line = line;
  }

  get subject(): string {
    return this.#raw.subject;
  }

  get payload(): Uint8Array {
    return this.#raw.data;
  }

  get headers(): Readonly<Record<string, string>> {
    return headersOf(this.#raw);
  }

  get bytes(): number {
    return this.#raw.data.length + MESSAGE_BYTES;
  }

  /** Where the acknowledgement goes. */
  get reply(): string {
    return this.#raw.reply!;
  }
}

/** Of the subject that a delivery is to be acknowledged on. */
interface Delivery {
  readonly seq: number;
  /** Counts the consumer's deliveries. */
  readonly count: number;
  readonly time: string;
}

const HEARTBEAT = 100;
const NOTHING = 404;
const TIMEOUT = 408;
const CONFLICT = 409;
/** What ends a question and nothing else: it has run out, or the next message did not fit. */
const ASK_AGAIN = /maxbytes|max_bytes|request timeout|batch completed|requests pending/i;
const ACK = "+ACK";
/** What a message takes beside its payload: subject, headers, objects. */
const MESSAGE_BYTES = 512;
/** What a message takes beside what the server's bound on messages counts. */
const FRAME_BYTES = 8 * 1024;

/**
 * One connection's view of a consumer: asks for messages as long as there is room for them, and never for more, so that
 * what is on its way has a bound. (The package's own `consume` asks for more by itself, and can't be held.)
 */
export class NatsStreamLine {
  readonly #options: LineOptions;
  readonly #inbox: string;
  readonly #ackPrefix: string;
  readonly #bytesMax: number;
  #subscription: Subscription | null = null;
  #stopWatch: () => void = () => {};
  #count: number;
  readonly #questionBytes: number;
  /** Messages that the questions still have to bring, all together: the server serves them in turns. */
  #left = 0;
  /** Received and not done. */
  #messages = 0;
  #bytes = 0;
  #signs = 0;
  #isOpen = true;

  constructor(options: LineOptions) {
    const { link, stream, consumer, delivered } = options;
    this.#options = options;
    this.#inbox = link.library.createInbox();
    this.#ackPrefix = `$JS.ACK.${stream}.${consumer}.`;
    this.#count = delivered;
    this.#questionBytes = Math.max(limits.consumePullBytes, (link.connection.info?.max_payload ?? 0) + FRAME_BYTES);
    this.#bytesMax = Math.max(limits.consumedBytes, 2 * this.#questionBytes);
    this.#subscription = link.connection.subscribe(this.#inbox, {
      callback: (error, message) => {
        if (!this.#isOpen) return;
        if (error === null) this.#take(message);
        else this.#end(new AisleError("forbidden", `answers of JetStream can't be received: ${error.message}`));
      },
    });
    this.#watch(0);
    this.#ask();
  }

  /** Messages are done with: others may come. `last` is acknowledged, and with it all before it. */
  done(last: NatsStreamMessage, messages: number, bytes: number): void {
    this.#messages -= messages;
    this.#bytes -= bytes;
    if (!this.#isOpen || this.#options.link.connection.isClosed()) return;
    this.#options.link.connection.publish(last.reply, ACK);
    this.#ask();
  }

  /** Nothing more is received. Acknowledgements still go out. */
  stop(): void {
    this.#left = 0;
    this.#stopWatch();
    this.#subscription?.unsubscribe();
    this.#subscription = null;
  }

  /** Nothing goes in or out. */
  close(): void {
    this.#isOpen = false;
    this.stop();
  }

  #end(reason: AisleError): void {
    if (!this.#isOpen || this.#subscription === null) return;
    this.close();
    this.#options.ended(reason);
  }

  /** Several questions may stand, so that the next messages are on their way while the last are taken. */
  #ask(): void {
    while (this.#subscription !== null && this.#hasRoom()) {
      this.#left += limits.consumePull;
      this.#question();
    }
  }

  #hasRoom(): boolean {
    const messages = this.#messages + this.#left + limits.consumePull;
    const bytes = this.#bytes + (this.#left / limits.consumePull + 1) * this.#questionBytes;
    return messages <= limits.consumedMessages && bytes <= this.#bytesMax;
  }

  #question(): void {
    const { api, stream, consumer, link } = this.#options;
    const question = {
      ...{ batch: limits.consumePull, max_bytes: this.#questionBytes },
      ...{ expires: ns(limits.consumePullMs), idle_heartbeat: ns(limits.consumeBeatMs) },
    };
    const subject = `${api}.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
    link.connection.publish(subject, JSON.stringify(question), { reply: this.#inbox });
  }

  #take(raw: Msg): void {
    this.#signs++;
    const delivery = this.#deliveryOf(raw.reply ?? "");
    if (delivery === null) {
      if (raw.subject === this.#inbox) this.#hear(raw);
      return;
    }
    if (delivery.count !== this.#count + 1) {
      this.#miss(delivery.count);
      return;
    }
    this.#count = delivery.count;
    const message = new NatsStreamMessage(raw, delivery, this);
    this.#messages++;
    this.#bytes += message.bytes;
    if (this.#left > 0) this.#left--;
    this.#options.receive(message);
  }

  /** Another process asks the same consumer, or the network lost some. */
  #miss(count: number): void {
    const { consumer } = this.#options;
    const missing = `deliveries ${this.#count + 1} … ${count - 1} of the consumer '${consumer}' are missing`;
    this.#end(new AisleError("conflict", `${missing}: does another place read it too?`));
  }

  /** A status of the server in place of a message. */
  #hear({ headers }: Msg): void {
    const code = headers?.code ?? 0;
    const said = headers?.description ?? "";
    if (code === HEARTBEAT) return;
    const { stream, consumer } = this.#options;
    const isOver = code === NOTHING || code === TIMEOUT || (code === CONFLICT && ASK_AGAIN.test(said));
    if (!isOver) {
      const why = code === 503 ? "JetStream does not answer" : `JetStream says: ${said || code}`;
      this.#end(new AisleError("unavailable", `the consumer '${consumer}' of the stream '${stream}': ${why}`));
      return;
    }
    const left = Number(headers?.get("Nats-Pending-Messages") || this.#left);
    this.#left = Math.max(0, this.#left - left);
    this.#ask();
  }

  /** A stream that is silent is away. @param missed  signs of life, one after the other */
  #watch(missed: number): void {
    const signs = this.#signs;
    this.#stopWatch = this.#options.clock.after(limits.consumeBeatMs, () => {
      if (this.#subscription === null) return;
      if (this.#signs > signs || this.#left === 0) return this.#watch(0);
      if (missed === 0) return this.#watch(1);
      const { stream } = this.#options;
      const silence = `no sign of life of the stream '${stream}' for ${2 * limits.consumeBeatMs} ms`;
      this.#end(new AisleError("unavailable", silence));
    });
  }

  /** `<stream>.<consumer>.<tries>.<seq>.<count>.<time>.<pending>`, of newer servers with domain and account before it. */
  #deliveryOf(reply: string): Delivery | null {
    if (!reply.startsWith("$JS.ACK.")) return null;
    const start = reply.startsWith(this.#ackPrefix) ? this.#ackPrefix.length : behindTokens(reply, 6);
    const seq = reply.indexOf(".", start) + 1;
    const count = reply.indexOf(".", seq) + 1;
    const time = reply.indexOf(".", count) + 1;
    const end = reply.indexOf(".", time);
    if (start === 0 || seq === 0 || count === 0 || time === 0 || end < 0) return null;
    return {
      seq: Number(reply.slice(seq, count - 1)),
      count: Number(reply.slice(count, time - 1)),
      time: reply.slice(time, end),
    };
  }
}

/** Where the token begins that has so many before it; 0: there are not so many. */
function behindTokens(subject: string, tokens: number): number {
  let start = 0;
  for (let i = 0; i < tokens; i++) {
    start = subject.indexOf(".", start) + 1;
    if (start === 0) return 0;
  }
  return start;
}

/** ms → ns */
export function ns(ms: number): number {
  return ms * 1_000_000;
}
