import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { boardCommand } from "../../../runtime/cli/board.ts";
import { ownerOf } from "../../../runtime/cli/client.ts";
import { runCommand as runCommandOf } from "../../../runtime/cli/run.ts";
import type { Shell } from "../../../runtime/cli/shell.ts";
import { run as runProcess } from "../../support/cli.ts";
import { runCommand, type Said } from "../../support/command.ts";
import { type LabSite, labSite, until } from "../../support/lab-site.ts";

const PLAN = `version: 1
scripts: scripts
pages:
  samples:
    keys: [lab, sample]
    ready: true
    records: [[lab1, a], [lab1, b]]
  jobs:
    keys: [id]
    ready: true
    records: [["7"]]
  priority:
    ranks: [samples, jobs]
actors:
  - { goal: build, page: jobs }
  - { goal: taskA, page: samples }
  - { goal: taskB, page: samples, prerequisites: [taskA] }
  - { goal: qc, page: samples, person: true, prerequisites: [taskB] }
`;

/** A site whose scripts write when they begin and end; `wrong` as a key fails, `later` is to be tried again. */
function lab(plan = PLAN): LabSite & { log(): string[] } {
  const site = labSite(plan);
  const file = join(site.dir, "log");
  writeFileSync(file, "");
  const lines = `echo "begin $AISLE_GOAL $*" >> '${file}'
case "$*" in *wrong*) echo "no gel"; exit 3 ;; *later*) exit 75 ;; esac
echo "end $AISLE_GOAL $*" >> '${file}'`;
  for (const goal of ["build", "taskA", "taskB"]) site.script(goal, lines);
  return { ...site, log: () => readFileSync(file, "utf8").split("\n").slice(0, -1) };
}

const begun = (site: { log(): string[] }) =>
  site.log().flatMap((line) => (line.startsWith("begin ") ? [line.slice("begin ".length)] : []));

const run = (site: LabSite, args: readonly string[] = [], changes: Partial<Shell> = {}): Promise<Said> =>
  runCommand(runCommandOf, [site.dir, "--data", site.data, "--place", "n1", ...args], {
    env: { PATH: process.env.PATH },
    ...changes,
  });

const board = (site: LabSite, ...args: string[]): Promise<Said> =>
  runCommand(boardCommand, [...args, "--site", site.dir, "--data", site.data]);

/** The exit code that a run has left. */
function exitCode(): number {
  const code = Number(process.exitCode ?? 0);
  process.exitCode = 0;
  return code;
}

afterEach(() => {
  process.exitCode = 0;
});

describe("aisle run", () => {
  it("starts what may start, and what that makes possible, until nothing runs any more", async () => {
    const site = lab();

    const { out, err, code } = await run(site);

    expect({ code, exit: exitCode(), err }).toEqual({ code: 0, exit: 0, err: [] });
    expect(begun(site).sort()).toEqual(["build 7", "taskA lab1 a", "taskA lab1 b", "taskB lab1 a", "taskB lab1 b"]);
    expect(out.slice(0, -1).sort()).toEqual([
      expect.stringMatching(/^done {4}jobs {2}7 {2}build {2}\d+\.\d s$/),
      ...["lab1 a  taskA", "lab1 a  taskB", "lab1 b  taskA", "lab1 b  taskB"].map((each) =>
        expect.stringContaining(`done    samples  ${each}  `),
      ),
    ]);
    expect(out.at(-1)).toBe("5 done, 0 failed, 0 to be tried again; 2 wait for a person");

    expect((await run(site)).out).toEqual(["0 done, 0 failed, 0 to be tried again; 2 wait for a person"]);
    expect(begun(site)).toHaveLength(5);
  });

  it("ends with 1 when a run failed, and leaves what is to be tried again", async () => {
    const site = lab();
    await board(site, "set", "samples", "lab1", "wrong", "note=x");
    await board(site, "set", "jobs", "later", "note=x");

    const { out } = await run(site);

    expect(exitCode()).toBe(1);
    expect(out).toContainEqual(
      expect.stringMatching(/^failed {2}samples {2}lab1 wrong {2}taskA {2}\d+\.\d s: exit 3$/),
    );
    expect(out).toContainEqual(expect.stringMatching(/^again {3}jobs {2}later {2}build {2}\d+\.\d s: exit 75$/));
    expect(out.at(-1)).toBe("5 done, 1 failed, 1 to be tried again; 2 wait for a person");
    // The next one has nothing new that failed.
    await run(site);
    expect(exitCode()).toBe(0);
  });

  it("prints each change as JSON when asked to", async () => {
    const site = lab();

    const { out } = await run(site, ["--json", "--only-pages", "jobs"]);

    const told = out.map((line) => JSON.parse(line));
    expect(told.map(({ do: what, page, key, cells }) => [what, page, key, cells])).toEqual([
      ...[
        ["set", "samples", "lab1,a", {}],
        ["set", "samples", "lab1,b", {}],
        ["set", "jobs", "7", {}],
      ],
      ["claim", "jobs", "7", { build: "r:n1" }],
      ["finish", "jobs", "7", { build: "1" }],
    ]);
  });

  it("works on the pages and goals asked for, and on no others", async () => {
    const site = lab();

    await run(site, ["--only-pages", "samples", "--only-goals", "taskA,build"]);
    expect(begun(site).sort()).toEqual(["taskA lab1 a", "taskA lab1 b"]);
    await run(site, ["--skip-pages", "samples"]);
    expect(begun(site).slice(2)).toEqual(["build 7"]);
    await run(site, ["--only-goals", "taskB, build"]);
    expect(begun(site).slice(3).sort()).toEqual(["taskB lab1 a", "taskB lab1 b"]);
  });

  it("works on what the rows of a plan page point at", async () => {
    const site = lab();
    const row = (...cells: string[]) => board(site, "set", "priority", ...cells);
    await row("samples", "lab1,b", "taskA", "weight=2");
    await row("jobs", "7", "", "expires=2001-01-01T00:00:00Z");
    await row("samples", "lab1,gone", "", "weight=3");

    await run(site, ["--only-pages", "priority"]);
    expect(begun(site)).toEqual(["taskA lab1 b"]);

    // A row for all goals of a record.
    await row("samples", "lab1,b", "", "weight=1");
    await run(site, ["--only-pages", "priority"]);
    expect(begun(site)).toEqual(["taskA lab1 b", "taskB lab1 b"]);
  });

  it("runs one at a time, page by page, record by record, when it is told to", async () => {
    const site = lab();

    await run(site, ["--serial"]);

    const log = site.log();
    expect(log).toHaveLength(10);
    for (let i = 0; i < log.length; i += 2) expect(log[i + 1]).toBe(log[i]!.replace("begin", "end"));
    expect(begun(site)).toEqual(["taskA lab1 a", "taskA lab1 b", "build 7", "taskB lab1 a", "taskB lab1 b"]);
  });

  it("takes first what a plan page ranks, one at a time", async () => {
    const site = lab();
    await board(site, "set", "priority", "jobs", "7", "", "weight=2");
    await board(site, "set", "priority", "samples", "lab1,b", "", "weight=5");

    await run(site, ["--serial"]);

    expect(begun(site).filter((each) => !each.startsWith("taskB"))).toEqual([
      ...["taskA lab1 b", "build 7", "taskA lab1 a"],
    ]);
  });
});

describe("aisle run that is told to end", () => {
  it("waits for what runs, and begins nothing more", async () => {
    const site = lab();
    const go = join(site.dir, "go");
    site.script("taskA", `echo "begin $*" >> '${site.dir}/log'\nwhile [ ! -e '${go}' ]; do sleep 0.02; done`);
    let signal: (name: string) => void = () => {};
    const running = run(site, ["--only-pages", "samples"], {
      onSignal: (handle) => {
        signal = handle;
      },
    });
    await until(() => expect(site.log()).toHaveLength(2));

    signal("SIGINT");
    writeFileSync(go, "");
    const { out, err } = await running;

    expect(err).toEqual(["SIGINT: waiting for what runs …"]);
    expect(out.at(-1)).toBe("2 done, 0 failed, 0 to be tried again");
    expect(begun(site).sort()).toEqual(["lab1 a", "lab1 b"]);
  });
});

describe("aisle run --dry-run", () => {
  it("prints what would start, and what would not and why, and starts nothing", async () => {
    const site = lab();
    await board(site, "set", "samples", "lab1", "b", "ready=");

    const { out, code } = await run(site, ["--dry-run"]);

    expect({ code, exit: exitCode() }).toEqual({ code: 0, exit: 0 });
    expect(out).toEqual([
      "would start  samples  lab1 a  taskA",
      expect.stringMatching(/^would not {4}samples {2}lab1 a {2}taskB: .*it needs 'taskA', which is empty/),
      expect.stringMatching(/^would not {4}samples {2}lab1 a {2}qc: .*it needs 'taskB'/),
      expect.stringMatching(/^would not {4}samples {2}lab1 b {2}taskA: .*the record is not ready/),
      expect.stringMatching(/^would not {4}samples {2}lab1 b {2}taskB: .*the record is not ready/),
      expect.stringMatching(/^would not {4}samples {2}lab1 b {2}qc: /),
      "would start  jobs  7  build",
      "2 would start; nothing was started",
    ]);
    expect(site.log()).toEqual([]);
  });

  it("keeps to the pages and goals asked for, and prints JSON", async () => {
    const site = lab();

    const { out } = await run(site, ["--dry-run", "--json", "--only-goals", "taskA,taskB", "--skip-pages", "jobs"]);

    expect(out.map((line) => JSON.parse(line))).toMatchObject([
      { page: "samples", key: "lab1,a", goal: "taskA", starts: true },
      { goal: "taskB", starts: false, says: expect.stringContaining("taskA") },
      { key: "lab1,b", goal: "taskA", starts: true },
      { goal: "taskB", starts: false },
    ]);
    expect(site.log()).toEqual([]);
  });
});

describe("aisle run --watch", () => {
  /** Starts to stand; `end` gives a signal and resolves with what was said. */
  async function watch(site: LabSite, ...args: string[]) {
    let signal: (name: string) => void = () => {};
    const lines: string[] = [];
    const running = run(site, ["--watch", ...args], {
      onSignal: (handle) => {
        signal = handle;
      },
      write: (line) => void lines.push(line),
    });
    await until(async () => expect(await ownerOf(site.data)).not.toBeNull());
    return {
      lines,
      end: () => {
        signal("SIGTERM");
        return running;
      },
    };
  }

  it("starts what each change makes possible, and on a signal waits for what runs", async () => {
    const site = lab();
    const { lines, end } = await watch(site);
    await until(() => expect(begun(site)).toHaveLength(5));

    expect(await board(site, "set", "jobs", "8", "note=x")).toMatchObject({ code: 0 });
    await until(() => expect(begun(site)).toContain("build 8"));
    const go = join(site.dir, "go");
    site.script("build", `echo "begin $*" >> '${site.dir}/log'\nwhile [ ! -e '${go}' ]; do sleep 0.02; done`);
    await board(site, "set", "jobs", "9", "note=x");
    await until(() => expect(site.log()).toContain("begin 9"));

    const ended = end();
    writeFileSync(go, "");
    const { err } = await ended;

    expect(err[0]).toMatch(/^Aisle test: '.*' on node 'n1', 4 goals; Ctrl-C ends$/);
    expect(err.at(-1)).toBe("SIGTERM: waiting for what runs …");
    expect(lines).toContainEqual(expect.stringMatching(/^done {4}jobs {2}9 {2}build/));
    expect(lines.at(-1)).toBe("7 done, 0 failed, 0 to be tried again; 2 wait for a person");
    expect(await ownerOf(site.data)).toBeNull();
  });

  it("begins nothing more of what waits for its turn, once it is told to end", async () => {
    const site = lab();
    const go = join(site.dir, "go");
    site.script("taskA", `echo "begin $*" >> '${site.dir}/log'\nwhile [ ! -e '${go}' ]; do sleep 0.02; done`);
    const { end } = await watch(site, "--serial");
    await until(() => expect(begun(site)).toEqual(["lab1 a"]));

    const ended = end();
    writeFileSync(go, "");
    await ended;

    expect(begun(site)).toEqual(["lab1 a"]);
    expect((await board(site, "list", "jobs")).out).toEqual(["id  ready  build", "7   1"]);
  });

  it("keeps others from the folder, who then ask it", async () => {
    const site = lab();
    const { end } = await watch(site);

    const { code, err } = await run(site);

    expect({ code, err }).toEqual({
      code: 1,
      err: [expect.stringContaining(`a running place owns ${site.data}: it starts what may start by itself`)],
    });
    await end();
  });
});

describe("aisle run, called in a wrong way", () => {
  it.each([
    [["--only-pages", "samples", "--skip-pages", "jobs"], /cannot be used with option/],
    [["--sleep-between", "soon"], /Expected seconds, such as 5 or 0\.5/],
    [["--only-goals", "taskA,,taskB"], /Expected names with commas between them/],
    [["--watch", "--compat", "spreadsheet-agent"], /cannot be used with option/],
    [["--slowly"], /unknown option/],
  ])("%j ends with 2", async (args, message) => {
    const site = lab();
    const { code, err } = await run(site, args);

    expect(code).toBe(2);
    expect(err.join("\n")).toMatch(message);
    expect(existsSync(site.data)).toBe(false);
  });

  it.each([
    [["--only-pages", "sample"], "the plan has no page 'sample' (did you mean 'samples'?)"],
    [["--skip-pages", "job"], "the plan has no page 'job' (did you mean 'jobs'?)"],
    [["--only-goals", "taskA,tskB"], "the plan has no goal 'tskB' (did you mean 'taskB'?)"],
  ])("%j ends with 1, and says what was meant", async (args, message) => {
    const site = lab();

    expect(await run(site, args)).toEqual({ code: 1, out: [], err: [message] });
    expect(existsSync(site.data)).toBe(false);
  });

  it("says what a plan has of mistakes", async () => {
    const site = lab(PLAN.replace("prerequisites: [taskA]", "prerequisites: [taskA], conflicts: { taskX: 1 }"));

    const { code, err } = await run(site);

    expect(code).toBe(1);
    expect(err.join("\n")).toMatch(/^plan\.yml:\d+:\d+: .*taskX/m);
  });

  it("says what it takes", async () => {
    const { code, out } = await runCommand(runCommandOf, ["--help"]);

    expect(code).toBe(0);
    for (const option of ["--only-pages", "--skip-pages", "--only-goals", "--dry-run", "--serial", "--watch"])
      expect(out.join("\n")).toContain(option);
    expect(out.join("\n")).toContain("Exit code: 0 when no run failed");
  });
});

describe("aisle run, built, in a process of its own", () => {
  it("ends with 0, 1 or 2", async () => {
    const site = lab();
    const ended = (...args: string[]) => runProcess(["run", site.dir, "--data", site.data, ...args]);

    expect((await ended("--only-pages", "jobs", "--skip-pages", "jobs")).code).toBe(2);
    expect(await ended("--only-pages", "jobs")).toMatchObject({ code: 0, stderr: "" });
    site.script("taskA", "exit 1");
    expect((await ended("--serial")).code).toBe(1);
  });
});
