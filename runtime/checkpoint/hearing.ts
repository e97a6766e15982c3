// Which entries the board is shown. Plain events were sorted out as ones that nothing on the board hears, by the plan and
// the forms of the time; under others it may hear them after all.
import { Block } from "../journal/block.ts";
import type { Entry } from "../journal/journal.ts";
import { cut, entriesOf } from "../journal/walk.ts";

/**
 * Whether plain events may be passed over.
 *
 * @param configured  text of the journal's last `config` entry
 * @param hears       hash of what decides now what the board hears
 */
export function passesPlain(configured: string, hears: string | undefined): boolean {
  if (hears === undefined || configured === "") return false;
  try {
    return (JSON.parse(configured) as { hears?: unknown }).hears === hears;
  } catch {
    return false;
  }
}

/** The entries that the board is shown of a block. */
export function heard(block: Block, configured: string, hears: string | undefined): Iterable<Entry> {
  return passesPlain(configured, hears) ? [] : entriesOf(block);
}

/** What of a part of the journal comes behind an entry; null: nothing. */
export function behind(part: Entry | Block, seq: number): Entry | Block | null {
  if (!(part instanceof Block)) return part.seq > seq ? part : null;
  if (part.firstSeq > seq) return part;
  return part.lastSeq <= seq ? null : cut(part, seq - part.firstSeq + 1, Number.POSITIVE_INFINITY)[1];
}
