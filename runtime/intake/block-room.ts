// Bytes for blocks on their way to the disk, from one stretch of memory that is used again and again: fresh ones for each,
// hundreds of kB outside of the heap, make V8 collect again and again.
import { BLOB_HEADER } from "../journal/blob.ts";
import { limits } from "../limits.ts";

/** Bytes that are somebody's until they are given back. */
export interface Lent {
  /** Room for a header, and for entries. */
  readonly bytes: Buffer;
  /** Where its entries lie in the room; -1: there was none, the bytes are fresh. */
  readonly start: number;
  isBack: boolean;
}

/**
 * A ring: what is lent first mostly comes back first. While nothing is lent it begins anew at its beginning.
 *
 * Entries lie right behind those that were lent before, so that many blocks can be written to the disk as they lie; the
 * room for a header is then the end of the block before, which is on disk or in the same commit when it is needed.
 */
export class BlockRoom {
  readonly #size: number;
  /** Made for the first block. */
  #bytes: Buffer | null = null;
  /** In the order in which they were lent. */
  #lent: Lent[] = [];
  /** Behind the youngest. */
  #at = BLOB_HEADER;

  constructor(size: number = limits.blockRoomBytes) {
    this.#size = size;
  }

  /** Room for a header and so many bytes of entries, of any content. */
  lend(bytes: number): Lent {
    const start = this.#place(bytes);
    if (start < 0) return { bytes: Buffer.allocUnsafeSlow(BLOB_HEADER + bytes), start, isBack: false };
    this.#bytes ??= Buffer.allocUnsafeSlow(this.#size);
    this.#at = start + bytes;
    const lent = { bytes: this.#bytes.subarray(start - BLOB_HEADER, this.#at), start, isBack: false };
    this.#lent.push(lent);
    return lent;
  }

  giveBack(lent: Lent): void {
    lent.isBack = true;
    let back = 0;
    while (this.#lent[back]?.isBack) back++;
    this.#lent.splice(0, back);
    if (this.#lent.length === 0) this.#at = BLOB_HEADER;
  }

  /** -1: there is no room. */
  #place(bytes: number): number {
    const oldest = this.#lent[0]?.start;
    if (oldest === undefined || this.#at > oldest) {
      if (this.#at + bytes <= this.#size) return this.#at;
      return oldest !== undefined && BLOB_HEADER + bytes <= oldest - BLOB_HEADER ? BLOB_HEADER : -1;
    }
    return this.#at + bytes <= oldest - BLOB_HEADER ? this.#at : -1;
  }
}
