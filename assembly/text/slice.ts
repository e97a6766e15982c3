// Items and slices of text, by character.

import { isInt } from "../numbers/numeric";
import { spend, shrinkTemporary, temporary } from "../machine/heap";
import { continues, pointBytes, pointsBefore, pointsEnd, pointsIn } from "./utf8";
import { Fault, Tag, addressOf, intOf, lengthOf, putText, tagOf } from "../machine/value";

/** Bytes that count as a unit of work, as a power of two, where they are read many at a time. */
export const BYTES_A_UNIT: i32 = 6;
/** The same where they are read one by one. */
export const CHARACTERS_A_UNIT: i32 = 3;

/** Beyond all places in a text. */
const FAR: i64 = 1 << 40;

/** `text[index]` */
export function textItem(result: usize, text: usize, index: i64): i32 {
  const start = addressOf(text);
  const length = lengthOf(text);
  const end = start + length;
  if (spend(length >> BYTES_A_UNIT)) return Fault.LIMIT;
  if (index >= length || index < -<i64>length) return Fault.INDEX;
  const at = index < 0 ? pointsBefore(start, end, <i32>-index) : pointsEnd(start, end, <i32>index);
  if (at == 0 || at == end) return Fault.INDEX;
  putText(result, at, <i32>pointBytes(load<u8>(at)));
  return 0;
}

/** What `readBound` read last. */
export let bound: i64 = 0;

/** Reads a bound of a slice, or the like, that is None or an integer. @returns 0 or a Fault */
export function readBound(cell: usize, otherwise: i64): i32 {
  bound = otherwise;
  if (cell == 0 || tagOf(cell) <= Tag.NONE) return 0;
  if (isInt(cell)) bound = max(-FAR, min(intOf(cell), FAR));
  else if (tagOf(cell) == Tag.BIG) bound = load<u8>(addressOf(cell)) == 0x2d ? -FAR : FAR;
  else return Fault.TYPE;
  return 0;
}

/** A place counted from the end if it is below 0, held between `lowest` and `highest`. */
export function placed(index: i64, length: i64, lowest: i64, highest: i64): i64 {
  return max(lowest, min(index < 0 ? index + length : index, highest));
}

/** `text[from:to:step]` */
export function textSlice(result: usize, text: usize, from: usize, to: usize, step: usize): i32 {
  let fault = readBound(step, 1);
  if (fault != 0) return fault;
  const stride = bound;
  if (stride == 0) return Fault.VALUE;
  if (spend(lengthOf(text) >> BYTES_A_UNIT)) return Fault.LIMIT;

  const start = addressOf(text);
  const end = start + lengthOf(text);
  const length = <i64>pointsIn(start, end);
  const lowest: i64 = stride < 0 ? -1 : 0;
  const highest = stride < 0 ? length - 1 : length;
  fault = readBound(from, stride < 0 ? FAR : 0);
  if (fault != 0) return fault;
  const first = placed(bound, length, lowest, highest);
  fault = readBound(to, stride < 0 ? -FAR : FAR);
  if (fault != 0) return fault;
  const behind = placed(bound, length, lowest, highest);
  if (stride < 0 ? first <= behind : first >= behind) {
    putText(result, start, 0);
    return 0;
  }

  const at = pointsEnd(start, end, <i32>first);
  if (stride == 1) {
    putText(result, at, <i32>(pointsEnd(at, end, <i32>(behind - first)) - at));
    return 0;
  }
  const count = <i32>(((stride < 0 ? first - behind : behind - first) - 1) / abs(stride)) + 1;
  if (spend(count)) return Fault.LIMIT;
  return picked(result, at, start, end, count, <i32>stride);
}

/** Every so manieth character, from the one at `at` on. Steps beyond 32 bits lead to no second one. */
function picked(result: usize, at: usize, start: usize, end: usize, count: i32, step: i32): i32 {
  const target = temporary(end - start);
  let to = target;
  while (true) {
    store<u8>(to++, load<u8>(at));
    for (let next = at + 1; next < end && continues(load<u8>(next)); next++) store<u8>(to++, load<u8>(next));
    if (--count == 0) break;
    at = step < 0 ? pointsBefore(start, at, -step) : pointsEnd(at, end, step);
  }
  shrinkTemporary(to);
  putText(result, target, <i32>(to - target));
  return 0;
}
