import { beforeEach, describe, expect, it } from "vitest";
import { CalendarDay, Datetime, Duration, encode, Tuple, type Value, Zone } from "../../runtime/core/value.ts";
import { prng } from "../support/prng.ts";
import { pythonFloat } from "../support/python-json.ts";
import { Values } from "../support/values.ts";

const LIMIT = "fault 8";
const SECOND = 1_000_000n; // µs
const AT = 1_520_462_131n * SECOND; // 2018-03-07T22:35:31Z

let values: Values;

beforeEach(() => {
  values = new Values();
});

const cellOf = (value: Value): number => values.unpack(encode(value))!;

describe("str and repr", () => {
  it.each<[Value, string]>([
    [null, "None"],
    [true, "True"],
    [false, "False"],
    [-42, "-42"],
    [2n ** 64n, "18446744073709551616"],
    [0.1, "0.1"],
    [1e22, "1e+22"],
    [Number.NaN, "nan"],
    [Number.NEGATIVE_INFINITY, "-inf"],
    [[], "[]"],
    [[1, [2, "three"], null], "[1, [2, 'three'], None]"],
    [new Tuple([]), "()"],
    [new Tuple([1]), "(1,)"],
    [new Tuple([1, new Tuple(["a"])]), "(1, ('a',))"],
    [new Set(), "set()"],
    [new Set([1, "a"]), "{1, 'a'}"],
    [new Map(), "{}"],
    [
      new Map<Value, Value>([
        ["a", 1],
        [2, [0.5, null, true]],
        [new Tuple([1]), new Map()],
      ]),
      "{'a': 1, 2: [0.5, None, True], (1,): {}}",
    ],
    [
      [new Datetime(AT, null), new Datetime(AT + 5n, 0)],
      "[datetime.datetime(2018, 3, 7, 22, 35, 31), datetime.datetime(2018, 3, 7, 22, 35, 31, 5, tzinfo=datetime.timezone.utc)]",
    ],
    [[new CalendarDay(0)], "[datetime.date(1970, 1, 1)]"],
    [new Set([new Duration(-SECOND)]), "{datetime.timedelta(days=-1, seconds=86399)}"],
    [new Tuple([new Zone(7200)]), "(datetime.timezone(datetime.timedelta(seconds=7200)),)"],
  ])("are the same of %s", (value, text) => {
    expect(values.repr(cellOf(value))).toBe(text);
    expect(values.str(cellOf(value))).toBe(text);
  });

  it.each<[Value, string, string]>([
    ["it's", "it's", '"it\'s"'],
    [
      new Datetime(AT, 3600),
      "2018-03-07 23:35:31+01:00",
      "datetime.datetime(2018, 3, 7, 23, 35, 31, tzinfo=datetime.timezone(datetime.timedelta(seconds=3600)))",
    ],
    [new CalendarDay(17_597), "2018-03-07", "datetime.date(2018, 3, 7)"],
    [new Duration(86_410n * SECOND), "1 day, 0:00:10", "datetime.timedelta(days=1, seconds=10)"],
    [new Zone(-12_600), "UTC-03:30", "datetime.timezone(datetime.timedelta(days=-1, seconds=73800))"],
  ])("differ for %s", (value, str, repr) => {
    expect(values.str(cellOf(value))).toBe(str);
    expect(values.repr(cellOf(value))).toBe(repr);
  });

  it("know a whole float", () => {
    expect(values.repr(values.parse("[1.0, -0.0, 1e16, 1e-5, 123456789.0]"))).toBe(
      "[1.0, -0.0, 1e+16, 1e-05, 123456789.0]",
    );
  });
});

describe("repr of text", () => {
  it.each([
    ["", "''"],
    ["plain", "'plain'"],
    ['"', "'\"'"],
    ["'", '"\'"'],
    ["'\"", "'\\'\"'"],
    ["\\", "'\\\\'"],
    ["\n\r\t", "'\\n\\r\\t'"],
    ["\0\b\x1f\x7f", "'\\x00\\x08\\x1f\\x7f'"],
    ["\x80\xa0\xad", "'\\x80\\xa0\\xad'"],
    ["é€漢😀", "'é€漢😀'"],
    ["\u200b\u2028\ufeff\ue000\uffff", "'\\u200b\\u2028\\ufeff\\ue000\\uffff'"],
    ["\u{e0001}\u{10ffff}\u{1fffe}", "'\\U000e0001\\U0010ffff\\U0001fffe'"],
  ])("%j", (text, repr) => {
    expect(values.repr(cellOf(text))).toBe(repr);
  });

  it("shows the characters that Python 3.11 shows", () => {
    const SHOWN = 144_516; // sum(chr(c).isprintable() for c in range(0x110000))
    const wrong: string[] = [];
    let shown = 0;
    for (let first = 0; first < 0x110000; first += 0x1000) {
      const points = Array.from({ length: 0x1000 }, (_, i) => first + i).filter((c) => c < 0xd800 || c > 0xdfff);
      values.reset();
      const repr = values.repr(values.parse(JSON.stringify(String.fromCodePoint(...points))));
      const asTheyAre = new Set(repr.replace(/\\(x..|u....|U.{8}|.)/gu, ""));
      for (const point of points) {
        const character = String.fromCodePoint(point);
        if (character === "\\" || character === "'") shown++;
        else if (asTheyAre.has(character)) shown++;
        else continue;
        if (/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u.test(character)) wrong.push(point.toString(16)); // of a later Unicode
      }
    }

    expect(wrong).toEqual([]);
    expect(shown).toBe(SHOWN);
  });
});

describe("the bounds", () => {
  it("hold for the text that is made", () => {
    values.boundValues(400, 1_000);

    expect(values.str(cellOf([..."x".repeat(80)]))).toHaveLength(400);
    expect(() => values.str(cellOf([..."x".repeat(81)]))).toThrow(LIMIT);
    expect(values.repr(cellOf("x".repeat(398)))).toHaveLength(400);
    expect(() => values.repr(cellOf("x".repeat(399)))).toThrow(LIMIT);
  });

  it("hold for the work", () => {
    const cell = values.parse(`[${"1,".repeat(9_000)}1]`);
    values.reset(100);

    expect(() => values.str(cell)).toThrow(LIMIT);
  });

  it("don't hold for what is text already", () => {
    values.reset(0);

    expect(values.str(cellOf("x".repeat(1_000)))).toHaveLength(1_000);
  });
});

describe("writeJson", () => {
  it.each<[string, Value, string]>([
    ["constants", [null, true, false], "[null, true, false]"],
    ["numbers", [1, 0.5, 2n ** 64n, 1e22], "[1, 0.5, 18446744073709551616, 1e+22]"],
    [
      "what is no number",
      [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
      "[NaN, Infinity, -Infinity]",
    ],
    ["text", ['"\\/\b\f\n\r\t\0\x1f\x7f'], '["\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\\u007f"]'],
    ["text beyond ASCII", ["é€😀"], '["\\u00e9\\u20ac\\ud83d\\ude00"]'],
    ["sets and tuples", [new Set([1, 2]), new Tuple([]), new Tuple([1])], "[[1, 2], [], [1]]"],
    [
      "times",
      [new Datetime(AT + 5n, 7200), new Datetime(AT, null)],
      '["2018-03-08T00:35:31.000005+02:00", "2018-03-07T22:35:31+00:00"]',
    ],
    [
      "days, durations, zones",
      [new CalendarDay(1), new Duration(-1n), new Zone(0)],
      '["1970-01-02", "-1 day, 23:59:59.999999", "UTC"]',
    ],
    [
      "maps",
      new Map<Value, Value>([
        ["é", new Map()],
        ["", [new Map([["a", 1]])]],
      ]),
      '{"\\u00e9": {}, "": [{"a": 1}]}',
    ],
    [
      "keys",
      new Map<Value, Value>([
        [1, "a"],
        [0.5, "b"],
        [null, "c"],
        [2n ** 64n, "d"],
        [Number.NaN, "e"],
      ]),
      '{"1": "a", "0.5": "b", "null": "c", "18446744073709551616": "d", "NaN": "e"}',
    ],
    ["a key that is true", new Map([[true, false]]), '{"true": false}'],
    [
      "keys that JSON has not",
      new Map<Value, Value>([
        [new Datetime(AT, null), 1],
        [new CalendarDay(0), 2],
        [new Tuple([1, 'é"']), 3],
      ]),
      '{"2018-03-07T22:35:31+00:00": 1, "1970-01-01": 2, "(1, \'\\u00e9\\"\')": 3}',
    ],
  ])("writes %s", (_, value, json) => {
    expect(values.json(cellOf(value))).toBe(json);
  });

  it("writes text of any length and with anything at any place", () => {
    for (let length = 0; length < 70; length++) {
      for (const odd of ["", '"', "\\", "\x7f", "\x01", "é"]) {
        const text = "x".repeat(length) + odd + "y".repeat(70 - length);
        values.reset();

        const json = values.json(values.parse(JSON.stringify(text)))!;

        expect(JSON.parse(json)).toBe(text);
        expect(json).toMatch(/^[ -~]*$/);
      }
    }
  });

  it("says when there may not be enough room", () => {
    const cell = values.parse('{"a":["some text that is longer than others",1.5],"b":{"c":[true,null]}}');
    const needed = values.json(cell)!.length;

    for (let room = 0; room < needed; room++) expect(values.json(cell, room)).toBeNull();
    expect(values.json(cell, needed + 192)).not.toBeNull();
  });

  it("does no work that is counted", () => {
    const cell = cellOf(new Map([[new Tuple([1]), [1]]]));
    values.reset(0);

    expect(values.json(cell)).toBe('{"(1,)": [1]}');
  });
});

it.each([1, 2])("floats are printed as Python prints them (seed %i)", (seed) => {
  const random = prng(seed);
  const packed = new DataView(new ArrayBuffer(9));
  packed.setUint8(0, 0xcb);
  for (let i = 0; i < 5_000; i++) {
    packed.setUint32(1, random() * 2 ** 32);
    packed.setUint32(5, random() * 2 ** 32);
    values.reset();

    const json = values.json(values.unpack(new Uint8Array(packed.buffer))!);

    expect(json).toBe(pythonFloat(packed.getFloat64(1)));
  }
});
