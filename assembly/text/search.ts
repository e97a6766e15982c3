// Where a text occurs in another, by bytes: in UTF-8 no character begins within another one.
//
// The plain way compares at each place whose first and last byte fit. Texts can be made so that this takes the product
// of both lengths; when it has cost too much, the rest is done in linear time (Knuth, Morris, Pratt, 1977).

import { shrinkTemporary, spend, temporary } from "../machine/heap";
import { CHARACTERS_A_UNIT } from "./slice";

/** Bytes that may be compared in vain for each byte of text. */
const PATIENCE: usize = 8;

/** The first place from `from` on where the needle of `length` bytes, at least 1, ends before or at `end`; or 0. */
export function firstPlace(from: usize, end: usize, needle: usize, length: usize): usize {
  if (end - from < length) return 0;
  const last = end - length;
  const opening = i8x16.splat(load<u8>(needle));
  const closing = i8x16.splat(load<u8>(needle + length - 1));
  let vain: usize = 0;
  let at = from;
  for (; at + 15 <= last; at += 16) {
    let fits = i8x16.bitmask(
      v128.and(i8x16.eq(v128.load(at), opening), i8x16.eq(v128.load(at + length - 1), closing)),
    );
    while (fits != 0) {
      const place = at + ctz(fits);
      if (memory.compare(place, needle, length) == 0) return place;
      vain += length;
      fits &= fits - 1;
    }
    if (vain > PATIENCE * (at - from + length)) return byPrefixes(at + 16, end, needle, length, 1);
  }
  for (; at <= last; at++) {
    if (load<u8>(at) == load<u8>(needle) && memory.compare(at, needle, length) == 0) return at;
  }
  return 0;
}

/** The last place from `from` on where the needle of `length` bytes, at least 1, ends before or at `end`; or 0. */
export function lastPlace(from: usize, end: usize, needle: usize, length: usize): usize {
  if (end - from < length) return 0;
  const opening = load<u8>(needle);
  let vain: usize = 0;
  for (let at = end - length; at >= from; at--) {
    if (load<u8>(at) != opening) continue;
    if (memory.compare(at, needle, length) == 0) return at;
    vain += length;
    if (vain > PATIENCE * (end - at)) return byPrefixes(from, at + length - 1, needle, length, -1);
  }
  return 0;
}

/** @param step  1: the first place; -1: the last one, text and needle read backwards */
function byPrefixes(from: usize, end: usize, needle: usize, length: usize, step: isize): usize {
  if (end < from || end - from < length) return 0;
  spend(<i32>(end - from) >> CHARACTERS_A_UNIT);
  // for each beginning of the needle: length of the longest shorter one that it ends with
  const borders = temporary(length << 2);
  const pattern = step > 0 ? needle : needle + length - 1;
  let border: usize = 0;
  store<u32>(borders, 0);
  for (let i: usize = 1; i < length; i++) {
    const byte = load<u8>(pattern + i * step);
    while (border > 0 && load<u8>(pattern + border * step) != byte) {
      border = load<u32>(borders + ((border - 1) << 2));
    }
    if (load<u8>(pattern + border * step) == byte) border++;
    store<u32>(borders + (i << 2), <u32>border);
  }
  let matched: usize = 0;
  let place: usize = 0;
  let at = step > 0 ? from : end - 1;
  for (let left = end - from; left > 0; left--, at += step) {
    const byte = load<u8>(at);
    while (matched > 0 && load<u8>(pattern + matched * step) != byte) {
      matched = load<u32>(borders + ((matched - 1) << 2));
    }
    if (load<u8>(pattern + matched * step) == byte) matched++;
    if (matched == length) {
      place = step > 0 ? at + 1 - length : at;
      break;
    }
  }
  shrinkTemporary(borders);
  return place;
}
