// What characters are and what their other case is, by Unicode 14, the version of Python 3.11: all of it, by the
// tables of `unicode-table.ts`. They are unpacked when they are first needed.

import { KINDS, RUNS, RUNS_COUNT, SPECIALS, SPECIALS_COUNT } from "./unicode-table";
import { putPoint } from "./utf8";

/** Bits of a character's kind; Python's names for them are in brackets. */
export namespace Is {
  /** A letter (`isalpha`). */
  export const ALPHA: i32 = 1;
  /** Another character that counts as alphanumeric: digits, fractions, Roman and Chinese numerals. */
  export const NUMERIC: i32 = 1 << 1;
  /** `isdigit`: decimals and those in circles, exponents and the like. */
  export const DIGIT: i32 = 1 << 2;
  /** One of ten that numbers are written with. */
  export const DECIMAL: i32 = 1 << 3;
  export const LOWER: i32 = 1 << 4;
  export const UPPER: i32 = 1 << 5;
  /** Two letters in one of which the first is upper case: ǅ. */
  export const TITLE: i32 = 1 << 6;
  /** White space (`isspace`, `strip`, `split`). */
  export const SPACE: i32 = 1 << 7;
  /** Looked through by the rule of the final sigma: accents, apostrophes. */
  export const IGNORABLE: i32 = 1 << 8;
  export const CASED: i32 = LOWER | UPPER | TITLE;
}

/** Its upper case, or the form at the begin of a word, is found in SPECIALS. */
const SPECIAL: i32 = 1 << 9;
/** Its upper case is not what it is at the begin of a word: it stays. */
const IS_OWN_TITLE: i32 = 1 << 10;
/** Above it: the distance to the other case. */
const DISTANCE_SHIFT: i32 = 11;

/** Becomes i and a dot above; the only one whose lower case is two characters. */
const CAPITAL_I_WITH_DOT: u32 = 0x130;

// Runs, unpacked: where each begins, and its number of a kind. Behind the last one follows what no character has.

/** Number of a run in which kinds 0 and 1, upper and lower case, alternate; one more where lower case comes first. */
const ALTERNATING: u32 = 254;

const STARTS: usize = memory.data((RUNS_COUNT + 1) * 4, 4);
const NUMBERS: usize = memory.data(RUNS_COUNT + 1);

/** Numbers of the kinds of Latin, Greek and Cyrillic letters, found at once. */
const NEAR_MAX: u32 = 0x600;
const NEAR: usize = memory.data(NEAR_MAX);

/** Of the kind that most characters have: none of all that. */
const NOTHING: u32 = 2;

let isUnpacked: bool = false;

function unpack(): void {
  isUnpacked = true;
  let at = RUNS;
  let point: u32 = 0;
  for (let run: usize = 0; run < <usize>RUNS_COUNT; run++) {
    let length: u32 = 0;
    let shift: u32 = 0;
    let byte: u32;
    do {
      byte = load<u8>(at++);
      length |= (byte & 0x7f) << shift;
      shift += 7;
    } while (byte & 0x80);
    store<u32>(STARTS + (run << 2), point);
    store<u8>(NUMBERS + run, load<u8>(at++));
    point += length;
  }
  store<u32>(STARTS + (<usize>RUNS_COUNT << 2), point);
  store<u8>(NUMBERS + <usize>RUNS_COUNT, NOTHING);
  for (let near: u32 = 0; near < NEAR_MAX; near++) store<u8>(NEAR + near, numberOf(near, runOf(near)));
}

/** The run that a character is in: the last that begins at or before it. */
function runOf(point: u32): usize {
  let low: usize = 0;
  let high = <usize>RUNS_COUNT;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (load<u32>(STARTS + (middle << 2)) <= point) low = middle;
    else high = middle - 1;
  }
  return low;
}

function numberOf(point: u32, run: usize): u32 {
  const number = <u32>load<u8>(NUMBERS + run);
  if (number < ALTERNATING) return number;
  return (point - load<u32>(STARTS + (run << 2)) + (number - ALTERNATING)) & 1;
}

/** Bits of `Is`, and others, of a character. */
export function kindOf(point: u32): i32 {
  if (!isUnpacked) unpack();
  const number = point < NEAR_MAX ? load<u8>(NEAR + point) : numberOf(point, runOf(point));
  return load<i32>(KINDS + (<usize>number << 2));
}

/** Value of a decimal digit of any script; below 0: it is none. */
export function decimalOf(point: u32): i32 {
  if (point < 0x80) return point - 0x30 < 10 ? point - 0x30 : -1;
  if ((kindOf(point) & Is.DECIMAL) == 0) return -1;
  return (point - load<u32>(STARTS + (runOf(point) << 2))) % 10; // their runs begin with a 0
}

/** White space in Python's sense. */
export function isSpace(point: u32): bool {
  if (point < 0x80) return point == 0x20 || point - 0x09 < 5 || point - 0x1c < 4;
  return (kindOf(point) & Is.SPACE) != 0;
}

// Case. Each writes up to three characters, of up to nine bytes, and returns the address behind them.

export function putLower(point: u32, at: usize): usize {
  if (point == CAPITAL_I_WITH_DOT) return putPoint(0x307, putPoint(0x69, at));
  const kind = kindOf(point);
  return putPoint(kind & (Is.UPPER | Is.TITLE) ? point + (kind >> DISTANCE_SHIFT) : point, at);
}

export function putUpper(point: u32, at: usize): usize {
  const kind = kindOf(point);
  if (kind & SPECIAL) return putSpecial(point, 2, at);
  return putPoint(kind & (Is.UPPER | Is.TITLE) ? point : point + (kind >> DISTANCE_SHIFT), at);
}

/** What a character becomes at the begin of a word. */
export function putTitle(point: u32, at: usize): usize {
  const kind = kindOf(point);
  if (kind & SPECIAL) return putSpecial(point, 8, at);
  return putPoint(kind & (Is.UPPER | Is.TITLE | IS_OWN_TITLE) ? point : point + (kind >> DISTANCE_SHIFT), at);
}

/** Bytes of an entry of SPECIALS. */
const SPECIAL_SIZE: usize = 14;

/** @param form  offset in an entry of SPECIALS */
function putSpecial(point: u32, form: usize, at: usize): usize {
  let low = 0;
  let high = SPECIALS_COUNT - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (load<u16>(SPECIALS + <usize>middle * SPECIAL_SIZE) < point) low = middle + 1;
    else high = middle;
  }
  const entry = SPECIALS + <usize>low * SPECIAL_SIZE;
  const first = entry + form;
  for (let next = first; next < first + 6 && load<u16>(next) != 0; next += 2) at = putPoint(load<u16>(next), at);
  return at;
}
