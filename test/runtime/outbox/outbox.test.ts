import { describe, expect, it, onTestFinished } from "vitest";
import type { Bus } from "../../../runtime/bus/bus.ts";
import { MemoryBus } from "../../../runtime/bus/memory.ts";
import { NatsBus } from "../../../runtime/bus/nats.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { openJournal } from "../../../runtime/journal/lmdb.ts";
import { limits } from "../../../runtime/limits.ts";
import { decisionOf, draftOf } from "../../support/decisions.ts";
import { Dice } from "../../support/dice.ts";
import { FaultyDisk, FaultyStore } from "../../support/faulty-store.ts";
import { countingBytes, tempDir } from "../../support/journal.ts";
import { describeWithNats, freePort, type NatsServer, startNatsServer } from "../../support/nats-server.ts";
import { BASE, type Got, listen, offersByCustomer, once, outboxAt } from "../../support/outboxes.ts";
import { prng } from "../../support/prng.ts";

const SECONDS = { timeout: 20_000 };

describe("the outbox on the bus of one process", () => {
  it("sends a decision and its predictions with ids that stay, directly after the commit", async () => {
    const bus = new MemoryBus();
    const got = listen(bus);
    const { decide, outbox, journal, close } = outboxAt({ dir: tempDir(), bus, ack: "server" });

    await decide(["7"]);
    await bus.flush();

    expect(got.map(({ id, subject }) => [id, subject])).toEqual([
      ["box-e0-1-0", `${BASE}.offers.7`],
      ["box-e0-1-0-1", `${BASE}.predictions`],
    ]);
    await expect.poll(() => outbox.through).toBe(journal.lastSeq);
    expect(outbox.stats()).toMatchObject({ waiting: 0, sent: 2, retried: 0 });
    await close();
  });

  it("sends nothing by a port that a higher layer held as the decision was made", async () => {
    const bus = new MemoryBus();
    const got = listen(bus);
    const { decide, outbox, close } = outboxAt({ dir: tempDir(), bus, ack: "server" });

    await decide(["7"], { headers: { withheld: "offers" } });
    await decide(["8"], { headers: { withheld: "offers,predictions" } });
    await decide(["9"]);

    await expect.poll(() => outbox.stats().waiting).toBe(0);
    expect(got.map(({ id }) => id)).toEqual(["box-e0-1-0-1", "box-e0-3-0", "box-e0-3-0-1"]);
    await close();
  });

  it("sends an offer that has ended meanwhile to those who read until when it holds, and shows it to nobody", async () => {
    const dir = tempDir();
    const bus = new MemoryBus();
    const got = listen(bus);
    const before = outboxAt({ dir, bus, ack: "server", begin: false });
    await before.decide(["7"], { expiresAt: 1 });
    await before.close();

    const after = outboxAt({ dir, bus, ack: "server" });
    await expect.poll(() => after.outbox.stats().waiting).toBe(0);

    expect(got.map(({ id }) => id)).toEqual(["box-e0-1-0"]);
    expect(JSON.parse(got[0]!.text).expiresAt).toBe(1);
    await after.close();
  });

  it("owes what it decided though it was killed at once", async () => {
    const dir = tempDir();
    const bus = new MemoryBus();
    const first = outboxAt({ dir, bus, begin: false });
    await first.decide(["7", "8"]);
    await first.abandon();

    const got = listen(bus);
    const { outbox, close } = outboxAt({ dir, bus, ack: "server" });
    await expect.poll(() => outbox.stats().waiting).toBe(0);

    expect([...offersByCustomer(got).keys()]).toEqual(["7", "8"]);
    await close();
  });

  it("owes what it decided also when the disk had no room for its first cursor", async () => {
    const disk = new FaultyDisk();
    const storeOn = () => new FaultyStore(disk, new Dice(prng(1)));
    const bus = new MemoryBus();
    disk.health = "full";
    const first = outboxAt({ dir: tempDir(), bus, begin: false, store: storeOn() });
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(first.journal.store.get("outbox", Buffer.from("bus"))).toBe(null);
    disk.health = "well";
    await first.decide(["7", "8"]);
    await first.abandon();

    const got = listen(bus);
    const { outbox, close } = outboxAt({ dir: tempDir(), bus, ack: "server", store: storeOn() });
    await expect.poll(() => outbox.stats().waiting).toBe(0);

    expect([...offersByCustomer(got).keys()]).toEqual(["7", "8"]);
    await close();
  });

  it("gives up a decision that is larger than the stream takes, and goes on with those behind it", async () => {
    const bus = new MemoryBus();
    bus.subscribe(`${BASE}.>`, (message) => {
      const isLarge = message.headers["Nats-Msg-Id"] === "box-e0-1-0";
      const error = { code: 400, err_code: 10054, description: "message size exceeds maximum allowed" };
      message.respond(Buffer.from(JSON.stringify(isLarge ? { error } : { stream: "OUT", seq: 1 })));
    });
    const { decide, outbox, journal, faults, close } = outboxAt({ dir: tempDir(), bus, ack: "stream" });

    await decide(["7", "7", "8"]);
    await expect.poll(() => outbox.stats().waiting).toBe(0);

    expect(outbox.stats()).toMatchObject({ failed: 1, retried: 0 });
    expect(outbox.through).toBe(journal.lastSeq);
    expect(faults.map(String)).toEqual([expect.stringContaining("message size exceeds maximum allowed")]);
    await close();
  });

  it("counts, after a restart, all that it will send again: also what was confirmed behind what was not", async () => {
    const dir = tempDir();
    const bus = new MemoryBus();
    const got = listen(bus);
    let refused = "box-e0-1-0";
    bus.subscribe(`${BASE}.>`, (message) => {
      if (message.headers["Nats-Msg-Id"] === refused || !message.wantsReply) return;
      message.respond(Buffer.from(JSON.stringify({ stream: "OUT", seq: 1 })));
    });
    const first = outboxAt({ dir, bus, ack: "stream" });
    await first.decide(["7", "8"]);
    await expect.poll(() => first.outbox.stats().waiting).toBe(1);
    await first.close();

    const second = outboxAt({ dir, bus, ack: "stream", begin: false });
    expect(second.outbox.stats().waiting).toBe(2);
    refused = "";
    second.outbox.begin();
    await expect.poll(() => second.outbox.stats().waiting).toBe(0);
    expect(second.outbox.through).toBe(second.journal.lastSeq);
    expect(got.filter(({ id }) => id === "box-e0-1-0")).toHaveLength(2);
    await second.close();
  });

  it("owes nothing of what a folder without a cursor holds", async () => {
    const dir = tempDir();
    const bus = new MemoryBus();
    const older = openJournal({ dir, clock: systemClock, random: countingBytes });
    await older.append(["7", "8"].map((customer, i) => draftOf(decisionOf(i + 1, customer, "87"))));
    await older.close();

    const got = listen(bus);
    const { outbox, decide, close } = outboxAt({ dir, bus, ack: "server" });
    await decide(["9"]);
    await expect.poll(() => outbox.stats().waiting).toBe(0);

    expect([...offersByCustomer(got).keys()]).toEqual(["9"]);
    await close();
  });
});

describeWithNats("the outbox on a NATS server", () => {
  it(
    "sends what was decided while the server was away, in order, also after a restart of the place",
    SECONDS,
    async () => {
      const port = await freePort();
      const dir = tempDir();
      const first = outboxAt({ dir, bus: busTo(port) });
      await first.decide(["7", "8"]);
      await first.decide(["7"]);
      expect(first.outbox.trouble()).toMatch(/published when it is back; 3 wait$/);
      expect(first.outbox.neededFrom()).toBe(1);
      await first.close();

      const second = outboxAt({ dir, bus: busTo(port) });
      await second.decide(["8"]);
      expect(second.outbox.stats().waiting).toBe(4);
      expect(second.outbox.age()).toBeGreaterThan(0);
      const server = await serverOn(port);
      const got = await listenAt(server);
      await expect.poll(() => second.outbox.stats().waiting, SECONDS).toBe(0);

      expect(second.outbox.trouble()).toBe(null);
      const ids = new Map([
        ["7", ["box-e0-1-0", "box-e0-3-0"]],
        ["8", ["box-e0-2-0", "box-e0-4-0"]],
      ]);
      // The listener may have come after the first of them: what it got is in order.
      for (const [customer, all] of offersByCustomer(got)) expect(ids.get(customer)!.join()).toContain(all.join());
      await second.close();
    },
  );

  it("sends again, with the same ids, what was on its way when the place was killed", SECONDS, async () => {
    const server = await serverOn();
    const got = await listenAt(server);
    const dir = tempDir();
    const first = outboxAt({ dir, bus: busTo(server.port) });
    await firstNote(first);
    for (let i = 0; i < 20; i++) await first.decide(["7"]);
    await expect.poll(() => first.outbox.stats().waiting, SECONDS).toBe(0);
    await first.abandon();

    const second = outboxAt({ dir, bus: busTo(server.port) });
    await second.decide(["7"]);
    await expect.poll(() => second.outbox.stats().waiting, SECONDS).toBe(0);

    await expect.poll(() => offersByCustomer(got).get("7")?.length).toBe(21);
    expect(offersByCustomer(got).get("7")).toEqual(Array.from({ length: 21 }, (_, i) => `box-e0-${i + 1}-0`));
    await second.close();
  });

  it("brings every decision at least once, and in order to each customer, while the server is killed again and again", {
    timeout: 300_000,
  }, async () => {
    const seed = Number(process.env.AISLE_SEED ?? 20_260_302);
    const random = prng(seed);
    const server = await serverOn(undefined, { jetStream: true });
    const subjects = [`${BASE}.offers.*`, `${BASE}.predictions`];
    await streamOf(server, "OFFERS", subjects);
    const dir = tempDir();
    const got = await listenAt(server);
    let place = outboxAt({ dir, bus: busTo(server.port) });
    await firstNote(place);
    const decided = new Map<string, number>();
    /** What was refused again and again is sent after `limits.outboxRetryMaxMs` at the latest. */
    const sent = async () => {
      const { outbox } = place;
      const told = () => `${outbox.stats().waiting} wait: ${outbox.trouble()}`;
      await expect.poll(told, { timeout: 2 * limits.outboxRetryMaxMs }).toBe("0 wait: null");
    };
    for (let round = 0; round < 6; round++) {
      for (let batch = 0; batch < 20; batch++) {
        const customers = Array.from({ length: 1 + Math.floor(random() * 40) }, () => `c${Math.floor(random() * 9)}`);
        for (const customer of customers) decided.set(customer, (decided.get(customer) ?? 0) + 1);
        await place.decide(customers);
        if (batch === 8) await server.kill();
        if (batch === 12 && random() < 0.5) {
          await place.abandon();
          place = outboxAt({ dir, bus: busTo(server.port) });
        }
      }
      await server.restart();
      if (round % 2 === 1) await sent();
    }
    await sent();

    const kept = await (await streamOf(server, "OFFERS", subjects)).all();
    for (const [customer, ids] of offersByCustomer(kept)) {
      expect(ids.length, `seed ${seed}, ${customer}`).toBe(decided.get(customer));
      expect(inOrder(ids), `seed ${seed}, ${customer}`).toBe(true);
    }
    // A listener without a stream misses what comes while it is away itself; what came twice to it was the same.
    expect(offersByCustomer(got).size).toBeGreaterThan(0);
    expect(place.outbox.through).toBe(place.journal.lastSeq);
    expect(place.faults).toEqual([]);
    await place.close();
  });

  it("stops at a server that lets it not publish, says so, and goes on when it may", SECONDS, async () => {
    const config = `authorization: { users: [
      { user: box, password: a, permissions: { publish: ["${BASE}.predictions", "_INBOX.>"], subscribe: [">"] } }
      { user: all, password: b } ] }`;
    const server = await serverOn(undefined, { config });
    const { decide, outbox, close } = outboxAt({ dir: tempDir(), bus: busTo(server.port, "box:a@"), ack: "server" });

    await decide(["7"]);
    await expect
      .poll(() => outbox.trouble(), SECONDS)
      .toMatch(/lets this place not publish to 'aisle.store.box.offers.7'/);

    expect(outbox.through).toBe(0);
    expect(outbox.stats().waiting).toBe(1);
    await close();
  });

  describe("with a stream", () => {
    it("counts what the stream has, which drops repeats by their ids", SECONDS, async () => {
      const server = await serverOn(undefined, { jetStream: true });
      const stream = await streamOf(server, "OFFERS", [`${BASE}.offers.*`, `${BASE}.predictions`]);
      const dir = tempDir();
      const first = outboxAt({ dir, bus: busTo(server.port), ack: "stream" });
      await firstNote(first);
      for (let i = 0; i < 10; i++) await first.decide(["7", "8"]);
      await expect.poll(() => first.outbox.stats().waiting, SECONDS).toBe(0);
      await first.abandon();
      const second = outboxAt({ dir, bus: busTo(server.port), ack: "stream" });
      await second.decide(["7"]);
      await expect.poll(() => second.outbox.stats().waiting, SECONDS).toBe(0);

      expect(second.outbox.stats().retried + second.outbox.stats().sent).toBeGreaterThan(2);
      expect(await stream.messages()).toBe(2 * 21);
      await second.close();
    });

    it("keeps order to a customer when a full stream refuses some of it", SECONDS, async () => {
      const server = await serverOn(undefined, { jetStream: true });
      const bounds = { max_msgs: 5, discard: "new" };
      const stream = await streamOf(server, "OFFERS", [`${BASE}.offers.*`, `${BASE}.predictions`], bounds);
      const { decide, outbox, close } = outboxAt({ dir: tempDir(), bus: busTo(server.port) });
      for (let i = 0; i < 10; i++) await decide(["7"]);
      await expect.poll(() => outbox.trouble(), SECONDS).toMatch(/the stream says: maximum messages exceeded/);

      await stream.update({ ...bounds, max_msgs: 1_000 });
      await expect.poll(() => outbox.stats().waiting, SECONDS).toBe(0);

      expect(offersByCustomer(await stream.all()).get("7")).toEqual(
        Array.from({ length: 10 }, (_, i) => `box-e0-${i + 1}-0`),
      );
      await close();
    });

    it("gives up what is larger than the stream takes, and brings what is behind it", SECONDS, async () => {
      const server = await serverOn(undefined, { jetStream: true });
      const stream = await streamOf(server, "OFFERS", [`${BASE}.offers.*`], { max_msg_size: 2_000 });
      const { decide, outbox, journal, faults, close } = outboxAt({ dir: tempDir(), bus: busTo(server.port) });
      const long = "x".repeat(2_000);

      await decide(["7", long, "8", "7"], { headers: { withheld: "predictions" } });
      await expect.poll(() => outbox.stats().waiting, SECONDS).toBe(0);

      expect(offersByCustomer(await stream.all())).toEqual(
        new Map([
          ["7", ["box-e0-1-0", "box-e0-4-0"]],
          ["8", ["box-e0-3-0"]],
        ]),
      );
      expect([outbox.stats().failed, outbox.through, outbox.trouble()]).toEqual([1, journal.lastSeq, null]);
      expect(faults).toEqual([expect.stringMatching(/^the stream says: message size exceeds maximum/)]);
      await close();
    });

    it("keeps for a stream behind a cut link what was decided meanwhile, also over a restart", SECONDS, async () => {
      const leafPort = await freePort();
      const hub = await serverOn(undefined, {
        jetStream: true,
        config: `leafnodes { listen: "127.0.0.1:${leafPort}" }`,
      });
      const remotes = `leafnodes { reconnect: 1, remotes: [{ url: "nats-leaf://127.0.0.1:${leafPort}" }] }`;
      const device = await serverOn(undefined, { config: remotes });
      const subjects = [`${BASE}.offers.*`];
      await streamOf(hub, "OFFERS", subjects);
      busTo(hub.port).subscribe("here", (message) => message.respond(Buffer.alloc(1)));
      const asker = busTo(device.port);
      const isLinked = () =>
        asker.request("here", Buffer.alloc(0), { timeoutMs: 500 }).then(
          () => true,
          () => false,
        );
      await expect.poll(isLinked, SECONDS).toBe(true);
      const shown = listen(asker, `${BASE}.predictions`);
      const dir = tempDir();
      const first = outboxAt({ dir, bus: busTo(device.port) });
      await first.decide(["7"]);
      await expect.poll(() => first.outbox.stats().waiting, SECONDS).toBe(0);

      await hub.kill();
      for (let i = 0; i < 5; i++) await first.decide(["7", "8"]);
      await expect
        .poll(() => first.outbox.trouble(), SECONDS)
        .toMatch(/^10 decisions wait for the bus: the stream that kept 'offers' can't be reached: .*ack: server'/);
      // Whoever shows them in the store has them all the same.
      await expect.poll(() => once(shown).length, SECONDS).toBe(11);
      await first.abandon();
      const second = outboxAt({ dir, bus: busTo(device.port) });
      await expect.poll(() => second.outbox.trouble(), SECONDS).toMatch(/^1[01] .* the stream that kept 'offers'/);
      await hub.restart();
      await expect.poll(() => second.outbox.stats().waiting, SECONDS).toBe(0);

      const kept = offersByCustomer(await (await streamOf(hub, "OFFERS", subjects)).all());
      expect([kept.get("7")?.length, kept.get("8")?.length]).toEqual([6, 5]);
      expect(second.outbox.trouble()).toBe(null);
      await second.close();
    });

    it("waits for a stream that was removed, until the site says that there is none", SECONDS, async () => {
      const server = await serverOn(undefined, { jetStream: true });
      const stream = await streamOf(server, "OFFERS", [`${BASE}.offers.*`]);
      const dir = tempDir();
      const auto = outboxAt({ dir, bus: busTo(server.port) });
      await auto.decide(["7"]);
      await expect.poll(() => auto.outbox.stats().waiting, SECONDS).toBe(0);
      await stream.remove();
      await auto.decide(["7"]);
      await expect.poll(() => auto.outbox.trouble(), SECONDS).toMatch(/set 'bus.outbox.ack: server'/);
      expect(auto.outbox.stats().waiting).toBe(1);
      await auto.close();

      const told = outboxAt({ dir, bus: busTo(server.port), ack: "server" });
      await expect.poll(() => told.outbox.stats().waiting, SECONDS).toBe(0);
      await told.close();
      const again = outboxAt({ dir, bus: busTo(server.port) });
      await again.decide(["7"]);
      await expect.poll(() => again.outbox.stats().waiting, SECONDS).toBe(0);
      await again.close();
    });

    it(
      "takes the server's word where nobody keeps what is published, and demands a stream when told to",
      SECONDS,
      async () => {
        const server = await serverOn();
        const auto = outboxAt({ dir: tempDir(), bus: busTo(server.port) });
        await auto.decide(["7"]);
        await expect.poll(() => auto.outbox.stats().waiting, SECONDS).toBe(0);
        await listenAt(server); // listens, and keeps nothing
        const strict = outboxAt({ dir: tempDir(), bus: busTo(server.port), ack: "stream" });
        await strict.decide(["7"]);
        await expect.poll(() => strict.outbox.trouble(), SECONDS).toMatch(/no stream has confirmed/);

        expect(strict.outbox.through).toBe(0);
        await auto.close();
        await strict.close();
      },
    );
  });
});

function busTo(port: number, user = ""): Bus {
  const bus = new NatsBus({ servers: `nats://${user}127.0.0.1:${port}`, onError: () => {} });
  onTestFinished(() => bus.drain());
  return bus;
}

async function serverOn(port?: number, options: { jetStream?: boolean; config?: string } = {}): Promise<NatsServer> {
  const server = await startNatsServer({ ...(port === undefined ? {} : { port }), ...options });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

async function listenAt(server: NatsServer): Promise<Got[]> {
  const bus = busTo(server.port) as NatsBus;
  const got = listen(bus);
  await bus.whenHere();
  return got;
}

/** From here on the folder has a cursor. */
async function firstNote({ journal, outbox }: ReturnType<typeof outboxAt>): Promise<void> {
  await expect.poll(() => journal.store.get("outbox", Buffer.from("bus"))).not.toBe(null);
  expect(outbox.through).toBe(0);
}

async function streamOf({ port }: NatsServer, name: string, subjects: string[], bounds: object = {}) {
  const bus = busTo(port) as NatsBus;
  await bus.whenHere();
  const manager = await bus.link!.connection.jetstreamManager();
  await manager.streams.info(name).catch(() => manager.streams.add({ name, subjects, ...bounds } as never));
  return {
    messages: async () => (await manager.streams.info(name)).state.messages,
    remove: () => manager.streams.delete(name),
    update: (changed: object) => manager.streams.update(name, { subjects, ...changed } as never),
    async all(): Promise<Got[]> {
      const { messages, first_seq } = (await manager.streams.info(name)).state;
      const all = Array.from({ length: messages }, (_, i) => manager.streams.getMessage(name, { seq: first_seq + i }));
      return (await Promise.all(all)).map(({ header, subject, data }) => {
        return { id: header.get("Nats-Msg-Id"), subject, text: Buffer.from(data).toString() };
      });
    },
  };
}

/** By the sequences of their causes. */
function inOrder(ids: readonly string[]): boolean {
  const seqs = ids.map((id) => Number(id.split("-")[2]));
  return seqs.every((seq, i) => i === 0 || seqs[i - 1]! < seq);
}
