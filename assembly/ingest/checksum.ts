// XXH32, seed 0: the same as `runtime/journal/checksum.ts`, which says why it is this one.

const PRIME_1: u32 = 0x9e3779b1;
const PRIME_2: u32 = 0x85ebca77;
const PRIME_3: u32 = 0xc2b2ae3d;
const PRIME_4: u32 = 0x27d4eb2f;
const PRIME_5: u32 = 0x165667b1;

/** Checksum of the bytes `start … end`. */
export function xxh32(start: usize, end: usize): u32 {
  let at = start;
  let sum: u32 = PRIME_5;
  if (end - start >= 16) {
    let a: u32 = PRIME_1 + PRIME_2;
    let b: u32 = PRIME_2;
    let c: u32 = 0;
    let d: u32 = 0 - PRIME_1;
    for (; at + 16 <= end; at += 16) {
      a = rotl(a + load<u32>(at) * PRIME_2, 13) * PRIME_1;
      b = rotl(b + load<u32>(at, 4) * PRIME_2, 13) * PRIME_1;
      c = rotl(c + load<u32>(at, 8) * PRIME_2, 13) * PRIME_1;
      d = rotl(d + load<u32>(at, 12) * PRIME_2, 13) * PRIME_1;
    }
    sum = rotl(a, 1) + rotl(b, 7) + rotl(c, 12) + rotl(d, 18);
  }
  sum += <u32>(end - start);
  for (; at + 4 <= end; at += 4) sum = rotl(sum + load<u32>(at) * PRIME_3, 17) * PRIME_4;
  for (; at < end; at++) sum = rotl(sum + <u32>load<u8>(at) * PRIME_5, 11) * PRIME_1;
  sum = (sum ^ (sum >> 15)) * PRIME_2;
  sum = (sum ^ (sum >> 13)) * PRIME_3;
  return sum ^ (sum >> 16);
}
