// Random expressions and events for them. Most are of one kind throughout, so that they give a value; some are not.

/** A part of an expression: text, and parts in it. */
export interface Part {
  readonly parts: readonly (string | Part)[];
  /** An operator stands at its outside: brackets round it may matter. */
  readonly open: boolean;
}

export function textOf({ parts }: Part): string {
  return parts.map((part) => (typeof part === "string" ? part : textOf(part))).join("");
}

const KINDS = [
  "none",
  "bool",
  "int",
  "float",
  "text",
  "list",
  "tuple",
  "set",
  "map",
  "datetime",
  "date",
  "timedelta",
  "zone",
] as const;
type Kind = (typeof KINDS)[number];
/** `any`: of whatever kind; `number`, `iterable`, `hashable`: one of those. */
type Wanted = Kind | "any" | "number" | "iterable" | "hashable";

interface Local {
  readonly name: string;
  readonly kind: Wanted;
}

/** Chance that a part is of another kind than it should be, in every second expression. */
const STRAY = 0.05;
/** Chance that brackets which may matter are left out. */
const BARE = 0.15;

const INTS = [
  ...["0", "1", "2", "3", "5", "7", "10", "12", "100", "255", "1000", "86400", "1520462133", "0x1f", "1_000"],
  ...["9223372036854775807", "9223372036854775806", "4611686018427387904", "3037000500", "9007199254740993"],
  ...["-1", "-2", "-7", "-9223372036854775808", "-9223372036854775807", "-86400"],
];
const FLOATS = [
  ...["0.0", "1.0", "0.5", "1.5", "2.5", "-0.0", "-1.5", "0.1", "3.14159", "1e3", "1e-7", "1e16", "1e22", "-2.75"],
  ...["1e308", "-1e308", "5e-324", "2.2250738585072014e-308", "1e-310", "9007199254740993.0", "123456789.125"],
  ...["float('nan')", "float('inf')", "-float('inf')", "9.223372036854775e18", "1e300", "0.045", "2.675"],
];
const TEXTS = [
  ...["''", "'a'", "'b'", "'abc'", "'aBc Def'", "' x '", "'a,b,,c'", "'12'", "' -3 '", "'1_000'", "'4.5'", "'1e3'"],
  ...[
    "'äöü'",
    "'ÄÖÜß'",
    "'Straße'",
    "'naïve café'",
    "'日本語'",
    "'a😀b'",
    "'Ωμέγα ΣΑΣ'",
    "'Привет'",
    "'ĳ ǆ ﬁ'",
    "'İı'",
  ],
  ...["'x\\ty\\nz'", "'\\x1f \\x85\\u2028'", "'it\\'s'", "'\"'", "'\\\\'", "'nan'", "'-inf'", "'0x1f'", "'٣'", "'²'"],
  ...["'A1'", "'hello world'", "'aaa'", "'a-b-c'", "'\\u00a0nbsp\\u00a0'", "'e\\u0301'", "'\\ufeffbom'", "'True'"],
];
const ISO = [
  ...["'2018-03-07T22:35:31+00:00'", "'2018-03-07'", "'2016-02-29 12:00:00'", "'2018-12-31T23:59:59.999999Z'"],
  ...["'1999-01-01T00:00:00-05:30'", "'0001-01-01'", "'9999-12-31T23:59:59'", "'2018-02-30'", "'2018-03-07T25:00:00'"],
];
const READ = [
  ["'07/Mar/2018:22:35:31 +0100'", "'%d/%b/%Y:%H:%M:%S %z'"],
  ["'2018-03-07 10:05 PM'", "'%Y-%m-%d %I:%M %p'"],
  ["'180307'", "'%y%m%d'"],
  ["'2018 066'", "'%Y %j'"],
  ["'March 7, 2018'", "'%B %d, %Y'"],
  ["'22:35:31.25'", "'%H:%M:%S.%f'"],
  ["'100%'", "'%H0%%'"],
  ["'2018-3-7'", "'%Y-%m-%d'"],
] as const;
const FORMATS = ["'%Y-%m-%d'", "'%H:%M:%S.%f'", "'%d %b %y %I%p'", "'%A %B %j %U %W %w'", "'%z|%Z|%%'", "'x'", "'%a'"];

/** Members of the event by what they mostly are. */
const MEMBERS: Readonly<Record<string, Wanted>> = {
  i: "int",
  j: "int",
  f: "float",
  g: "float",
  t: "text",
  u: "text",
  b: "bool",
  l: "list",
  k: "list",
  o: "list",
  m: "map",
  n: "none",
  d: "text",
  missing: "none",
};

const NAMES = ["x", "y", "z", "a", "b"];

export class ExpressionMaker {
  readonly #random: () => number;
  #stray = 0;
  #locals: Local[] = [];
  /** Elements of what is iterated over here; more would take long. */
  #loops = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  expression(): Part {
    this.#locals = [];
    this.#loops = 0;
    this.#stray = this.#chance(0.5) ? STRAY : 0;
    // fractional powers may differ in the last place: where nothing is made of them
    if (this.#chance(0.02)) return this.#operator(this.#make("number", 2), " ** ", this.#make("number", 2));
    return this.#make("any", 1 + this.#below(5));
  }

  /** An object as JSON. */
  event(): string {
    const members = Object.entries(MEMBERS).filter(([key]) => key !== "missing" && this.#chance(0.93));
    const text = members.map(([key, kind]) => `"${key}": ${this.#json(this.#chance(0.1) ? "any" : kind, 2, key)}`);
    return `{${text.join(", ")}}`;
  }

  // Randomness

  #below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }

  #one<T>(all: readonly T[]): T {
    return all[this.#below(all.length)]!;
  }

  // Events

  #json(kind: Wanted, depth: number, key = ""): string {
    switch (kind) {
      case "none":
        return "null";
      case "bool":
        return this.#one(["true", "false"]);
      case "int":
        if (this.#chance(0.003))
          return this.#one(["9223372036854775808", "-9223372036854775809", "1" + "0".repeat(30)]);
        return this.#chance(0.8)
          ? String(this.#below(20) - 5)
          : this.#one(["9223372036854775807", "-9223372036854775808", "1520462133", "255", "-0", "1000000007"]);
      case "float":
        if (this.#chance(0.5)) return (this.#random() * 20 - 10).toFixed(this.#below(4) + 1);
        return this.#one([
          "0.0",
          "-0.0",
          "1e308",
          "5e-324",
          "1e400",
          "2.5",
          "3.5",
          "1E5",
          "0.1",
          "1520462133.25",
          "1e16",
        ]);
      case "text": {
        if (key === "d") return this.#one(ISO).replaceAll("'", '"');
        const characters = [
          "a",
          "b",
          "c",
          "A",
          "Z",
          " ",
          ",",
          "1",
          "2",
          "é",
          "ß",
          "Σ",
          "日",
          "😀",
          "\\n",
          "\\u0041",
          '\\"',
        ];
        return `"${Array.from({ length: this.#below(8) }, () => this.#one(characters)).join("")}"`;
      }
      case "list": {
        const kinds: Record<string, Wanted> = { l: "int", k: "text", o: "map" };
        const items = Array.from({ length: this.#below(5) }, () =>
          this.#json(this.#chance(0.1) || depth === 0 ? "int" : (kinds[key] ?? "any"), depth - 1),
        );
        return `[${items.join(", ")}]`;
      }
      case "map": {
        const names = ["i", "f", "t", "l", "k", "é", "i"].slice(0, this.#below(7));
        const members = names.map((name) => `"${name}": ${this.#json(MEMBERS[name] ?? "any", depth - 1, name)}`);
        return depth < 0 ? "{}" : `{${members.join(", ")}}`;
      }
      default:
        return depth <= 0
          ? this.#json(this.#one(["int", "text", "none"]), 0)
          : this.#json(this.#one(["none", "bool", "int", "float", "text", "list", "map"]), depth - 1);
    }
  }

  // Expressions

  #make(wanted: Wanted, depth: number): Part {
    const kind = this.#kind(this.#chance(this.#stray) ? "any" : wanted);
    const locals = this.#locals.filter((local) => local.kind === kind || local.kind === "any");
    if (locals.length > 0 && this.#chance(0.3)) return part(this.#one(locals).name);
    if (depth <= 0 || this.#chance(0.15)) return this.#leaf(kind);
    if (this.#chance(0.12)) return this.#choice(kind, depth - 1);
    return this.#compound(kind, depth - 1);
  }

  #kind(wanted: Wanted): Kind {
    switch (wanted) {
      case "any":
        return this.#chance(0.85) ? this.#one(KINDS.slice(1, 9)) : this.#one(KINDS);
      case "number":
        return this.#one(["int", "int", "float", "bool"]);
      case "iterable":
        return this.#one(["list", "list", "tuple", "set", "text", "map"]);
      case "hashable":
        return this.#one(["int", "int", "text", "text", "float", "bool", "none", "date"]);
      default:
        return wanted;
    }
  }

  #leaf(kind: Kind): Part {
    const members = Object.keys(MEMBERS).filter((key) => MEMBERS[key] === kind);
    if (members.length > 0 && this.#chance(0.5)) return this.#member(this.#one(members));
    switch (kind) {
      case "none":
        return part("None");
      case "bool":
        return part(this.#one(["True", "False"]));
      case "int":
        return this.#literal(this.#chance(0.7) ? String(this.#below(12) - 1) : this.#one(INTS));
      case "float":
        return this.#literal(this.#one(FLOATS));
      case "text":
        return part(this.#one(TEXTS));
      case "list":
        return part(this.#one(["[]", "[1, 2, 3]", "['a', 'b']", "[3, 1, 2]", "[0.5, 1]", "[None]", "[[1], [2, 3]]"]));
      case "tuple":
        return part(this.#one(["()", "(1,)", "(1, 2)", "('a', 1)", "(2.5, None)"]));
      case "set":
        return part(this.#one(["set()", "{1, 2}", "{'a', 'b'}", "{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}", "{None}", "{0.5}"]));
      case "map":
        return part(this.#one(["{}", "{'a': 1}", "{'a': 1, 'b': 2}", "{1: 'x', 2: 'y'}", "{'i': [1]}"]));
      case "datetime":
        return part(
          this.#one([
            "datetime(2018, 3, 7, 22, 35, 31)",
            "datetime(2016, 2, 29, tzinfo=timezone.utc)",
            "datetime(2000, 1, 1, 0, 0, 0, 1)",
            "datetime(1, 1, 1)",
            "datetime(9999, 12, 31, 23, 59, 59, 999999)",
            "datetime(2018, 3, 7, 12, tzinfo=timezone(timedelta(hours=-5)))",
          ]),
        );
      case "date":
        return part(this.#one(["date(2018, 3, 7)", "date(2016, 2, 29)", "date(1, 1, 1)", "date(9999, 12, 31)"]));
      case "timedelta":
        return part(
          this.#one([
            "timedelta()",
            "timedelta(1)",
            "timedelta(hours=5)",
            "timedelta(days=-1, seconds=30)",
            "timedelta(microseconds=1)",
            "timedelta(100000000)",
            "timedelta(weeks=2, milliseconds=1500)",
          ]),
        );
      case "zone":
        return part(this.#one(["timezone.utc", "tz.tzutc()", "timezone(timedelta(hours=2))", "tz.UTC"]));
    }
  }

  #literal(text: string): Part {
    return { parts: [text], open: text.startsWith("-") };
  }

  #member(key: string): Part {
    if (this.#chance(0.8)) return part(`source.${key}`);
    return part(this.#one([`source['${key}']`, `source.m.${key}`, `source.get('${key}')`]));
  }

  /** In brackets if an operator stands at its outside, mostly. */
  #operand(of: Part): Part | string {
    return of.open && !this.#chance(BARE) ? { parts: ["(", of, ")"], open: false } : of;
  }

  #operator(left: Part, text: string, right: Part): Part {
    return { parts: [this.#operand(left), text, this.#operand(right)], open: true };
  }

  #call(name: string, ...args: (Part | string)[]): Part {
    return { parts: [`${name}(`, ...between(args), ")"], open: false };
  }

  #method(of: Part, name: string, ...args: (Part | string)[]): Part {
    return { parts: [this.#operand(of), `.${name}(`, ...between(args), ")"], open: false };
  }

  #named(name: string, value: Part): Part {
    return { parts: [`${name}=`, value], open: false };
  }

  /** Parts of a value that may be of any kind. */
  #choice(kind: Kind, depth: number): Part {
    const make = (wanted: Wanted) => this.#make(wanted, depth);
    return this.#pick([
      () => ({
        parts: [
          this.#operand(make(kind)),
          " if ",
          this.#operand(this.#make(this.#chance(0.7) ? "bool" : "any", depth)),
          " else ",
          this.#operand(make(kind)),
        ],
        open: true,
      }),
      () => this.#operator(make(this.#chance(0.5) ? kind : "any"), this.#one([" or ", " and "]), make(kind)),
      () => ({ parts: ["[", make(kind), ", ", make(kind), "][", this.#make("int", 0), "]"], open: false }),
      () => ({ parts: ["{'a': ", make(kind), ", 'b': ", make(kind), "}['", this.#one(["a", "b"]), "']"], open: false }),
      () => this.#method(make("map"), "get", make("hashable"), make(kind)),
      () => this.#call(this.#one(["max", "min"]), make(kind), make(kind)),
      () => ({ parts: [this.#operand(make("iterable")), "[", this.#make("int", 1), "]"], open: false }),
      () => this.#method(make("list"), "pop", ...this.#some(this.#make("int", 0))),
      () => this.#call(this.#one(["max", "min"]), this.#iterable(depth)),
    ]);
  }

  /** The arguments, or the first few of them. */
  #some<T>(...args: T[]): T[] {
    return args.slice(0, this.#below(args.length + 1));
  }

  #pick(makers: readonly (() => Part)[]): Part {
    return this.#one(makers)();
  }

  #compound(kind: Kind, depth: number): Part {
    switch (kind) {
      case "none":
        return this.#choice("none", depth);
      case "bool":
        return this.#bool(depth);
      case "int":
        return this.#int(depth);
      case "float":
        return this.#float(depth);
      case "text":
        return this.#text(depth);
      case "list":
        return this.#list(depth);
      case "tuple":
        return this.#tuple(depth);
      case "set":
        return this.#set(depth);
      case "map":
        return this.#map(depth);
      case "datetime":
        return this.#datetime(depth);
      case "date":
        return this.#date(depth);
      case "timedelta":
        return this.#timedelta(depth);
      case "zone":
        return this.#zone(depth);
    }
  }

  #bool(depth: number): Part {
    const make = (wanted: Wanted) => this.#make(wanted, depth);
    const same = this.#one<Wanted>(["number", "text", "list", "tuple", "set", "datetime", "date", "timedelta", "any"]);
    return this.#pick([
      () => this.#operator(make(same), this.#one([" < ", " <= ", " > ", " >= ", " == ", " != "]), make(same)),
      () => this.#operator(make("number"), this.#one([" < ", " <= ", " > ", " >= ", " == ", " != "]), make("number")),
      () => {
        const first = this.#operator(make(same), this.#one([" < ", " <= ", " == "]), make(same));
        const { parts } = this.#operator(make(same), this.#one([" < ", " >= ", " != "]), make(same));
        return { parts: [...first.parts, ...parts.slice(1)], open: true };
      },
      () => this.#operator(make("any"), this.#one([" == ", " != "]), make("any")),
      () => this.#operator(make("hashable"), this.#one([" in ", " not in "]), this.#iterable(depth)),
      () => this.#operator(make("text"), this.#one([" in ", " not in "]), make("text")),
      () => this.#operator(make("any"), this.#one([" is ", " is not "]), part(this.#one(["None", "True", "False"]))),
      () => ({ parts: ["not ", this.#operand(make("any"))], open: true }),
      () => this.#operator(make("bool"), this.#one([" and ", " or "]), make("bool")),
      () => this.#call(this.#one(["any", "all"]), this.#iterable(depth)),
      () => this.#call("bool", ...this.#some(make("any"))),
      () => this.#method(make("text"), this.#one(["isdigit", "isalpha", "isalnum", "isspace", "islower", "isupper"])),
      () => {
        const text = this.#chance(0.8) ? make("text") : make("tuple");
        return this.#method(make("text"), this.#one(["startswith", "endswith"]), text, ...this.#some(make("int")));
      },
      () => this.#method(make("set"), this.#one(["issubset", "issuperset", "isdisjoint"]), this.#iterable(depth)),
      () => this.#operator(make("bool"), this.#one([" & ", " | ", " ^ "]), make("bool")),
    ]);
  }

  #int(depth: number): Part {
    const make = (wanted: Wanted) => this.#make(wanted, depth);
    return this.#pick([
      () => this.#operator(make("int"), this.#one([" + ", " - ", " * ", " // ", " % "]), make("int")),
      () => this.#operator(make("int"), this.#one([" + ", " - ", " * ", " // ", " % "]), make("int")),
      () => this.#operator(make("int"), this.#one([" & ", " | ", " ^ "]), make("int")),
      () => this.#operator(this.#make("int", 0), " ** ", part(String(this.#below(9)))),
      () => ({ parts: [this.#one(["-", "+"]), this.#operand(make("int"))], open: true }),
      () => this.#call("len", this.#chance(0.9) ? make("iterable") : this.#call("range", make("int"))),
      () => this.#call("int", ...this.#some(make(this.#chance(0.7) ? "number" : "text"))),
      () => this.#call("int", make("text"), this.#one(["10", "16", "2", "0", "36", "base=8"])),
      () => this.#call("abs", make("int")),
      () => this.#call("round", make("number")),
      () => this.#call("sum", this.#numbers("int", depth), ...this.#some(make("int"))),
      () => this.#call("ord", make("text")),
      () => this.#call("ord", { parts: [this.#operand(make("text")), "[0]"], open: false }),
      () =>
        this.#method(
          make("text"),
          this.#one(["find", "rfind", "index", "count"]),
          make("text"),
          ...this.#bounds(depth),
        ),
      () => this.#method(make(this.#one(["list", "tuple"])), "index", make("any"), ...this.#some(make("int"))),
      () => this.#method(make(this.#one(["list", "tuple"])), "count", make("any")),
      () => this.#attribute(make("datetime"), ["year", "month", "day", "hour", "minute", "second", "microsecond"]),
      () => this.#attribute(make("date"), ["year", "month", "day"]),
      () => this.#attribute(make("timedelta"), ["days", "seconds", "microseconds"]),
      () => this.#method(make(this.#one(["datetime", "date"])), this.#one(["weekday", "isoweekday", "toordinal"])),
      () => this.#operator(make("timedelta"), " // ", make("timedelta")),
    ]);
  }

  #bounds(depth: number): Part[] {
    const bound = () => this.#make(this.#chance(0.2) ? "none" : "int", Math.min(depth, 1));
    return this.#some(bound(), bound());
  }

  #attribute(of: Part, names: readonly string[]): Part {
    return { parts: [this.#operand(of), `.${this.#one(names)}`], open: false };
  }

  #float(depth: number): Part {
    const make = (wanted: Wanted) => this.#make(wanted, depth);
    return this.#pick([
      () => this.#operator(make("float"), this.#one([" + ", " - ", " * ", " / ", " // ", " % "]), make("number")),
      () => this.#operator(make("number"), this.#one([" + ", " - ", " * ", " / ", " // ", " % "]), make("float")),
      () => this.#operator(make("number"), " / ", make("number")),
      () => ({ parts: [this.#one(["-", "+"]), this.#operand(make("float"))], open: true }),
      () => this.#call("float", ...this.#some(make(this.#chance(0.6) ? "number" : "text"))),
      () => this.#call("abs", make("float")),
      () => this.#call("round", make("float"), this.#make(this.#chance(0.9) ? "int" : "none", 0)),
      () => this.#call("sum", this.#numbers("float", depth), ...this.#some(make("float"))),
      () => this.#method(make("timedelta"), "total_seconds"),
      () => this.#method(make("datetime"), "timestamp"),
      () => this.#operator(make("timedelta"), " / ", make("timedelta")),
    ]);
  }

  /** A collection of numbers. */
  #numbers(kind: "int" | "float", depth: number): Part {
    return this.#pick([
      () => this.#display("[", kind, "]", depth),
      () => this.#comprehension("[", kind, "]", depth),
      () => this.#comprehension("", kind, "", depth),
      () => this.#make("iterable", depth),
      () => part("source.l"),
    ]);
  }

  #text(depth: number): Part {
    const make = (wanted: Wanted) => this.#make(wanted, depth);
    return this.#pick([
      () => this.#operator(make("text"), " + ", make("text")),
      () => this.#operator(make("text"), " * ", this.#make("int", 0)),
      () => this.#slice(make("text"), depth),
      () => ({ parts: [this.#operand(make("text")), "[", this.#make("int", 1), "]"], open: false }),
      () => this.#call(this.#one(["str", "repr", "str"]), make("any")),
      () => this.#call("str"),
      () => this.#call("chr", make("int")),
      () => this.#method(make("text"), this.#one(["lower", "upper", "title", "capitalize"])),
      () =>
        this.#method(
          make("text"),
          this.#one(["strip", "lstrip", "rstrip"]),
          ...this.#some(this.#make(this.#chance(0.8) ? "text" : "none", 0)),
        ),
      () => this.#method(make("text"), "replace", make("text"), make("text"), ...this.#some(this.#make("int", 0))),
      () => this.#method(make("text"), "zfill", this.#make("int", 0)),
      () => this.#method(make("text"), "join", this.#iterable(depth)),
      () => this.#method(make("text"), "join", this.#texts(depth)),
      () => this.#method(make(this.#one(["datetime", "date"])), "strftime", this.#one(FORMATS)),
      () => this.#method(make("date"), "isoformat"),
      () =>
        this.#method(make("datetime"), "isoformat", ...this.#some(this.#one(["' '", "sep='_'", "'é'", "''", "'ab'"]))),
    ]);
  }

  #texts(depth: number): Part {
    return this.#chance(0.5) ? this.#display("[", "text", "]", depth) : this.#comprehension("[", "text", "]", depth);
  }

  #slice(of: Part, depth: number): Part {
    const bound = () => (this.#chance(0.35) ? "" : this.#make(this.#chance(0.1) ? "none" : "int", Math.min(depth, 1)));
    const step = this.#chance(0.4) ? [":", bound()] : [];
    return { parts: [this.#operand(of), "[", bound(), ":", bound(), ...step, "]"], open: false };
  }

  /** Something to go through, once. */
  #iterable(depth: number): Part {
    const make = (wanted: Wanted) => this.#make(wanted, depth);
    const few = () => part(String(this.#below(6)));
    return this.#pick([
      () => make("iterable"),
      () => make("iterable"),
      () => make("list"),
      () => this.#call("range", few()),
      () => this.#call("range", this.#make("int", 0), this.#make("int", 0), ...this.#some(this.#make("int", 0))),
      () => this.#call("zip", ...this.#some(make("iterable"), make("iterable"), make("iterable"))),
      () =>
        this.#call(
          "enumerate",
          make("iterable"),
          ...this.#some(this.#chance(0.5) ? make("int") : this.#named("start", make("int"))),
        ),
      () => this.#call("reversed", make(this.#one(["list", "tuple", "text", "map"]))),
      () => this.#method(make("map"), this.#one(["keys", "values", "items"])),
      () => this.#comprehension("(", "any", ")", depth),
    ]);
  }

  #display(open: string, kind: Wanted, close: string, depth: number): Part {
    const items = Array.from({ length: this.#below(4) }, () => this.#make(kind, depth - 1));
    if (open === "{" && items.length === 0) return part("set()");
    const comma = open === "(" && items.length === 1 ? [","] : [];
    return { parts: [open, ...between(items), ...comma, close], open: false };
  }

  #comprehension(open: string, kind: Wanted, close: string, depth: number): Part {
    return this.#loop(open, () => [this.#operand(this.#make(kind, depth - 1))], close, depth);
  }

  #loop(open: string, element: () => readonly (string | Part)[], close: string, depth: number): Part {
    if (this.#loops >= 3) return this.#display(open === "" ? "[" : open, "int", close === "" ? "]" : close, depth);
    const locals = this.#locals;
    const loops = this.#loops;
    const clauses: (string | Part)[] = [];
    for (let count = this.#chance(0.25) ? 2 : 1; count > 0; count--) {
      this.#loops++;
      clauses.push(...this.#clause(depth));
    }
    const parts = [open, ...element(), ...clauses, close];
    this.#locals = locals;
    this.#loops = loops;
    return { parts, open: false };
  }

  #clause(depth: number): (string | Part)[] {
    const [name, other] = [this.#one(NAMES), this.#one(["p", "q"])];
    const parts: (string | Part)[] = [];
    const few = () => part(String(this.#below(5)));
    const forms: (() => void)[] = [
      () => {
        parts.push(` for ${name} in `, this.#call("range", few()));
        this.#locals = [...this.#locals, { name, kind: "int" }];
      },
      () => {
        parts.push(
          ` for ${name} in `,
          this.#operand(this.#chance(0.5) ? part("source.l") : this.#display("[", "int", "]", depth)),
        );
        this.#locals = [...this.#locals, { name, kind: "int" }];
      },
      () => {
        parts.push(
          ` for ${name} in `,
          this.#operand(this.#chance(0.5) ? part("source.k") : this.#make("text", depth - 1)),
        );
        this.#locals = [...this.#locals, { name, kind: "text" }];
      },
      () => {
        parts.push(
          ` for ${name} in `,
          this.#operand(this.#chance(0.3) ? part("source.o") : this.#display("[", "map", "]", depth)),
        );
        this.#locals = [...this.#locals, { name, kind: "map" }];
      },
      () => {
        parts.push(` for ${name}, ${other} in `, this.#call("enumerate", this.#make("iterable", depth - 1)));
        this.#locals = [...this.#locals, { name, kind: "int" }, { name: other, kind: "any" }];
      },
      () => {
        parts.push(` for ${name}, ${other} in `, this.#method(this.#make("map", depth - 1), "items"));
        this.#locals = [...this.#locals, { name, kind: "text" }, { name: other, kind: "any" }];
      },
      () => {
        const target = this.#one([name, `${name}, ${other}`, `(${name}, ${other})`, `[${name}, ${other}]`, `${name},`]);
        parts.push(` for ${target} in `, this.#operand(this.#iterable(depth - 1)));
        this.#locals = [...this.#locals, { name, kind: "any" }];
        if (target.includes(other)) this.#locals.push({ name: other, kind: "any" });
      },
    ];
    this.#one(forms)();
    for (let ifs = this.#below(2); ifs > 0; ifs--) parts.push(" if ", this.#operand(this.#make("bool", depth - 1)));
    return parts;
  }

  #list(depth: number): Part {
    const make = (wanted: Wanted) => this.#make(wanted, depth);
    return this.#pick([
      () => this.#display("[", "any", "]", depth),
      () => this.#display("[", this.#kind("any"), "]", depth),
      () => this.#comprehension("[", "any", "]", depth),
      () => this.#comprehension("[", this.#kind("any"), "]", depth),
      () => this.#operator(make("list"), " + ", make("list")),
      () => this.#operator(make("list"), " * ", this.#make("int", 0)),
      () => this.#slice(make("list"), depth),
      () => this.#call("sorted", this.#iterable(depth), ...this.#some(this.#named("reverse", make("bool")))),
      () => this.#call("list", ...this.#some(this.#iterable(depth))),
      () =>
        this.#method(
          make("text"),
          this.#one(["split", "rsplit"]),
          ...this.#some(this.#make("text", 0), this.#make("int", 0)),
        ),
      () => this.#method(make("text"), "split", this.#named("maxsplit", this.#make("int", 0))),
      () => this.#method(make("text"), "splitlines"),
      () => this.#method(make("list"), "append", make("any")),
      () => this.#method(make("list"), "insert", make("int"), make("any")),
      () => this.#method(make("list"), "extend", this.#iterable(depth)),
      () => this.#method(make("list"), "remove", make("any")),
      () => this.#method(make("list"), this.#one(["sort", "reverse", "clear", "copy", "sort"])),
      () => this.#method(make("list"), "sort", this.#named("reverse", part("True"))),
      () => this.#call("sum", this.#display("[", "list", "]", depth), "[]"),
    ]);
  }

  #tuple(depth: number): Part {
    const make = (wanted: Wanted) => this.#make(wanted, depth);
    return this.#pick([
      () => this.#display("(", "any", ")", depth),
      () => this.#display("(", this.#kind("any"), ")", depth),
      () => this.#operator(make("tuple"), " + ", make("tuple")),
      () => this.#operator(make("tuple"), " * ", this.#make("int", 0)),
      () => this.#slice(make("tuple"), depth),
      () => this.#call("tuple", ...this.#some(this.#iterable(depth))),
    ]);
  }

  #set(depth: number): Part {
    const make = (wanted: Wanted) => this.#make(wanted, depth);
    return this.#pick([
      () => this.#display("{", "hashable", "}", depth),
      () => this.#comprehension("{", "hashable", "}", depth),
      () => this.#call("set", ...this.#some(this.#iterable(depth))),
      () => this.#operator(make("set"), this.#one([" | ", " & ", " - ", " ^ "]), make("set")),
      () =>
        this.#method(
          make("set"),
          this.#one(["union", "intersection", "difference", "update", "intersection_update", "difference_update"]),
          ...this.#some(this.#iterable(depth), make("iterable")),
        ),
      () =>
        this.#method(
          make("set"),
          this.#one(["symmetric_difference", "symmetric_difference_update"]),
          this.#iterable(depth),
        ),
      () => this.#method(make("set"), this.#one(["add", "discard", "remove"]), make("hashable")),
      () => this.#method(make("set"), this.#one(["clear", "copy"])),
    ]);
  }

  #map(depth: number): Part {
    const make = (wanted: Wanted) => this.#make(wanted, depth);
    const pairs = () => {
      const entries = Array.from({ length: this.#below(4) }, () => [make("hashable"), ": ", make("any")]);
      return { parts: ["{", ...entries.flatMap((entry, i) => (i === 0 ? entry : [", ", ...entry])), "}"], open: false };
    };
    return this.#pick([
      pairs,
      () =>
        this.#loop(
          "{",
          () => [this.#operand(this.#make("hashable", depth - 1)), ": ", this.#operand(this.#make("any", depth - 1))],
          "}",
          depth,
        ),
      () => this.#call("dict", ...this.#some(make("map"))),
      () => this.#call("dict", this.#call("zip", make("iterable"), make("iterable"))),
      () => this.#call("dict", ...this.#some(make("map")), this.#named("a", make("any"))),
      () => this.#operator(make("map"), " | ", make("map")),
      () => this.#method(make("map"), "set", make("hashable"), make("any")),
      () => this.#method(make("map"), "increment", make("hashable"), ...this.#some(make("number"))),
      () => this.#method(make("map"), "update", make("map")),
      () => this.#method(make("map"), "setdefault", make("hashable"), ...this.#some(make("any"))),
      () => this.#method(make("map"), this.#one(["clear", "copy"])),
      () => part(this.#one(["source.m", "source", "source.o[0]"])),
    ]);
  }

  #datetime(depth: number): Part {
    const make = (wanted: Wanted) => this.#make(wanted, depth);
    return this.#pick([
      () => {
        const [year, month, day] = [1 + this.#below(9999), 1 + this.#below(12), 1 + this.#below(31)].map(String);
        const rest = this.#some(
          ...["23", "59", "60", "999999"].map((text) => part(text)),
          this.#named("tzinfo", make("zone")),
        );
        return this.#call("datetime", year!, month!, day!, ...rest);
      },
      () => this.#call("datetime", make("int"), make("int"), make("int")),
      () => this.#call("datetime.fromtimestamp", make("number"), ...this.#some(make("zone"))),
      () => this.#call("datetime.fromtimestamp", part("1520462133.5"), this.#named("tz", make("zone"))),
      () => this.#call("datetime.utcfromtimestamp", make("number")),
      () => this.#call("datetime.strptime", ...this.#one(READ)),
      () => this.#call("datetime.strptime", make("text"), this.#one(READ)[1]),
      () => this.#call("datetime.fromisoformat", this.#one(ISO)),
      () => this.#call("parse", this.#chance(0.5) ? part("source.d") : part(this.#one(ISO))),
      () => this.#operator(make("datetime"), this.#one([" + ", " - "]), make("timedelta")),
      () => this.#operator(make("timedelta"), " + ", make("datetime")),
      () => this.#method(make("datetime"), "astimezone", ...this.#some(make("zone"))),
      () =>
        this.#method(
          make("datetime"),
          "replace",
          this.#named(this.#one(["year", "month", "day", "hour"]), make("int")),
        ),
      () => this.#method(make("datetime"), "replace", this.#named("tzinfo", make(this.#chance(0.5) ? "zone" : "none"))),
    ]);
  }

  #date(depth: number): Part {
    const make = (wanted: Wanted) => this.#make(wanted, depth);
    return this.#pick([
      () => this.#method(make("datetime"), "date"),
      () => this.#call("date", make("int"), make("int"), make("int")),
      () => this.#operator(make("date"), this.#one([" + ", " - "]), make("timedelta")),
      () => this.#method(make("date"), "replace", this.#named(this.#one(["year", "month", "day"]), make("int"))),
    ]);
  }

  #timedelta(depth: number): Part {
    const make = (wanted: Wanted) => this.#make(wanted, depth);
    const units = ["days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"];
    return this.#pick([
      () => this.#call("timedelta", ...this.#some(make("number"), make("number"))),
      () => this.#call("timedelta", this.#named(this.#one(units), make("number"))),
      () => this.#operator(make("datetime"), " - ", make("datetime")),
      () => this.#operator(make("date"), " - ", make("date")),
      () => this.#operator(make("timedelta"), this.#one([" + ", " - ", " % "]), make("timedelta")),
      () => this.#operator(make("timedelta"), this.#one([" * ", " / "]), make("number")),
      () => this.#operator(make("number"), " * ", make("timedelta")),
      () => this.#operator(make("timedelta"), " // ", make("int")),
      () => ({ parts: [this.#one(["-", "+"]), this.#operand(make("timedelta"))], open: true }),
      () => this.#call("abs", make("timedelta")),
      () => this.#method(make("datetime"), "utcoffset"),
      () => this.#call("sum", this.#display("[", "timedelta", "]", depth), "timedelta()"),
    ]);
  }

  #zone(depth: number): Part {
    return this.#chance(0.6)
      ? this.#call("timezone", this.#make("timedelta", depth))
      : this.#attribute(this.#make("datetime", depth), ["tzinfo"]);
  }
}

function part(text: string): Part {
  return { parts: [text], open: false };
}

/** With commas between them. */
function between(items: readonly (Part | string)[]): (Part | string)[] {
  return items.flatMap((item, i) => (i === 0 ? [item] : [", ", item]));
}
