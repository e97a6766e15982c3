import { describe, expect, it } from "vitest";
import { type Cold, Fold } from "../../../runtime/core/fold.ts";
import type { Block } from "../../../runtime/journal/block.ts";
import type { Entry } from "../../../runtime/journal/journal.ts";
import { cut } from "../../../runtime/journal/walk.ts";
import { blockOf } from "../../support/blocks.ts";
import { type EventParts, entriesOf, Folding, playersEvents, programOf, specOf } from "../../support/folding.ts";
import { prng } from "../../support/prng.ts";

const MINUTE = 60_000; // ms
const SEED = Number(process.env.AISLE_SEED ?? 20_261_126);

const program = programOf(specOf("players.yml", "players-window.yml"));
const recorded = playersEvents();

/** Events in some disorder; some have ids, headers or none, some can't be folded. */
function events(random: () => number): Entry[] {
  const delayMs = MINUTE * (1 + 3 * random());
  const parts = recorded
    .map(({ payload, at }, i): EventParts => {
      const receivedAt = at + Math.floor(random() * delayMs);
      const id = random() < 0.5 ? `é${i}` : undefined;
      return { payload: random() < 0.01 ? spoilt(payload, random) : payload, receivedAt, ...(id ? { id } : {}) };
    })
    .sort((a, b) => a.receivedAt - b.receivedAt);
  return entriesOf(parts.slice(0, 4_000)).map((entry, i) => ({
    ...entry,
    subject: `events.${"x".repeat(i % 7)}`,
    headers: { type: "played", ...entry.headers, ...(i % 3 === 0 ? { "content-type": "application/json" } : {}) },
  }));
}

function spoilt(payload: Buffer, random: () => number): Buffer {
  const at = Math.floor(random() * payload.length);
  return random() < 0.3 ? payload.subarray(0, at) : Buffer.concat([payload.subarray(0, at), payload.subarray(at + 1)]);
}

/** Identities that are taken out of memory, and come back. */
class Shelf implements Cold {
  readonly #packed = new Map<string, Buffer>();

  get size(): number {
    return this.#packed.size;
  }

  take(key: Uint8Array): Buffer | null {
    const name = Buffer.from(key).toString("hex");
    const packed = this.#packed.get(name) ?? null;
    this.#packed.delete(name);
    return packed;
  }

  putAway(fold: Fold, random: () => number): void {
    for (const handle of fold.identities()) {
      if (random() < 0.5) continue;
      this.#packed.set(fold.keyBytes(handle).toString("hex"), fold.pack(handle));
      fold.forget(handle);
    }
  }

  bringBack(fold: Fold): void {
    for (const packed of this.#packed.values()) fold.unpack(packed);
    this.#packed.clear();
  }
}

describe("blocks of entries", () => {
  it.each([1, 2, 3, 4])(`are folded to the bytes that the same events are, round %i (seed ${SEED})`, (round) => {
    const random = prng(SEED + round);
    const all = events(random);
    const one = new Folding(program, { rows: true }).feed(all, 1 + Math.floor(500 * random()));
    const other = new Folding(program, { rows: true });

    for (const some of batches(all, random)) feedEither(other, some, random);

    expect(other.told.length).toBeGreaterThan(0);
    expect(other.told.toSorted(bySeq)).toEqual(one.told.toSorted(bySeq));
    expect(other.fold.faults()).toEqual(one.fold.faults());
    const [bytes, expected] = [other.packed(), one.packed()];
    expect([...bytes.keys()].toSorted()).toEqual([...expected.keys()].toSorted());
    expect([...bytes].filter(([key, each]) => each !== expected.get(key)).map(([key]) => key)).toEqual([]);
  });

  it.each([1, 2, 3, 4])(`find their identities on the disk too, round %i (seed ${SEED})`, (round) => {
    const random = prng(SEED + 10 * round);
    const all = events(random);
    const one = new Folding(program, { rows: true }).feed(all);
    const shelf = new Shelf();
    const other = new Folding(program, { rows: true, cold: shelf });

    for (const some of batches(all, random)) {
      if (random() < 0.2) shelf.putAway(other.fold, random);
      feedEither(other, some, random);
    }
    shelf.bringBack(other.fold);

    expect(other.told.toSorted(bySeq)).toEqual(one.told.toSorted(bySeq));
    expect(other.fold.faults()).toEqual(one.fold.faults());
    expect(other.lines()).toEqual(one.lines());
    expect(other.rows()).toEqual(one.rows());
  });

  it("leave the bytes as they were", () => {
    const block = blockOf(entriesOf(recorded.slice(0, 50).map(({ payload, at }) => ({ payload, receivedAt: at }))));
    const before = Buffer.from(block.bytes);

    new Fold(program).foldBlocks([block], 0, nobody, () => {});

    expect(block.bytes.equals(before)).toBe(true);
  });
});

function* batches(all: readonly Entry[], random: () => number): Generator<Entry[]> {
  for (let from = 0; from < all.length; ) {
    const some = all.slice(from, from + 1 + Math.floor(700 * random() ** 3));
    from += some.length;
    yield some;
  }
}

/** Mostly as blocks, now and then as objects. */
function feedEither(folding: Folding, entries: readonly Entry[], random: () => number): void {
  if (random() < 0.1) folding.feed(entries, entries.length);
  else folding.feedBlocks(entries, pieces(entries, random));
}

/** A block, or the stretches that it is cut into. */
function pieces(entries: readonly Entry[], random: () => number): Block[] {
  const cuts: Block[] = [];
  for (let rest: Block | null = blockOf(entries); rest !== null; ) {
    const [head, behind] = cut(rest, 1 + Math.floor(500 * random()), 1 + Math.floor(200_000 * random()));
    cuts.push(head);
    rest = behind;
  }
  return cuts;
}

function bySeq(a: { readonly seq: number }, b: { readonly seq: number }): number {
  return a.seq - b.seq;
}

function nobody(): never {
  throw new Error("an event was looked for again");
}
