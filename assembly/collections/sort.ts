// Stable sorting of cells, by `lessThan`. Up to 64 items compare in the same order as in Python, so that what has no
// order (NaN among numbers, sets) ends up in the same places.

import { lessThan } from "./compare";
import { spend, temporary } from "../machine/heap";
import { Fault, Tag, copyCell, intOf, tagOf } from "../machine/value";

/** Items that are sorted by insertion. */
const RUN: i32 = 64;

let fault: i32 = 0;

/**
 * Sorts `count` cells from `at` on, in place.
 *
 * @param descending  from the greatest on; equal ones stay in their order all the same
 */
export function sortCells(at: usize, count: i32, descending: bool): i32 {
  if (spend(count * (32 - clz(count | 1)))) return Fault.LIMIT;
  fault = 0;
  if (descending) reverseCells(at, count);
  for (let first = 0; first < count; first += RUN) {
    sortRun(at + (<usize>first << 4), min(RUN, count - first));
  }
  if (count > RUN) mergeRuns(at, count);
  if (descending) reverseCells(at, count);
  return fault;
}

export function reverseCells(at: usize, count: i32): void {
  let last = at + (<usize>count << 4) - 16;
  for (; at < last; at += 16, last -= 16) {
    const cell = v128.load(at);
    copyCell(at, last);
    v128.store(last, cell);
  }
}

/** Finds how far it is sorted already, or the other way round; inserts the rest, by halving. */
function sortRun(at: usize, count: i32): void {
  if (count < 2) return;
  const end = at + (<usize>count << 4);
  let next = at + 16;
  const isDown = isLess(next, at);
  do next += 16;
  while (next < end && isLess(next, next - 16) == isDown);
  if (isDown) reverseCells(at, <i32>((next - at) >> 4));

  for (; next < end; next += 16) {
    let low = at;
    let high = next;
    while (low < high) {
      const middle = low + ((((high - low) >> 4) >> 1) << 4);
      if (isLess(next, middle)) high = middle;
      else low = middle + 16;
    }
    const cell = v128.load(next);
    memory.copy(low + 16, low, next - low);
    v128.store(low, cell);
  }
}

function mergeRuns(at: usize, count: i32): void {
  const bytes = <usize>count << 4;
  let from = at;
  let to = temporary(bytes);
  for (let width = <usize>RUN << 4; width < bytes; width <<= 1) {
    for (let start: usize = 0; start < bytes; start += width << 1) {
      const middle = min(start + width, bytes);
      merge(from + start, from + middle, from + min(middle + width, bytes), to + start);
    }
    const last = from;
    from = to;
    to = last;
  }
  if (from != at) memory.copy(at, from, bytes);
}

function merge(left: usize, right: usize, end: usize, to: usize): void {
  const leftEnd = right;
  while (left < leftEnd && right < end) {
    if (isLess(right, left)) {
      copyCell(to, right);
      right += 16;
    } else {
      copyCell(to, left);
      left += 16;
    }
    to += 16;
  }
  memory.copy(to, left, leftEnd - left);
  memory.copy(to + (leftEnd - left), right, end - right);
}

function isLess(a: usize, b: usize): bool {
  if (tagOf(a) == Tag.INT && tagOf(b) == Tag.INT) return intOf(a) < intOf(b);
  const less = lessThan(a, b);
  if (less < 0) fault = -less;
  return less > 0;
}
