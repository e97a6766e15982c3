import { rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MemoryBus } from "../../runtime/bus/memory.ts";
import { NatsBus } from "../../runtime/bus/nats.ts";
import { BusDoor, type BusDoorOptions, laneReadings } from "../../runtime/bus-door.ts";
import { ManualClock } from "../../runtime/clock.ts";
import { limits } from "../../runtime/limits.ts";
import { bytes, text, until } from "../contracts/bus.ts";
import { layCable } from "../support/cable.ts";
import { type Behind, behindDoor } from "../support/door.ts";
import { describeWithNats, type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { startStore, temporary } from "../support/place.ts";

const EXIT = JSON.stringify({ id: 7, ts: Date.UTC(2026, 2, 2, 9) });

describeWithNats("the bus's door", () => {
  let server: NatsServer;
  let bus: NatsBus;
  let behind: Behind;
  let left: string[];
  let lost: string[];
  let doors: BusDoor[];

  beforeEach(async () => {
    server = await startNatsServer();
    bus = new NatsBus({ servers: server.url, onError: () => {} });
    await bus.whenHere();
    behind = behindDoor();
    [left, lost, doors] = [[], [], []];
  });

  afterEach(async () => {
    await Promise.all(doors.map((door) => door.close()));
    await bus.drain();
    await server[Symbol.asyncDispose]();
  });

  const open = (nats: BusDoorOptions["nats"], own = behind): BusDoor => {
    const { base, intake, clock } = own;
    const told = { left: (reason: string) => left.push(reason), lost: (what: string) => lost.push(what) };
    const door = new BusDoor({ bus, base, intake, clock, hasHub: false, nats, ...told });
    doors.push(door);
    return door;
  };

  /** Asked again until somebody listens. */
  const accepted = async (): Promise<number> => {
    while (true) {
      try {
        const answer = await bus.request(`${behind.base}.events.exit`, bytes(EXIT));
        return JSON.parse(text(answer.payload)).accepted;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  };

  const plain = () => ({ servers: server.url, onError: () => {} });

  it("is the fast lane where there is no TLS", async () => {
    const door = open(plain());

    expect(await accepted()).toBe(1);
    expect(door.laneStats).toMatchObject({ messages: 1, losses: 0 });
  });

  it.each([
    ["the site wants none", () => null],
    ["the bus is reached by TLS", () => ({ ...plain(), servers: server.url.replace("nats:", "tls:") })],
  ])("is the ordinary way where %s", async (_, options) => {
    const door = open(options());

    expect(await accepted()).toBe(1);
    expect([door.laneStats, left]).toEqual([null, []]);
    expect(door.ordinaryAs).toBe(options() === null ? null : "the bus is reached by TLS");
  });

  it("is the ordinary way where the board hears all", async () => {
    behind = behindDoor(() => true);
    const door = open(plain());

    expect(await accepted()).toBe(1);
    expect([door.laneStats, door.ordinaryAs]).toEqual([null, "the board hears events of every type"]);
  });

  it.each([
    ["the fast lane", () => plain()],
    ["the ordinary way", () => null],
  ])("says each time that its connection was lost, and for a while how often: by %s", async (_, options) => {
    const clock = new ManualClock();
    const door = open(options(), { ...behind, clock });
    expect([await accepted(), door.losses]).toEqual([1, null]);

    await server.kill();
    await until(() => lost.length === 1 && bus.state === "away");
    await server.restart();
    await until(() => bus.state === "here");
    expect(await accepted()).toBe(1);
    await server.kill();
    await until(() => lost.length === 2);

    expect(lost[0]).toContain("events sent without a reply meanwhile, and what the server still held for us, are lost");
    expect(door.losses).toMatch(/was lost 2 times in the last 10 minutes: events sent without a reply/);
    clock.advance(limits.busLossMs);
    expect(door.losses).toBeNull();
  });

  it.each([
    ["demands TLS", 'INFO {"headers":true,"tls_required":true}\r\n', "the server demands TLS"],
    ["knows no headers", "INFO {}\r\n", "the server knows no headers"],
    ["says what nobody knows", 'INFO {"headers":true}\r\nWHAT\r\n', "WHAT"],
  ])("goes over to the ordinary way when the server %s, once", async (_, greeting, why) => {
    await using strange = await greeter(greeting);
    const door = open({ ...plain(), servers: strange.url });

    expect(await accepted()).toBe(1);
    expect(left).toEqual([expect.stringContaining(why)]);
    expect([door.isLane, strange.connections]).toEqual([false, 1]);
    // Nobody had been heard by it: nothing is lost that a later start would not have lost too.
    expect([lost, door.losses]).toEqual([[], null]);
  });

  it("tells of a loss, once, where the fast lane is left while events come by it, and keeps its counts", async () => {
    await using cable = await layCable(server.port);
    const door = open({ ...plain(), servers: `nats://127.0.0.1:${cable.port}` });
    expect(await accepted()).toBe(1);
    const publish = async () => {
      for (let i = 0; i < 100; i++) bus.publish(`${behind.base}.events.exit`, bytes(EXIT));
      await bus.flush();
    };

    cable.mute();
    await publish();
    cable.say("WHAT is this\r\n");
    await until(() => left.length === 1);
    cable.mend();
    expect(await accepted()).toBe(1);
    await publish();
    await until(() => behind.journal.lastSeq >= 102);

    expect(behind.journal.lastSeq).toBe(102); // of the first 100 none
    expect(lost).toEqual([expect.stringContaining("events sent without a reply")]);
    expect(door.losses).toMatch(/was lost once in the last 10 minutes: events sent without a reply/);
    expect(door.isLane).toBe(false);
    expect(door.laneStats).toMatchObject({ messages: 1, losses: 1 });
  });

  it("does not open another way once it is closed", async () => {
    await using strange = await greeter("INFO {}\r\n");
    const door = open({ ...plain(), servers: strange.url });
    await door.drain();
    await door.close();
    await until(() => strange.connections === 0 || door.laneStats !== undefined);

    expect(left).toEqual([]);
    await expect(bus.request(`${behind.base}.events.exit`, bytes(EXIT))).rejects.toMatchObject({ code: "unavailable" });
  });

  it("says when no events come although the bus is here", async () => {
    await using deaf = await startNatsServer({ config: "authorization: { token: other }" });
    const door = open({ ...plain(), servers: deaf.url });
    await until(() => door.trouble?.includes("credentials") === true);

    expect(door.trouble).toContain("no events come from the bus");
    await door.close();
    expect(door.trouble).toBeNull();
    expect(open(plain()).trouble).toMatch(/not reached yet/);
  });

  it("shows its figures", () => {
    const stats = { messages: 5, bytes: 600, large: 1, losses: 2, slow: 1 };
    const shown = (door: { isLane: boolean; laneStats: typeof stats | null } | null) =>
      laneReadings(() => door).map(({ name, read }) => [name, read()]);
    const totals = [
      ["aisle_lane_messages_total", 5],
      ["aisle_lane_bytes_total", 600],
      ["aisle_lane_large_total", 1],
      ["aisle_lane_losses_total", 2],
      ["aisle_lane_slow_total", 1],
    ];

    expect(shown({ isLane: true, laneStats: stats })).toEqual([["aisle_lane_open", 1], ...totals]);
    expect(shown({ isLane: false, laneStats: stats })).toEqual([["aisle_lane_open", 0], ...totals]);
    for (const door of [null, { isLane: false, laneStats: null }])
      expect(shown(door).every(([, value]) => value === 0)).toBe(true);
  });

  it("tells by log, /readyz and metrics of a lost connection, and by the log why it is not the fast lane", async () => {
    await using store = await startStore({ overrides: { nats: server.url, logLevel: "info" } });
    const { place, logged } = store;
    const lines = () => logged.map(({ msg, reason }) => `${msg} (${reason})`).join("\n");
    await until(() => place.bus.state === "here");

    await server.kill();
    await until(() => lines().includes("the connection to NATS was lost"));

    expect(lines()).toContain("the fast lane is not used: events come by the ordinary way (the board hears");
    const { degraded } = (await (await fetch(`${place.url}/readyz`)).json()) as { degraded: string[] };
    expect(degraded.join("\n")).toContain("the connection to NATS was lost once in the last 10 minutes");
    expect(await place.metrics.text()).toContain("aisle_bus_losses_total 1");
  });

  it("tells by log, /readyz and metrics of events lost as the fast lane is left", async () => {
    const dir = game("auto");
    await using cable = await layCable(server.port);
    await using store = await startStore({
      dir,
      overrides: { nats: `nats://127.0.0.1:${cable.port}`, logLevel: "info" },
    });
    const { place, logged } = store;
    const figure = async (name: string) =>
      Number(new RegExp(`^aisle_lane_${name} (\\d+)$`, "m").exec(await place.metrics.text())?.[1]);
    while ((await figure("messages_total")) < 5) {
      bus.publish(`${place.base}.events.won`, bytes(WON));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const before = await figure("messages_total");

    cable.say("WHAT is this\r\n", ' lane"');
    await until(() => logged.some(({ msg }) => String(msg).includes("the fast lane can't be taken")));

    expect(logged.filter(({ msg }) => String(msg).includes("the connection to NATS was lost"))).toHaveLength(1);
    const { degraded } = (await (await fetch(`${place.url}/readyz`)).json()) as { degraded: string[] };
    expect(degraded.join("\n")).toContain("the connection to NATS was lost once in the last 10 minutes");
    expect([await figure("open"), await figure("losses_total")]).toEqual([0, 1]);
    expect(await figure("messages_total")).toBeGreaterThanOrEqual(before);
    rmSync(dir, { recursive: true });
  });

  it.each(["auto", "off"])("answers what a place took before it stops (lane: %s)", async (lane) => {
    const dir = game(lane);
    const store = await startStore({ dir, overrides: { nats: server.url } });
    const answered: unknown[] = [];
    const ask = async () => {
      const answer = await bus.request(`${store.place.base}.events.won`, bytes(WON));
      answered.push(JSON.parse(text(answer.payload)));
    };
    await until(() => store.place.bus.state === "here");
    while (answered.length === 0) await ask().catch(() => new Promise((resolve) => setTimeout(resolve, 10)));
    const metrics = await store.place.metrics.text();

    const asked = Promise.all(Array.from({ length: 200 }, ask));
    await bus.flush();
    await store[Symbol.asyncDispose]();
    await asked;
    rmSync(dir, { recursive: true });

    expect(metrics).toContain(`aisle_lane_messages_total ${lane === "auto" ? 1 : 0}`);
    expect(answered).toEqual(Array(201).fill({ accepted: 1, duplicate: 0, rejected: [] }));
  });
});

describe("the bus's door in-process", () => {
  it("is the ordinary way", async () => {
    const { base, intake, clock, journal } = behindDoor();
    const bus = new MemoryBus({ clock });
    const door = new BusDoor({ bus, base, intake, clock, hasHub: false, nats: null, left: () => {}, lost: () => {} });

    bus.publish(`${base}.events.exit`, bytes(EXIT));
    await door.drain();
    await intake.drain();

    expect(journal.lastSeq).toBe(1);
  });
});

const WON = JSON.stringify({ player: "p-1", time: "2026-03-02T09:00:00Z" });

/** A site of whose events the board hears none. */
function game(lane: string): string {
  const dir = temporary();
  const form = "{ name: game, type: type, identity: player, time: { path: time, unit: iso } }";
  const events = `events: { identity: text, forms: [${form}], types: { won: {} } }`;
  writeFileSync(join(dir, "site.yml"), `version: 1\nname: game\nbus: { lane: ${lane} }\n${events}\n`);
  writeFileSync(
    join(dir, "plan.yml"),
    "version: 1\npages:\n  players: { keys: [player], shared: false }\nactors: []\n",
  );
  return dir;
}

/** Says one thing to whoever comes. */
async function greeter(greeting: string) {
  let connections = 0;
  const listening = createServer((socket) => {
    connections++;
    socket.on("error", () => {});
    socket.end(greeting);
  });
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const { port } = listening.address() as { port: number };
  return {
    url: `nats://127.0.0.1:${port}`,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => listening.close(resolve));
    },
  };
}
