// How rows lie in the store.
//
// Key:   name of the part, 0, length of the row's key u16, the row's key, number of the round u32, all big-endian. So the
//        rows of a key stand side by side, the youngest last.
// Value: checksum u32 (CRC-32 of the key and of what follows), 1 for a row or 0 for one that has gone u8, the row's value.
import { crc32 } from "../crc32.ts";
import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { LoadedRow, SavedRow } from "./checkpoint.ts";

export const KEY_BYTES_MAX = 1_024;
export const ROUND_BYTES = 4;
const HEAD_BYTES = 5;
const LINE_BREAK = 0x0a;
/** Text of one row, UTF-16: below what a row may have in bytes, if most of it is ASCII. */
const ROW_CHARS = 40 * 1024;

/** Begins the keys of a part. */
export function prefixOf(part: string): Buffer {
  return Buffer.from(`${part}\0`, "latin1");
}

/** Behind all keys of a part. */
export function endOf(part: string): Buffer {
  return Buffer.from(`${part}\u0001`, "latin1");
}

export function storedKey(part: string, key: Buffer, round: number): Buffer {
  const { length } = part;
  const stored = Buffer.allocUnsafe(length + 3 + key.length + ROUND_BYTES);
  stored.write(part, 0, "latin1");
  stored[length] = 0;
  stored.writeUInt16BE(key.length, length + 1);
  stored.set(key, length + 3);
  stored.writeUInt32BE(round, stored.length - ROUND_BYTES);
  return stored;
}

/** Name of the part that a stored key is of. */
export function partOf(stored: Buffer): string {
  return stored.toString("latin1", 0, stored.indexOf(0));
}

/** The key as the part gave it, and the round that it was saved in. */
export function keyIn(stored: Buffer, part: string): { readonly key: Buffer; readonly round: number } {
  const end = stored.length - ROUND_BYTES;
  return { key: stored.subarray(part.length + 3, end), round: stored.readUInt32BE(end) };
}

export function storedValue(key: Buffer, value: Buffer | null): Buffer {
  const stored = Buffer.allocUnsafe(HEAD_BYTES + (value?.length ?? 0));
  stored[4] = value === null ? 0 : 1;
  if (value !== null) stored.set(value, HEAD_BYTES);
  stored.writeUInt32LE(checkOf(key, stored), 0);
  return stored;
}

/** @returns null: the row has gone. @throws AisleError `corrupt` */
export function valueIn(stored: Buffer, key: Buffer): Buffer | null {
  if (stored.length < HEAD_BYTES || checkOf(key, stored) !== stored.readUInt32LE(0))
    throw new AisleError("corrupt", `row ${key.toString("hex")} has a wrong checksum`);
  return stored[4] === 0 ? null : stored.subarray(HEAD_BYTES);
}

/** Whether a stored value says no more than that the row has gone. */
export function isGone(stored: Buffer): boolean {
  return stored[4] === 0;
}

function checkOf(key: Buffer, stored: Buffer): number {
  return (crc32(key, 0, key.length) ^ crc32(stored, 4, stored.length)) >>> 0;
}

/** A number as a key: rows come back in its order. */
export function numbered(number: number): Buffer {
  const key = Buffer.allocUnsafe(4);
  key.writeUInt32BE(number, 0);
  return key;
}

/** Items as lines of JSON, cut into numbered rows; a step for each item. */
export function* rowsOf(items: Iterable<unknown>): Generator<SavedRow | null> {
  let number = 0;
  let text = "";
  for (const item of items) {
    text += `${JSON.stringify(item)}\n`;
    if (text.length < ROW_CHARS) {
      yield null;
      continue;
    }
    const bytes = Buffer.from(text);
    text = "";
    for (let at = 0; at < bytes.length; at += limits.checkpointRowBytes)
      yield { key: numbered(number++), value: bytes.subarray(at, at + limits.checkpointRowBytes) };
  }
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += limits.checkpointRowBytes)
    yield { key: numbered(number++), value: bytes.subarray(at, at + limits.checkpointRowBytes) };
}

/** The items again. @throws AisleError `corrupt` when the last one is cut off */
export function* itemsIn(rows: Iterable<LoadedRow>): Generator<unknown> {
  let open: Buffer[] = [];
  for (const { value } of rows) {
    let start = 0;
    for (let end = value.indexOf(LINE_BREAK); end >= 0; end = value.indexOf(LINE_BREAK, start)) {
      const line = value.subarray(start, end);
      yield JSON.parse((open.length === 0 ? line : Buffer.concat([...open, line])).toString());
      open = [];
      start = end + 1;
    }
    if (start < value.length) open.push(value.subarray(start));
  }
  if (open.length > 0) throw new AisleError("corrupt", "the last row is cut off");
}
