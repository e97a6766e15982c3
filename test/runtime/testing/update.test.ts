import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { Outcome } from "../../../runtime/testing/perform.ts";
import { updated } from "../../../runtime/testing/update.ts";

const DECISION = {
  id: "test-abc-2-1",
  customer: "7",
  department: "Sport",
  offers: [{ coupon: "87", score: 0.5, rank: 1 }],
  none: null,
};
const REFUSED = { ...DECISION, id: "test-abc-3-1", offers: [], none: { reason: "no-coupon-valid", detail: "none is" } };

const OUTCOME: Outcome = {
  decisions: [DECISION, REFUSED],
  aggregates: { "7": { visit: [{ _identity: "7", stops: 2 }], customer: [] } },
  features: { "7": { "week._identity": "7", "week.stops": 2 }, "8": null },
  deadLetters: [],
};

function update(text: string, outcome: Partial<Outcome> = {}): string {
  return updated(text, parse(text).expect ?? null, { ...OUTCOME, ...outcome }, false);
}

describe("updating a test", () => {
  it("writes the main things where nothing was expected yet", () => {
    expect(update("# What it is about.\nevents: [] # none\n")).toBe(`# What it is about.
events: [] # none
expect:
  decisions:
    - customer: "7"
      department: Sport
      offers:
        - coupon: "87"
    - customer: "7"
      department: Sport
      none:
        reason: no-coupon-valid
  aggregates:
    "7":
      visit:
        - stops: 2
      customer: []
  features:
    "7":
      week.stops: 2
    "8": null
`);
  });

  it("says nothing of aggregates and features where there are none", () => {
    const text = update("events: []\n", { decisions: [], aggregates: { "7": {} }, features: { "7": null } });

    expect(text).toBe("events: []\nexpect:\n  decisions: []\n");
  });

  it("changes what differs, and leaves the rest, comments and style as they were", () => {
    const text = `events: []
expect:
  # The best.
  decisions:
    - { customer: "7", offers: [{ coupon: '1', rank: 1 }] } # of Sport
    - none: { reason: x } # why not

  aggregates: { "7": { visit: [{ stops: 1 }] } }
`;
    expect(update(text)).toBe(`events: []
expect:
  # The best.
  decisions:
    - { customer: "7", offers: [ { coupon: '87', rank: 1 } ] } # of Sport
    - none: { reason: no-coupon-valid } # why not

  aggregates: { "7": { visit: [ { stops: 2 } ] } }
`);
  });

  it("gives what is new the keys of what stands before it", () => {
    expect(parse(update("events: []\nexpect: { decisions: [{ offers: [{ rank: 2 }] }] }\n")).expect).toEqual({
      decisions: [{ offers: [{ rank: 1 }] }, { offers: [] }],
    });
  });

  it("drops what there is no more", () => {
    const text = "events: []\nexpect:\n  decisions:\n    - { customer: a }\n    - { customer: b, nosuch: 1 }\n";

    expect(parse(update(text, { decisions: [] })).expect).toEqual({ decisions: [] });
    expect(parse(update(text)).expect).toEqual({ decisions: [{ customer: "7" }, { customer: "7" }] });
  });

  it("takes one shape for another", () => {
    const text = "events: []\nexpect:\n  features: { '7': null, '8': { week.stops: 1 } }\n";

    expect(parse(update(text)).expect).toEqual({ features: { "7": { "week.stops": 2 }, "8": null } });
  });

  it("names dead letters, as otherwise there must be none", () => {
    const letter = { code: "late", detail: "too late", event: {} };

    expect(parse(update("events: []\nexpect: {}\n", { deadLetters: [letter] })).expect).toEqual({
      deadLetters: [{ code: "late" }],
    });
  });

  it("writes JSON where JSON was", () => {
    const expected = { decisions: [{ customer: "8" }], features: { "7": { "week.stops": 0 } } };
    const text = JSON.stringify({ events: [], expect: expected });

    expect(updated(text, expected, OUTCOME, true)).toBe(
      `${JSON.stringify(
        {
          events: [],
          expect: { decisions: [{ customer: "7" }, { customer: "7" }], features: { "7": { "week.stops": 2 } } },
        },
        null,
        2,
      )}\n`,
    );
  });
});
