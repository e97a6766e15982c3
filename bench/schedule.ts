// Focuses on a schedule of their own, kept by a thread whatever becomes of the answers; and latencies by the second.
import { Worker } from "node:worker_threads";
import { median, quantileOf } from "./measure.ts";

/** Focuses a second. */
export const RATE = 2_000;
const DEPARTMENTS = ["Women", "Boys", "Girls", "Men", "Sport"];

/** Where a customer stops for the n-th time: each time in another department, so that each focus is decided. */
export function departmentOf(time: number): string {
  return DEPARTMENTS[time % DEPARTMENTS.length]!;
}

/** Sleeps to the next event's time and posts when that was, ms of the shared clock. */
const SCHEDULE = `
  const { parentPort, workerData: { rate, seconds } } = require("node:worker_threads");
  const sleep = new Int32Array(new SharedArrayBuffer(4));
  const now = () => performance.timeOrigin + performance.now();
  const start = now() + 50;
  for (let i = 0; i < rate * seconds; i++) {
    const at = start + (i * 1000) / rate;
    for (let left = at - now(); left > 0.02; left = at - now()) Atomics.wait(sleep, 0, 0, left);
    parentPort.postMessage(at);
  }
`;

/** Calls `handle` with the time at which each event of the schedule was due. */
export function schedule(seconds: number, handle: (due: number) => void): Promise<void> {
  return new Promise((done, failed) => {
    const worker = new Worker(SCHEDULE, { eval: true, workerData: { rate: RATE, seconds } });
    worker
      .on("message", handle)
      .on("error", failed)
      .on("exit", () => done());
  });
}

/** ms on a clock that threads share. */
export function clock(): number {
  return performance.timeOrigin + performance.now();
}

/** Latencies in windows of one second. */
export class Windows {
  readonly #bySecond = new Map<number, number[]>();
  #start = Number.NaN;
  count = 0;

  add(at: number, latency: number): void {
    if (this.count++ === 0) this.#start = at;
    const second = Math.floor((at - this.#start) / 1_000);
    const window = this.#bySecond.get(second);
    if (window === undefined) this.#bySecond.set(second, [latency]);
    else window.push(latency);
  }

  /** The median of the windows' quantiles, without the first and the last, which is not whole. */
  median(skip: number, quantile: number): number {
    return median(this.#windows(skip).map((window) => quantileOf(window, quantile)));
  }

  whole(skip: number, quantile: number): number {
    return quantileOf(this.#windows(skip).flat(), quantile);
  }

  #windows(skip: number): number[][] {
    const last = Math.max(...this.#bySecond.keys());
    return [...this.#bySecond].filter(([second]) => second >= skip && second < last).map(([, window]) => window);
  }
}
