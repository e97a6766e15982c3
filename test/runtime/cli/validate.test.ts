import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommanderError } from "commander";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Shell } from "../../../runtime/cli/shell.ts";
import { validateCommand } from "../../../runtime/cli/validate.ts";
import { caseText } from "../../support/specs.ts";

const STREAMING = caseText("testsdata_window/streaming.yml");
const WINDOW = caseText("testsdata_window/window.yml");

class Exit {
  readonly code: number;

  constructor(code: number) {
    this.code = code;
  }
}

describe("aisle validate", () => {
  let folder: string;
  let before: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "validate-"));
    before = process.cwd();
    process.chdir(folder);
  });

  afterEach(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });

  const write = (files: Readonly<Record<string, string>>) => {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  };

  function run(...args: string[]): { code: number; out: string[]; err: string[] } {
    const out: string[] = [];
    const err: string[] = [];
    const shell = {
      write: (line: string) => void out.push(...line.split("\n")),
      warn: (line: string) => void err.push(...line.split("\n")),
      exit: (code: number) => {
        throw new Exit(code);
      },
    } as unknown as Shell;
    const command = validateCommand(shell)
      .exitOverride()
      .configureOutput({ writeErr: (text) => void err.push(text.trimEnd()) });
    try {
      command.parse(args, { from: "user" });
      return { code: 0, out, err };
    } catch (thrown) {
      if (thrown instanceof Exit) return { code: thrown.code, out, err };
      if (thrown instanceof CommanderError) return { code: 2, out, err };
      throw thrown;
    }
  }

  it("says of each file that it is valid", () => {
    write({ "s.yml": STREAMING, "w.yml": WINDOW });

    expect(run("s.yml", "w.yml")).toEqual({ code: 0, out: ["s.yml: valid", "w.yml: valid"], err: [] });
  });

  it("says what is wrong, and where", () => {
    write({
      "s.yml": STREAMING.replace("source.event_time", "source.event_time)"),
      "w.yml": WINDOW.replace("source.events[0]", "source.evnts[0]"),
    });

    const { code, out, err } = run("s.yml", "w.yml");

    expect([code, out]).toEqual([1, []]);
    expect(err).toEqual([
      expect.stringMatching(/^s\.yml:10:31: /),
      "w.yml:22:22: 'session' has no field 'evnts' (did you mean 'events'?)",
    ]);
  });

  it("takes all specs of the folder when none is named, and passes over what is none", () => {
    write({ "b.yaml": STREAMING, "a.yml": WINDOW, "site.yml": "version: 1\nname: store\n", "c.txt": "x" });

    expect(run()).toEqual({
      code: 0,
      out: ["a.yml: valid", "b.yaml: valid"],
      err: ["site.yml: note: is no transform spec, passed over"],
    });
  });

  it("finds the streaming spec of a window spec beside it", () => {
    mkdirSync("specs");
    write({ "specs/s.yml": STREAMING, "specs/w.yml": WINDOW.replace("source.events[0]", "source.evnts[0]") });

    expect(run("specs/w.yml")).toMatchObject({
      code: 1,
      err: [expect.stringContaining("'session' has no field 'evnts'")],
    });
  });

  it("checks a window spec alone when its streaming spec is nowhere", () => {
    write({ "w.yml": WINDOW });

    expect(run("w.yml")).toEqual({
      code: 0,
      out: ["w.yml: valid"],
      err: ["w.yml: note: the streaming spec 'Sessions' is not at hand, so that names of it are not checked"],
    });
  });

  it("prints JSON", () => {
    write({ "s.yml": STREAMING.replace("Name: Sessions", "Name: 7") });

    const { code, out } = run("--json", "s.yml");

    expect(code).toBe(1);
    expect(JSON.parse(out.join("\n"))).toEqual([
      {
        file: "s.yml",
        valid: false,
        mistakes: [
          { file: "s.yml", line: 4, column: 7, message: "expected a name, found the number 7 (write it in quotes)" },
        ],
        notes: [],
      },
    ]);
  });

  it("tells of a file that is not there", () => {
    expect(run("gone.yml")).toEqual({
      code: 1,
      out: [],
      err: [expect.stringMatching(/^gone\.yml: can't be read: ENOENT/)],
    });
  });

  it.each([
    [[], "there is no transform spec in this folder"],
    [["--write", "a.yml"], "--write goes with --fix"],
    [["--compat", "blurr", "--json", "a.yml"], "--compat goes with neither"],
    [["--compat", "spark", "a.yml"], "argument 'spark' is invalid"],
  ])("is misused with %j", (args, expected) => {
    const { code, err } = run(...args);

    expect(code).toBe(2);
    expect(err.join("\n")).toContain(expected);
  });

  it("prints the JSON Schema", () => {
    expect(JSON.parse(run("--schema").out.join("\n"))).toMatchObject({
      $schema: "https://json-schema.org/draft/2020-12/schema",
    });
  });

  describe("--fix", () => {
    const OLD = caseText("dtc_seed/sample_2018-03-09.yml");

    it("writes the translation beside the file", () => {
      write({ "old.yml": OLD, "new.yml": STREAMING });

      expect(run("--fix")).toEqual({
        code: 0,
        out: ["new.yml: is in today's form", "old.yml: translated to old.fixed.yml"],
        err: [],
      });
      expect(readFileSync("old.yml", "utf8")).toBe(OLD);
      expect(run("old.fixed.yml")).toMatchObject({ code: 0, out: ["old.fixed.yml: valid"] });
    });

    it("writes it over the file when told to", () => {
      write({ "old.yaml": OLD });

      expect(run("--fix", "--write", "old.yaml").out).toEqual(["old.yaml: translated to old.yaml"]);
      expect(readFileSync("old.yaml", "utf8")).toContain("Blurr:Transform:Streaming");
    });

    it("writes nothing where there are mistakes", () => {
      write({ "old.yml": caseText("dtc_seed/streaming_2018-03-12.yml") });

      expect(run("--fix", "old.yml")).toMatchObject({ code: 1, out: [] });
      expect(() => readFileSync("old.fixed.yml")).toThrow();
    });
  });

  describe("--compat blurr", () => {
    it("prints what Blurr prints of a valid file", () => {
      write({ "s.yml": STREAMING });

      expect(run("--compat", "blurr")).toEqual({
        code: 0,
        out: ["Running validation on s.yml", "[]", "Document is valid"],
        err: [],
      });
    });

    it("prints errors in blocks, by path", () => {
      write({ "a.yml": caseText("validation/activity_zero.yml") });

      expect(run("--compat", "blurr", "a.yml")).toEqual({
        code: 1,
        out: [
          "Running validation on a.yml",
          "[EmptyAttributeError('S.b', 'SeparateByInactiveSeconds'), InvalidNumberError('S.b', 'SeparateByInactiveSeconds')]",
        ],
        err: [
          "",
          "S.b",
          "===",
          "--> Attribute `SeparateByInactiveSeconds` under `S.b` cannot be left empty.",
          "--> Attribute `SeparateByInactiveSeconds` under `S.b` must be of type `int`.  Must be greater than 1",
        ],
      });
    });

    it.each([
      ["- 1\n", "There was an error parsing the document. Error:"],
      ["a: [\n", "Invalid yaml"],
    ])("gives up on %j: %s", (text, expected) => {
      write({ "a.yml": text });

      expect(run("--compat", "blurr", "a.yml")).toMatchObject({ code: 1, err: [expected, expect.anything()] });
    });
  });
});
