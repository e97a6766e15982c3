// Every part of an expression as it is written.
import type { Clause, Expr, Target } from "./term.ts";

/**
 * Calls `visit` for an expression and all in it, from the outside in. `bound`: the names that a `for` round it defines.
 * Where `visit` returns true, what is within is not gone into.
 */
export function walk(
  expr: Expr,
  visit: (expr: Expr, bound: ReadonlySet<string>, within: Expr | null) => boolean,
  bound: ReadonlySet<string> = new Set(),
  within: Expr | null = null,
): void {
  if (visit(expr, bound, within)) return;
  if (expr.kind !== "comprehension") {
    for (const part of partsOf(expr)) walk(part, visit, bound, expr);
    return;
  }
  let inner = bound;
  for (const { target, iterable, ifs } of expr.clauses) {
    walk(iterable, visit, inner, expr);
    inner = new Set([...inner, ...namesIn(target)]);
    for (const test of ifs) walk(test, visit, inner, expr);
  }
  walk(expr.element, visit, inner, expr);
  if (expr.value !== null) walk(expr.value, visit, inner, expr);
}

function partsOf(expr: Exclude<Expr, { kind: "comprehension" }>): readonly Expr[] {
  switch (expr.kind) {
    case "constant":
    case "name":
      return [];
    case "attribute":
    case "unary":
      return [expr.of];
    case "item":
      return [expr.of, expr.index];
    case "slice":
      return [expr.of, expr.from, expr.to, expr.step].filter((part) => part !== null);
    case "call":
      return [expr.callee, ...expr.args, ...expr.keywords.map(({ value }) => value)];
    case "binary":
    case "logic":
      return [expr.left, expr.right];
    case "compare":
      return [expr.first, ...expr.rest.map(({ right }) => right)];
    case "conditional":
      return [expr.test, expr.then, expr.otherwise];
    case "list":
    case "tuple":
    case "set":
      return expr.items;
    case "map":
      return expr.entries.flatMap(({ key, value }) => [key, value]);
  }
}

function namesIn(target: Target | Clause["target"]): string[] {
  return target.kind === "name" ? [target.name] : target.items.flatMap(namesIn);
}
