import { Block } from "./block.ts";
import type { Entry } from "./journal.ts";

/** Sequences that stand side by side. */
export interface Stretch {
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/** How much a journal still has of what was ever in it: nothing, though there may have been some, when it is empty. */
export type Extent = "all" | "some" | "nothing";

/**
 * Reads all of it.
 *
 * @param parts  in order
 * @param moved  what a repair has moved away counts as if it were there; in order of their first sequences
 */
export function extentOf(parts: Iterable<Entry | Block>, moved: readonly Stretch[] = []): Extent {
  let next = 1;
  let at = 0;
  for (const part of parts) {
    const { firstSeq, lastSeq } = part instanceof Block ? part : { firstSeq: part.seq, lastSeq: part.seq };
    for (; at < moved.length && moved[at]!.firstSeq <= next; at++) next = Math.max(next, moved[at]!.lastSeq + 1);
    if (firstSeq > next) return "some";
    next = Math.max(next, lastSeq + 1);
  }
  return next > 1 ? "all" : "nothing";
}
