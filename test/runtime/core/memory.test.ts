import { describe, expect, it } from "vitest";
import { blurrYield, resumeLikeBlurr } from "../../../runtime/batch/records.ts";
import { Aborted, Fold, type FoldOptions, type Found } from "../../../runtime/core/fold.ts";
import type { Entry } from "../../../runtime/journal/journal.ts";
import { batchOf, foundOf } from "../../../runtime/live/batch.ts";
import { compile, type Program } from "../../../runtime/spec/compile.ts";
import { readTransform } from "../../../runtime/spec/load.ts";
import type { Transform } from "../../../runtime/spec/spec.ts";
import { Dice } from "../../support/dice.ts";
import { entriesOf, Folding } from "../../support/folding.ts";
import { prng } from "../../support/prng.ts";
import { SpecMaker } from "../../support/spec-maker.ts";

const SEED = Number(process.env.AISLE_SEED ?? 20_261_126);
const ROUNDS_COUNT = Number(process.env.AISLE_ROUNDS ?? 30);
const EVENTS_COUNT = 150;
const LATENESS = 600_000; // ms
const START = 1_520_000_000; // s
const NOTHING = new Uint8Array();

const rounds = Array.from({ length: ROUNDS_COUNT }, (_, i) => SEED + i);

describe(`random specs and events (AISLE_SEED=${SEED})`, () => {
  it.each(rounds)("give the same in any order and all their memory back: %i", (seed) => {
    const random = prng(seed);
    const maker = new SpecMaker(new Dice(random));
    const spec = specOf(maker);
    const entries = received(random, maker);
    const work = new Work(compile(spec), random, { latenessMs: LATENESS, rows: true });
    if (random() < 0.3) work.fold.core.boundTail(6);

    work.feed(entries);

    const kept = entries.filter(({ seq }) => !work.lost.has(seq));
    // traced, no method changes a field in its place: that must make no difference either
    const program = compile(spec, { trace: random() < 0.5 });
    const whole = new Folding(program, { rows: true, unordered: true }).feed(inOrder(kept));
    expect(shown(work.fold)).toEqual(shown(whole.fold));

    work.forgetAll();
    expect(work.fold.usedBytes).toBe(work.usedAtFirst);
  });

  it.each(rounds)("give all their memory back when events are erased meanwhile: %i", (seed) => {
    const random = prng(seed);
    const maker = new SpecMaker(new Dice(random));
    const work = new Work(compile(specOf(maker)), random, { latenessMs: LATENESS, rows: true });
    work.erased = 0.2;

    work.feed(received(random, maker));
    shown(work.fold);
    work.forgetAll();

    expect(work.fold.usedBytes).toBe(work.usedAtFirst);
  });

  it.each(rounds)("give all their memory back when nothing can be undone: %i", (seed) => {
    const random = prng(seed);
    const maker = new SpecMaker(new Dice(random));
    const program = compile(specOf(maker), { compat: random() < 0.5 });
    const work = new Work(program, random, { rows: true, unordered: true });

    work.feed(received(random, maker));
    if (program.compat) endLikeBlurr(work.fold);
    shown(work.fold);
    work.forgetAll();

    expect(work.fold.usedBytes).toBe(work.usedAtFirst);
  });
});

function specOf(maker: SpecMaker): Transform {
  const { streaming, window } = maker.specs();
  const { spec, mistakes } = readTransform({
    streaming: { file: "streaming.yml", text: streaming },
    window: window === null ? null : { file: "window.yml", text: window },
  });
  if (spec === null) throw new Error(JSON.stringify(mistakes, null, 1));
  return spec;
}

/** Events as they come: some late, some of the same time, a few too late. */
function received(random: () => number, maker: SpecMaker): Entry[] {
  let at = START;
  const events = Array.from({ length: EVENTS_COUNT }, (_, i) => {
    at += random() < 0.3 ? 0 : Math.floor(random() * 120);
    const delay = random() < 0.3 ? random() * 1.1 * LATENESS : 0;
    const id = random() < 0.7 ? { id: `${random() < 0.5 ? "a" : "b"}${i}` } : {};
    return { payload: Buffer.from(maker.event(at)), receivedAt: at * 1000 + delay, ...id };
  });
  return entriesOf(events.sort((a, b) => a.receivedAt - b.receivedAt));
}

/** In the order that counts: by time, then by id, what has none first, then as they came. */
function inOrder(entries: readonly Entry[]): Entry[] {
  const timeOf = ({ payload }: Entry): number => JSON.parse(String(payload)).at;
  const idOf = ({ headers: { id } }: Entry): Buffer => Buffer.from(id ?? "");
  return entries.toSorted((a, b) => timeOf(a) - timeOf(b) || Buffer.compare(idOf(a), idOf(b)) || a.seq - b.seq);
}

/** A fold between whose batches identities are packed, forgotten, asked for. */
class Work {
  readonly fold: Fold;
  readonly lost = new Set<number>();
  /** Bytes held when no identity was there. */
  readonly usedAtFirst: number;
  /** Share of the events that are gone when they are asked for again. */
  erased = 0;
  readonly #random: () => number;
  readonly #cold = new Map<string, Buffer>();
  readonly #entries = new Map<number, Entry>();

  constructor(program: Program, random: () => number, options: FoldOptions) {
    this.#random = random;
    this.fold = new Fold(program, { ...options, cold: this });
    this.#fold(entriesOf([{ payload: Buffer.from(`{"id": "id0", "at": ${START - 10_000_000}}`), receivedAt: 0 }]));
    this.forgetAll();
    this.usedAtFirst = this.fold.usedBytes;
    this.lost.clear();
  }

  feed(entries: readonly Entry[]): void {
    for (let from = 0; from < entries.length; ) {
      const count = 1 + Math.floor(this.#random() * 30);
      this.#fold(entries.slice(from, from + count));
      from += count;
      for (const identity of this.fold.identities()) this.#disturb(identity);
    }
    for (const packed of this.#cold.values()) this.fold.unpack(packed);
    for (const identity of this.fold.identities()) this.fold.thaw(identity, this.#lookup);
  }

  #fold(entries: readonly Entry[]): void {
    for (const entry of entries) this.#entries.set(entry.seq, entry);
    this.fold.fold(batchOf(entries), this.#lookup, (_outcome, _index, seq) => this.lost.add(seq));
  }

  readonly #lookup = (seq: number): Found => {
    const found = foundOf(this.#entries.get(seq)!);
    return this.#random() < this.erased ? { ...found, payload: NOTHING } : found;
  };

  #disturb(identity: number): void {
    const { fold } = this;
    const dice = this.#random();
    if (dice < 0.2) {
      const packed = fold.pack(identity);
      if (dice < 0.05) return;
      this.#cold.set(fold.keyOf(identity), packed);
      fold.forget(identity);
    } else if (dice < 0.3) this.#ask(identity);
    else if (dice < 0.4) fold.core.settleIdentity(identity);
  }

  #ask(identity: number): void {
    const { fold } = this;
    fold.thaw(identity, this.#lookup);
    for (const { aggregate, record } of fold.records(identity)) fold.json(aggregate, record);
    fold.rows(identity);
    if (fold.program.anchor !== null) fold.features(identity);
  }

  forgetAll(): void {
    for (const identity of this.fold.identities()) this.fold.forget(identity);
  }

  // What is not in memory

  get size(): number {
    return this.#cold.size;
  }

  take(key: Uint8Array): Buffer | null {
    const packed = this.#cold.get(String(key)) ?? null;
    this.#cold.delete(String(key));
    return packed;
  }
}

/** The end of a run, and the beginning of another. */
function endLikeBlurr(fold: Fold): void {
  const { records, rows } = blurrYield(fold);
  for (const identity of fold.identities()) {
    fold.core.finishRun(identity);
    records(identity);
    try {
      for (const row of rows(identity)) fold.printRow(row);
    } catch (error) {
      if (!(error instanceof Aborted)) throw error;
    }
    resumeLikeBlurr(fold, identity);
  }
}

/** Records and rows of all identities, by their keys. */
function shown(fold: Fold): string[][] {
  const handles = fold.identities().toSorted((a, b) => (fold.keyOf(a) < fold.keyOf(b) ? -1 : 1));
  return handles.map((handle) => [
    ...fold.records(handle).map(({ aggregate, record }) => fold.line(handle, aggregate, record)),
    ...fold.rows(handle),
  ]);
}
