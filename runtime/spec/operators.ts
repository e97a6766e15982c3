// Operators: how tightly they bind, what they mean; and what to write instead of those that other languages have.
import type { Binary, Comparison } from "./term.ts";

/** How tightly an operator binds. A right operand has its operator's power + 1 at least, so that equals group to the left. */
export const Power = {
  CONDITIONAL: 1,
  OR: 2,
  AND: 3,
  NOT: 4,
  COMPARISON: 5,
  BIT_OR: 6,
  BIT_XOR: 7,
  BIT_AND: 8,
  SHIFT: 9,
  SUM: 10,
  PRODUCT: 11,
  UNARY: 12,
  POWER: 13,
} as const;

export interface Infix {
  readonly power: number;
  readonly kind: "binary" | "compare" | "logic" | "conditional";
  /** What it means; another than what is written where it is a slip. */
  readonly op: string;
  /** What is wrong with it. */
  readonly slip?: string;
}

const binary = (op: Binary, power: number): Infix => ({ kind: "binary", op, power });
const compare = (op: Comparison): Infix => ({ kind: "compare", op, power: Power.COMPARISON });
/** Another language's way to write `op`; what it is in Python. */
const slip = (meant: Infix, why: string): Infix => ({ ...meant, slip: why });

const OR: Infix = { kind: "logic", op: "or", power: Power.OR };
const AND: Infix = { kind: "logic", op: "and", power: Power.AND };
const NO_SHIFT = "shifts are not available: write * 2 ** n, or // 2 ** n";

/** By what is written. */
export const INFIX: ReadonlyMap<string, Infix> = new Map<string, Infix>([
  ["if", { kind: "conditional", op: "if", power: Power.CONDITIONAL }],
  ["or", OR],
  ["and", AND],
  ...(["==", "!=", "<", "<=", ">", ">=", "in", "is"] as const).map((op): [string, Infix] => [op, compare(op)]),
  ["not", compare("not in")],
  ["|", binary("|", Power.BIT_OR)],
  ["^", binary("^", Power.BIT_XOR)],
  ["&", binary("&", Power.BIT_AND)],
  ["+", binary("+", Power.SUM)],
  ["-", binary("-", Power.SUM)],
  ["*", binary("*", Power.PRODUCT)],
  ["/", binary("/", Power.PRODUCT)],
  ["//", binary("//", Power.PRODUCT)],
  ["%", binary("%", Power.PRODUCT)],
  ["**", binary("**", Power.POWER)],

  ["=", slip(compare("=="), "'=' assigns, and an expression assigns nothing: to compare write '=='")],
  ["===", slip(compare("=="), "'===' is not Python: write '=='")],
  ["!==", slip(compare("!="), "'!==' is not Python: write '!='")],
  ["<>", slip(compare("!="), "'<>' is not Python: write '!='")],
  ["=>", slip(compare(">="), "'=>' is not Python: write '>='")],
  ["=<", slip(compare("<="), "'=<' is not Python: write '<='")],
  ["&&", slip(AND, "'&&' is not Python: write 'and'")],
  ["||", slip(OR, "'||' is not Python: write 'or'")],
  ["<<", slip(binary("*", Power.SHIFT), `'<<': ${NO_SHIFT}`)],
  [">>", slip(binary("//", Power.SHIFT), `'>>': ${NO_SHIFT}`)],
  ["@", slip(binary("*", Power.PRODUCT), "'@': matrices are not available")],
]);

/** Operators and words that an expression never has, and what to say of them. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ["lambda", "'lambda' is not available: write a comprehension, as in [x + 1 for x in source.list]"],
  ["await", "'await' is not available: an expression waits for nothing"],
  ["async", "'async' is not available: an expression waits for nothing"],
  ["yield", "'yield' is not available: write a comprehension"],
  [":=", "':=' assigns, and an expression assigns nothing: to compare write '=='; to keep a value give it a field"],
  ["~", "'~' is not available: write -x - 1"],
  ["...", "'...' is not available"],
  ["?", "'?' is not Python: write 'a if condition else b'"],
  ["??", "'??' is not Python: write 'a if a is not None else b'"],
  ["?.", "'?.' is not Python: write '.'; a missing key of the event is None"],
  ["->", "'->' is not Python: write '.'"],
  [";", "';' ends a statement, and an expression is only one"],
  ["!", "'!' is not Python: write 'not'"],
]);

/** What to say of a word or an operator that an expression never has; null: nothing special. */
export function whyRefused(written: string): string | null {
  const refused = REFUSED.get(written);
  if (refused !== undefined) return refused;
  if (!/^(?:\*\*|\/\/|<<|>>|[-+*/%&|^@])=$/.test(written)) return null;
  return `'${written}' assigns, and an expression assigns nothing: write '${written.slice(0, -1)}'`;
}
