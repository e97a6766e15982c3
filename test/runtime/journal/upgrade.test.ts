import { cpSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../../../runtime/clock.ts";
import { repairJournal } from "../../../runtime/journal/repair.ts";
import { keyOf } from "../../../runtime/key.ts";
import { openDeadLetters } from "../../../runtime/store/deadletters.ts";
import { openStore } from "../../../runtime/store/lmdb.ts";
import { blockOf, damage, draft, journalIn, START, tempDir, texts } from "../../support/journal.ts";

// Written by the version whose blobs had format 1: "configured"; "a", "b", "ä🙂"; "decided", "c"; and one dead letter.
const FORMAT_1 = join(import.meta.dirname, "../../fixtures/journal-1");
const TEXTS = ["configured", "a", "b", "ä🙂", "decided", "c"];

function copied(): string {
  const dir = tempDir();
  cpSync(FORMAT_1, dir, { recursive: true });
  return dir;
}

/** The formats that the meta record and the newest commit name. */
async function formats(dir: string): Promise<[meta: number, newest: number]> {
  const store = openStore({ path: join(dir, "journal"), readOnly: true });
  const meta = JSON.parse(store.get("meta", Buffer.from("journal"))!.toString()) as { format: number };
  const [newest] = store.range("journal", { start: keyOf(2 ** 53), reverse: true, limit: 1 });
  await store.close();
  return [meta.format, newest!.value.readUInt16LE(4)];
}

describe("a journal of format 1", () => {
  it("is read as ever", async () => {
    const journal = journalIn(copied());

    expect(texts(journal.read())).toEqual(TEXTS);
    expect([...journal.parts()].map((part) => "kind" in part && part.kind)).toEqual([
      "config",
      "event",
      "outcome",
      "event",
      "decision",
      "event",
    ]);
    expect(journal).toMatchObject({ lastSeq: 6, appliedSeq: 4, epoch: "000g40r4" });
    expect([...journal.read()].map(({ receivedAt }) => receivedAt - START)).toEqual([0, 1000, 1000, 1000, 2000, 2000]);
    expect(journal.position("stream/A")).toBe(null);
    expect(openDeadLetters({ store: journal.store, clock: new ManualClock(START) }).get(1)).toMatchObject({
      code: "malformed",
    });
  });

  it("is of this version once it was opened, also when nothing was appended", async () => {
    const dir = copied();
    expect(await formats(dir)).toEqual([1, 1]);

    await journalIn(dir).close();

    expect(await formats(dir)).toEqual([2, 1]);
    expect(journalIn(dir).epoch).toBe("000g40r4");
  });

  it("is of this version once something in it was repaired", async () => {
    const dir = copied();
    await damage(dir, 5, (blob) => {
      blob[blob.length - 1]! ^= 1;
      return blob;
    });
    const store = openStore({ path: join(dir, "journal") });
    const { commits } = await repairJournal(store, openDeadLetters({ store, clock: new ManualClock(START) }));
    await store.close();

    expect(commits).toBe(1);
    expect(await formats(dir)).toEqual([2, 2]);
    expect(texts(journalIn(dir).read())).toEqual(TEXTS.slice(0, -1));
  });

  it("goes on, with blocks", async () => {
    const dir = copied();
    const before = journalIn(dir);
    await before.appendBlock(blockOf([draft("d"), draft("e")], { source: "s", value: "1" }));
    await before.close();

    const after = journalIn(dir);
    expect(await formats(dir)).toEqual([2, 2]);
    expect(texts(after.read())).toEqual([...TEXTS, "d", "e"]);
    expect([after.lastSeq, after.position("s")]).toEqual([8, "1"]);
  });

  it("is not changed by somebody who only reads it", async () => {
    const dir = copied();
    const reader = journalIn(dir, { readOnly: true });

    expect(texts(reader.read())).toEqual(TEXTS);
    expect(reader.epoch).toBe("000g40r4");
    await reader.close();

    expect(await formats(dir)).toEqual([1, 1]);
  });
});
