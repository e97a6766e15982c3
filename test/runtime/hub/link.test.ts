import { cpSync } from "node:fs";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Bus } from "../../../runtime/bus/bus.ts";
import { MemoryBus } from "../../../runtime/bus/memory.ts";
import { NatsBus } from "../../../runtime/bus/nats.ts";
import { ManualClock } from "../../../runtime/clock.ts";
import { AisleError } from "../../../runtime/errors.ts";
import type { Draft } from "../../../runtime/journal/journal.ts";
import { limits } from "../../../runtime/limits.ts";
import { Dice } from "../../support/dice.ts";
import { FaultyDisk, FaultyStore } from "../../support/faulty-store.ts";
import { type DeviceAtWork, deviceAt, draft, event, HUB, hubAt, origins } from "../../support/hubs.ts";
import { blockOf, journalIn, tempDir } from "../../support/journal.ts";
import { describeWithNats, startNatsServer } from "../../support/nats-server.ts";
import { prng } from "../../support/prng.ts";

const SECONDS = { timeout: 20_000 };

describe("a place and its hub", () => {
  it("brings events and outcomes as what they are, decisions as imports, and nothing else", async () => {
    const bus = new MemoryBus();
    const hub = hubAt(tempDir(), bus);
    const { journal, link, close } = deviceAt({ dir: tempDir(), bus });
    await journal.append([
      event(7, { id: "e1", traceparent: "00-1" }),
      draft("config"),
      draft("outcome", '{"x":1}'),
      draft("tick"),
      draft("decision", '{"id":"box-0-1-0"}', { withheld: "offers" }),
      draft("cell"),
      event(8, { "replay-of": "1", "replay-seq": "1" }),
      event(9, { "replay-of": "2" }),
    ]);
    await link.replicated(8);

    const taken = [...hub.journal.read()].map(({ kind, principal, subject, headers, payload }) => {
      return { kind, principal, subject, headers, text: Buffer.from(payload).toString() };
    });
    const at = taken[0]!.headers["origin-at"];
    const from = (seq: number) => ({ origin: `box-${journal.epoch}-${seq}`, "origin-at": at });
    const own = { principal: "hub/box" };
    const text = (id: number) => JSON.stringify({ type: "entry", id });
    expect(taken).toEqual([
      {
        ...{ ...own, kind: "event", subject: "/events", text: text(7) },
        headers: { type: "entry", id: "e1", traceparent: "00-1", ...from(1) },
      },
      { ...own, kind: "outcome", subject: "outcome", headers: from(3), text: '{"x":1}' },
      {
        ...{ ...own, kind: "import", subject: "decision", text: '{"id":"box-0-1-0"}' },
        headers: { kind: "decision", ...from(5) },
      },
      {
        ...{ ...own, kind: "event", subject: "/events", text: text(9) },
        headers: { type: "entry", "replay-of": "2", ...from(8) },
      },
    ]);
    expect(hub.journal.position(`hub/box-${journal.epoch}`)).toBe("8");
    expect(link.neededFrom()).toBe(9);
    await close();
    await hub.close();
  });

  it("brings plain events, as they lie in the journal, in batches, from several places", async () => {
    const bus = new MemoryBus();
    const hub = hubAt(tempDir(), bus);
    const boxes = ["a", "b"].map((place) => deviceAt({ dir: tempDir(), bus, place }));
    await Promise.all(
      boxes.flatMap(({ journal }) =>
        Array.from({ length: 30 }, (_, i) => {
          const events = Array.from({ length: 300 }, (_, j) => event(i * 300 + j));
          return i % 3 === 0 ? journal.append(events) : journal.appendBlock(blockOf(events));
        }),
      ),
    );
    await Promise.all(boxes.map(({ link }) => link.replicated(9_000)));

    const all = origins(hub.journal);
    for (const place of ["a", "b"]) {
      const epoch = boxes[0]!.journal.epoch;
      expect(all.filter((origin) => origin.startsWith(place))).toEqual(
        Array.from({ length: 9_000 }, (_, i) => `${place}-${epoch}-${i + 1}`),
      );
    }
    for (const { close } of boxes) await close();
    await hub.close();
  });

  it("tells who waits for the hub when it doesn't have it in time, or the place stops; and keeps what it lacks", async () => {
    const clock = new ManualClock(1_000_000);
    const { journal, link, close } = deviceAt({ dir: tempDir(), bus: new MemoryBus(), clock });
    await journal.append([event(7)]);

    const late = expect(link.replicated(1)).rejects.toMatchObject({ code: "unavailable" });
    clock.advance(10_000);
    await late;
    expect(link.trouble()).toBe(null);
    clock.advance(60_000);
    await expect
      .poll(() => link.trouble())
      .toMatch(/^the hub 'aisle.chain.center' has not taken anything for 70 s: .*; 1 entries wait$/);
    expect(link.neededFrom()).toBe(1);
    const stopped = expect(link.replicated(1)).rejects.toThrow(/this place stops/);
    await close();
    await stopped;
  });

  it("says so when each batch is refused, and asks ever more seldom until one is taken", async () => {
    const clock = new ManualClock(1_000_000);
    const bus = new MemoryBus();
    const disk = new FaultyDisk();
    const hubOn = () => hubAt(tempDir(), bus, new FaultyStore(disk, new Dice(prng(1))));
    const hub = hubOn();
    const { journal, link, close } = deviceAt({ dir: tempDir(), bus, clock });
    disk.health = "broken"; // how far it has come it still answers
    await journal.append([event(1)]);
    await turns();
    const { sent } = link.stats();

    const pauses = [];
    for (let tries = 0; tries < 13; tries++) pauses.push(await untilSentAgain(clock, link));
    expect([sent, ...pauses]).toEqual([1, 125, 250, 500, 1_000, 2_000, 4_000, ...Array(7).fill(7_500)]);
    expect(link.trouble()).toMatch(/has not taken anything for 60 s: .*the disk reports an error.*; 1 entries wait$/);

    await hub.close().catch(() => {});
    disk.health = "well";
    const again = hubOn();
    clock.advance(7_500);
    await expect.poll(() => link.stats().waiting, SECONDS).toBe(0);
    expect(link.trouble()).toBe(null);
    expect(origins(again.journal)).toEqual([`box-${journal.epoch}-1`]);

    disk.health = "broken";
    await journal.append([event(2)]);
    await turns();
    expect(await untilSentAgain(clock, link)).toBe(125);
    await close();
    await again.close().catch(() => {});
  });

  it("is here again once it answers, where there is nothing to send", async () => {
    const bus = new MemoryBus();
    const [dir, hubDir] = [tempDir(), tempDir()];
    const hub = hubAt(hubDir, bus);
    const before = deviceAt({ dir, bus });
    await before.journal.append([event(1), draft("cell")]);
    await before.link.replicated(2);
    await before.close();
    await hub.close();

    const clock = new ManualClock(1_000_000);
    const { journal, link, close } = deviceAt({ dir, bus, clock });
    await journal.append([draft("cell"), draft("tick")]);
    await turns();
    for (let s = 0; s < 70; s += 10) {
      clock.advance(10_000);
      await turns();
    }
    expect(link.trouble()).toMatch(/has not taken anything for 70 s/);
    const again = hubAt(hubDir, bus);
    clock.advance(7_500);
    await turns();

    expect(link.trouble()).toBe(null);
    expect(link.stats()).toMatchObject({ waiting: 0, sent: 0 });
    await close();
    await again.close();
  });

  it("is here where it takes batches, though its answers to them are lost", async () => {
    const clock = new ManualClock(1_000_000);
    const bus = new MemoryBus();
    const hub = hubAt(tempDir(), bus);
    let lost = 0;
    bus.request = async (...args: Parameters<Bus["request"]>) => {
      const answer = await MemoryBus.prototype.request.apply(bus, args);
      if (args[1].length === 0) return answer;
      lost++;
      throw new AisleError("unavailable", "the answer was lost");
    };
    const { journal, link, close } = deviceAt({ dir: tempDir(), bus, clock });
    const large = "x".repeat(limits.hubBatchBytes / 2 + 1); // each is a batch
    for (let id = 0; id < 40; id++) await journal.append([event(`${id}${large}`)]);

    for (let rounds = 0; link.stats().waiting > 0; rounds++) {
      expect(link.trouble(), `round ${rounds}`).toBe(null);
      const before = lost;
      clock.advance(20_000);
      await expect.poll(() => lost > before || link.stats().waiting === 0, SECONDS).toBe(true);
      await turns();
    }
    expect(lost).toBeGreaterThan(8);
    expect(origins(hub.journal).length).toBe(40);
    await close();
    await hub.close();
  });

  it("lets nobody wait for an entry that does not matter to the hub", async () => {
    const clock = new ManualClock(1_000_000);
    const bus = new MemoryBus();
    const hub = hubAt(tempDir(), bus);
    const { journal, link, close } = deviceAt({ dir: tempDir(), bus, clock });
    await journal.append([event(1)]);
    await link.replicated(1);

    await journal.append([draft("cell")]);
    const replicated = link.replicated(2); // as who sends the event again, and the journal ends there
    await turns();
    clock.advance(10_000);
    await expect(replicated).resolves.toBe(undefined);
    await close();
    await hub.close();
  });

  it("takes a restored place as a new source, and what stood in the backup as of the old one", async () => {
    const bus = new MemoryBus();
    const hub = hubAt(tempDir(), bus);
    const dir = tempDir();
    const before = deviceAt({ dir, bus });
    await before.journal.append([event(1), event(2)]);
    await before.link.replicated(2);
    await before.close();
    await hub.close();
    const old = deviceAt({ dir, bus }); // while the hub is away
    await old.journal.append([event(3)]);
    await old.close();

    const after = deviceAt({ dir, bus, renewEpoch: true, seed: 5 });
    await after.journal.append([event(4)]);
    const again = hubAt(tempDir(), bus);
    await expect.poll(() => after.link.stats().waiting, SECONDS).toBe(0);

    const [was, is] = [before.journal.epoch, after.journal.epoch];
    expect(was).not.toBe(is);
    // The hub lost its own journal too: it gets all of it again, under the sources it came from.
    expect(origins(again.journal)).toEqual([`box-${was}-1`, `box-${was}-2`, `box-${was}-3`, `box-${is}-4`]);
    await after.close();
    await again.close();
  });

  it("counts an event once that comes again under another epoch, if its publisher gave it an id", async () => {
    const bus = new MemoryBus();
    const hub = hubAt(tempDir(), bus);
    const sent = [
      event(1, { id: "e1" }),
      event(2),
      event(3, { id: "e1", source: "till-2" }),
      event(4, { id: "e1", "replay-of": "1" }), // other bytes, which somebody took in all the same
      draft("outcome", "{}", { id: "o1" }),
    ];
    const all = ["a", "a", "b", "a"].map((place, seed) => deviceAt({ dir: tempDir(), bus, place, seed }));
    const [before, restored, other, last] = all as [DeviceAtWork, DeviceAtWork, DeviceAtWork, DeviceAtWork];
    const send = async ({ journal, link }: DeviceAtWork, drafts: readonly Draft[]) => {
      for (const one of drafts) await journal.append([one]);
      await link.replicated(drafts.length);
      expect(hub.journal.position(`hub/${link === other.link ? "b" : "a"}-${journal.epoch}`)).toBe(`${drafts.length}`);
    };
    await send(before, sent);
    await send(restored, [sent[0]!, ...sent.slice(2), event(5, { id: "e5" }), event(5, { id: "e5" })]);
    await send(other, sent);
    await send(last, sent);

    const came = origins(hub.journal).map((origin) => origin.replace(/-.*-/, " "));
    expect(came).toEqual(["a 1", "a 2", "a 3", "a 4", "a 5", "a 5", "b 1", "b 2", "b 3", "b 4", "b 5", "a 2"]);
    expect(hub.door.stats()).toMatchObject({ entries: 12, repeated: 9, refused: 0 });
    for (const { close } of all) await close();
    await hub.close();
  });

  it("knows where it was restored also when the disk had no room to note it", async () => {
    const disk = new FaultyDisk();
    const device = (bus: Bus, more = {}) =>
      deviceAt({ dir: tempDir(), bus, store: new FaultyStore(disk, new Dice(prng(1))), ...more });
    const bus = new MemoryBus();
    const hub = hubAt(tempDir(), bus);
    const before = device(bus);
    await before.journal.append([event(1), event(2)]);
    await before.link.replicated(2);
    await before.close();

    disk.health = "full";
    const restored = device(new MemoryBus(), { renewEpoch: true, seed: 5 }); // no hub there
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    disk.health = "well";
    await restored.journal.append([event(3)]);
    await restored.abandon();
    const after = device(bus);
    await after.journal.append([event(4)]);
    await expect.poll(() => after.link.stats().waiting, SECONDS).toBe(0);

    const [was, is] = [before.journal.epoch, restored.journal.epoch];
    expect(origins(hub.journal)).toEqual([`box-${was}-1`, `box-${was}-2`, `box-${is}-3`, `box-${is}-4`]);
    await after.close();
    await hub.close();
  });

  it("knows of what epoch its entries are when that is renewed as it starts, and nothing was noted before", async () => {
    const bus = new MemoryBus();
    const hub = hubAt(tempDir(), bus);
    const dir = tempDir();
    const alone = journalIn(dir);
    await alone.append([event(1), event(2)]);
    await alone.close();
    const copy = tempDir();
    cpSync(dir, copy, { recursive: true });
    const first = deviceAt({ dir, bus });
    await first.journal.append([event(3)]);
    await first.link.replicated(3);
    await first.close();

    const again = deviceAt({ dir: copy, bus, renewsLate: true, seed: 5 });
    await again.journal.append([event(4)]);
    await expect.poll(() => again.link.stats().waiting, SECONDS).toBe(0);

    const [was, is] = [first.journal.epoch, again.journal.epoch];
    expect(origins(hub.journal)).toEqual([`box-${was}-1`, `box-${was}-2`, `box-${was}-3`, `box-${is}-3`]);
    await again.close();
    await hub.close();
  });

  it("stops, and says why, when the hub has more of a journal than the place", async () => {
    const bus = new MemoryBus();
    const hub = hubAt(tempDir(), bus);
    const first = deviceAt({ dir: tempDir(), bus });
    await first.journal.append([event(1), event(2), event(3)]);
    await first.link.replicated(3);
    await first.close();

    const copied = deviceAt({ dir: tempDir(), bus }); // of the same epoch, and shorter
    await copied.journal.append([event(9)]);

    await expect
      .poll(() => copied.link.trouble(), SECONDS)
      .toMatch(/up to 3 of this journal, which ends at 1: .*'aisle restore'/);
    expect(origins(hub.journal).length).toBe(3);
    await copied.close();
    await hub.close();
  });

  it("counts what retention took before the hub had it, and goes on behind it", async () => {
    const clock = new ManualClock(1_000_000);
    const bus = new MemoryBus({ clock });
    const dir = tempDir();
    const { journal, link, close } = deviceAt({ dir, bus, clock });
    for (let i = 0; i < 20; i++) await journal.append([event(i), draft("decision", `{"id":"${i}"}`)]);
    journal.appliedSeq = 40;
    await journal.append([event("last")]);
    const [lastingFrom, passingFrom] = [link.neededFrom(), link.neededFrom()];
    clock.advance(365 * 86_400_000);
    await journal.retain({ ageMs: 1, decisionAgeMs: 1, lastingFrom, passingFrom });
    expect(journal.stats().removed.entries).toBe(0);
    await journal.retain({ bytes: 1, lastingFrom, passingFrom });
    expect(journal.stats().removed.entries).toBe(20);

    const hub = hubAt(tempDir(), bus);
    await expect
      .poll(() => {
        clock.advance(300);
        return link.stats().waiting;
      }, SECONDS)
      .toBe(0);

    expect([...hub.journal.read()].map(({ kind }) => kind)).toEqual([...Array(20).fill("import"), "event"]);
    expect(link.stats().shed).toBe(20);
    await close();
    await hub.close();
  });

  it("refuses what is no batch, and is not misled by what follows", async () => {
    const bus = new MemoryBus();
    const hub = hubAt(tempDir(), bus);
    const ask = async (bytes: Buffer, headers: Record<string, string>) => {
      const { payload } = await bus.request(`${HUB}.hub.box`, bytes, { headers });
      return JSON.parse(Buffer.from(payload).toString());
    };
    const source = { "Aisle-Epoch": "abc", "Aisle-From": "1" };

    expect(await ask(Buffer.from("x"), source)).toMatchObject({ code: "invalid" });
    expect(await ask(Buffer.alloc(0), { "Aisle-Epoch": "abc" })).toMatchObject({ code: "invalid" });
    expect(await ask(Buffer.alloc(0), source)).toEqual({ through: 0 });
    expect(hub.journal.lastSeq).toBe(0);
    expect(hub.door.stats().refused).toBe(2);
    await hub.close();
  });
});

describeWithNats("a place and its hub over a NATS server", () => {
  it("say what no server between them takes, and ask ever more seldom", async () => {
    const server = await startNatsServer({ config: "max_payload: 1000" });
    onTestFinished(() => server[Symbol.asyncDispose]());
    const clock = new ManualClock(1_000_000);
    const bus = busTo(server.port);
    const hub = hubAt(tempDir(), busTo(server.port));
    await bus.whenHere();
    const { journal, link, close } = deviceAt({ dir: tempDir(), bus, clock });
    await journal.append([event("small"), event("x".repeat(2_000)), event("small too")]);
    /** @returns how long it paused at least, ms */
    const sendsAgain = async () => {
      const { sent } = link.stats();
      const from = clock.now();
      const hasSent = () => {
        clock.advance(link.stats().sent > sent ? 0 : 125);
        return link.stats().sent > sent;
      };
      await expect.poll(hasSent, { ...SECONDS, interval: 5 }).toBe(true);
      return clock.now() - from;
    };
    while (link.trouble() === null) await sendsAgain();
    expect(link.trouble()).toMatch(/has not taken anything for \d+ s: \d+ bytes for .*, at most 1000; 2 entries wait$/);
    expect(origins(hub.journal)).toEqual([`box-${journal.epoch}-1`]);

    const pauses = [];
    for (let tries = 0; tries < 8; tries++) pauses.push(await sendsAgain());
    expect(pauses.at(-1)).toBeGreaterThanOrEqual(7_500);
    expect(link.trouble()).toMatch(/at most 1000; 2 entries wait$/);
    await close();
    await hub.close();
  });

  it("have each event once, whoever is ended when, and however the link is cut", { timeout: 90_000 }, async () => {
    const seed = Number(process.env.AISLE_SEED ?? 20_260_303);
    const random = prng(seed);
    const server = await startNatsServer();
    onTestFinished(() => server[Symbol.asyncDispose]());
    const [deviceDir, hubDir] = [tempDir(), tempDir()];
    let device = deviceAt({ dir: deviceDir, bus: busTo(server.port) });
    let hub = hubAt(hubDir, busTo(server.port));
    let sent = 0;
    for (let round = 0; round < 40; round++) {
      const size = 1 + Math.floor(random() * 3_000);
      await device.journal.append(Array.from({ length: size }, () => event(++sent)));
      const what = Math.floor(random() * 6);
      if (what === 0) await server.kill();
      if (what === 1) {
        await device.abandon();
        device = deviceAt({ dir: deviceDir, bus: busTo(server.port) });
      }
      if (what === 2) {
        await hub.close();
        hub = hubAt(hubDir, busTo(server.port));
      }
      if (server.pid === 0 && random() < 0.5) await server.restart();
      if (what === 3) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    if (server.pid === 0) await server.restart();
    await expect.poll(() => device.link.stats().waiting, { timeout: 60_000 }).toBe(0);

    const { epoch } = device.journal;
    const all = origins(hub.journal);
    expect(all.length, `seed ${seed}`).toBe(sent);
    expect(all, `seed ${seed}`).toEqual(Array.from({ length: sent }, (_, i) => `box-${epoch}-${i + 1}`));
    expect(device.faults).toEqual([]);
    await device.close();
    await hub.close();
  });
});

/** Lets what needs no disk happen. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Moves the clock on until something is sent. @returns by how much, ms */
async function untilSentAgain(clock: ManualClock, link: DeviceAtWork["link"]): Promise<number> {
  const { sent } = link.stats();
  for (let ms = 125; ; ms += 125) {
    clock.advance(125);
    await turns();
    if (link.stats().sent > sent) return ms;
  }
}

function busTo(port: number): NatsBus {
  const bus = new NatsBus({ servers: `nats://127.0.0.1:${port}`, onError: () => {} });
  onTestFinished(() => bus.drain());
  return bus;
}
