import { beforeEach, describe, expect, it } from "vitest";
import { configOf } from "../../../runtime/compat/config.ts";
import { MemorySheet } from "../../../runtime/compat/memory-sheet.ts";
import { CompatRunner, type Launch, type RunnerParams, type Scripts } from "../../../runtime/compat/runner.ts";
import type { Sheet } from "../../../runtime/compat/sheet.ts";
import { AisleError } from "../../../runtime/errors.ts";
import { limits } from "../../../runtime/limits.ts";
import { VirtualTime } from "../../support/virtual-time.ts";

const CONFIG = configOf({ key_fields: { lab: { rank: 1, required: true }, batch: { rank: 2 }, sample: { rank: 3 } } });
const HEADER = ["sample", "lab", "batch", "ready", "taskA", "taskB", "complete"];
const ROWS = [
  { lab: "lab1", sample: "a", ready: "1" },
  { lab: "lab1", sample: "b", batch: "7 x;y" },
];

let time: VirtualTime;
let sheet: MemorySheet;
let started: Launch[];
let atWork: number;
let atWorkMost: number;
let terminal: string;

beforeEach(() => {
  time = new VirtualTime();
  sheet = new MemorySheet(time, {
    one: { header: HEADER, rows: ROWS },
    two: { header: HEADER, rows: ROWS },
  });
  started = [];
  atWork = 0;
  atWorkMost = 0;
  terminal = "";
});

/** Agents for tasks, each of which takes a minute. */
const scripts: Scripts = {
  isExecutable: ({ goal }) => goal.startsWith("task"),
  run: async (launch) => {
    started.push(launch);
    atWorkMost = Math.max(atWorkMost, ++atWork);
    await time.sleep(60_000);
    atWork--;
  },
};

function runner(params: Partial<RunnerParams> = {}, of: Sheet = sheet, own: Scripts = scripts): CompatRunner {
  const print = (text: string) => {
    terminal += text;
  };
  return new CompatRunner(
    { config: CONFIG, sleepBetween: 0, agentBin: "/bin/agents", ...params },
    { sheet: of, sleep: time.sleep, terminal: print, scripts: own },
  );
}

async function walk(made: CompatRunner, ...args: Parameters<CompatRunner["run"]>) {
  const report = await time.until(made.run(...args));
  const atReturn = atWork;
  await time.until(report.ended);
  return { ...report, atReturn };
}

describe("a runner", () => {
  it("starts the agent of every column, with the key in rank order, each cell in its place", async () => {
    const { pages, entries, launched } = await walk(runner({ onlyPages: ["one"] }));

    expect([pages, entries, launched]).toEqual([["one"], 2, 4]);
    expect(started.map(({ script, args }) => [script, ...args])).toEqual([
      ["/bin/agents/taskA_agent.rb", "lab1", "", "a"],
      ["/bin/agents/taskB_agent.rb", "lab1", "", "a"],
      ["/bin/agents/taskA_agent.rb", "lab1", "7 x;y", "b"],
      ["/bin/agents/taskB_agent.rb", "lab1", "7 x;y", "b"],
    ]);
  });

  it("names scripts as the dialect does", async () => {
    await walk(runner({ onlyPages: ["one"], dialect: "perl" }));

    expect(started[0]!.script).toBe("/bin/agents/taskA_agent.pl");
  });

  it("lets agents run side by side, and returns while they run", async () => {
    const { atReturn } = await walk(runner());

    expect([atReturn, atWorkMost]).toEqual([8, 8]);
  });

  it("lets one end before the next begins when it is to", async () => {
    const { atReturn } = await walk(runner({ runInSerial: true }));

    expect([atReturn, atWorkMost, time.now()]).toEqual([0, 1, 8 * 60_000]);
  });

  it("starts no more at once than are allowed outside of this process", async () => {
    const rows = Array.from({ length: limits.outsideRuns }, (_, i) => ({ lab: `lab${i}`, sample: "a" }));
    sheet.add("two", { header: HEADER, rows });

    await walk(runner());

    expect([started.length, atWorkMost]).toEqual([2 * limits.outsideRuns + 4, limits.outsideRuns]);
  });

  it("goes on when an agent can't be started", async () => {
    const broken: Scripts = {
      isExecutable: () => true,
      run: async () => {
        throw new Error("no such file");
      },
    };

    const { launched } = await walk(runner({ debug: true }, sheet, broken));

    expect(launched).toBe(2 * 2 * HEADER.length);
    expect(terminal).toContain("no such file");
  });

  it("does not run what a column's name would lead to outside of its folder", async () => {
    sheet.add("one", { header: ["lab", "../../bin/evil", "task/A"], rows: [{ lab: "lab1" }] });
    const anything: Scripts = { ...scripts, isExecutable: () => true };

    await walk(runner({ onlyPages: ["one"] }, sheet, anything));

    expect(started.map(({ goal }) => goal)).toEqual(["lab"]);
  });

  it("refuses pages to run together with pages to skip", () => {
    expect(() => runner({ onlyPages: ["one"], skipPages: ["two"] })).toThrow(/found both/);
  });

  it("asks its rules for pages when they are set, not when it runs", async () => {
    const only = runner().onlyPagesIf(() => true);
    const skip = runner().skipPagesIf(() => true);
    sheet.add("three", { header: HEADER, rows: ROWS });

    expect((await walk(only)).pages).toEqual(["one", "two"]);
    expect((await walk(skip)).pages).toEqual(["three"]);
    expect((await walk(skip.allPages())).pages).toEqual(["one", "two", "three"]);
  });

  it("tells of a sheet that is away when it runs, not when its rules are set", async () => {
    const away: Sheet = {
      titles: () => Promise.reject(new AisleError("unavailable", "the service is away")),
      open: (title) => sheet.open(title),
    };
    const made = runner({}, away).onlyPagesIf(() => true);

    await expect(walk(made)).rejects.toThrow("the service is away");
  });

  it("collects all records before it works on the first", async () => {
    const seen: string[] = [];
    await walk(runner(), async (entry, page) => {
      seen.push(`${page.title} ${entry.get("sample")}`);
      if (seen.length > 1) return;
      sheet.insert("two", 0, { lab: "lab1", sample: "new" });
      sheet.put("two", 1, "ready", "later");
    });

    expect(seen).toEqual(["one a", "one b", "two a", "two b"]);
  });

  it("hands the records to a body that saves the page itself", async () => {
    await walk(runner({ onlyPages: ["one"] }), async (entry, page) => {
      entry.set("taskA", "1");
      if (entry.get("sample") === "b") await page.save();
    });
    await walk(runner({ onlyPages: ["two"] }), (entry) => entry.set("taskA", "1"));

    expect(sheet.show("one").map(({ taskA }) => taskA)).toEqual(["1", "1"]);
    expect(sheet.show("two").map(({ taskA }) => taskA)).toEqual(["", ""]);
    expect(started).toEqual([]);
  });

  it("calls a body in a dry run in Perl only", async () => {
    const calls = { ruby: 0, perl: 0 };
    for (const dialect of ["ruby", "perl"] as const) {
      await walk(runner({ dryRun: true, dialect, onlyPages: ["one"] }), () => {
        calls[dialect]++;
      });
    }

    expect(calls).toEqual({ ruby: 0, perl: 2 });
    expect(terminal).toContain("Would run one lab1  a\n");
  });

  it("sleeps after each column and each record", async () => {
    await walk(runner({ sleepBetween: 5, runInSerial: true, dryRun: true }));

    expect(time.now()).toBe(2 * 2 * (HEADER.length + 1) * 5_000);
  });

  it("passes over what Perl's filters name, until others are set", async () => {
    sheet.put("one", 0, "taskA", "F:host-b");
    sheet.put("one", 1, "ready", "yes");
    sheet.put("one", 1, "complete", "0");
    const made = runner({ onlyPages: ["one"], defaultFilters: true });

    await walk(made);
    expect(started.map(({ goal, args }) => `${goal} ${args[2]}`)).toEqual(["taskB a", "taskA b", "taskB b"]);

    started = [];
    await walk(made.skipGoal((goal) => goal !== "taskA"));
    expect(started.map(({ goal, args }) => `${goal} ${args[2]}`)).toEqual(["taskA a", "taskA b"]);
  });
});
