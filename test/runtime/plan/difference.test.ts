import { describe, expect, it } from "vitest";
import { AisleError } from "../../../runtime/errors.ts";
import { differenceOf } from "../../../runtime/plan/difference.ts";
import type { PageConfig, Plan, PlannedActor } from "../../../runtime/site.ts";
import { pageConfig, plannedActor } from "../../support/plans.ts";

const planOf = (pages: readonly PageConfig[], actors: readonly PlannedActor[] = []): Plan => ({ pages, actors });

const JOBS = pageConfig("jobs", { goals: ["build"] });
const BUILD = plannedActor("build");
const VISITS = pageConfig("visits", { opens: ["entry"], ready: false });
const FOCUSES = pageConfig("focuses", { parent: "visits" });
const OFFER = plannedActor("offer", { page: "focuses", kind: "shipped", on: [] });
const BASE = planOf([JOBS, VISITS, FOCUSES], [BUILD, OFFER]);

/** What a change is refused with. */
function refusal(before: Plan, after: Plan, resting: readonly PageConfig[] = []): string {
  try {
    differenceOf(before, after, resting);
  } catch (error) {
    if (error instanceof AisleError && error.code === "conflict") return error.message;
    throw error;
  }
  return "";
}

describe("the difference of two plans", () => {
  it("is nothing between a plan and itself, read twice", () => {
    expect(differenceOf(BASE, structuredClone(BASE))).toEqual({ added: [], changed: [], removed: [] });
  });

  it("names pages, and goals with their page", () => {
    const other = pageConfig("other", { goals: ["clean"] });
    const after = planOf(
      [{ ...JOBS, lenient: true, goals: ["check"] }, VISITS, FOCUSES, other],
      [plannedActor("check"), OFFER, plannedActor("clean", { page: "other" })],
    );

    expect(differenceOf(BASE, after)).toEqual({
      added: ["other", "jobs check", "other clean"],
      changed: ["jobs"],
      removed: ["jobs build"],
    });
  });

  it("does not count the goals of a page, which are its actors'", () => {
    const after = planOf(
      [{ ...JOBS, goals: ["build", "check"] }, VISITS, FOCUSES],
      [BUILD, OFFER, plannedActor("check")],
    );

    expect(differenceOf(BASE, after)).toEqual({ added: ["jobs check"], changed: [], removed: [] });
  });

  it.each<[string, Partial<PlannedActor>]>([
    ["a limit", { maxSelves: 2 }],
    ["a prerequisite", { prerequisites: ["note"] }],
    ["a time", { timeoutMs: 1 }],
    ["its kind", { kind: "person", person: { who: [], dueMs: null } }],
  ])("sees %s of an actor change", (_, more) => {
    expect(differenceOf(BASE, planOf(BASE.pages, [{ ...BUILD, ...more }, OFFER])).changed).toEqual(["jobs build"]);
  });

  it("tells no limit from the greatest", () => {
    const limited = planOf(BASE.pages, [{ ...BUILD, maxSelves: Number.MAX_VALUE }, OFFER]);

    expect(differenceOf(limited, BASE).changed).toEqual(["jobs build"]);
  });
});

describe("what only a restart can change", () => {
  it.each<[string, Plan]>([
    ["'visits' is fed by events", planOf([JOBS, { ...VISITS, timeToLiveMs: 1 }, FOCUSES], BASE.actors)],
    ["'visits' is fed by events", planOf([JOBS, FOCUSES], BASE.actors)],
    ["'focuses' is fed by events", planOf([JOBS, VISITS, { ...FOCUSES, parent: null }], BASE.actors)],
    ["'more' is fed by events", planOf([...BASE.pages, pageConfig("more", { opens: ["entry"] })], BASE.actors)],
    ["'focuses offer' is an actor that ships", planOf(BASE.pages, [BUILD, { ...OFFER, with: { threshold: 1 } }])],
    ["'focuses offer' is an actor that ships", planOf(BASE.pages, [BUILD])],
    ["'focuses offer' is an actor that ships", planOf(BASE.pages, [BUILD, { ...OFFER, kind: "module" }])],
    [
      "'jobs' has other key fields",
      planOf([{ ...JOBS, keys: [{ name: "no", required: true }] }, VISITS, FOCUSES], BASE.actors),
    ],
  ])("%s", (what, after) => {
    expect(refusal(BASE, after)).toBe(`${what}: that takes a restart; nothing was changed`);
  });

  it("has key fields of a page that rests, and comes back with others", () => {
    const without = planOf([VISITS, FOCUSES], [OFFER]);
    const otherKeys = planOf(
      [{ ...JOBS, keys: [...JOBS.keys, { name: "lab", required: true }] }, VISITS, FOCUSES],
      [OFFER],
    );

    expect(refusal(without, otherKeys, [JOBS, VISITS, FOCUSES])).toContain("'jobs' has other key fields");
    expect(differenceOf(without, BASE, [JOBS, VISITS, FOCUSES]).added).toEqual(["jobs", "jobs build"]);
  });
});
