import { describe, expect, it } from "vitest";
import { instantiate } from "../../runtime/core/core.ts";
import { FAULTS } from "../../runtime/core/value.ts";
import { FUNCTION_NAMES, type FunctionName, METHOD_NAMES, type MethodName } from "../../runtime/spec/builtins.ts";
import { prng } from "../support/prng.ts";

// Laws of times. What single expressions give stands in `datetime.cases.ts`.

type Core = {
  reserve(bytes: number): number;
  allowWork(units: number): void;
  freeTemporary(): void;
  callFunction(func: number, result: number, args: number, count: number): number;
  callMethod(method: number, result: number, receiver: number, args: number, count: number): number;
  operate(operator: number, result: number, a: number, b: number): number;
};

/** `Tag` in `assembly/machine/value.ts`. */
const TAG = { int: 18, float: 19, text: 21, datetime: 22, date: 23, timedelta: 24, zone: 25 } as const;
const NAIVE = -(2 ** 31);
/** `Operator` in `assembly/machine/operate.ts`. */
const OPERATORS = ["+", "-", "*", "/"] as const;

// µs
const SECOND = 1_000_000n;
const DAY = 86_400n * SECOND;
const FIRST_DAY = -719_162;
const LAST_DAY = 2_932_896;
const FIRST = BigInt(FIRST_DAY) * DAY;
const LAST = BigInt(LAST_DAY + 1) * DAY - 1n;

const ISOFORMAT = METHOD_NAMES.indexOf("isoformat");
const PARSE = FUNCTION_NAMES.indexOf("parse");

const SEED = 20180307;
const ROUNDS = 20_000;

/** A cell; of texts `text` stands for aux and payload. */
interface Cell {
  readonly tag: number;
  readonly aux?: number;
  readonly payload?: bigint;
  readonly text?: string;
}

const text = (text: string): Cell => ({ tag: TAG.text, text });
const timedelta = (payload: bigint): Cell => ({ tag: TAG.timedelta, payload });
const zone = (offset: number): Cell => ({ tag: TAG.zone, aux: offset });
const date = (day: number): Cell => ({ tag: TAG.date, payload: BigInt(day) });
const datetime = (wall: bigint, offset: number): Cell => ({
  tag: TAG.datetime,
  aux: offset,
  payload: offset === NAIVE ? wall : wall - BigInt(offset) * SECOND,
});

/** The core, called with cells. Each call gives back what the one before took. */
class Times {
  readonly #core = instantiate<Core>();
  readonly #cells = this.#core.reserve(16 * 16);
  readonly #texts = this.#core.reserve(16 * 256);
  #view = new DataView(this.#core.memory.buffer);
  #bytes = new Uint8Array(this.#core.memory.buffer);

  constructor() {
    // all the temporary memory that these calls take, so that the views stay valid
    this.#put([date(0)]);
    this.#core.callMethod(ISOFORMAT, this.#cells, this.#cells + 16, this.#cells + 32, 0);
    this.#view = new DataView(this.#core.memory.buffer);
    this.#bytes = new Uint8Array(this.#core.memory.buffer);
  }

  call(name: FunctionName, ...args: Cell[]): Cell | string {
    this.#put(args);
    const fault = this.#core.callFunction(FUNCTION_NAMES.indexOf(name), this.#cells, this.#cells + 16, args.length);
    return this.#result(fault);
  }

  on(receiver: Cell, name: MethodName, ...args: Cell[]): Cell | string {
    this.#put([receiver, ...args]);
    const [result, at] = [this.#cells, this.#cells + 16];
    return this.#result(this.#core.callMethod(METHOD_NAMES.indexOf(name), result, at, at + 16, args.length));
  }

  operate(a: Cell, operator: (typeof OPERATORS)[number], b: Cell): Cell | string {
    this.#put([a, b]);
    const at = this.#cells + 16;
    return this.#result(this.#core.operate(OPERATORS.indexOf(operator), this.#cells, at, at + 16));
  }

  /** What `parse` makes of the text of a day, without a look at the text; µs. */
  readWritten(day: number): bigint {
    this.#put([date(day)]);
    const [result, at] = [this.#cells, this.#cells + 16];
    this.#core.callMethod(ISOFORMAT, result, at, at + 16, 0);
    this.#core.callFunction(PARSE, result, result, 1);
    return this.#view.getBigInt64(result + 8, true);
  }

  #put(cells: readonly Cell[]): void {
    this.#core.freeTemporary();
    this.#core.allowWork(1e9);
    cells.forEach(({ tag, aux = 0, payload = 0n, text }, i) => {
      const at = this.#cells + 16 * (i + 1);
      const bytes = this.#texts + 256 * i;
      this.#view.setUint32(at, tag, true);
      this.#view.setInt32(at + 4, text === undefined ? aux : this.#write(text, bytes), true);
      this.#view.setBigInt64(at + 8, text === undefined ? payload : BigInt(bytes), true);
    });
  }

  #write(text: string, at: number): number {
    const bytes = Buffer.from(text);
    this.#bytes.set(bytes, at);
    return bytes.length;
  }

  #result(fault: number): Cell | string {
    if (fault !== 0) return FAULTS[fault - 1]!;
    const tag = this.#view.getUint8(this.#cells);
    const aux = this.#view.getInt32(this.#cells + 4, true);
    const payload = this.#view.getBigInt64(this.#cells + 8, true);
    if (tag !== TAG.text) return { tag, aux, payload };
    return text(Buffer.from(this.#bytes.subarray(Number(payload), Number(payload) + aux)).toString());
  }
}

const times = new Times();
const random = prng(SEED);

const below = (count: number): number => Math.floor(random() * count);
const bits = (count: number): bigint =>
  ((BigInt(below(2 ** 32)) << 32n) | BigInt(below(2 ** 32))) >> BigInt(64 - count);
const signed = (value: bigint): bigint => (random() < 0.5 ? -value : value);
const anyWall = (): bigint =>
  FIRST + (((BigInt(below(2 ** 30)) << 30n) | BigInt(below(2 ** 30))) % (LAST - FIRST + 1n));
const anyOffset = (): number => {
  if (random() < 0.3) return NAIVE;
  return random() < 0.5 ? (below(47) - 23) * 3600 : below(2 * 86_399 + 1) - 86_399;
};

/** Runs a law on many random values. */
function always(law: () => void): void {
  for (let round = 0; round < ROUNDS; round++) law();
}

/** The integer nearest to a / b, of two the even one. */
function nearest(a: bigint, b: bigint): bigint {
  if (b < 0n) return nearest(-a, -b);
  const floor = (a - (((a % b) + b) % b)) / b;
  const twice = 2n * (a - floor * b);
  return twice > b || (twice === b && floor % 2n !== 0n) ? floor + 1n : floor;
}

/** A double as numerator and denominator. */
function ratio(value: number): [bigint, bigint] {
  let denominator = 1n;
  while (!Number.isInteger(value)) {
    value *= 2;
    denominator *= 2n;
  }
  return [BigInt(value), denominator];
}

const inRange = (micros: bigint): Cell | string =>
  micros < -(2n ** 63n) || micros >= 2n ** 63n ? "OverflowError" : { ...timedelta(micros), aux: 0 };

describe(`times, seed ${SEED}`, () => {
  it("of every day have a text of their own, from which it is read", () => {
    for (let day = FIRST_DAY; day <= LAST_DAY; day++) {
      const back = times.readWritten(day);
      if (back !== BigInt(day) * DAY) expect(back, `day ${day}`).toBe(BigInt(day) * DAY);
    }
  });

  it("have the dates that JavaScript has", () => {
    always(() => {
      const day = FIRST_DAY + below(LAST_DAY - FIRST_DAY + 1);
      const iso = new Date(day * 86_400_000).toISOString().slice(0, 10);
      expect(times.on(date(day), "isoformat")).toEqual(text(iso));
    });
  });

  it("are read from their ISO text, with either separator, by each of three functions", () => {
    always(() => {
      const wall = random() < 0.5 ? anyWall() : (anyWall() / SECOND) * SECOND;
      const time = datetime(wall, anyOffset());
      const iso = times.on(time, "isoformat") as Cell;
      const spaced = times.on(time, "isoformat", text(" ")) as Cell;
      expect(times.call("parse", iso)).toEqual(time);
      expect(times.call("parse", spaced)).toEqual(time);
      expect(times.call("datetime.fromisoformat", iso)).toEqual(time);
      if (iso.text!.startsWith("0")) return; // `%Y` writes fewer digits than it reads
      const format = text(`%d %B %Y %I:%M:%S.%f %p${time.aux === NAIVE ? "" : " %z"}`);
      expect(times.call("datetime.strptime", times.on(time, "strftime", format) as Cell, format)).toEqual(time);
    });
  });

  it("are read alike in the plain layout and by the way for all others", () => {
    const plain = "2018-02-28T22:35:31";
    const changes = "0123456789-:/T tZ";
    always(() => {
      const bytes = [...plain];
      for (let change = below(3); change >= 0; change--) bytes[below(bytes.length)] = changes[below(changes.length)]!;
      const changed = bytes.join("");
      expect(times.call("parse", text(changed)), changed).toEqual(times.call("parse", text(` ${changed}`)));
    });
  });

  it("are the same instant in every zone", () => {
    always(() => {
      const time = datetime(anyWall() / 2n, 3600 * (below(47) - 23));
      const offset = 60 * (below(2879) - 1439);
      expect(times.on(time, "astimezone", zone(offset))).toEqual({ ...time, aux: offset });
    });
  });

  it("go back by as much as they went forth", () => {
    always(() => {
      const [a, b] = [anyWall(), anyWall()];
      const offset = anyOffset();
      const delta = times.operate(datetime(a, offset), "-", datetime(b, offset)) as Cell;
      expect(delta).toEqual({ ...timedelta(a - b), aux: 0 });
      expect(times.operate(datetime(b, offset), "+", delta)).toEqual(datetime(a, offset));
      expect(times.operate(datetime(a, offset), "-", delta)).toEqual(datetime(b, offset));
    });
  });

  it("multiply and divide as exact numbers do, rounded once", () => {
    always(() => {
      const micros = signed(bits(8 + below(55)));
      const delta = timedelta(micros);
      const factor = signed(bits(1 + below(40)));
      const int: Cell = { tag: TAG.int, payload: factor };
      expect(times.operate(delta, "*", int)).toEqual(inRange(micros * factor));
      if (factor !== 0n) expect(times.operate(delta, "/", int)).toEqual(inRange(nearest(micros, factor)));

      const value = random() < 0.3 ? Number(factor) / 8 : (random() - 0.5) * 2 ** (below(80) - 40);
      const float: Cell = { tag: TAG.float, payload: new BigInt64Array(Float64Array.of(value).buffer)[0]! };
      const [numerator, denominator] = ratio(value);
      expect(times.operate(delta, "*", float)).toEqual(inRange(nearest(micros * numerator, denominator)));
      if (value === 0) return;
      expect(times.operate(delta, "/", float)).toEqual(inRange(nearest(micros * denominator, numerator)));
    });
  });
});
