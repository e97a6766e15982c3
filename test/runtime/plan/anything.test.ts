import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { actors } from "../../../actors/index.ts";
import { SiteError } from "../../../runtime/errors.ts";
import { loadPlan } from "../../../runtime/plan.ts";

const PLAN = `version: 1
pages:
  visits: { opens: [entry, focus], closes: exit, timeToLive: 30m }
  focuses: { parent: visits }
  samples: { keys: { lab: { rank: 1, required: true }, batch: { rank: 2 } }, data: [note], records: [[a, b]] }
  labs: { keys: [lab], ready: true, complete: all-goals, truth: lenient }
  urgent: { ranks: [samples, labs], records: [[labs, x, cleaned]] }
actors:
  - goal: context
  - { goal: cleaned, page: labs, remote: true, conflicts: { told: { limit: 2, scope: site } }, maxSelves: 3 }
  - { goal: told, page: samples, person: { who: [ann], due: 2d }, layer: 1, inhibits: { port: seen, match: lab, for: 1m } }
  - { goal: seen, page: samples, remote: true, prerequisites: [told, note], retries: { max: 1, backoff: 1s } }
`;

/** The mistakes that it is refused for. @throws what is no SiteError */
function mistakesIn(text: string): number {
  try {
    loadPlan(text, "plan.yml", actors as never, { eventTypes: ["entry", "focus", "exit"] });
    return 0;
  } catch (error) {
    if (!(error instanceof SiteError)) throw error;
    return error.mistakes.length;
  }
}

describe("whatever stands in a plan", () => {
  const words =
    "visits samples labs urgent context cleaned told seen note lab ready complete node site record offers 1 0 -1 1e9 10m 0s true null [] {} [[]] x".split(
      " ",
    );

  it("is a plan as it stands above", () => {
    expect(mistakesIn(PLAN)).toBe(0);
  });

  it("nothing but a SiteError is thrown: words put in the place of others", () => {
    const places = [...PLAN.matchAll(/[\w-]+/g)];
    const swap = fc.record({
      place: fc.nat(places.length - 1),
      word: fc.constantFrom(...words, "constructor", "__proto__"),
    });
    fc.assert(
      fc.property(fc.array(swap, { minLength: 1, maxLength: 4 }), (swaps) => {
        let text = PLAN;
        // From the end, so that places before stay where they are.
        for (const { place, word } of swaps.toSorted((a, b) => b.place - a.place)) {
          const { index, 0: old } = places[place]!;
          text = text.slice(0, index) + word + text.slice(index + old.length);
        }
        mistakesIn(text);
      }),
      { numRuns: 300 },
    );
  });

  it("nothing but a SiteError is thrown: values of any kind under the keys there are", () => {
    const keys =
      "keys data ready complete truth shared records parent opens closes timeToLive ranks rank required goal page command module remote person who due prerequisites conflicts limit scope maxSelves subsumes layer inhibits suppresses port match for timeout lease retries max backoff backoffMax onLapse on with".split(
        " ",
      );
    const { map } = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: "small" },
        fc.constantFrom(...words),
        fc.string(),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        tie("list"),
        tie("map"),
      ),
      list: fc.array(tie("any"), { maxLength: 3 }),
      map: fc.dictionary(fc.oneof(fc.constantFrom(...keys), fc.constantFrom(...words)), tie("any"), { maxKeys: 5 }),
    }));
    fc.assert(
      fc.property(map, fc.array(map, { maxLength: 3 }), (page, lines) => {
        mistakesIn(JSON.stringify({ version: 1, pages: { samples: page, labs: { keys: ["lab"] } }, actors: lines }));
      }),
      { numRuns: 1_000 },
    );
  });
});
