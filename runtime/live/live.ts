// One spec at work: folds what the journal brings, in its order, and tells what it knows of an identity. State is a
// function of the entries alone: batches may be cut anywhere, and identities may go to the disk and come back.
import { Fold, type Handle, INCOMPLETE, OUTCOMES, SOURCE_MAX, type Told } from "../core/fold.ts";
import type { Known } from "../http/ports.ts";
import type { Block } from "../journal/block.ts";
import type { Entry } from "../journal/journal.ts";
import { limits } from "../limits.ts";
import type { SiteTransform } from "../site.ts";
import { compile, type Program } from "../spec/compile.ts";
import { batchOf, type EventBatch } from "./batch.ts";
import { strict } from "./json.ts";
import type { Recent } from "./recent.ts";
import { type ColdNote, type ColdOne, Residence } from "./residence.ts";
import type { Parted, Resumed, SavedState } from "./resumed.ts";
import { Settling } from "./settling.ts";
import { tailEventsIn } from "./tails.ts";

/** What became of an event; `repeated`: it was taken in again, and had counted before. */
export const COUNTED = [...OUTCOMES, "repeated"] as const;
export type Counted = (typeof COUNTED)[number];

/** Identities of a spec that are not in memory. */
export interface ColdIdentities {
  /** How many there are, with those that were saved by a process before; and without these. */
  readonly size: number;
  readonly here: number;
  /** What a checkpoint lacks of those that are here, by hex of what they are called. */
  readonly changed: Map<string, ColdNote>;
  saved: SavedIdentities | null;
  hashOf(key: Uint8Array): Buffer;
  /** What those are called that are here, in hex. */
  names(): Iterable<string>;
  put(identities: readonly ColdOne[]): void;
  take(key: Uint8Array): Buffer | null;
  peek(key: Uint8Array): Buffer | null;
  takeByHash(hash: Buffer): Buffer | null;
  peekByHash(hash: Buffer): Buffer | null;
  page(after: Buffer | null, limit: number): { readonly packed: readonly Buffer[]; readonly last: Buffer | null };
  clear(): Promise<void>;
}

/** Identities that were saved, where those are looked for that are nowhere else. */
export interface SavedIdentities {
  /** How many are nowhere else. */
  readonly size: number;
  get(hash: Buffer): Buffer | null;
  page(after: Buffer | null, limit: number): readonly { readonly hash: Buffer; readonly bytes: Buffer }[];
}

export interface LivePorts {
  readonly recent: Recent;
  readonly cold: ColdIdentities;
  readonly memoryBytes: number;
  /** Whether each anchor leaves a row: for training. */
  readonly rows?: boolean;
  /** Asked to journal that tails hold at most so many events: memory is full of them. */
  readonly crowded?: (live: Live, tailEvents: number) => void;
  /** Told of an event that was on time for nobody, or cost more than is allowed. */
  readonly refused: (live: Live, entry: Entry, outcome: "late" | "failed") => void;
  /** A bug: the spec folds no more. */
  readonly fault: (live: Live, error: unknown) => void;
}

interface Refusal {
  readonly seq: number;
  readonly outcome: "late" | "failed";
}

export class Live {
  readonly spec: SiteTransform;
  readonly program: Program;
  readonly fold: Fold;
  readonly cold: ColdIdentities;
  readonly counts: Record<Counted, number>;
  /** The journal had lost entries before the first that was folded. */
  lacksEarlier = false;
  /** Why it folds no more; null: it does. */
  broken: string | null = null;
  /** Sequence from which on somebody is told of what is refused: not while history is folded again. */
  tellsFrom = Number.POSITIVE_INFINITY;
  /** It was replaced. */
  closed = false;
  /** Sequence of the last entry that was folded, or told of time. */
  seq = 0;
  /** Number of the last round of a checkpoint that it was saved with. */
  round = 0;
  /** Events that were late while a round is under way. */
  late: number[] | null = null;
  readonly #ports: LivePorts;
  readonly #residence: Residence;
  readonly #settling: Settling;
  /** Numbers of sources, in the order in which they appear. */
  readonly #sources = new Map<string, number>();
  /** Sequences of the events refused last. */
  readonly #refusedSeqs = new Set<number>();
  #firstSeq = 0;
  /** It was loaded, and is being told again what happened while it was saved; null: it isn't. */
  #resumed: Resumed | null = null;

  constructor(spec: SiteTransform, ports: LivePorts) {
    this.spec = spec;
    this.#ports = ports;
    this.cold = ports.cold;
    this.program = compile(spec.transform);
    this.fold = new Fold(this.program, { cold: ports.cold, rows: ports.rows ?? false });
    this.counts = Object.fromEntries(COUNTED.map((name) => [name, 0])) as Record<Counted, number>;
    const { crowded } = ports;
    const ask = crowded === undefined ? null : (events: number) => crowded(this, events);
    this.#residence = new Residence(this.fold, ports.cold, this, ask, ports.memoryBytes);
    this.#settling = new Settling(this.fold);
  }

  get name(): string {
    return this.spec.name;
  }

  get hasWindows(): boolean {
    return this.spec.transform.window !== null;
  }

  set memoryBytes(bytes: number) {
    this.#residence.limitBytes = bytes;
  }

  /** Would it change something if time passed? */
  get isUnsettled(): boolean {
    return this.broken === null && this.#settling.isUnsettled;
  }

  /** Events before it are taken no more, ms; null: all are. */
  get settledAt(): number | null {
    const settled = this.fold.core.settledAt();
    return settled === Number.NEGATIVE_INFINITY ? null : Math.floor(settled / 1000);
  }

  /** Was it folded, as far as is remembered? Of an event that was taken in again: not under its first sequence. */
  hasCounted(entry: Entry): boolean {
    return !this.#refusedSeqs.has(entry.seq) && !this.#isRepeat(entry);
  }

  // Folding

  feed(events: EventBatch): void {
    if (this.#resumed === null) this.#feed(events);
    else this.#feedParted(this.#resumed.partEntries(events.entries), (entries) => this.#feed(batchOf(entries)));
  }

  /** First what came while it was saved, then what came after. */
  #feedParted<T>({ again, fresh }: Parted<T>, feed: (some: readonly T[]) => void): void {
    if (again.length > 0) feed(again);
    if (fresh.length === 0) return;
    this.endResume();
    feed(fresh);
  }

  /** What was taken in again begins a batch: whether it had counted follows from all that is before it. */
  #feed(events: EventBatch): void {
    const { entries } = events;
    let from = 0;
    for (let to = 1; to <= entries.length; to++) {
      if (to < entries.length && entries[to]!.headers["replay-seq"] === undefined) continue;
      this.#feedRun(to - from === entries.length ? events : batchOf(entries.slice(from, to)));
      from = to;
    }
  }

  /** Events of which at most the first was taken in again. It counts once: unless it had been refused, it has counted. */
  #feedRun(events: EventBatch): void {
    if (this.broken !== null) return;
    this.seq = events.seqs[events.seqs.length - 1]!;
    this.#firstSeq ||= events.seqs[0]!;
    const isRepeat = this.#isRepeat(events.entries[0]!);
    if (isRepeat) this.counts.repeated++;
    const batch = isRepeat ? batchOf(events.entries.slice(1)) : events;
    const sources = batch.entries.map(({ headers }) => this.#sourceOf(headers.source ?? ""));
    this.#fold(batch.entries.length, (told) => this.fold.fold({ ...batch, sources }, this.#ports.recent.lookup, told));
  }

  /** Nothing in blocks names a source, or was taken in again. */
  feedBlocks(blocks: readonly Block[]): void {
    if (this.#resumed === null) this.#feedBlocks(blocks);
    else this.#feedParted(this.#resumed.partBlocks(blocks), (some) => this.#feedBlocks(some));
  }

  #feedBlocks(blocks: readonly Block[]): void {
    if (this.broken !== null || blocks.length === 0) return;
    this.seq = blocks.at(-1)!.lastSeq;
    this.#firstSeq ||= blocks[0]!.firstSeq;
    const count = blocks.reduce((sum, block) => sum + block.count, 0);
    const source = this.#sourceOf("");
    this.#fold(count, (told) => this.fold.foldBlocks(blocks, source, this.#ports.recent.lookup, told));
  }

  /** So many events of an identity late ones may still join. */
  get tailEvents(): number {
    return this.fold.core.tailBound();
  }

  /** Do tails take so little of its memory that twice as long ones would find room? */
  get isRoomy(): boolean {
    return this.fold.core.tailsUsed() < this.#residence.limitBytes / 4;
  }

  /** Time has passed; or tails are bound anew. */
  tick(entry: Entry): void {
    const { seq, receivedAt } = entry;
    if (this.broken !== null || (this.#resumed !== null && seq <= this.#resumed.fromSeq)) return;
    if (this.#resumed !== null && seq > this.#resumed.untilSeq) this.endResume();
    this.seq = seq;
    try {
      this.fold.core.passTime(receivedAt * 1000);
      const events = tailEventsIn(entry, this.name);
      if (events !== null) this.fold.core.boundTail(events);
      this.#settling.step();
    } catch (error) {
      this.#break(error);
    }
  }

  #fold(count: number, fold: (told: Told) => void): void {
    const { counts } = this;
    const refused: Refusal[] = [];
    try {
      counts.folded += count;
      fold((outcome, _index, seq) => {
        counts.folded--;
        counts[outcome]++;
        if (outcome === "late" || outcome === "failed") refused.push({ seq, outcome });
      });
      for (const each of refused) this.#refused(each);
      this.#residence.shrink();
    } catch (error) {
      this.#break(error);
    }
  }

  #refused({ seq, outcome }: Refusal): void {
    const { recent, refused } = this.#ports;
    this.#remember(seq);
    if (outcome === "late") this.late?.push(seq);
    const entry = seq >= this.tellsFrom ? recent.entry(seq) : null;
    if (entry !== null && entry.headers.tombstone === undefined) refused(this, entry, outcome);
  }

  #isRepeat({ headers }: Entry): boolean {
    const of = headers["replay-seq"];
    return of !== undefined && Number(of) >= this.#firstSeq && !this.#refusedSeqs.has(Number(of));
  }

  #remember(seq: number): void {
    this.#refusedSeqs.add(seq);
    if (this.#refusedSeqs.size <= limits.refusedEvents) return;
    for (const oldest of this.#refusedSeqs) {
      this.#refusedSeqs.delete(oldest);
      break;
    }
  }

  /** Those that appear when all numbers are given share the last. */
  #sourceOf(name: string): number {
    const known = this.#sources.get(name);
    if (known !== undefined) return known;
    const number = this.#sources.size;
    if (number >= SOURCE_MAX) return SOURCE_MAX;
    this.#sources.set(name, number);
    return number;
  }

  // Checkpoints

  /** Folds what an identity that came back has yet to be folded. */
  thaw(handle: Handle): void {
    this.fold.thaw(handle, this.#ports.recent.lookup);
  }

  /** What is known besides the core's state. */
  get saved(): SavedState {
    return {
      seq: this.seq,
      firstSeq: this.#firstSeq,
      lacksEarlier: this.lacksEarlier,
      counts: this.counts,
      sources: [...this.#sources.keys()],
      refused: [...this.#refusedSeqs],
    };
  }

  /**
   * Goes on from a checkpoint: what is fed next begins at the latest behind where that began. Before anything is folded.
   */
  resume(resumed: Resumed): void {
    const { firstSeq, lacksEarlier, sources, refused } = resumed.state;
    this.#resumed = resumed;
    this.seq = resumed.fromSeq;
    this.#firstSeq = firstSeq;
    this.lacksEarlier = lacksEarlier;
    for (const name of sources) this.#sourceOf(name);
    for (const seq of refused) this.#refusedSeqs.add(seq);
    this.fold.lateBefore = resumed.late;
  }

  /** All that happened while it was saved has been told again: from here on it counts. */
  endResume(): void {
    if (this.#resumed === null) return;
    Object.assign(this.counts, this.#resumed.state.counts);
    this.#resumed.end();
    this.#resumed = null;
    this.fold.lateBefore = new Set();
  }

  #break(error: unknown): void {
    this.broken = error instanceof Error ? error.message : String(error);
    this.#ports.fault(this, error);
  }

  // Asking

  /** The records of an identity by aggregate; null: nothing is known of it. */
  aggregates(identity: string): Known | null {
    return this.#ask(identity, (handle) => this.#recordsOf(handle));
  }

  /** The row as of the identity's last event: `null` in JSON when a window is not filled. */
  features(identity: string): Known | null {
    return this.#ask(identity, (handle) => strict(this.fold.features(handle) ?? "null"));
  }

  /** What may be said of an identity without its records. */
  about(identity: string): Omit<Known, "json"> {
    const { json: _, ...about } = this.#ask(identity, () => "") ?? this.#known(null, "");
    return about;
  }

  /** Of an identity in memory: its key, and its records by aggregate. */
  show(handle: Handle): Known & { readonly identity: string } {
    this.fold.thaw(handle, this.#ports.recent.lookup);
    return { identity: this.fold.keyOf(handle), ...this.#known(handle, this.#recordsOf(handle)) };
  }

  #ask(identity: string, json: (handle: Handle) => string): Known | null {
    if (this.broken !== null) return null;
    try {
      const here = this.fold.find(identity);
      const handle = here ?? this.#warm(identity);
      if (handle === null) return null;
      this.fold.thaw(handle, this.#ports.recent.lookup);
      const known = this.#known(handle, json(handle));
      if (here === null) this.#residence.shrink();
      return known;
    } catch (error) {
      // What ended in the middle of the core may have left anything behind.
      if (error instanceof WebAssembly.RuntimeError) this.#break(error);
      throw error;
    }
  }

  #warm(identity: string): Handle | null {
    const packed = this.cold.take(Buffer.from(identity));
    return packed === null ? null : this.fold.unpack(packed);
  }

  #known(handle: Handle | null, json: string): Known {
    const flags = handle === null ? 0 : this.fold.core.flagsOf(handle);
    const incomplete = this.lacksEarlier || (flags & INCOMPLETE) !== 0;
    return { spec: this.name, incomplete, settledAt: this.settledAt, json };
  }

  #recordsOf(handle: Handle): string {
    const { aggregates } = this.program;
    const texts = aggregates.map((): string[] => []);
    for (const { aggregate, record } of this.fold.records(handle))
      texts[aggregate]!.push(this.fold.json(aggregate, record));
    const stored = aggregates.flatMap(({ name, stored }, i) =>
      stored ? [`${JSON.stringify(name)}:[${texts[i]!.join(",")}]`] : [],
    );
    return strict(`{${stored.join(",")}}`);
  }
}
