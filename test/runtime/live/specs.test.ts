import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { describeSite, loadSite } from "../../../runtime/config.ts";
import { formatMistake, type Mistake } from "../../../runtime/errors.ts";
import { readSpecs } from "../../../runtime/live/specs.ts";
import { mistakesOf, OPTIONS, SiteCopy, STORE } from "../../support/site.ts";

const VISITS = readFileSync(join(STORE, "transforms/visits.yml"), "utf8");
const FEATURES = readFileSync(join(STORE, "transforms/visits-features.yml"), "utf8");

function read(files: Readonly<Record<string, string>>) {
  const dir = mkdtempSync(join(tmpdir(), "aisle-specs-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  mkdirSync(join(dir, "transforms"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, "transforms", name), text);
  const mistakes: Mistake[] = [];
  const specs = readSpecs(dir, mistakes);
  return { ...specs, said: mistakes.map(formatMistake) };
}

/** The same spec under another name. */
const named = (name: string) => VISITS.replace("Name: visits\n", `Name: ${name}\n`);
const over = (name: string) => FEATURES.replaceAll(/\bvisits\b(?=[.\n])/g, name);

describe("a folder of specs", () => {
  it("has each streaming spec with its window spec, in the order of the files' names", () => {
    const { list, said } = read({
      "c.yml": named("b"),
      "b.yaml": over("b"),
      "a.yml": VISITS,
      "z.yml": FEATURES,
      "notes.txt": "not a spec",
    });

    expect(said).toEqual([]);
    expect(list.map(({ name, transform }) => [name, transform.window?.file ?? null])).toEqual([
      ["visits", "transforms/z.yml"],
      ["b", "transforms/b.yaml"],
    ]);
  });

  it("has another hash when any file changes, and each spec when one of its own does", () => {
    const one = read({ "a.yml": VISITS, "b.yml": FEATURES, "c.yml": named("b") });
    const other = read({ "a.yml": VISITS, "b.yml": `${FEATURES}# a word\n`, "c.yml": named("b") });

    expect(one.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(other.hash).not.toBe(one.hash);
    expect(other.list.map(({ hash }, i) => hash === one.list[i]!.hash)).toEqual([false, true]);
  });

  it("may be empty, or not be there", () => {
    const mistakes: Mistake[] = [];

    expect(read({})).toMatchObject({ list: [], hash: null, said: [] });
    expect(readSpecs("/nowhere", mistakes)).toMatchObject({ list: [], hash: null });
    expect(mistakes).toEqual([]);
  });

  it.each<[string, Record<string, string>, RegExp[]]>([
    [
      "mistakes of all files at once",
      {
        "a.yml": VISITS.replace("visit.moves + 1", "visit.movse + 1"),
        "b.yml": FEATURES.replace("Type: float", "Type: flaot"),
      },
      [/^transforms\/a\.yml:\d+:\d+: .*movse/, /^transforms\/b\.yml:\d+:\d+: .*flaot/],
    ],
    [
      "two specs of one name",
      { "a.yml": VISITS, "b.yml": VISITS },
      [/^transforms\/b\.yml:5:1: 'visits' is the name of the spec in 'transforms\/a\.yml' already$/],
    ],
    [
      "two window specs over one spec",
      { "a.yml": VISITS, "b.yml": FEATURES, "c.yml": FEATURES },
      [/^transforms\/c\.yml:6:1: 'transforms\/b\.yml' is a window spec over 'transforms\/a\.yml' already$/],
    ],
    [
      "a window spec over none of several",
      { "a.yml": VISITS, "b.yml": named("other"), "c.yml": over("visist") },
      [/^transforms\/c\.yml:6:1: no streaming spec is called 'visist' \(did you mean 'visits'\?\)$/],
    ],
    ["a window spec alone", { "a.yml": FEATURES }, [/^transforms\/a\.yml:6:1: .*there is none in this folder$/]],
    [
      "a file that is no spec",
      { "a.yml": "just text" },
      [/^transforms\/a\.yml:1:1: expected a map that begins with 'Type: /],
    ],
    ["YAML that is none", { "a.yml": "Type: [" }, [/^transforms\/a\.yml:1:\d+: /]],
  ])("tells of %s", (_, files, expected) => {
    const { said } = read(files);

    expect(said).toEqual(expected.map((pattern) => expect.stringMatching(pattern)));
  });
});

describe("the specs of a site", () => {
  it("belong to it: their mistakes are the site's", () => {
    const copy = new SiteCopy().edit("transforms/visits.yml", "visit.moves + 1", "visit.movse + 1");

    expect(mistakesOf(() => loadSite(copy.dir, OPTIONS))).toEqual([
      expect.stringMatching(/^transforms\/visits\.yml:\d+:\d+: .*movse/),
    ]);
  });

  it("are named by what is in force, with the memory that they may take", () => {
    const copy = new SiteCopy().edit("site.yml", "retention:\n", "transforms: { memory: 1MiB }\nretention:\n");
    const site = loadSite(copy.dir, OPTIONS);

    expect(describeSite(site).transforms).toEqual({
      memoryBytes: 2 ** 20,
      specs: [
        {
          name: "visits",
          streaming: "transforms/visits.yml",
          window: "transforms/visits-features.yml",
          latenessMs: 3_600_000,
        },
      ],
    });
    expect(site.hashes.transforms).toMatch(/^[0-9a-f]{64}$/);
  });
});
