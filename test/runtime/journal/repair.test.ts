import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../../../runtime/clock.ts";
import type { Extent } from "../../../runtime/journal/extent.ts";
import { JOURNAL, META } from "../../../runtime/journal/meta.ts";
import { repairJournal, verifyJournal } from "../../../runtime/journal/repair.ts";
import type { StoreJournal } from "../../../runtime/journal/store-journal.ts";
import { keyOf } from "../../../runtime/key.ts";
import { limits } from "../../../runtime/limits.ts";
import { type DeadLetters, openDeadLetters } from "../../../runtime/store/deadletters.ts";
import { openStore } from "../../../runtime/store/lmdb.ts";
import { blockOf, damage, draft, journalIn, lose, START, seqs, tempDir, texts } from "../../support/journal.ts";

/** A journal of the commits 1–2, 3–5 (a block), 6. */
async function written(dir = tempDir()): Promise<string> {
  const journal = journalIn(dir);
  await journal.append([draft("a"), draft("b")]);
  journal.appliedSeq = 2;
  await journal.appendBlock(blockOf([draft("c"), draft("d"), draft("e")]));
  journal.appliedSeq = 5;
  await journal.append([draft("f")]);
  await journal.close();
  return dir;
}

function opened(dir: string): { readonly journal: StoreJournal; readonly letters: DeadLetters } {
  const journal = journalIn(dir);
  return { journal, letters: openDeadLetters({ store: journal.store, clock: new ManualClock(START) }) };
}

const flip = (text: string) => (blob: Buffer) => {
  blob[blob.indexOf(text)]! ^= 1;
  return blob;
};
const tear = (bytes: number) => (blob: Buffer) => blob.subarray(0, bytes);

/** Damages, repairs. @returns what the journal has then */
async function repaired(dir: string, change: (blob: Buffer) => Buffer): Promise<Extent> {
  await damage(dir, 1, change);
  const { journal, letters } = opened(dir);
  await repairJournal(journal.store, letters);
  const extent = journal.extent();
  await journal.close();
  return extent;
}

describe("a journal", () => {
  it.each([
    [false, "all"],
    [true, "some"],
  ] as const)("has all after repairs unless retention took something as well (%s)", async (retains, extent) => {
    const dir = tempDir();
    const journal = journalIn(dir);
    const kept = ["b", "c"].map((text) => draft(text, { kind: "decision" }));
    await journal.append([draft("a"), ...kept, draft("d")]);
    journal.appliedSeq = 4;
    await journal.append([draft("e")]);
    if (retains) await journal.retain({ ageMs: -1 });
    expect(journal.extent()).toBe(retains ? "some" : "all");
    await journal.close();

    expect(await repaired(dir, flip("events.focusb"))).toBe(extent);
    expect(await repaired(dir, flip("events.focusc"))).toBe(extent);
  });

  it("that is whole says so, and is left alone", async () => {
    const { journal, letters } = opened(await written());

    expect(verifyJournal(journal.store)).toEqual({ commits: 3, entries: 6, damage: [], notable: [] });
    expect(await repairJournal(journal.store, letters)).toEqual({ damage: [], letters: [], commits: 0 });
    expect(texts(journal.read())).toEqual(["a", "b", "c", "d", "e", "f"]);
  });

  it.each([
    ["an entry", 3, flip("events.focusd"), { firstSeq: 4, lastSeq: 4 }, "abcef"],
    ["the end of a commit", 3, tear(150), { firstSeq: 4, lastSeq: 5 }, "abcf"],
    ["the header of a commit", 1, flip("AISJ"), { firstSeq: 1, lastSeq: 1, part: "commit" }, "abcdef"],
    ["a whole commit", 3, tear(10), { firstSeq: 3, part: "commit" }, "abf"],
    ["the newest commit", 6, flip("events.focusf"), { firstSeq: 6, lastSeq: 6 }, "abcde"],
  ] as const)("that lost %s is readable again once it was moved", async (_, commit, change, expected, rest) => {
    const dir = await written();
    let blob: Buffer = Buffer.alloc(0);
    await damage(dir, commit, (whole) => {
      blob = change(whole);
      return blob;
    });
    const { journal, letters } = opened(dir);

    const verified = verifyJournal(journal.store);
    expect(verified).toMatchObject({ commits: 3, damage: [{ ...expected, commit }] });
    expect(await repairJournal(journal.store, letters)).toMatchObject({
      commits: 1,
      letters: [1],
      damage: verified.damage,
    });

    const { bytes, offset, detail } = verified.damage[0]!;
    expect(letters.get(1)).toMatchObject({
      code: "corrupt",
      seq: expected.firstSeq,
      where: { source: "journal", offset },
      detail: expect.stringContaining(detail),
      payload: Buffer.from(bytes),
    });
    expect(bytes).toEqual(blob.subarray(offset, offset + bytes.length));
    expect(verifyJournal(journal.store)).toEqual({ commits: 3, entries: rest.length, damage: [], notable: [] });
    expect(texts(journal.read()).join("")).toBe(rest);
  });

  it.each([
    ["its first commit", 1, [1, 2], "cdef"],
    ["a commit", 3, [3, 5], "abf"],
  ] as const)(
    "that lacks %s is not read past it, until a letter tells of that",
    async (_, commit, [firstSeq, lastSeq], rest) => {
      const dir = await written();
      await lose(dir, commit);
      const { journal, letters } = opened(dir);
      const missing = { part: "entry", firstSeq, lastSeq, commit, offset: 0, bytes: Buffer.alloc(0) };

      expect(() => [...journal.parts()]).toThrow(
        expect.objectContaining({
          code: "corrupt",
          message: expect.stringContaining(`entries ${firstSeq} to ${lastSeq}: missing`),
        }),
      );
      expect(() => [...journal.parts(lastSeq)]).toThrow(`entry ${lastSeq}: missing`);
      expect(texts(journal.read(lastSeq + 1)).join("")).toBe(rest.slice(-journal.lastSeq + lastSeq));
      expect(verifyJournal(journal.store)).toMatchObject({ commits: 2, damage: [missing] });
      expect(await repairJournal(journal.store, letters)).toMatchObject({
        commits: 1,
        letters: [1],
        damage: [missing],
      });

      expect(letters.get(1)).toMatchObject({ code: "corrupt", seq: firstSeq, payload: Buffer.alloc(0) });
      expect(verifyJournal(journal.store)).toEqual({ commits: 3, entries: rest.length, damage: [], notable: [] });
      expect(texts(journal.read()).join("")).toBe(rest);
      expect(journal.find(firstSeq)).toBeNull();
    },
  );

  it("is seen to lack its newest commit while it is at work", async () => {
    const { journal } = opened(await written());
    await journal.store.commit([{ table: JOURNAL, key: keyOf(6), value: null }]);

    expect(() => [...journal.read()]).toThrow("entry 6: missing");
    expect(() => [...journal.read(6)]).toThrow("entry 6: missing");
  });

  it("of before, in which nobody noted what was removed, is taken as it is; from then on nothing may be missing", async () => {
    const dir = await written();
    await lose(dir, 3);
    const store = openStore({ path: join(dir, "journal") });
    await store.commit([{ table: META, key: Buffer.from("removed"), value: null }]);
    await store.close();
    {
      const journal = journalIn(dir);
      expect(texts(journal.read()).join("")).toBe("abf");
      for (const text of ["g", "h", "i"]) await journal.append([draft(text)]);
      await journal.close();
    }
    await lose(dir, 8);

    expect(() => [...journalIn(dir).read()]).toThrow("entry 8: missing");
  });

  it("gives no sequence twice, and runs nothing again that is known to be applied, when its newest header was lost", async () => {
    const dir = await written();
    await damage(dir, 6, flip("AISJ"));
    const { journal, letters } = opened(dir);
    await repairJournal(journal.store, letters);
    await letters.close();
    await journal.close();

    const after = journalIn(dir);

    expect(texts(after.read())).toEqual(["a", "b", "c", "d", "e", "f"]);
    expect(after.appliedSeq).toBe(2); // of the commit before
    expect((await after.append([draft("g")])).firstSeq).toBe(6 + limits.commitEntries);
  });

  it("names the folder and what to do where it can't be read", async () => {
    const dir = await written();
    await damage(dir, 3, flip("events.focusd"));

    expect(() => [...journalIn(dir).parts()]).toThrow(
      expect.objectContaining({
        code: "corrupt",
        message: expect.stringMatching(`entry 4: .*'aisle journal repair --data ${dir}'`),
      }),
    );
  });

  it("loses nothing that is whole, however it is damaged", { timeout: 60_000 }, async () => {
    const flips = fc.array(fc.tuple(fc.constantFrom(1, 3, 6), fc.nat(), fc.nat(7)), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(flips, async (all) => {
        const dir = await written();
        for (const [commit, at, bit] of all) {
          await damage(dir, commit, (blob) => {
            blob[at % blob.length]! ^= 1 << bit;
            return blob;
          });
        }
        const { journal, letters } = opened(dir);
        const whole = seqs(journal.read(1, { onCorrupt() {} }));

        await repairJournal(journal.store, letters);
        await letters.close();
        await journal.close();

        const again = journalIn(dir);
        expect(verifyJournal(again.store).damage).toEqual([]);
        expect(seqs(again.read())).toEqual(whole);
        await again.append([draft("after")]);
        expect(seqs(again.read()).slice(0, -1)).toEqual(whole);
        await again.close();
      }),
      { numRuns: 25 },
    );
  });
});
