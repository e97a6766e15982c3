import { beforeEach, describe, expect, it } from "vitest";
import { ManualClock } from "../../../runtime/clock.ts";
import { AisleError } from "../../../runtime/errors.ts";
import type { Receipt } from "../../../runtime/http/ports.ts";
import { ITEM_WORDS } from "../../../runtime/intake/gate.ts";
import type { StreamItem } from "../../../runtime/intake/intake.ts";
import { limits } from "../../../runtime/limits.ts";
import { replyTo } from "../../../runtime/replies.ts";
import { Dice } from "../../support/dice.ts";
import { eventOf, NOW, written } from "../../support/intake.ts";
import { BASE, bytes, entry, exit, IntakeRig, SITE, turn } from "../../support/intake-rig.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";
import { prng } from "../../support/prng.ts";

const SEED = Number(process.env.AISLE_SEED ?? 20_261_126);

class Rig extends IntakeRig<MemoryJournal> {
  constructor() {
    const clock = new ManualClock(NOW);
    super({ clock, journal: new MemoryJournal(clock) });
  }
}

describe("the intake", () => {
  let rig: Rig;

  beforeEach(() => {
    rig = new Rig();
  });

  it("takes what comes in one turn as one block, in order", async () => {
    const receipts = await Promise.all([1, 2, 3].map((id) => rig.add(exit(id))));

    expect(receipts).toEqual(Array(3).fill({ accepted: 1, duplicate: 0, rejected: [], seqs: [] }));
    expect(rig.parts).toEqual(["block"]);
    expect(rig.onDisk()).toEqual([1, 2, 3].map((id) => String(exit(id))));
    expect(rig.journal.disk.entries[0]).toMatchObject({
      ...{
        kind: "event",
        principal: "nats",
        subject: `${BASE}.events.exit`,
        headers: { type: "exit" },
        receivedAt: NOW,
      },
    });
    expect(rig.counted).toEqual(new Map([["accepted exit", 3]]));
  });

  it("gathers while a commit is under way", async () => {
    rig.journal.hold();
    const first = rig.add(exit(1));
    await turn();
    const others = [2, 3, 4].map(async (id) => {
      await turn();
      return rig.add(exit(id));
    });
    await turn();
    await turn();
    rig.journal.release();
    await Promise.all([first, ...others]);

    expect(rig.parts).toEqual(["block", "block"]);
    expect(rig.onDisk()).toHaveLength(4);
  });

  it("keeps the order where some have to be looked at", async () => {
    const payloads = [exit(1), entry(2), exit(3), Buffer.from("{"), exit(4), entry(5)];
    const receipts = await Promise.allSettled(payloads.map((payload) => rig.add(payload)));

    expect(rig.onDisk()).toEqual([exit(1), entry(2), exit(3), exit(4), entry(5)].map(String));
    expect(rig.parts).toEqual(["block", 1, "block", "block", 1]);
    expect(receipts.map((each) => (each as { value: Receipt }).value.accepted)).toEqual([1, 1, 1, 0, 1, 1]);
    expect(rig.letters.map(({ code }) => code)).toEqual(["malformed"]);
  });

  it("takes a message of several events, one that is too large, and one of an unknown type", async () => {
    const several = Buffer.from(`[${exit(1)},${entry(2)}]`);
    const large = exit(3, { note: "x".repeat(limits.eventBytes) });
    const receipts = await Promise.all([rig.add(several), rig.add(large), rig.add(bytes({ id: 4 }), "events.shoes")]);

    expect(receipts.map(({ accepted, rejected }) => [accepted, rejected[0]?.code])).toEqual([
      [2, undefined],
      [0, "too-large"],
      [0, "unknown-type"],
    ]);
  });

  it("knows events by the subject, whatever identity it ends with", async () => {
    await Promise.all([rig.add(bytes({ id: 1 }), "events.exit.1"), rig.add(bytes({ id: 2 }), "events.exit.2")]);

    expect(rig.parts).toEqual(["block"]);
    expect(rig.journal.disk.entries.map(({ subject, headers }) => [subject, headers])).toEqual(
      [1, 2].map((id) => [`${BASE}.events.exit.${id}`, { type: "exit" }]),
    );
  });

  describe("knows ids", () => {
    it("in a batch, on their way to the disk, and on it", async () => {
      rig.journal.hold();
      const [a, again] = [rig.add(exit(1, { event_id: "a" })), rig.add(exit(1, { event_id: "a" }))];
      await turn();
      const pending = rig.add(exit(1, { event_id: "a" }));
      rig.journal.release();
      const receipts = await Promise.all([a, again, pending]);
      receipts.push(await rig.add(exit(1, { event_id: "a" })));

      expect(receipts.map(({ accepted, duplicate }) => [accepted, duplicate])).toEqual([
        [1, 0],
        [0, 1],
        [0, 1],
        [0, 1],
      ]);
      expect(rig.onDisk()).toHaveLength(1);
      expect(rig.counted).toEqual(
        new Map([
          ["accepted exit", 1],
          ["duplicate exit", 3],
        ]),
      );
    });

    it("answers a repeat only when what it repeats is on disk", async () => {
      rig.journal.hold();
      void rig.add(exit(1, { event_id: "a" }));
      await turn();
      let isTold = false;
      const repeat = rig.add(exit(1, { event_id: "a" })).then(() => {
        isTold = true;
      });
      await turn();
      await turn();
      expect(isTold).toBe(false);
      rig.journal.release();

      await repeat;
    });

    it("across events that are looked at, both ways", async () => {
      const receipts = await Promise.all([
        rig.add(entry(1, { event_id: "a" })),
        rig.add(exit(1, { event_id: "a" })),
        rig.add(exit(2, { event_id: "b" })),
        rig.add(entry(2, { event_id: "b" })),
        rig.add(entry(2, { event_id: "c" })),
      ]);

      expect(receipts.map(({ accepted, rejected }) => [accepted, rejected[0]?.code])).toEqual([
        ...[
          [1, undefined],
          [0, "id-reused"],
          [1, undefined],
        ],
        ...[
          [0, "id-reused"],
          [1, undefined],
        ],
      ]);
    });

    it("forgets what did not reach the disk", async () => {
      rig.journal.failNext(new AisleError("unavailable", "the disk is away"));
      await expect(rig.add(exit(1, { event_id: "a" }))).rejects.toThrow("away");

      expect(await rig.add(exit(1, { event_id: "a" }))).toMatchObject({ accepted: 1 });
    });
  });

  describe("at its bound", () => {
    it("tells who waits, and counts what nobody waits for", async () => {
      rig.backlog = Number.POSITIVE_INFINITY;
      await expect(rig.add(exit(1))).rejects.toMatchObject({ code: "overloaded" });
      for (let id = 0; id < 5; id++) rig.intake.add(exit(id), 0, Buffer.from(`${BASE}.events.exit`));
      await turn();

      expect(rig.intake.dropped).toBe(5);
      expect(rig.lost).toEqual([[5, "overloaded"]]);
    });

    it("says when sources should rest, and when they may go on", async () => {
      const heard: boolean[] = [];
      rig.intake.onFull((isFull) => heard.push(isFull));
      rig.journal.hold();
      const payload = exit(1, { note: "x".repeat(60_000) });
      let added = 0;
      while (rig.intake.add(payload, 0, Buffer.from(`${BASE}.events.exit`))) added++;
      expect(heard).toEqual([true]);
      expect(added * payload.length).toBeLessThanOrEqual(limits.intakePendingBytes);
      rig.journal.release();
      await rig.intake.drain();

      expect(heard).toEqual([true, false]);
      expect(rig.onDisk()).toHaveLength(added);
      expect(rig.intake.dropped).toBe(1);
    });

    it("counts those as dropped that were received and then fail on disk", async () => {
      rig.journal.hold();
      const told = await Promise.all([
        ...[1, 2].map((id) => rig.add(exit(id), "events.exit", "received")),
        rig.add(entry(3), "events.entry", "received"), // to be looked at
      ]);
      expect(told.map(({ accepted }) => accepted)).toEqual([1, 1, 1]);
      expect(rig.intake.dropped).toBe(0);

      rig.journal.failNext(new AisleError("unavailable", "the disk broke"));
      rig.journal.release();
      await rig.intake.drain();
      await turn();

      expect(rig.intake.dropped).toBe(3);
      expect(rig.lost[0]![1]).toBe("unavailable");
    });

    it("counts none that was refused to who asked", async () => {
      rig.journal.hold();
      const waiting = rig.add(exit(1));
      await turn();
      rig.journal.failNext(new AisleError("unavailable", "the disk broke"));
      rig.journal.release();

      await expect(waiting).rejects.toMatchObject({ code: "unavailable" });
      await turn();
      expect(rig.intake.dropped).toBe(0);
    });

    it("says at most once a second that something was dropped", async () => {
      rig.backlog = Number.POSITIVE_INFINITY;
      const drop = async () => {
        rig.intake.add(exit(1), 0, Buffer.from(`${BASE}.events.exit`));
        await turn();
      };
      for (let i = 0; i < 3; i++) await drop();
      rig.clock.advance(1_000);
      await drop();

      expect(rig.lost.map(([many]) => many)).toEqual([1, 3]);
    });
  });

  describe("answers", () => {
    it("`received` before the disk has it, `durable` after, `replicated` when the hub has it", async () => {
      rig.journal.hold();
      const told: string[] = [];
      const levels = (["received", "durable", "replicated"] as const).map((ack) =>
        rig.add(exit(1), "events.exit", ack).then(() => told.push(ack)),
      );
      const heard = rig.add(entry(1), "events.entry", "received").then(() => told.push("received, looked at"));
      await turn();
      await turn();
      await turn();
      expect(told).toEqual(["received", "received, looked at"]);
      rig.journal.release();
      await Promise.all([...levels, heard]);

      expect(told.slice(2)).toEqual(["durable", "replicated"]);
      expect(rig.replicated).toEqual([3]);
    });

    it("with what was reached where the hub doesn't have it in time", async () => {
      rig.isHubAway = true;
      const levels = ["durable", "replicated"] as const;
      const receipts = [...levels.map((ack) => rig.add(exit(1), "events.exit", ack))];
      receipts.push(rig.add(entry(1), "events.entry", "replicated"));
      const [durable, ...short] = await Promise.all(receipts);

      expect(durable).not.toHaveProperty("level");
      const told = { accepted: 1, duplicate: 0, rejected: [], level: "durable", detail: "the hub is late" };
      for (const receipt of short) {
        expect(receipt).toMatchObject(told);
        expect(replyTo(receipt)).toEqual({ payload: JSON.stringify(told), headers: {} });
      }
      expect(rig.onDisk()).toHaveLength(3);
      expect(rig.lost).toEqual([]);
    });

    it("with what keeps an event from the disk", async () => {
      rig.journal.failNext(new AisleError("unavailable", "the disk is away"));

      await expect(rig.add(exit(1))).rejects.toThrow("the disk is away");
    });
  });

  it("takes rows that somebody else has written", async () => {
    const rows = rig.intake.rows(4);
    const room = rig.intake.room(1_024);
    const memory = Buffer.from(rig.intake.core.memory.buffer);
    const put = (at: number, text: Uint8Array | string) => Buffer.from(text).copy(memory, room + at);
    put(0, `${BASE}.events.exit`);
    put(100, exit(1));
    put(200, "NATS/1.0\r\nNats-Stream: S\r\n\r\n");
    put(230, exit(2));
    put(300, "NATS/1.0\r\nce-specversion: 1.0\r\nce-type: exit\r\nce-id: 5\r\n\r\n");
    put(359, bytes({ customer_id: 3 }));
    const row = (start: number, length: number, headers: number) => [
      room + start,
      room + start + length,
      0,
      room,
      `${BASE}.events.exit`.length,
      0,
      0,
      headers === 0 ? 0 : room + headers,
    ];
    const words = new Uint32Array(rig.intake.core.memory.buffer, rows, 3 * ITEM_WORDS);
    words.set([...row(100, exit(1).length, 0), ...row(230, exit(2).length, 200), ...row(359, 17, 300)]);

    expect(rig.intake.take(rows, 3, { bytes: 100 })).toBe(true);
    memory.fill(0, room, room + 1_024);
    await rig.intake.drain();

    expect(rig.parts).toEqual(["block", 1]);
    expect(rig.journal.disk.entries.map(({ headers }) => headers)).toEqual([
      { type: "exit" },
      { type: "exit" },
      { "ce-specversion": "1.0", "ce-type": "exit", "ce-id": "5", type: "exit", id: "5" },
    ]);
  });

  describe("from a stream", () => {
    const item = (body: Uint8Array, headers = {}): StreamItem => ({
      subject: `${BASE}.events.exit`,
      type: "exit",
      headers,
      body,
    });
    const positionOf = (index: number) => ({ source: "s", value: String(index) });

    it("stores how far it came with the last of each part", async () => {
      await rig.intake.takeStream(
        [exit(1), entry(2), exit(3), exit(4)].map((body) => item(body)),
        positionOf,
      );

      expect(rig.parts).toEqual(["block", 1, "block"]);
      expect(rig.journal.position("s")).toBe("3");
      expect(rig.onDisk()).toEqual([exit(1), entry(2), exit(3), exit(4)].map(String));
    });

    it("stores it for what was rejected, or is a repeat", async () => {
      const again = exit(1, { event_id: "a" });
      await rig.intake.takeStream([item(again), item(again)], positionOf);
      await rig.intake.takeStream([item(again), item(Buffer.from("{"))], positionOf);
      expect(rig.journal.position("s")).toBe("1");
      await rig.intake.takeStream([item(again)], positionOf);

      expect(rig.journal.position("s")).toBe("0");
      expect(rig.onDisk()).toHaveLength(1);
    });

    it("knows a message again that was published twice", async () => {
      const published = (id: string) => item(exit(1), { "Nats-Msg-Id": id });
      await rig.intake.takeStream([published("m-1"), published("m-2"), published("m-1")], positionOf);

      expect(rig.journal.position("s")).toBe("2");
      expect(rig.journal.disk.entries.map(({ headers }) => headers.id)).toEqual(["m-1/0", "m-2/0"]);
    });

    it("takes nothing behind what was refused", async () => {
      rig.journal.queueMax = 2;
      rig.journal.hold();
      void rig.add(exit(9));
      await turn();
      const bodies = [exit(1), entry(2), exit(3)];
      const taken = rig.intake.takeStream(
        bodies.map((body) => item(body)),
        positionOf,
      );
      const failed = expect(taken).rejects.toMatchObject({ code: "overloaded" });
      await turn();
      await turn();
      rig.journal.queueMax = 100;
      await turn();
      rig.journal.release();
      await failed;

      expect(rig.onDisk()).toEqual([exit(9), exit(1)].map(String));
      expect(rig.journal.position("s")).toBe("0");
    });
  });

  it("leaves the same behind as taking each by itself, whatever comes", async () => {
    const dice = new Dice(prng(SEED));
    const alone = new Rig();
    for (let round = 0; round < 20; round++) {
      const payloads = Array.from({ length: dice.below(60) }, () => written(eventOf(SITE, dice), dice));
      const told = await Promise.allSettled(payloads.map((payload) => rig.add(payload, "events.move")));
      const inbound = { principal: "nats", subject: `${BASE}.events.move`, type: "move", headers: {} };
      const looked = await Promise.allSettled(payloads.map((body) => alone.ingest.accept({ ...inbound, body })));
      const essence = (each: PromiseSettledResult<Receipt>) => {
        const { accepted, duplicate, rejected } = (each as PromiseFulfilledResult<Receipt>).value;
        return [accepted, duplicate, rejected];
      };
      expect(told.map(essence), `seed ${SEED}`).toEqual(looked.map(essence));
    }
    const left = ({ journal, letters, counted }: Rig) => [
      journal.disk.entries.map(({ seq, kind, headers, payload }) => [
        seq,
        kind,
        headers,
        Buffer.from(payload).toString(),
      ]),
      letters.map(({ code, payload }) => [code, Buffer.from(payload).toString()]),
      Object.fromEntries([...counted].sort()),
    ];

    expect(left(rig), `seed ${SEED}`).toEqual(left(alone));
    expect(rig.parts).toContain("block");
  });
});
