import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { testCommand } from "../../../runtime/cli/test.ts";
import { runCommand, type Said } from "../../support/command.ts";
import { STORE } from "../../support/place.ts";
import { writeSite } from "../../support/sites.ts";

const OFFER = `at: 2026-03-02T09:00:00Z
events:
  - { type: entry, id: 7 }
  - 5s
  - { type: focus, id: 7, dep: Sport }
expect:
  decisions:
    - { customer: "7", department: Sport, offers: [{ coupon: "87" }] }
`;

/** The store's site with its transforms and these tests. */
function siteWith(tests: Readonly<Record<string, string>>, site: Readonly<Record<string, unknown>> = {}): string {
  const dir = writeSite({ site });
  cpSync(join(STORE, "transforms"), join(dir, "transforms"), { recursive: true });
  mkdirSync(join(dir, "tests"));
  for (const [name, text] of Object.entries(tests)) writeFileSync(join(dir, "tests", name), text);
  return dir;
}

const withoutTimes = ({ out }: Said) => out.map((line) => line.replace(/\(\d+ ms\)/, "(… ms)"));

const test = (...args: string[]) => runCommand(testCommand, args);

describe("aisle test", () => {
  it("passes the tests of the store site", async () => {
    const said = await test(STORE);

    expect(said).toMatchObject({ code: 0, err: [] });
    expect(said.out.at(-1)).toBe("3 tests: 3 passed");
  });

  it("says of each test what became of it, and what differs", async () => {
    const dir = siteWith({
      "a.yml": OFFER,
      "b.yml": `${OFFER.replace('"87"', '"88"')}  features: { "7": { now.stops: 2, now.nosuch: 0 }, "8": {} }\n`,
      "c.yml": "at: 2026-03-02\nevents: [{ type: entri, id: 7 }]\nexpect: { decisions: [] }\n",
    });

    const said = await test(dir);

    expect(said).toMatchObject({ code: 1, err: [] });
    expect(withoutTimes(said).slice(1)).toEqual([
      "  ok      a  (… ms)",
      "  FAILED  b  (… ms)",
      "          decisions[0].offers[0].coupon",
      '            expected  "88"',
      '            got       "87"',
      '          features.7["now.stops"]',
      "            expected  2",
      "            got       1",
      '          features.7["now.nosuch"]',
      "            expected  0",
      "            got       nothing",
      "          features.8",
      "            expected  {}",
      "            got       null",
      "  FAILED  c  (… ms)",
      "          deadLetters[0]",
      "            expected  nothing",
      expect.stringMatching(/^ {12}got {7}\{"code":"unknown-type",.*"event":\{"type":"entri","id":7\}\}$/),
      "3 tests: 1 passed, 2 failed",
    ]);
  });

  it("prints JSON", async () => {
    const { code, out } = await test(siteWith({ "a.yml": OFFER.replace('"87"', '"88"') }), "--json");

    expect(code).toBe(1);
    expect(JSON.parse(out.join("\n"))).toEqual([
      {
        site: "store",
        test: "a",
        state: "failed",
        ms: expect.any(Number),
        differences: [{ path: "decisions[0].offers[0].coupon", expected: "88", got: "87" }],
        error: null,
      },
    ]);
  });

  it("writes what comes out with --update, and passes then", async () => {
    const dir = siteWith({
      "a.yml": `# An offer.\n${OFFER.replace('"87"', '"88"')}`,
      "b.yml": "at: 2026-03-02\nevents: [{ type: entry, id: 7 }]\n",
      "c.yml": OFFER,
    });

    const said = await test(dir, "--update");

    expect(said.code).toBe(0);
    expect(withoutTimes(said).slice(1)).toEqual([
      "  updated a  (… ms)",
      "          decisions[0].offers[0].coupon",
      '            was       "88"',
      '            is        "87"',
      "  updated b  (… ms)",
      "  ok      c  (… ms)",
      "3 tests: 1 passed, 2 updated",
    ]);
    const text = (name: string) => readFileSync(join(dir, "tests", name), "utf8");
    expect(text("a.yml")).toMatch(/^# An offer\.\n/);
    expect(text("b.yml")).toContain("visits: 1");
    expect(text("c.yml")).toBe(OFFER);
    expect(await test(dir)).toMatchObject({ code: 0, err: [] });
  });

  it("runs several sites' tests, those with a name alone, and leaves nothing behind", async () => {
    const one = siteWith({ "offer.yml": OFFER, "other.yml": OFFER });
    const two = siteWith({ "offer-again.yml": OFFER });
    const temporary = mkdtempSync(join(tmpdir(), "aisle-tmp-"));
    onTestFinished(() => rmSync(temporary, { recursive: true }));
    vi.stubEnv("TMPDIR", temporary);
    onTestFinished(() => void vi.unstubAllEnvs());

    const said = await test(one, two, "--only", "offer");

    expect(said.code).toBe(0);
    expect(withoutTimes(said).filter((line) => line.startsWith("  "))).toEqual([
      "  ok      offer  (… ms)",
      "  ok      offer-again  (… ms)",
    ]);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it("asks nobody outside", async () => {
    const dir = siteWith(
      { "a.yml": OFFER },
      { "source.url": "http://127.0.0.1:9", "scorer.url": "http://127.0.0.1:9", "bus.nats": "nats://127.0.0.1:9" },
    );

    expect(await test(dir)).toMatchObject({ code: 0, err: [] });
  });

  it.each([
    ["no test", {}, "  there is no test in tests/: see aisle test --help"],
    [
      "a test that can't be read",
      { "a.yml": "events: 7\n" },
      "  tests/a.yml:1:9: expected a list of events, or the name of a file beside this one, found the number 7",
    ],
  ])("fails with %s", async (_, tests, expected) => {
    expect(await test(siteWith(tests))).toMatchObject({ code: 1, err: [expected] });
  });

  it("fails with a test that does not say when it begins, or what it expects", async () => {
    const { code, out } = await test(
      siteWith({ "a.yml": "events: [{ type: entry, id: 7 }]\n", "b.yml": "at: 2026-03-02\nevents: []\n" }),
    );

    expect(code).toBe(1);
    expect(out).toContain("          'at' is missing: expected when the test begins, as no event brings a time");
    expect(out).toContain("          expects nothing: 'aisle test --update' writes what comes out");
  });

  it("tells of a site that can't be read, and runs the others", async () => {
    const said = await test("nosuch", siteWith({ "a.yml": OFFER }));

    expect(said.code).toBe(1);
    expect(said.err[0]).toMatch(/plan\.yml: the file 'plan\.yml' doesn't exist/);
    expect(said.out.at(-1)).toBe("1 test: 1 passed");
  });

  it("is called in a wrong way with a name that no test has", async () => {
    const { code, err } = await test(siteWith({ "a.yml": OFFER }), "--only", "b");

    expect([code, err]).toEqual([2, ["error: no test has 'b' in its name: a"]]);
  });
});
