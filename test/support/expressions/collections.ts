import type { CollectionKind, Maker, Wanted } from "./maker.ts";
import { closed, listed, type Part } from "./part.ts";

export function collection(m: Maker, kind: CollectionKind, depth: number): Part {
  switch (kind) {
    case "list":
      return list(m, depth);
    case "tuple":
      return tuple(m, depth);
    case "set":
      return set(m, depth);
    case "map":
      return map(m, depth);
  }
}

/** Something to go through, once. */
export function iterable(m: Maker, depth: number): Part {
  const { dice } = m;
  const make = (wanted: Wanted) => m.make(wanted, depth);
  return m.pick([
    () => make("iterable"),
    () => make("iterable"),
    () => make("list"),
    () => m.call("range", String(dice.below(6))),
    () => m.call("range", m.make("int", 0), m.make("int", 0), ...dice.some(m.make("int", 0))),
    () => m.call("zip", ...dice.some(make("iterable"), make("iterable"), make("iterable"))),
    () => {
      const start = dice.chance(0.5) ? make("int") : closed("start=", make("int"));
      return m.call("enumerate", make("iterable"), ...dice.some(start));
    },
    () => m.call("reversed", make(dice.one(["list", "tuple", "text", "map"]))),
    () => m.method(make("map"), dice.one(["keys", "values", "items"])),
    () => comprehension(m, "(", "any", ")", depth),
    () => comprehension(m, "(", "bool", ")", depth),
  ]);
}

export function display(m: Maker, open: string, kind: Wanted, close: string, depth: number): Part {
  const items = m.dice.list(4, () => m.make(kind, depth - 1));
  if (open === "{" && items.length === 0) return closed("set()");
  const comma = open === "(" && items.length === 1 ? [","] : [];
  return closed(open, ...listed(items), ...comma, close);
}

// Comprehensions

export function comprehension(m: Maker, open: string, kind: Wanted, close: string, depth: number): Part {
  return loop(m, open, () => [m.operand(m.make(kind, depth - 1))], close, depth);
}

const LOOPS_MAX = 3;

/** @param element  makes what stands before the `for` */
function loop(m: Maker, open: string, element: () => readonly (string | Part)[], close: string, depth: number): Part {
  if (m.loops >= LOOPS_MAX) return display(m, open || "[", "int", close || "]", depth);
  const { locals, loops } = m;
  const clauses: (string | Part)[] = [];
  for (let count = m.dice.chance(0.25) ? 2 : 1; count > 0; count--) {
    m.loops++;
    clauses.push(...clause(m, depth));
  }
  const parts = [open, ...element(), ...clauses, close];
  m.locals = locals;
  m.loops = loops;
  return closed(...parts);
}

const NAMES = ["x", "y", "z", "a", "b"];
const OTHERS = ["p", "q"];

/** `for … in …`, with what follows in `if`; its names are known from then on. */
function clause(m: Maker, depth: number): (string | Part)[] {
  const { dice } = m;
  const [name, other] = [dice.one(NAMES), dice.one(OTHERS)];
  const pair = `${name}, ${other}`;
  const make = (wanted: Wanted) => m.make(wanted, depth - 1);
  const either = (text: string, otherwise: () => Part) => (dice.chance(0.4) ? closed(text) : m.operand(otherwise()));
  const parts: (string | Part)[] = [];
  const through = (target: string, of: Part, first: Wanted, second: Wanted | null) => {
    parts.push(` for ${target} in `, of);
    m.locals = [...m.locals, { name, kind: first }, ...(second === null ? [] : [{ name: other, kind: second }])];
  };
  dice.one([
    () => through(name, m.call("range", String(dice.below(5))), "int", null),
    () =>
      through(
        name,
        either("source.l", () => display(m, "[", "int", "]", depth)),
        "int",
        null,
      ),
    () =>
      through(
        name,
        either("source.k", () => make("text")),
        "text",
        null,
      ),
    () =>
      through(
        name,
        either("source.o", () => display(m, "[", "map", "]", depth)),
        "map",
        null,
      ),
    () => through(pair, m.call("enumerate", make("iterable")), "int", "any"),
    () => through(pair, m.method(make("map"), "items"), "text", "any"),
    () => {
      const target = dice.one([name, pair, `(${pair})`, `[${pair}]`, `${name},`]);
      through(target, m.operand(iterable(m, depth - 1)), "any", target.includes(other) ? "any" : null);
    },
  ])();
  for (let ifs = dice.below(2); ifs > 0; ifs--) parts.push(" if ", m.operand(make("bool")));
  return parts;
}

// Kinds

function list(m: Maker, depth: number): Part {
  const { dice } = m;
  const make = (wanted: Wanted) => m.make(wanted, depth);
  return m.pick([
    () => display(m, "[", "any", "]", depth),
    () => display(m, "[", m.kind("any"), "]", depth),
    () => comprehension(m, "[", "any", "]", depth),
    () => comprehension(m, "[", m.kind("any"), "]", depth),
    () => m.operator(make("list"), " + ", make("list")),
    () => m.operator(make("list"), " * ", m.make("int", 0)),
    () => m.slice(make("list"), depth),
    () => m.call("sorted", iterable(m, depth), ...dice.some(closed("reverse=", make("bool")))),
    () => m.call("list", ...dice.some(iterable(m, depth))),
    () => m.method(make("text"), dice.one(["split", "rsplit"]), ...dice.some(m.make("text", 0), m.make("int", 0))),
    () => m.method(make("text"), "split", closed("maxsplit=", m.make("int", 0))),
    () => m.method(make("text"), "splitlines"),
    () => m.method(make("list"), "append", make("any")),
    () => m.method(make("list"), "insert", make("int"), make("any")),
    () => m.method(make("list"), "extend", iterable(m, depth)),
    () => m.method(make("list"), "remove", make("any")),
    () => m.method(make("list"), dice.one(["sort", "reverse", "clear", "copy", "sort"])),
    () => m.method(make("list"), "sort", "reverse=True"),
    () => m.call("sum", display(m, "[", "list", "]", depth), "[]"),
  ]);
}

function tuple(m: Maker, depth: number): Part {
  const make = (wanted: Wanted) => m.make(wanted, depth);
  return m.pick([
    () => display(m, "(", "any", ")", depth),
    () => display(m, "(", m.kind("any"), ")", depth),
    () => m.operator(make("tuple"), " + ", make("tuple")),
    () => m.operator(make("tuple"), " * ", m.make("int", 0)),
    () => m.slice(make("tuple"), depth),
    () => m.call("tuple", ...m.dice.some(iterable(m, depth))),
  ]);
}

const WITH_ITERABLES = split("union intersection difference update intersection_update difference_update");
const WITH_ITERABLE = split("symmetric_difference symmetric_difference_update");

function set(m: Maker, depth: number): Part {
  const { dice } = m;
  const make = (wanted: Wanted) => m.make(wanted, depth);
  return m.pick([
    () => display(m, "{", "hashable", "}", depth),
    () => comprehension(m, "{", "hashable", "}", depth),
    () => m.call("set", ...dice.some(iterable(m, depth))),
    () => m.operator(make("set"), dice.one([" | ", " & ", " - ", " ^ "]), make("set")),
    () => m.method(make("set"), dice.one(WITH_ITERABLES), ...dice.some(iterable(m, depth), make("iterable"))),
    () => m.method(make("set"), dice.one(WITH_ITERABLE), iterable(m, depth)),
    () => m.method(make("set"), dice.one(["add", "discard", "remove"]), make("hashable")),
    () => m.method(make("set"), dice.one(["clear", "copy"])),
  ]);
}

function map(m: Maker, depth: number): Part {
  const { dice } = m;
  const make = (wanted: Wanted) => m.make(wanted, depth);
  return m.pick([
    () => closed("{", ...listed(dice.list(4, () => closed(make("hashable"), ": ", make("any")))), "}"),
    () => {
      const entry = () => [m.operand(m.make("hashable", depth - 1)), ": ", m.operand(m.make("any", depth - 1))];
      return loop(m, "{", entry, "}", depth);
    },
    () => m.call("dict", ...dice.some(make("map"))),
    () => m.call("dict", m.call("zip", make("iterable"), make("iterable"))),
    () => m.call("dict", ...dice.some(make("map")), closed("a=", make("any"))),
    () => m.operator(make("map"), " | ", make("map")),
    () => m.method(make("map"), "set", make("hashable"), make("any")),
    () => m.method(make("map"), "increment", make("hashable"), ...dice.some(make("number"))),
    () => m.method(make("map"), "update", make("map")),
    () => m.method(make("map"), "setdefault", make("hashable"), ...dice.some(make("any"))),
    () => m.method(make("map"), dice.one(["clear", "copy"])),
    () => closed(dice.one(["source.m", "source", "source.o[0]"])),
  ]);
}

function split(text: string): string[] {
  return text.split(" ");
}
