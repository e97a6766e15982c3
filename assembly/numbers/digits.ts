// Numbers of a fixed width, as dates and times have them.

/** The two digits at `at`; below 0 when they are none. */
export function twoDigits(at: usize): i32 {
  const tens = <u32>load<u8>(at) - 0x30;
  const ones = <u32>load<u8>(at, 1) - 0x30;
  return tens < 10 && ones < 10 ? tens * 10 + ones : -1;
}

/** The four digits at `at`; below 0 when they are none. */
export function fourDigits(at: usize): i32 {
  const hundreds = twoDigits(at);
  const rest = twoDigits(at + 2);
  return (hundreds | rest) < 0 ? -1 : hundreds * 100 + rest;
}

// @ts-ignore: decorator
@inline
export function isDigit(byte: u32): bool {
  return byte - 0x30 < 10;
}

/** @param value  0 to 99 */
export function putTwo(at: usize, value: u32): void {
  const tens = value / 10;
  store<u8>(at, 0x30 + tens);
  store<u8>(at, 0x30 + value - tens * 10, 1);
}

/** @param value  0 to 9999 */
export function putFour(at: usize, value: u32): void {
  const hundreds = value / 100;
  putTwo(at, hundreds);
  putTwo(at + 2, value - hundreds * 100);
}

/** @param value  0 to 999,999 */
export function putSix(at: usize, value: u32): void {
  const hundreds = value / 100;
  putFour(at, hundreds);
  putTwo(at + 4, value - hundreds * 100);
}

/** Writes a number without leading zeros. @returns address behind it */
export function putNumber(at: usize, value: u32): usize {
  let power: u32 = 1;
  while (power <= value / 10) power *= 10;
  while (power > 0) {
    store<u8>(at++, 0x30 + ((value / power) % 10));
    power /= 10;
  }
  return at;
}
