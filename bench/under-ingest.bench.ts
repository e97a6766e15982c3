import { type ChildProcess, fork } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { subject } from "../runtime/bus/subject.ts";
import { clock, departmentOf, schedule, Windows } from "./schedule.ts";
import { siteHere } from "./store.ts";

// Question: how long from a focus event to the published offer, durable, while other events are taken in at half of the
//           rate that the place can take?
// Shape:    as `decide`, in a store whose shelves report too: `glance` events that the transforms fold and no actor
//           hears, a hundred a request from a process of its own; first as fast as they are taken, then at half of that.

const CUSTOMERS = 997;
const UTF8 = new TextEncoder();
const EVENTS = 100;

export async function bench({ quick }: { quick: boolean }) {
  const [seconds, warm] = quick ? [6, 2] : [24, 4];
  const dir = shelvedStore();
  await using store = await siteHere(dir);
  const { place } = store;
  using glances = new Glances(`${place.url}/events`);
  const most = await glances.send(quick ? 2 : 6, null);
  const fromReceipt = new Windows();
  const waiting = new Map<string, number[]>();
  place.bus.subscribe(subject(place.base, "offers").concat(".*"), (message) => {
    const customer = message.subject.slice(message.subject.lastIndexOf(".") + 1);
    const received = waiting.get(customer)!.shift()!;
    fromReceipt.add(received, clock() - received);
  });
  let sent = 0;
  const under = glances.send(warm + seconds, most / 2);
  await schedule(warm + seconds, () => {
    const received = clock();
    const id = String((sent % CUSTOMERS) + 1);
    const dep = departmentOf(Math.floor(sent++ / CUSTOMERS));
    const queue = waiting.get(id);
    if (queue === undefined) waiting.set(id, [received]);
    else queue.push(received);
    place.bus.publish(subject(place.base, "events", "focus"), UTF8.encode(JSON.stringify({ id, dep, ts: Date.now() })));
  });
  const rate = await under;
  while (fromReceipt.count < sent) await new Promise((done) => setTimeout(done, 5));
  rmSync(dir, { recursive: true, force: true });
  return {
    figures: {
      "decide.focus_to_offer_p99_ms_under_ingest": fromReceipt.median(warm, 0.99),
      "decide.focus_to_offer_p50_ms_under_ingest": fromReceipt.median(warm, 0.5),
      "decide.ingest_beside_per_s": rate,
      "decide.ingest_most_per_s": most,
    },
    ratios: {},
  };
}

/** The store site, and a type of event that no actor hears. */
function shelvedStore(): string {
  const dir = mkdtempSync(join(tmpdir(), "aisle-bench-site-"));
  cpSync(resolve("deploy/sites/store"), dir, { recursive: true });
  const file = join(dir, "site.yml");
  const text = readFileSync(file, "utf8");
  const shelved = text.replace("\n  types:\n", "\n  types:\n    glance: {}\n");
  if (shelved === text) throw new Error("the store site has no 'types:' where they were");
  writeFileSync(file, shelved);
  return dir;
}

/** The process that sends glances. */
class Glances implements Disposable {
  readonly #child: ChildProcess;

  constructor(url: string) {
    this.#child = fork(fileURLToPath(import.meta.url), { env: { ...process.env, AISLE_BENCH_GLANCES: url } });
  }

  /** @param rate  events a second; null: as fast as they are taken @returns events a second */
  send(seconds: number, rate: number | null): Promise<number> {
    return new Promise((done, failed) => {
      this.#child.once("message", (answer) => done(Number(answer)));
      this.#child.once("exit", () => failed(new Error("nobody sends glances any more")));
      this.#child.send({ seconds, rate });
    });
  }

  [Symbol.dispose](): void {
    this.#child.removeAllListeners("exit");
    this.#child.kill("SIGKILL");
  }
}

const CONNECTIONS = 8;

async function send(url: string, seconds: number, rate: number | null): Promise<number> {
  const start = performance.now();
  const end = start + seconds * 1_000;
  let sent = 0;
  const one = async () => {
    while (performance.now() < end) {
      const due = rate === null ? Number.POSITIVE_INFINITY : ((performance.now() - start) / 1_000) * rate;
      if (sent + EVENTS > due) {
        await new Promise((done) => setTimeout(done, 1));
        continue;
      }
      const from = sent;
      sent += EVENTS;
      const lines = Array.from({ length: EVENTS }, (_, i) =>
        JSON.stringify({ type: "glance", id: ((from + i) % CUSTOMERS) + 1, shelf: (from + i) % 40, ts: Date.now() }),
      );
      const headers = { "content-type": "application/x-ndjson" };
      const answer = await fetch(url, { method: "POST", headers, body: lines.join("\n") });
      if (answer.status !== 202) throw new Error(`answered with ${answer.status}: ${await answer.text()}`);
      await answer.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
  return sent / ((performance.now() - start) / 1_000);
}

const url = process.env.AISLE_BENCH_GLANCES;
if (url !== undefined) {
  process.on("message", async ({ seconds, rate }: { seconds: number; rate: number | null }) => {
    process.send!(await send(url, seconds, rate));
  });
  process.on("disconnect", () => process.exit());
}
