import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { DAY, HOUR, ManualClock, MINUTE } from "../../../runtime/clock.ts";
import type { Appended, Draft } from "../../../runtime/journal/journal.ts";
import { StoreJournal } from "../../../runtime/journal/store-journal.ts";
import { Dice } from "../../support/dice.ts";
import { emitJournal } from "../../support/emit.ts";
import { FaultyDisk, FaultyStore } from "../../support/faulty-store.ts";
import { blockOf, countingBytes, draft, journalIn, START, seqs, tempDir, texts } from "../../support/journal.ts";
import { prng } from "../../support/prng.ts";

const turns = async (count = 20) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

/** A journal on a disk whose health the test sets. */
function onDisk(disk = new FaultyDisk(), clock = new ManualClock(START)) {
  const store = new FaultyStore(disk, new Dice(prng(1)));
  const journal = new StoreJournal(store, { clock, random: countingBytes });
  onTestFinished(() => {
    disk.health = "well";
    return journal.close();
  });
  return { disk, clock, journal };
}

describe("a journal on a full disk", () => {
  it("keeps what waits, refuses more, is read, and goes on by itself, in order", async () => {
    const { disk, clock, journal } = onDisk();
    const commits: number[][] = [];
    journal.onCommit((entries, { firstSeq, lastSeq }) => commits.push([firstSeq, lastSeq, entries.length]));
    await journal.append([draft("a")]);
    const done: Appended[] = [];

    disk.health = "full";
    const waiting = [
      journal.append([draft("b"), draft("c")], { position: { source: "s", value: "3" } }),
      journal.appendBlock(blockOf([draft("d")])),
      journal.append([draft("e")]),
    ].map((each) => each.then((appended) => done.push(appended)));
    await turns();

    expect(journal.trouble).toBe(
      "the disk is full: no space is left on the disk; free some space, it goes on by itself",
    );
    expect(journal.failure).toBe(null);
    for (const refused of [journal.append([draft("x")]), journal.appendBlock(blockOf([draft("x")]))]) {
      await expect(refused).rejects.toMatchObject({ code: "full", passing: true, message: journal.trouble });
    }
    expect([texts(journal.read()), journal.position("s"), done]).toEqual([["a"], null, []]);

    clock.advance(1_000); // tried again, in vain
    await turns();
    expect([journal.trouble === null, done]).toEqual([false, []]);

    disk.health = "well";
    clock.advance(1_000);
    await Promise.all(waiting);

    expect(journal.trouble).toBe(null);
    expect(done).toEqual([
      { firstSeq: 2, lastSeq: 3 },
      { firstSeq: 4, lastSeq: 4 },
      { firstSeq: 5, lastSeq: 5 },
    ]);
    expect(commits).toEqual([
      [1, 1, 1],
      [2, 5, 3],
    ]);
    expect(await journal.append([draft("f")])).toEqual({ firstSeq: 6, lastSeq: 6 });
    expect([texts(journal.read()), journal.position("s")]).toEqual([["a", "b", "c", "d", "e", "f"], "3"]);
    expect(journal.stats()).toMatchObject({ queuedEntries: 0, queuedBytes: 0 });
  });

  it("from its first moment on is a new one as soon as there is room", async () => {
    const disk = new FaultyDisk();
    disk.health = "full";
    const { clock, journal } = onDisk(disk);
    const appended = journal.append([draft("a")]);
    await turns();
    expect(journal.trouble).toContain("the disk is full");

    disk.health = "well";
    clock.advance(1_000);

    expect(await appended).toEqual({ firstSeq: 1, lastSeq: 1 });
    await journal.close();
    expect(onDisk(disk).journal.epoch).toBe(journal.epoch);
  });

  it("is closed in spite of it: who waits is told, and nothing half is left", async () => {
    const { disk, journal } = onDisk();
    await journal.append([draft("a")]);
    disk.health = "full";
    const waiting = journal.append([draft("b")]);
    await turns();

    await Promise.all([expect(waiting).rejects.toMatchObject({ code: "full" }), journal.close()]);

    disk.health = "well";
    expect(texts(onDisk(disk).journal.read())).toEqual(["a"]);
  });

  it("has what waited when there is room again as it is closed", async () => {
    const { disk, journal } = onDisk();
    disk.health = "full";
    const waiting = journal.append([draft("a")]);
    await turns();
    disk.health = "well";

    await journal.close();

    expect(await waiting).toEqual({ firstSeq: 1, lastSeq: 1 });
  });

  it("that then breaks fails for good", async () => {
    const { disk, clock, journal } = onDisk();
    disk.health = "full";
    const waiting = journal.append([draft("a")]);
    await turns();
    disk.health = "broken";
    clock.advance(1_000);

    await expect(waiting).rejects.toMatchObject({ code: "unavailable" });
    expect(journal).toMatchObject({ trouble: null, failure: { code: "unavailable" } });
    await expect(journal.append([draft("b")])).rejects.toBe(journal.failure);
  });
});

describe("a journal on LMDB whose room is used up", () => {
  const large = (): Draft => draft("x".repeat(50_000));

  it("goes on once retention has made some, which it may do meanwhile", async () => {
    const clock = new ManualClock(START);
    const journal = journalIn(tempDir(), { clock, mapSize: 2 ** 20 });
    while (journal.trouble === null) {
      void journal.append([large()]);
      while (journal.stats().queuedEntries > 0 && journal.trouble === null) await turns(1);
      journal.appliedSeq = journal.lastSeq;
      clock.advance(MINUTE);
    }
    const { lastSeq } = journal;
    expect(journal.trouble).toMatch(
      /^the journal is full, whatever the disk has free: .*of the 1048576 bytes that it may take.*lower 'retention: \{ size \}'$/,
    );
    expect(lastSeq).toBeGreaterThan(5);
    clock.advance(DAY);

    const { entries } = await journal.retain({ ageMs: HOUR });
    while (journal.trouble !== null) await turns();

    expect(entries).toBeGreaterThan(3);
    expect(await journal.append([large()])).toEqual({ firstSeq: lastSeq + 2, lastSeq: lastSeq + 2 });
    expect(seqs(journal.read(lastSeq))).toEqual([lastSeq, lastSeq + 1, lastSeq + 2]);
  });
});

/** A disk of its own in a name space of its own: needs Linux, and users that may have one. */
const MOUNT = 'mount -t tmpfs -o size=40m tmpfs "$0"';
const canMount = spawnSync("unshare", ["-Urm", "bash", "-c", MOUNT, "/mnt"]).status === 0;

describe.runIf(canMount)("a journal on a real disk that somebody else fills", () => {
  let emitted: ReturnType<typeof emitJournal>;
  beforeAll(() => {
    emitted = emitJournal();
  });
  afterAll(() => emitted.remove());

  it("says so, and goes on when there is room again", { timeout: 30_000 }, () => {
    const dir = tempDir();
    const child = join(emitted.dir, "journal-child.mjs");
    const run = `${MOUNT} && exec "$1" "$2" full "$0"`;

    const { stdout, stderr } = spawnSync("unshare", ["-Urm", "bash", "-c", run, dir, process.execPath, child], {
      encoding: "utf8",
    });

    expect(stderr).toBe(""); // LMDB never met the full disk
    const { acknowledged, trouble, refused, after, readable } = JSON.parse(stdout);
    expect(acknowledged).toBeGreaterThan(10);
    expect(trouble).toMatch(/^the disk is full: the journal has no room: \d+ bytes are free on its disk/);
    expect(refused).toBe("full");
    expect(after).toEqual({ firstSeq: acknowledged + 2, lastSeq: acknowledged + 2 });
    expect(readable).toBe(acknowledged + 2);
  });
});
