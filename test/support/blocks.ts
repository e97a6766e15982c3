// Plain events as the journal hands them on: bytes in a block.
import { BLOB_HEADER, BlobWriter, entryBytesMax } from "../../runtime/journal/blob.ts";
import { Block } from "../../runtime/journal/block.ts";
import type { Entry } from "../../runtime/journal/journal.ts";

/** Entries, at least one, that follow each other. */
export function blockOf(entries: readonly Entry[]): Block {
  const writer = new BlobWriter(entries.reduce((sum, entry) => sum + entryBytesMax(entry), 0));
  for (const entry of entries) writer.add(entry.seq, entry.receivedAt, entry);
  const { seq: firstSeq, receivedAt } = entries[0]!;
  const { seq: lastSeq, receivedAt: lastAt } = entries.at(-1)!;
  const bytes = writer.finish({ firstSeq, lastSeq, appliedSeq: 0, lastAt });
  return new Block({
    bytes,
    start: BLOB_HEADER,
    end: bytes.length,
    count: entries.length,
    firstSeq,
    receivedAt,
    lastAt,
  });
}
