import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { ManualClock } from "../../runtime/clock.ts";
import { BlobWriter, entryBytesMax } from "../../runtime/journal/blob.ts";
import { PLAIN } from "../../runtime/journal/block.ts";
import type { Appended, BlockDraft, Draft, Entry, Journal, Position } from "../../runtime/journal/journal.ts";
import { type JournalOptions, openJournal } from "../../runtime/journal/lmdb.ts";
import { JOURNAL, removedWrite } from "../../runtime/journal/meta.ts";
import type { StoreJournal } from "../../runtime/journal/store-journal.ts";
import { keyOf, seqOf } from "../../runtime/key.ts";
import { openStore } from "../../runtime/store/lmdb.ts";
import type { Write } from "../../runtime/store/store.ts";

export const START = 1_700_000_000_000; // ms

/** A folder that is gone when the test ends. */
export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "aisle-journal-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Bytes 0, 1, 2 …, unless the test wants others. */
export const countingBytes = (bytes: number): Uint8Array => Uint8Array.from({ length: bytes }, (_, i) => i);

/** A journal on disk, closed when the test ends. */
export function journalIn(dir: string, options: Partial<JournalOptions> = {}): StoreJournal {
  const journal = openJournal({ dir, clock: new ManualClock(START), random: countingBytes, ...options });
  onTestFinished(() => journal.close());
  return journal;
}

/** Changes the value of one commit behind the journal's back. */
export async function damage(dir: string, firstSeq: number, change: (blob: Buffer) => Buffer): Promise<void> {
  const store = openStore({ path: join(dir, "journal") });
  const key = keyOf(firstSeq);
  await store.commit([{ table: JOURNAL, key, value: change(Buffer.from(store.get(JOURNAL, key)!)) }]);
  await store.close();
}

/** Removes one commit behind the journal's back. */
export async function lose(dir: string, firstSeq: number): Promise<void> {
  const store = openStore({ path: join(dir, "journal") });
  await store.commit([{ table: JOURNAL, key: keyOf(firstSeq), value: null }]);
  await store.close();
}

/** The first sequence of the second commit. */
export async function secondCommit(dataDir: string): Promise<number> {
  const store = openStore({ path: join(dataDir, "journal"), readOnly: true });
  const [, second] = store.range(JOURNAL, { limit: 2 });
  await store.close();
  return seqOf(second!.key);
}

/** Removes the commits that begin before the one of a sequence, and notes it, as retention does. */
export async function cutBefore(dir: string, seq: number): Promise<void> {
  const store = openStore({ path: join(dir, "journal") });
  const gone = [...store.range(JOURNAL, { end: keyOf(seq) })];
  const removed = gone.map(({ key }): Write => ({ table: JOURNAL, key, value: null }));
  await store.commit([...removed, removedWrite(seq - 1)]);
  await store.close();
}

export function draft(text: string, more: Partial<Draft> = {}): Draft {
  return {
    kind: "event",
    principal: "test",
    subject: "events.focus",
    headers: {},
    payload: Buffer.from(text),
    ...more,
  };
}

/** The same as a block: what `appendBlock` takes. */
export function blockOf(drafts: readonly Draft[], position?: Position): BlockDraft {
  const bytesMax = drafts.reduce((sum, each) => sum + entryBytesMax(each), 0);
  const encode = (firstSeq: number, receivedAt: number): Buffer => {
    const writer = new BlobWriter(bytesMax);
    for (const [i, each] of drafts.entries()) writer.add(firstSeq + i, receivedAt, each, PLAIN);
    return writer.entries();
  };
  return { count: drafts.length, bytesMax, encode, ...(position === undefined ? {} : { position }) };
}

/** Appends a block, and spoils its bytes as soon as they are free again: nobody may need them any more. */
export async function appendSpoiled(journal: Pick<Journal, "appendBlock">, block: BlockDraft): Promise<Appended> {
  let bytes: Buffer | null = null;
  const encode = (firstSeq: number, receivedAt: number): Buffer => {
    bytes = block.encode(firstSeq, receivedAt);
    return bytes;
  };
  try {
    return await journal.appendBlock({ ...block, encode });
  } finally {
    (bytes as Buffer | null)?.fill(0xff);
  }
}

export const textOf = (entry: Entry): string => Buffer.from(entry.payload).toString("utf8");
export const texts = (entries: Iterable<Entry>): string[] => [...entries].map(textOf);
export const seqs = (entries: Iterable<Entry>): number[] => [...entries].map(({ seq }) => seq);
