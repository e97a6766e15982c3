import { describe, expect, it } from "vitest";
import { compare } from "../../../runtime/testing/compare.ts";

describe("what is expected against what came out", () => {
  it.each([
    [{ a: 1 }, { a: 1, b: 2 }],
    [[{ a: 1 }], [{ a: 1, b: [1, 2] }]],
    [{ a: { b: null } }, { a: { b: null, c: 0 } }],
    [{}, { a: 1 }],
    [[], []],
    ["7", "7"],
  ])("%j is found in %j", (expected, got) => {
    expect(compare(expected, got)).toEqual([]);
  });

  it.each([
    ["another value", { a: [1, 2] }, { a: [1, 3] }, [["a[1]", 2, 3]]],
    ["a text for a number", { a: 7 }, { a: "7" }, [["a", 7, "7"]]],
    ["a key that is not there", { a: { b: 1 } }, { a: {} }, [["a.b", 1, undefined]]],
    ["a key that only objects have", { toString: 1 }, {}, [["toString", 1, undefined]]],
    ["too few elements", { a: [1, { b: 2 }] }, { a: [1] }, [["a[1]", { b: 2 }, undefined]]],
    ["too many elements", { a: [] }, { a: [1] }, [["a[0]", undefined, 1]]],
    ["a list for a map", { a: {} }, { a: [] }, [["a", {}, []]]],
    ["null for a map", { a: { b: 1 } }, { a: null }, [["a", { b: 1 }, null]]],
    ["a name with other signs", { "now.stops": { "": 1 } }, { "now.stops": {} }, [['["now.stops"][""]', 1, undefined]]],
  ])("finds %s", (_, expected, got, differences) => {
    expect(compare(expected, got)).toEqual(
      differences.map(([path, wanted, found]) => ({ path, expected: wanted, got: found })),
    );
  });

  it("finds all that differs", () => {
    const differences = compare({ a: 1, b: [{ c: 1 }, { c: 2 }] }, { a: 2, b: [{ c: 2 }, { c: 3 }] });

    expect(differences.map(({ path }) => path)).toEqual(["a", "b[0].c", "b[1].c"]);
  });
});
