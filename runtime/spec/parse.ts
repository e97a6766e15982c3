// An expression's text → its tree, as Python 3.11 reads it: a Pratt parser. Of Python it takes what gives a value
// from values; what assigns, waits, defines or unpacks is a problem that says what to write instead.
//
// A problem that leaves no doubt about what goes on behind it (`=` for `==`) is told of and passed over; the first one
// that does ends the parse.
import { didYouMean } from "../errors.ts";
import { limits } from "../limits.ts";
import { type Problem, type Token, tokens } from "./lexer.ts";
import { INFIX, type Infix, Power, whyRefused } from "./operators.ts";
import type { Binary, Clause, Comparison, Expr, Keyword, Literal, Target } from "./term.ts";

export type { Problem } from "./lexer.ts";

export interface ParseOptions {
  /** As Blurr: integers of any size. Else one beyond 64 bits is a problem. */
  readonly compat?: boolean;
}

/** @returns the tree, or null and at least one problem */
export function parseExpression(
  text: string,
  { compat = false }: ParseOptions = {},
): { readonly expr: Expr | null; readonly problems: Problem[] } {
  if (text.length > limits.specExpressionChars) {
    const message = `${text.length} characters, expected at most ${limits.specExpressionChars} in one expression`;
    return { expr: null, problems: [{ start: 0, end: text.length, message }] };
  }
  const problems: Problem[] = [];
  const parser = new Parser(text, tokens(text, problems), problems, compat);
  const expr = parser.whole();
  problems.sort((a, b) => a.start - b.start);
  return { expr: problems.length === 0 ? expr : null, problems };
}

/** Words that may stand between two values. */
const BETWEEN = ["and", "or", "in", "not in", "is", "is not", "if", "else", "for"];

/** Expected behind a value. */
const OPERATOR = "an operator, or the end";

const CLOSING: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

const INT_MAX = 2n ** 63n - 1n;

/** Ends a parse. The problem is told of already. */
const STOP = Symbol("stop");

class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  readonly #problems: Problem[];
  readonly #compat: boolean;
  #next = 0;
  #depth = 0;
  #nodes = 0;

  constructor(text: string, all: readonly Token[], problems: Problem[], compat: boolean) {
    this.#text = text;
    this.#tokens = all;
    this.#problems = problems;
    this.#compat = compat;
  }

  whole(): Expr | null {
    try {
      if (this.#peek().kind === "end") this.#stop(this.#peek(), "nothing here: expected an expression");
      const expr = this.#listed();
      if (this.#peek().kind !== "end") this.#unexpected(OPERATOR);
      return expr;
    } catch (thrown) {
      if (thrown !== STOP) throw thrown;
      return null;
    }
  }

  // Expressions

  /** `a`, or a tuple without brackets: `a, b`. */
  #listed(): Expr {
    const start = this.#peek().start;
    const first = this.#expression();
    if (!this.#isOperator(",")) return first;
    const items = [first];
    while (this.#take(",") && this.#peek().kind !== "end") items.push(this.#expression());
    return this.#node({ kind: "tuple", items, start, end: this.#end() });
  }

  /** Whatever may stand between commas. */
  #expression(): Expr {
    return this.#above(Power.CONDITIONAL);
  }

  /** An expression of operators that bind at least as tightly as `least`. */
  #above(least: number): Expr {
    if (++this.#depth > limits.specExpressionDepth) {
      this.#stop(
        this.#peek(),
        `nested more than ${limits.specExpressionDepth} deep: give parts of it fields of their own`,
      );
    }
    const start = this.#peek().start;
    let left = this.#operand(least);
    for (;;) {
      const infix = this.#infix(least);
      if (infix === null) break;
      left = this.#joined(start, left, infix);
    }
    this.#depth--;
    return left;
  }

  /** The operator that comes next, if it binds at least as tightly as `least`. */
  #infix(least: number): Infix | null {
    const token = this.#peek();
    if (token.kind !== "operator" && token.kind !== "keyword") return null;
    const infix = INFIX.get(token.name);
    if (infix === undefined || infix.power < least) return null;
    // `not` joins only as `not in`.
    if (token.name === "not" && !this.#isWord("in", 1)) return null;
    return infix;
  }

  #joined(start: number, left: Expr, { kind, op, power, slip }: Infix): Expr {
    if (kind === "compare") return this.#comparison(start, left);
    const token = this.#advance();
    if (slip !== undefined) this.#problem(token, slip);
    if (kind === "conditional") {
      const test = this.#above(Power.OR);
      if (!this.#takeWord("else")) this.#unexpected("'else' with the value for when the condition is false");
      const otherwise = this.#above(Power.CONDITIONAL);
      // biome-ignore lint/suspicious/noThenProperty: it is no function, and nobody awaits a tree
      return this.#node({ kind, test, then: left, otherwise, start, end: this.#end() });
    }
    // `**` groups to the right, and a sign may stand behind it: 2 ** -1
    const right = this.#above(power === Power.POWER ? Power.UNARY : power + 1);
    if (kind === "logic") return this.#node({ kind, op: op as "and" | "or", left, right, start, end: this.#end() });
    return this.#node({ kind: "binary", op: op as Binary, left, right, start, end: this.#end() });
  }

  /** `a < b <= c`: one node, each operand evaluated once. */
  #comparison(start: number, first: Expr): Expr {
    const rest: { op: Comparison; right: Expr }[] = [];
    for (let infix = this.#infix(Power.COMPARISON); infix?.kind === "compare"; infix = this.#infix(Power.COMPARISON)) {
      const token = this.#advance();
      if (infix.slip !== undefined) this.#problem(token, infix.slip);
      let op = infix.op as Comparison;
      if (op === "not in") this.#advance();
      if (op === "is" && this.#takeWord("not")) op = "is not";
      rest.push({ op, right: this.#above(Power.BIT_OR) });
    }
    return this.#node({ kind: "compare", first, rest, start, end: this.#end() });
  }

  /** What an operator may stand before or behind: a sign or `not` and what it is for, or a value. */
  #operand(least: number): Expr {
    const token = this.#peek();
    if (token.kind === "keyword" && token.name === "not") {
      if (least > Power.NOT) this.#problem(token, "'not' binds loosely: put it into brackets, (not …)");
      this.#advance();
      const of = this.#above(Power.NOT);
      return this.#node({ kind: "unary", op: "not", of, start: token.start, end: this.#end() });
    }
    if (token.kind === "operator") {
      if (token.name === "!") {
        this.#problem(token, whyRefused("!")!);
        this.#advance();
        const of = this.#above(Power.UNARY);
        return this.#node({ kind: "unary", op: "not", of, start: token.start, end: this.#end() });
      }
      if (token.name === "-" || token.name === "+") {
        this.#advance();
        const smallest = token.name === "-" ? this.#smallest(token.start) : null;
        if (smallest !== null) return smallest;
        const of = this.#above(Power.UNARY);
        return this.#node({ kind: "unary", op: token.name, of, start: token.start, end: this.#end() });
      }
    }
    return this.#value();
  }

  /** -9223372036854775808, which is no negation: without its sign it is beyond 64 bits. */
  #smallest(start: number): Expr | null {
    const token = this.#peek();
    if (token.kind !== "number" || token.value !== INT_MAX + 1n) return null;
    if (["**", ".", "[", "("].some((name) => this.#isOperator(name, 1))) return null;
    this.#advance();
    return this.#constant(-token.value, start);
  }

  /** A value, with the attributes, calls and subscripts behind it. */
  #value(): Expr {
    const start = this.#peek().start;
    let value = this.#atom();
    for (;;) {
      if (this.#take(".")) value = this.#attribute(start, value);
      else if (this.#isOperator("(")) value = this.#call(start, value);
      else if (this.#isOperator("[")) value = this.#subscript(start, value);
      else return value;
    }
  }

  #atom(): Expr {
    const token = this.#peek();
    switch (token.kind) {
      case "name":
        this.#advance();
        return this.#node({ kind: "name", name: token.name, start: token.start, end: token.end });
      case "number":
        this.#advance();
        if (typeof token.value === "bigint" && token.value > INT_MAX && !this.#compat) {
          const message = `'${this.#shown(token)}' is beyond 64 bits: expected at most ${INT_MAX}`;
          this.#problem(token, message);
        }
        return this.#constant(token.value, token.start);
      case "text":
        return this.#texts();
      case "keyword": {
        const value = CONSTANTS.get(token.name);
        if (value === undefined) return this.#unexpected("a value");
        this.#advance();
        return this.#constant(value, token.start);
      }
      case "operator":
        if (token.name === "(") return this.#bracketed();
        if (token.name === "[") return this.#list();
        if (token.name === "{") return this.#braced();
        return this.#unexpected("a value");
      default:
        return this.#unexpected("a value");
    }
  }

  /** `'a' 'b'` is one text. */
  #texts(): Expr {
    const start = this.#peek().start;
    let value = "";
    for (let token = this.#peek(); token.kind === "text"; token = this.#peek()) {
      value += token.value;
      this.#advance();
    }
    return this.#constant(value, start);
  }

  // Behind a value

  #attribute(start: number, of: Expr): Expr {
    const token = this.#peek();
    if (token.kind === "keyword") {
      this.#problem(token, `'${token.name}' is a word of Python: write ['${token.name}'] for .${token.name}`);
    } else if (token.kind !== "name") return this.#unexpected("a name behind the dot");
    this.#advance();
    return this.#node({ kind: "attribute", of, name: token.name, nameAt: token.start, start, end: token.end });
  }

  #call(start: number, callee: Expr): Expr {
    const open = this.#advance();
    const args: Expr[] = [];
    const keywords: Keyword[] = [];
    while (!this.#isOperator(")")) {
      const token = this.#peek();
      if (this.#star()) this.#expression();
      else if ((token.kind === "name" || token.kind === "keyword") && this.#isOperator("=", 1)) {
        keywords.push(this.#keyword(keywords));
      } else {
        const arg = this.#expression();
        const lone = args.length === 0 && keywords.length === 0;
        if (this.#isFor()) args.push(this.#generator(arg, token.start, lone));
        else {
          if (keywords.length > 0) this.#problem(arg, "an argument by place stands behind one by name: put it before");
          args.push(arg);
        }
      }
      if (!this.#take(",")) break;
    }
    this.#close(open);
    return this.#node({ kind: "call", callee, args, keywords, start, end: this.#end() });
  }

  /** `name=value`. */
  #keyword(before: readonly Keyword[]): Keyword {
    const token = this.#advance() as Token & { name: string };
    this.#advance();
    if (token.kind === "keyword")
      this.#problem(token, `'${token.name}' is a word of Python, no argument's name: to compare write '=='`);
    if (before.some(({ name }) => name === token.name)) this.#problem(token, `'${token.name}' is given twice`);
    return { name: token.name, value: this.#expression(), nameAt: token.start };
  }

  /** @param lone  is it the only argument so far? */
  #generator(element: Expr, start: number, lone: boolean): Expr {
    const clauses = this.#clauses();
    const end = this.#end();
    if (!lone || this.#isOperator(",")) {
      this.#problem({ start, end }, "beside other arguments a generator stands in brackets: ( … for … in … )");
    }
    return this.#node({ kind: "comprehension", makes: "generator", element, value: null, clauses, start, end });
  }

  #subscript(start: number, of: Expr): Expr {
    const open = this.#advance();
    if (this.#isOperator("]")) this.#stop(this.#peek(), "nothing in [ ]: expected a key, an index, or from:to");
    const from = this.#isOperator(":") ? null : this.#expression();
    let index: Expr | null = from;
    let to: Expr | null = null;
    let step: Expr | null = null;
    if (this.#take(":")) {
      index = null;
      if (!this.#isOperator("]") && !this.#isOperator(":") && !this.#isOperator(",")) to = this.#expression();
      if (this.#take(":") && !this.#isOperator("]") && !this.#isOperator(",")) step = this.#expression();
    }
    if (this.#isOperator(",")) {
      this.#stop(
        this.#peek(),
        "several keys in one [ ] are not available: write [a][b], or [(a, b)] for a tuple as the key",
      );
    }
    this.#close(open);
    const span = { start, end: this.#end() };
    if (index !== null) return this.#node({ kind: "item", of, index, ...span });
    return this.#node({ kind: "slice", of, from, to, step, ...span });
  }

  // Displays

  /** `( … )`: an expression, a tuple, a generator. */
  #bracketed(): Expr {
    const open = this.#advance();
    const { start } = open;
    if (this.#take(")")) return this.#node({ kind: "tuple", items: [], start, end: this.#end() });
    const first = this.#item();
    if (this.#isFor()) {
      const clauses = this.#clauses();
      this.#close(open);
      const end = this.#end();
      return this.#node({
        kind: "comprehension",
        makes: "generator",
        element: first,
        value: null,
        clauses,
        start,
        end,
      });
    }
    if (!this.#isOperator(",")) {
      this.#close(open);
      return first;
    }
    const items = this.#itemsBehind(first, ")");
    this.#close(open);
    return this.#node({ kind: "tuple", items, start, end: this.#end() });
  }

  #list(): Expr {
    const open = this.#advance();
    const { start } = open;
    if (this.#take("]")) return this.#node({ kind: "list", items: [], start, end: this.#end() });
    const first = this.#item();
    if (this.#isFor()) {
      const clauses = this.#clauses();
      this.#close(open);
      const end = this.#end();
      return this.#node({ kind: "comprehension", makes: "list", element: first, value: null, clauses, start, end });
    }
    const items = this.#itemsBehind(first, "]");
    this.#close(open);
    return this.#node({ kind: "list", items, start, end: this.#end() });
  }

  /** `{ … }`: a map, a set, or a comprehension of one. */
  #braced(): Expr {
    const open = this.#advance();
    const { start } = open;
    if (this.#take("}")) return this.#node({ kind: "map", entries: [], start, end: this.#end() });
    const first = this.#item();
    const value = this.#take(":") ? this.#expression() : null;
    if (this.#isFor()) {
      const clauses = this.#clauses();
      this.#close(open);
      const makes = value === null ? "set" : "map";
      return this.#node({ kind: "comprehension", makes, element: first, value, clauses, start, end: this.#end() });
    }
    if (value === null) {
      const items = this.#itemsBehind(first, "}");
      this.#close(open);
      return this.#node({ kind: "set", items, start, end: this.#end() });
    }
    const entries = [{ key: first, value }];
    while (this.#take(",") && !this.#isOperator("}")) {
      const key = this.#item();
      if (!this.#take(":")) this.#unexpected("':' and the value for this key");
      entries.push({ key, value: this.#expression() });
    }
    this.#close(open);
    return this.#node({ kind: "map", entries, start, end: this.#end() });
  }

  #itemsBehind(first: Expr, close: string): Expr[] {
    const items = [first];
    while (this.#take(",") && !this.#isOperator(close)) items.push(this.#item());
    return items;
  }

  #item(): Expr {
    this.#star();
    return this.#expression();
  }

  /** `*x`, `**x`: passes over the stars. */
  #star(): boolean {
    if (!this.#isOperator("*") && !this.#isOperator("**")) return false;
    const token = this.#advance() as Token & { name: string };
    this.#problem(token, `'${token.name}' that unpacks is not available: join lists with +, maps with |`);
    return true;
  }

  // Comprehensions

  #isFor(): boolean {
    return this.#isWord("for") || (this.#isWord("async") && this.#isWord("for", 1));
  }

  #clauses(): Clause[] {
    const clauses: Clause[] = [];
    while (this.#isFor()) {
      if (this.#isWord("async")) this.#problem(this.#advance(), whyRefused("async")!);
      this.#advance();
      const target = this.#target();
      if (!this.#takeWord("in")) this.#unexpected("'in' and what to go through");
      const iterable = this.#above(Power.OR);
      const ifs: Expr[] = [];
      while (this.#takeWord("if")) ifs.push(this.#above(Power.OR));
      clauses.push({ target, iterable, ifs });
    }
    return clauses;
  }

  /** What `for` names: `x`, `a, b`, `a, (b, c)`. */
  #target(): Target {
    const { start } = this.#peek();
    const first = this.#targetItem();
    if (!this.#isOperator(",")) return first;
    const items = [first];
    while (this.#take(",") && !this.#isWord("in")) items.push(this.#targetItem());
    return { kind: "tuple", items, start, end: this.#end() };
  }

  #targetItem(): Target {
    if (this.#star()) return this.#targetItem();
    const token = this.#peek();
    if (token.kind === "name") {
      this.#advance();
      if (this.#isOperator(".") || this.#isOperator("[") || this.#isOperator("(")) {
        this.#unexpected("'in': 'for' takes plain names");
      }
      this.#count(token);
      return { kind: "name", name: token.name, start: token.start, end: token.end };
    }
    const close = token.kind === "operator" ? CLOSING[token.name] : undefined;
    if (close === undefined || close === "}") this.#unexpected("a name behind 'for'");
    if (++this.#depth > limits.specExpressionDepth) {
      this.#stop(token, `nested more than ${limits.specExpressionDepth} deep`);
    }
    this.#advance();
    const items: Target[] = [];
    let commas = 0;
    while (!this.#isOperator(close)) {
      items.push(this.#targetItem());
      if (!this.#take(",")) break;
      commas++;
    }
    this.#close(token);
    this.#depth--;
    // (x) is x; [x] and (x,) are made of one element.
    if (close === ")" && items.length === 1 && commas === 0) return items[0]!;
    return { kind: "tuple", items, start: token.start, end: this.#end() };
  }

  // Tokens

  #peek(ahead = 0): Token {
    return this.#tokens[Math.min(this.#next + ahead, this.#tokens.length - 1)]!;
  }

  #advance(): Token {
    const token = this.#peek();
    if (token.kind !== "end") this.#next++;
    return token;
  }

  #isOperator(name: string, ahead = 0): boolean {
    const token = this.#peek(ahead);
    return token.kind === "operator" && token.name === name;
  }

  #isWord(name: string, ahead = 0): boolean {
    const token = this.#peek(ahead);
    return token.kind === "keyword" && token.name === name;
  }

  #take(operator: string): boolean {
    const taken = this.#isOperator(operator);
    if (taken) this.#next++;
    return taken;
  }

  #takeWord(name: string): boolean {
    const taken = this.#isWord(name);
    if (taken) this.#next++;
    return taken;
  }

  /** Takes the bracket that closes `open`. */
  #close(open: Token): void {
    const bracket = (open as Token & { name: string }).name;
    const close = CLOSING[bracket]!;
    if (this.#take(close)) return;
    if (this.#peek().kind === "end") this.#stop(open, `'${bracket}' is never closed: expected '${close}'`);
    this.#unexpected(`',' or '${close}' for the '${bracket}' before`);
  }

  /** Where what was taken last ends. */
  #end(): number {
    return this.#next === 0 ? 0 : this.#tokens[this.#next - 1]!.end;
  }

  // Nodes

  #node(node: Expr): Expr {
    this.#count(node);
    return node;
  }

  #constant(value: Literal, start: number): Expr {
    return this.#node({ kind: "constant", value, start, end: this.#end() });
  }

  #count(at: { readonly start: number; readonly end: number }): void {
    if (++this.#nodes > limits.specExpressionNodes) {
      this.#stop(
        at,
        `more than ${limits.specExpressionNodes} parts in one expression: give some of it fields of their own`,
      );
    }
  }

  // Problems

  #problem({ start, end }: { readonly start: number; readonly end: number }, message: string): void {
    this.#problems.push({ start, end, message });
  }

  #stop(at: { readonly start: number; readonly end: number }, message: string): never {
    this.#problem(at, message);
    throw STOP;
  }

  /** The next token can't stand where it does. */
  #unexpected(expected: string): never {
    const token = this.#peek();
    if (token.kind === "end") this.#stop(token, `ends too early: expected ${expected}`);
    const refused = "name" in token ? whyRefused(token.name) : null;
    if (refused !== null) this.#stop(token, refused);
    // A word was perhaps meant to join: `a AND b`.
    const near = token.kind === "name" && expected === OPERATOR ? didYouMean(token.name, BETWEEN) : "";
    this.#stop(token, `unexpected '${this.#shown(token)}'${near}: expected ${expected}`);
  }

  #shown({ start, end }: Token): string {
    const text = this.#text.slice(start, end);
    return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS - 1)}…` : text;
  }
}

const CONSTANTS: ReadonlyMap<string, Literal> = new Map<string, Literal>([
  ["True", true],
  ["False", false],
  ["None", null],
]);

const SHOWN_CHARS = 40;
