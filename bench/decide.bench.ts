import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { subject } from "../runtime/bus/subject.ts";
import { syncLatency } from "./disk.ts";
import { median, quantileOf } from "./measure.ts";
import { storeHere } from "./store.ts";

// Question: how long from a focus event to the published offer, durable, when 2,000 come a second?
// Shape:    open loop: a thread of its own keeps the schedule, whatever becomes of the answers; 997 customers, each
//           focus in another department than the customer's last, so that each is decided; the store's own catalog.
// Clocks:   "focus to offer" from the receipt in this process to the delivery on the bus; "schedule to offer" from
//           when the event was meant to be sent, which adds this machine's stalls. The floor is an empty handler's.

const RATE = 2_000; // per second
const CUSTOMERS = 997;
const DEPARTMENTS = ["Women", "Boys", "Girls", "Men", "Sport"];
const UTF8 = new TextEncoder();

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

export async function bench({ quick }: { quick: boolean }) {
  const seconds = quick ? 5 : 24;
  const warm = quick ? 2 : 4;
  const floor = await emptyHandler(quick ? 3 : 10);
  await using store = await storeHere();
  const { place } = store;
  const [fromReceipt, fromSchedule] = [new Windows(), new Windows()];
  const waiting = new Map<string, { received: number; due: number }[]>();

  place.bus.subscribe(subject(place.base, "offers").concat(".*"), (message) => {
    const now = clock();
    const customer = message.subject.slice(message.subject.lastIndexOf(".") + 1);
    const { received, due } = waiting.get(customer)!.shift()!;
    fromReceipt.add(received, now - received);
    fromSchedule.add(received, now - due);
  });
  let sent = 0;
  await schedule(warm + seconds, (due) => {
    const received = clock();
    const id = String((sent % CUSTOMERS) + 1);
    const dep = DEPARTMENTS[Math.floor(sent++ / CUSTOMERS) % DEPARTMENTS.length];
    const queue = waiting.get(id);
    if (queue === undefined) waiting.set(id, [{ received, due }]);
    else queue.push({ received, due });
    place.bus.publish(subject(place.base, "events", "focus"), UTF8.encode(JSON.stringify({ id, dep, ts: Date.now() })));
  });
  while (fromReceipt.count < sent) await new Promise((done) => setTimeout(done, 5));

  const dir = mkdtempSync(join(tmpdir(), "aisle-disk-"));
  const disk = await syncLatency(dir, quick ? 300 : 2_000);
  rmSync(dir, { recursive: true });
  return {
    figures: {
      "decide.focus_to_offer_p99_ms": fromReceipt.median(warm, 0.99),
      "decide.focus_to_offer_p50_ms": fromReceipt.median(warm, 0.5),
      "decide.focus_to_offer_whole_run_p99_ms": fromReceipt.whole(warm, 0.99),
      "decide.schedule_to_offer_p99_ms": fromSchedule.median(warm, 0.99),
      "decide.empty_handler_p99_ms": floor.median(1, 0.99),
      "decide.decisions_per_s": fromReceipt.count / (warm + seconds),
      "disk.sync_p99_ms": disk.p99,
    },
    ratios: {},
  };
}

/** The same schedule into nothing: what the machine and the event loop take by themselves. */
async function emptyHandler(seconds: number): Promise<Windows> {
  const windows = new Windows();
  await schedule(seconds, (due) => {
    const now = clock();
    windows.add(now, now - due);
  });
  return windows;
}

function schedule(seconds: number, handle: (due: number) => void): Promise<void> {
  return new Promise((done, failed) => {
    const worker = new Worker(SCHEDULE, { eval: true, workerData: { rate: RATE, seconds } });
    worker
      .on("message", handle)
      .on("error", failed)
      .on("exit", () => done());
  });
}

/** ms on a clock that threads share. */
function clock(): number {
  return performance.timeOrigin + performance.now();
}

/** Latencies in windows of one second. */
class Windows {
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
