// What the journal's entries do to the board. Live, after a restart and in a replay this is the same code: the
// board is a function of the entries and of the site, nothing else.
import type { Actor, World } from "./actor.ts";
import { Board, type BoardRecord, cellOf, keyOf, type Page, putCell } from "./board/board.ts";
import { cell } from "./board/cell.ts";
import { type Change, type Changed, Changes, changeOf } from "./board/change.ts";
import type {
  Decision,
  Dwell,
  Inhibited,
  None,
  Noted,
  Profile,
  Sighting,
  Stop,
  Told,
  Visit,
} from "./decide/decision.ts";
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
  /** What actors that events wake keep between two events, by goal. */
  registers?: Readonly<Record<string, unknown>>;
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
  /** The event that made it. */
  readonly entry: Entry;
  /** Receive time of the cause, ms. */
  readonly receivedAt: number;
  readonly test: boolean;
  /** What a higher layer blocked when it came; null: nothing. */
  inhibited: Inhibited | null;
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

export interface RowChange {
  readonly record: BoardRecord;
  /** It is off the board. */
  readonly gone: boolean;
}

/** What an entry did. The runner starts what `changed` makes possible. */
export interface Applied {
  readonly changed: readonly Changed[];
  /** What a person or an actor did to the board. */
  readonly change: Change | null;
  /** Rows of pages that events feed, that show something else from now on. */
  readonly rows: readonly RowChange[];
  /** Set by a `decision` entry. */
  readonly decision: Decision | null;
  /** For the tellers: what the customer did. */
  readonly event: EventIn | null;
  /** The event made a focus. */
  readonly focus: FocusRecord | null;
}

/** What entries have made of the board, as it stands: a checkpoint saves it, and puts it back. */
export interface AppliedState {
  readonly board: Board;
  readonly undecided: Map<number, FocusRecord>;
  readonly visitByNumber: Map<number, VisitRecord>;
  readonly good: Map<number, VisitRecord>;
  readonly poor: Map<number, VisitRecord>;
  readonly copies: Map<string, Row>;
  readonly customerOf: Map<string, string>;
}

const NOTHING: Applied = { changed: [], change: null, rows: [], decision: null, event: null, focus: null };

type AnyActor = Actor<never, unknown, unknown>;

export interface ApplierOptions {
  readonly plan: Plan;
  readonly actors: readonly AnyActor[];
  readonly reader: EventReader;
  readonly world: World;
  readonly holds?: Holds;
}

/** The holds of higher layers, as the journal's entries make them. */
export interface Holds {
  /** A change of the board may renew a hold, or release it. */
  noticed(changed: Changed, entry: Entry): void;
  /** An actor that events wake renews what it holds. */
  renewed(actor: PlannedActor, record: BoardRecord, at: number): void;
  inhibited(actor: PlannedActor, record: BoardRecord, now: number): Inhibited | null;
}

export class Applier {
  readonly board: Board;
  /** Page of visits: the one that events open; null: this site is fed by none. */
  readonly visits: PageConfig | null;
  /** Page of what happens within a visit. */
  readonly focuses: PageConfig | null;
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
  /** By decision: whose offers they are, for outcomes that name no customer. Oldest first. */
  readonly #customerOf = new Map<string, string>();
  /** Decides what becomes of a focus. */
  readonly #decider: PlannedActor | null = null;
  readonly #changes: Changes;
  readonly #holds: Holds | null;

  constructor(options: ApplierOptions) {
    const { plan, actors, reader, world, holds = null } = options;
    this.#reader = reader;
    this.#world = world;
    this.#holds = holds;
    this.visits = plan.pages.find((page) => page.opens.length > 0) ?? null;
    this.focuses = plan.pages.find((page) => page.parent !== null && page.parent === this.visits?.name) ?? null;
    this.board = new Board(plan.pages);
    this.#changes = new Changes(this.board);
    // A visit's row shows the goals of its focuses too.
    for (const goal of this.focuses?.goals ?? []) this.#visitPage.ensure(goal, "goal");
    for (const planned of plan.actors) {
      const actor = actors.find(({ goal }) => goal === planned.goal);
      if (planned.kind !== "shipped" || actor === undefined) continue;
      if (actor.output === "decision") this.#decider = planned;
      for (const type of planned.on) this.#byEvent.set(type, [...(this.#byEvent.get(type) ?? []), { planned, actor }]);
      if (actor.output === "effect") this.#profileGoals.set(actor.goal, { planned, actor });
    }
  }

  /** Focuses without a decision, oldest cause first. */
  get undecided(): ReadonlyMap<number, FocusRecord> {
    return this.#undecided;
  }

  /** All that entries have made, beside `appliedSeq` and `evicted`: for a checkpoint, and for nobody else to change. */
  get state(): AppliedState {
    return {
      board: this.board,
      undecided: this.#undecided,
      visitByNumber: this.#visitByNumber,
      good: this.#good,
      poor: this.#poor,
      copies: this.copies,
      customerOf: this.#customerOf,
    };
  }

  /** Whether an event of this type does something to the board. One that doesn't need not be shown to it. */
  hears(type: string): boolean {
    if (this.visits === null) return false;
    const { opens, closes } = this.visits;
    return type === "outcome" || opens.includes(type) || closes.includes(type) || this.#byEvent.has(type);
  }

  /** Takes over a changed plan; what events feed stays as it was. */
  adopt(plan: Plan): void {
    this.board.adopt(plan.pages);
  }

  /** One entry. All or nothing: what throws has changed nothing. */
  apply(entry: Entry): Applied {
    this.appliedSeq = Math.max(this.appliedSeq, entry.seq);
    // What another place has journalled, its own board has heard: here transforms fold it.
    if (entry.headers.tombstone !== undefined || entry.headers.origin !== undefined) return NOTHING;
    switch (entry.kind) {
      case "event":
        return this.visits === null ? NOTHING : this.#event(entry, this.visits);
      case "outcome":
        return this.visits === null ? NOTHING : this.#outcome(entry);
      case "cell":
      case "effect": {
        const change = changeOf(entry);
        return change === null ? this.#effect(entry) : this.#change(change, entry);
      }
      case "decision":
        return this.#decision((entry.value as Decision | undefined) ?? readDecision(entry.payload), entry);
      case "tick":
        return this.#tick(entry);
      default:
        return NOTHING;
    }
  }

  /** Entries up to here change nothing on the board. */
  pass(seq: number): void {
    this.appliedSeq = Math.max(this.appliedSeq, seq);
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
    if (this.visits === null) return null;
    for (const visit of this.#visitPage.records<VisitData>()) {
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

  get #visitPage(): Page {
    return this.board.page(this.visits!.name);
  }

  #change(change: Change, entry: Entry): Applied {
    const changed = this.#changes.apply(change, entry);
    if (changed !== null) this.#holds?.noticed(changed, entry);
    return { ...NOTHING, change, changed: changed === null ? [] : [changed] };
  }

  #event(entry: Entry, visits: PageConfig): Applied {
    const event = (entry.value as EventIn | undefined) ?? this.#read(entry);
    if (event === null || event.identity === null) return NOTHING;
    const customer = event.identity;
    let visit = this.#visitPage.find<VisitData>(keyOf([customer]));
    if (visits.closes.includes(event.type)) {
      if (visit === undefined) return { ...NOTHING, event };
      this.#close(visit);
      return { ...NOTHING, event, rows: [{ record: visit as BoardRecord, gone: true }] };
    }
    const opens = visits.opens.includes(event.type);
    const woken = this.#byEvent.get(event.type) ?? [];
    if (!opens && woken.length === 0) return { ...NOTHING, event };

    const stops = woken.map(({ planned, actor }) => this.#sight(planned, actor, event, entry, visit));
    visit ??= this.#open(customer, entry);
    visit.data.heardAt = entry.receivedAt;
    this.#visitPage.touch(visit as BoardRecord);
    const stop = stops.at(-1);
    if (stop !== undefined) visit.data.dwell = stop.dwell;
    const department = stop?.focus ?? null;
    if (!visit.ready && (opens || department !== null)) this.#makeReady(visit, entry.seq);
    const focus = department === null ? null : this.#focus(visit, department, event, entry);
    if (focus !== null) this.#showFocus(visit, event, entry);
    const changed = { record: visit as BoardRecord, columns: null };
    const isNew = focus !== null || visit.data.number === entry.seq;
    return { ...NOTHING, changed: [changed], event, focus, rows: isNew ? shown(visit) : NOTHING.rows };
  }

  /** What became of an offer wakes actors of the visit; it opens none, and is no sign that the customer is there. */
  #outcome(entry: Entry): Applied {
    const event = (entry.value as EventIn | undefined) ?? this.#read(entry);
    if (event === null) return NOTHING;
    const { decision = null, coupon = null, action } = event.fields;
    const customer = event.identity ?? this.#customerOf.get(String(decision)) ?? null;
    const visit = customer === null ? undefined : this.#visitPage.find<VisitData>(keyOf([customer]));
    if (visit === undefined) return { ...NOTHING, event };
    const at = event.at ?? entry.receivedAt;
    const told: Told["event"] = { at, action: String(action), decision: textOr(decision), coupon: textOr(coupon) };
    for (const { planned, actor } of this.#byEvent.get(event.type) ?? []) {
      const register = visit.data.registers?.[planned.goal];
      const noted = actor.handle({ event: told, register } as never, null, planned.with as never, this.#world) as Noted;
      visit.data.registers = { ...visit.data.registers, [planned.goal]: noted.register };
      if (!noted.holds) continue;
      const { principal, receivedAt } = entry;
      putCell(visit as BoardRecord, planned.goal, cell({ state: "done", by: principal, at: receivedAt }));
      this.#holds?.renewed(planned, visit as BoardRecord, receivedAt);
    }
    return { ...NOTHING, event, changed: [{ record: visit as BoardRecord, columns: null }], rows: shown(visit) };
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
    if (this.#visitPage.size >= limits.visits) {
      for (const oldest of this.#visitPage.records<VisitData>()) {
        this.#close(oldest);
        this.evicted++;
        break;
      }
    }
    const data: VisitData = { customer, number: entry.seq, heardAt: entry.receivedAt, dwell: undefined, profileAt: 0 };
    return this.#visitPage.add<VisitData>([customer], data);
  }

  #makeReady(visit: VisitRecord, seq: number): void {
    visit.ready = true;
    visit.data.number = seq;
    this.#visitByNumber.set(seq, visit);
  }

  #focus(visit: VisitRecord, department: string, event: EventIn, entry: Entry): FocusRecord {
    const { customer, number } = visit.data;
    const page = this.board.page(this.focuses!.name);
    const data: FocusData = {
      customer,
      visit: number,
      department,
      at: event.at ?? entry.receivedAt,
      cause: entry.seq,
      entry,
      receivedAt: entry.receivedAt,
      test: entry.headers.test !== undefined,
      inhibited: null,
    };
    const focus = page.add<FocusData>([String(entry.seq)], data, { parent: visit as BoardRecord });
    focus.cells[page.ensure("department")] = department;
    if (this.#holds !== null && this.#decider !== null) {
      // As of now: what holds when a slow answer comes back is no matter, so that a replay decides alike.
      data.inhibited = this.#holds.inhibited(this.#decider, focus as BoardRecord, entry.receivedAt);
    }
    for (const goal of this.#profileGoals.keys()) handDown(goal, visit, focus);
    this.#undecided.set(entry.seq, focus);
    return focus;
  }

  /** Goals that events reach for a visit, such as `focused`, and those of its focus, which begin anew. */
  #showFocus(visit: VisitRecord, { type }: EventIn, { principal, receivedAt }: Entry): void {
    const done = cell({ state: "done", by: principal, at: receivedAt });
    for (const { planned } of this.#byEvent.get(type) ?? []) putCell(visit as BoardRecord, planned.goal, done);
    for (const goal of this.focuses?.goals ?? []) putCell(visit as BoardRecord, goal, undefined);
  }

  /** Takes a visit off the board. Its undecided focuses are decided all the same. */
  #close(visit: VisitRecord): void {
    this.#visitPage.remove(visit as BoardRecord);
    this.#good.delete(visit.data.number);
    this.#poor.delete(visit.data.number);
    visit.complete = !hasChildren(visit);
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
    putCell(
      visit as BoardRecord,
      effect.goal,
      cell({ state: "done", by: entry.principal, at: entry.receivedAt, value }),
    );
    for (const focus of visit.children ?? []) handDown(effect.goal, visit, focus);
    visit.data.profileAt = entry.receivedAt;
    this.#good.delete(effect.visit);
    this.#poor.delete(effect.visit);
    const poor = profile.state === "unavailable" || (profile.state === "known" && profile.stale);
    const open = this.#visitPage.find(visit.key) === visit;
    if (open) (poor ? this.#poor : this.#good).set(effect.visit, visit);
    return { ...NOTHING, changed: [{ record: visit as BoardRecord, columns: null }], rows: shown(visit) };
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

  #decision(decision: Decision, entry: Entry): Applied {
    if (decision.offers.length > 0) this.#rememberCustomer(decision);
    const focus = this.#undecided.get(decision.cause);
    if (focus === undefined) return { ...NOTHING, decision };
    focus.complete = true;
    const visit = focus.parent as VisitRecord;
    this.#show(visit as BoardRecord, decision, entry);
    this.#undecided.delete(decision.cause);
    this.#forget(focus);
    return { ...NOTHING, decision, rows: shown(visit) };
  }

  /** The row of a visit shows what became of its last focus. */
  #show(visit: BoardRecord, { none, offers }: Decision, { principal, receivedAt }: Entry): void {
    const coupons = offers.map(({ coupon }) => coupon).join(", ");
    const done = cell({ state: "done", by: principal, at: receivedAt });
    for (const goal of this.focuses?.goals ?? []) putCell(visit, goal, done);
    if (this.#decider !== null)
      putCell(visit, this.#decider.goal, { ...done, detail: none === null ? `coupon ${coupons}` : wordsOf(none) });
  }

  #rememberCustomer({ id, customer }: Decision): void {
    this.#customerOf.set(id, customer);
    if (this.#customerOf.size <= limits.standingCustomers) return;
    for (const oldest of this.#customerOf.keys()) {
      this.#customerOf.delete(oldest);
      break;
    }
  }

  /** A decided focus leaves the board; a closed visit goes with its last one. */
  #forget(focus: FocusRecord): void {
    const visit = focus.parent as VisitRecord;
    focus.page.remove(focus as BoardRecord);
    const open = this.#visitPage.find(visit.key) === visit;
    if (!open && !hasChildren(visit)) this.#visitByNumber.delete(visit.data.number);
  }

  /** Time has passed: visits that heard nothing close, profiles that are too old go. */
  #tick({ receivedAt }: Entry): Applied {
    if (this.visits === null) return NOTHING;
    const rows: RowChange[] = [];
    for (const visit of this.#visitPage.records<VisitData>()) {
      if (visit.data.heardAt + this.visits.timeToLiveMs > receivedAt) break;
      this.#close(visit);
      rows.push({ record: visit as BoardRecord, gone: true });
    }
    for (const { visits, timeToLiveMs } of this.#profiles()) {
      for (const [number, visit] of visits) {
        if (visit.data.profileAt + timeToLiveMs > receivedAt) break;
        visits.delete(number);
        for (const goal of this.#profileGoals.keys()) putCell(visit as BoardRecord, goal, undefined);
        rows.push({ record: visit as BoardRecord, gone: false });
      }
    }
    return { ...NOTHING, rows };
  }
}

/**
 * A focus keeps what its visit had when it came, or got first afterwards: its decision rests on one profile, the same
 * when it is made after a restart or in a replay.
 */
function handDown(goal: string, visit: BoardRecord | VisitRecord, focus: BoardRecord | FocusRecord): void {
  const got = cellOf(visit as BoardRecord, goal);
  if (got?.state === "done" && cellOf(focus as BoardRecord, goal) === undefined)
    putCell(focus as BoardRecord, goal, got);
}

function hasChildren({ children }: VisitRecord): boolean {
  return children !== null && children.size > 0;
}

function shown(visit: VisitRecord): readonly RowChange[] {
  return [{ record: visit as BoardRecord, gone: false }];
}

function wordsOf({ reason, detail }: None): string {
  return detail === "" ? reason : `${reason}: ${detail}`;
}

function textOr(value: string | number | null): string | null {
  return value === null ? null : String(value);
}

const UTF8 = new TextDecoder();

function text(payload: Uint8Array): string {
  return UTF8.decode(payload);
}
