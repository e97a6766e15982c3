import { beforeEach, describe, expect, it } from "vitest";
import { CalendarDay, Datetime, Duration, decode, encode, Tuple, type Value, Zone } from "../../runtime/core/value.ts";
import { damaged } from "../support/json-text.ts";
import { prng } from "../support/prng.ts";
import { Values } from "../support/values.ts";

const hex = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString("hex"));
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

/** Random values: mostly small, and now and then at an edge. */
class RandomValue {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  value(levels: number): Value {
    const kind = this.#upTo(levels > 0 ? 13 : 9);
    if (kind === 0) return null;
    if (kind === 1) return this.#random() < 0.5;
    if (kind === 2) return this.#random() * 10 ** this.#upTo(20) + 0.5 ** 30;
    if (kind < 5) return this.#integer();
    if (kind === 5) return new Datetime(this.#micros(), this.#random() < 0.3 ? null : this.#upTo(172_798) - 86_399);
    if (kind === 6) return new CalendarDay(this.#upTo(3_000_000) - 700_000);
    if (kind === 7) return new Duration(this.#micros());
    if (kind === 8) return new Zone(this.#upTo(172_798) - 86_399);
    if (kind === 9) return this.#text();
    if (kind === 10) return this.#items(levels);
    if (kind === 11) return new Tuple(this.#items(levels));
    if (kind === 12) return new Set(this.#keys());
    return new Map(Array.from(this.#keys(), (key) => [key, this.value(levels - 1)]));
  }

  #integer(): Value {
    const value = BigInt(Math.floor((this.#random() - 0.5) * 2 ** 53)) >> BigInt(this.#upTo(53));
    const wide = this.#random() < 0.2 ? value * 2n ** BigInt(this.#upTo(40)) : value;
    return -(2n ** 53n) <= wide && wide <= 2n ** 53n ? Number(wide) : wide;
  }

  #micros(): bigint {
    return BigInt(Math.floor((this.#random() - 0.5) * 1e17));
  }

  #text(most = 40): string {
    const length = this.#random() < 0.05 ? this.#upTo(most * 500) : this.#upTo(most);
    return Array.from({ length: length }, () => this.#pick(["a", "Z", " ", '"', "é", "€", "😀"])).join("");
  }

  #items(levels: number): Value[] {
    const length = this.#random() < 0.05 ? this.#upTo(300) : this.#upTo(5);
    return Array.from({ length }, () => this.value(length > 20 ? 0 : levels - 1));
  }

  /** What the core takes for different keys, as JavaScript does. */
  #keys(): Set<Value> {
    const length = this.#random() < 0.1 ? this.#upTo(300) : this.#upTo(6);
    return new Set(Array.from({ length }, () => (this.#random() < 0.7 ? this.#text(8) : this.#upTo(1_000))));
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#upTo(from.length - 1)]!;
  }

  /** Between 0 and `most`. */
  #upTo(most: number): number {
    return Math.floor(this.#random() * (most + 1));
  }
}

let values: Values;

beforeEach(() => {
  values = new Values();
});

describe("a value packed by the core", () => {
  it.each([
    ["null", "null", "c0"],
    ["true", "true", "c3"],
    ["false", "false", "c2"],
    ["zero", "0", "00"],
    ["the largest integer of 7 bits", "127", "7f"],
    ["one of 8", "255", "cc ff"],
    ["one of 16", "65535", "cd ffff"],
    ["one of 32", "4294967295", "ce ffffffff"],
    ["one above", "4294967296", "d3 0000000100000000"],
    ["-1", "-1", "ff"],
    ["-32", "-32", "e0"],
    ["-33", "-33", "d0 df"],
    ["-128", "-128", "d0 80"],
    ["-129", "-129", "d1 ff7f"],
    ["-32768", "-32768", "d1 8000"],
    ["-32769", "-32769", "d2 ffff7fff"],
    ["-2147483648", "-2147483648", "d2 80000000"],
    ["-2147483649", "-2147483649", "d3 ffffffff7fffffff"],
    ["the smallest integer", "-9223372036854775808", "d3 8000000000000000"],
    [
      "an integer beyond 64 bits",
      "-9223372036854775809",
      `c7 14 06 ${Buffer.from("-9223372036854775809").toString("hex")}`,
    ],
    ["a float", "1.5", "cb 3ff8000000000000"],
    ["a whole float", "40.0", "cb 4044000000000000"],
    ["a text", '"é"', "a2 c3a9"],
    ["a list", '[1,"a"]', "92 01 a161"],
    ["a map", '{"a":{}}', "81 a161 80"],
  ])("is %s", (_, json, packed) => {
    expect(hex(values.pack(values.parse(json)))).toBe(packed.replaceAll(" ", ""));
  });

  it.each([
    [31, "bf"],
    [32, "d920"],
    [255, "d9ff"],
    [256, "da0100"],
    [65_535, "daffff"],
    [65_536, "db00010000"],
  ])("is a text of %i bytes behind its length", (length, head) => {
    const packed = values.pack(values.parse(JSON.stringify("x".repeat(length))))!;

    expect(hex(packed.subarray(0, head.length / 2))).toBe(head);
    expect(decode(packed)).toBe("x".repeat(length));
  });

  it.each([0, 1, 15, 16, 300, 9_999])("has %i elements", (length) => {
    const list = Array.from({ length }, (_, i) => i);
    const map = Object.fromEntries(list.map((i) => [`k${i}`, i]));

    expect(decode(values.pack(values.parse(JSON.stringify(list)))!)).toEqual(list);
    expect(decode(values.pack(values.parse(JSON.stringify(map)))!)).toEqual(new Map(Object.entries(map)));
  });

  it("says when there is not enough room", () => {
    const cell = values.parse('{"a":[1,2,3,"four",5.5,{"six":"seven"}]}');
    const needed = values.pack(cell)!.length;

    for (let room = 0; room < needed; room++) expect(values.pack(cell, room)).toBeNull();
    expect(values.pack(cell, needed + 16)).not.toBeNull();
  });
});

describe("a value packed by the host", () => {
  it.each([1, 2, 3])("is packed to the same bytes again by the core (seed %i)", (seed) => {
    const random = new RandomValue(prng(seed));
    for (let i = 0; i < 700; i++) {
      const value = random.value(4);
      const packed = encode(value);
      values.reset();
      const cell = values.unpack(packed);

      const again = cell === null ? null : values.pack(cell);

      if (hex(again) !== hex(packed)) expect.fail(`value ${i}: ${hex(packed)} became ${hex(again)}`);
      expect(decode(again!)).toEqual(value);
      values.release(cell!);
    }
    expect(values.heldBytes).toBe(0);
  });
});

describe("unpackValue", () => {
  it("keeps values apart that only a float's form tells apart", () => {
    const packed = bytes("93 01 cb3ff0000000000000 cb8000000000000000");

    expect(values.repr(values.unpack(packed)!)).toBe("[1, 1.0, -0.0]");
  });

  it("takes the last of equal keys, at the place of the first", () => {
    expect(values.repr(values.unpack(bytes("83 01 a161 02 a162 c3 a163"))!)).toBe("{1: 'c', 2: 'b'}");
  });

  it("takes one of equal members", () => {
    expect(values.repr(values.unpack(bytes("d47300 93 01 c3 02"))!)).toBe("{1, 2}");
  });

  it.each([
    ["nothing", ""],
    ["an unused lead", "c1"],
    ["bytes", "c4 01 00"],
    ["a float of 32 bits", "ca 00000000"],
    ["an unsigned integer of 64 bits", "cf 0000000000000001"],
    ["an extension of others", "d6 63 00000000"],
    ["a datetime of another length", "d6 01 00000000"],
    ["a set without an array", "d4 73 00 01"],
    ["a list with fewer elements than it says", "93 01 02"],
    ["a list with more elements than a memory holds", "dd ffffffff 01"],
    ["a map with half an entry", "81 01"],
    ["a map with a key that is a list", "81 91 01 02"],
    ["a set with a member that is a map", "d47300 91 80"],
    ["a text that is cut off", "a3 6161"],
    ["a text of more bytes than a memory holds", "db ffffffff 61"],
    ["an integer that is cut off", "d3 00000000000000"],
    ["an integer without digits", "c7 00 06"],
    ["too many levels", `${"91".repeat(65)}01`],
  ])("refuses %s", (_, packed) => {
    expect(values.unpack(bytes(packed))).toBeNull();
    expect(values.heldBytes).toBe(0);
  });

  it("reads as many levels as are allowed", () => {
    const packed = bytes(`${"91".repeat(64)}01`);

    expect(hex(values.pack(values.unpack(packed)!))).toBe(hex(packed));
  });

  it.each([4, 5])("never trips over what is damaged (seed %i)", (seed) => {
    const random = prng(seed);
    const source = new RandomValue(random);
    for (let i = 0; i < 1_500; i++) {
      values.reset();
      const cell = values.unpack(damaged(encode(source.value(3)).slice(0, 400), random));
      if (cell === null) continue;
      values.pack(cell);
      values.release(cell);
    }
    expect(values.heldBytes).toBe(0);
  });
});
