// A way through the entries of a block, without an object for each; and a block cut in two.
import { ENTRY_HEADER, readEntry } from "./blob.ts";
import { Block } from "./block.ts";
import type { Entry } from "./journal.ts";

/** "id", little-endian. */
const ID_NAME = 0x6469;

/** `next()` moves on, the fields tell where it stands. */
export class BlockWalk {
  readonly bytes: Buffer;
  /** Where the entry lies; its payload ends with it. */
  start: number;
  end: number;
  #left: number;

  constructor({ bytes, start, count }: Block) {
    this.bytes = bytes;
    this.start = start;
    this.end = start;
    this.#left = count;
  }

  /** False at the end. */
  next(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    this.start = this.end;
    this.end += this.bytes.readUInt32LE(this.start + 4);
    return true;
  }

  get seq(): number {
    return this.bytes.readDoubleLE(this.start + 8);
  }

  get receivedAt(): number {
    return this.bytes.readDoubleLE(this.start + 16);
  }

  /** A view, not a copy. */
  get payload(): Buffer {
    return payloadAt(this.bytes, this.start);
  }

  /** The header `id`, a view; null: it has none. */
  get id(): Buffer | null {
    return idAt(this.bytes, this.start);
  }

  /** The entry as an object; its payload is a view. */
  entry(): Entry {
    return readEntry(this.bytes, this.start);
  }
}

/** The entries of a block as objects; their payloads are views. */
export function* entriesOf(block: Block): Generator<Entry> {
  const walk = new BlockWalk(block);
  while (walk.next()) yield walk.entry();
}

/** The payload of the entry that begins at `start`: a view. */
export function payloadAt(bytes: Buffer, start: number): Buffer {
  const end = start + bytes.readUInt32LE(start + 4);
  return bytes.subarray(end - bytes.readUInt32LE(start + 32), end);
}

/** Its header `id`, a view; null: it has none. */
export function idAt(bytes: Buffer, start: number): Buffer | null {
  let at = start + ENTRY_HEADER + bytes.readUInt16LE(start + 26) + bytes.readUInt16LE(start + 28);
  for (let left = bytes[start + 25]!; left > 0; left--) {
    const name = bytes.readUInt16LE(at);
    const value = bytes.readUInt16LE(at + 2);
    at += 4 + name;
    if (name === 2 && bytes.readUInt16LE(at - 2) === ID_NAME) return bytes.subarray(at, at + value);
    at += value;
  }
  return null;
}

/**
 * The beginning of a block: so many of its entries, and bytes, at most; but one at least.
 *
 * @returns it, and what is behind it; null: nothing is
 */
export function cut(block: Block, entriesMax: number, bytesMax: number): readonly [Block, Block | null] {
  if (block.count <= entriesMax && block.end - block.start <= bytesMax) return [block, null];
  const walk = new BlockWalk(block);
  let count = 0;
  let last = block.start;
  let end = block.start;
  while (count < entriesMax && walk.next()) {
    if (count > 0 && walk.end - block.start > bytesMax) break;
    count++;
    last = walk.start;
    end = walk.end;
  }
  const { bytes, start, firstSeq, receivedAt } = block;
  const head = new Block({ bytes, start, end, count, firstSeq, receivedAt, lastAt: bytes.readDoubleLE(last + 16) });
  if (count === block.count) return [head, null];
  const rest = new Block({
    bytes,
    start: end,
    end: block.end,
    count: block.count - count,
    firstSeq: firstSeq + count,
    receivedAt: bytes.readDoubleLE(end + 16),
    lastAt: block.lastAt,
  });
  return [head, rest];
}
