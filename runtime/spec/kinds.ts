// What is known of a value before any event has come: which kinds it may be of. So a mistake that no event could make
// right is found when the spec is loaded: text plus integer, the length of a number.
//
// Fields have their type. A value of the event may be whatever JSON has, which is no datetime. Doubt counts in favour
// of the expression: an operation is refused only if it fails for each kind that its operands may be of.
import type { AttributeName, FunctionName, MethodName } from "./builtins.ts";
import type { FieldType } from "./spec.ts";
import type { Binary, Comparison, Literal } from "./term.ts";

/** One bit each. */
export const Kind = {
  NONE: 1 << 0,
  BOOL: 1 << 1,
  INT: 1 << 2,
  FLOAT: 1 << 3,
  TEXT: 1 << 4,
  DATETIME: 1 << 5,
  DATE: 1 << 6,
  TIMEDELTA: 1 << 7,
  ZONE: 1 << 8,
  LIST: 1 << 9,
  TUPLE: 1 << 10,
  SET: 1 << 11,
  MAP: 1 << 12,
  /** A map that came with the event: its members are attributes too. */
  OBJECT: 1 << 13,
  // What Python makes on the fly, and what is a list here: to be gone through, not to be kept.
  RANGE: 1 << 14,
  VIEW: 1 << 15,
  ITERATOR: 1 << 16,
} as const;

const { NONE, BOOL, INT, FLOAT, TEXT, DATETIME, DATE, TIMEDELTA, ZONE, LIST, TUPLE, SET, MAP, OBJECT } = Kind;
const { RANGE, VIEW, ITERATOR } = Kind;

const WHOLE = BOOL | INT;
const NUMBER = WHOLE | FLOAT;
const MAPS = MAP | OBJECT;
const SEQUENCE = TEXT | LIST | TUPLE;
const SIZED = SEQUENCE | SET | MAPS | RANGE | VIEW;
const ITERABLE = SIZED | ITERATOR;
const LAZY = RANGE | VIEW | ITERATOR;
/** Whatever may be kept. */
const VALUE = (1 << 14) - 1;
const JSON_VALUE = NONE | BOOL | INT | FLOAT | TEXT | LIST | OBJECT;

/** Bits of `Kind`: what a value may be; and, if it can be gone through, what that gives. */
export interface Type {
  readonly kinds: number;
  readonly items: number;
}

export const type = (kinds: number, items = 0): Type => ({ kinds, items });

/** Nothing is known. */
export const ANY: Type = type(VALUE, VALUE);
/** A value of the event. */
export const OF_EVENT: Type = type(JSON_VALUE, JSON_VALUE);
/** The event itself. */
export const EVENT: Type = type(OBJECT, TEXT);
export const TIME: Type = type(DATETIME);
export const TRUTH: Type = type(BOOL);
/** A map by its keys' names. */
export const NAMED: Type = type(MAP, TEXT);

const FIELD: Readonly<Record<FieldType, Type>> = {
  integer: type(WHOLE),
  float: type(FLOAT),
  string: type(TEXT),
  boolean: type(BOOL),
  datetime: type(DATETIME | NONE),
  list: type(LIST, VALUE),
  map: type(MAP, VALUE),
  set: type(SET, VALUE),
};

export function ofLiteral(value: Literal): Type {
  if (value === null) return type(NONE);
  if (typeof value === "boolean") return type(BOOL);
  if (typeof value === "bigint") return type(INT);
  return type(typeof value === "number" ? FLOAT : TEXT);
}

export function either(a: Type, b: Type): Type {
  return type(a.kinds | b.kinds, a.items | b.items);
}

/** `a or b`: None goes on to `b`. */
export function firstTrue(a: Type, b: Type): Type {
  return type((a.kinds & ~NONE) | b.kinds, a.items | b.items);
}

/** What going through a value gives. */
export function itemOf({ kinds, items }: Type): Type {
  const all = items | (kinds & TEXT);
  return all === 0 ? ANY : type(all, all & (ITERABLE & ~TEXT) ? VALUE : 0);
}

const MADE = { list: LIST, tuple: TUPLE, set: SET, map: MAP, generator: ITERATOR };

/** A collection of these; of a map, its keys. */
export function collectionOf(made: keyof typeof MADE, items: readonly Type[]): Type {
  return type(
    MADE[made],
    items.reduce((all, { kinds }) => all | kinds, 0),
  );
}

/** A field's value. */
export function ofField(field: FieldType | null): Type {
  return field === null ? ANY : FIELD[field];
}

/** A field's values over a window's blocks. */
export function ofSeries(field: FieldType | null): Type {
  return type(LIST, ofField(field).kinds);
}

export function canIterate({ kinds }: Type): boolean {
  return (kinds & ITERABLE) !== 0;
}

/** Can it be kept? */
export function isSolid({ kinds }: Type): boolean {
  return (kinds & VALUE) !== 0;
}

/** May it be of any kind that JSON has? */
export function isOfEvent({ kinds }: Type): boolean {
  return kinds === JSON_VALUE;
}

export function isMap({ kinds }: Type): boolean {
  return kinds === MAP;
}

/** May members be read as attributes, whatever their names? */
export function hasMembers({ kinds }: Type): boolean {
  return (kinds & OBJECT) !== 0;
}

// Operators

type Rule = readonly [left: number, right: number, gives: number];

const ARITHMETIC: readonly Rule[] = [
  [WHOLE, WHOLE, INT],
  [FLOAT, NUMBER, FLOAT],
  [NUMBER, FLOAT, FLOAT],
];
const BITS: readonly Rule[] = [
  [BOOL, BOOL, BOOL],
  [INT, WHOLE, INT],
  [WHOLE, INT, INT],
  [SET, SET, SET],
];

const BINARY: Readonly<Record<Binary, readonly Rule[]>> = {
  "+": [
    ...ARITHMETIC,
    [TEXT, TEXT, TEXT],
    [LIST, LIST, LIST],
    [TUPLE, TUPLE, TUPLE],
    [DATETIME, TIMEDELTA, DATETIME],
    [TIMEDELTA, DATETIME, DATETIME],
    [DATE, TIMEDELTA, DATE],
    [TIMEDELTA, DATE, DATE],
    [TIMEDELTA, TIMEDELTA, TIMEDELTA],
  ],
  "-": [
    ...ARITHMETIC,
    [SET, SET, SET],
    [DATETIME, DATETIME, TIMEDELTA],
    [DATETIME, TIMEDELTA, DATETIME],
    [DATE, DATE, TIMEDELTA],
    [DATE, TIMEDELTA, DATE],
    [TIMEDELTA, TIMEDELTA, TIMEDELTA],
  ],
  "*": [
    ...ARITHMETIC,
    ...[TEXT, LIST, TUPLE].flatMap((kind): Rule[] => [
      [kind, WHOLE, kind],
      [WHOLE, kind, kind],
    ]),
    [TIMEDELTA, NUMBER, TIMEDELTA],
    [NUMBER, TIMEDELTA, TIMEDELTA],
  ],
  "/": [
    [NUMBER, NUMBER, FLOAT],
    [TIMEDELTA, TIMEDELTA, FLOAT],
    [TIMEDELTA, NUMBER, TIMEDELTA],
  ],
  "//": [...ARITHMETIC, [TIMEDELTA, TIMEDELTA, INT], [TIMEDELTA, WHOLE, TIMEDELTA]],
  "%": [...ARITHMETIC, [TIMEDELTA, TIMEDELTA, TIMEDELTA]],
  "**": [[NUMBER, NUMBER, INT | FLOAT]],
  "|": [...BITS, [MAPS, MAPS, MAP]],
  "&": BITS,
  "^": BITS,
};

/** Kinds whose values have an order among themselves. */
const ORDERED = [NUMBER, TEXT, LIST, TUPLE, SET, DATETIME, DATE, TIMEDELTA];
const ORDER: readonly Rule[] = ORDERED.map((kind): Rule => [kind, kind, BOOL]);
const EQUALITY: readonly Rule[] = [[VALUE, VALUE, BOOL]];
const MEMBERSHIP: readonly Rule[] = [
  [TEXT, TEXT, BOOL],
  [VALUE, ITERABLE & ~TEXT, BOOL],
];

const COMPARISON: Readonly<Record<Comparison, readonly Rule[]>> = {
  "==": EQUALITY,
  "!=": EQUALITY,
  is: EQUALITY,
  "is not": EQUALITY,
  "<": ORDER,
  "<=": ORDER,
  ">": ORDER,
  ">=": ORDER,
  in: MEMBERSHIP,
  "not in": MEMBERSHIP,
};

/** @returns null if it fails whatever the operands are */
export function ofBinary(op: Binary, left: Type, right: Type): Type | null {
  const kinds = applied(BINARY[op], left.kinds, right.kinds);
  if (kinds === 0) return null;
  return type(kinds, kinds & (LIST | TUPLE | SET | MAP) ? left.items | right.items : 0);
}

export function canCompare(op: Comparison, left: Type, right: Type): boolean {
  return applied(COMPARISON[op], left.kinds, right.kinds) !== 0;
}

/** Of `-` and `+` before a value. */
export function ofSign({ kinds }: Type): Type | null {
  const gives = (kinds & (FLOAT | TIMEDELTA)) | (kinds & WHOLE ? INT : 0);
  return gives === 0 ? null : type(gives);
}

function applied(rules: readonly Rule[], left: number, right: number): number {
  let kinds = 0;
  for (const [a, b, gives] of rules) if (left & a && right & b) kinds |= gives;
  return kinds;
}

// Subscripts

export function ofItem(of: Type, index: Type): Type | null {
  const bySequence = (of.kinds & (SEQUENCE | RANGE)) !== 0 && (index.kinds & WHOLE) !== 0;
  if (of.kinds & MAPS && isSolid(index)) return of.kinds & MAP ? ANY : OF_EVENT;
  return bySequence ? itemOf(of) : null;
}

export function ofSlice(of: Type, bounds: readonly (Type | undefined)[]): Type | null {
  const kinds = of.kinds & SEQUENCE;
  if (kinds === 0) return null;
  if (bounds.some((bound) => bound !== undefined && (bound.kinds & (WHOLE | NONE)) === 0)) return null;
  return type(kinds, of.items);
}

// Attributes, functions, methods

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
  bool: { takes: [VALUE], gives: TRUTH },
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
    return { index, message: `takes ${wanted(mask)}, got ${words(arg)}${conversion(arg, mask)}` };
  }
  return null;
}

// In words

const WORDS: readonly (readonly [kind: number, word: string])[] = [
  [BOOL, "a boolean"],
  [INT, "an integer"],
  [FLOAT, "a float"],
  [TEXT, "text"],
  [DATETIME, "a datetime"],
  [DATE, "a date"],
  [TIMEDELTA, "a timedelta"],
  [ZONE, "a timezone"],
  [LIST, "a list"],
  [TUPLE, "a tuple"],
  [SET, "a set"],
  [MAPS, "a map"],
  [RANGE, "a range"],
  [VIEW, "a view of a map"],
  [ITERATOR, "an iterator"],
];

/** "an integer", "a list or a map", "a value of the event". */
export function words({ kinds }: Type): string {
  if (kinds === JSON_VALUE) return "a value of the event";
  if (kinds === NONE) return "None";
  // An integer field may hold True; who reads of it wants to hear of integers.
  const shown = kinds & INT ? kinds & ~BOOL : kinds;
  const all = WORDS.filter(([kind]) => shown & kind).map(([, word]) => word);
  return all.length > 3 ? "a value" : all.join(" or ");
}

/** What a place takes: "a number or text". */
function wanted(kinds: number): string {
  if ((kinds & (LIST | MAP)) === (LIST | MAP)) return kinds & INT ? "a value" : "text or a collection";
  if ((kinds & (FLOAT | INT)) !== (FLOAT | INT)) return words(type(kinds & ~NONE));
  const others = words(type(kinds & ~NONE & ~NUMBER));
  return others === "" ? "a number" : `a number or ${others}`;
}

/** How what can't be taken may be made into what can: ": convert it with str(…)". */
function conversion({ kinds }: Type, mask: number): string {
  if ((kinds & ~LAZY) === 0) return ": make a list of it, with list(…)";
  if (kinds & TEXT && mask & NUMBER) return ": convert it, with int(…) or float(…)";
  if (kinds & NUMBER && mask & TEXT && !(mask & LIST)) return ": convert it, with str(…)";
  return "";
}

/** Why two values can't stand at an operator's sides, and what to do: "'+' can't take integer and text: …". */
export function whyNot(op: Binary | Comparison, left: Type, right: Type): string {
  const both = left.kinds | right.kinds;
  const pair = `${words(left)} and ${words(right)}`;
  if (op === "%" && left.kinds === TEXT) return "'%' does not format text: join parts with +, and str(…)";
  if ((left.kinds & ~LAZY) === 0) return `'${op}' can't take ${pair}: make a list first, with list(…)`;
  if (op === "in" || op === "not in") {
    if (right.kinds === TEXT) return `'${op}' looks for text in text, got ${words(left)}${conversion(left, TEXT)}`;
    return `'${op}' looks into text or a collection, got ${words(right)}`;
  }
  if ((right.kinds & ~LAZY) === 0) {
    return `'${op}' can't take ${pair}: make a list first, with list(…)`;
  }
  const message = `'${op}' can't take ${pair}`;
  if (both & (DATETIME | DATE) && both & (TEXT | INT | FLOAT)) {
    return `${message}: make a datetime first, with parse(…) or datetime.fromtimestamp(…)`;
  }
  if (both & TEXT && both & NUMBER) return `${message}: convert one, with str(…), int(…) or float(…)`;
  return message;
}
