import { statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DAY, HOUR, ManualClock, MINUTE } from "../../../runtime/clock.ts";
import type { Draft } from "../../../runtime/journal/journal.ts";
import { verifyJournal } from "../../../runtime/journal/repair.ts";
import { RetentionRun } from "../../../runtime/journal/retention.ts";
import type { StoreJournal } from "../../../runtime/journal/store-journal.ts";
import { damage, draft, journalIn, lose, START, seqs, tempDir, texts } from "../../support/journal.ts";

const event = (bytes = 10): Draft => draft("e".repeat(bytes));
const decision = (bytes = 10): Draft => draft("d".repeat(bytes), { kind: "decision" });

/** Appends and counts as applied; the next commit writes that down. */
async function apply(journal: StoreJournal, ...batch: Draft[]): Promise<void> {
  await journal.append(batch);
  journal.appliedSeq = journal.lastSeq;
}

/** Six hours, a commit of two events and a decision in each: 1–3, 4–6 … 16–18; then an event, 19. */
async function sixHours(): Promise<{ dir: string; clock: ManualClock; journal: StoreJournal }> {
  const dir = tempDir();
  const clock = new ManualClock(START);
  const journal = journalIn(dir, { clock });
  for (let hour = 0; hour < 6; hour++) {
    await apply(journal, event(), event(), decision());
    clock.advance(HOUR);
  }
  await apply(journal, event());
  return { dir, clock, journal };
}

describe("retention by age", () => {
  it("removes events past theirs and keeps decisions, whose commits stay readable", async () => {
    const { journal } = await sixHours();

    const removed = await journal.retain({ ageMs: 3.5 * HOUR });

    expect(removed).toMatchObject({ entries: 6, commits: 0, rewritten: 3 });
    expect(seqs(journal.read())).toEqual([3, 6, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    expect(seqs(journal.read(4))).toEqual([6, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    expect([5, 6].map((seq) => journal.find(seq)?.kind ?? null)).toEqual([null, "decision"]);
    expect(journal.stats()).toMatchObject({ firstSeq: 3, lastSeq: 19, removed: { entries: 6 } });
  });

  it("loses nothing by what it removed, for the next process neither; what is missing behind that is lost", async () => {
    const { dir, journal } = await sixHours();
    await journal.retain({ ageMs: 2.5 * HOUR, decisionAgeMs: 4.5 * HOUR });
    await journal.close();
    const next = journalIn(dir);
    expect(verifyJournal(next.store)).toMatchObject({ commits: 5, damage: [] });
    expect(seqs(next.read(2))).toEqual([9, 12, 13, 14, 15, 16, 17, 18, 19]);
    await next.close();
    await lose(dir, 7);

    expect(verifyJournal(journalIn(dir).store)).toMatchObject({ damage: [{ firstSeq: 7, lastSeq: 9 }] });
  });

  it("keeps what was taken over of other places' decisions as long as decisions", async () => {
    const clock = new ManualClock(START);
    const journal = journalIn(tempDir(), { clock });
    await apply(journal, event(), draft("d", { kind: "import" }));
    clock.advance(3 * HOUR);
    await apply(journal, event());

    await journal.retain({ ageMs: HOUR, decisionAgeMs: 4 * HOUR, bytes: 1_000_000 });
    expect(seqs(journal.read())).toEqual([2, 3]);
    await journal.retain({ ageMs: HOUR, decisionAgeMs: 2 * HOUR });
    expect(seqs(journal.read())).toEqual([3]);
  });

  it("removes decisions past their own, and with the last entry the commit", async () => {
    const { journal } = await sixHours();

    expect(await journal.retain({ ageMs: 2.5 * HOUR, decisionAgeMs: 4.5 * HOUR })).toMatchObject({
      entries: 8 + 2,
      commits: 2,
    });
    expect(seqs(journal.read())).toEqual([9, 12, 13, 14, 15, 16, 17, 18, 19]);
  });

  it("keeps decisions that somebody outside has yet to get, whatever their age", async () => {
    const { journal } = await sixHours();

    await journal.retain({ ageMs: 2.5 * HOUR, decisionAgeMs: 2.5 * HOUR, lastingFrom: 7 });

    expect(seqs(journal.read())).toEqual([9, 12, 13, 14, 15, 16, 17, 18, 19]);
  });

  it("keeps others that somebody outside has yet to get, as long as there is room", async () => {
    const { journal } = await sixHours();
    const needed = { lastingFrom: 1, passingFrom: 7 };

    await journal.retain({ ageMs: 2.5 * HOUR, decisionAgeMs: 2.5 * HOUR, ...needed });
    expect(seqs(journal.read())).toEqual([3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);

    await journal.retain({ bytes: 1, ...needed });
    expect(seqs(journal.read())).toEqual([3, 6, 9, 12, 15, 18, 19]);
  });

  it("removes whole commits at once where nothing in them lasts", async () => {
    const clock = new ManualClock(START);
    const journal = journalIn(tempDir(), { clock });
    for (let i = 0; i < 200; i++) await apply(journal, event(), event());
    clock.advance(DAY);
    await apply(journal, event());

    expect(await journal.retain({ ageMs: HOUR })).toMatchObject({ entries: 400, commits: 200, rewritten: 0 });
    expect(seqs(journal.read())).toEqual([401]);
  });

  it("keeps what a policy has no bound for", async () => {
    const { journal, clock } = await sixHours();
    clock.advance(365 * DAY);

    expect(await journal.retain({})).toEqual({ entries: 0, bytes: 0, commits: 0, rewritten: 0 });
    expect(await journal.retain({ decisionAgeMs: HOUR })).toMatchObject({ entries: 6 });
    expect(seqs(journal.read())).toEqual([1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 16, 17, 19]);
  });

  it("removes nothing that isn't applied by what is on disk, nor after the last checkpoint", async () => {
    const clock = new ManualClock(START);
    const journal = journalIn(tempDir(), { clock });
    for (const _ of [1, 2, 3]) await journal.append([event()]);
    journal.appliedSeq = 2;
    await journal.append([event()]); // writes down: applied up to 2
    journal.appliedSeq = 4;
    clock.advance(DAY);

    await journal.retain({ ageMs: HOUR, upToSeq: 1 });
    expect(seqs(journal.read())).toEqual([2, 3, 4]);
    await journal.retain({ ageMs: HOUR });
    expect(seqs(journal.read())).toEqual([3, 4]);
  });

  it("removes events by the bytes where records of the board rest on what lies between them", async () => {
    const journal = journalIn(tempDir());
    for (const kind of ["event", "cell", "event", "decision", "effect", "tick", "event"] as const) {
      await journal.append([draft(kind, { kind })]);
    }
    journal.appliedSeq = 7;
    for (let i = 0; i < 2; i++) await journal.append([draft("event")]);

    await journal.retain({ bytes: 0, ageMs: -1, recordsFrom: 2, upToSeq: 7 });

    expect(texts(journal.read())).toEqual(["cell", "decision", "effect", "event", "event"]);
  });

  it("goes on where it was in the next run, and finds the rest after a restart", async () => {
    const { dir, clock, journal } = await sixHours();
    await journal.retain({ ageMs: 3.5 * HOUR });
    clock.advance(2 * HOUR);

    expect(await journal.retain({ ageMs: 3.5 * HOUR })).toMatchObject({ entries: 4, rewritten: 2 });
    await journal.close();
    const reopened = journalIn(dir, { clock });
    clock.advance(MINUTE + HOUR);
    expect(await reopened.retain({ ageMs: 3.5 * HOUR })).toMatchObject({ entries: 2, rewritten: 1 });

    expect(seqs(reopened.read())).toEqual([3, 6, 9, 12, 15, 18, 19]);
  });

  it("keeps the newest commit, which says where the journal stands", async () => {
    const dir = tempDir();
    const clock = new ManualClock(START);
    const journal = journalIn(dir, { clock });
    await apply(journal, event(), event());
    journal.appliedSeq = 3; // by a promise of its own effects
    await journal.append([event()]);
    clock.advance(DAY);

    await journal.retain({ ageMs: HOUR, bytes: 0 });
    await journal.close();

    const reopened = journalIn(dir, { clock });
    expect(seqs(reopened.read())).toEqual([3]);
    expect(await reopened.append([event()])).toEqual({ firstSeq: 4, lastSeq: 4 });
  });

  it("leaves a commit with a damaged entry for a person to look at", async () => {
    const { dir, clock, journal } = await sixHours();
    await journal.close();
    await damage(dir, 4, (blob) => {
      blob[blob.length - 1]! ^= 1;
      return blob;
    });
    const reopened = journalIn(dir, { clock });

    await reopened.retain({ ageMs: 3.5 * HOUR });

    expect(seqs(reopened.read(1, { onCorrupt() {} })).slice(0, 5)).toEqual([3, 4, 5, 9, 10]);
    expect(() => reopened.find(6)).toThrow("journal: entry 6");
  });
});

describe("retention by size", () => {
  async function filled(...batch: Draft[]): Promise<StoreJournal> {
    const journal = journalIn(tempDir());
    for (let i = 0; i < 100; i++) await apply(journal, ...batch);
    return journal;
  }

  it("removes the oldest until the journal fits", async () => {
    const journal = await filled(event(10_000));
    expect(journal.stats().bytes).toBeGreaterThan(1_000_000);

    await journal.retain({ bytes: 500_000 });

    const kept = seqs(journal.read());
    expect(journal.stats().bytes).toBeLessThanOrEqual(500_000);
    expect(kept.length).toBeGreaterThan(25);
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => 101 - kept.length + i));
  });

  it("removes events before any decision", async () => {
    const journal = await filled(event(9_000), decision(3_000));

    await journal.retain({ bytes: 1_000_000 });

    const kept = [...journal.read()];
    expect(journal.stats().bytes).toBeLessThanOrEqual(1_000_000);
    expect(kept.filter(({ kind }) => kind === "decision")).toHaveLength(100);
    expect(kept.filter(({ kind }) => kind === "event").length).toBeLessThan(100);
  });

  it("removes decisions when nothing else is left to give", async () => {
    const journal = await filled(event(9_000), decision(3_000));

    await journal.retain({ bytes: 100_000 });

    expect(journal.stats().bytes).toBeLessThanOrEqual(100_000);
    expect(seqs(journal.read()).at(-1)).toBe(200);
  });

  it("takes the longer for a slice while the journal is far larger than it may be, as of each slice", async () => {
    const journal = await filled(event(4_500));
    let taken = 2_000_000;
    let ms = 0;
    const clock = Object.assign(new ManualClock(START), { monotonic: () => (ms += 0.05) });
    const run = new RetentionRun({
      store: journal.store,
      clock,
      policy: { bytes: 1_000_000 },
      appliedSeq: journal.lastSeq,
      newestKey: journal.lastSeq,
      bytes: () => taken,
      clearedSeq: 0,
    });
    const far = run.slice()!;
    taken = 1_100_000; // 24 commits too much
    const near = run.slice()!;

    expect(near.length).toBeGreaterThan(0);
    expect(near.length).toBeLessThan(12);
    expect(far.length).toBeGreaterThan(2 * near.length);
  });

  it("uses freed space again: under a steady load the file stops growing", async () => {
    const dir = tempDir();
    const clock = new ManualClock(START);
    const journal = journalIn(dir, { clock });
    const file = join(dir, "journal", "data.mdb");
    const sizes: number[] = [];

    for (let hour = 0; hour < 12; hour++) {
      for (let i = 0; i < 50; i++) {
        await apply(journal, ...Array.from({ length: 1 + ((i * 7) % 40) }, () => event(300)), decision(200));
        clock.advance(HOUR / 50);
      }
      await journal.retain({ ageMs: 2 * HOUR, decisionAgeMs: 3 * HOUR });
      sizes.push(statSync(file).size);
    }

    expect(sizes.at(-1)!).toBeLessThanOrEqual(1.25 * sizes[4]!);
  });
});

describe("retention under load", () => {
  it("leaves the appends their order, and misses none", async () => {
    const clock = new ManualClock(START);
    const journal = journalIn(tempDir(), { clock });
    for (let i = 0; i < 500; i++) await apply(journal, event(200), decision(50));
    clock.advance(DAY);
    let done = false;
    let appended = 0;
    const load = (async () => {
      while (!done) appended += (await journal.append([event(), event()])).lastSeq > 0 ? 2 : 0;
    })();

    const removed = await journal.retain({ ageMs: HOUR });
    done = true;
    await load;

    expect(removed).toMatchObject({ entries: 499, rewritten: 499 }); // the last pair was not applied on disk
    const kept = seqs(journal.read());
    expect(kept.filter((seq) => seq > 1000)).toEqual(Array.from({ length: appended }, (_, i) => 1001 + i));
  });
});
