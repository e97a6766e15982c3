import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { ManualClock } from "../../runtime/clock.ts";
import type { Draft, Entry } from "../../runtime/journal/journal.ts";
import { type JournalOptions, type LmdbJournal, openJournal } from "../../runtime/journal/lmdb.ts";

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
export function journalIn(dir: string, options: Partial<JournalOptions> = {}): LmdbJournal {
  const journal = openJournal({ dir, clock: new ManualClock(START), random: countingBytes, ...options });
  onTestFinished(() => journal.close());
  return journal;
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

export const textOf = (entry: Entry): string => Buffer.from(entry.payload).toString("utf8");
export const texts = (entries: Iterable<Entry>): string[] => [...entries].map(textOf);
export const seqs = (entries: Iterable<Entry>): number[] => [...entries].map(({ seq }) => seq);
