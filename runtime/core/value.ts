// Values of the core on the host's side: MessagePack in, JavaScript out, and back. The core's side: `assembly/formats/pack.ts`.
//
// core                   MessagePack                                JavaScript
// None, bool, text       nil, bool, str                             null, boolean, string
// integer                int; beyond 64 bits the extension 6        number; beyond 2^53 bigint
// float                  float 64                                   number: 40.0 and 40 are the same here
// datetime               extension 1: i64 µs, i32 offset in s       Datetime
// date, timedelta, zone  extensions 3, 4, 5                         CalendarDay, Duration, Zone
// list, map, set         array, map, msgpackr's Set (0x73)          Array, Map, Set
// tuple                  extension 2 before an array                Tuple

import { addExtension, Packr } from "msgpackr";

/** Names of the tags, from 16 on in the order of `Tag` in `assembly/machine/value.ts`. */
export const TAGS = [
  "none",
  "boolean",
  "integer",
  "float",
  "big",
  "text",
  "datetime",
  "date",
  "timedelta",
  "zone",
  "list",
  "tuple",
  "set",
  "map",
] as const;

/** Names of the faults, from 1 on in the order of `Fault` in `assembly/machine/value.ts`: Python's classes, and two of ours. */
export const FAULTS = [
  "TypeError",
  "ValueError",
  "KeyError",
  "IndexError",
  "AttributeError",
  "ZeroDivisionError",
  "OverflowError",
  "limit",
  "cast",
] as const;

export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Datetime
  | CalendarDay
  | Duration
  | Zone
  | readonly Value[]
  | Tuple
  | ReadonlySet<Value>
  | ReadonlyMap<Value, Value>;

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** An instant, or with no offset what a clock on a wall shows. */
export class Datetime {
  /** µs since 1970: of UTC, or without an offset of the wall clock. */
  readonly micros: bigint;
  /** Seconds east of Greenwich; null: not known (Python calls it naive). */
  readonly offset: number | null;

  constructor(micros: bigint, offset: number | null) {
    this.micros = micros;
    this.offset = offset;
  }

  /** As Python's `isoformat`: `2018-03-07T22:35:31+00:00`, with microseconds where there are some. */
  toString(): string {
    const wall = this.micros + BigInt(this.offset ?? 0) * SECOND;
    const fraction = modulo(wall, SECOND);
    const seconds = isoOf((wall - fraction) / 1000n).slice(0, 19);
    return `${seconds}${fractionOf(fraction)}${this.offset === null ? "" : offsetOf(this.offset)}`;
  }
}

export class CalendarDay {
  /** Days since 1970. */
  readonly days: number;

  constructor(days: number) {
    this.days = days;
  }

  /** `2018-03-07` */
  toString(): string {
    return isoOf(BigInt(this.days) * 86_400_000n).slice(0, 10);
  }
}

export class Duration {
  readonly micros: bigint;

  constructor(micros: bigint) {
    this.micros = micros;
  }

  /** As Python's `str`: `1 day, 0:00:10`. */
  toString(): string {
    const rest = modulo(this.micros, DAY);
    const days = (this.micros - rest) / DAY;
    const clock = isoOf(rest / 1000n)
      .slice(11, 19)
      .replace(/^0/, "");
    const prefix = days === 0n ? "" : `${days} day${days === 1n || days === -1n ? "" : "s"}, `;
    return `${prefix}${clock}${fractionOf(rest % SECOND)}`;
  }
}

export class Zone {
  /** Seconds east of Greenwich. */
  readonly offset: number;

  constructor(offset: number) {
    this.offset = offset;
  }

  /** `UTC`, `UTC+02:00` */
  toString(): string {
    return this.offset === 0 ? "UTC" : `UTC${offsetOf(this.offset)}`;
  }
}

export class Tuple {
  readonly items: readonly Value[];

  constructor(items: readonly Value[]) {
    this.items = items;
  }
}

/** Reads a value that the core packed. Throws an Error for what is none. */
export function decode(bytes: Uint8Array): Value {
  return packr.unpack(bytes);
}

/**
 * Packs a value for the core. A number that is whole, up to 2^53, becomes an integer: what must stay a float is not
 * sent from here.
 *
 * @returns bytes of their own
 */
export function encode(value: Value): Uint8Array {
  return packr.pack(packable(value));
}

/**
 * A value as JSON, for answers: datetimes as ISO 8601 with their offset (one without is taken for UTC), other times as
 * Python prints them, sets and tuples as lists, integers that a double does not hold as text. What JSON has no number
 * for (NaN, infinity) is null.
 */
export function toJson(value: Value): Json {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value === "bigint") return -EXACT <= value && value <= EXACT ? Number(value) : value.toString();
  if (value instanceof Datetime) return new Datetime(value.micros, value.offset ?? 0).toString();
  if (value instanceof Tuple) return value.items.map(toJson);
  if (value instanceof Set) return Array.from(value, toJson);
  if (value instanceof Map) return Object.fromEntries(Array.from(value, ([key, item]) => [keyOf(key), toJson(item)]));
  return isList(value) ? value.map(toJson) : value.toString();
}

/** A key of a map, as `json.dumps` writes it; of what JSON has no key for, its text. */
function keyOf(key: Value): string {
  if (typeof key === "string") return key;
  const json = toJson(key);
  return typeof json === "string" ? json : JSON.stringify(json);
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

/** Up to here a double is an integer and no other: 2^53. */
const EXACT = Number.MAX_SAFE_INTEGER + 1;

// MessagePack

/** `NAIVE` in `assembly/machine/value.ts`, as the signed number that it is in an extension. */
const NAIVE = -0x80000000;

/** An integer beyond 64 bits: its digits travel. */
class Big {
  readonly digits: string;

  constructor(value: bigint) {
    this.digits = value.toString();
  }
}

/** `auto`, which the types don't know: integers are numbers as far as those are exact. `moreTypes`: also a Set. */
const packr = new Packr({ useRecords: false, mapsAsObjects: false, moreTypes: true, int64AsType: "auto" as never });

// Known to all of msgpackr: classes and numbers of our own, so nobody else's values change
extension(1, Datetime, 12, {
  write(view, { micros, offset }) {
    view.setBigInt64(0, micros);
    view.setInt32(8, offset ?? NAIVE);
  },
  read(view) {
    const offset = view.getInt32(8);
    return new Datetime(view.getBigInt64(0), offset === NAIVE ? null : offset);
  },
});
addExtension({ type: 2, Class: Tuple, write: ({ items }: Tuple) => items, read: (items: Value[]) => new Tuple(items) });
extension(3, CalendarDay, 4, {
  write: (view, { days }) => view.setInt32(0, days),
  read: (view) => new CalendarDay(view.getInt32(0)),
});
extension(4, Duration, 8, {
  write: (view, { micros }) => view.setBigInt64(0, micros),
  read: (view) => new Duration(view.getBigInt64(0)),
});
extension(5, Zone, 4, {
  write: (view, { offset }) => view.setInt32(0, offset),
  read: (view) => new Zone(view.getInt32(0)),
});
addExtension({
  type: 6,
  Class: Big,
  pack: ({ digits }: Big) => Buffer.from(digits, "latin1"),
  unpack: (bytes) => BigInt(Buffer.from(bytes).toString("latin1")),
});

interface Form<T> {
  write(view: DataView, value: T): void;
  read(view: DataView): T;
}

function extension<T>(type: number, Class: new (...args: never[]) => T, size: number, form: Form<T>): void {
  addExtension({
    type,
    Class,
    pack(value: T) {
      const bytes = Buffer.alloc(size);
      form.write(new DataView(bytes.buffer, bytes.byteOffset, size), value);
      return bytes;
    },
    unpack: (bytes) => form.read(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
  });
}

/**
 * What msgpackr packs as the core does: integers in their shortest form, where it would make floats of those beyond 32
 * bits and refuse those beyond 64; and text that is UTF-8, half a surrogate pair being none.
 */
function packable(value: Value): unknown {
  if (typeof value === "number") return Math.abs(value) <= EXACT && Number.isInteger(value) ? integer(value) : value;
  if (typeof value === "bigint") return BigInt.asIntN(64, value) === value ? integer(value) : new Big(value);
  if (typeof value === "string") return value.replace(/\p{Surrogate}/gu, "\ufffd");
  if (value instanceof Tuple) return new Tuple(value.items.map(packable) as Value[]);
  if (value instanceof Set) return new Set(Array.from(value, packable));
  if (value instanceof Map) return new Map(Array.from(value, ([key, item]) => [packable(key), packable(item)]));
  return isList(value) ? value.map(packable) : value;
}

/** @param value  whole */
function integer(value: number | bigint): number | bigint {
  return -0x80000000 <= value && value < 0x100000000 ? Number(value) : BigInt(value);
}

// Times

const SECOND = 1_000_000n; // µs
const DAY = 86_400n * SECOND;

/** The remainder with the sign of the divisor. */
function modulo(value: bigint, divisor: bigint): bigint {
  return ((value % divisor) + divisor) % divisor;
}

/** @param ms  since 1970, within the years 1 to 9999 */
function isoOf(ms: bigint): string {
  return new Date(Number(ms)).toISOString();
}

function fractionOf(micros: bigint): string {
  return micros === 0n ? "" : `.${String(micros).padStart(6, "0")}`;
}

/** `+02:00`, and with seconds where there are some. */
function offsetOf(seconds: number): string {
  const clock = isoOf(BigInt(Math.abs(seconds)) * 1000n).slice(11, 19);
  return (seconds < 0 ? "-" : "+") + (clock.endsWith(":00") ? clock.slice(0, 5) : clock);
}
