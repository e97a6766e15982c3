import { describe, expect, it } from "vitest";
import { limits } from "../../../runtime/limits.ts";
import { faultsOf, pageIn, planOf } from "../../support/plan-text.ts";

const page = (text: string) => pageIn(`version: 1\npages:\n${text}\nactors: []\n`, "samples");

describe("a page of records", () => {
  it("has what its keys say, and is open, shared and waits for 'ready' by default", () => {
    expect(page("  samples: { keys: [lab, sample] }")).toEqual({
      name: "samples",
      parent: null,
      opens: [],
      closes: [],
      timeToLiveMs: Number.POSITIVE_INFINITY,
      keys: [
        { name: "lab", required: true },
        { name: "sample", required: true },
      ],
      goals: [],
      data: null,
      ready: false,
      completes: false,
      lenient: false,
      shared: true,
      ranks: false,
      records: [],
    });
  });

  it("may say all of it", () => {
    const text =
      "  samples: { keys: sample, data: [note], ready: true, complete: all-goals, truth: lenient, shared: false, records: [[a], [b]] }";

    expect(page(text)).toMatchObject({
      keys: [{ name: "sample", required: true }],
      data: ["note"],
      ready: true,
      completes: true,
      lenient: true,
      shared: false,
      records: [["a"], ["b"]],
    });
  });

  it("has the keys of a map in the order of their ranks, required where it says so", () => {
    expect(page("  samples: { keys: { batch: { rank: 2 }, lab: { rank: 1, required: true } } }").keys).toEqual([
      { name: "lab", required: true },
      { name: "batch", required: false },
    ]);
  });

  it("fills up optional keys that a record leaves out", () => {
    const keys = "{ batch: { rank: 2 }, lab: { rank: 1, required: true } }";

    expect(page(`  samples: { keys: ${keys}, records: [[a], [a, "7"]] }`).records).toEqual([
      ["a", ""],
      ["a", "7"],
    ]);
  });

  it("is closed with an empty list of data", () => {
    expect(page("  samples: { keys: [sample], data: [] }").data).toEqual([]);
  });
});

describe("the goals of a page", () => {
  it("are those of its actors and those that they subsume, in the order of the plan", () => {
    const text = `version: 1
pages:
  samples: { keys: [sample] }
  labs: { keys: [lab] }
actors:
  - { goal: c, page: samples, remote: true, subsumes: [x, a] }
  - { goal: b, page: labs, remote: true }
  - { goal: a, page: samples, remote: true }
`;

    expect(planOf(text).pages.map(({ name, goals }) => [name, goals])).toEqual([
      ["samples", ["c", "x", "a"]],
      ["labs", ["b"]],
    ]);
  });
});

describe("a page that events open", () => {
  const TEXT =
    "version: 1\npages:\n  visits: { opens: entry, timeToLive: 1m }\n  focuses: { parent: visits }\nactors: []\n";
  const options = { eventTypes: ["entry"] };

  it("is named by its customer, stays on its node and ends; so do the pages within it", () => {
    expect(pageIn(TEXT, "visits", options)).toMatchObject({
      keys: [{ name: "customer", required: true }],
      shared: false,
      timeToLiveMs: 60_000,
    });
    expect(pageIn(TEXT, "focuses", options)).toMatchObject({
      keys: [{ name: "focus", required: true }],
      shared: false,
      timeToLiveMs: 60_000,
    });
  });

  it.each([
    ["  v: { opens: entry, timeToLive: 1m, ¦keys: [a] }", "this page has no 'keys': its records come from events"],
    ["  v: { opens: entry, timeToLive: 1m, ¦ready: true }", "this page has no 'ready': its records come from events"],
    ["  v: { opens: entry, timeToLive: 1m, ¦shared: true }", "this page has no 'shared': its records come from events"],
    [
      "  v: { opens: entry, timeToLive: 1m }\n  w: { parent: v, ¦records: [[a]] }",
      "this page has no 'records': its records come and go with those of its parent",
    ],
    [
      "  v: { opens: entry, timeToLive: 1m }\n  w: { ¦opens: entry, timeToLive: 1m }",
      "events open the records of 'v': expected one such page",
    ],
  ])("%s: %s", (pages, message) => {
    expect(faultsOf(`version: 1\npages:\n${pages}\nactors: []\n`, options)).toEqual([message]);
  });
});

describe("a plan page", () => {
  const PAGES = "  samples: { keys: [sample] }\n";

  it("has columns of its own, and is ready", () => {
    const text = `version: 1\npages:\n${PAGES}  urgent: { ranks: [samples], records: [[samples, a], [samples, b, x]] }\nactors: []\n`;

    expect(pageIn(text, "urgent")).toMatchObject({
      keys: [
        { name: "page", required: true },
        { name: "record", required: true },
        { name: "goal", required: false },
      ],
      data: ["weight", "expires", "author", "note"],
      ready: true,
      ranks: true,
      records: [
        ["samples", "a", ""],
        ["samples", "b", "x"],
      ],
    });
  });

  it.each([
    ["  urgent: { ranks: [¦sampels] }", "'sampels' is no page of this plan (did you mean 'samples'?)"],
    ["  urgent: { ranks: [¦urgent] }", "'urgent' is a plan page itself"],
    ["  urgent: { ranks: ¦[] }", "expected at least one page whose records it ranks"],
    ["  urgent: { ranks: [samples], ¦keys: [a] }", "this page has no 'keys': a plan page has columns of its own"],
    ["  urgent: { ranks: [samples], ¦ready: true }", "this page has no 'ready': a plan page has columns of its own"],
    [
      "  urgent: { ranks: [samples], records: [[¦sample, a]] }",
      "expected samples, found 'sample' (did you mean 'samples'?)",
    ],
    ["  urgent: { ranks: [samples], records: [¦[samples]] }", "expected 2 to 3 cells (page, record, goal), found 1"],
  ])("%s: %s", (urgent, message) => {
    expect(faultsOf(`version: 1\npages:\n${PAGES}${urgent}\nactors: []\n`)).toEqual([message]);
  });

  it("has no actors", () => {
    const text = `version: 1\npages:\n${PAGES}  urgent: { ranks: [samples] }\nactors:\n  - { goal: a, page: ¦urgent, remote: true }\n`;

    expect(faultsOf(text)).toEqual(["'urgent' is a plan page: expected a page of records"]);
  });
});

describe("a mistake in a page", () => {
  const long = "x".repeat(limits.tokenBytes + 1);

  it.each([
    ["  samples: { ¦kyes: [a] }", /^unknown key 'kyes' \(did you mean 'keys'\?\)$/],
    ["  samples: { keys: ¦7 }", /^expected the name of a key field, a list of them, or a map.*found the number 7$/],
    ["  samples: { keys: [a, ¦7] }", /^expected the name of a key field.*found the number 7$/],
    ["  samples: { keys: { a: { rank: 1, required: true, ¦reqired: true } } }", /^unknown key 'reqired' \(did you/],
    ["  samples: { keys: { a: ¦{ required: true } } }", /^'rank' is missing: expected a whole number/],
    ["  samples: { keys: ¦{ a: { rank: 1 } } }", /^expected at least one key with 'required: true'/],
    ["  samples: { keys: ¦[] }", /^expected at least one key field$/],
    [
      "  samples: { keys: { a: { rank: 1, required: true }, b: { rank: ¦1 } } }",
      /^'a' has the rank 1 too: expected one rank each$/,
    ],
    ["  samples: { keys: [a, ¦a] }", /^the key 'a' stands twice$/],
    ["  samples: { keys: [¦ready] }", /^every page has a column 'ready': expected another name$/],
    ['  samples: { keys: [¦""] }', /^the key '' has no letters: expected a name$/],
    ["  samples: { keys: [a], data: [b, ¦b] }", /^the field 'b' stands twice$/],
    ["  samples: { keys: [a], data: [¦a] }", /^'a' is a key of this page: expected other fields$/],
    ["  samples: { keys: [a], data: [¦complete] }", /^every page has a column 'complete': expected other fields$/],
    ["  samples: { keys: [a], complete: ¦all }", /^expected by-hand or all-goals, found 'all'/],
    [
      "  samples: { keys: [a], truth: ¦leniant }",
      /^expected strict or lenient, found 'leniant' \(did you mean 'lenient'/,
    ],
    ["  samples: { keys: [a], ¦timeToLive: 1m }", /^'timeToLive' goes with 'opens'/],
    ["  samples: { keys: [a], ¦closes: exit }", /^'closes' goes with 'opens'/, ["exit"]],
    ["  samples: { keys: [a] }\n  b: { parent: ¦samples, timeToLive: 1m }", /^no event opens records of 'samples'/],
    ["  samples: { keys: [a], records: [¦[x, y]] }", /^expected 1 cell \(a\), found 2$/],
    ["  samples: { keys: [a, b], records: [[x, y], ¦[x]] }", /^expected 2 cells \(a, b\), found 1$/],
    ["  samples: { keys: [a], records: [[x], ¦[x]] }", /^stands twice: it is record 1 of this list too$/],
    ["  samples: { keys: [a], records: [[¦7]] }", /^expected text, found the number 7 \(write it in quotes\)$/],
    ['  samples: { keys: [a], records: [[¦""]] }', /^the key 'a' is empty: expected text$/],
    [`  samples: { keys: [a], records: [[¦${long}]] }`, /^the key 'a' is 257 bytes long: expected at most 256$/],
    ['  samples: { keys: [a] }\n  ¦"a\\tb": { keys: [a] }', /^the page 'a.b' has a control character in it/],
    ['  samples: { keys: [a] }\n  ¦"": { keys: [a] }', /^the page '' has no letters: expected a name$/],
    ["  samples: { keys: [a] }\n  ¦..: { keys: [a] }", /^the page '\.\.' means a folder in a URL/],
    [`  samples: { keys: [a] }\n  ¦${long}: { keys: [a] }`, /^the page 'x+…' is 257 bytes long: expected at most 256$/],
  ] as [string, RegExp, string[]?][])("%s: %s", (pages, message, eventTypes = []) => {
    expect(faultsOf(`version: 1\npages:\n${pages}\nactors: []\n`, { eventTypes })).toEqual([
      expect.stringMatching(message),
    ]);
  });

  it("is that there are more pages, or columns, than are dealt with", () => {
    const pages = Array.from({ length: limits.planPages + 1 }, (_, i) => `  p${i}: { keys: [a] }\n`).join("");
    expect(faultsOf(`version: 1\npages:\n  ¦${pages.trimStart()}actors: []\n`)).toEqual([
      `there are ${limits.planPages + 1} pages: expected at most ${limits.planPages}`,
    ]);

    const data = Array.from({ length: limits.pageColumns }, (_, i) => `d${i}`).join(", ");
    expect(faultsOf(`version: 1\npages:\n  ¦samples: { keys: [a], data: [${data}] }\nactors: []\n`)).toEqual([
      `has ${limits.pageColumns + 3} columns: expected at most ${limits.pageColumns}`,
    ]);
  });
});
