// The specs of a site at work: fed with what is on disk, in the order of the journal, a slice for each turn of the event
// loop, after the decisions of a commit have gone out. Who asks gets the rest of the queue folded first: an event that
// was acknowledged is in every answer.
import type { Clock } from "../clock.ts";
import { AisleError, formatMistake, SiteError } from "../errors.ts";
import type { Known, Reload, SpecState, Transforms } from "../http/ports.ts";
import type { Refused } from "../ingest.ts";
import { Block, type Part } from "../journal/block.ts";
import type { Draft, Entry, Journal } from "../journal/journal.ts";
import { limits } from "../limits.ts";
import type { SiteTransform, TransformsConfig } from "../site.ts";
import { batchOf, isEvent } from "./batch.ts";
import { Gaps } from "./gaps.ts";
import { Lines } from "./lines.ts";
import { type ColdIdentities, Live } from "./live.ts";
import { FoldPace } from "./pace.ts";
import { pastRow } from "./past.ts";
import { EntryQueue, type Run } from "./queue.ts";
import { partsTo, Rebuild } from "./rebuild.ts";
import { Recent } from "./recent.ts";
import { Ring } from "./ring.ts";
import { SavedSpec, type Untold } from "./saved.ts";
import type { Specs } from "./specs.ts";
import { tailEventsIn, tailsTick } from "./tails.ts";

export interface TransformsOptions {
  readonly config: TransformsConfig;
  readonly journal: Pick<Journal, "append" | "find" | "lastSeq" | "onCommit" | "parts" | "read">;
  readonly clock: Clock;
  /** Where identities go that memory has no room for. */
  readonly store: { newPart(): ColdIdentities };
  /** The site's specs as they are now. @throws SiteError */
  readonly readSpecs: () => Specs;
  /** What the journal says once specs with this hash are in force. */
  readonly inForce: (hash: string | null) => Draft;
  readonly refuse: (refused: Refused) => void;
  /** Is there such a dead letter already, on disk or on its way? Asked at the start, of what a crash may have cut off. */
  readonly isRefused: (source: string, seq: number) => boolean;
  /** Dead letters of a source, about entries, that are not on disk yet. */
  readonly unwritten: (source: string) => readonly { readonly seq: number; readonly code: string }[];
  readonly fault: (what: string, error: unknown) => void;
  readonly info: (fields: Readonly<Record<string, unknown>>, message: string) => void;
}

/** What a reload has built, on its way into force. */
interface Swap {
  readonly specs: Specs;
  readonly built: readonly Live[];
}

/** Commits are gathered for so long, ms: one event alone costs three times its share of a batch. */
const GATHER_MS = 5;
/** Wait before a full journal is tried again, ms. */
const RETRY_MS = 20;
/** Code of a dead letter. */
const LATE = "late";
const NO_PAYLOAD = new Uint8Array(0);

export class SiteTransforms implements Transforms {
  readonly reloads = { done: 0, failed: 0 };
  readonly #options: TransformsOptions;
  readonly #recent: Recent;
  readonly #queue = new EntryQueue();
  /** Where blocks lie that came with commits: those that wait, and those that are recent. */
  readonly #ring = new Ring(limits.recentBytes + limits.foldQueueBytes);
  readonly #gaps = new Gaps();
  readonly #pace = new FoldPace();
  #lives: readonly Live[];
  readonly #savedOf = new WeakMap<Live, SavedSpec>();
  /** What a reload has built, and is fed beside the others until it is in force. */
  #joined: readonly Live[] = [];
  #reload: Reload | null = null;
  /** Stands as the value of the entry with which a reload comes into force. */
  #swap: Swap | null = null;
  /** Highest sequence on disk at the start, and when it came. */
  readonly #startSeq: number;
  readonly #startAt: number;
  #scheduled = false;
  #closed = false;
  /** Receive time of the last tick; and whether one is on its way to the disk. */
  #tickedAt = 0;
  #ticks = false;
  /** Specs of which an entry that says how long their tails are has yet to be heeded. */
  readonly #bounding = new Set<string>();
  #hasBegun = false;
  #exports = 0;
  #pastRows = 0;
  #stopTicks: () => void = () => {};

  /** Specs compile here; they were checked. */
  constructor(options: TransformsOptions) {
    this.#options = options;
    this.#recent = new Recent((seq) => options.journal.find(seq));
    this.#lives = options.config.specs.map((spec) => this.#newLive(spec, options.config.specs.length));
    const { journal } = options;
    this.#startSeq = journal.lastSeq;
    this.#startAt = journal.find(journal.lastSeq)?.receivedAt ?? 0;
    for (const live of this.#lives) live.tellsFrom = this.#startSeq - limits.untoldEntries + 1;
  }

  get lives(): readonly Live[] {
    return this.#lives;
  }

  get queued(): number {
    return this.#queue.length;
  }

  // Feeding

  /** The shares of the specs in force in a checkpoint. */
  saved(): readonly SavedSpec[] {
    return this.#lives.map((live) => this.#savedOf.get(live)!);
  }

  /** The first entry of the journal that a checkpoint on disk may need, to go on from it; 0: there is none. */
  get neededSeq(): number {
    return this.saved().reduce((least, { neededSeq }) => Math.min(least, neededSeq), Number.POSITIVE_INFINITY);
  }

  /**
   * Specs were loaded from a checkpoint: `recover` goes on behind it. Those that were not fold the journal up to there.
   *
   * @param seq  of the checkpoint
   */
  resume(seq: number): void {
    const { journal } = this.#options;
    this.#gaps.beginBehind(seq);
    const saved = this.saved();
    const others = saved.filter(({ opened }) => !opened).map(({ live }) => live);
    if (others.length > 0) {
      const rebuild = new Rebuild(others, (fromSeq) => partsTo(seq, journal.parts(fromSeq)));
      while (rebuild.step());
    }
    this.#recent.bytesMax = limits.recentStartBytes;
    const needed = Math.min(seq + 1, ...saved.filter(({ opened }) => opened).map(({ neededSeq }) => neededSeq));
    for (const part of partsTo(seq, journal.parts(needed))) this.#recent.addPart(part);
    for (const { live, untold } of saved) for (const each of untold) this.#tellAgain(live, each);
  }

  /** What the journal has, at the start, in order. */
  recover(part: Entry | Block): void {
    if (part instanceof Block) this.#gaps.passAll(part.firstSeq, part.lastSeq);
    else this.#gaps.passAll(part.seq, part.seq);
    this.#push(part);
    while (this.#queue.length >= limits.foldBacklogEvents) this.#step();
  }

  /** What was on disk has been handed over; from here on commits tell of more. */
  begin(): void {
    this.catchUp();
    for (const live of this.#lives) {
      live.lacksEarlier ||= this.#gaps.found;
      live.endResume();
    }
    this.#recent.bytesMax = limits.recentBytes;
    this.#options.journal.onCommit((_, { parts }) => this.#committed(parts));
    this.#hasBegun = true;
    this.#tickLater();
  }

  /** What is on disk is folded first, so that nobody has to be told of it later. */
  close(): void {
    if (this.#closed) return;
    this.catchUp();
    this.#closed = true;
    this.#stopTicks();
  }

  /** Folds all that is on disk. */
  catchUp(): void {
    while (this.#queue.length > 0) this.#step();
  }

  /** Time passing is an entry while something depends on it. */
  pass(): void {
    const { clock, journal, fault } = this.#options;
    this.catchUp();
    this.#loosen();
    if (this.#ticks || clock.now() - this.#tickedAt < limits.tickEveryMs) return;
    if (![...this.#lives, ...this.#joined].some(({ isUnsettled }) => isUnsettled)) return;
    this.#ticks = true;
    journal
      .append([{ kind: "tick", principal: "transforms", subject: "clock", headers: {}, payload: NO_PAYLOAD }])
      .catch((error) => fault("a tick can't be journalled", error))
      .finally(() => {
        this.#ticks = false;
      });
  }

  /** A slice of what is on disk up to a sequence. @returns whether there is more of it */
  #foldTo(seq: number): boolean {
    if (this.#queue.firstSeq <= seq) this.#step();
    return this.#queue.firstSeq <= seq;
  }

  /** An entry says how long tails are: it decides which events are late. One at a time; who needs it asks again. */
  #boundTails(live: Live, events: number): void {
    const { journal, fault, info } = this.#options;
    const { name } = live;
    if (!this.#hasBegun || !this.#lives.includes(live) || this.#bounding.has(name)) return;
    this.#bounding.add(name);
    journal
      .append([tailsTick(name, events)])
      .then(() => info({ spec: name, events }, "late events may join so many events of an identity from now on"))
      .catch((error) => {
        this.#bounding.delete(name);
        if (!(error instanceof AisleError && error.passing)) fault("how long tails are can't be journalled", error);
      });
  }

  /** Where there is room again, tails may grow. */
  #loosen(): void {
    for (const live of this.#lives) {
      const { tailEvents, isRoomy } = live;
      if (isRoomy && tailEvents < limits.tailEvents)
        this.#boundTails(live, Math.min(2 * tailEvents, limits.tailEvents));
    }
  }

  #tickLater(): void {
    this.#stopTicks = this.#options.clock.after(limits.tickEveryMs, () => {
      this.pass();
      this.#tickLater();
    });
  }

  #committed(parts: readonly Part[]): void {
    for (const part of parts) {
      if (part instanceof Block) this.#push(this.#kept(part));
      else for (const entry of part) this.#push(entry);
    }
    while (this.#queue.length >= limits.foldQueue) this.#step();
    this.#schedule();
  }

  /** A copy: the journal's bytes are its own. What it takes the place of is folded by then. */
  #kept(block: Block): Block {
    const seq = this.#ring.overwrites(block);
    while (this.#queue.firstSeq <= seq) this.#step();
    this.#recent.forgetBlocks(seq);
    return this.#ring.put(block);
  }

  #push(part: Entry | Block): void {
    if (part instanceof Block || isEvent(part) || part.kind === "tick" || part.kind === "config")
      this.#queue.push(part);
  }

  #schedule(): void {
    if (this.#scheduled || this.#queue.length === 0) return;
    this.#scheduled = true;
    const run = () => {
      this.#scheduled = false;
      if (this.#closed) return;
      this.#step();
      this.#schedule();
    };
    if (this.#queue.length >= limits.foldEvents) setImmediate(run);
    else this.#options.clock.after(GATHER_MS, run);
  }

  /** A slice. */
  #step(): void {
    const { clock } = this.#options;
    const start = clock.monotonic();
    const before = this.#queue.length;
    for (let left = this.#pace.events(before); left > 0 && this.#queue.length > 0; ) {
      const run = this.#queue.take(left);
      left -= run.count;
      this.#fold(run);
      if (run.last === null) continue;
      left--;
      this.#heed(run.last);
    }
    this.#pace.took(before - this.#queue.length, clock.monotonic() - start);
  }

  #fold({ events, blocks }: Run): void {
    const lives = [...this.#lives, ...this.#joined];
    if (blocks.length > 0) {
      this.#recent.addBlocks(blocks);
      for (const live of lives) live.feedBlocks(blocks);
    } else if (events.length > 0) {
      this.#recent.add(events);
      const batch = batchOf(events);
      for (const live of lives) live.feed(batch);
    }
  }

  /** What is no event, and yet changes what becomes of events. */
  #heed(entry: Entry): void {
    if (entry.kind === "tick") {
      this.#tickedAt = entry.receivedAt;
      for (const live of [...this.#lives, ...this.#joined]) live.tick(entry);
      for (const name of this.#bounding) if (tailEventsIn(entry, name) !== null) this.#bounding.delete(name);
    } else if (this.#swap !== null && entry.value === this.#swap) this.#swapIn(entry.seq, this.#swap);
  }

  #newLive(spec: SiteTransform, specs: number): Live {
    const { config, store, fault } = this.#options;
    const live = new Live(spec, {
      recent: this.#recent,
      cold: store.newPart(),
      memoryBytes: shareOf(config, specs),
      crowded: (live, events) => this.#boundTails(live, events),
      refused: (live, entry, outcome) => this.#refused(live, entry, outcome),
      fault: ({ name }, error) => fault(`the spec '${name}' has failed: it folds no more until it is reloaded`, error),
    });
    const ports = { fold: (seq: number) => this.#foldTo(seq), untold: () => this.#untold(live) };
    this.#savedOf.set(live, new SavedSpec(live, ports));
    return live;
  }

  /** A checkpoint does not wait for the disk to have the letters: on a full one they might wait for the checkpoint. */
  #untold(live: Live): Untold[] {
    const letters = this.#options.unwritten(sourceOf(live));
    return letters.map(({ seq, code }) => ({ seq, outcome: code === LATE ? "late" : "failed" }));
  }

  /** The process ended before the disk had the letter. */
  #tellAgain(live: Live, { seq, outcome }: Untold): void {
    const entry = this.#options.journal.find(seq);
    if (entry === null || entry.headers.tombstone !== undefined) return;
    if (!this.#options.isRefused(sourceOf(live), seq)) this.#tell(live, entry, outcome);
  }

  #refused(live: Live, entry: Entry, outcome: "late" | "failed"): void {
    const { seq, receivedAt } = entry;
    if (seq <= this.#startSeq) {
      const isOld = receivedAt < this.#startAt - limits.untoldMs;
      if (isOld || this.#options.isRefused(sourceOf(live), seq)) return;
    }
    this.#tell(live, entry, outcome);
  }

  #tell(live: Live, entry: Entry, outcome: "late" | "failed"): void {
    const { name, settledAt, tailEvents } = live;
    const { seq, principal, subject, headers, payload } = entry;
    const [code, detail] =
      outcome === "late"
        ? [
            LATE,
            `spec '${name}': the event is from before ${isoOf(settledAt)}, or from before the youngest of its customer that late ones may join (up to ${tailEvents}): what was then is settled`,
          ]
        : ["limit", `spec '${name}': the event costs more than one may, or makes a value larger than one may be`];
    this.#options.refuse({
      code,
      detail,
      where: { source: sourceOf(live) },
      seq,
      principal,
      subject,
      headers,
      payload,
    });
  }

  // Asking

  specs(): readonly SpecState[] {
    this.catchUp();
    return this.#lives.map((live) => ({
      name: live.name,
      streaming: live.spec.transform.streaming.file,
      window: live.spec.transform.window?.file ?? null,
      latenessMs: live.spec.transform.streaming.latenessMs,
      settledAt: live.settledAt,
      identities: { memory: live.fold.core.identitiesCount(), disk: live.cold.size },
      heldBytes: live.fold.usedBytes,
      events: live.counts,
      incomplete: live.lacksEarlier,
      broken: live.broken,
    }));
  }

  /** What works worse than it might, a sentence each. */
  trouble(): string[] {
    const broken = this.#lives.flatMap(({ name, broken }) =>
      broken === null ? [] : [`the spec '${name}' has failed, and folds no more until it is reloaded: ${broken}`],
    );
    const short = this.#lives.filter(({ tailEvents }) => tailEvents < limits.tailEvents).map(shortOf);
    const failed = this.#reload?.state === "failed";
    const reload = failed ? [`the specs were not reloaded: ${this.#reload!.reasons.join("; ")}`] : [];
    return [...broken, ...short, ...reload];
  }

  lastReload(): Reload | null {
    return this.#reload;
  }

  aggregates(identity: string): readonly Known[] {
    this.catchUp();
    return this.#working().flatMap((live) => live.aggregates(identity) ?? []);
  }

  async features(identity: string, at: number | null): Promise<readonly Known[]> {
    this.catchUp();
    const lives = this.#working().filter(({ hasWindows }) => hasWindows);
    if (at === null) return lives.flatMap((live) => live.features(identity) ?? []);
    if (this.#pastRows >= limits.pastRows)
      throw new AisleError("overloaded", `${limits.pastRows} rows of the past are being made, the most there may be`);
    this.#pastRows++;
    try {
      const rows: Known[] = [];
      for (const live of lives) {
        const json = await pastRow(live, this.#options.journal.read(), identity, at);
        if (json !== null) rows.push({ ...live.about(identity), json });
      }
      return rows;
    } finally {
      this.#pastRows--;
    }
  }

  all(): Lines {
    if (this.#exports >= limits.exports)
      throw new AisleError("overloaded", `${limits.exports} streams of all aggregates are open, the most there may be`);
    this.catchUp();
    const lives = this.#working();
    this.#exports++;
    return new Lines(lives, () => this.#exports--);
  }

  /** Specs that fold. */
  #working(): readonly Live[] {
    const working = this.#lives.filter(({ broken }) => broken === null);
    if (working.length === 0 && this.#lives.length > 0)
      throw new AisleError("unavailable", `the spec has failed: ${this.#lives[0]!.broken}`);
    return working;
  }

  // Reloading

  /**
   * Reads the specs again; those that changed are built in the background, and served from then on.
   *
   * @throws SiteError with every mistake, and nothing changes; AisleError `conflict` while one is under way
   */
  reload(): Reload {
    if (this.#reload?.state === "building") throw new AisleError("conflict", "a reload is under way: GET /transforms");
    const at = this.#options.clock.now();
    try {
      const specs = this.#options.readSpecs();
      const served = new Map(this.#lives.map((live) => [live.name, live]));
      const changed = specs.list.filter(({ name, hash }) => {
        const live = served.get(name);
        return live?.spec.hash !== hash || live.broken !== null;
      });
      const names = new Set(specs.list.map(({ name }) => name));
      const removed = [...served.keys()].filter((name) => !names.has(name));
      const isSame = changed.length === 0 && removed.length === 0;
      const built = changed.map((spec) => this.#newLive(spec, specs.list.length));
      this.#reload = {
        at,
        state: isSame ? "done" : "building",
        changed: changed.map(({ name }) => name),
        removed,
        seq: null,
        reasons: [],
      };
      if (!isSame) this.#build({ specs, built }).catch((error) => this.#failed(at, error));
      return this.#reload;
    } catch (error) {
      this.#failed(at, error);
      throw error;
    }
  }

  async #build(swap: Swap): Promise<void> {
    const { journal } = this.#options;
    const rebuild = new Rebuild(swap.built, (fromSeq) => journal.parts(fromSeq));
    while (rebuild.step()) {
      await turn();
      if (this.#closed) return;
    }
    // Within this turn nothing more reaches the disk: from here on the new ones hear what the others hear.
    this.catchUp();
    const broken = swap.built.find((live) => live.broken !== null);
    if (broken !== undefined) throw new Error(`the spec '${broken.name}' has failed: ${broken.broken}`);
    for (const live of swap.built) live.tellsFrom = journal.lastSeq + 1;
    this.#joined = swap.built;
    this.#swap = swap;
    await this.#append({ ...this.#options.inForce(swap.specs.hash), value: swap });
  }

  /** A full journal gets it a little later. */
  async #append(draft: Draft): Promise<void> {
    const { journal, clock } = this.#options;
    for (;;) {
      try {
        await journal.append([draft]);
        return;
      } catch (error) {
        if (!(error instanceof AisleError && error.passing)) throw error;
        await new Promise<void>((resolve) => void clock.after(RETRY_MS, resolve));
      }
    }
  }

  #swapIn(seq: number, { specs, built }: Swap): void {
    const { config, fault, info } = this.#options;
    const byName = new Map([...this.#lives, ...built].map((live) => [live.name, live]));
    const lives = specs.list.map(({ name }) => byName.get(name)!);
    const gone = this.#lives.filter((live) => !lives.includes(live));
    this.#lives = lives;
    this.#joined = [];
    this.#swap = null;
    this.#reload = { ...this.#reload!, state: "done", seq };
    this.reloads.done++;
    for (const live of lives) live.memoryBytes = shareOf(config, lives.length);
    for (const live of gone) {
      live.closed = true;
      live.cold.clear().catch((error) => fault(`what the spec '${live.name}' left can't be removed`, error));
    }
    const { changed, removed } = this.#reload;
    info({ changed, removed, seq }, "the transforms were reloaded");
  }

  #failed(at: number, error: unknown): void {
    this.#joined = [];
    this.#swap = null;
    this.reloads.failed++;
    const isMistake = error instanceof SiteError;
    const reasons = isMistake ? error.mistakes.map(formatMistake) : [(error as Error).message];
    this.#reload = { at, state: "failed", changed: [], removed: [], seq: null, reasons };
    if (isMistake) this.#options.info({ reasons }, "the transforms were not reloaded: the specs have mistakes");
    else this.#options.fault("the transforms were not reloaded", error);
  }
}

/** Held bytes of each of so many specs. */
function shareOf({ memoryBytes }: TransformsConfig, specs: number): number {
  return Math.min(Math.floor(memoryBytes / specs), limits.specBytes);
}

/** Of its dead letters. */
function sourceOf({ name }: Live): string {
  return `transforms/${name}`;
}

function shortOf({ name, tailEvents }: Live): string {
  return `the spec '${name}' lets late events join the youngest ${tailEvents} of a customer, not ${limits.tailEvents}: more do not fit in the memory of the transforms. Give them more ('transforms: memory:' in site.yml), or the spec a shorter 'Lateness'`;
}

/** @param at  ms since epoch; null: never */
function isoOf(at: number | null): string {
  return at === null ? "ever" : new Date(at).toISOString();
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
