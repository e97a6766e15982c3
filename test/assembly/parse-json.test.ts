import { beforeEach, describe, expect, it } from "vitest";
import { JsonText } from "../support/json-text.ts";
import { prng } from "../support/prng.ts";
import { pythonJson } from "../support/python-json.ts";
import { Values } from "../support/values.ts";

const LIMIT = "fault 8";

const LIST = 26;
const MAP = 29;
const WRAPPED = 1 << 9;

let values: Values;

beforeEach(() => {
  values = new Values();
});

describe("a value of an event", () => {
  it.each([
    ["that is missing", "{}", "None"],
    ["that is null", '{"a":null}', "None"],
    ["that is true", '{"a":true}', "True"],
    ["that is false", '{"a":false}', "False"],
    ["that is an integer", '{"a":42}', "42"],
    ["that is a negative integer", '{"a":-7}', "-7"],
    ["that is a negative zero", '{"a":-0}', "0"],
    ["of 18 digits", '{"a":123456789012345678}', "123456789012345678"],
    ["that is the largest integer", '{"a":9223372036854775807}', "9223372036854775807"],
    ["that is the smallest", '{"a":-9223372036854775808}', "-9223372036854775808"],
    ["that is an integer beyond 64 bits", '{"a":9223372036854775808}', "9223372036854775808"],
    ["that is one below them", '{"a":-9223372036854775809}', "-9223372036854775809"],
    ["of 20 digits, the lower 64 bits of which are small", '{"a":18446744073709551617}', "18446744073709551617"],
    ["of 30 digits", '{"a":-123456789012345678901234567890}', "-123456789012345678901234567890"],
    ["with a fraction of zero", '{"a":40.0}', "40.0"],
    ["with an exponent", '{"a":1E3}', "1000.0"],
    ["with more than a double holds", '{"a":-1e999}', "-inf"],
    ["that is a text", '{"a":"plain"}', "'plain'"],
    ["that is an empty text", '{"a":""}', "''"],
    ["that is a text beyond ASCII", '{"a":"é😀"}', "'é😀'"],
    ["that is a text with escapes", '{"a":"\\"\\/\\n\\u00e9\\ud83d\\ude00"}', "'\"/\\né😀'"],
    ["with half a surrogate pair", '{"a":"\\ud83d!\\udc00"}', "'\ufffd!\ufffd'"],
    ["with half a pair before a whole one", '{"a":"\\ud83d\\ud83d\\ude00"}', "'\ufffd😀'"],
    ["with a character that looks like half a pair", '{"a":"\\n\ud7ff\ue000"}', "'\\n\\ud7ff\\ue000'"],
    ["that is a list", '{"a":[1, [2.0, "\\t"], {}]}', "[1, [2.0, '\\t'], {}]"],
    ["that is a map", '{"a": { "b" : {"c":[]} , "\\u0064":null}}', "{'b': {'c': []}, 'd': None}"],
    ["that is a map with equal keys", '{"a":{"x":1,"y":2,"\\u0078":[3]}}', "{'x': [3], 'y': 2}"],
  ])("%s", (_, json, repr) => {
    expect(values.repr(values.member(json))).toBe(repr);
  });

  it("is wrapped when it is a list or a map", () => {
    expect(values.tag(values.member('{"a":[{}]}'))).toBe(LIST | WRAPPED);
    expect(values.tag(values.member('{"a":{"b":[]}}'))).toBe(MAP | WRAPPED);
  });

  it("takes the number of digits of many that a text has", () => {
    expect(values.repr(values.member(`{"a":${"9".repeat(400)}}`))).toBe("9".repeat(400));
  });
});

describe("the bounds", () => {
  it.each([
    ["a text", '"12345678"', '"123456789"'],
    ["a text beyond ASCII", '"éééé"', '"ééééé"'],
    ["a text with an escape", '"\\t345678"', '"\\t3456789"'],
    ["a text within a list", '["12345678"]', '["123456789"]'],
    ["a key", '{"12345678":1}', '{"123456789":1}'],
    ["a list", "[1,2,3,4]", "[1,2,3,4,5]"],
    ["a map", '{"a":1,"b":2,"c":3,"d":4}', '{"a":1,"b":2,"c":3,"d":4,"e":5}'],
    ["a list within a map", '{"a":[1,2,3,4]}', '{"a":[1,2,3,4,5]}'],
  ])("hold for %s", (_, fits, tooLong) => {
    values.boundValues(8, 4);

    expect(() => values.parse(fits)).not.toThrow();
    expect(() => values.parse(tooLong)).toThrow(LIMIT);
    expect(() => values.member(`{"a":${tooLong}}`)).toThrow(LIMIT);
  });

  it("count equal keys once", () => {
    values.boundValues(8, 1);

    expect(values.repr(values.parse('{"a":1,"a":2}'))).toBe("{'a': 2}");
  });

  it("hold for the work", () => {
    values.reset(9);

    expect(() => values.parse("[1,2,3,4,5,6,7,8,9]")).not.toThrow();
    expect(() => values.parse("[1]")).toThrow(LIMIT);
  });

  it("hold for the nesting", () => {
    expect(values.json(values.parse(`${"[".repeat(64)}${"]".repeat(64)}`))).toBe(`${"[".repeat(64)}${"]".repeat(64)}`);
    expect(() => values.parse(`${"[".repeat(65)}${"]".repeat(65)}`)).toThrow(LIMIT);
  });
});

describe("any JSON", () => {
  it.each([1, 2, 3, 4])("is written again as Python does (seed %i)", (seed) => {
    const text = new JsonText(prng(seed), ["a", "b", "ключ", "key", '"', "\\", "0", "a.b"]);
    for (let i = 0; i < 2_000; i++) {
      const json = text.value(5).trim();
      values.reset();

      const written = values.json(values.parse(json));

      if (written !== pythonJson(json))
        expect.fail(`text ${i}: ${json}\nbecame ${written}\nnot    ${pythonJson(json)}`);
    }
  });
});
