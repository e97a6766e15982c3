// The bus's door: the fast lane where there can be one, and the ordinary way where there is none, or none any more.
import type { Bus } from "./bus/bus.ts";
import type { FeedStats } from "./bus/feed.ts";
import { whyNoLane } from "./bus/lane.ts";
import { within } from "./bus/within.ts";
import type { Clock } from "./clock.ts";
import { type DoorOptions, openDoor } from "./door.ts";
import { LaneDoor, type LaneDoorOptions } from "./lane-door.ts";
import { limits } from "./limits.ts";
import type { Reading } from "./metrics.ts";

export interface Door {
  /** No further events: resolves once all that were under way have been taken. Their answers still go out. */
  drain(): Promise<void>;
  /** Sends the answers that wait, then ends. Twice is once. */
  close(): Promise<void>;
}

export interface BusDoorOptions extends DoorOptions {
  readonly bus: Bus;
  readonly intake: DoorOptions["intake"] & LaneDoorOptions["intake"] & { readonly admits: boolean };
  /** How the server is reached; null: the bus is none of NATS, or the site wants no fast lane. */
  readonly nats: Omit<LaneDoorOptions, "base" | "intake" | "hasHub" | "handOver"> | null;
  readonly clock: Clock;
  /** Told why the fast lane was left. */
  readonly left: (reason: string) => void;
}

/** Opened at once. */
export class BusDoor implements Door {
  readonly #options: BusDoorOptions;
  #lane: LaneDoor | null = null;
  #ordinary: Door | null = null;
  #isClosing = false;

  constructor(options: BusDoorOptions) {
    this.#options = options;
    const { nats, intake, base, hasHub } = options;
    // Where the host looks at each event, reading faster gains nothing.
    if (nats === null || !intake.admits || whyNoLane(nats) !== null) this.#ordinary = openOrdinary(options);
    else this.#lane = new LaneDoor({ ...nats, base, intake, hasHub, handOver: (reason) => this.#leave(reason) });
  }

  /** Of the fast lane; null: it is not, or no longer, used. */
  get laneStats(): FeedStats | null {
    return this.#lane?.lane.stats() ?? null;
  }

  /** Why no events come from the bus although it is here; null: they do, or it is away. */
  get trouble(): string | null {
    const lane = this.#lane?.lane;
    if (lane === undefined || lane.state !== "away" || this.#options.bus.state !== "here") return null;
    return `no events come from the bus: their connection is away (${lane.lastError ?? "not reached yet"})`;
  }

  async drain(): Promise<void> {
    this.#isClosing = true;
    await Promise.all([this.#lane?.drain(), this.#ordinary?.drain()]);
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all([this.#lane?.close(), this.#ordinary?.close()]);
  }

  /** What came meanwhile is lost as with any lost connection, and who asked is told that nobody listens. */
  #leave(reason: string): void {
    this.#lane = null;
    if (this.#isClosing) return;
    this.#options.left(reason);
    this.#ordinary = openOrdinary(this.#options);
  }
}

/** Its answers leave with the bus. */
function openOrdinary({ clock, ...options }: BusDoorOptions): Door {
  const close = openDoor(options);
  const { bus } = options;
  return {
    async drain() {
      close();
      if (bus.state === "here")
        await within(
          clock,
          limits.drainMs,
          bus.flush().catch(() => {}),
        );
    },
    async close() {},
  };
}

/** @param stats  null: the fast lane is not used */
export function laneReadings(stats: () => FeedStats | null): readonly Reading[] {
  const read = (name: string, help: string, value: (stats: FeedStats) => number) => ({
    name: `aisle_lane_${name}`,
    help,
    read: () => {
      const now = stats();
      return now === null ? 0 : value(now);
    },
  });
  return [
    read("open", "1: events come by the fast lane", () => 1),
    read("messages_total", "Messages that came by the fast lane", ({ messages }) => messages),
    read("bytes_total", "Bytes that it read", ({ bytes }) => bytes),
    read("large_total", "Messages that were too large for it", ({ large }) => large),
    read("losses_total", "Connections that it lost", ({ losses }) => losses),
    read("slow_total", "Of these, as this place read too slowly: what the server held is lost", ({ slow }) => slow),
  ];
}
