// What of the outbox is measured.
import type { Reading } from "../metrics.ts";
import type { Outbox } from "./outbox.ts";
import type { Telemetry } from "./telemetry.ts";

export function outboxReadings(outbox: Outbox, telemetry: Telemetry): readonly Reading[] {
  const read = (name: string, help: string, value: () => number) => ({
    name: `aisle_outbox_${name}`,
    help,
    read: value,
  });
  return [
    read("waiting", "Decisions that the bus has not confirmed", () => outbox.stats().waiting),
    read("age_seconds", "How long the oldest of them waits", () => outbox.age() / 1000),
    read("sent_total", "Messages of decisions handed to the bus", () => outbox.stats().sent),
    read("retried_total", "Of these, sent before and not confirmed", () => outbox.stats().retried),
    read("failed_total", "Messages of decisions that no bus takes, as they are too large", () => outbox.stats().failed),
    read(
      "telemetry_waiting",
      "Changes of the board and notices that wait for the bus",
      () => telemetry.stats().waiting,
    ),
    read("shed_total", "Changes of the board and notices let go of: never a decision", () => telemetry.stats().shed),
  ];
}
