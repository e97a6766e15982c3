import { statSync } from "node:fs";
import { join } from "node:path";
import { natsServer } from "./nats.ts";
import { offerSite } from "./offers.ts";
import { Publisher } from "./publisher.ts";
import { memoryOf, type Process, siteProcess } from "./store.ts";

// Question: does memory or disk grow while a place takes events in for long?
// Shape:    ten minutes of game events over NATS at 70 % of the rate at which a burst of them becomes durable, 200,000
//           identities that play the same sessions again and again, 2 GB of journal kept. Anonymous memory, which has
//           the core's in it, after the first three minutes and at the end.

const MINUTES = 10;
const WARM_MINUTES = 3;
const SHARE = 0.7;
const KEEP = "2GiB";

export async function bench({ quick }: { quick: boolean }) {
  const [identities, seconds, warmSeconds] = quick ? [4_000, 8, 3] : [200_000, 60 * MINUTES, 60 * WARM_MINUTES];
  const count = 2 * identities;
  await using server = await natsServer({ maxPending: 1024 * 1024 * 1024 });
  using publisher = new Publisher(server.url, { identities, count });
  const site = offerSite([], [`retention: { size: ${KEEP} }`]);
  await using place = await siteProcess(site.dir, ["--nats", server.url, "--place", "soak"]);
  const prefix = "aisle.offers.soak.events";

  const burst = await publisher.ready(prefix);
  const start = performance.now();
  await burst();
  await journalled(place, count);
  const rate = SHARE * (count / ((performance.now() - start) / 1_000));

  const passesOf = (time: number) => Math.max(1, Math.ceil((time * rate) / count));
  const warm = await publisher.ready(prefix, { rate, passes: passesOf(warmSeconds) });
  await warm();
  const before = memoryOf(place.pid).anonymous;
  const passes = passesOf(seconds - warmSeconds);
  const rest = await publisher.ready(prefix, { rate, passes });
  await rest();
  await journalled(place, count * (1 + passesOf(warmSeconds) + passes));
  const after = memoryOf(place.pid).anonymous;
  const disk = statSync(join(place.dataDir, "journal", "data.mdb")).blocks * 512;
  site.remove();
  return {
    figures: {
      "soak.anon_growth_mb": after - before,
      "soak.anon_mb": after,
      "soak.events_per_s": rate,
      "soak.journal_file_mb": disk / 1e6,
    },
    ratios: {},
  };
}

const PATIENCE_MS = 120_000;

/** Waits until the place has so many entries on disk, by its own word. */
async function journalled({ url }: Process, entries: number): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    const lastSeq = Number(/^aisle_journal_last_seq (\d+)/m.exec(metrics)?.[1] ?? 0);
    if (lastSeq >= entries) return;
    if (performance.now() > end) throw new Error(`only ${lastSeq} of ${entries} events are on disk`);
    await new Promise((done) => setTimeout(done, 20));
  }
}
