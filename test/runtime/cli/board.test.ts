import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { Command } from "commander";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { boardCommand } from "../../../runtime/cli/board.ts";
import type { Shell } from "../../../runtime/cli/shell.ts";
import { whyNotCommand } from "../../../runtime/cli/why-not.ts";
import { type Listening, serve } from "../../../runtime/http/server.ts";
import { type BoardRig, boardRig } from "../../support/board.ts";
import { runCommand, type Said } from "../../support/command.ts";
import { testApp } from "../../support/http.ts";
import { deadUrl } from "../../support/http-service.ts";
import { LAB } from "../../support/lab.ts";

let rig: BoardRig;
let server: Listening;
let dir: string;

beforeEach(async () => {
  rig = boardRig(LAB);
  server = await serve(testApp({}, rig.face).app, { host: "127.0.0.1", port: 0 });
  dir = mkdtempSync(join(tmpdir(), "aisle-board-"));
});

afterEach(async () => {
  await server.close();
  rmSync(dir, { recursive: true });
});

const board = (args: readonly string[], changes: Partial<Shell> = {}): Promise<Said> =>
  runCommand(boardCommand, [args[0]!, "--url", server.url, ...args.slice(1)], changes);
const whyNot = (...args: string[]): Promise<Said> => runCommand(whyNotCommand, ["--url", server.url, ...args]);
const said = async (...args: string[]) => {
  const { code, out, err } = await board(args);
  expect({ code, err }).toEqual({ code: 0, err: [] });
  return out;
};
const file = (text: string, name = "samples.csv") => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};

describe("--url", () => {
  const list = (url: string) => runCommand(boardCommand, ["list", "--url", url, "samples"]);

  it("may carry a user and a password, which no message repeats", async () => {
    const dead = await deadUrl();
    const [here, away, strange] = [
      await list(server.url.replace("//", "//u:s3cr3t@")),
      await list(dead.replace("//", "//u:s3cr3t@")),
      await list("u:s3cr3t@box:80"),
    ];

    expect(here).toMatchObject({ code: 0, err: [] });
    expect(away.code).not.toBe(0);
    expect(away.err.join()).toMatch(/nobody answers: .*ECONNREFUSED/);
    expect(strange.err.join()).toMatch(/must begin with http:/);
    expect([away, strange].flatMap(({ err }) => err).join()).not.toContain("s3cr3t");
  });
});

describe("aisle board set", () => {
  it("makes a record and writes its cells", async () => {
    const out = await said("set", "samples", "lab 1", "a,b", "ready=1", "note=x = y");

    expect(out).toEqual(["samples lab%201,a%2Cb,: ready, note written"]);
    expect(rig.face.record("samples", "lab%201,a%2Cb,").row).toMatchObject({
      ...{ lab: "lab 1", sample: "a,b", batch: "", ready: "1", note: "x = y" },
    });
  });

  it("takes an optional key cell, and '=' in one", async () => {
    await said("set", "samples", "lab1", "sample=a=b", "batch=7", "note=");
    await said("set", "samples", "lab1", "b", "7");

    expect(rig.face.record("samples", "lab1,b,7").keys).toEqual({ lab: "lab1", sample: "b", batch: "7" });
    expect(rig.face.record("samples", "lab1,a%3Db,7").row).toMatchObject({ sample: "a=b", batch: "7", note: "" });
  });

  it("says who writes", async () => {
    await board(["set", "samples", "lab1", "a", "note=1"], { env: { USER: "bob" } });
    await said("set", "samples", "lab1", "a", "qc=1", "--by", "alice");

    expect(rig.journal.disk.entries.map(({ principal }) => principal)).toEqual(["bob", "alice"]);
  });

  it("only writes when cells are still as they were", async () => {
    await said("set", "samples", "lab1", "a", "note=mine");
    const { code, err } = await board(["set", "samples", "lab1", "a", "note=theirs", "--was", "note="]);

    expect(code).toBe(1);
    expect(err).toEqual(["'note' is 'mine' now, and was empty: somebody has changed it"]);
    await said("set", "samples", "lab1", "a", "note=theirs", "--was", "note=mine", "--was", "taskA=");
  });

  it.each([
    [["samples", "lab1", "note=x"], "'sample' is missing"],
    [["samples", "lab1", "a", "note=7", "x"], "'x' is no <column>=<text>"],
    [["samples", "lab1", "a", "7", "8", "x=1"], "is: lab sample [batch]; found 4 cells"],
    [["sample", "lab1", "a", "note=x"], "did you mean 'samples'"],
    [["jobs", "1", "build=done"], "'build' takes nothing"],
  ])("%j fails", async (args, message) => {
    const { code, err } = await board(["set", ...args]);

    expect(code).toBe(1);
    expect(err.join("\n")).toContain(message);
    expect(rig.journal.disk.entries).toEqual([]);
  });
});

describe("aisle board list", () => {
  it("lists the pages", async () => {
    await rig.set("jobs", "1");

    expect(await said("list")).toEqual([
      "page      records  key               goals",
      "samples   0        lab sample batch  taskA qc taskB taskC report",
      "jobs      1        id                build",
      "loose     0        id                clean",
      "visits    0        visit",
      "priority  0        page record goal",
    ]);
  });

  it("shows records as a table, without columns that are empty", async () => {
    await rig.set("jobs", "1", { note: "ü".repeat(40) });
    await rig.set("jobs", "22", { build: "F:there" });

    expect(await said("list", "jobs")).toEqual([
      "id  ready  build    note",
      `1   1               ${"ü".repeat(31)}…`,
      "22  1      F:there",
    ]);
  });

  it("goes on after a record, keeps to a state, and prints JSON", async () => {
    for (const id of ["1", "2", "3"]) await rig.set("jobs", id);
    await rig.set("jobs", "2", { build: "F" });

    const out = await said("list", "jobs", "--limit", "1", "--after", "1");
    expect(out).toEqual(["id  ready  build", "2   1      F", "… of 3; more with --after '2'"]);
    expect(await said("list", "jobs", "--state", "done")).toContain("No records.");
    const { records } = JSON.parse((await said("list", "jobs", "--state", "failed", "--json")).join("\n"));
    expect(records).toMatchObject([{ key: "2" }]);
  });

  it("is told of a wrong number as of any usage", async () => {
    const strict = (shell: Shell) => {
      const command = boardCommand(shell);
      for (const sub of command.commands) sub.exitOverride().configureOutput({ writeErr: () => {} });
      return command;
    };

    expect((await runCommand(strict, ["list", "--url", server.url, "jobs", "--limit", "0"])).code).toBe(2);
  });
});

describe("aisle board show, history, log, remove", () => {
  beforeEach(async () => {
    await rig.set("samples", "lab1,a,", { ready: "1", note: "x" }, "bob");
    await rig.claim("samples", "lab1,a,", "taskA", "run-1", 2);
    await rig.finish("samples", "lab1,a,", "taskA", "run-1", { outcome: "failed", detail: "no gel" });
  });

  it("show a record with what stands behind its goals", async () => {
    expect(await said("show", "samples", "lab1", "a")).toEqual([
      ...["lab       lab1", "sample    a", "batch", "ready     1"],
      "taskA     F:here  (failed, 2023-11-14T22:13:20.000Z, by here, run run-1, attempt 2, no gel)",
      ...["qc", "taskB", "taskC", "report", "note      x", "complete"],
    ]);
    expect(JSON.parse((await said("show", "samples", "lab1", "a", "", "--json")).join("\n")).key).toBe("lab1,a,");
  });

  it("say how a key is written", async () => {
    const { code, err } = await board(["show", "samples", "lab1"]);

    expect({ code, err }).toEqual({
      ...{ code: 1, err: ["the key of a record of page 'samples' is: lab sample [batch]; found 1 cell"] },
    });
  });

  it("tell what happened", async () => {
    expect(await said("history", "samples", "lab1", "a")).toEqual([
      "2023-11-14T22:13:20.000Z  bob           set      ready=1  note=x",
      "2023-11-14T22:13:20.000Z  here          claim    taskA=r:here  run-1",
      "2023-11-14T22:13:20.000Z  here          finish   taskA=F:here  run-1  no gel",
    ]);
    expect(await said("history", "samples", "lab1", "a", "--field", "note")).toHaveLength(1);
  });

  it("show what a run has printed", async () => {
    rig.logs.set("run-1", { text: "one\ntwo\n", truncated: false });

    expect(await said("log", "samples", "lab1", "a", "run-1")).toEqual(["one", "two"]);
    expect((await board(["log", "samples", "lab1", "a", "run-2"])).err[0]).toContain("no log of run 'run-2'");
  });

  it("take a record off", async () => {
    expect(await said("remove", "samples", "lab1", "a")).toEqual(["removed samples lab1 a"]);
    expect(rig.board.page("samples").size).toBe(0);
  });
});

describe("aisle board import and export", () => {
  const SHEET = "id,ready,build,note,metric,complete\r\n1,1,,x,,\r\n2,1,F:there,,,\r\n";

  it("carry a sheet in both directions", async () => {
    expect(await said("import", "jobs", file(SHEET))).toEqual([
      "2 records: 2 made, 0 changed, 0 as they were; 2 cells written",
    ]);
    expect(await said("export", "jobs")).toEqual(
      SHEET.trimEnd()
        .split("\r\n")
        .map((line, i) => (i < 2 ? `${line}\r` : line)),
    );
    const target = join(dir, "out.csv");
    await said("export", "jobs", target);
    expect(readFileSync(target, "utf8")).toBe(SHEET);
    expect(await said("import", "jobs", target)).toEqual([
      "2 records: 0 made, 0 changed, 2 as they were; 0 cells written",
    ]);
  });

  it("only look", async () => {
    const [line] = await said("import", "jobs", file("id,build\n1,r:there\n"), "--dry-run");

    expect(line).toBe(
      "1 records: 1 would be made, 0 would be changed, 0 as they were; 0 cells would be written; 1 cells that say r: were left out",
    );
    expect(rig.board.page("jobs").size).toBe(0);
  });

  it("name every mistake of a file with its line", async () => {
    const { code, err } = await board(["import", "jobs", file("id,build\n1,x\n2,\n1,\n")]);

    expect(code).toBe(1);
    expect(err[0]).toBe("samples.csv: the file has mistakes: nothing was changed");
    expect(err[1]).toMatch(/^line 2, column 'build': 'build' takes nothing/);
    expect(err[2]).toBe("line 4: the key 1 stands on line 2 already");
  });

  it("read standard input", async () => {
    const { out } = await board(["import", "jobs", "-", "--json"], {
      stdin: () => Readable.from([Buffer.from("id\n7\n")]),
    });

    expect(JSON.parse(out.join("\n"))).toMatchObject({ records: 1, created: 1 });
    expect((await board(["import", "jobs", "-"])).err[0]).toContain("nothing comes on standard input");
  });

  it("say when a file is not there, or can't be written", async () => {
    expect((await board(["import", "jobs", join(dir, "none.csv")])).err[0]).toContain("can't be read");
    expect((await board(["export", "jobs", join(dir, "no", "such.csv")])).err[0]).toContain("can't be written");
  });
});

describe("aisle board stream", () => {
  it("prints changes as they are made", async () => {
    const lines: string[] = [];
    const streaming = board(["stream", "jobs"], { write: (line) => void lines.push(line) });
    while (!rig.feed.follows("jobs")) await new Promise((turn) => setTimeout(turn, 5));
    await rig.set("jobs", "1", { note: "x" });

    while (lines.length === 0) await new Promise((turn) => setTimeout(turn, 5));

    expect(JSON.parse(lines[0]!)).toMatchObject({ do: "set", key: "1", cells: { note: "x" } });
    await server.close();
    expect((await streaming).code).toBe(0);
  });
});

describe("aisle why-not", () => {
  it("says what keeps a goal from starting, and what would let it", async () => {
    await rig.set("samples", "lab1,a,");

    expect((await whyNot("taskB", "lab1", "a")).out).toEqual([
      "'taskB' does not start:",
      "  the record is not ready",
      "    write 1 into 'ready'",
      "  it needs 'qc', which is empty",
      "    it starts once 'qc' is 1",
    ]);
  });

  it("says that it may start, or is done", async () => {
    await rig.set("jobs", "1");
    expect((await whyNot("build", "1")).out).toEqual(["'build' may start now"]);

    await rig.set("jobs", "1", { build: "1" });
    expect((await whyNot("build", "1")).out).toEqual(["'build' is done", "  clear the cell to have it done again"]);
    expect(JSON.parse((await whyNot("build", "1", "--json")).out.join("\n"))).toMatchObject({ state: "done" });
  });

  it("asks for the page when several have such a goal, and names goals that there are", async () => {
    rig.board.page("loose").ensure("build", "goal");
    await rig.set("jobs", "1");

    expect((await whyNot("build", "1")).err[0]).toBe(
      "several pages have a goal 'build': say which with --page (jobs, loose)",
    );
    expect((await whyNot("build", "1", "--page", "jobs")).code).toBe(0);
    expect((await whyNot("bild", "1")).err[0]).toContain("did you mean 'build'");
  });
});

describe("a board that nobody runs", () => {
  const PLAN = `version: 1
pages:
  samples:
    keys: [lab, sample]
    ready: true
    records: [[lab1, a]]
actors:
  - goal: taskA
    command: ${process.execPath}
`;
  const alone = (make: (shell: Shell) => Command, ...args: string[]) =>
    runCommand(make, [...args, "--site", dir, "--data", join(dir, "data")]);

  beforeEach(() => writeFileSync(join(dir, "plan.yml"), PLAN));

  it("is opened by the command, which starts nothing", async () => {
    expect(await alone(boardCommand, "set", "samples", "lab1", "b", "note=x")).toMatchObject({ code: 0 });
    expect((await alone(boardCommand, "list", "samples")).out).toEqual([
      "lab   sample  ready  taskA  note",
      "lab1  a       1",
      "lab1  b       1             x",
    ]);
    expect((await alone(whyNotCommand, "taskA", "lab1", "b")).out).toEqual(["'taskA' may start now"]);
    expect((await alone(boardCommand, "history", "samples", "lab1", "b")).out).toHaveLength(1);
  });

  it("is not made by a command that only looks", async () => {
    const { code, err } = await alone(boardCommand, "list");

    expect({ code, err }).toEqual({ code: 1, err: [expect.stringContaining("there is no journal in")] });
  });
});
