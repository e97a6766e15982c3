// Events on their way in, many at a time: bytes → scan → one block of the journal, no object for each.
//
// Who has bytes of his own (the `nats` client) adds them one by one; they are taken with what else came in the turn.
// What comes while much is under way to the disk waits for the end of its commit, or until there is much of it, and goes
// into the next one: so commits grow under load and shrink without it, and no timer runs.
//
//   intake.add(payload, envelope, subject, answer)   the payload is copied; `envelope` is of `intake.envelope({ … })`,
//                                                    or 0, and found by the subject's bytes
//   intake.addInbound(inbound, answer)               what has to be looked at anyway keeps its place among the others
//
// Who has many at once hands them over, and all have their places in the journal when the call returns:
//
//   const rows = intake.rows(capacity)               memory for items, 32 bytes each: see assembly/ingest/gate.ts
//   intake.take(rows, count, { bytes, asked })       they and their bytes are free again when it returns
//   intake.takeStream(items, positionOf)             from a source that keeps them, with how far it is consumed (T1)
//   intake.body(chunks, bytes, envelope, ack)        a whole body, if all of it is plain
//
// `onFull` says when a source should rest, and when it may go on. What comes beyond the bound all the same is refused:
// who waits for an answer gets `overloaded`, what nobody waits for is counted (`dropped`) and told.
import type { Clock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import type { Inbound, Receipt } from "../http/ports.ts";
import type { Position } from "../journal/journal.ts";
import { limits } from "../limits.ts";
import type { Ack } from "./ack.ts";
import type { Answer, Asked } from "./answers.ts";
import { Blocks } from "./blocks.ts";
import { PlainBodies } from "./bodies.ts";
import { ASKED, Envelopes } from "./envelopes.ts";
import { type Envelope, Gate, type GateOptions, ITEM_BYTES } from "./gate.ts";
import { Gathering } from "./gathering.ts";
import { type Batch, Sorter, type SorterPorts } from "./sorter.ts";

export interface IntakeOptions extends Omit<SorterPorts, "gate" | "envelopes" | "blocks" | "now" | "lost"> {
  readonly gate: Omit<GateOptions, "base">;
  /** `<prefix>.<site>.<place>` */
  readonly base: string;
  readonly clock: Clock;
  /** The disk is full: then nothing is held, so that whoever asks is answered. Missing: it never is. */
  readonly isStuck?: () => boolean;
  /** So many events were dropped that nobody waits for; at most once a second. */
  readonly lost: (many: number, error: Error) => void;
}

export interface TakeRows {
  /** Of the payloads, for the bound. */
  readonly bytes: number;
  /** Who waits for an answer, ascending by item. */
  readonly asked?: readonly Asked[];
}

/** An event from a source that keeps it. */
export interface StreamItem {
  readonly subject: string;
  /** Of events that name no type themselves. */
  readonly type: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** What is dropped is told at most so often, ms. */
const TELL_MS = 1_000;
/** Of the bound: from here on sources should rest, and below the half of that they may go on. */
const FULL = 0.75;

export class Intake {
  /** Events that nobody waited for, and that could not be taken, since the start. */
  dropped = 0;
  readonly #clock: Clock;
  readonly #onLost: IntakeOptions["lost"];
  readonly #isStuck: () => boolean;
  readonly #gate: Gate;
  readonly #envelopes: Envelopes;
  readonly #sorter: Sorter;
  readonly #gathering: Gathering;
  /** The same for streams, made when there is one; it is in use until this settles. */
  #streamed: Gathering | null = null;
  #streaming: Promise<void> = Promise.resolve();
  /** Made with the first body. */
  #bodies: PlainBodies | null = null;
  readonly #ports: SorterPorts;
  readonly #listeners: ((isFull: boolean) => void)[] = [];
  /** Taken, and not yet on disk. */
  #events = 0;
  #bytes = 0;
  #isFull = false;
  /** Batches of what was added that are on their way to the disk. */
  #flying = 0;
  #isScheduled = false;
  #untold = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(options: IntakeOptions) {
    const { base, clock } = options;
    this.#clock = clock;
    this.#onLost = options.lost;
    this.#isStuck = options.isStuck ?? (() => false);
    this.#gate = new Gate({ ...options.gate, base: `${base}.events.` });
    this.#envelopes = new Envelopes(this.#gate, base);
    this.#gathering = new Gathering(this.#gate);
    this.#ports = {
      ...options,
      gate: this.#gate,
      envelopes: this.#envelopes,
      blocks: new Blocks(this.#gate, options.journal),
      now: () => clock.now(),
      lost: (many, error) => this.#lost(many, error),
    };
    this.#sorter = new Sorter(this.#ports);
  }

  /** The instance in whose memory rows and payloads lie. It grows at `rows` and `room` only. */
  get core(): Gate["core"] {
    return this.#gate.core;
  }

  /** Whether any event can be plain; if none can, each is looked at. */
  get admits(): boolean {
    return this.#gate.admits;
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  /** Events taken and not yet on disk. */
  get waiting(): number {
    return this.#events + this.#gathering.count + (this.#bodies?.count ?? 0);
  }

  onFull(listener: (isFull: boolean) => void): void {
    this.#listeners.push(listener);
  }

  /** What items name at +8; `ASKED` (0) when each of its events has to be looked at. */
  envelope(envelope: Envelope): number {
    return this.#envelopes.of(envelope);
  }

  /** Memory for items. @returns its address */
  rows(capacity: number): number {
    return this.#gate.reserve(capacity * ITEM_BYTES);
  }

  /** Memory for payloads, with 64 bytes to read behind it. @returns its address */
  room(bytes: number): number {
    return this.#gate.reserve(bytes);
  }

  /**
   * @param subject  copied too; null with an envelope
   * @returns whether there was room: if not, `answer` was told so
   */
  add(
    payload: Uint8Array,
    envelope: number,
    subject: Uint8Array | null,
    answer: Answer | null = null,
    ack: Ack = "durable",
  ): boolean {
    const bytes = payload.length + (subject?.length ?? 0);
    if (payload.length > limits.eventBytes) return this.#addLarge(payload, envelope, subject, answer, ack);
    if (!this.#hasRoom(bytes)) return this.#refuse(answer);
    if (!this.#gathering.fits(bytes)) this.#flush();
    this.#gathering.add(payload, envelope, subject, answer, ack);
    if (this.#gathering.bytes >= limits.intakeBatchBytes) this.#flushGathered();
    else this.#added();
    return true;
  }

  /** The body is not copied. */
  addInbound(inbound: Inbound, answer: Answer | null = null, ack: Ack = "durable"): boolean {
    if (!this.#hasRoom(inbound.body.length)) return this.#refuse(answer);
    if (!this.#gathering.fits(0)) this.#flush();
    this.#gathering.addInbound(inbound, answer, ack);
    this.#added();
    return true;
  }

  /** @returns whether more may come; if not, `onFull` says when */
  take(rows: number, count: number, { bytes, asked = [] }: TakeRows): boolean {
    if (!this.#hasRoom(bytes)) {
      const error = overloaded();
      for (const { answer } of asked) answer(null, error);
      if (count > asked.length) this.#lost(count - asked.length, error);
      return false;
    }
    for (let from = 0; from < count; from += limits.intakeItems) {
      const part = Math.min(limits.intakeItems, count - from);
      const own = count <= limits.intakeItems ? asked : partOf(asked, from, from + part);
      const items = rows + from * ITEM_BYTES;
      void this.#sort({ items, count: part, asked: own, inbounds: null, positionOf: null }, (bytes * part) / count);
    }
    return !this.#isFull;
  }

  /**
   * Takes events in, in order; resolves once all are on disk, or in the dead letters. Whatever part of them is one unit
   * on the disk has the position of its last.
   *
   * @throws AisleError `overloaded`, `full`, `unavailable` when some from one item on were not taken
   */
  async takeStream(items: readonly StreamItem[], positionOf: (index: number) => Position): Promise<void> {
    const before = this.#streaming;
    const batches: (() => Promise<Error | null>)[] = [];
    const placed = before.then(() => this.#placeStream(items, positionOf, batches));
    this.#streaming = placed.then(
      () => {},
      () => {},
    );
    const refused = await placed;
    const settled = await Promise.all(batches.map((durable) => durable()));
    const error = settled.find((each) => each !== null) ?? refused;
    if (error !== null) throw error;
  }

  /**
   * Takes the whole of a body, if all that is in it is plain.
   *
   * @param chunks  together `bytes` long; copied
   * @returns null when it has to be looked at: then nothing was taken
   * @throws AisleError `overloaded` at the bound
   */
  body(chunks: readonly Uint8Array[], bytes: number, envelope: Envelope, ack: Ack): Promise<Receipt> | null {
    if (!this.#gate.admits) return null;
    if (!this.#hasRoom(bytes)) throw overloaded();
    this.#bodies ??= new PlainBodies(this.#ports);
    if (!this.#bodies.fits(bytes)) this.#flushBodies();
    const told = bytes < limits.intakeBytes ? this.#bodies.add(chunks, bytes, envelope, ack) : null;
    // What the caller now hands over elsewhere comes after what is held.
    if (told === null || this.#bodies.bytes >= limits.intakeBatchBytes) this.#flushBodies();
    else this.#added();
    return told;
  }

  /** So many events were taken in beside this, and are lost all the same. */
  readonly lost = (many: number, error: Error): void => this.#lost(many, error);

  /** Nothing is held any longer: the disk is full, or what is now taken in beside this has to come after it. */
  release(): void {
    this.#flush();
  }

  /** Resolves when everything that was taken is on disk, or refused. */
  async drain(): Promise<void> {
    while (this.waiting > 0) {
      this.#flush();
      await new Promise((turn) => setImmediate(turn));
    }
  }

  // ---- what was added

  /** It may hold many events, or one that is too large. */
  #addLarge(
    payload: Uint8Array,
    envelope: number,
    subject: Uint8Array | null,
    answer: Answer | null,
    ack: Ack,
  ): boolean {
    const named = subject === null ? null : Buffer.from(subject).toString();
    return this.addInbound(this.#envelopes.inbound(envelope, named, {}, Buffer.from(payload)), answer, ack);
  }

  #added(): void {
    const isBulk = this.#flying > 0 && this.#bytes >= limits.intakeHoldBytes && !this.#isStuck();
    if (this.#isScheduled || isBulk) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    this.#flushBodies();
    this.#flushGathered();
  }

  #flushGathered(): void {
    if (this.#gathering.count === 0) return;
    const { bytes } = this.#gathering;
    this.#fly(this.#sort(this.#gathering.end(), bytes));
  }

  #flushBodies(): void {
    if (this.#bodies === null || this.#bodies.count === 0) return;
    const { count, bytes } = this.#bodies;
    this.#fly(this.#follow(this.#bodies.flush(), count, bytes));
  }

  /** What came while it was on its way goes next. */
  #fly(settled: Promise<unknown>): void {
    this.#flying++;
    const landed = () => {
      this.#flying--;
      this.#flush();
    };
    settled.then(landed, landed); // whoever waits is told
  }

  /** Until something is refused: why; null when all is in its place. */
  async #placeStream(
    items: readonly StreamItem[],
    positionOf: (index: number) => Position,
    batches: (() => Promise<Error | null>)[],
  ): Promise<Error | null> {
    this.#streamed ??= new Gathering(this.#gate);
    for (let from = 0; from < items.length; ) {
      const to = this.#gather(this.#streamed, items, from);
      if (to === from) return overloaded();
      const { bytes } = this.#streamed;
      const base = from;
      const batch = { ...this.#streamed.end(), positionOf: (item: number) => positionOf(base + item) };
      const { placed, durable } = this.#sorter.inOrder(batch);
      const settled = this.#follow(
        placed.then(() => durable()),
        batch.count,
        bytes,
      );
      batches.push(() => settled);
      const error = await placed;
      if (error !== null) return error;
      from = to;
    }
    return null;
  }

  /** Gathers items from one on, as many as fit. @returns behind the last */
  #gather(gathering: Gathering, items: readonly StreamItem[], from: number): number {
    let to = from;
    for (; to < items.length; to++) {
      const { subject, type, headers, body } = items[to]!;
      const isLarge = body.length > limits.eventBytes;
      const envelope = isLarge ? ASKED : this.#envelopes.ofStream(subject, type, headers);
      const own = this.#envelopes.bringsSubject(envelope) ? Buffer.from(subject) : null;
      const bytes = isLarge ? 0 : body.length + (own?.length ?? 0);
      if (!gathering.fits(bytes) || !this.#hasRoom(gathering.bytes + body.length)) break;
      if (envelope === ASKED)
        gathering.addInbound({ principal: "nats", subject, type, headers, body }, null, "durable");
      else gathering.add(body, envelope, own, null, "durable");
    }
    return to;
  }

  #sort(batch: Batch, bytes: number): Promise<Error | null> {
    return this.#follow(this.#sorter.sort(batch), batch.count, bytes);
  }

  /** Counts what is under way, until it is on disk or refused. */
  async #follow<T>(done: Promise<T>, events: number, bytes: number): Promise<T> {
    this.#events += events;
    this.#bytes += bytes;
    this.#tellFull();
    try {
      return await done;
    } finally {
      this.#events -= events;
      this.#bytes -= bytes;
      this.#tellFull();
    }
  }

  // ---- the bound

  #hasRoom(bytes: number): boolean {
    const held = this.#bytes + this.#gathering.bytes + (this.#bodies?.bytes ?? 0);
    return this.waiting < limits.intakePending && (held === 0 || held + bytes <= limits.intakePendingBytes);
  }

  #tellFull(): void {
    const share = Math.max(this.#events / limits.intakePending, this.#bytes / limits.intakePendingBytes);
    const isFull = share >= (this.#isFull ? FULL / 2 : FULL);
    if (isFull === this.#isFull) return;
    this.#isFull = isFull;
    for (const listener of this.#listeners) listener(isFull);
  }

  #refuse(answer: Answer | null): false {
    const error = overloaded();
    if (answer === null) this.#lost(1, error);
    else answer(null, error);
    return false;
  }

  #lost(many: number, error: Error): void {
    this.dropped += many;
    this.#untold += many;
    const now = this.#clock.monotonic();
    if (now - this.#toldAt < TELL_MS) return;
    this.#toldAt = now;
    this.#onLost(this.#untold, error);
    this.#untold = 0;
  }
}

function overloaded(): AisleError {
  return new AisleError("overloaded", `${limits.intakePending} events wait for the disk: try again in a second`);
}

function partOf(asked: readonly Asked[], from: number, to: number): readonly Asked[] {
  return asked.filter(({ item }) => item >= from && item < to).map((each) => ({ ...each, item: each.item - from }));
}
