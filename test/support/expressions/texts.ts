import * as literals from "../literals.ts";
import { comprehension, display, iterable } from "./collections.ts";
import type { Maker, Wanted } from "./maker.ts";
import { closed, type Part } from "./part.ts";

export function text(m: Maker, depth: number): Part {
  const { dice } = m;
  const make = (wanted: Wanted) => m.make(wanted, depth);
  return m.pick([
    () => m.operator(make("text"), " + ", make("text")),
    () => m.operator(make("text"), " * ", m.make("int", 0)),
    () => m.slice(make("text"), depth),
    () => closed(m.operand(make("text")), "[", m.make("int", 1), "]"),
    () => m.call(dice.one(["str", "repr", "str"]), make("any")),
    () => m.call("str"),
    () => m.call("chr", make("int")),
    () => m.method(make("text"), dice.one(["lower", "upper", "title", "capitalize"])),
    () => {
      const characters = m.make(dice.chance(0.8) ? "text" : "none", 0);
      return m.method(make("text"), dice.one(["strip", "lstrip", "rstrip"]), ...dice.some(characters));
    },
    () => m.method(make("text"), "replace", make("text"), make("text"), ...dice.some(m.make("int", 0))),
    () => m.method(make("text"), "zfill", m.make("int", 0)),
    () => m.method(make("text"), "join", iterable(m, depth)),
    () => m.method(make("text"), "join", texts(m, depth)),
    () => m.method(make(dice.one(["datetime", "date"])), "strftime", literals.format(dice)),
    () => m.method(make("date"), "isoformat"),
    () => m.method(make("datetime"), "isoformat", ...dice.some(dice.one(["' '", "sep='_'", "'é'", "''", "'ab'"]))),
  ]);
}

function texts(m: Maker, depth: number): Part {
  return m.dice.chance(0.5) ? display(m, "[", "text", "]", depth) : comprehension(m, "[", "text", "]", depth);
}
