// An expression's text → tokens, as Python 3.11 reads them. What is no token is told of and passed over, so that the
// parser can go on behind it.

/** A mistake in an expression: where, in UTF-16 offsets into its text; what was found, expected, perhaps meant. */
export interface Problem {
  readonly start: number;
  readonly end: number;
  readonly message: string;
}

export type Token = { readonly start: number; readonly end: number } & (
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "keyword"; readonly name: string }
  | { readonly kind: "operator"; readonly name: string }
  | { readonly kind: "number"; readonly value: bigint | number }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "end" }
);

/** Python's, whether an expression may use them or not: none is a name. */
const KEYWORDS: ReadonlySet<string> = new Set(
  (
    "False None True and as assert async await break class continue def del elif else except finally for from global " +
    "if import in is lambda nonlocal not or pass raise return try while with yield"
  ).split(" "),
);

/** Longest first. Those that Python lacks are here so that the parser can say what to write instead. */
const OPERATORS: readonly string[] = [
  ..."=== !== **= //= <<= >>= ... <=>".split(" "),
  ..."** // == != <= >= << >> <> := -> => =< && || ?? ?. += -= *= /= %= &= |= ^= @=".split(" "),
  ..."+-*/%@|&^~<>=()[]{},:.;!?",
];

/** By first character, so that few are tried. */
const OPERATORS_BY_START = new Map<number, readonly string[]>(
  OPERATORS.map((first) => [first.charCodeAt(0), OPERATORS.filter((operator) => operator[0] === first[0])]),
);

const NAME = /[\p{XID_Start}_]\p{XID_Continue}*/uy;
const NUMBER =
  /0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|(?:[0-9](?:_?[0-9])*\.(?:[0-9](?:_?[0-9])*)?|\.[0-9](?:_?[0-9])*|[0-9](?:_?[0-9])*)(?:[eE][+-]?[0-9](?:_?[0-9])*)?/y;
/** Words that may follow a number without a space. */
const AFTER_NUMBER = /(?:and|else|for|if|in|is|not|or)(?![\p{XID_Continue}])/uy;

/** Of a text, in lower case. */
const PREFIX = /^(?:[rubf]|[bf]r|r[bf])$/;

const QUOTES: Readonly<Record<string, string>> = { "‘": "'", "’": "'", "“": '"', "”": '"', "«": '"', "»": '"' };

export function tokens(text: string, problems: Problem[]): Token[] {
  return new Lexer(text, problems).all();
}

class Lexer {
  readonly #text: string;
  readonly #problems: Problem[];
  readonly #tokens: Token[] = [];
  #at = 0;
  /** Brackets open here: within them a line break is a space. */
  #open = 0;

  constructor(text: string, problems: Problem[]) {
    this.#text = text;
    this.#problems = problems;
  }

  all(): Token[] {
    const text = this.#text;
    while (this.#space()) {
      const code = text.charCodeAt(this.#at);
      if (isLetter(code) || code > 127) this.#word();
      else if (isDigit(code) || (code === DOT && isDigit(text.charCodeAt(this.#at + 1)))) this.#number();
      else if (code === SINGLE || code === DOUBLE) this.#string(this.#at, "");
      else this.#operator(code);
    }
    this.#tokens.push({ kind: "end", start: this.#at, end: this.#at });
    return this.#tokens;
  }

  /** Passes over spaces, comments and, where they mean nothing, line breaks. @returns whether something is left */
  #space(): boolean {
    const text = this.#text;
    while (this.#at < text.length) {
      const code = text.charCodeAt(this.#at);
      if (code === SPACE || code === TAB || code === FORM_FEED) this.#at++;
      else if (code === HASH) this.#at = lineEnd(text, this.#at);
      else if (code === LF || code === CR) this.#lineBreak();
      else if (code === BACKSLASH && isBreak(text.charCodeAt(this.#at + 1))) this.#at = afterBreak(text, this.#at + 1);
      else return true;
    }
    return false;
  }

  #lineBreak(): void {
    const at = this.#at;
    this.#at = afterBreak(this.#text, at);
    if (this.#open > 0 || this.#tokens.length === 0) return;
    const rest = /^(?:[ \t\f\r\n]|#[^\r\n]*)*/.exec(this.#text.slice(this.#at))![0].length + this.#at;
    if (rest === this.#text.length) return;
    this.#problem(at, this.#at, "a line break ends the expression: put what goes on into ( … )");
  }

  #word(): void {
    const start = this.#at;
    const text = this.#text;
    let end = start;
    while (isLetter(text.charCodeAt(end)) || isDigit(text.charCodeAt(end))) end++;
    let name = text.slice(start, end);
    if (text.charCodeAt(end) > 127) {
      NAME.lastIndex = start;
      const found = NAME.exec(text)?.[0];
      if (found === undefined) {
        this.#stranger();
        return;
      }
      end = start + found.length;
      // Python compares names in this form, so that one letter written in two ways is one name.
      name = found.normalize("NFKC");
    }
    this.#at = end;
    const next = text.charCodeAt(end);
    if ((next === SINGLE || next === DOUBLE) && end - start <= 2) {
      const prefix = name.toLowerCase();
      if (PREFIX.test(prefix)) {
        this.#string(start, prefix);
        return;
      }
    }
    this.#tokens.push({ kind: KEYWORDS.has(name) ? "keyword" : "name", name, start, end });
  }

  #number(): void {
    const start = this.#at;
    const text = this.#text;
    NUMBER.lastIndex = start;
    const written = NUMBER.exec(text)![0];
    const end = start + written.length;
    this.#at = end;
    AFTER_NUMBER.lastIndex = end;
    if (isNameCharacter(text, end) && !AFTER_NUMBER.test(text)) {
      while (isNameCharacter(text, this.#at)) this.#at += text.codePointAt(this.#at)! > 0xffff ? 2 : 1;
      const whole = text.slice(start, this.#at);
      const imaginary = /^[0-9._eE]+[jJ]$/.test(whole);
      this.#problem(
        start,
        this.#at,
        imaginary ? `'${whole}': complex numbers are not available` : `'${whole}' is no number`,
      );
    }
    const digits = written.replaceAll("_", "");
    const prefixed = /^0[xXoObB]/.test(digits);
    if (!prefixed && /[.eE]/.test(digits)) {
      this.#tokens.push({ kind: "number", value: Number(digits), start, end: this.#at });
      return;
    }
    if (!prefixed && /^0+[1-9]/.test(digits)) {
      const decimal = digits.replace(/^0+/, "");
      this.#problem(
        start,
        end,
        `'${written}': a number does not begin with 0; write ${decimal}, or 0o${decimal} for octal`,
      );
    }
    this.#tokens.push({ kind: "number", value: BigInt(digits), start, end: this.#at });
  }

  /** @param start  where its prefix begins; `#at` stands on the quote */
  #string(start: number, prefix: string): void {
    const text = this.#text;
    const quote = text[this.#at]!;
    const close = text.startsWith(quote.repeat(3), this.#at) ? quote.repeat(3) : quote;
    const from = this.#at + close.length;
    let end = from;
    let closed = false;
    while (end < text.length) {
      const code = text.charCodeAt(end);
      if (code === BACKSLASH) end = isBreak(text.charCodeAt(end + 1)) ? afterBreak(text, end + 1) : end + 2;
      else if (close.length === 1 && isBreak(code)) break;
      else if (text.startsWith(close, end)) {
        closed = true;
        break;
      } else end++;
    }
    end = Math.min(end, text.length);
    this.#at = closed ? end + close.length : end;
    if (!closed) this.#problem(start, this.#at, `the text has no end: expected another ${close}`);
    if (prefix.includes("f")) {
      this.#problem(
        start,
        this.#at,
        `f-strings are not available: join parts with +, as in 'level ' + str(source.level)`,
      );
    } else if (prefix.includes("b")) this.#problem(start, this.#at, "bytes are not available: leave out the 'b'");

    const raw = text.slice(from, end).replace(/\r\n?/g, "\n");
    const value = prefix.includes("r") || !raw.includes("\\") ? raw : this.#unescaped(raw, from);
    if (LONE_SURROGATE.test(value)) {
      this.#problem(
        start,
        this.#at,
        "half a character (a lone surrogate): write characters beyond U+FFFF as \\UXXXXXXXX",
      );
    }
    this.#tokens.push({ kind: "text", value, start, end: this.#at });
  }

  /** @param from  where `raw` stands in the text, for problems */
  #unescaped(raw: string, from: number): string {
    return raw.replace(ESCAPE, (whole, written: string, at: number) => {
      const first = written[0]!;
      if (first === "\n") return "";
      const simple = SIMPLE_ESCAPES[first];
      if (simple !== undefined) return simple;
      if (first >= "0" && first <= "7") return String.fromCodePoint(Number.parseInt(written, 8));
      if (first !== "x" && first !== "u" && first !== "U" && first !== "N") return whole;

      const digits = { x: 2, u: 4, U: 8, N: 0 }[first];
      const code = Number.parseInt(written.slice(1), 16);
      if (first === "N") {
        this.#problem(from + at, from + at + whole.length, "'\\N' is not available: write the character, or \\uXXXX");
      } else if (written.length !== digits + 1) {
        const message = `'${whole}' is no character: expected ${digits} hexadecimal digits after '\\${first}'`;
        this.#problem(from + at, from + at + whole.length, message);
      } else if (code > 0x10ffff) {
        this.#problem(from + at, from + at + whole.length, `'${whole}' is no character: the last one is \\U0010ffff`);
      } else if (code >= 0xd800 && code <= 0xdfff) {
        const message = `'${whole}' is half a character: write characters beyond U+FFFF as \\UXXXXXXXX`;
        this.#problem(from + at, from + at + whole.length, message);
      } else return String.fromCodePoint(code);
      return "";
    });
  }

  #operator(code: number): void {
    const operator = OPERATORS_BY_START.get(code)?.find((name) => this.#text.startsWith(name, this.#at));
    if (operator === undefined) {
      this.#stranger();
      return;
    }
    if (operator === "(" || operator === "[" || operator === "{") this.#open++;
    else if ((operator === ")" || operator === "]" || operator === "}") && this.#open > 0) this.#open--;
    const start = this.#at;
    this.#at += operator.length;
    this.#tokens.push({ kind: "operator", name: operator, start, end: this.#at });
  }

  /** A character that no token begins with. */
  #stranger(): void {
    const start = this.#at;
    const character = String.fromCodePoint(this.#text.codePointAt(start)!);
    this.#at += character.length;
    const shown = /[\p{L}\p{N}\p{P}\p{S}]/u.test(character) ? `'${character}'` : `U+${hex(character)}`;
    const plain = QUOTES[character] ?? (/[\p{Z}\p{Cf}]/u.test(character) ? "a space" : null);
    this.#problem(start, this.#at, `${shown} means nothing here${plain === null ? "" : `: write ${plain}`}`);
  }

  #problem(start: number, end: number, message: string): void {
    this.#problems.push({ start, end, message });
  }
}

const TAB = 9;
const LF = 10;
const FORM_FEED = 12;
const CR = 13;
const SPACE = 32;
const DOUBLE = 34;
const HASH = 35;
const SINGLE = 39;
const DOT = 46;
const BACKSLASH = 92;

const LONE_SURROGATE = /\p{Surrogate}/u;
const ESCAPE = /\\([0-7]{1,3}|x[0-9a-fA-F]{0,2}|u[0-9a-fA-F]{0,4}|U[0-9a-fA-F]{0,8}|N(?:\{[^}]*\})?|.)/gsu;
const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\",
  "'": "'",
  '"': '"',
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

function isLetter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isNameCharacter(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return (
    isLetter(code) ||
    isDigit(code) ||
    (code > 127 && /\p{XID_Continue}/u.test(String.fromCodePoint(text.codePointAt(at)!)))
  );
}

function isBreak(code: number): boolean {
  return code === LF || code === CR;
}

/** Behind the line break that stands at `at`. */
function afterBreak(text: string, at: number): number {
  return text.charCodeAt(at) === CR && text.charCodeAt(at + 1) === LF ? at + 2 : at + 1;
}

function lineEnd(text: string, at: number): number {
  while (at < text.length && !isBreak(text.charCodeAt(at))) at++;
  return at;
}

function hex(character: string): string {
  return character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
}
