import { beforeEach, describe, expect, it } from "vitest";
import { Agent, type AgentParams, type AgentPorts, type Body } from "../../../runtime/compat/agent.ts";
import { configOf } from "../../../runtime/compat/config.ts";
import { MemorySheet } from "../../../runtime/compat/memory-sheet.ts";
import type { CompatNotice } from "../../../runtime/compat/notice.ts";
import { limits } from "../../../runtime/limits.ts";
import { prng } from "../../support/prng.ts";
import { VirtualTime } from "../../support/virtual-time.ts";

const SECOND = 1_000; // ms
const MINUTE = 60 * SECOND;
const SEED = Number(process.env.AISLE_SEED ?? 20_261_126);

const CONFIG = configOf({
  reply_email: "agent@example.test",
  send_to: "ops@example.test",
  key_fields: { lab: { rank: 1, required: true }, sample: { rank: 2, required: true }, batch: { rank: 3 } },
});
const HEADER = ["lab", "sample", "batch", "ready", "taskA", "taskB", "note", "complete"];
const KEYS = { lab: "lab1", sample: "a" };

let time: VirtualTime;
let sheet: MemorySheet;
let notices: CompatNotice[];
let terminal: string;

beforeEach(() => {
  time = new VirtualTime();
  const rows = [
    { lab: "lab1", sample: "b", ready: "1" },
    { lab: "lab1", sample: "a", ready: "1" },
  ];
  sheet = new MemorySheet(time, { samples: { header: HEADER, rows } });
  notices = [];
  terminal = "";
});

function agent(params: Partial<AgentParams> = {}, ports: Partial<AgentPorts> = {}): Agent {
  return new Agent(
    { agentName: "taskA", pageName: "samples", keys: KEYS, config: CONFIG, ...params },
    {
      ...{ sheet, clock: time, sleep: time.sleep, host: "host-a", pid: null, processes: () => [] },
      terminal: (text) => {
        terminal += text;
      },
      notify: (notice) => void notices.push(notice),
      ...ports,
    },
  );
}

const process_ = (body: Body, params: Partial<AgentParams> = {}, ports: Partial<AgentPorts> = {}) =>
  time.until(agent(params, ports).process(body));

const row = () => sheet.show("samples")[1]!;

describe("an agent", () => {
  it("does its work and writes what came of it into the row of its key", async () => {
    const { outcome, ruby, perl } = await process_(() => [true, { note: "fine", batch: 7 }]);

    expect([outcome.kind, ruby, perl]).toEqual(["done", true, true]);
    expect(row()).toMatchObject({ taskA: "1", note: "fine", batch: "7" });
    expect(sheet.show("samples")[0]).toMatchObject({ taskA: "", note: "" });
  });

  it("finds its row where it stands by then", async () => {
    await process_(() => {
      sheet.insert("samples", 0, { lab: "lab0", sample: "a" });
      return true;
    });

    expect(sheet.show("samples").map(({ lab, sample, taskA }) => [lab, sample, taskA])).toEqual([
      ["lab0", "a", ""],
      ["lab1", "b", ""],
      ["lab1", "a", "1"],
    ]);
  });

  it("has an error when its row is gone by then", async () => {
    const { outcome } = await process_(() => {
      sheet.add("samples", { header: HEADER, rows: [] });
      return true;
    });

    expect(outcome).toMatchObject({ kind: "error", detail: expect.stringContaining("is gone") });
  });

  it("keeps what a person writes into other cells while it works", async () => {
    await process_(() => {
      sheet.put("samples", 1, "note", "by hand");
      return true;
    });

    expect(row()).toMatchObject({ taskA: "1", note: "by hand" });
  });

  it("takes what is left of an answer for failure", async () => {
    for (const nothing of [undefined, null, false, [], [false, { note: "x" }], [null]]) {
      sheet.put("samples", 1, "taskA", "");
      expect((await process_(() => nothing)).outcome.kind).toBe("failed");
      expect(row().taskA).toBe("F:host-a");
    }
  });

  it("takes 0 and no text for success in Ruby, and for failure in Perl", async () => {
    for (const value of [0, "", "0"]) {
      for (const dialect of ["ruby", "perl"] as const) {
        sheet.put("samples", 1, "taskA", "");
        const { outcome } = await process_(() => value, { dialect });
        expect(outcome.kind).toBe(dialect === "ruby" ? "done" : "failed");
      }
    }
  });

  it("does not run when its page is not there, and says so to whoever called", async () => {
    await expect(process_(() => true, { pageName: "sampels" })).rejects.toThrow(/did you mean 'samples'/);
  });

  it.each(["agentName", "pageName", "keys", "config"])("is not made without %s", (name) => {
    expect(() => agent({ [name]: undefined })).toThrow(`'${name}' of an agent is missing`);
  });

  it("has lists of its own", () => {
    const prerequisites = ["taskB"];
    const made = agent({ prerequisites });

    prerequisites.push("taskC");

    expect(made.prerequisites).toEqual(["taskB"]);
  });

  it("waits with its claim for others to be seen", async () => {
    let at = 0;
    await process_(() => {
      at = time.now();
      return true;
    });

    expect(at).toBe(3 * SECOND);
  });
});

describe("what an agent reads", () => {
  it.each([
    ["ready", { ready: "yes" }, "skipped", "done"],
    ["ready", { ready: "0" }, "skipped", "skipped"],
    ["complete", { complete: "x" }, "done", "skipped"],
    ["complete", { complete: "0" }, "done", "done"],
    ["its prerequisite", { taskB: "1.0" }, "skipped", "done"],
    ["its prerequisite", { taskB: "yes" }, "skipped", "skipped"],
    ["its own cell", { taskA: "1.0", taskB: "1" }, "done", "skipped"],
    ["its own cell", { taskA: "f:host-b", taskB: "1" }, "done", "done"],
  ])("of %s is %o: %s in Ruby, %s in Perl", async (_, cells, ruby, perl) => {
    for (const dialect of ["ruby", "perl"] as const) {
      for (const [name, text] of Object.entries({ taskA: "", taskB: "1", complete: "", ready: "1", ...cells }))
        sheet.put("samples", 1, name, text);
      const { outcome } = await process_(() => true, { dialect, prerequisites: ["taskB"] });
      expect(outcome.kind).toBe(dialect === "ruby" ? ruby : perl);
    }
  });

  it("may lack ready and complete in Perl", async () => {
    sheet.add("samples", { header: ["lab", "sample", "taskA"], rows: [KEYS] });
    expect((await process_(() => true, { dialect: "ruby" })).ruby).toBe(false);
    expect((await process_(() => true, { dialect: "perl" })).outcome).toMatchObject({ reason: "not-ready" });

    sheet.add("samples", { header: ["lab", "sample", "ready", "taskA"], rows: [{ ...KEYS, ready: "1" }] });
    expect((await process_(() => true, { dialect: "ruby" })).ruby).toBe(false);
    expect((await process_(() => true, { dialect: "perl" })).outcome.kind).toBe("done");
  });
});

describe("agents at the same row", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])("do the work once, whenever they come (round %i)", async (round) => {
    const dice = prng(SEED + round);
    let bodies = 0;
    const body: Body = async () => {
      bodies++;
      await time.sleep(dice() * 20 * SECOND);
      return true;
    };
    const one = async (i: number) => {
      const afterMs = Math.floor(dice() * 4) * 500 * Math.floor(dice() * 3);
      if (afterMs > 0) await time.sleep(afterMs); // the others all read before the first of them writes
      return agent({}, { host: `host-${i % 3}` }).process(body);
    };

    const all = await time.until(Promise.all(Array.from({ length: 9 }, (_, i) => one(i))));

    expect([bodies, row().taskA, all.every(({ ruby }) => ruby)], `seed ${SEED}`).toEqual([1, "1", true]);
    expect(all.filter(({ outcome }) => outcome.kind === "done")).toHaveLength(1);
  });

  it("leave a claim alone as long as somebody works on it, and take it over when nobody does", async () => {
    const slow = agent({ leaseMs: MINUTE }, { host: "host-b" }).process(async () => {
      await time.sleep(10 * MINUTE);
      return true;
    });
    await time.advance(9 * MINUTE);
    expect((await process_(() => true, { leaseMs: MINUTE })).outcome).toMatchObject({ reason: "already-running" });
    await time.until(slow);
    expect(row().taskA).toBe("1");

    sheet.put("samples", 1, "taskA", "r:host-dead");
    await time.advance(MINUTE - 1);
    expect((await process_(() => true, { leaseMs: MINUTE })).outcome).toMatchObject({ reason: "already-running" });
    await time.advance(1);
    expect((await process_(() => true, { leaseMs: MINUTE })).outcome.kind).toBe("done");
  });

  it("let only one take over what was left, on the same host too", async () => {
    sheet.put("samples", 1, "taskA", "r:host-a");
    await time.advance(MINUTE);
    let bodies = 0;
    const body: Body = () => {
      bodies++;
      return true;
    };

    const both = await time.until(Promise.all([1, 2].map(() => agent({ leaseMs: MINUTE }).process(body))));

    expect(bodies).toBe(1);
    expect(both.map(({ outcome }) => outcome.kind).sort()).toEqual(["done", "lost"]);
  });

  it("write nothing once somebody has taken their claim over", async () => {
    const { outcome } = await process_(() => {
      sheet.put("samples", 1, "taskA", "r:host-b");
      return [true, { note: "late" }];
    });

    expect(outcome).toMatchObject({ kind: "lost", ran: true });
    expect(row()).toMatchObject({ taskA: "r:host-b", note: "" });
  });

  it("write over what a person has written into their cell, as the original", async () => {
    for (const text of ["", "1", "F:host-b"]) {
      sheet.put("samples", 1, "taskA", "");
      await process_(() => {
        sheet.put("samples", 1, "taskA", text);
        return false;
      });
      expect(row().taskA).toBe("F:host-a");
    }
  });
});

describe("an agent that could not do its work", () => {
  const boom: Body = (_, print) => {
    print("hello\n");
    throw new Error("boom");
  };

  it("has a notice sent, with what was printed", async () => {
    const { outcome, ruby, perl } = await process_(boom);

    expect([outcome.kind, ruby, perl, row().taskA]).toEqual(["error", false, false, "r:host-a"]);
    expect(notices).toEqual([
      {
        ...{ from: "agent@example.test", to: "ops@example.test" },
        subject: "host-a lab lab1 sample a taskA",
        body: "hello\nboom\n",
        ...{ host: "host-a", page: "samples", keys: KEYS, goal: "taskA", outcome },
      },
    ]);
    expect(terminal).toBe("");
  });

  it("prints instead when it is watched", async () => {
    await process_(boom, { debug: true });

    expect([terminal, notices]).toEqual(["hello\nboom\n", []]);
  });

  it("throws on in Perl when it is watched", async () => {
    await expect(process_(boom, { debug: true, dialect: "perl" })).rejects.toThrow("boom");
    expect((await process_(boom, { dialect: "perl", agentName: "taskB" })).perl).toBe(false);
  });

  it("is told of when the work failed in Perl, if there is something to tell", async () => {
    const failing: Body = (_, print) => {
      print("not enough\n");
      return false;
    };
    await process_(failing);
    expect(notices).toEqual([]);

    sheet.put("samples", 1, "taskA", "");
    await process_(() => false, { dialect: "perl" });
    expect(notices).toEqual([]);

    sheet.put("samples", 1, "taskA", "");
    await process_(failing, { dialect: "perl" });
    expect(notices).toMatchObject([{ body: "not enough\n", outcome: { kind: "failed" } }]);
  });

  it("has a notice of bounded length", async () => {
    await process_((_, print) => {
      for (let i = 0; i < 300; i++) print(`${i} ${"x".repeat(1_000)}\n`);
      throw new Error("boom");
    });

    expect(notices[0]!.body.length).toBe(limits.runLogBytes);
    expect(notices[0]!.body.endsWith("boom\n")).toBe(true);
  });

  it("says why it did not run when it is watched, and is silent else", async () => {
    sheet.put("samples", 1, "ready", "");
    await process_(() => true);
    expect(terminal).toBe("");

    await process_(() => true, { debug: true });
    expect(terminal).toBe("lab lab1 sample a is not ready\n");
  });
});
