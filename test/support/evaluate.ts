import { Fold } from "../../runtime/core/fold.ts";
import { compile } from "../../runtime/spec/compile.ts";
import { parseExpression } from "../../runtime/spec/parse.ts";
import { resolve, resolveImports, type Scope } from "../../runtime/spec/resolve.ts";
import type { Aggregate, Code, FieldType, Transform } from "../../runtime/spec/spec.ts";
import type { Term } from "../../runtime/spec/term.ts";

// Expressions in the real machine: parsed, resolved, compiled into one program, folded. Each is a field that holds the
// `repr` of its value.

/** Python's `repr` of the value; the class of what fails at run time; what is wrong with the expression itself. */
export type Evaluated = { readonly value: string } | { readonly fault: string } | { readonly problem: string };

/** Imports as in a spec that has all of them. */
const { imports } = resolveImports([
  { module: "datetime", identifiers: ["datetime", "date", "timedelta", "timezone"] },
  { module: "dateutil.parser", identifiers: ["parse"] },
  { module: "dateutil", identifiers: ["parser", "tz"] },
]);

const SCOPE: Scope = {
  source: "event",
  time: false,
  identity: false,
  aggregates: [],
  whose: "stream",
  defined: 0,
  stream: null,
  anchor: null,
  bareFields: null,
  imports,
  compat: false,
};

/** @param event  an object as JSON; `source` in the expression */
export function evaluate(expression: string, event = "{}"): Evaluated {
  return new Expressions([expression]).evaluate(event)[0]!;
}

/** Expressions that are evaluated together: a few thousand per second, if there are some dozens in one program. */
export class Expressions {
  readonly #read: readonly ({ readonly term: Term } | { readonly problem: string })[];
  readonly #machine: Machine;

  /** @param type  of a field that keeps each value: what it becomes then is the value; null: as it is */
  constructor(texts: readonly string[], type: FieldType | null = null) {
    this.#read = texts.map(termOf);
    const terms = this.#read.flatMap((each) => ("term" in each ? [each.term] : []));
    this.#machine = new Machine(terms, type);
  }

  /** Of each expression what it is for this event. Throws for an event that is not well-formed. */
  evaluate(event: string | Uint8Array): Evaluated[] {
    const values = this.#machine.evaluate(Buffer.from(event));
    let next = 0;
    return this.#read.map((each) => ("term" in each ? values[next++]! : each));
  }
}

function termOf(text: string): { readonly term: Term } | { readonly problem: string } {
  const { expr, problems } = parseExpression(text);
  if (expr === null) return { problem: problems[0]!.message };
  const { term, problems: unknown } = resolve(expr, text, SCOPE);
  return term === null ? { problem: unknown[0]!.message } : { term };
}

class Machine {
  readonly #terms: readonly Term[];
  readonly #type: FieldType | null;
  readonly #fold: Fold;
  /** By field, how often which fault was counted so far. */
  #counted = new Map<string, number>();

  constructor(terms: readonly Term[], type: FieldType | null) {
    this.#terms = terms;
    this.#type = type;
    this.#fold = new Fold(compile(transformOf(terms, type)), { unordered: true });
  }

  evaluate(payload: Uint8Array): Evaluated[] {
    if (this.#terms.length === 0) return [];
    const fold = this.#fold;
    let rejected: string | null = null;
    fold.fold(
      { payloads: [payload], seqs: [1] },
      () => ({ payload, id: null }),
      (outcome, _index, _seq, fault) => {
        rejected = fault ?? outcome;
      },
    );
    if (rejected === "malformed") throw new Error(`not well-formed: ${Buffer.from(payload)}`);
    const failed = this.#failed();
    const identity = fold.find("one")!;
    if (rejected !== null) {
      fold.forget(identity);
      return this.#apart(payload, rejected);
    }
    const { aggregate, record: address } = fold.records(identity).at(-1)!;
    const record: Record<string, string> = JSON.parse(fold.json(aggregate, address));
    fold.forget(identity);
    return this.#terms.map((_, i) => {
      const fault = failed.get(nameOf(i));
      return fault === undefined ? { value: record[nameOf(i)]! } : { fault };
    });
  }

  /** One of them was too much: each half by itself. */
  #apart(payload: Uint8Array, reason: string): Evaluated[] {
    if (this.#terms.length === 1) return [{ fault: reason }];
    const half = this.#terms.length >> 1;
    return [this.#terms.slice(0, half), this.#terms.slice(half)].flatMap((terms) =>
      new Machine(terms, this.#type).evaluate(payload),
    );
  }

  /** By field, what has failed since it was last asked. */
  #failed(): Map<string, string> {
    const failed = new Map<string, string>();
    for (const { site, fault, count } of this.#fold.faults()) {
      const key = `${site.field} ${fault}`;
      if (count !== this.#counted.get(key)) failed.set(site.field!, fault);
      this.#counted.set(key, count);
    }
    return failed;
  }
}

const nameOf = (index: number): string => `f${index}`;

const PLACE = { line: 1, column: 1 };
const SPAN = { start: 0, end: 0 };

/** Values as they are, or as fields of `type` keep them, in a last aggregate that holds their `repr`. */
function transformOf(terms: readonly Term[], type: FieldType | null): Transform {
  const kept = type === null ? [] : [aggregateOf("kept", type, terms)];
  const values = kept.length === 0 ? terms : terms.map((_, i) => fieldOf(i));
  const shown = values.map((value) => call("repr", value));
  const streaming = {
    file: "",
    name: "expressions",
    identity: codeOf(constant("one")),
    time: codeOf(call("datetime.utcfromtimestamp", constant(0n))),
    when: null,
    latenessMs: 0,
    stores: [{ name: "memory", retentionMs: null }],
    aggregates: [...kept, aggregateOf("shown", "string", shown)],
  };
  return { streaming, window: null };
}

function aggregateOf(name: string, type: FieldType, values: readonly Term[]): Aggregate {
  const fields = values.map((value, i) => {
    return { name: nameOf(i), type, column: i + 1, value: codeOf(value), when: null, at: PLACE };
  });
  const columns = [{ name: "_identity", type: "string" as const }, ...fields];
  return { kind: "identity", name, when: null, fields, columns, at: PLACE, store: 0, dimensions: [] };
}

/** The field of the first aggregate that keeps this value. */
function fieldOf(index: number): Term {
  return { kind: "field", whose: "stream", aggregate: 0, column: index + 1, ...SPAN };
}

function codeOf(term: Term): Code {
  return { term, text: "", at: PLACE };
}

function constant(value: bigint | string): Term {
  return { kind: "constant", value, ...SPAN };
}

function call(name: "repr" | "datetime.utcfromtimestamp", arg: Term): Term {
  return { kind: "function", name, args: [arg], ...SPAN };
}
