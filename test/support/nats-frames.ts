// The NATS protocol as a server speaks it, read the plain way: what the core's reader is compared with.
import type { Dice } from "./dice.ts";

export interface PlainMessage {
  readonly subject: string;
  readonly reply: string;
  /** The block as it came; empty: none. */
  readonly headers: string;
  readonly payload: string;
}

export interface PlainReading {
  readonly messages: readonly PlainMessage[];
  /** What stood in INFO and -ERR, each behind its word. */
  readonly texts: readonly string[];
  readonly pings: number;
  readonly pongs: number;
  /** Subjects of messages that were larger than allowed. */
  readonly large: readonly string[];
  /** Where the reading ended: at bytes that are no frame, or at one that is not whole. */
  readonly at: number;
  readonly isBroken: boolean;
}

const WORDS = ["MSG ", "HMSG", "PING", "PONG", "+OK\r", "-ERR", "INFO"];

/** Reads a whole stream, as Latin-1. */
export function readPlainly(stream: string, bytesMax: number): PlainReading {
  const messages: PlainMessage[] = [];
  const texts: string[] = [];
  const large: string[] = [];
  let [at, pings, pongs] = [0, 0, 0];
  const result = (isBroken: boolean) => ({ messages, texts, pings, pongs, large, at, isBroken });
  while (stream.length - at > 4) {
    if (!WORDS.includes(stream.slice(at, at + 4))) return result(true);
    const cr = stream.indexOf("\r", at);
    if (cr === -1 || cr + 1 === stream.length) return result(false);
    const line = stream.slice(at, cr);
    if (stream[cr + 1] !== "\n") return result(true);
    if (line === "PING") pings++;
    else if (line === "PONG") pongs++;
    else if (line.startsWith("INFO ") || line.startsWith("-ERR ")) texts.push(line.slice(5));
    else if (line !== "+OK") {
      const read = messageAt(stream, line, cr + 2, bytesMax);
      if (typeof read === "string") return result(read === "broken");
      if (read.message === null) large.push(read.subject);
      else messages.push(read.message);
      at = read.end;
      continue;
    }
    at = cr + 2;
  }
  return result(false);
}

function messageAt(stream: string, line: string, body: number, bytesMax: number) {
  const words = line.split(" ");
  const hasHeaders = words[0] === "HMSG";
  if (!hasHeaders && words[0] !== "MSG") return "broken";
  const numbers = words.slice(hasHeaders ? -2 : -1);
  const names = words.slice(1, -numbers.length);
  if (names.length < 2 || names.length > 3 || names.includes("")) return "broken";
  if (!numbers.every((number) => /^\d{1,9}$/.test(number))) return "broken";
  const [total, headers] = [Number(numbers.at(-1)), hasHeaders ? Number(numbers[0]) : 0];
  if (headers > total) return "broken";
  const subject = names[0]!;
  const end = body + total + 2;
  // What is too large is passed over, whatever ends it.
  if (total > bytesMax) return { message: null, subject, end };
  if (end > stream.length) return "short";
  if (stream.slice(end - 2, end) !== "\r\n") return "broken";
  const reply = names[2] ?? "";
  const [block, payload] = [stream.slice(body, body + headers), stream.slice(body + headers, end - 2)];
  return { message: { subject, reply, headers: block, payload }, subject, end };
}

/** A stream as a server may send it; some messages exceed `bytesMax`. */
export function someFrames(dice: Dice, count: number, bytesMax: number): string {
  return Array.from({ length: count }, () => someFrame(dice, bytesMax)).join("");
}

function someFrame(dice: Dice, bytesMax: number): string {
  const kind = dice.below(20);
  if (kind === 0) return "PING\r\n";
  if (kind === 1) return "PONG\r\n";
  if (kind === 2) return "+OK\r\n";
  if (kind === 3) return "-ERR 'Slow Consumer'\r\n";
  if (kind === 4) return `INFO {"server_id": "${word(dice, 200)}" }\r\n`;
  const size = dice.chance(0.03) ? bytesMax + dice.below(2 * bytesMax) : dice.below(dice.one([2, 80, 400]));
  const payload = bytesOf(dice, size);
  const names = [word(dice, 90), dice.below(99), ...(dice.chance(0.3) ? [word(dice, 40)] : [])].join(" ");
  if (kind < 16) return `MSG ${names} ${payload.length}\r\n${payload}\r\n`;
  const headers = `NATS/1.0\r\n${word(dice, 20)}: ${word(dice, 20)}\r\n\r\n`;
  return `HMSG ${names} ${headers.length} ${headers.length + payload.length}\r\n${headers}${payload}\r\n`;
}

function word(dice: Dice, length: number): string {
  return `a${bytesOf(dice, length).replaceAll(/[\0-\x20]/g, ".")}`;
}

/** Of all values; line breaks and spaces more often than others. */
function bytesOf(dice: Dice, size: number): string {
  const few = ["\r", "\n", " ", "\r\n", "MSG a 1 1\r\n"];
  let bytes = "";
  while (bytes.length < size) bytes += dice.chance(0.2) ? dice.one(few) : String.fromCharCode(dice.below(256));
  return bytes.slice(0, size);
}
