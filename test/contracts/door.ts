import { spawnSync } from "node:child_process";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { NatsBus, type NatsOptions } from "../../runtime/bus/nats.ts";
import type { Door } from "../../runtime/bus-door.ts";
import { limits } from "../../runtime/limits.ts";
import { type Behind, behindDoor } from "../support/door.ts";
import { newCredentials, newSeed } from "../support/nats-credentials.ts";
import { type NatsServer, startNatsServer } from "../support/nats-server.ts";
import { bytes, text, until } from "./bus.ts";

/** Opens a door on a connection of its own. */
export type DoorFactory = (behind: Behind, options: NatsOptions) => Opened;

export interface Opened {
  readonly door: Door;
  /** Whether its subscriptions are in force. */
  isHere(): boolean;
  /** Connections lost since the start. */
  losses(): number;
  /** Of these, as we had not read for long. */
  cutOffs(): number;
}

const AT = Date.UTC(2026, 2, 2, 9);
const event = (type: string, more: object = {}) => ({ type, id: 7, ts: AT, ...more });
const json = (value: unknown) => bytes(JSON.stringify(value));

/** What every door of the bus does, with a real server in front and a real intake behind it. */
export function doorContract(open: DoorFactory): void {
  let server: NatsServer;
  let behind: Behind;
  let opened: Opened;
  let till: NatsBus;
  let others: { close(): Promise<void> }[];

  beforeAll(async () => {
    server = await startNatsServer();
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    others = [];
    till = await publisher(server.url);
    await openHere({ servers: server.url });
  });

  afterEach(async () => {
    behind.journal.release();
    await Promise.all(others.map((each) => each.close()));
  });

  const publisher = async (servers: string, options: Partial<NatsOptions> = {}) => {
    const bus = new NatsBus({ servers, onError: () => {}, ...options });
    others.push({ close: () => bus.drain() });
    await bus.whenHere(20_000);
    return bus;
  };

  const openHere = async (options: NatsOptions, hears?: (type: string) => boolean) => {
    behind = behindDoor(hears);
    opened = open(behind, { onError: (error) => behind.errors.push(error as Behind["errors"][number]), ...options });
    others.push(opened.door);
    await until(() => opened.isHere());
  };

  const onDisk = () =>
    behind.journal.disk.entries.map(({ kind, principal, subject, headers, payload }) => {
      return { kind, principal, subject, headers, event: JSON.parse(text(payload)) };
    });
  const count = (entries: number) => until(() => behind.journal.disk.entries.length === entries);

  const ask = async (subject: string, payload: Uint8Array, headers: Record<string, string> = {}) => {
    const answer = await till.request(subject, payload, { headers });
    return { ...JSON.parse(text(answer.payload)), status: answer.headers["Nats-Service-Error-Code"] ?? null };
  };

  describe("takes", () => {
    it("events by type, with an identity or without, and outcomes, in order", async () => {
      till.publish(`${behind.base}.events.exit`, json({ id: 1, ts: AT }));
      till.publish(`${behind.base}.events.exit.4711`, json({ id: 4711, ts: AT }));
      till.publish(`${behind.base}.events.any`, json(event("exit", { id: 3 })));
      till.publish(`${behind.base}.outcomes`, json({ customer: 7, coupon: "87", action: "shown", at: AT }));
      till.publish(`${behind.base}.board.visits`, json(event("exit")));
      till.publish(`${behind.base}.events.exit`, json({ id: 5, ts: AT }));
      await count(5);

      expect(onDisk().map(({ kind, subject, event }) => [kind, subject.slice(behind.base.length), event.id])).toEqual([
        ["event", ".events.exit", 1],
        ["event", ".events.exit.4711", 4711],
        ["event", ".events.any", 3],
        ["outcome", ".outcomes", undefined],
        ["event", ".events.exit", 5],
      ]);
      expect(onDisk()[0]).toMatchObject({ principal: "nats", headers: { type: "exit" } });
    });

    it("headers that say something of the event", async () => {
      const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
      till.publish(`${behind.base}.events.exit`, json({ id: 1, ts: AT }), { headers: { traceparent: trace } });
      const ce = {
        "ce-specversion": "1.0",
        "ce-id": "c-1",
        "ce-source": "/till",
        "ce-type": "exit",
        "ce-time": "2026-03-02T09:00:00Z",
      };
      till.publish(`${behind.base}.events.x`, json({ customer_id: 2 }), { headers: ce });
      till.publish(`${behind.base}.events.exit`, json({ id: 3, ts: AT }), { headers: { "x-other": "1" } });
      await count(3);

      expect(onDisk()).toMatchObject([
        { headers: { traceparent: trace } },
        { headers: { "ce-id": "c-1", id: "c-1", source: "/till" } },
        { event: { id: 3 } },
      ]);
      expect(onDisk()[2]!.headers).not.toHaveProperty("x-other");
    });

    it("what the board hears as well as what it doesn't", async () => {
      await openHere({ servers: server.url }, (type) => type === "entry");
      for (let i = 0; i < 100; i++)
        till.publish(`${behind.base}.events.${i % 3 === 0 ? "entry" : "exit"}`, json({ id: i, ts: AT }));
      await count(100);

      expect(onDisk().map(({ event }) => event.id)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    });

    it("many at once", async () => {
      for (let i = 0; i < 30_000; i++) {
        till.publish(`${behind.base}.events.move`, json({ id: i, ts: AT, x: 1, y: 2 }));
        if (i % 5_000 === 0) await till.flush();
      }
      await count(30_000);

      expect(onDisk().every(({ event }, i) => event.id === i)).toBe(true);
      expect([behind.lost, behind.letters, behind.errors]).toEqual([[], [], []]);
    });

    it("a message as large as a server takes it, with many events in it", async () => {
      const moves = Array.from({ length: 9_000 }, (_, i) =>
        event("move", { id: i, x: 10, y: 20, dep: "d".repeat(30) }),
      );

      const receipt = await ask(`${behind.base}.events.move`, json(moves));

      expect(json(moves).length).toBeGreaterThan(limits.busMessageBytes * 0.8);
      expect([receipt.accepted, behind.journal.lastSeq]).toEqual([9_000, 9_000]);
    });
  });

  describe("answers", () => {
    it("once the event is on disk", async () => {
      behind.journal.hold();
      let isTold = false;
      const receipt = ask(`${behind.base}.events.exit`, json({ id: 1, ts: AT })).finally(() => {
        isTold = true;
      });
      await until(() => behind.journal.queued === 1);
      await till.flush();
      expect(isTold).toBe(false);
      behind.journal.release();

      expect(await receipt).toEqual({ accepted: 1, duplicate: 0, rejected: [], status: null });
    });

    it("earlier, if that is asked for", async () => {
      behind.journal.hold();

      const receipt = await ask(`${behind.base}.events.exit`, json({ id: 1, ts: AT }), { "Aisle-Ack": "received" });

      expect([receipt.accepted, behind.journal.lastSeq]).toEqual([1, 0]);
    });

    it.each([
      ["sometime", "400", "is no level of acknowledgement"],
      ["replicated", "409", "has no 'hub:'"],
    ])("that it can't do what is asked for: %s", async (level, status, why) => {
      const refused = await ask(`${behind.base}.events.exit`, json({ id: 1, ts: AT }), { "Aisle-Ack": level });
      await ask(`${behind.base}.events.exit`, json({ id: 2, ts: AT }));

      expect(refused).toMatchObject({ status, detail: expect.stringContaining(why) });
      expect(onDisk().map(({ event }) => event.id)).toEqual([2]);
    });

    it("that it came before", async () => {
      const payload = json(event("exit", { event_id: "e-1" }));
      await ask(`${behind.base}.events.exit`, payload);

      expect(await ask(`${behind.base}.events.exit`, payload)).toMatchObject({
        accepted: 0,
        duplicate: 1,
        status: null,
      });
    });

    it("that its message came before, where the event has no id of its own", async () => {
      const subject = `${behind.base}.events.exit`;
      const send = (id: number, message: string) => ask(subject, json({ id, ts: AT }), { "Nats-Msg-Id": message });
      const own = json(event("exit", { event_id: "e-1" }));

      const receipts = [await send(1, "m-1"), await send(1, "m-1"), await send(1, "m-2"), await send(2, "m-1")];
      const named = [await ask(subject, own, { "Nats-Msg-Id": "m-3" }), await ask(subject, own)];

      expect(receipts).toMatchObject([
        { accepted: 1, duplicate: 0 },
        { accepted: 0, duplicate: 1 },
        { accepted: 1, duplicate: 0 },
        { accepted: 0, rejected: [{ code: "id-reused" }] },
      ]);
      expect(named).toMatchObject([{ accepted: 1 }, { duplicate: 1 }]);
      expect(onDisk().map(({ headers }) => headers.id)).toEqual(["m-1/0", "m-2/0", "e-1"]);
    });

    it("what is wrong with it, and keeps it", async () => {
      expect(await ask(`${behind.base}.events.exit`, bytes("{"))).toMatchObject({
        ...{ accepted: 0, rejected: [{ code: "malformed" }], status: "400" },
      });
      expect(await ask(`${behind.base}.events.exit`, bytes(""))).toMatchObject({ status: "400" });
      const huge = json({ id: 1, ts: AT, note: "x".repeat(limits.eventBytes) });
      expect(await ask(`${behind.base}.events.exit`, huge)).toMatchObject({ rejected: [{ code: "too-large" }] });
      expect(behind.letters.map(({ code }) => code)).toEqual(["malformed", "malformed", "too-large"]);
    });

    it("that there is no room", async () => {
      behind.journal.queueMax = 0;

      expect(await ask(`${behind.base}.events.exit`, json({ id: 1, ts: AT }))).toMatchObject({
        ...{ code: "overloaded", status: "429" },
      });
    });

    it("that the disk has failed", async () => {
      behind.journal.failNext(new Error("the disk is broken"));

      expect(await ask(`${behind.base}.events.exit`, json({ id: 1, ts: AT }))).toMatchObject({ status: "503" });
    });
  });

  it("counts what nobody waits for, when there is no room", async () => {
    behind.journal.queueMax = 0;
    till.publish(`${behind.base}.events.exit`, json({ id: 1, ts: AT }));
    await until(() => behind.lost.length > 0);

    expect([behind.lost, behind.intake.dropped]).toEqual([[{ many: 1, code: "overloaded" }], 1]);
  });

  it("takes on drain what the server holds for it, answers, and then hears nothing more", async () => {
    const asked = Array.from({ length: 1_000 }, (_, id) => ask(`${behind.base}.events.exit`, json({ id, ts: AT })));
    await till.flush();

    await opened.door.drain();
    await behind.intake.drain();
    const receipts = await Promise.all(asked);
    await opened.door.close();

    expect(receipts.every(({ accepted }) => accepted === 1)).toBe(true);
    expect(behind.journal.lastSeq).toBe(1_000);
    await expect(ask(`${behind.base}.events.exit`, json({ id: 1, ts: AT }))).rejects.toMatchObject({
      code: "unavailable",
    });
  });

  it("comes back after the server did", async () => {
    await using own = await startNatsServer();
    await openHere({ servers: own.url });
    await own.kill();
    await until(() => !opened.isHere());
    await own.restart();
    await until(() => opened.isHere());
    till = await publisher(own.url);

    expect(await ask(`${behind.base}.events.exit`, json({ id: 1, ts: AT }))).toMatchObject({ accepted: 1 });
    expect([opened.losses(), opened.cutOffs()]).toEqual([1, 0]);
  });

  it("knows that it was cut off when it was stopped for longer than the server waits, which does not say so", async () => {
    await using strict = await startNatsServer({ config: 'write_deadline: "1s"' });
    await openHere({ servers: strict.url });
    const isLost = until(() => opened.losses() > 0);

    publishFrom(strict.port, `${behind.base}.events.x`, 40);
    stopFor(2_500);
    await isLost;
    await until(() => opened.isHere());

    expect([opened.losses(), opened.cutOffs()]).toEqual([1, 1]);
  });

  it("comes back when it was thrown out for reading too slowly", async () => {
    await using strict = await startNatsServer({ config: 'max_pending: 1MB\nwrite_deadline: "200ms"' });
    await openHere({ servers: strict.url });
    till = await publisher(strict.url);
    const isLost = until(() => opened.losses() > 0);

    publishFrom(strict.port, `${behind.base}.events.x`, 40);
    block(600);
    await isLost;
    await until(() => opened.isHere() && till.state === "here");

    expect(await ask(`${behind.base}.events.exit`, json({ id: 1, ts: AT }))).toMatchObject({ accepted: 1 });
  });

  describe("credentials", () => {
    const { publicKey, seed } = newSeed();
    const { config, creds } = newCredentials();

    it.each([
      ["a token", "authorization: { token: secret }", { token: "secret" }],
      ["user and password", "authorization: { user: box, password: secret }", { user: "box", password: "secret" }],
      ["an NKey", `authorization: { users: [{ nkey: ${publicKey} }] }`, { seed }],
      ["a credentials file", config, { credentials: creds }],
    ])("may be %s", async (_, config, options) => {
      await using guarded = await startNatsServer({ config });
      await openHere({ servers: guarded.url, ...options });
      till = await publisher(guarded.url, options);

      expect(await ask(`${behind.base}.events.exit`, json({ id: 1, ts: AT }))).toMatchObject({ accepted: 1 });
    });

    it("that don't allow outcomes are told of; events are taken", async () => {
      const may = 'permissions: { subscribe: ["aisle.*.*.events.>", "_INBOX.>"] }';
      await using guarded = await startNatsServer({
        config: `authorization: { users: [{ user: box, password: b, ${may} }, { user: till, password: t }] }`,
      });
      await openHere({ servers: guarded.url, user: "box", password: "b" });
      till = await publisher(guarded.url, { user: "till", password: "t" });

      expect(await ask(`${behind.base}.events.exit`, json({ id: 1, ts: AT }))).toMatchObject({ accepted: 1 });
      await until(() => behind.errors.length > 0);
      expect(behind.errors[0]).toMatchObject({ code: "forbidden" });
    });
  });
}

/** From a process of its own, and waits for it: nothing is read here meanwhile. */
function publishFrom(port: number, subject: string, messages: number): void {
  const script = `
    const socket = require("net").connect(${port}, "127.0.0.1");
    socket.write("CONNECT {}\\r\\n");
    for (let i = 0; i < ${messages}; i++) socket.write("PUB ${subject} 900000\\r\\n" + " ".repeat(900000) + "\\r\\n");
    socket.write("PING\\r\\n");
    socket.on("data", (data) => { if (data.includes("PONG")) process.exit(0); });
    socket.on("error", () => process.exit(1));
  `;
  spawnSync(process.execPath, ["-e", script], { timeout: 10_000 });
}

/** Nothing of this process runs meanwhile. */
function stopFor(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
