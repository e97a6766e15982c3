import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../../../runtime/clock.ts";
import type { Draft, Entry, Journal } from "../../../runtime/journal/journal.ts";
import { KINDS } from "../../../runtime/journal/journal.ts";
import { keyOf } from "../../../runtime/key.ts";
import { draft, journalIn, START, seqs, tempDir, textOf, texts } from "../../support/journal.ts";

const many = (count: number, prefix = ""): Draft[] => Array.from({ length: count }, (_, i) => draft(`${prefix}${i}`));

describe("append", () => {
  it("gives consecutive sequences from 1, a batch in one piece", async () => {
    const journal = journalIn(tempDir());

    expect(await journal.append([draft("a")])).toEqual({ firstSeq: 1, lastSeq: 1 });
    expect(await Promise.all([journal.append(many(3)), journal.append([]), journal.append(many(2))])).toEqual([
      { firstSeq: 2, lastSeq: 4 },
      { firstSeq: 5, lastSeq: 4 },
      { firstSeq: 5, lastSeq: 6 },
    ]);
    expect(seqs(journal.read())).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("puts what comes in one turn into one commit, and what comes during a commit into the next", async () => {
    const journal = journalIn(tempDir());
    const commits: string[][] = [];
    journal.onCommit((entries) => commits.push(entries.map(textOf)));

    const first = [journal.append([draft("a")]), journal.append([draft("b")])];
    await null; // the commit is on its way
    await null;
    const meanwhile = ["c", "d", "e"].map((text) => journal.append([draft(text)]));
    await Promise.all([...first, ...meanwhile]);

    expect(commits).toEqual([
      ["a", "b"],
      ["c", "d", "e"],
    ]);
    expect(journal.stats().commits).toBe(2);
  });

  it("tells the listeners in order, after the disk has it and before the promise resolves", async () => {
    const journal = journalIn(tempDir());
    const seen: string[] = [];
    journal.onCommit((entries) => {
      seen.push(`heard ${seqs(entries)}, last ${journal.lastSeq}, on disk ${texts(journal.read(entries[0]!.seq))}`);
    });

    await journal.append([draft("a"), draft("b")]).then(() => seen.push("resolved"));

    expect(seen).toEqual(["heard 1,2, last 2, on disk a,b", "resolved"]);
  });

  it("takes what a listener appends into the next commit", async () => {
    const journal = journalIn(tempDir());
    const settled: Promise<unknown>[] = [];
    journal.onCommit((entries) => {
      if (entries[0]!.kind === "event") settled.push(journal.append([draft("decided", { kind: "decision" })]));
    });

    await journal.append([draft("a")]);
    await Promise.all(settled);

    expect(texts(journal.read())).toEqual(["a", "decided"]);
  });

  it("shows nothing before it is on disk", async () => {
    const journal = journalIn(tempDir());

    const appended = journal.append([draft("a")]);

    expect(journal.lastSeq).toBe(0);
    expect(texts(journal.read())).toEqual([]);
    await appended;
    expect(texts(journal.read())).toEqual(["a"]);
  });

  it("never divides one that says how far a source was consumed: a part of it would come again", async () => {
    const journal = journalIn(tempDir(), { limits: { commitEntries: 4, commitBytes: 400 } });
    const commits: number[] = [];
    journal.onCommit((_, { lastSeq }) => commits.push(journal.position("s") === null ? -lastSeq : lastSeq));
    const batch = ["a", "b", "c", "d"].map((text) => draft(text.repeat(300)));
    const position = { source: "s", value: "1" };

    await journal.append(batch, { position });
    await expect(journal.append([...batch, draft("e")], { position })).rejects.toMatchObject({ code: "too-large" });
    await journal.append(batch, { beside: () => ({ table: "deadletters", key: keyOf(9), value: Buffer.from("x") }) });

    expect(commits).toEqual([4, 8]);
    expect([...journal.read()].length).toBe(8);
  });

  it("divides a batch that is larger than a commit, and resolves when all of it is on disk", async () => {
    const journal = journalIn(tempDir(), { limits: { commitEntries: 4 } });
    const commits: number[][] = [];
    journal.onCommit((entries) => commits.push(seqs(entries)));

    const results = await Promise.all([
      journal.append(many(1)),
      journal.append(many(10)).then((appended) => ({ ...appended, lastSeqThen: journal.lastSeq })),
      journal.append(many(2)),
    ]);

    expect(results).toEqual([
      { firstSeq: 1, lastSeq: 1 },
      { firstSeq: 2, lastSeq: 11, lastSeqThen: expect.toSatisfy((seq: number) => seq >= 11) },
      { firstSeq: 12, lastSeq: 13 },
    ]);
    expect(commits.flat()).toEqual(Array.from({ length: 13 }, (_, i) => i + 1));
    expect(commits.every((commit) => commit.length <= 4)).toBe(true);
    expect(texts(journal.read(2)).slice(0, 10)).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
  });

  it("divides by bytes as well", async () => {
    const journal = journalIn(tempDir(), { limits: { commitBytes: 3000 } });

    await journal.append(Array.from({ length: 10 }, () => draft("x".repeat(1000))));

    expect(journal.stats().commits).toBeGreaterThanOrEqual(5);
    expect(seqs(journal.read())).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it("refuses with `overloaded` at the bound of the queue, keeps what it has, and takes more afterwards", async () => {
    const journal = journalIn(tempDir(), { limits: { journalQueueEntries: 5 } });

    const first = journal.append(many(4));
    await expect(journal.append(many(2))).rejects.toMatchObject({ code: "overloaded", retryable: true });
    const second = journal.append(many(1));
    await expect(journal.append(many(1))).rejects.toMatchObject({ code: "overloaded" });
    await Promise.all([first, second]);

    expect(journal.stats()).toMatchObject({ queuedEntries: 0, queuedBytes: 0 });
    expect(await journal.append(many(5))).toEqual({ firstSeq: 6, lastSeq: 10 });
  });

  it("counts the queue in bytes too", async () => {
    const journal = journalIn(tempDir(), { limits: { journalQueueBytes: 2500 } });

    const first = journal.append([draft("x".repeat(2000))]);
    await expect(journal.append([draft("x".repeat(1000))])).rejects.toMatchObject({ code: "overloaded" });
    await first;
    await journal.append([draft("x".repeat(1000))]);

    expect(journal.lastSeq).toBe(2);
  });

  it.each([
    ["an entry larger than a commit", [draft("x".repeat(5000))]],
    ["a batch that the queue could never hold", many(101)],
  ])("refuses %s with `too-large`, for good", async (_, batch) => {
    const journal = journalIn(tempDir(), { limits: { commitBytes: 4000, journalQueueEntries: 100 } });

    await expect(journal.append(batch)).rejects.toMatchObject({ code: "too-large", retryable: false });
    expect(await journal.append([draft("a")])).toEqual({ firstSeq: 1, lastSeq: 1 });
  });

  it("stamps the receive time, which never goes backwards, not even over a restart", async () => {
    const dir = tempDir();
    const clock = new ManualClock(START);
    let now = START;
    clock.now = () => now;
    const journal = journalIn(dir, { clock });

    await journal.append([draft("a")]);
    now = START + 50;
    await journal.append([draft("b")]);
    now = START - 1000;
    await journal.append([draft("c")]);
    await journal.close();
    const reopened = journalIn(dir, { clock });
    await reopened.append([draft("d")]);
    now = START + 60;
    await reopened.append([draft("e")]);

    const times = [...reopened.read()].map(({ receivedAt }) => receivedAt - START);
    expect(times).toEqual([0, 50, 50, 50, 60]);
  });

  it("settles the rest when a listener throws", async () => {
    const journal = journalIn(tempDir());
    const thrown: unknown[] = [];
    const catchIt = (error: unknown) => thrown.push(error);
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", catchIt);
    journal.onCommit(() => {
      throw new Error("a bug");
    });

    try {
      await journal.append([draft("a")]);
      await sleep(1);
    } finally {
      process.off("uncaughtException", catchIt);
      for (const other of others) process.on("uncaughtException", other);
    }

    expect(thrown).toMatchObject([{ message: "a bug" }]);
    expect(await journal.append([])).toEqual({ firstSeq: 2, lastSeq: 1 });
  });
});

describe("a journal opened again", () => {
  it("goes on where it was: sequence, epoch, what is applied, every entry", async () => {
    const dir = tempDir();
    const before = journalIn(dir);
    await before.append([draft("a"), draft("b")]);
    before.appliedSeq = 2;
    await before.append([draft("c")]);
    before.appliedSeq = 3; // of no commit yet
    await before.close();

    const after = journalIn(dir, { random: () => Uint8Array.of(9, 9, 9, 9, 9) });

    expect(after.lastSeq).toBe(3);
    expect(after.appliedSeq).toBe(2);
    expect(after.epoch).toBe(before.epoch);
    expect(texts(after.read())).toEqual(["a", "b", "c"]);
    expect(await after.append([draft("d")])).toEqual({ firstSeq: 4, lastSeq: 4 });
  });

  it("has on disk what was queued when it was closed, and takes nothing more", async () => {
    const dir = tempDir();
    const before = journalIn(dir, { limits: { commitEntries: 3 } });
    const appended = before.append(many(10));

    const closed = before.close();
    await expect(before.append([draft("late")])).rejects.toMatchObject({ code: "unavailable" });
    await closed;

    expect(await appended).toEqual({ firstSeq: 1, lastSeq: 10 });
    expect(seqs(journalIn(dir).read())).toHaveLength(10);
  });

  it("says so, in every call, once it is closed", async () => {
    const journal = journalIn(tempDir());
    await journal.append(many(3));
    const reading = journal.read();
    reading.next();
    const cursor = journal.cursor();

    await journal.close();
    await journal.close();

    const closed = { code: "unavailable", message: "the journal is closed" };
    await expect(journal.append(many(1))).rejects.toMatchObject(closed);
    await expect(journal.tombstone(1)).rejects.toMatchObject(closed);
    await expect(journal.retain({ ageMs: 0 })).rejects.toMatchObject(closed);
    for (const call of [() => journal.find(1), () => [...journal.read()], () => cursor.next()]) {
      expect(call).toThrow(expect.objectContaining(closed));
    }
    expect(journal.stats()).toMatchObject({ lastSeq: 3, bytes: 0 });
  });
});

describe("reading", () => {
  async function filled(): Promise<Journal & ReturnType<typeof journalIn>> {
    const journal = journalIn(tempDir());
    for (const count of [1, 5, 1, 1, 100, 2]) await journal.append(many(count));
    return journal;
  }

  it("begins at any sequence, also in the middle of a commit", async () => {
    const journal = await filled();

    for (let from = 0; from <= 112; from++) {
      const expected = Array.from({ length: 110 }, (_, i) => i + 1).filter((seq) => seq >= from);
      expect(seqs(journal.read(from))).toEqual(expected);
    }
  });

  it("finds single entries", async () => {
    const journal = await filled();

    expect([0, 1, 4, 110, 111].map((seq) => journal.find(seq)?.seq ?? null)).toEqual([null, 1, 4, 110, null]);
  });

  it("meets what is appended while it reads", async () => {
    const journal = await filled();
    const entries = journal.read(110);

    expect(entries.next().value).toMatchObject({ seq: 110 });
    await journal.append([draft("new")]);

    expect(texts(entries)).toEqual(["new"]);
  });

  it("goes on at the end, by a cursor, when more has come", async () => {
    const journal = await filled();
    const cursor = journal.cursor(110);

    expect([cursor.next(), cursor.next()]).toEqual([true, false]);
    await journal.append([draft("new", { kind: "outcome" })]);

    expect(cursor.next()).toBe(true);
    expect(cursor).toMatchObject({ seq: 111, kind: "outcome", receivedAt: START });
    expect(cursor.payload.toString()).toBe("new");
    expect(cursor.bytes.toString("utf8", cursor.payloadStart, cursor.payloadEnd)).toBe("new");
    expect(cursor.next()).toBe(false);
  });

  it("leaves payloads alone that were handed out before", async () => {
    const journal = await filled();
    const [first] = journal.read();
    const copy = Buffer.from(first!.payload);

    for (let i = 0; i < 50; i++) await journal.append([draft("x".repeat(i * 100))]);
    for (const _ of journal.read());

    expect(Buffer.compare(first!.payload, copy)).toBe(0);
  });

  it("gives back whatever was appended, in any batches", async () => {
    const anyDraft: fc.Arbitrary<Draft> = fc.record({
      kind: fc.constantFrom(...KINDS),
      principal: fc.string({ maxLength: 10 }),
      subject: fc.string({ unit: "grapheme", maxLength: 40 }),
      headers: fc.dictionary(fc.string({ maxLength: 8 }), fc.string({ unit: "grapheme", maxLength: 80 }), {
        maxKeys: 4,
      }),
      payload: fc.oneof(
        { weight: 9, arbitrary: fc.uint8Array({ maxLength: 300 }) },
        {
          weight: 1,
          arbitrary: fc.integer({ min: 5_000, max: 90_000 }).map((size) => new Uint8Array(size).fill(size)),
        },
      ),
    });
    const batches = fc.array(fc.array(anyDraft, { maxLength: 8 }), { maxLength: 8 });
    const journal = journalIn(tempDir(), { limits: { commitEntries: 5 } });

    await fc.assert(
      fc.asyncProperty(batches, async (all) => {
        const from = journal.lastSeq + 1;
        await Promise.all(all.map((batch) => journal.append(batch)));

        const plain = ({ kind, principal, subject, headers, payload }: Draft) =>
          JSON.stringify([kind, principal, subject, Object.entries(headers), Buffer.from(payload).toString("base64")]);
        const read = [...journal.read(from)];
        expect(read.map(plain)).toEqual(all.flat().map(plain));
        expect(seqs(read)).toEqual(all.flat().map((_, i) => from + i));
      }),
      { numRuns: 40 },
    );
  });
});

describe("a tombstone", () => {
  it("empties one entry for good and leaves its neighbours", async () => {
    const dir = tempDir();
    const journal = journalIn(dir);
    await journal.append([
      draft("a", { headers: { id: "1" } }),
      draft("secret", { kind: "outcome", subject: "outcomes.4711", headers: { id: "2" } }),
      draft("c"),
    ]);

    expect(await journal.tombstone(2)).toBe(true);

    await journal.close();
    const [a, b, c] = [...journalIn(dir).read()];
    expect([a, c].map((entry) => textOf(entry as Entry))).toEqual(["a", "c"]);
    expect(b).toEqual({
      seq: 2,
      kind: "outcome",
      receivedAt: START,
      principal: "",
      subject: "",
      headers: { tombstone: "1" },
      payload: Buffer.alloc(0),
    });
  });

  it("leaves a journal alone that has no such entry", async () => {
    const journal = journalIn(tempDir());
    expect(await journal.tombstone(1)).toBe(false);
    await journal.append([draft("a")]);

    expect(await journal.tombstone(2)).toBe(false);
    expect(await journal.tombstone(0)).toBe(false);
    expect(texts(journal.read())).toEqual(["a"]);
  });

  it("gets its turn under a steady load", async () => {
    const journal = journalIn(tempDir());
    await journal.append([draft("a")]);
    let stop = false;
    const load = (async () => {
      while (!stop) await Promise.all([journal.append(many(2)), journal.append(many(3))]);
    })();

    expect(await journal.tombstone(1)).toBe(true);
    stop = true;
    await load;

    expect(journal.find(1)).toMatchObject({ headers: { tombstone: "1" } });
    expect(seqs(journal.read())).toEqual(Array.from({ length: journal.lastSeq }, (_, i) => i + 1));
  });
});
