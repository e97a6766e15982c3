import { fork } from "node:child_process";
import { connect, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { median } from "./measure.ts";
import { storeProcess } from "./store.ts";

// Question: what does it cost that an event is scanned, journalled and synced before the answer?
// Shape:    one event per request on 256 connections, in turns against `POST /events` of the store site and against a
//           route of bare Hono that discards the body; each server in a process of its own.

// With few, a client in JavaScript and a server that answers in bursts, one for each commit, wait for each other.
const CONNECTIONS = 256;
const HEAD = /\r\n\r\n/;

export async function bench({ quick }: { quick: boolean }) {
  await using store = await storeProcess();
  await using bare = await bareHono();
  const [rounds, ms] = quick ? [3, 700] : [9, 2_000];
  const rates: { store: number[]; bare: number[] } = { store: [], bare: [] };
  let sent = 0;
  const eventBody = () => {
    sent++;
    const [x, y] = [(sent * 37) % 1808, (sent * 91) % 1315];
    return JSON.stringify({ type: "move", event_id: `bench-${sent}`, id: (sent % 997) + 1, ts: Date.now(), x, y });
  };
  for (let round = 0; round <= rounds; round++) {
    const turns = round % 2 === 0 ? (["store", "bare"] as const) : (["bare", "store"] as const);
    for (const name of turns) {
      const rate = await load(name === "store" ? `${store.url}/events` : bare.url, ms, eventBody);
      if (round > 0) rates[name].push(rate); // the first warms up
    }
  }
  return {
    figures: { "http.events_per_s": median(rates.store), "http.bare_hono_per_s": median(rates.bare) },
    ratios: { "http.event_vs_bare_hono": median(rates.store.map((rate, i) => rate / rates.bare[i]!)) },
  };
}

/** Requests a second that are answered with 2xx. Any other answer is an error. */
async function load(url: string, ms: number, body: () => string): Promise<number> {
  const { hostname, port, pathname, host } = new URL(url);
  const end = performance.now() + ms;
  const counts = await Promise.all(
    Array.from({ length: CONNECTIONS }, () =>
      connection({ hostname, port: Number(port) }, `POST ${pathname} HTTP/1.1\r\nhost: ${host}\r\n`, body, end),
    ),
  );
  return counts.reduce((sum, count) => sum + count, 0) / (ms / 1_000);
}

/** One connection that asks again as soon as it is answered. */
function connection(
  at: { hostname: string; port: number },
  head: string,
  body: () => string,
  end: number,
): Promise<number> {
  return new Promise((done, failed) => {
    let answered = 0;
    let received = "";
    const socket: Socket = connect({ host: at.hostname, port: at.port, noDelay: true });
    const ask = () => {
      const text = body();
      socket.write(`${head}content-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`);
    };
    socket.setEncoding("latin1");
    socket.on("connect", ask).on("error", failed);
    socket.on("data", (text: string) => {
      received += text;
      const at = HEAD.exec(received)?.index;
      if (at === undefined) return;
      const length = Number(/content-length: (\d+)/i.exec(received)?.[1] ?? 0);
      if (received.length < at + 4 + length) return;
      if (!/^HTTP\/1\.1 2/.test(received)) {
        socket.destroy();
        failed(new Error(`answered with ${received.slice(0, 300)}`));
        return;
      }
      received = "";
      answered++;
      if (performance.now() < end) ask();
      else {
        socket.destroy();
        done(answered);
      }
    });
  });
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
