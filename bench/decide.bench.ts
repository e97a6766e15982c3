import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { subject } from "../runtime/bus/subject.ts";
import { syncLatency } from "./disk.ts";
import { clock, departmentOf, schedule, Windows } from "./schedule.ts";
import { storeHere } from "./store.ts";

// Question: how long from a focus event to the published offer, durable, when 2,000 come a second?
// Shape:    open loop: a thread of its own keeps the schedule, whatever becomes of the answers; 997 customers, each
//           focus in another department than the customer's last, so that each is decided; the store's own catalog.
// Clocks:   "focus to offer" from the receipt in this process to the delivery on the bus; "schedule to offer" from
//           when the event was meant to be sent, which adds this machine's stalls. The floor is an empty handler's.

const CUSTOMERS = 997;
const UTF8 = new TextEncoder();

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
    const dep = departmentOf(Math.floor(sent++ / CUSTOMERS));
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
