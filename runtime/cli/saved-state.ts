// What becomes of the state that a place has saved when damaged entries are moved out of its journal.
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Archive } from "../checkpoint/archive.ts";
import { checkpointStore } from "../checkpoint/open.ts";
import { systemClock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import type { Corruption } from "../journal/blob.ts";
import type { Block } from "../journal/block.ts";
import { JournalCursor } from "../journal/cursor.ts";
import { extentOf } from "../journal/extent.ts";
import type { Entry } from "../journal/journal.ts";
import { readMeta } from "../journal/meta.ts";
import { findEnd } from "../journal/readable.ts";
import { limits } from "../limits.ts";
import { openStore } from "../store/lmdb.ts";
import type { Store } from "../store/store.ts";

/**
 * `goes`: it has what the damaged entries led to, and is made again of those that are left. `stays`: the journal has no
 * longer all that led to it. `none`: there is none that a start would take.
 */
export type SavedState = "goes" | "stays" | "none";

/** @param journal  in its store, as it is before anything is moved */
export async function savedState(dir: string, journal: Store): Promise<SavedState> {
  if (!(await isGood(dir, journal))) return "none";
  return extentOf(withDamaged(journal)) === "all" ? "goes" : "stays";
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

/** Entries, and in their places stretches that can't be read. */
function* withDamaged(journal: Store): Generator<Entry | Block | Corruption> {
  const damaged: Corruption[] = [];
  const onCorrupt = (corruption: Corruption) => void damaged.push(corruption);
  const cursor = new JournalCursor(journal, () => Number.MAX_SAFE_INTEGER, 1, { onCorrupt });
  while (cursor.next()) {
    yield* damaged.splice(0);
    yield cursor.block() ?? cursor.entry();
  }
}

function pathIn(dir: string): string {
  return join(dir, "checkpoint");
}
