import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BLOB_HEADER,
  BlobReader,
  BlobWriter,
  type Corruption,
  ENTRY_HEADER,
  entryBytesMax,
  kindBits,
  readHeader,
} from "../../../runtime/journal/blob.ts";
import { type Draft, type Entry, KINDS } from "../../../runtime/journal/journal.ts";
import { draft, START, seqs } from "../../support/journal.ts";

const drafts = fc.array(
  fc.record({
    kind: fc.constantFrom(...KINDS),
    principal: fc.string({ unit: "binary", maxLength: 20 }),
    subject: fc.string({ unit: "binary", maxLength: 100 }),
    headers: fc.dictionary(
      fc.string({ unit: "binary", maxLength: 10 }),
      fc.string({ unit: "binary", maxLength: 100 }),
      { maxKeys: 5 },
    ),
    payload: fc.uint8Array({ maxLength: 600 }),
  }),
  { minLength: 1, maxLength: 20 },
);

function encode(entries: readonly Draft[], firstSeq = 1): Buffer {
  const writer = new BlobWriter(entries.reduce((sum, each) => sum + entryBytesMax(each), 0));
  for (const [i, each] of entries.entries()) writer.add(firstSeq + i, START + i, each);
  const lastSeq = firstSeq + entries.length - 1;
  return writer.finish({ firstSeq, lastSeq, appliedSeq: 0, lastAt: START + entries.length - 1 });
}

function decode(blob: Buffer, firstSeq = 1, beforeSeq?: number): { entries: Entry[]; corruptions: Corruption[] } {
  const corruptions: Corruption[] = [];
  const entries: Entry[] = [];
  const reader = new BlobReader((corruption) => corruptions.push(corruption));
  reader.open(blob, firstSeq, beforeSeq);
  while (reader.next()) entries.push(reader.entry());
  return { entries, corruptions };
}

/** The same blob without some of its entries, as retention writes it. */
function without(blob: Buffer, removed: readonly number[]): Buffer {
  const header = readHeader(blob);
  if (typeof header === "string") throw new Error(header);
  const writer = new BlobWriter(blob.length);
  const reader = new BlobReader(() => {});
  reader.open(blob, header.firstSeq);
  while (reader.next()) if (!removed.includes(reader.seq)) writer.copy(reader);
  return writer.finish(header);
}

describe("a blob", () => {
  it("gives back every batch as it was put in", () => {
    fc.assert(
      fc.property(drafts, fc.integer({ min: 1, max: 2 ** 52 }), (batch, firstSeq) => {
        const { entries, corruptions } = decode(encode(batch, firstSeq), firstSeq);

        expect(corruptions).toEqual([]);
        expect(entries).toEqual(
          batch.map((each, i) => ({
            ...each,
            headers: Object.fromEntries(Object.entries(each.headers)),
            payload: Buffer.from(each.payload),
            seq: firstSeq + i,
            receivedAt: START + i,
          })),
        );
      }),
    );
  });

  it("keeps an empty payload, a megabyte of payload, and text of many alphabets", () => {
    const batch = [
      draft(""),
      draft("", { payload: Buffer.alloc(1 << 20, 7) }),
      draft("ß", { subject: "events.Größe", headers: { id: "日本語", "x-emoji": "🛒".repeat(40) } }),
    ];

    const { entries } = decode(encode(batch));

    expect(entries.map(({ subject, headers }) => ({ subject, headers }))).toEqual(
      batch.map(({ subject, headers }) => ({ subject, headers })),
    );
    expect(entries.map((entry, i) => Buffer.compare(entry.payload, batch[i]!.payload))).toEqual([0, 0, 0]);
  });

  it("tells in its header what is in it", () => {
    const blob = encode([draft("a"), draft("b", { kind: "decision" })], 7);

    expect(readHeader(blob)).toEqual({
      kinds: kindBits(["event", "decision"]),
      firstSeq: 7,
      lastSeq: 8,
      appliedSeq: 0,
      lastAt: START + 1,
      count: 2,
    });
  });

  it("has the layout that its drawing shows", () => {
    const blob = encode([draft("{}", { principal: "http", subject: "s", headers: { id: "1" } })], 3);

    expect(blob.toString("latin1", 0, 4)).toBe("AISJ");
    expect(blob.length).toBe(BLOB_HEADER + ENTRY_HEADER + 4 + 1 + (4 + 2 + 1) + 2);
    expect(blob.readUInt32LE(BLOB_HEADER + 4)).toBe(blob.length - BLOB_HEADER);
    expect(blob.readDoubleLE(BLOB_HEADER + 8)).toBe(3);
    expect(blob.toString("latin1", BLOB_HEADER + ENTRY_HEADER, BLOB_HEADER + ENTRY_HEADER + 4)).toBe("http");
    expect(blob.toString("latin1", blob.length - 2)).toBe("{}");
  });

  it.each([
    ["a subject", draft("", { subject: "x".repeat(21_846) }), "subject of 21846 characters, at most 21845"],
    ["a header", draft("", { headers: { id: "x".repeat(21_846) } }), "id of 21846 characters, at most 21845"],
    [
      "too many headers",
      draft("", { headers: Object.fromEntries(Array.from({ length: 256 }, (_, i) => [`h${i}`, ""])) }),
      "256 headers in one entry, at most 255",
    ],
  ])("has no room for %s beyond its format", (_, each, message) => {
    expect(() => entryBytesMax(each)).toThrow(message);
  });
});

describe("damage to a blob", () => {
  const batch = [
    draft("one", { headers: { id: "1" } }),
    draft("two", { headers: { id: "2" } }),
    draft("three", { headers: { id: "3" } }),
  ];
  const blob = encode(batch, 11);
  const { entries: whole } = decode(blob, 11);
  const ends = [BLOB_HEADER];
  for (const _ of batch) ends.push(ends.at(-1)! + blob.readUInt32LE(ends.at(-1)! + 4));

  it("is found at every position of every bit, with the right sequence, and spoils nothing else", () => {
    for (let at = 0; at < blob.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const bad = Buffer.from(blob);
        bad[at]! ^= 1 << bit;

        const { entries, corruptions } = decode(bad, 11, 14);

        const inEntry = ends.findLastIndex((start) => start <= at);
        const seq = inEntry === -1 ? 11 : 11 + inEntry;
        const part = inEntry === -1 ? "commit" : "entry";
        expect(corruptions).toMatchObject([{ part, firstSeq: seq, lastSeq: seq }]);
        expect(entries).toEqual(part === "commit" ? whole : whole.filter((entry) => entry.seq !== seq));
      }
    }
  });

  it("is found where the blob was cut off, at every length", () => {
    for (let length = 0; length < blob.length; length++) {
      const { entries, corruptions } = decode(blob.subarray(0, length), 11, 14);

      const kept = Math.max(
        0,
        ends.findLastIndex((end) => end <= length),
      );
      expect(seqs(entries)).toEqual([11, 12, 13].slice(0, kept));
      expect(corruptions).toMatchObject(
        length < BLOB_HEADER
          ? [{ part: "commit", firstSeq: 11 }]
          : [{ part: "entry", firstSeq: 11 + kept, lastSeq: 13 }],
      );
    }
  });

  it("is found at every position where retention has removed an entry", () => {
    const sparse = without(blob, [12]);
    const second = BLOB_HEADER + sparse.readUInt32LE(BLOB_HEADER + 4);
    expect(decode(sparse, 11)).toMatchObject({ corruptions: [], entries: [{ seq: 11 }, { seq: 13 }] });

    for (let at = BLOB_HEADER; at < sparse.length; at++) {
      const bad = Buffer.from(sparse);
      bad[at]! ^= 0xff;

      const { entries, corruptions } = decode(bad, 11);

      expect(seqs(entries)).toEqual(at < second ? [13] : [11]);
      expect(corruptions).toHaveLength(1);
      const isSequence = at >= second + 8 && at < second + 16;
      const lost = at < second ? 11 : isSequence ? expect.toSatisfy((seq: number) => seq === 12 || seq === 13) : 13;
      expect(corruptions[0]!.firstSeq).toEqual(lost);
    }
  });

  it("ends the walk when the listener throws", () => {
    const bad = Buffer.from(blob);
    bad[ends[1]! + 20]! ^= 1;
    const reader = new BlobReader(({ firstSeq }) => {
      throw new Error(`lost ${firstSeq}`);
    });
    reader.open(bad, 11);

    expect(reader.next()).toBe(true);
    expect(() => reader.next()).toThrow("lost 12");
  });
});
