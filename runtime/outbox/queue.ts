// What committed decisions owe the bus by one port, sent until it is confirmed. The journal is the queue: nothing is
// copied, a cursor says up to where all was confirmed, and behind it the journal is read again.
import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../clock.ts";
import type { Decision } from "../decide/decision.ts";
import { AisleError } from "../errors.ts";
import { Block } from "../journal/block.ts";
import type { Commit, Entry, Journal } from "../journal/journal.ts";
import { limits } from "../limits.ts";
import type { Store } from "../store/store.ts";
import { type Flight, Flights } from "./flights.ts";
import { HeldDecisions } from "./held.ts";
import type { Line } from "./line.ts";
import { type Carrier, Note } from "./note.ts";
import { type OwedOptions, owedBy, type Port } from "./owed.ts";

export interface QueuePorts {
  readonly journal: Pick<Journal, "parts" | "lastSeq" | "onCommit"> & Carrier;
  readonly store: Pick<Store, "get" | "commit">;
  readonly bus: Bus;
  readonly clock: Clock;
  /** In [0, 1); spreads what is tried again. */
  readonly random: () => number;
  readonly line: Line;
  readonly port: Port;
  /** Of the record in the table `outbox`. */
  readonly name: string;
  readonly base: string;
  readonly messages: OwedOptions["messages"];
  /** The decision that an entry holds; null: it holds none. */
  readonly decisionOf: (entry: Entry) => Decision | null;
  readonly fault: (what: string, error: unknown) => void;
}

/** What is on disk of it. */
interface Noted {
  /** All that is owed up to here was confirmed. */
  readonly through: number;
  /** Decisions after it, of those up to `counted`, and when the oldest of them was received. */
  readonly waiting: number;
  readonly counted: number;
  readonly oldestAt: number | null;
  /** A stream keeps what goes out by the port. */
  readonly isStream?: boolean;
}

export interface QueueStats {
  /** Decisions on disk that the bus has not confirmed. */
  readonly waiting: number;
  /** Messages. */
  readonly sent: number;
  readonly retried: number;
  /** Of decisions: no server takes such a message. */
  readonly failed: number;
}

/** What waits has such a share of what others take. */
const SHARE = 0.3;

/**
 * commit ─► hand over at once ─► confirmed ─► cursor
 *     │  └─ no room: held ─┘ as soon as there is
 *     │            │ too many, bus away, refused: the cursor stays
 *     └────────────┴─► read again from the cursor, in order, with a pause that grows
 */
export class PortQueue {
  readonly #ports: QueuePorts;
  readonly #note: Note<Noted>;
  readonly #flights = new Flights();
  /** All that is owed up to here was handed over, or is in `#flights`. */
  #handed = 0;
  /** The furthest that it ever was: what comes again up to here is sent again. */
  #handedMax = 0;
  #counted = 0;
  /** The last decision up to `#counted`, or an entry behind it: from here to there nothing is owed, and nothing is read. */
  #newest = 0;
  #waiting = 0;
  #oldestAt: number | null = null;
  /** The next commit can be handed over directly, or held: nothing stands before it but what is held. */
  #isLive = false;
  readonly #held = new HeldDecisions();
  #isBegun = false;
  #isClosed = false;
  #reader: Generator<Entry | Block> | null = null;
  /** Read, and not handed over as there was no room. */
  #next: Entry | Block | null = null;
  #isReading = false;
  /** When the last slice was over before all was done, monotonic, ms. */
  #slicedAt = Number.POSITIVE_INFINITY;
  /** Why what was sent is not confirmed; null: nothing was refused. */
  #why: string | null = null;
  #attempt = 0;
  #stopPause: (() => void) | null = null;
  #notedThrough = 0;
  #sent = 0;
  #retried = 0;
  #failed = 0;

  constructor(ports: QueuePorts) {
    this.#ports = ports;
    const { bus, clock, journal, store, fault, name } = ports;
    const read = () => ({
      through: this.through,
      waiting: this.#waiting + this.#flights.ahead,
      counted: this.#counted,
      oldestAt: this.#oldestAt,
      isStream: this.#isStream,
    });
    this.#note = new Note({ journal, store, clock, name, read, everyMs: limits.outboxNoteMs, fault });
    bus.onState((state) => {
      if (state === "here") this.#goOn();
    });
  }

  /** All that is owed up to here was confirmed. */
  get through(): number {
    return this.#flights.through ?? this.#handed;
  }

  /** Decisions from here on have to stay in the journal. */
  neededFrom(): number {
    return this.through + 1;
  }

  /** From here on commits are heard of. A folder that has no cursor owes nothing of what it holds. */
  open(): void {
    const { journal, line, port } = this.#ports;
    const noted = this.#note.load();
    const through = Math.min(noted?.through ?? journal.lastSeq, journal.lastSeq);
    if (noted?.isStream === true) line.remember(port);
    this.#handed = through;
    this.#handedMax = through;
    this.#notedThrough = through;
    this.#waiting = noted?.waiting ?? 0;
    this.#oldestAt = noted?.oldestAt ?? null;
    this.#counted = Math.min(noted?.counted ?? journal.lastSeq, journal.lastSeq);
    this.#newest = this.#counted;
    for (const part of journal.parts(this.#counted + 1)) if (!(part instanceof Block)) this.#count(part);
    this.#counted = journal.lastSeq;
    this.#isLive = through === journal.lastSeq;
    journal.onCommit((entries, commit) => this.#committed(entries, commit));
    // Before anything that is owed can be on disk: without it a restart would owe nothing of that.
    if (noted === null) this.#note.ahead();
    else if (noted.isStream !== this.#isStream) this.#note.soon();
  }

  /** What was left unsent is sent. */
  begin(): void {
    this.#isBegun = true;
    this.#goOn();
  }

  /** At once: what is learned of a stream has to outlast a crash in which the link to it is cut as well. */
  learned(): void {
    this.#note.ahead();
  }

  /** Why decisions wait; null: none does, or only for the blink of an eye. */
  trouble(): string | null {
    const { bus } = this.#ports;
    if (bus.state !== "here") {
      const wait = this.#waiting === 0 ? "" : `; ${this.#waiting} wait`;
      return `the bus is away: decisions are made, journalled and served over HTTP, and published when it is back${wait}`;
    }
    return this.#why === null ? null : `${this.#waiting} decisions wait for the bus: ${this.#why}`;
  }

  /** How long the oldest decision waits for the bus, ms; 0: none does. */
  age(): number {
    return this.#oldestAt === null ? 0 : Math.max(0, this.#ports.clock.now() - this.#oldestAt);
  }

  stats(): QueueStats {
    return { waiting: this.#waiting, sent: this.#sent, retried: this.#retried, failed: this.#failed };
  }

  /** Nothing more is sent. @returns when nothing is under way */
  end(): Promise<void> {
    this.#isClosed = true;
    this.#stopPause?.();
    return this.#flights.whenEmpty();
  }

  /** Before the store is closed. */
  close(): Promise<void> {
    return this.#note.close();
  }

  get #isStream(): boolean {
    const { line, port } = this.#ports;
    return line.streams.includes(port);
  }

  // ---- directly after a commit

  #committed(entries: readonly Entry[], { lastSeq }: Commit): void {
    for (const entry of entries) {
      const decision = this.#count(entry);
      if (decision === null || !this.#isLive) continue;
      if (this.#held.isEmpty && this.#isBegun && this.#hasRoom(decision)) this.#hand(entry, decision);
      else if (!this.#isBegun || !this.#held.add({ entry, decision })) this.#leave();
    }
    this.#counted = lastSeq;
    if (!this.#isLive) this.#wake();
    else if (this.#held.isEmpty) this.#passTo(lastSeq);
  }

  /** From here on the journal is read. */
  #leave(): void {
    this.#isLive = false;
    this.#held.clear();
  }

  /** What is held has its turn, as far as there is room. */
  #handHeld(): void {
    const isOver = this.#slice();
    for (let next = this.#held.peek(); next !== null; next = this.#held.peek()) {
      if (!this.#hasRoom(next.decision)) return;
      this.#held.shift();
      this.#hand(next.entry, next.decision);
      if (!isOver() || this.#held.isEmpty) continue;
      this.#wake();
      return;
    }
    if (this.#isLive) this.#passTo(this.#counted);
  }

  #count(entry: Entry): Decision | null {
    const decision = this.#ports.decisionOf(entry);
    if (decision === null) return null;
    this.#newest = entry.seq;
    this.#waiting++;
    this.#oldestAt ??= entry.receivedAt;
    return decision;
  }

  #hasRoom({ customer }: Decision): boolean {
    if (this.#isClosed || this.#stopPause !== null || this.#ports.bus.state !== "here") return false;
    const { size, bytes } = this.#flights;
    if (size >= limits.outboxFlights || (size > 0 && bytes >= limits.outboxFlightBytes)) return false;
    // A stream may refuse a message and take the one after it. Within a connection to a server nothing is overtaken.
    return !this.#flights.has(customer) || !this.#ports.line.isStream(this.#ports.port);
  }

  #hand(entry: Entry, decision: Decision): void {
    const { base, messages, clock, line, port } = this.#ports;
    const { seq, receivedAt } = entry;
    const isAgain = seq <= this.#handedMax;
    this.#handed = seq;
    this.#handedMax = Math.max(this.#handedMax, seq);
    if (this.#flights.wasDone(seq)) return;
    const owed = owedBy(entry, decision, { port, base, messages, now: clock.now() });
    const bytes = owed.reduce((sum, { payload }) => sum + payload.length, 0);
    const flight = this.#flights.add({ seq, receivedAt, customer: decision.customer, left: owed.length, bytes });
    for (const message of owed) {
      try {
        line.send(message, (why, isLost = false) => {
          if (isLost) this.#giveUp(flight, decision, why);
          else this.#settle(flight, why);
        });
        this.#sent++;
        if (isAgain) this.#retried++;
      } catch (error) {
        if (error instanceof AisleError && error.retryable) {
          this.#retreat(error.message);
          return;
        }
        this.#giveUp(flight, decision, error);
      }
    }
    if (owed.length === 0) this.#done(flight);
  }

  /** No server, or no stream, takes such a message: the journal and HTTP have the decision. */
  #giveUp(flight: Flight, { id }: Decision, why: unknown): void {
    if (!this.#flights.isUnderWay(flight)) return;
    this.#failed++;
    this.#ports.fault(`decision ${id} can't be published`, why);
    this.#settle(flight, null);
  }

  #settle(flight: Flight, why: string | null): void {
    if (!this.#flights.isUnderWay(flight)) return;
    if (why !== null) this.#retreat(why);
    else {
      flight.left--;
      if (flight.left === 0) this.#done(flight);
    }
  }

  #done(flight: Flight): void {
    this.#flights.end(flight);
    this.#waiting = Math.max(0, this.#waiting - 1);
    this.#attempt = 0;
    this.#why = null;
    // Those in the journal are no older than this one.
    this.#oldestAt = this.#waiting === 0 ? null : (this.#flights.oldestAt ?? flight.receivedAt);
    this.#note.soon();
    if (this.#hasMore) this.#wake();
  }

  /** There is something that was not handed over. */
  get #hasMore(): boolean {
    return !this.#isLive || !this.#held.isEmpty;
  }

  /** Entries up to here owe nothing more. */
  #passTo(seq: number): void {
    this.#handed = Math.max(this.#handed, seq);
    this.#handedMax = Math.max(this.#handedMax, this.#handed);
    if (this.through - this.#notedThrough < limits.outboxNoteEntries) return;
    this.#notedThrough = this.through;
    this.#note.soon();
  }

  // ---- again, from the journal

  /** All that is not confirmed counts as lost. It is sent again after a pause, or when the bus is back. */
  #retreat(why: string): void {
    this.#handed = this.through;
    this.#flights.lose();
    this.#leave();
    this.#reader = null;
    this.#next = null;
    if (this.#ports.bus.state !== "here") return;
    this.#why = why;
    const { clock, random } = this.#ports;
    const { outboxRetryMs, outboxRetryMaxMs } = limits;
    const pause = Math.min(outboxRetryMaxMs, outboxRetryMs * 2 ** Math.min(this.#attempt++, 20)) * (0.5 + random() / 2);
    this.#stopPause?.();
    this.#stopPause = clock.after(pause, () => this.#goOn());
  }

  #goOn(): void {
    this.#stopPause?.();
    this.#stopPause = null;
    if (this.#hasMore) this.#wake();
  }

  #wake(): void {
    if (this.#isReading || !this.#isBegun) return;
    this.#isReading = true;
    setImmediate(() => {
      this.#isReading = false;
      if (this.#isClosed) return;
      try {
        this.#goThrough();
      } catch (error) {
        this.#ports.fault("what is owed to the bus can't be read from the journal", error);
        this.#retreat((error as Error).message);
      }
    });
  }

  #goThrough(): void {
    if (this.#ports.bus.state !== "here" || this.#stopPause !== null) return;
    if (this.#isLive) this.#handHeld();
    else this.#read();
  }

  #read(): void {
    const { journal, decisionOf } = this.#ports;
    const isOver = this.#slice();
    for (let read = 0; read < limits.outboxReadEntries && (read === 0 || !isOver()); read++) {
      const part = this.#next ?? this.#readOne();
      if (part === null && journal.lastSeq === this.#counted) {
        this.#isLive = true;
        this.#passTo(journal.lastSeq);
        return;
      }
      this.#next = part;
      const lastSeq = part instanceof Block ? part.lastSeq : (part?.seq ?? 0);
      // Of that commit nobody has been told yet.
      if (part === null || lastSeq > this.#counted) break;
      const decision = part instanceof Block ? null : decisionOf(part);
      if (decision !== null && !this.#hasRoom(decision)) return;
      this.#next = null;
      if (decision === null) this.#passTo(lastSeq);
      else this.#hand(part as Entry, decision);
      if (this.#stopPause !== null) return;
    }
    this.#wake();
  }

  /** Begins a slice of the event loop. Where turns are long, so is it: else more would be decided than goes out. */
  #slice(): () => boolean {
    const { clock } = this.#ports;
    const begun = clock.monotonic();
    const others = begun - this.#slicedAt;
    const end = begun + Math.min(limits.outboxSliceMaxMs, Math.max(limits.outboxSliceMs, others * SHARE));
    this.#slicedAt = Number.POSITIVE_INFINITY; // until there is one that goes on from here
    return () => {
      const now = clock.monotonic();
      if (now < end) return false;
      this.#slicedAt = now;
      return true;
    };
  }

  /** Null: up to what was counted nothing more is owed. */
  #readOne(): Entry | Block | null {
    if (this.#handed >= this.#newest) {
      this.#reader = null;
      return null;
    }
    this.#reader ??= this.#ports.journal.parts(this.#handed + 1);
    const { value, done } = this.#reader.next();
    if (done !== true) return value;
    this.#reader = null;
    return null;
  }
}
