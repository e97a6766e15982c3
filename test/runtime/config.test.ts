import { mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { actors } from "../../actors/index.ts";
import { describeSite, loadSite, loadSitePlan, type Overrides, openSite } from "../../runtime/config.ts";
import { NO_CATALOG } from "../../runtime/data/no-catalog.ts";
import { siteJsonSchema } from "../../runtime/data/site-file.ts";
import { printYaml } from "../../runtime/data/yaml.ts";
import { SiteError } from "../../runtime/errors.ts";
import { limits } from "../../runtime/limits.ts";
import type { Site } from "../../runtime/site.ts";
import { scratch, script, shell } from "../support/scripts.ts";
import { mistakesOf, OPTIONS, SiteCopy, STORE } from "../support/site.ts";

const load = (copy: SiteCopy, env: Record<string, string> = {}, overrides: Overrides = {}): Site =>
  loadSite(copy.dir, { ...OPTIONS, env, overrides });
const said = (copy: SiteCopy, env: Record<string, string> = {}, overrides: Overrides = {}) =>
  mistakesOf(() => load(copy, env, overrides));

describe("the shipped store site", () => {
  it("loads whole: its plan, its rows, its model, its recorded paths", () => {
    const { site, catalog } = openSite(STORE, OPTIONS);

    expect(site).toMatchObject({
      name: "store",
      place: "box-1",
      timeZone: "UTC",
      scorer: { url: null, fallback: "model" },
    });
    expect([site.source.url, site.bus.nats, site.http.token]).toEqual([null, null, null]);
    expect([catalog.customers.size, catalog.coupons.length, site.plan.actors.length]).toEqual([997, 971, 6]);
    expect(catalog.hash).toBe(site.hashes.catalog);
    for (const hash of Object.values(site.hashes)) expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(site.play!.files).toHaveLength(4);
  });

  it("takes every wire of the original, and its own names of departments", () => {
    const { events, departments, areas, floor } = loadSite(STORE, OPTIONS);

    expect(events.forms.map(({ name, when }) => [name, when])).toEqual([
      ["cloudevents", "specversion"],
      ["envelope", "payload"],
      ["flat", null],
    ]);
    expect([...events.types.keys()]).toEqual(["entry", "focus", "move", "exit", "outcome"]);
    expect(events.types.get("focus")!.fields).toEqual({
      department: { type: "department", required: true },
      x: { type: "number", required: false },
      y: { type: "number", required: false },
    });
    expect(departments.get("Sport")).toEqual(["Sports"]);
    expect(areas[4]).toEqual({ department: "Sport", x0: 614, y0: 984, x1: 1186, y1: 1292 });
    expect(floor).toEqual({ width: 1808, height: 1315, entrance: { x: 937, y: 50 }, exit: { x: 1071, y: 50 } });
  });
});

describe("the environment and the command line", () => {
  it("go before the file: the flags first, then the variables", () => {
    const env = {
      AISLE_PLACE: "warsaw-7",
      AISLE_LOG_LEVEL: "WARNING",
      AISLE_NATS_URL: "nats://a:4222",
      AISLE_TOKEN: "secret",
    };

    const site = load(new SiteCopy(), env);
    expect([site.place, site.log.level, site.bus.nats, site.http.token]).toEqual([
      "warsaw-7",
      "warn",
      "nats://a:4222",
      "secret",
    ]);

    const flags = { place: "p", logLevel: "error", nats: "nats://b", port: 0, host: "::1", play: null };
    const flagged = load(new SiteCopy(), env, flags);
    expect([
      flagged.place,
      flagged.log.level,
      flagged.bus.nats,
      flagged.http.port,
      flagged.http.host,
      flagged.play,
    ]).toEqual(["p", "error", "nats://b", 0, "::1", null]);
  });

  it("put services in the place of tables and models", () => {
    const site = load(new SiteCopy(), {
      COUPON_SCORER_URL: "http://scorer:8001/score",
      AISLE_CUSTOMERS_URL: "https://central/customers",
    });

    expect([site.scorer.url, site.source.url]).toEqual(["http://scorer:8001/score", "https://central/customers"]);
  });

  it("count as not set when they are empty", () => {
    const site = load(new SiteCopy(), {
      AISLE_PLACE: "",
      AISLE_LOG_LEVEL: "",
      AISLE_NATS_URL: "",
      AISLE_TOKEN: "",
      COUPON_SCORER_URL: "",
    });

    expect([site.place, site.log.level, site.bus.nats, site.http.token, site.scorer.url]).toEqual([
      "box-1",
      "info",
      null,
      null,
      null,
    ]);
  });

  it.each(["debug", "DEBUG", "Info", "warn", "Warning", "ERROR"])("know the level '%s'", (level) => {
    expect(load(new SiteCopy(), { AISLE_LOG_LEVEL: level }).log.level).toBe(
      level.toLowerCase().replace("warning", "warn"),
    );
  });

  it.each<[Record<string, string>, Overrides, string | RegExp]>([
    [{ AISLE_LOG_LEVEL: "critical" }, {}, "AISLE_LOG_LEVEL: expected debug, info, warn or error, found 'critical'"],
    [
      { AISLE_LOG_LEVEL: "eror" },
      {},
      "AISLE_LOG_LEVEL: expected debug, info, warn or error, found 'eror' (did you mean 'error'?)",
    ],
    [{}, { logLevel: "x" }, "--log-level: expected debug, info, warn or error, found 'x'"],
    [
      { AISLE_NATS_URL: "http://u:hidden@h" },
      {},
      "AISLE_NATS_URL: expected the URL of a NATS server such as 'nats://127.0.0.1:4222', found 'http://u:***@h'",
    ],
    ...[
      "nats://u:hidden/x@h",
      "nats://u:hidden#x@h",
      "nats://a:1,redis://u:hidden@h",
      "u:hidden x/y@h",
      "12/hidden@h",
    ].map((url): [Record<string, string>, Overrides, RegExp] => [
      { AISLE_NATS_URL: url },
      {},
      /^AISLE_NATS_URL: expected the URL of a NATS server such as 'nats:\/\/127\.0\.0\.1:4222', found '(?!.*hidden).*\*\*\*@h'$/,
    ]),
    [
      { AISLE_NOTICES_URL: "http://u:hidden%zz@h" },
      {},
      "AISLE_NOTICES_URL: the user and password in the address of a webhook have a stray '%'",
    ],
    [
      { COUPON_SCORER_URL: "u:hidden@scorer" },
      {},
      /^site\.yml:\d+:8: expected a URL that begins with http:\/\/ or https:\/\/, found 'u:\*\*\*@scorer'$/,
    ],
    [
      { COUPON_SCORER_URL: "http://u:hidden%zz@scorer" },
      {},
      /^site\.yml:\d+:8: the user and password in the address have a stray '%': write it as %25$/,
    ],
    [
      { COUPON_SCORER_URL: "scorer:80" },
      {},
      /^site\.yml:\d+:8: expected a URL that begins with http:\/\/ or https:\/\/, found 'scorer:80'$/,
    ],
    [{}, { port: 70_000 }, "--port: expected a whole number from 0 to 65535, found the number 70000"],
    [{}, { speed: 0 }, "--speed: expected a number above 0, at most 100000, found the number 0"],
    [{}, { play: ["/nowhere/x.json"] }, "--play: the file '/nowhere/x.json' doesn't exist"],
    [
      {},
      { host: "0.0.0.0" },
      "--host: '0.0.0.0' can be reached from elsewhere, which demands a token: set AISLE_TOKEN, or write 'auth: none' to let everyone in",
    ],
  ])("are refused by their names: %j %j", (env, overrides, expected) => {
    expect(said(new SiteCopy(), env, overrides)).toEqual([
      typeof expected === "string" ? expected : expect.stringMatching(expected),
    ]);
  });

  it("open the box to others with a token, or when the file says so", () => {
    expect(load(new SiteCopy(), { AISLE_TOKEN: "t" }, { host: "0.0.0.0" }).http).toMatchObject({
      host: "0.0.0.0",
      auth: "token",
      token: "t",
    });
    const open = new SiteCopy().edit("site.yml", "  port: 8787", "  port: 8787\n  auth: none");
    expect(load(open, {}, { host: "0.0.0.0" }).http.auth).toBe("none");
  });
});

describe("references in values", () => {
  it("stay one value, whatever is in them", () => {
    const copy = new SiteCopy().edit("site.yml", "name: store", "name: ${NAME}");

    expect(load(copy, { NAME: "a: {b: [1, 2]} # no\n- c" }).name).toBe("a: {b: [1, 2]} # no\n- c");
  });

  it("may stand for numbers, flags and durations", () => {
    const copy = new SiteCopy()
      .edit("site.yml", "port: 8787", "port: ${PORT:-80}")
      .edit("site.yml", "mock: false", "mock: ${MOCK}")
      .edit("plan.yml", "moves: 3", "moves: ${MOVES}");

    const site = load(copy, { MOCK: "true", MOVES: "5" });

    expect([site.http.port, site.http.mock, site.plan.actors[1]!.with.moves]).toEqual([80, true, 5]);
  });

  it("read files within the site's folder, and elsewhere by absolute paths", () => {
    const copy = new SiteCopy().write("token.txt", "007\n");
    copy.edit("site.yml", "  mock: false", `  token: \${file:token.txt}\n  mock: false`);
    expect(load(copy).http.token).toBe("007");

    const other = new SiteCopy().edit(
      "site.yml",
      "  mock: false",
      `  token: \${file:${join(copy.dir, "token.txt")}}\n  mock: false`,
    );
    expect(load(other).http.token).toBe("007");
  });

  it.each([
    ["${NOBODY}", "the environment variable 'NOBODY' is not set (write '${NOBODY:-}' if it may be missing)"],
    ["${file:tokn.txt}", "'${file:tokn.txt}': the file 'tokn.txt' doesn't exist (did you mean 'token.txt'?)"],
    [
      "${NOBODY",
      "a reference is '${NAME}', '${NAME:-default}' or '${file:PATH}'; write '$${' for the characters themselves",
    ],
  ])("%s is refused where it stands", (reference, expected) => {
    const copy = new SiteCopy().write("token.txt", "x").edit("site.yml", "name: store", `name: ${reference}`);

    expect(said(copy)).toEqual([expect.stringMatching(/^site\.yml:\d+:7: /)]);
    expect(said(copy)[0]!.endsWith(expected)).toBe(true);
  });
});

describe("describeSite", () => {
  const SECRETS = {
    AISLE_TOKEN: "hidden-1",
    AISLE_NATS_URL: "nats://box:hidden-2@h:4222",
    AISLE_CUSTOMERS_URL: "https://u:hidden-3@central/c?api_key=hidden-4",
    AISLE_CUSTOMERS_TOKEN: "hidden-5",
    COUPON_SCORER_URL: "http://s:hidden-6@scorer/score",
    BUS_PASSWORD: "hidden-7",
    // Of the shape of a seed.
    BUS_SECRET: `SU${"HIDDEN22".repeat(7)}`,
  };

  it("shows all that is in force, and no secret", () => {
    const copy = new SiteCopy().edit(
      "site.yml",
      "  prefix: aisle",
      "  user: box\n  password: ${BUS_PASSWORD}\n  prefix: aisle",
    );

    const printed = printYaml(describeSite(load(copy, SECRETS)));

    expect(printed).not.toContain("hidden");
    for (const line of [
      "nats: nats://box:***@h:4222",
      "url: https://u:***@central/c?api_key=***",
      "url: http://s:***@scorer/score",
      "port: 8787",
      "shiftDays: 5796",
      "maxSelves: ",
    ]) {
      expect(printed).toContain(line);
    }
    expect(printed.match(/(token|password): "?\*\*\*"?$/gm)).toHaveLength(3);
  });

  it.each([
    ["u:hidden@h:1", "nats: u:***@h:1"],
    ["a:1,u:hidden@h:1", "nats: a:1,u:***@h:1"],
  ])("shows the address '%s' without its secret", (AISLE_NATS_URL, line) => {
    expect(printYaml(describeSite(load(new SiteCopy(), { AISLE_NATS_URL })))).toContain(line);
  });

  it.each(["credentials", "token", "seed"])("shows no %s of the bus", (key) => {
    const copy = new SiteCopy().edit("site.yml", "  prefix: aisle", `  ${key}: \${BUS_SECRET}\n  prefix: aisle`);

    const printed = printYaml(describeSite(load(copy, SECRETS)));

    expect(printed).not.toMatch(/hidden/i);
    expect(printed).toMatch(new RegExp(`^  ${key}: "?\\*\\*\\*"?$`, "m"));
  });

  it("is plain data", () => {
    const described = describeSite(load(new SiteCopy()));

    expect(JSON.parse(JSON.stringify(described))).toEqual(described);
    expect(described).toMatchObject({ departments: { Sport: ["Sports"] }, http: { token: null } });
  });

  it("shows no secret that is of the wrong kind", () => {
    const copy = new SiteCopy().edit("site.yml", "  mock: false", "  token: [hidden]\n  mock: false");

    expect(said(copy)).toEqual([
      expect.stringMatching(/^site\.yml:\d+:10: expected text \(what was found is not shown\)$/),
    ]);
  });
});

describe("a mistake in site.yml", () => {
  // The `¦` stands where the mistake is.
  it.each([
    ["version: 1", "version: ¦2", "expected 1, the version of this format, found the number 2"],
    ["name: store", "¦nam: store", "unknown key 'nam' (did you mean 'name'?)"],
    ["version: 1\nname: store", "¦version: 1", "'name' is missing: expected the name of the site"],
    ["name: store", "name: store\n¦name: store", "the key 'name' stands twice"],
    ["name: store", "name: store\n¦\tplace: x", "a tab is used for indentation: use spaces"],
    [
      "timeZone: UTC #",
      "timeZone: ¦Mars/Base #",
      "expected a time zone such as 'Europe/Warsaw' or 'UTC', found 'Mars/Base'",
    ],
    ["level: info #", "level: ¦loud #", "expected debug, info, warn or error, found 'loud'"],
    [
      "host: 127.0.0.1 #",
      "host: ¦0.0.0.0 #",
      "'0.0.0.0' can be reached from elsewhere, which demands a token: set AISLE_TOKEN, or write 'auth: none' to let everyone in",
    ],
    ["port: 8787", "port: ¦8787x", "expected a whole number from 0 to 65535, found '8787x'"],
    [
      "nats: ${AISLE_NATS_URL:-} #",
      "nats: ¦nats:// #",
      "expected the URL of a NATS server such as 'nats://127.0.0.1:4222', found 'nats://'",
    ],
    ["prefix: aisle #", "prefix: ¦a.b #", "expected letters, digits, '_' and '-', found 'a.b'"],
    ["identity: integer #", "identity: ¦number #", "expected integer or text, found 'number'"],
    [
      "path: time, unit: iso",
      "path: time, unit: ¦isso",
      "expected s, ms, epoch, iso or any, found 'isso' (did you mean 'iso'?)",
    ],
    ["        x: data.x", "        ¦xx: data.x", "no type of event has a field 'xx' (did you mean 'x'?)"],
    [
      "        x: data.x",
      "        x: ¦data..x",
      "expected the path of a field such as 'payload.customer_id' or a list of them, found 'data..x'",
    ],
    [
      "    - name: flat #",
      "    - name: more\n      identity: id\n      time: { path: ts, unit: s }\n    - ¦name: flat #",
      "form 'flat' is never reached: 'more' before it has no 'when'",
    ],
    [
      "x: number?, y: number? }",
      "x: ¦numbr?, y: number? }",
      "expected number, text, department or action, with '?' when it may be missing, found 'numbr?'",
    ],
    ["x: number?, y: number? }", "x: number?, ¦z: number? }", "no form says where the field 'z' stands"],
    ["aliases: [leave, customer exit", "aliases: [leave, ¦Enter", "'Enter' already names the type 'entry'"],
    ["Girls: [Girl's]", "Girls: [¦boy's]", "'boy's' already names the department 'Boys'"],
    ["department: Boys, x0: 672", "department: ¦Bois, x0: 672", "there is no department 'Bois' (did you mean 'Boys'?)"],
    [
      "{ department: Boys, x0: 672",
      "¦{ department: Boys, x0: 660",
      "overlaps the area of 'Women': a place is in one department",
    ],
    ["{ department: Boys, x0: 672", "¦{ department: Boys, x0: 992", "expected x0 below x1 and y0 below y1"],
    [
      "{ department: Sport, x0: 614, y0: 984, x1: 1186, y1: 1292",
      "¦{ department: Sport, x0: 614, y0: 984, x1: 1186, y1: 1392",
      "lies outside the store plan of 1808 × 1315",
    ],
    ["shiftDays: 5796", "shiftDays: ¦1.5", "expected a whole number from -200000 to 200000, found the number 1.5"],
    [
      "file: catalog/coupon_info.csv",
      "file: ¦catalog/coupons_info.csv",
      "the file 'catalog/coupons_info.csv' doesn't exist (did you mean 'coupon_info.csv'?)",
    ],
    ["      gender: text", "      gender: ¦string", "expected text, integer, number or date, found 'string'"],
    [
      "    key: product_id",
      "    key: ¦number",
      "there is no column 'number': expected product_id, name, category, sizes, vendor, description, buy_price or department",
    ],
    ["    validTo: end_date", "    validTo: ¦enddate", "there is no column 'enddate' (did you mean 'end_date'?)"],
    ["    validTo: end_date", "    validTo: ¦discount", "the column 'discount' has the type integer: expected date"],
    [
      "      how_many: how_many_products_required",
      "      ¦products: how_many_products_required",
      "'products' is the list of the coupon's products: expected another name",
    ],
    [
      "      how_many: how_many_products_required",
      "      how_many: ¦how_many_product_required",
      "there is no column 'how_many_product_required' (did you mean 'how_many_products_required'?)",
    ],
    [
      "model: models/coupon.json",
      "model: ¦models/coupons.json",
      "the file 'models/coupons.json' doesn't exist (did you mean 'coupon.json'?)",
    ],
    ["model: models/coupon.json", "¦model:", "has neither 'model' nor 'url': expected one that scores"],
    [
      "name: cust_total_coupons, from",
      "name: ¦cust_mean_buy_price, from",
      "the feature 'cust_mean_buy_price' stands twice",
    ],
    [
      "from: customer.total_coupons_used",
      "from: ¦customers.total_coupons_used",
      "expected 'customer.<column>' or 'coupon.<column>', found 'customers.total_coupons_used'",
    ],
    [
      "from: customer.total_coupons_used",
      "from: ¦customer.total_coupon_used",
      "there is no column 'total_coupon_used' (did you mean 'total_coupons_used'?)",
    ],
    [
      "from: customer.total_coupons_used",
      "from: ¦customer.gender",
      "the column 'gender' has the type text: expected integer or number",
    ],
    [
      "{ name: cust_age_mid, from: customer.age, atLeast: 30, below: 60",
      "¦{ name: cust_age_mid, from: customer.age, atLeast: 60, below: 30",
      "no number is at least 60 and below 30",
    ],
    [
      "{ name: cust_age_mid, from: customer.age, atLeast: 30, below: 60",
      "¦{ name: cust_age_mid, from: customer.age, atLeast: 30, is: young",
      "has 'is' and a range: expected one of them",
    ],
    ["size: 8GiB", "size: ¦8GB", "expected a size from 1MiB to 64GiB, such as '512KiB' or '4GiB', found '8GB'"],
    [
      "size: 8GiB",
      "size: ¦100GiB",
      "expected a size from 1MiB to 64GiB, such as '512KiB' or '4GiB', found '100GiB': the store of the journal has room for 128GiB, and until a checkpoint lets old entries go they may take twice this size",
    ],
    [
      "    - scenarios/scenario_4.json",
      "    - ¦scenarios/scenario_5.json",
      "the file 'scenarios/scenario_5.json' doesn't exist (did you mean 'scenario_4.json'?)",
    ],
    ["speed: 20", "speed: ¦fast", "expected a number from 0.001 to 100000, found 'fast'"],
  ])("%j → %j: %s", (before, marked, message) => {
    const copy = new SiteCopy().edit("site.yml", before, marked);
    const lines = copy.read("site.yml").split("¦")[0]!.split("\n");
    copy.write("site.yml", copy.read("site.yml").replace("¦", ""));

    expect(said(copy)).toContain(`site.yml:${lines.length}:${lines.at(-1)!.length + 1}: ${message}`);
  });

  it.each([
    ["site.yml", /^site\.yml: the file 'site\.yml' doesn't exist.*: a site needs it, in \//],
    ["plan.yml", /^plan\.yml: the file 'plan\.yml' doesn't exist.*: a site needs it, in \//],
    ["catalog/customer_info.csv", /^site\.yml:\d+:11: the file 'catalog\/customer_info\.csv' doesn't exist/],
    ["catalog/coupon_product.csv", /^site\.yml:\d+:11: the file 'catalog\/coupon_product\.csv' doesn't exist/],
    ["models/coupon.json", /^site\.yml:\d+:10: the file 'models\/coupon\.json' doesn't exist/],
    ["scenarios/test_drafts.json", /^site\.yml:\d+:7: the file 'scenarios\/test_drafts\.json' doesn't exist/],
  ])("a missing %s is told by who names it", (file, expected) => {
    expect(said(new SiteCopy().remove(file))).toEqual([expect.stringMatching(expected)]);
  });

  it("is told with all the others of its file, from the top", () => {
    const copy = new SiteCopy().edit("site.yml", "speed: 20", "speed: 0").edit("site.yml", "port: 8787", "port: -1");

    const mistakes = said(copy);

    expect(mistakes).toHaveLength(2);
    expect(mistakes[0]).toContain("found the number -1");
    expect(mistakes[1]).toContain("found the number 0");
  });

  it("does not hide those of plan.yml, of rows and of paths, as far as these can be read", () => {
    const copy = new SiteCopy()
      .edit("site.yml", "department: Boys, x0: 672", "department: Bois, x0: 672")
      .edit("plan.yml", "moves: 3", "moves: x")
      .edit("catalog/customer_info.csv", "\n2,F,38,", "\n2,F,thirty,")
      .write("scenarios/scenario_4.json", '[{"type": "JUMP"}]');

    const files = mistakesOf(() => openSite(copy.dir, OPTIONS)).map((line) => line.split(":")[0]);

    expect(files).toEqual(["plan.yml", "site.yml", "catalog/customer_info.csv", "scenarios/scenario_4.json"]);
  });

  it("is told of a page that is called otherwise by its actors", () => {
    const copy = new SiteCopy();
    copy.write("plan.yml", copy.read("plan.yml").replace("\n  focuses:", "\n  xfocuses:"));

    expect(said(copy).join("\n")).toContain("'focuses'");
  });

  it("is told twenty times at most", () => {
    const copy = new SiteCopy();
    copy.write(
      "site.yml",
      `${copy.read("site.yml")}${Array.from({ length: 50 }, (_, i) => `extra${i}: 1\n`).join("")}`,
    );

    const mistakes = said(copy);

    expect(mistakes).toHaveLength(limits.mistakesPerFile + 1);
    expect(mistakes.at(-1)).toBe("site.yml: 30 more mistakes not shown");
  });
});

describe("whatever stands in the files", () => {
  const throwsOnlyMistakes = (copy: SiteCopy) => {
    try {
      loadSite(copy.dir, { ...OPTIONS, actors });
    } catch (error) {
      if (!(error instanceof SiteError)) throw error;
      expect(error.mistakes.length).toBeGreaterThan(0);
    }
  };

  it("nothing but a SiteError is thrown: lines moved, cut, doubled, overwritten", () => {
    const copy = new SiteCopy();
    const texts = { "site.yml": copy.read("site.yml"), "plan.yml": copy.read("plan.yml") };
    const scrap = fc.constantFrom(
      "",
      "x",
      "[",
      "{",
      "]: ",
      "- ",
      "null",
      "-1",
      "1e999",
      "*a",
      "&a",
      "constructor: 1",
      "__proto__: {}",
      "\t",
      "'",
      "${",
      "${X}",
      "${file:.}",
      "\u0000",
      "~",
      "{}",
      "[]",
      "''",
    );
    const edit = fc.record({ line: fc.nat(260), column: fc.nat(60), length: fc.nat(30), scrap });
    fc.assert(
      fc.property(
        fc.constantFrom("site.yml" as const, "plan.yml" as const),
        fc.array(edit, { minLength: 1, maxLength: 4 }),
        (file, edits) => {
          const lines = texts[file].split("\n");
          for (const { line, column, length, scrap: put } of edits) {
            const at = line % lines.length;
            lines[at] = `${lines[at]!.slice(0, column)}${put}${lines[at]!.slice(column + length)}`;
          }
          copy.write(file, lines.join("\n"));
          throwsOnlyMistakes(copy);
          copy.write(file, texts[file]);
        },
      ),
      { numRuns: 150 },
    );
  });

  it("nothing but a SiteError is thrown: values of any kind under the keys there are", () => {
    const copy = new SiteCopy();
    const keys =
      "version name place timeZone log http bus hub events departments floor catalog source scorer retention play forms types areas customers coupons features pages actors goal with".split(
        " ",
      );
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: "small" },
        fc.string(),
        fc.integer(),
        fc.double(),
        fc.boolean(),
        fc.constant(null),
        tie("list"),
        tie("map"),
      ),
      list: fc.array(tie("any"), { maxLength: 3 }),
      map: fc.dictionary(fc.oneof(fc.constantFrom(...keys), fc.string()), tie("any"), { maxKeys: 5 }),
    })).map;
    fc.assert(
      fc.property(value, value, (site, plan) => {
        copy
          .write("site.yml", JSON.stringify({ version: 1, ...(site as object) }))
          .write("plan.yml", JSON.stringify({ version: 1, ...(plan as object) }));
        throwsOnlyMistakes(copy);
      }),
      { numRuns: 200 },
    );
  });
});

describe("a site that is a plan and no more", () => {
  const PLAN = "version: 1\npages: { samples: { keys: [sample] } }\nactors:\n  - goal: measured\n";
  const board = (plan = PLAN) => {
    const dir = scratch();
    shell(dir, "scripts/measured", "exit 0");
    script(dir, "plan.yml", plan, 0o644);
    return dir;
  };

  it("has its folder's name, and defaults for all that site.yml would say", () => {
    const dir = board();
    const { site, catalog } = openSite(dir, OPTIONS);

    expect(site).toMatchObject({
      name: basename(dir),
      place: "box-1",
      planFile: "plan.yml",
      timeZone: "UTC",
      http: { host: "127.0.0.1", port: 8787 },
      bus: { nats: null, prefix: "aisle" },
      floor: null,
      areas: [],
      catalog: NO_CATALOG,
      scorer: { model: null, url: null },
      play: null,
    });
    expect([site.events.types.size, site.departments.size, catalog.customers.size, catalog.coupons.length]).toEqual([
      0, 0, 0, 0,
    ]);
    expect(site.plan.actors[0]).toMatchObject({ kind: "command", file: join(dir, "scripts/measured") });
    for (const hash of ["site", "plan", "catalog"] as const) expect(site.hashes[hash]).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    ["My Lab (2)", "My-Lab-2"],
    ["..übung.", "bung"],
    ["§§", "site"],
    ["a_b-C9", "a_b-C9"],
    ["x".repeat(100), "x".repeat(64)],
  ])("in the folder '%s' is called '%s'", (folder, name) => {
    const dir = join(scratch(), folder);
    mkdirSync(dir);
    script(dir, "plan.yml", "version: 1\npages: { p: { keys: [k] } }\nactors: []\n", 0o644);

    expect(loadSite(dir, OPTIONS).name).toBe(name);
  });

  it("takes what goes before the file, and says what is wrong with it", () => {
    const dir = board();
    const env = { AISLE_NATS_URL: "nats://a:4222", AISLE_PLACE: "p" };

    expect(loadSite(dir, { ...OPTIONS, env })).toMatchObject({ place: "p", bus: { nats: "nats://a:4222" } });
    expect(mistakesOf(() => loadSite(dir, { ...OPTIONS, overrides: { host: "0.0.0.0", port: -1 } }))).toEqual([
      "--port: expected a whole number from 0 to 65535, found the number -1",
      expect.stringMatching(/^--host: '0.0.0.0' can be reached from elsewhere/),
    ]);
  });

  it("may have a site.yml without what events need", () => {
    const dir = board();
    script(dir, "site.yml", "version: 1\nname: lab\nbus: { prefix: x }\n", 0o644);

    expect(loadSite(dir, OPTIONS)).toMatchObject({ name: "lab", bus: { prefix: "x", lane: "auto" } });
  });

  it("may keep events off the fast lane", () => {
    const dir = board();
    script(dir, "site.yml", "version: 1\nname: lab\nbus: { lane: off }\n", 0o644);
    expect(loadSite(dir, OPTIONS)).toMatchObject({ bus: { lane: "off" } });

    script(dir, "site.yml", "version: 1\nname: lab\nbus: { lane: on }\n", 0o644);
    expect(mistakesOf(() => loadSite(dir, OPTIONS))).toEqual([expect.stringMatching(/^site.yml:3:14: .*auto.*off/)]);
  });

  it.each([
    [
      "scorer: { model: m.json, features: [] }",
      "site.yml:3:1: needs 'catalog' beside it: features are made of its columns",
    ],
    ["play: { files: [p.json] }", "site.yml:3:1: needs 'events' beside it: recorded paths are played as events"],
    ["floor: { width: 1, height: 1, areas: [] }", "site.yml:3:1: needs 'departments' beside it: its areas are theirs"],
  ])("says of the section %s: %s", (section, expected) => {
    const dir = board();
    script(dir, "site.yml", `version: 1\nname: lab\n${section}\n`, 0o644);

    expect(mistakesOf(() => loadSite(dir, OPTIONS))).toContain(expected);
  });

  it("needs site.yml, and what events need in it, as soon as events open a page", () => {
    const dir = board("version: 1\npages: { visits: { opens: entry, timeToLive: 1m } }\nactors: []\n");
    expect(mistakesOf(() => loadSite(dir, OPTIONS))).toEqual([
      expect.stringMatching(/^site\.yml: the file 'site\.yml' doesn't exist.*: a site needs it, in \//),
    ]);

    script(dir, "site.yml", "version: 1\nname: lab\n", 0o644);
    expect(mistakesOf(() => loadSite(dir, OPTIONS)).map((line) => line.replace(/: expected.*/, ""))).toEqual([
      "site.yml:1:1: 'events' is missing",
      "site.yml:1:1: 'departments' is missing",
      "site.yml:1:1: 'catalog' is missing",
      "site.yml:1:1: 'scorer' is missing",
    ]);
  });

  it("needs its plan", () => {
    expect(mistakesOf(() => loadSite(scratch(), OPTIONS))).toEqual([
      expect.stringMatching(/^plan\.yml: the file 'plan\.yml' doesn't exist: a site needs it, in \//),
    ]);
  });

  it("may have another file for its plan", () => {
    const dir = board();
    script(dir, "small.yml", "version: 1\npages: { p: { keys: [k] } }\nactors: []\n", 0o644);
    const site = loadSite(dir, { ...OPTIONS, planFile: "small.yml" });

    expect([site.planFile, site.plan.pages.map(({ name }) => name)]).toEqual(["small.yml", ["p"]]);
    expect(mistakesOf(() => loadSite(dir, { ...OPTIONS, planFile: "smal.yml" }))).toEqual([
      expect.stringMatching(/^smal\.yml: the file 'smal\.yml' doesn't exist \(did you mean 'small\.yml'\?\)/),
    ]);
  });

  it("is described without a catalog it doesn't have", () => {
    const described = describeSite(loadSite(board(), OPTIONS));

    expect(JSON.parse(JSON.stringify(described))).toEqual(described);
    expect(described.catalog).toBeNull();
  });
});

describe("loadSitePlan", () => {
  it("reads the plan as it is now, with the events in force", () => {
    const copy = new SiteCopy();
    const site = load(copy);
    copy.edit("plan.yml", "moves: 3", "moves: 4").write("site.yml", "no longer a site");

    const { plan, hash } = loadSitePlan(copy.dir, { ...OPTIONS, events: site.events });

    expect(plan.actors.find(({ goal }) => goal === "focused")!.with).toMatchObject({ moves: 4 });
    expect(plan.pages).toEqual(site.plan.pages);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(hash).not.toBe(site.hashes.plan);
  });

  it("refuses a plan with mistakes in it, and one that is gone", () => {
    const copy = new SiteCopy();
    const { events } = load(copy);
    const read = () => loadSitePlan(copy.dir, { ...OPTIONS, events });

    copy.edit("plan.yml", "moves: 3", "moves: 0");
    expect(mistakesOf(read)).toEqual([expect.stringMatching(/^plan\.yml:\d+:\d+: 'moves': expected a whole number/)]);
    copy.remove("plan.yml");
    expect(mistakesOf(read)).toEqual([expect.stringMatching(/^plan\.yml: the file 'plan\.yml' doesn't exist/)]);
  });
});

describe("a hub", () => {
  const lab = (text: string) => {
    const dir = scratch();
    script(
      dir,
      "plan.yml",
      "version: 1\npages: { tasks: { keys: [task] } }\nactors: [{ goal: done, person: {} }]\n",
      0o644,
    );
    script(dir, "site.yml", `version: 1\nname: lab\nplace: box\n${text}`, 0o644);
    return dir;
  };

  it("is none unless the site names one, and has its subjects where its site and prefix say", () => {
    const hubOf = (text: string) => loadSite(lab(text), OPTIONS).hub;

    expect(hubOf("")).toEqual({ base: null, accept: false });
    expect(hubOf("hub: { accept: true }")).toEqual({ base: null, accept: true });
    expect(hubOf("hub: { place: center 1 }")).toEqual({ base: "aisle.lab.center=201", accept: false });
    expect(hubOf("bus: { prefix: p }\nhub: { place: box, site: chain }")).toMatchObject({ base: "p.chain.box" });
    expect(hubOf("hub: { place: c, prefix: q }")).toMatchObject({ base: "q.lab.c" });
  });

  it("is another place", () => {
    const said = mistakesOf(() => loadSite(lab("hub: { place: box }"), OPTIONS));

    expect(said.join()).toMatch(/this place is 'box' itself: expected another place/);
  });
});

describe("the JSON Schema of site.yml", () => {
  it("knows every section, and refuses unknown keys", () => {
    const schema = siteJsonSchema() as {
      properties: Record<string, unknown>;
      additionalProperties: boolean;
      required: string[];
    };

    expect(Object.keys(schema.properties)).toEqual(
      "version name place timeZone log http bus hub events departments floor catalog source scorer checkpoint retention notices transforms play".split(
        " ",
      ),
    );
    expect(schema.additionalProperties).toBe(false);
    expect(schema.required).toEqual(["version", "name"]);
  });
});
