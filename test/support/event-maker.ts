import type { Dice } from "./dice.ts";
import * as literals from "./literals.ts";

// Random events for random expressions.

/** Members of an event by what they mostly are; `missing` never is there. */
export const MEMBERS = {
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
} as const satisfies Record<string, Kind>;

type Kind = "none" | "bool" | "int" | "float" | "text" | "list" | "map";
const KINDS: readonly Kind[] = ["none", "bool", "int", "float", "text", "list", "map"];

/** Texts that expressions compare `t` and `u` with. */
export const WORDS = ["a", "b", "abc", ""];

/** What is in `l`, `k` and `o`. */
const ITEMS: Readonly<Record<string, Kind>> = { l: "int", k: "text", o: "map" };

const split = (text: string): string[] => text.split(" ");
const INTS = split("9223372036854775807 -9223372036854775808 1520462133 255 -0 1000000007");
const WIDE_INTS = split("9223372036854775808 -9223372036854775809 1000000000000000000000000000000");
const FLOATS = split("0.0 -0.0 1e308 5e-324 1e400 2.5 3.5 1E5 0.1 1520462133.25 1e16");
const CHARACTERS = [" ", ...split('a b c A Z , 1 2 é ß Σ 日 😀 \\n \\u0041 \\"')];

export class EventMaker {
  readonly #dice: Dice;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  /** An object as JSON. */
  event(): string {
    const dice = this.#dice;
    const members = Object.entries(MEMBERS).filter(([key]) => key !== "missing" && dice.chance(0.93));
    const text = members.map(
      ([key, kind]) => `"${key}": ${dice.chance(0.1) ? this.#any(2) : this.#value(kind, 2, key)}`,
    );
    return `{${text.join(", ")}}`;
  }

  #any(depth: number): string {
    return this.#value(this.#dice.one(depth > 0 ? KINDS : KINDS.slice(0, 5)), depth - 1, "");
  }

  #value(kind: Kind, depth: number, key: string): string {
    const dice = this.#dice;
    switch (kind) {
      case "none":
        return "null";
      case "bool":
        return dice.one(["true", "false"]);
      case "int":
        if (dice.chance(0.003)) return dice.one(WIDE_INTS);
        return dice.chance(0.8) ? String(dice.below(20) - 5) : dice.one(INTS);
      case "float":
        return dice.chance(0.5) ? (dice.random() * 20 - 10).toFixed(dice.below(4) + 1) : dice.one(FLOATS);
      case "text":
        if (key === "d") return literals.iso(dice).replaceAll("'", '"');
        if (dice.chance(0.3)) return this.#word();
        return `"${dice.list(8, () => dice.one(CHARACTERS)).join("")}"`;
      case "list":
        return `[${dice.list(5, () => this.#item(depth, key)).join(", ")}]`;
      case "map":
        return depth < 0 ? "{}" : this.#map(depth);
    }
  }

  /** Now and then with an escape that it does not need. */
  #word(): string {
    const word = this.#dice.one(WORDS);
    return this.#dice.chance(0.8) ? JSON.stringify(word) : `"${word.replace("a", "\\u0061")}"`;
  }

  #item(depth: number, key: string): string {
    const kind = ITEMS[key];
    if (depth <= 0 || this.#dice.chance(0.1)) return this.#value("int", 0, "");
    return kind === undefined ? this.#any(depth) : this.#value(kind, depth - 1, "");
  }

  /** With a key twice, now and then. */
  #map(depth: number): string {
    const names = ["i", "f", "t", "l", "k", "é", "i"].slice(0, this.#dice.below(8));
    const kinds: Readonly<Record<string, Kind>> = MEMBERS;
    return `{${names.map((name) => `"${name}": ${this.#value(kinds[name] ?? "text", depth - 1, name)}`).join(", ")}}`;
  }
}
