import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Mistake } from "../../../runtime/errors.ts";
import type { Result } from "../../../runtime/runs/job.ts";
import { emit } from "../../support/emit.ts";
import { scratch } from "../../support/scripts.ts";

// In a process of its own: what loads modules in a test is not what loads them in a place.

interface Loaded {
  readonly mistakes: readonly Mistake[];
  readonly result: Result | null;
}

let built: ReturnType<typeof emit>;
let dir: string;

beforeAll(() => {
  built = emit(["runtime/runs", "runtime/errors.ts", "runtime/limits.ts", "runtime/clock.ts"], []);
});
afterAll(() => built.remove());
beforeEach(() => {
  dir = scratch();
});

function write(name: string, text: string): string {
  const file = join(dir, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

async function load(...files: readonly string[]): Promise<Loaded[]> {
  const args = [resolve("test/fixtures/runs/module-child.mjs"), built.dir, ...files];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Loaded);
}

const mistakeOf = async (file: string) => (await load(file))[0]!.mistakes[0];

describe("a module in JavaScript", () => {
  it("is loaded, with what it imports", async () => {
    write("lib/unit.mjs", "export const unit = 'g';");
    const file = write(
      "weigh it.mjs",
      "import { unit } from './lib/unit.mjs';\nexport default ({ keys }) => ({ fields: { unit, of: keys.sample } });",
    );

    expect(await load(file)).toEqual([{ mistakes: [], result: { outcome: "done", fields: { unit: "g", of: "a" } } }]);
  });

  it("may be CommonJS", async () => {
    const file = write("old.cjs", "module.exports = () => ({ fields: { kind: 'cjs' } });");

    expect((await load(file))[0]!.result).toEqual({ outcome: "done", fields: { kind: "cjs" } });
  });

  it("with a syntax error is told of, with line and column", async () => {
    const file = write("bad.mjs", "export default () => true;\nlet a = = 3;\n");

    expect(await mistakeOf(file)).toMatchObject({ line: 2, column: 9 });
  });

  it("that throws while it is loaded is told of, with line and column", async () => {
    const file = write("bad name.mjs", "export default () => true;\n\n  undefinedThing();\n");

    expect(await mistakeOf(file)).toMatchObject({ line: 3, column: 3, message: "undefinedThing is not defined" });
  });

  it.each([
    ["export const weigh = () => true;", /^has no default export; expected: export default function/],
    ["export default 42;", /must be a function, or an object with the function 'handle'; got a number/],
    ["export default { weigh() {} };", /got an object without one/],
    ["export default null;", /got null/],
    ["import './none.mjs';\nexport default () => true;", /^Cannot find module .*none\.mjs/],
    ["import 'no-such-package';\nexport default () => true;", /^Cannot find package 'no-such-package'/],
    ["import { a } from './empty.mjs';\nexport default () => true;", /does not provide an export named 'a'/],
  ])("that reads %j is told of", async (text, message) => {
    write("empty.mjs", "");

    expect((await mistakeOf(write("taskA.mjs", text)))!.message).toMatch(message);
  });

  it("that imports one with a syntax error names that one", async () => {
    const broken = write("lib/broken.mjs", "\nlet a = = 3;");
    write("lib/good.mjs", "import './broken.mjs';\nimport '../taskA.mjs';");

    const mistake = await mistakeOf(write("taskA.mjs", "import './lib/good.mjs';\nexport default () => true;"));

    expect(mistake).toMatchObject({ file: broken, line: 2, column: 9 });
  });

  it("that is not there is told of", async () => {
    expect(await mistakeOf(join(dir, "none.mjs"))).toMatchObject({ line: 0, column: 0, message: "no such file" });
  });

  it("that is taken for CommonJS is told of, with what to do", async () => {
    write("package.json", '{"type":"commonjs"}');
    const file = write("taskA.js", "export default () => true;");

    expect((await mistakeOf(file))!.message).toMatch(/name it \.mjs, or put a package\.json/);
  });
});

describe("a module in TypeScript", () => {
  it("is loaded, with what it imports, of the same kind and of the other", async () => {
    write("lib/unit.ts", "export const unit: string = 'g';\nexport interface Job { keys: Record<string, string> }\n");
    write("lib/plain.mjs", "export const plain = 1;");
    const file = write(
      "weigh.ts",
      [
        "import { type Job, unit } from './lib/unit.ts';",
        "import { plain } from './lib/plain.mjs';",
        "export default async function weigh({ keys }: Job): Promise<{ fields: object }> {",
        "  return { fields: { unit, plain, of: keys.sample! } satisfies object };",
        "}",
      ].join("\n"),
    );

    expect(await load(file)).toEqual([
      { mistakes: [], result: { outcome: "done", fields: { unit: "g", plain: 1, of: "a" } } },
    ]);
  });

  it("may end in .mts, and stand beside one in JavaScript", async () => {
    const typed = write("a.mts", "export default (job: { attempt: number }): boolean => true;");
    const plain = write("b.mjs", "export default () => true;");

    expect((await load(plain, typed, plain)).map(({ result }) => result?.outcome)).toEqual(["done", "done", "done"]);
  });

  it("with a syntax error is told of, with line and column", async () => {
    const file = write("bad.ts", "export default (job: object): boolean => true;\nconst x: number = ;\n");

    expect(await mistakeOf(file)).toMatchObject({ line: 2, column: 19, message: "Expression expected" });
  });

  it("that needs more than its types taken out is told of", async () => {
    const file = write("bad.ts", "enum Unit { Gram }\nexport default () => Unit.Gram === 0;\n");

    expect(await mistakeOf(file)).toMatchObject({
      line: 1,
      column: 1,
      message: expect.stringContaining("enum is not supported"),
    });
  });

  it("that throws while it is loaded is told of where it stands in the source", async () => {
    const file = write(
      "bad.ts",
      "interface A { b: string }\nexport default (a: A): boolean => true;\nconst c: number = 1; undefinedThing();\n",
    );

    expect(await mistakeOf(file)).toMatchObject({ line: 3, column: 22, message: "undefinedThing is not defined" });
  });

  it("that imports one with a syntax error names that one", async () => {
    const broken = write("lib/unit.ts", "export const unit: = 'g';\n");

    const mistake = await mistakeOf(write("taskA.ts", "import './lib/unit.ts';\nexport default () => true;"));

    expect(mistake).toMatchObject({ file: broken, line: 1, column: 20 });
  });
});
