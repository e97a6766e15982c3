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
/** Where a page begins with those that were saved; within these it is a hash. */
const SAVED = Buffer.alloc(0);
/** Keys removed at a time when a part ends. */
const CLEAR_KEYS = 1_000;

export interface Packed {
  readonly key: Uint8Array;
  readonly bytes: Uint8Array;
  /** Set: it is not saved with a checkpoint as it is. */
  readonly note?: Note;
}

/** Of an identity that is not saved as it is. */
export interface Note {
  /** Has it events that may yet be joined by earlier ones? */
  readonly hasTail: boolean;
  /** Number of the round of a checkpoint that it was given to, and that is not on disk yet; 0: none. */
  round: number;
}

/** Identities that were saved, where those are looked for that are not here: by the hash of their key. */
export interface Saved {
  /** How many are neither here nor in memory. */
  readonly size: number;
  get(hash: Buffer): Buffer | null;
  /** In the order of their hashes; they may be here too, or in memory, and are void then. */
  page(after: Buffer | null, limit: number): readonly { readonly hash: Buffer; readonly bytes: Buffer }[];
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
  /** What a checkpoint lacks of those that are here, by hex of their hashes. */
  readonly changed = new Map<string, Note>();
  /** What was saved by a process before. */
  saved: Saved | null = null;

  constructor(open: () => Database<Buffer, Buffer>, number: number) {
    this.#open = open;
    this.#prefix = Buffer.alloc(PART_BYTES);
    this.#prefix.writeUInt32BE(number);
  }

  /** How many are here, or were saved and not asked for yet. */
  get size(): number {
    return this.#size + (this.saved?.size ?? 0);
  }

  /** How many are here. */
  get here(): number {
    return this.#size;
  }

  /** What an identity is called here, by its key. */
  hashOf(key: Uint8Array): Buffer {
    return hashOf(key);
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
    for (const [i, { note }] of identities.entries())
      if (note !== undefined) this.changed.set(hashes[i]!.toString("hex"), note);
  }

  /** What was put under this key, which is no longer here then; null: it is not here. */
  take(key: Uint8Array): Buffer | null {
    const hash = hashOf(key);
    const found = this.takeByHash(hash);
    return found ?? this.saved?.get(hash) ?? null;
  }

  /** The same for one that is here, by the hash of its key. */
  takeByHash(hash: Buffer): Buffer | null {
    const found = this.#read(hash);
    if (found === null) return null;
    this.#size--;
    const hex = hash.toString("hex");
    this.#taken.add(hex);
    this.changed.delete(hex);
    if (this.#taken.size >= TAKEN_MAX) {
      const database = this.#open();
      database.transactionSync(() => this.#removeTaken(database));
    }
    return found;
  }

  /** As `take`, and it stays. */
  peek(key: Uint8Array): Buffer | null {
    const hash = hashOf(key);
    return this.#read(hash) ?? this.saved?.get(hash) ?? null;
  }

  /** As `takeByHash`, and it stays. */
  peekByHash(hash: Buffer): Buffer | null {
    return this.#read(hash);
  }

  /**
   * Identities in the order of their hashes.
   *
   * @param after  `last` of the page before; null: the first page
   * @returns last: null when there are no more
   */
  page(after: Buffer | null, limit: number): { readonly packed: readonly Buffer[]; readonly last: Buffer | null } {
    if (after !== null && after.length < PART_BYTES + HASH_BYTES) return this.#pageOfSaved(after, limit);
    if (this.#size === 0) return { packed: [], last: this.saved === null ? null : SAVED };
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
    return { packed, last: last ?? (this.saved === null ? null : SAVED) };
  }

  #pageOfSaved(after: Buffer, limit: number): { readonly packed: readonly Buffer[]; readonly last: Buffer | null } {
    const page = this.saved!.page(after.length === 0 ? null : after, limit);
    const packed = page.filter(({ hash }) => this.#read(hash) === null).map(({ bytes }) => bytes);
    return { packed, last: page.length < limit ? null : page.at(-1)!.hash };
  }

  /** What those are called that are here, in hex. */
  *names(): Generator<string> {
    for (let after = this.#prefix; this.#size > 0; ) {
      const keys = [...this.#open().getKeys({ start: after, end: this.#end(), limit: CLEAR_KEYS })].map((key) =>
        Buffer.from(key),
      );
      for (const key of keys) {
        const hex = key.toString("hex", PART_BYTES);
        if (!key.equals(after) && !this.#taken.has(hex)) yield hex;
      }
      if (keys.length < CLEAR_KEYS) return;
      after = keys.at(-1)!;
    }
  }

  /** Lets go of everything, in slices. The part is not used any more. */
  async clear(): Promise<void> {
    const more = this.#size > 0 || this.#taken.size > 0;
    this.#size = 0;
    this.#taken.clear();
    this.changed.clear();
    this.saved = null;
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
