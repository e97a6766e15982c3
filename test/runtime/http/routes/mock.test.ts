import { beforeEach, describe, expect, it } from "vitest";
import { LOOPBACK, type TestApp, testApp } from "../../../support/http.ts";

const FLAT = { id: "127", ts: 192_322_800, dep: "Boys" };
const ENVELOPE = { event_type: "focus event", event_timestamp: null, payload: { customer_id: 127, category: "Boys" } };

let at: TestApp;

beforeEach(() => {
  at = testApp();
});

describe("POST /mock_entry", () => {
  it.each([
    ["the flat form", { id: "127", ts: 192_322_800 }],
    ["a number for an id and a fraction of a second", { id: 127, ts: 192_322_800.9 }],
    ["the envelope", { payload: { customer_id: 3 } }],
  ])("takes %s in and answers with its sequence", async (_, body) => {
    const response = await at.post("/mock_entry", body);

    expect(response.status).toBe(202);
    expect(await response.json()).toEqual({ accepted: 1, duplicate: 0, rejected: [], seq: 1 });
    expect(at.ports.inbound).toMatchObject([{ type: "entry", subject: "/mock_entry", test: true }]);
  });
});

describe("POST /mock_focus", () => {
  it.each([
    ["the flat form", FLAT],
    ["the envelope", { payload: ENVELOPE.payload }],
  ])("answers %s with the decision", async (_, body) => {
    const response = await at.post("/mock_focus", body);

    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      decision: { customer: "127", department: "Boys", offers: [{ coupon: "1", score: 0.9, rank: 1 }], test: true },
      messages: [{ customer: { id: "127" }, coupon: { id: "1" } }],
      reason: null,
    });
  });

  it.each([
    ["below-threshold", "Men"],
    ["no-coupon-valid", "Girls"],
  ])("says %s when there is no offer", async (reason, dep) => {
    const response = await at.post("/mock_focus", { ...FLAT, dep });

    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ decision: { offers: [], none: { reason } }, messages: [], reason });
  });

  it("says that a focus repeats one of the same dwell", async () => {
    await at.post("/mock_focus", FLAT);

    const response = await at.post("/mock_focus", FLAT);

    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ decision: null, messages: [], reason: "repeated" });
  });

  it("says that an event was taken in before", async () => {
    await at.post("/mock_focus", { ...FLAT, event_id: "e1" });

    expect(await (await at.post("/mock_focus", { ...FLAT, event_id: "e1" })).json()).toMatchObject({
      decision: null,
      reason: "duplicate",
    });
  });

  it("names a missing department", async () => {
    const response = await at.post("/mock_focus", { id: "127", ts: 192_322_800 });

    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ errors: [{ pointer: "/dep", code: "missing" }] });
  });

  it("doesn't wait for ever", async () => {
    at.ports.decisions.causedBy = () => new Promise(() => {});
    const response = at.post("/mock_focus", FLAT);
    await new Promise(setImmediate);

    at.clock.advance(60_000);

    expect((await response).status).toBe(503);
  });
});

describe.each(["/mock_entry", "/mock_focus"])("POST %s", (path) => {
  it.each([
    ["an id that is no number", { ...FLAT, id: "abc" }, "/id", "wrong-type"],
    ["no id", { ts: 1, dep: "Boys" }, "/id", "missing"],
    ["an array", [FLAT], "", "wrong-type"],
    ["null", "null", "", "wrong-type"],
    ["what is no JSON", "{bad", "", "malformed"],
    ["two lines", '{"id":1}\n{"id":2}', "", "malformed"],
    ["an empty body", "", "", "malformed"],
    ["bytes that are no UTF-8", Uint8Array.of(0x22, 0xff, 0x22), "", "malformed"],
  ])("refuses %s with 422", async (_, body, pointer, code) => {
    const response = await at.post(path, body);

    expect(response.status).toBe(422);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.json()).toMatchObject({ status: 422, errors: [{ pointer, code }] });
    expect(at.ports.made).toEqual([]);
  });

  it("refuses another content type with 422, as the retail system did", async () => {
    expect((await at.post(path, FLAT, { "content-type": "text/plain" })).status).toBe(422);
  });

  it.each([
    [false, 403],
    [true, 200],
  ])("answers off loopback when mock is %s: %i", async (mock, status) => {
    const open = testApp({ http: { ...LOOPBACK, host: "0.0.0.0", auth: "none", mock } });

    const response = await open.post(path, FLAT);

    expect(response.status === 202 ? 200 : response.status).toBe(status);
    expect(open.ports.inbound).toHaveLength(mock ? 1 : 0);
  });
});
