import { WORDS } from "../event-maker.ts";
import { iterable } from "./collections.ts";
import type { Maker, Wanted } from "./maker.ts";
import { closed, open, type Part } from "./part.ts";

const ORDERED: readonly Wanted[] = ["number", "text", "list", "tuple", "set", "datetime", "date", "timedelta", "any"];
const COMPARISONS = [" < ", " <= ", " > ", " >= ", " == ", " != "];

export function bool(m: Maker, depth: number): Part {
  const { dice } = m;
  const make = (wanted: Wanted) => m.make(wanted, depth);
  const same = dice.one(ORDERED);
  return m.pick([
    () => m.operator(make(same), dice.one(COMPARISONS), make(same)),
    () => m.operator(make("number"), dice.one(COMPARISONS), make("number")),
    () => {
      const { parts } = m.operator(make(same), dice.one(COMPARISONS), make(same));
      return open(...parts, dice.one(COMPARISONS), m.operand(make(same)));
    },
    () => m.operator(make("any"), dice.one([" == ", " != "]), make("any")),
    () => m.operator(make("hashable"), dice.one([" in ", " not in "]), iterable(m, depth)),
    () => m.operator(make("text"), dice.one([" in ", " not in "]), make("text")),
    () => m.operator(make("any"), dice.one([" is ", " is not "]), closed(dice.one(["None", "True", "False"]))),
    () => open("not ", m.operand(make("any"))),
    () => m.operator(make("bool"), dice.one([" and ", " or "]), make("bool")),
    () => m.operator(make("bool"), dice.one([" & ", " | ", " ^ "]), make("bool")),
    () => m.call(dice.one(["any", "all"]), iterable(m, depth)),
    () => m.call("bool", ...dice.some(make("any"))),
    () => m.method(make("text"), dice.one(["isdigit", "isalpha", "isalnum", "isspace", "islower", "isupper"])),
    () => {
      const beginning = make(dice.chance(0.8) ? "text" : "tuple");
      return m.method(make("text"), dice.one(["startswith", "endswith"]), beginning, ...dice.some(make("int")));
    },
    () => m.method(make("set"), dice.one(["issubset", "issuperset", "isdisjoint"]), iterable(m, depth)),
    () => word(m),
  ]);
}

/** What a program may be specialised for: a field of the event compared with texts. */
function word({ dice }: Maker): Part {
  const field = `source.${dice.one(["t", "t", "u"])}`;
  const texts = dice.list(4, () => `'${dice.one(WORDS)}'`);
  if (texts.length === 1) return open(field, dice.one([" == ", " != "]), texts[0]!);
  return open(field, dice.one([" in ", " not in "]), `[${texts.join(", ")}]`);
}
