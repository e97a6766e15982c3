import { expect, it } from "vitest";
import type { Entry } from "../../../runtime/journal/journal.ts";
import { Queue } from "../../../runtime/journal/queue.ts";
import { draft, START } from "../../support/journal.ts";

const ALONE = { position: null, beside: null };
const BOUNDS = { commitEntries: 7_000, commitBytes: 1e9, journalQueueEntries: 1e6, journalQueueBytes: 1e9 };

it("takes many batches in order, each commit as many as fit, and tells each once it is on disk", async () => {
  const queue = new Queue(BOUNDS);
  const told: number[] = [];
  let seq = 0;
  const add = () => {
    const entry: Entry = { ...draft(""), seq: ++seq, receivedAt: START };
    const at = { firstSeq: seq, count: 1, receivedAt: START, bytesMax: 10 };
    void queue.add([entry], null, at, ALONE).then(({ lastSeq }) => told.push(lastSeq));
  };
  for (let i = 0; i < 20_000; i++) add();

  const sizes: number[] = [];
  for (let commit = 0; !queue.isEmpty; commit++) {
    const slices = queue.next();
    sizes.push(slices.length);
    if (commit < 2) for (let i = 0; i < 100; i++) add(); // what comes while it is under way
    queue.settle(slices);
    await null;
    expect(told.length).toBe(sizes.reduce((sum, size) => sum + size, 0));
  }

  expect(sizes).toEqual([7_000, 7_000, 6_200]);
  expect(told).toEqual(Array.from({ length: 20_200 }, (_, i) => i + 1));
  expect([queue.entries, queue.bytes]).toEqual([0, 0]);
});

it("moves nothing up while others wait", () => {
  const queue = new Queue({ ...BOUNDS, commitEntries: 1 });
  let moved = 0;
  const { shift, splice } = Array.prototype;
  const counting = <T extends (...args: never[]) => unknown>(move: T) =>
    function (this: unknown[], ...args: Parameters<T>) {
      moved += this.length;
      return move.apply(this, args);
    };
  for (let seq = 1; seq <= 10_000; seq++) {
    const entries: Entry[] = [{ ...draft(""), seq, receivedAt: START }];
    void queue.add(entries, null, { firstSeq: seq, count: 1, receivedAt: START, bytesMax: 10 }, ALONE);
  }
  Array.prototype.shift = counting(shift) as typeof shift;
  Array.prototype.splice = counting(splice) as typeof splice;
  try {
    while (!queue.isEmpty) queue.settle(queue.next());
  } finally {
    Array.prototype.shift = shift;
    Array.prototype.splice = splice;
  }
  expect(moved).toBe(0);
});
