// Strings of JSON, on UTF-8 bytes: where one ends, whether it is well-formed, what its escapes mean.
//
// Behind every input stands a 0, the sentinel. It is valid nowhere in JSON, so each loop stops there and
// needs no other look at where the input ends. SIMD reads up to 64 bytes past it; what it sees there is ignored.

import { Expected, fail } from "./fault";

export const QUOTE: u32 = 0x22;
export const BACKSLASH: u32 = 0x5c;

/** Flag: the string holds escapes, so its bytes are not yet its text. */
export const ESCAPED: u32 = 1 << 8;
/** Flag: the string holds bytes of 0x80 and above. */
export const NON_ASCII: u32 = 1 << 9;

let flags: u32 = 0;

/** ESCAPED and NON_ASCII of the string that `stringRest` or `stringEnd` read last. */
export function stringFlags(): u32 {
  return flags;
}

/**
 * First byte from `at` on that is not plain text: the closing quote, a backslash, a control character (or the
 * sentinel), a byte of 0x80 and above. As signed numbers both of the latter are below 0x20: one compare for two
 * checks, which makes the check of UTF-8 free for ASCII.
 */
// @ts-ignore: decorator
@inline
export function plainEnd(at: usize): usize {
  let stops = stopsIn(at);
  while (stops == 0) {
    at += 16;
    stops = stopsIn(at);
  }
  return at + ctz(stops);
}

// @ts-ignore: decorator
@inline
function stopsIn(at: usize): i32 {
  const bytes = v128.load(at);
  return i8x16.bitmask(
    v128.or(
      i8x16.lt_s(bytes, i8x16.splat(0x20)),
      v128.or(i8x16.eq(bytes, i8x16.splat(<i8>QUOTE)), i8x16.eq(bytes, i8x16.splat(<i8>BACKSLASH))),
    ),
  );
}

/** @param at  behind the opening quote @returns address of the closing one, or 0 */
export function stringEnd(at: usize): usize {
  return stringRest(plainEnd(at));
}

/** The same, from anywhere in the string where `plainEnd` stopped. */
export function stringRest(at: usize): usize {
  flags = 0;
  while (true) {
    const byte = <u32>load<u8>(at);
    if (byte == QUOTE) return at;
    if (byte == BACKSLASH) {
      flags |= ESCAPED;
      at = escapeEnd(at);
    } else if (byte >= 0x80) {
      flags |= NON_ASCII;
      at = sequenceEnd(at);
    } else if (byte < 0x20) {
      return fail(at, Expected.NO_CONTROL);
    } else {
      at = plainEnd(at);
    }
    if (at == 0) return 0;
  }
}

/** Behind the escape whose backslash is at `at`, or 0. Surrogates may stand alone, as in JavaScript. */
function escapeEnd(at: usize): usize {
  switch (<u32>load<u8>(at, 1)) {
    case 0x22: // "
    case 0x5c: // \
    case 0x2f: // /
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return at + 2;
    case 0x75: // u
      for (let digit = at + 2; digit < at + 6; digit++) {
        if (hex(load<u8>(digit)) < 0) return fail(digit, Expected.HEX);
      }
      return at + 6;
    default:
      return fail(at + 1, Expected.ESCAPE);
  }
}

/** Behind the UTF-8 sequence that begins at `at` with a byte of 0x80 or above, or 0. Unicode 15, table 3-7. */
function sequenceEnd(at: usize): usize {
  const lead = <u32>load<u8>(at);
  const second = <u32>load<u8>(at, 1);
  if (lead < 0xe0) {
    if (lead >= 0xc2 && continues(second)) return at + 2;
  } else if (lead < 0xf0) {
    const shortest = lead != 0xe0 || second >= 0xa0;
    const noSurrogate = lead != 0xed || second < 0xa0;
    if (continues(second) && shortest && noSurrogate && continues(load<u8>(at, 2))) return at + 3;
  } else if (lead < 0xf5) {
    const shortest = lead != 0xf0 || second >= 0x90;
    const inRange = lead != 0xf4 || second < 0x90;
    if (continues(second) && shortest && inRange && continues(load<u8>(at, 2)) && continues(load<u8>(at, 3))) return at + 4;
  }
  return fail(at, Expected.UTF8);
}

function continues(byte: u32): bool {
  return (byte & 0xc0) == 0x80;
}

/** 0–15, or -1 for what is no hexadecimal digit. */
function hex(byte: u32): i32 {
  if (byte - 0x30 < 10) return byte - 0x30;
  const letter = (byte | 0x20) - 0x61;
  return letter < 6 ? letter + 10 : -1;
}

/**
 * Writes the text of a well-formed string as UTF-8, its escapes resolved; never longer than the string.
 * A surrogate without its other half becomes three bytes that no valid UTF-8 contains, and so equals no text.
 *
 * @returns address behind what was written
 */
export function unescape(from: usize, end: usize, target: usize): usize {
  while (from < end) {
    const byte = <u32>load<u8>(from);
    if (byte != BACKSLASH) {
      store<u8>(target++, byte);
      from++;
      continue;
    }
    const letter = <u32>load<u8>(from, 1);
    if (letter != 0x75) {
      store<u8>(target++, unescaped(letter));
      from += 2;
      continue;
    }
    let point = hex4(from + 2);
    from += 6;
    if (isHigh(point) && end - from >= 6 && load<u16>(from) == 0x755c) {
      const low = hex4(from + 2);
      if (isLow(low)) {
        point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
        from += 6;
      }
    }
    target = encode(point, target);
  }
  return target;
}

function unescaped(letter: u32): u32 {
  switch (letter) {
    case 0x62: return 0x08; // b
    case 0x66: return 0x0c; // f
    case 0x6e: return 0x0a; // n
    case 0x72: return 0x0d; // r
    case 0x74: return 0x09; // t
    default: return letter;
  }
}

function hex4(at: usize): u32 {
  return (hex(load<u8>(at)) << 12) | (hex(load<u8>(at, 1)) << 8) | (hex(load<u8>(at, 2)) << 4) | hex(load<u8>(at, 3));
}

function isHigh(unit: u32): bool {
  return (unit & 0xfc00) == 0xd800;
}

function isLow(unit: u32): bool {
  return (unit & 0xfc00) == 0xdc00;
}

function encode(point: u32, target: usize): usize {
  if (point < 0x80) {
    store<u8>(target, point);
    return target + 1;
  }
  if (point < 0x800) {
    store<u8>(target, 0xc0 | (point >> 6));
    store<u8>(target, 0x80 | (point & 0x3f), 1);
    return target + 2;
  }
  if (point < 0x10000) {
    store<u8>(target, 0xe0 | (point >> 12));
    store<u8>(target, 0x80 | ((point >> 6) & 0x3f), 1);
    store<u8>(target, 0x80 | (point & 0x3f), 2);
    return target + 3;
  }
  store<u8>(target, 0xf0 | (point >> 18));
  store<u8>(target, 0x80 | ((point >> 12) & 0x3f), 1);
  store<u8>(target, 0x80 | ((point >> 6) & 0x3f), 2);
  store<u8>(target, 0x80 | (point & 0x3f), 3);
  return target + 4;
}
