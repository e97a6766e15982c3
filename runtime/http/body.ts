import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { AisleError, type Code } from "../errors.ts";
import { limits } from "../limits.ts";
import { Refusal } from "./problem.ts";
import type { Context } from "./route.ts";

const inflate = promisify(gunzip);

/** A body that can't be taken. `came` is what there is of it, at most `limits.deadLetterBytes`. */
export class BodyRefusal extends Refusal {
  override name = "BodyRefusal";
  /** Stable; also the `code` of the one item in `errors`. */
  readonly reason: string;
  came: Uint8Array;

  constructor(code: Code, reason: string, detail: string, came: Uint8Array, headers: Record<string, string> = {}) {
    super(code, detail, { errors: [{ index: 0, pointer: "", code: reason, detail }], headers });
    this.reason = reason;
    this.came = came;
  }
}

export interface BodyLimits {
  /** One body, as sent and after inflating. */
  readonly bodyBytes: number;
  /** All bodies being received at once. */
  readonly bodiesBytes: number;
}

/**
 * Reads bodies whole, as bytes, within bounds. On Node it reads the socket's own message: going through `Request`
 * costs a stream, a promise per chunk and a copy. The time a body may take is the server's to watch (`server.ts`).
 */
export class Bodies {
  readonly #limits: BodyLimits;
  /** Bytes of bodies that have begun to arrive and are not whole yet. */
  #held = 0;
  #inflating = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(bounds: BodyLimits = limits) {
    this.#limits = bounds;
  }

  /**
   * The whole body, inflated; empty when there is none. Nobody else holds its memory.
   *
   * @throws BodyRefusal `too-large`, `cut-off`, `malformed-gzip`, `unsupported-encoding`
   * @throws AisleError `overloaded` when too many bodies are arriving at once
   */
  async read(c: Context): Promise<Uint8Array> {
    const encoding = contentEncoding(c);
    const incoming = c.env?.incoming;
    const body = await (incoming ? this.chunks(incoming).then(whole) : this.#fromRequest(c.req.raw));
    return encoding === "gzip" ? this.#inflate(body) : body;
  }

  /** The same as it came over the socket, not inflated. @throws as `read` */
  chunks(incoming: IncomingMessage): Promise<readonly Buffer[]> {
    const declared = incoming.headers["content-length"];
    if (declared !== undefined && Number(declared) > this.#limits.bodyBytes) {
      return Promise.reject(tooLarge(this.#limits.bodyBytes, EMPTY));
    }
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      let settled = false;
      const settle = (): boolean => {
        if (settled) return false;
        settled = true;
        this.#held -= bytes;
        return true;
      };
      incoming.on("data", (chunk: Buffer) => {
        if (settled) return; // the rest of a refused body flows by
        bytes += chunk.length;
        this.#held += chunk.length;
        chunks.push(chunk);
        if (bytes > this.#limits.bodyBytes) {
          settle();
          reject(tooLarge(this.#limits.bodyBytes, start(chunks)));
        } else if (this.#held > this.#limits.bodiesBytes) {
          settle();
          reject(crowded(this.#limits.bodiesBytes));
        }
      });
      incoming.on("end", () => {
        if (settle()) resolve(chunks);
      });
      incoming.on("close", () => {
        if (settle()) reject(cutOff(bytes, declared, start(chunks)));
      });
    });
  }

  /** Without a server, in tests: the same bounds over a web stream. */
  async #fromRequest(request: Request): Promise<Uint8Array> {
    if (request.body === null) return EMPTY;
    const chunks: Buffer[] = [];
    let bytes = 0;
    const reader = request.body.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return whole(chunks);
        bytes += value.length;
        chunks.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
        if (bytes > this.#limits.bodyBytes) throw tooLarge(this.#limits.bodyBytes, start(chunks));
      }
    } catch (error) {
      void reader.cancel().catch(() => {});
      throw error instanceof AisleError ? error : cutOff(bytes, undefined, start(chunks));
    }
  }

  /** Stops inflating at the bound, so that 8 kB of zeros never become 8 GB; a few at a time, the others wait. */
  async #inflate(body: Uint8Array): Promise<Uint8Array> {
    if (body.length === 0) return body;
    if (this.#inflating >= limits.inflating) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#inflating++;
    try {
      return await inflate(body, { maxOutputLength: this.#limits.bodyBytes });
    } catch (error) {
      const tooBig = error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
      if (tooBig) throw tooLarge(this.#limits.bodyBytes, start([body]), "inflated");
      throw new BodyRefusal(
        "invalid",
        "malformed-gzip",
        `the body is not whole gzip: ${message(error)}`,
        start([body]),
      );
    } finally {
      const next = this.#waiting.shift(); // takes over the place
      if (next) next();
      else this.#inflating--;
    }
  }
}

const EMPTY = new Uint8Array(0);

/** One chunk is given on as it is: most events arrive in one, and a copy would cost more than the rest. */
export function whole(chunks: readonly Buffer[]): Uint8Array {
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

/** The first bytes, as many as a dead letter keeps; a copy, so that the rest can go. */
function start(chunks: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(chunks).subarray(0, limits.deadLetterBytes);
}

function tooLarge(bytes: number, came: Uint8Array, how = "sent"): BodyRefusal {
  return new BodyRefusal(
    "too-large",
    "too-large",
    `the body has more than ${bytes} bytes as ${how}: send smaller batches`,
    came,
  );
}

function cutOff(bytes: number, declared: string | undefined, came: Uint8Array): BodyRefusal {
  const of = declared === undefined ? "" : ` of ${declared}`;
  return new BodyRefusal("invalid", "cut-off", `the request was cut off after ${bytes}${of} bytes`, came);
}

function crowded(bytes: number): AisleError {
  return new AisleError("overloaded", `bodies of more than ${bytes} bytes are arriving at once`);
}

function contentEncoding(c: Context): "identity" | "gzip" {
  const header = requestHeader(c, "content-encoding");
  const encoding = header?.trim().toLowerCase();
  if (encoding === undefined || encoding === "" || encoding === "identity") return "identity";
  if (encoding === "gzip" || encoding === "x-gzip") return "gzip";
  throw new BodyRefusal("unsupported", "unsupported-encoding", `content-encoding '${header}' is not gzip`, EMPTY, {
    "accept-encoding": "gzip",
  });
}

/** A header of the request, by its lower-case name. Node has parsed them already; `Headers` would do it again. */
export function requestHeader(c: Context, name: string): string | undefined {
  const incoming = c.env?.incoming;
  if (incoming === undefined) return c.req.header(name);
  const value = incoming.headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}

/**
 * Whether the body is of an accepted media type, in UTF-8. No `content-type` at all counts as JSON.
 *
 * @returns null if so, else what is wrong with it
 */
export function wrongMedia(c: Context, accepted: ReadonlySet<string>): string | null {
  const header = requestHeader(c, "content-type");
  if (header === undefined || accepted.has(header)) return null;
  const [type = "", ...parameters] = header.toLowerCase().split(";");
  if (!accepted.has(type.trim())) return `content-type '${header}' is not one of ${[...accepted].join(", ")}`;
  const charset = parameters
    .map((each) => /^\s*charset="?([^"]*)"?\s*$/.exec(each)?.[1])
    .find((each) => each !== undefined);
  if (charset === undefined || charset === "utf-8" || charset === "utf8" || charset === "us-ascii") return null;
  return `charset '${charset}' is not utf-8`;
}

const JSON_ONLY: ReadonlySet<string> = new Set(["application/json", "application/cloudevents+json"]);

/**
 * The body as JSON, for the calls that the retail system had too: like it, they answer 422 to what is no JSON.
 *
 * @returns the value, and the bytes that it was read from
 */
export async function readJson(c: Context, bodies: Bodies): Promise<{ value: unknown; bytes: Uint8Array }> {
  const media = wrongMedia(c, JSON_ONLY);
  if (media !== null) throw unprocessable("unsupported-content-type", media);
  const bytes = await bodies.read(c);
  try {
    return { value: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)), bytes };
  } catch (error) {
    throw unprocessable("malformed", `the body is no JSON: ${message(error)}`);
  }
}

/** 422 about one place of the body. */
export function unprocessable(code: string, detail: string, pointer = ""): Refusal {
  return new Refusal("invalid", detail, { status: 422, errors: [{ index: 0, pointer, code, detail }] });
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
