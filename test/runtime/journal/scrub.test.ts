import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { ManualClock, MINUTE } from "../../../runtime/clock.ts";
import { describeCorruption } from "../../../runtime/journal/cursor.ts";
import { JOURNAL } from "../../../runtime/journal/meta.ts";
import { repairJournal, verifyJournal } from "../../../runtime/journal/repair.ts";
import { Scrub, type ScrubLimits } from "../../../runtime/journal/scrub.ts";
import type { StoreJournal } from "../../../runtime/journal/store-journal.ts";
import { keyOf } from "../../../runtime/key.ts";
import { openDeadLetters } from "../../../runtime/store/deadletters.ts";
import type { Store } from "../../../runtime/store/store.ts";
import { Dice } from "../../support/dice.ts";
import { FaultyDisk, FaultyStore } from "../../support/faulty-store.ts";
import { blockOf, damage, draft, journalIn, START, tempDir } from "../../support/journal.ts";
import { type Store as StoreSite, startStore } from "../../support/place.ts";
import { prng } from "../../support/prng.ts";

const DIR = "/data";
/** Time that passes with each look at the clock, ms. */
const LOOK_MS = 0.1;

/** A clock on which work takes its time, too; it notes every rest. */
class BusyClock extends ManualClock {
  readonly rests: number[] = [];
  #worked = 0;

  override monotonic(): number {
    this.#worked += LOOK_MS;
    return super.monotonic() + this.#worked;
  }

  override after(ms: number, run: () => void): () => void {
    this.rests.push(ms);
    return super.after(ms, run);
  }
}

interface Rig {
  readonly disk: FaultyDisk;
  readonly store: FaultyStore;
  readonly journal: StoreJournal;
  readonly clock: BusyClock;
  readonly told: string[];
  /** Over this store, unless another is given. */
  scrub(limits?: Partial<ScrubLimits>, store?: Pick<Store, "get" | "range">): Scrub;
  damage(firstSeq: number, change: (blob: Buffer) => Buffer): void;
}

/** A journal of the commits 1–2, 3–5 (a block), 6, on a disk in memory. */
async function written(): Promise<Rig> {
  const disk = new FaultyDisk();
  const store = new FaultyStore(disk, new Dice(prng(1)));
  const journal = journalIn(tempDir(), { store });
  await journal.append([draft("a"), draft("b")]);
  await journal.appendBlock(blockOf([draft("c"), draft("d"), draft("e")]));
  await journal.append([draft("f")]);
  journal.appliedSeq = 6;
  const clock = new BusyClock(START);
  const told: string[] = [];
  const fault = (what: string, error: unknown) => void told.push(`${what}: ${(error as Error).message}`);
  return {
    ...{ disk, store, journal, clock, told },
    scrub: (limits = {}, over = store) => new Scrub({ store: over, clock, dir: DIR, fault, limits }),
    damage(firstSeq, change) {
      const { values } = disk.table(JOURNAL);
      const key = keyOf(firstSeq).toString("latin1");
      values.set(key, change(Buffer.from(values.get(key)!)));
    },
  };
}

const flip = (text: string) => (blob: Buffer) => {
  blob[blob.indexOf(text)]! ^= 1;
  return blob;
};
const tear = (bytes: number) => (blob: Buffer) => blob.subarray(0, bytes);

describe("what a start does not read", () => {
  it("is read once, up to where the start began, and is well", async () => {
    const rig = await written();
    const scrub = rig.scrub();
    scrub.begin(6);
    expect(scrub.throughSeq).toBe(0);
    rig.clock.advance(MINUTE);

    expect(scrub).toMatchObject({ throughSeq: 5, damaged: 0 });
    expect(scrub.trouble()).toBeNull();
    expect(rig.told).toEqual([]);
    const rests = rig.clock.rests.length;
    rig.clock.advance(MINUTE);
    expect(rig.clock.rests).toHaveLength(rests);
  });

  it("is nothing without a checkpoint", async () => {
    const rig = await written();
    rig.damage(1, flip("events.focusa"));
    const scrub = rig.scrub();
    scrub.begin(1);
    rig.clock.advance(MINUTE);

    expect(scrub).toMatchObject({ throughSeq: 0, damaged: 0 });
    expect(rig.told).toEqual([]);
  });

  it.each([
    ["an entry", 3, flip("events.focusd"), /entry 4: has checksum \w+, stored is \w+/],
    ["the end of a commit", 3, tear(150), /entries 4 to 5: /],
    ["the header of a commit", 1, flip("AISJ"), /the commit that begins at 1: starts with/],
    ["a whole commit", 3, tear(10), /the commit that begins at 3: 10 bytes, a header alone has 48/],
  ] as const)("has lost %s: it is told of once, and stays told", async (_, commit, change, words) => {
    const rig = await written();
    rig.damage(commit, change);
    const scrub = rig.scrub();
    scrub.begin(6);
    rig.clock.advance(MINUTE);

    expect(rig.told).toEqual([expect.stringMatching(words)]);
    expect(rig.told[0]).toMatch(/^the journal is damaged before the checkpoint: journal: /);
    expect(rig.told[0]).toContain(`'aisle journal repair --data ${DIR}'`);
    expect(scrub.damaged).toBe(1);
    rig.clock.advance(MINUTE);
    expect(scrub.trouble()).toMatch(words);
    expect(scrub.trouble()).toContain(`'aisle journal repair --data ${DIR}'`);
    expect(scrub.throughSeq).toBe(5);
  });

  it.each([
    [1, "entries 1 to 2: missing"],
    [3, "entries 3 to 5: missing"],
  ])("lacks the commit of %i: it is told of", async (commit, words) => {
    const rig = await written();
    rig.disk.table(JOURNAL).put(keyOf(commit).toString("latin1"), null);
    const scrub = rig.scrub();
    scrub.begin(6);
    rig.clock.advance(MINUTE);

    expect(rig.told).toEqual([expect.stringContaining(words)]);
    expect(scrub).toMatchObject({ throughSeq: 5, damaged: 1 });
    expect(scrub.trouble()).toContain(words);
  });

  it("does not reach into what the start has read", async () => {
    const rig = await written();
    rig.damage(6, flip("events.focusf"));
    const scrub = rig.scrub();
    scrub.begin(6);
    rig.clock.advance(MINUTE);

    expect(scrub.trouble()).toBeNull();
  });

  it("is told of stretch by stretch, as many as may be; of the rest their number", async () => {
    const rig = await written();
    for (const each of ["a", "b"]) rig.damage(1, flip(`events.focus${each}`));
    for (const each of ["c", "e"]) rig.damage(3, flip(`events.focus${each}`));
    const scrub = rig.scrub({ scrubTold: 2 });
    scrub.begin(6);
    rig.clock.advance(MINUTE);

    // The entries of a commit that all are damaged are one stretch.
    expect(rig.told).toEqual([
      expect.stringContaining("entries 1 to 2: "),
      expect.stringContaining("entry 3: "),
      expect.stringContaining("damaged stretches that are not told of here: 1"),
    ]);
    expect(scrub.trouble()).toMatch(/entries 1 to 2: .*, and 2 more\./);
  });

  it("is read in slices that take their share and no more", async () => {
    const rig = await written();
    const large = "x".repeat(20_000);
    for (let i = 0; i < 20; i++) await rig.journal.append([draft(large), draft(large)]);
    const scrub = rig.scrub({ scrubSliceMs: 0.5, scrubShare: 0.1 });
    scrub.begin(rig.journal.lastSeq + 1);
    rig.clock.advance(MINUTE);

    expect(scrub.throughSeq).toBe(46);
    expect(rig.clock.rests.length).toBeGreaterThan(20);
    expect(scrub.longestMs).toBeLessThanOrEqual(0.5);
    for (const rest of rig.clock.rests) expect(rest).toBeGreaterThanOrEqual(9 * 0.25);
  });

  it("is left when the place stops, in the middle of a commit too", async () => {
    const rig = await written();
    await rig.journal.append(Array.from({ length: 50 }, () => draft("x".repeat(20_000))));
    const scrub = rig.scrub();
    scrub.begin(rig.journal.lastSeq + 1);
    while (scrub.throughSeq < 10) rig.clock.advance(1);
    const { throughSeq } = scrub;

    scrub.end();
    scrub.end();
    rig.clock.advance(MINUTE);
    expect(throughSeq).toBeLessThan(56);
    expect(scrub.throughSeq).toBe(throughSeq);
  });

  it("may go while it is read: that is no damage", async () => {
    const rig = await written();
    const large = Array.from({ length: 50 }, () => draft("x".repeat(20_000)));
    await rig.journal.append(large);
    rig.journal.appliedSeq = rig.journal.lastSeq;
    await rig.journal.append([draft("last")]);
    rig.damage(7, (blob) => {
      blob[blob.length - 1]! ^= 1;
      return blob;
    });
    const scrub = rig.scrub();
    scrub.begin(57);
    while (scrub.throughSeq < 10) rig.clock.advance(1);

    expect((await rig.journal.retain({ bytes: 0, upToSeq: 56 })).entries).toBe(56);
    rig.clock.advance(MINUTE);
    expect(scrub).toMatchObject({ throughSeq: 56, damaged: 0 });
    expect(rig.told).toEqual([]);
  });

  it("can't be read at all: that is told, and nobody falls over it", async () => {
    const rig = await written();
    const broken: Pick<Store, "get" | "range"> = {
      get: (table, key) => rig.store.get(table, key),
      // biome-ignore lint/correctness/useYield: it fails before the first row
      *range() {
        throw new Error("a page can't be found");
      },
    };
    const scrub = rig.scrub({}, broken);
    scrub.begin(6);
    rig.clock.advance(MINUTE);

    const words = "the journal can't be verified: a page can't be found";
    expect(rig.told).toEqual([words]);
    expect(scrub.trouble()).toBe(words);
  });

  it("is judged as 'aisle journal verify' does, however it is damaged", async () => {
    const flips = fc.array(fc.tuple(fc.constantFrom(1, 3, 6), fc.nat(), fc.nat(7)), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(flips, async (all) => {
        const rig = await written();
        for (const [commit, at, bit] of all) {
          rig.damage(commit, (blob) => {
            blob[at % blob.length]! ^= 1 << bit;
            return blob;
          });
        }
        const scrub = rig.scrub();
        scrub.begin(7);
        rig.clock.advance(MINUTE);

        const { damage } = verifyJournal(rig.store);
        expect(rig.told).toEqual(damage.map((each) => expect.stringContaining(describeCorruption(each))));
        expect(scrub.trouble() === null).toBe(damage.length === 0);
        await rig.journal.close();
      }),
      { numRuns: 100 },
    );
  });
});

describe("a place with a damaged entry before its checkpoint", () => {
  const focus = JSON.stringify({ type: "focus", id: 17, dep: "Women" });

  async function metric({ place }: StoreSite, name: string): Promise<number> {
    const text = await (await fetch(`${place.url}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
  }

  async function degraded({ place }: StoreSite): Promise<string> {
    const { ready, degraded } = (await (await fetch(`${place.url}/readyz`)).json()) as {
      ready: boolean;
      degraded: string[];
    };
    expect(ready).toBe(true);
    return degraded.join("\n");
  }

  it("starts, says which, and is well once that was moved to the dead letters", { timeout: 60_000 }, async () => {
    const dataDir = tempDir();
    const verified = (store: StoreSite, seq: number) =>
      vi.waitFor(async () => expect(await metric(store, "aisle_journal_verified_seq")).toBeGreaterThanOrEqual(seq), {
        timeout: 10_000,
      });
    const faults = ({ logged }: StoreSite) => logged.filter(({ level }) => Number(level) >= 50);
    let seq = 0;
    {
      await using store = await startStore({ dataDir });
      const headers = { "content-type": "application/json" };
      await fetch(`${store.place.url}/events`, { method: "POST", headers, body: focus });
      await store.place.runner.idle();
      // Not an event: while those may still be joined by late ones, a start reads them again.
      seq = [...store.place.journal.read()].find(({ kind }) => kind === "config")!.seq;
    }
    await damage(dataDir, 1, flip('"hears"'));

    {
      await using store = await startStore({ dataDir });
      await verified(store, seq);
      const { fromSeq } = store.place.checkpoints;
      expect(fromSeq).toBeGreaterThan(seq);
      await verified(store, fromSeq - 1);
      expect(await degraded(store)).toMatch(`the journal is damaged before the checkpoint: entry ${seq}: has checksum`);
      expect(await degraded(store)).toContain(`'aisle journal repair --data ${dataDir}'`);
      expect(await metric(store, "aisle_journal_damaged_stretches")).toBe(1);
      expect(faults(store)).toMatchObject([
        {
          msg: "the journal is damaged before the checkpoint",
          err: { message: expect.stringContaining(`entry ${seq}: has checksum`) },
        },
      ]);
    }

    const journal = journalIn(dataDir);
    const letters = openDeadLetters({ store: journal.store, clock: new ManualClock(START) });
    expect((await repairJournal(journal.store, letters)).damage).toMatchObject([{ firstSeq: seq, lastSeq: seq }]);
    await letters.close();
    await journal.close();

    await using store = await startStore({ dataDir });
    await verified(store, store.place.checkpoints.fromSeq - 1);
    expect(await degraded(store)).not.toContain("damaged");
    expect(await metric(store, "aisle_journal_damaged_stretches")).toBe(0);
    expect(faults(store)).toEqual([]);
  });
});
