// Numbers of JSON: where one ends, and its value.

import { parseDouble } from "../numbers/double";
import { Expected, fail } from "./fault";

/** Behind the number that begins at `at`, or 0: -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)? */
export function numberEnd(at: usize): usize {
  if (load<u8>(at) == 0x2d) at++; // -
  if (load<u8>(at) == 0x30) {
    at++; // a leading 0 stands alone
  } else {
    at = digitsEnd(at);
    if (at == 0) return 0;
  }
  if (load<u8>(at) == 0x2e) { // .
    at = digitsEnd(at + 1);
    if (at == 0) return 0;
  }
  if ((load<u8>(at) | 0x20) == 0x65) { // e
    const sign = load<u8>(at, 1);
    at = digitsEnd(sign == 0x2b || sign == 0x2d ? at + 2 : at + 1);
  }
  return at;
}

/** Behind one or more digits, or 0. */
function digitsEnd(at: usize): usize {
  if (!isDigit(load<u8>(at))) return fail(at, Expected.DIGIT);
  do at++;
  while (isDigit(load<u8>(at)));
  return at;
}

function isDigit(byte: u32): bool {
  return byte - 0x30 < 10;
}

/** The double nearest to a well-formed number, as JSON.parse gives it: Infinity beyond the largest. */
export function numberValue(at: usize, length: i32): f64 {
  return parseDouble(at, length);
}
