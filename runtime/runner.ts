// Starts what may start and carries the results: questions to the outside, effects and decisions to the journal,
// and, once they are on disk, offers to those who wait for them.
import type { Actor, Ask, World } from "./actor.ts";
import type { Applied, Applier, Effect, FocusData, FocusRecord, VisitData, VisitRecord } from "./apply.ts";
import { type Board, type BoardRecord, cellOf, putCell } from "./board/board.ts";
import { cell } from "./board/cell.ts";
import type { Change, Changed } from "./board/change.ts";
import { type Clock, sleep } from "./clock.ts";
import type { CustomerSource } from "./data/source.ts";
import { type Basis, buildDecision, decisionId, type Explainer } from "./decide/build.ts";
import type { Choice, Decision, Focus, Profile, ScoredCoupons, Scores, Visit } from "./decide/decision.ts";
import type { Scorer } from "./decide/scorer.ts";
import { AisleError } from "./errors.ts";
import type { Refused } from "./ingest.ts";
import { Block } from "./journal/block.ts";
import type { Draft, Entry, Journal } from "./journal/journal.ts";
import { entriesOf } from "./journal/walk.ts";
import { type Blocker, type Gate, Scheduler } from "./scheduler.ts";
import type { Plan, PlannedActor } from "./site.ts";

type AnyActor = Actor<unknown, unknown, unknown>;

/** What the work on goals needs, live or in a replay. */
export interface WorkPorts {
  readonly plan: Plan;
  readonly actors: readonly AnyActor[];
  readonly world: World;
  readonly scorer: Scorer;
  readonly explain: Explainer;
  readonly place: string;
  readonly epoch: string;
  readonly versions: Decision["versions"];
}

/** Where the work of actors that do not ship is done. */
export interface Worker {
  /** Runs at work, and results that are not on disk. */
  readonly busy: number;
  serve(scheduler: Scheduler): void;
  start(actor: PlannedActor, record: BoardRecord): void;
  applied(change: Change, changed: Changed | null, entry: Entry): void;
  recovered(): void;
  close(): Promise<void>;
}

export interface RunnerPorts extends WorkPorts {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly applier: Applier;
  readonly source: CustomerSource;
  /** Names what the board hears, as a `config` entry says it; missing: it may hear any event. */
  readonly hears?: string;
  readonly refuse: (refused: Refused) => void;
  /** Headers of a decision's entry: what the outside gets of it may depend on what holds as it is made. */
  readonly headersOf?: (decision: Decision) => Readonly<Record<string, string>>;
  /** A decision is on disk, as the payload of this entry. */
  readonly decided: (entry: Entry, decision: Decision) => void;
  /** Does the work of actors that the site brings. */
  readonly work: Worker;
  /** What higher layers hold, for the actors that the site brings; null: there are no layers. */
  readonly gate: Gate | null;
  readonly rank?: (actor: PlannedActor, record: BoardRecord) => number;
  readonly admits?: (actor: PlannedActor, record: BoardRecord) => boolean;
  readonly blocked?: (rule: Blocker["rule"]) => void;
  /** A change of the board is on disk; what it did, or null when it came to nothing. */
  readonly boarded: (entry: Entry, change: Change, changed: Changed | null) => void;
  /** An entry has been applied, live; it need not be on disk yet. */
  readonly applied: (entry: Entry, applied: Applied) => void;
  /** Lets so many ms pass before it is looked again whether all is done; missing: real ones. */
  readonly pause?: (ms: number) => Promise<void>;
  /** A bug or a failing journal: for the log. */
  readonly fault: (what: string, error: unknown) => void;
}

/** Where a rebuild begins, and the text of the `config` entry that was in force there; "": none. */
export interface From {
  readonly fromSeq: number;
  readonly configured: string;
}

/** How often the board is looked at for what ran out, ms. Times to live are minutes. */
const TICK_MS = 5_000;
/** Wait before a result is handed to a full journal again, ms. */
const RETRY_MS = 20;

/** How often it is looked whether everything is done, ms. */
const IDLE_MS = 5;

export class Runner {
  readonly #ports: RunnerPorts;
  readonly #scheduler: Scheduler;
  readonly #settled = new Map<number, (() => void)[]>();
  /** Answers from outside that go into the commit of their decision. */
  readonly #answers = new Map<FocusRecord, Effect>();
  /** Causes whose decision is not on disk, oldest first. */
  readonly #unsettled = new Set<number>();
  /** The oldest cause that was given up as the journal takes no more: from there on a restart decides. */
  #leftFrom = Number.POSITIVE_INFINITY;
  /** Entries appended while another is being applied: they wait, so that all are applied in order. */
  readonly #queue: Entry[] = [];
  /** What changes of the board did, until they are on disk. */
  readonly #boarded = new Map<number, { readonly change: Change; readonly changed: Changed | null }>();
  #applying = false;
  #live = false;
  #stopTicks: () => void = () => {};

  constructor(ports: RunnerPorts) {
    this.#ports = ports;
    const { clock, gate, rank, admits, blocked } = ports;
    this.#scheduler = new Scheduler(ports.plan.actors, (planned, record) => this.#start(planned, record), {
      clock,
      ...(gate === null ? {} : { gate }),
      ...(rank === undefined ? {} : { rank }),
      ...(admits === undefined ? {} : { admits }),
      ...(blocked === undefined ? {} : { blocked }),
    });
    ports.work.serve(this.#scheduler);
  }

  get scheduler(): Scheduler {
    return this.#scheduler;
  }

  get board(): Board {
    return this.#ports.applier.board;
  }

  /** Focuses that wait for their decision. */
  get backlog(): number {
    return this.#unsettled.size;
  }

  /** Rebuilds the board from the journal, and begins. */
  recover(onPart: (part: Entry | Block) => void = () => {}): void {
    this.rebuild(onPart);
    this.begin();
  }

  /** Rebuilds the board from the journal. From here on entries are applied; what they make possible waits for `begin`. */
  rebuild(
    onPart: (part: Entry | Block) => void = () => {},
    { fromSeq = 1, configured = "" }: Partial<From> = {},
  ): void {
    const { journal, applier, hears } = this.#ports;
    const settled = journal.appliedSeq;
    // What a checkpoint has brought is on the board.
    const known = applier.appliedSeq;
    let inForce = hearsIn(configured);
    for (const part of journal.parts(fromSeq)) {
      if (!(part instanceof Block)) {
        if (part.kind === "config") inForce = hearsIn(Buffer.from(part.payload).toString());
        if (part.seq > known) this.#apply(part);
      } else if (hears !== undefined && inForce === hears) applier.pass(part.lastSeq);
      else for (const entry of entriesOf(part)) if (entry.seq > known) this.#apply(entry);
      onPart(part);
    }
    this.#scheduler.pause();
    this.#live = true;
    journal.onAppend((entries) => this.#appended(entries));
    journal.onCommit((entries, { lastSeq }) => this.#committed(entries, lastSeq));
    for (const [cause, focus] of [...applier.undecided]) {
      // Its decision was made, or deliberately not, before the plan in force: history stays as it was.
      if (cause <= settled) applier.abandon(focus);
      else this.#unsettled.add(cause);
    }
  }

  /**
   * What was left undecided is decided, what may start starts.
   *
   * @param works  false: actors that the site brings start nothing, as the folder is only looked at
   */
  begin(works = true): void {
    const { applier, work } = this.#ports;
    this.#scheduler.pause(({ kind }) => !works && kind !== "shipped");
    const undecided = [...applier.undecided.values()].map(({ parent }) => parent!);
    const visits = applier.visits === null ? [] : applier.board.page(applier.visits.name).records();
    for (const visit of new Set([...undecided, ...visits])) this.#scheduler.changed(visit);
    if (works) work.recovered();
    this.#tick();
  }

  /** Resolves once the decision that an event caused is on disk; at once when it caused none. */
  settled(cause: number): Promise<void> {
    if (!this.#unsettled.has(cause)) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.#settled.get(cause);
      if (waiting === undefined) this.#settled.set(cause, [resolve]);
      else waiting.push(resolve);
    });
  }

  /** Resolves when nothing is worked on and no focus waits, or after `ms`. */
  async idle(ms = Number.POSITIVE_INFINITY): Promise<void> {
    const { work } = this.#ports;
    await this.#until(() => this.#scheduler.working === 0 && this.backlog === 0 && work.busy === 0, ms);
  }

  async #until(over: () => boolean, ms: number): Promise<void> {
    const { clock, pause = sleep } = this.#ports;
    const end = clock.monotonic() + ms;
    while (!over() && clock.monotonic() < end) await pause(IDLE_MS);
  }

  /** No more ticks; what is under way ends, or `ms` have passed. */
  async drain(ms: number): Promise<void> {
    this.#stopTicks();
    // What events began is still led to its end.
    this.#scheduler.pause(({ kind }) => kind !== "shipped");
    await this.idle(ms);
    const { work } = this.#ports;
    await work.close();
    await this.#until(() => work.busy === 0, ms);
  }

  /**
   * Entries have their place in the journal. The board may run ahead of the disk, as nobody outside hears of it: what
   * follows is appended in the same turn, so an event and its decision cost one sync.
   */
  #appended(entries: readonly Entry[]): void {
    for (const entry of entries) this.#queue.push(entry);
    if (this.#applying) return;
    this.#applying = true;
    // What is appended meanwhile lengthens the queue.
    for (let i = 0; i < this.#queue.length; i++) {
      const entry = this.#queue[i]!;
      const applied = this.#apply(entry);
      if (applied === null) continue;
      if (applied.focus !== null) {
        this.#unsettled.add(entry.seq);
        // What failed for the visit is tried again for each new focus.
        forgive(applied.focus.parent!);
      }
      this.#tell(() => this.#ports.applied(entry, applied));
      this.#follow(entry, applied);
    }
    this.#queue.length = 0;
    this.#applying = false;
  }

  /** Starts what a change makes possible. A bug there must not keep the next entry from being applied. */
  #follow(entry: Entry, { change, changed }: Applied): void {
    try {
      if (change !== null) {
        this.#boarded.set(entry.seq, { change, changed: changed[0] ?? null });
        this.#ports.work.applied(change, changed[0] ?? null, entry);
      }
      for (const { record, columns } of changed) this.#scheduler.changed(record, columns);
    } catch (error) {
      this.#ports.fault(`what entry ${entry.seq} makes possible can't be started`, error);
    }
  }

  #tellBoarded(entry: Entry): void {
    const boarded = this.#boarded.get(entry.seq);
    if (boarded === undefined) return;
    this.#boarded.delete(entry.seq);
    this.#tell(() => this.#ports.boarded(entry, boarded.change, boarded.changed));
  }

  /** Entries are on disk: decisions go out, and what happened on the board. */
  #committed(entries: readonly Entry[], lastSeq: number): void {
    for (const entry of entries) {
      this.#tellBoarded(entry);
      if (entry.kind !== "decision") continue;
      const decision = entry.value as Decision;
      this.#settle(decision.cause);
      this.#tell(() => this.#ports.decided(entry, decision));
    }
    const { journal } = this.#ports;
    // What was appended since may have its cause on disk and its decision not.
    const oldest = this.#unsettled.values().next().value ?? Number.POSITIVE_INFINITY;
    journal.appliedSeq = Math.min(oldest - 1, this.#leftFrom - 1, lastSeq);
  }

  #settle(cause: number): void {
    this.#unsettled.delete(cause);
    for (const resolve of this.#settled.get(cause) ?? []) resolve();
    this.#settled.delete(cause);
  }

  /** A bug in who is told must not keep the next entry from being applied. */
  #tell(told: () => void): void {
    try {
      told();
    } catch (error) {
      this.#ports.fault("what happened can't be told", error);
    }
  }

  /** An entry that fails to apply changes nothing, is reported, and stands in the dead letters by its sequence. */
  #apply(entry: Entry): Applied | null {
    try {
      return this.#ports.applier.apply(entry);
    } catch (error) {
      this.#ports.fault(`entry ${entry.seq} can't be applied`, error);
      if (this.#live) this.#refuse(entry.seq, "failed", (error as Error).message, entry);
      return null;
    }
  }

  #refuse(seq: number, code: string, detail: string, { principal, subject, headers, payload }: Entry): void {
    this.#ports.refuse({ code, detail, where: { source: subject }, principal, subject, headers, payload, seq });
  }

  #start(planned: PlannedActor, record: BoardRecord): void {
    if (!this.#live) return;
    const { actors, world } = this.#ports;
    if (planned.kind !== "shipped") {
      this.#ports.work.start(planned, record);
      return;
    }
    const actor = actors.find(({ goal }) => goal === planned.goal)!;
    const input = inputOf(record);
    try {
      const ask = actor.ask?.(input, planned.with as never, world) ?? null;
      const answer = ask === null ? null : this.#ask(ask, record);
      if (answer instanceof Promise) {
        answer.then(
          (value) => this.#finish(planned, actor, record, input, value),
          (error) => this.#fail(planned, record, error),
        );
      } else this.#finish(planned, actor, record, input, answer);
    } catch (error) {
      this.#fail(planned, record, error);
    }
  }

  #ask(ask: Ask, record: BoardRecord): unknown {
    const { source, scorer, applier } = this.#ports;
    if (ask.port === "customers") {
      const answer = source.fetch(ask.customer);
      const orCopy = (profile: Profile): Profile => {
        const copy = profile.state === "unavailable" ? applier.copies.get(ask.customer) : undefined;
        return copy === undefined ? profile : { state: "known", row: copy, stale: true };
      };
      return answer instanceof Promise ? answer.then(orCopy) : orCopy(answer);
    }
    const answer = scorer.score(ask.customer, ask.coupons);
    if (!scorer.outside) return answer;
    return Promise.resolve(answer).then((scores) => {
      const { customer, visit, cause } = (record as FocusRecord).data;
      if (!record.complete)
        this.#answers.set(record as FocusRecord, { goal: "scored", customer, visit, cause, answer: scores });
      return scores;
    });
  }

  #finish(planned: PlannedActor, actor: AnyActor, record: BoardRecord, input: unknown, answer: unknown): void {
    try {
      if (actor.output === "effect") {
        const { customer, number } = (record as VisitRecord).data;
        this.#append(planned, record, [effectDraft({ goal: planned.goal, customer, visit: number, answer })]);
        return;
      }
      const value = actor.handle(input, answer, planned.with as never, this.#ports.world);
      if (actor.output === "derived") {
        putCell(record, planned.goal, cell({ state: "done", value }));
        this.#scheduler.ended(planned, record);
        this.#scheduler.changed(record);
        return;
      }
      this.#append(planned, record, this.#drafts(planned, record as FocusRecord, value as Choice));
    } catch (error) {
      this.#fail(planned, record, error);
    }
  }

  /** The decision, and before it, in the same commit, the answers from outside that it rests on. */
  #drafts(planned: PlannedActor, focus: FocusRecord, choice: Choice): Draft[] {
    const { clock, headersOf } = this.#ports;
    const late = clock.now() >= focus.data.receivedAt + Number(planned.with.timeToLive);
    const decision = decide(this.#ports, planned, focus, late ? expired(choice, planned) : choice);
    const effect = this.#answers.get(focus);
    this.#answers.delete(focus);
    const made = { ...draft("decision", planned.goal, decision), headers: headersOf?.(decision) ?? {} };
    return effect === undefined ? [made] : [effectDraft(effect), made];
  }

  /** Hands results to the journal; a full one gets them a little later. */
  #append(planned: PlannedActor, record: BoardRecord, drafts: readonly Draft[]): void {
    const { journal, clock } = this.#ports;
    journal.append(drafts).then(
      () => this.#scheduler.ended(planned, record),
      (error) => {
        if (error instanceof AisleError && error.passing)
          clock.after(RETRY_MS, () => this.#append(planned, record, drafts));
        else this.#fail(planned, record, error);
      },
    );
  }

  /** A bug in an actor or a port, or a broken journal: the goal has failed, the focuses that wait for it are given up. */
  #fail(planned: PlannedActor, record: BoardRecord, error: unknown): void {
    const { goal } = planned;
    const { applier, fault } = this.#ports;
    const detail = error instanceof Error ? error.message : String(error);
    putCell(record, goal, cell({ state: "failed", detail }));
    fault(`'${goal}' failed`, error);
    const waiting =
      record.page.name === applier.focuses?.name
        ? [record]
        : [...(record.children ?? [])].filter((child) => cellOf(child, goal) === undefined);
    // While the journal is away causes are no letters: those on disk run again after the restart that it needs.
    const isLetter = !(error instanceof AisleError && error.code === "unavailable");
    for (const focus of waiting as FocusRecord[]) {
      const { cause, entry } = focus.data;
      applier.abandon(focus);
      this.#answers.delete(focus);
      this.#settle(cause);
      if (isLetter) this.#refuse(cause, "failed", `'${goal}' failed: ${detail}`, entry);
      // A journal that is being closed still writes what it took before: that must not count the cause as done.
      else this.#leftFrom = Math.min(this.#leftFrom, cause);
    }
    this.#scheduler.ended(planned, record);
  }

  /** Time passing is an entry when something on the board depends on it. */
  #tick(): void {
    const { clock, applier, journal, fault } = this.#ports;
    const due = applier.nextDueAt();
    if (due !== null && due <= clock.now()) {
      journal
        .append([{ kind: "tick", principal: "runner", subject: "clock", headers: {}, payload: new Uint8Array() }])
        .catch((error) => fault("a tick can't be journalled", error));
    }
    this.#stopTicks = clock.after(TICK_MS, () => this.#tick());
  }
}

/** What a `config` entry says of what the board heard from then on; one that can't be read says nothing. */
function hearsIn(configured: string): string | undefined {
  try {
    return (JSON.parse(configured) as { readonly hears?: string }).hears;
  } catch {
    return undefined;
  }
}

/** What the actors of a page are handed of a record. */
export function inputOf(record: BoardRecord): Visit | Focus {
  if (record.parent === null) {
    const { customer, number } = record.data as VisitData;
    return { customer, number };
  }
  const { customer, department, at, inhibited } = record.data as FocusData;
  const profile = doneValue<Profile>(record, "context");
  return { customer, department, at, profile, scored: doneValue<ScoredCoupons>(record, "scored"), inhibited };
}

/** Lets failed goals be tried again. */
function forgive({ cells }: BoardRecord): void {
  cells.forEach((each, column) => {
    if (typeof each === "object" && each.state === "failed") cells[column] = undefined;
  });
}

function doneValue<T>(record: BoardRecord, goal: string): T | null {
  const got = cellOf(record, goal);
  return got?.state === "done" ? (got.value as T) : null;
}

/** The decision of a focus: the same for the same choice, live and in a replay. */
export function decide(ports: WorkPorts, planned: PlannedActor, focus: FocusRecord, choice: Choice): Decision {
  const { customer, visit, department, at, cause, receivedAt, test } = focus.data;
  const scores: Scores | null = doneValue<ScoredCoupons>(focus, "scored")?.scores ?? null;
  const basis: Basis = {
    id: decisionId(ports.place, ports.epoch, cause),
    cause,
    customer,
    visit,
    department,
    focusedAt: at,
    receivedAt,
    timeToLiveMs: Number(planned.with.timeToLive),
    threshold: Number(planned.with.threshold),
    profile: doneValue<Profile>(focus, "context"),
    scores,
    versions: ports.versions,
    test,
  };
  return buildDecision(basis, choice, ports.explain);
}

function expired(choice: Choice, planned: PlannedActor): Choice {
  const seconds = Math.round(Number(planned.with.timeToLive) / 1000);
  return {
    ...choice,
    offers: [],
    none: { reason: "expired", detail: `decided more than ${seconds} s after the focus, as after a restart` },
  };
}

function effectDraft(effect: Effect): Draft {
  return draft("effect", effect.goal, effect);
}

function draft(kind: "effect" | "decision", subject: string, value: unknown): Draft {
  return { kind, principal: "runner", subject, headers: {}, payload: Buffer.from(JSON.stringify(value)), value };
}
