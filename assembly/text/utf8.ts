// Characters of text in UTF-8 that is known to be well-formed.

/** Bytes of the character that begins with `lead`. */
// @ts-ignore: decorator
@inline
export function pointBytes(lead: u32): usize {
  return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/** The code point of the character at `at`. */
export function pointAt(at: usize): u32 {
  const lead = <u32>load<u8>(at);
  if (lead < 0x80) return lead;
  if (lead < 0xe0) return ((lead & 0x1f) << 6) | low6(at + 1);
  if (lead < 0xf0) return ((lead & 0x0f) << 12) | (low6(at + 1) << 6) | low6(at + 2);
  return ((lead & 0x07) << 18) | (low6(at + 1) << 12) | (low6(at + 2) << 6) | low6(at + 3);
}

// @ts-ignore: decorator
@inline
function low6(at: usize): u32 {
  return load<u8>(at) & 0x3f;
}

/** Writes a character. @returns behind it */
export function putPoint(point: u32, at: usize): usize {
  if (point < 0x80) {
    store<u8>(at, point);
    return at + 1;
  }
  if (point < 0x800) {
    store<u8>(at, 0xc0 | (point >> 6));
    store<u8>(at, 0x80 | (point & 0x3f), 1);
    return at + 2;
  }
  if (point < 0x10000) {
    store<u8>(at, 0xe0 | (point >> 12));
    store<u8>(at, 0x80 | ((point >> 6) & 0x3f), 1);
    store<u8>(at, 0x80 | (point & 0x3f), 2);
    return at + 3;
  }
  store<u8>(at, 0xf0 | (point >> 18));
  store<u8>(at, 0x80 | ((point >> 12) & 0x3f), 1);
  store<u8>(at, 0x80 | ((point >> 6) & 0x3f), 2);
  store<u8>(at, 0x80 | (point & 0x3f), 3);
  return at + 4;
}

/** Does no character begin at this byte? */
// @ts-ignore: decorator
@inline
export function continues(byte: u32): bool {
  return (byte & 0xc0) == 0x80;
}

/** A bit for each of the 16 bytes from `at` on with which a character begins. */
// @ts-ignore: decorator
@inline
function begins(at: usize): i32 {
  return i8x16.bitmask(i8x16.gt_s(v128.load(at), i8x16.splat(-65)));
}

/** Characters from `at` up to `end`. */
export function pointsIn(at: usize, end: usize): i32 {
  let points = 0;
  for (; at + 16 <= end; at += 16) points += popcnt(begins(at));
  for (; at < end; at++) points += i32(!continues(load<u8>(at)));
  return points;
}

/** Behind `points` characters from `at` on; `end` when there are fewer. */
export function pointsEnd(at: usize, end: usize, points: i32): usize {
  while (points >= 16 && at + 16 <= end) {
    points -= popcnt(begins(at));
    at += 16;
  }
  while (at < end && continues(load<u8>(at))) at++;
  for (; points > 0 && at < end; points--) at += pointBytes(load<u8>(at));
  return at;
}

/** Begin of the character that is `points` before `end`; 0 when there are fewer from `start` on. */
export function pointsBefore(start: usize, end: usize, points: i32): usize {
  while (points > 0) {
    if (end == start) return 0;
    if (!continues(load<u8>(--end))) points--;
  }
  return end;
}

/** Is every character from `at` up to `end` one byte? */
export function isAscii(at: usize, end: usize): bool {
  for (; at + 16 <= end; at += 16) if (v128.any_true(v128.and(v128.load(at), i8x16.splat(-128)))) return false;
  for (; at < end; at++) if (load<u8>(at) >= 0x80) return false;
  return true;
}
