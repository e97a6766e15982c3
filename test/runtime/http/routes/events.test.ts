import { gzipSync } from "node:zlib";
import { beforeEach, describe, expect, it } from "vitest";
import { AisleError } from "../../../../runtime/errors.ts";
import { limits } from "../../../../runtime/limits.ts";
import { type TestApp, testApp } from "../../../support/http.ts";

const ENTRY = { type: "entry", id: "127", ts: 192_322_800 };

let at: TestApp;

beforeEach(() => {
  at = testApp();
});

const lastInbound = () => at.ports.inbound.at(-1)!;
const textOf = (body: Uint8Array) => new TextDecoder().decode(body);

describe("POST /events", () => {
  it("takes one object in and answers 202", async () => {
    const response = await at.post("/events", ENTRY);

    expect(response.status).toBe(202);
    expect(await response.json()).toEqual({ accepted: 1, duplicate: 0, rejected: [] });
    expect(lastInbound()).toMatchObject({ principal: "http", subject: "/events", type: null });
  });

  it("hands the bytes on as they came", async () => {
    const odd = ' {"type":"entry", "id":127,"name":"Zo\\u00eb ☕" }\n';

    await at.post("/events", odd);

    expect(textOf(lastInbound().body)).toBe(odd);
  });

  it.each([
    ["an array", "application/json", JSON.stringify([ENTRY, ENTRY])],
    ["NDJSON", "application/x-ndjson", `${JSON.stringify(ENTRY)}\n${JSON.stringify(ENTRY)}\n`],
    ["a batch of CloudEvents", "application/cloudevents-batch+json", JSON.stringify([ENTRY, ENTRY])],
  ])("takes %s in", async (_, type, body) => {
    const response = await at.post("/events", body, { "content-type": type });

    expect(response.status).toBe(202);
    expect(await response.json()).toMatchObject({ accepted: 2 });
  });

  it.each([
    "text/plain;charset=UTF-8",
    "application/json; charset=utf-8",
    "Application/JSON",
    "application/cloudevents+json",
  ])("reads %s as JSON", async (type) => {
    expect((await at.post("/events", ENTRY, { "content-type": type })).status).toBe(202);
  });

  it("takes a body without a content type for JSON", async () => {
    const body = new TextEncoder().encode(JSON.stringify(ENTRY));

    expect((await at.app.request("/events", { method: "POST", body })).status).toBe(202);
  });

  it("inflates gzip", async () => {
    const body = gzipSync(JSON.stringify([ENTRY, ENTRY, ENTRY]));

    const response = await at.post("/events", body, { "content-encoding": "gzip" });

    expect(await response.json()).toMatchObject({ accepted: 3 });
  });

  it("inflates more bodies at once than have a place", async () => {
    const body = gzipSync(JSON.stringify(ENTRY));

    const responses = await Promise.all(
      Array.from({ length: 5 * limits.inflating }, () => at.post("/events", body, { "content-encoding": "gzip" })),
    );

    expect(responses.map(({ status }) => status)).toEqual(responses.map(() => 202));
  });

  it("keeps the headers that belong to an event, and no others", async () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    await at.post("/events", ENTRY, {
      traceparent,
      "idempotency-key": "k1",
      "ce-id": "e1",
      "ce-type": "entry",
      authorization: "Bearer secret",
      cookie: "secret",
    });

    expect(lastInbound().headers).toEqual({
      "content-type": "application/json",
      traceparent,
      "idempotency-key": "k1",
      "ce-id": "e1",
      "ce-type": "entry",
    });
  });

  it("counts what was seen before as duplicate", async () => {
    await at.post("/events", { ...ENTRY, event_id: "e1" });

    const response = await at.post("/events", { ...ENTRY, event_id: "e1" });

    expect(response.status).toBe(202);
    expect(await response.json()).toEqual({ accepted: 0, duplicate: 1, rejected: [] });
  });

  it("loses nothing else of a batch with a bad item", async () => {
    const response = await at.post("/events", [ENTRY, { type: "entry" }, ENTRY]);

    expect(response.status).toBe(202);
    expect(await response.json()).toEqual({
      accepted: 2,
      duplicate: 0,
      rejected: [{ index: 1, pointer: "/id", code: "missing", detail: "the event names no customer" }],
    });
  });

  it("answers 400 with every item's mistake when nothing is of use", async () => {
    const response = await at.post("/events", [{ type: "entry" }, 7]);

    expect(response.status).toBe(400);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.json()).toMatchObject({
      title: "Bad Request",
      status: 400,
      code: "invalid",
      detail: "no event was accepted; the first: the event names no customer",
      errors: [
        { index: 0, pointer: "/id", code: "missing" },
        { index: 1, pointer: "", code: "wrong-type" },
      ],
    });
  });

  it("answers 400 to an array without events", async () => {
    const response = await at.post("/events", []);

    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ detail: "the body holds no event" });
  });

  it.each([
    ["a form", 415, "unsupported-content-type", "a=1", { "content-type": "application/x-www-form-urlencoded" }],
    ["another charset", 415, "unsupported-content-type", "{}", { "content-type": "application/json; charset=utf-16" }],
    ["another encoding", 415, "unsupported-encoding", "{}", { "content-encoding": "br" }],
    ["what is no gzip", 400, "malformed-gzip", "{}", { "content-encoding": "gzip" }],
    [
      "gzip that ends early",
      400,
      "malformed-gzip",
      gzipSync("x".repeat(999)).subarray(0, 20),
      { "content-encoding": "gzip" },
    ],
    ["no body", 400, "empty-body", "", {}],
    ["an empty body, zipped", 400, "empty-body", gzipSync(""), { "content-encoding": "gzip" }],
    ["a body over the limit", 413, "too-large", "x".repeat(limits.bodyBytes + 1), {}],
    ["a gzip bomb", 413, "too-large", gzipSync(Buffer.alloc(4 * limits.bodyBytes)), { "content-encoding": "gzip" }],
  ])("refuses %s", async (_, status, code, body, headers) => {
    const response = await at.post("/events", body, headers as Record<string, string>);

    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ status, errors: [{ index: 0, pointer: "", code }] });
    expect(at.ports.inbound).toEqual([]);
  });

  it("says which content types are accepted", async () => {
    const response = await at.post("/events", "a=1", { "content-type": "text/html" });

    const { detail } = await response.json();
    expect(detail).toContain("'text/html' is not one of application/json, application/x-ndjson");
  });

  it("hands what it refused to the dead letters, with the reason and what came", async () => {
    await at.post("/events", "a=1", { "content-type": "text/html" });

    expect(at.ports.keptLetters).toMatchObject([{ code: "unsupported-content-type", subject: "/events" }]);
    expect(textOf(at.ports.keptLetters[0]!.payload)).toBe("a=1");
  });

  it("keeps no more of a refused body than a dead letter holds", async () => {
    await at.post("/events", "x".repeat(limits.bodyBytes + 1));

    expect(at.ports.keptLetters[0]!.payload.length).toBe(limits.deadLetterBytes);
  });

  it.each([
    ["overloaded", 429, "1"],
    ["unavailable", 503, "5"],
  ] as const)("answers %s with %i and when to try again", async (code, status, retryAfter) => {
    at.ports.take = async () => {
      throw new AisleError(code, "not now");
    };

    const response = await at.post("/events", ENTRY);

    expect(response.status).toBe(status);
    expect(response.headers.get("retry-after")).toBe(retryAfter);
    expect(await response.json()).toMatchObject({ code, detail: "not now" });
  });
});

describe("POST /events/:type", () => {
  it("gives the type to events that name none", async () => {
    const response = await at.post("/events/focus", { id: "127", ts: 1, dep: "Boys" });

    expect(response.status).toBe(202);
    expect(lastInbound()).toMatchObject({ type: "focus", subject: "/events/focus" });
    expect(at.ports.made).toHaveLength(1);
  });

  it.each([
    ["?id=127&dep=Boys", '{"id":127,"dep":"Boys"}'],
    ["?id=0127&x=-1.5e3&y=%2B1&z=1.", '{"id":"0127","x":-1.5e3,"y":"+1","z":"1."}'],
    ["?id=12345678901234567890", '{"id":12345678901234567890}'],
    ["?name=Zo%C3%AB+%22&flag=true&empty=", '{"name":"Zoë \\"","flag":"true","empty":""}'],
    ["?__proto__=1&a.b=2", '{"__proto__":1,"a.b":2}'],
  ])("makes fields of %s", async (query, expected) => {
    await at.app.request(`/events/entry${query}`, { method: "POST" });

    expect(textOf(lastInbound().body)).toBe(expected);
  });

  it("leaves the query alone when there is a body", async () => {
    await at.post("/events/entry?id=1", { id: 2 });

    expect(textOf(lastInbound().body)).toBe('{"id":2}');
  });

  it.each([
    ["neither a body nor a query", "/events/entry", "empty-body"],
    ["a parameter given twice", "/events/entry?id=1&id=2", "repeated-parameter"],
    ["a type that is too long", `/events/${"x".repeat(limits.tokenBytes + 1)}?id=1`, "too-long"],
  ])("refuses %s", async (_, path, code) => {
    const response = await at.app.request(path, { method: "POST" });

    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ code }] });
  });

  it("doesn't take a query on /events itself for an event", async () => {
    expect((await at.app.request("/events?type=entry&id=1", { method: "POST" })).status).toBe(400);
  });
});

describe("POST /outcomes", () => {
  it("takes outcomes in as events of that type", async () => {
    const response = await at.post("/outcomes", { id: "127", decision: "here-ab12-1-0", action: "redeemed" });

    expect(response.status).toBe(202);
    expect(lastInbound()).toMatchObject({ type: "outcome", subject: "/outcomes" });
  });
});
