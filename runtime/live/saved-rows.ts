// Rows of a spec in a checkpoint: identities, and what is longer than one row. See `saved.ts`.
import type { LoadedRow, SavedRow, SavedTable } from "../checkpoint/checkpoint.ts";
import { AisleError } from "../errors.ts";
import type { SavedIdentities } from "./live.ts";

const PIECE_BYTES = 60 * 1024;
const IDENTITY = Buffer.from("i");
const HASH_BYTES = 16;
const COUNT_BYTES = 2;

/** An identity's rows. */
export function* piecesOf(hash: Buffer, packed: Buffer): Generator<SavedRow> {
  const count = Math.ceil(packed.length / PIECE_BYTES);
  const head = Buffer.allocUnsafe(COUNT_BYTES);
  head.writeUInt16LE(count, 0);
  yield { key: Buffer.concat([IDENTITY, hash]), value: Buffer.concat([head, packed.subarray(0, PIECE_BYTES)]) };
  for (let n = 1; n < count; n++)
    yield { key: pieceKey(hash, n), value: packed.subarray(n * PIECE_BYTES, (n + 1) * PIECE_BYTES) };
}

/** What was packed; null: there is no such identity. @throws AisleError `corrupt` */
export function identityIn(table: SavedTable, hash: Buffer): Buffer | null {
  const first = table.get(Buffer.concat([IDENTITY, hash]));
  return first === null ? null : whole(table, hash, first);
}

function whole(table: SavedTable, hash: Buffer, first: Buffer): Buffer {
  const pieces = [first.subarray(COUNT_BYTES)];
  for (let n = 1; n < first.readUInt16LE(0); n++) {
    const piece = table.get(pieceKey(hash, n));
    if (piece === null) throw new AisleError("corrupt", `a row is missing: identity ${hash.toString("hex")}, ${n}`);
    pieces.push(piece);
  }
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
}

function pieceKey(hash: Buffer, n: number): Buffer {
  const piece = Buffer.allocUnsafe(2);
  piece.writeUInt16BE(n, 0);
  return Buffer.concat([IDENTITY, hash, piece]);
}

/** Identities of a checkpoint, read when they are asked for. */
export class SavedRows implements SavedIdentities {
  /** How many are known: those nowhere else are what is left. Until that can be told, there may be some. */
  count: (() => number) | null = null;
  readonly #table: SavedTable;
  readonly #elsewhere: () => number;

  /** @param elsewhere  how many are in memory, or where those go that it has no room for */
  constructor(table: SavedTable, elsewhere: () => number) {
    this.#table = table;
    this.#elsewhere = elsewhere;
  }

  get size(): number {
    return this.count === null ? 1 : this.count() - this.#elsewhere();
  }

  get(hash: Buffer): Buffer | null {
    return identityIn(this.#table, hash);
  }

  page(after: Buffer | null, limit: number): { readonly hash: Buffer; readonly bytes: Buffer }[] {
    const found: { readonly hash: Buffer; readonly bytes: Buffer }[] = [];
    let behind: Buffer | null = after === null ? null : Buffer.concat([IDENTITY, after]);
    while (found.length < limit) {
      const rows = this.#table.page(IDENTITY, behind, limit);
      if (rows.length === 0) break;
      for (const { key, value } of rows) {
        behind = key;
        const hash = key.subarray(IDENTITY.length, IDENTITY.length + HASH_BYTES);
        if (key.length > IDENTITY.length + HASH_BYTES || found.length === limit) continue;
        found.push({ hash, bytes: whole(this.#table, hash, value) });
      }
    }
    return found;
  }
}

// What is longer than a row

/** Bytes in numbered rows, the first with their number. */
export function* stretch(name: string, bytes: Buffer): Generator<SavedRow> {
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32LE(bytes.length, 0);
  const all = Buffer.concat([length, bytes]);
  for (let n = 0; n * PIECE_BYTES < all.length; n++)
    yield { key: stretchKey(name, n), value: all.subarray(n * PIECE_BYTES, (n + 1) * PIECE_BYTES) };
}

/** @throws AisleError `corrupt` */
export function readStretch(table: SavedTable, name: string): Buffer {
  const read = (n: number) => {
    const row = table.get(stretchKey(name, n));
    if (row === null) throw new AisleError("corrupt", `a row is missing: ${name} ${n}`);
    return row;
  };
  const pieces = [read(0)];
  const length = 4 + pieces[0]!.readUInt32LE(0);
  for (let n = 1; n * PIECE_BYTES < length; n++) pieces.push(read(n));
  return Buffer.concat(pieces).subarray(4, length);
}

function stretchKey(name: string, n: number): Buffer {
  const key = Buffer.alloc(5);
  key.write(name, 0, "latin1");
  key.writeUInt32BE(n, 1);
  return key;
}

/** Rows that are all in memory. */
export class TableInMemory implements SavedTable {
  readonly #rows: readonly LoadedRow[];
  readonly #byKey: ReadonlyMap<string, Buffer>;

  constructor(rows: Iterable<LoadedRow>) {
    this.#rows = [...rows].sort((a, b) => Buffer.compare(a.key, b.key));
    this.#byKey = new Map(this.#rows.map(({ key, value }) => [key.toString("latin1"), value]));
  }

  get(key: Buffer): Buffer | null {
    return this.#byKey.get(key.toString("latin1")) ?? null;
  }

  page(prefix: Buffer, after: Buffer | null, limit: number): readonly LoadedRow[] {
    const isBehind = ({ key }: LoadedRow) => after === null || Buffer.compare(key, after) > 0;
    return this.#rows.filter((row) => row.key.indexOf(prefix) === 0 && isBehind(row)).slice(0, limit);
  }
}
