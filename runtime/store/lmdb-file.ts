// LMDB's data file, looked at before LMDB itself reads it: on one that isn't its own, or is cut off, lmdb-js ends the
// process by a signal. Offsets as in mdb.c of lmdb-js (`MDB_page`, `MDB_meta`, `MDB_db`, `MDB_node`), little-endian.
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** Pages 0 and 1 are meta pages, behind the header that every page has: the newer one counts. */
const HEADER = 24;
const MAGIC = 0xbeefc0de;
const FREE_AT = HEADER + 24;
const MAIN_AT = HEADER + 72;
const LAST_PAGE_AT = HEADER + 120;
const TXN_AT = HEADER + 128;
const META_BYTES = HEADER + 136;
/** In `MDB_db`. */
const ROOT_AT = 40;
const FLAGS_AT = 18;
const LOWER_AT = 20;
const BRANCH = 1;
const LEAF = 2;
const NODE_HEADER = 8;
const BIG_DATA = 1;
const SUB_DATA = 2;
const NO_PAGE = 2n ** 64n - 1n;
const BYTES_MIN = 2 * 4096;
/** A process that writes meanwhile may take pages that are looked at; then it is done again, so often. */
const TRIES = 3;

interface Meta {
  readonly pageBytes: number;
  readonly txn: bigint;
  /** Root pages of the free list and of the list of tables. */
  readonly roots: readonly bigint[];
  /** Bytes up to the end of the last page; that one may be free, and never written. */
  readonly bytes: number;
}

/** Why LMDB must not read a file, in words that go on from its name; null: nothing speaks against it. */
export function faultIn(path: string): string | null {
  const file = openSync(path, "r");
  try {
    if (fstatSync(file).size === 0) return "is empty";
    for (let tries = 1; ; tries++) {
      const meta = newestMeta(file);
      if (meta === null) return "isn't one of LMDB's, or is cut off";
      // Read after the meta page: what that one speaks of was written before it.
      const { size } = fstatSync(file);
      if (size >= meta.bytes || !isCutOff(file, meta, size)) return null;
      if (newestMeta(file)?.txn === meta.txn) return `is cut off: ${size} bytes of ${meta.bytes}`;
      if (tries === TRIES) return null;
    }
  } finally {
    closeSync(file);
  }
}

function newestMeta(file: number): Meta | null {
  if (fstatSync(file).size < BYTES_MIN) return null; // the second meta page is missing
  const first = metaAt(file, 0);
  if (first === null) return null;
  const second = metaAt(file, first.pageBytes);
  return second !== null && second.txn > first.txn ? second : first;
}

function metaAt(file: number, at: number): Meta | null {
  const bytes = read(file, at, META_BYTES);
  if (bytes === null || bytes.readUInt32LE(HEADER) !== MAGIC) return null;
  const pageBytes = bytes.readUInt32LE(FREE_AT);
  return {
    pageBytes,
    txn: bytes.readBigUInt64LE(TXN_AT),
    roots: [FREE_AT, MAIN_AT].map((db) => bytes.readBigUInt64LE(db + ROOT_AT)),
    bytes: (Number(bytes.readBigUInt64LE(LAST_PAGE_AT)) + 1) * pageBytes,
  };
}

/**
 * Does a table use a page that isn't there? A file may be shorter than its meta page says, where its last pages are free:
 * only then every page of the trees is looked at, but for those that hold values.
 */
function isCutOff(file: number, { pageBytes, roots, bytes }: Meta, size: number): boolean {
  const pages = Math.floor(size / pageBytes);
  const toRead = roots.filter((root) => root !== NO_PAGE);
  let left = bytes / pageBytes; // in a tree that makes sense there are no more
  for (let page = toRead.pop(); page !== undefined && left-- > 0; page = toRead.pop()) {
    if (page >= pages) return true;
    const content = read(file, Number(page) * pageBytes, pageBytes);
    if (content === null) return true;
    const flags = content.readUInt16LE(FLAGS_AT);
    for (const node of nodesOf(content)) {
      if ((flags & BRANCH) !== 0) toRead.push(childOf(content, node));
      else if ((flags & LEAF) !== 0) {
        const end = endOf(content, node, toRead, pageBytes);
        if (end > pages) return true;
      }
    }
  }
  return false;
}

/** Where the nodes of a page begin, as far as they can be. */
function* nodesOf(page: Buffer): Generator<number> {
  const end = Math.min(HEADER + page.readUInt16LE(LOWER_AT), page.length);
  for (let at = HEADER; at + 2 <= end; at += 2) {
    const node = HEADER + page.readUInt16LE(at);
    if (node + NODE_HEADER <= page.length) yield node;
  }
}

function childOf(page: Buffer, node: number): bigint {
  return BigInt(page.readUInt32LE(node)) | (BigInt(page.readUInt16LE(node + 4)) << 32n);
}

/** The first page behind the value of a leaf's node, if it has pages of its own; else 0. Of a table the root is to be read. */
function endOf(page: Buffer, node: number, toRead: bigint[], pageBytes: number): number {
  const flags = page.readUInt16LE(node + 4);
  const at = node + NODE_HEADER + page.readUInt16LE(node + 6);
  if ((flags & BIG_DATA) !== 0 && at + 8 <= page.length) {
    const count = Math.floor((HEADER - 1 + page.readUInt32LE(node)) / pageBytes) + 1;
    return Number(page.readBigUInt64LE(at)) + count;
  }
  if ((flags & SUB_DATA) !== 0 && at + ROOT_AT + 8 <= page.length) {
    const root = page.readBigUInt64LE(at + ROOT_AT);
    if (root !== NO_PAGE) toRead.push(root);
  }
  return 0;
}

/** Null: the file ends before. */
function read(file: number, at: number, bytes: number): Buffer | null {
  const buffer = Buffer.alloc(bytes);
  return readSync(file, buffer, 0, bytes, at) === bytes ? buffer : null;
}
