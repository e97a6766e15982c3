// A stream of a server that keeps messages until they are consumed: a port, over JetStream in nats-stream.ts.

/** A message of a stream. `payload` stays as it is; never write into it. */
export interface StreamMessage {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  /** Its place in the stream, from 1. */
  readonly seq: number;
  /** When the stream took it: ns since epoch, as digits. */
  readonly time: string;
  /** What it counts against what may be under way. */
  readonly bytes: number;
}

/** How far a stream was consumed. */
export interface StreamMark {
  /** When the stream was made: tells it from another of the same name. */
  readonly created: string;
  /** The last message consumed; 0: none. */
  readonly seq: number;
  /** The latest time of a message consumed, ns since epoch; empty: none. */
  readonly time: string;
}

/** What its reader should know of a stream. */
export type StreamNote =
  | { readonly kind: "gone"; readonly detail: string; readonly messages: number }
  | { readonly kind: "anew" | "rewound" | "lost" | "recreated"; readonly detail: string };

/** Who reads a stream. Must not throw. */
export interface StreamReader {
  /** What is on disk. Null: nothing was ever consumed. */
  mark(): StreamMark | null;
  /** A line is open: what follows comes from the stream that was made then, from behind this message on. */
  opened(mark: StreamMark): void;
  /** In the order of the stream, except for what comes again. */
  receive(message: StreamMessage): void;
  /** Resolves once nothing that was received is under way any more: `mark` then says where to go on. */
  settled(): Promise<void>;
  told(note: StreamNote): void;
}

export interface EventStream {
  /** Reads from now on, whenever the server is there. */
  start(reader: StreamReader): void;
  /** Messages up to this one are on disk, or were seen before: so many, of so many bytes. Others may come. */
  done(last: StreamMessage, messages: number, bytes: number): void;
  /** Why nothing comes, in words without secrets; null while the stream is read. */
  readonly trouble: string | null;
  /** Whether what it holds lasts: null, or why not. */
  readonly frailty: string | null;
  /** Asks for no more. What was received may still be `done`. Twice is once. */
  stop(): void;
}
