import { expect, it, onTestFinished } from "vitest";
import { ManualClock } from "../../../runtime/clock.ts";
import { FoundCommits } from "../../../runtime/journal/found.ts";
import type { Draft, Entry } from "../../../runtime/journal/journal.ts";
import { JOURNAL } from "../../../runtime/journal/meta.ts";
import { StoreJournal } from "../../../runtime/journal/store-journal.ts";
import { keyOf } from "../../../runtime/key.ts";
import type { Store } from "../../../runtime/store/store.ts";
import { Dice } from "../../support/dice.ts";
import { FaultyDisk, FaultyStore } from "../../support/faulty-store.ts";
import { blockOf, countingBytes, draft, START, textOf } from "../../support/journal.ts";
import { prng } from "../../support/prng.ts";

/** A journal, and how often commits were read from its store. */
function bench() {
  const disk = new FaultyDisk();
  const store = new FaultyStore(disk, new Dice(prng(1)));
  const reads = { count: 0 };
  const get = store.get.bind(store);
  const range = store.range.bind(store);
  const counting: Store = Object.assign(store, {
    get: (...args: Parameters<Store["get"]>) => {
      if (args[0] === JOURNAL) reads.count++;
      return get(...args);
    },
    range: (...args: Parameters<Store["range"]>) => {
      if (args[0] === JOURNAL) reads.count++;
      return range(...args);
    },
  });
  const journal = new StoreJournal(counting, { clock: new ManualClock(START), random: countingBytes });
  onTestFinished(() => journal.close());
  return { disk, store: counting, journal, reads };
}

const drafts = (count: number, from = 0, more: Partial<Draft> = {}): Draft[] =>
  Array.from({ length: count }, (_, i) => draft(`entry ${from + i}`, more));

it("walks a commit once, however many of its entries are asked for", { timeout: 20_000 }, async () => {
  const { journal, reads } = bench();
  await journal.appendBlock(blockOf(drafts(50_000)));

  reads.count = 0;
  for (let seq = 1; seq <= 50_000; seq++) {
    const entry = journal.find(seq) as Entry;
    if (entry.seq !== seq || textOf(entry) !== `entry ${seq - 1}`) expect(entry).toBe(seq);
  }

  expect(reads.count).toBe(1);
});

it("finds entries of several commits, in any order", async () => {
  const { journal, reads } = bench();
  for (let i = 0; i < 5; i++) await journal.appendBlock(blockOf(drafts(300, i * 300)));
  const dice = new Dice(prng(2));

  reads.count = 0;
  for (let i = 0; i < 3_000; i++) {
    const seq = 1 + dice.below(1_500);
    expect(textOf(journal.find(seq)!)).toBe(`entry ${seq - 1}`);
  }

  expect(reads.count).toBe(5);
  expect(journal.find(1_501)).toBe(null);
});

it("shows what has become of a commit: an entry emptied, others removed", async () => {
  const { journal } = bench();
  await journal.append([...drafts(200), ...drafts(200, 200, { kind: "decision" })]);
  await journal.append(drafts(1));
  journal.appliedSeq = 401;
  await journal.append(drafts(1));
  expect(textOf(journal.find(7)!)).toBe("entry 6");

  await journal.tombstone(7);
  expect(journal.find(7)).toMatchObject({ headers: { tombstone: "1" } });

  await journal.retain({ bytes: 0, lastingFrom: 1, upToSeq: 400 });
  expect(journal.find(7)).toBe(null);
  expect(textOf(journal.find(201)!)).toBe("entry 200");
});

it("names the damaged entry, and finds the others of its commit", async () => {
  const { journal, disk } = bench();
  await journal.append(drafts(400));
  const table = disk.table(JOURNAL);
  const value = Buffer.from(table.values.get(table.keys[0]!)!);
  value[value.indexOf("entry 150")]! ^= 1;
  table.values.set(table.keys[0]!, value);

  expect(textOf(journal.find(100)!)).toBe("entry 99");
  expect(() => journal.find(151)).toThrow(expect.objectContaining({ code: "corrupt" }));
});

it("keeps few bytes, and where entries begin of more commits, which it then reads without a walk", async () => {
  const { journal, store, reads } = bench();
  for (let i = 0; i < 4; i++) await journal.appendBlock(blockOf(drafts(300, i * 300)));
  const bytes = store.get(JOURNAL, keyOf(1))!.length;
  const found = new FoundCommits(store, { foundCommits: 3, foundCommitBytes: 2 * bytes + 100 });
  const rows = [...store.range(JOURNAL)];
  for (const row of rows) expect(found.add(row)).toBe(true);

  expect(found.find(1)).toBe(undefined); // the fourth took its place
  reads.count = 0;
  expect(textOf(found.find(301)!)).toBe("entry 300");
  expect(textOf(found.find(302)!)).toBe("entry 301");
  expect(reads.count).toBe(1);
  // What another process has written anew is not taken for what was there.
  const other = Buffer.from(rows[1]!.value);
  other.fill(0, 100);
  expect(textOf(found.find(601)!)).toBe("entry 600");
  expect(textOf(found.find(901)!)).toBe("entry 900");
  await store.commit([{ table: JOURNAL, key: rows[1]!.key, value: other }]);
  expect(found.find(303)).toBe(undefined);
});
