// What expressions do with text: Python's methods of `str`, on UTF-8. Lengths, places and slices count characters
// (code points). What a text gives of itself lies in the text; nothing is copied that need not be.

import { argument } from "../time/argument";
import { countOf, entriesOf } from "../collections/block";
import { Method } from "../machine/builtins";
import { areAll, capitalize, isCase, lower, title, upper } from "./case";
import { itemsOf } from "../collections/collection";
import { TEXT_MAX, spend, spendBytes, temporary } from "../machine/heap";
import { isInt } from "../numbers/numeric";
import { characterBefore, spaceEnd, spaceStart, split, splitFromEnd, splitLines } from "./pieces";
import { firstPlace, lastPlace } from "./search";
import { BYTES_A_UNIT, CHARACTERS_A_UNIT, bound, placed, readBound } from "./slice";
import { Is } from "./unicode";
import { pointAt, pointBytes, pointsEnd, pointsIn, putPoint } from "./utf8";
import { Fault, Tag, addressOf, intOf, lengthOf, putBool, putInt, putText, tagOf } from "../machine/value";

export { textItem, textSlice } from "./slice";

const POINT_MAX: i64 = 0x10ffff;

// Functions and operators

/** Characters of a text. */
export function textLength(cell: usize): i32 {
  spendBytes(lengthOf(cell));
  return pointsIn(addressOf(cell), addressOf(cell) + lengthOf(cell));
}

/** a + b */
export function concat(result: usize, a: usize, b: usize): i32 {
  if (tagOf(a) != Tag.TEXT || tagOf(b) != Tag.TEXT) return Fault.TYPE;
  const first = lengthOf(a);
  const second = lengthOf(b);
  if (first == 0 || second == 0) return same(result, first == 0 ? b : a);
  if (first + second > TEXT_MAX || spend((first + second) >> BYTES_A_UNIT)) return Fault.LIMIT;
  const at = temporary(first + second);
  memory.copy(at, addressOf(a), first);
  memory.copy(at + first, addressOf(b), second);
  putText(result, at, first + second);
  return 0;
}

/** text * times @param times  below 0 is none */
export function repeat(result: usize, cell: usize, times: i32): i32 {
  const length = lengthOf(cell);
  const total = <i64>length * max(times, 0);
  if (total > TEXT_MAX || spend(<i32>total >> BYTES_A_UNIT)) return Fault.LIMIT;
  const at = temporary(<usize>total);
  const end = at + <usize>total;
  for (let to = at; to < end; to += length) memory.copy(to, addressOf(cell), length);
  putText(result, at, <i32>total);
  return 0;
}

/** needle in haystack */
export function textIn(needle: usize, haystack: usize): bool {
  const start = addressOf(haystack);
  const end = start + lengthOf(haystack);
  spend(lengthOf(haystack) >> BYTES_A_UNIT);
  return lengthOf(needle) == 0 || firstPlace(start, end, addressOf(needle), lengthOf(needle)) != 0;
}

/** -1, 0 or 1 by code points, of which UTF-8 keeps the order. */
export function compareTexts(a: usize, b: usize): i32 {
  const lengths = lengthOf(a) - lengthOf(b);
  const common = min(lengthOf(a), lengthOf(b));
  spendBytes(common);
  const order = memory.compare(addressOf(a), addressOf(b), common);
  const decisive = order != 0 ? order : lengths;
  return i32(decisive > 0) - i32(decisive < 0);
}

/** ord() */
export function ordOf(result: usize, cell: usize): i32 {
  if (tagOf(cell) != Tag.TEXT || lengthOf(cell) == 0) return Fault.TYPE;
  const at = addressOf(cell);
  if (<i32>pointBytes(load<u8>(at)) != lengthOf(cell)) return Fault.TYPE;
  putInt(result, pointAt(at));
  return 0;
}

/** chr(). Surrogates, which no UTF-8 has, are a VALUE fault. */
export function chrOf(result: usize, cell: usize): i32 {
  if (tagOf(cell) == Tag.BIG) return Fault.OVERFLOW;
  if (!isInt(cell)) return Fault.TYPE;
  const point = intOf(cell);
  if (<i64>(<i32>point) != point) return Fault.OVERFLOW;
  if (point < 0 || point > POINT_MAX || (point & ~0x7ff) == 0xd800) return Fault.VALUE;
  const at = temporary(4);
  putText(result, at, <i32>(putPoint(<u32>point, at) - at));
  return 0;
}

// Methods

/** @param args  address of the first of `count` neighbouring cells */
export function textMethod(method: u32, result: usize, text: usize, args: usize, count: i32): i32 {
  if (spend(lengthOf(text) >> (isByCharacter(method) ? CHARACTERS_A_UNIT : BYTES_A_UNIT))) return Fault.LIMIT;
  switch (method) {
    case Method.SPLIT:
    case Method.RSPLIT:
      return pieces(method, result, text, args, count);
    case Method.SPLITLINES:
      return splitLines(result, text);
    case Method.STRIP:
      return strip(result, text, argument(args, count, 0), true, true);
    case Method.LSTRIP:
      return strip(result, text, argument(args, count, 0), true, false);
    case Method.RSTRIP:
      return strip(result, text, argument(args, count, 0), false, true);
    case Method.LOWER:
      return lower(result, text);
    case Method.UPPER:
      return upper(result, text);
    case Method.TITLE:
      return title(result, text);
    case Method.CAPITALIZE:
      return capitalize(result, text);
    case Method.STARTSWITH:
    case Method.ENDSWITH:
      return hasEnd(method, result, text, args, count);
    case Method.REPLACE:
      return replace(result, text, args, count);
    case Method.JOIN:
      return join(result, text, args);
    case Method.FIND:
    case Method.RFIND:
    case Method.INDEX:
      return find(method, result, text, args, count);
    case Method.COUNT:
      return occurrences(result, text, args, count);
    case Method.ISDIGIT:
      return areAll(result, text, Is.DIGIT);
    case Method.ISALPHA:
      return areAll(result, text, Is.ALPHA);
    case Method.ISALNUM:
      return areAll(result, text, Is.ALPHA | Is.NUMERIC);
    case Method.ISSPACE:
      return areAll(result, text, Is.SPACE);
    case Method.ISLOWER:
      return isCase(result, text, Is.LOWER);
    case Method.ISUPPER:
      return isCase(result, text, Is.UPPER);
    case Method.ZFILL:
      return zfill(result, text, args);
    default:
      return Fault.ATTRIBUTE;
  }
}

/** Methods that look at each character. */
function isByCharacter(method: u32): bool {
  if (method <= Method.SPLITLINES) return true;
  if (method >= Method.LOWER && method <= Method.CAPITALIZE) return true;
  return method >= Method.ISDIGIT && method <= Method.ISUPPER;
}

function same(result: usize, text: usize): i32 {
  putText(result, addressOf(text), lengthOf(text));
  return 0;
}

/** What `readCount` read last: below 0 is any number. */
let times: i32 = 0;

/** Reads a number of times, that is an integer if it is there. @returns 0 or a Fault */
function readCount(cell: usize): i32 {
  times = i32.MAX_VALUE;
  if (cell == 0) return 0;
  if (tagOf(cell) == Tag.BIG) return Fault.OVERFLOW;
  if (!isInt(cell)) return Fault.TYPE;
  const count = intOf(cell);
  if (count >= 0 && count < i32.MAX_VALUE) times = <i32>count;
  return 0;
}

function pieces(method: u32, result: usize, text: usize, args: usize, count: i32): i32 {
  const fault = readCount(argument(args, count, 1));
  if (fault != 0) return fault;
  const separator = argument(args, count, 0);
  return method == Method.SPLIT ? split(result, text, separator, times) : splitFromEnd(result, text, separator, times);
}

/** @param characters  cell of those to be taken away; 0 or None: white space */
function strip(result: usize, text: usize, characters: usize, left: bool, right: bool): i32 {
  let at = addressOf(text);
  let end = at + lengthOf(text);
  if (characters == 0 || tagOf(characters) == Tag.NONE) {
    if (left) at = spaceEnd(at, end);
    if (right) end = spaceStart(at, end);
  } else {
    if (tagOf(characters) != Tag.TEXT) return Fault.TYPE;
    const set = addressOf(characters);
    const setEnd = set + lengthOf(characters);
    const cost = lengthOf(characters) >> BYTES_A_UNIT; // once for each character that is taken away
    if (left) {
      while (at < end) {
        const bytes = pointBytes(load<u8>(at));
        if (firstPlace(set, setEnd, at, bytes) == 0) break;
        at += bytes;
        if (spend(cost)) return Fault.LIMIT;
      }
    }
    if (right) {
      while (end > at) {
        const before = characterBefore(end);
        if (firstPlace(set, setEnd, before, end - before) == 0) break;
        end = before;
        if (spend(cost)) return Fault.LIMIT;
      }
    }
  }
  putText(result, at, <i32>(end - at));
  return 0;
}

// The part of a text that start and end arguments leave: addresses, and the number of its first character. Where the
// start is behind the end, not even an empty text is found.

let from: usize = 0;
let to: usize = 0;
let skipped: i32 = 0;
let isNowhere: bool = false;

function readPart(text: usize, args: usize, count: i32): i32 {
  from = addressOf(text);
  to = from + lengthOf(text);
  skipped = 0;
  isNowhere = false;
  const first = argument(args, count, 1);
  const last = argument(args, count, 2);
  if (first == 0 && last == 0) return 0;
  const length = <i64>pointsIn(from, to);
  let fault = readBound(first, 0);
  if (fault != 0) return fault;
  const start = placed(bound, length, 0, i64.MAX_VALUE);
  fault = readBound(last, length);
  if (fault != 0) return fault;
  const end = placed(bound, length, 0, length);
  isNowhere = start > end;
  if (isNowhere) return 0;
  skipped = <i32>start;
  from = pointsEnd(from, to, skipped);
  to = pointsEnd(from, to, <i32>(end - start));
  return 0;
}

/** startswith and endswith, of one text or any of a tuple. */
function hasEnd(method: u32, result: usize, text: usize, args: usize, count: i32): i32 {
  const wanted = argument(args, count, 0);
  if (wanted == 0) return Fault.TYPE;
  const fault = readPart(text, args, count);
  if (fault != 0) return fault;
  let found = false;
  if (tagOf(wanted) == Tag.TEXT) {
    found = isEnd(method, wanted);
  } else {
    if (tagOf(wanted) != Tag.TUPLE) return Fault.TYPE;
    if (spend(countOf(wanted))) return Fault.LIMIT;
    let item = entriesOf(wanted);
    for (const end = item + (<usize>countOf(wanted) << 4); item < end && !found; item += 16) {
      if (tagOf(item) != Tag.TEXT) return Fault.TYPE;
      found = isEnd(method, item);
    }
  }
  putBool(result, found);
  return 0;
}

function isEnd(method: u32, wanted: usize): bool {
  const length = lengthOf(wanted);
  if (isNowhere || <i32>(to - from) < length) return false;
  return memory.compare(method == Method.STARTSWITH ? from : to - length, addressOf(wanted), length) == 0;
}

/** find, rfind and index. */
function find(method: u32, result: usize, text: usize, args: usize, count: i32): i32 {
  const needle = argument(args, count, 0);
  if (needle == 0 || tagOf(needle) != Tag.TEXT) return Fault.TYPE;
  const fault = readPart(text, args, count);
  if (fault != 0) return fault;
  const isLast = method == Method.RFIND;
  let place: usize = 0;
  if (!isNowhere) {
    if (lengthOf(needle) == 0) place = isLast ? to : from;
    else if (isLast) place = lastPlace(from, to, addressOf(needle), lengthOf(needle));
    else place = firstPlace(from, to, addressOf(needle), lengthOf(needle));
  }
  const isFound = place != 0 || (!isNowhere && lengthOf(needle) == 0); // the empty text may be anywhere, at 0 too
  if (!isFound && method == Method.INDEX) return Fault.VALUE;
  putInt(result, isFound ? skipped + pointsIn(from, place) : -1);
  return 0;
}

function occurrences(result: usize, text: usize, args: usize, count: i32): i32 {
  const needle = argument(args, count, 0);
  if (needle == 0 || tagOf(needle) != Tag.TEXT) return Fault.TYPE;
  const fault = readPart(text, args, count);
  if (fault != 0) return fault;
  const found = isNowhere ? 0 : countIn(from, to, needle, i32.MAX_VALUE);
  putInt(result, found);
  return 0;
}

/** How often the needle occurs, without overlap; an empty one before and behind each character. */
function countIn(at: usize, end: usize, needle: usize, most: i32): i32 {
  const length = lengthOf(needle);
  if (length == 0) return min(pointsIn(at, end) + 1, most);
  let found = 0;
  while (found < most) {
    at = firstPlace(at, end, addressOf(needle), length);
    if (at == 0) break;
    at += length;
    found++;
  }
  return found;
}

function replace(result: usize, text: usize, args: usize, count: i32): i32 {
  const old = argument(args, count, 0);
  const fresh = argument(args, count, 1);
  if (old == 0 || fresh == 0 || tagOf(old) != Tag.TEXT || tagOf(fresh) != Tag.TEXT) return Fault.TYPE;
  for (let i = 3; i < count; i++) if (argument(args, count, i) != 0) return Fault.TYPE; // as datetimes take them
  const fault = readCount(argument(args, count, 2));
  if (fault != 0) return fault;

  let at = addressOf(text);
  const end = at + lengthOf(text);
  const found = countIn(at, end, old, times);
  if (found == 0) return same(result, text);
  const length = <i64>lengthOf(text) + <i64>found * (lengthOf(fresh) - lengthOf(old));
  if (length > TEXT_MAX || spend(found)) return Fault.LIMIT;
  const target = temporary(<usize>length);
  let to = target;
  for (let i = 0; i < found; i++) {
    let place: usize;
    if (lengthOf(old) != 0) place = firstPlace(at, end, addressOf(old), lengthOf(old));
    else place = i == 0 ? at : at + pointBytes(load<u8>(at));
    memory.copy(to, at, place - at);
    to += place - at;
    memory.copy(to, addressOf(fresh), lengthOf(fresh));
    to += lengthOf(fresh);
    at = place + lengthOf(old);
  }
  memory.copy(to, at, end - at);
  putText(result, target, <i32>length);
  return 0;
}

const parts: usize = memory.data(16, 16);

function join(result: usize, separator: usize, iterable: usize): i32 {
  const fault = itemsOf(parts, iterable);
  if (fault != 0) return fault;
  const count = countOf(parts);
  if (spend(count)) return Fault.LIMIT;
  const first = entriesOf(parts);
  const behind = first + (<usize>count << 4);
  let length = <i64>lengthOf(separator) * max(count - 1, 0);
  for (let item = first; item < behind; item += 16) {
    if (tagOf(item) != Tag.TEXT) return Fault.TYPE;
    length += lengthOf(item);
  }
  if (count == 1) return same(result, first);
  if (length > TEXT_MAX || spend(<i32>length >> BYTES_A_UNIT)) return Fault.LIMIT;
  const target = temporary(<usize>length);
  let to = target;
  for (let item = first; item < behind; item += 16) {
    if (item > first) {
      memory.copy(to, addressOf(separator), lengthOf(separator));
      to += lengthOf(separator);
    }
    memory.copy(to, addressOf(item), lengthOf(item));
    to += lengthOf(item);
  }
  putText(result, target, <i32>length);
  return 0;
}

/** Zeros before a number's digits, behind its sign, up to a width. */
function zfill(result: usize, text: usize, width: usize): i32 {
  if (tagOf(width) == Tag.BIG) return Fault.OVERFLOW;
  if (!isInt(width)) return Fault.TYPE;
  const points = textLength(text);
  if (intOf(width) <= points) return same(result, text);
  const zeros = intOf(width) - points;
  const length = lengthOf(text);
  if (zeros > TEXT_MAX - length || spend((<i32>zeros + length) >> BYTES_A_UNIT)) return Fault.LIMIT;
  const target = temporary(<usize>zeros + length);
  const first = length == 0 ? 0 : <u32>load<u8>(addressOf(text));
  const sign = first == 0x2b || first == 0x2d ? 1 : 0;
  if (sign != 0) store<u8>(target, first);
  memory.fill(target + sign, 0x30, <usize>zeros);
  memory.copy(target + sign + <usize>zeros, addressOf(text) + sign, length - sign);
  putText(result, target, <i32>zeros + length);
  return 0;
}
