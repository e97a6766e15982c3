// Comparing and hashing bytes: most are short.

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

/** Multiplied and folded, eight bytes at a time: of the upper bits, which are mixed best. */
export function hashOf(bytes: usize, length: i32): u32 {
  let hash: u64 = <u64>length * 0x9e3779b97f4a7c15;
  let at = bytes;
  let left = length;
  for (; left >= 8; left -= 8, at += 8) hash = (rotl(hash, 23) ^ load<u64>(at)) * 0x9e3779b97f4a7c15;
  if (left > 0) {
    let rest: u64 = 0;
    for (let i = 0; i < left; i++) rest |= <u64>load<u8>(at + i) << (<u64>i << 3);
    hash = (rotl(hash, 23) ^ rest) * 0x9e3779b97f4a7c15;
  }
  return <u32>((hash ^ (hash >> 29)) >> 7);
}
