import { describe, expect, it } from "vitest";
import { HttpSource, type HttpSourceOptions, LocalSource } from "../../../runtime/data/source.ts";
import { type Answer, deadUrl, HttpService, hangUp, json, silence, text } from "../../support/http-service.ts";

const COLUMNS = { customer_id: "integer", gender: "text", age: "integer", spent: "number", since: "date" } as const;
const PATIENT = 10_000; // ms

async function setUp(answer: Answer, options: Partial<HttpSourceOptions> = {}) {
  const service = await HttpService.start(answer);
  const url = `${service.url}/customers`;
  const source = new HttpSource({ url, token: null, timeoutMs: PATIENT, columns: COLUMNS, fetch, ...options });
  return { source, service };
}

describe("the local source", () => {
  const source = new LocalSource((customer) => (customer === "7" ? { age: 40 } : null));

  it("knows the customers of the table", () => {
    expect(source.fetch("7")).toEqual({ state: "known", row: { age: 40 }, stale: false });
  });

  it("knows nobody else", () => {
    expect(source.fetch("8")).toEqual({ state: "unknown" });
  });
});

describe("the HTTP source", () => {
  const SEVEN = { customer_id: 7, gender: "F", age: 40, spent: 12.5, since: "2020-01-31", email: "not asked for" };

  it("asks for the customer by path, and takes the declared columns", async () => {
    const { source, service } = await setUp(json(SEVEN));

    const { email: _, ...row } = SEVEN;
    expect(await source.fetch("7")).toEqual({ state: "known", row, stale: false });
    expect(service.asked[0]).toMatchObject({
      method: "GET",
      url: "/customers/7",
      headers: { accept: "application/json" },
    });
    expect(service.asked[0]!.headers.authorization).toBe(undefined);
  });

  it("escapes what would be another path", async () => {
    const { source, service } = await setUp(json(SEVEN));
    await source.fetch("../admin?x=1#y");

    expect(service.asked[0]!.url).toBe("/customers/..%2Fadmin%3Fx%3D1%23y");
  });

  it("does not double the slash of its URL, and shows its token", async () => {
    const { source, service } = await setUp(json(SEVEN), { token: "s3cret" });
    const slashed = new HttpSource({
      url: `${service.url}/customers/`,
      token: "s3cret",
      timeoutMs: PATIENT,
      columns: COLUMNS,
      fetch,
    });
    await source.fetch("7");
    await slashed.fetch("7");

    expect(service.asked.map(({ url }) => url)).toEqual(["/customers/7", "/customers/7"]);
    expect(service.asked[0]!.headers.authorization).toBe("Bearer s3cret");
  });

  it("shows user and password of its URL as a header, and its token before them", async () => {
    const { source, service } = await setUp(json(SEVEN));
    const url = `${service.url.replace("//", "//ann:p%40ss@")}/customers`;
    const open = (token: string | null) => new HttpSource({ url, token, timeoutMs: PATIENT, columns: COLUMNS, fetch });
    await source.fetch("7");
    const known = await open(null).fetch("7");
    await open("t").fetch("7");

    expect(known.state).toBe("known");
    const login = `Basic ${Buffer.from("ann:p@ss").toString("base64")}`;
    expect(service.asked.map(({ headers }) => headers.authorization)).toEqual([undefined, login, "Bearer t"]);
  });

  it("tells neither its secrets nor a customer when it can't be asked", async () => {
    const url = `${(await deadUrl()).replace("//", "//u:s3cr3t@")}/s3cr3t`;
    const { source } = await setUp(silence, { url });
    const { source: broken } = await setUp(silence, { token: "s3cr3t\nx" });
    const { source: strange, service } = await setUp(text('{"name": ann-s3cr3t}'));
    const { source: away } = await setUp((_, response) => {
      response.writeHead(302, { location: "http://u:s3cr3t@[/ann" }).end();
    });

    for (const each of [source, broken, strange, away]) {
      expect(await each.fetch("ann")).toMatchObject({ state: "unavailable" });
      expect(each.trouble).toMatch(/^the source of customers can't be used: \w/);
      expect(each.trouble).not.toMatch(/s3cr3t|ann/);
    }
    expect(service.asked.length).toBe(1);
  });

  it.each([
    ["numbers as text", { customer_id: "7", age: "40", spent: "12.5" }, { customer_id: 7, age: 40, spent: 12.5 }],
    ["missing columns as empty cells", {}, { customer_id: null, gender: null }],
    [
      "null and empty text as empty cells",
      { age: "", gender: null, spent: "" },
      { age: null, gender: null, spent: null },
    ],
    ["a number in a column of text", { gender: 1 }, { gender: "1" }],
  ])("reads %s", async (_, answer, row) => {
    const { source } = await setUp(json(answer));

    expect(await source.fetch("7")).toMatchObject({ state: "known", row });
  });

  it("says 404 for nobody", async () => {
    const { source } = await setUp(text("no such customer", 404));

    expect(await source.fetch("389")).toEqual({ state: "unknown" });
    expect(source.trouble).toBe(null);
  });

  it.each<[string, Answer, string | RegExp]>([
    ["an error of the service", text("", 500), "the source of customers answered 500"],
    ["a redirect to nowhere", text("", 304), "the source of customers answered 304"],
    ["text that is no JSON", text("<html>"), /^the source of customers can't be used: .*JSON/],
    ["null", json(null), "the source's answer is no object"],
    ["a list", json([SEVEN]), "the source's answer is no object"],
    ["a number", json(7), "the source's answer is no object"],
    ["text where a number belongs", json({ age: "old" }), "the source's 'age' is no integer"],
    ["white space where a number belongs", json({ spent: " " }), "the source's 'spent' is no number"],
    ["a fraction where a whole number belongs", json({ age: 40.5 }), "the source's 'age' is no integer"],
    ["true where a number belongs", json({ age: true }), "the source's 'age' is no integer"],
    ["an object where text belongs", json({ gender: {} }), "the source's 'gender' is no text"],
    ["an answer without end", json({ gender: "x".repeat(70_000) }), "the source's answer is too long"],
    ["a hung up line", hangUp, /^the source of customers can't be used: (?!fetch failed)/],
  ])("is unavailable, with the reason, at %s", async (_, answer, detail) => {
    const { source } = await setUp(answer);

    const profile = await source.fetch("7");

    expect(profile).toEqual({ state: "unavailable", detail: expect.stringMatching(detail) });
    expect(source.trouble).toBe((profile as { detail: string }).detail);
  });

  it("waits no longer than its time limit", async () => {
    const { source } = await setUp(silence, { timeoutMs: 30 });

    expect(await source.fetch("7")).toEqual({
      state: "unavailable",
      detail: "the source of customers gave no answer within 30 ms",
    });
  });

  it("says where nobody listens", async () => {
    const { source } = await setUp(silence, { url: await deadUrl() });

    expect(await source.fetch("7")).toEqual({
      state: "unavailable",
      detail: expect.stringContaining("ECONNREFUSED 127.0.0.1"),
    });
  });

  it("is no more in trouble once it answers", async () => {
    const { source, service } = await setUp(text("", 500));
    await source.fetch("7");
    service.answer = json(SEVEN);
    await source.fetch("7");

    expect(source.trouble).toBe(null);
  });
});
