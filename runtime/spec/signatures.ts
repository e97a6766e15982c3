// What functions, methods and attributes take, and what they give: by kinds of values.
import type { AttributeName, FunctionName, MethodName } from "./builtins.ts";
import {
  ANY,
  either,
  hasMembers,
  ITERABLE,
  itemOf,
  Kind,
  MAPS,
  NUMBER,
  OF_EVENT,
  ofSign,
  SEQUENCE,
  SIZED,
  TIME,
  TRUTH,
  type Type,
  type,
  VALUE,
  WHOLE,
  whyNotTaken,
} from "./kinds.ts";

const { NONE, INT, FLOAT, TEXT, DATETIME, DATE, TIMEDELTA, ZONE, LIST, TUPLE, SET, MAP } = Kind;
const { RANGE, VIEW, ITERATOR } = Kind;

const ATTRIBUTE: Readonly<Record<AttributeName, readonly [on: number, gives: number]>> = {
  days: [TIMEDELTA, INT],
  seconds: [TIMEDELTA, INT],
  microseconds: [TIMEDELTA, INT],
  year: [DATETIME | DATE, INT],
  month: [DATETIME | DATE, INT],
  day: [DATETIME | DATE, INT],
  hour: [DATETIME, INT],
  minute: [DATETIME, INT],
  second: [DATETIME, INT],
  microsecond: [DATETIME, INT],
  tzinfo: [DATETIME, ZONE | NONE],
};

/** @returns null if no value of this type has it */
export function ofAttribute(of: Type, name: string): Type | null {
  const known = Object.hasOwn(ATTRIBUTE, name) ? ATTRIBUTE[name as AttributeName] : undefined;
  if (hasMembers(of)) return known !== undefined && of.kinds & known[0] ? ANY : OF_EVENT;
  return known !== undefined && of.kinds & known[0] ? type(known[1]) : null;
}

/** What the arguments may be, the last for all that follow; and what is given, from their types. */
interface Call {
  readonly takes: readonly number[];
  readonly gives: Type | ((args: readonly (Type | null)[]) => Type);
}

const first = (args: readonly (Type | null)[]): Type => args[0] ?? type(0);
const collection =
  (kind: number) =>
  (args: readonly (Type | null)[]): Type =>
    type(kind, args[0] === undefined ? 0 : itemOf(first(args)).kinds);
const extreme = (args: readonly (Type | null)[]): Type =>
  args.length === 1 ? itemOf(first(args)) : args.reduce<Type>((all, arg) => either(all, arg ?? ANY), type(0));

const FUNCTION: Readonly<Record<FunctionName, Call>> = {
  len: { takes: [SIZED], gives: type(INT) },
  sum: { takes: [ITERABLE, VALUE], gives: (args) => (args.length > 1 ? ANY : type(INT | FLOAT)) },
  float: { takes: [NUMBER | TEXT], gives: type(FLOAT) },
  int: { takes: [NUMBER | TEXT, WHOLE], gives: type(INT) },
  bool: { takes: [VALUE | RANGE | VIEW], gives: TRUTH },
  str: { takes: [VALUE], gives: type(TEXT) },
  max: { takes: [VALUE], gives: extreme },
  min: { takes: [VALUE], gives: extreme },
  list: { takes: [ITERABLE], gives: collection(LIST) },
  set: { takes: [ITERABLE], gives: collection(SET) },
  tuple: { takes: [ITERABLE], gives: collection(TUPLE) },
  dict: { takes: [ITERABLE], gives: type(MAP, VALUE) },
  zip: { takes: [ITERABLE], gives: type(ITERATOR, TUPLE) },
  ord: { takes: [TEXT], gives: type(INT) },
  chr: { takes: [WHOLE], gives: type(TEXT) },
  any: { takes: [ITERABLE], gives: TRUTH },
  all: { takes: [ITERABLE], gives: TRUTH },
  abs: { takes: [NUMBER | TIMEDELTA], gives: (args) => ofSign(first(args)) ?? ANY },
  round: { takes: [NUMBER, WHOLE | NONE], gives: type(INT | FLOAT) },
  sorted: { takes: [ITERABLE, VALUE], gives: collection(LIST) },
  reversed: { takes: [ITERABLE & ~(SET | ITERATOR)], gives: collection(ITERATOR) },
  range: { takes: [WHOLE], gives: type(RANGE, INT) },
  enumerate: { takes: [ITERABLE, WHOLE], gives: type(ITERATOR, TUPLE) },
  repr: { takes: [VALUE], gives: type(TEXT) },
  parse: { takes: [TEXT], gives: TIME },
  datetime: { takes: [...Array(7).fill(WHOLE), ZONE | NONE], gives: TIME },
  "datetime.fromtimestamp": { takes: [NUMBER, ZONE | NONE], gives: TIME },
  "datetime.utcfromtimestamp": { takes: [NUMBER], gives: TIME },
  "datetime.strptime": { takes: [TEXT], gives: TIME },
  "datetime.fromisoformat": { takes: [TEXT], gives: TIME },
  date: { takes: [WHOLE], gives: type(DATE) },
  timedelta: { takes: [NUMBER], gives: type(TIMEDELTA) },
  timezone: { takes: [TIMEDELTA], gives: type(ZONE) },
  tzutc: { takes: [], gives: type(ZONE) },
};

/** A method: of what; given its receiver unless it says otherwise. */
interface Method {
  readonly on: number;
  readonly takes?: readonly number[];
  readonly gives?: Type;
}

const TEXTS = type(LIST, TEXT);
const onText = (gives: Type, ...takes: number[]): Method => ({ on: TEXT, gives, takes });
const onSet = (gives?: Type): Method => ({ on: SET, takes: [ITERABLE], ...(gives && { gives }) });

const METHOD: Readonly<Record<MethodName, Method>> = {
  split: onText(TEXTS, TEXT | NONE, WHOLE),
  rsplit: onText(TEXTS, TEXT | NONE, WHOLE),
  splitlines: onText(TEXTS),
  strip: onText(type(TEXT), TEXT | NONE),
  lstrip: onText(type(TEXT), TEXT | NONE),
  rstrip: onText(type(TEXT), TEXT | NONE),
  lower: onText(type(TEXT)),
  upper: onText(type(TEXT)),
  title: onText(type(TEXT)),
  capitalize: onText(type(TEXT)),
  startswith: onText(TRUTH, TEXT | TUPLE, WHOLE | NONE),
  endswith: onText(TRUTH, TEXT | TUPLE, WHOLE | NONE),
  replace: { on: TEXT | DATETIME | DATE },
  join: onText(type(TEXT), ITERABLE),
  find: onText(type(INT), TEXT, WHOLE | NONE),
  rfind: onText(type(INT), TEXT, WHOLE | NONE),
  index: { on: SEQUENCE, gives: type(INT) },
  count: { on: SEQUENCE, gives: type(INT) },
  isdigit: onText(TRUTH),
  isalpha: onText(TRUTH),
  isalnum: onText(TRUTH),
  isspace: onText(TRUTH),
  islower: onText(TRUTH),
  isupper: onText(TRUTH),
  zfill: onText(type(TEXT), WHOLE),
  items: { on: MAPS, gives: type(VIEW, TUPLE) },
  keys: { on: MAPS, gives: type(VIEW, VALUE) },
  values: { on: MAPS, gives: type(VIEW, VALUE) },
  get: { on: MAPS, gives: ANY },
  set: { on: MAPS },
  increment: { on: MAPS },
  update: { on: MAPS | SET, takes: [ITERABLE] },
  setdefault: { on: MAPS, gives: ANY },
  append: { on: LIST },
  insert: { on: LIST, takes: [WHOLE, VALUE] },
  extend: { on: LIST, takes: [ITERABLE] },
  remove: { on: LIST | SET },
  sort: { on: LIST },
  reverse: { on: LIST },
  pop: { on: LIST | SET | MAPS, gives: ANY },
  clear: { on: LIST | SET | MAPS },
  copy: { on: LIST | SET | MAPS },
  add: { on: SET },
  discard: { on: SET },
  union: onSet(),
  intersection: onSet(),
  difference: onSet(),
  symmetric_difference: onSet(),
  intersection_update: onSet(),
  difference_update: onSet(),
  symmetric_difference_update: onSet(),
  issubset: onSet(TRUTH),
  issuperset: onSet(TRUTH),
  isdisjoint: onSet(TRUTH),
  date: { on: DATETIME, gives: type(DATE) },
  timestamp: { on: DATETIME, gives: type(FLOAT) },
  isoformat: { on: DATETIME | DATE, takes: [TEXT], gives: type(TEXT) },
  strftime: { on: DATETIME | DATE, takes: [TEXT], gives: type(TEXT) },
  weekday: { on: DATETIME | DATE, gives: type(INT) },
  isoweekday: { on: DATETIME | DATE, gives: type(INT) },
  toordinal: { on: DATETIME | DATE, gives: type(INT) },
  astimezone: { on: DATETIME, takes: [ZONE | NONE], gives: TIME },
  utcoffset: { on: DATETIME, gives: type(TIMEDELTA | NONE) },
  total_seconds: { on: TIMEDELTA, gives: type(FLOAT) },
};

/** An argument that is of no kind that its place takes. */
export interface Refused {
  /** From 0. */
  readonly index: number;
  /** "takes a number, got text: …" */
  readonly message: string;
}

export function refusedByFunction(name: FunctionName, args: readonly (Type | null)[]): Refused | null {
  const one = args.length === 1 && (name === "max" || name === "min");
  return refused(one ? [ITERABLE] : FUNCTION[name].takes, args);
}

export function ofFunction(name: FunctionName, args: readonly (Type | null)[]): Type {
  const { gives } = FUNCTION[name];
  return typeof gives === "function" ? gives(args) : gives;
}

export function hasMethod({ kinds }: Type, name: MethodName): boolean {
  return (kinds & METHOD[name].on) !== 0;
}

export function refusedByMethod(name: MethodName, args: readonly (Type | null)[]): Refused | null {
  return refused(METHOD[name].takes ?? [VALUE], args);
}

export function ofMethod(name: MethodName, receiver: Type): Type {
  const { on, gives } = METHOD[name];
  return gives ?? type(receiver.kinds & on, VALUE);
}

/** Attributes and methods of the kinds that a value may be of. */
export function membersOf(of: Type): string[] {
  const methods = (Object.keys(METHOD) as MethodName[]).filter((name) => hasMethod(of, name));
  const attributes = (Object.keys(ATTRIBUTE) as AttributeName[]).filter((name) => of.kinds & ATTRIBUTE[name][0]);
  return [...attributes, ...methods];
}

/** Would adding these up fail? Nothing but numbers can be added to the 0 that `sum` begins with. */
export function cannotSum(of: Type): boolean {
  const items = of.items | (of.kinds & TEXT);
  return items !== 0 && (items & NUMBER) === 0;
}

function refused(takes: readonly number[], args: readonly (Type | null)[]): Refused | null {
  for (let index = 0; index < args.length; index++) {
    const arg = args[index];
    const mask = takes[Math.min(index, takes.length - 1)] ?? VALUE;
    if (arg == null || (arg.kinds & mask) !== 0) continue;
    return { index, message: whyNotTaken(arg, mask) };
  }
  return null;
}
