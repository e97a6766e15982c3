// A place's side of its hub: what the journal holds and the hub should have is sent until the hub has it on its disk.
import type { Bus } from "../bus/bus.ts";
import { subject } from "../bus/subject.ts";
import type { Clock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import type { Journal } from "../journal/journal.ts";
import { limits } from "../limits.ts";
import { type Carrier, Note } from "../outbox/note.ts";
import type { Store } from "../store/store.ts";
import { type Batch, Gatherer } from "./batch.ts";
import { type Segment, segmentAt, segmentsOf } from "./segments.ts";
import { Waiters } from "./waiters.ts";
import { type Answer, EPOCH, FROM, readAnswer } from "./words.ts";

export interface HubLinkPorts {
  readonly journal: Pick<Journal, "parts" | "lastSeq" | "onCommit" | "epoch" | "stats"> & Carrier;
  readonly store: Pick<Store, "get" | "commit">;
  readonly bus: Bus;
  readonly clock: Clock;
  /** In [0, 1); spreads what is tried again. */
  readonly random: () => number;
  readonly place: string;
  /** `<prefix>.<site>.<place>` of the hub. */
  readonly hub: string;
  readonly fault: (what: string, error: unknown) => void;
}

export interface HubLinkStats {
  /** Entries on disk that the hub may lack. */
  readonly waiting: number;
  readonly sent: number;
  /** Of these, sent before and not confirmed. */
  readonly retried: number;
  /** Entries that retention had removed before the hub had them: events, never a decision. */
  readonly shed: number;
}

interface Noted {
  readonly segments: readonly Segment[];
  /** The hub has everything up to here. */
  readonly through: number;
}

/**
 * ask the hub how far it has come ─► batches in order, a few under way ─► its answer: on disk up to here
 *        ▲                                    │ refused, late, the bus away
 *        └──────── a pause that grows ◄───────┘
 *
 * The hub's word is the truth: what is noted here serves retention, and to know what belongs to which epoch.
 */
export class HubLink {
  readonly #ports: HubLinkPorts;
  readonly #subject: string;
  readonly #note: Note<Noted>;
  readonly #waiters: Waiters;
  #segments: readonly Segment[] = [];
  #through = 0;
  /** Null: the hub has to be asked first. */
  #gatherer: Gatherer | null = null;
  #segment: Segment & { readonly end: number } = { epoch: "", from: 1, end: 0 };
  #underWay = 0;
  /** Answers to what was sent before count no more. */
  #round = 0;
  #isAsking = false;
  #isWoken = false;
  #isBegun = false;
  #isClosed = false;
  #attempt = 0;
  #stopPause: (() => void) | null = null;
  /** Since when the hub is away, monotonic, ms; null: it is here. */
  #awaySince: number | null = null;
  #why = "";
  /** It can't go on without a person. */
  #isStuck = false;
  #sentMax = 0;
  #sent = 0;
  #retried = 0;
  #shed = 0;
  /** What is missing up to here was counted. */
  #missingMax = 0;
  #bytesMax: number = limits.hubBatchBytes;

  constructor(ports: HubLinkPorts) {
    this.#ports = ports;
    const { bus, clock, journal, store, fault, hub, place } = ports;
    this.#subject = subject(hub, "hub", place);
    this.#waiters = new Waiters(clock);
    const read = () => ({ segments: this.#segments, through: this.#through });
    this.#note = new Note({ journal, store, clock, name: "hub", read, everyMs: limits.outboxNoteMs, fault });
    bus.onState((state) => {
      if (state === "here") this.#goOn();
    });
  }

  /**
   * From here on commits are heard of. Before anything is appended under a new epoch.
   *
   * @param formerEpoch  of what the journal holds, where the epoch was renewed at this start
   */
  open(formerEpoch: string | null = null): void {
    const { journal } = this.#ports;
    const noted = this.#note.load();
    const known = noted?.segments ?? [];
    const before = formerEpoch === null ? known : segmentsOf(known, formerEpoch, journal.lastSeq);
    this.#segments = segmentsOf(before, journal.epoch, journal.lastSeq);
    this.#through = Math.min(noted?.through ?? 0, journal.lastSeq);
    // What had gone before there was a hub is not missed.
    if (noted === null) this.#missingMax = journal.stats().firstSeq - 1;
    if (this.#segments.length !== (noted?.segments.length ?? 0)) this.#note.ahead();
    journal.onCommit(() => this.#wake());
  }

  /** What the hub lacks is sent. */
  begin(): void {
    this.#isBegun = true;
    this.#awaySince = this.#ports.clock.monotonic();
    this.#why = "it has not answered yet";
    this.#goOn();
  }

  /**
   * Resolves once the hub has an entry in its journal, on disk.
   *
   * @throws AisleError `unavailable` when it doesn't have it in time: it gets it later; `overloaded`
   */
  replicated(seq: number): Promise<void> {
    return seq <= this.#through ? Promise.resolve() : this.#waiters.wait(seq);
  }

  /** Entries from here on should stay in the journal. */
  neededFrom(): number {
    return this.#through + 1;
  }

  /** Why entries wait; null: the hub is here, or away only for a while. */
  trouble(): string | null {
    if (this.#awaySince === null) return null;
    const ms = this.#ports.clock.monotonic() - this.#awaySince;
    if (!this.#isStuck && ms < limits.hubAwayMs) return null;
    return `the hub '${this.#ports.hub}' has not taken anything for ${Math.round(ms / 1000)} s: ${this.#why}; ${this.stats().waiting} entries wait`;
  }

  stats(): HubLinkStats {
    const waiting = Math.max(0, this.#ports.journal.lastSeq - this.#through);
    return { waiting, sent: this.#sent, retried: this.#retried, shed: this.#shed };
  }

  /** Before the bus and the store are closed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopPause?.();
    this.#waiters.close();
    await this.#note.close();
  }

  #goOn(): void {
    this.#stopPause?.();
    this.#stopPause = null;
    if (!this.#isBegun || this.#isClosed) return;
    if (this.#gatherer === null) void this.#join();
    else this.#wake();
  }

  /** Asks the hub how far it has come with the segment that is next. */
  async #join(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const round = ++this.#round;
    const segment = segmentAt(this.#segments, this.#through + 1);
    try {
      const answer = await this.#request(segment, Buffer.alloc(0));
      this.#isAsking = false;
      if (round === this.#round && !this.#isClosed) this.#joined(segment, answer.through);
    } catch (error) {
      this.#isAsking = false;
      this.#lose(round, error);
    }
  }

  #joined(segment: Segment & { readonly end: number }, through: number): void {
    const { lastSeq } = this.#ports.journal;
    if (segment.end === Number.POSITIVE_INFINITY && through > lastSeq) {
      this.#stick(through);
      return;
    }
    const reached = Math.max(segment.from - 1, Math.min(through, segment.end, lastSeq));
    // It has taken a batch, and the answer was lost. That it answers a question alone says nothing: it may refuse all.
    if (reached > this.#through) this.#here();
    // It may be less than before: the hub was restored itself.
    this.#through = reached;
    this.#reach(reached);
    this.#segment = segment;
    this.#underWay = 0;
    if (reached >= segment.end) {
      void this.#join();
      return;
    }
    const missing = (first: number, last: number) => this.#missing(first, last);
    this.#gatherer = new Gatherer(this.#ports.journal, reached, missing, this.#bytesMax);
    this.#wake();
  }

  /** The hub has more of this epoch than this place. */
  #stick(through: number): void {
    this.#isStuck = true;
    this.#lose(
      this.#round,
      new AisleError(
        "conflict",
        `it has entries up to ${through} of this journal, which ends at ${this.#ports.journal.lastSeq}: was the folder copied back? 'aisle restore' gives it a new epoch`,
      ),
    );
  }

  #wake(): void {
    if (this.#isWoken || !this.#isBegun || this.#gatherer === null) return;
    this.#isWoken = true;
    setImmediate(() => {
      this.#isWoken = false;
      if (!this.#isClosed) this.#send();
    });
  }

  /** Retention has removed them. */
  #missing(first: number, last: number): void {
    this.#shed += Math.max(0, last - Math.max(first - 1, this.#missingMax));
    this.#missingMax = Math.max(this.#missingMax, last);
  }

  /** One batch a turn. */
  #send(): void {
    const gatherer = this.#gatherer;
    if (gatherer === null || this.#underWay >= limits.hubWindow || this.#ports.bus.state !== "here") return;
    const end = Math.min(this.#segment.end, this.#ports.journal.lastSeq);
    const before = gatherer.scanned;
    try {
      const batch = gatherer.next(end);
      const hasMore = gatherer.scanned > before && gatherer.scanned < end;
      if (batch !== null) this.#sendBatch(batch);
      else if (this.#underWay === 0) this.#pass(gatherer.scanned, !hasMore);
      if (hasMore) this.#wake();
    } catch (error) {
      this.#ports.fault("what the hub lacks can't be read from the journal", error);
      this.#lose(this.#round, error);
    }
  }

  /**
   * Entries up to here don't matter to the hub, or it has them.
   *
   * @param isAll  nothing is left of the segment
   */
  #pass(scanned: number, isAll: boolean): void {
    this.#through = Math.max(this.#through, scanned);
    this.#waiters.reached(this.#through);
    if (scanned >= this.#segment.end) {
      this.#gatherer = null;
      void this.#join();
    } else if (isAll) this.#here();
  }

  #sendBatch(batch: Batch): void {
    const round = this.#round;
    this.#underWay++;
    this.#sent += batch.entries;
    if (batch.last <= this.#sentMax) this.#retried += batch.entries;
    this.#sentMax = Math.max(this.#sentMax, batch.last);
    this.#request(this.#segment, batch.bytes).then(
      ({ through }) => {
        if (round === this.#round && !this.#isClosed) this.#took(batch, through);
      },
      (error) => this.#lose(round, error),
    );
  }

  #took({ last }: Batch, through: number): void {
    if (through < last) {
      this.#lose(this.#round, new AisleError("conflict", `it is at ${through}, expected ${last}`));
      return;
    }
    this.#underWay--;
    this.#here();
    this.#reach(last);
    this.#wake();
  }

  /** @throws AisleError when the hub is away, or refuses */
  async #request({ epoch, from }: Segment, bytes: Buffer): Promise<Answer> {
    const headers = { [EPOCH]: epoch, [FROM]: String(from) };
    const { payload } = await this.#ports.bus.request(this.#subject, bytes, { headers, timeoutMs: limits.hubAnswerMs });
    const answer = readAnswer(payload);
    if (answer === null) throw new AisleError("invalid", "what answers there is no hub of Aisle's");
    const { code, detail = code } = answer;
    if (code !== undefined) throw new AisleError(code === "overloaded" ? code : "unavailable", String(detail));
    return answer;
  }

  #reach(through: number): void {
    this.#through = Math.max(this.#through, through);
    this.#waiters.reached(this.#through);
    this.#note.soon();
  }

  /** It has taken something, or lacks nothing. */
  #here(): void {
    this.#awaySince = null;
    this.#isStuck = false;
    this.#attempt = 0;
  }

  /** The server between takes smaller messages only. A smaller one is no repeat: the pause does not grow. */
  #shrink(): void {
    this.#isStuck = this.#bytesMax === 1;
    if (!this.#isStuck) this.#attempt = 0;
    this.#bytesMax = Math.max(1, this.#bytesMax >> 1);
  }

  /** What is under way counts as lost; after a pause the hub is asked anew. */
  #lose(round: number, error: unknown): void {
    if (round !== this.#round || this.#isClosed) return;
    this.#round++;
    this.#gatherer = null;
    this.#underWay = 0;
    this.#why = (error as Error).message;
    if (error instanceof AisleError && error.code === "too-large") this.#shrink();
    const { clock, random } = this.#ports;
    this.#awaySince ??= clock.monotonic();
    const { hubRetryMs, hubRetryMaxMs } = limits;
    const pause = Math.min(hubRetryMaxMs, hubRetryMs * 2 ** Math.min(this.#attempt++, 20)) * (0.5 + random() / 2);
    this.#stopPause?.();
    this.#stopPause = clock.after(pause, () => this.#goOn());
  }
}
