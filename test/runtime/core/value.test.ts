import { readFileSync } from "node:fs";
import { pack } from "msgpackr";
import { describe, expect, it } from "vitest";
import {
  CalendarDay,
  Datetime,
  Duration,
  decode,
  encode,
  FAULTS,
  TAGS,
  Tuple,
  toJson,
  type Value,
  Zone,
} from "../../../runtime/core/value.ts";

const SECOND = 1_000_000n; // µs
const AT = 1_520_462_131n * SECOND; // 2018-03-07T22:35:31Z

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

/** Names and numbers of a namespace of constants in the core's sources. */
function namespaceOf(name: string): Map<string, number> {
  const source = readFileSync(new URL("../../../assembly/machine/value.ts", import.meta.url), "utf8");
  const body = new RegExp(`namespace ${name} \\{(.*?)\\n\\}`, "s").exec(source)![1]!;
  return new Map(Array.from(body.matchAll(/const (\w+): \w+ = (\d+);/g), ([, key, number]) => [key!, Number(number)]));
}

describe("the core's names", () => {
  it("are those of its tags, in order", () => {
    const names = new Map([
      ["bool", "boolean"],
      ["int", "integer"],
    ]);

    expect([...namespaceOf("Tag")]).toEqual(
      Array.from(namespaceOf("Tag").keys(), (key, i) => [key, 16 + i] satisfies [string, number]),
    );
    expect(Array.from(namespaceOf("Tag").keys(), (key) => names.get(key.toLowerCase()) ?? key.toLowerCase())).toEqual([
      ...TAGS,
    ]);
  });

  it("are those of its faults, in order", () => {
    const words = FAULTS.map((name) =>
      name
        .replace(/Error$/, "")
        .replace(/(?<=[a-z])[A-Z]/g, "_$&")
        .toUpperCase(),
    );

    expect([...namespaceOf("Fault")]).toEqual(words.map((word, i) => [word, i + 1]));
  });
});

describe("encode", () => {
  it.each<[string, Value, string]>([
    ["null", null, "c0"],
    ["a boolean", true, "c3"],
    ["an integer of one byte", 127, "7f"],
    ["an integer of 32 bits", 0xffffffff, "ce ffffffff"],
    ["an integer beyond 32 bits", 2 ** 32, "d3 0000000100000000"],
    ["an integer below -2^31", -(2 ** 31) - 1, "d3 ffffffff7fffffff"],
    ["2^53", 2 ** 53, "d3 0020000000000000"],
    ["a small bigint", 5n, "05"],
    ["the largest of 64 bits", 2n ** 63n - 1n, "d3 7fffffffffffffff"],
    ["one beyond 64 bits", 2n ** 63n, `c7 13 06 ${hex(Buffer.from("9223372036854775808"))}`],
    ["a fraction", 0.5, "cb 3fe0000000000000"],
    ["a whole number that no integer is meant by", 1e300, "cb 7e37e43c8800759c"],
    ["NaN", Number.NaN, "cb 7ff8000000000000"],
    ["text", "é", "a2 c3a9"],
    ["half a surrogate pair", "\ud83d!", "a4 efbfbd 21"],
    ["a datetime", new Datetime(AT, 3600), "c7 0c 01 000566da2d3672c0 00000e10"],
    ["a naive datetime", new Datetime(-1n, null), "c7 0c 01 ffffffffffffffff 80000000"],
    ["a day", new CalendarDay(-1), "d6 03 ffffffff"],
    ["a duration", new Duration(-1n), "d7 04 ffffffffffffffff"],
    ["a zone", new Zone(-3600), "d6 05 fffff1f0"],
    ["a list", [1, [2]], "92 01 91 02"],
    ["a tuple", new Tuple([1, 2]), "d4 02 00 92 01 02"],
    ["a set", new Set([1, "a"]), "d4 73 00 92 01 a161"],
    [
      "a map with any keys",
      new Map<Value, Value>([
        [1, null],
        ["a", [false]],
      ]),
      "82 01 c0 a161 91 c2",
    ],
  ])("packs %s", (_, value, expected) => {
    expect(hex(encode(value))).toBe(expected.replaceAll(" ", ""));
  });

  it("leaves the sets of others who use msgpackr what they were", () => {
    encode(new Set([1]));

    expect(hex(pack(new Set([1])))).toBe("9101");
  });
});

describe("decode", () => {
  it.each<[string, string, Value]>([
    ["an integer up to 2^53 as a number", "d3 0020000000000000", 2 ** 53],
    ["one beyond as a bigint", "d3 0020000000000001", 2n ** 53n + 1n],
    ["one beyond 64 bits as a bigint", "c7 15 06 2d3132333435363738393031323334353637383930", -12345678901234567890n],
    ["a whole float as a number", "cb 4044000000000000", 40],
    ["a datetime", "c7 0c 01 000566da2d3672c0 ffffc7c0", new Datetime(AT, -14400)],
    [
      "a set within a tuple within a map",
      "81 d4 02 00 91 d4 73 00 91 01 c0",
      new Map([[new Tuple([new Set([1])]), null]]),
    ],
  ])("reads %s", (_, packed, value) => {
    expect(decode(bytes(packed))).toEqual(value);
  });

  it("throws for what is no value", () => {
    expect(() => decode(bytes("d6 63 00000000"))).toThrow("extension");
    expect(() => decode(bytes("92 01"))).toThrow();
  });

  it.each<Value>([
    null,
    true,
    -1,
    2n ** 70n,
    "text 😀",
    [],
    new Map<Value, Value>([["a", new Map([["b", [new Duration(1n), new CalendarDay(17597), new Zone(0)]]])]]),
    new Set<Value>(["a", 2n ** 60n]),
    new Tuple([new Tuple([]), new Datetime(AT, null)]),
  ])("reads what encode packed: %s", (value) => {
    expect(decode(encode(value))).toEqual(value);
  });
});

describe("the text of a time", () => {
  it.each([
    [new Datetime(AT, 0), "2018-03-07T22:35:31+00:00"],
    [new Datetime(AT + 5n, -12_600), "2018-03-07T19:05:31.000005-03:30"],
    [new Datetime(AT, 3_601), "2018-03-07T23:35:32+01:00:01"],
    [new Datetime(AT, null), "2018-03-07T22:35:31"],
    [new Datetime(-1n, 0), "1969-12-31T23:59:59.999999+00:00"],
    [new Datetime(-62_135_596_800n * SECOND, null), "0001-01-01T00:00:00"],
    [new Datetime(253_402_300_800n * SECOND - 1n, null), "9999-12-31T23:59:59.999999"],
    [new CalendarDay(17_597), "2018-03-07"],
    [new CalendarDay(-1), "1969-12-31"],
    [new Duration(0n), "0:00:00"],
    [new Duration(86_410n * SECOND), "1 day, 0:00:10"],
    [new Duration(-1n), "-1 day, 23:59:59.999999"],
    [new Duration(2n * 86_400n * SECOND + 45_296n * SECOND), "2 days, 12:34:56"],
    [new Zone(0), "UTC"],
    [new Zone(7_200), "UTC+02:00"],
    [new Zone(-12_600), "UTC-03:30"],
  ])("is Python's: %s", (time, text) => {
    expect(time.toString()).toBe(text);
  });
});

describe("toJson", () => {
  it("makes JSON of everything", () => {
    const value = new Map<Value, Value>([
      ["at", new Datetime(AT, null)],
      ["list", [1, 0.5, true, null, Number.NaN]],
      ["set", new Set(["a"])],
      ["tuple", new Tuple([new CalendarDay(0), new Duration(SECOND)])],
      ["wide", 2n ** 53n + 1n],
      ["less wide", 5n],
      [3, "three"],
      [null, "none"],
      [true, "yes"],
      [new Tuple([1, "a"]), "pair"],
      [new Datetime(AT, 0), "then"],
    ]);

    expect(toJson(value)).toEqual({
      at: "2018-03-07T22:35:31+00:00",
      list: [1, 0.5, true, null, null],
      set: ["a"],
      tuple: ["1970-01-01", "0:00:01"],
      wide: "9007199254740993",
      "less wide": 5,
      "3": "three",
      null: "none",
      true: "yes",
      '[1,"a"]': "pair",
      "2018-03-07T22:35:31+00:00": "then",
    });
  });

  it("makes a member of a key that has a meaning in JavaScript", () => {
    expect(JSON.stringify(toJson(new Map([["__proto__", 1]])))).toBe('{"__proto__":1}');
  });
});
