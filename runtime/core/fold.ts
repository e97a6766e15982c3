// Events in, records and rows out: the host's side of `assembly/fold/fold.ts`.
import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Program, Site } from "../spec/compile.ts";
import { instantiate } from "./core.ts";
import { type Image, type ImageCore, loadImage } from "./image.ts";
import { type Batch, type EntryBytes, EVENT, Room, type RoomCore, SLACK, Views } from "./room.ts";
import { decode, FAULTS as FAULT_NAMES, type Value } from "./value.ts";

export { type Batch, type EntryBytes, SOURCE_MAX } from "./room.ts";

/** What can go wrong in an expression. */
export type FaultName = (typeof FAULT_NAMES)[number];

/** What became of an event, in the order of `Outcome` in `assembly/fold/fold.ts`. */
export const OUTCOMES = ["folded", "malformed", "nobody", "timeless", "late", "failed"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Told of an event that was not folded: its place in the batch, or -1 for an earlier one, its sequence, what failed. */
export type Told = (outcome: Outcome, index: number, seq: number, fault: FaultName | null) => void;

/** Where events that were folded before are found again, when a late one makes them be folded once more. */
export type Lookup = (seq: number) => Found;

/** An event that was folded before. One that is gone, as its sender has it erased, has an empty payload. */
export interface Found {
  readonly payload: Uint8Array;
  readonly id: Uint8Array | null;
  /** ms since epoch. Missing: 0. */
  readonly receivedAt?: number;
}

export interface FoldOptions {
  /** How much later than younger events of its source an event may come, ms; null: as the spec says. */
  readonly latenessMs?: number | null;
  /** Whether a row is made for each anchor. */
  readonly rows?: boolean;
  /** Events are folded in the order in which they come, whatever their times. */
  readonly unordered?: boolean;
  readonly cold?: Cold;
  /** Told of each value as it is computed; only with a program that was compiled with `trace`. */
  readonly trace?: (site: Site, json: string | null, fault: FaultName | null) => void;
}

/** Where identities are that are not in memory. */
export interface Cold {
  /** How many are there: with none nobody is asked. */
  readonly size: number;
  /** What `Fold.pack` gave for this key, which is no longer cold then; null: it is not there. */
  take(key: Uint8Array): Uint8Array | null;
}

/** How far time has passed: what the core keeps of each source, and the watermark, µs. */
export interface Pace {
  readonly sources: Buffer;
  readonly settledAt: number;
}

/** Flag of an identity: it may lack earlier events. `INCOMPLETE` in `assembly/fold/identity.ts`. */
export const INCOMPLETE = 1;

/** An identity in the core: an address, valid until the next fold. */
export type Handle = number;

export type Core = ImageCore &
  RoomCore & {
    heldUsed(): number;
    boundValues(textBytes: number, items: number): void;
    boundTail(events: number): void;
    tailBound(): number;
    tailsUsed(): number;
    setPace(latenessMicros: number, work: number): void;
    settledAt(): number;
    highestAt(): number;
    raiseSettled(micros: number): void;
    passTime(receivedMicros: number): void;
    raiseHighest(micros: number): void;
    scan(root: number, rows: number, size: number, count: number, depth: number): number;
    identify(events: number, count: number): void;
    register(events: number, count: number): void;
    batchNumber(): number;
    touchedOf(identity: number): number;
    lastOf(identity: number): number;
    tailCount(identity: number): number;
    tailSeq(identity: number, n: number): number;
    settleIdentity(identity: number): void;
    forgetVariables(identity: number): void;
    forgetRecords(identity: number, aggregate: number): void;
    setFlags(identity: number, flags: number): void;
    packIdentity(identity: number, at: number, end: number, isSaved: number): number;
    setFolded(identity: number, seq: number): void;
    noteChanges(): void;
    isChanged(identity: number): number;
    beginRound(): void;
    changeAll(): void;
    nextOfRound(): number;
    giveToRound(identity: number): void;
    endRound(isKept: number, count: number): number;
    oldestOf(identity: number): number;
    sourcesHeard(): number;
    sourcesAt(): number;
    setSources(heard: number): void;
    ordinalsGiven(): number;
    unpackIdentity(at: number, end: number): number;
    forgetIdentity(identity: number): void;
    isPending(identity: number): number;
    fold(events: number, from: number, count: number): number;
    foldBatch(events: number, from: number, count: number): number;
    stoppedBefore(): number;
    waitingCount(): number;
    waitingSeq(n: number): number;
    refold(events: number, count: number): number;
    freeTemporary(): void;
    countersAt(): number;
    abortReason(): number;
    identitiesCount(): number;
    identityFrom(place: number): number;
    nextPlace(): number;
    identityOf(key: number, length: number): number;
    keyAt(identity: number): number;
    keyLength(identity: number): number;
    ordinalOf(identity: number): number;
    flagsOf(identity: number): number;
    recordsCount(identity: number, aggregate: number): number;
    shownRecord(identity: number, aggregate: number, n: number): number;
    currentRecord(identity: number, aggregate: number): number;
    orderOf(record: number): number;
    rowsCount(identity: number): number;
    rowAt(identity: number, n: number): number;
    completeRow(identity: number, n: number): number;
    featuresOf(identity: number): number;
    isRipe(identity: number, n: number, settledMicros: number): number;
    dayOfRow(row: number): number;
    recordOfRow(row: number, aggregate: number): number;
    finishRun(identity: number): void;
    showIdentity(identity: number): void;
    showRecord(aggregate: number, record: number): void;
    showAnchor(aggregate: number, block: number): void;
    startOf(block: number): number;
    zoneOf(block: number): number;
    unprintable(aggregate: number, record: number): number;
    isTrue(entry: number): number;
    rowOf(identity: number): number;
    emptyRow(identity: number): number;
    raiseOrdinals(ordinal: number): void;
    setWindow(aggregate: number, records: number, count: number): void;
    packColumns(aggregate: number, record: number, at: number, end: number): number;
    packTexts(aggregate: number, record: number, at: number, end: number): number;
    dropRow(row: number): void;
    printLine(identity: number, aggregate: number, record: number, at: number, end: number): number;
    printRecord(aggregate: number, record: number, at: number, end: number): number;
    printRow(row: number, at: number, end: number): number;
    printValue(cell: number, at: number, end: number): number;
  };

/** Events that are looked at before they are folded; `PHASE` in `assembly/fold/fold.ts`. */
const PHASE = 16;
/** Events, and bytes of payload, that are folded again at once. */
const REFOLD_EVENTS = 1_024;
const REFOLD_BYTES = 1024 * 1024;
const OUTPUT_BYTES = 64 * 1024;
const FAULTS = 10;
/** A source, as drawn in `assembly/fold/fold.ts`. */
const SOURCE_BYTES = 16;
/** Faults that end a run: a name that nobody defines, and an identity that is no text. */
const ABORTED = 100;
const NAMELESS = 101;

/** The run is over: an expression reached a name that nobody defines. Only with Blurr's compatibility. */
export class Aborted extends AisleError {
  override name = "Aborted";
  readonly error: string;

  constructor(error: string, message: string) {
    super("invalid", `${error}: ${message}`);
    this.error = error;
  }
}

export class Fold {
  readonly program: Program;
  readonly core: Core;
  readonly #image: Image;
  readonly #cold: Cold | null;
  readonly #views: Views;
  /** Events that come again, and were late for identities that have them: none may move the watermark now. */
  lateBefore: ReadonlySet<number> = new Set();
  readonly #batch: Room;
  readonly #again: Room;
  #output = 0;
  #outputSize = 0;

  constructor(program: Program, options: FoldOptions = {}) {
    const { latenessMs = null, rows = false, unordered = program.compat, trace } = options;
    this.program = program;
    this.#cold = options.cold ?? null;
    this.core = instantiate<Core>({
      trace: (site: number, cell: number, fault: number) => {
        const json = cell === 0 ? null : this.#json(cell);
        trace?.(program.sites[site]!, json, fault === 0 ? null : (FAULT_NAMES[fault - 1] ?? null));
      },
    });
    this.core.boundValues(limits.stateTextBytes, limits.stateItems);
    this.#image = loadImage(this.core, program, rows);
    this.#views = new Views(this.core.memory);
    this.#batch = new Room(this.core, this.#views, this.#image.rowSize);
    this.#again = new Room(this.core, this.#views, this.#image.rowSize);
    const lateness = latenessMs ?? program.transform.streaming.latenessMs;
    this.core.setPace(unordered ? -1 : lateness * 1000, limits.foldWork);
    this.core.boundTail(unordered ? 0 : limits.tailEvents);
  }

  /**
   * Folds events, in this order as far as they have no other order by time.
   *
   * @param lookup   gives back earlier events, of this batch too
   * @param told     told of each event that was not folded, and of earlier ones that now fail (`index` -1)
   */
  fold(batch: Batch, lookup: Lookup, told: Told): void {
    this.#batch.fill(batch);
    this.#foldAll(batch.payloads.length, lookup, told);
  }

  /**
   * The same for entries of the journal, from their bytes.
   *
   * @param blocks  one behind the other make the batch
   * @param source  number of the source of all of them
   */
  foldBlocks(blocks: readonly EntryBytes[], source: number, lookup: Lookup, told: Told): void {
    this.#batch.fillEntries(blocks, source);
    this.#foldAll(
      blocks.reduce((sum, { count }) => sum + count, 0),
      lookup,
      told,
    );
  }

  #foldAll(count: number, lookup: Lookup, told: Told): void {
    const { core } = this;
    const { rows } = this.#batch;
    const { root, rowSize } = this.#image;
    if (this.lateBefore.size > 0) this.#batch.markLate(count, this.lateBefore);
    core.scan(root, rows, rowSize, count, limits.jsonDepth);
    for (let from = 0; from < count; ) {
      const done = this.#foldFrom(from, count);
      if (done >= 0) break;
      this.#refold(lookup, told);
      from = -done - core.stoppedBefore();
      // what the rest of the phase had resolved may be gone
      core.scan(root, rows + from * rowSize, rowSize, Math.min(PHASE, count - from), limits.jsonDepth);
    }
    this.#tell(count, told);
  }

  #foldFrom(from: number, count: number): number {
    const { core } = this;
    const { events } = this.#batch;
    if (this.#cold === null || this.#cold.size === 0) return core.foldBatch(events, from, count);
    for (let start = from; start < count; start += PHASE) {
      const end = Math.min(start + PHASE, count);
      core.identify(events + start * EVENT, end - start);
      const asked = new Set<string>();
      for (let i = start; i < end; i++) this.#warm(events + i * EVENT, this.#cold, asked);
      const done = core.fold(events, start, end);
      if (done < 0) return done;
    }
    return count;
  }

  /**
   * Takes the identity of an event into memory, if it is known and not there.
   *
   * @param asked  keys asked for since all events were identified: an identity may be there by now
   */
  #warm(event: number, cold: Cold, asked: Set<string>): void {
    const { words, bytes } = this.#views.now();
    const at = event >> 2;
    if (words[at + 5] !== 0 || words[at + 10] !== 0) return;
    const key = words[at + 8]!;
    const name = Buffer.from(bytes.subarray(key, key + words[at + 9]!));
    const text = name.toString("latin1");
    if (asked.has(text)) return;
    asked.add(text);
    const packed = cold.take(name);
    if (packed !== null) this.#unpack(packed);
  }

  /**
   * Sees whom events are about and when they were, without folding them: identities appear in this order.
   *
   * @param told  told of each event that can't be folded
   *
   * @returns time of each event, µs; NaN for one that can't be folded
   */
  register(batch: Batch, told: Told = () => {}): Float64Array {
    const { core } = this;
    const count = batch.payloads.length;
    this.#batch.fill(batch);
    const { events, rows } = this.#batch;
    core.scan(this.#image.root, rows, this.#image.rowSize, count, limits.jsonDepth);
    if (this.#cold !== null && this.#cold.size > 0) {
      core.identify(events, count);
      const asked = new Set<string>();
      for (let i = 0; i < count; i++) this.#warm(events + i * EVENT, this.#cold, asked);
      core.freeTemporary();
      core.scan(this.#image.root, rows, this.#image.rowSize, count, limits.jsonDepth);
    }
    core.register(events, count);
    this.#tell(count, told);
    const view = new DataView(core.memory.buffer);
    return Float64Array.from({ length: count }, (_, i) => {
      const event = events + i * EVENT;
      if (view.getUint32(event + 20, true) !== 0) return Number.NaN;
      return Number(view.getBigInt64(event + 48, true));
    });
  }

  /** Whom the events registered last are about, in their order; 0 for one that can't be folded. */
  subjects(count: number): Handle[] {
    const words = new Uint32Array(this.core.memory.buffer, this.#batch.events, (count * EVENT) >> 2);
    return Array.from({ length: count }, (_, i) => words[(i * EVENT + 40) >> 2]!);
  }

  /**
   * Which events are about an identity, without folding them.
   *
   * @param key  UTF-8
   * @returns their places in the batch, and their times, µs
   */
  about(batch: Batch, key: Uint8Array): { readonly index: number; readonly micros: number }[] {
    const { core } = this;
    const count = batch.payloads.length;
    this.#batch.fill(batch);
    const { events, rows } = this.#batch;
    core.scan(this.#image.root, rows, this.#image.rowSize, count, limits.jsonDepth);
    core.identify(events, count);
    const memory = Buffer.from(core.memory.buffer);
    const found: { index: number; micros: number }[] = [];
    for (let index = 0; index < count; index++) {
      const event = events + index * EVENT;
      const at = memory.readUInt32LE(event + 32);
      if (memory.readUInt32LE(event + 20) !== 0 || memory.readUInt32LE(event + 36) !== key.length) continue;
      if (memory.subarray(at, at + key.length).equals(key))
        found.push({ index, micros: Number(memory.readBigInt64LE(event + 48)) });
    }
    core.freeTemporary();
    return found;
  }

  // Memory

  /** Held bytes in use by identities and all that belongs to them. */
  get usedBytes(): number {
    return this.core.heldUsed();
  }

  /**
   * All that belongs to an identity, as MessagePack; see `assembly/fold/state.ts`. What is not settled goes as the events of
   * its tail, which must be found again by their sequences.
   *
   * @param isSaved  for a checkpoint; else it is written too whether it has changed since it was saved with one
   */
  pack(identity: Handle, isSaved = false): Buffer {
    return this.#write((at, end) => this.core.packIdentity(identity, at, end, Number(isSaved)));
  }

  /** Folds the events of an identity's tail that `unpack` has left to be folded, before it is asked for. */
  thaw(identity: Handle, lookup: Lookup): void {
    if (this.core.isPending(identity)) this.#refold(lookup, () => {});
  }

  /** Takes in what `pack` gave. Throws `corrupt` when it is of another version, or the identity is there already. */
  unpack(bytes: Uint8Array): Handle {
    const identity = this.#unpack(bytes);
    this.core.freeTemporary();
    return identity;
  }

  /** The same, and null when it is there already. */
  unpackNew(bytes: Uint8Array): Handle | null {
    const at = this.#makeOutput(bytes.length + SLACK);
    new Uint8Array(this.core.memory.buffer).set(bytes, at);
    const identity = this.core.unpackIdentity(at, at + bytes.length);
    this.core.freeTemporary();
    return identity || null;
  }

  /** Temporary memory is left to the caller: events under way may be using it. */
  #unpack(bytes: Uint8Array): Handle {
    const at = this.#makeOutput(bytes.length + SLACK);
    new Uint8Array(this.core.memory.buffer).set(bytes, at);
    const identity = this.core.unpackIdentity(at, at + bytes.length);
    if (identity === 0)
      throw new AisleError("corrupt", "the state of an identity is of another version, or here twice");
    return identity;
  }

  /** Takes an identity out of memory. */
  forget(identity: Handle): void {
    this.core.forgetIdentity(identity);
  }

  #tell(count: number, told: Told): void {
    let { words, doubles } = this.#views.now();
    for (let i = 0, event = this.#batch.events; i < count; i++, event += EVENT) {
      const at = event >> 2;
      if (words[at + 5] === 0) continue;
      const fault = words[at + 15]!;
      if (fault === ABORTED) throw this.aborted();
      if (fault === NAMELESS) throw new Aborted("MissingAttributeError", `_key not defined in ${this.#firstName}`);
      told(OUTCOMES[words[at + 5]!]!, i, doubles[event >> 3]!, fault === 0 ? null : (FAULT_NAMES[fault - 1] ?? null));
      ({ words, doubles } = this.#views.now()); // who is told may ask the core
    }
  }

  get #firstName(): string {
    return this.program.aggregates[0]!.name;
  }

  /** Why the run is over, after the core has said that it is. */
  aborted(): Aborted {
    const reason = this.program.aborts[this.core.abortReason() >>> 0];
    if (reason !== undefined) return new Aborted(reason.error, reason.message);
    // a session that never began, among those that Blurr looks through
    return new Aborted("TypeError", "'<' not supported between instances of 'datetime.datetime' and 'NoneType'");
  }

  /** Folds again what a late event, or one that failed, has undone. */
  #refold(lookup: Lookup, told: Told): void {
    const { core } = this;
    const { root, rowSize } = this.#image;
    while (core.waitingCount() > 0) {
      const { seqs, found } = this.#waiting(lookup);
      this.#again.fill({
        seqs,
        payloads: found.map(({ payload }) => payload),
        ids: found.map(({ id }) => id),
        receivedAt: found.map(({ receivedAt = 0 }) => receivedAt),
      });
      core.scan(root, this.#again.rows, rowSize, seqs.length, limits.jsonDepth);
      const failed = core.refold(this.#again.events, seqs.length);
      if (failed < 0) continue;
      const words = new Uint32Array(core.memory.buffer, this.#again.events + failed * EVENT, EVENT >> 2);
      told("failed", -1, seqs[failed]!, FAULT_NAMES[words[15]! - 1] ?? null);
    }
  }

  /** The next events that are to be folded again, as many as one batch may hold. */
  #waiting(lookup: Lookup): { readonly seqs: readonly number[]; readonly found: readonly Found[] } {
    const seqs: number[] = [];
    const found: Found[] = [];
    const most = Math.min(this.core.waitingCount(), REFOLD_EVENTS);
    for (let n = 0, bytes = 0; n < most && bytes < REFOLD_BYTES; n++) {
      const seq = this.core.waitingSeq(n);
      const event = lookup(seq);
      seqs.push(seq);
      found.push(event);
      bytes += event.payload.length;
    }
    return { seqs, found };
  }

  // Checkpoints

  /** Time, as far as it has passed for each source: for `passedAs`. */
  get pace(): Pace {
    const { core } = this;
    const at = core.sourcesAt();
    const sources = Buffer.from(core.memory.buffer.slice(at, at + core.sourcesHeard() * SOURCE_BYTES));
    return { sources, settledAt: core.settledAt() };
  }

  /** Time is what it was. Before the first event. */
  passedAs({ sources, settledAt }: Pace): void {
    const { core } = this;
    core.setSources(sources.length / SOURCE_BYTES);
    new Uint8Array(core.memory.buffer).set(sources, core.sourcesAt());
    if (settledAt > Number.NEGATIVE_INFINITY) core.raiseSettled(settledAt);
  }

  /** What failed, counted by place and kind; see `faults`. */
  get faultCounts(): Uint32Array {
    return new Uint32Array(this.core.memory.buffer, this.core.countersAt(), this.program.sites.length * FAULTS).slice();
  }

  set faultCounts(counts: Uint32Array) {
    new Uint32Array(this.core.memory.buffer, this.core.countersAt(), this.program.sites.length * FAULTS).set(counts);
  }

  // Asking

  /** The identity with this key; null: nothing is known of it. */
  find(key: string): Handle | null {
    const bytes = new TextEncoder().encode(key);
    const at = this.#makeOutput(bytes.length + SLACK);
    new Uint8Array(this.core.memory.buffer).set(bytes, at);
    return this.core.identityOf(at, bytes.length) || null;
  }

  keyOf(identity: Handle): string {
    return this.keyBytes(identity).toString();
  }

  /** The key as UTF-8, a copy. */
  keyBytes(identity: Handle): Buffer {
    const { core } = this;
    return Buffer.from(new Uint8Array(core.memory.buffer, core.keyAt(identity), core.keyLength(identity)));
  }

  /** All identities, in the order in which they first appeared. */
  identities(): Handle[] {
    const { core } = this;
    const found: Handle[] = [];
    for (let place = 0; ; place = core.nextPlace()) {
      const identity = core.identityFrom(place);
      if (identity === 0) break;
      found.push(identity);
    }
    return found.sort((a, b) => core.ordinalOf(a) - core.ordinalOf(b));
  }

  /** Records of an identity, in the order in which they were saved. `aggregate` is an index into the spec's. */
  records(identity: Handle): { readonly aggregate: number; readonly record: number }[] {
    const { core, program } = this;
    const streams = program.transform.streaming.aggregates.length;
    const saved: { aggregate: number; record: number }[] = [];
    const loaded: { aggregate: number; record: number }[] = [];
    for (let aggregate = 0; aggregate < streams; aggregate++) {
      const count = core.recordsCount(identity, aggregate);
      for (let n = 0; n < count; n++) {
        const record = core.shownRecord(identity, aggregate, n);
        if (record !== 0) (core.orderOf(record) === 0 ? loaded : saved).push({ aggregate, record });
      }
    }
    return [...saved.sort((a, b) => core.orderOf(a.record) - core.orderOf(b.record)), ...loaded];
  }

  /** A record as Blurr's line: `["<key>", {…}]`. */
  line(identity: Handle, aggregate: number, record: number): string {
    return this.#print((at, end) => this.core.printLine(identity, aggregate, record, at, end));
  }

  /** A record as JSON. */
  json(aggregate: number, record: number): string {
    return this.#print((at, end) => this.core.printRecord(aggregate, record, at, end));
  }

  /** Rows of an identity as JSON, in the order of their anchors. */
  rows(identity: Handle): string[] {
    return Array.from(this.completeRows(identity), (row) => this.printRow(row));
  }

  /**
   * Rows of an identity, in the order of their anchors, to be dropped by who takes them. Those whose windows after the
   * anchor are not filled are left out, and so are those beyond the number for a calendar day.
   */
  *completeRows(identity: Handle): Generator<number> {
    const { core } = this;
    const max = this.program.anchor?.max || Number.POSITIVE_INFINITY;
    const byDay = new Map<number, number>();
    for (let n = 0; n < core.rowsCount(identity); n++) {
      const row = core.completeRow(identity, n);
      if (row === 0) continue;
      const day = core.dayOfRow(row);
      const count = byDay.get(day) ?? 0;
      byDay.set(day, count + 1);
      if (count < max) yield row;
      else core.dropRow(row);
    }
  }

  /**
   * As `completeRows`, those that nothing that may still come can change.
   *
   * @returns how many there may be more, once more time has passed
   */
  *ripeRows(identity: Handle): Generator<number, number> {
    const { core } = this;
    const max = this.program.anchor?.max || Number.POSITIVE_INFINITY;
    const settled = core.settledAt();
    /** By day, rows that were given or that may be. */
    const byDay = new Map<number, { given: number; open: number }>();
    let waiting = 0;
    for (let n = 0; n < core.rowsCount(identity); n++) {
      const day = core.dayOfRow(core.rowAt(identity, n));
      const turn = byDay.get(day) ?? { given: 0, open: 0 };
      byDay.set(day, turn);
      if (turn.given >= max) continue;
      const isRipe = core.isRipe(identity, n, settled) !== 0;
      // one that is not ripe may take the last turn of the day, or leave it
      if (!isRipe || turn.given + turn.open >= max) {
        turn.open++;
        waiting++;
        continue;
      }
      const row = core.completeRow(identity, n);
      if (row === 0) continue;
      turn.given++;
      yield row;
    }
    return waiting;
  }

  /** Features as of the identity's last event, as JSON; null when it has no block or a window before it is not filled. */
  features(identity: Handle): string | null {
    const row = this.core.featuresOf(identity);
    return row === 0 ? null : this.printRow(row);
  }

  /** Prints a row and drops it. */
  printRow(row: number): string {
    const text = this.#print((at, end) => this.core.printRow(row, at, end));
    this.core.dropRow(row);
    return text;
  }

  /** The columns of a record: texts as in CSV, a datetime in ISO 8601; of a map that Blurr flattens, keys and texts in turn. */
  texts(aggregate: number, record: number): (string | string[])[] {
    return decode(this.#write((at, end) => this.core.packTexts(aggregate, record, at, end))) as (string | string[])[];
  }

  /** The columns of a record as values. */
  values(aggregate: number, record: number): Value[] {
    return decode(this.#write((at, end) => this.core.packColumns(aggregate, record, at, end))) as Value[];
  }

  /** What failed so far, by place of the spec and kind of fault. */
  faults(): { readonly site: Site; readonly fault: FaultName; readonly count: number }[] {
    const { sites } = this.program;
    const words = this.faultCounts;
    return sites.flatMap((site, i) =>
      Array.from({ length: FAULTS }, (_, fault) => ({
        site,
        fault: FAULT_NAMES[fault - 1]!,
        count: words[i * FAULTS + fault]!,
      })).filter(({ count }) => count > 0),
    );
  }

  // Output

  #print(write: (at: number, end: number) => number): string {
    return this.#write(write).toString("latin1");
  }

  #write(write: (at: number, end: number) => number): Buffer {
    for (let size = OUTPUT_BYTES; size <= limits.printedBytes; size *= 4) {
      const at = this.#makeOutput(size);
      const behind = write(at, at + this.#outputSize);
      if (behind !== 0) return Buffer.from(new Uint8Array(this.core.memory.buffer, at, behind - at));
    }
    throw new AisleError("too-large", `a record takes more than ${limits.printedBytes} bytes`);
  }

  #json(cell: number): string {
    return this.#print((at, end) => this.core.printValue(cell, at, end));
  }

  #makeOutput(bytes: number): number {
    if (bytes > this.#outputSize) {
      this.#outputSize = Math.max(bytes, OUTPUT_BYTES);
      this.#output = this.core.reserve(this.#outputSize);
    }
    return this.#output;
  }
}
