// An expression's tree → the same with every name led to what it means (`Term`), by the scope that it stands in. What
// can be shown to be wrong is a problem here, so that at run time only values are wrong.
import { didYouMean } from "../errors.ts";
import { type Misplaced, type Named, placed } from "./arguments.ts";
import { FUNCTIONS, type FunctionName, METHODS, type MethodName } from "./builtins.ts";
import { BUILTINS, type Builtin, own } from "./imports.ts";
import * as kinds from "./kinds.ts";
import type { Problem } from "./lexer.ts";
import { near, whyUnknown } from "./names.ts";
import type { Scope, Shape } from "./scope.ts";
import * as signatures from "./signatures.ts";
import type { Expr, Slots, Span, Target, Term, Whose } from "./term.ts";
import { DICT_METHODS, isMissingMethod, missingFunction } from "./unavailable.ts";

export { type Import, type ImportProblem, type Imports, NO_IMPORTS, resolveImports } from "./imports.ts";
export type { Scope, Shape, Source } from "./scope.ts";

/** @returns the term, or null and at least one problem; offsets are into `text` */
export function resolve(
  expr: Expr,
  text: string,
  scope: Scope,
): { readonly term: Term | null; readonly problems: Problem[] } {
  const problems: Problem[] = [];
  const { term } = new Resolver(text, scope, problems).value(expr);
  problems.sort((a, b) => a.start - b.start);
  return { term: problems.length === 0 ? term : null, problems };
}

interface Value {
  readonly is: "value";
  readonly term: Term;
  readonly type: kinds.Type;
}

/** What a part of an expression leads to: a value, or something that has values behind a dot. */
type Meaning =
  | Value
  | { readonly is: "aggregate"; readonly whose: Whose; readonly index: number; readonly shape: Shape }
  /** The streaming spec, in a window spec. */
  | { readonly is: "stream" }
  /** `source` of a window. */
  | { readonly is: "blocks"; readonly shape: Shape }
  | { readonly is: "builtin"; readonly builtin: Builtin };

/** What a `for` names. */
interface Local {
  readonly name: string;
  /** Null: it is named further on. */
  readonly slot: number | null;
  readonly type: kinds.Type;
}

type Of<K extends Expr["kind"]> = Expr & { readonly kind: K };

interface Arguments {
  readonly positional: readonly Value[];
  readonly named: readonly Named<Value>[];
  readonly terms: readonly Term[];
}

/** Stands for what is a problem already: anything may be done with it. */
const BROKEN: Value = { is: "value", term: { kind: "constant", value: null, start: 0, end: 0 }, type: kinds.ANY };

class Resolver {
  readonly #text: string;
  readonly #scope: Scope;
  readonly #problems: Problem[];
  /** Innermost last. */
  readonly #locals: Local[] = [];
  /** Slots in use here. */
  #slots = 0;
  /** How many comprehensions are round this, each of which Python would make a function of. */
  #functions = 0;

  constructor(text: string, scope: Scope, problems: Problem[]) {
    this.#text = text;
    this.#scope = scope;
    this.#problems = problems;
  }

  value(expr: Expr): Value {
    const meaning = this.#meaning(expr);
    return meaning.is === "value" ? meaning : this.#noValue(expr, meaning);
  }

  #meaning(expr: Expr): Meaning {
    switch (expr.kind) {
      case "constant":
        return this.#value(expr, kinds.ofLiteral(expr.value));
      case "name":
        return this.#name(expr, expr.name);
      case "attribute":
        return this.#member(expr, this.#meaning(expr.of), expr.name, nameOf(expr));
      case "item":
        return this.#item(expr);
      case "slice":
        return this.#slice(expr);
      case "call":
        return this.#call(expr);
      case "unary":
        return this.#unary(expr);
      case "binary":
        return this.#binary(expr);
      case "compare":
        return this.#compare(expr);
      case "logic":
        return this.#logic(expr);
      case "conditional":
        return this.#conditional(expr);
      case "list":
      case "tuple":
      case "set":
        return this.#display(expr);
      case "map":
        return this.#map(expr);
      case "comprehension":
        return this.#comprehension(expr);
    }
  }

  // Names

  #name(at: Span, name: string): Meaning {
    const { compat, bareFields, whose, aggregates, defined, stream, imports } = this.#scope;
    const local = this.#locals.findLast((local) => local.name === name);
    if (local !== undefined) {
      if (local.slot !== null) return this.#value({ kind: "local", slot: local.slot, ...span(at) }, local.type);
      const message = `'${name}' is used before it is defined: its 'for' stands further on`;
      return this.#unknown(at, message, "NameError", `cannot access local variable '${name}'`);
    }
    const fixed = this.#fixed(at, name);
    if (fixed !== null) return fixed;

    const field = bareFields === null ? null : this.#field(at, whose, bareFields, name);
    if (field !== null) return field;
    const index = aggregates.findIndex((aggregate) => aggregate.name === name);
    if (index >= 0) {
      if (index >= defined && !compat) {
        this.#problem(at, `'${name}' is used before it is defined: it stands further down, and is empty here`);
      }
      return { is: "aggregate", whose, index, shape: aggregates[index]! };
    }
    if (stream?.name === name) return { is: "stream" };
    const builtin = imports.get(name) ?? own(BUILTINS, name);
    if (builtin !== undefined) return this.#builtin(at, builtin);

    const missing = missingFunction(name);
    if (missing !== null) return this.#failed(at, missing);
    const locals = this.#locals.map((local) => local.name);
    return this.#unknown(at, whyUnknown(name, this.#scope, locals), "NameError", `name '${name}' is not defined`);
  }

  /** `source`, `time`, `identity`, `anchor`, where they are known. */
  #fixed(at: Span, name: string): Meaning | null {
    const { source, time, identity, anchor, stream, compat } = this.#scope;
    switch (name) {
      case "source":
        if (source === "event") return this.#value({ kind: "source", path: [], ...span(at) }, kinds.EVENT);
        if (source === "absent" || source === "early") return null;
        // Blurr hands `source` to eval() as a local name, which the function of a comprehension does not see.
        if (compat && this.#functions > 0) return this.#abort(at, "NameError", `name '${name}' is not defined`);
        return { is: "blocks", shape: source };
      case "time":
        return time ? this.#value({ kind: "time", ...span(at) }, kinds.TIME) : null;
      case "identity":
        return identity ? this.#value({ kind: "identity", ...span(at) }, kinds.OF_EVENT) : null;
      case "anchor":
        if (anchor === null || stream === null) return null;
        return { is: "aggregate", whose: "anchor", index: anchor, shape: stream.aggregates[anchor]! };
      default:
        return null;
    }
  }

  /** Something of Python; at once a value, if it is one. */
  #builtin(at: Span, builtin: Builtin): Meaning {
    const { path, missing, value: name } = builtin;
    if (missing) return this.#abort(at, "ImportError", `cannot import '${path}'`);
    if (name === undefined) return { is: "builtin", builtin };
    return this.#value({ kind: "function", name, args: [], ...span(at) }, signatures.ofFunction(name, []));
  }

  // Behind a dot, and in brackets

  /** @param at  where the name itself stands */
  #member(expr: Span, of: Meaning, name: string, at: Span): Meaning {
    switch (of.is) {
      case "value":
        return this.#attribute(expr, of, name, at);
      case "aggregate":
        return this.#field(expr, of.whose, of.index, name) ?? this.#noField(at, of.shape, name);
      case "blocks": {
        const column = of.shape.columns.findIndex((column) => column.name === name);
        if (column < 0) return this.#noField(at, of.shape, name);
        return this.#value({ kind: "series", column, ...span(expr) }, kinds.ofSeries(of.shape.columns[column]!.type));
      }
      case "stream": {
        const { name: spec, aggregates } = this.#scope.stream!;
        const index = aggregates.findIndex((aggregate) => aggregate.name === name);
        if (index >= 0) return { is: "aggregate", whose: "stream", index, shape: aggregates[index]! };
        const message = `'${spec}' has no aggregate '${name}'${nearOrAll(name, aggregates)}`;
        return this.#unknown(at, message, "MissingAttributeError", `${name} not defined in ${spec}`);
      }
      case "builtin": {
        const member = own(of.builtin.members ?? {}, name);
        return member === undefined ? this.#noMember(at, of.builtin, name) : this.#builtin(expr, member);
      }
    }
  }

  /** A field, or null if the aggregate has none of that name. */
  #field(at: Span, whose: Whose, aggregate: number, name: string): Value | null {
    const { stream, aggregates } = this.#scope;
    const { columns } = (whose === this.#scope.whose ? aggregates : stream!.aggregates)[aggregate]!;
    const column = columns.findIndex((column) => column.name === name);
    if (column < 0) return null;
    return this.#value({ kind: "field", whose, aggregate, column, ...span(at) }, kinds.ofField(columns[column]!.type));
  }

  #noField(at: Span, { name: aggregate, columns }: Shape, name: string): Value {
    const message = `'${aggregate}' has no field '${name}'${nearOrAll(name, columns)}`;
    return this.#unknown(at, message, "MissingAttributeError", `${name} not defined in ${aggregate}`);
  }

  #noMember(at: Span, { path, members = {} }: Builtin, name: string): Value {
    if (CLOCKS.has(name)) {
      return this.#failed(at, `'${name}' is not available: an expression has no clock; the event's time is 'time'`);
    }
    // `datetime.strptime` after `import datetime`, and `datetime.datetime` after `from datetime import datetime`.
    const deeper = Object.values(members).find((member) => own(member.members ?? {}, name) !== undefined);
    const hint = deeper === undefined ? didYouMean(name, Object.keys(members)) : `: it is ${deeper.path}.${name}`;
    return this.#failed(
      at,
      `'${path}' has no '${name}' here${path.endsWith(`.${name}`) ? ": it is that itself" : hint}`,
    );
  }

  #attribute(expr: Span, of: Value, name: string, at: Span): Value {
    const { term, type } = of;
    if (isSettled(of)) return of;
    if (kinds.hasMembers(type) && DICT_METHODS.has(name)) {
      return this.#wrong(at, `'${name}' is a method: call it, or write ['${name}'] for the key`, term);
    }
    if (term.kind === "source") return this.#ofEvent(expr, term, name, false);
    const gives = signatures.ofAttribute(type, name);
    if (gives !== null) return this.#value({ kind: "attribute", of: term, name, ...span(expr) }, gives);

    if (isMethod(name) && signatures.hasMethod(type, name)) {
      return this.#failed(at, `'${name}' is a method: call it, .${name}()`);
    }
    if (kinds.isMap(type)) return this.#failed(at, `a map's keys are no attributes: write ['${name}']`);
    return this.#failed(at, this.#lacks(of, name));
  }

  #ofEvent(expr: Span, { path, subscripts }: OfEvent, key: string, isSubscript: boolean): Value {
    const places = isSubscript ? [...(subscripts ?? []), path.length] : subscripts;
    const term: Term = {
      kind: "source",
      path: [...path, key],
      ...(places !== undefined && { subscripts: places }),
      ...span(expr),
    };
    return this.#value(term, kinds.OF_EVENT);
  }

  #item(expr: Of<"item">): Meaning {
    const { index } = expr;
    const meaning = this.#meaning(expr.of);
    if (index.kind === "constant" && typeof index.value === "string") {
      if (meaning.is === "value") {
        if (meaning.term.kind === "source") return this.#ofEvent(expr, meaning.term, index.value, true);
      } else if (meaning.is !== "builtin") return this.#member(expr, meaning, index.value, index);
    }
    const of = meaning.is === "value" ? meaning : this.#noValue(expr.of, meaning);
    const key = this.value(index);
    if (isSettled(of)) return of;
    const type = kinds.ofItem(of.type, key.type);
    if (type !== null) return this.#value({ kind: "item", of: of.term, index: key.term, ...span(expr) }, type);

    const what = kinds.words(of.type);
    return kinds.ofItem(of.type, kinds.ANY) === null
      ? this.#failed(expr, `'${this.#shown(of.term)}' is ${what}, which has no elements for [ ]`)
      : this.#failed(index, `an element of ${what} is taken by an integer, got ${kinds.words(key.type)}`);
  }

  #slice(expr: Of<"slice">): Value {
    const of = this.value(expr.of);
    const [from, to, step] = [expr.from, expr.to, expr.step].map((bound) =>
      bound === null ? null : this.value(bound),
    );
    if (isSettled(of)) return of;
    const type = kinds.ofSlice(of.type, [from?.type, to?.type, step?.type]);
    if (type !== null) {
      const bounds = { from: from?.term ?? null, to: to?.term ?? null, step: step?.term ?? null };
      return this.#value({ kind: "slice", of: of.term, ...bounds, ...span(expr) }, type);
    }
    return kinds.ofSlice(of.type, []) === null
      ? this.#failed(expr, `'${this.#shown(of.term)}' is ${kinds.words(of.type)}, which has no parts for [from:to]`)
      : this.#failed(expr, "[from:to:step] takes integers");
  }

  // Calls

  #call(expr: Of<"call">): Value {
    const { callee } = expr;
    let called: Meaning;
    if (callee.kind === "attribute") {
      const of = this.#meaning(callee.of);
      if (of.is === "value") return this.#method(expr, of, callee.name, nameOf(callee));
      called = this.#member(callee, of, callee.name, nameOf(callee));
    } else called = this.#meaning(callee);

    if (called.is === "builtin" && called.builtin.call !== undefined) {
      return this.#function(expr, called.builtin.call, called.builtin.path);
    }
    const { terms } = this.#arguments(expr);
    if (called.is !== "value")
      return this.#wrong(callee, `'${this.#shown(callee)}' is ${WHAT[called.is]}, no function`);
    if (isSettled(called)) return called;
    const what = kinds.words(called.type);
    return this.#wrong(callee, `'${this.#shown(callee)}' is ${what}, no function`, called.term, ...terms);
  }

  #function(expr: Of<"call">, name: FunctionName, path: string): Value {
    const args = this.#arguments(expr);
    if (name === "dict" && args.named.length > 0) return this.#dict(expr, args);
    const shown = path.slice(path.lastIndexOf(".") + 1);
    const places = placed(shown, FUNCTIONS[name], args.positional, args.named);
    if ("message" in places) return this.#misplaced(expr, places, args.terms);

    const types = places.args.map((arg) => arg?.type ?? null);
    const refused = signatures.refusedByFunction(name, types);
    if (refused !== null) return this.#failed(places.args[refused.index]!.term, `'${shown}' ${refused.message}`);
    if (name === "sum" && types.length === 1 && signatures.cannotSum(types[0]!)) {
      const items = kinds.words(kinds.itemOf(types[0]!));
      return this.#failed(
        places.args[0]!.term,
        `'sum' adds numbers, got ${items}: convert each, as in sum([float(x) for x in …])`,
      );
    }
    return this.#value(
      { kind: "function", name, args: termsOf(places.args), ...span(expr) },
      signatures.ofFunction(name, types),
    );
  }

  /** `dict(m, a=1)`: `m`, then what is named. */
  #dict(expr: Of<"call">, { positional, named }: Arguments): Value {
    const entries = this.#named(expr, named);
    if (positional.length === 0) return entries;
    if (positional.length > 1) return this.#wrong(expr, `'dict' takes 1 argument by place, got ${positional.length}`);
    const args = [...termsOf(positional), entries.term];
    return this.#value({ kind: "function", name: "dict", args, ...span(expr) }, entries.type);
  }

  #method(expr: Of<"call">, of: Value, name: string, at: Span): Value {
    const args = this.#arguments(expr);
    if (isSettled(of)) return of;
    if (isMissingMethod(name)) return this.#failed(at, `Python's method '${name}' is not available`);
    if (!isMethod(name)) {
      const near = didYouMean(name, signatures.membersOf(of.type));
      return this.#wrong(at, `there is no method '${name}'${near}`, of.term);
    }
    if (!signatures.hasMethod(of.type, name)) {
      const parse = kinds.isOfEvent(of.type) ? ": make a datetime of it first, with parse(…)" : null;
      return this.#failed(at, parse === null ? this.#lacks(of, name) : `${this.#lacks(of, name)}${parse}`);
    }
    if (name === "update" && args.named.length > 0) return this.#update(expr, of, args);

    const places = placed(name, METHODS[name], args.positional, args.named);
    if ("message" in places) return this.#misplaced(expr, places, [of.term, ...args.terms]);
    const types = places.args.map((arg) => arg?.type ?? null);
    const refused = signatures.refusedByMethod(name, types);
    if (refused !== null) return this.#failed(places.args[refused.index]!.term, `'${name}' ${refused.message}`);
    const term: Term = { kind: "method", name, of: of.term, args: termsOf(places.args), ...span(expr) };
    return this.#value(term, signatures.ofMethod(name, of.type));
  }

  /** `m.update(n, a=1)`: with `n`, then with what is named. */
  #update(expr: Of<"call">, of: Value, { positional, named }: Arguments): Value {
    if (positional.length > 1) return this.#wrong(expr, `'update' takes 1 argument by place, got ${positional.length}`);
    const update = (of: Term, arg: Value): Term => ({
      kind: "method",
      name: "update",
      of,
      args: [arg.term],
      ...span(expr),
    });
    const first = positional.length === 0 ? of.term : update(of.term, positional[0]!);
    return this.#value(update(first, this.#named(expr, named)), signatures.ofMethod("update", of.type));
  }

  /** An argument by a name that is not here may be one that Python has: no reason to fail in silence. */
  #misplaced(expr: Span, { at, message }: Misplaced, evaluated: readonly Term[]): Value {
    return at === null ? this.#wrong(expr, message, ...evaluated) : this.#failed(at, message);
  }

  #arguments({ args, keywords }: Of<"call">): Arguments {
    const positional = args.map((arg) => this.value(arg));
    const named = keywords.map(({ name, nameAt, value }) => {
      return { name, at: { start: nameAt, end: nameAt + name.length }, value: this.value(value) };
    });
    return { positional, named, terms: [...positional, ...named.map(({ value }) => value)].map(({ term }) => term) };
  }

  /** A map of arguments by name. */
  #named(expr: Span, named: readonly Named<Value>[]): Value {
    const entries = named.map(({ name, at, value }) => {
      return { key: { kind: "constant" as const, value: name, ...at }, value: value.term };
    });
    return this.#value({ kind: "map", entries, ...span(expr) }, kinds.NAMED);
  }

  // Operators

  #unary(expr: Of<"unary">): Value {
    const { op } = expr;
    const of = this.value(expr.of);
    const type = op === "not" ? kinds.TRUTH : kinds.ofSign(of.type);
    if (type === null) return this.#failed(expr, `'${op}' can't take ${kinds.words(of.type)}`);
    return this.#value({ ...expr, of: of.term }, type);
  }

  #binary(expr: Of<"binary">): Value {
    const left = this.value(expr.left);
    const right = this.value(expr.right);
    const type = kinds.ofBinary(expr.op, left.type, right.type);
    if (type === null) return this.#failed(expr, kinds.whyNot(expr.op, left.type, right.type));
    return this.#value({ ...expr, left: left.term, right: right.term }, type);
  }

  #compare(expr: Of<"compare">): Value {
    const first = this.value(expr.first);
    let left = first;
    const rest = expr.rest.map(({ op, right: operand }) => {
      const right = this.value(operand);
      if (!kinds.canCompare(op, left.type, right.type)) {
        const at = { start: left === first ? expr.start : left.term.start, end: operand.end };
        this.#problem(at, kinds.whyNot(op, left.type, right.type));
      }
      left = right;
      return { op, right: right.term };
    });
    return this.#value({ ...expr, first: first.term, rest }, kinds.TRUTH);
  }

  #logic(expr: Of<"logic">): Value {
    const left = this.value(expr.left);
    const right = this.value(expr.right);
    const type = expr.op === "or" ? kinds.firstTrue(left.type, right.type) : kinds.either(left.type, right.type);
    return this.#value({ ...expr, left: left.term, right: right.term }, type);
  }

  #conditional(expr: Of<"conditional">): Value {
    const test = this.value(expr.test);
    const then = this.value(expr.then);
    const otherwise = this.value(expr.otherwise);
    // biome-ignore lint/suspicious/noThenProperty: it is no function, and nobody awaits a tree
    const terms = { test: test.term, then: then.term, otherwise: otherwise.term };
    return this.#value({ ...expr, ...terms }, kinds.either(then.type, otherwise.type));
  }

  // Collections

  #display(expr: Of<"list" | "tuple" | "set">): Value {
    const items = expr.items.map((item) => this.#kept(item));
    const type = kinds.collectionOf(expr.kind, typesOf(items));
    return this.#value({ ...expr, items: items.map(({ term }) => term) }, type);
  }

  #map(expr: Of<"map">): Value {
    const entries = expr.entries.map(({ key, value }) => ({ key: this.#kept(key), value: this.#kept(value) }));
    const type = kinds.collectionOf("map", typesOf(entries.map(({ key }) => key)));
    return this.#value({ ...expr, entries: entries.map((e) => ({ key: e.key.term, value: e.value.term })) }, type);
  }

  #comprehension(expr: Of<"comprehension">): Value {
    const [outside, slots] = [this.#locals.length, this.#slots];
    const clauses = expr.clauses.map((clause, index) => {
      // The first `in` is evaluated outside; behind it every name of the comprehension is its own, if yet without value.
      const first = index === 0 ? this.value(clause.iterable) : null;
      if (first !== null) {
        this.#functions++;
        for (const { target } of expr.clauses) this.#announce(target);
      }
      const iterable = first ?? this.value(clause.iterable);
      if (!kinds.canIterate(iterable.type)) {
        this.#problem(clause.iterable, `'for' goes through text or a collection, got ${kinds.words(iterable.type)}`);
      }
      const target = this.#bind(clause.target, kinds.itemOf(iterable.type));
      const ifs = clause.ifs.map((condition) => this.value(condition).term);
      return { target, iterable: iterable.term, ifs };
    });
    const element = this.#kept(expr.element);
    const value = expr.value === null ? null : this.#kept(expr.value);
    this.#functions--;
    this.#locals.length = outside;
    this.#slots = slots;

    const type = kinds.collectionOf(expr.makes, [element.type]);
    const term: Term = {
      kind: "comprehension",
      makes: expr.makes,
      element: element.term,
      value: value?.term ?? null,
      clauses,
      ...span(expr),
    };
    return this.#value(term, type);
  }

  #announce(target: Target): void {
    if (target.kind === "tuple") for (const item of target.items) this.#announce(item);
    else this.#locals.push({ name: target.name, slot: null, type: kinds.ANY });
  }

  #bind(target: Target, type: kinds.Type): Slots {
    if (target.kind === "tuple") return target.items.map((item) => this.#bind(item, kinds.ANY));
    const slot = this.#slots++;
    this.#locals.push({ name: target.name, slot, type });
    return slot;
  }

  /** A value that becomes part of another: not what Python makes on the fly, to be gone through once. */
  #kept(expr: Expr): Value {
    const value = this.value(expr);
    if (kinds.isSolid(value.type)) return value;
    return this.#failed(expr, `${kinds.words(value.type)} is no value to keep: make a list of it, with list(…)`);
  }

  // What is wrong

  #problem({ start, end }: Span, message: string): void {
    this.#problems.push({ start, end, message });
  }

  #failed(at: Span, message: string): Value {
    this.#problem(at, message);
    return BROKEN;
  }

  /** What Python has no name for ends a run of Blurr. */
  #unknown(at: Span, message: string, error: Abort["error"], blurr: string): Value {
    return this.#scope.compat ? this.#abort(at, error, blurr) : this.#failed(at, message);
  }

  #abort(at: Span, error: Abort["error"], message: string): Value {
    return this.#value({ kind: "abort", error, message, ...span(at) }, kinds.ANY);
  }

  /**
   * What Python fails at whatever the values are. A field of Blurr then stays as it was: something that fails when its
   * turn comes.
   *
   * @param evaluated  what Python evaluates before it fails
   */
  #wrong(at: Span, message: string, ...evaluated: Term[]): Value {
    if (!this.#scope.compat) return this.#failed(at, message);
    const of: Term = { kind: "tuple", items: evaluated, ...span(at) };
    const index: Term = { kind: "constant", value: null, ...span(at) };
    return this.#value({ kind: "item", of, index, ...span(at) }, kinds.ANY);
  }

  /** An aggregate, a module or a function, where a value should stand. */
  #noValue(at: Expr, meaning: Exclude<Meaning, Value>): Value {
    const shown = this.#shown(at);
    switch (meaning.is) {
      case "aggregate":
      case "blocks": {
        const field = meaning.shape.columns.find(({ name }) => !name.startsWith("_"))?.name ?? "field";
        const message = `'${shown}' is ${WHAT[meaning.is]}, no value: expected one of its fields, as in ${shown}.${field}`;
        return this.#object(at, message);
      }
      case "stream": {
        const [aggregate] = this.#scope.stream!.aggregates;
        const message = `'${shown}' is ${WHAT.stream}, no value: expected a field, as in ${shown}.${aggregate?.name ?? "aggregate"}.field`;
        return this.#object(at, message);
      }
      case "builtin": {
        const { call, members = {} } = meaning.builtin;
        const [member] = Object.keys(members);
        const hint = call === undefined ? `, as in ${shown}.${member}` : `: call it, ${shown}(…)`;
        return this.#failed(at, `'${shown}' is ${call === undefined ? "a module" : "a function"}, no value${hint}`);
      }
    }
  }

  /** Something that is true and equals nothing. */
  #object(at: Span, message: string): Value {
    if (!this.#scope.compat) return this.#failed(at, message);
    const none: Term = { kind: "constant", value: null, ...span(at) };
    return this.#value({ kind: "tuple", items: [none], ...span(at) }, kinds.ANY);
  }

  #lacks(of: Value, name: string): string {
    const near = didYouMean(name, signatures.membersOf(of.type));
    return `'${this.#shown(of.term)}' is ${kinds.words(of.type)}, which has no '${name}'${near}`;
  }

  /** With `compat` nothing is known of values, so that nothing about them can be wrong. */
  #value(term: Term, type: kinds.Type): Value {
    return { is: "value", term, type: this.#scope.compat ? kinds.ANY : type };
  }

  #shown({ start, end }: Span): string {
    const text = this.#text.slice(start, end);
    return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS - 1)}…` : text;
  }
}

type OfEvent = Term & { readonly kind: "source" };
type Abort = Term & { readonly kind: "abort" };

const WHAT = {
  aggregate: "an aggregate",
  stream: "the streaming spec",
  blocks: "the blocks of the window",
  builtin: "a module",
} as const;

/** Members of datetime's classes that ask for the time. */
const CLOCKS: ReadonlySet<string> = new Set(["now", "utcnow", "today"]);

const SHOWN_CHARS = 40;
/** Names listed when none is near. */
const LISTED = 8;

function span({ start, end }: Span): Span {
  return { start, end };
}

/** Where an attribute's name stands. */
function nameOf({ nameAt, end }: Of<"attribute">): Span {
  return { start: nameAt, end };
}

/** Is it a problem already, or the end of the run? Then nothing behind it is reached. */
function isSettled(value: Value): boolean {
  return value === BROKEN || value.term.kind === "abort";
}

function isMethod(name: string): name is MethodName {
  return Object.hasOwn(METHODS, name);
}

function termsOf(values: readonly (Value | null)[]): (Term | null)[] {
  return values.map((value) => value?.term ?? null);
}

function typesOf(values: readonly Value[]): kinds.Type[] {
  return values.map(({ type }) => type);
}

/** " (did you mean 'price'?)", or all that there is. */
function nearOrAll(name: string, known: readonly { readonly name: string }[]): string {
  const names = known.map((each) => each.name);
  const meant = near(name, names);
  if (meant !== "") return meant;
  return `: it has ${names.slice(0, LISTED).join(", ")}${names.length > LISTED ? ", …" : ""}`;
}
