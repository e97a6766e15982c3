import { describe, expect, it } from "vitest";
import { Dedupe, keyOf, type Print, printOf } from "../../runtime/dedupe.ts";
import { prng } from "../support/prng.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** A print whose place in the index is chosen: its first word says where the search begins. */
const printAt = (home: number, id: number, body = 0): Print => Uint32Array.of(home, id, 0, 0, body, 0);

/** What a dedupe is, plainly: the last `capacity` ids in the order of their first coming. */
class Naive {
  readonly #bodies = new Map<string, string>();
  readonly #capacity: number;
  evicted = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#bodies.size;
  }

  seen(print: Print): "same" | "other-payload" | null {
    const body = this.#bodies.get(print.slice(0, 4).join());
    return body === undefined ? null : body === print.slice(4).join() ? "same" : "other-payload";
  }

  add(print: Print): void {
    const key = print.slice(0, 4).join();
    if (this.#bodies.has(key)) return;
    if (this.size === this.#capacity) {
      this.#bodies.delete(this.#bodies.keys().next().value!);
      this.evicted++;
    }
    this.#bodies.set(key, print.slice(4).join());
  }
}

describe("a dedupe memory", () => {
  it("knows nothing at first", () => {
    expect(new Dedupe(4).seen(printOf("", "a", bytes("1")))).toBe(null);
  });

  it("knows an id with its payload again", () => {
    const dedupe = new Dedupe(4);
    dedupe.add(printOf("till", "a", bytes("1")));

    expect(dedupe.seen(printOf("till", "a", bytes("1")))).toBe("same");
  });

  it.each([
    ["the same id with other bytes", printOf("till", "a", bytes("2")), "other-payload"],
    ["the same id from another source", printOf("door", "a", bytes("1")), null],
    ["another id", printOf("till", "b", bytes("1")), null],
  ])("tells %s apart", (_, print, expected) => {
    const dedupe = new Dedupe(4);
    dedupe.add(printOf("till", "a", bytes("1")));

    expect(dedupe.seen(print)).toBe(expected);
  });

  it("keeps the first payload of an id, whatever is added later", () => {
    const dedupe = new Dedupe(4);
    dedupe.add(printOf("", "a", bytes("1")));
    dedupe.add(printOf("", "a", bytes("2")));

    expect(dedupe.seen(printOf("", "a", bytes("1")))).toBe("same");
    expect(dedupe.size).toBe(1);
  });

  it("forgets the oldest first, and counts what it forgot", () => {
    const dedupe = new Dedupe(3);
    for (const id of ["a", "b", "c", "d"]) dedupe.add(printOf("", id, bytes(id)));

    expect(dedupe.seen(printOf("", "a", bytes("a")))).toBe(null);
    expect(dedupe.seen(printOf("", "b", bytes("b")))).toBe("same");
    expect({ size: dedupe.size, evicted: dedupe.evicted }).toEqual({ size: 3, evicted: 1 });
  });

  it("does not take a repeat for a newer coming", () => {
    const dedupe = new Dedupe(2);
    for (const id of ["a", "b", "a", "c"]) dedupe.add(printOf("", id, bytes(id)));

    expect(dedupe.seen(printOf("", "a", bytes("a")))).toBe(null);
  });

  it("is divided into days, of which the oldest gives way", () => {
    const dedupe = new Dedupe(3);
    const day = (n: number) => n * 86_400_000;
    expect([dedupe.days, dedupe.since]).toEqual([0, null]);

    for (const [id, at] of [
      ["a", day(10)],
      ["b", day(10) + 5],
      ["c", day(12) + 7],
    ] as const)
      dedupe.add(printOf("", id, bytes(id)), at);
    expect([dedupe.days, dedupe.since]).toEqual([2, day(10)]);

    dedupe.add(printOf("", "d", bytes("d")), day(13));
    expect([dedupe.days, dedupe.since, dedupe.size, dedupe.evicted]).toEqual([3, day(10), 3, 1]);
    dedupe.add(printOf("", "e", bytes("e")), day(13) + 1);
    expect([dedupe.days, dedupe.since, dedupe.size, dedupe.evicted]).toEqual([2, day(12), 3, 2]);
  });

  it("counts a clock that was set back as the same day", () => {
    const dedupe = new Dedupe(3);
    for (const [id, at] of [
      ["a", 10 * 86_400_000],
      ["b", 9 * 86_400_000],
    ] as const)
      dedupe.add(printOf("", id, bytes(id)), at);

    expect([dedupe.days, dedupe.since]).toEqual([1, 10 * 86_400_000]);
  });

  it("works with room for one", () => {
    const dedupe = new Dedupe(1);
    for (const id of ["a", "b"]) dedupe.add(printOf("", id, bytes(id)));

    expect([dedupe.seen(printOf("", "a", bytes("a"))), dedupe.seen(printOf("", "b", bytes("b")))]).toEqual([
      null,
      "same",
    ]);
  });

  it("finds ids that begin at the same place of the index, when those between them are forgotten", () => {
    const dedupe = new Dedupe(3);
    for (let id = 0; id < 5; id++) dedupe.add(printAt(7, id));

    expect([0, 1, 2, 3, 4].map((id) => dedupe.seen(printAt(7, id)))).toEqual([null, null, "same", "same", "same"]);
  });

  it("remembers through its growth, past the first thousand", () => {
    const dedupe = new Dedupe(5_000);
    for (let id = 0; id < 5_000; id++) dedupe.add(printOf("", String(id), bytes("x")));

    expect(dedupe.size).toBe(5_000);
    for (let id = 0; id < 5_000; id++) expect(dedupe.seen(printOf("", String(id), bytes("x")))).toBe("same");
  });

  // Few homes: long chains, wrapped round the end of the index, with gaps closed in their middle.
  it.each([
    { capacity: 1, homes: 1, ids: 4 },
    { capacity: 5, homes: 2, ids: 12 },
    { capacity: 16, homes: 3, ids: 40 },
    { capacity: 64, homes: 2 ** 32, ids: 150 },
    { capacity: 1_500, homes: 900, ids: 4_000 },
  ])("equals a map with a queue: $capacity ids, $homes homes, $ids in use", ({ capacity, homes, ids }) => {
    for (let seed = 1; seed <= 4; seed++) {
      const random = prng(seed);
      const dedupe = new Dedupe(capacity);
      const naive = new Naive(capacity);
      for (let step = 0; step < 4 * ids; step++) {
        const id = Math.floor(random() * ids);
        // Homes lie round the end of the index, so that chains wrap.
        const print = printAt((2 ** 32 - 1 - Math.floor((id * homes) / ids)) >>> 0, id, Math.floor(random() * 2));
        expect(dedupe.seen(print), `seed ${seed}, step ${step}`).toBe(naive.seen(print));
        if (random() < 0.7) {
          dedupe.add(print);
          naive.add(print);
        }
      }
      expect({ size: dedupe.size, evicted: dedupe.evicted }, `seed ${seed}`).toEqual({
        size: naive.size,
        evicted: naive.evicted,
      });
    }
  });

  // One more than a power of two: ids are forgotten while others still go from the old index into the new one.
  it.each([
    { capacity: 1_025, homes: 2 ** 32 },
    { capacity: 1_030, homes: 40 },
    { capacity: 2_049, homes: 2 ** 32 },
    { capacity: 4_500, homes: 6_000 },
    { capacity: 9_000, homes: 2 ** 32 },
  ])("equals a map through its growth: $capacity ids, $homes homes", ({ capacity, homes }) => {
    for (let seed = 1; seed <= 2; seed++) {
      const random = prng(seed);
      const print = (id: number, body: number) => printAt((Math.imul(id, 2_654_435_761) % homes) >>> 0, id, body);
      const bodies = new Map<number, number>();
      const dedupe = new Dedupe(capacity);
      let known = 0;
      const expectSame = (id: number, body: number) => {
        const expected = bodies.has(id) ? (bodies.get(id) === body ? "same" : "other-payload") : null;
        if (dedupe.seen(print(id, body)) !== expected)
          expect.fail(`seed ${seed}, id ${id} of ${known}: not ${expected}`);
      };
      while (known < 2.2 * capacity) {
        // New ones, and such that came before: some of these are forgotten, and come anew.
        const id = random() < 0.8 ? known++ : Math.floor(random() * known);
        const body = Math.floor(random() * 2);
        expectSame(id, body);
        dedupe.add(print(id, body));
        if (!bodies.has(id)) {
          if (bodies.size === capacity) bodies.delete(bodies.keys().next().value!);
          bodies.set(id, body);
        }
        for (const other of [id, Math.floor(random() * known), Math.max(0, known - capacity)]) expectSame(other, body);
        if (known % 997 === 0) for (let each = 0; each < known; each++) expectSame(each, 0);
      }
      expect(dedupe.size).toBe(capacity);
    }
  });

  it("is saved as far as there is room for ids", () => {
    const dedupe = new Dedupe(2_100);
    const sizes: number[][] = [];
    for (let id = 0; id < 2_100; id++) {
      dedupe.add(printAt(id, id));
      if ([1_024, 1_025, 2_049].includes(id + 1))
        sizes.push([0, dedupe.chunkOf(id)].map((chunk) => dedupe.chunk(chunk).length / 24));
    }

    expect(sizes).toEqual([
      [1_024, 1_024],
      [2_048, 2_048],
      [2_048, 52],
    ]);
  });
});

describe("keyOf", () => {
  it.each([
    [
      ["a\0b", "c"],
      ["a", "b\0c"],
    ],
    [
      ["ab", "c"],
      ["a", "bc"],
    ],
    [
      ["", "1:a"],
      ["1", ":a"],
    ],
    [
      ["1", "a"],
      ["", "1a"],
    ],
  ])("gives %j another key than %j", ([source, id], [otherSource, otherId]) => {
    expect(keyOf(source!, id!)).not.toBe(keyOf(otherSource!, otherId!));
    expect(printOf(source!, id!, bytes("")).slice(0, 4)).not.toEqual(
      printOf(otherSource!, otherId!, bytes("")).slice(0, 4),
    );
  });
});
