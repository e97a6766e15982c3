// What was wrong with an input: where, and what was expected there. Functions that read text return the
// address behind what they read, or 0 after a call of `fail`: no input is at address 0.

/** What was expected. The host has the words, in the same order (`runtime/core/scanner.ts`). */
export namespace Expected {
  export const OBJECT: u32 = 1;
  export const VALUE: u32 = 2;
  export const KEY: u32 = 3;
  export const KEY_OR_END: u32 = 4;
  export const COLON: u32 = 5;
  export const COMMA_OR_BRACE: u32 = 6;
  export const COMMA_OR_BRACKET: u32 = 7;
  export const CLOSING_QUOTE: u32 = 8;
  export const NO_CONTROL: u32 = 9;
  export const ESCAPE: u32 = 10;
  export const HEX: u32 = 11;
  export const UTF8: u32 = 12;
  export const DIGIT: u32 = 13;
  export const END: u32 = 14;
  export const DEPTH: u32 = 15;
  export const NO_BOM: u32 = 16;
  export const BODY: u32 = 17;
  export const FEWER_ITEMS: u32 = 18;
}

let at: usize = 0;
let code: u32 = 0;

/** Notes that `expected` was not found at `address`. @returns 0, to be handed on. */
export function fail(address: usize, expected: u32): usize {
  at = address;
  code = expected;
  return 0;
}

/** Address of the last fault. */
export function faultAt(): usize {
  return at;
}

/** What was expected at the last fault of an input that ends at `end`. There, the sentinel looks like a control character. */
export function faultCode(end: usize): u32 {
  return code == Expected.NO_CONTROL && at == end ? Expected.CLOSING_QUOTE : code;
}
