import { describe, expect, it } from "vitest";
import { limits } from "../../runtime/limits.ts";
import { type Evaluated, Expressions, evaluate } from "../support/evaluate.ts";
import { prng } from "../support/prng.ts";

const SEED = Number(process.env.AISLE_SEED ?? 20_180_307);

/** What JavaScript, which compares place by place, makes of the expressions below. */
function searched(text: string, needle: string): string[] {
  const places: number[] = [];
  for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, at + needle.length)) places.push(at);
  const fromEnd: string[] = [];
  let end = text.length;
  for (let at = text.lastIndexOf(needle); at >= 0; ) {
    fromEnd.unshift(text.slice(at + needle.length, end));
    end = at;
    at = end < needle.length ? -1 : text.lastIndexOf(needle, end - needle.length);
  }
  fromEnd.unshift(text.slice(0, end));
  const list = (parts: string[]) => `[${parts.map((part) => `'${part}'`).join(", ")}]`;
  return [
    String(text.indexOf(needle)),
    String(text.lastIndexOf(needle)),
    String(places.length),
    places.length > 0 ? "True" : "False",
    list(text.split(needle)),
    list(fromEnd),
    `'${text.replaceAll(needle, "-")}'`,
  ];
}

const SEARCHES = ["t.find(n)", "t.rfind(n)", "t.count(n)", "n in t", "t.split(n)", "t.rsplit(n)", "t.replace(n, '-')"];

describe("a search", () => {
  const machine = new Expressions(
    SEARCHES.map((text) => text.replace(/\bt\b/g, "source.text").replace(/\bn\b/g, "source.needle")),
  );
  const found = (text: string, needle: string): string[] =>
    machine
      .evaluate(JSON.stringify({ text, needle }))
      .map((evaluated) => ("value" in evaluated ? evaluated.value : JSON.stringify(evaluated)));

  it("finds what a plain search finds", () => {
    const random = prng(SEED);
    const below = (end: number) => Math.floor(end * random());
    const some = (most: number, letters: string) =>
      Array.from({ length: 1 + below(most) }, () => letters[below(letters.length)]).join("");
    for (let i = 0; i < 2_000; i++) {
      const text = some(200, i % 2 === 0 ? "ab" : "abcd").repeat(1 + below(3));
      const at = below(text.length);
      const needle = i % 3 === 0 ? some(6, "ab") : text.slice(at, at + 1 + below(40));

      expect(found(text, needle), `seed ${SEED}: '${needle}' in '${text}'`).toEqual(searched(text, needle));
    }
  });

  it.each([
    ["a", 3_000, `${"a".repeat(200)}b`],
    ["a", 3_000, `b${"a".repeat(200)}`],
    ["a", 3_000, `${"a".repeat(100)}b${"a".repeat(100)}`],
    ["a", 3_000, "a".repeat(70)],
    [`${"a".repeat(90)}b`, 40, `${"a".repeat(60)}b`],
    [`b${"a".repeat(90)}`, 40, `b${"a".repeat(60)}`],
    [`${"a".repeat(40)}b${"a".repeat(41)}b`, 40, `${"a".repeat(40)}b${"a".repeat(40)}b`],
    [`${"ab".repeat(50)}b`, 30, `${"ab".repeat(40)}bab`],
  ])("also where a plain one would take the product of both lengths, case %#", (part, times, needle) => {
    const text = part.repeat(times);

    expect(found(text, needle)).toEqual(searched(text, needle));
    expect(found(`${text}${needle}${text}`, needle)).toEqual(searched(`${text}${needle}${text}`, needle));
  });
});

describe("what is made of a text", () => {
  const most = limits.stateTextBytes;
  const items = limits.stateItems;

  it.each([
    ["'a' * MOST", most],
    ["'é' * (MOST // 2)", most / 2],
    ["'a' * (MOST - 5) + 'b' * 5", most],
    ["('a' * (MOST // 2)).replace('a', 'bc')", most],
    ["('a' * (MOST // 2 - 1)).replace('', '-')", most - 1],
    ["'-'.join(['a' * (MOST // 2), 'a' * (MOST // 2 - 1)])", most],
    ["'1'.zfill(MOST)", most],
    ["('A' * MOST).lower()", most],
    ["('ΐ' * (MOST // 6)).upper()", 3 * Math.floor(most / 6)],
    ["('a,' * (ITEMS - 1)).split(',')", items],
    ["('a\\n' * ITEMS).splitlines()", items],
  ])("may be as long as the limit: %s", (expression, length) => {
    expect(lengthOf(expression)).toEqual({ value: String(length) });
  });

  it.each([
    "'a' * (MOST + 1)",
    "'a' * 9223372036854775807",
    "'é' * (MOST // 2 + 1)",
    "'a' * (MOST - 5) + 'b' * 6",
    "('a' * (MOST // 2 + 1)).replace('a', 'bc')",
    "('a' * (MOST // 2)).replace('', '-')",
    "'-'.join(['a' * (MOST // 2), 'a' * (MOST // 2)])",
    "'1'.zfill(MOST + 1)",
    "'1'.zfill(9223372036854775807)",
    "('ΐ' * (MOST // 6 + 1)).upper()",
    "('a,' * ITEMS).split(',')",
    "('a,' * ITEMS).rsplit(',')",
    "('a ' * (ITEMS + 1)).split()",
    "('a\\n' * (ITEMS + 1)).splitlines()",
  ])("is refused beyond it: %s", (expression) => {
    expect(lengthOf(expression)).toEqual({ fault: "limit" });
  });

  function lengthOf(expression: string): Evaluated {
    return evaluate(`len(${expression})`.replaceAll("MOST", String(most)).replaceAll("ITEMS", String(items)));
  }
});
