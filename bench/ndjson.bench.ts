import { fork } from "node:child_process";
import { createServer, type IncomingMessage } from "node:http";
import { fileURLToPath } from "node:url";
import { median } from "./measure.ts";
import { linesOf, moveOn, offerSite, Sessions, type Workload, workload } from "./offers.ts";
import { load } from "./requests.ts";
import { siteProcess } from "./store.ts";

// Question: how fast are events taken in over HTTP, a hundred lines of NDJSON a request, scanned, journalled with a
//           sync and folded, against a server of `node:http` that discards the body, and one that parses and folds it
//           by hand in TypeScript and keeps nothing?
// Shape:    64 connections that ask again as soon as they are answered, in turns; each server in a process of its own.

const CONNECTIONS = 64;
const EVENTS = 100;
/** Bodies made before; then their times move on. */
const BODIES = 400;
/** From one event to the next, ms: a connection that has to wait for long is not so late that its events are refused. */
const EVERY_MS = 25;
const PEERS = ["discard", "parse"] as const;

export async function bench({ quick }: { quick: boolean }) {
  const site = offerSite();
  await using durable = await siteProcess(site.dir, []);
  await using discard = await peer("discard");
  await using parse = await peer("parse");
  const urls = { durable: `${durable.url}/events`, discard: discard.url, parse: parse.url };
  const names = Object.keys(urls) as (keyof typeof urls)[];
  const bodies = Object.fromEntries(names.map((name) => [name, new Bodies(quick ? 4_000 : 20_000)]));
  const rates: Record<string, number[]> = Object.fromEntries(names.map((name) => [name, []]));
  const [rounds, ms] = quick ? [3, 700] : [9, 2_000];
  for (let round = 0; round <= rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const body = () => bodies[name]!.next();
      const rate = await load(urls[name], { connections: CONNECTIONS, ms, media: "application/x-ndjson", body });
      if (round > 0) rates[name]!.push(rate * EVENTS); // the first warms up
    }
  }
  site.remove();
  const against = (name: string) => median(rates.durable!.map((rate, i) => rate / rates[name]![i]!));
  return {
    figures: { "ingest.http_ndjson_durable_per_s": median(rates.durable!) },
    ratios: {
      "ingest.http_ndjson_durable_vs_discard": against("discard"),
      "ingest.http_ndjson_durable_vs_json_parse": against("parse"),
    },
  };
}

/** Requests of a hundred events each; every one later than those before. */
class Bodies {
  readonly #load: Workload;
  readonly #bodies: Buffer[];
  #next = 0;

  constructor(identities: number) {
    this.#load = workload(identities, BODIES * EVENTS, EVERY_MS);
    this.#bodies = Array.from({ length: BODIES }, (_, i) => linesOf(this.#load, i * EVENTS, EVENTS));
  }

  next(): Buffer {
    const number = this.#next++;
    const from = (number % BODIES) * EVENTS;
    moveOn(this.#load, from, EVENTS, Math.floor(number / BODIES) * BODIES * EVENTS);
    return this.#bodies[number % BODIES]!;
  }
}

interface Peer extends AsyncDisposable {
  readonly url: string;
}

async function peer(what: (typeof PEERS)[number]): Promise<Peer> {
  const child = fork(fileURLToPath(import.meta.url), { env: { ...process.env, AISLE_BENCH_PEER: what } });
  const port = await new Promise((done) => child.once("message", done));
  return {
    url: `http://127.0.0.1:${port}/`,
    async [Symbol.asyncDispose]() {
      const ended = new Promise((done) => child.once("exit", done));
      child.kill();
      await ended;
    },
  };
}

/** The child: a server that throws bodies away, or parses and folds them. */
function serve(what: string): void {
  const sessions = new Sessions();
  const take = (incoming: IncomingMessage, then: () => void) => {
    if (what === "discard") incoming.resume().on("end", then);
    else {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => {
        for (const line of Buffer.concat(chunks).toString().split("\n"))
          if (line !== "") sessions.event(JSON.parse(line));
        then();
      });
    }
  };
  const answer = JSON.stringify({ accepted: EVENTS, duplicate: 0, rejected: [] });
  const server = createServer((incoming, outgoing) =>
    take(incoming, () => outgoing.writeHead(202, { "content-type": "application/json" }).end(answer)),
  );
  server.listen(0, "127.0.0.1", () => process.send!((server.address() as { port: number }).port));
  process.on("disconnect", () => process.exit());
}

if (process.env.AISLE_BENCH_PEER !== undefined) serve(process.env.AISLE_BENCH_PEER);
