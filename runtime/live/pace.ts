import { limits } from "../limits.ts";

/** So much of the last slice counts for the next. */
const WEIGHT = 0.3;

/**
 * How many events are folded in one turn of the event loop: as many as take `limits.foldSliceMs`, by what those before
 * took. Where many wait, larger batches cost less for each event; where each costs much, offers must not wait for them.
 */
export class FoldPace {
  #msPerEvent = 0;

  /** @param waiting  events that could be folded */
  events(waiting: number): number {
    const most = waiting >= limits.foldBacklogEvents ? limits.foldBacklogEvents : limits.foldEvents;
    if (this.#msPerEvent === 0) return most;
    return Math.max(limits.foldSliceEvents, Math.min(most, Math.floor(limits.foldSliceMs / this.#msPerEvent)));
  }

  took(events: number, ms: number): void {
    if (events === 0) return;
    this.#msPerEvent += WEIGHT * (ms / events - this.#msPerEvent);
  }
}
