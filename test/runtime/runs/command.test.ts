import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { systemClock } from "../../../runtime/clock.ts";
import { limits } from "../../../runtime/limits.ts";
import { type CommandOptions, commandFault, createCommandExecutor } from "../../../runtime/runs/command.ts";
import type { Executor } from "../../../runtime/runs/job.ts";
import { jobOf } from "../../support/jobs.ts";
import { hastyClock, scratch, script, shell } from "../../support/scripts.ts";

/** Processes take their time, above all on a busy machine. */
const until = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 10_000 });

let dir: string;
let executor: Executor;

beforeEach(() => {
  dir = scratch();
  mkdirSync(join(dir, "site"));
  executor = newExecutor();
});

function newExecutor(changes: Partial<CommandOptions> = {}): Executor {
  const made = createCommandExecutor({
    ...{ cwd: join(dir, "site"), env: process.env, node: "box-1", dir: join(dir, "runs"), clock: systemClock },
    ...changes,
  });
  onTestFinished(() => made.close!());
  return made;
}

/** Runs a shell script on a record. */
async function ran(lines: string, options: Parameters<typeof jobOf>[0] = {}) {
  const job = jobOf({ ...options, actor: { file: shell(dir, "taskA", lines) } });
  return { result: await executor.run(job), log: job.logged() };
}

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // A zombie is over: only its parent has not asked yet.
  return process.platform !== "linux" || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
};

describe("a command", () => {
  it("is called with the key cells in rank order, as they are, an empty one at its place", async () => {
    const keys = { lab: "lab 1", batch: "", sample: "$(touch x); 'é' *" };

    const { log } = await ran('printf "%s|" "$#" "$@"', { keys });

    expect(log).toBe("3|lab 1||$(touch x); 'é' *|");
  });

  it("keeps the order of keys that look like numbers", async () => {
    const { log } = await ran('echo "$@"', { keys: { 2: "first", 1: "second" }, key: "first,second" });

    expect(log).toBe("first second\n");
  });

  it("gets the record as one line of JSON on stdin", async () => {
    const { log } = await ran("cat", { row: { lab: "lab1", note: 'say "x"\n' } });

    expect(log).toBe('{"lab":"lab1","note":"say \\"x\\"\\n"}\n');
  });

  it("is told page, goal, key, run, attempt, claim and node, and works in the site's folder", async () => {
    const lines =
      'echo "$AISLE_PAGE $AISLE_GOAL $AISLE_KEY $AISLE_RUN $AISLE_ATTEMPT $AISLE_CLAIM $AISLE_NODE"; pwd -P';

    const { log } = await ran(lines, { run: "r-7", attempt: 2, token: 41 });

    expect(log).toBe(`samples taskA lab1,a r-7 2 41 box-1\n${join(dir, "site")}\n`);
  });

  it("gets the environment without what is the place's own", async () => {
    const ours = { AISLE_TOKEN: "t", AISLE_NATS_URL: "u", NOTIFY_SOCKET: "n" };
    executor = newExecutor({ env: { PATH: process.env.PATH, SHOP: "7", ...ours } });

    const { log } = await ran("env");

    expect(log).toContain("SHOP=7\n");
    expect(log).not.toMatch(/AISLE_TOKEN|AISLE_NATS_URL|NOTIFY_SOCKET/);
  });

  it("may be a script without a first line, as in a terminal", async () => {
    const file = script(dir, "taskA", 'echo "$1"\n');
    const job = jobOf({ actor: { file } });

    expect(await executor.run(job)).toEqual({ outcome: "done" });
    expect(job.logged()).toBe("lab1\n");
  });

  it("logs stdout and stderr, whole characters", async () => {
    const { log } = await ran("printf 'gr\\303'; sleep 0.1; printf 'oops' >&2; sleep 0.1; printf '\\274n'");

    expect(log).toContain("oops");
    expect(log).toContain("ü");
    expect(log).not.toContain("\uFFFD");
  });
});

describe("the end of a command", () => {
  it.each([
    ["exit 0", { outcome: "done" }],
    ["exit 75", { outcome: "retry", detail: "exit 75" }],
    ["exit 3", { outcome: "failed", detail: "exit 3" }],
    ["kill -SEGV $$", { outcome: "failed", detail: "ended by SIGSEGV" }],
    ["kill -KILL $$", { outcome: "failed", detail: "ended by SIGKILL" }],
  ])("%s", async (lines, expected) => {
    expect((await ran(lines)).result).toEqual(expected);
  });

  it("takes the fields that it left, whatever the outcome", async () => {
    const lines = `echo '{"note":"done by hand","count":3}' > "$AISLE_RESULT"; exit`;

    for (const [code, outcome] of [
      ["0", "done"],
      ["75", "retry"],
      ["1", "failed"],
    ]) {
      const { result } = await ran(`${lines} ${code}`);

      expect(result).toMatchObject({ outcome, fields: { note: "done by hand", count: 3 } });
    }
  });

  it.each([
    ["text that is no JSON", `echo 'note: x' > "$AISLE_RESULT"`, /^its result: not JSON: Unexpected token/],
    ["JSON that breaks off", `printf '{"a":1,\\n "b":' > "$AISLE_RESULT"`, /not JSON: Unexpected end of JSON input/],
    ["a slip in JSON", `printf '{"a":1,\\n "b" 2}' > "$AISLE_RESULT"`, /not JSON: .*\(line 2, column 6\)$/],
    ["a list", `echo '[1]' > "$AISLE_RESULT"`, /fields must be an object of names and values, got a list/],
    ["null", `echo null > "$AISLE_RESULT"`, /got null/],
    ["bytes that are no UTF-8", `printf '{"a":"\\377"}' > "$AISLE_RESULT"`, /its result: not UTF-8/],
    ["an empty name", `echo '{"":1}' > "$AISLE_RESULT"`, /empty name/],
    ["only white space", `echo > "$AISLE_RESULT"`, /not JSON: nothing is there/],
    ["a folder", `mkdir "$AISLE_RESULT"`, /its result: no plain file/],
    ["a link", `ln -s /etc/hostname "$AISLE_RESULT"`, /no plain file/],
    ["a pipe that nobody fills", `mkfifo "$AISLE_RESULT"`, /no plain file/],
    ["too much", `head -c ${limits.resultBytes + 1} /dev/zero > "$AISLE_RESULT"`, /bytes, at most/],
  ])("is a failure when it left %s", async (_, lines, detail) => {
    const { result } = await ran(lines);

    expect(result).toEqual({ outcome: "failed", detail: expect.stringMatching(detail) });
  });

  it("says both what it ended with and what is wrong with its result", async () => {
    const { result } = await ran(`echo x > "$AISLE_RESULT"; exit 3`);

    expect(result).toMatchObject({ outcome: "failed", detail: expect.stringMatching(/^exit 3; its result: not JSON/) });
  });

  it("is no other when it does not read its input", async () => {
    const row = { note: "x".repeat(4 * 1024 * 1024) };

    expect((await ran("exec 0<&-; sleep 0.1; exit 0", { row })).result).toEqual({ outcome: "done" });
    expect((await ran("exit 0", { row })).result).toEqual({ outcome: "done" });
  });

  it("does not wait for what it left in the background, and ends that", async () => {
    const { result, log } = await ran("sleep 300 & echo $!");

    expect(result).toEqual({ outcome: "done" });
    await until(() => expect(isAlive(Number(log))).toBe(false));
  });

  it("leaves nothing on disk", async () => {
    await ran(`echo '{}' > "$AISLE_RESULT"; touch "$(dirname "$AISLE_RESULT")/more"`);

    expect(readdirSync(join(dir, "runs"))).toEqual([]);
  });
});

describe("a command that prints without end", () => {
  it("is ended", async () => {
    const { result, log } = await ran("yes");

    expect(result).toEqual({ outcome: "failed", detail: `printed more than ${limits.runOutputBytes} bytes` });
    expect(log.length).toBeLessThan(limits.runOutputBytes + 1024 * 1024);
  });
});

describe("a command that is told to end", () => {
  it("ends with all that it started", async () => {
    const job = jobOf({ actor: { file: shell(dir, "taskA", "sleep 300 & echo $$ $!; wait") } });
    const run = executor.run(job);
    await until(() => expect(job.logged()).toMatch(/\n/));

    job.abort();
    const result = await run;

    expect(result).toMatchObject({ outcome: "failed" });
    const pids = job.logged().trim().split(" ").map(Number);
    await until(() => expect(pids.map(isAlive)).toEqual([false, false]));
  });

  it("may tidy up", async () => {
    const lines = `trap 'echo tidy; exit 1' TERM; echo ready; while :; do sleep 0.05; done`;
    const job = jobOf({ actor: { file: shell(dir, "taskA", lines) } });
    const run = executor.run(job);
    await until(() => expect(job.logged()).toBe("ready\n"));

    job.abort();
    await run;

    expect(job.logged()).toContain("tidy\n");
  });

  it("is ended by force when it does not want to", async () => {
    executor = newExecutor({ clock: hastyClock });
    const job = jobOf({ actor: { file: shell(dir, "taskA", "trap '' TERM; echo $$; while :; do sleep 0.05; done") } });
    const run = executor.run(job);
    await until(() => expect(job.logged()).toMatch(/\n/));

    job.abort();
    await run;

    expect(isAlive(Number(job.logged()))).toBe(false);
  });

  it("is not begun when it was told before", async () => {
    const job = jobOf({ actor: { file: shell(dir, "taskA", "echo begun") } });
    job.abort();

    expect(await executor.run(job)).toMatchObject({ outcome: "failed" });
    expect(job.logged()).toBe("");
  });

  it("ends with the executor, which takes no more", async () => {
    const job = jobOf({ actor: { file: shell(dir, "taskA", "echo $$; sleep 300") } });
    const run = executor.run(job);
    await until(() => expect(job.logged()).toMatch(/\n/));

    await executor.close!();

    expect(await run).toMatchObject({ outcome: "failed" });
    await until(() => expect(isAlive(Number(job.logged()))).toBe(false));
    expect(await executor.run(job)).toMatchObject({ outcome: "retry" });
  });
});

describe("many commands", () => {
  it("run so many at once, and all in the end", async () => {
    const count = 8;
    executor = newExecutor({ atOnce: 3 });
    const file = shell(dir, "taskA", `echo $$ >> ${dir}/begun; while [ ! -e ${dir}/go ]; do sleep 0.2; done`);
    const begun = () =>
      existsSync(`${dir}/begun`) ? readFileSync(`${dir}/begun`, "utf8").trim().split("\n").length : 0;

    const runs = Array.from({ length: count }, () => executor.run(jobOf({ actor: { file } })));
    await until(() => expect(begun()).toBe(3));
    await new Promise((done) => setTimeout(done, 200)); // the fourth would begin now
    expect(begun()).toBe(3);
    script(dir, "go", "");
    const results = await Promise.all(runs);

    expect(results.every(({ outcome }) => outcome === "done")).toBe(true);
    expect(begun()).toBe(count);
  });
});

describe("a command that can't be started", () => {
  const startOf = async (file: string) => await executor.run(jobOf({ actor: { file } }));

  it.each([
    ["is not there", () => join(dir, "none"), /^no file '.*none'$/],
    ["is a folder", () => dir, /is no file/],
    ["has no run bit", () => script(dir, "plain", "#!/bin/sh\n", 0o644), /has no run bit: chmod \+x it$/],
    [
      "names no interpreter that is there",
      () => script(dir, "odd", "#!/no/such\n"),
      /names '\/no\/such', which is not there/,
    ],
    ["has lines that end as on Windows", () => script(dir, "crlf", "#!/bin/sh\r\n"), /Unix line ends/],
  ])("because it %s: says what to do", async (_, make, detail) => {
    const file = make();

    expect(await startOf(file)).toEqual({ outcome: "failed", detail: expect.stringMatching(detail) });
    expect(commandFault(file)).toMatch(detail);
  });

  it("because the site's folder is gone: says so", async () => {
    const file = shell(dir, "taskA", "exit 0");
    rmSync(join(dir, "site"), { recursive: true });

    expect(await startOf(file)).toMatchObject({ detail: expect.stringContaining("the folder of the site is gone") });
  });

  it("because a key has a zero byte: says so, and the next one runs", async () => {
    const file = shell(dir, "taskA", "exit 0");

    const bad = await executor.run(jobOf({ actor: { file }, keys: { lab: "a\0b" } }));

    expect(bad).toMatchObject({ outcome: "failed", detail: expect.stringContaining("null bytes") });
    expect(await startOf(file)).toEqual({ outcome: "done" });
    expect(commandFault(file)).toBeNull();
  });
});
