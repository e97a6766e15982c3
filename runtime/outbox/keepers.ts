// The streams that keep what was decided: what one has acknowledged counts as delivered, so it had better last.
import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Store } from "../store/store.ts";
import { type Carrier, Note } from "./note.ts";

/** A stream that has acknowledged a message. */
export interface StreamKeeper {
  readonly stream: string;
  /** Of JetStream, where its server has one. */
  readonly domain: string | null;
}

export interface KeepersPorts {
  readonly bus: Pick<Bus, "state" | "onState">;
  readonly clock: Clock;
  readonly journal: Carrier;
  readonly store: Pick<Store, "get" | "commit">;
  /**
   * Why what the stream has acknowledged may be lost, and what to do; null: it lasts.
   *
   * @throws AisleError `not-found` when there is no such stream; others when it can't be found out
   */
  readonly frailtyOf: (keeper: StreamKeeper) => Promise<string | null>;
  readonly fault: (what: string, error: unknown) => void;
}

interface Known extends StreamKeeper {
  frailty: string | null;
  /** Whether it was ever found out. */
  isKnown: boolean;
  /** Monotonic, ms; Infinity: we may not ask. */
  askedAt: number;
  /** When it acknowledged something last; monotonic, ms. */
  keptAt: number;
}

/**
 * Asks how each keeps what it has when it first acknowledges, when the bus is back, and now and then, as a stream may be
 * made anew. They are noted: after a restart decisions rest on them as before, also while nothing is decided.
 */
export class Keepers {
  readonly #ports: KeepersPorts;
  readonly #note: Note<readonly StreamKeeper[]>;
  readonly #known = new Map<string, Known>();
  #stopTimer: (() => void) | null = null;

  constructor(ports: KeepersPorts) {
    this.#ports = ports;
    const { bus, clock, journal, store, fault } = ports;
    const read = () => [...this.#known.values()].map(({ stream, domain }) => ({ stream, domain }));
    this.#note = new Note({ journal, store, clock, name: "keepers", read, everyMs: limits.outboxNoteMs, fault });
    bus.onState((state) => {
      if (state === "here") this.#ask(() => true);
    });
  }

  open(): void {
    for (const keeper of this.#note.load() ?? []) this.#add(keeper);
    if (this.#ports.bus.state === "here") this.#ask(() => true);
  }

  acknowledged(keeper: StreamKeeper): void {
    const now = this.#ports.clock.monotonic();
    const known = this.#known.get(keyOf(keeper)) ?? this.#learned(keeper);
    if (known === null) return;
    known.keptAt = now;
    if (now - known.askedAt >= limits.outboxLookMs) void this.#askOne(known);
  }

  /** Of each that is frail, why, and what to do. */
  trouble(): readonly string[] {
    return [...this.#known.values()].flatMap(({ frailty }) => frailty ?? []);
  }

  /** Before the store is closed. */
  close(): Promise<void> {
    this.#stopTimer?.();
    this.#stopTimer = () => {};
    return this.#note.close();
  }

  /** Null: there are too many. */
  #learned(keeper: StreamKeeper): Known | null {
    if (this.#known.size >= limits.outboxKeepers) return null;
    this.#note.soon();
    return this.#add(keeper);
  }

  #add({ stream, domain }: StreamKeeper): Known {
    const never = Number.NEGATIVE_INFINITY;
    const known = { stream, domain, frailty: null, isKnown: false, askedAt: never, keptAt: never };
    this.#known.set(keyOf(known), known);
    return known;
  }

  #ask(which: (known: Known) => boolean): void {
    for (const known of this.#known.values()) if (which(known)) void this.#askOne(known);
  }

  async #askOne(known: Known): Promise<void> {
    known.askedAt = this.#ports.clock.monotonic();
    try {
      known.frailty = await this.#ports.frailtyOf(known);
      known.isKnown = true;
      // Whoever mends it is told of it, also while nothing is decided.
      if (known.frailty !== null) this.#askLater();
    } catch (error) {
      this.#failed(known, error as Error);
    }
  }

  #failed(known: Known, error: Error): void {
    const { clock } = this.#ports;
    const code = error instanceof AisleError ? error.code : null;
    // One that has just acknowledged is there, whatever its server says to us: it may be another account's.
    if (code === "not-found" && clock.monotonic() - known.keptAt >= limits.outboxLookMs) {
      this.#known.delete(keyOf(known));
      this.#note.soon();
      return;
    }
    // Each time the server would complain of it anew.
    if (code === "forbidden") known.askedAt = Number.POSITIVE_INFINITY;
    if (!known.isKnown) known.frailty = `${restsOn(known)}, and how it keeps them can't be found out: ${error.message}`;
    this.#askLater();
  }

  #askLater(): void {
    const { clock } = this.#ports;
    this.#stopTimer ??= clock.after(limits.outboxLookMs, () => {
      this.#stopTimer = null;
      this.#ask(({ askedAt }) => clock.monotonic() - askedAt >= limits.outboxLookMs);
    });
  }
}

/** The beginning of a sentence. */
export function restsOn({ stream }: StreamKeeper): string {
  return `decisions that the stream '${stream}' has acknowledged rest on JetStream alone`;
}

function keyOf({ stream, domain }: StreamKeeper): string {
  return `${domain ?? ""} ${stream}`;
}
