import type { Expr, Target } from "../../runtime/spec/term.ts";

/** A tree on one line: `(+ a (* b c))`. */
export function treeOf(expr: Expr): string {
  switch (expr.kind) {
    case "constant":
      return literal(expr.value);
    case "name":
      return expr.name;
    case "attribute":
      return `(. ${treeOf(expr.of)} ${expr.name})`;
    case "item":
      return `(item ${treeOf(expr.of)} ${treeOf(expr.index)})`;
    case "slice":
      return joined("slice", expr.of, expr.from, expr.to, expr.step);
    case "call": {
      const keywords = expr.keywords.map(({ name, value }) => ` ${name}=${treeOf(value)}`);
      return `${joined("call", expr.callee, ...expr.args).slice(0, -1)}${keywords.join("")})`;
    }
    case "unary":
      return joined(expr.op, expr.of);
    case "binary":
    case "logic":
      return joined(expr.op, expr.left, expr.right);
    case "compare":
      return `(compare ${treeOf(expr.first)}${expr.rest.map(({ op, right }) => ` ${op} ${treeOf(right)}`).join("")})`;
    case "conditional":
      return joined("if", expr.test, expr.then, expr.otherwise);
    case "list":
    case "tuple":
    case "set":
      return joined(expr.kind, ...expr.items);
    case "map":
      return `(${["map", ...expr.entries.map(({ key, value }) => `${treeOf(key)}:${treeOf(value)}`)].join(" ")})`;
    case "comprehension": {
      const clauses = expr.clauses.map(({ target, iterable, ifs }) => {
        return ` for ${targetOf(target)} in ${treeOf(iterable)}${ifs.map((test) => ` if ${treeOf(test)}`).join("")}`;
      });
      const value = expr.value === null ? "" : ` ${treeOf(expr.value)}`;
      return `(${expr.makes}-of ${treeOf(expr.element)}${value}${clauses.join("")})`;
    }
  }
}

/** Every node of a tree, from the top. */
export function* nodesOf(expr: Expr): Generator<Expr> {
  yield expr;
  for (const child of Object.values(expr)) yield* nodesIn(child);
}

function* nodesIn(child: unknown): Generator<Expr> {
  if (typeof child !== "object" || child === null) return;
  if (Array.isArray(child)) for (const each of child) yield* nodesIn(each);
  else if ("kind" in child) yield* nodesOf(child as Expr);
  else for (const each of Object.values(child)) yield* nodesIn(each);
}

function joined(head: string, ...parts: (Expr | null)[]): string {
  return `(${[head, ...parts.map((part) => (part === null ? "_" : treeOf(part)))].join(" ")})`;
}

function targetOf(target: Target): string {
  return target.kind === "name" ? target.name : `(${["tuple", ...target.items.map(targetOf)].join(" ")})`;
}

function literal(value: (Expr & { kind: "constant" })["value"]): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return Number.isInteger(value) ? `${value}.0` : String(value);
  return typeof value === "bigint" ? String(value) : JSON.stringify(value);
}
