import { comprehension, display } from "./collections.ts";
import type { Maker, NumberKind, Wanted } from "./maker.ts";
import { closed, open, type Part } from "./part.ts";

const ARITHMETIC = [" + ", " - ", " * ", " // ", " % "];

export function number(m: Maker, kind: NumberKind, depth: number): Part {
  return kind === "int" ? int(m, depth) : float(m, depth);
}

function int(m: Maker, depth: number): Part {
  const { dice } = m;
  const make = (wanted: Wanted) => m.make(wanted, depth);
  return m.pick([
    () => m.operator(make("int"), dice.one(ARITHMETIC), make("int")),
    () => m.operator(make("int"), dice.one(ARITHMETIC), make("int")),
    () => m.operator(make("int"), dice.one([" & ", " | ", " ^ "]), make("int")),
    () => m.operator(m.make("int", 0), " ** ", closed(String(dice.below(9)))),
    () => open(dice.one(["-", "+"]), m.operand(make("int"))),
    () => m.call("len", dice.chance(0.9) ? make("iterable") : m.call("range", make("int"))),
    () => m.call("int", ...dice.some(make(dice.chance(0.7) ? "number" : "text"))),
    () => m.call("int", make("text"), dice.one(["10", "16", "2", "0", "36", "base=8"])),
    () => m.call("abs", make("int")),
    () => m.call("round", make("number")),
    () => m.call("sum", numbers(m, "int", depth), ...dice.some(make("int"))),
    () => m.call("ord", make("text")),
    () => m.call("ord", closed(m.operand(make("text")), "[0]")),
    () => m.method(make("text"), dice.one(["find", "rfind", "index", "count"]), make("text"), ...bounds(m, depth)),
    () => m.method(make(dice.one(["list", "tuple"])), "index", make("any"), ...dice.some(make("int"))),
    () => m.method(make(dice.one(["list", "tuple"])), "count", make("any")),
    () => m.attribute(make("datetime"), ["year", "month", "day", "hour", "minute", "second", "microsecond"]),
    () => m.attribute(make("date"), ["year", "month", "day"]),
    () => m.attribute(make("timedelta"), ["days", "seconds", "microseconds"]),
    () => m.method(make(dice.one(["datetime", "date"])), dice.one(["weekday", "isoweekday", "toordinal"])),
    () => m.operator(make("timedelta"), " // ", make("timedelta")),
  ]);
}

/** From where and up to where something is looked for. */
function bounds(m: Maker, depth: number): Part[] {
  const bound = () => m.make(m.dice.chance(0.2) ? "none" : "int", Math.min(depth, 1));
  return m.dice.some(bound(), bound());
}

function float(m: Maker, depth: number): Part {
  const { dice } = m;
  const make = (wanted: Wanted) => m.make(wanted, depth);
  return m.pick([
    () => m.operator(make("float"), dice.one([...ARITHMETIC, " / "]), make("number")),
    () => m.operator(make("number"), dice.one([...ARITHMETIC, " / "]), make("float")),
    () => m.operator(make("number"), " / ", make("number")),
    () => open(dice.one(["-", "+"]), m.operand(make("float"))),
    () => m.call("float", ...dice.some(make(dice.chance(0.6) ? "number" : "text"))),
    () => m.call("float", m.call("str", make("float"))),
    () => m.call("abs", make("float")),
    () => m.call("round", make("float"), m.make(dice.chance(0.9) ? "int" : "none", 0)),
    () => m.call("sum", numbers(m, "float", depth), ...dice.some(make("float"))),
    () => m.method(make("timedelta"), "total_seconds"),
    () => m.method(make("datetime"), "timestamp"),
    () => m.operator(make("timedelta"), " / ", make("timedelta")),
  ]);
}

/** A collection of numbers. */
function numbers(m: Maker, kind: NumberKind, depth: number): Part {
  return m.pick([
    () => display(m, "[", kind, "]", depth),
    () => comprehension(m, "[", kind, "]", depth),
    () => comprehension(m, "", kind, "", depth),
    () => m.make("iterable", depth),
    () => closed("source.l"),
  ]);
}
