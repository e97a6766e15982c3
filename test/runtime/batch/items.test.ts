import { describe, expect, it } from "vitest";
import { Items } from "../../../runtime/batch/items.ts";
import { prng } from "../../support/prng.ts";

type Item = [text: string, line: number];

function itemsOf(text: string | Buffer, { arrays = true, cuts = [] as readonly number[] } = {}): Item[] {
  const bytes = Buffer.from(text);
  const found: Item[] = [];
  const items = new Items((item, line) => found.push([Buffer.from(item).toString(), line]), { arrays });
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    items.push(bytes.subarray(from, cut));
    from = cut;
  }
  items.end();
  return found;
}

describe("the items of a file", () => {
  it("are its lines, without those that are blank", () => {
    expect(itemsOf('{"a":1}\n\n  \t\r\n{"b":2}\r\n{"c":3}')).toEqual([
      ['{"a":1}', 1],
      ['{"b":2}\r', 4],
      ['{"c":3}', 5],
    ]);
  });

  it("are the elements of an array, wherever its lines break", () => {
    expect(itemsOf('\n[ {"a": [1, {"b": "],}"}]} ,\n\n{"c": "\\""},{}\n]\n')).toEqual([
      [' {"a": [1, {"b": "],}"}]} ', 2],
      ['\n\n{"c": "\\""}', 2],
      ["{}\n", 4],
    ]);
  });

  it("are none in an empty array or file", () => {
    expect(itemsOf("[]")).toEqual([]);
    expect(itemsOf(" [ ]\n")).toEqual([]);
    expect(itemsOf("")).toEqual([]);
    expect(itemsOf("\ufeff")).toEqual([]);
  });

  it("are lines where a line that is an array is no list of events, or arrays are not asked for", () => {
    expect(itemsOf('[1, 2]\n{"a":1}')).toEqual([
      ["[1, 2]", 1],
      ['{"a":1}', 2],
    ]);
    expect(itemsOf('[{"a":1}]\n{"a":1}', { arrays: false })).toEqual([
      ['[{"a":1}]', 1],
      ['{"a":1}', 2],
    ]);
  });

  it("go on as lines behind an array", () => {
    expect(itemsOf('[{"a":1}]\n{"b":2}')).toEqual([
      ['{"a":1}', 1],
      ['{"b":2}', 2],
    ]);
  });

  it("begin behind a byte order mark", () => {
    expect(itemsOf('\ufeff{"a":1}')).toEqual([['{"a":1}', 1]]);
    expect(itemsOf('\ufeff[{"a":1}]')).toEqual([['{"a":1}', 1]]);
  });

  it("have the last one although the file ends within it", () => {
    expect(itemsOf('[{"a":1},{"b":')).toEqual([
      ['{"a":1}', 1],
      ['{"b":', 1],
    ]);
  });

  it("have no bytes when they are longer than any line may be", () => {
    const long = Buffer.alloc(17 * 1024 * 1024, 0x61);

    expect(itemsOf(Buffer.concat([Buffer.from("x\n"), long, Buffer.from("\ny")]))).toEqual([
      ["x", 1],
      ["", 2],
      ["y", 3],
    ]);
  });

  it("are the same wherever the bytes are cut", () => {
    const seed = 11;
    const random = prng(seed);
    const texts = [
      '{"a":1}\n\n{"b":"é"}\r\n{"c":3}\n',
      '\ufeff \n[{"a":[1,{"b":"],\\"}"}]},\n{"c":3}, {} ]\n{"d":4}',
      "[1]\n[2]\n",
    ];
    for (const text of texts) {
      const whole = itemsOf(text);
      for (let i = 0; i < 200; i++) {
        const size = Buffer.from(text).length;
        const cuts = Array.from({ length: Math.floor(random() * 6) }, () => Math.floor(random() * size));

        expect(itemsOf(text, { cuts: cuts.sort((a, b) => a - b) }), `seed ${seed}, cuts ${cuts}`).toEqual(whole);
      }
    }
  });
});
