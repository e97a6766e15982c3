import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { median } from "./measure.ts";
import { load } from "./requests.ts";
import { storeProcess } from "./store.ts";

// Question: what does it cost that an event is scanned, journalled and synced before the answer?
// Shape:    one event per request on 256 connections, in turns against `POST /events` of the store site and against a
//           route of bare Hono that discards the body; each server in a process of its own.

// With few, a client in JavaScript and a server that answers in bursts, one for each commit, wait for each other.
const CONNECTIONS = 256;

export async function bench({ quick }: { quick: boolean }) {
  await using store = await storeProcess();
  await using bare = await bareHono();
  const [rounds, ms] = quick ? [3, 700] : [9, 2_000];
  const rates: { store: number[]; bare: number[] } = { store: [], bare: [] };
  let sent = 0;
  const body = () => {
    sent++;
    const [x, y] = [(sent * 37) % 1808, (sent * 91) % 1315];
    const event = { type: "move", event_id: `bench-${sent}`, id: (sent % 997) + 1, ts: Date.now(), x, y };
    return Buffer.from(JSON.stringify(event));
  };
  const how = { connections: CONNECTIONS, ms, media: "application/json", body };
  for (let round = 0; round <= rounds; round++) {
    const turns = round % 2 === 0 ? (["store", "bare"] as const) : (["bare", "store"] as const);
    for (const name of turns) {
      const rate = await load(name === "store" ? `${store.url}/events` : bare.url, how);
      if (round > 0) rates[name].push(rate); // the first warms up
    }
  }
  return {
    figures: { "http.events_per_s": median(rates.store), "http.bare_hono_per_s": median(rates.bare) },
    ratios: { "http.event_vs_bare_hono": median(rates.store.map((rate, i) => rate / rates.bare[i]!)) },
  };
}

/** The other side of the comparison, in a process of its own. */
async function bareHono(): Promise<AsyncDisposable & { url: string }> {
  const child = fork(fileURLToPath(import.meta.url), {
    env: { ...process.env, AISLE_BENCH_BARE: "1", AISLE_BENCH_FILE: "" },
  });
  const port = await new Promise<number>((done, failed) => {
    child.once("message", (message) => done(message as number));
    child.once("exit", (code) => failed(new Error(`the bare server ended with ${code}`)));
  });
  return {
    url: `http://127.0.0.1:${port}/events`,
    async [Symbol.asyncDispose]() {
      const ended = new Promise((done) => child.once("exit", done));
      child.kill("SIGTERM");
      await ended;
    },
  };
}

if (process.env.AISLE_BENCH_BARE === "1") {
  const app = new Hono().post("/events", async (c) => {
    await c.req.arrayBuffer();
    return c.json({ accepted: 1, duplicate: 0, rejected: [] }, 202);
  });
  serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => process.send!(port));
}
