import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { initCommand } from "../../../runtime/cli/init.ts";
import { loadSite } from "../../../runtime/config.ts";
import { runCommand } from "../../support/command.ts";
import { scratch } from "../../support/scripts.ts";
import { OPTIONS } from "../../support/site.ts";

const init = (...args: string[]) => runCommand(initCommand, args);
const FILES = ["plan.yml", "samples.csv", "scripts"];

describe("aisle init", () => {
  let before: string;
  let folder: string;

  beforeEach(() => {
    before = process.cwd();
    folder = scratch();
    process.chdir(folder);
  });

  afterEach(() => process.chdir(before));

  it("makes a site that loads, of scripts and a person", async () => {
    expect(await init("board")).toMatchObject({ code: 0, err: [] });

    const { name, plan } = loadSite("board", OPTIONS);
    expect(name).toBe("board");
    expect(plan.pages[0]).toMatchObject({
      name: "samples",
      keys: [{ name: "sample" }],
      goals: ["measured", "approved", "reported"],
      data: null,
    });
    expect(plan.actors.map(({ goal, kind, prerequisites }) => [goal, kind, prerequisites])).toEqual([
      ["measured", "command", []],
      ["approved", "person", ["measured"]],
      ["reported", "command", ["approved"]],
    ]);
  });

  it.each([
    ["measured", "S-30", { length: 4 }],
    ["measured", `it's "odd"`, { length: 10 }],
    ["reported", "S-1", { reported_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) }],
  ])("makes a script '%s' that writes fields for %s", async (goal, key, fields) => {
    await init("board");
    const env = { ...process.env, AISLE_RESULT: join(folder, "result.json") };

    const input = goal === "reported" ? '{"sample":"x"}' : "";

    const said = execFileSync(join("board/scripts", goal), [key], { env, input, encoding: "utf8" });

    expect(said).toContain(key);
    expect(JSON.parse(readFileSync("result.json", "utf8"))).toEqual(fields);
  });

  it("sets the run bit of scripts, and of nothing else", async () => {
    await init("board");
    const mode = (name: string) => statSync(join("board", name)).mode & 0o111;

    expect([mode("scripts/measured") > 0, mode("scripts/reported") > 0]).toEqual([true, true]);
    expect([mode("plan.yml"), mode("samples.csv")]).toEqual([0, 0]);
  });

  it("says what to type next, from where it was called", async () => {
    const { out } = await init("my board");

    expect(out[0]).toBe("Made a site in my board:");
    expect(out.slice(out.indexOf("Next:") + 1).map((line) => line.split("#")[0]!.trim())).toEqual([
      "cd 'my board'",
      "aisle board import samples samples.csv",
      "aisle run",
      expect.stringMatching(/^aisle board /),
      expect.stringMatching(/^aisle board .*approved/),
      "aisle run",
      "aisle why-not reported S-2",
    ]);
  });

  it("makes it here when nothing is here but what is hidden", async () => {
    writeFileSync(".gitignore", "");
    const { code, out } = await init();

    expect([code, out[0]]).toEqual([0, "Made a site in this folder:"]);
    expect(out).not.toContainEqual(expect.stringContaining("cd "));
    expect(readdirSync(".").sort()).toEqual([".gitignore", ...FILES]);
  });

  it("asks for a name when something is here", async () => {
    writeFileSync("letter.txt", "");

    expect(await init()).toMatchObject({
      code: 2,
      err: ["error: this folder is not empty: name one for the site, as in 'aisle init board'"],
    });
    expect(readdirSync(".")).toEqual(["letter.txt"]);
  });

  it("writes beside what is there, and over nothing", async () => {
    mkdirSync("board/scripts", { recursive: true });
    writeFileSync("board/letter.txt", "");
    expect((await init("board")).code).toBe(0);
    writeFileSync("board/scripts/measured", "mine");

    const { code, err } = await init("board");

    expect(code).toBe(1);
    expect(err).toEqual([
      "nothing was written, as there is already:",
      ...["plan.yml", "scripts/measured", "scripts/reported", "samples.csv"].map((name) => `  ${join("board", name)}`),
      "Name another folder.",
    ]);
    expect(readFileSync("board/scripts/measured", "utf8")).toBe("mine");
  });

  it("writes nothing when only one file is in the way", async () => {
    mkdirSync("board");
    writeFileSync("board/samples.csv", "mine");

    expect((await init("board")).code).toBe(1);
    expect(readdirSync("board")).toEqual(["samples.csv"]);
  });

  it("says so when there can be no such folder", async () => {
    writeFileSync("board", "a file");

    const { code, err } = await init("board");

    expect([code, err[0]]).toEqual([1, expect.stringMatching(/^'board\/plan\.yml' can't be written: /)]);
  });

  it("has help", async () => {
    const { code, out } = await init("--help");

    expect([code, out.join("\n")]).toEqual([0, expect.stringMatching(/Usage: init .*\[folder\]/)]);
  });
});
