import { type Clock, systemClock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";
import type {
  Bus,
  BusState,
  BusStats,
  Message,
  OnError,
  PublishOptions,
  RequestOptions,
  SubscribeOptions,
  Subscription,
} from "./bus.ts";
import { Deliveries } from "./deliveries.ts";
import { checkHeaders, type Headers, headerBytes } from "./headers.ts";
import { announce, report, warn } from "./report.ts";
import { checkPattern, checkQueue, checkSubject } from "./subject.ts";
import { SubjectTrie } from "./trie.ts";
import { within } from "./within.ts";

export interface MemoryBusOptions {
  readonly clock?: Clock;
  /** Default: a warning of the process. */
  readonly onError?: OnError;
}

const NOTHING = new Uint8Array();

interface Receiver {
  readonly subject: string;
  /** Empty: in no group. */
  readonly queue: string;
  readonly handle: (message: Message) => void;
  /** Messages on their way to it. */
  backlog: number;
}

interface Delivery {
  readonly receiver: Receiver;
  readonly message: Message;
}

/** The bus inside one process: the default, so that one device needs nothing else. */
export class MemoryBus implements Bus {
  readonly #clock: Clock;
  readonly #onError: OnError;
  readonly #trie = new SubjectTrie<Receiver>();
  readonly #deliveries: Deliveries<Delivery>;
  readonly #requests = new Set<Promise<Message>>();
  readonly #listeners: ((state: BusState) => void)[] = [];
  /** Where the next message of a queue group goes, per group. */
  readonly #turns = new Map<string, number>();
  #inboxes = 0;
  #state: BusState = "here";
  #drained: Promise<void> | null = null;
  #published = 0;
  #delivered = 0;
  #failed = 0;
  #slow = 0;

  constructor({ clock = systemClock, onError = warn }: MemoryBusOptions = {}) {
    this.#clock = clock;
    this.#onError = onError;
    this.#deliveries = new Deliveries((delivery) => this.#deliver(delivery), clock);
  }

  get state(): BusState {
    return this.#state;
  }

  onState(listener: (state: BusState) => void): void {
    this.#listeners.push(listener);
  }

  hears(subject: string): boolean {
    let heard = false;
    this.#trie.match(subject, () => {
      heard = true;
    });
    return heard;
  }

  inbox(): string {
    return `_INBOX.${++this.#inboxes}`;
  }

  /** Everybody may publish everywhere. */
  onRefused(): void {}

  publish(subject: string, payload: Uint8Array, { headers, reply }: PublishOptions = {}): void {
    this.#refuseWhenClosed();
    if (reply === undefined) {
      this.#send(memoryMessage(subject, payload, headers, null));
      return;
    }
    checkSubject(reply);
    const answer = (message: Message) => this.#send({ ...message, subject: reply });
    const heard = this.#send(memoryMessage(subject, payload, headers, answer));
    if (heard === 0) this.#send(memoryMessage(reply, NOTHING, undefined, null));
  }

  subscribe(subject: string, handle: (message: Message) => void, { queue = "" }: SubscribeOptions = {}): Subscription {
    this.#refuseWhenDraining();
    checkPattern(subject);
    if (queue !== "") checkQueue(queue);
    const receiver: Receiver = { subject, queue, handle, backlog: 0 };
    this.#trie.add(subject, receiver);
    return { subject, unsubscribe: () => this.#trie.remove(subject, receiver) };
  }

  async request(subject: string, payload: Uint8Array, options: RequestOptions = {}): Promise<Message> {
    this.#refuseWhenDraining();
    if (this.#requests.size >= limits.busRequests) {
      throw new AisleError("overloaded", `${limits.busRequests} requests are waiting for their answers`);
    }
    const answer = this.#ask(subject, payload, options);
    this.#requests.add(answer);
    try {
      return await answer;
    } finally {
      this.#requests.delete(answer);
    }
  }

  async flush(): Promise<void> {
    this.#refuseWhenClosed();
    await this.#deliveries.flush();
  }

  drain(): Promise<void> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  stats(): BusStats {
    return {
      published: this.#published,
      delivered: this.#delivered,
      failed: this.#failed,
      slow: this.#slow,
      waiting: this.#deliveries.waiting,
      losses: 0,
      cutOff: 0,
    };
  }

  async #drain(): Promise<void> {
    this.#trie.clear();
    await this.#deliveries.flush();
    await within(this.#clock, limits.drainMs, Promise.allSettled(this.#requests));
    this.#state = "closed";
    announce(this.#listeners, "closed", this.#onError);
  }

  #ask(subject: string, payload: Uint8Array, { headers, timeoutMs = limits.busRequestMs }: RequestOptions) {
    return new Promise<Message>((resolve, reject) => {
      const message = memoryMessage(subject, payload, headers, (reply) => {
        cancel();
        this.#published++;
        resolve(reply);
      });
      if (this.#send(message) === 0) throw new AisleError("unavailable", `nobody listens on '${subject}'`);
      const cancel = this.#clock.after(timeoutMs, () => {
        reject(new AisleError("unavailable", `no answer on '${subject}' within ${timeoutMs} ms`));
      });
    });
  }

  /** To all or to none. Returns how many will get it. */
  #send(message: Message): number {
    const receivers = this.#receivers(message.subject);
    for (const { subject, backlog } of receivers) {
      if (backlog < limits.busQueue) continue;
      this.#slow++;
      throw new AisleError("overloaded", `the subscription to '${subject}' has a backlog of ${backlog} messages`);
    }
    this.#published++;
    for (const receiver of receivers) {
      receiver.backlog++;
      this.#deliveries.push({ receiver, message });
    }
    return receivers.length;
  }

  #receivers(subject: string): Receiver[] {
    const receivers: Receiver[] = [];
    const grouped: Receiver[] = [];
    this.#trie.match(subject, (receiver) => {
      (receiver.queue === "" ? receivers : grouped).push(receiver);
    });
    if (grouped.length > 0) {
      for (const group of byQueue(grouped).values()) receivers.push(this.#pick(group));
    }
    return receivers;
  }

  /** They take turns; one whose backlog is full is passed over while another has room. */
  #pick(group: Receiver[]): Receiver {
    const queue = group[0]!.queue;
    const turn = this.#turns.get(queue) ?? 0;
    this.#turns.set(queue, turn + 1);
    const free = group.filter(({ backlog }) => backlog < limits.busQueue);
    const some = free.length > 0 ? free : group;
    return some[turn % some.length]!;
  }

  #deliver({ receiver, message }: Delivery): void {
    receiver.backlog--;
    this.#delivered++;
    try {
      const result: unknown = receiver.handle(message);
      if (result instanceof Promise) result.catch((error) => this.#fail(error, message.subject));
    } catch (error) {
      this.#fail(error, message.subject);
    }
  }

  #fail(error: unknown, subject: string): void {
    this.#failed++;
    report(this.#onError, error, subject);
  }

  #refuseWhenDraining(): void {
    if (this.#drained !== null) throw new AisleError("unavailable", "the bus is closing");
  }

  #refuseWhenClosed(): void {
    if (this.#state === "closed") throw new AisleError("unavailable", "the bus is closed");
  }
}

function memoryMessage(
  subject: string,
  payload: Uint8Array,
  headers: Headers | undefined,
  answer: ((reply: Message) => void) | null,
): Message {
  checkSubject(subject);
  const checked = checkHeaders(headers);
  const bytes = payload.length + headerBytes(checked);
  if (bytes > limits.busMessageBytes) {
    throw new AisleError("too-large", `${bytes} bytes for '${subject}', at most ${limits.busMessageBytes}`);
  }
  return {
    subject,
    payload,
    headers: checked,
    wantsReply: answer !== null,
    respond: (payload, headers) => answer?.(memoryMessage(subject, payload, headers, null)),
  };
}

function byQueue(receivers: readonly Receiver[]): Map<string, Receiver[]> {
  const groups = new Map<string, Receiver[]>();
  for (const receiver of receivers) {
    const group = groups.get(receiver.queue);
    if (group === undefined) groups.set(receiver.queue, [receiver]);
    else group.push(receiver);
  }
  return groups;
}
