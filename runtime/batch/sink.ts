// Where bytes go: standard output, or a file that is there once it is whole.
import { once } from "node:events";
import { createWriteStream, mkdirSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { AisleError, reasonOf } from "../errors.ts";

export interface Sink {
  write(data: string | Uint8Array): void;
  /** Resolves when there is room for more. */
  ready(): Promise<void>;
  end(): Promise<void>;
  /** Leaves nothing behind, as far as it is not gone. */
  abandon(): Promise<void>;
}

/** Chars that are gathered before they are handed on. */
const GATHERED = 64 * 1024;

/** A stream that others go on using. */
export function streamSink(stream: Writable): Sink {
  return new StreamSink(stream, async () => {});
}

/** @throws AisleError `unavailable` when the file can't be written */
export function fileSink(path: string): Sink {
  const part = `${path}.part`;
  try {
    mkdirSync(dirname(path), { recursive: true });
  } catch (cause) {
    throw cannot(path, cause);
  }
  const stream = createWriteStream(part);
  const sink = new StreamSink(stream, async () => {
    stream.end();
    await finished(stream);
    await rename(part, path);
  });
  stream.on("error", (cause) => sink.fail(cannot(path, cause)));
  return Object.assign(sink, {
    async abandon() {
      stream.destroy();
      await rm(part, { force: true });
    },
  });
}

function cannot(path: string, cause: unknown): AisleError {
  return new AisleError("unavailable", `cannot write '${path}': ${reasonOf(cause)}`, { cause });
}

class StreamSink implements Sink {
  readonly #stream: Writable;
  readonly #close: () => Promise<void>;
  #texts: string[] = [];
  #chars = 0;
  #isFull = false;
  #failure: AisleError | null = null;

  constructor(stream: Writable, close: () => Promise<void>) {
    this.#stream = stream;
    this.#close = close;
  }

  fail(error: AisleError): void {
    this.#failure ??= error;
  }

  write(data: string | Uint8Array): void {
    if (typeof data === "string") {
      this.#texts.push(data);
      this.#chars += data.length;
      if (this.#chars >= GATHERED) this.#flush();
    } else {
      this.#flush();
      this.#isFull = !this.#stream.write(data);
    }
  }

  async ready(): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    if (!this.#isFull) return;
    this.#isFull = false;
    if (this.#stream.writableNeedDrain) await once(this.#stream, "drain").catch(() => {});
    if (this.#failure !== null) throw this.#failure;
  }

  async end(): Promise<void> {
    this.#flush();
    await this.ready();
    try {
      await this.#close();
    } catch (error) {
      throw this.#failure ?? error;
    }
  }

  async abandon(): Promise<void> {}

  #flush(): void {
    if (this.#texts.length === 0) return;
    this.#isFull = !this.#stream.write(this.#texts.join(""));
    this.#texts = [];
    this.#chars = 0;
  }
}
