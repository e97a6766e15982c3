import { Block } from "./block.ts";
import type { Entry } from "./journal.ts";

/** Sequences that stand side by side. */
export interface Stretch {
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/** How much a journal still has of what was ever in it: nothing, though there may have been some, when it is empty. */
export type Extent = "all" | "some" | "nothing";

/** Reads all of it, in order. @param parts  stretches count as entries that are there */
export function extentOf(parts: Iterable<Entry | Block | Stretch>): Extent {
  let next = 1;
  for (const part of parts) {
    const { firstSeq, lastSeq } =
      part instanceof Block || !("seq" in part) ? part : { firstSeq: part.seq, lastSeq: part.seq };
    if (firstSeq > next) return "some";
    next = Math.max(next, lastSeq + 1);
  }
  return next > 1 ? "all" : "nothing";
}
