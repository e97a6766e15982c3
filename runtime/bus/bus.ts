/** A message on the bus. `payload` is valid during the callback only, unless copied; never write into it. */
export interface Message {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Answers a request; does nothing when nobody asked (`wantsReply` is false). Only the first answer counts.
   * May be called later than the callback. An answer that cannot be delivered because the bus is away or closed
   * goes to `onError`: the one who asked is told by their timeout.
   *
   * @throws AisleError `invalid`, `too-large` as `publish` does
   */
  respond(payload: Uint8Array, headers?: Readonly<Record<string, string>>): void;
  readonly wantsReply: boolean;
}

export interface Subscription {
  readonly subject: string;
  /** No further messages; those under way are still delivered. Twice is once. */
  unsubscribe(): void;
}

export interface PublishOptions {
  /** Names of printable ASCII without a colon; values of one line, trimmed. Upper and lower case count. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A subject that whoever gets the message may answer to. When nobody listens, an empty message comes there. */
  readonly reply?: string;
}

export interface SubscribeOptions {
  /** Of the subscribers with the same queue name, one gets each message. */
  readonly queue?: string;
  /**
   * Called instead of the handler, where the bus can, with a message that has no headers and wants no reply: nothing of
   * it is decoded. Both are valid during the call only. Must not throw.
   */
  readonly bytes?: (subject: Uint8Array, payload: Uint8Array) => void;
}

export interface RequestOptions extends Pick<PublishOptions, "headers"> {
  /** ms until `unavailable`; default `limits.busRequestMs`. */
  readonly timeoutMs?: number;
}

/** "away": no server can be reached; the bus goes on trying. */
export type BusState = "here" | "away" | "closed";

/** Where a handler's failure, and whatever else has no caller to be told, ends up. */
export type OnError = (error: unknown, subject: string) => void;

export interface BusStats {
  /** Messages handed in: published, requested and answered. */
  readonly published: number;
  /** Calls of handlers. */
  readonly delivered: number;
  /** Handlers that threw or rejected. */
  readonly failed: number;
  /** In-process: publishes refused because a backlog was full. NATS: handlers that took over `limits.busSlowMs`. */
  readonly slow: number;
  /** In-process: deliveries waiting. NATS: bytes that the server has not confirmed. */
  readonly waiting: number;
  /** Connections lost since the start; 0 in-process. */
  readonly losses: number;
  /** Of these, where we had not read for long, or the server said so: what it held for us is lost. */
  readonly cutOff: number;
}

/**
 * Subjects, wildcards (`*` one token, `>` the rest) and queue groups as in NATS.
 * Delivery is at most once and asynchronous: a publisher never runs a subscriber's code on its own stack.
 */
export interface Bus {
  readonly state: BusState;
  /** Called at each change, not for the state that it is in now. */
  onState(listener: (state: BusState) => void): void;
  /**
   * The payload is taken by reference: don't change it afterwards.
   * Nothing is kept for later: while the bus is away, the caller is told and decides.
   *
   * @throws AisleError `invalid` for a bad subject or header, `too-large`, `unavailable` when away or closed,
   *   `overloaded` at the bound of a backlog; then nobody got the message
   */
  publish(subject: string, payload: Uint8Array, options?: PublishOptions): void;
  /** A subject that nobody else uses, for answers: subscribe to what stands below it. */
  inbox(): string;
  /** Told of each subject that the server does not let this place publish to, as often as it says so. */
  onRefused(listener: (subject: string) => void): void;
  /** Whether a message there may reach somebody: false when it is sure that nobody would hear of it. */
  hears(subject: string): boolean;
  /**
   * A handler that throws, or returns a promise that rejects, harms nobody: it is counted and told to `onError`.
   * While the bus is away a subscription is remembered, and made when it is here.
   *
   * @throws AisleError `invalid` for a bad subject, `unavailable` when closed
   */
  subscribe(subject: string, handle: (message: Message) => void, options?: SubscribeOptions): Subscription;
  /**
   * @throws AisleError `unavailable` when nobody listens (at once), nobody answers in time, or the bus is away;
   *   the rest as `publish`
   */
  request(subject: string, payload: Uint8Array, options?: RequestOptions): Promise<Message>;
  /**
   * Resolves once everything published before has reached the server (or the subscribers), and subscriptions
   * made before are in force.
   *
   * @throws AisleError `unavailable` when away or closed
   */
  flush(): Promise<void>;
  /** Delivers what is under way, waits for answers asked for, then closes. Never rejects. Twice is once. */
  drain(): Promise<void>;
  stats(): BusStats;
}
