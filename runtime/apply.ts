// What the journal's entries do to the board. Live, after a restart and in a replay this is the same code: the
// board is a function of the entries and of the site, nothing else.
import type { Actor, World } from "./actor.ts";
import { Board, type BoardRecord } from "./board.ts";
import type { Decision, Dwell, Profile, Sighting, Stop, Visit } from "./decide/decision.ts";
import { readDecision } from "./decide/offers.ts";
import { type EventIn, type EventReader, isProblem } from "./events.ts";
import type { Entry } from "./journal/journal.ts";
import { limits } from "./limits.ts";
import type { PageConfig, Plan, PlannedActor, Row } from "./site.ts";

export interface VisitData {
  readonly customer: string;
  /** Sequence of the event that opened it; of the first move, until something does. */
  number: number;
  /** Receive time of the last event, ms. */
  heardAt: number;
  dwell: Dwell | undefined;
  /** Receive time of the profile in force, ms; 0: none. */
  profileAt: number;
}

export interface FocusData {
  readonly customer: string;
  readonly visit: number;
  readonly department: string;
  /** Event time, ms. */
  readonly at: number;
  readonly cause: number;
  /** The event that made it, until it is decided. */
  readonly entry: Entry;
  /** Receive time of the cause, ms. */
  readonly receivedAt: number;
  readonly test: boolean;
}

export type VisitRecord = BoardRecord<VisitData>;
export type FocusRecord = BoardRecord<FocusData>;

/** Payload of an `effect` entry: an answer from outside, and whose question it was. */
export interface Effect {
  readonly goal: string;
  readonly customer: string;
  readonly visit: number;
  /** Cause of the focus, for a question asked for a focus; else absent. */
  readonly cause?: number;
  readonly answer: unknown;
}

/** What an entry did. The runner starts what `changed` makes possible. */
export interface Applied {
  readonly changed: readonly BoardRecord[];
  /** Set by a `decision` entry. */
  readonly decision: Decision | null;
  /** For the tellers: what the customer did. */
  readonly event: EventIn | null;
  /** The event made a focus. */
  readonly focus: FocusRecord | null;
}

const NOTHING: Applied = { changed: [], decision: null, event: null, focus: null };

type AnyActor = Actor<never, unknown, unknown>;

export class Applier {
  readonly board: Board;
  /** Page of visits: the one that events open. */
  readonly visits: PageConfig;
  /** Page of what happens within a visit. */
  readonly focuses: PageConfig;
  /** The last known profile of customers, for when the source is away. Oldest first. */
  readonly copies = new Map<string, Row>();
  /** Sequence of the last entry applied. */
  appliedSeq = 0;
  /** Visits that had to go before their time, since the board was full. */
  evicted = 0;

  readonly #reader: EventReader;
  readonly #world: World;
  /** Undecided focuses by cause, oldest first. */
  readonly #undecided = new Map<number, FocusRecord>();
  readonly #visitByNumber = new Map<number, VisitRecord>();
  /** Visits by the age of what their parent goals gave, oldest first: a good profile, and one to ask for again soon. */
  readonly #good = new Map<number, VisitRecord>();
  readonly #poor = new Map<number, VisitRecord>();
  readonly #byEvent = new Map<string, { readonly planned: PlannedActor; readonly actor: AnyActor }[]>();
  readonly #profileGoals = new Map<string, { readonly planned: PlannedActor; readonly actor: AnyActor }>();

  constructor(options: { plan: Plan; actors: readonly AnyActor[]; reader: EventReader; world: World }) {
    const { plan, actors, reader, world } = options;
    this.#reader = reader;
    this.#world = world;
    this.visits = plan.pages.find((page) => page.opens.length > 0)!;
    this.focuses = plan.pages.find((page) => page.parent === this.visits.name)!;
    this.board = new Board(plan.pages.map((page) => page.name));
    for (const planned of plan.actors) {
      const actor = actors.find(({ goal }) => goal === planned.goal)!;
      for (const type of planned.on) this.#byEvent.set(type, [...(this.#byEvent.get(type) ?? []), { planned, actor }]);
      if (actor.output === "effect") this.#profileGoals.set(actor.goal, { planned, actor });
    }
  }

  /** Focuses without a decision, oldest cause first. */
  get undecided(): ReadonlyMap<number, FocusRecord> {
    return this.#undecided;
  }

  /** One entry. All or nothing: what throws has changed nothing. */
  apply(entry: Entry): Applied {
    this.appliedSeq = Math.max(this.appliedSeq, entry.seq);
    if (entry.headers.tombstone !== undefined) return NOTHING;
    switch (entry.kind) {
      case "event":
        return this.#event(entry);
      case "effect":
        return this.#effect(entry);
      case "decision":
        return this.#decision((entry.value as Decision | undefined) ?? readDecision(entry.payload));
      case "tick":
        return this.#tick(entry);
      default:
        return NOTHING;
    }
  }

  /** Gives up on a focus: its goals failed for good. */
  abandon(focus: FocusRecord): void {
    focus.complete = true;
    this.#undecided.delete(focus.data.cause);
    this.#forget(focus);
  }

  /** The receive time at which something on the board is next to run out, ms; null: nothing is. */
  nextDueAt(): number | null {
    let due: number | null = null;
    for (const visit of this.board.records<VisitData>(this.visits.name)) {
      due = visit.data.heardAt + this.visits.timeToLiveMs;
      break; // the least recently heard comes first
    }
    for (const { visits, timeToLiveMs } of this.#profiles()) {
      for (const visit of visits.values()) {
        due = Math.min(due ?? Number.POSITIVE_INFINITY, visit.data.profileAt + timeToLiveMs);
        break;
      }
    }
    return due;
  }

  /** Visits that have a profile, oldest profile first, and how long it serves. */
  *#profiles(): Generator<{ readonly visits: Map<number, VisitRecord>; readonly timeToLiveMs: number }> {
    for (const { planned } of this.#profileGoals.values()) {
      const timeToLiveMs = Number(planned.with.timeToLive ?? Number.POSITIVE_INFINITY);
      yield { visits: this.#good, timeToLiveMs };
      yield { visits: this.#poor, timeToLiveMs: Math.min(timeToLiveMs, Number(planned.with.retry ?? timeToLiveMs)) };
      return;
    }
  }

  #event(entry: Entry): Applied {
    const event = (entry.value as EventIn | undefined) ?? this.#read(entry);
    if (event === null || event.identity === null) return NOTHING;
    const customer = event.identity;
    let visit = this.board.find<VisitData>(this.visits.name, customer);
    if (this.visits.closes.includes(event.type)) {
      if (visit !== undefined) this.#close(visit);
      return { ...NOTHING, event };
    }
    const opens = this.visits.opens.includes(event.type);
    const woken = this.#byEvent.get(event.type) ?? [];
    if (!opens && woken.length === 0) return { ...NOTHING, event };

    const stops = woken.map(({ planned, actor }) => this.#sight(planned, actor, event, entry, visit));
    visit ??= this.#open(customer, entry);
    visit.data.heardAt = entry.receivedAt;
    this.board.touch(visit);
    const stop = stops.at(-1);
    if (stop !== undefined) visit.data.dwell = stop.dwell;
    const department = stop?.focus ?? null;
    if (!visit.ready && (opens || department !== null)) this.#makeReady(visit, entry.seq);
    const focus = department === null ? null : this.#focus(visit, department, event, entry);
    return { changed: [visit], decision: null, event, focus };
  }

  /** The event that an entry holds; null when the site, as it is now, makes nothing of it. */
  #read({ payload, headers }: Entry): EventIn | null {
    const [event] = this.#reader.read([payload], [{ type: headers.type ?? null, headers }]);
    return event === undefined || isProblem(event) ? null : event;
  }

  #sight(
    { with: settings }: PlannedActor,
    actor: AnyActor,
    event: EventIn,
    entry: Entry,
    visit: VisitRecord | undefined,
  ): Stop {
    const { department, x, y } = event.fields;
    const sighting: Sighting = {
      event: {
        at: event.at ?? entry.receivedAt,
        department: (department as string | undefined) ?? null,
        x: (x as number | undefined) ?? null,
        y: (y as number | undefined) ?? null,
        replayed: entry.headers["replay-of"] !== undefined,
      },
      dwell: visit?.data.dwell,
    };
    return actor.handle(sighting as never, null, settings as never, this.#world) as Stop;
  }

  #open(customer: string, entry: Entry): VisitRecord {
    if (this.board.size(this.visits.name) >= limits.visits) {
      for (const oldest of this.board.records<VisitData>(this.visits.name)) {
        this.#close(oldest);
        this.evicted++;
        break;
      }
    }
    const data: VisitData = { customer, number: entry.seq, heardAt: entry.receivedAt, dwell: undefined, profileAt: 0 };
    return this.board.add<VisitData>(this.visits.name, customer, data);
  }

  #makeReady(visit: VisitRecord, seq: number): void {
    visit.ready = true;
    visit.data.number = seq;
    this.#visitByNumber.set(seq, visit);
  }

  #focus(visit: VisitRecord, department: string, event: EventIn, entry: Entry): FocusRecord {
    const { customer, number } = visit.data;
    const focus = this.board.add<FocusData>(
      this.focuses.name,
      String(entry.seq),
      {
        customer,
        visit: number,
        department,
        at: event.at ?? entry.receivedAt,
        cause: entry.seq,
        entry,
        receivedAt: entry.receivedAt,
        test: entry.headers.test !== undefined,
      },
      visit as BoardRecord,
    );
    for (const goal of this.#profileGoals.keys()) handDown(goal, visit, focus);
    this.#undecided.set(entry.seq, focus);
    return focus;
  }

  /** Takes a visit off the board. Its undecided focuses are decided all the same. */
  #close(visit: VisitRecord): void {
    this.board.remove(visit as BoardRecord);
    this.#good.delete(visit.data.number);
    this.#poor.delete(visit.data.number);
    visit.complete = visit.children.size === 0;
    if (visit.complete) this.#visitByNumber.delete(visit.data.number);
  }

  #effect(entry: Entry): Applied {
    const effect = JSON.parse(text(entry.payload)) as Effect;
    const goal = this.#profileGoals.get(effect.goal);
    // An answer asked for a focus stands in the same commit as its decision, which says all.
    if (goal === undefined || effect.cause !== undefined) return NOTHING;
    const profile = effect.answer as Profile;
    if (profile.state === "known" && !profile.stale) this.#keepCopy(effect.customer, profile.row);
    const visit = this.#visitByNumber.get(effect.visit);
    if (visit === undefined) return NOTHING;
    const view: Visit = { customer: effect.customer, number: effect.visit };
    const value = goal.actor.handle(view as never, profile, goal.planned.with as never, this.#world);
    visit.cells.set(effect.goal, { state: "done", value });
    for (const focus of visit.children) handDown(effect.goal, visit, focus);
    visit.data.profileAt = entry.receivedAt;
    this.#good.delete(effect.visit);
    this.#poor.delete(effect.visit);
    const poor = profile.state === "unavailable" || (profile.state === "known" && profile.stale);
    const open = this.board.find(this.visits.name, effect.customer) === visit;
    if (open) (poor ? this.#poor : this.#good).set(effect.visit, visit);
    return { ...NOTHING, changed: [visit as BoardRecord] };
  }

  #keepCopy(customer: string, row: Row): void {
    this.copies.delete(customer);
    this.copies.set(customer, row);
    if (this.copies.size <= limits.customerCopies) return;
    for (const oldest of this.copies.keys()) {
      this.copies.delete(oldest);
      break;
    }
  }

  #decision(decision: Decision): Applied {
    const focus = this.#undecided.get(decision.cause);
    if (focus !== undefined) {
      focus.complete = true;
      this.#undecided.delete(decision.cause);
      this.#forget(focus);
    }
    return { ...NOTHING, decision };
  }

  /** A decided focus leaves the board; a closed visit goes with its last one. */
  #forget(focus: FocusRecord): void {
    const visit = focus.parent as VisitRecord;
    this.board.remove(focus as BoardRecord);
    const open = this.board.find(this.visits.name, visit.data.customer) === visit;
    if (!open && visit.children.size === 0) this.#visitByNumber.delete(visit.data.number);
  }

  /** Time has passed: visits that heard nothing close, profiles that are too old go. */
  #tick({ receivedAt }: Entry): Applied {
    for (const visit of this.board.records<VisitData>(this.visits.name)) {
      if (visit.data.heardAt + this.visits.timeToLiveMs > receivedAt) break;
      this.#close(visit);
    }
    for (const { visits, timeToLiveMs } of this.#profiles()) {
      for (const [number, visit] of visits) {
        if (visit.data.profileAt + timeToLiveMs > receivedAt) break;
        visits.delete(number);
        for (const goal of this.#profileGoals.keys()) visit.cells.delete(goal);
      }
    }
    return NOTHING;
  }
}

/**
 * A focus keeps what its visit had when it came, or got first afterwards: its decision rests on one profile, the same
 * when it is made after a restart or in a replay.
 */
function handDown(goal: string, visit: BoardRecord | VisitRecord, focus: BoardRecord | FocusRecord): void {
  const cell = visit.cells.get(goal);
  if (cell?.state === "done" && !focus.cells.has(goal)) focus.cells.set(goal, cell);
}

const UTF8 = new TextDecoder();

function text(payload: Uint8Array): string {
  return UTF8.decode(payload);
}
