// The functions and methods that expressions may call. A name's place in its list is its number in the bytecode and
// in `assembly/machine/builtins.ts`; new ones go to the end.

export interface Arity {
  readonly min: number;
  /** Infinity: any number. */
  readonly max: number;
  /** Names by which positional arguments may be given instead, in their order. */
  readonly keywords?: readonly string[];
}

const any = Number.POSITIVE_INFINITY;
const exactly = (n: number): Arity => ({ min: n, max: n });
const between = (min: number, max: number, ...keywords: string[]): Arity => ({ min, max, keywords });

/** Functions by the name that the machine knows them by; imports lead to those with a dot or of time. */
export const FUNCTIONS = {
  len: exactly(1),
  sum: between(1, 2, "", "start"),
  float: between(0, 1),
  int: between(0, 2, "", "base"),
  bool: between(0, 1),
  str: between(0, 1),
  max: between(1, any),
  min: between(1, any),
  list: between(0, 1),
  set: between(0, 1),
  tuple: between(0, 1),
  dict: between(0, 1),
  zip: between(0, any),
  ord: exactly(1),
  chr: exactly(1),
  any: exactly(1),
  all: exactly(1),
  abs: exactly(1),
  round: between(1, 2, "number", "ndigits"),
  sorted: between(1, 2, "", "reverse"),
  reversed: exactly(1),
  range: between(1, 3),
  enumerate: between(1, 2, "iterable", "start"),
  repr: exactly(1),
  parse: exactly(1), // dateutil.parser.parse
  datetime: between(3, 8, "year", "month", "day", "hour", "minute", "second", "microsecond", "tzinfo"),
  "datetime.fromtimestamp": between(1, 2, "timestamp", "tz"),
  "datetime.utcfromtimestamp": exactly(1),
  "datetime.strptime": exactly(2),
  "datetime.fromisoformat": exactly(1),
  date: between(3, 3, "year", "month", "day"),
  timedelta: between(0, 7, "days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"),
  timezone: exactly(1),
  tzutc: exactly(0),
} as const satisfies Record<string, Arity>;

export type FunctionName = keyof typeof FUNCTIONS;

/** Methods, of whatever kind of value. `mutates`: on a collection, gives it changed; the field it stands in is moved. */
export const METHODS = {
  // text
  split: between(0, 2, "sep", "maxsplit"),
  rsplit: between(0, 2, "sep", "maxsplit"),
  splitlines: exactly(0),
  strip: between(0, 1),
  lstrip: between(0, 1),
  rstrip: between(0, 1),
  lower: exactly(0),
  upper: exactly(0),
  title: exactly(0),
  capitalize: exactly(0),
  startswith: between(1, 3),
  endswith: between(1, 3),
  replace: between(0, 8, "year", "month", "day", "hour", "minute", "second", "microsecond", "tzinfo"), // also of datetimes
  join: exactly(1),
  find: between(1, 3),
  rfind: between(1, 3),
  index: between(1, 3), // also of lists
  count: between(1, 3), // also of lists
  isdigit: exactly(0),
  isalpha: exactly(0),
  isalnum: exactly(0),
  isspace: exactly(0),
  islower: exactly(0),
  isupper: exactly(0),
  zfill: exactly(1),
  // map
  items: exactly(0),
  keys: exactly(0),
  values: exactly(0),
  get: between(1, 2),
  set: exactly(2),
  increment: between(1, 2, "", "by"),
  update: between(0, any), // also of sets
  setdefault: between(1, 2),
  // list
  append: exactly(1),
  insert: exactly(2),
  extend: exactly(1),
  remove: exactly(1), // also of sets
  sort: between(0, 1, "reverse"),
  reverse: exactly(0),
  pop: between(0, 2), // also of maps
  clear: exactly(0),
  copy: exactly(0),
  // set
  add: exactly(1),
  discard: exactly(1),
  union: between(0, any),
  intersection: between(0, any),
  difference: between(0, any),
  symmetric_difference: exactly(1),
  intersection_update: between(0, any),
  difference_update: between(0, any),
  symmetric_difference_update: exactly(1),
  issubset: exactly(1),
  issuperset: exactly(1),
  isdisjoint: exactly(1),
  // datetime, date, timedelta
  date: exactly(0),
  timestamp: exactly(0),
  isoformat: between(0, 1, "sep"),
  strftime: exactly(1),
  weekday: exactly(0),
  isoweekday: exactly(0),
  toordinal: exactly(0),
  astimezone: between(0, 1, "tz"),
  utcoffset: exactly(0),
  total_seconds: exactly(0),
} as const satisfies Record<string, Arity>;

export type MethodName = keyof typeof METHODS;

/** Methods that give the collection changed: assigned to the field that they are called on, they change it in place. */
export const MUTATING: ReadonlySet<MethodName> = new Set([
  "set",
  "increment",
  "update",
  "setdefault",
  "append",
  "insert",
  "extend",
  "remove",
  "sort",
  "reverse",
  "clear",
  "add",
  "discard",
  "intersection_update",
  "difference_update",
  "symmetric_difference_update",
] satisfies MethodName[]);

/** Attributes that are no methods. */
export const ATTRIBUTES = [
  "days",
  "seconds",
  "microseconds", // timedelta
  "year",
  "month",
  "day",
  "hour",
  "minute",
  "second",
  "microsecond",
  "tzinfo", // datetime, date
] as const;

export type AttributeName = (typeof ATTRIBUTES)[number];

export const FUNCTION_NAMES = Object.keys(FUNCTIONS) as FunctionName[];
export const METHOD_NAMES = Object.keys(METHODS) as MethodName[];
