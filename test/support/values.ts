import { instantiate } from "../../runtime/core/core.ts";

// Values in the core, by the addresses of their cells: made of JSON or MessagePack, and written again.

type Core = {
  memory: WebAssembly.Memory;
  reserve(bytes: number): number;
  newContext(from: number, to: number): number;
  newField(context: number, key: number, length: number, cell: number, child: number): void;
  scan(root: number, rows: number, size: number, count: number, depth: number): number;
  allowWork(units: number): void;
  boundValues(textBytes: number, items: number): void;
  freeTemporary(): void;
  heldUsed(): number;
  parseValue(result: number, start: number, end: number): number;
  resolveCell(cell: number): number;
  unpackValue(result: number, at: number, end: number): number;
  release(cell: number): void;
  packValue(cell: number, at: number, end: number): number;
  strOf(result: number, cell: number): number;
  reprOf(result: number, cell: number): number;
  writeJson(cell: number, at: number, end: number): number;
};

/** Bytes of input, and of output. */
const ROOM = 1 << 20;
const CELL = 16;
const LEVELS = 64;

export class Values {
  readonly #core = instantiate<Core>();
  readonly #input = this.#core.reserve(ROOM + 64);
  readonly #output = this.#core.reserve(ROOM);
  readonly #result = this.#core.reserve(CELL);
  readonly #row = this.#core.reserve(2 * CELL);
  readonly #root = this.#core.newContext(CELL, 2 * CELL);

  constructor() {
    const key = this.#core.reserve(CELL);
    this.#bytes(key, 1).set([0x61]);
    this.#core.newField(this.#root, key, 1, CELL, 0);
    this.reset();
  }

  /** Values from before are void. */
  reset(work = 2 ** 31 - 1): void {
    this.#core.freeTemporary();
    this.#core.allowWork(work);
  }

  /** What `scan` finds under the key `a`, resolved; its cell. Throws the fault's number. */
  member(json: string): number {
    const end = this.#put(Buffer.from(json));
    new Uint32Array(this.#core.memory.buffer, this.#row, 2).set([this.#input, end]);
    if (this.#core.scan(this.#root, this.#row, 2 * CELL, 1, LEVELS) !== 0) throw new Error(`not well-formed: ${json}`);
    checked(this.#core.resolveCell(this.#row + CELL));
    return this.#row + CELL;
  }

  /** A value of a JSON text; its cell. Throws the fault's number. */
  parse(json: string): number {
    const end = this.#put(Buffer.from(json));
    const cell = this.#core.reserve(CELL);
    checked(this.#core.parseValue(cell, this.#input, end));
    return cell;
  }

  /** A value of MessagePack, held; its cell. Null for what is none, or not all of it. */
  unpack(bytes: Uint8Array): number | null {
    const end = this.#put(bytes);
    const cell = this.#core.reserve(CELL);
    const readTo = this.#core.unpackValue(cell, this.#input, end);
    if (readTo === end) return cell;
    if (readTo !== 0) this.release(cell);
    return null;
  }

  release(cell: number): void {
    this.#core.release(cell);
  }

  get heldBytes(): number {
    return this.#core.heldUsed();
  }

  boundValues(textBytes: number, items: number): void {
    this.#core.boundValues(textBytes, items);
  }

  /** Null when it takes more than `room`. */
  pack(cell: number, room = ROOM): Uint8Array | null {
    return this.#written(this.#core.packValue(cell, this.#output, this.#output + room));
  }

  json(cell: number, room = ROOM): string | null {
    const bytes = this.#written(this.#core.writeJson(cell, this.#output, this.#output + room));
    return bytes === null ? null : Buffer.from(bytes).toString("latin1");
  }

  str(cell: number): string {
    checked(this.#core.strOf(this.#result, cell));
    return this.text(this.#result);
  }

  repr(cell: number): string {
    checked(this.#core.reprOf(this.#result, cell));
    return this.text(this.#result);
  }

  /** Bytes of a TEXT, decoded. */
  text(cell: number): string {
    const [, length, at] = new Uint32Array(this.#core.memory.buffer, cell, 3);
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.#bytes(at!, length!));
  }

  /** Tag and flags of a cell. */
  tag(cell: number): number {
    return new Uint32Array(this.#core.memory.buffer, cell, 1)[0]!;
  }

  #put(bytes: Uint8Array): number {
    if (bytes.length > ROOM) throw new RangeError(`${bytes.length} bytes are more than a test needs`);
    this.#bytes(this.#input, bytes.length + 1).set([...bytes, 0]);
    return this.#input + bytes.length;
  }

  #written(end: number): Uint8Array | null {
    return end === 0 ? null : this.#bytes(this.#output, end - this.#output).slice();
  }

  #bytes(at: number, length: number): Uint8Array {
    return new Uint8Array(this.#core.memory.buffer, at, length);
  }
}

function checked(fault: number): void {
  if (fault !== 0) throw new Error(`fault ${fault}`);
}
