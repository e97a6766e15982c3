// Values that nobody asked for: read to their end, checked strictly (RFC 8259), and forgotten.

import { Expected, fail } from "./fault";
import { numberEnd } from "./number";
import { QUOTE, stringEnd } from "./text";

export const COMMA: u32 = 0x2c;
export const COLON: u32 = 0x3a;
export const OPEN_BRACE: u32 = 0x7b;
export const CLOSE_BRACE: u32 = 0x7d;
export const OPEN_BRACKET: u32 = 0x5b;
export const CLOSE_BRACKET: u32 = 0x5d;

const TRUE: u32 = 0x65757274; // "true", little-endian
const ALSE: u32 = 0x65736c61;
const NULL: u32 = 0x6c6c756e;

/** Nesting that the bits of a u64 can follow; a scanner's limit is at most this. */
export const DEPTH_MAX: i32 = 64;

/** First byte from `at` on that is no white space. */
// @ts-ignore: decorator
@inline
export function space(at: usize): usize {
  while (isSpace(load<u8>(at))) at++;
  return at;
}

// @ts-ignore: decorator
@inline
export function isSpace(byte: u32): bool {
  return byte <= 0x20 && (byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09);
}

/** Behind `true`, `false` or `null`, or 0. */
export function wordEnd(at: usize): usize {
  const word = load<u32>(at);
  if (word == TRUE || word == NULL) return at + 4;
  if (load<u8>(at) == 0x66 && load<u32>(at, 1) == ALSE) return at + 5;
  return fail(at, Expected.VALUE);
}

/** Behind the string, number or word that begins at `at`, or 0. */
function scalarEnd(at: usize): usize {
  const byte = <u32>load<u8>(at);
  if (byte == QUOTE) {
    const close = stringEnd(at + 1);
    return close == 0 ? 0 : close + 1;
  }
  return byte == 0x2d || byte - 0x30 < 10 ? numberEnd(at) : wordEnd(at);
}

/** Behind a key and its colon, or 0. */
function keyEnd(at: usize, expected: u32): usize {
  if (load<u8>(at) != QUOTE) return fail(at, expected);
  const close = stringEnd(at + 1);
  if (close == 0) return 0;
  const colon = space(close + 1);
  return load<u8>(colon) == COLON ? colon + 1 : fail(colon, Expected.COLON);
}

/**
 * Behind the value that begins at `at`, or 0. Without recursion: the kinds of the enclosing brackets are the bits of
 * one number, the innermost lowest, so that no input can exhaust the stack.
 *
 * @param levels  levels of nesting that are still allowed, up to DEPTH_MAX
 */
export function valueEnd(at: usize, levels: i32): usize {
  let isObject: u64 = 0;
  let depth = 0;
  while (true) {
    at = space(at);
    const byte = <u32>load<u8>(at);
    if (byte == OPEN_BRACE || byte == OPEN_BRACKET) {
      if (depth == levels) return fail(at, Expected.DEPTH);
      depth++;
      isObject = (isObject << 1) | u64(byte == OPEN_BRACE);
      at = space(at + 1);
      if (load<u8>(at) != byte + 2) { // both closing brackets are two above their opening ones
        if (byte == OPEN_BRACE) {
          at = keyEnd(at, Expected.KEY_OR_END);
          if (at == 0) return 0;
        }
        continue;
      }
    } else {
      at = scalarEnd(at);
      if (at == 0 || depth == 0) return at;
      at = space(at);
    }

    // behind a value, or at the bracket that closes an empty object or array
    while (load<u8>(at) == (isObject & 1 ? CLOSE_BRACE : CLOSE_BRACKET)) {
      isObject >>= 1;
      at++;
      if (--depth == 0) return at;
      at = space(at);
    }
    if (load<u8>(at) != COMMA) return fail(at, isObject & 1 ? Expected.COMMA_OR_BRACE : Expected.COMMA_OR_BRACKET);
    at++;
    if (isObject & 1) {
      at = keyEnd(space(at), Expected.KEY);
      if (at == 0) return 0;
    }
  }
}
