import { describe, expect, it } from "vitest";
import { type Scanned, Scanner } from "../../../runtime/core/scanner.ts";
import { AisleError } from "../../../runtime/errors.ts";
import { limits } from "../../../runtime/limits.ts";
import { damaged, JsonText } from "../../support/json-text.ts";
import { prng } from "../../support/prng.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

describe("Scanner", () => {
  it("reads what a site asks for out of an event", () => {
    const scanner = new Scanner(["event_type", "payload.customer_id", "payload.basket", "event_timestamp"]);
    const event = '{"event_type":"focus","event_timestamp":1.7e9,"payload":{"customer_id":"c\\u0031","basket":[1, 2]}}';

    const scanned = scanner.scan([utf8(event)]);

    expect(scanned.text(0, 0)).toBe("focus");
    expect(scanned.text(0, 1)).toBe("c1");
    expect(text(scanned.raw(0, 2))).toBe("[1, 2]");
    expect(scanned.number(0, 3)).toBe(1.7e9);
  });

  it.each([
    ["a missing value", "{}", "missing", 0, ""],
    ["null", '{"a":null}', "null", 4, "null"],
    ["false", '{"a":false}', "false", 5, "false"],
    ["true", '{"a": true}', "true", 4, "true"],
    ["a number", '{"a":-1.50 }', "number", 5, "-1.50"],
    ["a string", '{"a":"x\\ny"}', "string", 4, '"x\\ny"'],
    ["an object", '{"a":{ "b":1 }}', "object", 9, '{ "b":1 }'],
    ["an array", '{"a":[1 ]}', "array", 4, "[1 ]"],
  ])("knows the kind, the size and the bytes of %s", (_, payload, kind, size, raw) => {
    const scanned = new Scanner(["a"]).scan([utf8(payload)]);

    expect(scanned.kind(0, 0)).toBe(kind);
    expect(scanned.size(0, 0)).toBe(size);
    expect(text(scanned.raw(0, 0))).toBe(raw);
  });

  it("gives a number's text as it was written", () => {
    expect(new Scanner(["a"]).scan([utf8('{"a":12345678901234567890}')]).text(0, 0)).toBe("12345678901234567890");
  });

  it("refuses to make text or a number of what is neither", () => {
    const scanned = new Scanner(["a", "b"]).scan([utf8('{"a":[1]}')]);

    expect(() => scanned.text(0, 0)).toThrow(new TypeError("array at path 0 is no text"));
    expect(() => scanned.number(0, 0)).toThrow(new TypeError("array at path 0 is no number"));
    expect(() => scanned.text(0, 1)).toThrow(new TypeError("missing at path 1 is no text"));
  });

  it("refuses items and paths that are not there", () => {
    const scanned = new Scanner(["a"]).scan([utf8('{"a":1}')]);

    expect(() => scanned.kind(1, 0)).toThrow(RangeError);
    expect(() => scanned.kind(-1, 0)).toThrow(RangeError);
    expect(() => scanned.kind(0, 1)).toThrow(RangeError);
    expect(() => scanned.error(1)).toThrow(RangeError);
  });

  it.each([
    ["an empty path", "", "path '' has an empty key"],
    ["two dots in a row", "a..b", "path 'a..b' has an empty key"],
    ["half a surrogate pair", "a\ud83d", "path 'a\ud83d' holds half a surrogate pair"],
    ["a path deeper than payloads may be", "a.".repeat(64).concat("a"), "has 65 keys, at most 64 are allowed"],
  ])("refuses %s", (_, path, message) => {
    expect(() => new Scanner(["a", path])).toThrow(message);
  });

  it("checks payloads without any path", () => {
    const scanned = new Scanner([]).scan([utf8('{"a":1}'), utf8('{"a":}')]);

    expect([scanned.error(0), scanned.error(1)]).toEqual([null, { offset: 5, expected: "a value" }]);
  });

  it("scans nothing in an empty batch", () => {
    expect(new Scanner(["a"]).scan([])).toMatchObject({ count: 0, malformed: 0 });
  });

  it("reads Buffers and views that begin anywhere", () => {
    const bytes = Buffer.from('xx{"a":1}{"a":2}');

    const scanned = new Scanner(["a"]).scan([
      bytes.subarray(2, 9),
      new Uint8Array(bytes.buffer, bytes.byteOffset + 9, 7),
    ]);

    expect([scanned.number(0, 0), scanned.number(1, 0)]).toEqual([1, 2]);
  });

  it("leaves nothing behind for the next batch", () => {
    const scanner = new Scanner(["a"]);
    scanner.scan([utf8('{"a":1}'), utf8('{"a":')]);

    const scanned = scanner.scan([utf8('{"b":1}'), utf8('{"a":2}')]);

    expect([scanned.kind(0, 0), scanned.error(1), scanned.number(1, 0)]).toEqual(["missing", null, 2]);
  });

  it("keeps scanners apart", () => {
    const [one, two] = [new Scanner(["a"]), new Scanner(["b"])];
    const first = one.scan([utf8('{"a":1,"b":2}')]);
    const second = two.scan([utf8('{"a":1,"b":2}')]);

    expect([first.number(0, 0), second.number(0, 0)]).toEqual([1, 2]);
  });
});

describe("growth", () => {
  it("takes a payload of a megabyte between small ones", () => {
    const scanner = new Scanner(["a", "z"]);
    const large = utf8(`{"a":"${"x".repeat(500_000)}","list":[${"1,".repeat(250_000)}1],"z":1}`);

    const scanned = scanner.scan([utf8('{"z":0}'), large, utf8('{"z":2}')]);

    expect([0, 1, 2].map((item) => scanned.number(item, 1))).toEqual([0, 1, 2]);
    expect(scanned.text(1, 0)).toBe("x".repeat(500_000));
  });

  it("takes more payloads than there was room for", () => {
    const scanner = new Scanner(["n"]);
    const payloads = Array.from({ length: 5_000 }, (_, n) => utf8(`{"n":${n}}`));

    const sums = [1, 256, 257, 5_000, 3].map((count) => {
      const scanned = scanner.scan(payloads.slice(0, count));
      return Array.from({ length: count }, (_, item) => scanned.number(item, 0)).reduce((a, b) => a + b, 0);
    });

    expect(sums).toEqual([0, 32_640, 32_896, 12_497_500, 3]);
  });

  it("gives the same for every way to cut a stream of payloads into batches", () => {
    const json = new JsonText(prng(11), ["a", "b", "c"]);
    const payloads = Array.from({ length: 600 }, () => utf8(json.object(3)));
    const values = (scanned: Scanned) =>
      Array.from({ length: scanned.count }, (_, item) => [0, 1].map((path) => text(scanned.raw(item, path))));
    const inBatchesOf = (size: number) => {
      const scanner = new Scanner(["a.b", "c"]);
      return payloads.flatMap((_, i) => (i % size === 0 ? values(scanner.scan(payloads.slice(i, i + size))) : []));
    };

    const single = inBatchesOf(1);

    expect(inBatchesOf(7)).toEqual(single);
    expect(inBatchesOf(600)).toEqual(single);
  });

  it("ends at the limits, in words", () => {
    const scanner = new Scanner(["a"]);
    const tooLarge = [new Uint8Array(limits.scanBytes)];
    const tooMany = new Array<Uint8Array>(limits.scanPayloads + 1).fill(utf8("{}"));

    expect(() => scanner.scan(tooLarge)).toThrow(AisleError);
    expect(() => scanner.scan(tooMany)).toThrow(`at most ${limits.scanPayloads} are allowed`);
    expect(scanner.scan([utf8('{"a":1}')]).number(0, 0)).toBe(1);
  });
});

describe("split", () => {
  const split = (body: string) => {
    const { form, items, broken } = new Scanner([]).split(utf8(body));
    return { form, items: items.map(({ start, end }) => text(utf8(body).subarray(start, end))), broken };
  };

  it.each([
    ["one object", '{"a":1}', "object", ['{"a":1}']],
    ["one object among spaces", ' \r\n {"a":1}\n\n', "object", ['{"a":1}']],
    ["one object over several lines", '{\n  "a": {\n  "b": 1\n  }\n}\n', "object", ['{\n  "a": {\n  "b": 1\n  }\n}']],
    ["one broken object over several lines", '{\n  "a": [\n  {},\n]\n}', "object", ['{\n  "a": [\n  {},\n]\n}']],
    ["one broken object on one line", '{"a":1}}', "object", ['{"a":1}}']],
    ["a byte order mark", '\ufeff{"a":1}', "object", ['{"a":1}']],
    ["an empty array", "[ ]", "array", []],
    ["an array", '[{"a":1},{"b":[2,{}]}]', "array", ['{"a":1}', '{"b":[2,{}]}']],
    ["an array among spaces", ' [ {"a":1} ,\n\t{"b":2}\r\n] \n', "array", ['{"a":1}', '{"b":2}']],
    ["an array with brackets in strings", '[{"a":"],["},{"b\\"]":"}"}]', "array", ['{"a":"],["}', '{"b\\"]":"}"}']],
    ["an array with what is no object", '[1,"a,b",null,[{},{}]]', "array", ["1", '"a,b"', "null", "[{},{}]"]],
    [
      "an array with broken elements",
      '[{"a":tru},{"b":},{},{"c":1 2}]',
      "array",
      ['{"a":tru}', '{"b":}', "{}", '{"c":1 2}'],
    ],
    ["an array with too many commas", "[{},,{},]", "array", ["{}", "", "{}", ""]],
    ["lines", '{"a":1}\n{"b":2}', "ndjson", ['{"a":1}', '{"b":2}']],
    ["lines that end with CR LF, some empty", '{"a":1}\r\n\r\n  \r\n{"b":2}\r\n', "ndjson", ['{"a":1}', '{"b":2}']],
    ["lines of which the first is broken", '{"a":\n{"b":2}\n{"c":3}', "ndjson", ['{"a":', '{"b":2}', '{"c":3}']],
    ["lines of which the middle is broken", '{"a":1}\n{"b":{\n{"c":3}', "ndjson", ['{"a":1}', '{"b":{', '{"c":3}']],
    ["lines of which the last is cut off", '{"a":1}\n{"b":2}\n{"c"', "ndjson", ['{"a":1}', '{"b":2}', '{"c"']],
    ["a line and garbage", '{"a":1}\noops\n', "ndjson", ['{"a":1}', "oops"]],
    ["garbage and a line", 'oops\n{"a":1}', "ndjson", ["oops", '{"a":1}']],
    ["garbage", "hello", "ndjson", ["hello"]],
  ])("finds the items of %s", (_, body, form, items) => {
    expect(split(body)).toEqual({ form, items, broken: null });
  });

  it.each([
    ["nothing", "", [], 0, "an object or an array"],
    ["only spaces", " \n", [], 2, "an object or an array"],
    ["an array that ends after a bracket", "[", [], 1, "',' or ']'"],
    ["an array that ends after an item", '[{"a":1}', [], 8, "',' or ']'"],
    ["an array that ends within an item", '[{"a":1},{"b":[2', ['{"a":1}'], 16, "',' or ']'"],
    ["an array that ends within a string", '[{"a":1},{"b":"x},{', ['{"a":1}'], 19, "',' or ']'"],
    ["an array that ends within an escape", '[{"a":1},{"b":"x\\', ['{"a":1}'], 17, "',' or ']'"],
    ["an array with a brace too many", '[{"a":1},{}},{}]', ['{"a":1}'], 11, "',' or ']'"],
    ["an array with something behind", '[{"a":1}] {"b":2}', ['{"a":1}'], 10, "the end"],
  ])("keeps what stands before the break of %s", (_, body, items, offset, expected) => {
    expect(split(body)).toMatchObject({ items, broken: { offset, expected } });
  });

  it("breaks off after as many items as a body may hold", () => {
    const item = '{"a":1}';
    const body = (count: number, comma: string) => new Array(count).fill(item).join(comma);
    const most = limits.bodyEvents;
    const scanner = new Scanner(["a"]);

    expect(scanner.split(utf8(`[${body(most, ",")}]`))).toMatchObject({ items: { length: most }, broken: null });
    expect(scanner.split(utf8(`[${body(most + 1, ",")}]`))).toMatchObject({
      items: { length: most },
      broken: { offset: 1 + 8 * most, expected: `at most ${most} items` },
    });
    expect(scanner.split(utf8(body(most + 1, "\n")))).toMatchObject({
      items: { length: most },
      broken: { offset: 8 * most, expected: `at most ${most} items` },
    });
  });

  it("finds the objects again that a body was joined from", () => {
    const json = new JsonText(prng(12), ["a", "]", "},{", '"'.repeat(3), "\\"]);
    for (let body = 0; body < 300; body++) {
      const objects = Array.from({ length: 1 + (body % 9) }, () => json.object(3));
      const onLines = objects.map((object) => object.replace(/[\r\n]/g, " "));

      expect(split(`[${objects.join(" ,\n")} ]`)).toEqual({ form: "array", items: objects, broken: null });
      expect(split(`${onLines.join("\n")}\n`)).toMatchObject({ items: onLines, broken: null });
    }
  });

  it("stays within the body, whatever is in it", () => {
    const random = prng(13);
    const json = new JsonText(random, ["a", "b"]);
    const scanner = new Scanner(["a"]);
    for (let round = 0; round < 2_000; round++) {
      const body = damaged(utf8(`[${json.object(2)},${json.object(2)}]${round % 2 ? "\n{}\n" : ""}`), random);
      const { items, broken } = scanner.split(body);

      let last = 0;
      for (const { start, end } of items) {
        expect(start, `round ${round}`).toBeGreaterThanOrEqual(last);
        expect(end, `round ${round}`).toBeGreaterThanOrEqual(start);
        last = end;
      }
      expect(last).toBeLessThanOrEqual(body.length);
      expect(broken?.offset ?? 0).toBeLessThanOrEqual(body.length);
    }
  });
});

describe("scanBody", () => {
  it("gives what split and scan give", () => {
    const random = prng(14);
    const json = new JsonText(random, ["a", "b"]);
    const [oneStep, twoSteps] = [new Scanner(["a", "b.a"]), new Scanner(["a", "b.a"])];
    const seen = (scanned: Scanned) =>
      Array.from({ length: scanned.count }, (_, item) => ({
        error: scanned.error(item),
        values: [0, 1].map((path) => text(scanned.raw(item, path))),
      }));
    for (let round = 0; round < 1_000; round++) {
      const comma = round % 2 ? "," : "\n";
      const objects = Array.from({ length: round % 7 }, () => {
        const object = utf8(json.object(2));
        return text(random() < 0.3 ? damaged(object, random) : object);
      });
      const body = utf8(round % 2 ? `[${objects.join(comma)}]` : objects.join(comma));

      const { scanned, ...split } = oneStep.scanBody(body);
      const inOne = seen(scanned);
      const again = twoSteps.split(body);
      const inTwo = seen(twoSteps.scan(again.items.map(({ start, end }) => body.subarray(start, end))));

      expect(split).toEqual(again);
      expect(inOne).toEqual(inTwo);
    }
  });
});
