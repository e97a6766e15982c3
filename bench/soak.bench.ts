import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { median } from "./measure.ts";
import { natsServer } from "./nats.ts";
import { offerSite } from "./offers.ts";
import { Publisher } from "./publisher.ts";
import { memoryOf, type Process, siteProcess } from "./store.ts";

// Question: does memory or disk grow while a place takes events in for long?
// Shape:    game events over NATS, 200,000 identities that play the same sessions again and again, 2 GiB of journal kept.
//           First bursts, one after the other, until every identity is known and then some more: their median is the
//           most that the place takes. Then 70 % of that, three minutes to warm up and ten that count. Anonymous memory,
//           which has the core's in it, and the data folder, looked at every few seconds. Both rise and fall with each
//           checkpoint, so growth is from the median of the first minute to that of the last.

const MINUTES = 10;
const WARM_MINUTES = 3;
const SHARE = 0.7;
const KEEP_GIB = 2;
/** Bursts that are not counted, and those that are. */
const BURSTS = { warm: 3, counted: 9 };

export async function bench({ quick }: { quick: boolean }) {
  const [identities, seconds, warmSeconds] = quick ? [4_000, 6, 3] : [200_000, 60 * MINUTES, 60 * WARM_MINUTES];
  const count = 2 * identities;
  await using server = await natsServer({ maxPending: 1024 * 1024 * 1024 });
  using publisher = new Publisher(server.url, { identities, count });
  const site = offerSite([], [`retention: { size: ${KEEP_GIB}GiB }`]);
  await using place = await siteProcess(site.dir, ["--nats", server.url, "--place", "soak"]);
  const prefix = "aisle.offers.soak.events";

  let sent = 0;
  /** Publishes the events so many times and waits until all are on disk. @returns events a second */
  const pass = async (passes: number, rate: number | null = null): Promise<number> => {
    const go = await publisher.ready(prefix, { rate, passes });
    sent += count * passes;
    const start = performance.now();
    await go();
    await journalled(place, sent);
    return (count * passes) / ((performance.now() - start) / 1_000);
  };

  const bursts: number[] = [];
  for (let i = 0; i < BURSTS.warm + BURSTS.counted; i++) bursts.push(await pass(1));
  const most = median(bursts.slice(BURSTS.warm));
  const rate = SHARE * most;
  const passesOf = (time: number) => Math.ceil((time * rate) / count);
  await pass(passesOf(warmSeconds), rate);
  const watch = new Watch(place);
  const reached = await pass(passesOf(seconds), rate);
  const { memory, disk } = watch.end();
  const looks = Math.min(LOOKS_A_MINUTE, Math.ceil(memory.length / 3));
  const growth = (values: readonly number[]) => median(values.slice(-looks)) - median(values.slice(0, looks));
  site.remove();
  return {
    figures: {
      "soak.anon_growth_mb": growth(memory),
      "soak.anon_mb": median(memory),
      "soak.anon_most_mb": Math.max(...memory),
      "soak.events_per_s": reached,
      "soak.most_events_per_s": most,
      "soak.disk_most_mb": Math.max(...disk),
      "soak.disk_growth_mb": growth(disk),
    },
    ratios: {
      "soak.rate_vs_most": reached / most,
      "soak.disk_most_vs_asked": (Math.max(...disk) * 1e6) / (KEEP_GIB * 2 ** 30),
    },
  };
}

const LOOK_MS = 5_000;
const LOOKS_A_MINUTE = 60_000 / LOOK_MS;

/** What a place takes of memory and disk, MB, every few seconds from now on. */
class Watch {
  readonly #place: Process;
  readonly #memory: number[] = [];
  readonly #disk: number[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(place: Process) {
    this.#place = place;
    this.#look();
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  end(): { readonly memory: readonly number[]; readonly disk: readonly number[] } {
    clearInterval(this.#timer);
    this.#look();
    return { memory: this.#memory, disk: this.#disk };
  }

  #look(): void {
    this.#memory.push(memoryOf(this.#place.pid).anonymous);
    this.#disk.push(diskOf(this.#place.dataDir) / 1e6);
  }
}

/** What a folder's files take on disk, bytes. */
function diskOf(dir: string): number {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).blocks * 512, 0);
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
