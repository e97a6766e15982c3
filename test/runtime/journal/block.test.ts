import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../../../runtime/clock.ts";
import { Block, type Part } from "../../../runtime/journal/block.ts";
import type { Commit, Entry, Journal } from "../../../runtime/journal/journal.ts";
import { entriesOf } from "../../../runtime/journal/walk.ts";
import { keyOf } from "../../../runtime/key.ts";
import { limits } from "../../../runtime/limits.ts";
import { blockOf, damage, draft, journalIn, START, seqs, tempDir, textOf, texts } from "../../support/journal.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";

const drafts = (...all: string[]) => all.map((text) => draft(text));

/** "a,b" for entries, "[c,d]" for a block. */
const shown = (part: Part | Entry): string => {
  if (part instanceof Block) return `[${texts(entriesOf(part))}]`;
  return "seq" in part ? textOf(part) : texts(part).join();
};

describe.each([
  ["in a store", () => journalIn(tempDir())],
  ["in memory", () => new MemoryJournal(new ManualClock(START))],
] as const)("a block, in a journal %s,", (_, open) => {
  it("gets consecutive sequences like a batch, and is read as entries", async () => {
    const journal: Journal = open();

    const all = [
      journal.append(drafts("a")),
      journal.appendBlock(blockOf(drafts("b", "c"))),
      journal.append(drafts("d")),
    ];

    expect(await Promise.all(all)).toEqual([
      { firstSeq: 1, lastSeq: 1 },
      { firstSeq: 2, lastSeq: 3 },
      { firstSeq: 4, lastSeq: 4 },
    ]);
    expect(texts(journal.read())).toEqual(["a", "b", "c", "d"]);
    expect(journal.find(3)).toMatchObject({ seq: 3, kind: "event", receivedAt: START, principal: "test" });
  });

  it("reaches those who hear of commits as a part, between runs of entries, and nobody hears of its append", async () => {
    const journal: Journal = open();
    const commits: (Commit & { readonly entries: string[] })[] = [];
    const appended: number[][] = [];
    journal.onCommit((entries, commit) => commits.push({ ...commit, entries: texts(entries) }));
    journal.onAppend((entries) => appended.push(seqs(entries)));

    await Promise.all([
      journal.append(drafts("a")),
      journal.append(drafts("b")),
      journal.appendBlock(blockOf(drafts("c", "d"))),
      journal.appendBlock(blockOf(drafts("e"))),
      journal.append(drafts("f")),
    ]);
    await journal.appendBlock(blockOf(drafts("g")));

    const told = commits.map(({ parts, ...commit }) => ({ ...commit, parts: parts.map(shown).join("|") }));
    expect(told).toEqual([
      {
        firstSeq: 1,
        lastSeq: 6,
        entries: ["a", "b", "f"],
        parts: expect.stringMatching(/^a[,|]b\|\[c,d\]\|\[e\]\|f$/),
      },
      { firstSeq: 7, lastSeq: 7, entries: [], parts: "[g]" },
    ]);
    expect(appended).toEqual([[1], [2], [6]]);
  });

  it("comes back as blocks, never across commits, from any sequence", async () => {
    const journal: Journal = open();
    await Promise.all([
      journal.append(drafts("a")),
      journal.appendBlock(blockOf(drafts("b", "c"))),
      journal.appendBlock(blockOf(drafts("d"))),
      journal.append(drafts("e")),
    ]);
    await journal.appendBlock(blockOf(drafts("f", "g")));

    const from = (seq: number) => [...journal.parts(seq)].map(shown).join(" ");
    expect([1, 3, 4, 5, 7, 8].map(from)).toEqual([
      "a [b,c,d] e [f,g]",
      "[c,d] e [f,g]",
      "[d] e [f,g]",
      "e [f,g]",
      "[g]",
      "",
    ]);
    const [block] = [...journal.parts(3)] as [Block];
    expect(block).toMatchObject({ count: 2, firstSeq: 3, lastSeq: 4, receivedAt: START, lastAt: START });
  });

  it("is refused when a commit could not hold it", async () => {
    const journal: Journal = open();
    const block = blockOf(drafts("a"));

    await expect(journal.appendBlock({ ...block, count: limits.commitEntries + 1 })).rejects.toMatchObject({
      code: "too-large",
    });
    await expect(journal.appendBlock({ ...block, bytesMax: limits.commitBytes + 1 })).rejects.toMatchObject({
      code: "too-large",
    });
    expect(await journal.appendBlock(block)).toEqual({ firstSeq: 1, lastSeq: 1 });
  });

  it("carries the position of its source, as a batch does; the last one of a commit counts", async () => {
    const journal: Journal = open();
    const at = (value: string, source = "stream/A") => ({ position: { source, value } });

    await Promise.all([
      journal.append(drafts("a"), at("1")),
      journal.append(drafts("b"), at("7", "stream/B")),
      journal.appendBlock(blockOf(drafts("c"), at("2").position)),
      journal.append(drafts("d")),
    ]);

    expect(["stream/A", "stream/B", "stream/C"].map((source) => journal.position(source))).toEqual(["2", "7", null]);
  });

  it("may be missing: a position alone is written too, and nobody hears of it", async () => {
    const journal: Journal = open();
    const commits: Commit[] = [];
    journal.onCommit((_, commit) => commits.push(commit));

    expect(await journal.append([], { position: { source: "s", value: "9" } })).toEqual({ firstSeq: 1, lastSeq: 0 });

    expect(journal.position("s")).toBe("9");
    expect([journal.lastSeq, commits]).toEqual([0, []]);
  });

  it("gives back whatever came, as parts and as entries", async () => {
    const piece = fc.record({
      plain: fc.boolean(),
      texts: fc.array(fc.string({ maxLength: 20 }), { minLength: 1, maxLength: 5 }),
    });
    const commits = fc.array(fc.array(piece, { minLength: 1, maxLength: 5 }), { maxLength: 5 });
    const journal: Journal = open();

    await fc.assert(
      fc.asyncProperty(commits, async (all) => {
        const from = journal.lastSeq + 1;
        for (const pieces of all) {
          await Promise.all(
            pieces.map(({ plain, texts }) =>
              plain ? journal.appendBlock(blockOf(drafts(...texts))) : journal.append(drafts(...texts)),
            ),
          );
        }
        const expected = all.flat().flatMap(({ texts }) => texts);
        expect(texts(journal.read(from))).toEqual(expected);
        const parts = [...journal.parts(from)];
        const entries = parts.flatMap((part) => (part instanceof Block ? [...entriesOf(part)] : [part]));
        expect(texts(entries)).toEqual(expected);
        expect(seqs(entries)).toEqual(expected.map((_, i) => from + i));
        const plain = parts.flatMap((part) => (part instanceof Block ? texts(entriesOf(part)) : []));
        expect(plain).toEqual(all.flat().flatMap((each) => (each.plain ? each.texts : [])));
      }),
      { numRuns: 30 },
    );
  });
});

describe("a block on disk", () => {
  it("is the commit that it came in, not a copy", async () => {
    const dir = tempDir();
    const journal = journalIn(dir);
    let encoded: Buffer | null = null;
    const block = blockOf(drafts("a", "b"));

    await journal.appendBlock({
      ...block,
      encode: (firstSeq, receivedAt) => {
        encoded = block.encode(firstSeq, receivedAt);
        return encoded;
      },
    });

    expect(encoded!.equals(journal.store.get("journal", keyOf(1))!)).toBe(true);
    await journal.close();
    expect([...journalIn(dir).parts()].map(shown)).toEqual(["[a,b]"]);
  });

  it("counts in the queue, and is refused past its bound", async () => {
    const journal = journalIn(tempDir(), { limits: { journalQueueEntries: 3 } });

    const first = journal.appendBlock(blockOf(drafts("a", "b")));
    expect(journal.stats()).toMatchObject({ queuedEntries: 2 });
    await expect(journal.appendBlock(blockOf(drafts("c", "d")))).rejects.toMatchObject({ code: "overloaded" });
    await first;

    expect(await journal.appendBlock(blockOf(drafts("c", "d")))).toEqual({ firstSeq: 3, lastSeq: 4 });
    expect(journal.stats()).toMatchObject({ queuedEntries: 0, queuedBytes: 0 });
  });

  it("ends where an entry of it is damaged or empty, and goes on behind", async () => {
    const dir = tempDir();
    const journal = journalIn(dir);
    await journal.appendBlock(blockOf(drafts("a", "b", "c", "d", "e")));
    await journal.tombstone(4);
    await journal.close();
    await damage(dir, 1, (blob) => {
      blob[blob.indexOf("events.focusb") + 12]! ^= 1;
      return blob;
    });

    const parts = [...journalIn(dir).parts(1, { onCorrupt() {} })];

    expect(parts.map(shown)).toEqual(["[a]", "[c]", "", "[e]"]);
    expect(() => [...journalIn(dir, { readOnly: true }).parts()]).toThrow("entry 2");
  });
});
