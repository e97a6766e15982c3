// What committed decisions owe the bus: for each port a queue of its own, so that those who hear of the server what is
// shown don't wait for a stream that can't be reached.
import { within } from "../bus/within.ts";
import { Keepers, type KeepersPorts } from "./keepers.ts";
import { type Ack, Line } from "./line.ts";
import { PORTS, type Port } from "./owed.ts";
import { PortQueue, type QueuePorts, type QueueStats } from "./queue.ts";

export interface OutboxPorts extends Omit<QueuePorts, "line" | "port" | "name"> {
  readonly ack: Ack;
  /** Null: what the streams lose is elsewhere, or there are none. */
  readonly frailtyOf: KeepersPorts["frailtyOf"] | null;
}

/** A place that stops waits so long for the bus to confirm what it has got, ms. */
const CLOSE_MS = 2_000;

/** Of the records that say how far each has come. */
const NAMES: Readonly<Record<Port, string>> = { offers: "bus", predictions: "bus-predictions" };

export class Outbox {
  readonly #ports: OutboxPorts;
  readonly #line: Line;
  readonly #keepers: Keepers | null;
  readonly #queues: readonly PortQueue[];

  constructor(ports: OutboxPorts) {
    this.#ports = ports;
    const { bus, clock, ack, frailtyOf } = ports;
    const keepers = frailtyOf === null || ack === "server" ? null : new Keepers({ ...ports, frailtyOf });
    const learned = (port: string) => queues.get(port)?.learned();
    const line = new Line({ bus, clock, ack, learned, kept: (keeper) => keepers?.acknowledged(keeper) });
    const queues = new Map<string, PortQueue>(
      PORTS.map((port) => [port, new PortQueue({ ...ports, line, port, name: NAMES[port] })]),
    );
    this.#line = line;
    this.#keepers = keepers;
    this.#queues = [...queues.values()];
  }

  /** All that is owed up to here was confirmed. */
  get through(): number {
    return Math.min(...this.#queues.map(({ through }) => through));
  }

  /** Decisions from here on have to stay in the journal. */
  neededFrom(): number {
    return this.through + 1;
  }

  /** From here on commits are heard of. A folder that has no cursor owes nothing of what it holds. */
  open(): void {
    for (const queue of this.#queues) queue.open();
    this.#keepers?.open();
  }

  /** What was left unsent is sent. */
  begin(): void {
    for (const queue of this.#queues) queue.begin();
  }

  /** Why decisions wait; null: none does, or only for the blink of an eye. */
  trouble(): string | null {
    for (const queue of this.#queues) {
      const why = queue.trouble();
      if (why !== null) return why;
    }
    return null;
  }

  /** Why decisions that count as delivered may be lost yet, of each stream that keeps some and is frail. */
  frailties(): readonly string[] {
    return this.#keepers?.trouble() ?? [];
  }

  /** How long the oldest decision waits for the bus, ms; 0: none does. */
  age(): number {
    return Math.max(...this.#queues.map((queue) => queue.age()));
  }

  /** A decision waits as long as it does at one of the ports. */
  stats(): QueueStats {
    const all = this.#queues.map((queue) => queue.stats());
    const sum = (name: keyof QueueStats) => all.reduce((total, stats) => total + stats[name], 0);
    const waiting = Math.max(...all.map((stats) => stats.waiting));
    return { waiting, sent: sum("sent"), retried: sum("retried"), failed: sum("failed") };
  }

  /** Waits a little for what is under way. Before the bus and the store are closed. */
  async close(): Promise<void> {
    const { bus, clock } = this.#ports;
    const ended = Promise.all(this.#queues.map((queue) => queue.end()));
    if (bus.state === "here") await within(clock, CLOSE_MS, ended);
    this.#line.close();
    await Promise.all([...this.#queues.map((queue) => queue.close()), this.#keepers?.close()]);
  }
}
