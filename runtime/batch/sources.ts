// Where events come from: files, or what stands at the other end of a pipe; either may be compressed by gzip.
import { createReadStream, statSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { AisleError, reasonOf } from "../errors.ts";

export interface Source {
  /** For messages. */
  readonly name: string;
  /** Of the file; null: not known before the end. */
  readonly bytes: number | null;
  /** @param read  told of how many more bytes were read, before they are inflated */
  open(read: (bytes: number) => void): AsyncIterable<Buffer>;
}

const CHUNK_BYTES = 1024 * 1024;
const GZIP = [0x1f, 0x8b];

/** @throws AisleError `not-found` when nobody can read it */
export function fileSource(path: string): Source {
  const bytes = sizeOf(path);
  return {
    name: path,
    bytes,
    open: (read) => inflated(path, createReadStream(path, { highWaterMark: CHUNK_BYTES }), read),
  };
}

export function streamSource(name: string, stream: AsyncIterable<Buffer>): Source {
  return { name, bytes: null, open: (read) => inflated(name, stream, read) };
}

function sizeOf(path: string): number | null {
  try {
    const stats = statSync(path);
    if (stats.isDirectory()) throw new Error("it is a folder");
    return stats.isFile() ? stats.size : null;
  } catch (cause) {
    throw new AisleError("not-found", `cannot read '${path}': ${reasonOf(cause)}`, { cause });
  }
}

async function* inflated(
  name: string,
  chunks: AsyncIterable<Buffer>,
  read: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  const counted = count(chunks, read);
  try {
    const head: Buffer[] = [];
    for (let size = 0; size < GZIP.length; ) {
      const { done, value } = await counted.next();
      if (done) break;
      head.push(value);
      size += value.length;
    }
    const first = Buffer.concat(head);
    const isGzip = GZIP.every((byte, i) => first[i] === byte);
    const all = joined(first, counted);
    if (isGzip) yield* gunzipped(all);
    else yield* all;
  } catch (cause) {
    if (cause instanceof AisleError) throw cause;
    throw new AisleError("invalid", `cannot read '${name}': ${reasonOf(cause)}`, { cause });
  }
}

async function* count(chunks: AsyncIterable<Buffer>, read: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    read(chunk.length);
    yield chunk;
  }
}

async function* joined(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first;
  yield* rest;
}

async function* gunzipped(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  const piped = pipeline(Readable.from(chunks), gunzip);
  piped.catch(() => {}); // the loop below throws the same
  yield* gunzip as AsyncIterable<Buffer>;
  await piped;
}
