// Bytes of a file, as they come → its items: the lines of NDJSON, or the elements of one JSON array.
import { limits } from "../limits.ts";

/** Told of each item that is not blank, and of the line where it begins, from 1. One that is too long has no bytes. */
export type TakeItem = (item: Uint8Array, line: number) => void;

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const NOTHING = new Uint8Array(0);

export interface ItemOptions {
  /** Whether a file may be one array; else it is lines, whatever they hold. */
  readonly arrays: boolean;
}

/**
 * Which of the two it is, the first bytes tell: an array of objects begins with `[{` or is `[]`, and no line of events does.
 * What stands behind the array is lines again.
 */
export class Items {
  readonly #take: TakeItem;
  readonly #arrays: boolean;
  #form: "unknown" | "lines" | "array" = "unknown";
  /** What came of an item that is not complete. */
  #parts: Uint8Array[] = [];
  #partsBytes = 0;
  #line = 1;
  #itemLine = 1;
  // Within an array
  #depth = 0;
  #inText = false;
  #isEscaped = false;

  constructor(take: TakeItem, { arrays }: ItemOptions) {
    this.#take = take;
    this.#arrays = arrays;
  }

  push(chunk: Uint8Array): void {
    let rest = chunk;
    if (this.#form === "unknown") {
      rest = Buffer.concat([...this.#parts, chunk]);
      this.#drop();
      if (!this.#decide(rest, false)) {
        this.#keep(rest);
        return;
      }
      rest = rest.subarray(this.#start(rest));
    }
    this.#go(rest);
  }

  /** The file is at its end: what is left of it is its last item. */
  end(): void {
    if (this.#form === "unknown") {
      const rest = Buffer.concat(this.#parts);
      this.#drop();
      this.#decide(rest, true);
      this.#go(rest.subarray(this.#start(rest)));
    }
    this.#give(NOTHING);
  }

  // The form

  /** @returns whether it is decided */
  #decide(bytes: Uint8Array, isAll: boolean): boolean {
    const mark = markBytes(bytes);
    if (!isAll && mark === null) return false;
    const first = nextInked(bytes, mark ?? 0);
    if (first < bytes.length && bytes[first] !== OPEN_BRACKET) this.#form = "lines";
    else {
      const second = nextInked(bytes, first + 1);
      if (second >= bytes.length && !isAll) return false;
      const opens = bytes[second] === OPEN_BRACE || bytes[second] === CLOSE_BRACKET;
      this.#form = this.#arrays && opens ? "array" : "lines";
    }
    return true;
  }

  /** Where the items begin: behind the mark, and of an array behind its bracket. */
  #start(bytes: Uint8Array): number {
    const mark = markBytes(bytes) ?? 0;
    if (this.#form === "lines") return mark;
    const first = nextInked(bytes, mark);
    for (let i = mark; i < first; i++) if (bytes[i] === NEWLINE) this.#line++;
    this.#itemLine = this.#line;
    return first + 1;
  }

  #go(bytes: Uint8Array): void {
    let from = 0;
    if (this.#form === "array") from = this.#elements(bytes);
    if (this.#form === "lines") this.#lines(bytes, from);
  }

  // Lines

  #lines(bytes: Uint8Array, begin: number): void {
    let from = begin;
    for (let end = bytes.indexOf(NEWLINE, from); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      this.#give(bytes.subarray(from, end));
      this.#itemLine = ++this.#line;
      from = end + 1;
    }
    this.#keep(bytes.subarray(from));
  }

  // Elements

  /** @returns where what follows the array begins */
  #elements(bytes: Uint8Array): number {
    let from = 0;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (this.#inText) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (byte === BACKSLASH) this.#isEscaped = true;
        else if (byte === QUOTE) this.#inText = false;
        continue;
      }
      if (byte === QUOTE) this.#inText = true;
      else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#depth++;
      else if (byte === NEWLINE) this.#line++;
      else if (this.#depth > 0) {
        if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.#depth--;
      } else if (byte === COMMA || byte === CLOSE_BRACKET) {
        this.#give(bytes.subarray(from, at));
        this.#itemLine = this.#line;
        from = at + 1;
        if (byte === COMMA) continue;
        this.#form = "lines";
        return from;
      }
    }
    this.#keep(bytes.subarray(from));
    return bytes.length;
  }

  // Items

  #keep(bytes: Uint8Array): void {
    this.#partsBytes += bytes.length;
    if (this.#partsBytes > limits.lineBytes) this.#parts = [];
    else if (bytes.length > 0) this.#parts.push(Uint8Array.from(bytes));
  }

  #drop(): void {
    this.#parts = [];
    this.#partsBytes = 0;
  }

  /** Tells of an item that ends with these bytes. */
  #give(bytes: Uint8Array): void {
    if (this.#partsBytes + bytes.length > limits.lineBytes) this.#take(NOTHING, this.#itemLine);
    else {
      const item = this.#parts.length === 0 ? bytes : Buffer.concat([...this.#parts, bytes]);
      if (nextInked(item, 0) < item.length) this.#take(item, this.#itemLine);
    }
    this.#drop();
  }
}

/** Bytes of a byte order mark at the start: 0 or 3; null: too few bytes to tell. */
function markBytes(bytes: Uint8Array): number | null {
  for (const [i, byte] of BYTE_ORDER_MARK.entries()) {
    if (i >= bytes.length) return null;
    if (bytes[i] !== byte) return 0;
  }
  return BYTE_ORDER_MARK.length;
}

/** The place of the next byte that is no white space. */
function nextInked(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && (bytes[at] === 0x20 || (bytes[at]! >= 0x09 && bytes[at]! <= 0x0d))) at++;
  return at;
}
