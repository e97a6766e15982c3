import { spawn } from "node:child_process";
import { describe, expect, it, onTestFinished } from "vitest";
import { familyOf, othersThan, readPs } from "../../../runtime/compat/processes.ts";

describe("the processes of this host", () => {
  it("are those of others: not this one, nor what it started", async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)", "a name of its own"]);
    onTestFinished(() => void child.kill("SIGKILL"));

    const pids = (await othersThan(process.pid)()).map(({ pid }) => pid);
    const seen = await othersThan(-1)();

    expect(pids).not.toContain(child.pid);
    expect(pids).not.toContain(process.pid);
    expect(seen.find(({ pid }) => pid === child.pid)?.command).toContain("a name of its own");
  });

  it("belong to whoever started them, however many are between", () => {
    const all = [
      { pid: 4, parent: 3 },
      { pid: 3, parent: 2 },
      { pid: 2, parent: 1 },
      { pid: 9, parent: 1 },
    ];

    expect([...familyOf(2, all)].sort()).toEqual([2, 3, 4]);
  });

  it("are read from lines of ps", () => {
    const text = "    1     0 /sbin/init splash\n  812     1 ruby taskA_agent.rb lab1  a\n\nnonsense\n";

    expect(readPs(text)).toEqual([
      { pid: 1, parent: 0, command: "/sbin/init splash" },
      { pid: 812, parent: 1, command: "ruby taskA_agent.rb lab1  a" },
    ]);
  });
});
