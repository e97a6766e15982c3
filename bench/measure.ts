// How every bench here compares: candidates run in turns within one process, so that a noisy machine slows all of
// them alike, and what is quoted is the median of the ratios per round, never a quotient of two far apart rates.

import { Bench } from "tinybench";

/** One way to do the work. `run` should take 10 µs or more, so that reading the clock costs nothing beside it. */
export interface Candidate {
  name: string;
  run(): void | Promise<void>;
}

export interface Measured {
  /** Median over the rounds of the mean time of one `run`, ns. */
  readonly medianNs: Record<string, number>;
  /** How many times faster `fast` is than `slow`: the median of the ratios per round. */
  ratio(slow: string, fast: string): number;
}

/**
 * Runs all candidates in turns: `rounds` times each, for at least `msPerSlice` at a time. A first round that is not
 * counted warms up the compiler. Every second round goes backwards, so that nobody always runs after the same neighbour.
 */
export async function interleave(
  candidates: readonly Candidate[],
  options: { rounds: number; msPerSlice: number },
): Promise<Measured> {
  const meansNs = new Map<string, number[]>(candidates.map(({ name }) => [name, []]));
  for (let round = 0; round <= options.rounds; round++) {
    for (const candidate of round % 2 === 0 ? candidates : candidates.toReversed()) {
      const meanNs = await slice(candidate, options.msPerSlice);
      if (round > 0) meansNs.get(candidate.name)!.push(meanNs);
    }
  }

  const roundsOf = (name: string): number[] => {
    const means = meansNs.get(name);
    if (means === undefined) throw new RangeError(`no candidate is called '${name}'`);
    return means;
  };
  return {
    medianNs: Object.fromEntries([...meansNs].map(([name, means]) => [name, median(means)])),
    ratio(slow, fast) {
      const fastMeans = roundsOf(fast);
      return median(roundsOf(slow).map((mean, round) => mean / fastMeans[round]!));
    },
  };
}

/** Mean time of one run within a slice, ns. The mean, not the median: pauses for garbage are part of the price. */
async function slice({ name, run }: Candidate, ms: number): Promise<number> {
  const bench = new Bench({ time: ms, iterations: 1, warmup: false, throws: true });
  bench.add(name, run);
  const [task] = await bench.run();
  const result = task!.result;
  if (!("latency" in result)) throw new Error(`'${name}' gave no result: ${result.state}`);
  return result.latency.mean * 1e6;
}

/** The middle of an odd number of values, the mean of the middle two otherwise. NaN when there are none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

let sink = 0;

/** Uses a result, so that the work behind it can't be optimised away. */
export function keep(value: number): void {
  sink = (sink + value) | 0;
}

/** What was kept so far; print it once, so that somebody does read it. */
export function kept(): number {
  return sink;
}

/** The value below which this part, in [0, 1], of the values lies. */
export function quantileOf(values: readonly number[], quantile: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))] ?? Number.NaN;
}
