// What becomes of the state that a place has saved when damaged entries are moved out of its journal.
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Archive } from "../checkpoint/archive.ts";
import { checkpointStore } from "../checkpoint/open.ts";
import { systemClock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import type { Block } from "../journal/block.ts";
import { JournalCursor } from "../journal/cursor.ts";
import { extentOf, type Stretch } from "../journal/extent.ts";
import type { Entry } from "../journal/journal.ts";
import { movedIn, readMeta } from "../journal/meta.ts";
import { findEnd } from "../journal/readable.ts";
import { limits } from "../limits.ts";
import { openStore } from "../store/lmdb.ts";
import type { Store } from "../store/store.ts";

/**
 * `goes`: it has what the damaged entries led to, and is made again of those that are left. `stays`: the journal has no
 * longer all that led to it. `none`: there is none that a start would take.
 */
export type SavedState = "goes" | "stays" | "none";

/**
 * @param journal  in its store, as it is before anything is moved
 * @param notable  what the repair will note
 */
export async function savedState(dir: string, journal: Store, notable: readonly Stretch[]): Promise<SavedState> {
  if (!(await isGood(dir, journal))) return "none";
  const moved = [...movedIn(journal), ...notable].sort((a, b) => a.firstSeq - b.firstSeq);
  return extentOf(wholeParts(journal), moved) === "all" ? "goes" : "stays";
}

/** The next start replays the journal. */
export async function removeState(dir: string): Promise<void> {
  const store = openStore(checkpointStore(pathIn(dir)));
  await new Archive(store).forget().finally(() => store.close());
}

async function isGood(dir: string, journal: Store): Promise<boolean> {
  if (!existsSync(join(pathIn(dir), "data.mdb"))) return false;
  const { epoch } = readMeta(journal, { clock: systemClock, random: randomBytes, dir });
  try {
    const store = openStore(checkpointStore(pathIn(dir), true));
    const lastSeq = findEnd(journal, limits.commitEntries)?.lastSeq ?? 0;
    const { state } = new Archive(store).standing({ epoch, lastSeq });
    await store.close();
    return state === "good";
  } catch (error) {
    // A start tells of it.
    if (error instanceof AisleError) return false;
    throw error;
  }
}

/** What can be read. */
function* wholeParts(journal: Store): Generator<Entry | Block> {
  const cursor = new JournalCursor(journal, () => Number.MAX_SAFE_INTEGER, 1, { onCorrupt() {} });
  while (cursor.next()) yield cursor.block() ?? cursor.entry();
}

function pathIn(dir: string): string {
  return join(dir, "checkpoint");
}
