import { describe, expect, it } from "vitest";
import { keysOf } from "../../runtime/core/paths.ts";
import { type Kind, type Scanned, Scanner } from "../../runtime/core/scanner.ts";
import { limits } from "../../runtime/limits.ts";
import { damaged, JsonText } from "../support/json-text.ts";
import { prng } from "../support/prng.ts";

const MISSING = Symbol("missing");

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What JSON.parse makes of bytes; undefined where it, or the check of UTF-8, refuses them. */
function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

function at(value: unknown, keys: readonly string[]): unknown {
  for (const key of keys) {
    if (!isObject(value) || !Object.hasOwn(value, key)) return MISSING;
    value = value[key];
  }
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What the scanner found at a path, as JavaScript. */
function found(scanned: Scanned, item: number, path: number): unknown {
  const kind: Kind = scanned.kind(item, path);
  switch (kind) {
    case "missing":
      return MISSING;
    case "string":
      return scanned.text(item, path);
    case "number":
      return scanned.number(item, path);
    default:
      return JSON.parse(new TextDecoder().decode(scanned.raw(item, path)));
  }
}

/** One payload, one path. */
function find(payload: string | Uint8Array, path: string): unknown {
  const scanned = new Scanner([path]).scan([typeof payload === "string" ? utf8(payload) : payload]);
  expect(scanned.error(0)).toBeNull();
  return found(scanned, 0, 0);
}

function errorOf(payload: string | Uint8Array, paths: readonly string[] = ["a"]) {
  return new Scanner(paths).scan([typeof payload === "string" ? utf8(payload) : payload]).error(0);
}

describe("values", () => {
  it.each([
    ["a string", '{"a":"x"}', "x"],
    ["an empty string", '{"a":""}', ""],
    ["a string of 15 bytes", '{"a":"123456789012345"}', "123456789012345"],
    ["a string of 16 bytes", '{"a":"1234567890123456"}', "1234567890123456"],
    ["a string of many times 16 bytes", `{"a":"${"0123456789".repeat(50)}"}`, "0123456789".repeat(50)],
    ["every short escape", '{"a":"\\"\\\\\\/\\b\\f\\n\\r\\t"}', '"\\/\b\f\n\r\t'],
    ["an escape by its number", '{"a":"\\u0041\\u00e9\\u20AC"}', "Aé€"],
    ["a pair of surrogates", '{"a":"\\ud83d\\ude00"}', "😀"],
    ["half a pair of surrogates", '{"a":"\\ud83d!"}', "\ud83d!"],
    ["two, three and four bytes of UTF-8", '{"a":"é€😀"}', "é€😀"],
    ["DEL", '{"a":"\u007f"}', "\u007f"],
    ["an integer", '{"a":42}', 42],
    ["a negative zero", '{"a":-0}', -0],
    ["a fraction", '{"a":-12.75}', -12.75],
    ["an exponent", '{"a":1.5e3}', 1500],
    ["more digits than a double holds", '{"a":3.14159265358979323846264338327950288}', Math.PI],
    ["more than a double holds", '{"a":1e999}', Number.POSITIVE_INFINITY],
    ["less than a double holds", '{"a":1e-999}', 0],
    ["true", '{"a":true}', true],
    ["false", '{"a":false}', false],
    ["null", '{"a":null}', null],
    ["an object", '{"a":{"b":[1,{}]}}', { b: [1, {}] }],
    ["an array", '{"a":[1,[2,{"a":3}],"]"]}', [1, [2, { a: 3 }], "]"]],
  ])("finds %s", (_, payload, value) => {
    expect(find(payload, "a")).toEqual(value);
  });

  it.each([
    ["after others", '{"x":1,"y":"2","a":3}', "a", 3],
    ["among spaces", ' \t\r\n{ "x" : 1 , "a" :\n3 } ', "a", 3],
    ["within an object", '{"payload":{"customer":{"id":"c1"}}}', "payload.customer.id", "c1"],
    ["within an object, after an array of alike objects", '{"q":[{"p":{"id":1}}],"p":{"id":2}}', "p.id", 2],
    ["with an escape in the key", '{"\\u0061":1}', "a", 1],
    ["with a pair of surrogates in the key", '{"\\ud83d\\ude00":1}', "😀", 1],
    ["with UTF-8 in the key", '{"größe":1}', "größe", 1],
    ["with a dot in the key", '{"a.b":1,"a":{"b":2}}', "a\\.b", 1],
    ["with a key longer than a step", `{"x":0,"${"k".repeat(60)}":1}`, "k".repeat(60), 1],
    ["with a key that begins like another", '{"ab":1,"a":2,"abc":3}', "a", 2],
    ["with the key __proto__", '{"__proto__":1}', "__proto__", 1],
  ])("finds it %s", (_, payload, path, value) => {
    expect(find(payload, path)).toEqual(value);
  });

  it.each([
    ["no such key", '{"b":1}', "a"],
    ["an empty object", "{}", "a"],
    ["a key in the wrong place", '{"b":{"a":1}}', "a"],
    ["no object on the way", '{"a":"b"}', "a.b"],
    ["an array on the way", '{"a":[{"b":1}]}', "a.b"],
    ["a key with half a pair of surrogates", '{"\\ud83d":1}', "\ufffd"],
    ["a key that only begins so", '{"ab":1}', "a"],
  ])("finds nothing for %s", (_, payload, path) => {
    expect(find(payload, path)).toBe(MISSING);
  });

  it("finds an object and what is in it", () => {
    const scanned = new Scanner(["a.b", "a", "a.c"]).scan([utf8('{"a":{"b":1,"c":"2"}}')]);

    expect([0, 1, 2].map((path) => found(scanned, 0, path))).toEqual([1, { b: 1, c: "2" }, "2"]);
  });

  it("gives a path that is asked for twice, twice", () => {
    const scanned = new Scanner(["a", "a"]).scan([utf8('{"a":7}')]);

    expect([found(scanned, 0, 0), found(scanned, 0, 1)]).toEqual([7, 7]);
  });
});

describe("equal keys", () => {
  it.each([
    ["the last value", '{"a":1,"a":2}', "a", 2],
    ["the last value, of another kind", '{"a":"x","a":null}', "a", null],
    ["the last value, by whatever escapes", '{"a":1,"\\u0061":2}', "a", 2],
    ["the last object", '{"p":{"a":1},"p":{"a":2}}', "p.a", 2],
    ["nothing, if the last object lacks it", '{"p":{"a":1},"p":{"b":2}}', "p.a", MISSING],
    ["nothing, if the last value is no object", '{"p":{"a":1},"p":3}', "p.a", MISSING],
    ["nothing, if the last value is a string", '{"p":{"a":1},"p":"3"}', "p.a", MISSING],
    ["nothing, if an object further up lacks it", '{"o":{"p":{"a":1}},"o":{"p":{}}}', "o.p.a", MISSING],
  ])("count for %s", (_, payload, path, value) => {
    expect(find(payload, path)).toEqual(value);
  });
});

describe("a malformed payload", () => {
  it.each([
    ["", 0, "an object"],
    ["   ", 3, "an object"],
    ["[1]", 0, "an object"],
    ['"a"', 0, "an object"],
    ["\ufeff{}", 0, "no byte order mark"],
    ["{", 1, "a key in quotes or '}'"],
    ["{a:1}", 1, "a key in quotes or '}'"],
    ['{"a":1,}', 7, "a key in quotes"],
    ['{"a" 1}', 5, "':'"],
    ['{"a":}', 5, "a value"],
    ['{"a":tru}', 5, "a value"],
    ['{"a":NaN}', 5, "a value"],
    ['{"a":1 "b":2}', 7, "',' or '}'"],
    ['{"a":01}', 6, "',' or '}'"],
    ['{"a":1', 6, "',' or '}'"],
    ['{"a":+1}', 5, "a value"],
    ['{"a":.5}', 5, "a value"],
    ['{"a":1.}', 7, "a digit"],
    ['{"a":-}', 6, "a digit"],
    ['{"a":1e}', 7, "a digit"],
    ['{"a":1e+}', 8, "a digit"],
    ['{"a":"x', 7, "a closing quote"],
    ['{"a":"x\n"}', 7, "control characters escaped"],
    ['{"a":"\u0000"}', 6, "control characters escaped"],
    ['{"a":"\\x"}', 7, 'one of " \\ / b f n r t u behind the backslash'],
    ['{"a":"\\u12G4"}', 10, "a hexadecimal digit"],
    ['{"a":"\\u12', 10, "a hexadecimal digit"],
    ['{"a":[1,]}', 8, "a value"],
    ['{"a":[1 2]}', 8, "',' or ']'"],
    ['{"a":[1}', 7, "',' or ']'"],
    ['{"a":{"b":1]}', 11, "',' or '}'"],
    ['{"a":[{"b" 1}]}', 11, "':'"],
    ['{"a":[{,}]}', 7, "a key in quotes or '}'"],
    ['{"a":[{"b":1,}]}', 13, "a key in quotes"],
    ['{"a":1} x', 8, "the end"],
    ['{"a":1}{"a":2}', 7, "the end"],
    ['{"a":1}\u0000', 7, "the end"],
  ])("%j breaks at byte %i: expected %s", (payload, offset, expected) => {
    expect(errorOf(payload)).toEqual({ offset, expected });
    // also where nobody reads what is broken
    expect(errorOf(payload, ["z.y"])).toEqual({ offset, expected });
  });

  it.each([
    ["a continuation without a lead", [0x80]],
    ["a sequence cut short", [0xc3]],
    ["an overlong slash", [0xc0, 0xaf]],
    ["an overlong slash in three bytes", [0xe0, 0x80, 0xaf]],
    ["an overlong slash in four bytes", [0xf0, 0x80, 0x80, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["a code point above U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
    ["a lead of five bytes", [0xf8, 0x88, 0x80, 0x80, 0x80]],
    ["0xFF", [0xff]],
  ])("names the byte of %s", (_, bytes) => {
    const inValue = Uint8Array.from([...utf8('{"a":"xy'), ...bytes, ...utf8('"}')]);
    const inKey = Uint8Array.from([...utf8('{"b'), ...bytes, ...utf8('":1}')]);

    expect(errorOf(inValue)).toEqual({ offset: 8, expected: "valid UTF-8" });
    expect(errorOf(inKey)).toEqual({ offset: 3, expected: "valid UTF-8" });
  });

  it("has no values", () => {
    const scanned = new Scanner(["a", "p.b"]).scan([utf8('{"a":1,"p":{"b":2},')]);

    expect(scanned.malformed).toBe(1);
    expect([scanned.kind(0, 0), scanned.kind(0, 1)]).toEqual(["missing", "missing"]);
  });

  it("is found at every byte where it may be cut off", () => {
    const scanner = new Scanner(["text", "p.n", "list"]);
    const whole = utf8('{"text":"é\\u20ac\\n😀","p":{"n":-1.5e+3,"t":true},"list":[1,{"f":false},null,""]}');
    const cuts = Array.from(whole, (_, length) => whole.subarray(0, length));

    const scanned = scanner.scan([...cuts, whole]);

    expect(scanned.malformed).toBe(whole.length);
    expect(scanned.error(whole.length)).toBeNull();
    for (const length of cuts.keys()) expect(scanned.error(length)!.offset).toBeLessThanOrEqual(length);
  });

  it("costs no other payload of its batch", () => {
    const bad = ["", "{", '{"a":', '{"a":"', '{"a":"x\\', '{"a":"\u00e9', "[", '{"a":1}}'];
    const batch = bad.flatMap((text, i) => [utf8(text), utf8(`{"a":${i}}`)]);

    const scanned = new Scanner(["a"]).scan(batch);

    expect(scanned.malformed).toBe(bad.length);
    expect(bad.map((_, i) => scanned.number(2 * i + 1, 0))).toEqual(bad.map((_, i) => i));
  });
});

describe("nesting", () => {
  const nested = (levels: number, open: string, close: string) => `${open.repeat(levels)}1${close.repeat(levels)}`;

  it.each([
    ["objects that nobody reads", '{"b":', "}"],
    ["objects that paths lead through", '{"a":', "}"],
  ])("is allowed up to the limit in %s", (_, open, close) => {
    expect(errorOf(nested(limits.jsonDepth, open, close), ["a.a.a.a"])).toBeNull();
    expect(errorOf(nested(limits.jsonDepth + 1, open, close), ["a.a.a.a"])).toEqual({
      offset: open.length * limits.jsonDepth,
      expected: `at most ${limits.jsonDepth} levels of nesting`,
    });
  });

  it("counts arrays too", () => {
    expect(errorOf(`{"a":${nested(limits.jsonDepth - 1, "[", "]")}}`)).toBeNull();
    expect(errorOf(`{"a":${nested(limits.jsonDepth, "[", "]")}}`)).toMatchObject({ offset: 5 + limits.jsonDepth - 1 });
  });

  it("counts levels, not objects", () => {
    const wide = `{"a":[${"{},[],".repeat(500)}{}]}`;

    expect(errorOf(wide)).toBeNull();
  });

  it("of a hundred thousand brackets is refused without exhausting anything", () => {
    expect(errorOf(`{"a":${"[".repeat(100_000)}`)).toMatchObject({ offset: 5 + limits.jsonDepth - 1 });
  });

  it("reaches the deepest path", () => {
    const keys = Array.from({ length: limits.jsonDepth }, (_, i) => `k${i}`);
    const payload = `${keys.map((key) => `{"${key}":`).join("")}"deep"${"}".repeat(keys.length)}`;

    expect(find(payload, keys.join("."))).toBe("deep");
  });
});

describe("what was learned from earlier payloads", () => {
  it("doesn't carry over into another object", () => {
    const scanner = new Scanner(["a", "p.a"]);
    scanner.scan([utf8('{"p":{"a":1,"b":2},"b":3,"a":4}'), utf8('{"a":4,"b":3,"p":{"b":2,"a":1}}')]);

    const scanned = scanner.scan([utf8('{"b":1,"a":2}'), utf8('{"p":{"b":3,"a":4}}')]);

    expect([0, 1].map((item) => [found(scanned, item, 0), found(scanned, item, 1)])).toEqual([
      [2, MISSING],
      [MISSING, 4],
    ]);
  });

  it("is forgotten in time when keys are data, without a value lost", () => {
    const scanner = new Scanner(["a", "p.a"]);
    const keyed = (i: number) => utf8(`{"k${i}":0,"a":${i},"p":{"x${i}":1, "a":${-i},"y${i}":{}},"z":1}`);
    const batch = Array.from({ length: 2_000 }, (_, i) => keyed(i));

    const scanned = scanner.scan(batch);

    for (const i of batch.keys()) expect([found(scanned, i, 0), found(scanned, i, 1)]).toEqual([i, 0 - i]);
  });

  it("is no matter to one payload with more keys than can be learned", () => {
    const members = Array.from({ length: 5_000 }, (_, i) => `"k${i}":{"a":${i}}`).join(",");

    expect(find(`{${members},"p":{"q":1,"a":2}}`, "p.a")).toBe(2);
    expect(find(`{${members},"k77":{"a":"last"}}`, "k77.a")).toBe("last");
  });
});

describe("random documents", () => {
  const KEYS = [
    "a",
    "b",
    "id",
    "type",
    "payload",
    "größe",
    'say "x"',
    "a rather long key, longer than a step may be",
    "😀",
    "0123456",
    "01234567",
    "012345678",
  ];
  const PATHS = [
    "a",
    "id",
    "payload",
    "payload.a",
    "payload.payload",
    "payload.payload.id",
    "größe",
    'say "x"',
    "b.a rather long key, longer than a step may be",
    "😀",
    "0123456",
    "012345678",
    "type.01234567",
  ];
  const WANTED = PATHS.map((path) => keysOf(path, limits.jsonDepth));

  /** Compares the scanner with JSON.parse on documents made from the seed. @returns how many were well-formed */
  function compare(seed: number, batches: number, make: (random: () => number, json: JsonText) => Uint8Array): number {
    const random = prng(seed);
    const json = new JsonText(random, KEYS);
    const scanner = new Scanner(PATHS);
    let wellFormed = 0;
    for (let batch = 0; batch < batches; batch++) {
      const documents = Array.from({ length: 100 }, () => make(random, json));
      const scanned = scanner.scan(documents);
      for (const [item, bytes] of documents.entries()) {
        const parsed = parse(bytes);
        const expected = isObject(parsed);
        if (expected) wellFormed++;
        const label = `seed ${seed}, batch ${batch}: ${Buffer.from(bytes).toString("latin1")}`;
        expect(scanned.error(item) === null, label).toBe(expected);
        for (const [path, keys] of WANTED.entries()) {
          expect(found(scanned, item, path), `${PATHS[path]}, ${label}`).toEqual(expected ? at(parsed, keys) : MISSING);
        }
      }
    }
    return wellFormed;
  }

  it("are read as JSON.parse reads them", () => {
    expect(compare(1, 40, (_, json) => utf8(json.object(4)))).toBe(4_000);
  });

  it("are accepted and refused as by JSON.parse when damaged", () => {
    const wellFormed = compare(2, 80, (random, json) => damaged(utf8(json.object(3)), random));

    // some damage does no harm: otherwise half of this test would test nothing
    expect(wellFormed).toBeGreaterThan(400);
    expect(wellFormed).toBeLessThan(7_600);
  });

  it("are refused as by JSON.parse when they are but bytes", () => {
    const alphabet = utf8('{}[]",:\\ \n0123.eE+-truefalsn\u00e9');
    compare(3, 20, (random) =>
      Uint8Array.from({ length: 12 * random() }, () => alphabet[Math.floor(random() * alphabet.length)]!),
    );
  });
});

describe("random numbers", () => {
  it("are the same doubles as JSON.parse's", () => {
    const random = prng(4);
    const bits = new DataView(new ArrayBuffer(8));
    const doubles = Array.from({ length: 5_000 }, () => {
      bits.setUint32(0, random() * 2 ** 32);
      bits.setUint32(4, random() * 2 ** 32);
      const double = bits.getFloat64(0);
      return Number.isFinite(double) ? String(double) : "0";
    });
    const prices = Array.from({ length: 5_000 }, () =>
      (random() * 10 ** (random() * 18)).toFixed(Math.floor(random() * 12)),
    );
    const texts = [...doubles, ...prices, ...prices.map((price) => `-${price}e${Math.floor(random() * 60 - 30)}`)];

    const scanned = new Scanner(["a"]).scan(texts.map((text) => utf8(`{"a":${text}}`)));

    const wrong = texts.filter((text, item) => !Object.is(scanned.number(item, 0), JSON.parse(text)));
    expect(wrong).toEqual([]);
  });
});
