// The memory that held blocks lie in. What is given back joins what is free beside it, and serves any size again.

/** Sizes of blocks that have units of their own are multiples of it. */
export const UNIT: usize = 8 * 1024;
/** Eight units, at a multiple of its size. */
export const GRANULE: usize = 64 * 1024;
/** As many as there may be: `maximumMemory` in `asconfig.json`. */
export const GRANULES: usize = 16 * 1024;
/** So much is asked for at a time, or more: until it is touched it is addresses only. */
const CHUNK: usize = 1024 * 1024;

/** For each granule of the memory a byte, for each of its units a bit: 1, it is free. What is not ours is never free. */
let units: usize = 0;
/** No granule before it has a free unit. */
let low: usize = 0;
/** No granule from it on is ours. */
let end: usize = 0;

/** A granule. @returns its address */
export function takeGranule(): usize {
  skipTaken();
  let granule = low;
  while (granule < end && load<u8>(units + granule) != 0xff) granule++;
  if (granule == end) granule = grow(GRANULE);
  store<u8>(units + granule, 0);
  return granule * GRANULE;
}

export function giveGranule(address: usize): void {
  const granule = address / GRANULE;
  store<u8>(units + granule, 0xff);
  low = min(low, granule);
}

/** The first `count` units beside each other. @returns their address */
export function takeUnits(count: usize): usize {
  skipTaken();
  let first = firstRun(count);
  if (first == 0) first = grow(count * UNIT) << 3;
  mark(first, count, false);
  return first * UNIT;
}

export function giveUnits(address: usize, count: usize): void {
  mark(address / UNIT, count, true);
  low = min(low, address / GRANULE);
}

function skipTaken(): void {
  while (low < end && load<u8>(units + low) == 0) low++;
}

/** @returns the number of the first of `count` free units beside each other; 0: there are none */
function firstRun(count: usize): usize {
  let length: usize = 0;
  for (let granule = low; granule < end; granule++) {
    const free = load<u8>(units + granule);
    if (free == 0) length = 0;
    else if (free == 0xff) {
      length += 8;
      if (length >= count) return ((granule + 1) << 3) - length;
    } else {
      for (let unit: usize = 0; unit < 8; unit++) {
        length = (<u32>free >> <u32>unit) & 1 ? length + 1 : 0;
        if (length == count) return (granule << 3) + unit + 1 - count;
      }
    }
  }
  return 0;
}

function mark(first: usize, count: usize, isFree: bool): void {
  for (let unit = first; unit < first + count; unit++) {
    const at = units + (unit >> 3);
    const bit = <u32>1 << (<u32>unit & 7);
    store<u8>(at, isFree ? load<u8>(at) | bit : load<u8>(at) & ~bit);
  }
}

/** More memory of our own, `bytes` at least. @returns the number of its first granule */
function grow(bytes: usize): usize {
  if (units == 0) {
    units = heap.alloc(GRANULES);
    memory.fill(units, 0, GRANULES);
  }
  const granules = (max(bytes, CHUNK) + GRANULE - 1) / GRANULE;
  const first = (heap.alloc((granules + 1) * GRANULE) + GRANULE - 1) / GRANULE;
  memory.fill(units + first, 0xff, granules);
  if (end == 0) low = first;
  end = first + granules;
  return first;
}
