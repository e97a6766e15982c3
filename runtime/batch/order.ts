// The order of events by their times; those of the same time stay in the order of the input.

/**
 * Sorts by merging what is in order already: the files of an input mostly are, each for itself.
 *
 * @param times  µs; NaN for what has no place
 *
 * @returns indexes of those that have one
 */
export function inOrder(times: Float64Array): Uint32Array {
  let order = placed(times);
  let runs = runsOf(order, times);
  let other = new Uint32Array(runs.length > 1 ? order.length : 0);
  while (runs.length > 1) {
    const merged: number[] = [];
    for (let i = 0; i < runs.length; i += 2) {
      const from = runs[i]!;
      const middle = runs[i + 1] ?? order.length;
      const to = runs[i + 2] ?? order.length;
      merge(order, other, times, from, middle, to);
      merged.push(from);
    }
    [order, other] = [other, order];
    runs = merged;
  }
  return order;
}

function placed(times: Float64Array): Uint32Array<ArrayBuffer> {
  const order = new Uint32Array(times.length);
  let count = 0;
  for (let i = 0; i < times.length; i++) if (!Number.isNaN(times[i])) order[count++] = i;
  return order.subarray(0, count);
}

/** Where each stretch begins that is in order. */
function runsOf(order: Uint32Array, times: Float64Array): number[] {
  const begins = [0];
  for (let i = 1; i < order.length; i++) if (times[order[i]!]! < times[order[i - 1]!]!) begins.push(i);
  return begins;
}

function merge(
  from: Uint32Array,
  to: Uint32Array,
  times: Float64Array,
  begin: number,
  middle: number,
  end: number,
): void {
  let left = begin;
  let right = middle;
  for (let at = begin; at < end; at++) {
    const takesLeft = right >= end || (left < middle && times[from[left]!]! <= times[from[right]!]!);
    to[at] = from[takesLeft ? left++ : right++]!;
  }
}
