// The bus's door: the fast lane where there can be one, and the ordinary way where there is none, or none any more.
import type { Bus } from "./bus/bus.ts";
import type { FeedStats } from "./bus/feed.ts";
import { whyNoLane } from "./bus/lane.ts";
import { LOSS, Losses } from "./bus/losses.ts";
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
  /** Told, once each time, what it means that the connection of the events was lost. */
  readonly lost: (what: string) => void;
}

/** Opened at once. */
export class BusDoor implements Door {
  readonly #options: BusDoorOptions;
  #lane: LaneDoor | null = null;
  /** What the fast lane had counted when it was left. */
  #laneTotals: FeedStats | null = null;
  #ordinary: Door | null = null;
  #isClosing = false;
  readonly #losses: Losses;
  /** How often the connection had been cut off when it was lost the last time. */
  #cutOffs = 0;
  /** Why events come by the ordinary way from the start; null: they don't, or the bus is none of NATS. */
  readonly ordinaryAs: string | null;

  constructor(options: BusDoorOptions) {
    this.#options = options;
    const { nats, intake, base, hasHub, bus, clock } = options;
    this.#losses = new Losses(clock);
    bus.onState((state) => {
      if (state === "away" && this.#ordinary !== null) this.#lose(bus.stats().cutOff);
    });
    this.ordinaryAs = nats === null ? null : whyOrdinary(nats, intake);
    if (nats === null || this.ordinaryAs !== null) {
      this.#cutOffs = bus.stats().cutOff;
      this.#ordinary = openOrdinary(options);
      return;
    }
    const door = new LaneDoor({ ...nats, base, intake, hasHub, handOver: (reason) => this.#leave(reason) });
    this.#lane = door;
    door.lane.onState((state) => {
      if (state === "away") this.#lose(door.lane.stats().slow);
    });
  }

  /** Whether events come by the fast lane. */
  get isLane(): boolean {
    return this.#lane !== null;
  }

  /** Of the fast lane, also once it was left: a count never falls. Null: it was never used. */
  get laneStats(): FeedStats | null {
    return this.#lane?.lane.stats() ?? this.#laneTotals;
  }

  /** Why no events come from the bus although it is here; null: they do, or it is away. */
  get trouble(): string | null {
    const lane = this.#lane?.lane;
    if (lane === undefined || lane.state !== "away" || this.#options.bus.state !== "here") return null;
    return `no events come from the bus: their connection is away (${lane.lastError ?? "not reached yet"})`;
  }

  /** How often the connection of the events was lost of late; null: it was not. */
  get losses(): string | null {
    return this.#losses.trouble;
  }

  async drain(): Promise<void> {
    this.#isClosing = true;
    await Promise.all([this.#lane?.drain(), this.#ordinary?.drain()]);
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all([this.#lane?.close(), this.#ordinary?.close()]);
  }

  /** @param cutOffs  of its connection by now */
  #lose(cutOffs: number): void {
    if (this.#isClosing) return;
    this.#losses.add(cutOffs > this.#cutOffs);
    this.#cutOffs = cutOffs;
    this.#options.lost(LOSS);
  }

  /**
   * What came meanwhile is lost as with any lost connection: the lane, where it was here, has said so. Who asked is told
   * that nobody listens.
   */
  #leave(reason: string): void {
    this.#laneTotals = this.laneStats;
    this.#lane = null;
    if (this.#isClosing) return;
    this.#options.left(reason);
    this.#cutOffs = this.#options.bus.stats().cutOff;
    this.#ordinary = openOrdinary(this.#options);
  }
}

function whyOrdinary(nats: NonNullable<BusDoorOptions["nats"]>, intake: BusDoorOptions["intake"]): string | null {
  // Where the host looks at each event, reading faster gains nothing.
  return intake.admits ? whyNoLane(nats) : "the board hears events of every type";
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

/** @param door  null: there is none yet */
export function laneReadings(door: () => Pick<BusDoor, "isLane" | "laneStats"> | null): readonly Reading[] {
  const total = (name: string, help: string, value: (stats: FeedStats) => number) => ({
    name: `aisle_lane_${name}`,
    help,
    read: () => {
      const stats = door()?.laneStats ?? null;
      return stats === null ? 0 : value(stats);
    },
  });
  return [
    {
      name: "aisle_lane_open",
      help: "1: events come by the fast lane; 0: by the ordinary way, as the board hears every type, by TLS, bus.lane is off, or the lane was left",
      read: () => (door()?.isLane === true ? 1 : 0),
    },
    total("messages_total", "Messages that came by the fast lane", ({ messages }) => messages),
    total("bytes_total", "Bytes that it read", ({ bytes }) => bytes),
    total("large_total", "Messages that were too large for it", ({ large }) => large),
    total(
      "losses_total",
      "Connections that it lost, and events sent without a reply with them",
      ({ losses }) => losses,
    ),
    total(
      "slow_total",
      "Of these, as this place had not read for long: what the server held is lost",
      ({ slow }) => slow,
    ),
  ];
}
