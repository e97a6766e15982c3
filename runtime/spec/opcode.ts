// The bytecode that the core interprets (`assembly/machine/vm.ts`): fixed 16-byte instructions of an operation, a small
// number `x` and three words. A word names a cell (base << 24 | offset in bytes), a place in the code (in bytes), or a number.
import type { Binary, Comparison } from "./term.ts";

/** Operations, in the order of `Op` in `assembly/machine/vm.ts`. `a` is the cell written unless it says otherwise. */
export const OPS = [
  "END",
  "JUMP", // to c
  "JUMP_IF", // a is true: to c
  "JUMP_UNLESS", // a is false: to c
  "TRY", // what fails from here on goes on at c; 0: it ends the program
  "COUNT", // counts the last fault at number c
  "MOVE", // a ← b
  "RESOLVE", // the cell a of the event becomes a value
  "OBJECT", // the cell a of the event must be an object, for its members to be read; x = 1: by subscript
  "BINARY", // a ← b x c
  "COMPARE", // a ← b x c
  "JUMP_COMPARE", // (a x b) is what bit 8 of x says: to c
  "NOT", // a ← not b
  "NEGATE",
  "AFFIRM",
  "TRUTH", // a ← bool(b)
  "CALL", // a ← function x of c cells from b on
  "METHOD", // a ← method x of b; c = count << 24 | offset of the first temporary
  "CHANGE", // method x changes the field a; c as above
  "ATTRIBUTE", // a ← attribute x - 1 (0: none of ours) of b; c is its name
  "ITEM", // a ← b[c]
  "SLICE", // a ← b[c:c+1:c+2]
  "BUILD", // a ← collection x of c cells from b on (of a map: 2 c)
  "ITERATE", // a, a+1 ← an iteration over b
  "NEXT", // b ← next of iteration a; none: to c
  "UNPACK", // b, b+1, … ← the c elements of a
  "APPEND", // b (of a map: b, c) into the collection a
  "SERIES", // a ← values of column c in window x
  "SERIES_ITEM", // a ← value number b (a cell) of column c in window x
  "SERIES_FUNCTION", // a ← sum, len, min or max (b: its number as function) of column c in window x
  "STORE", // field a of type x ← b
  "OWN", // aggregate x gets a record to write to
  "SWITCH", // aggregate x gets the record with the c dimensions from b on
  "SEPARATE", // aggregate x: too long after the last event its record is done
  "SPLIT", // aggregate x: its record is done if a is True
  "ACCEPT", // the record of aggregate x takes the event: identity, times
  "CAST", // a ← b as type x, for a dimension
  "ABORT", // ends the run; c: the reason's number
  "TRACE", // for `explain`: tells the host of cell a; c: what it is
  "DISCARD", // the record that aggregate x got with this event goes again
] as const;

export type Op = (typeof OPS)[number];

/** In the order of `Operator` in `assembly/machine/operate.ts`. */
export const BINARY: readonly Binary[] = ["+", "-", "*", "/", "//", "%", "**", "|", "&", "^"];

/** In the order of `Comparison` in `assembly/machine/operate.ts`. */
export const COMPARISONS: readonly Comparison[] = ["==", "!=", "<", "<=", ">", ">=", "in", "not in", "is", "is not"];

/** Bases of cells, as in `assembly/machine/program.ts`. From FIRST_RECORD on one for each aggregate. */
export const BASE = { constants: 0, temporaries: 1, event: 2, anchor: 3, firstRecord: 4 } as const;

/** Temporaries that the fold writes before each event. */
export const TIME = 0;
export const IDENTITY = 1;
export const FIRST_TEMPORARY = 2;

export const INSTRUCTION_BYTES = 16;
