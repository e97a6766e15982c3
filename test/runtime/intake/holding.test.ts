// What the intake holds while much is under way to the disk: over the real journal, on a disk that is slow, or full.
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { ManualClock } from "../../../runtime/clock.ts";
import type { Receipt } from "../../../runtime/http/ports.ts";
import type { Ack } from "../../../runtime/intake/ack.ts";
import type { StoreJournal } from "../../../runtime/journal/store-journal.ts";
import { limits } from "../../../runtime/limits.ts";
import { Dice } from "../../support/dice.ts";
import { FaultyDisk, FaultyStore, type Health } from "../../support/faulty-store.ts";
import { NOW } from "../../support/intake.ts";
import { BASE, entry, exit, IntakeRig, turn } from "../../support/intake-rig.ts";
import { journalIn, tempDir } from "../../support/journal.ts";
import { prng } from "../../support/prng.ts";

const SEED = Number(process.env.AISLE_SEED ?? 20_261_126);
const ENVELOPE = { principal: "http", subject: "/events", type: null, headers: {} };
/** So small that one event is much, and a few dozen are a batch. */
Object.assign(limits, { intakeHoldBytes: 256, intakeBatchBytes: 2_048 });
const MUCH = exit(0, { note: "x".repeat(limits.intakeHoldBytes) });

/** Enough for a commit that the disk takes, and for what comes of it. */
const turns = async (count = 20) => {
  for (let i = 0; i < count; i++) await turn();
};

/** As a place puts it together: what is held is let go when the journal finds no room. */
class Rig extends IntakeRig<StoreJournal> {
  readonly #disk: FaultyDisk;
  readonly #store: FaultyStore;

  constructor() {
    const clock = new ManualClock(NOW);
    const disk = new FaultyDisk();
    const store = new FaultyStore(disk, new Dice(prng(SEED)));
    const journal = journalIn(tempDir(), { clock, store });
    super({ clock, journal, isStuck: () => journal.trouble !== null });
    journal.onFull(() => this.intake.release());
    this.#disk = disk;
    this.#store = store;
    onTestFinished(() => this.be("well"));
  }

  /** A body as the face over HTTP takes it in. */
  async body(events: readonly Uint8Array[], ack: Ack = "durable"): Promise<Receipt> {
    const body = Buffer.from(events.map(String).join("\n"));
    return this.intake.body([body], body.length, ENVELOPE, ack) ?? this.ingest.accept({ ...ENVELOPE, body });
  }

  /** From now on nothing gets to the disk until it is well, and much is under way there. */
  async busy(): Promise<{ readonly told: Promise<Receipt> }> {
    this.be("slow");
    const told = this.body([MUCH]);
    await turns();
    expect(this.underWay).toBe(1);
    return { told };
  }

  be(health: Health): void {
    this.#disk.health = health;
    if (health !== "slow") this.#store.goOn();
  }

  /** Goes on after a full disk: the journal tries again. */
  async recover(): Promise<void> {
    this.be("well");
    this.clock.advance(limits.journalRetryMs);
    await turns();
  }

  /** Events that the journal has, and the disk does not. */
  get underWay(): number {
    return this.journal.stats().queuedEntries;
  }

  get held(): number {
    return this.intake.waiting - this.underWay;
  }
}

describe("while much is under way to the disk, the intake", () => {
  let rig: Rig;

  beforeEach(() => {
    rig = new Rig();
  });

  it("holds what comes, and hands it over as one block when that is on disk", async () => {
    await rig.busy();
    const told = [];
    for (const id of [1, 2, 3]) {
      told.push(rig.body([exit(id)]));
      await turns();
    }
    told.push(rig.add(exit(4)));
    await turns();
    expect([rig.underWay, rig.held]).toEqual([1, 4]);

    rig.be("well");
    const receipts = await Promise.all(told);

    expect(receipts).toEqual(Array(4).fill({ accepted: 1, duplicate: 0, rejected: [], seqs: [] }));
    expect(rig.parts).toEqual(["block", "block", "block"]); // bodies and messages apart
    expect(rig.onDisk()).toEqual([MUCH, ...[1, 2, 3, 4].map((id) => exit(id))].map(String));
    expect([rig.intake.waiting, rig.counted.get("accepted exit")]).toEqual([0, 5]);
  });

  it.each<[string, () => Promise<Receipt>]>([
    ["a body", () => rig.body([exit(1)])],
    ["a message", () => rig.add(exit(1))],
  ])("answers %s that it held only once its own commit is on disk", async (_, send) => {
    const { told: first } = await rig.busy();
    const told: string[] = [];
    const held = send().then(() => told.push("held"));
    rig.journal.onCommit(() => {
      // The disk takes one commit, and no more.
      if (rig.journal.lastSeq === 1) rig.be("slow");
    });
    rig.be("well");
    await first;
    await turns();
    expect([told, rig.underWay, rig.held]).toEqual([[], 1, 0]);

    rig.be("well");
    await held;

    expect(rig.onDisk()).toEqual([MUCH, exit(1)].map(String));
  });

  it("answers `received` for what it holds, and keeps it", async () => {
    await rig.busy();
    const receipt = await rig.body([exit(1)], "received");
    expect([receipt.accepted, rig.held]).toEqual([1, 1]);

    rig.be("well");
    await rig.intake.drain();

    expect(rig.onDisk()).toEqual([MUCH, exit(1)].map(String));
  });

  it("knows the id of what it holds", async () => {
    await rig.busy();
    const same = exit(1, { event_id: "a" });
    const told = [rig.body([same]), rig.add(same), rig.body([same]), rig.ingest.accept({ ...ENVELOPE, body: same })];
    await turns();
    rig.be("well");
    const receipts = await Promise.all(told);

    expect(receipts.map(({ accepted, duplicate }) => [accepted, duplicate])).toEqual([
      [1, 0],
      ...Array(3).fill([0, 1]),
    ]);
    expect(rig.onDisk()).toEqual([MUCH, same].map(String));
  });

  it("hands it over before that is on disk, once it is much itself", async () => {
    await rig.busy();
    const events = Array.from({ length: 200 }, (_, i) => exit(i + 1));
    for (const event of events) void rig.body([event]);
    await turns();

    expect(rig.underWay).toBeGreaterThan(100);
    expect(rig.held * exit(200).length).toBeLessThan(limits.intakeBatchBytes);

    rig.be("well");
    await rig.intake.drain();
    expect(rig.onDisk()).toEqual([MUCH, ...events].map(String));
  });

  it("hands over what it holds when the journal fails: who waits is told", async () => {
    const { told: first } = await rig.busy();
    const told = [first, rig.body([exit(1)]), rig.add(exit(2))];
    await turns();
    rig.be("broken");

    const settled = await Promise.allSettled(told);
    expect(settled).toMatchObject(Array(3).fill({ status: "rejected", reason: { code: "unavailable" } }));
    expect(rig.intake.waiting).toBe(0);
  });

  describe("keeps the order of a connection", () => {
    it("in which a body that has to be looked at follows what it holds", async () => {
      await rig.busy();
      const bodies = [[exit(1)], [exit(2), entry(3)], [exit(4)], [entry(5)], [exit(6), exit(7)]];
      const told = bodies.map((body) => rig.body(body));
      rig.be("well");
      await Promise.all(told);

      expect(rig.onDisk()).toEqual([MUCH, ...bodies.flat()].map(String));
    });

    it("in which a body that is too large for it follows what it holds", async () => {
      await rig.busy();
      const large = Array.from({ length: 80 }, (_, i) => exit(i + 2, { note: "x".repeat(60_000) }));
      const told = [rig.body([exit(1)]), rig.body(large)];
      rig.be("well");
      await Promise.all(told);

      expect(rig.onDisk()).toEqual([MUCH, exit(1), ...large].map(String));
    });

    it("in which messages that have to be looked at are among what it holds", async () => {
      await rig.busy();
      const payloads = [exit(1), entry(2), exit(3), entry(4)];
      const told = payloads.map((payload) => rig.add(payload));
      await turns();
      expect(rig.held).toBe(4);
      rig.be("well");
      await Promise.all(told);

      expect(rig.onDisk()).toEqual([MUCH, ...payloads].map(String));
    });
  });

  describe("when the disk is full,", () => {
    it("answers what it held, and keeps what the journal had taken", async () => {
      const { told: first } = await rig.busy();
      const told = [rig.body([exit(1), exit(2)]), rig.add(exit(3)), rig.add(entry(4))];
      await turns();
      expect([rig.underWay, rig.held]).toEqual([1, 4]);
      rig.be("full");

      const settled = await Promise.allSettled(told);
      expect(settled).toMatchObject(Array(3).fill({ status: "rejected", reason: { code: "full" } }));
      expect([rig.underWay, rig.held]).toEqual([1, 0]);

      await rig.recover();
      expect((await first).accepted).toBe(1);
      expect((await rig.body([exit(1), exit(2)])).accepted).toBe(2);
      expect(rig.onDisk()).toEqual([MUCH, exit(1), exit(2)].map(String));
      expect(rig.lost).toEqual([]);
    });

    it("holds nothing more", async () => {
      await rig.busy();
      rig.be("full");
      await turns();

      for (const refused of [rig.body([exit(1)]), rig.add(exit(2))])
        await expect(refused).rejects.toMatchObject({ code: "full" });
      expect([rig.underWay, rig.held]).toEqual([1, 0]);
    });

    it("counts what it held and nobody waits for", async () => {
      await rig.busy();
      await rig.body([exit(1), exit(2)], "received");
      rig.intake.add(exit(3), 0, Buffer.from(`${BASE}.events.exit`));
      rig.be("full");
      await turns();

      expect(rig.intake.dropped).toBe(3);
      await rig.recover();
      expect(rig.onDisk()).toEqual([String(MUCH)]);
    });
  });

  it(`loses nothing, and keeps each connection's order, whatever the disk does (seed ${SEED})`, async () => {
    const dice = new Dice(prng(SEED));
    const accepted: string[] = [];
    const refused: string[] = [];
    /** By connection, in the order in which they were sent. */
    const sent: string[][] = [[], [], [], []];
    const codes = new Set<string>();
    let heldMost = 0;
    const send = () => {
      const connection = dice.below(sent.length);
      const events = Array.from({ length: 1 + dice.below(4) }, (_, i) => {
        const more = { at: connection, nth: sent[connection]!.length + i, note: "x".repeat(dice.below(200)) };
        return (dice.chance(0.8) ? exit : entry)(7, more);
      });
      const texts = events.map(String);
      sent[connection]!.push(...texts);
      // Half of the connections are of the bus, where each event is a message.
      const told = connection % 2 === 0 ? [rig.body(events)] : events.map((event) => rig.add(event));
      for (const [i, each] of told.entries()) {
        const own = connection % 2 === 0 ? texts : [texts[i]!];
        each.then(
          () => accepted.push(...own),
          ({ code }) => {
            codes.add(code);
            refused.push(...own);
          },
        );
      }
    };
    for (let step = 0; step < 2_000; step++) {
      if (dice.chance(0.1)) rig.be(dice.one(["well", "well", "slow", "slow", "full"]));
      if (dice.chance(0.1)) rig.clock.advance(limits.journalRetryMs);
      if (dice.chance(0.6)) send();
      await turns(dice.below(4));
      heldMost = Math.max(heldMost, rig.held);
    }
    await rig.recover();
    await rig.intake.drain();
    await turns();

    const onDisk = rig.onDisk();
    expect(onDisk.toSorted()).toEqual(accepted.toSorted());
    expect(accepted.length + refused.length).toBe(sent.flat().length);
    for (const each of sent) {
      const own = new Set(each);
      expect(onDisk.filter((text) => own.has(text))).toEqual(each.filter((text) => onDisk.includes(text)));
    }
    // All of it was met: something was held, and the disk was full.
    expect([heldMost > 0, [...codes]]).toEqual([true, ["full"]]);
  });
});

describe("the intake holds nothing", () => {
  let rig: Rig;

  beforeEach(() => {
    rig = new Rig();
  });

  it.each<[string, () => unknown]>([
    ["while nothing is under way", () => {}],
    ["while little is under way", () => rig.body([exit(1)])],
    [
      // Its end is nothing that the intake would go on at.
      "while only a source that hands many over has much under way",
      () => {
        const items = [{ subject: `${BASE}.events.exit`, type: "exit", headers: {}, body: MUCH }];
        return rig.intake.takeStream(items, () => ({ source: "s", value: "1" }));
      },
    ],
  ])("%s", async (_, begin) => {
    rig.be("slow");
    const begun = begin();
    await turns();
    const told = [rig.body([exit(2)]), rig.add(exit(3))];
    await turns();

    expect(rig.held).toBe(0);
    rig.be("well");
    await Promise.all([begun, ...told]);
  });
});
