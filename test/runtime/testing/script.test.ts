import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { readScripts, scriptNames } from "../../../runtime/testing/script.ts";
import { mistakesOf } from "../../support/site.ts";

function siteWith(files: Readonly<Record<string, string>>): string {
  const dir = mkdtempSync(join(tmpdir(), "aisle-scripts-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  mkdirSync(join(dir, "tests"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, "tests", name), text);
  return dir;
}

const read = (dir: string, only = "") => readScripts(dir, { only, timeZone: "UTC" });

const stepsOf = (dir: string) =>
  read(dir)[0]!.steps.map((step) => ("body" in step ? Buffer.from(step.body).toString() : step.pauseMs));

describe("a site's tests", () => {
  it("are its YAML and JSON files, by name", () => {
    const dir = siteWith({
      "b.yml": "events: []",
      "a.json": '{"events": []}',
      "c.yaml": "events: []",
      "d.jsonl": "{}",
    });

    expect(scriptNames(dir)).toEqual(["a", "b", "c"]);
    expect(read(dir).map(({ name, path }) => [name, path])).toEqual([
      ["a", join(dir, "tests/a.json")],
      ["b", join(dir, "tests/b.yml")],
      ["c", join(dir, "tests/c.yaml")],
    ]);
    expect(read(dir, "b").map(({ name }) => name)).toEqual(["b"]);
  });

  it("are none where there is no folder", () => {
    const dir = siteWith({});
    rmSync(join(dir, "tests"), { recursive: true });

    expect([scriptNames(dir), read(dir)]).toEqual([[], []]);
  });

  it("say when they begin, what happens, and what must come of it", () => {
    const dir = siteWith({
      "a.yml": `
at: 2026-03-02 09:00
events:
  - { type: entry, id: 7 }
  - 1.5s
expect:
  decisions: []
  aggregates: { 7: { visit: [{ stops: 1 }] } }
  features: { "7": null }
`,
    });

    expect(read(dir)[0]).toMatchObject({
      at: Date.UTC(2026, 2, 2, 9),
      expect: { decisions: [], aggregates: { 7: { visit: [{ stops: 1 }] } }, features: { 7: null } },
    });
    expect(stepsOf(dir)).toEqual(['{"type":"entry","id":7}', 1500]);
  });

  it("may have their events in a file beside them, byte for byte", () => {
    const dir = siteWith({
      "a.yml": "events: a.jsonl",
      "a.jsonl": '{"id": 12345678901234567890}\n\n "2m" \nno JSON\n',
    });

    expect(stepsOf(dir)).toEqual(['{"id": 12345678901234567890}', 120_000, "no JSON"]);
    expect(read(dir)[0]).toMatchObject({ at: null, expect: null });
  });

  it("are refused with all that is wrong, and where", () => {
    const dir = siteWith({
      "a.yml": "at: noon\nevents:\n  - {}\n  - soon\n  - [1]\nexpects: {}\n",
      "b.yml": "at: noon\nevents:\n  - soon\n  - [1]\n",
      "c.yml": "events: c.jsonl\n",
      "d.yml": "events: d.jsonl\n",
      "d.jsonl": '{}\n"soon"\n',
      "e.yml": "events: []\nexpect: { decisions: {}, aggregates: { 7: [] } }\n",
      "f.yml": "a: [\n",
    });

    expect(mistakesOf(() => read(dir))).toEqual([
      "tests/a.yml:6:1: unknown key 'expects' (did you mean 'expect'?)",
      "tests/b.yml:1:5: expected a time such as '2026-03-02T09:00:00Z', found 'noon'",
      "tests/b.yml:3:5: expected an event, which is a map, or how much time passes: '5s'",
      "tests/b.yml:4:5: expected an event, which is a map, or how much time passes: '5s'",
      "tests/c.yml:1:9: the file 'c.jsonl' doesn't exist (did you mean 'd.jsonl'?)",
      'tests/d.jsonl:2:1: expected an event, or how much time passes, such as "5s"',
      "tests/e.yml:2:22: expected a list of decisions, found a map",
      "tests/e.yml:2:43: expected a map of aggregates, found a list",
      expect.stringMatching(/^tests\/f\.yml:/),
    ]);
  });
});
