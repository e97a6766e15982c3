// What is left of a term when the value of one field of the event is known, or known to be none of some texts.
import type { StreamingSpec } from "./spec.ts";
import type { Term } from "./term.ts";

/** Texts that get a program of their own, at most. */
const TEXTS_MAX = 16;

/** What is known of the field: it is this text; or, with null, it is none of the texts. */
export interface Known {
  readonly path: readonly string[];
  readonly texts: readonly string[];
  readonly text: string | null;
}

/** The field that is compared with constant texts most often, and these texts, the most frequent first; null: there is none. */
export function mostCompared(spec: StreamingSpec): { path: readonly string[]; texts: string[] } | null {
  const fields = new Map<string, { path: readonly string[]; texts: Map<string, number>; count: number }>();
  for (const term of conditionsOf(spec)) {
    visit(term, (each) => {
      const found = comparison(each);
      if (found === null) return;
      const key = JSON.stringify(found.path);
      const field = fields.get(key) ?? { path: found.path, texts: new Map(), count: 0 };
      fields.set(key, field);
      field.count++;
      for (const text of found.texts) field.texts.set(text, (field.texts.get(text) ?? 0) + 1);
    });
  }
  const [best] = [...fields.values()].sort((a, b) => b.count - a.count);
  if (best === undefined) return null;
  const texts = [...best.texts].sort(([, a], [, b]) => b - a).slice(0, TEXTS_MAX);
  return { path: best.path, texts: texts.map(([text]) => text) };
}

function* conditionsOf({ when, aggregates }: StreamingSpec): Iterable<Term> {
  if (when !== null) yield when.term;
  for (const aggregate of aggregates) {
    if (aggregate.when !== null) yield aggregate.when.term;
    for (const field of aggregate.fields) {
      if (field.when !== null) yield field.when.term;
      yield field.value.term;
    }
  }
}

/** `source.f == 'text'`, `!=`, `in [...]`, `not in (...)`. */
function comparison(term: Term): { path: readonly string[]; texts: string[]; isEqual: boolean } | null {
  if (term.kind !== "compare" || term.rest.length !== 1) return null;
  const { op, right } = term.rest[0]!;
  const source = [term.first, right].find(({ kind }) => kind === "source");
  const other = source === right ? term.first : right;
  if (source?.kind !== "source" || source.path.length !== 1) return null;
  if (op === "==" || op === "!=") {
    const text = textOf(other);
    return text === null ? null : { path: source.path, texts: [text], isEqual: op === "==" };
  }
  if ((op !== "in" && op !== "not in") || source === right) return null;
  if (other.kind !== "list" && other.kind !== "tuple" && other.kind !== "set") return null;
  const texts = other.items.map(textOf);
  if (texts.includes(null)) return null;
  return { path: source.path, texts: texts as string[], isEqual: op === "in" };
}

function textOf(term: Term): string | null {
  return term.kind === "constant" && typeof term.value === "string" ? term.value : null;
}

/** The term with what is known put in: it has the same value. */
export function specialise(term: Term, known: Known): Term {
  switch (term.kind) {
    case "compare": {
      const found = comparison(term);
      if (found === null || found.path[0] !== known.path[0]) return term;
      if (known.text === null && !found.texts.every((text) => known.texts.includes(text))) return term;
      const isOne = known.text !== null && found.texts.includes(known.text);
      return constant(term, isOne === found.isEqual);
    }
    case "logic": {
      const left = specialise(term.left, known);
      const right = specialise(term.right, known);
      if (left.kind !== "constant") return { ...term, left, right };
      return Boolean(left.value) === (term.op === "and") ? right : left;
    }
    case "unary": {
      const of = specialise(term.of, known);
      return term.op === "not" && of.kind === "constant" ? constant(term, !of.value) : { ...term, of };
    }
    case "conditional": {
      const test = specialise(term.test, known);
      const then = specialise(term.then, known);
      const otherwise = specialise(term.otherwise, known);
      if (test.kind === "constant") return test.value ? then : otherwise;
      return { ...term, test, then, otherwise };
    }
    default:
      return term;
  }
}

function constant({ start, end }: Term, value: boolean): Term {
  return { kind: "constant", value, start, end };
}

/** Calls `see` with the term and all within it. */
export function visit(term: Term, see: (term: Term) => void): void {
  see(term);
  for (const each of partsOf(term)) visit(each, see);
}

function partsOf(term: Term): readonly Term[] {
  const some = (...terms: readonly (Term | null)[]) => terms.filter((each) => each !== null);
  switch (term.kind) {
    case "item":
      return [term.of, term.index];
    case "slice":
      return some(term.of, term.from, term.to, term.step);
    case "attribute":
    case "unary":
      return [term.of];
    case "function":
      return some(...term.args);
    case "method":
      return some(term.of, ...term.args);
    case "binary":
    case "logic":
      return [term.left, term.right];
    case "compare":
      return [term.first, ...term.rest.map(({ right }) => right)];
    case "conditional":
      return [term.test, term.then, term.otherwise];
    case "list":
    case "tuple":
    case "set":
      return term.items;
    case "map":
      return term.entries.flatMap(({ key, value }) => [key, value]);
    case "comprehension":
      return some(term.element, term.value, ...term.clauses.flatMap(({ iterable, ifs }) => [iterable, ...ifs]));
    default:
      return [];
  }
}
