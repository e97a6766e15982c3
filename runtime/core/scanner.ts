// JSON bytes in, the few values that somebody reads out: the host's side of `assembly/scan/scan.ts`.

import assert from "node:assert/strict";
import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";
import { layOut } from "./contexts.ts";
import { instantiate } from "./core.ts";
import { keysOf, pathTree } from "./paths.ts";

/** What stands at a path. In the order of `Kind` in `assembly/scan/scan.ts`. */
const KINDS = ["missing", "null", "false", "true", "number", "string", "object", "array"] as const;
export type Kind = (typeof KINDS)[number];

/** What a body is made of. In the order of `Form` in `assembly/scan/split.ts`. */
const FORMS = ["object", "array", "ndjson"] as const;
export type Form = (typeof FORMS)[number];

/** Where an input stops being well-formed, and what was expected there. */
export interface Fault {
  /** In bytes, from the begin of the payload or body; its length when it ends too early. */
  readonly offset: number;
  /** Completes "expected …". */
  readonly expected: string;
}

/** The words for each fault. In the order of `Expected` in `assembly/scan/fault.ts`, from 1. */
const EXPECTED = [
  "nothing",
  "an object",
  "a value",
  "a key in quotes",
  "a key in quotes or '}'",
  "':'",
  "',' or '}'",
  "',' or ']'",
  "a closing quote",
  "control characters escaped",
  'one of " \\ / b f n r t u behind the backslash',
  "a hexadecimal digit",
  "valid UTF-8",
  "a digit",
  "the end",
  `at most ${limits.jsonDepth} levels of nesting`,
  "no byte order mark",
  "an object or an array",
  `at most ${limits.bodyEvents} items`,
] as const;

/** The fault of a split that ran out of rows: `Expected.FEWER_ITEMS` in `assembly/scan/fault.ts`. */
const FEWER_ITEMS = 18;

/** The values found in a batch. Valid until the next `scan`, `split` or `scanBody` of the same scanner. */
export interface Scanned {
  /** Payloads in the batch. */
  readonly count: number;
  /** How many of them are malformed. All their values are missing. */
  readonly malformed: number;
  /** Null when the payload is well-formed and an object. */
  error(item: number): Fault | null;
  kind(item: number, path: number): Kind;
  /** Bytes of the value as written, a string's without its quotes; 0 when missing. Costs next to nothing. */
  size(item: number, path: number): number;
  /** A string, decoded; a number as written. Throws a TypeError for other kinds. */
  text(item: number, path: number): string;
  /** Correctly rounded, the same double as JSON.parse gives. Throws a TypeError for other kinds. */
  number(item: number, path: number): number;
  /** The value as written, as JSON: a view on the core's memory. Empty when missing. */
  raw(item: number, path: number): Uint8Array;
}

/** Where the items of a body lie, `[start, end)` in bytes, and where it breaks off; null when it doesn't. */
export interface Split {
  readonly form: Form;
  readonly items: readonly { readonly start: number; readonly end: number }[];
  readonly broken: Fault | null;
}

type Core = {
  memory: WebAssembly.Memory;
  reserve(bytes: number): number;
  newContext(from: number, to: number): number;
  newField(context: number, key: number, length: number, cell: number, child: number): void;
  scan(root: number, rows: number, size: number, count: number, depth: number): number;
  split(start: number, end: number, rows: number, size: number, capacity: number, depth: number): number;
  splitForm(): number;
  splitBroken(): number;
  splitBrokenAt(): number;
  numberValue(at: number, length: number): number;
};

// The row, as drawn in `assembly/scan/scan.ts`, in bytes
const ROW_HEAD = 16;
const CELL = 16;

// A cell's first word, as in `assembly/scan/scan.ts` and `assembly/scan/text.ts`
const KIND_MASK = 0xff;
const NUMBER = KINDS.indexOf("number");
const STRING = KINDS.indexOf("string");
const ESCAPED = 1 << 8;
const NON_ASCII = 1 << 9;

/** The core reads up to 64 bytes behind the last payload; what it sees there it ignores. */
const SLACK = 64;

/** Room at the start; it grows as needed. */
const INPUT_BYTES = 64 * 1024;
const ROWS_COUNT = 256;

/** Levels that the core can follow: `DEPTH_MAX` in `assembly/scan/json.ts`. */
const DEPTH_MAX = 64;

/**
 * Finds the values at some paths in batches of JSON payloads, without making objects of them. What is malformed
 * anywhere, also where no path leads, is rejected as by `JSON.parse`, and by its bytes: they must be valid UTF-8.
 * Of equal keys the last one counts.
 *
 * A path is the keys from the payload's top, joined by dots: `payload.customer_id`. A dot within a key is written
 * `\.`. Paths lead through objects, not into arrays.
 */
export class Scanner {
  readonly paths: readonly string[];
  readonly #core: Core = instantiate<Core>();
  readonly #root: number;
  readonly #rowSize: number;
  /** Offset of a path's cell within its row, in words. */
  readonly #cells: Uint32Array;
  readonly #scanned: View;

  /** Address and size of where payloads are copied to, in bytes. */
  #input = 0;
  #inputSize = 0;
  /** Address of the rows, and for how many there is room. */
  #rows = 0;
  #rowsCount = 0;
  #bytes = new Uint8Array();
  #words = new Uint32Array();

  /** Throws a TypeError for a path with an empty key, or of more keys than `limits.jsonDepth`. */
  constructor(paths: readonly string[]) {
    assert(limits.jsonDepth <= DEPTH_MAX);
    this.paths = [...paths];
    const tree = pathTree(paths.map((path) => keysOf(path, limits.jsonDepth)));
    this.#rowSize = ROW_HEAD + CELL * tree.cells.to;
    this.#cells = new Uint32Array(paths.length);
    this.#root = layOut(this.#core, tree, (path, cell) => {
      this.#cells[path] = cell >> 2;
    });
    this.#scanned = new View(this.#core, this.#rowSize, this.#cells);
    this.#makeRoom(INPUT_BYTES, ROWS_COUNT);
  }

  /** Scans payloads, each on its own. They are copied; throws `too-large` above `limits.scanBytes`. */
  scan(payloads: readonly Uint8Array[]): Scanned {
    const count = payloads.length;
    let size = count;
    for (let i = 0; i < count; i++) size += payloads[i]!.length;
    this.#makeRoom(size, count);

    const bytes = this.#bytes;
    const words = this.#words;
    const rowWords = this.#rowSize >> 2;
    let row = this.#rows >> 2;
    let at = this.#input;
    for (let i = 0; i < count; i++) {
      const payload = payloads[i]!;
      bytes.set(payload, at);
      words[row] = at;
      at += payload.length;
      words[row + 1] = at++; // a byte for the sentinel
      row += rowWords;
    }
    return this.#scan(count);
  }

  /**
   * Finds the items of a body: the elements of an array, the lines of NDJSON, or the one object, which may span lines.
   * Looks at brackets and quotes only; whether an item is well-formed, its scan will say. An array that breaks off
   * keeps the items before, and so does a body of more than `limits.bodyEvents` items.
   */
  split(body: Uint8Array): Split {
    const count = this.#split(body);
    const start = this.#input;
    const words = this.#words;
    const items = Array.from({ length: count }, (_, item) => {
      const row = (this.#rows + item * this.#rowSize) >> 2;
      return { start: words[row]! - start, end: words[row + 1]! - start };
    });
    const code = this.#core.splitBroken();
    const broken = code === 0 ? null : { offset: this.#core.splitBrokenAt() - start, expected: EXPECTED[code]! };
    return { form: FORMS[this.#core.splitForm()]!, items, broken };
  }

  /** Splits a body and scans its items where they lie: one copy of the body and no views. */
  scanBody(body: Uint8Array): Split & { readonly scanned: Scanned } {
    const split = this.split(body);
    return { ...split, scanned: this.#scan(split.items.length) };
  }

  #scan(count: number): Scanned {
    const malformed = this.#core.scan(this.#root, this.#rows, this.#rowSize, count, limits.jsonDepth);
    return this.#scanned.of(this.#rows, count, malformed);
  }

  #split(body: Uint8Array): number {
    this.#makeRoom(body.length + 1, 0);
    const end = this.#input + body.length;
    this.#bytes.set(body, this.#input);
    this.#bytes[end] = 0;
    while (true) {
      const capacity = Math.min(this.#rowsCount, limits.bodyEvents);
      const count = this.#core.split(this.#input, end, this.#rows, this.#rowSize, capacity, limits.jsonDepth);
      if (this.#core.splitBroken() !== FEWER_ITEMS || capacity === limits.bodyEvents) return count;
      this.#makeRoom(0, 2 * this.#rowsCount);
    }
  }

  // Memory

  #makeRoom(inputBytes: number, rowsCount: number): void {
    if (inputBytes <= this.#inputSize && rowsCount <= this.#rowsCount) return;
    if (inputBytes > limits.scanBytes) {
      throw new AisleError("too-large", `a batch of ${inputBytes} bytes, at most ${limits.scanBytes} are allowed`);
    }
    if (rowsCount > limits.scanPayloads) {
      throw new AisleError("too-large", `a batch of ${rowsCount} payloads, at most ${limits.scanPayloads} are allowed`);
    }
    if (inputBytes > this.#inputSize) {
      this.#inputSize = grown(this.#inputSize, inputBytes, limits.scanBytes);
      this.#input = this.#core.reserve(this.#inputSize + SLACK);
    }
    if (rowsCount > this.#rowsCount) {
      this.#rowsCount = grown(this.#rowsCount, rowsCount, limits.scanPayloads);
      this.#rows = this.#core.reserve(this.#rowsCount * this.#rowSize);
    }

    // growing the memory made all views void
    const { buffer } = this.#core.memory;
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer);
    this.#scanned.renew(buffer);
  }
}

/** At least doubles, up to the limit: what was reserved before is never given back, and so stays less than what is in use. */
function grown(size: number, needed: number, limit: number): number {
  return Math.min(Math.max(needed, 2 * size), limit);
}

/** The rows of the last scan, as the core left them. */
class View implements Scanned {
  count = 0;
  malformed = 0;
  readonly #core: Core;
  readonly #rowWords: number;
  readonly #cells: Uint32Array;
  #row = 0;
  #buffer = Buffer.alloc(0);
  #words = new Uint32Array();

  constructor(core: Core, rowSize: number, cells: Uint32Array) {
    this.#core = core;
    this.#rowWords = rowSize >> 2;
    this.#cells = cells;
  }

  renew(memory: ArrayBuffer): void {
    this.#buffer = Buffer.from(memory);
    this.#words = new Uint32Array(memory);
  }

  of(rows: number, count: number, malformed: number): this {
    this.#row = rows >> 2;
    this.count = count;
    this.malformed = malformed;
    return this;
  }

  error(item: number): Fault | null {
    if (!(item >= 0 && item < this.count)) throw new RangeError(`item ${item} of ${this.count}`);
    const row = this.#row + item * this.#rowWords;
    const code = this.#words[row + 2]!;
    return code === 0 ? null : { offset: this.#words[row + 3]!, expected: EXPECTED[code]! };
  }

  kind(item: number, path: number): Kind {
    return KINDS[this.#words[this.#cell(item, path)]! & KIND_MASK]!;
  }

  size(item: number, path: number): number {
    return this.#words[this.#cell(item, path) + 2]!;
  }

  text(item: number, path: number): string {
    const cell = this.#cell(item, path);
    const tag = this.#words[cell]!;
    const start = this.#words[cell + 1]!;
    const end = start + this.#words[cell + 2]!;
    switch (tag) {
      case NUMBER:
      case STRING:
        return this.#buffer.toString("latin1", start, end);
      case STRING | NON_ASCII:
        return this.#buffer.toString("utf8", start, end);
      case STRING | ESCAPED:
      case STRING | ESCAPED | NON_ASCII:
        return JSON.parse(this.#buffer.toString("utf8", start - 1, end + 1));
      default:
        throw new TypeError(`${this.kind(item, path)} at path ${path} is no text`);
    }
  }

  number(item: number, path: number): number {
    const cell = this.#cell(item, path);
    if (this.#words[cell] !== NUMBER) throw new TypeError(`${this.kind(item, path)} at path ${path} is no number`);
    return this.#core.numberValue(this.#words[cell + 1]!, this.#words[cell + 2]!);
  }

  raw(item: number, path: number): Uint8Array {
    const cell = this.#cell(item, path);
    const start = this.#words[cell + 1]!;
    const end = start + this.#words[cell + 2]!;
    const isString = (this.#words[cell]! & KIND_MASK) === STRING;
    return isString ? this.#buffer.subarray(start - 1, end + 1) : this.#buffer.subarray(start, end);
  }

  /** Index of a cell's first word. */
  #cell(item: number, path: number): number {
    const cell = this.#cells[path];
    if (cell === undefined || !(item >= 0 && item < this.count)) {
      throw new RangeError(`item ${item} of ${this.count}, path ${path} of ${this.#cells.length}`);
    }
    return this.#row + item * this.#rowWords + cell;
  }
}
