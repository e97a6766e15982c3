import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { NatsBus } from "../../../runtime/bus/nats.ts";
import type { Place } from "../../../runtime/main.ts";
import { run, up } from "../../support/cli.ts";
import { origins } from "../../support/hubs.ts";
import { describeWithNats, type NatsServer, startNatsServer } from "../../support/nats-server.ts";
import { MONDAY, STORE, type Store, startStore, temporary } from "../../support/place.ts";
import { writeSite } from "../../support/sites.ts";

const SECONDS = { timeout: 30_000 };

function folder(): string {
  const dir = temporary();
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** The store, with its transforms, as a device or as its hub. */
function siteWith(hub: Readonly<Record<string, unknown>>): string {
  const dir = writeSite({ site: { hub } });
  cpSync(join(STORE, "transforms"), join(dir, "transforms"), { recursive: true });
  return dir;
}

async function serverForAll(): Promise<NatsServer> {
  const server = await startNatsServer();
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

const DEVICE = { place: "center" };
const HUB = { accept: true };

function started(server: NatsServer, dir: string, place: string, dataDir: string, at = MONDAY): Promise<Store> {
  return startStore({ dir, dataDir, at, overrides: { place, nats: server.url } });
}

async function post(place: Place, events: readonly object[], ack = "durable"): Promise<number> {
  const { status } = await fetch(`${place.url}/events`, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson", "aisle-ack": ack },
    body: events.map((each) => JSON.stringify(each)).join("\n"),
  });
  return status;
}

async function aggregates(place: Place): Promise<string[]> {
  const text = await (await fetch(`${place.url}/aggregates?format=ndjson`)).text();
  return text.split("\n").sort();
}

/** Ids of the events in a journal, in its order. */
function ids({ journal }: Place): string[] {
  return [...journal.read()].flatMap(({ kind, headers }) => (kind === "event" ? headers.id! : []));
}

const visit = (id: number, department: string) => [
  { type: "entry", id },
  { type: "focus", id, dep: department },
];

describeWithNats("a device and its hub", () => {
  it("have the same of every customer, and only the device decides", { timeout: 60_000 }, async () => {
    const server = await serverForAll();
    await using hub = await started(server, siteWith(HUB), "center", folder());
    await using device = await started(server, siteWith(DEVICE), "box", folder());
    for (let id = 1; id <= 20; id++) await post(device.place, visit(id, "Boys"));
    await expect.poll(() => device.place.hub!.stats().waiting, SECONDS).toBe(0);

    const taken = [...hub.place.journal.read()].filter(({ headers }) => headers.origin !== undefined);
    const kinds = (kind: string) => taken.filter((entry) => entry.kind === kind).length;
    expect([kinds("event"), kinds("import")]).toEqual([40, 20]);
    await expect.poll(() => aggregates(hub.place), SECONDS).toEqual(await aggregates(device.place));
    expect([...hub.place.journal.read()].filter(({ kind }) => kind === "decision")).toEqual([]);
    const { degraded } = (await (await fetch(`${device.place.url}/readyz`)).json()) as { degraded: string[] };
    expect(degraded.filter((reason) => reason.includes("hub"))).toEqual([]);
  });

  it("have the same of events that say no time, though the hub was away as they came", {
    timeout: 60_000,
  }, async () => {
    const server = await serverForAll();
    await using device = await started(server, siteWith(DEVICE), "box", folder());
    for (const minutes of [0, 40, 45]) {
      device.clock.at = MONDAY + minutes * 60_000;
      await post(device.place, visit(7, "Boys"));
    }
    await using hub = await started(server, siteWith(HUB), "center", folder(), MONDAY + 50 * 60_000);
    await expect.poll(() => device.place.hub!.stats().waiting, SECONDS).toBe(0);

    // A visit ends after half an hour without an event: there were two.
    const records = async (place: Place) => {
      const lines = (await aggregates(place)).filter((line) => line !== "");
      return lines.map((line) => JSON.parse(line).records);
    };
    await expect.poll(() => records(hub.place), SECONDS).toEqual(await records(device.place));
    expect(JSON.stringify(await records(hub.place))).toContain("2026-03-02T09:45");
  });

  it("lose and double nothing when the hub, the device and the server are away in turn", {
    timeout: 90_000,
  }, async () => {
    const server = await serverForAll();
    const [hubSite, deviceSite, hubData, deviceData] = [siteWith(HUB), siteWith(DEVICE), folder(), folder()];
    let device = await started(server, deviceSite, "box", deviceData);
    let id = 0;
    const some = () =>
      post(
        device.place,
        Array.from({ length: 50 }, () => ({ type: "entry", id: ++id })),
      );
    await some();
    let hub = await started(server, hubSite, "center", hubData);
    await some();
    await server.kill();
    await some();
    await hub.place.stop();
    await device.place.stop();
    await server.restart();
    device = await started(server, deviceSite, "box", deviceData);
    await some();
    hub = await started(server, hubSite, "center", hubData);
    await some();
    await expect.poll(() => device.place.hub!.stats().waiting, SECONDS).toBe(0);

    const all = origins(hub.place.journal);
    expect(all.length).toBe(250);
    expect(new Set(all).size).toBe(250);
    await device.place.stop();
    await hub.place.stop();
  });

  it("have what came after an old journal was put back, and nothing twice", { timeout: 60_000 }, async () => {
    const server = await serverForAll();
    await using hub = await started(server, siteWith(HUB), "center", folder());
    const [site, data, old] = [siteWith(DEVICE), folder(), folder()];
    const entries = (first: number, count: number) =>
      Array.from({ length: count }, (_, i) => ({ type: "entry", id: first + i, event_id: `e${first + i}` }));
    let device = await started(server, site, "box", data);
    await post(device.place, entries(1, 1), "replicated");
    await device.place.stop();
    cpSync(join(data, "journal"), old, { recursive: true });
    device = await started(server, site, "box", data);
    await post(device.place, entries(2, 5), "replicated");
    await device.place.stop();
    rmSync(join(data, "journal"), { recursive: true });
    cpSync(old, join(data, "journal"), { recursive: true });
    await server.kill();
    device = await started(server, site, "box", data);
    await post(device.place, entries(7, 20));
    await device.place.stop();
    await server.restart();
    device = await started(server, site, "box", data);
    await expect.poll(() => device.place.hub!.stats().waiting, SECONDS).toBe(0);

    const ids = [...hub.place.journal.read()].flatMap(({ headers }) =>
      headers.origin === undefined ? [] : headers.id!,
    );
    expect(ids).toEqual(entries(1, 26).map(({ event_id }) => event_id));
    await device.place.stop();
  });

  it("have nothing twice of a folder that a replay made: nobody is at work on it with a hub or streams", {
    timeout: 90_000,
  }, async () => {
    const server = await serverForAll();
    await using hub = await started(server, siteWith(HUB), "center", folder());
    const [site, dir] = [siteWith(DEVICE), folder()];
    const at = (name: string) => join(dir, name);
    let device = await started(server, site, "box", at("data"));
    await post(device.place, [{ type: "entry", id: 7, ts: MONDAY }], "replicated");
    expect(origins(hub.place.journal).length).toBe(1);
    await device.place.stop();
    const aisle = async (...args: string[]) => {
      const { code, stderr } = await run(args, { AISLE_PLACE: "box" });
      expect(code, stderr).toBe(0);
      return stderr;
    };

    const told = await aisle("replay", site, "--data", at("data"), "--into", at("then"));
    expect(told).toMatch(/a site with 'hub.place' can't be at work on '.*then': .*'aisle restore'/);
    await aisle("backup", at("copy"), "--data", at("then"));
    await aisle("restore", at("copy"), "--data", at("then again"));
    for (const data of ["then", "then again"]) {
      const args = [site, "--data", at(data), "--place", "box", "--nats", server.url, "--port", "0"];
      const refused = up(args).then(({ end }) => end("SIGKILL"));
      await expect(refused).rejects.toThrow(/a site with 'hub.place' can't be at work/);
    }
    const [asHub, ofStreams] = [siteWith(HUB), writeSite({ site: { "bus.streams": [{ stream: "STORE" }] } })];
    await expect(started(server, asHub, "box", at("then"))).rejects.toThrow(/a site with 'hub.accept' can't/);
    await expect(started(server, ofStreams, "box", at("then"))).rejects.toThrow(/a site with 'bus.streams' can't/);
    device = await started(server, STORE, "box", at("then"));
    expect([...device.place.journal.read()].filter(({ kind }) => kind === "event").length).toBe(1);
    await device.place.stop();

    await aisle("backup", at("backup"), "--data", at("data"));
    await aisle("restore", at("backup"), "--data", at("restored"));
    device = await started(server, site, "box", at("restored"));
    await post(device.place, [{ type: "entry", id: 8, ts: MONDAY }], "replicated");
    expect(origins(hub.place.journal).length).toBe(2);
    await device.place.stop();
  });

  it("let a publisher wait for the hub, and decisions reach who listens at the hub's server once the link is back", {
    timeout: 60_000,
  }, async () => {
    const server = await serverForAll();
    await using hub = await started(server, siteWith(HUB), "center", folder());
    await using device = await started(server, siteWith(DEVICE), "box", folder());

    await (device.place.bus as NatsBus).whenHere();
    const answer = await device.place.bus.request(
      `${device.place.base}.events.entry`,
      Buffer.from(JSON.stringify({ type: "entry", id: 7 })),
      { headers: { "Aisle-Ack": "replicated" }, timeoutMs: SECONDS.timeout },
    );
    expect(JSON.parse(Buffer.from(answer.payload).toString())).toMatchObject({ accepted: 1 });
    expect(origins(hub.place.journal).length).toBe(1);

    await server.kill();
    await post(device.place, visit(8, "Boys"));
    await expect.poll(() => device.place.outbox.stats().waiting, SECONDS).toBe(1);
    await server.restart();
    const bus = new NatsBus({ servers: server.url, onError: () => {} });
    onTestFinished(() => bus.drain());
    const heard: string[] = [];
    bus.subscribe("aisle.*.box.offers.*", ({ subject }) => void heard.push(subject.split(".").at(-1)!));
    await bus.whenHere();
    await post(device.place, visit(9, "Boys"));
    await expect.poll(() => device.place.outbox.stats().waiting, SECONDS).toBe(0);

    expect(heard).toContain("9");
  });

  it("count once what a restored device is sent again, also when the hub knows it from its journal alone", {
    timeout: 90_000,
  }, async () => {
    const server = await serverForAll();
    const [hubSite, deviceSite, hubData, dir] = [siteWith(HUB), siteWith(DEVICE), folder(), folder()];
    let hub = await started(server, hubSite, "center", hubData);
    let device = await started(server, deviceSite, "box", join(dir, "data"));
    onTestFinished(async () => {
      await device.place.stop();
      await hub.place.stop();
    });
    const send = (...events: readonly string[]) =>
      post(
        device.place,
        events.map((id, at) => ({ type: "entry", event_id: id, id: at, ts: MONDAY })),
        "replicated",
      );
    const restored = async (data: string) => {
      await device.place.stop();
      const { code, stderr } = await run(["restore", join(dir, "backup"), "--data", join(dir, data)]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      device = await started(server, deviceSite, "box", join(dir, data));
    };
    await send("e1");
    expect((await run(["backup", join(dir, "backup"), "--data", join(dir, "data")])).code).toBe(0);
    await send("e1", "e2", "e3");

    await restored("again");
    await send("e1", "e2", "e3");
    await expect.poll(() => device.place.hub!.stats().waiting, SECONDS).toBe(0);
    expect(ids(device.place)).toEqual(["e1", "e2", "e3"]);
    expect(ids(hub.place)).toEqual(["e1", "e2", "e3"]);
    const metrics = await (await fetch(`${hub.place.url}/metrics`)).text();
    expect(metrics).toMatch(/^aisle_hub_repeated_total 2$/m);
    await expect.poll(() => aggregates(hub.place), SECONDS).toEqual(await aggregates(device.place));

    for (const from of ["journal", "checkpoint"]) {
      await hub.place.checkpoints.checkpointer!.now();
      await hub.place.stop();
      if (from === "journal") rmSync(join(hubData, "checkpoint"), { recursive: true });
      hub = await started(server, hubSite, "center", hubData);
      await restored(`by ${from}`);
      await send("e1", "e2", "e3", `${from}'s`);
      await expect.poll(() => device.place.hub!.stats().waiting, SECONDS).toBe(0);
    }
    expect(ids(hub.place)).toEqual(["e1", "e2", "e3", "journal's", "checkpoint's"]);
  });
});
