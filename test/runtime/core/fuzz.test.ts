import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Aborted, Fold, type Outcome } from "../../../runtime/core/fold.ts";
import { limits } from "../../../runtime/limits.ts";
import { compile, type Program } from "../../../runtime/spec/compile.ts";
import { readTransform } from "../../../runtime/spec/load.ts";
import { Dice } from "../../support/dice.ts";
import { Expressions } from "../../support/evaluate.ts";
import { EventMaker } from "../../support/event-maker.ts";
import { Maker } from "../../support/expressions/maker.ts";
import { textOf } from "../../support/expressions/part.ts";
import { prng } from "../../support/prng.ts";
import { SpecMaker } from "../../support/spec-maker.ts";
import { caseText, spoiled } from "../../support/specs.ts";
import { spoiledExpression, spoiledJson } from "../../support/spoil.ts";

const SEED = Number(process.env.AISLE_SEED ?? 20_261_126);
/** How many times as many of each as by default. */
const TIMES = Number(process.env.AISLE_TIMES ?? 1);

describe(`spoiled expressions (AISLE_SEED=${SEED})`, () => {
  it("are told of, or end in a value or a fault", { timeout: 0 }, () => {
    const dice = new Dice(prng(SEED));
    const maker = new Maker(dice);
    const events = new EventMaker(dice);
    let good = 0;
    for (let round = 0; round < 60 * TIMES; round++) {
      const texts = Array.from({ length: 40 }, () => spoiledExpression(textOf(maker.expression()), dice));
      const event = events.event();
      good += withTexts(texts, () => new Expressions(texts).evaluate(event)).filter(
        (each) => !("problem" in each),
      ).length;
    }

    expect(good).toBeGreaterThan(200 * TIMES);
  });
});

describe(`spoiled specs (AISLE_SEED=${SEED})`, () => {
  const cases = readdirSync(new URL("../../cases/blurr/", import.meta.url), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith("streaming.yml"))
    .map((file) => file.replace(/[^/]*$/, ""))
    .sort();

  it.each([false, true])(
    "fold events if they load, and give their memory back (compat: %s)",
    { timeout: 0 },
    (compat) => {
      const dice = new Dice(prng(SEED + Number(compat)));
      let loaded = 0;
      for (let round = 0; round < 150 * TIMES; round++) {
        const folder = dice.one(cases);
        const streaming = textIn(folder, "streaming.yml");
        const events = textIn(folder, "events.jsonl");
        if (streaming === null || events === null) continue;
        const window = textIn(folder, "window.yml");
        const [first, second] = dice.chance(0.7)
          ? [spoiled(streaming, dice.random), window]
          : [streaming, window && spoiled(window, dice.random)];
        const { spec } = readTransform(
          {
            streaming: { file: "a.yml", text: first },
            window: second === null ? null : { file: "b.yml", text: second },
          },
          { compat },
        );
        if (spec === null) continue;
        loaded++;
        const lines = events
          .split("\n")
          .slice(0, 50)
          .map((line) => Buffer.from(line));
        const payloads = lines.map((line) => (dice.chance(0.2) ? spoiledJson(line, dice) : line));
        withTexts([first, second ?? ""], () => foldAll(compile(spec, { compat }), payloads));
      }

      expect(loaded).toBeGreaterThan(20 * TIMES);
    },
  );
});

function textIn(folder: string, file: string): string | null {
  try {
    return caseText(`${folder}${file}`);
  } catch {
    return null;
  }
}

/** Held bytes of the table of identities, which stays. */
const TABLE_BYTES = 12_288;

/** Folds, asks for all that there is, forgets it. */
function foldAll(program: Program, payloads: readonly Buffer[]): void {
  const fold = new Fold(program, { rows: true });
  const before = fold.usedBytes;
  const lookup = (seq: number) => ({ payload: payloads[seq - 1]!, id: null });
  try {
    fold.fold({ payloads, seqs: payloads.map((_, i) => i + 1), receivedAt: payloads.map(() => 1) }, lookup, () => {});
    for (const identity of fold.identities()) {
      for (const { aggregate, record } of fold.records(identity)) fold.line(identity, aggregate, record);
      fold.rows(identity);
    }
  } catch (error) {
    if (!(error instanceof Aborted)) throw error;
  }
  for (const identity of fold.identities()) fold.forget(identity);
  expect([before, before + TABLE_BYTES]).toContain(fold.usedBytes);
}

describe(`spoiled payloads (AISLE_SEED=${SEED})`, () => {
  it("are malformed exactly when JSON.parse, or a bound of ours, says so", { timeout: 0 }, () => {
    const dice = new Dice(prng(SEED + 2));
    const outcomes = new Map<Outcome, number>();
    for (let round = 0; round < 12 * TIMES; round++) {
      const maker = new SpecMaker(dice);
      const fold = new Fold(programOf(maker), { rows: true, latenessMs: 3_600_000 });
      const payloads: Buffer[] = [];
      for (let batch = 0; batch < 10; batch++) {
        const some = Array.from({ length: 40 }, () => {
          const payload = Buffer.from(maker.event(1_520_000_000 + dice.below(3_000)));
          return dice.chance(0.7) ? spoiledJson(payload, dice) : payload;
        });
        const seqs = some.map((payload) => payloads.push(payload));
        const told = new Map<number, Outcome>();
        withTexts(some.map(String), () =>
          fold.fold(
            { payloads: some, seqs },
            (seq) => ({ payload: payloads[seq - 1]!, id: null }),
            (outcome, _, seq) => told.set(seq, outcome),
          ),
        );
        for (const seq of seqs) {
          const payload = payloads[seq - 1]!;
          const outcome = told.get(seq) ?? "folded";
          if ((outcome === "malformed") === isWellFormed(payload))
            expect({ outcome, payload: String(payload) }).toBeNull();
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        }
      }
    }

    expect(outcomes.get("malformed")).toBeGreaterThan(1_000 * TIMES);
    expect(outcomes.get("folded")).toBeGreaterThan(1_000 * TIMES);
  });
});

function programOf(maker: SpecMaker): Program {
  const { streaming, window } = maker.specs();
  const { spec } = readTransform({
    streaming: { file: "a.yml", text: streaming },
    window: window === null ? null : { file: "b.yml", text: window },
  });
  return compile(spec!);
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** An object, in UTF-8, nested no deeper than allowed. */
function isWellFormed(payload: Uint8Array): boolean {
  try {
    const value: unknown = JSON.parse(UTF8.decode(payload));
    return typeof value === "object" && value !== null && !Array.isArray(value) && depthOf(value) <= limits.jsonDepth;
  } catch {
    return false;
  }
}

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

/** Says what it was that failed. */
function withTexts<T>(texts: readonly string[], work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Error(`${error}: ${JSON.stringify(texts)}`, { cause: error });
  }
}
