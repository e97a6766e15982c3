import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  duration,
  integer,
  list,
  map,
  optionalText,
  text,
  texts,
  version,
  word,
} from "../../../runtime/data/schema.ts";
import { check, parseYaml, type YamlFile } from "../../../runtime/data/yaml.ts";
import { formatMistake, type Mistake } from "../../../runtime/errors.ts";
import { limits } from "../../../runtime/limits.ts";

function parse(source: string): { yaml: YamlFile | null; said: string[] } {
  const mistakes: Mistake[] = [];
  const yaml = parseYaml(source, "a.yml", mistakes);
  return { yaml, said: mistakes.map(formatMistake) };
}

describe("parseYaml", () => {
  it("gives plain values without a prototype", () => {
    const { yaml } = parse("a: 1\nb: [x, true, null, 1.5]\nconstructor: here\n7: seven\n");

    expect(yaml!.value).toEqual(
      Object.assign(Object.create(null), { a: 1, b: ["x", true, null, 1.5], constructor: "here", 7: "seven" }),
    );
    expect(Object.getPrototypeOf(yaml!.value)).toBeNull();
  });

  it("reads an anchor where it stands and where it is used", () => {
    expect(JSON.stringify(parse("a: &x [1, 2]\nb: *x\n").yaml!.value)).toBe('{"a":[1,2],"b":[1,2]}');
  });

  it.each([
    ["", "a.yml:1:1: is empty"],
    ["# nothing\n", "a.yml:1:1: is empty"],
    ["a:\n\tb: 1\n", "a.yml:2:1: a tab is used for indentation: use spaces"],
    ["a: 1\nb: 2\na: 3\n", "a.yml:3:1: the key 'a' stands twice"],
    ["a: {b: 1, b: 2}\n", "a.yml:1:11: the key 'b' stands twice"],
    ["? [a]\n: 1\n", "a.yml:1:3: a key must be plain text"],
    ["a: !secret x\n", "a.yml:1:4: tags ('!…') are not used here"],
    ["a: 1\n---\nb: 2\n", "a.yml:2:1: a second document begins here: a file holds one"],
    ["a: *nobody\n", "a.yml:1:4: no anchor '&nobody' stands before this alias"],
    ["__proto__: 1\n", "a.yml:1:1: no key may be called '__proto__'"],
    ["a: &x [*x]\n", `a.yml:1:7: is nested deeper than ${limits.yamlDepth} levels, aliases followed`],
    ["ключ: [\n", "a.yml:2:1: flow sequence in block collection must be sufficiently indented and end with a ]"],
  ])("says of %j: %s", (source, expected) => {
    const { yaml, said } = parse(source);

    expect(yaml).toBeNull();
    expect(said[0]).toBe(expected);
  });

  it.each(["[", "- ", "{a: ", "? "])("refuses '%s' nested a hundred thousand times", (open) => {
    expect(parse(open.repeat(100_000)).said).toEqual([
      expect.stringMatching(/^a\.yml:1:\d+: is nested deeper than 32 levels$/),
    ]);
  });

  it("refuses aliases that explode", () => {
    const levels = Array.from(
      { length: 12 },
      (_, i) =>
        `l${i}: &l${i} [${Array(9)
          .fill(i === 0 ? "x" : `*l${i - 1}`)
          .join(", ")}]`,
    );

    expect(parse(levels.join("\n")).said).toEqual([
      expect.stringContaining(`more than ${limits.yamlNodes} values, aliases followed`),
    ]);
  });

  it("refuses a file that is too long", () => {
    expect(parse("#".repeat(limits.yamlBytes + 1)).said).toEqual([
      `a.yml:1:1: is ${limits.yamlBytes + 1} characters long, at most ${limits.yamlBytes} are read`,
    ]);
  });

  it("counts columns in code points", () => {
    expect(parse("{'😀😀': 1, b: 2, b: 3}").said).toEqual(["a.yml:1:17: the key 'b' stands twice"]);
  });

  it("throws nothing, whatever the text", () => {
    const shard = fc.constantFrom(
      "a",
      "b: ",
      "- ",
      "\n",
      "  ",
      "\t",
      "[",
      "]",
      "{",
      "}",
      ",",
      "'",
      '"',
      "&x ",
      "*x",
      "!!t ",
      "|",
      ">",
      "#",
      "? ",
      ": ",
      "---",
      "...",
      "%Y 1\n",
      "\u{1f600}",
      "\0",
      "<<: ",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary" }),
          fc.array(shard, { maxLength: 40 }).map((all) => all.join("")),
        ),
        (source) => {
          const { yaml, said } = parse(source);
          return (yaml === null) === said.length > 0;
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

const Schema = map({
  version: version(),
  name: text("a name"),
  port: integer(0, 65_535).default(80),
  level: word(["debug", "info"]).default("info"),
  wait: duration(1_000, 60_000).default(5_000),
  tags: texts("a tag").default([]),
  note: optionalText(),
  rules: list(map({ from: text(), weight: integer(1, 9).default(1) }), "rules").default([]),
});

function checked(source: string): string[] {
  const mistakes: Mistake[] = [];
  const yaml = parseYaml(source, "a.yml", mistakes);
  const value = check(yaml!, Schema, mistakes);
  expect(value === null).toBe(mistakes.length > 0);
  return mistakes.map(formatMistake);
}

describe("check", () => {
  it("fills in defaults and reads units", () => {
    const yaml = parse("version: 1\nname: a\nwait: 30s\ntags: x\nport: '8080'\nnote: ''\n").yaml!;

    expect(check(yaml, Schema, [])).toEqual({
      version: 1,
      name: "a",
      port: 8080,
      level: "info",
      wait: 30_000,
      tags: ["x"],
      note: null,
      rules: [],
    });
  });

  it.each([
    ["name: a\n", "a.yml:1:1: 'version' is missing: expected 1, the version of this format"],
    ["version: 2\nname: a\n", "a.yml:1:10: expected 1, the version of this format, found the number 2"],
    ["version: 1\n", "a.yml:1:1: 'name' is missing: expected a name"],
    ["version: 1\nname:\n", "a.yml:2:6: expected a name, found nothing"],
    ["version: 1\nname: 7\n", "a.yml:2:7: expected a name, found the number 7 (write it in quotes)"],
    ["version: 1\nname: a\nport: eighty\n", "a.yml:3:7: expected a whole number from 0 to 65535, found 'eighty'"],
    [
      "version: 1\nname: a\nport: 70000\n",
      "a.yml:3:7: expected a whole number from 0 to 65535, found the number 70000",
    ],
    ["version: 1\nname: a\nlevel: dbug\n", "a.yml:3:8: expected debug or info, found 'dbug' (did you mean 'debug'?)"],
    [
      "version: 1\nname: a\nwait: 30\n",
      "a.yml:3:7: expected a duration from 1s to 1m, such as '30s', '10m' or '7d', found the number 30",
    ],
    [
      "version: 1\nname: a\nwait: 2m\n",
      "a.yml:3:7: expected a duration from 1s to 1m, such as '30s', '10m' or '7d', found '2m'",
    ],
    ["version: 1\nname: a\ntags: {}\n", "a.yml:3:7: expected a tag or a list of them, found a map"],
    ["version: 1\nname: a\nrules: 3\n", "a.yml:3:8: expected a list of rules, found the number 3"],
    ["version: 1\nname: a\nrules:\n  - weight: 2\n", "a.yml:4:5: 'from' is missing: expected text"],
    [
      "version: 1\nname: a\nrules:\n  - {from: x, wieght: 2}\n",
      "a.yml:4:15: unknown key 'wieght' (did you mean 'weight'?)",
    ],
    [
      "version: 1\nname: a\nqq: 2\n",
      "a.yml:3:1: unknown key 'qq': expected version, name, port, level, wait, tags, note, rules",
    ],
    ["[1]\n", "a.yml:1:1: expected a map with version, name, port, level, wait, tags, note and rules, found a list"],
  ])("says of %j: %s", (source, expected) => {
    expect(checked(source)).toEqual([expected]);
  });

  it("says everything at once", () => {
    expect(checked("version: 1\nnam: a\nport: -1\nrules: [{from: 1}]\n")).toHaveLength(4);
  });
});
