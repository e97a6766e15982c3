// Natural numbers of up to 3,072 bits, for what doubles and 128 bits can't decide: a decimal of 770 digits, scaled to
// be compared with a double, takes 2,600.
//
//   +0   limbs  u32      in use; the highest isn't 0
//   +4   limb   u32[96]  the lowest first

const LIMBS_MAX: u32 = 96;

/** Bytes of a natural number. */
export const NATURAL: i32 = 4 + LIMBS_MAX * 4;

const FIVE_13: u32 = 1220703125;
const FIVES: usize = memory.data<u32>([
  1, 5, 25, 125, 625, 3125, 15625, 78125, 390625, 1953125, 9765625, 48828125, 244140625,
]);

export function setNatural(n: usize, value: u64): void {
  store<u64>(n, value, 4);
  store<u32>(n, value == 0 ? 0 : value >> 32 == 0 ? 1 : 2);
}

/** n = n · factor + addend */
export function multiplyAdd(n: usize, factor: u32, addend: u32): void {
  const end = n + (<usize>load<u32>(n) << 2);
  let carry = <u64>addend;
  for (let at = n; at < end; at += 4) {
    carry += <u64>load<u32>(at, 4) * factor;
    store<u32>(at, <u32>carry, 4);
    carry >>= 32;
  }
  if (carry != 0) append(n, <u32>carry);
}

/** n = ⌊n / divisor⌋ */
export function divideNatural(n: usize, divisor: u32): void {
  let rest: u64 = 0;
  for (let at = n + (<usize>load<u32>(n) << 2); at > n; at -= 4) {
    const part = (rest << 32) | load<u32>(at);
    store<u32>(at, <u32>(part / divisor));
    rest = part % divisor;
  }
  trim(n);
}

/** n = n · 5^exponent */
export function multiplyByFives(n: usize, exponent: i32): void {
  for (; exponent >= 13; exponent -= 13) multiplyAdd(n, FIVE_13, 0);
  multiplyAdd(n, load<u32>(FIVES + (<usize>exponent << 2)), 0);
}

/** n = n · 2^bits */
export function shiftLeft(n: usize, bits: i32): void {
  const limbs = load<u32>(n);
  if (limbs == 0) return;
  const whole = <usize>(bits >> 5) << 2;
  if (whole != 0) {
    memory.copy(n + 4 + whole, n + 4, <usize>limbs << 2);
    memory.fill(n + 4, 0, whole);
    store<u32>(n, limbs + <u32>(whole >> 2));
  }
  if (bits & 31) multiplyAdd(n, <u32>1 << (bits & 31), 0);
}

/** -1, 0 or 1 as a is below, equal to or above b. */
export function compareNaturals(a: usize, b: usize): i32 {
  const limbs = load<u32>(a);
  if (limbs != load<u32>(b)) return limbs < load<u32>(b) ? -1 : 1;
  for (let offset = <usize>limbs << 2; offset > 0; offset -= 4) {
    const left = load<u32>(a + offset);
    const right = load<u32>(b + offset);
    if (left != right) return left < right ? -1 : 1;
  }
  return 0;
}

/** The number's highest 64 bits, shifted so that the topmost is set; those below `skip` more bits. Not of 0. */
export function topBits(n: usize, skip: i32): u64 {
  const limbs = <i32>load<u32>(n);
  const lead = <i32>clz<u32>(load<u32>(n + (<usize>limbs << 2)));
  const bit = lead + skip; // from the top of the highest limb
  const limb = limbs - (bit >> 5);
  const shift = <u64>(bit & 31);
  const upper = (<u64>limbAt(n, limb) << 32) | limbAt(n, limb - 1);
  return (upper << shift) | ((<u64>limbAt(n, limb - 2) << shift) >> 32);
}

/** The limb by its place, from 1; 0 below the lowest. */
function limbAt(n: usize, place: i32): u32 {
  return place < 1 ? 0 : load<u32>(n + (<usize>place << 2));
}

function append(n: usize, limb: u32): void {
  const limbs = load<u32>(n) + 1;
  assert(limbs <= LIMBS_MAX);
  store<u32>(n, limbs);
  store<u32>(n + (<usize>limbs << 2), limb);
}

function trim(n: usize): void {
  let limbs = load<u32>(n);
  while (limbs > 0 && load<u32>(n + (<usize>limbs << 2)) == 0) limbs--;
  store<u32>(n, limbs);
}
