import { describe, expect, it } from "vitest";
import { faultsOf, planOf, SAMPLES } from "../../support/plan-text.ts";
import { prng } from "../../support/prng.ts";
import { mistakesOf } from "../../support/site.ts";

const CLOSED = "version: 1\npages:\n  samples: { keys: [sample], data: [approved] }\nactors:\n";
const TWO = "version: 1\npages:\n  samples: { keys: [sample] }\n  labs: { keys: [lab] }\nactors:\n";
const remote = (goal: string, more = "") => `  - { goal: ${goal}, remote: true${more === "" ? "" : `, ${more}`} }\n`;

describe("what a goal waits for", () => {
  it.each([
    ["a goal of its page", SAMPLES + remote("measured") + remote("told", "prerequisites: measured")],
    ["a person's goal", `${SAMPLES}  - { goal: passed, person: true }\n${remote("told", "prerequisites: passed")}`],
    ["a goal that another subsumes", SAMPLES + remote("all", "subsumes: part") + remote("told", "prerequisites: part")],
    ["a key", SAMPLES + remote("told", "prerequisites: sample")],
    ["a field of a closed page", CLOSED + remote("told", "prerequisites: approved")],
    ["'ready'", CLOSED + remote("told", "prerequisites: ready")],
    [
      "the next of a series that others are of",
      SAMPLES + remote("taskA") + remote("step9") + remote("c", "prerequisites: [taskB, step12]"),
    ],
    ["any field of an open page", SAMPLES + remote("told", "prerequisites: agreed_by_ann")],
  ])("may be %s", (_, text) => {
    expect(planOf(text).actors).not.toHaveLength(0);
  });

  it.each([
    [
      SAMPLES + remote("measured") + remote("told", "prerequisites: ¦mesured"),
      "'told' waits for 'mesured', which nobody of this plan fills (did you mean 'measured'?); if not, what people fill is '- goal: mesured' with 'person: true'",
    ],
    [
      CLOSED + remote("told", "prerequisites: [¦aproved]"),
      "'told' waits for 'aproved', which is no column of the page 'samples' (did you mean 'approved'?)",
    ],
    [
      CLOSED + remote("told", "prerequisites: [approved, ¦elsewhere]"),
      "'told' waits for 'elsewhere', which is no column of the page 'samples'",
    ],
    [
      TWO + remote("cleaned", "page: labs") + remote("told", "page: samples, prerequisites: ¦cleaned"),
      "'told' waits for 'cleaned' of the page 'labs': expected a goal of 'samples'",
    ],
    [
      SAMPLES + remote("told", "prerequisites: ¦complete"),
      "'told' waits for 'complete': nothing starts once a record is complete",
    ],
  ])("is refused: %s %s", (text, message) => {
    expect(faultsOf(text)).toEqual([message]);
  });

  it("is not told of again when its own line is at fault", () => {
    const text = `${SAMPLES}  - { goal: measured, page: ¦nowhere, remote: true }\n${remote("told", "prerequisites: measured")}`;

    expect(faultsOf(text)).toEqual(["there is no page 'nowhere'"]);
  });
});

describe("what a goal subsumes", () => {
  it.each([
    [SAMPLES + remote("a", "subsumes: ¦a"), "'a' subsumes 'a': a goal that is done holds by itself"],
    [
      SAMPLES + remote("a", "subsumes: ¦b, prerequisites: b"),
      "'a' subsumes 'b', which it waits for: that holds before",
    ],
    [
      TWO + remote("a", "page: samples, subsumes: ¦b") + remote("b", "page: labs"),
      "'a' subsumes 'b' of the page 'labs': expected a goal of 'samples'",
    ],
    [SAMPLES + remote("a", "subsumes: [¦sample]"), "'a' subsumes 'sample', which is no goal"],
    [SAMPLES + remote("a", "subsumes: [¦ready]"), "'a' subsumes 'ready', which is no goal"],
    [CLOSED + remote("a", "subsumes: [¦approved]"), "'a' subsumes 'approved', which is no goal"],
    [CLOSED + remote("a", "subsumes: [¦other]"), "'a' subsumes 'other', which is no column of the page 'samples'"],
    [
      SAMPLES + remote("measured") + remote("a", "subsumes: ¦mesured"),
      "'a' subsumes 'mesured', which nobody of this plan fills (did you mean 'measured'?); if not, give 'mesured' an actor",
    ],
  ])("is refused: %s %s", (text, message) => {
    expect(faultsOf(text)).toEqual([message]);
  });
});

describe("a conflict", () => {
  it("may be with oneself, and with what one waits for", () => {
    const text =
      SAMPLES + remote("b") + remote("a", "conflicts: { a: 1, b: { limit: 1, scope: record } }, prerequisites: b");

    expect(planOf(text).actors[1]!.conflicts).toHaveLength(2);
  });

  it.each([
    [
      SAMPLES + remote("measured") + remote("a", "conflicts: { ¦mesured: 1 }"),
      "no actor owns the goal 'mesured' (did you mean 'measured'?)",
    ],
    [
      SAMPLES + remote("b") + remote("a", "conflicts: { b: { limit: ¦2, scope: record } }"),
      "at most one works on a goal of a record: expected 1, found 2",
    ],
    [
      TWO + remote("b", "page: labs") + remote("a", "page: samples, conflicts: { ¦b: { limit: 1, scope: record } }"),
      "no record has both goals: 'b' is one of the page 'labs'",
    ],
    [
      SAMPLES + remote("b") + remote("a", "conflicts: { b: { limit: ¦300, scope: site } }"),
      "expected at most 256 for the whole site, found 300",
    ],
  ])("is refused: %s %s", (text, message) => {
    expect(faultsOf(text)).toEqual([message]);
  });
});

describe("goals that wait for each other", () => {
  it("are told once for each circle, and not those that only lead into it", () => {
    const text =
      SAMPLES +
      remote("into", "prerequisites: a") +
      remote("a", "prerequisites: b") +
      remote("b", "prerequisites: a") +
      remote("c", "prerequisites: c") +
      remote("d");

    expect(mistakesOf(() => planOf(text))).toEqual([
      "plan.yml:6:13: goals wait for each other in a circle: a → b → a",
      "plan.yml:8:13: goals wait for each other in a circle: c → c",
    ]);
  });

  it("are fine when another achieves what closes the circle", () => {
    const text =
      SAMPLES + remote("a", "prerequisites: b") + remote("b", "prerequisites: a") + remote("c", "subsumes: b");

    expect(planOf(text).actors).toHaveLength(3);
  });

  it("are found wherever they are, and only where they are", () => {
    const seed = 41;
    const random = prng(seed);
    for (let round = 0; round < 200; round++) {
      const size = 2 + Math.floor(random() * 12);
      // Edges to earlier goals only: no circle. One edge back makes one.
      const waits = Array.from({ length: size }, (_, i) => (i === 0 ? [] : [Math.floor(random() * i)]));
      const text = () =>
        SAMPLES + waits.map((on, i) => remote(`g${i}x`, `prerequisites: [${on.map((j) => `g${j}x`)}]`)).join("");
      expect(
        mistakesOf(() => planOf(text())),
        `seed ${seed}, round ${round}`,
      ).toEqual([]);

      const last = size - 1;
      let root = last;
      while (waits[root]!.length > 0) root = waits[root]![0]!;
      waits[root]!.push(last);
      expect(
        mistakesOf(() => planOf(text())),
        `seed ${seed}, round ${round}`,
      ).toEqual([expect.stringContaining("goals wait for each other in a circle")]);
    }
  });
});
