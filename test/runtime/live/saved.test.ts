import { describe, expect, it, onTestFinished } from "vitest";
import { Archive, type Meta } from "../../../runtime/checkpoint/archive.ts";
import type { LoadedRow, SavedTable } from "../../../runtime/checkpoint/checkpoint.ts";
import type { Block } from "../../../runtime/journal/block.ts";
import type { Entry } from "../../../runtime/journal/journal.ts";
import { limits } from "../../../runtime/limits.ts";
import { batchOf, isEvent } from "../../../runtime/live/batch.ts";
import { Lines } from "../../../runtime/live/lines.ts";
import { Live } from "../../../runtime/live/live.ts";
import { Recent } from "../../../runtime/live/recent.ts";
import { SavedSpec } from "../../../runtime/live/saved.ts";
import { TableInMemory } from "../../../runtime/live/saved-rows.ts";
import { tailsTick } from "../../../runtime/live/tails.ts";
import { IdentityStore } from "../../../runtime/store/identities.ts";
import { blockOf } from "../../support/blocks.ts";
import { Dice } from "../../support/dice.ts";
import { FaultyDisk, FaultyStore } from "../../support/faulty-store.ts";
import { type EventParts, entriesOf, playersEvents, specOf } from "../../support/folding.ts";
import { tempDir } from "../../support/journal.ts";
import { prng } from "../../support/prng.ts";

const MINUTE = 60_000; // ms
const SEED = Number(process.env.AISLE_SEED ?? 20_261_128);
const PLENTY = 2 ** 28; // bytes
const TICK = { kind: "tick", payload: new Uint8Array(0) } as const;

const spec = specOf("players.yml", "players-window.yml");
const recorded = playersEvents();

/** Events in some disorder, a few of them too late, some that can't be folded; with ticks between them. */
function entries(random: () => number): Entry[] {
  const delayMs = MINUTE * (1 + 3 * random());
  const events = recorded
    .map(({ payload, at }, i): EventParts => {
      const receivedAt = at + Math.floor(random() * delayMs);
      const spoilt = random() < 0.005 ? payload.subarray(0, payload.length >> 1) : payload;
      return { payload: spoilt, receivedAt, ...(random() < 0.5 ? { id: `e${i}` } : {}) };
    })
    .sort((a, b) => a.receivedAt - b.receivedAt)
    .slice(0, 1_000 + Math.floor(1_000 * random()));
  return entriesOf(events)
    .flatMap((entry): Entry[] => {
      if (random() >= 0.005) return [entry];
      const tails = tailsTick(spec.name, 2 + Math.floor(30 * random()));
      return [entry, { ...entry, ...(random() < 0.4 ? tails : TICK), headers: {} }];
    })
    .map((entry, i) => ({ ...entry, seq: i + 1 }));
}

/** What is on disk of checkpoints: rows of the rounds that were kept. */
class Shelf implements SavedTable {
  readonly #rows = new Map<string, Buffer>();
  seq = 0;

  keep(rows: ReadonlyMap<string, Buffer | null>, seq: number): void {
    for (const [key, value] of rows) {
      if (value === null) this.#rows.delete(key);
      else this.#rows.set(key, value);
    }
    this.seq = seq;
  }

  get size(): number {
    return this.#rows.size;
  }

  get(key: Buffer): Buffer | null {
    return this.#rows.get(key.toString("latin1")) ?? null;
  }

  page(prefix: Buffer, after: Buffer | null, limit: number): readonly LoadedRow[] {
    const all = [...this.#rows].map(([key, value]) => ({ key: Buffer.from(key, "latin1"), value }));
    return new TableInMemory(all).page(prefix, after, limit);
  }

  /** As it is now, whatever is saved later. */
  copy(): Shelf {
    const copy = new Shelf();
    copy.keep(this.#rows, this.seq);
    return copy;
  }
}

/** A spec at work that may be saved, ended in the middle, and begun again. */
class Work {
  readonly live: Live;
  readonly saved: SavedSpec;
  readonly #all: readonly Entry[];
  readonly #random: () => number;
  #at = 0;
  #oldest = 1;
  #round: { readonly rows: Map<string, Buffer | null>; readonly seq: number; readonly save: Iterator<unknown> } | null =
    null;

  constructor(all: readonly Entry[], identities: IdentityStore, random: () => number, memoryBytes: number) {
    this.#all = all;
    this.#random = random;
    this.live = new Live(spec, {
      recent: new Recent((seq) => this.#find(seq), 500_000 * random()),
      cold: identities.newPart(),
      memoryBytes,
      refused() {},
      fault(_, error) {
        throw error;
      },
    });
    this.saved = new SavedSpec(this.live, { fold: () => false });
  }

  /** As of a checkpoint; then what else was on disk is folded. */
  resume(shelf: Shelf, onDisk: number): this {
    this.saved.open(shelf, shelf.seq);
    this.#at = shelf.seq;
    this.#oldest = this.saved.neededSeq;
    while (this.#at < onDisk) this.step(onDisk);
    this.live.endResume();
    return this;
  }

  /** What is before it may be gone from the journal. */
  #find(seq: number): Entry {
    if (seq < this.#oldest) throw new Error(`entry ${seq} was asked for, ${this.#oldest} is the oldest needed`);
    return this.#all[seq - 1]!;
  }

  get at(): number {
    return this.#at;
  }

  get isOver(): boolean {
    return this.#at >= this.#all.length;
  }

  /** Folds a few entries: as objects, or from a block. */
  step(end = this.#all.length): void {
    const first = this.#all[this.#at]!;
    if (!isEvent(first)) {
      this.live.tick(first);
      this.#at++;
      return;
    }
    const size = 1 + Math.floor(200 * this.#random() ** 3);
    const other = this.#all.findIndex((entry, i) => i > this.#at && !isEvent(entry));
    const to = Math.min(this.#at + size, other < 0 ? end : other, end, this.#all.length);
    const run = this.#all.slice(this.#at, to);
    this.#at = to;
    if (this.#random() < 0.5) this.live.feed(batchOf(run));
    else this.live.feedBlocks([blockOf(run)] as Block[]);
  }

  /** Begins a round, or goes on with it for a few rows. Kept at its end, mostly. */
  save(shelf: Shelf): void {
    this.#round ??= this.#begin(shelf);
    for (let rows = Math.floor(60 * this.#random()); rows > 0; rows--) {
      const { done, value } = this.#round.save.next() as IteratorResult<{ key: Buffer; value: Buffer | null } | null>;
      if (done) {
        if (this.#random() < 0.8) {
          shelf.keep(this.#round.rows, this.#round.seq);
          this.saved.kept();
        }
        this.#round = null;
        return;
      }
      if (value !== null) this.#round.rows.set(value.key.toString("latin1"), value.value);
    }
    if (this.#random() < 0.02) this.#round = null;
  }

  /** A whole round, which is kept. */
  saveAll(shelf: Shelf): void {
    const { rows, seq, save } = this.#begin(shelf);
    for (const row of { [Symbol.iterator]: () => save })
      if (row !== null) rows.set(row.key.toString("latin1"), row.value);
    shelf.keep(rows, seq);
    this.saved.kept();
  }

  #begin(shelf: Shelf) {
    const seq = this.#at;
    return { rows: new Map(), seq, save: this.saved.save({ seq, whole: shelf.seq === 0 && this.live.round === 0 }) };
  }

  end(): void {
    while (!this.isOver) this.step();
  }
}

/** What is known of everybody, by identity. */
function knownTo(live: Live): Map<string, string> {
  const lines = new Lines([live], () => {});
  let text = "";
  for (let more = lines.next(); more !== null; more = lines.next()) text += more;
  const known = text.split("\n").filter((line) => line !== "");
  return new Map(known.map((line) => [JSON.parse(line).identity, line]));
}

/** The first identity of which they know different things, and what; null: there is none. */
function difference(one: Live, other: Live): readonly (string | undefined)[] | null {
  const [known, expected] = [knownTo(one), knownTo(other)];
  for (const player of new Set([...known.keys(), ...expected.keys()])) {
    if (known.get(player) !== expected.get(player)) return [known.get(player), expected.get(player)];
    const [features, others] = [one.features(player), other.features(player)];
    if (JSON.stringify(features) !== JSON.stringify(others)) return [player, features?.json, others?.json];
  }
  return null;
}

function store(): IdentityStore {
  const opened = new IdentityStore(`${tempDir()}/identities`);
  onTestFinished(() => opened.close());
  return opened;
}

describe("a spec that is saved while it folds", () => {
  it.each([1, 2, 3, 4])(`is after a restart what a whole replay makes it, round %i (seed ${SEED})`, (round) => {
    const random = prng(SEED + round);
    const all = entries(random);
    const identities = store();
    const fresh = new Work(all, identities, random, PLENTY);
    fresh.end();

    const shelf = new Shelf();
    const memory = () => (random() < 0.5 ? PLENTY : 20_000 + Math.floor(200_000 * random()));
    let work = new Work(all, identities, random, memory());
    while (!work.isOver) {
      work.step(work.at + 1 + Math.floor(60 * random()));
      if (random() < 0.7) work.save(shelf);
      if (random() < 0.03 && shelf.seq > 0) {
        work = new Work(all, identities, random, memory()).resume(shelf.copy(), work.at);
      }
    }
    if (shelf.seq === 0) work.saveAll(shelf);
    work = new Work(all, identities, random, memory()).resume(shelf.copy(), all.length);

    expect(work.live.counts).toEqual(fresh.live.counts);
    expect(work.live.fold.faults()).toEqual(fresh.live.fold.faults());
    expect(work.live.settledAt).toBe(fresh.live.settledAt);
    expect(difference(work.live, fresh.live)).toBe(null);
    expect(work.live.saved.refused).toEqual(fresh.live.saved.refused);
  });
});

describe("a round of a spec", () => {
  const old = { payload: recorded[0]!.payload, receivedAt: recorded.at(-1)!.at };
  const all = entriesOf([...recorded.map(({ payload, at }) => ({ payload, receivedAt: at })), old]);

  /** Its first row was given. */
  function begun() {
    const work = new Work(all, store(), () => 0.5, PLENTY);
    work.live.feed(batchOf(all.slice(0, -1)));
    const save = work.saved.save({ seq: all.length - 1, whole: true });
    while (save.next().value === null);
    const feedOld = (times: number) => work.live.feed(batchOf(Array.from({ length: times }, () => all.at(-1)!)));
    feedOld(3);
    return { live: work.live, save, feedOld };
  }

  it("remembers late events for as long as it lasts", () => {
    const { live, save, feedOld } = begun();
    expect(live.late).toHaveLength(3);

    save.return(undefined);
    feedOld(3);
    expect(live.late).toBeNull();
  });

  it("ends early when too many are late", () => {
    const { live, save, feedOld } = begun();
    for (let fed = 0; fed < limits.refusedEvents; fed += 1_000) feedOld(1_000);

    const next = () => {
      while (save.next().value === null);
    };
    expect(() => {
      for (let rows = 0; rows < 5; rows++) next();
    }).toThrow("100003 events were late while");
    expect(live.late).toBeNull();
  });
});

describe("a spec that is built anew", () => {
  const archive = new Archive(new FaultyStore(new FaultyDisk(), new Dice(prng(SEED))));
  let meta: Meta | null = null;

  /** Up to its end, or left after so many rows. */
  async function round(part: SavedSpec, seq: number, rows = Number.POSITIVE_INFINITY): Promise<boolean> {
    const writer = archive.begin({ round: (meta?.round ?? 0) + 1, epoch: "e0", seq, at: 0 }, meta);
    const whole = writer.part(part);
    for (const row of part.save({ seq, whole })) {
      if (rows-- === 0) break;
      if (row !== null) writer.put(row);
    }
    await writer.flush();
    if (rows >= 0) {
      ({ meta } = await writer.finish());
      part.kept();
    }
    for (const writes of archive.sweep(meta)) if (writes !== null) await archive.commit(writes);
    return whole;
  }

  it("leaves nothing of the one that was saved before it, under the same hash", async () => {
    const players = ["old", "old", "old", "new", "new", "other"];
    const all = entriesOf(
      players.map((customer_identifier, i) => {
        const { payload, at } = recorded[0]!;
        const event_time = new Date(at + i * MINUTE).toISOString().slice(0, 23);
        const event = { ...(JSON.parse(String(payload)) as object), customer_identifier, event_time };
        return { payload: Buffer.from(JSON.stringify(event)), receivedAt: at + i * MINUTE };
      }),
    );
    const begin = (entries: readonly Entry[]) => {
      const work = new Work(entries, store(), () => 0.5, PLENTY);
      work.live.feed(batchOf(entries));
      return work;
    };
    await round(begin(all).saved, 6);

    // What the first rested on, the journal has no more.
    const built = begin(all.slice(3));
    expect(await round(built.saved, 6, 2)).toBe(true);
    expect(await round(built.saved, 6)).toBe(true);
    expect(await round(built.saved, 6)).toBe(false);

    const { live, saved } = new Work(all, store(), () => 0.5, PLENTY);
    saved.open(
      archive.table(saved.name, () => meta!),
      6,
    );
    live.endResume();
    expect(knownTo(live)).toEqual(knownTo(built.live));
    expect([...knownTo(live).keys()].sort()).toEqual(["new", "other"]);
    expect(live.aggregates("new")).not.toBeNull();
    expect(live.cold.size).toBe(1);
    expect(await round(saved, 6)).toBe(false);
  });
});
