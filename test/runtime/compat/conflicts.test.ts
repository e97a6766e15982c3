import { describe, expect, it } from "vitest";
import { type ConflictRules, findConflict, type Process, patternOf } from "../../../runtime/compat/conflicts.ts";
import type { Dialect } from "../../../runtime/compat/dialect.ts";

const SELF = { name: "taskA_agent.rb", pid: 12 };

function find(rules: Partial<ConflictRules>, commands: readonly (string | Process)[], dialect: Dialect = "ruby") {
  const table = commands.map((each, i) => (typeof each === "string" ? { pid: 9_000 + i, command: each } : each));
  return findConflict({ maxSelves: null, conflictsWith: null, ...rules }, SELF, () => table, dialect);
}

describe("a process table", () => {
  it("is not read without rules", async () => {
    const unreadable = () => {
      throw new Error("no");
    };

    expect(await findConflict({ maxSelves: null, conflictsWith: null }, SELF, unreadable, "ruby")).toBeNull();
  });

  it("counts as a conflict when it can't be read", async () => {
    const unreadable = async () => {
      throw new Error("ps is not there");
    };

    const found = await findConflict({ maxSelves: 3, conflictsWith: null }, SELF, unreadable, "ruby");

    expect(found).toMatchObject({ reason: "conflict", detail: expect.stringContaining("ps is not there") });
  });

  it("lets so many others be, and no more", async () => {
    const other = "ruby taskA_agent.rb x";

    expect(await find({ maxSelves: 2 }, [other])).toBeNull();
    expect(await find({ maxSelves: 2 }, [other, other])).toMatchObject({ reason: "max-selves" });
  });

  it("counts each pattern on its own", async () => {
    const conflictsWith = { taskB: 1, "task[CD]_agent": 2 };

    expect(await find({ conflictsWith }, ["ruby taskC_agent.rb", "ruby taskE_agent.rb"])).toBeNull();
    expect(await find({ conflictsWith }, ["ruby taskC_agent.rb", "ruby taskD_agent.rb"])).toEqual({
      reason: "conflict",
      detail: "conflicts with task[CD]_agent",
    });
    expect(await find({ conflictsWith }, ["ruby taskB_agent.rb"])).toMatchObject({ detail: "conflicts with taskB" });
  });

  it("says what comes first in it, selves before others", async () => {
    const rules = { maxSelves: 1, conflictsWith: { taskB: 1, taskA: 1 } };

    expect(await find(rules, ["ruby taskB_agent.rb", "ruby taskA_agent.rb"])).toMatchObject({ reason: "conflict" });
    expect(await find(rules, ["ruby taskA_agent.rb", "ruby taskB_agent.rb"])).toMatchObject({ reason: "max-selves" });
  });

  it.each(["emacs taskA_agent.rb", "/usr/bin/vim taskA_agent.rb", "vi taskA_agent.rb", "pico taskA_agent.rb"])(
    "does not take '%s' for an agent",
    async (command) => {
      expect(await find({ maxSelves: 1 }, [command])).toBeNull();
    },
  );

  it("takes a name that only holds an editor's for an agent", async () => {
    expect(await find({ conflictsWith: { review: 1 } }, ["ruby review_agent.rb"])).not.toBeNull();
  });

  it("leaves out terminals and daemons in Perl only", async () => {
    for (const command of ["SCREEN -S taskA_agent.rb", "[taskA_agent.rb]"]) {
      expect(await find({ maxSelves: 1 }, [command], "perl")).toBeNull();
      expect(await find({ maxSelves: 1 }, [command], "ruby")).not.toBeNull();
    }
  });

  it("is searched for the own number as a text, as in the original", async () => {
    const command = "ruby taskA_agent.rb";

    expect(await find({ maxSelves: 1 }, [{ pid: 12, command }])).toBeNull();
    expect(await find({ maxSelves: 1 }, [{ pid: 1_234, command }])).toBeNull();
    expect(await find({ maxSelves: 1 }, [{ pid: 9_000, command }])).not.toBeNull();
  });

  it("is searched for patterns that can be read", () => {
    expect(() => patternOf("task(")).toThrow(/expected a pattern on command lines, found 'task\('/);
  });
});
