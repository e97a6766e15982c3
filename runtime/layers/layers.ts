// What higher layers do to lower ones. A hold goes from its renewal on, for as long as the plan says, half-open. Who
// holds and dies, or is cut off, renews no more, and the lower layers go on by themselves.
//
// Its state follows from the journal's entries and their receive times: it has no clock, and a replay makes it again.
import { type BoardRecord, cellOf, keysOf, textAt } from "../board/board.ts";
import type { Changed } from "../board/change.ts";
import type { Inhibited } from "../decide/decision.ts";
import type { Entry } from "../journal/journal.ts";
import { limits } from "../limits.ts";
import type { Gate } from "../scheduler.ts";
import type { Hold, PlannedActor } from "../site.ts";
import { Counts, type PortCounts } from "./counts.ts";
import { Ends } from "./ends.ts";
import type { Held, HoldKind, Wire } from "./held.ts";
import { type Fields, fieldOf, textHeld } from "./match.ts";
import { concerns, type HoldShown, shown } from "./shown.ts";
import { Wires } from "./wires.ts";

/** What lower layers see otherwise from now on. */
export type Shift = PortShift | Move;

/** A hold began or ended, or replaces by another text. */
export interface PortShift {
  readonly kind: HoldKind;
  readonly hold: Hold;
  /** Layer of who holds: lower ones are concerned. */
  readonly layer: number;
  /** What the field `hold.match` of a record says that is concerned; "" where all are. */
  readonly text: string;
  /** The hold has ended. */
  readonly free: boolean;
}

/** A record has changed in a field by which holds find whom they are about: others may concern it now. */
export interface Move {
  readonly kind: "moves";
  readonly record: BoardRecord;
}

/** A hold as it is saved: of the wire with that place in the plan. */
export type HoldSaved = readonly [wire: number, key: string, text: string, value: string, at: number, until: number];

/** What replaces an input when who holds says nothing of it: its goal is done. */
const DONE = "1";

export class Layers implements Gate {
  readonly #counts = new Counts();
  readonly #holdsMax: number;
  #wires: Wires;
  #ends = new Ends();

  /** @param holdsMax  holds in force at once */
  constructor(actors: readonly PlannedActor[], holdsMax: number = limits.holds) {
    this.#wires = new Wires(actors);
    this.#holdsMax = holdsMax;
  }

  /** By name of the port. */
  get counts(): ReadonlyMap<string, Readonly<PortCounts>> {
    return this.#counts;
  }

  /** Holds in force, and those that have ended since `ended` was called. */
  get size(): number {
    return this.#ends.size;
  }

  /**
   * Takes over the actors of a changed plan. Holds whose line still stands there stay, and end as it says now; the
   * others go.
   */
  adopt(actors: readonly PlannedActor[]): readonly Shift[] {
    const before = this.#wires.all.flatMap(({ holds }) => [...holds]);
    this.#wires = new Wires(actors);
    this.#ends = new Ends();
    const shifts: Shift[] = [];
    for (const held of before) {
      const wire = this.#wires.successorOf(held.wire);
      if (wire === undefined) shifts.push(this.#freed(held));
      else this.#add({ ...held, wire, until: held.at + wire.hold.forMs });
    }
    return shifts;
  }

  /** Holds as they stand, those too that have ended and were not taken away yet; of each wire in the order of renewals. */
  *saved(): Generator<HoldSaved> {
    for (const { order, holds } of this.#wires.all)
      for (const { key, text, value, at, until } of holds) yield [order, key, text, value, at, until];
  }

  /** Puts a hold back that was saved, in the order of `saved`. */
  restore([order, key, text, value, at, until]: HoldSaved): void {
    this.#add({ wire: this.#wires.all[order]!, key, text, value, at, until, gone: false });
  }

  /**
   * An actor has achieved its goal for a record, once more: what it holds, it holds from then on.
   *
   * @param at     receive time, ms since epoch; one before the last changes nothing
   * @param value  what lower layers read instead; default: the record's own text in a data column of the port's name,
   *               else `1`
   */
  renew(actor: PlannedActor, record: BoardRecord, at: number, value?: string): readonly Shift[] {
    return this.#renew(actor, record, { at, now: at, value });
  }

  /** What an actor holds by a record is free from now on. */
  release(actor: PlannedActor, record: BoardRecord): readonly Shift[] {
    const held = this.#wires.of(actor).flatMap((wire) => wire.find(record.key) ?? []);
    return held.map((each) => this.#drop(each));
  }

  /**
   * What an entry did to the board: a goal that is done holds, anew if it was done before; one that is done no more
   * lets go.
   */
  noticed({ record, columns }: Changed, { receivedAt }: Pick<Entry, "receivedAt">): readonly Shift[] {
    const { page } = record;
    const shifts: Shift[] = [];
    if (this.#ends.size > 0 && columns?.some((column) => this.#wires.matches.has(page.nameOf(column))))
      shifts.push({ kind: "moves", record });
    for (const actor of this.#wires.holdersOf(page.name)) {
      if (columns !== null && !columns.includes(page.column(actor.goal)!)) continue;
      const isThere = page.find(record.key) === record;
      const cell = isThere ? cellOf(record, actor.goal) : undefined;
      // A record that was written again, for the journal to keep it, brings the times of its cells with it.
      if (cell?.state === "done") shifts.push(...this.#renew(actor, record, { at: cell.at, now: receivedAt }));
      else shifts.push(...this.release(actor, record));
    }
    return shifts;
  }

  /** The instant at which the next hold ends, ms since epoch; null: there is none. */
  nextEnd(): number | null {
    return this.#ends.next()?.until ?? null;
  }

  /** Takes away what has ended by now, and says what. */
  ended(now: number): readonly Shift[] {
    const shifts: Shift[] = [];
    for (let next = this.#ends.next(); next !== null && next.until <= now; next = this.#ends.next()) {
      shifts.push(this.#drop(next));
    }
    return shifts;
  }

  /** Of several that block an output of the actor, its goal or one that it subsumes, the one that does so for longest. */
  inhibited(actor: PlannedActor, record: BoardRecord, now: number): Inhibited | null {
    if (this.#ends.size === 0) return null;
    const { inhibits } = this.#wires;
    const field = (name: string) => fieldOf(record, name);
    const own = this.#blocked(inhibits.get(actor.goal), actor.layer, field, now);
    const others = actor.subsumes.flatMap((goal) => this.#blocked(inhibits.get(goal), actor.layer, field, now) ?? []);
    return others.reduce((last, each) => (last === null || each.until > last.until ? each : last), own);
  }

  /** Of several that replace the field, the highest. */
  suppressed({ layer }: PlannedActor, record: BoardRecord, field: string, now: number): string | null {
    const wires = this.#wires.suppresses.get(field);
    const held = wires === undefined ? null : replacing(wires, layer, record, now);
    if (held === null) return null;
    this.#counts.add(field, "replaced");
    return held.value;
  }

  /**
   * As `inhibited`, for what has no record on the board: a subject that is published, or a focus.
   *
   * @param fields  what it says of itself, such as its customer and its department
   * @param layer   of who puts it out
   */
  heldPort(port: string, fields: Fields, now: number, layer = 0): Inhibited | null {
    return this.#blocked(this.#wires.inhibits.get(port), layer, (field) => fields[field] ?? "", now);
  }

  /** The holds in force that an actor feels on a record: on its output, and on all that it reads. */
  explain({ goal, subsumes, layer }: PlannedActor, record: BoardRecord, now: number): HoldShown[] {
    const outputs = [goal, ...subsumes];
    const wires = this.#wires.all.filter(
      ({ actor, kind, hold }) => actor.layer > layer && (kind === "suppresses" || outputs.includes(hold.port)),
    );
    return wires.flatMap(({ holds }) => [...holds].filter((held) => concerns(held, record, now)).map(shown));
  }

  /** All holds in force, in the order of the plan. */
  holds(now: number): HoldShown[] {
    return this.#wires.all.flatMap(({ holds }) => [...holds].filter(({ until }) => now < until).map(shown));
  }

  #renew(actor: PlannedActor, record: BoardRecord, { at, now, value }: Renewal): Shift[] {
    const shifts: Shift[] = [];
    for (const wire of this.#wires.of(actor)) {
      if (at + wire.hold.forMs <= now) continue;
      const instead = wire.kind === "inhibits" ? "" : (value ?? ownValue(record, wire.hold.port));
      const held = wire.find(record.key);
      if (held === undefined) this.#begin(wire, record, at, instead, shifts);
      else if (held.at <= at) this.#extend(held, at, instead, shifts);
    }
    return shifts;
  }

  #begin(wire: Wire, record: BoardRecord, at: number, value: string, shifts: Shift[]): void {
    this.#makeRoom(at, shifts);
    const { hold } = wire;
    const held: Held = {
      wire,
      key: record.key,
      text: textHeld(hold, record),
      value,
      at,
      until: at + hold.forMs,
      gone: false,
    };
    this.#counts.add(hold.port, "renewed");
    this.#add(held);
    shifts.push(shiftOf(held, false));
  }

  #extend(held: Held, at: number, value: string, shifts: Shift[]): void {
    const { wire } = held;
    const says = held.value;
    held.at = at;
    held.until = at + wire.hold.forMs;
    held.value = value;
    wire.put(held);
    this.#counts.add(wire.hold.port, "renewed");
    if (says !== value) shifts.push(shiftOf(held, false));
  }

  /** At the bound what has ended goes first, and then the hold that would end next. */
  #makeRoom(at: number, shifts: Shift[]): void {
    if (this.#ends.size < this.#holdsMax) return;
    shifts.push(...this.ended(at));
    while (this.#ends.size >= this.#holdsMax) {
      const next = this.#ends.next()!;
      this.#counts.add(next.wire.hold.port, "evicted");
      shifts.push(this.#drop(next));
    }
  }

  #add(held: Held): void {
    held.wire.put(held);
    this.#ends.add(held);
  }

  #drop(held: Held): PortShift {
    held.wire.remove(held);
    this.#ends.dropped();
    return this.#freed(held);
  }

  #freed(held: Held): PortShift {
    this.#counts.add(held.wire.hold.port, "released");
    return shiftOf(held, true);
  }

  #blocked(wires: readonly Wire[] = [], layer: number, field: Field, now: number): Inhibited | null {
    let longest: Held | null = null;
    for (const wire of wires) {
      if (wire.actor.layer <= layer) break; // the highest come first
      const held = lastOf(wire, field, now);
      if (held !== null && (longest === null || held.until > longest.until)) longest = held;
    }
    if (longest === null) return null;
    const { wire, key, until } = longest;
    this.#counts.add(wire.hold.port, "blocked");
    return { by: `${wire.actor.goal} of ${keysOf(key).join(", ")}`, layer: wire.actor.layer, until };
  }
}

/** What the lower record says in a field; "" when it has none of that name. */
type Field = (name: string) => string;

interface Renewal {
  readonly at: number;
  /** What would have ended by then is not begun. */
  readonly now: number;
  readonly value?: string | undefined;
}

/** Of the higher layers that replace a field, the highest. */
function replacing(wires: readonly Wire[], layer: number, record: BoardRecord, now: number): Held | null {
  for (const wire of wires) {
    if (wire.actor.layer <= layer) return null;
    const held = lastOf(wire, (field) => fieldOf(record, field), now);
    if (held !== null) return held;
  }
  return null;
}

/** Of the holds in force by a wire, the one that ends last; null: it holds nothing there. */
function lastOf(wire: Wire, field: Field, now: number): Held | null {
  if (wire.size === 0) return null;
  const { match } = wire.hold;
  const text = match === null ? "" : field(match);
  // A record without that field is nobody's.
  if (match !== null && text === "") return null;
  const held = wire.last(text);
  return held === undefined || held.until <= now ? null : held;
}

/** What a record says itself of a port that it replaces. */
function ownValue(record: BoardRecord, port: string): string {
  const column = record.page.column(port);
  if (column === undefined || record.page.roleOf(column) !== "data") return DONE;
  return textAt(record, column) || DONE;
}

function shiftOf({ wire, text }: Held, free: boolean): PortShift {
  return { kind: wire.kind, hold: wire.hold, layer: wire.actor.layer, text, free };
}
