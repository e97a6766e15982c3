import { describe, expect, it } from "vitest";
import { parseYaml } from "../../../runtime/data/yaml.ts";
import type { Mistake } from "../../../runtime/errors.ts";

/** "line:column" of the first `!` in the value of `a`. */
function placeOfMark(text: string): string {
  const mistakes: Mistake[] = [];
  const yaml = parseYaml(text, "a.yml", mistakes)!;
  expect(mistakes).toEqual([]);
  const value = (yaml.value as { a: string }).a;
  const { line, column } = yaml.mistakeIn(["a"], value, value.indexOf("!"), "");
  return `${line}:${column}`;
}

describe("a character of a scalar is found in the file", () => {
  it.each([
    ["plain", "a: one !two\n", "1:8"],
    ["plain, folded", "a: one\n  two\n   !three\n", "3:4"],
    ["in single quotes", "a: 'it''s !'\n", "1:11"],
    ["in single quotes, folded", "a: 'it''s\n\n  not !'\n", "3:7"],
    ["in double quotes", 'a: "x !"\n', "1:7"],
    ["in double quotes behind escapes", 'a: "\\"\\u0041\\x20\\t\\U0001F600 \\\n  !"\n', "2:3"],
    ["an escape itself", 'a: "x\\x21"\n', "1:6"],
    ["literal", "a: |\n  one\n\n    two !\n", "4:9"],
    ["folded with a comment", "a: >- # why !\n  one\n  two !\n", "3:7"],
    ["in a list", "{b: 1, a: x !}\n", "1:13"],
    ["behind an anchor", "a: &x one !\n", "1:11"],
    ["in code points", "a: '😀 !'\n", "1:7"],
  ])("%s", (_, text, expected) => {
    expect(placeOfMark(text)).toBe(expected);
  });

  it("the end, and a blank, is behind the character before", () => {
    const yaml = parseYaml("a: 'one  two'\n", "a.yml", [])!;
    const column = (index: number) => yaml.mistakeIn(["a"], "one  two", index, "").column;

    expect([0, 3, 4, 5, 8].map(column)).toEqual([5, 8, 8, 10, 13]);
  });

  it("is where the value begins when the value is no scalar", () => {
    const yaml = parseYaml("a: [1]\n", "a.yml", [])!;

    expect(yaml.mistakeIn(["a"], "x", 0, "")).toMatchObject({ line: 1, column: 4 });
    expect(yaml.written(["a"])).toBeNull();
    expect(yaml.sourceOf(["a"])).toBe("[1]");
    expect(yaml.sourceOf(["b"])).toBeNull();
  });
});

describe("keys that stand twice", () => {
  const text = "a: [1]\nb: x\na: [2, 3]\nb: y\n";

  it("are joined where that is asked for, and told of", () => {
    const mistakes: Mistake[] = [];
    const yaml = parseYaml(text, "a.yml", mistakes, undefined, "join")!;

    expect({ ...(yaml.value as object) }).toEqual({ a: [1, 2, 3], b: "x" });
    expect(mistakes.map(({ line, message }) => `${line}: ${message}`)).toEqual([
      "3: the key 'a' stands twice: expected one list, with these elements at its end",
      "4: the key 'b' stands twice",
    ]);
    expect(yaml.mistake(["a", 2], "")).toMatchObject({ line: 3, column: 8 });
  });

  it("are the last of them where that is asked for", () => {
    const mistakes: Mistake[] = [];

    expect({ ...(parseYaml(text, "a.yml", mistakes, undefined, "last")!.value as object) }).toEqual({
      a: [2, 3],
      b: "y",
    });
    expect(mistakes).toEqual([]);
  });

  it("are too many at some point", () => {
    const mistakes: Mistake[] = [];

    expect(parseYaml("a: [1]\n".repeat(100), "a.yml", mistakes, undefined, "join")).toBeNull();
    expect(mistakes).toHaveLength(99);
  });
});
