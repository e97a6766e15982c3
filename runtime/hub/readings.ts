// What of the way to a hub, and at a hub, is measured.
import type { Reading } from "../metrics.ts";
import type { HubDoor } from "./door.ts";
import type { HubLink } from "./link.ts";

export function hubReadings(link: HubLink | null, door: HubDoor | null): readonly Reading[] {
  const read = (name: string, help: string, value: () => number) => ({ name: `aisle_hub_${name}`, help, read: value });
  const sends =
    link === null
      ? []
      : [
          read("waiting", "Entries on disk that the hub may lack", () => link.stats().waiting),
          read("sent_total", "Entries sent to the hub", () => link.stats().sent),
          read("retried_total", "Of these, sent before and not confirmed", () => link.stats().retried),
          read("shed_total", "Entries removed before the hub had them: never a decision", () => link.stats().shed),
        ];
  const takes =
    door === null
      ? []
      : [
          read("taken_total", "Entries of other places that were journalled", () => door.stats().entries),
          read(
            "repeated_total",
            "Events of other places that had come before, by their ids",
            () => door.stats().repeated,
          ),
          read("refused_total", "Batches of other places that were refused", () => door.stats().refused),
        ];
  return [...sends, ...takes];
}
