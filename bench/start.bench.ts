import { median } from "./measure.ts";
import { memoryOf, storeProcess } from "./store.ts";

// Question: how soon is the store site ready, and how much memory does it take at work?
// Shape:    `aisle up` as a user starts it, on an empty data folder; memory after all recorded paths were played and
//           5,000 focuses on 997 customers were decided.

const FOCUSES = 5_000;
const DEPARTMENTS = ["Women", "Boys", "Girls", "Men", "Sport"];

export async function bench({ quick }: { quick: boolean }) {
  const times: number[] = [];
  for (let run = 0; run < (quick ? 3 : 9); run++) {
    await using store = await storeProcess();
    times.push(store.readyMs);
  }
  const figures: Record<string, number> = { "start.to_ready_ms": median(times) };

  await using store = await storeProcess(["--speed", "100000"]);
  while (!store.lines.some((line) => line.startsWith("Played"))) await new Promise((done) => setTimeout(done, 50));
  const customers = Array.from({ length: 997 }, (_, i) => i + 1);
  for (let sent = 0; sent < FOCUSES; sent += 500) {
    const lines = Array.from({ length: 500 }, (_, i) => {
      const focus = sent + i;
      const dep = DEPARTMENTS[Math.floor(focus / customers.length) % DEPARTMENTS.length];
      return JSON.stringify({ type: "focus", id: customers[focus % customers.length], dep, ts: Date.now() });
    });
    const response = await fetch(`${store.url}/events`, {
      method: "POST",
      headers: { "content-type": "application/x-ndjson" },
      body: lines.join("\n"),
    });
    if (response.status !== 202)
      throw new Error(`a batch was answered with ${response.status}: ${await response.text()}`);
  }
  const { anonymous, files } = memoryOf(store.pid);
  figures["rss.store_site_mb"] = anonymous;
  figures["rss.store_site_mapped_mb"] = files;
  return { figures, ratios: {} };
}
