import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JetStreamManager, StorageType } from "nats";
import { describe, expect, it, onTestFinished } from "vitest";
import { NatsBus } from "../../../runtime/bus/nats.ts";
import { isAtLeast } from "../../../runtime/bus/nats-versions.ts";
import type { Place } from "../../../runtime/main.ts";
import { describeWithNats, freePort, startNatsServer } from "../../support/nats-server.ts";
import { once } from "../../support/outboxes.ts";
import { type Store, startStore, temporary } from "../../support/place.ts";
import { writeSite } from "../../support/sites.ts";
import { publisherAt } from "../../support/streaming.ts";

const SECONDS = { timeout: 30_000 };

/** The store, where a veto of a department keeps its decisions to the house, and decides nothing. */
function quietSite(): string {
  const dir = writeSite({});
  const path = join(dir, "plan.yml");
  const plan = readFileSync(path, "utf8").replace(
    "{ port: offered, match: department",
    "{ port: offers, match: department",
  );
  expect(plan).toContain("port: offers");
  writeFileSync(path, plan);
  return dir;
}

const send = async ({ url }: Place, method: string, path: string, body: unknown): Promise<void> => {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url + path, { method, headers, body: JSON.stringify(body) });
  expect(response.ok).toBe(true);
};

const focus = (place: Place, id: number, dep: string) => send(place, "POST", "/events", { type: "focus", id, dep });
const veto = (place: Place, cell: string) =>
  send(place, "PATCH", "/pages/departments/records/Boys", { cells: { vetoed: cell }, by: "ann" });

describeWithNats("a place whose server is away for a while", () => {
  it("publishes what it decided meanwhile, also after a restart, as the layers stood as it decided", {
    timeout: 60_000,
  }, async () => {
    const port = await freePort();
    const [dir, dataDir] = [quietSite(), temporary()];
    onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
    const begin = (): Promise<Store> => startStore({ dir, dataDir, overrides: { nats: `nats://127.0.0.1:${port}` } });
    const first = await begin();
    await focus(first.place, 7, "Boys");
    await veto(first.place, "1");
    await focus(first.place, 8, "Boys");
    await focus(first.place, 9, "Sport");
    await veto(first.place, "");
    await focus(first.place, 8, "Girls");
    await expect.poll(() => first.place.outbox.stats().waiting, SECONDS).toBe(4);
    const { degraded } = (await (await fetch(`${first.place.url}/readyz`)).json()) as { degraded: string[] };
    expect(degraded.join()).toMatch(/the bus is away: .*; 4 wait/);
    await first.place.stop();

    const server = await startNatsServer({ port });
    onTestFinished(() => server[Symbol.asyncDispose]());
    const bus = new NatsBus({ servers: server.url, onError: () => {} });
    onTestFinished(() => bus.drain());
    const got: { id: string; subject: string; text: string }[] = [];
    bus.subscribe("aisle.>", ({ subject, payload, headers }) => {
      const id = headers["Nats-Msg-Id"];
      if (id !== undefined) got.push({ id, subject, text: Buffer.from(payload).toString() });
    });
    await bus.whenHere();
    const second = await begin();
    await expect.poll(() => second.place.outbox.stats().waiting, SECONDS).toBe(0);

    const offers = once(got).filter(({ subject }) => subject.includes(".offers."));
    expect(offers.map(({ subject, text }) => [subject.split(".").at(-1), JSON.parse(text).department])).toEqual([
      ["7", "Boys"],
      ["9", "Sport"],
      ["8", "Girls"],
    ]);
    const metrics = await (await fetch(`${second.place.url}/metrics`)).text();
    expect(metrics).toMatch(/^aisle_outbox_waiting 0$/m);
    await second.place.stop();
  });
});

describeWithNats("a place whose decisions a stream keeps", () => {
  const BASE = "aisle.store.box";
  /** The store, with this in its `site.yml`. */
  const siteOf = (outbox: object, hub: object = {}) => writeSite({ site: { "bus.outbox": outbox, hub } });

  const readiness = async ({ url }: Place) => {
    const { degraded } = (await (await fetch(`${url}/readyz`)).json()) as { degraded: string[] };
    return degraded.filter((reason) => reason.includes("JetStream alone"));
  };

  /** A server with the stream OUT for what goes out by `offers`, and a way to start the place there. */
  async function serverWith(storage: "file" | "memory") {
    const server = await startNatsServer({ jetStream: true });
    onTestFinished(() => server[Symbol.asyncDispose]());
    const { manager, connection } = await publisherAt(server.url, {
      ...{ name: "OUT", subjects: [`${BASE}.offers.>`, `${BASE}.predictions`] },
      storage: storage as StorageType,
    });
    const dataDir = temporary();
    onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
    const begin = async (dir: string, place = "box"): Promise<Store> => {
      const own = place === "box" ? { dataDir } : {};
      const store = await startStore({ dir, ...own, overrides: { nats: server.url, place } });
      onTestFinished(() => store[Symbol.asyncDispose]());
      await expect.poll(() => store.place.bus.state, SECONDS).toBe("here");
      return store;
    };
    return { manager, begin, isSyncing: isAtLeast(connection.info?.version ?? null, [2, 10, 0]) };
  }

  const decided = async ({ place }: Store, manager: JetStreamManager): Promise<void> => {
    await focus(place, 7, "Sport");
    await expect.poll(() => place.outbox.stats().waiting, SECONDS).toBe(0);
    expect((await manager.streams.info("OUT")).state.messages).toBeGreaterThan(0);
  };

  it.each(["stream", "auto"])(
    "says that they rest on its memory, also after a restart (ack: %s)",
    SECONDS,
    async (ack) => {
      const { manager, begin } = await serverWith("memory");
      const dir = siteOf({ ack, synced: true });
      const first = await begin(dir);
      expect(await readiness(first.place)).toEqual([]);
      await decided(first, manager);
      await expect.poll(() => readiness(first.place), SECONDS).toHaveLength(1);

      const [reason] = await readiness(first.place);
      expect(reason).toContain("decisions that the stream 'OUT' has acknowledged rest on JetStream alone");
      expect(reason).toMatch(/keeps them in memory: they are gone when its server ends; make the stream with .*'file'/);
      expect(reason).toContain("; or give them to a hub's journal ('hub' in site.yml)");
      await first.place.stop();
      const second = await begin(dir);
      await expect.poll(() => readiness(second.place), SECONDS).toEqual([reason]);
    },
  );

  it(
    "says that its server may acknowledge before it syncs, and believes the site that a newer one does not",
    SECONDS,
    async () => {
      const { manager, begin, isSyncing } = await serverWith("file");
      const first = await begin(siteOf({ ack: "stream" }));
      await decided(first, manager);
      await expect.poll(() => readiness(first.place), SECONDS).toHaveLength(1);
      expect((await readiness(first.place))[0]).toContain(
        "set 'sync_interval: always' there, then 'bus.outbox.synced: true' here",
      );
      await first.place.stop();

      const second = await begin(siteOf({ ack: "stream", synced: true }));
      await decided(second, manager);
      const said = isSyncing ? [] : [expect.stringContaining("acknowledges before it syncs: a power cut there loses")];
      await expect.poll(() => readiness(second.place), SECONDS).toEqual(said);
    },
  );

  it("says nothing where the server's word is asked for, or a hub takes them over", SECONDS, async () => {
    const { manager, begin } = await serverWith("memory");
    await begin(siteOf({ ack: "server" }, { accept: true }), "hub");
    const alone = await begin(siteOf({ ack: "server" }));
    await decided(alone, manager);
    expect(await readiness(alone.place)).toEqual([]);
    await alone.place.stop();

    const box = await begin(siteOf({ ack: "stream" }, { place: "hub" }));
    await decided(box, manager);
    await expect.poll(() => box.place.hub?.stats().waiting, SECONDS).toBe(0);
    expect(await readiness(box.place)).toEqual([]);
  });
});

describe("a place that stops while its server is away", () => {
  it("says how many messages of the board nobody will get, once and counted", { timeout: 60_000 }, async () => {
    const nats = `nats://127.0.0.1:${await freePort()}`;
    const { place, logged, dataDir } = await startStore({ overrides: { nats, logLevel: "warn" } });
    onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
    await veto(place, "1");
    await veto(place, "");
    await expect.poll(() => place.telemetry.stats().waiting, SECONDS).toBeGreaterThanOrEqual(2);
    const { waiting } = place.telemetry.stats();

    await place.stop();
    await place.stop();

    const told = logged.filter(({ msg }) => String(msg).includes("not published"));
    expect(told).toMatchObject([
      { messages: waiting, msg: expect.stringContaining(`${waiting} board messages were not published`) },
    ]);
    expect(place.telemetry.stats()).toMatchObject({ waiting: 0, shed: waiting });
  });
});
