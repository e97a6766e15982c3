import { instantiate } from "../../runtime/core/core.ts";
import { FAULTS } from "../../runtime/core/value.ts";
import { METHOD_NAMES, type MethodName } from "../../runtime/spec/builtins.ts";
import { FIELD_TYPES, type FieldType } from "../../runtime/spec/spec.ts";

// Cells in the core by their addresses, temporary or held, and what the kernels for collections do with them.

type Method = (method: number, result: number, receiver: number, args: number, count: number) => number;
type Change = (method: number, cell: number, args: number, count: number) => number;

type Core = {
  memory: WebAssembly.Memory;
  reserve(bytes: number): number;
  allowWork(units: number): void;
  boundValues(textBytes: number, items: number): void;
  freeTemporary(): void;
  heldUsed(): number;
  readValue(result: number, at: number, end: number): number;
  packValue(cell: number, at: number, end: number): number;
  reprOf(result: number, cell: number): number;
  keep(result: number, cell: number): void;
  release(cell: number): void;
  assign(cell: number, value: number): void;
  equals(a: number, b: number): number;
  order(a: number, b: number): number;
  hash(cell: number): number;
  isHashable(cell: number): number;
  castTo(type: number, result: number, cell: number): number;
  callMethod: Method;
  listChange: Change;
  mapChange: Change;
  setChange: Change;
};

/** MessagePack as `assembly/formats/pack.ts` has it, in its longest forms. */
export const packed = {
  none: (): Uint8Array => Uint8Array.of(0xc0),
  bool: (value: boolean): Uint8Array => Uint8Array.of(value ? 0xc3 : 0xc2),
  int: (value: number | bigint): Uint8Array => number(0xd3, 8, (view) => view.setBigInt64(1, BigInt(value))),
  float: (value: number): Uint8Array => number(0xcb, 8, (view) => view.setFloat64(1, value)),
  text: (value: string): Uint8Array => joined(counted(0xdb, Buffer.byteLength(value)), Buffer.from(value)),
  list: (...items: Uint8Array[]): Uint8Array => joined(counted(0xdd, items.length), ...items),
  tuple: (...items: Uint8Array[]): Uint8Array => joined(Uint8Array.of(0xd4, 2, 0), packed.list(...items)),
  set: (...items: Uint8Array[]): Uint8Array => joined(Uint8Array.of(0xd4, 0x73, 0), packed.list(...items)),
  map: (...entries: Uint8Array[]): Uint8Array => joined(counted(0xdf, entries.length / 2), ...entries),
  /** @param offset  seconds, or null */
  datetime: (micros: bigint, offset: number | null): Uint8Array =>
    joined(
      Uint8Array.of(0xc7, 12, 1),
      number(0, 12, (view) => {
        view.setBigInt64(1, micros);
        view.setInt32(9, offset ?? -0x80000000);
      }).subarray(1),
    ),
  date: (days: number): Uint8Array =>
    joined(Uint8Array.of(0xd6, 3), number(0, 4, (view) => view.setInt32(1, days)).subarray(1)),
  timedelta: (micros: bigint): Uint8Array =>
    joined(Uint8Array.of(0xd7, 4), number(0, 8, (view) => view.setBigInt64(1, micros)).subarray(1)),
  /** An integer beyond 64 bits. */
  big: (digits: string): Uint8Array => joined(Uint8Array.of(0xc7, digits.length, 6), Buffer.from(digits)),
};

function joined(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

function counted(lead: number, count: number): Uint8Array {
  return number(lead, 4, (view) => view.setUint32(1, count));
}

function number(lead: number, bytes: number, write: (view: DataView) => void): Uint8Array {
  const view = new DataView(new ArrayBuffer(bytes + 1));
  view.setUint8(0, lead);
  write(view);
  return new Uint8Array(view.buffer);
}

const CELL = 16;
const ROOM = 1 << 20;
/** `Tag` in `assembly/machine/value.ts`. */
const TAG = { list: 26, set: 28, map: 29 } as const;

export class Cells {
  readonly core = instantiate<Core>();
  readonly #input = this.core.reserve(ROOM);
  readonly #output = this.core.reserve(ROOM);
  readonly #cells = this.core.reserve(ROOM);
  #next = 0;
  #inputNext = 0;

  constructor() {
    this.reset();
  }

  /** Temporary values are void. */
  reset(work = 2 ** 31 - 1): void {
    this.core.freeTemporary();
    this.core.allowWork(work);
  }

  /** A cell that stands alone, or the first of several. */
  cell(count = 1): number {
    const at = this.#cells + this.#next;
    this.#next = (this.#next + count * CELL) % (ROOM - 64 * CELL);
    return at;
  }

  /** A temporary value; its texts stand in the input, which is written round and round. */
  read(bytes: Uint8Array): number {
    if (this.#inputNext + bytes.length > ROOM) this.#inputNext = 0;
    const at = this.#input + this.#inputNext;
    this.#inputNext += bytes.length;
    this.#bytes(at, bytes.length).set(bytes);
    const cell = this.cell();
    if (this.core.readValue(cell, at, at + bytes.length) === 0) throw new Error("not a value");
    return cell;
  }

  /** A held value. */
  kept(bytes: Uint8Array): number {
    const cell = this.cell();
    this.core.keep(cell, this.read(bytes));
    return cell;
  }

  /** The same value, packed: what a rebuilt one is made of. */
  packed(cell: number): Uint8Array {
    const end = this.core.packValue(cell, this.#output, this.#output + ROOM);
    if (end === 0) throw new Error("no room");
    return this.#bytes(this.#output, end - this.#output).slice();
  }

  repr(cell: number): string {
    const result = this.cell();
    const fault = this.core.reprOf(result, cell);
    if (fault !== 0) return FAULTS[fault - 1]!;
    const [, length, at] = new Uint32Array(this.core.memory.buffer, result, 3);
    return Buffer.from(this.#bytes(at!, length!)).toString();
  }

  cast(type: FieldType, cell: number): string {
    const result = this.cell();
    const fault = this.core.castTo(FIELD_TYPES.indexOf(type), result, cell);
    return fault === 0 ? this.repr(result) : FAULTS[fault - 1]!;
  }

  /** What a method gives: its repr, or the name of the fault. */
  call(method: MethodName, receiver: number, ...args: number[]): string {
    const result = this.cell();
    const number = METHOD_NAMES.indexOf(method);
    const fault = this.core.callMethod(number, result, receiver, this.row(args), args.length);
    return fault === 0 ? this.repr(result) : FAULTS[fault - 1]!;
  }

  /** Calls a method that changes what `cell` holds. The name of the fault, or null. */
  change(method: MethodName, cell: number, ...args: number[]): string | null {
    const kind = this.tag(cell);
    const { listChange, mapChange, setChange } = this.core;
    const change = kind === TAG.list ? listChange : kind === TAG.map ? mapChange : setChange;
    const fault = change(METHOD_NAMES.indexOf(method), cell, this.row(args), args.length);
    return fault === 0 ? null : FAULTS[fault - 1]!;
  }

  /** Copies of cells, one behind the other. */
  row(cells: readonly number[]): number {
    const at = this.cell(cells.length + 1);
    cells.forEach((cell, i) => {
      this.#bytes(at + i * CELL, CELL).set(this.#bytes(cell, CELL));
    });
    return at;
  }

  /** The cells within a held or temporary collection; of a map keys and values in turn. */
  parts(cell: number): number[] {
    const [, , block] = new Uint32Array(this.core.memory.buffer, cell, 3);
    const [count] = new Uint32Array(this.core.memory.buffer, block!, 1);
    const cells = this.tag(cell) === TAG.map ? count! * 2 : count!;
    return Array.from({ length: cells }, (_, i) => block! + 16 + i * CELL);
  }

  tag(cell: number): number {
    return new Uint8Array(this.core.memory.buffer, cell, 1)[0]!;
  }

  #bytes(at: number, length: number): Uint8Array {
    return new Uint8Array(this.core.memory.buffer, at, length);
  }
}
