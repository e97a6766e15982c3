// What brings events of the bus to those who take them in: a port, behind which a socket of its own stands (`lane.ts`)
// or the bus.
import type { BusState } from "./bus.ts";

export interface FeedStats {
  /** Messages handed on, and bytes read for them. */
  readonly messages: number;
  readonly bytes: number;
  /** Messages that were larger than what is taken. */
  readonly large: number;
  /** Connections lost since the start. */
  readonly losses: number;
  /** Times that it was lost soon after we had not read for long, or the server said so: what it held for us is lost. */
  readonly slow: number;
}

/** Subscriptions whose messages are handed on until they are drained. */
export interface Feed {
  readonly state: BusState;
  /** Called at each change, not for the state that it is in now. */
  onState(listener: (state: BusState) => void): void;
  /** Nothing more is read until `resume`; the server keeps what it can, and cuts off who rests for too long. */
  pause(): void;
  resume(): void;
  /**
   * Answers a message. What can't be delivered goes to `onError`, and who asked is told by their timeout.
   *
   * @param reply  the subject that the message brought
   * @param headers  of one line each
   */
  answer(reply: string, payload: string, headers?: Readonly<Record<string, string>>): void;
  /**
   * No further messages: resolves once all that were under way have been handed on, or `limits.drainMs` have passed, as
   * when it rests. Answers still go out.
   */
  drain(): Promise<void>;
  /** Sends the answers that wait, then ends. Never rejects. Twice is once. */
  close(): Promise<void>;
  stats(): FeedStats;
}
