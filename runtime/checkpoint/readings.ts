import type { Clock } from "../clock.ts";
import type { Checkpoints } from "./checkpoints.ts";

/** Figures of a place's checkpoints. */
export function checkpointReadings(checkpoints: Checkpoints, clock: Clock) {
  const read = (name: string, help: string, value: () => number) => ({
    name: `aisle_checkpoint_${name}`,
    help,
    read: value,
  });
  const of = () => checkpoints.checkpointer;
  return [
    read("seq", "Entry as of which the state was last saved", () => checkpoints.meta?.seq ?? 0),
    read("age_seconds", "Time since it was saved; 0: never", () => {
      const { meta } = checkpoints;
      return meta === null ? 0 : Math.max(0, clock.now() - meta.at) / 1000;
    }),
    read("bytes", "Bytes of saved state on disk", () => checkpoints.bytes),
    read("seconds", "How long the last one took, in the background", () => (of()?.lastMs ?? 0) / 1000),
    read("slice_seconds", "Longest slice of the event loop that one took", () => (of()?.longestMs ?? 0) / 1000),
    read("failures_total", "Checkpoints that failed", () => of()?.failures ?? 0),
  ];
}
