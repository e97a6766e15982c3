// The real process, and the real server, ended by `kill -9` under load, again and again. `npm run test:crash` does it often.
import { rmSync } from "node:fs";
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from "vitest";
import { NatsBus } from "../../runtime/bus/nats.ts";
import { type Up, up } from "../support/cli.ts";
import { describeWithNats, type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { STORE, temporary } from "../support/place.ts";
import { prng } from "../support/prng.ts";
import { Load, lostOf, over, readAccount, through } from "./real/load.ts";

const SEED = Number(process.env.AISLE_SEED ?? 20_261_126);
/** How often the runtime is killed, and how often the server. */
const KILLS = Number(process.env.AISLE_KILLS ?? 8);
const SERVER_KILLS = Number(process.env.AISLE_SERVER_KILLS ?? 4);
const PUBLISHERS = 3;
const BASE = "aisle.store.box";

describeWithNats(`under load over HTTP and NATS (seed ${SEED})`, () => {
  let dataDir: string;
  let server: NatsServer;
  let bus: NatsBus;
  let place: Up | null = null;

  beforeEach(async () => {
    dataDir = temporary();
    server = await startNatsServer({ jetStream: true });
    bus = new NatsBus({ servers: server.url, onError: () => {} });
    await bus.whenHere();
  });

  afterEach(async () => {
    await place?.end("SIGKILL");
    place = null;
    await bus.drain();
    await server[Symbol.asyncDispose]();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const begin = async () => {
    const args = [STORE, "--port", "0", "--no-play", "--data", dataDir, "--place", "box", "--nats", server.url];
    place = await up(args);
    return place;
  };

  /** Both kinds of publishers, until `isOver`. */
  const run = async (load: Load, { url }: Up, isOver: () => boolean) => {
    await Promise.all([load.run(over(url), PUBLISHERS, isOver), load.run(through(bus, BASE), PUBLISHERS, isOver)]);
  };

  /** All that was acknowledged is there, once; what was decided was decided once. */
  const check = async (load: Load) => {
    const account = await readAccount(dataDir);
    expect(lostOf(account, load)).toEqual([]);
    expect(load.acknowledged.size).toBeGreaterThan(0);
    expect(account.decisions.size).toBeGreaterThan(0);
    return account;
  };

  /** Decisions that the bus has not confirmed. */
  const waiting = async ({ url }: Up) => {
    const text = await fetch(`${url}/metrics`).then((response) => response.text());
    return Number(/^aisle_outbox_waiting\S* (\S+)$/m.exec(text)?.[1]);
  };

  it(`${KILLS} times, a place loses nothing and doubles nothing`, { timeout: 60_000 + KILLS * 10_000 }, async () => {
    const random = prng(SEED);
    const load = new Load(random);
    const told = new Map<string, string>();
    const twice: string[] = [];
    bus.subscribe(`${BASE}.offers.>`, ({ headers, payload }) => {
      const [id, content] = [headers["Nats-Msg-Id"]!, Buffer.from(payload).toString()];
      if ((told.get(id) ?? content) !== content) twice.push(id);
      told.set(id, content);
    });

    for (let round = 0; round < KILLS; round++) {
      const at = await begin();
      let isOver = false;
      const killed = new Promise((done) => setTimeout(done, 20 + random() * 400))
        .then(() => at.end("SIGKILL"))
        .finally(() => {
          isOver = true;
        });
      await run(load, at, () => isOver);
      await killed;
      if (round % 10 === 9) process.stderr.write(`${round + 1} of ${KILLS} kills\n`);
    }
    const at = await begin();
    await load.rest(over(at.url));
    await vi.waitFor(async () => expect(await waiting(at)).toBe(0), { timeout: 20_000, interval: 50 });
    expect(await at.end("SIGTERM")).toBe(0);

    const account = await check(load);
    expect(twice).toEqual([]);
    const decided = [...account.decisions.values()];
    expect(decided.filter(({ id, text }) => told.get(id) !== text).map(({ id }) => id)).toEqual([]);
    const known = new Set(decided.map(({ id }) => id));
    expect([...told.keys()].filter((id) => !known.has(id))).toEqual([]);
  });

  it(`${SERVER_KILLS} times, a server takes nothing along that is durable`, {
    timeout: 60_000 + SERVER_KILLS * 20_000,
  }, async () => {
    const random = prng(SEED);
    const load = new Load(random);
    const at = await begin();
    let isOver = false;
    onTestFinished(() => {
      isOver = true;
    });
    const loaded = run(load, at, () => isOver);

    for (let round = 0; round < SERVER_KILLS; round++) {
      await new Promise((done) => setTimeout(done, 50 + random() * 300));
      await server.kill();
      await new Promise((done) => setTimeout(done, random() * 300));
      await server.restart();
      await vi.waitFor(() => expect(bus.state).toBe("here"), { timeout: 30_000, interval: 20 });
      // Over the new server too something gets through.
      const before = load.acknowledged.size;
      await vi.waitFor(() => expect(load.acknowledged.size).toBeGreaterThan(before), { timeout: 20_000 });
      if (round % 10 === 9) process.stderr.write(`${round + 1} of ${SERVER_KILLS} kills\n`);
    }
    isOver = true;
    await loaded;
    await load.rest(through(bus, BASE));
    await vi.waitFor(async () => expect(await waiting(at)).toBe(0), { timeout: 20_000, interval: 50 });
    expect(await at.end("SIGTERM")).toBe(0);
    await check(load);
  });
});
