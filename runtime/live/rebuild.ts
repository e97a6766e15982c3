// A changed spec takes its place: folded from the oldest entry that is kept, in the background, while the old one
// serves; then both fold what comes, until the entry of the journal that says that the new one is in force.
import type { Entry } from "../journal/journal.ts";
import { limits } from "../limits.ts";
import { batchOf, isEvent } from "./batch.ts";
import { Gaps } from "./gaps.ts";
import type { Live } from "./live.ts";

/** Folds the journal anew into specs that were not there before. */
export class Rebuild {
  readonly lives: readonly Live[];
  readonly #read: (fromSeq: number) => Iterator<Entry>;
  readonly #gaps = new Gaps();
  #entries: Iterator<Entry>;
  /** Sequence of the last entry that was read. */
  through = 0;

  /** @param read  entries of the journal, in order, as far as they are on disk */
  constructor(lives: readonly Live[], read: (fromSeq: number) => Iterator<Entry>) {
    this.lives = lives;
    this.#read = read;
    this.#entries = read(1);
  }

  /** The next slice. @returns whether there was anything: false at the end of what is on disk */
  step(): boolean {
    const run: Entry[] = [];
    let passed = 0;
    for (let bytes = 0; passed < limits.foldEvents && bytes < limits.foldBytes; passed++) {
      const { done, value: entry } = this.#entries.next();
      if (done) {
        this.#entries = this.#read(this.through + 1);
        break;
      }
      this.through = entry.seq;
      this.#gaps.pass(entry.seq);
      if (isEvent(entry)) {
        run.push(entry);
        bytes += entry.payload.length;
      } else if (entry.kind === "tick") {
        this.#feed(run.splice(0));
        for (const live of this.lives) live.tick(entry);
      }
    }
    this.#feed(run);
    for (const live of this.lives) live.lacksEarlier = this.#gaps.found;
    return passed > 0;
  }

  #feed(run: readonly Entry[]): void {
    if (run.length === 0) return;
    const batch = batchOf(run);
    for (const live of this.lives) live.feed(batch);
  }
}
