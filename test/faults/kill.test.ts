// The real process, and the real server, ended by `kill -9` under load, again and again: over HTTP, by the fast lane, and
// from a stream, with checkpoints made meanwhile. `npm run test:crash` does it often.
import { rmSync } from "node:fs";
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from "vitest";
import { NatsBus } from "../../runtime/bus/nats.ts";
import { type Up, up } from "../support/cli.ts";
import { describeWithNats, type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { temporary } from "../support/place.ts";
import { prng } from "../support/prng.ts";
import { type Publisher, publisherAt } from "../support/streaming.ts";
import { each, into, Load, lostOf, messagesOf, over, plainIn, readAccount, through } from "./real/load.ts";
import { killSite } from "./real/site.ts";
import {
  begunFrom,
  countsIn,
  countsOf,
  firstDifference,
  metricOf,
  miscounted,
  replayedFrom,
  seenAt,
} from "./real/state.ts";

const SEED = Number(process.env.AISLE_SEED ?? 20_261_126);
/** How often the runtime is killed, and how often the server. */
const KILLS = Number(process.env.AISLE_KILLS ?? 5);
const SERVER_KILLS = Number(process.env.AISLE_SERVER_KILLS ?? 3);
/** After so many kills the journal is read, and the state compared with it: it grows. */
const CHECKED = KILLS > 50 ? 5 : 1;
/** After so many it is replayed too, on a copy. */
const REPLAYED = 25;
/** Of so many lives one goes on until it has made a checkpoint. */
const LONG = 4;
/** A place that was killed answers nobody: less than a life of those that follow. */
const PATIENCE_MS = 500;
const PUBLISHERS = 2;
/** What comes faster makes no more ways to be killed, only a longer journal. */
const PAUSE_MS = 25;
const BASE = "aisle.store.box";
const TILLS = "tills.events.mixed";
/** Where the events of the tills begin to be counted. */
const TILLS_AFTER = 100_000_000;

describeWithNats(`under load over HTTP, NATS and a stream (seed ${SEED})`, () => {
  let dataDir: string;
  let site: string;
  /** The same without a bus. */
  let alone: string;
  let server: NatsServer;
  let bus: NatsBus;
  let tills: Publisher;
  let random: () => number;
  /** What the place acknowledges; and what the stream does. */
  let load: Load;
  let kept: Load;
  let place: Up | null = null;

  beforeEach(async () => {
    dataDir = temporary();
    [site, alone] = [killSite(["TILLS"]), killSite()];
    server = await startNatsServer({ jetStream: true });
    bus = new NatsBus({ servers: server.url, onError: () => {} });
    await bus.whenHere();
    tills = await publisherAt(server.url, { name: "TILLS", subjects: ["tills.>"] });
    random = prng(SEED);
    load = new Load(random, { plain: true, pauseMs: PAUSE_MS });
    kept = new Load(random, { plain: true, after: TILLS_AFTER, pauseMs: PAUSE_MS });
  });

  afterEach(async () => {
    await place?.end("SIGKILL");
    place = null;
    await bus.drain();
    await server[Symbol.asyncDispose]();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const begin = async () => {
    const args = [site, "--port", "0", "--no-play", "--data", dataDir, "--place", "box", "--nats", server.url];
    place = await up(args);
    return place;
  };

  /** All kinds of publishers, until `isOver`. */
  const run = async ({ url }: Up, isOver: () => boolean) => {
    const ways = [over(url), through(bus, BASE, PATIENCE_MS), each(bus, BASE, PATIENCE_MS)];
    await Promise.all([
      ...ways.map((send) => load.run(send, PUBLISHERS, isOver)),
      kept.run(into(tills.connection.jetstream(), TILLS), 1, isOver),
    ]);
  };

  /** For a while; then something happens, still under load. */
  const under = async (at: Up, happens: () => Promise<void>) => {
    let isOver = false;
    const happened = new Promise((done) => setTimeout(done, 20 + random() * 400)).then(happens).finally(() => {
      isOver = true;
    });
    await run(at, () => isOver);
    await happened;
  };

  /** Resolves when the place has all of the stream. */
  const readAll = async ({ url }: Up) => {
    const { state } = await tills.manager.streams.info("TILLS");
    await vi.waitFor(async () => expect(await metricOf(url, "stream_position")).toBe(state.last_seq), WAIT);
  };

  /** Resolves when the place has made a checkpoint: it takes the longer the more is on the board. */
  const savedBy = async ({ url }: Up) => {
    const before = await metricOf(url, "checkpoint_seq");
    await vi.waitFor(async () => expect(await metricOf(url, "checkpoint_seq")).toBeGreaterThan(before!), SAVED);
  };

  /** What is left is sent, and goes out. */
  const settle = async (at: Up, send: Parameters<Load["rest"]>[0]) => {
    await load.rest(send);
    await kept.rest(into(tills.connection.jetstream(), TILLS));
    await readAll(at);
    await vi.waitFor(async () => expect(await metricOf(at.url, "outbox_waiting")).toBe(0), WAIT);
  };

  /**
   * Nobody publishes: all that was acknowledged is in the journal once, and in the state once; what was decided was
   * decided once.
   */
  const check = async (at: Up) => {
    await readAll(at);
    const account = await readAccount(dataDir);
    expect(lostOf(account, load)).toEqual([]);
    expect(lostOf(account, kept)).toEqual([]);
    expect(miscounted(await countsOf(at.url), countsIn(account))).toEqual([]);
    return account;
  };

  /** Nobody has the folder open: what a start makes of it is what a replay of the journal alone makes of it. */
  const checkReplay = async () => {
    const now = Date.now();
    const begun = await begunFrom(dataDir, alone, now, true);
    const fresh = await begunFrom(dataDir, alone, now, false);
    expect(begun.warnings).toEqual([]);
    expect(begun.from).toBeGreaterThan(1);
    expect(fresh.from).toBe(1);
    expect(firstDifference(begun.digest, fresh.digest)).toBeNull();
    return fresh.digest;
  };

  /** The place is in the state that a replay of its journal is in. */
  const checkEnd = async (at: Up) => {
    const seen = await seenAt(at.url);
    expect(await at.end("SIGTERM")).toBe(0);
    const { offers: _, ...fresh } = await checkReplay();
    expect(firstDifference(seen, fresh)).toBeNull();
  };

  it(`${KILLS} times, a place loses nothing and doubles nothing`, { timeout: 60_000 + KILLS * 30_000 }, async () => {
    const told = new Map<string, string>();
    const twice: string[] = [];
    bus.subscribe(`${BASE}.offers.>`, ({ headers, payload }) => {
      const [id, content] = [headers["Nats-Msg-Id"]!, Buffer.from(payload).toString()];
      if ((told.get(id) ?? content) !== content) twice.push(id);
      told.set(id, content);
    });
    let [fromCheckpoint, byLane] = [0, 0];

    for (let round = 0; round < KILLS; round++) {
      const at = await begin();
      if (replayedFrom(at) > 1) fromCheckpoint++;
      if (round % CHECKED === CHECKED - 1) await check(at);
      if (round % LONG === 1) {
        await under(at, async () => {});
        await savedBy(at); // at rest: under load it takes the longer, and all that comes meanwhile makes the next one larger
      }
      await under(at, async () => {
        byLane += (await metricOf(at.url, "lane_messages_total")) ?? 0;
        await at.end("SIGKILL");
      });
      // The next life finds more in the stream than this one has seen.
      await kept.send(into(tills.connection.jetstream(), TILLS));
      if (round % REPLAYED === REPLAYED - 1 || round === KILLS - 1) await checkReplay();
      if (round % 10 === 9) process.stderr.write(`${round + 1} of ${KILLS} kills\n`);
    }
    const at = await begin();
    await settle(at, over(at.url));
    const account = await check(at);
    await checkEnd(at);

    expect(twice).toEqual([]);
    const decided = [...account.decisions.values()];
    expect(decided.length).toBeGreaterThan(0);
    expect(decided.filter(({ id, text }) => told.get(id) !== text).map(({ id }) => id)).toEqual([]);
    const known = new Set(decided.map(({ id }) => id));
    expect([...told.keys()].filter((id) => !known.has(id))).toEqual([]);
    // It was no other way than the one that is meant.
    expect(Math.min(kept.acknowledged.size, byLane, await plainIn(dataDir))).toBeGreaterThan(0);
    expect(fromCheckpoint).toBeGreaterThan(0);
  });

  it(`${SERVER_KILLS} times, a server takes nothing along that is durable`, {
    timeout: 60_000 + SERVER_KILLS * 60_000, // the replay at the end takes most of it
  }, async () => {
    await tills.manager.streams.add({ name: "OFFERS", subjects: [`${BASE}.offers.>`] });
    const at = await begin();
    let isOver = false;
    onTestFinished(() => {
      isOver = true;
    });
    const loaded = run(at, () => isOver);

    for (let round = 0; round < SERVER_KILLS; round++) {
      await new Promise((done) => setTimeout(done, 50 + random() * 300));
      await server.kill();
      await new Promise((done) => setTimeout(done, random() * 300));
      await server.restart();
      await vi.waitFor(() => expect(bus.state).toBe("here"), { timeout: 30_000, interval: 20 });
      // Over the new server too something gets through, and into the stream.
      const before = [load, kept].map(({ acknowledged }) => acknowledged.size);
      const more = () => [load, kept].every(({ acknowledged }, i) => acknowledged.size > before[i]!);
      await vi.waitFor(() => expect(more()).toBe(true), WAIT);
      if (round % 10 === 9) process.stderr.write(`${round + 1} of ${SERVER_KILLS} kills\n`);
    }
    isOver = true;
    await loaded;
    await settle(at, through(bus, BASE));
    const account = await check(at);
    expect(await metricOf(at.url, "lane_messages_total")).toBeGreaterThan(0);
    await checkEnd(at);

    // Whether the place took its word for it or not: the stream has each decision, and as it was made.
    const offers = await messagesOf(tills, "OFFERS");
    const decided = [...account.decisions.values()];
    expect(decided.length).toBeGreaterThan(0);
    expect(decided.filter(({ id, text }) => offers.get(id) !== text).map(({ id }) => id)).toEqual([]);
    expect(offers.size).toBe(decided.length);
  });
});

const WAIT = { timeout: 20_000, interval: 50 };
const SAVED = { timeout: 120_000, interval: 100 };
