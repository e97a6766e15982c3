import { BlobReader, BlobWriter, entryBytesMax, readHeader } from "./blob.ts";
import { corrupt } from "./cursor.ts";

/**
 * The blob with one entry emptied; null when that entry isn't in it.
 *
 * @throws AisleError `corrupt` when another entry can't be read: it would be lost
 */
export function withTombstone(blob: Buffer, seq: number): Buffer | null {
  const header = readHeader(blob);
  if (typeof header === "string") throw corrupt({ part: "commit", firstSeq: seq, lastSeq: seq, detail: header });
  const reader = new BlobReader((corruption) => {
    throw corrupt(corruption);
  });
  const tombstone = { principal: "", subject: "", headers: { tombstone: "1" }, payload: Buffer.alloc(0) };
  const writer = new BlobWriter(blob.length + entryBytesMax({ kind: "event", ...tombstone }));
  let found = false;
  reader.open(blob, header.firstSeq);
  while (reader.next()) {
    if (reader.seq !== seq) writer.copy(reader);
    else {
      writer.add(seq, reader.receivedAt, { kind: reader.kind, ...tombstone });
      found = true;
    }
  }
  return found ? writer.finish(header) : null;
}
