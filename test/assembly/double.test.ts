import { describe, expect, it } from "vitest";
import { instantiate } from "../../runtime/core/core.ts";
import { prng } from "../support/prng.ts";
import { pythonFloat } from "../support/python-json.ts";
import { cases } from "./double.cases.ts";

const SEED = Number(process.env.AISLE_SEED ?? 20_180_307);

/** Items of a batch. */
const BATCH = 10_000;
/** Room for the texts of a batch. */
const ROOM = 16 << 20;

type Core = {
  memory: WebAssembly.Memory;
  reserve(bytes: number): number;
  allowWork(units: number): void;
  freeTemporary(): void;
  numberValue(at: number, length: number): number;
  reprOf(result: number, cell: number): number;
};

// Cells, as in `assembly/machine/value.ts`
const CELL = 16;
const INT = 18;
const FLOAT = 19;

const core = instantiate<Core>();
const room = core.reserve(ROOM);

function parse(texts: readonly string[]): number[] {
  const lengths = texts.map((text) => text.length);
  Buffer.from(core.memory.buffer, room, ROOM).write(texts.join(""), "latin1");
  let at = room;
  return lengths.map((length) => {
    at += length;
    return core.numberValue(at - length, length);
  });
}

function print(values: readonly (number | bigint)[]): string[] {
  core.freeTemporary();
  core.allowWork(2 ** 31 - 1);
  const cells = new DataView(core.memory.buffer, room, values.length * CELL);
  for (const [i, value] of values.entries()) {
    cells.setUint32(i * CELL, typeof value === "bigint" ? INT : FLOAT, true);
    if (typeof value === "bigint") cells.setBigInt64(i * CELL + 8, value, true);
    else cells.setFloat64(i * CELL + 8, value, true);
  }
  for (const i of values.keys()) core.reprOf(room + i * CELL, room + i * CELL);

  const memory = Buffer.from(core.memory.buffer);
  return values.map((_, i) => {
    const cell = room + i * CELL;
    const [length, at] = [memory.readUInt32LE(cell + 4), memory.readUInt32LE(cell + 8)];
    return memory.toString("latin1", at, at + length);
  });
}

/** How many of what went wrong are shown. */
const SHOWN = 5;

/** Texts that are read as another double than JavaScript reads. */
function misread(texts: readonly string[]): string[] {
  const values = parse(texts);
  return texts.filter((text, i) => !Object.is(values[i], Number(text))).slice(0, SHOWN);
}

/** Doubles that are printed otherwise than in JavaScript's digits and Python's form, or that don't come back. */
function misprinted(values: readonly number[]): string[] {
  const finite = values.filter(Number.isFinite);
  const texts = print(finite);
  const again = parse(texts);
  return texts.filter((text, i) => text !== pythonFloat(finite[i]!) || !Object.is(again[i], finite[i])).slice(0, SHOWN);
}

class Doubles {
  readonly #random: () => number;
  readonly #double = new Float64Array(1);
  readonly #bits = new BigUint64Array(this.#double.buffer);

  constructor(seed: number) {
    this.#random = prng(seed);
  }

  batch<T>(make: (index: number) => T): T[] {
    return Array.from({ length: BATCH }, (_, index) => make(index));
  }

  below(end: number): number {
    return Math.floor(end * this.#random());
  }

  /** Any double but NaN, as likely as its bits; half of them negative. */
  any(): number {
    const value = this.ofBits((BigInt(this.below(2 ** 32)) << 32n) | BigInt(this.below(2 ** 32)));
    return Number.isNaN(value) ? 0 : value;
  }

  /** Below the smallest normal double. */
  subnormal(): number {
    return this.ofBits((BigInt(this.below(2 ** 20)) << 32n) | BigInt(this.below(2 ** 32)));
  }

  /** A price, a count, a coordinate. */
  everyday(): number {
    return Number((this.#random() * 10 ** this.below(8)).toFixed(this.below(7)));
  }

  literal(): string {
    const fraction = this.#random() < 0.6 ? `.${this.digits(1 + this.below(25))}` : "";
    const exponent = this.#random() < 0.8 ? `e${this.below(700) - 360}` : "";
    return this.digits(1 + this.below(25)) + fraction + exponent;
  }

  digits(count: number): string {
    let text = "";
    while (text.length < count) text += String(1e9 + this.below(1e9)).slice(1);
    return text.slice(0, count);
  }

  /** The middle between a positive double and the next one, exactly, and what is just above and below it. */
  middles(value: number): string[] {
    const [digits, exponent] = this.middle(value);
    return [
      `${digits}e${exponent}`,
      `${digits}0001e${exponent - 4}`,
      `${digits - 1n}9999e${exponent - 4}`,
      `${digits}${"0".repeat(800)}1e${exponent - 801}`,
    ];
  }

  /** The same, with so few digits that one can't tell. */
  nearMiddle(value: number): string[] {
    const [digits, exponent] = this.middle(value);
    const text = digits.toString();
    const kept = Math.min(16 + this.below(8), text.length);
    const scale = exponent + text.length - kept;
    return [`${text.slice(0, kept)}e${scale}`, `${BigInt(text.slice(0, kept)) + 1n}e${scale}`];
  }

  middle(value: number): [digits: bigint, exponent: number] {
    this.#double[0] = value;
    const bits = this.#bits[0]!;
    const biased = Number(bits >> 52n);
    const mantissa = (bits & (2n ** 52n - 1n)) | (biased === 0 ? 0n : 2n ** 52n);
    const binary = Math.max(biased, 1) - 1076;
    const doubled = 2n * mantissa + 1n;
    return binary >= 0 ? [doubled << BigInt(binary), 0] : [doubled * 5n ** BigInt(-binary), binary];
  }

  /** A double and its neighbours. */
  around(value: number): number[] {
    this.#double[0] = value;
    const bits = this.#bits[0]!;
    return [-2n, -1n, 0n, 1n, 2n].map((step) => (bits + step < 0n ? 0 : this.ofBits(bits + step)));
  }

  ofBits(bits: bigint): number {
    this.#bits[0] = bits;
    return this.#double[0]!;
  }
}

describe("numberValue", () => {
  it.each([
    ["0", 0],
    ["-0", -0],
    ["0e99999", 0],
    ["-0.0e-99999", -0],
    ["1e23", 1e23],
    ["9007199254740993", 9007199254740992],
    ["9007199254740993.00000000000000000000000000000000001", 9007199254740994],
    ["2.2250738585072011e-308", 2.225073858507201e-308],
    ["4.9406564584124654e-324", 5e-324],
    ["2.4703282292062327e-324", 0],
    ["2.4703282292062328e-324", 5e-324],
    ["1.7976931348623158e308", Number.MAX_VALUE],
    ["1.7976931348623159e308", Number.POSITIVE_INFINITY],
    ["-1e309", Number.NEGATIVE_INFINITY],
    ["1e-400", 0],
    ["1e9999999999999999999999", Number.POSITIVE_INFINITY],
    ["-1e-9999999999999999999999", -0],
    [`1${"0".repeat(400)}e-400`, 1],
    [`0.${"0".repeat(400)}1e401`, 1],
    [`0.${"0".repeat(70_000)}12345678901234567890123e70001`, 1.2345678901234567],
    ["5.", 5],
    [".5", 0.5],
    ["+5", 5],
  ])("reads %.40s", (text, value) => {
    expect(parse([text])).toEqual([value]);
  });

  it("reads what is written with up to 25 digits before and behind the point", () => {
    const doubles = new Doubles(SEED);
    for (let batch = 0; batch < 40; batch++) {
      expect(misread(doubles.batch(() => doubles.literal())), `seed ${SEED}`).toEqual([]);
    }
  });

  it("rounds what lies in the middle between two doubles to the even one, and what lies beside it to the nearer", () => {
    const doubles = new Doubles(SEED);
    const seldom = doubles.batch((i) => Math.abs(i % 4 === 0 ? doubles.subnormal() : doubles.any())).slice(0, 2_000);
    const values = [...seldom, ...doubles.batch(() => doubles.everyday())].filter(Number.isFinite);

    expect(misread(values.slice(0, 4_000).flatMap((value) => doubles.middles(value))), `seed ${SEED}`).toEqual([]);
    expect(misread(values.flatMap((value) => doubles.nearMiddle(value))), `seed ${SEED}`).toEqual([]);
  });
});

describe("printDouble", () => {
  it.each(cases)("writes %d as %s", (value, text) => {
    expect(print([value])).toEqual([text]);
  });

  it("writes any double in its shortest form, which is read as the same double", () => {
    const doubles = new Doubles(SEED);
    for (let batch = 0; batch < 40; batch++) {
      expect(misprinted(doubles.batch(() => doubles.any())), `seed ${SEED}`).toEqual([]);
    }
  });

  it("so writes numbers of every day, and those below the smallest normal one", () => {
    const doubles = new Doubles(SEED);
    for (let batch = 0; batch < 10; batch++) {
      expect(misprinted(doubles.batch(() => doubles.everyday())), `seed ${SEED}`).toEqual([]);
      expect(misprinted(doubles.batch(() => doubles.subnormal())), `seed ${SEED}`).toEqual([]);
    }
  });

  it("so writes all powers of two and of ten, and their neighbours", () => {
    const doubles = new Doubles(SEED);
    const twos = Array.from({ length: 2_098 }, (_, i) => 2 ** (i - 1_074));
    const tens = Array.from({ length: 632 }, (_, i) => Number(`1e${i - 323}`));

    expect(misprinted([...twos, ...tens].flatMap((value) => doubles.around(value)))).toEqual([]);
  });
});

describe("printInt", () => {
  it.each([0n, 7n, -7n, 10n, 99n, 100n, 4294967295n, 4294967296n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)])(
    "writes %d",
    (value) => {
      expect(print([value])).toEqual([String(value)]);
    },
  );

  it("writes all powers of ten, and the numbers before them", () => {
    const powers = Array.from({ length: 19 }, (_, exponent) => 10n ** BigInt(exponent));
    const values = powers.flatMap((power) => [power, power - 1n, -power, 1n - power]);

    expect(print(values)).toEqual(values.map(String));
  });
});
