// Everything that does the work of a place on its board: layers, ranks, claims, executors, logs, notices. Put together
// here, so that main.ts hands it over as one thing.
import type { Holds, RowChange } from "./apply.ts";
import type { Board, BoardRecord } from "./board/board.ts";
import { type Change, type Changed, changeDraft } from "./board/change.ts";
import { Expiries } from "./board/expiries.ts";
import { BoardFace } from "./board/face.ts";
import { BoardFeed } from "./board/feed.ts";
import { type BoardMessage, boardMessage, rowMessage } from "./board/message.ts";
import { Ranks } from "./board/ranks.ts";
import type { Bus } from "./bus/bus.ts";
import { subject } from "./bus/subject.ts";
import type { Claims } from "./claims/claims.ts";
import type { Clock } from "./clock.ts";
import type { Entry, Journal } from "./journal/journal.ts";
import { follow } from "./layers/follow.ts";
import { Layers, type Shift } from "./layers/layers.ts";
import { limits } from "./limits.ts";
import type { LabelledReading } from "./metrics.ts";
import type { Telemetry } from "./outbox/telemetry.ts";
import { type Pace, Pacer } from "./pacer.ts";
import type { Worker } from "./runner.ts";
import { Deadlines } from "./runs/deadlines.ts";
import type { Executor, Notice } from "./runs/job.ts";
import { RunLogs } from "./runs/log.ts";
import { Notices } from "./runs/notices.ts";
import { workReadings } from "./runs/readings.ts";
import { openRuns, type RemoteRuns } from "./runs/remote-runs.ts";
import { Work } from "./runs/work.ts";
import type { Blocker, Gate, Scheduler } from "./scheduler.ts";
import type { ActorKind, Plan, PlannedActor, Site } from "./site.ts";

export interface WorkshopOptions {
  readonly site: Site;
  readonly layers: SiteLayers;
  readonly board: Board;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly bus: Bus;
  /** What is told of the board goes out by it, and notices. */
  readonly telemetry: Pick<Telemetry, "hears" | "publish">;
  /** `<prefix>.<site>.<place>` of the bus's subjects. */
  readonly base: string;
  readonly executors: Readonly<Partial<Record<ActorKind, Executor>>>;
  readonly claims: (ports: ClaimsWorld) => Claims;
  /** Tells runs of this process from those of another: hex. */
  readonly boot: string;
  readonly secrets: readonly string[];
  readonly pace?: Pace;
  /** Bounds how long a service that brings a result waits for a full disk. */
  readonly patient: <T>(waited: Promise<T>) => Promise<T>;
  readonly fault: (what: string, error: unknown) => void;
}

/** What arbitrates claims, besides the bus, knows of the place. */
export interface ClaimsWorld {
  readonly notice: (notice: Omit<Notice, "at" | "site" | "place" | "log">) => void;
  readonly changed: (record: BoardRecord, columns: readonly number[] | null) => void;
}

/** The layers of a site, as the runtime looks at them. */
export class SiteLayers implements Holds {
  readonly layers: Layers;
  /** Live: told of each shift. */
  follow: (shifts: readonly Shift[]) => void = () => {};

  constructor(actors: readonly PlannedActor[]) {
    this.layers = new Layers(actors);
  }

  noticed(changed: Changed, entry: Pick<Entry, "receivedAt">): void {
    this.follow(this.layers.noticed(changed, entry));
  }

  renewed(actor: PlannedActor, record: BoardRecord, at: number): void {
    this.follow(this.layers.renew(actor, record, at));
  }

  inhibited(actor: PlannedActor, record: BoardRecord, now: number) {
    return this.layers.inhibited(actor, record, now);
  }
}

export class Workshop {
  readonly logs: RunLogs;
  readonly notices: Notices;
  readonly ranks: Ranks;
  /** The changes on disk, for those who follow a page. */
  readonly feed = new BoardFeed();
  readonly work: Work;
  /** The work, at the pace asked for. */
  readonly worker: Worker;
  /** For actors that a site brings; the decision on an offer looks at its layers itself. */
  readonly gate: Gate;
  readonly #options: WorkshopOptions;
  readonly #claims: Claims;
  readonly #deadlines: Deadlines;
  readonly #expiries: Expiries;
  /** What happened to rows that events feed, until it is on disk. */
  #rows: BoardMessage[] = [];
  /** By page. */
  readonly #subjects = new Map<string, string>();
  readonly #runs = new Map<string, Map<string, number>>();
  readonly #blocked = new Map<Blocker["rule"], number>();
  #actors: readonly PlannedActor[];
  #scheduler: Scheduler | null = null;
  #watchesDeadlines = false;
  #stopTimer: () => void = () => {};
  #runNumber = 0;

  constructor(options: WorkshopOptions) {
    const { site, board, clock, telemetry, base, layers, secrets, pace } = options;
    this.#options = options;
    this.#actors = site.plan.actors;
    this.logs = new RunLogs({ secrets });
    this.notices = new Notices({
      ...{ bus: telemetry, base, site: site.name, place: site.place, clock },
      tail: (run, bytes) => this.logs.tail(run, bytes),
      onLost: () => {},
    });
    this.gate = gateOf(layers.layers);
    this.ranks = new Ranks(board);
    this.#expiries = new Expiries(clock, (row) => this.#ranked(row));
    const notice: ClaimsWorld["notice"] = (told) => this.notices.tell(told);
    this.#claims = options.claims({ notice, changed: (record, columns) => this.#mirrored(record, columns) });
    this.work = new Work({
      ...{ board, clock, notice, gate: this.gate, logs: this.logs, node: site.place },
      journal: options.journal,
      claims: this.#claims,
      executors: options.executors,
      fault: options.fault,
      defer: (run) => void setImmediate(run),
      newRun: () => this.newRun(),
      count: (goal, outcome) => this.#count(goal, outcome),
    });
    this.#deadlines = new Deadlines({
      ...{ board, clock, node: site.place, notice: (told) => this.notices.tell(told) },
      find: (seq) => options.journal.find(seq),
      append: (change) => {
        const { fault } = options;
        options.journal
          .append([changeDraft(change, site.place)])
          .catch((error) => fault("a deadline can't be journalled", error));
      },
    });
    this.worker = pace === undefined ? this.work : this.#paced(pace);
    layers.follow = (shifts) => this.#follow(shifts);
  }

  /** An id that was never given before, not by an earlier process either. */
  newRun(): string {
    const { site, boot } = this.#options;
    return `${site.place}-${boot}-${++this.#runNumber}`;
  }

  readings(): readonly LabelledReading[] {
    const { board, layers } = this.#options;
    const notices = () => this.notices.stats();
    return workReadings({ board, layers: layers.layers, runs: this.#runs, blocked: this.#blocked, notices });
  }

  /** Takes what services bring that have accepted a run. */
  openRuns(): RemoteRuns {
    const { bus, base, patient, fault } = this.#options;
    return openRuns(bus, base, {
      patient,
      report: (run, result) => this.work.report(run, result),
      renew: (run) => this.work.renew(run),
      onError: (error) => fault("what a service brought can't be taken", error),
    });
  }

  /** A record of another node has changed: what it holds is held here too. */
  #mirrored(record: BoardRecord, columns: readonly number[] | null): void {
    const { layers, clock } = this.#options;
    if (record.home !== null) layers.noticed({ record, columns }, { receivedAt: clock.now() });
    this.#scheduler?.changed(record, columns);
  }

  /** From here on what shifts on the layers starts work. */
  serve(scheduler: Scheduler): void {
    this.#scheduler = scheduler;
    this.#readRanks();
    this.feed.begin(this.#options.journal.lastSeq);
    this.#watchHolds();
  }

  /** From here on people are told of what they have not done in time. */
  watchDeadlines(): void {
    this.#watchesDeadlines = true;
    this.#deadlines.begin(this.#scheduler!, this.#actors);
  }

  /** What people and programs ask of the board, and write. */
  face(scheduler: Scheduler): BoardFace {
    const { board, journal, clock, site } = this.#options;
    return new BoardFace({
      ...{ board, clock, node: site.place, feed: this.feed },
      scheduler: {
        actorOf: (page, goal) => scheduler.actorOf(page, goal),
        blockers: (actor, record) => this.#blockers(scheduler, actor, record),
      },
      append: (drafts) => journal.append(drafts),
      find: (seq) => journal.find(seq),
      cancel: (_page, _key, _goal, run) => this.work.cancel(run),
      logOf: (run) => this.logs.read(run),
      doing: (goal) => this.work.doing(goal),
    });
  }

  /** Takes part with other nodes, before anything is started; those that can't be reached now are waited for while it works. */
  async openClaims(): Promise<void> {
    await this.#claims.open?.(limits.claimsOpenMs);
  }

  /** Takes over a changed plan, and starts what it makes possible. */
  adopt(plan: Plan): void {
    const { actors } = plan;
    this.#claims.adopt?.(plan);
    const { board, layers } = this.#options;
    this.#actors = actors;
    this.#scheduler?.adopt(actors);
    if (this.#watchesDeadlines) this.watchDeadlines();
    this.#readRanks();
    this.#follow(layers.layers.adopt(actors));
    for (const page of board.pages) for (const record of page.records()) this.#scheduler?.changed(record);
  }

  rank(actor: PlannedActor, record: BoardRecord): number {
    return this.ranks.rank(actor, record, this.#options.clock.now());
  }

  blocked(rule: Blocker["rule"]): void {
    this.#blocked.set(rule, (this.#blocked.get(rule) ?? 0) + 1);
  }

  /** A change was applied: plan pages may rank otherwise, and other nodes are to see it. */
  applied(change: Change, changed: Changed | null, entry: Entry): void {
    if (changed === null) return;
    if (changed.record.page.config.ranks) {
      this.#ranked(changed.record);
      this.#expiries.watch(changed.record);
    }
    this.#deadlines.changed(changed.record);
    this.#claims.applied?.(change, changed.record, entry);
  }

  /** Rows of pages that events feed have changed: those who follow them hear of it with the commit. */
  rowsChanged(rows: readonly RowChange[], entry: Entry): void {
    for (const { record, gone } of rows) {
      const { name } = record.page;
      if (!this.feed.follows(name) && !this.#options.telemetry.hears(this.#subjectOf(name))) continue;
      this.#rows.push(rowMessage(record, gone, entry));
    }
  }

  /** Everything up to a sequence is on disk. */
  committedRows(lastSeq: number): void {
    if (this.#rows.length === 0) return;
    const told = this.#rows.filter(({ seq }) => seq <= lastSeq);
    this.#rows = this.#rows.slice(told.length);
    for (const message of told) this.#tell(message, this.#subjectOf(message.page));
  }

  /** A change is on disk: the bus hears of it. */
  committed(entry: Entry, change: Change, changed: Changed | null): void {
    const { telemetry } = this.#options;
    if (changed === null) {
      this.feed.begin(entry.seq);
      return;
    }
    this.#claims.committed?.(change, changed.record, entry);
    const address = this.#subjectOf(change.page);
    // Most pages of most places nobody reads along with.
    if (!telemetry.hears(address) && !this.feed.follows(change.page)) {
      this.feed.begin(entry.seq);
      return;
    }
    this.#tell(boardMessage(change, changed, entry), address);
  }

  #tell(message: BoardMessage, address: string): void {
    const { telemetry } = this.#options;
    this.feed.tell(message);
    if (telemetry.hears(address)) telemetry.publish(address, encode(message));
  }

  /** Begins nothing more that waits for its turn. The scheduler was paused before. */
  rest(): void {
    if (this.worker instanceof Pacer) this.worker.rest();
  }

  #subjectOf(page: string): string {
    let address = this.#subjects.get(page);
    if (address === undefined) {
      address = subject(this.#options.base, "board", page);
      this.#subjects.set(page, address);
    }
    return address;
  }

  async close(): Promise<void> {
    this.#stopTimer();
    this.#deadlines.close();
    this.#expiries.close();
    await this.#claims.close();
  }

  #paced(pace: Pace): Pacer {
    const { clock } = this.#options;
    const rank = (actor: PlannedActor, record: BoardRecord) => this.rank(actor, record);
    return new Pacer({ work: this.work, clock, rank: () => (this.ranks.isEmpty ? null : rank) }, pace);
  }

  #blockers(scheduler: Scheduler, actor: PlannedActor, record: BoardRecord): Blocker[] {
    const refusal = this.work.refusal(actor, record);
    const blockers = scheduler.blockers(actor, record);
    return refusal === null ? blockers : [...blockers, { rule: "site-limit", detail: refusal }];
  }

  #readRanks(): void {
    this.ranks.reset();
    for (const row of this.ranks.rows()) this.#expiries.watch(row);
  }

  /** What a row of a plan page ranks, and waits for a place, is asked for again. */
  #ranked(row: BoardRecord): void {
    const ranked = this.ranks.changed(row);
    if (ranked !== null) this.#scheduler?.changed(ranked);
  }

  #follow(shifts: readonly Shift[]): void {
    if (this.#scheduler === null || shifts.length === 0) return;
    follow(shifts, this.#scheduler, this.#options.board, this.#actors);
    this.#watchHolds();
  }

  /** The next hold to end frees its port by itself. */
  #watchHolds(): void {
    const { layers, clock } = this.#options;
    this.#stopTimer();
    const end = layers.layers.nextEnd();
    if (end === null) return;
    this.#stopTimer = clock.after(Math.max(1, end - clock.now()), () => {
      this.#follow(layers.layers.ended(clock.now()));
      this.#watchHolds();
    });
  }

  #count(goal: string, outcome: string): void {
    const outcomes = this.#runs.get(goal) ?? new Map<string, number>();
    this.#runs.set(goal, outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1));
  }
}

/** Actors that ship decide about offers by what held at the event itself, so that a replay agrees. */
function gateOf(layers: Layers): Gate {
  return {
    inhibited: (actor, record, now) => (actor.kind === "shipped" ? null : layers.inhibited(actor, record, now)),
    suppressed: (actor, record, field, now) =>
      actor.kind === "shipped" ? null : layers.suppressed(actor, record, field, now),
  };
}

function encode(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
