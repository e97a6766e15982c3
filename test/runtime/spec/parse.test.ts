import { describe, expect, it } from "vitest";
import { limits } from "../../../runtime/limits.ts";
import { parseExpression } from "../../../runtime/spec/parse.ts";
import type { Literal } from "../../../runtime/spec/term.ts";
import { nodesOf, treeOf } from "../../support/expression-tree.ts";
import { prng } from "../../support/prng.ts";
import { expressions, mistaken } from "./expressions.cases.ts";
import { trees } from "./trees.cases.ts";

describe("an expression", () => {
  it.each(trees)("%j is %s, as in Python", (text, tree) => {
    expect(parsed(text)).toBe(tree);
  });

  it.each(expressions)("of a recorded spec is one: %s", (text) => {
    expect(parseExpression(text).problems).toEqual([]);
  });

  it.each<[string, Literal]>([
    ["9223372036854775807", 2n ** 63n - 1n],
    ["-9223372036854775808", -(2n ** 63n)],
    ["0xffff_ffff", 0xffff_ffffn],
    ["1e22", 1e22],
    ["1_0.0_1e-2", 0.1001],
    ["1e400", Number.POSITIVE_INFINITY],
    ["''''''", ""],
    ["'''\\''''", "'"],
    ["'a\\\r\nb'", "ab"],
    ["'''a\r\nb\rc'''", "a\nb\nc"],
    ["'\\a\\b\\f\\v\\0'", "\x07\b\f\v\0"],
    ["'\\r\\777'", "\rǿ"],
    ["'\\U0001F600'", "😀"],
    ["'😀'", "😀"],
    ["r'\\''", "\\'"],
    ["U'x'", "x"],
    ["'#' # no text", "#"],
  ])("%j is a constant", (text, value) => {
    const { expr, problems } = parseExpression(text);

    expect(problems).toEqual([]);
    expect(expr).toEqual({ kind: "constant", value, start: 0, end: text.replace(/ # .*/, "").length });
  });

  it("has its places in the text, brackets left out", () => {
    const text = " (a.b) + f(c[1:2], k = 'é') ";
    const { expr } = parseExpression(text);
    const spans = [...nodesOf(expr!)].map(({ start, end }) => text.slice(start, end));

    expect(spans).toEqual([
      "(a.b) + f(c[1:2], k = 'é')",
      ...["a.b", "a", "f(c[1:2], k = 'é')", "f", "c[1:2]", "c", "1", "2", "'é'"],
    ]);
  });

  it("knows where the name of an attribute and of an argument stands", () => {
    const { expr } = parseExpression("a . b(c = 1)");

    expect(expr).toMatchObject({ callee: { kind: "attribute", nameAt: 4 }, keywords: [{ nameAt: 6 }] });
  });

  it("keeps integers of any size with compat", () => {
    const { expr } = parseExpression("1 + 99999999999999999999", { compat: true });

    expect(treeOf(expr!)).toBe("(+ 1 99999999999999999999)");
  });
});

describe("a problem", () => {
  it.each<[text: string, at: string, message: string]>([
    // Other languages' words, and slips.
    ["source.won = True", "=", "'=' assigns, and an expression assigns nothing: to compare write '=='"],
    ["f(a.b = 1)", "=", "'=' assigns, and an expression assigns nothing: to compare write '=='"],
    ["a === b", "===", "'===' is not Python: write '=='"],
    ["a !== b", "!==", "'!==' is not Python: write '!='"],
    ["a <> b", "<>", "'<>' is not Python: write '!='"],
    ["a => b", "=>", "'=>' is not Python: write '>='"],
    ["a =< b", "=<", "'=<' is not Python: write '<='"],
    ["a && b", "&&", "'&&' is not Python: write 'and'"],
    ["a || b", "||", "'||' is not Python: write 'or'"],
    ["!a", "!", "'!' is not Python: write 'not'"],
    ["a ? b : c", "?", "'?' is not Python: write 'a if condition else b'"],
    ["a ?? b", "??", "'??' is not Python: write 'a if a is not None else b'"],
    ["a?.b", "?.", "'?.' is not Python: write '.'; a missing key of the event is None"],
    ["a->b", "->", "'->' is not Python: write '.'"],
    ["a AND b", "AND", "unexpected 'AND' (did you mean 'and'?): expected an operator, or the end"],
    ["a adn b", "adn", "unexpected 'adn' (did you mean 'and'?): expected an operator, or the end"],
    ["“a”", "“", "'“' means nothing here: write \""],
    ["a\u00a0+ b", "\u00a0", "U+00A0 means nothing here: write a space"],
    ["$a", "$", "'$' means nothing here"],
    ["a +\nb", "\n", "a line break ends the expression: put what goes on into ( … )"],
    ["source.class", "class", "'class' is a word of Python: write ['class'] for .class"],
    ["a += 1", "+=", "'+=' assigns, and an expression assigns nothing: write '+'"],

    // Python that is not available.
    ["lambda x: x", "lambda", "'lambda' is not available: write a comprehension, as in [x + 1 for x in source.list]"],
    [
      "f(x := 1)",
      ":=",
      "':=' assigns, and an expression assigns nothing: to compare write '=='; to keep a value give it a field",
    ],
    ["await a", "await", "'await' is not available: an expression waits for nothing"],
    ["[x async for x in y]", "async", "'async' is not available: an expression waits for nothing"],
    ["(yield)", "yield", "'yield' is not available: write a comprehension"],
    ["f(*a)", "*", "'*' that unpacks is not available: join lists with +, maps with |"],
    ["[*a, b]", "*", "'*' that unpacks is not available: join lists with +, maps with |"],
    ["{**a}", "**", "'**' that unpacks is not available: join lists with +, maps with |"],
    ["f'{a}'", "f'{a}'", "f-strings are not available: join parts with +, as in 'level ' + str(source.level)"],
    ["rb'a'", "rb'a'", "bytes are not available: leave out the 'b'"],
    ["a[1, 2]", ",", "several keys in one [ ] are not available: write [a][b], or [(a, b)] for a tuple as the key"],
    ["a[1:2, 3]", ",", "several keys in one [ ] are not available: write [a][b], or [(a, b)] for a tuple as the key"],
    ["1 << 2", "<<", "'<<': shifts are not available: write * 2 ** n, or // 2 ** n"],
    ["~a", "~", "'~' is not available: write -x - 1"],
    ["a @ b", "@", "'@': matrices are not available"],
    ["...", "...", "'...' is not available"],
    ["2j", "2j", "'2j': complex numbers are not available"],
    ["[x for x.y in z]", ".", "unexpected '.': expected 'in': 'for' takes plain names"],

    // Numbers and texts.
    [
      "9223372036854775808",
      "9223372036854775808",
      "'9223372036854775808' is beyond 64 bits: expected at most 9223372036854775807",
    ],
    [
      "-(9223372036854775808)",
      "9223372036854775808",
      "'9223372036854775808' is beyond 64 bits: expected at most 9223372036854775807",
    ],
    ["007", "007", "'007': a number does not begin with 0; write 7, or 0o7 for octal"],
    ["1__0", "1__0", "'1__0' is no number"],
    ["0xg", "0xg", "'0xg' is no number"],
    ["1.real", "1.real", "'1.real' is no number"],
    ["'abc", "'abc", "the text has no end: expected another '"],
    ['"a\nb"', '"a', 'the text has no end: expected another "'],
    ["'\\x4'", "\\x4", "'\\x4' is no character: expected 2 hexadecimal digits after '\\x'"],
    ["'\\u12'", "\\u12", "'\\u12' is no character: expected 4 hexadecimal digits after '\\u'"],
    ["'\\U00110000'", "\\U00110000", "'\\U00110000' is no character: the last one is \\U0010ffff"],
    ["'\\ud83d'", "\\ud83d", "'\\ud83d' is half a character: write characters beyond U+FFFF as \\UXXXXXXXX"],
    ["'\ud83d'", "'\ud83d'", "half a character (a lone surrogate): write characters beyond U+FFFF as \\UXXXXXXXX"],
    ["'\\N{BULLET}'", "\\N{BULLET}", "'\\N' is not available: write the character, or \\uXXXX"],

    // Grammar.
    ["", "", "nothing here: expected an expression"],
    ["# nothing", "", "nothing here: expected an expression"],
    ["a +", "", "ends too early: expected a value"],
    ["a.", "", "ends too early: expected a name behind the dot"],
    ["a if b", "", "ends too early: expected 'else' with the value for when the condition is false"],
    ["a b", "b", "unexpected 'b': expected an operator, or the end"],
    ["a;b", ";", "';' ends a statement, and an expression is only one"],
    ["a.1", ".1", "unexpected '.1': expected an operator, or the end"],
    ["a == not b", "not", "'not' binds loosely: put it into brackets, (not …)"],
    ["(a", "(", "'(' is never closed: expected ')'"],
    ["[a, b", "[", "'[' is never closed: expected ']'"],
    ["(a]", "]", "unexpected ']': expected ',' or ')' for the '(' before"],
    ["a)", ")", "unexpected ')': expected an operator, or the end"],
    ["a[]", "]", "nothing in [ ]: expected a key, an index, or from:to"],
    ["{a: b, c}", "}", "unexpected '}': expected ':' and the value for this key"],
    ["f(a=1, b)", "b", "an argument by place stands behind one by name: put it before"],
    ["f(a=1, a=2)", "a", "'a' is given twice"],
    ["f(x for x in y, z)", "x for x in y", "beside other arguments a generator stands in brackets: ( … for … in … )"],
    ["[x for 1 in y]", "1", "unexpected '1': expected a name behind 'for'"],
    ["[x for x of y]", "of", "unexpected 'of': expected 'in' and what to go through"],
    ["def", "def", "unexpected 'def': expected a value"],
  ])("in %j is told of with its place", (text, at, message) => {
    const { expr, problems } = parseExpression(text);

    expect(expr).toBeNull();
    expect(problems[0]?.message).toBe(message);
    expect(text.slice(problems[0]!.start, problems[0]!.end)).toBe(at);
  });

  it.each(mistaken)("is found in the recorded mistake %j", (text) => {
    expect(parseExpression(text).problems).not.toEqual([]);
  });

  it.each([
    ["not a comparison", "a < b < "],
    ["a keyword alone", "is"],
    ["an operator too many", "a * / b"],
    ["a conditional in 'in'", "[x for x in a if b else c]"],
    ["a bare comprehension", "x for x in y"],
    ["a map in a set", "{a, b: c}"],
    ["a comma alone", ","],
    ["an empty item", "[a,,b]"],
    ["a constant as an argument's name", "f(True=1)"],
    ["not behind an operator", "a + not b"],
    ["a keyword as a name", "for + 1"],
  ])("is %s: %s", (_, text) => {
    expect(parseExpression(text).problems.length).toBeGreaterThan(0);
  });

  it("does not hide those behind it", () => {
    const text = "a = 1 && 'x\\x' || f(*b) == 99999999999999999999";

    expect(parseExpression(text).problems.map(({ start, end }) => text.slice(start, end))).toEqual([
      ...["=", "&&", "\\x", "||", "*", "99999999999999999999"],
    ]);
  });
});

describe("the bounds", () => {
  it("are of length", () => {
    const text = `'${"x".repeat(limits.specExpressionChars)}'`;

    expect(parseExpression(text).problems[0]?.message).toBe(
      `${text.length} characters, expected at most ${limits.specExpressionChars} in one expression`,
    );
  });

  it.each([
    ["brackets", (n: number) => "(".repeat(n) + ")".repeat(n)],
    ["lists", (n: number) => "[".repeat(n)],
    ["signs", (n: number) => `${"-".repeat(n)}1`],
    ["not", (n: number) => `${"not ".repeat(n)}a`],
    ["powers", (n: number) => `${"2 ** ".repeat(n)}2`],
    ["conditionals", (n: number) => `${"a if b else ".repeat(n)}c`],
    ["calls in calls", (n: number) => "f(".repeat(n)],
    ["names behind 'for'", (n: number) => `[x for ${"(".repeat(n)}`],
  ])("are of depth: %s", (_, nested) => {
    const { expr, problems } = parseExpression(nested(500));

    expect(expr).toBeNull();
    expect(problems.at(-1)?.message).toContain(`nested more than ${limits.specExpressionDepth} deep`);
  });

  it.each([
    ["sums", "1+"],
    ["attributes", "a."],
    ["lists", "a,"],
    ["comparisons", "a<"],
  ])("are of size: %s", (_, part) => {
    const { problems } = parseExpression(`${part.repeat(limits.specExpressionNodes)}a`);

    expect(problems[0]?.message).toContain(`more than ${limits.specExpressionNodes} parts`);
  });

  it("leave room for what people write", () => {
    const sum = Array.from({ length: 300 }, (_, i) => `source.field_${i}`).join(" + ");

    expect(parseExpression(sum).problems).toEqual([]);
  });
});

describe("a broken expression", () => {
  const SEED = 0x5eed;

  // Pieces that meet other pieces badly.
  const PIECES = [
    ..."( ) [ ] { } , : . = == != < > + - * / ** | & ! ? ; @ $ ~ \\ ' \" ''' # && || := ...".split(" "),
    ..."and or not in is if else for lambda await async yield None True x 1 0x 1e 1. .5 'a' f'x' b'x' \\x4 \\u".split(
      " ",
    ),
    ...[
      " ",
      "\n",
      "\r\n",
      "\t",
      "\0",
      "é",
      "😀",
      "\ud83d",
      "\u00a0",
      "“",
      " for x in y",
      " if a else b",
      "9".repeat(30),
    ],
  ];

  it(`gives a tree or a problem with its place, and never throws (seed ${SEED})`, () => {
    const random = prng(SEED);
    const below = (n: number) => Math.floor(random() * n);
    const mutated = (text: string): string => {
      const at = below(text.length + 1);
      const kind = below(4);
      if (kind === 0) return text.slice(0, at) + PIECES[below(PIECES.length)] + text.slice(at);
      if (kind === 1) return text.slice(0, at) + text.slice(at + 1 + below(4));
      if (kind === 2) return text.slice(at) + text.slice(0, at);
      const from = expressions[below(expressions.length)]!;
      return text.slice(0, at) + from.slice(below(from.length)) + text.slice(at);
    };

    for (let run = 0; run < 20_000; run++) {
      let text = expressions[below(expressions.length)]!;
      for (let times = 1 + below(4); times > 0; times--) text = mutated(text);

      const { expr, problems } = parseExpression(text);
      const wrong = problems.filter(({ start, end }) => !(0 <= start && start <= end && end <= text.length));

      if ((expr === null) !== problems.length > 0 || wrong.length > 0) expect({ text, expr, problems }).toBeNull();
    }
  });
});

function parsed(text: string): string | null {
  const { expr, problems } = parseExpression(text);
  expect(problems).toEqual([]);
  return expr === null ? null : treeOf(expr);
}
