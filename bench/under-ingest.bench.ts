import { type ChildProcess, fork } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { subject } from "../runtime/bus/subject.ts";
import { median } from "./measure.ts";
import { load } from "./requests.ts";
import { clock, departmentOf, schedule, Windows } from "./schedule.ts";
import { siteHere } from "./store.ts";

// Question: how long from a focus event to the published offer, durable, while other events are taken in at half of the
//           rate that the place can take?
// Shape:    as `decide`, in a store whose shelves report too: `glance` events that the transforms fold and no actor
//           hears, a hundred lines of NDJSON a request over 64 connections from a process of its own, which made the
//           bodies before. First as fast as they are taken, some rounds whose median is the most; then at half of that.

const CUSTOMERS = 997;
const UTF8 = new TextEncoder();
const EVENTS = 100;
const CONNECTIONS = 64;
/** Bodies made before; then their times move on. */
const BODIES = 400;

export async function bench({ quick }: { quick: boolean }) {
  const [seconds, warm, rounds, roundSeconds] = quick ? [6, 2, 3, 0.7] : [24, 4, 9, 2];
  const dir = shelvedStore();
  await using store = await siteHere(dir);
  const { place } = store;
  using glances = new Glances(`${place.url}/events`);
  const rates: number[] = [];
  for (let round = 0; round <= rounds; round++) rates.push(await glances.send(roundSeconds));
  const most = median(rates.slice(1)); // the first warms up
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

  /** @param rate  events a second; without: as fast as they are taken @returns events a second */
  send(seconds: number, rate?: number): Promise<number> {
    return new Promise((done, failed) => {
      const gone = () => failed(new Error("nobody sends glances any more"));
      this.#child.once("exit", gone);
      this.#child.once("message", (answer) => {
        this.#child.off("exit", gone);
        done(Number(answer));
      });
      this.#child.send({ seconds, rate });
    });
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}

/** Requests of a hundred glances each, at the time at which they are asked for. */
class Bodies {
  readonly #bodies = Array.from({ length: BODIES }, (_, body) => bodyOf(body * EVENTS));
  #next = 0;

  next(): Buffer {
    const { bytes, timesAt } = this.#bodies[this.#next++ % BODIES]!;
    const now = Buffer.from(String(Date.now()));
    for (const at of timesAt) now.copy(bytes, at);
    return bytes;
  }
}

/** And where in it the times stand. */
function bodyOf(from: number): { readonly bytes: Buffer; readonly timesAt: readonly number[] } {
  const heads = Array.from({ length: EVENTS }, (_, i) => {
    const number = from + i;
    return `{"type":"glance","id":${(number % CUSTOMERS) + 1},"shelf":${number % 40},"ts":`;
  });
  const now = String(Date.now());
  const timesAt: number[] = [];
  let text = "";
  for (const head of heads) {
    timesAt.push(text.length + head.length);
    text += `${head}${now}}\n`;
  }
  return { bytes: Buffer.from(text), timesAt };
}

const url = process.env.AISLE_BENCH_GLANCES;
if (url !== undefined) {
  const bodies = new Bodies();
  const shape = { connections: CONNECTIONS, media: "application/x-ndjson", body: () => bodies.next() };
  process.on("message", async ({ seconds, rate }: { seconds: number; rate?: number }) => {
    const each = rate === undefined ? undefined : rate / EVENTS;
    process.send!((await load(url, { ...shape, ms: seconds * 1_000, rate: each })) * EVENTS);
  });
  process.on("disconnect", () => process.exit());
}
