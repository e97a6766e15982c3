// Reading the files of a site: bounded, as UTF-8, and with a sentence for each way in which it can fail.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { didYouMean } from "../errors.ts";

/**
 * The bytes of a file.
 *
 * @param name  the file as a person knows it, for messages
 * @throws Error whose message is half a sentence: "the file 'x.csv' doesn't exist (did you mean 'y.csv'?)"
 */
export function readBytes(path: string, name: string, bytesMax: number): Buffer {
  let bytes: number;
  try {
    const stat = statSync(path);
    if (!stat.isFile()) throw new Error(`'${name}' is no file`);
    bytes = stat.size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw unreadable(error, name);
    throw new Error(`the file '${name}' doesn't exist${didYouMean(basename(path), neighbours(path))}`);
  }
  if (bytes > bytesMax) throw new Error(`the file '${name}' has ${bytes} bytes, at most ${bytesMax} are read`);
  try {
    return readFileSync(path);
  } catch (error) {
    throw unreadable(error, name);
  }
}

/** As `readBytes`, decoded; bytes that are no UTF-8 are an error that names their line. */
export function readText(path: string, name: string, bytesMax: number): string {
  return decode(readBytes(path, name, bytesMax), name);
}

/** @throws Error when the bytes are no UTF-8 */
export function decode(bytes: Buffer, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`the file '${name}' is not UTF-8 text: see line ${lineThatFails(bytes)}`);
  }
}

/** sha256 over several files, each with its length, so that no two lists of files hash alike. Hex. */
export function hashOf(files: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const bytes of files) hash.update(`${bytes.length}:`).update(bytes);
  return hash.digest("hex");
}

function unreadable(error: unknown, name: string): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === undefined ? new Error(message) : new Error(`the file '${name}' can't be read (${code})`);
}

function neighbours(path: string): string[] {
  try {
    return readdirSync(dirname(path)).slice(0, 1_000);
  } catch {
    return [];
  }
}

function lineThatFails(bytes: Buffer): number {
  const strict = new TextDecoder("utf-8", { fatal: true });
  let start = 0;
  for (let line = 1; ; line++) {
    const end = bytes.indexOf(0x0a, start);
    try {
      strict.decode(bytes.subarray(start, end < 0 ? undefined : end));
    } catch {
      return line;
    }
    if (end < 0) return line;
    start = end + 1;
  }
}
