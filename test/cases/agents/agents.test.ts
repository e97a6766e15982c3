import { describe, expect, it } from "vitest";
import { readCases, refuseOthers } from "./cases.ts";
import { expectSeen } from "./expectations.ts";
import { perform } from "./ops.ts";
import { World } from "./world.ts";

const cases = readCases();

describe("as spreadsheet_agent, in compatibility mode", () => {
  for (const each of cases) {
    it(each.name, async () => {
      const { action, expected, ...rest } = each;
      refuseOthers("case", rest, ["name", "kind", "source", "setup", "note"]);
      expect(expected).toHaveLength(action.length);
      const world = new World(each);
      for (const [i, next] of action.entries()) expectSeen(await perform(world, next), expected[i]!, world);
    });
  }
});

describe("the recorded cases", () => {
  it("are there", () => {
    expect(cases.length).toBeGreaterThan(0);
  });
});
