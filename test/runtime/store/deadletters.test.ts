import { describe, expect, it } from "vitest";
import { DAY, HOUR, ManualClock, SECOND } from "../../../runtime/clock.ts";
import { StoreJournal } from "../../../runtime/journal/store-journal.ts";
import { keyOf } from "../../../runtime/key.ts";
import {
  type DeadLettersOptions,
  type NewLetter,
  openDeadLetters,
  type StoredDeadLetters,
} from "../../../runtime/store/deadletters.ts";
import { Dice } from "../../support/dice.ts";
import { FaultyDisk, FaultyStore } from "../../support/faulty-store.ts";
import { countingBytes, draft, journalIn, START, tempDir } from "../../support/journal.ts";
import { prng } from "../../support/prng.ts";

function letter(text: string, more: Partial<NewLetter> = {}): NewLetter {
  return {
    code: "malformed",
    detail: "expected a value",
    where: { source: "http", index: 3, offset: 17 },
    principal: "http",
    subject: "/events",
    headers: { "content-type": "application/json" },
    payload: Buffer.from(text),
    ...more,
  };
}

interface Open {
  readonly journal: StoreJournal;
  readonly letters: StoredDeadLetters;
  readonly clock: ManualClock;
}

function lettersIn(dir: string, limits: DeadLettersOptions["limits"] = {}, readOnly = false): Open {
  const clock = new ManualClock(START);
  const journal = journalIn(dir, { clock, readOnly });
  return { journal, clock, letters: openDeadLetters({ store: journal.store, clock, limits }) };
}

const textsOf = (letters: StoredDeadLetters): string[] =>
  letters.list({ limit: 100 }).map(({ payload }) => Buffer.from(payload).toString());

describe("a dead letter", () => {
  it("is kept with everything that was known about it", async () => {
    const { letters } = lettersIn(tempDir());

    const id = await letters.addDurable(letter('{"a":', { seq: 12, where: { source: "fold", pointer: "/a" } }));

    expect(id).toBe(1);
    expect(letters.get(1)).toEqual({
      id: 1,
      at: START,
      code: "malformed",
      detail: "expected a value",
      where: { source: "fold", pointer: "/a" },
      seq: 12,
      principal: "http",
      subject: "/events",
      headers: { "content-type": "application/json" },
      payload: Buffer.from('{"a":'),
      payloadBytes: 5,
    });
    expect([letters.get(0), letters.get(2), letters.get(1.5)]).toEqual([null, null, null]);
  });

  it("has its payload cut at the bound, with its true length beside it", async () => {
    const { letters } = lettersIn(tempDir(), { deadLetterBytes: 8 });

    await letters.addDurable(letter("0123456789"));

    expect(letters.get(1)).toMatchObject({ payload: Buffer.from("01234567"), payloadBytes: 10 });
  });

  it("holds a copy of the payload, so that its memory can be used again at once", async () => {
    const { letters } = lettersIn(tempDir());
    const payload = Buffer.from("before");

    letters.add(letter("", { payload }));
    payload.fill("x");
    await letters.flush();

    expect(textsOf(letters)).toEqual(["before"]);
  });

  it("remembers what it came back as, in the commit of that", async () => {
    const { letters, journal } = lettersIn(tempDir());
    await letters.addDurable(letter("a"));

    const appended = journal.append([draft("a")], { beside: (seq) => letters.replaying(1, seq) });
    expect(letters.get(1)!.replayedAs).toBeUndefined();
    await appended;

    expect(letters.get(1)).toMatchObject({ id: 1, replayedAs: 1, payload: Buffer.from("a"), payloadBytes: 1 });
    expect(letters.count()).toBe(1);
    expect(() => letters.replaying(2, 78)).toThrow("there is no dead letter 2");
  });

  it("stays removed when it was removed on its way back", async () => {
    const { letters, journal, clock } = lettersIn(tempDir());
    await letters.addDurable(letter("a"));
    await letters.addDurable(letter("b"));

    const note = letters.replaying(1, 1);
    clock.advance(DAY);
    await letters.addDurable(letter("c"));
    await letters.retain(HOUR);
    await journal.append([draft("a")], { beside: () => note });
    await letters.replayed(1);

    expect(textsOf(letters)).toEqual(["c"]);
    expect(textsOf(openDeadLetters({ store: journal.store, clock }))).toEqual(["c"]);
  });
});

describe("secure", () => {
  const turns = async () => {
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  const ahead = (disk = new FaultyDisk()) => {
    const clock = new ManualClock(START);
    const store = new FaultyStore(disk, new Dice(prng(1)));
    const journal = new StoreJournal(store, { clock, random: countingBytes });
    const letters = openDeadLetters({ store, clock });
    journal.ahead(() => letters.secure());
    return { disk, clock, journal, letters };
  };
  const position = { source: "s", value: "1" };

  it("has letters on disk before the commit that says how far their source was consumed", async () => {
    const { journal, letters } = ahead();
    letters.add(letter("a"));
    await journal.append([draft("x")]);
    expect(letters.count()).toBe(0);

    await journal.append([], { position });

    expect(textsOf(letters)).toEqual(["a"]);
  });

  it("holds that commit up as long as the disk has no room for them, and no longer", async () => {
    const { disk, clock, journal, letters } = ahead();
    await journal.append([draft("x")]);
    disk.health = "full";
    letters.add(letter("a"));
    const appended = journal.append([draft("y")], { position });
    await turns();
    expect(journal.trouble).toContain("the disk is full");

    disk.health = "well";
    clock.advance(2 * SECOND);
    await appended;

    expect([textsOf(letters), journal.position("s"), letters.stats().lost]).toEqual([["a"], "1", 0]);
  });

  it("gives no position when the disk failed at the letters of before", async () => {
    const { disk, journal, letters } = ahead();
    disk.health = "broken";
    const failing = letters.addDurable(letter("a"));
    await expect(failing).rejects.toMatchObject({ code: "unavailable" });
    disk.health = "well";

    await expect(letters.secure()).rejects.toThrow();
    await expect(journal.append([], { position })).rejects.toMatchObject({ code: "unavailable" });
  });

  it("gives none either when the place stops while the disk is full", async () => {
    const { disk, journal, letters } = ahead();
    await journal.append([draft("x")]);
    disk.health = "full";
    letters.add(letter("a"));
    const appended = expect(journal.append([draft("y")], { position })).rejects.toMatchObject({ code: "full" });
    await turns();

    await letters.close();
    await journal.close();
    await appended;

    expect(letters.stats().lost).toBe(1);
    expect(disk.copy().table("positions").keys).toEqual([]);
  });

  it("doesn't wait for the removal of old letters", async () => {
    const { clock, journal, letters } = ahead();
    for (let n = 0; n < 3_000; n++) letters.add(letter(`${n}`));
    await letters.flush();
    clock.advance(DAY);
    const removed = letters.retain(HOUR);
    letters.add(letter("new"));

    await journal.append([], { position });

    const left = letters.count();
    expect(left).toBeGreaterThan(1);
    expect(textsOf(letters)[0]).toBe("new");
    expect(await removed).toBe(3_000);
  });
});

describe("add", () => {
  it("returns at once; the letters of a moment are written together, soon", async () => {
    const { letters, clock } = lettersIn(tempDir());

    for (const text of ["a", "b", "c"]) letters.add(letter(text));
    expect(letters.stats()).toMatchObject({ count: 0, waiting: 3, added: 3 });
    clock.advance(1 * SECOND);
    await letters.flush();

    expect(letters.stats()).toMatchObject({ count: 3, waiting: 0 });
    expect(textsOf(letters)).toEqual(["c", "b", "a"]);
  });

  it("never throws: past the bound of the queue it counts what is lost", async () => {
    const { letters } = lettersIn(tempDir(), { deadLetterQueue: 2 });

    for (const text of ["a", "b", "c", "d"]) letters.add(letter(text));
    await expect(letters.addDurable(letter("e"))).rejects.toMatchObject({ code: "overloaded" });
    await letters.flush();

    expect(letters.stats()).toMatchObject({ count: 2, added: 2, lost: 2 });
    expect(await letters.addDurable(letter("f"))).toBe(3);
  });

  it("counts as lost what comes, or still waits, when its store has been closed", async () => {
    const { letters, journal, clock } = lettersIn(tempDir());
    await letters.addDurable(letter("a"));
    letters.add(letter("waits"));
    await journal.close();

    letters.add(letter("late"));
    await expect(letters.addDurable(letter("later"))).rejects.toMatchObject({ code: "unavailable" });
    clock.advance(1 * SECOND);
    await letters.close();

    expect(letters.stats()).toMatchObject({ waiting: 0, lost: 3 });
    expect(() => letters.list({ limit: 1 })).toThrow(expect.objectContaining({ code: "unavailable" }));
  });

  it("keeps what waits while the disk is full, up to its bound, and writes it when there is room", async () => {
    const disk = new FaultyDisk();
    const clock = new ManualClock(START);
    const store = new FaultyStore(disk, new Dice(prng(1)));
    const letters = openDeadLetters({ store, clock, limits: { deadLetterQueue: 3 } });
    await letters.addDurable(letter("a"));

    disk.health = "full";
    letters.add(letter("b"));
    await expect(letters.addDurable(letter("c"))).rejects.toMatchObject({ code: "full" });
    letters.add(letter("d"));
    letters.add(letter("e"));
    expect(letters.stats()).toMatchObject({ count: 1, waiting: 3, lost: 1 });

    disk.health = "well";
    clock.advance(1 * SECOND);
    await letters.flush();

    expect(letters.stats()).toMatchObject({ count: 4, waiting: 0, lost: 1 });
    expect(textsOf(letters)).toEqual(["d", "c", "b", "a"]);
    disk.health = "full";
    letters.add(letter("f"));
    await letters.close();
    expect(letters.stats()).toMatchObject({ count: 4, waiting: 1, lost: 2 });
  });

  it("is known as not written, by its entry, until the disk has it", async () => {
    const disk = new FaultyDisk();
    const store = new FaultyStore(disk, new Dice(prng(1)));
    const letters = openDeadLetters({ store, clock: new ManualClock(START), limits: { deadLetterQueue: 3 } });
    const about = (seq: number) => letter("late", { code: "late", where: { source: "transforms/visits" }, seq });
    const seqs = () => letters.unwritten("transforms/visits").map(({ seq }) => seq);
    disk.health = "full";
    letters.add(letter("about no entry"));
    letters.add(about(7));
    await letters.flush();
    letters.add(about(8));
    expect(seqs()).toEqual([7, 8]);
    expect(letters.unwritten("transforms/others")).toEqual([]);
    expect(letters.isUnwritten("transforms/visits", 7)).toBe(true);

    disk.health = "well";
    await letters.flush();
    expect(seqs()).toEqual([]);
    expect(letters.isUnwritten("transforms/visits", 7)).toBe(false);

    disk.health = "broken";
    for (const seq of [9, 10, 11]) letters.add(about(seq));
    await letters.flush();
    letters.add(about(12));
    expect(seqs()).toEqual([9, 10, 11]);
  });

  it("goes beside the journal, in either order, without disturbing it", async () => {
    const dir = tempDir();
    const { letters, journal } = lettersIn(dir);

    const all: Promise<unknown>[] = [];
    for (let i = 0; i < 50; i++) {
      all.push(journal.append([draft(`event ${i}`)]), letters.addDurable(letter(`letter ${i}`)));
      if (i % 7 === 0) await all.at(-2);
    }
    await Promise.all(all);
    await letters.close();
    await journal.close();

    const again = lettersIn(dir);
    expect(again.journal.lastSeq).toBe(50);
    expect(textsOf(again.letters)).toEqual(Array.from({ length: 50 }, (_, i) => `letter ${49 - i}`));
  });
});

describe("the store of dead letters", () => {
  it("lists the newest first, by page and by code", async () => {
    const { letters } = lettersIn(tempDir());
    for (let i = 1; i <= 6; i++) letters.add(letter(String(i), { code: i % 2 === 0 ? "late" : "malformed" }));
    await letters.flush();

    const ids = (options: Parameters<typeof letters.list>[0]) => letters.list(options).map(({ id }) => id);
    expect(ids({ limit: 4 })).toEqual([6, 5, 4, 3]);
    expect(ids({ limit: 4, before: 3 })).toEqual([2, 1]);
    expect(ids({ limit: 2, code: "late" })).toEqual([6, 4]);
    expect(ids({ limit: 2, code: "late", before: 4 })).toEqual([2]);
    expect(ids({ limit: 2, before: 1 })).toEqual([]);
    expect(ids({ limit: 2, before: 99 })).toEqual([6, 5]);
  });

  it("keeps so many; the oldest go first, and are counted", async () => {
    const { letters } = lettersIn(tempDir(), { deadLetters: 3 });

    for (const text of ["a", "b", "c", "d"]) await letters.addDurable(letter(text));
    letters.add(letter("e"));
    letters.add(letter("f"));
    await letters.flush();

    expect(textsOf(letters)).toEqual(["f", "e", "d"]);
    expect(letters.stats()).toMatchObject({ count: 3, evicted: 3 });
    expect(letters.get(3)).toBe(null);
  });

  it("removes by age, and gives no id twice, not even when all have gone", async () => {
    const dir = tempDir();
    const { letters, journal, clock } = lettersIn(dir);
    for (let i = 0; i < 4; i++) {
      await letters.addDurable(letter(String(i)));
      clock.advance(HOUR);
    }

    expect(await letters.retain(2.5 * HOUR)).toBe(2);
    expect(textsOf(letters)).toEqual(["3", "2"]);
    clock.advance(DAY);
    expect(await letters.retain(HOUR)).toBe(2);
    expect(letters.count()).toBe(0);
    await letters.close();
    await journal.close();

    const again = lettersIn(dir).letters;
    expect([again.count(), again.list({ limit: 9 })]).toEqual([0, []]);
    expect(await again.addDurable(letter("new"))).toBe(5);
    expect(again.count()).toBe(1);
  });

  it("removes thousands by age", async () => {
    const { letters, clock } = lettersIn(tempDir());
    for (let i = 0; i < 1_300; i++) letters.add(letter(String(i)));
    await letters.flush();
    clock.advance(DAY);
    await letters.addDurable(letter("new"));

    expect(await letters.retain(HOUR)).toBe(1_300);
    expect(textsOf(letters)).toEqual(["new"]);
  });

  it("goes on after a restart", async () => {
    const dir = tempDir();
    const { letters, journal } = lettersIn(dir);
    letters.add(letter("a"));
    letters.add(letter("b"));
    await letters.close();
    await journal.close();

    const again = lettersIn(dir).letters;

    expect(textsOf(again)).toEqual(["b", "a"]);
    expect(await again.addDurable(letter("c"))).toBe(3);
  });

  it("names a damaged letter, and lists the others", async () => {
    const { letters, journal } = lettersIn(tempDir());
    for (const text of ["a", "b", "c"]) await letters.addDurable(letter(text));
    const value = Buffer.from(journal.store.get("deadletters", keyOf(2))!);
    value[value.length - 1]! ^= 1;
    await journal.store.commit([{ table: "deadletters", key: keyOf(2), value }]);

    expect(() => letters.get(2)).toThrow(expect.objectContaining({ code: "corrupt" }));
    expect(letters.list({ limit: 9 }).map(({ id, code }) => [id, code])).toEqual([
      [3, "malformed"],
      [2, "corrupt"],
      [1, "malformed"],
    ]);
  });

  it("is read beside its owner, also when no letter was ever written", async () => {
    const dir = tempDir();
    await journalIn(dir).append([draft("a")]); // the owner
    const { letters: reader } = lettersIn(dir, {}, true);

    expect([reader.count(), reader.list({ limit: 9 }), reader.get(1)]).toEqual([0, [], null]);
    reader.add(letter("a"));
    expect(reader.stats().lost).toBe(1);
    await expect(reader.addDurable(letter("a"))).rejects.toMatchObject({ code: "unavailable" });
    await expect(reader.retain(0)).rejects.toMatchObject({ code: "unavailable" });
  });

  it("shows a reader what its owner writes meanwhile", async () => {
    const dir = tempDir();
    const { letters, journal } = lettersIn(dir);
    await journal.append([draft("a")]);
    const { letters: reader } = lettersIn(dir, {}, true);

    await letters.addDurable(letter("a"));

    expect(textsOf(reader)).toEqual(["a"]);
    expect(reader.count()).toBe(1);
  });
});
