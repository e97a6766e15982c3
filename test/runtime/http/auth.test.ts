import { describe, expect, it } from "vitest";
import { checkBinding } from "../../../runtime/http/auth.ts";
import { isLoopback } from "../../../runtime/loopback.ts";
import { LOOPBACK, testApp } from "../../support/http.ts";

const TOKEN = "a-long-and-random-token";
const OUTSIDE = { ...LOOPBACK, host: "0.0.0.0" };

describe("checkBinding", () => {
  it.each(["127.0.0.1", "localhost", "::1", "127.0.0.53"])("needs nothing on %s", (host) => {
    expect(checkBinding({ ...LOOPBACK, host })).toEqual({ kind: "loopback", token: null });
  });

  it.each(["0.0.0.0", "::", "192.168.1.7", "store.example", "127.0.0.1.example"])("needs a token on %s", (host) => {
    expect(isLoopback(host)).toBe(false);
    expect(checkBinding({ ...LOOPBACK, host, token: TOKEN })).toEqual({ kind: "token", token: TOKEN });
  });

  it.each([null, ""])("refuses to bind elsewhere with %j for a token, and says what to do", (token) => {
    expect(() => checkBinding({ ...OUTSIDE, token })).toThrow(/'0\.0\.0\.0' can be reached.*AISLE_TOKEN.*auth: none/s);
  });

  it("binds elsewhere when everybody is let in by name", () => {
    expect(checkBinding({ ...OUTSIDE, auth: "none" })).toEqual({ kind: "open" });
  });
});

describe("bound elsewhere, with a token", () => {
  const { app } = testApp({ http: { ...OUTSIDE, token: TOKEN } });
  const get = (path: string, authorization?: string) =>
    app.request(path, { headers: { host: "store.example", ...(authorization && { authorization }) } });

  it.each(["/offers/7", "/offers/stream", "/metrics", "/readyz", "/openapi.json", "/deadletters"])(
    "asks for it at %s",
    async (path) => {
      const response = await get(path);

      expect(response.status).toBe(401);
      expect(response.headers.get("www-authenticate")).toBe('Bearer realm="aisle"');
      expect(await response.json()).toMatchObject({ code: "unauthorized" });
    },
  );

  it.each([`Bearer ${TOKEN}`, `bearer ${TOKEN}`])("lets '%s' in", async (authorization) => {
    expect((await get("/offers/7", authorization)).status).toBe(200);
  });

  it.each([`Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`, "Bearer ", `Basic ${TOKEN}`, TOKEN])(
    "keeps '%s' out",
    async (authorization) => {
      expect((await get("/offers/7", authorization)).status).toBe(401);
    },
  );

  it.each(["/healthz", "/livez", "/healthcheck", "/", "/docs"])("is open at %s", async (path) => {
    expect((await get(path)).status).toBe(200);
  });

  it("reads no body of a stranger", async () => {
    const closed = testApp({ http: { ...OUTSIDE, token: TOKEN } });

    expect((await closed.post("/events", { type: "entry", id: 7 })).status).toBe(401);
    expect(closed.ports.inbound).toEqual([]);
  });
});

describe("bound elsewhere, with auth: none", () => {
  it("lets everybody in", async () => {
    const { app } = testApp({ http: { ...OUTSIDE, auth: "none" } });

    expect((await app.request("/offers/7", { headers: { host: "store.example" } })).status).toBe(200);
  });
});

describe("on loopback", () => {
  const { app, post } = testApp({ http: { ...LOOPBACK, token: TOKEN } });

  it.each(["localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080", "LOCALHOST:80"])(
    "answers to %s",
    async (host) => {
      expect((await app.request("/offers/7", { headers: { host } })).status).toBe(200);
    },
  );

  it.each([
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "127.0.0.1@evil.example",
    "192.168.1.7",
  ])("refuses to be called %s", async (host) => {
    const response = await app.request("/offers/7", { headers: { host } });

    expect(response.status).toBe(403);
    expect((await response.json()).detail).toContain(`host '${host}' is not this machine`);
  });

  it("answers to another name with the token, as behind a proxy", async () => {
    const headers = { host: "store.example", authorization: `Bearer ${TOKEN}` };

    expect((await app.request("/offers/7", { headers })).status).toBe(200);
  });

  it.each(["https://evil.example", "null", "http://localhost.evil.example"])(
    "takes nothing from a page of %s",
    async (origin) => {
      const response = await post(
        "/events",
        { type: "entry", id: 7 },
        { origin, host: "localhost", "content-type": "text/plain" },
      );

      expect(response.status).toBe(403);
      expect((await response.json()).detail).toContain(`origin '${origin}'`);
    },
  );

  it("takes events from a page of this machine", async () => {
    const origin = "http://localhost:5173";

    expect((await post("/events", { type: "entry", id: 7 }, { origin })).status).toBe(202);
  });
});

describe("on the control socket", () => {
  it("asks for nothing: the file system did", async () => {
    const { app } = testApp({ http: { ...OUTSIDE, token: TOKEN }, socket: true });

    expect((await app.request("/offers/7", { headers: { host: "aisle" } })).status).toBe(200);
  });
});
