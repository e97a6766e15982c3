import type { Dice } from "../dice.ts";
import { MEMBERS } from "../event-maker.ts";
import * as literals from "../literals.ts";
import { collection, iterable } from "./collections.ts";
import { bool } from "./conditions.ts";
import { number } from "./numbers.ts";
import { closed, listed, open, type Part } from "./part.ts";
import { text } from "./texts.ts";
import { time } from "./times.ts";

// Random expressions. Most are of one kind throughout, so that they give a value; some are not.

export type Kind = "none" | "bool" | NumberKind | "text" | CollectionKind | TimeKind;
export type NumberKind = "int" | "float";
export type CollectionKind = "list" | "tuple" | "set" | "map";
export type TimeKind = "datetime" | "date" | "timedelta" | "zone";
/** `any`: of whatever kind; the others: one of several. */
export type Wanted = Kind | "any" | "number" | "iterable" | "hashable";

const KINDS: readonly Kind[] = [
  ...(["none", "bool", "int", "float", "text", "list", "tuple", "set", "map"] as const),
  ...(["datetime", "date", "timedelta", "zone"] as const),
];
const CHOICES: Readonly<Record<"number" | "iterable" | "hashable", readonly Kind[]>> = {
  number: ["int", "int", "float", "bool"],
  iterable: ["list", "list", "tuple", "set", "text", "map"],
  hashable: ["int", "int", "text", "text", "float", "bool", "none", "date"],
};

/** Chance that a part is of another kind than it should be, in every second expression. */
const STRAY = 0.05;
/** Chance that brackets which may matter are left out. */
const BARE = 0.15;

interface Local {
  readonly name: string;
  readonly kind: Wanted;
}

export class Maker {
  readonly dice: Dice;
  /** Names that a `for` round this defines. */
  locals: readonly Local[] = [];
  /** Loops round this: more would take long. */
  loops = 0;
  #stray = 0;

  constructor(dice: Dice) {
    this.dice = dice;
  }

  expression(): Part {
    this.locals = [];
    this.loops = 0;
    this.#stray = this.dice.chance(0.5) ? STRAY : 0;
    // fractional powers may differ in the last place: they stand where nothing is made of them
    if (this.dice.chance(0.02)) return this.operator(this.make("number", 2), " ** ", this.make("number", 2));
    return this.make("any", 1 + this.dice.below(6));
  }

  make(wanted: Wanted, depth: number): Part {
    const { dice } = this;
    const kind = this.kind(dice.chance(this.#stray) ? "any" : wanted);
    const locals = this.locals.filter((local) => local.kind === kind || local.kind === "any");
    if (locals.length > 0 && dice.chance(0.3)) return closed(dice.one(locals).name);
    if (depth <= 0 || dice.chance(0.15)) return this.#leaf(kind);
    return dice.chance(0.12) ? this.#choice(kind, depth - 1) : this.#compound(kind, depth - 1);
  }

  kind(wanted: Wanted): Kind {
    const { dice } = this;
    if (wanted === "any") return dice.one(dice.chance(0.85) ? KINDS.slice(1, 9) : KINDS);
    return wanted in CHOICES ? dice.one(CHOICES[wanted as keyof typeof CHOICES]) : (wanted as Kind);
  }

  /** One of several ways to make a part. */
  pick(ways: readonly (() => Part)[]): Part {
    return this.dice.one(ways)();
  }

  // Forms

  /** In brackets if an operator stands at its outside, mostly. */
  operand(of: Part): Part {
    return of.open && !this.dice.chance(BARE) ? closed("(", of, ")") : of;
  }

  operator(left: Part, text: string, right: Part): Part {
    return open(this.operand(left), text, this.operand(right));
  }

  call(name: string, ...args: readonly (Part | string)[]): Part {
    return closed(`${name}(`, ...listed(args), ")");
  }

  method(of: Part, name: string, ...args: readonly (Part | string)[]): Part {
    return closed(this.operand(of), `.${name}(`, ...listed(args), ")");
  }

  attribute(of: Part, names: readonly string[]): Part {
    return closed(this.operand(of), `.${this.dice.one(names)}`);
  }

  slice(of: Part, depth: number): Part {
    const { dice } = this;
    const bound = () => (dice.chance(0.35) ? "" : this.make(dice.chance(0.1) ? "none" : "int", Math.min(depth, 1)));
    const step = dice.chance(0.4) ? [":", bound()] : [];
    return closed(this.operand(of), "[", bound(), ":", bound(), ...step, "]");
  }

  // Kinds

  #leaf(kind: Kind): Part {
    const { dice } = this;
    const members = Object.entries(MEMBERS).filter(([, each]) => each === kind);
    if (members.length > 0 && dice.chance(0.5)) return this.#member(dice.one(members)[0]);
    switch (kind) {
      case "int":
        return literal(literals.int(dice));
      case "float":
        return literal(literals.float(dice));
      case "text":
        return closed(literals.text(dice));
      default:
        return closed(dice.one(LEAVES[kind]));
    }
  }

  #member(key: string): Part {
    if (this.dice.chance(0.8)) return closed(`source.${key}`);
    const ways = [`source['${key}']`, `source.m.${key}`, `source.get('${key}')`, `source.m['${key}']`];
    return closed(this.dice.one(ways));
  }

  /** What gives a part that may be of any kind. */
  #choice(kind: Kind, depth: number): Part {
    const { dice } = this;
    const make = (wanted: Wanted) => this.make(wanted, depth);
    return this.pick([
      () => {
        const test = this.operand(make(dice.chance(0.7) ? "bool" : "any"));
        return open(this.operand(make(kind)), " if ", test, " else ", this.operand(make(kind)));
      },
      () => this.operator(make(dice.chance(0.5) ? kind : "any"), dice.one([" or ", " and "]), make(kind)),
      () => closed("[", make(kind), ", ", make(kind), "][", this.make("int", 0), "]"),
      () => closed("{'a': ", make(kind), ", 'b': ", make(kind), "}['", dice.one(["a", "b"]), "']"),
      () => this.method(make("map"), "get", make("hashable"), make(kind)),
      () => this.call(dice.one(["max", "min"]), make(kind), make(kind)),
      () => closed(this.operand(make("iterable")), "[", this.make("int", 1), "]"),
      () => this.method(make("list"), "pop", ...dice.some(this.make("int", 0))),
      () => this.call(dice.one(["max", "min"]), iterable(this, depth)),
    ]);
  }

  #compound(kind: Kind, depth: number): Part {
    switch (kind) {
      case "none":
        return this.#choice("none", depth);
      case "bool":
        return bool(this, depth);
      case "int":
      case "float":
        return number(this, kind, depth);
      case "text":
        return text(this, depth);
      case "list":
      case "tuple":
      case "set":
      case "map":
        return collection(this, kind, depth);
      default:
        return time(this, kind, depth);
    }
  }
}

const LEAVES: Readonly<Record<Exclude<Kind, "int" | "float" | "text">, readonly string[]>> = {
  none: ["None"],
  bool: ["True", "False"],
  list: ["[]", "[1, 2, 3]", "['a', 'b']", "[3, 1, 2]", "[0.5, 1]", "[None]", "[[1], [2, 3]]"],
  tuple: ["()", "(1,)", "(1, 2)", "('a', 1)", "(2.5, None)"],
  set: ["set()", "{1, 2}", "{'a', 'b'}", "{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}", "{None}", "{0.5}"],
  map: ["{}", "{'a': 1}", "{'a': 1, 'b': 2}", "{1: 'x', 2: 'y'}", "{'i': [1]}"],
  datetime: [
    "datetime(2018, 3, 7, 22, 35, 31)",
    "datetime(2016, 2, 29, tzinfo=timezone.utc)",
    "datetime(2000, 1, 1, 0, 0, 0, 1)",
    "datetime(1, 1, 1)",
    "datetime(9999, 12, 31, 23, 59, 59, 999999)",
    "datetime(2018, 3, 7, 12, tzinfo=timezone(timedelta(hours=-5)))",
  ],
  date: ["date(2018, 3, 7)", "date(2016, 2, 29)", "date(1, 1, 1)", "date(9999, 12, 31)"],
  timedelta: [
    "timedelta()",
    "timedelta(1)",
    "timedelta(hours=5)",
    "timedelta(days=-1, seconds=30)",
    "timedelta(microseconds=1)",
    "timedelta(100000000)",
    "timedelta(weeks=2, milliseconds=1500)",
  ],
  zone: ["timezone.utc", "tz.tzutc()", "timezone(timedelta(hours=2))", "tz.UTC"],
};

function literal(text: string): Part {
  return { parts: [text], open: text.startsWith("-") };
}
