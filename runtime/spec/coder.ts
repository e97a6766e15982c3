// Writes bytecode: instructions, constants, temporaries and labels of one spec. What to write is `compile.ts`'s business.
import { BASE, FIRST_TEMPORARY, INSTRUCTION_BYTES, OPS, type Op } from "./opcode.ts";
import type { Literal } from "./term.ts";

/** A cell: base << 24 | offset in bytes. */
export type Operand = number;

export const cellAt = (base: number, index: number): Operand => ((base << 24) | (index * 16)) >>> 0;

/** A place in the code that instructions jump to before it is known. */
export interface Label {
  at: number;
  readonly uses: number[];
}

const OP_NUMBERS = new Map(OPS.map((op, number) => [op, number]));

export class Coder {
  /** Four words per instruction. */
  readonly words: number[] = [];
  /** undefined: the cell of an argument that is left out. */
  readonly constants: (Literal | undefined)[] = [];
  /** Cells that the temporaries need at most. */
  temporariesMax = FIRST_TEMPORARY + 1;
  readonly #constantAt = new Map<string, Operand>();
  #temporaries = FIRST_TEMPORARY;

  /** Where the next instruction goes, in bytes. */
  get here(): number {
    return (this.words.length / 4) * INSTRUCTION_BYTES;
  }

  emit(op: Op, { x = 0, a = 0, b = 0, c = 0 }: { x?: number; a?: Operand; b?: Operand; c?: number } = {}): void {
    this.words.push((OP_NUMBERS.get(op)! | (x << 16)) >>> 0, a, b, c);
  }

  /** An instruction whose `c` is a label. */
  jump(op: Op, label: Label, operands: { x?: number; a?: Operand; b?: Operand } = {}): void {
    this.emit(op, operands);
    label.uses.push(this.words.length - 1);
    if (label.at >= 0) this.words[this.words.length - 1] = label.at;
  }

  label(): Label {
    return { at: -1, uses: [] };
  }

  /** The label is here. */
  place(label: Label): void {
    label.at = this.here;
    for (const use of label.uses) this.words[use] = label.at;
  }

  get absent(): Operand {
    return this.constant(undefined);
  }

  constant(value: Literal | undefined): Operand {
    const key = keyOf(value);
    let operand = this.#constantAt.get(key);
    if (operand === undefined) {
      operand = cellAt(BASE.constants, this.constants.length);
      this.#constantAt.set(key, operand);
      this.constants.push(value);
    }
    return operand;
  }

  /** Neighbouring temporaries; the first. */
  temporaries(count = 1): Operand {
    const first = this.#temporaries;
    this.#temporaries += count;
    this.temporariesMax = Math.max(this.temporariesMax, this.#temporaries);
    return cellAt(BASE.temporaries, first);
  }

  /** Runs `write`; temporaries that it took are free again. */
  scoped<T>(write: () => T): T {
    const before = this.#temporaries;
    try {
      return write();
    } finally {
      this.#temporaries = before;
    }
  }
}

/** The cell `by` places behind another. */
export function behind(operand: Operand, by: number): Operand {
  return operand + by * 16;
}

function keyOf(value: Literal | undefined): string {
  if (typeof value === "number") return `n${Object.is(value, -0) ? "-0" : value}`;
  return value === null ? "null" : `${typeof value}${value}`;
}
