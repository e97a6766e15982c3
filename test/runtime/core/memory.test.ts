import { describe, expect, it } from "vitest";
import type { Entry } from "../../../runtime/journal/journal.ts";
import { compile } from "../../../runtime/spec/compile.ts";
import { readTransform } from "../../../runtime/spec/load.ts";
import { entriesOf, Folding } from "../../support/folding.ts";
import { prng } from "../../support/prng.ts";
import { SpecMaker } from "../../support/spec-maker.ts";

const SEED = Number(process.env.AISLE_SEED ?? Date.now() % 2 ** 31);
const ROUNDS_COUNT = Number(process.env.AISLE_ROUNDS ?? 40);
const EVENTS_COUNT = 150;
const LATENESS = 600_000; // ms
const START = 1_520_000_000; // s

describe(`whatever is folded (AISLE_SEED=${SEED})`, () => {
  it.each(Array.from({ length: ROUNDS_COUNT }, (_, i) => SEED + i))(
    "gives all its memory back, and the same records as in one batch: %i",
    (seed) => {
      const random = prng(seed);
      const maker = new SpecMaker(random);
      const program = programOf(maker);
      const entries = entriesOf(received(random, maker));
      const cold = new Map<string, Buffer>();
      const live = new Folding(program, {
        latenessMs: LATENESS,
        rows: true,
        cold: {
          get size() {
            return cold.size;
          },
          take(key) {
            const packed = cold.get(String(key)) ?? null;
            cold.delete(String(key));
            return packed;
          },
        },
      });
      const { fold } = live;
      live.feed(entriesOf([{ payload: Buffer.from(`{"id": "id0", "at": ${START - 10_000_000}}`), receivedAt: 0 }]));
      forgetAll(live);
      const before = fold.usedBytes;

      for (let from = 0; from < entries.length; ) {
        const size = 1 + Math.floor(random() * 30);
        live.feed(entries.slice(from, from + size));
        from += size;
        disturb(live, cold, random);
      }
      for (const packed of cold.values()) fold.unpack(packed);
      const lost = new Set(live.told.map(({ seq }) => seq));
      const kept = entries.filter(({ seq }) => !lost.has(seq));
      const whole = new Folding(program, { rows: true, unordered: true }).feed(inOrder(kept));
      expect(live.lines()).toEqual(whole.lines());
      expect(live.rows()).toEqual(whole.rows());

      forgetAll(live);
      expect(fold.usedBytes).toBe(before);
    },
  );
});

function programOf(maker: SpecMaker) {
  const { streaming, window } = maker.specs();
  const file = (text: string | null) => (text === null ? null : { file: "spec.yml", text });
  const { spec, mistakes } = readTransform({ streaming: file(streaming)!, window: file(window) });
  if (spec === null) throw new Error(JSON.stringify(mistakes, null, 1));
  return compile(spec);
}

/** Events as they come: some late, some of the same time, a few too late. */
function received(random: () => number, maker: SpecMaker) {
  let at = START;
  const events = Array.from({ length: EVENTS_COUNT }, (_, i) => {
    at += random() < 0.3 ? 0 : Math.floor(random() * 120);
    const delay = random() < 0.3 ? random() * 1.1 * LATENESS : 0;
    const payload = Buffer.from(maker.event(at));
    return { payload, at, receivedAt: at * 1000 + delay, ...(random() < 0.7 && { id: `${random() < 0.5 ? "a" : "b"}${i}` }) };
  });
  return events.sort((a, b) => a.receivedAt - b.receivedAt);
}

/** In the order that counts: by time, then by id, what has none first, then as they came. */
function inOrder(entries: readonly Entry[]): Entry[] {
  const timeOf = ({ payload }: Entry): number => JSON.parse(String(payload)).at;
  const idOf = ({ headers: { id } }: Entry): Buffer => Buffer.from(id ?? "");
  return entries.toSorted((a, b) => timeOf(a) - timeOf(b) || Buffer.compare(idOf(a), idOf(b)) || a.seq - b.seq);
}

/** What else may happen to identities between two batches. */
function disturb(live: Folding, cold: Map<string, Buffer>, random: () => number): void {
  const { fold } = live;
  for (const identity of fold.identities()) {
    const dice = random();
    if (dice < 0.2) {
      cold.set(fold.keyOf(identity), fold.pack(identity));
      if (random() < 0.7) fold.forget(identity);
      else cold.delete(fold.keyOf(identity));
    } else if (dice < 0.3) {
      fold.thaw(identity, live.lookup);
      for (const { aggregate, record } of fold.records(identity)) fold.json(aggregate, record);
      fold.rows(identity);
      if (fold.program.anchor !== null) fold.features(identity);
    } else if (dice < 0.4) {
      fold.core.settleIdentity(identity);
    }
  }
}

function forgetAll({ fold }: Folding): void {
  for (const identity of fold.identities()) fold.forget(identity);
}
