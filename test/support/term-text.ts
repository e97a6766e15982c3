import type { Scope } from "../../runtime/spec/scope.ts";
import type { Slots, Term } from "../../runtime/spec/term.ts";

/** A term on one line, every name with what it led to: `stream:session.events + source.x`. */
export function termText(term: Term, scope: Scope): string {
  const text = (of: Term | null): string => (of === null ? "_" : termText(of, scope));
  const list = (of: readonly (Term | null)[]): string => of.map(text).join(", ");
  switch (term.kind) {
    case "constant":
      return literal(term.value);
    case "source":
      return ["source", ...term.path].join(".");
    case "time":
    case "identity":
      return term.kind;
    case "field": {
      const shapes = term.whose === scope.whose ? scope.aggregates : scope.stream!.aggregates;
      const { name, columns } = shapes[term.aggregate]!;
      return `${term.whose}:${name}.${columns[term.column]!.name}`;
    }
    case "series":
      return `series:${typeof scope.source === "string" ? "?" : scope.source.columns[term.column]!.name}`;
    case "local":
      return `$${term.slot}`;
    case "item":
      return `${text(term.of)}[${text(term.index)}]`;
    case "slice":
      return `${text(term.of)}[${[term.from, term.to, term.step].map(text).join(":")}]`;
    case "attribute":
      return `${text(term.of)}.${term.name}`;
    case "function":
      return `${term.name}(${list(term.args)})`;
    case "method":
      return `${text(term.of)}.${term.name}(${list(term.args)})`;
    case "unary":
      return `(${term.op} ${text(term.of)})`;
    case "binary":
    case "logic":
      return `(${text(term.left)} ${term.op} ${text(term.right)})`;
    case "compare":
      return `(${text(term.first)}${term.rest.map(({ op, right }) => ` ${op} ${text(right)}`).join("")})`;
    case "conditional":
      return `(${text(term.then)} if ${text(term.test)} else ${text(term.otherwise)})`;
    case "list":
      return `[${list(term.items)}]`;
    case "tuple":
      return `(${list(term.items)},)`;
    case "set":
      return `{${list(term.items)}}`;
    case "map":
      return `{${term.entries.map(({ key, value }) => `${text(key)}: ${text(value)}`).join(", ")}}`;
    case "comprehension": {
      const clauses = term.clauses.map(({ target, iterable, ifs }) => {
        return ` for ${slots(target)} in ${text(iterable)}${ifs.map((test) => ` if ${text(test)}`).join("")}`;
      });
      const value = term.value === null ? "" : `: ${text(term.value)}`;
      return `${term.makes}<${text(term.element)}${value}${clauses.join("")}>`;
    }
    case "abort":
      return `!${term.error}(${term.message})`;
  }
}

function slots(target: Slots): string {
  return typeof target === "number" ? `$${target}` : `(${target.map(slots).join(", ")})`;
}

function literal(value: (Term & { kind: "constant" })["value"]): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  return typeof value === "string" ? `'${value}'` : String(value);
}
