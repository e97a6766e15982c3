import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { limits } from "../../../runtime/limits.ts";
import { type Declared, loadPlan } from "../../../runtime/plan.ts";
import { actorIn, faultsOf, planOf, SAMPLES } from "../../support/plan-text.ts";
import { scratch, script, shell } from "../../support/scripts.ts";
import { mistakesOf } from "../../support/site.ts";

describe("a line of the plan", () => {
  it("has defaults for all but its goal and who does it", () => {
    expect(actorIn(`${SAMPLES}  - { goal: a, remote: true }\n`, "a")).toEqual({
      goal: "a",
      page: "samples",
      kind: "remote",
      prerequisites: [],
      conflicts: [],
      maxSelves: Number.POSITIVE_INFINITY,
      selvesScope: "node",
      subsumes: [],
      layer: 0,
      suppresses: [],
      inhibits: [],
      on: [],
      with: {},
      file: null,
      person: null,
      timeoutMs: 600_000,
      leaseMs: 30_000,
      retries: { max: 3, backoffMs: 1_000, backoffMaxMs: 300_000 },
      onLapse: "retry",
    });
  });

  it("may say all of it, in short or at length", () => {
    const text = `${SAMPLES}  - goal: a
    remote: true
    prerequisites: b
    conflicts: { b: 2, a: { limit: 3, scope: site }, c: { limit: 1, scope: record } }
    maxSelves: { limit: 4, scope: site }
    subsumes: [c]
    layer: 2
    inhibits: { port: b, for: 30m }
    suppresses: [{ port: b, match: sample, for: 10m }]
    timeout: 1h
    lease: 5s
    retries: { max: 7, backoff: 2s, backoffMax: 1m }
    onLapse: fail
  - { goal: b, remote: true, maxSelves: 4, retries: 0 }
  - { goal: c, remote: true, prerequisites: [b], retries: { backoff: 10m } }
`;
    const [a, b, c] = planOf(text).actors;

    expect(a).toMatchObject({
      prerequisites: ["b"],
      conflicts: [
        { goal: "b", limit: 2, scope: "node" },
        { goal: "a", limit: 3, scope: "site" },
        { goal: "c", limit: 1, scope: "record" },
      ],
      maxSelves: 4,
      selvesScope: "site",
      subsumes: ["c"],
      layer: 2,
      inhibits: [{ port: "b", match: null, forMs: 1_800_000 }],
      suppresses: [{ port: "b", match: "sample", forMs: 600_000 }],
      timeoutMs: 3_600_000,
      leaseMs: 5_000,
      retries: { max: 7, backoffMs: 2_000, backoffMaxMs: 60_000 },
      onLapse: "fail",
    });
    expect(b).toMatchObject({ maxSelves: 4, selvesScope: "node", retries: { max: 0, backoffMs: 1_000 } });
    expect(c!.retries).toEqual({ max: 3, backoffMs: 600_000, backoffMaxMs: 600_000 });
  });
});

describe("a person", () => {
  it("may be anybody, at any time", () => {
    expect(actorIn(`${SAMPLES}  - { goal: a, person: true }\n`, "a")).toMatchObject({
      kind: "person",
      person: { who: [], dueMs: null },
      timeoutMs: Number.POSITIVE_INFINITY,
    });
  });

  it("may be some, and have until a time", () => {
    expect(actorIn(`${SAMPLES}  - { goal: a, person: { who: ann, due: 2d } }\n`, "a").person).toEqual({
      who: ["ann"],
      dueMs: 172_800_000,
    });
  });

  it.each([
    ["- { goal: a, person: ¦false }", /^expected true, or a map with who and due, found false$/],
    ["- { goal: a, person: { ¦hwo: ann } }", /^unknown key 'hwo' \(did you mean 'who'\?\)$/],
    ["- { goal: a, person: { due: ¦0s } }", /^expected a duration from 1s/],
    [
      "- { goal: a, person: true, ¦timeout: 1m }",
      /^'timeout' is for work that is run.*expected 'due', under 'person'$/,
    ],
    ["- { goal: a, person: true, ¦maxSelves: 1 }", /^'maxSelves' is for work that is run, not for what people do$/],
    ["- { goal: a, person: true, ¦retries: 1 }", /^'retries' is for work that is run/],
  ])("%s: %s", (line, message) => {
    expect(faultsOf(`${SAMPLES}  ${line}\n`)).toEqual([expect.stringMatching(message)]);
  });
});

describe("a file of the site", () => {
  const at = (dir: string) => ({ dir });

  it("is found from the folder of the plan, and named whole", () => {
    const dir = scratch();
    shell(dir, "bin/a", "exit 0");
    script(dir, "lib/b.ts", "export default () => 1;", 0o644);
    const text = `${SAMPLES}  - { goal: a, command: bin/a }\n  - { goal: b, module: lib/b.ts }\n  - { goal: c, command: ${dir}/bin/a }\n`;

    expect(planOf(text, at(dir)).actors.map(({ kind, file }) => [kind, file])).toEqual([
      ["command", join(dir, "bin/a")],
      ["module", join(dir, "lib/b.ts")],
      ["command", join(dir, "bin/a")],
    ]);
  });

  it("is that of the goal's name in 'scripts', when the line says nothing else", () => {
    const dir = scratch();
    shell(dir, "scripts/a", "exit 0");
    shell(dir, "agents/b", "exit 0");

    expect(actorIn(`${SAMPLES}  - goal: a\n`, "a", at(dir))).toMatchObject({
      kind: "command",
      file: join(dir, "scripts/a"),
    });
    expect(actorIn(`scripts: agents\n${SAMPLES}  - goal: b\n`, "b", at(dir)).file).toBe(join(dir, "agents/b"));
  });

  it.each([
    ["- { goal: a, command: ¦bin/b }", "the file 'bin/b' doesn't exist (did you mean 'a'?)"],
    [
      "- { goal: a, command: ¦bin/a -v }",
      "the file 'bin/a -v' doesn't exist: a command is one file, its arguments are the keys",
    ],
    ["- { goal: a, command: ¦bin }", "'bin' is a folder: expected an executable file"],
    ["- { goal: a, command: ¦bin/plain }", "the file 'bin/plain' may not be executed: chmod +x 'bin/plain'"],
    ["- { goal: a, module: ¦lib/c.ts }", "the file 'lib/c.ts' doesn't exist (did you mean 'b.ts'?)"],
    ["- { goal: a, module: ¦lib }", "'lib' is a folder: expected a file that ends in .ts, .mts, .js, .mjs or .cjs"],
    [
      "- { goal: a, module: ¦bin/a }",
      "'bin/a' is no module: expected a file that ends in .ts, .mts, .js, .mjs or .cjs; an executable is a 'command'",
    ],
    [
      "- goal: ¦longer",
      "no actor of that name ships, and the file 'scripts/longer' doesn't exist (did you mean 'longer.sh'?)",
    ],
    [
      "- goal: ¦plain",
      "no actor of that name ships, and the file 'scripts/plain' may not be executed: chmod +x 'scripts/plain'",
    ],
    ["- { goal: a, command: bin/a, ¦person: true }", "'a' has 'command' and 'person': expected one of them"],
    ["- { goal: a, command: bin/a, ¦on: [entry] }", "'on' is for actors that ship: this one is of the kind 'command'"],
    [
      "- { goal: a, command: bin/a, ¦with: { x: 1 } }",
      "'with' is for actors that ship: this one is of the kind 'command'",
    ],
    ["- { goal: a, remote: ¦no }", "expected true, found 'no'"],
  ])("%s: %s", (line, message) => {
    const dir = scratch();
    shell(dir, "bin/a", "exit 0");
    script(dir, "bin/plain", "#!/bin/sh\n", 0o644);
    script(dir, "lib/b.ts", "export default () => 1;", 0o644);
    script(dir, "scripts/plain", "#!/bin/sh\n", 0o644);
    shell(dir, "scripts/longer.sh", "exit 0");
    const options = { dir, eventTypes: ["entry"] };

    expect(faultsOf(`${SAMPLES}  ${line}\n`, options)).toEqual([message]);
  });

  it("is not looked for outside 'scripts', whatever the goal is called", () => {
    const dir = scratch();
    mkdirSync(join(dir, "scripts"));
    shell(dir, "a", "exit 0");

    expect(faultsOf(`${SAMPLES}  - goal: ¦../a\n`, at(dir))).toEqual([
      expect.stringMatching(/^no actor owns the goal '\.\.\/a'/),
    ]);
  });

  it("needs its folder, when that is named", () => {
    const text = `scripts: ¦nowhere\n${SAMPLES}  - { goal: a, remote: true }\n`;

    expect(faultsOf(text, at(scratch()))).toEqual([
      "there is no folder 'nowhere': expected one with executables named after goals",
    ]);
  });
});

describe("an actor that ships", () => {
  const declared: Declared = {
    goal: "seen",
    page: "samples",
    prerequisites: ["x"],
    conflicts: {},
    maxSelves: 2,
    subsumes: [],
    layer: 1,
    on: ["entry"],
    params: {},
  };

  it("gives way to the site's own, with all that it declares", () => {
    const dir = scratch();
    shell(dir, "own", "exit 0");
    const text = `${SAMPLES}  - { goal: seen, command: own }\n`;

    expect(loadPlan(text, "plan.yml", [declared], { eventTypes: [], dir }).actors[0]).toMatchObject({
      kind: "command",
      prerequisites: [],
      maxSelves: Number.POSITIVE_INFINITY,
      layer: 0,
      on: [],
    });
  });

  it("stands once, whatever the page", () => {
    const text =
      "version: 1\npages: { samples: { keys: [a], data: [x] }, more: { keys: [a], data: [x] } }\nactors:\n  - goal: seen\n  - { goal: seen, page: more }\n";

    expect(mistakesOf(() => loadPlan(text, "plan.yml", [declared], { eventTypes: [] }))).toEqual([
      "plan.yml:5:13: the goal 'seen' stands twice: one actor owns it",
    ]);
  });
});

describe("the page of a line", () => {
  const TWO = "version: 1\npages:\n  samples: { keys: [sample] }\n  labs: { keys: [lab] }\nactors:\n";

  it("is the only one where records are made by people", () => {
    const text =
      "version: 1\npages:\n  visits: { opens: entry, timeToLive: 1m }\n  labs: { keys: [lab] }\nactors:\n  - { goal: a, remote: true }\n";

    expect(actorIn(text, "a", { eventTypes: ["entry"] }).page).toBe("labs");
  });

  it("must be said where there are several", () => {
    expect(faultsOf(`${TWO}  - ¦{ goal: a, remote: true }\n`)).toEqual([
      "'a' lacks its 'page': expected samples or labs",
    ]);
  });

  it("may be another for the same goal, of another actor", () => {
    const text = `${TWO}  - { goal: a, page: samples, remote: true }\n  - { goal: a, page: labs, person: true }\n`;

    expect(planOf(text).actors.map(({ goal, page }) => [goal, page])).toEqual([
      ["a", "samples"],
      ["a", "labs"],
    ]);
  });
});

describe("a mistake in a line", () => {
  const long = "x".repeat(limits.tokenBytes + 1);

  it.each([
    ["- { goal: ¦ready, remote: true }", /^every page has a column 'ready': expected another name for the goal$/],
    ["- { goal: ¦sample, remote: true }", /^the goal 'sample' is named like a key of the page 'samples'$/],
    ['- { goal: ¦"a\\u0007", remote: true }', /^the goal 'a.' has a control character in it/],
    ['- { goal: ¦"", remote: true }', /^expected a goal, found nothing$/],
    [`- { goal: ¦${long}, remote: true }`, /^the goal 'x+…' is 257 bytes long: expected at most 256$/],
    ["- { goal: a, remote: true }\n  - { goal: ¦a, remote: true }", /^the goal 'a' stands twice: one actor owns it$/],
    ["- { goal: a, page: ¦sampels, remote: true }", /^there is no page 'sampels' \(did you mean 'samples'\?\)$/],
    [
      "- { goal: a, remote: true, conflicts: { a: ¦0 } }",
      /^expected a whole number from 1 to \d+, found the number 0$/,
    ],
    [
      "- { goal: a, remote: true, conflicts: { a: ¦x } }",
      /^expected a whole number from 1 to \d+, or a map with limit and/,
    ],
    ["- { goal: a, remote: true, conflicts: { a: { limit: 1, scope: ¦place } } }", /^expected record, node or site/],
    [
      "- { goal: a, remote: true, conflicts: { a: { limit: 1, ¦scop: site } } }",
      /^unknown key 'scop' \(did you mean 'scope'/,
    ],
    ["- { goal: a, remote: true, maxSelves: ¦0 }", /^expected a whole number from 1 to \d+, found the number 0$/],
    ["- { goal: a, remote: true, maxSelves: { limit: 1, scope: ¦record } }", /^expected node or site, found 'record'/],
    [
      "- { goal: a, remote: true, maxSelves: { limit: ¦257, scope: site } }",
      /^expected at most 256 for the whole site, found 257$/,
    ],
    ["- { goal: a, remote: true, timeout: ¦0s }", /^expected a duration from 1ms to/],
    ["- { goal: a, remote: true, lease: ¦0s }", /^expected a duration from 10ms to/],
    ["- { goal: a, remote: true, retries: ¦-1 }", /^expected a whole number from 0 to 1000, found the number -1$/],
    ["- { goal: a, remote: true, retries: { backoff: ¦0s } }", /^expected a duration from 1ms to/],
    ["- { goal: a, remote: true, retries: { backoff: 2s, backoffMax: ¦1s } }", /^is shorter than 'backoff'/],
    ["- { goal: a, remote: true, onLapse: ¦again }", /^expected retry or fail, found 'again'$/],
    ["- { goal: a, remote: true, layer: ¦-1 }", /^expected a whole number from 0 to 100/],
  ])("%s: %s", (lines, message) => {
    expect(faultsOf(`${SAMPLES}  ${lines}\n`)).toEqual([expect.stringMatching(message)]);
  });

  it("is that there are more lines than are dealt with", () => {
    const lines = Array.from({ length: limits.planActors + 1 }, (_, i) => `- { goal: g${i}, remote: true }`);

    expect(faultsOf(`version: 1\npages: { p: { keys: [k] } }\nactors:\n  ¦${lines.join("\n  ")}\n`)).toEqual([
      `there are ${limits.planActors + 1} actors: expected at most ${limits.planActors}`,
    ]);
  });

  it("is one of the page 'data' when it is named like a goal", () => {
    const text =
      "version: 1\npages:\n  samples: { keys: [sample], data: [note, ¦a] }\nactors:\n  - { goal: a, remote: true }\n";

    expect(faultsOf(text)).toEqual(["'a' is a goal of this page: expected other fields"]);
  });
});
