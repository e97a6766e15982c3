import { describe, expect, it } from "vitest";
import type { Corruption } from "../../../runtime/journal/blob.ts";
import { damage, draft, journalIn, seqs, tempDir } from "../../support/journal.ts";

/** A journal of the commits 1–2, 3–5, 6. */
async function written(): Promise<string> {
  const dir = tempDir();
  const journal = journalIn(dir);
  for (const batch of [["a", "b"], ["c", "d", "e"], ["f"]]) {
    await journal.append(batch.map((text) => draft(text)));
    journal.appliedSeq = journal.lastSeq;
  }
  await journal.close();
  return dir;
}

const cutTo = (share: number) => (blob: Buffer) => blob.subarray(0, Math.floor(blob.length * share));
const flipAt = (fromEnd: number) => (blob: Buffer) => {
  blob[blob.length - fromEnd]! ^= 1;
  return blob;
};

describe("a damaged journal", () => {
  it.each([
    ["a flipped bit in the payload of 5", 3, flipAt(1), [1, 2, 3, 4, 6], { firstSeq: 5, lastSeq: 5 }],
    ["a value torn in the middle of 4", 3, cutTo(0.6), [1, 2, 3, 6], { firstSeq: 4, lastSeq: 5 }],
    ["a value torn in its header", 3, cutTo(0.1), [1, 2, 6], { part: "commit", firstSeq: 3 }],
    ["a flipped bit in 2", 1, flipAt(1), [1, 3, 4, 5, 6], { firstSeq: 2, lastSeq: 2 }],
  ] as const)("with %s is read up to there, or, when asked, past it", async (_, commit, change, readable, expected) => {
    const dir = await written();
    await damage(dir, commit, change);
    const journal = journalIn(dir);
    const corruptions: Corruption[] = [];

    expect(seqs(journal.read(1, { onCorrupt: (corruption) => corruptions.push(corruption) }))).toEqual(readable);
    expect(corruptions).toMatchObject([expected]);
    expect(() => [...journal.read()]).toThrow(
      expect.objectContaining({ code: "corrupt", message: expect.stringContaining(String(expected.firstSeq)) }),
    );
    expect(seqs(journal.read(6))).toEqual([6]);
  });

  it("names the damaged entry when it is looked for, and finds the others", async () => {
    const dir = await written();
    await damage(dir, 3, flipAt(1));
    const journal = journalIn(dir);

    expect(() => journal.find(5)).toThrow("journal: entry 5: has checksum");
    expect(journal.find(4)).toMatchObject({ seq: 4 });
    expect(journal.find(6)).toMatchObject({ seq: 6 });
  });

  it("refuses a tombstone that would write the damage away, and changes nothing", async () => {
    const dir = await written();
    await damage(dir, 3, flipAt(1));
    const journal = journalIn(dir);

    await expect(journal.tombstone(4)).rejects.toMatchObject({ code: "corrupt" });
    expect(() => journal.find(5)).toThrow("journal: entry 5");
  });

  it("never gives a sequence twice when the end of the newest commit is unknown", async () => {
    const dir = await written();
    await damage(dir, 6, cutTo(0.1));
    const journal = journalIn(dir, { limits: { commitEntries: 100 } });

    expect(journal.appliedSeq).toBe(2); // of the commit before, hence earlier than it was
    expect(await journal.append([draft("g")])).toEqual({ firstSeq: 106, lastSeq: 106 });
    const corruptions: Corruption[] = [];
    expect(seqs(journal.read(1, { onCorrupt: (corruption) => corruptions.push(corruption) }))).toEqual([
      1, 2, 3, 4, 5, 106,
    ]);
    expect(corruptions).toMatchObject([{ part: "commit", firstSeq: 6 }]);
  });
});
