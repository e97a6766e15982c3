import type { Dice } from "./dice.ts";

// Random specs that are valid, with aggregates of all kinds and fields of all types, and random events for them.

interface FieldOf {
  readonly Name: string;
  readonly Type: string;
  readonly Value: string;
  readonly When?: string;
}

/** Values by type; `$` is the aggregate itself, `@` any. Every aggregate has all of these fields but some. */
const VALUES: Readonly<Record<string, readonly [type: string, ...values: string[]]>> = {
  n: ["integer", "$.n + 1", "$.n + source.x", "len($.l)", "max($.n, source.x)", "@.n + 1", "int(source.t)"],
  f: ["float", "$.f + source.y", "source.y / source.x", "$.f * 0.5 + @.n"],
  t: [
    "string",
    "source.t",
    "($.t + source.t)[-40:]",
    "str($.l)[:70]",
    "source.t.upper() + @.t[:30]",
    "'-'.join([str(x) for x in $.l])[:50]",
    "@.t",
  ],
  b: ["boolean", "source.x > 3", "source.t in $.s", "not $.b", "source.y / source.x > 1"],
  d: ["datetime", "time", "$.d or time", "@.d"],
  l: [
    "list",
    "$.l.append(source.t)",
    "$.l.append(source.t).append(source.x)",
    "$.l.insert(0, source.x)",
    "($.l + [source.x])[-6:]",
    "$.l.extend(source.k)",
    "$.l.remove(source.t)",
    "$.l.clear()",
    "$.l.reverse()",
    "$.l.append(@.m)",
    "$.l.append(source.m)",
    "[@.m, @.t, source.m]",
    "source.k",
    "@.l[-4:]",
    "@.l if len(@.l) < 9 else []",
    "list(@.s)",
    "[x for x in $.l if x != source.t][-9:]",
    "$.l[:3].append([@.t, @.s])",
  ],
  m: [
    "map",
    "$.m.increment(source.t)",
    "$.m.increment(source.t, source.x)",
    "$.m.set(source.t, source.k)",
    "$.m.set(source.x, @.t)",
    "$.m.update(source.m)",
    "$.m.setdefault(source.t, [])",
    "$.m.clear()",
    "{'a': $.n, 'b': source.k, source.t: @.t}",
    "$.m | {source.t: source.m}",
    "source.m",
    "@.m",
    "{x: @.t for x in source.k}",
  ],
  s: [
    "set",
    "$.s.add(source.t)",
    "$.s.add(@.t).add(source.x)",
    "$.s.discard(source.t)",
    "$.s.update(source.k)",
    "$.s.intersection_update(source.k)",
    "$.s.symmetric_difference_update(source.k)",
    "$.s | {source.x, @.t}",
    "$.s.clear()",
    "set(source.k)",
    "@.s",
  ],
};

const CONDITIONS = ["source.x > 1", "source.t == 'a'", "source.t in ['a', 'b']", "$.n < 6", "len($.l) < 5", "@.b"];

/** More work than an event may cost, where the event has a `bomb`. */
const BOMB = {
  Name: "bomb",
  Type: "integer",
  Value: "len([1 for a in range(source.bomb) for b in range(source.bomb)])",
};

const KINDS = ["Variable", "Identity", "Identity", "Block", "Activity", "Split"] as const;

export class SpecMaker {
  readonly #dice: Dice;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  /** A streaming spec and, mostly, a window spec over it, as texts. */
  specs(): { readonly streaming: string; readonly window: string | null } {
    const timed = this.#dice.one(["Block", "Activity", "Split"] as const);
    const others = Array.from({ length: 1 + this.#dice.below(3) }, () => this.#dice.one(KINDS.slice(0, 3)));
    const kinds = [...others, timed].sort(() => this.#dice.random() - 0.5);
    const names = kinds.map((kind, i) => `${kind.toLowerCase()}${i}`);
    const bombed = this.#dice.below(kinds.length);
    const aggregates = kinds.map((kind, i) => this.#aggregate(kind, names[i]!, names, i === bombed));
    const streaming = {
      Type: "Blurr:Transform:Streaming",
      Version: "2018-03-01",
      Name: "stream",
      Import: [{ Module: "datetime", Identifiers: ["datetime"] }],
      Identity: "source.id",
      Time: "datetime.utcfromtimestamp(source.at)",
      Stores: [
        { Type: "Blurr:Store:Memory", Name: "memory" },
        { Type: "Blurr:Store:Memory", Name: "short", Retention: "20m" },
      ],
      Aggregates: aggregates,
    };
    const window = this.#dice.chance(0.8) ? this.#window(names[kinds.indexOf(timed)]!, names) : null;
    return { streaming: JSON.stringify(streaming, null, 1), window: window && JSON.stringify(window, null, 1) };
  }

  /** An event of one of a few identities, as JSON. @param at  seconds since epoch */
  event(at: number): string {
    const text = () =>
      this.#dice.one(["a", "b", "c", "ä", "a longer text of more than eight bytes", "x".repeat(70), ""]);
    const texts = () => Array.from({ length: this.#dice.below(4) }, text);
    const members: Record<string, unknown> = {
      x: this.#dice.below(7) - 1,
      y: this.#dice.below(100) / 8,
      t: text(),
      k: texts(),
      m: Object.fromEntries(texts().map((key, i) => [key, i % 2 === 0 ? texts() : i])),
    };
    for (const key of Object.keys(members)) if (this.#dice.chance(0.06)) delete members[key];
    if (this.#dice.chance(0.02)) members.bomb = 1_500;
    return JSON.stringify({ id: `id${this.#dice.below(4)}`, at, ...members });
  }

  #aggregate(kind: (typeof KINDS)[number], name: string, names: readonly string[], hasBomb: boolean): object {
    const fields = this.#fields(name, names);
    if (hasBomb) fields.splice(this.#dice.below(fields.length + 1), 0, BOMB);
    const when = this.#dice.chance(0.4) ? { When: this.#filled(this.#dice.one(CONDITIONS), name, names) } : {};
    const store = { Store: this.#dice.chance(0.2) ? "short" : "memory" };
    const common = {
      Type: `Blurr:Aggregate:${kind === "Split" ? "Block" : kind}`,
      Name: name,
      ...when,
      Fields: fields,
    };
    const dimensions = [
      { Name: "kind", Type: "string", Value: "source.t" },
      { Name: "third", Type: "integer", Value: "source.x % 3" },
    ].slice(this.#dice.below(2), 1 + this.#dice.below(2));
    switch (kind) {
      case "Variable":
        return common;
      case "Identity":
        return { ...common, ...store, ...(dimensions.length > 0 && { Dimensions: dimensions }) };
      case "Block":
        return {
          ...common,
          ...store,
          Dimensions: dimensions.length > 0 ? dimensions : [{ Name: "kind", Type: "string", Value: "source.t" }],
        };
      case "Split":
        return {
          ...common,
          ...store,
          Split: this.#dice.one(["source.x == 4", `(time - ${name}._end_time).total_seconds() > 200`]),
        };
      case "Activity":
        return { ...common, ...store, SeparateByInactiveSeconds: this.#dice.one([30, 200, 1_000]) };
    }
  }

  #fields(name: string, names: readonly string[]): FieldOf[] {
    const fields = Object.entries(VALUES).map(([Name, [Type, ...values]]): FieldOf => {
      const Value = this.#filled(this.#dice.one(values), name, names);
      const When = this.#filled(this.#dice.one(CONDITIONS), name, names);
      return { Name, Type, Value, ...(this.#dice.chance(0.25) && { When }) };
    });
    return fields.sort(() => this.#dice.random() - 0.5);
  }

  #filled(expression: string, name: string, names: readonly string[]): string {
    return expression.replaceAll("$", name).replace(/@/g, () => this.#dice.one(names));
  }

  #window(blocks: string, names: readonly string[]): object {
    const source = `stream.${blocks}`;
    const aggregate = (Name: string, WindowType: string, WindowValue: number) => ({
      Type: "Blurr:Aggregate:Window",
      Name,
      WindowType,
      WindowValue,
      Source: source,
      Fields: [
        { Name: "total", Type: "float", Value: "sum(source.n)" },
        { Name: "lists", Type: "list", Value: "source.l" },
        { Name: "first", Type: "string", Value: "source.t[0]" },
        { Name: "now", Type: "map", Value: `stream.${this.#dice.one(names)}.m` },
        { Name: "own", Type: "set", Value: "anchor.s" },
        { Name: "texts", Type: "list", Value: "[x for x in source.t if x]", When: "len(source.t) > 1" },
      ],
    });
    const windows = [aggregate("past", this.#dice.one(["hour", "day"]), -1), aggregate("before", "count", -2)];
    const ahead = [aggregate("after", "count", 1), aggregate("ahead", "hour", 0.2)];
    const chosen = [
      ...windows.slice(this.#dice.below(2)),
      ...(this.#dice.chance(0.5) ? ahead.slice(this.#dice.below(2)) : []),
    ];
    const variable = {
      Type: "Blurr:Aggregate:Variable",
      Name: "more",
      Fields: [{ Name: "twice", Type: "list", Value: `${chosen[0]!.Name}.lists + ${chosen[0]!.Name}.lists` }],
    };
    return {
      Type: "Blurr:Transform:Window",
      Version: "2018-03-01",
      Name: "window",
      SourceBTS: "stream",
      Anchor: { Condition: `stream.${blocks}.n > ${this.#dice.below(3)}`, ...(this.#dice.chance(0.3) && { Max: 2 }) },
      Aggregates: this.#dice.chance(0.5) ? [...chosen, variable] : chosen,
    };
  }
}
