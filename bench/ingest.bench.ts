import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "lmdb";
import { connect as connectNats } from "nats";
import { median, quantileOf } from "./measure.ts";
import { natsServer } from "./nats.ts";
import { offerSite, Sessions } from "./offers.ts";
import { Publisher } from "./publisher.ts";
import { type Running, siteHere } from "./store.ts";

// Question: how fast are events taken in from NATS, scanned, journalled with a sync and folded by the offer-ai spec,
//           against a bare subscriber that only counts them, and against the same by hand in TypeScript? How long does
//           an acknowledgement take at half of that rate?
// Shape:    a burst of recorded game events with identities and times replaced, from a publisher in a process of its
//           own through a real nats-server on the same cores; each candidate takes the same burst, in turns.
// Clocks:   from the word to the publisher to the last event durable (or counted). The fold runs behind the journal, by
//           a bounded number of events; `…_folded` stops its clock when it has all.

const SUBJECT = "aisle.offers";
/** A server that waits for the slowest candidate instead of dropping it. */
const MAX_PENDING = 1024 * 1024 * 1024;
/** Every so many events of the paced run is a request. */
const ASK_EVERY = 50;

interface Candidate extends AsyncDisposable {
  /** Subjects are `<prefix>.<type>`. */
  readonly prefix: string;
  /** From now on until so many more events are taken; resolves with the ms of the clock at which it was so. */
  taken(count: number): Promise<{ readonly durable: number; readonly folded: number }>;
}

export async function bench({ quick }: { quick: boolean }) {
  const [count, identities, rounds] = quick ? [40_000, 4_000, 3] : [200_000, 20_000, 9];
  await using server = await natsServer({ maxPending: MAX_PENDING });
  using publisher = new Publisher(server.url, { identities, count });
  await using raw = await rawSubscriber(server.url);
  await using client = await place(server.url, "client", "off");
  await using lane = await place(server.url, "lane", "auto");
  await using typescript = await plainTypescript(server.url);
  const candidates = { raw, client, lane, typescript };
  const names = Object.keys(candidates) as (keyof typeof candidates)[];

  const durable: Record<string, number[]> = Object.fromEntries(names.map((name) => [name, []]));
  const folded: Record<string, number[]> = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const candidate = candidates[name];
      const go = await publisher.ready(candidate.prefix);
      const taken = candidate.taken(count);
      const start = performance.now();
      const [, ended] = await Promise.all([go(), taken]);
      if (round === 0) continue; // warms up
      durable[name]!.push(count / ((ended.durable - start) / 1_000));
      folded[name]!.push(count / ((ended.folded - start) / 1_000));
    }
  }
  const ratio = (rates: Record<string, number[]>, of: string, against: string) =>
    median(rates[of]!.map((rate, round) => rate / rates[against]![round]!));

  const rate = median(durable.lane!) / 2;
  const passes = Math.max(1, Math.round(((quick ? 4 : 20) * rate) / count));
  const go = await publisher.ready(lane.prefix, { rate, askEvery: ASK_EVERY, passes });
  const [answers] = await Promise.all([go(), lane.taken(count * passes)]);
  const windows = answers.slice(1, -1).filter(({ length }) => length > 0);
  return {
    figures: {
      "ingest.raw_subscriber_per_s": median(durable.raw!),
      "ingest.nats_durable_per_s": median(durable.client!),
      "ingest.fast_lane_durable_per_s": median(durable.lane!),
      "ingest.ack_p99_ms": median(windows.map((window) => quantileOf(window, 0.99))),
      "ingest.ack_p50_ms": median(windows.map((window) => quantileOf(window, 0.5))),
      "ingest.ack_at_events_per_s": rate,
    },
    ratios: {
      "ingest.nats_durable_vs_raw_subscriber": ratio(durable, "client", "raw"),
      "ingest.nats_folded_vs_raw_subscriber": ratio(folded, "client", "raw"),
      "ingest.fast_lane_durable_vs_raw_subscriber": ratio(durable, "lane", "raw"),
      "ingest.fast_lane_folded_vs_raw_subscriber": ratio(folded, "lane", "raw"),
      "ingest.fast_lane_durable_vs_plain_typescript": ratio(durable, "lane", "typescript"),
    },
  };
}

/** A subscription of the package `nats` with a callback that counts. */
async function rawSubscriber(url: string): Promise<Candidate> {
  const connection = await connectNats({ servers: url });
  const counter = new Counter();
  let bytes = 0;
  connection.subscribe("bare.>", {
    callback: (_, message) => {
      bytes += message.data.length;
      counter.add(1);
    },
  });
  await connection.flush();
  return {
    prefix: "bare",
    taken: (count) => counter.after(count),
    async [Symbol.asyncDispose]() {
      await connection.close();
      if (bytes === 0) throw new Error("the bare subscriber heard nothing");
    },
  };
}

/** What somebody would write: `JSON.parse`, a Map of objects, and those that changed into LMDB, a batch at a time. */
async function plainTypescript(url: string): Promise<Candidate> {
  const dir = mkdtempSync(join(tmpdir(), "aisle-bench-plain-"));
  const database = open<unknown, string>({ path: dir });
  const connection = await connectNats({ servers: url });
  const counter = new Counter();
  const sessions = new Sessions();
  const dirty = new Set<string>();
  let heard = 0;
  let writing = false;
  const write = async () => {
    writing = true;
    while (dirty.size > 0) {
      const upTo = heard;
      const changed = [...dirty];
      dirty.clear();
      await database.transaction(() => {
        for (const identity of changed) database.put(identity, sessions.state(identity));
      });
      counter.reach(upTo);
    }
    writing = false;
  };
  const decoder = new TextDecoder();
  connection.subscribe("plain.>", {
    callback: (_, { data }) => {
      heard++;
      dirty.add(sessions.event(JSON.parse(decoder.decode(data))));
      if (!writing) void write();
    },
  });
  await connection.flush();
  return {
    prefix: "plain",
    taken: (count) => counter.after(count),
    async [Symbol.asyncDispose]() {
      await connection.close();
      await database.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** A place on the bus; `lane` as in its site's file. */
async function place(url: string, name: string, lane: "auto" | "off"): Promise<Candidate> {
  const site = offerSite([`  lane: ${lane}`]);
  const running = await siteHere(site.dir, { nats: url, place: name });
  return {
    prefix: `${SUBJECT}.${name}.events`,
    taken: (count) => takenBy(running, count),
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      site.remove();
    },
  };
}

/** When so many more events are on disk, and when all specs have them. */
async function takenBy({ place: { journal, transforms } }: Running, count: number) {
  const goal = journal.lastSeq + count;
  const durable = await new Promise<number>((done) => {
    let isDone = false;
    journal.onCommit((_, { lastSeq }) => {
      if (isDone || lastSeq < goal) return;
      isDone = true;
      done(performance.now());
    });
  });
  while (transforms.queued > 0) await new Promise((done) => setImmediate(done));
  return { durable, folded: performance.now() };
}

/** Counts, and tells when a count is reached. */
class Counter {
  #count = 0;
  #goal = Number.POSITIVE_INFINITY;
  #done: (at: { durable: number; folded: number }) => void = () => {};

  add(more: number): void {
    this.reach(this.#count + more);
  }

  reach(count: number): void {
    this.#count = count;
    if (count < this.#goal) return;
    this.#goal = Number.POSITIVE_INFINITY;
    const at = performance.now();
    this.#done({ durable: at, folded: at });
  }

  after(more: number): Promise<{ durable: number; folded: number }> {
    this.#goal = this.#count + more;
    return new Promise((done) => {
      this.#done = done;
    });
  }
}
