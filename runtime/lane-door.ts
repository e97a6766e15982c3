// Events from the bus by the fast lane: from its socket straight into the intake's memory.
import type { BusState } from "./bus/bus.ts";
import { Lane, type LaneOptions } from "./bus/lane.ts";
import { FrameReader, type FramesCore } from "./core/frames.ts";
import { AisleError } from "./errors.ts";
import { type Ack, ackHeader, ackOf } from "./intake/ack.ts";
import type { Asked } from "./intake/answers.ts";
import { ITEM_BYTES, ITEM_WORDS } from "./intake/gate.ts";
import type { Intake } from "./intake/intake.ts";
import { natsHeaders } from "./intake/nats-headers.ts";
import { limits } from "./limits.ts";
import { type Reply, replyOf, replyTo } from "./replies.ts";

export interface LaneDoorOptions extends Omit<LaneOptions, "subjects" | "frames" | "take"> {
  /** `<prefix>.<site>.<place>` */
  readonly base: string;
  readonly intake: Pick<Intake, "core" | "rows" | "take" | "onFull">;
  /** Whether there is one that takes entries over. */
  readonly hasHub: boolean;
}

/** An item, in words: as drawn in `assembly/ingest/frames.ts`. */
const END = 1;
const REPLY = 5;
const REPLY_LENGTH = 6;
const HEADERS = 7;

const NOBODY: readonly Asked[] = [];

export class LaneDoor {
  readonly lane: Lane;
  readonly #options: LaneDoorOptions;
  /** Address of the items. */
  readonly #items: number;
  #words = new Uint32Array();
  #bytes = Buffer.alloc(0);

  constructor(options: LaneDoorOptions) {
    this.#options = options;
    const { base, intake, hasHub: _, ...rest } = options;
    const capacity = limits.laneItems;
    this.#items = intake.rows(capacity);
    const { busMessageBytes: bytesMax, busLineBytes: lineMax, laneReadBytes: readBytes } = limits;
    const core = intake.core as unknown as FramesCore;
    const frames = new FrameReader({ core, rows: this.#items, capacity, bytesMax, lineMax, readBytes });
    const subjects = [{ subject: `${base}.events.>` }, { subject: `${base}.outcomes` }];
    this.lane = new Lane({ ...rest, subjects, frames, take: (count) => this.#take(count) });
    intake.onFull((isFull) => (isFull ? this.lane.pause() : this.lane.resume()));
  }

  get state(): BusState {
    return this.lane.state;
  }

  /** No further events: resolves once all that were under way are with the intake. Their answers still go out. */
  drain(): Promise<void> {
    return this.lane.drain();
  }

  close(): Promise<void> {
    return this.lane.close();
  }

  #take(count: number): boolean {
    this.#look();
    const words = this.#words;
    const asked: Asked[] = [];
    let from = 0;
    let mayCome = true;
    for (let item = 0; item < count; item++) {
      const at = this.#word(item);
      if (words[at + REPLY_LENGTH] === 0) continue;
      const ack = this.#ackOf(at);
      if (ack instanceof Error) {
        // Who asks for what there is not gets no event taken.
        this.#answer(this.#replyAt(at), replyOf(ack));
        if (item > from) mayCome = this.#hand(from, item, asked.splice(0));
        from = item + 1;
      } else asked.push({ item: item - from, ack, answer: this.#answerTo(this.#replyAt(at)) });
    }
    return from < count ? this.#hand(from, count, asked) : mayCome;
  }

  #hand(from: number, to: number, asked: readonly Asked[]): boolean {
    // They lie one behind the other, with their lines between them.
    const bytes = this.#words[this.#word(to - 1) + END]! - this.#words[this.#word(from)]!;
    const rows = this.#items + from * ITEM_BYTES;
    return this.#options.intake.take(rows, to - from, { bytes, asked: asked.length === 0 ? NOBODY : asked });
  }

  #ackOf(at: number): Ack | AisleError {
    const headers = this.#words[at + HEADERS]!;
    const { hasHub } = this.#options;
    try {
      const block = headers === 0 ? null : this.#bytes.toString("latin1", headers, this.#words[at]!);
      const named = block === null ? undefined : ackHeader(natsHeaders(block));
      return ackOf(named, hasHub);
    } catch (error) {
      if (error instanceof AisleError) return error;
      throw error;
    }
  }

  #replyAt(at: number): string {
    const start = this.#words[at + REPLY]!;
    return this.#bytes.toString("utf8", start, start + this.#words[at + REPLY_LENGTH]!);
  }

  #answerTo(reply: string): Asked["answer"] {
    return (receipt, error) => this.#answer(reply, receipt === null ? replyOf(error!) : replyTo(receipt));
  }

  #answer(reply: string, { payload, headers }: Reply): void {
    this.lane.answer(reply, payload, headers);
  }

  #word(item: number): number {
    return (this.#items >> 2) + item * ITEM_WORDS;
  }

  /** A memory that has grown makes its views void. */
  #look(): void {
    const { buffer } = this.#options.intake.core.memory;
    if (this.#words.buffer === buffer) return;
    this.#words = new Uint32Array(buffer);
    this.#bytes = Buffer.from(buffer);
  }
}
