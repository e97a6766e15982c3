// What is told of the board, and notices: said at once when the bus is here. While it is away the youngest of it is
// kept in memory; whoever missed some reads the board, which says it all.
import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";

interface Kept {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly bytes: number;
  /** Monotonic, ms. */
  readonly at: number;
}

export interface TelemetryPorts {
  readonly bus: Pick<Bus, "publish" | "hears" | "state" | "onState">;
  readonly clock: Clock;
  readonly bounds?: Pick<typeof limits, "telemetryBytes" | "telemetryMs">;
}

export interface TelemetryStats {
  readonly waiting: number;
  readonly bytes: number;
  /** Let go of, the oldest first: too many, too old, more than a message may hold, or left when the place stopped. */
  readonly shed: number;
}

/** Pause before the bus is tried again when it had no room, ms. */
const RETRY_MS = 100;
/** What a message takes beside its payload, about. */
const MESSAGE_BYTES = 128;

export class Telemetry {
  readonly #ports: TelemetryPorts;
  readonly #bounds: Pick<typeof limits, "telemetryBytes" | "telemetryMs">;
  /** Oldest first; those before `#head` are gone. */
  #kept: Kept[] = [];
  #head = 0;
  #bytes = 0;
  #shed = 0;
  #stopRetry: (() => void) | null = null;

  constructor(ports: TelemetryPorts) {
    this.#ports = ports;
    this.#bounds = ports.bounds ?? limits;
    ports.bus.onState((state) => {
      if (state === "here") this.#sendKept();
    });
  }

  /** Whether anybody would hear of it, now or when the bus is back. */
  hears(subject: string): boolean {
    const { bus } = this.#ports;
    return bus.state === "away" || bus.hears(subject);
  }

  /** Never throws. In order, within a subject and over all. */
  publish(subject: string, payload: Uint8Array): void {
    if (this.#waiting === 0 && this.#send(subject, payload)) return;
    const bytes = payload.length + subject.length + MESSAGE_BYTES;
    this.#kept.push({ subject, payload, bytes, at: this.#ports.clock.monotonic() });
    this.#bytes += bytes;
    this.#shedOld();
  }

  stats(): TelemetryStats {
    this.#shedOld();
    return { waiting: this.#waiting, bytes: this.#bytes, shed: this.#shed };
  }

  /** Sends what waits, as far as the bus takes it now. */
  flush(): void {
    this.#sendKept();
  }

  /** What still waits is let go of, and counted. Twice is once. @returns messages */
  close(): number {
    this.#stopRetry?.();
    this.#stopRetry = null;
    this.#shedOld();
    const left = this.#waiting;
    while (this.#waiting > 0) this.#drop();
    this.#shed += left;
    return left;
  }

  get #waiting(): number {
    return this.#kept.length - this.#head;
  }

  /** False: not now. What no bus will ever take is gone. */
  #send(subject: string, payload: Uint8Array): boolean {
    try {
      this.#ports.bus.publish(subject, payload);
      return true;
    } catch (error) {
      if (error instanceof AisleError && error.retryable) {
        if (this.#ports.bus.state === "here") this.#sendLater();
        return false;
      }
      this.#shed++;
      return true;
    }
  }

  #sendLater(): void {
    this.#stopRetry ??= this.#ports.clock.after(RETRY_MS, () => {
      this.#stopRetry = null;
      this.#sendKept();
    });
  }

  #sendKept(): void {
    this.#shedOld();
    while (this.#waiting > 0) {
      const { subject, payload } = this.#kept[this.#head]!;
      if (!this.#send(subject, payload)) return;
      this.#drop();
    }
  }

  #shedOld(): void {
    const { telemetryBytes, telemetryMs } = this.#bounds;
    const before = this.#ports.clock.monotonic() - telemetryMs;
    while (this.#waiting > 0 && (this.#bytes > telemetryBytes || this.#kept[this.#head]!.at < before)) {
      this.#drop();
      this.#shed++;
    }
  }

  #drop(): void {
    this.#bytes -= this.#kept[this.#head]!.bytes;
    this.#head++;
    if (this.#head * 2 < this.#kept.length && this.#waiting > 0) return;
    this.#kept = this.#kept.slice(this.#head);
    this.#head = 0;
  }
}
