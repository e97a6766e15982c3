// The state that `aisle transform --state` keeps between runs: an LMDB environment of its own.
//
//   meta        "run" → JSON: format, hash of the spec, what the next run goes on from; "order" → ordinals, 4 bytes each,
//               where identities come in another order than theirs
//   names       16 bytes of the SHA-256 of an identity's key → its ordinal; LMDB bounds keys, and nobody bounds identities
//   identities  ordinal → what `Fold.pack` gave
//   tails       ordinal, sequence → payload of an event that a late one may still make be folded again
//
// Ordinals are 4 bytes, sequences 8, big-endian. A run writes all it has to say in one transaction.
import { createHash } from "node:crypto";
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Database, open, type RootDatabase } from "lmdb";
import { AisleError, reasonOf } from "../errors.ts";
import { keyOf, seqOf } from "../key.ts";
import { limits } from "../limits.ts";

const FORMAT = 1;
const BINARY = { encoding: "binary", keyEncoding: "binary" } as const;
const META = Buffer.from("run");
const ORDER = Buffer.from("order");
const ORDINAL_BYTES = 4;
const HASH_BYTES = 16;
/** In the first meta page of lmdb-js' LMDB, after the page's header of 24 bytes. */
const LMDB_MAGIC = 0xbeefc0de;
const LMDB_MAGIC_AT = 24;
const LMDB_BYTES_MIN = 2 * 4096;

export interface RunMeta {
  /** Of everything that the state depends on. */
  readonly spec: string;
  /** Sequence of the next event. */
  readonly nextSeq: number;
  /** µs; null: nothing yet. */
  readonly settledAt: number | null;
  readonly highestAt: number | null;
  /** The highest ordinal given. */
  readonly ordinals: number;
}

export interface TailEvent {
  readonly seq: number;
  readonly payload: Uint8Array;
}

export interface Changed {
  readonly key: Uint8Array;
  readonly ordinal: number;
  readonly packed: Uint8Array;
  readonly tail: readonly TailEvent[];
}

type Table = Database<Buffer, Buffer>;

export class RunState {
  /** Null: there was no run yet. */
  readonly meta: RunMeta | null;
  readonly #root: RootDatabase<Buffer, Buffer>;
  readonly #meta: Table;
  readonly #names: Table;
  readonly #identities: Table;
  readonly #tails: Table;

  /**
   * @param dir  made when it isn't there
   *
   * @throws AisleError `invalid` for a folder that holds something else, `unsupported` when a newer version wrote it
   */
  constructor(dir: string) {
    checkFolder(dir);
    try {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      this.#root = open<Buffer, Buffer>({ path: dir, ...BINARY, maxDbs: 8, mapSize: limits.journalMapBytes });
    } catch (cause) {
      throw new AisleError("invalid", `'${dir}' can't hold the state of a transform: ${reasonOf(cause)}`, { cause });
    }
    const table = (name: string): Table => this.#root.openDB<Buffer, Buffer>({ name, ...BINARY });
    this.#meta = table("meta");
    this.#names = table("names");
    this.#identities = table("identities");
    this.#tails = table("tails");
    try {
      this.meta = metaOf(this.#meta.getBinary(META), dir);
    } catch (error) {
      void this.#root.close();
      throw error;
    }
  }

  /** How many identities are here. */
  get size(): number {
    return (this.#identities.getStats() as { entryCount: number }).entryCount;
  }

  /** Ordinal of the identity with this key; null: it is not here. */
  ordinalOf(key: Uint8Array): number | null {
    return this.#names.getBinary(hashOf(key))?.readUInt32BE() ?? null;
  }

  packed(ordinal: number): Buffer {
    const found = this.#identities.getBinary(ordinalKey(ordinal));
    if (found === undefined) throw new AisleError("corrupt", `the state lacks identity ${ordinal}`);
    return found;
  }

  /** Events of an identity's tail, in the order of their sequences. */
  tail(ordinal: number): TailEvent[] {
    const range = { start: ordinalKey(ordinal), end: ordinalKey(ordinal + 1) };
    return Array.from(this.#tails.getRange(range), ({ key, value }) => ({
      seq: seqOf(Buffer.from(key).subarray(ORDINAL_BYTES)),
      payload: Buffer.from(value),
    }));
  }

  /** All ordinals, in the order in which they were left; else ascending. */
  *ordinals(): Generator<number> {
    const order = this.#meta.getBinary(ORDER);
    if (order !== undefined) {
      for (let at = 0; at < order.length; at += ORDINAL_BYTES) yield order.readUInt32BE(at);
      return;
    }
    for (const key of this.#identities.getKeys()) yield Buffer.from(key).readUInt32BE();
  }

  /**
   * Writes what a run has changed, all of it or nothing. Resolves once it is on disk.
   *
   * @param order  of all ordinals from now on; null: ascending
   */
  async commit(changed: Iterable<Changed>, meta: RunMeta, order: readonly number[] | null = null): Promise<void> {
    await this.#root.transaction(() => {
      for (const each of changed) this.#write(each);
      if (order !== null) this.#meta.put(ORDER, Buffer.concat(order.map(ordinalKey)));
      this.#meta.put(META, Buffer.from(JSON.stringify({ format: FORMAT, ...meta })));
    });
    await this.#root.flushed;
  }

  close(): Promise<void> {
    return this.#root.close();
  }

  #write({ key, ordinal, packed, tail }: Changed): void {
    for (const { seq } of this.tail(ordinal)) this.#tails.remove(tailKey(ordinal, seq));
    for (const { seq, payload } of tail) this.#tails.put(tailKey(ordinal, seq), Buffer.from(payload));
    this.#names.put(hashOf(key), ordinalKey(ordinal));
    this.#identities.put(ordinalKey(ordinal), Buffer.from(packed));
  }
}

function checkFolder(dir: string): void {
  if (!existsSync(dir)) return;
  if (!statSync(dir).isDirectory()) throw new AisleError("invalid", `'${dir}' is no folder`);
  const data = join(dir, "data.mdb");
  const isOther = existsSync(data) ? !isLmdb(data) : readdirSync(dir).some((name) => !OWN.includes(name));
  if (isOther)
    throw new AisleError("invalid", `'${dir}' holds something else: expected a folder of its own for the state`);
}

/** lmdb-js ends the process, by a signal, on a file that isn't LMDB's or is too short for its two meta pages. */
function isLmdb(path: string): boolean {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    if (size === 0) return true; // LMDB made it, and was ended before it wrote
    const start = Buffer.alloc(LMDB_MAGIC_AT + 4);
    readSync(file, start, 0, start.length, 0);
    return size >= LMDB_BYTES_MIN && start.readUInt32LE(LMDB_MAGIC_AT) === LMDB_MAGIC;
  } finally {
    closeSync(file);
  }
}

const OWN = ["data.mdb", "lock.mdb", "owner.json"];

function metaOf(stored: Buffer | undefined, dir: string): RunMeta | null {
  if (stored === undefined) return null;
  const { format, ...meta } = JSON.parse(stored.toString()) as RunMeta & { format: number };
  if (format > FORMAT) {
    const message = `the state in '${dir}' has format ${format}; this version of Aisle reads up to ${FORMAT}`;
    throw new AisleError("unsupported", message);
  }
  return meta;
}

function hashOf(key: Uint8Array): Buffer {
  return createHash("sha256").update(key).digest().subarray(0, HASH_BYTES);
}

function ordinalKey(ordinal: number): Buffer {
  const key = Buffer.alloc(ORDINAL_BYTES);
  key.writeUInt32BE(ordinal);
  return key;
}

function tailKey(ordinal: number, seq: number): Buffer {
  return Buffer.concat([ordinalKey(ordinal), keyOf(seq)]);
}
