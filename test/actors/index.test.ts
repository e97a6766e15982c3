import { describe, expect, it } from "vitest";
import { actors } from "../../actors/index.ts";
import { defineActor } from "../../runtime/actor.ts";

describe("the actors", () => {
  it("each own a goal of their own", () => {
    expect(new Set(actors.map(({ goal }) => goal)).size).toBe(actors.length);
  });

  it("only wait for goals that another of them owns", () => {
    const goals: string[] = actors.map(({ goal }) => goal);

    for (const { prerequisites } of actors) expect(goals).toEqual(expect.arrayContaining([...prerequisites]));
  });

  it("have defaults within the bounds that they declare", () => {
    for (const { goal, params } of actors) {
      for (const [name, param] of Object.entries(params)) {
        expect(param.default >= param.min && param.default <= param.max, `${goal}.${name}`).toBe(true);
      }
    }
  });
});

describe("defineActor", () => {
  const least = { goal: "greeted", page: "visits", output: "derived", params: {}, handle: () => null } as const;

  it("fills in what most actors leave alone", () => {
    expect(defineActor(least)).toMatchObject({ prerequisites: [], conflicts: {}, subsumes: [], layer: 0, on: [] });
    expect(defineActor(least).maxSelves).toBe(Number.POSITIVE_INFINITY);
  });

  it("refuses a goal that requires itself", () => {
    expect(() => defineActor({ ...least, prerequisites: ["greeted"] })).toThrow(
      new TypeError("'greeted' requires itself"),
    );
  });

  it("refuses an actor of which there may be none", () => {
    expect(() => defineActor({ ...least, maxSelves: 0 })).toThrow(RangeError);
  });

  it("can't be changed afterwards", () => {
    expect(Object.isFrozen(defineActor(least))).toBe(true);
  });
});
