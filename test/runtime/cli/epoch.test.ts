import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { renewEpoch } from "../../../runtime/cli/epoch.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { openJournal } from "../../../runtime/journal/lmdb.ts";
import { draft, tempDir } from "../../support/journal.ts";

const epochIn = async (dir: string): Promise<string> => {
  const journal = openJournal({ dir, clock: systemClock, random: randomBytes, readOnly: true });
  await journal.close();
  return journal.epoch;
};

async function journalIn(dir: string): Promise<string> {
  const journal = openJournal({ dir, clock: systemClock, random: randomBytes });
  await journal.append([draft("one"), draft("two")]);
  await journal.close();
  return journal.epoch;
}

it("a copied journal has a new epoch, as it lies on the disk", async () => {
  const dir = tempDir();
  const before = await journalIn(dir);

  const { epoch, lastSeq } = await renewEpoch(dir);

  expect(lastSeq).toBe(2);
  expect(epoch).not.toBe(before);
  expect(await epochIn(dir)).toBe(epoch);
});

it("a disk without room for it is told of, and the epoch is the old one", async () => {
  const dir = tempDir();
  const before = await journalIn(dir);

  await expect(renewEpoch(dir, { reserveBytes: 2 ** 60 })).rejects.toMatchObject({
    code: "full",
    message: expect.stringMatching(/could not be written to '.*', so .*: make room/) as string,
  });

  expect(await epochIn(dir)).toBe(before);
});
