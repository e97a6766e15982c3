import type { Entry } from "../journal/journal.ts";
import { limits } from "../limits.ts";
import { isEvent } from "./batch.ts";

/** Entries that are on disk and have yet to be folded, in their order. */
export class EntryQueue {
  #entries: Entry[] = [];
  #next = 0;

  get length(): number {
    return this.#entries.length - this.#next;
  }

  push(entry: Entry): void {
    this.#entries.push(entry);
  }

  /** As many events from the front as are folded at once, and the entry of another kind that ends them, if one does. */
  take(): { readonly events: readonly Entry[]; readonly last: Entry | null } {
    const events: Entry[] = [];
    let last: Entry | null = null;
    for (let bytes = 0; events.length < limits.foldEvents && bytes < limits.foldBytes && last === null; ) {
      const entry = this.#entries[this.#next];
      if (entry === undefined) break;
      this.#next++;
      if (!isEvent(entry)) last = entry;
      else {
        events.push(entry);
        bytes += entry.payload.length;
      }
    }
    if (this.#next === this.#entries.length) this.#entries = [];
    else if (this.#next < COMPACT_FROM) return { events, last };
    else this.#entries = this.#entries.slice(this.#next);
    this.#next = 0;
    return { events, last };
  }
}

/** Taken entries that may stay in the array before the others move up. */
const COMPACT_FROM = 4_096;
