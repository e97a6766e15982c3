import { describe, expect, it } from "vitest";
import type { Block } from "../../../runtime/journal/block.ts";
import type { Entry, Kind } from "../../../runtime/journal/journal.ts";
import { limits } from "../../../runtime/limits.ts";
import { EntryQueue } from "../../../runtime/live/queue.ts";
import { Recent } from "../../../runtime/live/recent.ts";
import { blockOf } from "../../support/blocks.ts";

function entry(seq: number, kind: Kind = "event", bytes = 10, headers: Entry["headers"] = {}): Entry {
  return { seq, receivedAt: 0, kind, principal: "", subject: "", headers, payload: new Uint8Array(bytes) };
}

function taken(queue: EntryQueue): { events: number[]; last: number | null }[] {
  const all: { events: number[]; last: number | null }[] = [];
  while (queue.length > 0) {
    const { events, last } = queue.take();
    all.push({ events: events.map(({ seq }) => seq), last: last?.seq ?? null });
  }
  return all;
}

describe("a queue of entries", () => {
  it("gives events up to an entry of another kind", () => {
    const queue = new EntryQueue();
    const entries = [entry(1), entry(2, "outcome"), entry(3, "tick"), entry(4), entry(5, "config"), entry(6, "tick")];
    for (const each of entries) queue.push(each);

    expect(taken(queue)).toEqual([
      { events: [1, 2], last: 3 },
      { events: [4], last: 5 },
      { events: [], last: 6 },
    ]);
  });

  it("gives as many as are folded at once, by number and by bytes", () => {
    const queue = new EntryQueue();
    for (let seq = 1; seq <= 2 * limits.foldEvents + 1; seq++) queue.push(entry(seq));
    for (let seq = 1; seq <= 3; seq++) queue.push(entry(1_000 + seq, "event", limits.foldBytes / 2));

    expect(taken(queue).map(({ events }) => events.length)).toEqual([limits.foldEvents, limits.foldEvents, 3, 1]);
  });

  it("keeps the order while more comes, however long it grows", () => {
    const queue = new EntryQueue();
    const seen: number[] = [];
    let seq = 0;
    for (let round = 0; round < 100; round++) {
      for (let n = 0; n < 300; n++) queue.push(entry(++seq));
      for (const { seq: given } of queue.take().events) seen.push(given);
    }
    for (const { events } of taken(queue)) seen.push(...events);

    expect(seen).toEqual(Array.from({ length: seq }, (_, i) => i + 1));
  });
});

describe("a queue of blocks", () => {
  const many = (first: number, count: number) => blockOf(Array.from({ length: count }, (_, i) => entry(first + i)));
  const seqs = ({ events, blocks }: { readonly events: readonly Entry[]; readonly blocks: readonly Block[] }) => [
    ...events.map(({ seq }) => seq),
    ...blocks.map(({ firstSeq, lastSeq }) => `${firstSeq}-${lastSeq}`),
  ];

  it("cuts them where they have more than is asked for, and keeps the order", () => {
    const queue = new EntryQueue();
    for (const part of [entry(1), many(2, 5), many(7, 3), entry(10), entry(11, "tick"), many(12, 4)]) queue.push(part);

    expect([queue.length, queue.firstSeq]).toEqual([15, 1]);
    const runs = Array.from({ length: 5 }, () => queue.take(6));
    expect(runs.map(seqs)).toEqual([[1], ["2-6", "7-7"], ["8-9"], [10], ["12-15"]]);
    expect(runs.map(({ last }) => last?.seq ?? null)).toEqual([null, null, null, 11, null]);
    expect([queue.length, queue.firstSeq]).toEqual([0, Number.POSITIVE_INFINITY]);
  });

  it("cuts them by bytes too, but gives one entry at least", () => {
    const queue = new EntryQueue();
    queue.push(blockOf([entry(1, "event", 500), entry(2, "event", 500), entry(3, "event", 10)]));

    expect([queue.take(9, 500), queue.take(9, 100), queue.take()].map(seqs)).toEqual([["1-1"], ["2-2"], ["3-3"]]);
  });
});

describe("what is recent", () => {
  it("is found within blocks, until it gives way to younger ones", () => {
    const read: number[] = [];
    const recent = new Recent((seq) => {
      read.push(seq);
      return entry(seq, "event", 1);
    }, 4_000);
    recent.addBlocks([blockOf([entry(1), entry(2, "event", 20, { type: "a", id: "é" })])]);
    recent.add([entry(3)]);
    recent.addBlocks([blockOf([entry(4, "event", 40), entry(5, "event", 50)])]);

    expect([1, 2, 3, 4, 5].map((seq) => recent.lookup(seq).payload.length)).toEqual([10, 20, 10, 40, 50]);
    expect(String(recent.lookup(2).id)).toBe("é");
    expect(recent.lookup(1).id).toBe(null);
    expect(read).toEqual([]);

    recent.addBlocks([blockOf([entry(6, "event", 60)])]);
    expect([1, 3, 5, 6].map((seq) => recent.lookup(seq).payload.length)).toEqual([1, 10, 50, 60]);
    expect(read).toEqual([1]);
  });

  it("is at hand; what is older is read", () => {
    const read: number[] = [];
    const recent = new Recent((seq) => {
      read.push(seq);
      return entry(seq, "event", 1);
    }, 2_500);
    recent.add([entry(1), entry(2), entry(3)]);

    expect([1, 2, 3].map((seq) => recent.lookup(seq).payload.length)).toEqual([1, 10, 10]);
    expect(read).toEqual([1]);
  });

  it("is empty where it was erased, or is there no more", () => {
    const recent = new Recent((seq) => (seq === 1 ? entry(1, "event", 0, { tombstone: "1" }) : null), 0);

    expect([1, 2].map((seq) => recent.lookup(seq).payload.length)).toEqual([0, 0]);
  });
});
