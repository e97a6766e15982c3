import { resolve } from "node:path";
import { expect, it } from "vitest";
import { loadSite, type SiteOptions } from "../../runtime/config.ts";
import { mistakesOf, OPTIONS, SiteCopy } from "../support/site.ts";

const SERVER = { AISLE_NATS_URL: "nats://h:4222" };
const PEM = resolve("test/fixtures/tls");
const SEED = `SU${"A".repeat(56)}`;

/** The store, with these lines in its `bus`. */
function siteWith(lines: string[]): SiteCopy {
  return new SiteCopy().edit(
    "site.yml",
    "  prefix: aisle",
    `${lines.map((line) => `  ${line}\n`).join("")}  prefix: aisle`,
  );
}

const busOf = (copy: SiteCopy, env: SiteOptions["env"] = SERVER) => loadSite(copy.dir, { ...OPTIONS, env }).bus;
const said = (lines: string[], env: SiteOptions["env"] = SERVER) => mistakesOf(() => busOf(siteWith(lines), env));

it("a bus has neither TLS nor streams, and nobody it is known by, unless the site says so", () => {
  expect(busOf(new SiteCopy())).toMatchObject({
    ...{ credentials: null, token: null, user: null, password: null, seed: null, tls: null, streams: [] },
  });
});

it("streams have a consumer that is named for the place, and everything else by default", () => {
  const { streams } = busOf(siteWith(["streams:", "  - stream: SALES"]));

  expect(streams).toEqual([
    { stream: "SALES", consumer: "store-box-1", filter: null, type: null, domain: null, from: "all", synced: false },
  ]);
});

it("streams say which messages, from where, and of what type", () => {
  const line =
    'streams: [{ stream: S, consumer: c, filter: "a.*.b.>", type: entry, from: new, domain: hub, synced: true }]';

  expect(busOf(siteWith([line])).streams).toEqual([
    { stream: "S", consumer: "c", filter: "a.*.b.>", type: "entry", from: "new", domain: "hub", synced: true },
  ]);
});

it.each([
  [["streams: [{ stream: a.b }]"], "the name of a stream, without spaces, dots"],
  [["streams: [{ stream: S, filter: a..b }]"], "a subject such as"],
  [["streams: [{ stream: S, from: then }]"], "expected all or new"],
  [["streams: [{ stream: S }, { stream: S }]"], "'S' is read by the consumer 'store-box-1' above"],
  [["streams: [{ consumer: c }]"], "'stream' is missing"],
  [["token: x", "user: y"], "says in several ways who we are (token, user): expected one"],
  [["password: x"], "has a password and no user"],
  [["seed: abc"], "expected the NKey seed of a user: 58 capital letters and digits that begin with SU"],
  [["tls: { ca: nowhere.pem }"], "the file 'nowhere.pem' doesn't exist"],
  [["tls: { ca: plan.yml }"], "the file 'plan.yml' holds no certificate in PEM"],
  [[`tls: { cert: ${PEM}/box.pem }`], "has one of 'tls.cert' and 'tls.key'"],
])("%j is refused where it stands", (lines, expected) => {
  expect(said(lines)).toEqual([expect.stringMatching(/^site\.yml:\d+:\d+: /)]);
  expect(said(lines)[0]).toContain(expected);
});

it("streams need a server", () => {
  expect(said(["streams: [{ stream: S }]"], {})).toEqual([expect.stringContaining("needs 'nats' beside it")]);
});

it.each([["user: box"], ["token: t"], [`seed: ${SEED}`], ["tls: {}"]])("%j needs a server, too", (line) => {
  expect(said([line])).toEqual([]);
  expect(said([line], {})).toEqual([expect.stringMatching(/^site\.yml:\d+:\d+: .*needs 'nats' beside it/)]);
});

it("a seed in the environment is no other than one in the file, and is not shown", () => {
  expect(said([], { ...SERVER, AISLE_NATS_SEED: "secret" })).toEqual([
    expect.stringMatching(/^AISLE_NATS_SEED: expected the NKey seed of a user(?!.*secret)/),
  ]);
});

it("files of TLS are found from the site's folder on", () => {
  const copy = siteWith(["tls: { ca: ca.pem }"]).write("ca.pem", "-----BEGIN CERTIFICATE-----\n");

  expect(busOf(copy).tls).toEqual({ caFile: resolve(copy.dir, "ca.pem"), certFile: null, keyFile: null });
  expect(busOf(siteWith(["tls: {}"])).tls).toEqual({ caFile: null, certFile: null, keyFile: null });
});

it("the environment goes before the file", () => {
  const env = {
    ...SERVER,
    ...{ AISLE_NATS_USER: "u", AISLE_NATS_PASSWORD: "p" },
    ...{ AISLE_NATS_CA: `${PEM}/ca.pem`, AISLE_NATS_CERT: `${PEM}/box.pem`, AISLE_NATS_KEY: `${PEM}/box-key.pem` },
  };

  expect(busOf(siteWith(["user: file", "password: file"]), env)).toMatchObject({
    ...{ user: "u", password: "p" },
    tls: { caFile: env.AISLE_NATS_CA, certFile: env.AISLE_NATS_CERT, keyFile: env.AISLE_NATS_KEY },
  });
  expect(busOf(new SiteCopy(), { ...SERVER, AISLE_NATS_SEED: SEED }).seed).toBe(SEED);
  expect(busOf(new SiteCopy(), { ...SERVER, AISLE_NATS_TOKEN: "t" }).token).toBe("t");
  expect(busOf(new SiteCopy(), { ...SERVER, AISLE_NATS_CREDENTIALS: `${PEM}/ca.pem` }).credentials).toContain("BEGIN");
});

it("what is wrong in the environment is told of there", () => {
  const env = { ...SERVER, AISLE_NATS_CA: "/nowhere/ca.pem", AISLE_NATS_CREDENTIALS: "/nowhere/box.creds" };

  expect(said([], env)).toEqual([
    expect.stringMatching(/^AISLE_NATS_CREDENTIALS: the file '\/nowhere\/box\.creds' doesn't exist/),
    expect.stringMatching(/^AISLE_NATS_CA: the file '\/nowhere\/ca\.pem' doesn't exist/),
  ]);
});
