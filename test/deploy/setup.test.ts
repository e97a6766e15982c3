import { spawn } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

// A checkout in small: its own sources, the real set-up, compilers and packages.

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

let checkout: string;

beforeAll(async () => {
  checkout = mkdtempSync(join(tmpdir(), "aisle-setup-"));
  for (const file of [
    "deploy/setup.mjs",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "tsconfig.build.json",
  ]) {
    mkdirSync(dirname(join(checkout, file)), { recursive: true });
    copyFileSync(join(ROOT, file), join(checkout, file));
  }
  // The set-up only notes in here that the packages are those of the lock file, and they are.
  symlinkSync(join(ROOT, "node_modules"), join(checkout, "node_modules"), "junction");
  write(
    "assembly/asconfig.json",
    '{ "targets": { "release": { "outFile": "../dist/core.wasm" } }, "options": { "runtime": "stub" } }',
  );
  write("assembly/index.ts", "export function one(): i32 { return 1; }");
  write("runtime/a.ts", 'import { b } from "./b.ts";\nexport const a = b + 1;');
  write("runtime/b.ts", "export const b = 1;");
  write("runtime/page/style.css", "body {}");
  write("actors/index.ts", "export const actors = [];");
  expect(await setUp()).toMatchObject({ code: 0, said: ["building core.wasm", "building runtime"] });
}, 60_000);

afterAll(() => {
  rmSync(checkout, { recursive: true, force: true });
});

describe("setup.mjs", () => {
  it("builds what runs, files beside the code included", async () => {
    expect(["core.wasm", "runtime/a.js", "actors/index.js"].map((file) => existsSync(dist(file)))).toEqual([
      true,
      true,
      true,
    ]);
    expect(readFileSync(dist("runtime/page/style.css"), "utf8")).toBe("body {}");
    expect(await valueOfA()).toBe(2);
  });

  it("is silent when nothing is stale", async () => {
    expect(await setUp()).toEqual({ code: 0, said: [], text: "" });
  });

  it("builds again what changed, and only that", async () => {
    write("runtime/b.ts", "export const b = 10;");

    expect(await setUp()).toMatchObject({ code: 0, said: ["building runtime"] });
    expect(await valueOfA()).toBe(11);
  });

  it("builds the core alone when only that changed", async () => {
    write("assembly/index.ts", "export function two(): i32 { return 2; }");

    expect(await setUp()).toMatchObject({ code: 0, said: ["building core.wasm"] });
    const { instance } = await WebAssembly.instantiate(readFileSync(dist("core.wasm")));
    expect(instance.exports).toHaveProperty("two");
  });

  it("makes again what somebody deleted", async () => {
    rmSync(dist("runtime/b.js"));

    expect(await setUp()).toMatchObject({ code: 0, said: ["building runtime"] });
    expect(existsSync(dist("runtime/b.js"))).toBe(true);
  });

  it("removes what was built from a file that is gone", async () => {
    write("runtime/c.ts", "export const c = 1;");
    await setUp();
    expect(existsSync(dist("runtime/c.js"))).toBe(true);
    rmSync(join(checkout, "runtime/c.ts"));

    await setUp();

    expect(["runtime/c.js", "runtime/c.js.map"].map((file) => existsSync(dist(file)))).toEqual([false, false]);
  });

  it("says what the compiler says, and does not trust what it left behind", async () => {
    const before = readFileSync(join(checkout, "runtime/b.ts"), "utf8");
    write("runtime/b.ts", 'export const b: number = "ten";');
    const failed = await setUp();
    write("runtime/b.ts", before);
    const mended = await setUp();

    expect(failed).toMatchObject({ code: 1, text: expect.stringContaining("runtime/b.ts(1,14): error TS2322") });
    expect(mended).toMatchObject({ code: 0, said: ["building runtime"] });
    expect(await valueOfA()).toBe(11);
  });

  it("lets the second of two wait for the first", async () => {
    write("runtime/b.ts", "export const b = 20;");

    const both = await Promise.all([setUp(), setUp()]);

    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(both.flatMap(({ said }) => said).filter((line) => line.startsWith("building"))).toEqual([
      "building runtime",
    ]);
    expect(await valueOfA()).toBe(21);
  });

  it("takes over from one that died", async () => {
    const dead = spawn(process.execPath, ["-e", ""]);
    await new Promise((resolve) => dead.once("exit", resolve));
    write("runtime/b.ts", "export const b = 30;");
    write("dist/.lock/pid", String(dead.pid));

    expect(await setUp()).toMatchObject({ code: 0, said: ["building runtime"] });
  });

  it("refuses a purpose that it doesn't know", async () => {
    expect(await setUp("--for", "fun")).toMatchObject({ code: 1, text: expect.stringContaining("usage:") });
  });
});

describe("agrees", () => {
  type LockFile = { packages: Record<string, object> };
  let agrees: (wanted: LockFile, installed: LockFile) => boolean;

  beforeAll(async () => {
    ({ agrees } = await import(pathToFileURL(join(ROOT, "deploy/setup.mjs")).href));
  });

  const lock = (packages: Record<string, object>) => ({ packages: { "": { version: "0.1.0" }, ...packages } });
  const a1 = { "node_modules/a": { version: "1.0.0", integrity: "x" } };
  const optional = { "node_modules/b": { version: "1.0.0", optional: true } };

  it.each([
    ["the same packages", true, a1, a1],
    ["an optional one that was left out", true, { ...a1, ...optional }, a1],
    ["a missing one", false, a1, {}],
    ["another version", false, a1, { "node_modules/a": { version: "1.0.1", integrity: "x" } }],
    ["other bytes", false, a1, { "node_modules/a": { version: "1.0.0", integrity: "y" } }],
    ["an optional one in another version", false, optional, { "node_modules/b": { version: "2.0.0" } }],
    ["one too many", false, a1, { ...a1, "node_modules/c": { version: "1.0.0" } }],
  ])("with %s: %s", (_, expected, wanted, installed) => {
    expect(agrees(lock(wanted), { packages: installed as Record<string, object> })).toBe(expected);
  });
});

const dist = (file: string) => join(checkout, "dist", file);

function write(file: string, text: string): void {
  mkdirSync(dirname(join(checkout, file)), { recursive: true });
  writeFileSync(join(checkout, file), text);
}

/** No npm: should the packages here be stale, a set-up must not replace what this very test runs on. */
const env = { ...process.env, PATH: "", npm_execpath: "" };

/** Runs it as npm would. `said` is what it did, without the times. */
async function setUp(...args: string[]): Promise<{ code: number | null; said: string[]; text: string }> {
  const child = spawn(process.execPath, [join(checkout, "deploy/setup.mjs"), ...args], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let text = "";
  child.stderr.on("data", (chunk) => {
    text += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, said: [...text.matchAll(/^aisle setup: (.*?) … /gm)].map(([, what]) => what!), text };
}

let imports = 0;

async function valueOfA(): Promise<number> {
  // A file of its own each time: modules are kept by their address, and so is what they import.
  const script = `import { a } from ${JSON.stringify(pathToFileURL(dist("runtime/a.js")).href)}; console.log(a);`;
  const file = dist(`probe-${imports++}.mjs`);
  writeFileSync(file, script);
  const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  for await (const chunk of child.stdout) text += chunk;
  return Number(text);
}
