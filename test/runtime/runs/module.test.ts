import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { ManualClock, systemClock } from "../../../runtime/clock.ts";
import { limits } from "../../../runtime/limits.ts";
import { createModuleExecutor, type Modules } from "../../../runtime/runs/module.ts";
import { jobOf } from "../../support/jobs.ts";
import { scratch } from "../../support/scripts.ts";

let dir: string;
let modules: Modules;

beforeEach(() => {
  dir = scratch();
  modules = createModuleExecutor({ clock: systemClock });
});

function write(text: string, name = "taskA.mjs"): string {
  const file = join(dir, name);
  writeFileSync(file, text);
  return file;
}

/** A loaded module that is called for one job. */
async function ran(text: string, options: Parameters<typeof jobOf>[0] = {}) {
  const file = write(text);
  await modules.load([file]);
  const job = jobOf({ ...options, actor: { kind: "module", file, ...options.actor } });
  return { result: await modules.run(job), log: job.logged() };
}

const returning = (expression: string) => ran(`export default () => (${expression});`);

describe("a module", () => {
  it("gets keys, row, page, goal, run, attempt and claim", async () => {
    const text =
      "export default ({ keys, row, page, goal, run, attempt, claim }) => ({ fields: { all: [keys, row.ready, page, goal, run, attempt, claim] } });";

    const { result } = await ran(text, { run: "r-7", attempt: 2, token: 41 });

    expect(result.fields!.all).toEqual([{ lab: "lab1", sample: "a" }, "1", "samples", "taskA", "r-7", 2, 41]);
  });

  it("writes lines into the run's log", async () => {
    const { log } = await ran(
      'export default ({ log }) => { log("grams:", 12.5, { by: "hand" }); log("%d of %d", 1, 2); };',
    );

    expect(log).toBe("grams: 12.5 { by: 'hand' }\n1 of 2\n");
  });

  it("answers at once when it is no async function", async () => {
    const file = write("export default () => true;");
    await modules.load([file]);

    expect(modules.run(jobOf({ actor: { file } }))).toEqual({ outcome: "done" });
  });

  it("may be an object with a function `handle`, which may use what else is in it", async () => {
    const { result } = await ran("export default { unit: 'g', handle() { return { fields: { unit: this.unit } }; } };");

    expect(result).toEqual({ outcome: "done", fields: { unit: "g" } });
  });

  it("is told when it should end, and is waited for no longer", async () => {
    const file = write(
      "export default ({ signal, log }) => { signal.addEventListener('abort', () => log('told')); return new Promise(() => {}); };",
    );
    await modules.load([file]);
    const job = jobOf({ actor: { file } });
    const run = modules.run(job);

    job.abort();

    expect(await run).toMatchObject({ outcome: "failed" });
    expect(job.logged()).toBe("told\n");
  });

  it("can't be used when it is not loaded in time", async () => {
    const clock = new ManualClock();
    const loading = createModuleExecutor({ clock }).load([
      write("await new Promise(() => {}); export default () => true;"),
    ]);
    const failure = expect(loading).rejects.toThrow(/taskA\.mjs: not loaded within 10000 ms/);

    const stop = setInterval(() => clock.advance(limits.moduleLoadMs), 5);
    await failure;
    clearInterval(stop);
  });

  it("is loaded when a run asks for it first", async () => {
    const file = write("export default async () => true;");

    expect(await modules.run(jobOf({ actor: { file } }))).toEqual({ outcome: "done" });
  });
});

describe("what a module returns", () => {
  it.each([
    ["undefined", { outcome: "done" }],
    ["true", { outcome: "done" }],
    ["{}", { outcome: "done" }],
    [
      "{ fields: { note: 'x', n: 3, gone: undefined, none: null } }",
      { outcome: "done", fields: { note: "x", n: 3, none: null } },
    ],
    ["Promise.resolve({ fields: { note: 'x' } })", { outcome: "done", fields: { note: "x" } }],
    [
      "{ outcome: 'failed', detail: 'no reagent', fields: { note: 'x' } }",
      { outcome: "failed", detail: "no reagent", fields: { note: "x" } },
    ],
    ["{ outcome: 'retry', detail: 'later' }", { outcome: "retry", detail: "later" }],
    ["[true, { note: 'x' }]", { outcome: "done", fields: { note: "x" } }],
    ["[false, { note: 'x' }]", { outcome: "failed", detail: "returned false", fields: { note: "x" } }],
    ["[true]", { outcome: "done", fields: {} }],
    ["false", { outcome: "failed", detail: "returned false" }],
    ["null", { outcome: "failed", detail: "returned null" }],
  ])("%s", async (expression, expected) => {
    expect((await returning(expression)).result).toEqual(expected);
  });

  it.each([
    ["'done'", /returned a string; expected true, false or { outcome, fields, detail }/],
    ["1", /returned a number/],
    ["() => true", /returned a function/],
    ["Promise.resolve(7)", /returned a number/],
    ["{ note: 'x' }", /unknown 'note'; what is to be written goes into 'fields'/],
    ["{ feilds: {} }", /unknown 'feilds' \(did you mean 'fields'\?\)/],
    ["{ outcome: 'great' }", /outcome must be 'done', 'failed' or 'retry', got 'great'/],
    ["{ detail: 3 }", /detail must be a text, got a number/],
    ["{ fields: 'x' }", /fields must be an object of names and values, got a string/],
    ["{ fields: { act: () => 1 } }", /the field 'act' is a function, which JSON can't write/],
    ["{ fields: { big: [1n] } }", /the field 'big' can't be written as JSON/],
    [
      "{ fields: { me: (() => { const o = {}; o.o = o; return o; })() } }",
      /the field 'me' can't be written as JSON: Converting circular/,
    ],
    [`{ fields: { a: 'x'.repeat(${limits.resultBytes}) } }`, /at most 262144/],
    [
      `{ fields: Object.fromEntries(Array.from({ length: ${limits.pageColumns + 1} }, (_, i) => ['f' + i, 1])) }`,
      /501 fields, at most 500/,
    ],
    [`{ fields: { ['n'.repeat(${limits.specNameChars + 1})]: 1 } }`, /too long a name/],
    ["['x']", /expected \[true or false, fields\]/],
    ["[true, {}, 1]", /expected \[true or false, fields\]/],
  ])("%s is a failure that says so", async (expression, detail) => {
    expect((await returning(expression)).result).toEqual({ outcome: "failed", detail: expect.stringMatching(detail) });
  });
});

describe("what a module throws", () => {
  it.each([
    ["new TypeError('no such sample')", "no such sample"],
    ["new RangeError()", "RangeError"],
    ["'text'", "threw a string: text"],
    ["undefined", "threw a undefined: undefined"],
  ])("%s: is a failure, the message as detail", async (expression, detail) => {
    const sync = await ran(`export default () => { throw ${expression}; };`);
    const async = await ran(`export default async () => { throw ${expression}; };`);

    expect(sync.result).toEqual({ outcome: "failed", detail });
    expect(async.result).toEqual(sync.result);
  });

  it("goes into the log whole", async () => {
    const { log } = await ran("export default function weigh() { throw new TypeError('no such sample'); }");

    expect(log).toMatch(/^TypeError: no such sample\n +at .*weigh/);
  });

  it("is cut when it is long", async () => {
    const { result } = await ran("export default () => { throw new Error('x'.repeat(1e6)); };");

    expect(result.detail!.length).toBe(limits.resultDetailChars);
  });
});

describe("a module that has changed", () => {
  it("is loaded anew when the plan is, and not before", async () => {
    const file = write("let runs = 0; export default () => ({ fields: { text: 'old', runs: ++runs } });");
    const run = () => modules.run(jobOf({ actor: { file } }));
    await modules.load([file]);
    await run();

    write("export default () => ({ fields: { text: 'new' } });");
    expect(await run()).toMatchObject({ fields: { text: "old", runs: 2 } });
    await modules.load([file]);

    expect(await run()).toMatchObject({ fields: { text: "new" } });
  });

  it("keeps what it has in memory when it did not change", async () => {
    const file = write("let runs = 0; export default () => ({ fields: { runs: ++runs } });");
    await modules.load([file]);
    await modules.run(jobOf({ actor: { file } }));

    await modules.load([file]);

    expect(await modules.run(jobOf({ actor: { file } }))).toMatchObject({ fields: { runs: 2 } });
  });

  it("stays as it was when another one of the plan can't be used", async () => {
    const file = write("export default () => ({ fields: { text: 'old' } });");
    await modules.load([file]);

    write("export default () => ({ fields: { text: 'new' } });");
    await expect(modules.load([file, join(dir, "none.mjs")])).rejects.toThrow("none.mjs: no such file");

    expect(await modules.run(jobOf({ actor: { file } }))).toMatchObject({ fields: { text: "old" } });
  });
});
