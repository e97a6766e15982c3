// What runs print: of each its beginning and its end, of the youngest runs.
import { limits } from "../limits.ts";

/** Half for the beginning, half for the end. */
const HALF = limits.runLogBytes / 2;
/** Shorter ones would be found in harmless words. */
const SECRET_CHARS = 6;

export type Output = string | Uint8Array;

export interface RunLogsOptions {
  /** Texts that are shown as `***`, wherever they stand: the place's own tokens. */
  readonly secrets?: readonly string[];
}

/** Logs in memory: `limits.runLogBytes` of each run, `limits.runLogs` runs. */
export class RunLogs {
  readonly #secrets: readonly string[];
  /** By run, oldest first. */
  readonly #logs = new Map<string, RunLog>();

  constructor({ secrets = [] }: RunLogsOptions = {}) {
    this.#secrets = secrets.filter((secret) => secret.length >= SECRET_CHARS);
  }

  get size(): number {
    return this.#logs.size;
  }

  /** What a job writes its log with. A run that prints nothing takes no room. */
  open(run: string): (output: Output) => void {
    return (output) => this.append(run, output);
  }

  /** Bytes are copied. Output after the log was dropped begins a new one. */
  append(run: string, output: Output): void {
    const bytes = typeof output === "string" ? Buffer.from(output) : output;
    if (bytes.length === 0) return;
    let log = this.#logs.get(run);
    if (log === undefined) {
      log = new RunLog();
      this.#logs.set(run, log);
      if (this.#logs.size > limits.runLogs) this.#logs.delete(this.#logs.keys().next().value!);
    }
    log.append(bytes);
  }

  /**
   * `truncated`: a line of it says how much is left out.
   * Null: the run printed nothing, or so many ran since that it is forgotten.
   */
  read(run: string): { readonly text: string; readonly truncated: boolean } | null {
    const log = this.#logs.get(run);
    return log === undefined ? null : { text: this.#masked(log.text()), truncated: log.isTruncated };
  }

  /** Null as with `read`. */
  text(run: string): string | null {
    return this.read(run)?.text ?? null;
  }

  /** The last `bytes` of it, not beginning within a character; "" when there is none. */
  tail(run: string, bytes: number): string {
    const text = Buffer.from(this.text(run) ?? "");
    return fromCharacter(text.subarray(Math.max(0, text.length - bytes))).toString();
  }

  #masked(text: string): string {
    return this.#secrets.reduce((shown, secret) => shown.replaceAll(secret, "***"), text);
  }
}

class RunLog {
  readonly #head = new Tail();
  readonly #tail = new Tail();
  #bytes = 0;

  get isTruncated(): boolean {
    return this.#bytes > this.#head.length + this.#tail.length;
  }

  append(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    const room = HALF - this.#head.length;
    if (room > 0) this.#head.append(bytes.subarray(0, room));
    if (bytes.length > room) this.#tail.append(bytes.subarray(room));
  }

  text(): string {
    const head = this.#head.bytes();
    const tail = this.#tail.bytes();
    if (!this.isTruncated) return Buffer.concat([head, tail]).toString();
    const [beginning, end] = [toCharacter(head), fromCharacter(tail)];
    const left = this.#bytes - beginning.length - end.length;
    return `${beginning}\n… ${left} bytes left out …\n${end}`;
  }
}

/** The last bytes of all that was appended, `HALF` at most: a ring that grows with what is in it. */
class Tail {
  #ring = Buffer.alloc(0);
  /** Where the oldest byte stands. */
  #start = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(added: Uint8Array): void {
    const bytes = added.subarray(Math.max(0, added.length - HALF));
    this.#grow(Math.min(HALF, this.#length + bytes.length));
    const size = this.#ring.length;
    const end = (this.#start + this.#length) % size;
    const first = Math.min(bytes.length, size - end);
    this.#ring.set(bytes.subarray(0, first), end);
    this.#ring.set(bytes.subarray(first), 0);
    const over = Math.max(0, this.#length + bytes.length - size);
    this.#start = (this.#start + over) % size;
    this.#length += bytes.length - over;
  }

  bytes(): Buffer {
    const end = this.#start + this.#length;
    const rest = Math.max(0, end - this.#ring.length);
    return Buffer.concat([this.#ring.subarray(this.#start, end), this.#ring.subarray(0, rest)]);
  }

  /** Before it is full it has never gone round: what is in it stands at the beginning. */
  #grow(bytes: number): void {
    if (bytes <= this.#ring.length) return;
    const ring = Buffer.alloc(Math.min(HALF, Math.max(256, bytes, this.#ring.length * 2)));
    ring.set(this.#ring.subarray(0, this.#length));
    this.#ring = ring;
  }
}

/** Without the bytes at the beginning that end a character which began before. */
function fromCharacter(bytes: Buffer): Buffer {
  let start = 0;
  while (start < Math.min(3, bytes.length) && (bytes[start]! & 0xc0) === 0x80) start++;
  return bytes.subarray(start);
}

/** Without the bytes at the end that begin a character which ends later. */
function toCharacter(bytes: Buffer): Buffer {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.subarray(0, bytes.length - back) : bytes;
  }
  return bytes;
}
