import { beforeEach, describe, expect, it } from "vitest";
import { AisleError } from "../../../runtime/errors.ts";
import { LOOPBACK, type TestApp, testApp } from "../../support/http.ts";

let at: TestApp;

beforeEach(() => {
  at = testApp();
});

describe("createApp", () => {
  it("answers 404 with a problem", async () => {
    const response = await at.app.request("/nowhere");

    expect(response.status).toBe(404);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.json()).toEqual({
      type: "about:blank",
      title: "Not Found",
      status: 404,
      code: "not-found",
      detail: "nothing is at /nowhere; /docs lists what there is",
    });
  });

  it.each([
    ["GET", "/events", "POST"],
    ["DELETE", "/offers/7", "GET, HEAD"],
    ["PUT", "/offers/stream", "GET, HEAD"],
    ["OPTIONS", "/events", "POST"],
    ["GET", "/deadletters/1/replay", "POST"],
  ])("answers 405 to %s %s and says what is allowed", async (method, path, allow) => {
    const response = await at.app.request(path, { method });

    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe(allow);
    expect(await response.json()).toMatchObject({ code: "method-not-allowed" });
  });

  it.each(["/healthz", "/", "/offers/7", "/openapi.json", "/offers/stream"])(
    "answers HEAD %s without a body",
    async (path) => {
      const response = await at.app.request(path, { method: "HEAD" });

      expect(response.status).toBe(200);
      expect(await response.text()).toBe("");
      expect(at.ports.followers).toBe(0);
    },
  );

  it("says nothing of a bug, but logs it", async () => {
    at.ports.metrics.text = async () => {
      throw new TypeError("secret");
    };

    const response = await at.app.request("/metrics", { headers: { traceparent: "00-ab-cd-01" } });

    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("secret");
    expect(at.ports.logged).toMatchObject([
      { fields: { route: "/metrics", method: "GET", traceparent: "00-ab-cd-01" } },
    ]);
  });

  it("takes a corrupt journal for a bug", async () => {
    at.ports.decisions.find = async () => {
      throw new AisleError("corrupt", "entry 7");
    };

    expect((await at.app.request("/decisions/x")).status).toBe(500);
    expect(at.ports.logged).toHaveLength(1);
  });

  it("measures each request under its pattern, never its path", async () => {
    await at.app.request("/offers/127");
    await at.post("/events/focus", { id: "127" });
    await at.app.request("/customers/127");

    expect(at.ports.observed).toEqual([
      { route: "/offers/:customer", status: 200, seconds: 0 },
      { route: "/events/:type", status: 400, seconds: 0 },
      { route: "unmatched", status: 404, seconds: 0 },
    ]);
  });

  it("measures seconds", async () => {
    at.ports.decisions.find = async () => {
      at.clock.advance(250);
      return null;
    };

    await at.app.request("/decisions/x");

    expect(at.ports.observed).toMatchObject([{ seconds: 0.25 }]);
  });

  it("lets nobody read it from another origin", async () => {
    const response = await at.app.request("/offers/7", { headers: { origin: "http://localhost:5173" } });

    expect(response.headers.get("access-control-allow-origin")).toBeNull();
  });

  it("refuses to be made for a binding that lets strangers in", () => {
    expect(() => testApp({ http: { ...LOOPBACK, host: "0.0.0.0" } })).toThrow(/AISLE_TOKEN/);
  });
});
