import { beforeEach, describe, expect, it } from "vitest";
import { type TestApp, testApp } from "../../../support/http.ts";

let at: TestApp;

beforeEach(() => {
  at = testApp();
});

const inbound = (body: Uint8Array) => ({ principal: "http", subject: "/events", type: null, headers: {}, body });
const keep = (text: string, code = "malformed") =>
  at.ports.keep(inbound(new TextEncoder().encode(text)), code, `bad: ${text}`, 0);
const get = async (path: string) => (await at.app.request(path)).json();

describe("GET /deadletters", () => {
  it("lists letters newest first, without their payloads", async () => {
    keep("one");
    keep("two");

    const { letters, count, next } = await get("/deadletters");

    expect(letters.map(({ detail }: { detail: string }) => detail)).toEqual(["bad: two", "bad: one"]);
    expect(letters[0]).not.toHaveProperty("payload");
    expect(letters[0]).toMatchObject({ code: "malformed", payloadBytes: 3, where: { source: "http", index: 0 } });
    expect({ count, next }).toEqual({ count: 2, next: null });
  });

  it("goes page by page", async () => {
    for (const text of ["1", "2", "3"]) keep(text);

    const first = await get("/deadletters?limit=2");
    const second = await get(`/deadletters?limit=2&before=${first.next}`);

    expect(first.letters.map(({ id }: { id: number }) => id)).toEqual([3, 2]);
    expect(second.letters.map(({ id }: { id: number }) => id)).toEqual([1]);
    expect(second.next).toBeNull();
  });

  it("keeps to one reason", async () => {
    keep("a", "malformed");
    keep("b", "missing");

    expect((await get("/deadletters?code=missing")).letters).toMatchObject([{ id: 2 }]);
  });

  it.each(["limit=0", "limit=1001", "limit=x", "before=-1", "before=1.5", "limit="])("refuses %s", async (query) => {
    const response = await at.app.request(`/deadletters?${query}`);

    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ code: "out-of-range" }] });
  });
});

describe("GET /deadletters/:id", () => {
  it("shows a payload as text", async () => {
    keep('{"a":"☕"');

    expect(await get("/deadletters/1")).toMatchObject({ id: 1, payload: { text: '{"a":"☕"' } });
  });

  it("shows what is no UTF-8 as base64", async () => {
    at.ports.keep(inbound(Uint8Array.of(0xff, 0x00)), "malformed", "no UTF-8", 0);

    expect((await get("/deadletters/1")).payload).toEqual({ base64: "/wA=" });
  });

  it.each(["1", "0", "x", "1e3", "99999999999999999999"])("answers 404 to %s", async (id) => {
    const response = await at.app.request(`/deadletters/${id}`);

    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: "not-found" });
  });
});

describe("POST /deadletters/:id/replay", () => {
  const replay = (id: number) => at.app.request(`/deadletters/${id}/replay`, { method: "POST" });

  it("takes the letter in again", async () => {
    keep('{"type":"entry","id":"7"}', "unknown-type");

    const response = await replay(1);

    expect(response.status).toBe(202);
    expect(await response.json()).toEqual({ accepted: 1, duplicate: 0, rejected: [] });
  });

  it("answers 400 when it is of no use still", async () => {
    keep("{bad");

    expect((await replay(1)).status).toBe(400);
  });

  it("answers 409 when that was done before", async () => {
    keep('{"type":"entry","id":"7"}');
    at.ports.keptLetters[0] = { ...at.ports.keptLetters[0]!, replayedAs: 4 };

    expect((await replay(1)).status).toBe(409);
  });

  it("answers 404 when there is no such letter", async () => {
    expect((await replay(1)).status).toBe(404);
  });
});
