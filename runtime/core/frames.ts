// The NATS protocol read where it lies: the host's side of `assembly/ingest/frames.ts`.
import assert from "node:assert/strict";

/** In the order of `Stop` in the core. */
const STOPS = ["more", "rows", "info", "refused", "large", "unknown"] as const;
/**
 * Why a reading ended: the rest is no whole frame, all rows are taken, the server said something (`text`), a message is
 * too large (`large`), or what follows is no frame.
 */
export type FrameStop = (typeof STOPS)[number];

/** What the reader asks of the instance that it reads for. */
export type FramesCore = {
  readonly memory: WebAssembly.Memory;
  reserve(bytes: number): number;
  frames(start: number, end: number, rows: number, capacity: number, bytesMax: number, lineMax: number): number;
  framesStop(): number;
  framesAt(): number;
  framesText(): number;
  framesTextLength(): number;
  framesNeeded(): number;
  framesPings(): number;
  framesPongs(): number;
};

export interface FrameReaderOptions {
  readonly core: FramesCore;
  /** Address of the rows that messages are written to, and for how many there is room. */
  readonly rows: number;
  readonly capacity: number;
  /** A message, its headers among it. */
  readonly bytesMax: number;
  /** A line of the protocol. */
  readonly lineMax: number;
  /** What one read of the socket may bring at most. */
  readonly readBytes: number;
}

/** A message that was too large: its bytes are passed over. */
export interface LargeMessage {
  readonly subject: string;
  /** Empty: nobody waits for an answer. */
  readonly reply: string;
  /** With the line before it. */
  readonly bytes: number;
}

/** The core reads so far behind the last byte; what it sees there it does not heed. */
const SLACK = 64;

/** A row, in words, as drawn in `assembly/ingest/frames.ts`. */
const ROW_WORDS = 8;
const SUBJECT = 3;
const REPLY = 5;

/**
 * A socket's bytes go straight into the memory of a core, and are read there. What is left of a frame is carried in
 * front of the next bytes. Rows and the bytes they point to are valid until the next `room`.
 */
export class FrameReader {
  /** Of the last reading. */
  messages = 0;
  pings = 0;
  pongs = 0;
  readonly #options: FrameReaderOptions;
  readonly #base: number;
  readonly #size: number;
  #memory = Buffer.alloc(0);
  /** Offsets: of what is not read yet, and behind it. */
  #from = 0;
  #to = 0;
  /** Bytes still to come of a message that is passed over. */
  #passing = 0;

  constructor(options: FrameReaderOptions) {
    const { core, bytesMax, lineMax, readBytes } = options;
    assert(bytesMax < 1e9);
    this.#options = options;
    this.#size = lineMax + bytesMax + 2 + readBytes;
    this.#base = core.reserve(this.#size + SLACK);
  }

  /** Where the next bytes go: at least `readBytes`. */
  room(): Uint8Array {
    const memory = this.#view();
    const { readBytes } = this.#options;
    if (this.#from > 0) memory.copyWithin(this.#base, this.#base + this.#from, this.#base + this.#to);
    this.#to -= this.#from;
    this.#from = 0;
    const at = this.#base + this.#to;
    return memory.subarray(at, at + readBytes);
  }

  /** So many bytes have come into the room. */
  add(bytes: number): void {
    this.#to += bytes;
    const passed = Math.min(this.#passing, bytes);
    this.#passing -= passed;
    this.#from += passed;
  }

  /** Reads on, to the next stop; to be called again until that is "more". */
  next(): FrameStop {
    const { core, rows, capacity, bytesMax, lineMax } = this.#options;
    this.messages = core.frames(this.#base + this.#from, this.#base + this.#to, rows, capacity, bytesMax, lineMax);
    this.#from = core.framesAt() - this.#base;
    this.pings = core.framesPings();
    this.pongs = core.framesPongs();
    return STOPS[core.framesStop()]!;
  }

  /** What the server said, after "info" and "refused". */
  text(): string {
    const { core } = this.#options;
    const at = core.framesText();
    return this.#view().toString("utf8", at, at + core.framesTextLength());
  }

  /** What is no frame, after "unknown": its first bytes, as a text for people. */
  strange(): string {
    const at = this.#base + this.#from;
    return JSON.stringify(this.#view().toString("latin1", at, Math.min(at + 32, this.#base + this.#to)));
  }

  /** Passes over the message that is too large. */
  pass(): LargeMessage {
    const { core, rows } = this.#options;
    const bytes = core.framesNeeded();
    const row = (rows >> 2) + this.messages * ROW_WORDS;
    const large = { subject: this.#text(row + SUBJECT), reply: this.#text(row + REPLY), bytes };
    const there = Math.min(bytes, this.#to - this.#from);
    this.#from += there;
    this.#passing = bytes - there;
    return large;
  }

  /** Another connection begins. */
  reset(): void {
    this.#from = 0;
    this.#to = 0;
    this.#passing = 0;
  }

  #text(word: number): string {
    const memory = this.#view();
    const at = memory.readUInt32LE(word << 2);
    return memory.toString("utf8", at, at + memory.readUInt32LE((word + 1) << 2));
  }

  /** A memory that has grown makes its views void. */
  #view(): Buffer {
    const { buffer } = this.#options.core.memory;
    if (this.#memory.buffer !== buffer) this.#memory = Buffer.from(buffer);
    return this.#memory;
  }
}
