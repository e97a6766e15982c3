import { randomBytes } from "node:crypto";
import { systemClock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import { type JournalOptions, openJournal } from "../journal/lmdb.ts";

/**
 * Gives the journal of a copied data folder an epoch of its own, so that no id is given twice. What it returns was read
 * from the disk again: a journal that finds no room keeps the new epoch in memory, for its first commit.
 *
 * @throws AisleError `full` when it could not be written
 */
export async function renewEpoch(
  dir: string,
  bounds: Pick<JournalOptions, "reserveBytes"> = {},
): Promise<{ readonly epoch: string; readonly lastSeq: number }> {
  const ports = { dir, clock: systemClock, random: randomBytes };
  const journal = openJournal({ ...ports, ...bounds, renewEpoch: true });
  const { epoch } = journal;
  await journal.close();
  const written = openJournal({ ...ports, readOnly: true });
  const { epoch: found, lastSeq } = written;
  await written.close();
  if (found === epoch) return { epoch, lastSeq };
  throw new AisleError(
    "full",
    `the new epoch could not be written to '${dir}', so ids would be given twice: make room on its disk, and do it again`,
  );
}
