// Identities that memory has no room for, on the disk. An LMDB environment of their own: what stands there is made
// anew from the journal, so it is emptied at every start and never synced.
//
// Key: number of the part, 4 bytes big-endian, and 16 bytes of the SHA-256 of the identity's key; LMDB bounds keys, and
// nobody bounds identities. Value: what `Fold.pack` gave, the identity's key among it.
import { createHash } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { type Database, open, type RootDatabase } from "lmdb";
import { limits } from "../limits.ts";

const PART_BYTES = 4;
const HASH_BYTES = 16;
/** Identities taken back that may still stand on the disk. */
const TAKEN_MAX = 512;
/** Keys removed at a time when a part ends. */
const CLEAR_KEYS = 1_000;

export interface Packed {
  readonly key: Uint8Array;
  readonly bytes: Uint8Array;
}

/** The environment, and in it a part for each fold. Made when the first identity comes. */
export class IdentityStore {
  readonly #dir: string;
  #root: RootDatabase<Buffer, Buffer> | null = null;
  #parts = 0;
  #closed = false;

  /** @param dir  a folder of its own; what an earlier process left there goes */
  constructor(dir: string) {
    this.#dir = dir;
    rmSync(dir, { recursive: true, force: true });
  }

  newPart(): IdentityPart {
    this.#parts++;
    return new IdentityPart(() => this.#opened(), this.#parts);
  }

  #opened(): RootDatabase<Buffer, Buffer> {
    if (this.#closed) throw new Error("the store of identities is closed");
    if (this.#root === null) {
      mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
      this.#root = open<Buffer, Buffer>({
        path: this.#dir,
        encoding: "binary",
        keyEncoding: "binary",
        mapSize: limits.coldMapBytes,
        noSync: true,
        noMemInit: true,
      });
    }
    return this.#root;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#root?.close();
    this.#root = null;
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

/** The identities of one fold that are on the disk. */
export class IdentityPart {
  readonly #open: () => Database<Buffer, Buffer>;
  readonly #prefix: Buffer;
  /** Taken back, and not yet removed: hex of their hashes. */
  readonly #taken = new Set<string>();
  #size = 0;

  constructor(open: () => Database<Buffer, Buffer>, number: number) {
    this.#open = open;
    this.#prefix = Buffer.alloc(PART_BYTES);
    this.#prefix.writeUInt32BE(number);
  }

  /** How many are here. */
  get size(): number {
    return this.#size;
  }

  /** Puts identities here that are not here yet, in one transaction. */
  put(identities: readonly Packed[]): void {
    const database = this.#open();
    const hashes = identities.map(({ key }) => hashOf(key));
    database.transactionSync(() => {
      this.#removeTaken(database);
      for (const [i, { bytes }] of identities.entries()) database.putSync(this.#keyOf(hashes[i]!), bytesOf(bytes));
    });
    this.#size += identities.length;
  }

  /** What was put under this key, which is no longer here then; null: it is not here. */
  take(key: Uint8Array): Buffer | null {
    const hash = hashOf(key);
    const found = this.#read(hash);
    if (found === null) return null;
    this.#size--;
    this.#taken.add(hash.toString("hex"));
    if (this.#taken.size >= TAKEN_MAX) {
      const database = this.#open();
      database.transactionSync(() => this.#removeTaken(database));
    }
    return found;
  }

  /** As `take`, and it stays. */
  peek(key: Uint8Array): Buffer | null {
    return this.#read(hashOf(key));
  }

  /**
   * Identities in the order of their hashes.
   *
   * @param after  `last` of the page before; null: the first page
   * @returns last: null when there are no more
   */
  page(after: Buffer | null, limit: number): { readonly packed: readonly Buffer[]; readonly last: Buffer | null } {
    if (this.#size === 0) return { packed: [], last: null };
    const packed: Buffer[] = [];
    let last: Buffer | null = null;
    let count = 0;
    for (const { key, value } of this.#open().getRange({
      start: after ?? this.#prefix,
      end: this.#end(),
      limit: limit + 1,
    })) {
      if (after?.equals(key)) continue;
      if (++count > limit) break;
      last = Buffer.from(key);
      if (!this.#taken.has(key.toString("hex", PART_BYTES))) packed.push(value);
    }
    return { packed, last };
  }

  /** Lets go of everything, in slices. The part is not used any more. */
  async clear(): Promise<void> {
    const more = this.#size > 0 || this.#taken.size > 0;
    this.#size = 0;
    this.#taken.clear();
    if (!more) return;
    for (;;) {
      const database = this.#open();
      const keys = [...database.getKeys({ start: this.#prefix, end: this.#end(), limit: CLEAR_KEYS })].map((key) =>
        Buffer.from(key),
      );
      if (keys.length === 0) return;
      database.transactionSync(() => {
        for (const key of keys) database.removeSync(key);
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #read(hash: Buffer): Buffer | null {
    if (this.#size === 0 || this.#taken.has(hash.toString("hex"))) return null;
    return this.#open().getBinary(this.#keyOf(hash)) ?? null;
  }

  #removeTaken(database: Database<Buffer, Buffer>): void {
    for (const hash of this.#taken) database.removeSync(this.#keyOf(Buffer.from(hash, "hex")));
    this.#taken.clear();
  }

  #keyOf(hash: Buffer): Buffer {
    return Buffer.concat([this.#prefix, hash]);
  }

  /** Behind the last key of the part. */
  #end(): Buffer {
    const end = Buffer.alloc(PART_BYTES);
    end.writeUInt32BE(this.#prefix.readUInt32BE() + 1);
    return end;
  }
}

function hashOf(key: Uint8Array): Buffer {
  return createHash("sha256").update(key).digest().subarray(0, HASH_BYTES);
}

function bytesOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
