// The binary form of a commit: what lies under one key in LMDB. Little-endian throughout.
//
// Blob
//   +0   magic       u32  "AISJ"
//   +4   format      u16  2; in 1 there were no flags
//   +6   kinds       u16  bit k: an entry of kind k is in here
//   +8   firstSeq    f64  first sequence that the commit was given; also the key, big-endian
//   +16  lastSeq     f64  last sequence that the commit was given
//   +24  appliedSeq  f64  `Journal.appliedSeq` at the commit
//   +32  lastAt      f64  receive time of lastSeq, ms since epoch; stays when that entry goes
//   +40  count       u32  entries in here: lastSeq - firstSeq + 1, less what retention removed
//   +44  checksum    u32  XXH32 of +0 … +44
//   +48  entries, ascending by sequence
//
// Entry
//   +0   checksum    u32  XXH32 of +4 … length
//   +4   length      u32  of the entry, these two included
//   +8   seq         f64  sequences and times are integers below 2^53, so f64 holds them exactly
//   +16  receivedAt  f64  ms since epoch
//   +24  kind        u8   index in KINDS
//   +25  headers     u8   how many
//   +26  principal   u16  bytes
//   +28  subject     u16  bytes
//   +30  flags       u16  bit 0: PLAIN, nothing on the board hears it
//   +32  payload     u32  bytes
//   +36  principal, subject, per header { u16 name bytes, u16 value bytes, name, value }, payload
//
// Every entry carries its own sequence, so a blob may lose some and stay readable, and its own checksum, so one
// bad entry spoils no other. Nothing is chained: an entry can be replaced without touching its neighbours.

import { AisleError } from "../errors.ts";
import { Block, PLAIN } from "./block.ts";
import { checksum, viewOf } from "./checksum.ts";
import { type Draft, type Entry, KINDS, type Kind } from "./journal.ts";

/** What this version writes, and the newest that it reads; it reads all before it. */
export const FORMAT = 2;
const MAGIC = 0x4a534941; // "AISJ"

export const BLOB_HEADER = 48;
export const ENTRY_HEADER = 36;
const TEXT_BYTES_MAX = 0xffff;
const HEADERS_MAX = 0xff;
/** UTF-16 code units become at most this many bytes of UTF-8 each. */
const UTF8_MAX = 3;

const KIND_INDEX = Object.fromEntries(KINDS.map((kind, index) => [kind, index])) as Record<Kind, number>;

const EVENT_BIT = 1 << KIND_INDEX.event;

/** The set of kinds as the bits of a blob's header. */
export function kindBits(kinds: readonly Kind[]): number {
  return kinds.reduce((bits, kind) => bits | (1 << KIND_INDEX[kind]), 0);
}

export interface BlobHeader {
  readonly kinds: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly appliedSeq: number;
  readonly lastAt: number;
  readonly count: number;
}

/** A stretch of the journal that can't be read. */
export interface Corruption {
  /** "commit": the header of the commit that begins at firstSeq; those of its entries that are whole still follow. */
  readonly part: "commit" | "entry";
  /** The first and last sequence lost; equal for one entry. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** What was found, what was expected. No payload. */
  readonly detail: string;
}

/**
 * Upper bound of what an entry takes, in bytes: exact but for text, which is taken as if all of it were Asian.
 *
 * @throws AisleError `too-large` when a text or the number of headers is beyond what the format holds
 */
export function entryBytesMax(draft: Draft): number {
  const { principal, subject, headers, payload } = draft;
  let bytes = ENTRY_HEADER + textBytesMax("principal", principal) + textBytesMax("subject", subject);
  let count = 0;
  for (const name of Object.keys(headers)) {
    bytes += 4 + textBytesMax("header name", name) + textBytesMax(name, headers[name]!);
    count++;
  }
  if (count > HEADERS_MAX) throw new AisleError("too-large", `${count} headers in one entry, at most ${HEADERS_MAX}`);
  return bytes + payload.byteLength;
}

function textBytesMax(what: string, text: string): number {
  const bytes = UTF8_MAX * text.length;
  if (bytes > TEXT_BYTES_MAX) {
    const charsMax = Math.floor(TEXT_BYTES_MAX / UTF8_MAX);
    throw new AisleError("too-large", `${what} of ${text.length} characters, at most ${charsMax}`);
  }
  return bytes;
}

/** Writes entries one after the other into one buffer, which LMDB then takes by reference. */
export class BlobWriter {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  #at = BLOB_HEADER;
  #kinds = 0;
  #count = 0;

  /**
   * @param entriesBytesMax  sum of `entryBytesMax` over what will be added
   * @param allocate  gives so many bytes, of any content; default: a fresh buffer
   */
  constructor(entriesBytesMax: number, allocate: (bytes: number) => Buffer = Buffer.allocUnsafeSlow) {
    this.#bytes = allocate(BLOB_HEADER + entriesBytesMax);
    this.#view = viewOf(this.#bytes);
  }

  add(seq: number, receivedAt: number, draft: Draft, flags = 0): void {
    const bytes = this.#bytes;
    const view = this.#view;
    const start = this.#at;
    const { principal, subject, headers, payload } = draft;
    const kind = KIND_INDEX[draft.kind];

    let at = start + ENTRY_HEADER;
    const principalBytes = writeText(bytes, at, principal);
    at += principalBytes;
    const subjectBytes = writeText(bytes, at, subject);
    at += subjectBytes;
    let headerCount = 0;
    for (const name of Object.keys(headers)) {
      const nameBytes = writeText(bytes, at + 4, name);
      const valueBytes = writeText(bytes, at + 4 + nameBytes, headers[name]!);
      view.setUint16(at, nameBytes, true);
      view.setUint16(at + 2, valueBytes, true);
      at += 4 + nameBytes + valueBytes;
      headerCount++;
    }
    bytes.set(payload, at);
    at += payload.byteLength;

    view.setUint32(start + 4, at - start, true);
    view.setFloat64(start + 8, seq, true);
    view.setFloat64(start + 16, receivedAt, true);
    bytes[start + 24] = kind;
    bytes[start + 25] = headerCount;
    view.setUint16(start + 26, principalBytes, true);
    view.setUint16(start + 28, subjectBytes, true);
    view.setUint16(start + 30, flags, true);
    view.setUint32(start + 32, payload.byteLength, true);
    view.setUint32(start, checksum(view, start + 4, at), true);
    this.#took(kind, at);
  }

  /** Copies the entry at which `reader` stands, byte for byte. */
  copy(reader: BlobReader): void {
    const { bytes, entryStart, entryEnd } = reader;
    bytes.copy(this.#bytes, this.#at, entryStart, entryEnd);
    this.#took(reader.kindIndex, this.#at + entryEnd - entryStart);
  }

  /** Copies all entries of a block. */
  addBlock({ bytes, start, end, count }: Block): void {
    bytes.copy(this.#bytes, this.#at, start, end);
    this.#kinds |= EVENT_BIT;
    this.#count += count;
    this.#at += end - start;
  }

  #took(kind: number, at: number): void {
    this.#kinds |= 1 << kind;
    this.#count++;
    this.#at = at;
  }

  /** Writes the header; the writer is spent. The result is never touched again. */
  finish(header: HeaderRest): Buffer {
    writeHeader(this.#view, header, this.#kinds, this.#count);
    return this.#bytes.subarray(0, this.#at);
  }

  /** The entries alone, behind the room for a header: what `BlockDraft.encode` gives. */
  entries(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }
}

type HeaderRest = Omit<BlobHeader, "kinds" | "count">;

function writeHeader(view: DataView, header: HeaderRest, kinds: number, count: number): void {
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, FORMAT, true);
  view.setUint16(6, kinds, true);
  view.setFloat64(8, header.firstSeq, true);
  view.setFloat64(16, header.lastSeq, true);
  view.setFloat64(24, header.appliedSeq, true);
  view.setFloat64(32, header.lastAt, true);
  view.setUint32(40, count, true);
  view.setUint32(44, checksum(view, 0, 44), true);
}

/** A block becomes a blob where it lies: its header is written into the room in front of it. */
export function blobOf(block: Block, appliedSeq: number): Buffer {
  const { bytes, firstSeq, lastSeq, lastAt, count, end } = block;
  writeHeader(viewOf(bytes), { firstSeq, lastSeq, appliedSeq, lastAt }, EVENT_BIT, count);
  return bytes.subarray(0, end);
}

/** The header of a blob, or in words why there is none to be read. */
export function readHeader(bytes: Buffer): BlobHeader | string {
  if (bytes.length < BLOB_HEADER) return `${bytes.length} bytes, a header alone has ${BLOB_HEADER}`;
  const magic = bytes.readUInt32LE(0);
  if (magic !== MAGIC) return `starts with ${hex(magic)}, expected ${hex(MAGIC)}`;
  const found = checksum(viewOf(bytes), 0, 44);
  const stored = bytes.readUInt32LE(44);
  if (found !== stored) return `header has checksum ${hex(found)}, stored is ${hex(stored)}`;
  const format = bytes.readUInt16LE(4);
  if (format > FORMAT) return `has format ${format}, this version reads up to ${FORMAT}`;
  return {
    kinds: bytes.readUInt16LE(6),
    firstSeq: bytes.readDoubleLE(8),
    lastSeq: bytes.readDoubleLE(16),
    appliedSeq: bytes.readDoubleLE(24),
    lastAt: bytes.readDoubleLE(32),
    count: bytes.readUInt32LE(40),
  };
}

const EMPTY = Buffer.alloc(0);

/**
 * Walks through the entries of a blob without an object for each: `next()` moves on, the fields tell where it stands.
 * A damaged entry is reported and stepped over; after it the walk goes on with the next whole one.
 */
export class BlobReader {
  readonly #onCorrupt: (corruption: Corruption) => void;
  /** The blob; payloads are ranges in it, and stay valid as long as somebody holds it. */
  bytes: Buffer = EMPTY;
  seq = 0;
  receivedAt = 0;
  /** Index in `KINDS`. */
  kindIndex = 0;
  entryStart = 0;
  entryEnd = 0;
  payloadStart = 0;

  #view: DataView = new DataView(EMPTY.buffer, 0, 0);
  #at = 0;
  /** The lowest sequence that may come next, the highest that may come at all. */
  #expected = 1;
  #lastSeq = 0;
  /** Entries still to come; -1 when the header that would tell is damaged. */
  #left = 0;
  /** No sequence is missing, so the place of an entry tells its sequence. */
  #dense = true;

  /** @param onCorrupt may throw, which ends the walk */
  constructor(onCorrupt: (corruption: Corruption) => void) {
    this.#onCorrupt = onCorrupt;
  }

  /** Begins a blob. `firstSeq` is its key, `beforeSeq` the key that follows (Infinity at the end). */
  open(bytes: Buffer, firstSeq: number, beforeSeq = Number.POSITIVE_INFINITY): void {
    this.bytes = bytes;
    this.#view = viewOf(bytes);
    this.#at = BLOB_HEADER;
    this.#expected = firstSeq;
    const header = readHeader(bytes);
    if (typeof header === "string") {
      this.#lastSeq = beforeSeq - 1;
      this.#left = -1;
      this.#dense = false;
      this.#onCorrupt({ part: "commit", firstSeq, lastSeq: firstSeq, detail: header });
    } else {
      this.#lastSeq = header.lastSeq;
      this.#left = header.count;
      this.#dense = header.count === header.lastSeq - header.firstSeq + 1;
    }
  }

  /** Moves to the next whole entry; false at the end of the blob. */
  next(): boolean {
    while (this.#left !== 0) {
      const at = this.#at;
      if (at >= this.bytes.length && this.#left < 0) return false;
      if (this.#isWhole(at)) {
        this.#stand(at);
        return true;
      }
      this.#stepOver(at);
    }
    return false;
  }

  /** Goes to an entry of this blob, forwards only; false when it isn't there. */
  seek(seq: number): boolean {
    while (this.next()) if (this.seq >= seq) return this.seq === seq;
    return false;
  }

  get kind(): Kind {
    return KINDS[this.kindIndex]!;
  }

  /** The last sequence that the commit was given; where its header is damaged, the last before the next commit. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** A view, not a copy. */
  get payload(): Buffer {
    return this.bytes.subarray(this.payloadStart, this.entryEnd);
  }

  /** The entry as an object; its payload is a view. */
  entry(): Entry {
    return readEntry(this.bytes, this.entryStart);
  }

  /** The run of plain events that begins where it stands, which then stands at its last; null: here is none. */
  block(): Block | null {
    if (!this.#isPlain(this.entryStart)) return null;
    const { bytes, seq: firstSeq, receivedAt, entryStart: start } = this;
    while (this.#left > 0 && this.#isPlain(this.#at) && this.#view.getFloat64(this.#at + 8, true) === this.#expected) {
      if (!this.#isWhole(this.#at)) break;
      this.#stand(this.#at);
    }
    const { entryEnd: end, receivedAt: lastAt } = this;
    return new Block({ bytes, start, end, count: this.seq - firstSeq + 1, firstSeq, receivedAt, lastAt });
  }

  #isPlain(at: number): boolean {
    return at + ENTRY_HEADER <= this.bytes.length && (this.#view.getUint16(at + 30, true) & PLAIN) !== 0;
  }

  #isWhole(at: number): boolean {
    const { bytes } = this;
    if (at + ENTRY_HEADER > bytes.length) return false;
    const length = this.#view.getUint32(at + 4, true);
    if (length < ENTRY_HEADER || at + length > bytes.length) return false;
    const seq = this.#view.getFloat64(at + 8, true);
    if (!(seq >= this.#expected && seq <= this.#lastSeq) || (this.#dense && seq !== this.#expected)) return false;
    return checksum(this.#view, at + 4, at + length) === this.#view.getUint32(at, true);
  }

  #stand(at: number): void {
    const view = this.#view;
    this.entryStart = at;
    this.entryEnd = at + view.getUint32(at + 4, true);
    this.seq = view.getFloat64(at + 8, true);
    this.receivedAt = view.getFloat64(at + 16, true);
    this.kindIndex = this.bytes[at + 24]!;
    this.payloadStart = this.entryEnd - view.getUint32(at + 32, true);
    this.#at = this.entryEnd;
    this.#expected = this.seq + 1;
    if (this.#left > 0) this.#left--;
  }

  /** Reports the entry at `at` and finds the next whole one, whose sequence then tells how many are gone. */
  #stepOver(at: number): void {
    const detail = this.#damage(at);
    const firstSeq = this.#likelySeq(at);
    const wasDense = this.#dense;
    this.#dense = false;
    this.#expected++;
    const next = this.#findWhole(at);
    if (next === -1) {
      const lastSeq = this.#left === 1 || this.#left < 0 ? firstSeq : this.#lastSeq;
      this.#left = 0;
      this.#onCorrupt({ part: "entry", firstSeq, lastSeq, detail });
      return;
    }
    const nextSeq = this.#view.getFloat64(next + 8, true);
    const lastSeq = wasDense ? nextSeq - 1 : firstSeq;
    this.#at = next;
    this.#expected = nextSeq;
    this.#dense = wasDense;
    if (this.#left > 0) this.#left -= lastSeq - firstSeq + 1;
    this.#onCorrupt({ part: "entry", firstSeq, lastSeq, detail });
  }

  /** Where retention removed entries, the damaged one's own word is the best there is. */
  #likelySeq(at: number): number {
    if (this.#dense || at + ENTRY_HEADER > this.bytes.length) return this.#expected;
    const claimed = this.#view.getFloat64(at + 8, true);
    const possible = Number.isInteger(claimed) && claimed >= this.#expected && claimed <= this.#lastSeq;
    return possible ? claimed : this.#expected;
  }

  /** First by the damaged entry's length, which is mostly right, then byte by byte; -1: none. */
  #findWhole(at: number): number {
    const { bytes } = this;
    if (at + ENTRY_HEADER <= bytes.length) {
      const byLength = at + this.#view.getUint32(at + 4, true);
      if (byLength > at && this.#isWhole(byLength)) return byLength;
    }
    for (let each = at + 1; each + ENTRY_HEADER <= bytes.length; each++) if (this.#isWhole(each)) return each;
    return -1;
  }

  #damage(at: number): string {
    const left = this.bytes.length - at;
    if (left < ENTRY_HEADER) return `cut off after ${Math.max(left, 0)} bytes`;
    const length = this.#view.getUint32(at + 4, true);
    if (length < ENTRY_HEADER || length > left) return `has length ${length}, ${left} bytes are left`;
    const found = checksum(this.#view, at + 4, at + length);
    const stored = this.#view.getUint32(at, true);
    if (found !== stored) return `has checksum ${hex(found)}, stored is ${hex(stored)}`;
    return `says it is ${this.#view.getFloat64(at + 8, true)}`;
  }
}

/** The entry that begins at `start`, and is whole, as an object; its payload is a view. */
export function readEntry(bytes: Buffer, start: number): Entry {
  let at = start + ENTRY_HEADER;
  const text = (length: number): string => {
    at += length;
    return length === 0 ? "" : bytes.toString("utf8", at - length, at);
  };
  const principal = text(bytes.readUInt16LE(start + 26));
  const subject = text(bytes.readUInt16LE(start + 28));
  const headers: [name: string, value: string][] = [];
  for (let left = bytes[start + 25]!; left > 0; left--) {
    const nameBytes = bytes.readUInt16LE(at);
    const valueBytes = bytes.readUInt16LE(at + 2);
    at += 4;
    headers.push([text(nameBytes), text(valueBytes)]);
  }
  return {
    seq: bytes.readDoubleLE(start + 8),
    receivedAt: bytes.readDoubleLE(start + 16),
    kind: KINDS[bytes[start + 24]!]!,
    principal,
    subject,
    // fromEntries, because to assign to a header called `__proto__` would not keep it
    headers: Object.fromEntries(headers),
    payload: bytes.subarray(at, at + bytes.readUInt32LE(start + 32)),
  };
}

/** Writes UTF-8 and returns its length. Short ASCII, which nearly all of it is, is faster in a loop than by a call. */
function writeText(bytes: Buffer, at: number, text: string): number {
  const { length } = text;
  if (length > 64) return bytes.write(text, at, "utf8");
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return bytes.write(text, at, "utf8");
    bytes[at + i] = unit;
  }
  return length;
}

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}
