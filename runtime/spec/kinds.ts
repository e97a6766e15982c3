// What is known of a value before any event has come: which kinds it may be of. So a mistake that no event could make
// right is found when the spec is loaded: text plus integer, the length of a number.
//
// Fields have their type. A value of the event may be whatever JSON has, which is no datetime. Doubt counts in favour
// of the expression: an operation is refused only if it fails for each kind that its operands may be of.
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

export const WHOLE = BOOL | INT;
export const NUMBER = WHOLE | FLOAT;
export const MAPS = MAP | OBJECT;
export const SEQUENCE = TEXT | LIST | TUPLE;
export const SIZED = SEQUENCE | SET | MAPS | RANGE | VIEW;
export const ITERABLE = SIZED | ITERATOR;
const LAZY = RANGE | VIEW | ITERATOR;
/** Whatever may be kept. */
export const VALUE = (1 << 14) - 1;
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

/** Why an argument can't be taken: "takes a number, got text: convert it, …". */
export function whyNotTaken(arg: Type, mask: number): string {
  return `takes ${wanted(mask)}, got ${words(arg)}${conversion(arg, mask)}`;
}

/** How what can't be taken may be made into what can: ": convert it with str(…)". */
function conversion({ kinds }: Type, mask: number): string {
  if ((kinds & ~LAZY) === 0) return ": make a list of it, with list(…)";
  if (kinds & TEXT && mask & NUMBER) return ": convert it, with int(…) or float(…)";
  if (kinds & NUMBER && mask & TEXT && !(mask & LIST)) return ": convert it, with str(…)";
  return "";
}

/** Why two values can't stand beside an operator: "'+' can't take an integer and text: convert one, …". */
export function whyNot(op: Binary | Comparison, left: Type, right: Type): string {
  const both = left.kinds | right.kinds;
  const pair = `${words(left)} and ${words(right)}`;
  if (op === "%" && left.kinds === TEXT) return "'%' does not format text: join parts with +, and str(…)";
  if ((left.kinds & ~LAZY) === 0) return `'${op}' can't take ${pair}: make a list first, with list(…)`;
  if (op === "in" || op === "not in") {
    if (right.kinds === TEXT) return `'${op}' looks for text in text, got ${words(left)}${conversion(left, TEXT)}`;
    return `'${op}' looks into text or a collection, got ${words(right)}`;
  }
  const message = `'${op}' can't take ${pair}`;
  if ((right.kinds & ~LAZY) === 0) return `${message}: make a list first, with list(…)`;
  if (both & (DATETIME | DATE) && both & (TEXT | INT | FLOAT)) {
    return `${message}: make a datetime first, with parse(…) or datetime.fromtimestamp(…)`;
  }
  if (both & TEXT && both & NUMBER) return `${message}: convert one, with str(…), int(…) or float(…)`;
  return message;
}
