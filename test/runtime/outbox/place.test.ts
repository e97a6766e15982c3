import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { NatsBus } from "../../../runtime/bus/nats.ts";
import type { Place } from "../../../runtime/main.ts";
import { describeWithNats, freePort, startNatsServer } from "../../support/nats-server.ts";
import { once } from "../../support/outboxes.ts";
import { type Store, startStore, temporary } from "../../support/place.ts";
import { writeSite } from "../../support/sites.ts";

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
