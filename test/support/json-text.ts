// JSON as no serializer would write it: odd spaces, needless escapes, equal keys, numbers in every form.

const CHARACTERS = [
  "a",
  "b",
  "Z",
  "0",
  " ",
  "/",
  "'",
  "\u007f",
  "é",
  "ß",
  "€",
  "漢",
  "字",
  "\ufeff",
  "\uffff",
  "😀",
  "𝄞",
];
const ESCAPES = [
  '\\"',
  "\\\\",
  "\\/",
  "\\b",
  "\\f",
  "\\n",
  "\\r",
  "\\t",
  "\\u0041",
  "\\u00e9",
  "\\u20AC",
  "\\ud83d\\uDE00",
  "\\ud83d",
  "\\ude00",
  "\\u0000",
];
const NUMBERS = [
  "0",
  "-0",
  "0.0",
  "-0.0e0",
  "1E400",
  "-1e-400",
  "5e-324",
  "1.7976931348623157e308",
  "9007199254740993",
  "0.1",
  "1e22",
  "1e23",
  "123456789012345678901234567890",
  "2.2250738585072011e-308",
  "1.96e46",
];

/** Writes random JSON texts whose keys come from `keys`. */
export class JsonText {
  readonly #random: () => number;
  readonly #keys: readonly string[];

  constructor(random: () => number, keys: readonly string[]) {
    this.#random = random;
    this.#keys = keys;
  }

  object(depth: number): string {
    return `{${this.#list(() => `${this.#space()}${this.key()}${this.#space()}:${this.value(depth - 1)}`)}}`;
  }

  value(depth: number): string {
    return `${this.#space()}${this.#bare(depth)}${this.#space()}`;
  }

  /** One of the keys, some of its characters written as escapes. */
  key(): string {
    const key = this.pick(this.#keys);
    if (!this.#chance(0.1)) return JSON.stringify(key);
    return `"${[...key].map((character) => (this.#chance(0.5) ? escaped(character) : JSON.stringify(character).slice(1, -1))).join("")}"`;
  }

  pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)]!;
  }

  #bare(depth: number): string {
    const kind = this.#random();
    if (depth > 0 && kind < 0.25) return this.object(depth);
    if (depth > 0 && kind < 0.35) return `[${this.#list(() => this.value(depth - 1))}]`;
    if (kind < 0.65) return this.#string();
    if (kind < 0.85) return this.#number();
    return this.pick(["true", "false", "null"]);
  }

  #string(): string {
    if (this.#chance(0.5)) return JSON.stringify("x".repeat(this.#upTo(40)));
    return `"${Array.from({ length: this.#upTo(24) }, () => this.pick(this.#chance(0.2) ? ESCAPES : CHARACTERS)).join("")}"`;
  }

  #number(): string {
    if (this.#chance(0.3)) return this.pick(NUMBERS);
    const fraction = this.#chance(0.5) ? `.${this.#digits(1 + this.#upTo(18))}` : "";
    const exponent = this.#chance(0.3) ? `${this.pick(["e", "E", "e-", "E+"])}${this.#digits(1 + this.#upTo(2))}` : "";
    return `${this.pick(["", "-"])}${this.#upTo(10 ** this.#upTo(15))}${fraction}${exponent}`;
  }

  #digits(length: number): string {
    return Array.from({ length }, () => this.#upTo(9)).join("");
  }

  #list(item: () => string): string {
    return this.#chance(0.1) ? this.#space() : Array.from({ length: 1 + this.#upTo(6) }, item).join(",");
  }

  #space(): string {
    return this.#chance(0.9) ? "" : this.pick([" ", "  ", "\n", "\r\n\t", " ".repeat(20)]);
  }

  /** Between 0 and `most`. */
  #upTo(most: number): number {
    return Math.floor(this.#random() * (most + 1));
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }
}

/** One to four small accidents: a byte changed, lost, doubled or put in, or the end cut off. */
export function damaged(bytes: Uint8Array, random: () => number): Uint8Array {
  const copy = [...bytes];
  for (let accidents = 1 + Math.floor(random() * 4); accidents > 0; accidents--) {
    const at = Math.floor(random() * copy.length);
    const byte =
      random() < 0.5 ? '{}[]",:\\u0123eE+-.tfn \n'.charCodeAt(Math.floor(random() * 24)) : Math.floor(random() * 256);
    const accident = random();
    if (accident < 0.4) copy[at] = byte;
    else if (accident < 0.6) copy.splice(at, 1);
    else if (accident < 0.8) copy.splice(at, 0, byte);
    else if (accident < 0.9) copy.splice(at, 0, ...copy.slice(at, at + 5));
    else copy.length = at;
  }
  return Uint8Array.from(copy);
}

function escaped(character: string): string {
  return Array.from(
    { length: character.length },
    (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`,
  ).join("");
}
