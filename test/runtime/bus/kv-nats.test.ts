import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { BucketState } from "../../../runtime/bus/kv.ts";
import { NatsBus } from "../../../runtime/bus/nats.ts";
import { NatsKv, type NatsKvOptions } from "../../../runtime/bus/nats-kv.ts";
import { until } from "../../contracts/bus.ts";
import { kvContract, listen } from "../../contracts/kv.ts";
import { describeWithNats, type NatsServer, startNatsServer } from "../../support/nats-server.ts";

describeWithNats("NatsKv", () => {
  let server: NatsServer;
  let buses: NatsBus[];
  let errors: string[];

  beforeAll(async () => {
    server = await startNatsServer({ jetStream: true });
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  beforeEach(() => {
    buses = [];
    errors = [];
  });

  afterEach(async () => {
    await Promise.all(buses.map((bus) => bus.drain()));
  });

  const newBucket = () => `test_${randomBytes(6).toString("hex")}`;

  const open = (options: Partial<NatsKvOptions> = {}, url = server.url): NatsKv => {
    const bus = new NatsBus({ servers: url, onError: () => {} });
    buses.push(bus);
    return new NatsKv({ bus, bucket: newBucket(), onError: (error) => errors.push(String(error)), ...options });
  };

  const openHere = async (options: Partial<NatsKvOptions> = {}, url = server.url): Promise<NatsKv> => {
    const kv = open(options, url);
    await until(() => kv.state === "here");
    return kv;
  };

  kvContract(async () => {
    const bucket = newBucket();
    return Promise.all([openHere({ bucket, bytesMax: 16 * 2 ** 20 }), openHere({ bucket, bytesMax: 16 * 2 ** 20 })]);
  });

  it("is one bucket for those who come at once", async () => {
    const bucket = newBucket();
    const all = await Promise.all(Array.from({ length: 5 }, (_, i) => openHere({ bucket, bytesMax: 2 ** 20 + i })));
    await all[0]!.put("a", "1");

    expect(await Promise.all(all.map(async (kv) => (await kv.get("a"))?.value))).toEqual(Array(5).fill("1"));
    expect(errors).toEqual([]);
  });

  it("is a bucket as other clients know it", async () => {
    const bucket = newBucket();
    const kv = await openHere({ bucket });
    const { link } = buses[0]!;
    const theirs = await link!.connection.jetstream().views.kv(bucket);
    const revision = await theirs.create("a.b", "theirs");

    expect(await kv.get("a.b")).toEqual({ value: "theirs", revision });
    const ours = (await kv.update("a.b", "ours", revision))!;
    expect((await theirs.get("a.b"))?.string()).toBe("ours");
    await theirs.purge("a.b", { previousSeq: ours });
    expect((await kv.get("a.b"))?.value).toBeNull();
    expect(await kv.create("a.b", "again")).not.toBeNull();
    expect((await theirs.status()).history).toBe(1);
  });

  it("says so when it is full, and when a value is too large", async () => {
    const kv = await openHere({ bytesMax: 64 * 1024 });
    const fill = async () => {
      for (let i = 0; i < 200; i++) await kv.put(`k.${i}`, "x".repeat(1_000));
    };

    await expect(fill()).rejects.toMatchObject({ code: "overloaded" });
    await expect(kv.put("a", "x".repeat(1_100_000))).rejects.toMatchObject({ code: "too-large" });
    expect(kv.state).toBe("here");
  });

  it("refuses several replicas where a server can't keep changes apart", async () => {
    const kv = open({ replicas: 3 });
    await until(() => errors.length > 0);

    expect(kv.state).toBe("away");
    expect(errors[0]).toMatch(/3 replicas need nats-server 2.9.21 or later/);
  });

  it("refuses a name that no bucket can have", () => {
    expect(() => open({ bucket: "a.b" })).toThrow(/can't name a bucket/);
  });

  it("is away where there is no JetStream, and says why once", async () => {
    const plain = await startNatsServer();
    try {
      const kv = open({}, plain.url);
      await until(() => errors.length > 0);
      await expect(kv.put("a", "1")).rejects.toMatchObject({ code: "unavailable" });

      expect(kv.state).toBe("away");
    } finally {
      await plain[Symbol.asyncDispose]();
    }
  });

  describe("while its server is away", () => {
    let own: NatsServer;

    beforeEach(async () => {
      own = await startNatsServer({ jetStream: true });
    });

    afterEach(async () => {
      await own[Symbol.asyncDispose]();
    });

    it("says so, refuses, and tells what changed when it is back", async () => {
      const bucket = newBucket();
      const kv = await openHere({ bucket }, own.url);
      const states: BucketState[] = [];
      kv.onState((state) => states.push(state));
      const told = listen(kv);
      await kv.put("same", "1");
      const first = await kv.put("gone", "1");
      await until(() => told.values.size === 2);

      await own.kill();
      await until(() => kv.state === "away");
      await expect(kv.get("same")).rejects.toMatchObject({ code: "unavailable" });
      await own.restart();
      const other = await openHere({ bucket }, own.url);
      const mark = (await other.remove("gone", first))!;
      await other.put("new", "1");
      await until(() => kv.state === "here" && told.values.get("new") === "1" && !told.values.has("gone"));

      expect(states).toEqual(["away", "here"]);
      expect(told.lines.filter((line) => line.startsWith("same"))).toHaveLength(1);
      expect(mark).toBeGreaterThan(first);
      expect(await kv.create("a", "1")).not.toBeNull();
    });

    it("ends what was under way", async () => {
      const kv = await openHere({}, own.url);
      const puts = Array.from({ length: 200 }, (_, i) => kv.put(`k.${i}`, "1"));
      const settled = Promise.allSettled(puts);
      await own.kill();

      for (const result of await settled) {
        if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "unavailable" });
      }
    });

    it("comes back time and again", async () => {
      const kv = await openHere({}, own.url);
      const told = listen(kv);
      for (let round = 0; round < 3; round++) {
        await (round % 2 === 0 ? own.kill() : own.stop());
        await until(() => kv.state === "away");
        await own.restart();
        await until(() => kv.state === "here");
        await kv.put("round", String(round));
        await until(() => told.values.get("round") === String(round));
      }
    });
  });

  it("finds its bucket again when somebody has deleted it", async () => {
    const bucket = newBucket();
    const kv = await openHere({ bucket });
    const told = listen(kv);
    await kv.put("a", "1");
    await until(() => told.values.size === 1);
    const manager = await buses[0]!.link!.connection.jetstreamManager();
    await manager.streams.delete(`KV_${bucket}`);

    await expect(kv.put("b", "1")).rejects.toMatchObject({ code: "unavailable" });
    await until(() => kv.state === "here" && !told.values.has("a"));
    await kv.put("c", "1");
    await until(() => told.values.has("c"));

    expect([...told.values.keys()]).toEqual(["c"]);
  });
});
