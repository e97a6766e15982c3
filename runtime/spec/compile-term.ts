// Terms as bytecode.
import { ATTRIBUTES, FUNCTION_NAMES, type FunctionName, METHOD_NAMES } from "./builtins.ts";
import { behind, type Coder, cellAt, type Label, type Operand } from "./coder.ts";
import { BASE, BINARY, COMPARISONS, IDENTITY, TIME } from "./opcode.ts";
import type { Comparison, Slots, Term } from "./term.ts";

/** Tags that BUILD takes, as in `assembly/machine/value.ts`. */
const TAGS = { list: 26, generator: 26, tuple: 27, set: 28, map: 29 } as const;

/** Sums and the like over a window that need no list. */
const SERIES_FUNCTIONS: readonly FunctionName[] = ["sum", "len", "min", "max"];

type Of<K extends Term["kind"]> = Extract<Term, { kind: K }>;

/** Where the values of names stand. */
export interface Places {
  /** Cell of a path of the event. */
  source(path: readonly string[]): Operand;
  field(term: Of<"field">): Operand;
  /** Number of the aggregate whose window `source` is. */
  readonly window: number;
  /** Number of a reason to end the run. */
  abort(term: Of<"abort">): number;
}

export class TermCompiler {
  readonly #coder: Coder;
  readonly #places: Places;
  /** Cells of the event that are values already, here. */
  #resolved = new Set<Operand>();
  #locals: Operand[] = [];

  constructor(coder: Coder, places: Places) {
    this.#coder = coder;
    this.#places = places;
  }

  /** Runs `write`, which may or may not be run through: what it resolved is not counted on afterwards. */
  branch<T>(write: () => T): T {
    const before = new Set(this.#resolved);
    try {
      return write();
    } finally {
      this.#resolved = before;
    }
  }

  /** A new program begins: nothing is resolved. */
  restart(): void {
    this.#resolved = new Set();
  }

  /** The cell where the value is: its own, or a temporary. */
  value(term: Term): Operand {
    switch (term.kind) {
      case "constant":
        return this.#coder.constant(term.value);
      case "source":
        return this.#source(term);
      case "time":
        return cellAt(BASE.temporaries, TIME);
      case "identity":
        return cellAt(BASE.temporaries, IDENTITY);
      case "field":
        return this.#places.field(term);
      case "local":
        return this.#locals[term.slot]!;
      default: {
        const target = this.#coder.temporaries();
        this.into(target, term);
        return target;
      }
    }
  }

  /** Writes the value into a cell. */
  into(target: Operand, term: Term): void {
    const coder = this.#coder;
    switch (term.kind) {
      case "constant":
      case "source":
      case "time":
      case "identity":
      case "field":
      case "local":
        coder.emit("MOVE", { a: target, b: this.value(term) });
        return;
      case "series":
        coder.emit("SERIES", { x: this.#places.window, a: target, c: term.column });
        return;
      case "item":
        this.#item(target, term);
        return;
      case "slice":
        this.#slice(target, term);
        return;
      case "attribute": {
        const number = (ATTRIBUTES as readonly string[]).indexOf(term.name) + 1;
        coder.emit("ATTRIBUTE", { x: number, a: target, b: this.#inner(term.of), c: coder.constant(term.name) });
        return;
      }
      case "function":
        this.#function(target, term);
        return;
      case "method":
        this.#method(target, term);
        return;
      case "unary":
        if (term.op === "not") coder.emit("NOT", { a: target, b: this.#inner(term.of) });
        else coder.emit(term.op === "-" ? "NEGATE" : "AFFIRM", { a: target, b: this.#inner(term.of) });
        return;
      case "binary": {
        coder.scoped(() => {
          const left = this.value(term.left);
          coder.emit("BINARY", { x: BINARY.indexOf(term.op), a: target, b: left, c: this.value(term.right) });
        });
        return;
      }
      case "compare":
        this.#compare(target, term);
        return;
      case "logic": {
        const end = coder.label();
        this.into(target, term.left);
        coder.jump(term.op === "and" ? "JUMP_UNLESS" : "JUMP_IF", end, { a: target });
        this.branch(() => this.into(target, term.right));
        coder.place(end);
        return;
      }
      case "conditional": {
        const otherwise = coder.label();
        const end = coder.label();
        this.unless(term.test, otherwise);
        this.branch(() => this.into(target, term.then));
        coder.jump("JUMP", end);
        coder.place(otherwise);
        this.branch(() => this.into(target, term.otherwise));
        coder.place(end);
        return;
      }
      case "list":
      case "tuple":
      case "set":
        this.#build(target, TAGS[term.kind], term.items, term.items.length);
        return;
      case "map": {
        const cells = term.entries.flatMap(({ key, value }) => [key, value]);
        this.#build(target, TAGS.map, cells, term.entries.length);
        return;
      }
      case "comprehension":
        this.#comprehension(target, term);
        return;
      case "abort":
        coder.emit("ABORT", { c: this.#places.abort(term) });
        return;
    }
  }

  /** Jumps when the value is not true. */
  unless(term: Term, label: Label): void {
    const coder = this.#coder;
    if (term.kind === "constant") {
      if (!isTrue(term)) coder.jump("JUMP", label);
    } else if (term.kind === "unary" && term.op === "not") {
      this.#when(term.of, label);
    } else if (term.kind === "logic" && term.op === "and") {
      this.unless(term.left, label);
      this.branch(() => this.unless(term.right, label));
    } else if (term.kind === "logic") {
      const yes = coder.label();
      this.#when(term.left, yes);
      this.branch(() => this.unless(term.right, label));
      coder.place(yes);
    } else if (term.kind === "compare" && term.rest.length === 1) {
      this.#jumpCompare(term, false, label);
    } else {
      coder.scoped(() => coder.jump("JUMP_UNLESS", label, { a: this.value(term) }));
    }
  }

  /** Jumps when the value is true. */
  #when(term: Term, label: Label): void {
    const coder = this.#coder;
    if (term.kind === "compare" && term.rest.length === 1) this.#jumpCompare(term, true, label);
    else if (term.kind === "unary" && term.op === "not") this.unless(term.of, label);
    else coder.scoped(() => coder.jump("JUMP_IF", label, { a: this.value(term) }));
  }

  #jumpCompare(term: Of<"compare">, sense: boolean, label: Label): void {
    const coder = this.#coder;
    coder.scoped(() => {
      const { op, right } = term.rest[0]!;
      const a = this.value(term.first);
      coder.jump("JUMP_COMPARE", label, { x: COMPARISONS.indexOf(op) | (sense ? 256 : 0), a, b: this.value(right) });
    });
  }

  /** Calls a method on the field itself, in place. */
  change(field: Operand, term: Of<"method">): void {
    const coder = this.#coder;
    coder.scoped(() => {
      const { first, count } = this.#arguments(term.args);
      coder.emit("CHANGE", {
        x: METHOD_NAMES.indexOf(term.name),
        a: field,
        c: ((count << 24) | (first & 0xffffff)) >>> 0,
      });
    });
  }

  /** A value for the next instruction only: its temporary is free again. */
  #inner(term: Term): Operand {
    return this.#coder.scoped(() => this.value(term));
  }

  #source({ path, subscripts = [] }: Of<"source">): Operand {
    const coder = this.#coder;
    for (let keys = 1; keys < path.length; keys++) {
      const parent = this.#places.source(path.slice(0, keys));
      coder.emit("OBJECT", { x: Number(subscripts.includes(keys)), a: parent });
    }
    const cell = this.#places.source(path);
    if (!this.#resolved.has(cell)) {
      coder.emit("RESOLVE", { a: cell });
      this.#resolved.add(cell);
    }
    return cell;
  }

  #item(target: Operand, term: Of<"item">): void {
    const coder = this.#coder;
    coder.scoped(() => {
      if (term.of.kind === "series") {
        const index = this.value(term.index);
        coder.emit("SERIES_ITEM", { x: this.#places.window, a: target, b: index, c: term.of.column });
        return;
      }
      const of = this.value(term.of);
      coder.emit("ITEM", { a: target, b: of, c: this.value(term.index) });
    });
  }

  #slice(target: Operand, term: Of<"slice">): void {
    const coder = this.#coder;
    const none: Term = { kind: "constant", value: null, start: 0, end: 0 };
    coder.scoped(() => {
      const of = this.value(term.of);
      const bounds = coder.temporaries(3);
      for (const [i, bound] of [term.from, term.to, term.step].entries()) this.into(behind(bounds, i), bound ?? none);
      coder.emit("SLICE", { a: target, b: of, c: bounds });
    });
  }

  #function(target: Operand, term: Of<"function">): void {
    const coder = this.#coder;
    const [first] = term.args;
    if (term.args.length === 1 && first?.kind === "series" && SERIES_FUNCTIONS.includes(term.name)) {
      const func = FUNCTION_NAMES.indexOf(term.name);
      coder.emit("SERIES_FUNCTION", { x: this.#places.window, a: target, b: func, c: first.column });
      return;
    }
    if (
      first?.kind === "comprehension" &&
      first.makes === "generator" &&
      (term.name === "any" || term.name === "all")
    ) {
      this.#quantified(target, term.name === "any", first);
      return;
    }
    coder.scoped(() => {
      const { first, count } = this.#arguments(term.args);
      coder.emit("CALL", { x: FUNCTION_NAMES.indexOf(term.name), a: target, b: first, c: count });
    });
  }

  #method(target: Operand, term: Of<"method">): void {
    const coder = this.#coder;
    coder.scoped(() => {
      const of = this.value(term.of);
      const { first, count } = this.#arguments(term.args);
      const c = ((count << 24) | (first & 0xffffff)) >>> 0;
      coder.emit("METHOD", { x: METHOD_NAMES.indexOf(term.name), a: target, b: of, c });
    });
  }

  /** Arguments as neighbouring temporaries; one that is left out is an empty cell. */
  #arguments(args: readonly (Term | null)[]): { first: Operand; count: number } {
    const count = args.length;
    if (count === 1 && args[0] !== null && isTemporary(args[0]!)) return { first: this.value(args[0]!), count };
    const first = this.#coder.temporaries(Math.max(count, 1));
    for (const [i, arg] of args.entries()) {
      if (arg === null) this.#coder.emit("MOVE", { a: behind(first, i), b: this.#coder.absent });
      else this.#coder.scoped(() => this.into(behind(first, i), arg));
    }
    return { first, count };
  }

  #build(target: Operand, tag: number, items: readonly Term[], count: number): void {
    const coder = this.#coder;
    coder.scoped(() => {
      const first = coder.temporaries(Math.max(items.length, 1));
      for (const [i, item] of items.entries()) coder.scoped(() => this.into(behind(first, i), item));
      coder.emit("BUILD", { x: tag, a: target, b: first, c: count });
    });
  }

  /** `a < b < c`: each operand once; the first comparison that fails is the value. */
  #compare(target: Operand, { first, rest }: Of<"compare">): void {
    const coder = this.#coder;
    const end = coder.label();
    coder.scoped(() => {
      let left = this.value(first);
      for (const [i, { op, right }] of rest.entries()) {
        const emit = () => {
          const operand = this.value(right);
          coder.emit("COMPARE", { x: COMPARISONS.indexOf(op as Comparison), a: target, b: left, c: operand });
          left = operand;
        };
        if (i === 0) emit();
        else this.branch(emit);
        if (i + 1 < rest.length) coder.jump("JUMP_UNLESS", end, { a: target });
      }
    });
    coder.place(end);
  }

  #comprehension(target: Operand, term: Of<"comprehension">): void {
    const coder = this.#coder;
    const locals = this.#locals;
    this.#locals = [...locals];
    coder.scoped(() => {
      const made = coder.temporaries();
      coder.emit("BUILD", { x: TAGS[term.makes], a: made, b: made, c: 0 });
      const append = () => {
        const element = this.value(term.element);
        const value = term.value === null ? 0 : this.value(term.value);
        coder.emit("APPEND", { a: made, b: element, c: value });
      };
      this.branch(() => this.#clauses(term.clauses, 0, append));
      coder.emit("MOVE", { a: target, b: made });
    });
    this.#locals = locals;
  }

  /** `any(… for …)` and `all(… for …)`: up to the first element that decides. */
  #quantified(target: Operand, isAny: boolean, term: Of<"comprehension">): void {
    const coder = this.#coder;
    const locals = this.#locals;
    this.#locals = [...locals];
    coder.scoped(() => {
      const answer = coder.temporaries();
      const decided = coder.label();
      coder.emit("MOVE", { a: answer, b: coder.constant(isAny) });
      const test = () => coder.jump(isAny ? "JUMP_IF" : "JUMP_UNLESS", decided, { a: this.value(term.element) });
      this.branch(() => this.#clauses(term.clauses, 0, test));
      coder.emit("MOVE", { a: answer, b: coder.constant(!isAny) });
      coder.place(decided);
      coder.emit("MOVE", { a: target, b: answer });
    });
    this.#locals = locals;
  }

  /** @param each  writes what is done with each element */
  #clauses(clauses: Of<"comprehension">["clauses"], index: number, each: () => void): void {
    const coder = this.#coder;
    const clause = clauses[index];
    if (clause === undefined) {
      coder.scoped(each);
      return;
    }
    const iteration = coder.temporaries(2);
    const end = coder.label();
    const next = coder.label();
    coder.emit("ITERATE", { a: iteration, b: this.#inner(clause.iterable) });
    coder.place(next);
    this.branch(() => {
      const element = coder.temporaries();
      coder.jump("NEXT", end, { a: iteration, b: element });
      this.#bind(clause.target, element);
      for (const test of clause.ifs) this.unless(test, next);
      this.#clauses(clauses, index + 1, each);
      coder.jump("JUMP", next);
    });
    coder.place(end);
  }

  #bind(target: Slots, cell: Operand): void {
    if (typeof target === "number") {
      this.#locals[target] = cell;
      return;
    }
    const parts = this.#coder.temporaries(target.length);
    this.#coder.emit("UNPACK", { a: cell, b: parts, c: target.length });
    for (const [i, part] of target.entries()) this.#bind(part, behind(parts, i));
  }
}

/** Its value goes to a temporary of its own anyway. */
function isTemporary(term: Term): boolean {
  return !["constant", "source", "time", "identity", "field", "local"].includes(term.kind);
}

function isTrue({ value }: Of<"constant">): boolean {
  return Boolean(value);
}
