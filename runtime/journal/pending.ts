// What waits for the disk, and what of it goes into one commit.
import { limits } from "../limits.ts";
import type { Write } from "../store/store.ts";
import { BlobWriter, blobOf, entryBytesMax } from "./blob.ts";
import { Block, type Part } from "./block.ts";
import type { Appended, Entry, Position } from "./journal.ts";
import { POSITIONS } from "./meta.ts";

/** A batch, or a block, on its way to the disk. */
export interface Pending {
  /** Null: a block. */
  readonly entries: readonly Entry[] | null;
  readonly block: Block | null;
  readonly position: Position | null;
  /** Goes with the commit that makes it whole. */
  readonly beside: Write | null;
  readonly firstSeq: number;
  readonly count: number;
  readonly receivedAt: number;
  readonly bytesMax: number;
  /** Entries already on disk; more than 0 only in a batch larger than a commit. */
  written: number;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: unknown) => void;
}

/** The entries of one batch or block that go into one commit: all of a block, always. */
export interface Slice {
  readonly pending: Pending;
  readonly from: number;
  readonly to: number;
}

export interface CommitBounds {
  readonly commitEntries: number;
  readonly commitBytes: number;
}

/**
 * Whole batches from the front of the queue, as many as fit into a commit. Only a batch that is larger than a commit
 * is divided; it stays at the front until all of it is on disk. One with a position, or with something beside it, never
 * is: of a part on disk nobody could tell that it is there.
 *
 * @param first  index of the front; from there on none is null
 */
export function take(queue: readonly (Pending | null)[], bounds: CommitBounds, first = 0): Slice[] {
  const slices: Slice[] = [];
  let entries = 0;
  let bytes = 0;
  for (let i = first; i < queue.length; i++) {
    const pending = queue[i]!;
    const { count, bytesMax, written } = pending;
    const fits = entries + count - written <= bounds.commitEntries && bytes + bytesMax <= bounds.commitBytes;
    if (!fits && slices.length > 0) break;
    const to = fits || isOne(pending) ? count : divide(pending.entries!, written, bounds);
    slices.push({ pending, from: written, to });
    if (!fits) break;
    entries += count - written;
    bytes += bytesMax;
  }
  return slices;
}

function isOne({ entries, position, beside }: Pending): boolean {
  return entries === null || position !== null || beside !== null;
}

/** How far into a large batch one commit reaches; at least one entry further. */
function divide(entries: readonly Entry[], written: number, { commitEntries, commitBytes }: CommitBounds): number {
  const end = Math.min(entries.length, written + commitEntries);
  let to = written;
  for (let bytes = 0; to < end; to++) {
    bytes += entryBytesMax(entries[to]!);
    if (bytes > commitBytes) break;
  }
  return to;
}

/** The slices in order: blocks, and between them the entries of batches in one run. */
export function partsOf(slices: readonly Slice[]): Part[] {
  const parts: Part[] = [];
  let run: Entry[] | null = null;
  for (const { pending, from, to } of slices) {
    if (pending.block !== null) {
      parts.push(pending.block);
      run = null;
    } else if (to > from) {
      if (run === null) {
        run = [];
        parts.push(run);
      }
      for (let i = from; i < to; i++) run.push(pending.entries![i]!);
    }
  }
  return parts;
}

/** Bytes for one commit after the other: fresh ones for each, MBs outside of the heap, make V8 collect again and again. */
export class CommitRoom {
  #bytes = Buffer.alloc(0);

  /** Good until the next call: the commit before has to be on disk. */
  readonly take = (bytes: number): Buffer => {
    if (bytes > limits.commitRoomBytes) return Buffer.allocUnsafeSlow(bytes);
    if (bytes > this.#bytes.length)
      this.#bytes = Buffer.allocUnsafeSlow(Math.min(limits.commitRoomBytes, Math.max(bytes, 2 * this.#bytes.length)));
    return this.#bytes.subarray(0, bytes);
  };
}

/** The blob of a commit, in the room for it. Blocks alone, one right behind the other, are written where they lie. */
export function encode(
  slices: readonly Slice[],
  {
    firstSeq,
    lastSeq,
    appliedSeq,
  }: { readonly firstSeq: number; readonly lastSeq: number; readonly appliedSeq: number },
  room: CommitRoom,
): Buffer {
  const stretch = stretchOf(slices);
  if (stretch !== null) return blobOf(stretch, appliedSeq);
  const writer = new BlobWriter(
    slices.reduce((sum, slice) => sum + bytesMaxOf(slice), 0),
    room.take,
  );
  let lastAt = 0;
  for (const { pending, from, to } of slices) {
    const { block, entries, receivedAt, firstSeq: batchSeq } = pending;
    if (to > from) lastAt = receivedAt;
    if (block !== null) writer.addBlock(block);
    else for (let i = from; i < to; i++) writer.add(batchSeq + i, receivedAt, entries![i]!);
  }
  return writer.finish({ firstSeq, lastSeq, appliedSeq, lastAt });
}

/** Blocks that lie one right behind the other in memory, as one; null: they don't, or there are others too. */
function stretchOf(slices: readonly Slice[]): Block | null {
  const first = slices[0]!.pending.block;
  if (first === null || slices.length === 1) return first;
  const { buffer, byteOffset } = first.bytes;
  let last = first;
  let count = first.count;
  for (let i = 1; i < slices.length; i++) {
    const { block } = slices[i]!.pending;
    if (block === null || block.bytes.buffer !== buffer) return null;
    if (block.bytes.byteOffset + block.start !== last.bytes.byteOffset + last.end) return null;
    last = block;
    count += block.count;
  }
  const end = last.bytes.byteOffset + last.end - byteOffset;
  return new Block({ ...first, bytes: Buffer.from(buffer, byteOffset, end), end, count, lastAt: last.lastAt });
}

function bytesMaxOf({ pending: { entries, bytesMax, count }, from, to }: Slice): number {
  if (to - from === count) return bytesMax;
  let bytes = 0;
  for (let i = from; i < to; i++) bytes += entryBytesMax(entries![i]!);
  return bytes;
}

/** What else changes with a commit: the last position of each source, and what goes beside batches that are whole now. */
export function besidesOf(slices: readonly Slice[]): Write[] {
  const last = new Map<string, string>();
  const writes: Write[] = [];
  for (const { pending, to } of slices) {
    if (to < pending.count) continue;
    if (pending.position !== null) last.set(pending.position.source, pending.position.value);
    if (pending.beside !== null) writes.push(pending.beside);
  }
  for (const [source, value] of last)
    writes.push({ table: POSITIONS, key: Buffer.from(source), value: Buffer.from(value) });
  return writes;
}
