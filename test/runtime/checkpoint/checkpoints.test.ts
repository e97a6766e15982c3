import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { Archive } from "../../../runtime/checkpoint/archive.ts";
import type { BoardState } from "../../../runtime/checkpoint/board-state.ts";
import { Checkpoints } from "../../../runtime/checkpoint/checkpoints.ts";
import { checkpointStore } from "../../../runtime/checkpoint/open.ts";
import { Shadow } from "../../../runtime/checkpoint/shadow.ts";
import { ManualClock, systemClock } from "../../../runtime/clock.ts";
import { AisleError } from "../../../runtime/errors.ts";
import type { Draft, Entry } from "../../../runtime/journal/journal.ts";
import { limits } from "../../../runtime/limits.ts";
import { digestOf } from "../../support/board-digest.ts";
import { freshBoard, HEARS, replayed } from "../../support/board-state.ts";
import { Dice } from "../../support/dice.ts";
import { FaultyDisk, FaultyStore } from "../../support/faulty-store.ts";
import { appendSpoiled, blockOf } from "../../support/journal.ts";
import { type Disk, emptyDisk, MemoryJournal } from "../../support/memory-journal.ts";
import { prng } from "../../support/prng.ts";
import { randomDisk } from "../../support/random-journal.ts";
import { turns } from "../../support/rig.ts";
import { TextPart } from "../../support/saved-part.ts";

const SEED = Number(process.env.AISLE_SEED ?? 20_261_126);

/** A place's checkpoints over a journal that the test writes. */
class Bench {
  readonly clock = new ManualClock();
  readonly disk: FaultyDisk;
  readonly journal: MemoryJournal;
  readonly store: FaultyStore;
  readonly board: BoardState;
  readonly checkpoints: Checkpoints;
  readonly warned: string[] = [];
  readonly failed: string[] = [];

  constructor(
    dice: Dice,
    {
      disk = new FaultyDisk(),
      entries = emptyDisk(),
      basis = "b",
      others = [] as TextPart[],
      epoch = "e0",
      clock = systemClock,
      everyMs = 1,
    } = {},
  ) {
    this.disk = disk;
    this.journal = new MemoryJournal(this.clock, entries, epoch);
    this.store = new FaultyStore(disk, dice);
    this.board = freshBoard(basis);
    this.checkpoints = new Checkpoints({
      store: this.store,
      journal: this.journal,
      clock,
      everyMs,
      hears: () => HEARS,
      board: this.board,
      newBoard: () => freshBoard(basis),
      others: () => others,
      warn: (sentence) => void this.warned.push(sentence),
      failed: (error) => void this.failed.push((error as Error).message),
      limits: {
        checkpointEntries: 1,
        checkpointShare: 0.9,
        checkpointCommitBytes: 2_000,
        // At times more is written at once than may wait.
        checkpointQueueEntries: dice.one([3, 10, 1_000]),
      },
    });
  }

  /** As a start does it. */
  start(): this {
    this.checkpoints.load();
    replayed(this.board, this.journal.parts(this.checkpoints.fromSeq));
    this.checkpoints.begin();
    return this;
  }

  /** Writes as one commit; runs of events perhaps as blocks. */
  async write(entries: readonly Entry[], dice: Dice): Promise<void> {
    this.clock.advance(Math.max(0, entries[0]!.receivedAt - this.clock.now()));
    let run: Entry[] = [];
    for (const entry of [...entries, null]) {
      if (entry !== null) run.push(entry);
      if (run.length === 0 || (entry !== null && dice.chance(0.7))) continue;
      if (run.every(isPlain) && dice.chance(0.5)) void appendSpoiled(this.journal, blockOf(run.map(draftOf)));
      else void this.journal.append(run.map(draftOf));
      run = [];
    }
    await turns(dice.below(6));
  }

  get digest(): unknown {
    this.board.settle(this.journal.appliedSeq);
    return digestOf(this.board);
  }
}

function draftOf({ kind, principal, subject, headers, payload }: Entry): Draft {
  return { kind, principal, subject, headers, payload };
}

function isPlain({ kind, headers }: Entry): boolean {
  return kind === "event" && Object.keys(headers).every((name) => name === "id" || name === "type");
}

/** The digest of a board that knows nothing but the journal. */
function whole(disk: Disk): unknown {
  const journal = new MemoryJournal(new ManualClock(), disk);
  const board = replayed(freshBoard(), journal.parts());
  board.settle(journal.appliedSeq);
  return digestOf(board);
}

describe("a place's checkpoints", () => {
  it.each([0, 1, 2, 3, 4, 5])(
    "bring back what the journal alone would, whenever the power goes (%i)",
    async (number) => {
      const seed = SEED + number;
      const dice = new Dice(prng(seed));
      const { entries, applied } = await randomDisk(seed, 400);
      let bench = new Bench(dice).start();
      let loaded = 0;
      for (let at = 0; at < entries.length; ) {
        const next = Math.min(entries.length, at + 1 + dice.below(20));
        bench.journal.appliedSeq = applied[next - 1]!;
        await bench.write(entries.slice(at, next), dice);
        at = next;
        if (dice.chance(0.1)) await bench.checkpoints.checkpointer!.now();
        if (!dice.chance(0.15) && at < entries.length) continue;
        // The first time there is one for certain; afterwards some are cut off, and some never came about.
        if (loaded === 0) await bench.checkpoints.checkpointer!.now();
        while (bench.journal.queued > 0) await turns(1);
        bench.store.crash();
        bench = new Bench(dice, { disk: bench.disk, entries: bench.journal.disk }).start();
        if (bench.checkpoints.loadedSeq("board") > 0) loaded++;
        expect(bench.warned).toEqual([]);
        expect(bench.digest, `seed ${seed}, at ${at}`).toEqual(whole(bench.journal.disk));
      }

      await bench.checkpoints.close();
      const last = new Bench(dice, { disk: bench.disk, entries: bench.journal.disk });
      last.checkpoints.load();
      expect(last.checkpoints.fromSeq, `seed ${seed}`).toBe(bench.journal.lastSeq + 1);
      expect(last.digest, `seed ${seed}`).toEqual(whole(bench.journal.disk));
      expect(loaded, `seed ${seed}`).toBeGreaterThan(0);
    },
  );
});

describe("a checkpoint that can't be used", () => {
  const dice = new Dice(prng(SEED));
  let disk: FaultyDisk;
  let entries: Disk;

  beforeEach(async () => {
    const bench = new Bench(dice).start();
    await bench.write((await randomDisk(SEED, 100)).entries, dice);
    while (bench.journal.queued > 0) await turns(1);
    await bench.checkpoints.close();
    ({ disk } = bench);
    entries = bench.journal.disk;
  });

  function restart(more: ConstructorParameters<typeof Bench>[1] = {}): Bench {
    return new Bench(dice, { disk, entries, ...more });
  }

  /** The journal without its oldest entry. */
  function cutOff(): Disk {
    return { ...entries, entries: entries.entries.slice(1), applied: entries.applied.slice(1) };
  }

  function makeNewer(): void {
    const record = Buffer.from(disk.table("meta").values.get("checkpoint")!);
    record.writeUInt16LE(2, 4);
    record.writeUInt16LE(0xffff - 2, 6);
    disk.table("meta").put("checkpoint", record);
  }

  it("was of another journal: that is told, and the journal is replayed", () => {
    const bench = restart({ epoch: "e1" }).start();

    expect(bench.warned).toEqual([expect.stringMatching(/can't be used: it is of a journal with epoch 'e0'/)]);
    expect(bench.digest).toEqual(whole(entries));
  });

  it("is ahead of the journal", () => {
    const less = { ...entries, entries: entries.entries.slice(0, 50), applied: entries.applied.slice(0, 50) };
    const bench = restart({ entries: less }).start();

    expect(bench.warned).toEqual([expect.stringMatching(/the journal ends at 50: entries 51 to \d+ are lost/)]);
    expect(bench.checkpoints.lost).toBe(bench.warned[0]);
    expect(bench.checkpoints.isAhead).toBe(true);
    expect(bench.digest).toEqual(whole(less));
  });

  it("is damaged, wherever it is", () => {
    for (let n = 0; n < 30; n++) {
      const mend = disk.flipBit(dice.one(["rows", "meta"]), dice)!;
      const bench = restart();
      bench.checkpoints.load();
      expect(bench.warned, `seed ${SEED}, ${n}`).toEqual([expect.stringMatching(/can't be used/)]);
      expect(bench.checkpoints.fromSeq).toBe(1);
      mend();
    }
  });

  it("is damaged, and the journal is cut: it is refused, and said what to do", () => {
    for (const table of ["rows", "meta"]) {
      const mend = disk.flipBit(table, dice)!;
      expect(() => restart({ entries: cutOff() }).start()).toThrow(
        /no longer has all.*move the folder 'checkpoint' away/,
      );
      mend();
    }
  });

  it("was found damaged at work: the next start hears of it", async () => {
    await new Archive(new FaultyStore(disk, dice)).condemn();

    expect(() => restart({ entries: cutOff() }).start()).toThrow(/found damaged while the place ran/);
    const bench = restart().start();
    expect(bench.warned).toEqual([expect.stringMatching(/can't be used: it was found damaged/)]);
    expect(bench.checkpoints.lost).toBe(null);
    expect(bench.digest).toEqual(whole(entries));
  });

  it("was made under another plan: the board is made anew, and what did not change is loaded", async () => {
    const part = new TextPart("spec");
    part.set("a", "one");
    const first = restart({ others: [part] }).start();
    await first.checkpoints.checkpointer!.now();
    await first.checkpoints.close();
    const again = new TextPart("spec");
    const bench = restart({ basis: "other", others: [again] }).start();

    expect(bench.warned).toEqual([expect.stringMatching(/does not have 'board' as the plan/)]);
    expect(bench.checkpoints.loadedSeq("board")).toBe(0);
    expect(bench.digest).toEqual(whole(entries));
    expect(again.texts.get("a")).toBe("one");
  });

  it("was made by a newer version: the journal is replayed if it has all", () => {
    makeNewer();
    const bench = restart().start();

    expect(bench.warned).toEqual([expect.stringMatching(/format 2, and a newer version/)]);
    expect(bench.digest).toEqual(whole(entries));
  });

  it("was made by a newer version, and the journal is cut: it is refused, and said what to do", () => {
    makeNewer();

    expect(() => restart({ entries: cutOff() }).start()).toThrow(/newer version.*move the folder 'checkpoint' away/);
  });
});

describe("while checkpoints are made", () => {
  it("a disk that is full is told of, and the next one comes when it has room again", async () => {
    const dice = new Dice(prng(SEED));
    const bench = new Bench(dice).start();
    bench.disk.health = "full";
    const { entries } = await randomDisk(SEED, 60);
    await bench.write(entries, dice);
    while (bench.failed.length === 0) await turns(1);

    expect(bench.checkpoints.trouble()).toMatch(/^the state can't be saved: /);
    expect(bench.checkpoints.upToSeq).toBe(0);
    bench.disk.health = "well";
    while (bench.checkpoints.upToSeq === 0) await turns(1);
    expect(bench.checkpoints.trouble()).toBeNull();
    await bench.checkpoints.close();
  });

  it("the journal is needed until a part is saved, and as far as it says", async () => {
    const dice = new Dice(prng(SEED));
    const part = Object.assign(new TextPart("spec"), { neededSeq: 0 });
    const bench = new Bench(dice, { others: [part] }).start();
    await bench.write((await randomDisk(SEED, 60)).entries, dice);
    while (bench.journal.queued > 0) await turns(1);
    await bench.checkpoints.checkpointer!.now();

    expect(bench.checkpoints.upToSeq).toBe(0);
    part.neededSeq = 20;
    expect(bench.checkpoints.upToSeq).toBe(19);
    part.neededSeq = bench.journal.lastSeq + 1;
    expect(bench.checkpoints.upToSeq).toBe(bench.journal.lastSeq);
    await bench.checkpoints.close();
  });

  it("who wants any has the one that is under way, who wants all that is on disk the one after it", async () => {
    const dice = new Dice(prng(SEED));
    const bench = new Bench(dice);
    const commit = bench.store.commit.bind(bench.store);
    let isUnderWay = false;
    let goOn = () => {};
    const isWritten = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    bench.store.commit = async (writes) => {
      if (writes.some(({ table }) => table === "rows")) {
        isUnderWay = true;
        await isWritten;
      }
      return commit(writes);
    };
    bench.start();
    const { checkpointer } = bench.checkpoints;
    const { entries } = await randomDisk(SEED, 60);
    await bench.write(entries.slice(0, 10), dice);
    while (!isUnderWay) await turns(1);
    const [any, all] = [bench.checkpoints.save(), checkpointer!.now()];
    const before = bench.journal.lastSeq;
    await bench.write(entries.slice(10), dice);
    while (bench.journal.lastSeq === before) await turns(1);
    const { lastSeq } = bench.journal;
    goOn();

    await any;
    expect(bench.checkpoints.meta!.seq).toBeLessThan(lastSeq);
    await all;
    expect(bench.checkpoints.meta!.seq).toBeGreaterThanOrEqual(lastSeq);
    await bench.checkpoints.close();
  });

  it("who wants any hears that it failed, or that there will be none", async () => {
    const part = new TextPart("spec", { alwaysWhole: true });
    part.set("a", "x");
    part.fails = new AisleError("unavailable", "it fails");
    const bench = new Bench(new Dice(prng(SEED)), { others: [part] }).start();

    await bench.checkpoints.save();
    expect(bench.failed).toContain("it fails");
    bench.checkpoints.checkpointer!.rest("it rests");
    await bench.checkpoints.save();
    expect(bench.checkpoints.meta).toBeNull();
    await bench.checkpoints.close();
  });

  it("one that failed is not tried again at once, whoever wants any", async () => {
    const part = new TextPart("spec", { alwaysWhole: true });
    part.set("a", "x");
    part.fails = new AisleError("unavailable", "it fails");
    let ms = 0;
    const clock = { ...systemClock, monotonic: () => ms };
    const bench = new Bench(new Dice(prng(SEED)), { others: [part], clock, everyMs: 60_000 }).start();
    await bench.checkpoints.save();

    void bench.checkpoints.save();
    await turns(200);
    expect(bench.failed).toHaveLength(1);
    ms += 5_000;
    await bench.checkpoints.save();
    expect(bench.failed).toHaveLength(2);
    await bench.checkpoints.close();
  });

  it("slices are the longer, the more the journal waits for one", async () => {
    const part = new TextPart("spec", { alwaysWhole: true });
    for (let i = 0; i < 2_000; i++) part.set(`n${i}`, "x");
    let ms = 0;
    const clock = { ...systemClock, monotonic: () => (ms += 0.05) };
    const bench = new Bench(new Dice(prng(SEED)), { others: [part], clock }).start();
    const { checkpointer } = bench.checkpoints;
    const longestAt = async (urgency: number): Promise<number> => {
      bench.checkpoints.hurry(() => urgency);
      checkpointer!.longestMs = 0;
      part.set("n0", String(urgency));
      await checkpointer!.now();
      return checkpointer!.longestMs;
    };
    const [atEase, urgent] = [await longestAt(0), await longestAt(1)];
    await bench.checkpoints.close();

    expect(atEase).toBeGreaterThan(0);
    expect(atEase).toBeLessThanOrEqual(limits.checkpointSliceMs);
    expect(urgent).toBeGreaterThan(limits.checkpointUrgentSliceMs / 4);
    expect(urgent).toBeLessThanOrEqual(limits.checkpointUrgentSliceMs);
  });

  it("a part that fails leaves the checkpoint before in force", async () => {
    const dice = new Dice(prng(SEED));
    const part = new TextPart("spec");
    part.set("a", "one");
    const bench = new Bench(dice, { others: [part] }).start();
    const { entries } = await randomDisk(SEED, 60);
    await bench.write(entries.slice(0, 10), dice);
    while (bench.checkpoints.upToSeq === 0) await turns(1);
    part.set("a", "two");
    part.fails = new AisleError("unavailable", "it fails");
    await bench.write(entries.slice(10), dice);
    while (bench.failed.length === 0) await turns(1);
    const { meta } = bench.checkpoints;
    bench.store.crash();

    const loaded = new TextPart("spec");
    const again = new Bench(dice, { disk: bench.disk, entries: bench.journal.disk, others: [loaded] });
    again.checkpoints.load();
    expect(again.checkpoints.meta).toEqual(meta);
    expect(loaded.texts.get("a")).toBe("one");
  });

  it.each([1, 2, 3])("commit %i of them fails while the next is prepared: none counts", async (failing) => {
    const dice = new Dice(prng(SEED));
    const part = new TextPart("spec", { alwaysWhole: true });
    for (let i = 0; i < 500; i++) part.set(`n${i}`, "x".repeat(50));
    const bench = new Bench(dice, { others: [part] });
    const commit = bench.store.commit.bind(bench.store);
    let commits = 0;
    bench.store.commit = (writes) => {
      const isRows = writes[0]!.table === "rows" && writes[0]!.value !== null;
      if (isRows && ++commits === failing) return Promise.reject(new AisleError("full", "no room"));
      return commit(writes);
    };
    bench.start();
    await bench.write((await randomDisk(SEED, 60)).entries, dice);
    while (bench.failed.length === 0) await turns(1);

    expect(bench.checkpoints.upToSeq).toBe(0);
    expect(bench.store.get("meta", Buffer.from("checkpoint"))).toBeNull();
    while (bench.checkpoints.upToSeq < bench.journal.lastSeq) await turns(1);
    expect(bench.failed).toEqual(["no room"]);
    await bench.checkpoints.close();
    const last = new Bench(dice, { disk: bench.disk, entries: bench.journal.disk, others: [new TextPart("spec")] });
    last.checkpoints.load();
    expect(last.digest).toEqual(whole(bench.journal.disk));
  });

  it("says once that there is no room, however often that is so, until it works again", async () => {
    const dice = new Dice(prng(SEED));
    const { entries } = await randomDisk(SEED, 60);
    const bench = new Bench(dice).start();
    await bench.write(entries.slice(0, 20), dice);
    const { checkpointer } = bench.checkpoints;
    await checkpointer!.now();

    for (let time = 0; time < 2; time++) {
      bench.disk.health = "full";
      for (let i = 0; i < 3; i++) {
        await bench.write(entries.slice(20 + 3 * time + i, 21 + 3 * time + i), dice);
        await checkpointer!.now();
      }
      expect(bench.failed).toEqual(Array(time + 1).fill("no space is left on the disk"));
      expect(bench.checkpoints.trouble()).toMatch(/no space is left/);
      bench.disk.health = "well";
      await checkpointer!.now();
      expect(bench.checkpoints.trouble()).toBe(null);
    }
    await bench.checkpoints.close();
  });

  it("are tried once for each who wants one at once, also where the first of all finds no disk", async () => {
    const dice = new Dice(prng(SEED));
    const { entries } = await randomDisk(SEED, 20);
    const bench = new Bench(dice);
    bench.disk.health = "broken";
    bench.start();
    await bench.write(entries, dice);

    for (let i = 0; i < 3; i++) await bench.checkpoints.checkpointer!.now();

    expect(bench.checkpoints.trouble()).toMatch(/the disk reports an error/);
    expect(bench.checkpoints.meta).toBe(null);
    await bench.checkpoints.close();
  });

  it("end with a bug in the board that follows, and nothing else does", async () => {
    const dice = new Dice(prng(SEED));
    const { entries } = await randomDisk(SEED, 60);
    const bench = new Bench(dice).start();
    await bench.write(entries.slice(0, 20), dice);
    await bench.checkpoints.checkpointer!.now();
    const { seq } = bench.checkpoints.meta!;
    const bug = vi.spyOn(Shadow.prototype, "committed").mockImplementationOnce(() => {
      throw new TypeError("a bug");
    });
    onTestFinished(() => bug.mockRestore());

    await bench.write(entries.slice(20, 40), dice);
    await bench.write(entries.slice(40, 60), dice);
    await bench.checkpoints.save();

    expect(bench.journal.lastSeq).toBe(60);
    expect(bench.failed).toEqual(["a bug"]);
    expect(bench.checkpoints.trouble()).toMatch(/^the state can't be saved: .*a bug.*The journal keeps/);
    expect(bench.checkpoints.meta!.seq).toBe(seq);
    await bench.checkpoints.close();
  });

  it("leave less of the disk than the journal, which waits for them", () => {
    expect(checkpointStore("x").reserveBytes).toBeLessThan(limits.diskReserveBytes / 2);
  });
});
