import { afterAll, describe, expect, it } from "vitest";
import { FIELD_TYPES, type FieldType } from "../../runtime/spec/spec.ts";
import { Dice } from "../support/dice.ts";
import { type Evaluated, Expressions } from "../support/evaluate.ts";
import { EventMaker } from "../support/event-maker.ts";
import { Maker } from "../support/expressions/maker.ts";
import { type Part, simpler, textOf } from "../support/expressions/part.ts";
import { JsonText } from "../support/json-text.ts";
import { prng } from "../support/prng.ts";
import { hasPython, Python, type Verdict } from "../support/python.ts";

// Random expressions for random events, here and in Python (3.11 or later): the same value, or the same class of error.
// What is told at load to be wrong counts as the same when Python fails too, at this event or in a part by itself that
// it does not reach.
//
// What differs on purpose, and how `support/python` has it:
// - Integers are of 64 bits: beyond, ours is an OverflowError, whatever follows. So are durations beyond 2^63 µs. An
//   integer of the event that is wider keeps its digits for text and floats; what else is done with it is not compared.
// - Methods that change a collection give the changed one, and ignore a None (Blurr). `set` and `increment` of a map.
// - The order of a set is ours: where it would be seen in Python, nothing is compared. Sets are compared without order.
// - What Python makes on the fly (`range`, `zip`, `keys` …) is a list, and refused where it would be kept. Only `any` and
//   `all` stop early in a generator.
// - A naive datetime is of UTC. A zone's offset has whole seconds. `parse` reads what is surely a date.
// - `%` does not format text; what is complex in Python is a ValueError; `is` compares values but for None, True, False;
//   sizes are bounded.
// - A power with a fraction may differ in the last place.

const seed = Number(process.env.AISLE_SEED ?? 20_261_126);
const PAIRS_DEFAULT = 24_000;
const PAIRS_COUNT = Number(process.env.AISLE_PAIRS ?? PAIRS_DEFAULT);
const EXPRESSIONS_COUNT = 48;
const EVENTS_COUNT = 4;
const DOCUMENTS_COUNT = 1_000;
const READINGS = [
  ...["source", "source.a", "str(source.b)", "source.a.b", "source['größe']", "source['say \"x\"'].id", "source['😀']"],
  ...["source['']", "source[''].a", "source['a.b\\\\']['a.b\\\\']", "source['a.b']", "source.a == source.b"],
  ...["list(source.items())", "[x for x in source.a]", "len(source.a)", "sorted(source)"],
];
/** Differences that are made small and shown. */
const SHOWN = Number(process.env.AISLE_SHOWN ?? 8);

const isThere = hasPython();
if (!isThere) console.warn("no python3 of at least 3.11: expressions are not compared with Python");

describe.runIf(isThere)("expressions and Python", () => {
  const python = new Python();
  afterAll(() => python.close());

  it(`agree on ${PAIRS_COUNT} pairs of expression and event (AISLE_SEED=${seed})`, { timeout: 0 }, async () => {
    const dice = new Dice(prng(seed));
    const maker = new Maker(dice);
    const eventMaker = new EventMaker(dice);
    const differences: string[] = [];
    const counts = new Map<string, number>();
    for (let pairs = 0; pairs < PAIRS_COUNT && differences.length < SHOWN; pairs += EXPRESSIONS_COUNT * EVENTS_COUNT) {
      const parts = Array.from({ length: EXPRESSIONS_COUNT }, () => maker.expression());
      const events = Array.from({ length: EVENTS_COUNT }, () => eventMaker.event());
      const type = dice.chance(0.4) ? dice.one(FIELD_TYPES) : null;
      const { ours, verdicts } = await compared(python, parts.map(textOf), type, events);
      for (const [i, part] of parts.entries()) {
        for (const [j, event] of events.entries()) {
          const verdict = verdicts[j]![i]!;
          const kind = isDifference(verdict) ? "different" : (verdict ?? Object.keys(ours[j]![i]!)[0]!);
          counts.set(kind, (counts.get(kind) ?? 0) + 1);
          if (kind === "different") {
            differences.push(await smallest(python, part, type, event));
            break;
          }
        }
      }
    }
    if (PAIRS_COUNT !== PAIRS_DEFAULT) console.log(Object.fromEntries(counts));

    expect(differences).toEqual([]);
    const passedOver = [...counts].reduce((sum, [kind, count]) => sum + (kind.startsWith("skip") ? count : 0), 0);
    expect(passedOver).toBeLessThan(PAIRS_COUNT / 20);
  });

  it(`agree on what stands in ${DOCUMENTS_COUNT} documents as no serializer would write them (AISLE_SEED=${seed})`, async () => {
    const json = new JsonText(prng(seed), [
      "a",
      "b",
      "id",
      "größe",
      'say "x"',
      "longer than a step may be",
      "😀",
      "",
      "a.b\\",
    ]);
    const documents = Array.from({ length: DOCUMENTS_COUNT }, () => json.object(4));
    // half a surrogate pair is U+FFFD here
    const events = documents.filter((text) => !/\\u[dD][89a-fA-F]/.test(text));

    const { verdicts } = await compared(python, READINGS, null, events);

    const wrong = verdicts.flatMap((ofEvent, i) =>
      ofEvent.flatMap((verdict, j) => (isDifference(verdict) ? [[READINGS[j], verdict, events[i]]] : [])),
    );
    expect(wrong).toEqual([]);
  });
});

function isDifference(verdict: Verdict): boolean {
  return verdict !== null && !verdict.startsWith("skip");
}

/** @param type  of a field that keeps the values; null: as they are */
async function compared(
  python: Python,
  expressions: readonly string[],
  type: FieldType | null,
  events: readonly string[],
) {
  const all = new Expressions(expressions, type);
  const ours = events.map((event) => all.evaluate(event));
  return { ours, verdicts: await python.judge({ expressions, type, events, ours }) };
}

/** The shortest expression found in this one on which both differ still. */
async function smallest(python: Python, part: Part, type: FieldType | null, event: string): Promise<string> {
  let best = part;
  let text = "";
  for (;;) {
    const candidates = [best, ...simpler(best)];
    const texts = candidates.map(textOf);
    const { ours, verdicts } = await compared(python, texts, type, [event]);
    const differing = candidates
      .map((candidate, i) => ({ candidate, text: texts[i]!, verdict: verdicts[0]![i]!, ours: ours[0]![i]! }))
      .filter(({ verdict }) => isDifference(verdict))
      .sort((a, b) => a.text.length - b.text.length);
    const [first] = differing;
    if (first === undefined) return `${textOf(best)} for ${event}`;
    const as = type === null ? "" : ` as ${type}`;
    const shown = `${first.text}${as} → ${shownOf(first.ours)}, in Python ${first.verdict}, for ${shownEvent(first.text, event)}`;
    if (first.candidate === best || first.text === text) return shown;
    best = first.candidate;
    text = first.text;
  }
}

function shownOf(evaluated: Evaluated): string {
  if ("value" in evaluated) return evaluated.value;
  return "fault" in evaluated ? evaluated.fault : `'${evaluated.problem}'`;
}

function shownEvent(text: string, event: string): string {
  return text.includes("source") ? event : "any event";
}
