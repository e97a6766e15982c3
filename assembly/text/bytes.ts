// Comparing bytes: most are short, so without a call.

/** Are the `length` bytes at `a` and `b` the same? */
// @ts-ignore: decorator
@inline
export function sameBytes(a: usize, b: usize, length: i32): bool {
  let left = length;
  while (left >= 8) {
    if (load<u64>(a) != load<u64>(b)) return false;
    a += 8;
    b += 8;
    left -= 8;
  }
  while (left > 0) {
    if (load<u8>(a) != load<u8>(b)) return false;
    a++;
    b++;
    left--;
  }
  return true;
}
