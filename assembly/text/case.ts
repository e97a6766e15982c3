// Methods of text that ask for or change its case, or ask what its characters are.

import { TEXT_MAX, shrinkTemporary, temporary } from "../machine/heap";
import { Is, kindOf, putLower, putTitle, putUpper } from "./unicode";
import { isAscii, pointAt, pointBytes, putPoint } from "./utf8";
import { Fault, addressOf, lengthOf, putBool, putText } from "../machine/value";

/** A character's other case has at most three times its bytes. */
const GROWTH: i32 = 3;

const SIGMA: u32 = 0x3a3;
const SMALL_SIGMA: u32 = 0x3c3;
const FINAL_SIGMA: u32 = 0x3c2;

// Changing it

export function lower(result: usize, text: usize): i32 {
  const start = addressOf(text);
  const end = start + lengthOf(text);
  if (isAscii(start, end)) return otherAscii(result, start, end, 0x41);
  const target = temporary(<usize>lengthOf(text) * GROWTH);
  let to = target;
  for (let at = start; at < end; at += pointBytes(load<u8>(at))) to = lowerAt(at, start, end, to);
  return finished(result, target, to);
}

export function upper(result: usize, text: usize): i32 {
  const start = addressOf(text);
  const end = start + lengthOf(text);
  if (isAscii(start, end)) return otherAscii(result, start, end, 0x61);
  const target = temporary(<usize>lengthOf(text) * GROWTH);
  let to = target;
  for (let at = start; at < end; at += pointBytes(load<u8>(at))) to = putUpper(pointAt(at), to);
  return finished(result, target, to);
}

/** Every word begins with a capital; what isn't cased, digits and apostrophes too, ends a word. */
export function title(result: usize, text: usize): i32 {
  const start = addressOf(text);
  const end = start + lengthOf(text);
  const target = temporary(<usize>lengthOf(text) * GROWTH);
  let to = target;
  let isWithin = false;
  for (let at = start; at < end; at += pointBytes(load<u8>(at))) {
    const point = pointAt(at);
    to = isWithin ? lowerAt(at, start, end, to) : putTitle(point, to);
    isWithin = (kindOf(point) & Is.CASED) != 0;
  }
  return finished(result, target, to);
}

export function capitalize(result: usize, text: usize): i32 {
  const start = addressOf(text);
  const end = start + lengthOf(text);
  const target = temporary(<usize>lengthOf(text) * GROWTH);
  let to = target;
  for (let at = start; at < end; at += pointBytes(load<u8>(at))) {
    to = at == start ? putTitle(pointAt(at), to) : lowerAt(at, start, end, to);
  }
  return finished(result, target, to);
}

/** The same for ASCII; without a letter to change the text itself. @param first  of the letters to be changed */
function otherAscii(result: usize, start: usize, end: usize, first: u32): i32 {
  let at = start;
  while (at < end && <u32>load<u8>(at) - first >= 26) at++;
  if (at == end) {
    putText(result, start, <i32>(end - start));
    return 0;
  }
  const target = temporary(end - start);
  memory.copy(target, start, at - start);
  let to = target + (at - start);
  const from = i8x16.splat(<i8>first);
  for (; at + 16 <= end; at += 16, to += 16) {
    const bytes = v128.load(at);
    const isLetter = i8x16.lt_u(i8x16.sub(bytes, from), i8x16.splat(26));
    v128.store(to, v128.xor(bytes, v128.and(isLetter, i8x16.splat(0x20))));
  }
  for (; at < end; at++, to++) {
    const byte = <u32>load<u8>(at);
    store<u8>(to, byte - first < 26 ? byte ^ 0x20 : byte);
  }
  putText(result, target, <i32>(end - start));
  return 0;
}

function lowerAt(at: usize, start: usize, end: usize, to: usize): usize {
  const point = pointAt(at);
  if (point != SIGMA) return putLower(point, to);
  return putPoint(endsWord(at, start, end) ? FINAL_SIGMA : SMALL_SIGMA, to);
}

/** Does a cased character stand before the sigma at `at`, and none behind it, accents and the like left aside? */
function endsWord(at: usize, start: usize, end: usize): bool {
  let before = at;
  let kind = Is.IGNORABLE;
  while (kind & Is.IGNORABLE) {
    if (before == start) return false;
    do before--;
    while ((load<u8>(before) & 0xc0) == 0x80);
    kind = kindOf(pointAt(before));
  }
  if ((kind & Is.CASED) == 0) return false;
  let behind = at + pointBytes(load<u8>(at));
  while (behind < end) {
    kind = kindOf(pointAt(behind));
    if ((kind & Is.IGNORABLE) == 0) return (kind & Is.CASED) == 0;
    behind += pointBytes(load<u8>(behind));
  }
  return true;
}

function finished(result: usize, target: usize, to: usize): i32 {
  shrinkTemporary(to);
  const length = <i32>(to - target);
  if (length > TEXT_MAX) return Fault.LIMIT;
  putText(result, target, length);
  return 0;
}

// Asking for it

/** Is there a character, and are all of one of these kinds? */
export function areAll(result: usize, text: usize, kinds: i32): i32 {
  const start = addressOf(text);
  const end = start + lengthOf(text);
  let at = start;
  while (at < end && (kindOf(pointAt(at)) & kinds) != 0) at += pointBytes(load<u8>(at));
  putBool(result, at == end && at > start);
  return 0;
}

/** Is there a character of this case, and none of another? @param wanted  LOWER or UPPER */
export function isCase(result: usize, text: usize, wanted: i32): i32 {
  const start = addressOf(text);
  const end = start + lengthOf(text);
  let found = false;
  for (let at = start; at < end; at += pointBytes(load<u8>(at))) {
    const kind = kindOf(pointAt(at));
    if (kind & (Is.CASED & ~wanted)) {
      found = false;
      break;
    }
    if (kind & wanted) found = true;
  }
  putBool(result, found);
  return 0;
}
