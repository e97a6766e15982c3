import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median } from "./measure.ts";
import { moveOn, offerSite, type Workload, workload } from "./offers.ts";
import { type Running, siteHere } from "./store.ts";

// Question: how long does a start take for each million of events that it has to fold again?
// Shape:    events of a game through the door of a place, into its journal; then the place is opened again without a
//           checkpoint, so that all of them are read, checked and folded.

const BATCH = 1_000;

export async function bench({ quick }: { quick: boolean }) {
  const [count, identities, rounds] = quick ? [50_000, 4_000, 1] : [1_000_000, 20_000, 3];
  const data = mkdtempSync(join(tmpdir(), "aisle-bench-recovery-"));
  const site = offerSite();
  try {
    {
      await using running = await siteHere(site.dir, {}, data);
      await fill(running, workload(identities, Math.min(count, 100_000)), count);
    }
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      rmSync(join(data, "checkpoint"), { recursive: true, force: true });
      const start = performance.now();
      await using running = await siteHere(site.dir, {}, data);
      times.push((performance.now() - start) / 1_000);
      if (running.place.journal.lastSeq < count) throw new Error("events are missing");
    }
    return { figures: { "recovery.s_per_million_events": (median(times) * 1e6) / count }, ratios: {} };
  } finally {
    site.remove();
    rmSync(data, { recursive: true, force: true });
  }
}

/** Sends events in, a batch at a time, each pass later than the one before. */
async function fill({ place }: Running, load: Workload, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += BATCH) {
    const from = sent % load.payloads.length;
    moveOn(load, from, BATCH, sent - from);
    const body = Buffer.from(load.payloads.slice(from, from + BATCH).join("\n"));
    const answer = await fetch(`${place.url}/events`, {
      method: "POST",
      headers: { "content-type": "application/x-ndjson" },
      body,
    });
    const { accepted } = (await answer.json()) as { accepted: number };
    if (accepted !== BATCH) throw new Error(`${accepted} of ${BATCH} events were accepted`);
  }
}
