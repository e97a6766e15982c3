// The real place on a real LMDB, whose disk is made slow, broken or full beneath it.
import { rmSync } from "node:fs";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type Up, up } from "../support/cli.ts";
import { describeWithFaultyDisk, EIO, FaultyRealDisk } from "../support/faulty-disk.ts";
import { STORE, temporary } from "../support/place.ts";
import { prng } from "../support/prng.ts";
import { Load, lostOf, over, readAccount } from "./real/load.ts";

const SEED = Number(process.env.AISLE_SEED ?? 20_261_126);
const PUBLISHERS = 4;

describeWithFaultyDisk(`a place whose disk (seed ${SEED})`, () => {
  let dataDir: string;
  let disk: FaultyRealDisk;
  let load: Load;
  let place: Up | null = null;

  beforeEach(() => {
    dataDir = temporary();
    disk = new FaultyRealDisk("/journal/data.mdb");
    load = new Load(prng(SEED));
  });

  afterEach(async () => {
    await place?.end("SIGKILL");
    place = null;
    disk[Symbol.dispose]();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const begin = async () => {
    place = await up([STORE, "--port", "0", "--no-play", "--data", dataDir], disk.env);
    return place;
  };

  const ready = async ({ url }: Up) => {
    const response = await fetch(`${url}/readyz`);
    return { status: response.status, text: await response.text() };
  };

  /** Some bodies one after the other, each acknowledged. */
  const send = async (at: Up, count: number) => {
    for (let i = 0; i < count; i++) expect(await load.send(over(at.url))).toBe("durable");
  };

  const expectAll = async () => {
    const account = await readAccount(dataDir);
    expect(lostOf(account, load)).toEqual([]);
    return account;
  };

  it("is slow acknowledges late, and only what is there after a crash", { timeout: 60_000 }, async () => {
    const at = await begin();
    disk.set({ syncMs: 60 });
    const killed = new Promise((done) => setTimeout(done, 1_500)).then(() => at.end("SIGKILL"));
    await load.run(over(at.url), PUBLISHERS, () => false);
    await killed;
    disk.set({});

    const again = await begin();
    await load.rest(over(again.url));
    expect(await again.end("SIGTERM")).toBe(0);

    expect(load.acknowledged.size).toBeGreaterThan(0);
    await expectAll();
  });

  it("fails to sync takes no more and says so; a restart has all that was acknowledged", {
    timeout: 60_000,
  }, async () => {
    const at = await begin();
    await send(at, 10);
    disk.set({ syncError: EIO });

    expect(await load.send(over(at.url))).toBe("refused");
    // It stays so when the disk seems to be well again: what a sync that failed has left on disk, nobody knows.
    disk.set({});
    expect(await load.send(over(at.url))).toBe("refused");
    const { status, text } = await ready(at);
    expect(status).toBe(503);
    expect(text).toMatch(/journal/);
    expect(await fetch(`${at.url}/healthz`).then((response) => response.status)).toBe(200);

    await at.end("SIGKILL");
    await expectAll();
    const again = await begin();
    await load.rest(over(again.url));
    expect((await ready(again)).status).toBe(200);
    await again.end("SIGTERM");
    await expectAll();
  });

  it("is full takes nothing for a while, says so, and goes on by itself", { timeout: 60_000 }, async () => {
    const at = await begin();
    await send(at, 10);
    disk.set({ full: true });

    let isOver = false;
    // What was accepted when the disk filled up waits for its room; what comes then is refused.
    const loaded = load.run(over(at.url), PUBLISHERS, () => isOver);
    await vi.waitFor(async () => expect((await ready(at)).status).toBe(503), { timeout: 20_000, interval: 50 });
    expect((await ready(at)).text).toMatch(/full|room|space/);
    expect(await load.send(over(at.url))).toBe("refused");
    // What is read is still answered.
    expect(await fetch(`${at.url}/pages`).then((response) => response.status)).toBe(200);

    disk.set({});
    await vi.waitFor(async () => expect((await ready(at)).status).toBe(200), { timeout: 20_000, interval: 50 });
    await send(at, 5);
    isOver = true;
    await loaded;
    await load.rest(over(at.url));
    expect(await at.end("SIGTERM")).toBe(0);
    await expectAll();
  });
});
