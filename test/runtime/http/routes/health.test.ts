import { beforeEach, describe, expect, it } from "vitest";
import { type TestApp, testApp } from "../../../support/http.ts";

let at: TestApp;

beforeEach(() => {
  at = testApp();
});

describe.each(["/healthz", "/livez", "/healthcheck"])("GET %s", (path) => {
  it("says OK", async () => {
    const response = await at.app.request(path);

    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^text\/plain/);
    expect(await response.text()).toBe("OK");
  });
});

describe("GET /readyz", () => {
  it("is 200 when ready", async () => {
    const response = await at.app.request("/readyz");

    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ ready: true, degraded: [] });
  });

  it("is 200 and names what works, but worse", async () => {
    at.ports.degraded = ["the bus is away"];

    const response = await at.app.request("/readyz");

    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ ready: true, degraded: ["the bus is away"] });
  });

  it("is 503 with the reasons when not ready", async () => {
    at.ports.notReady = ["replaying the journal", "no model"];

    const response = await at.app.request("/readyz");

    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      status: 503,
      detail: "replaying the journal; no model",
      ready: false,
      reasons: ["replaying the journal", "no model"],
    });
  });
});

describe("GET /metrics", () => {
  it("answers in Prometheus' format", async () => {
    const response = await at.app.request("/metrics");

    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4");
    expect(await response.text()).toBe("aisle_events_total 3\n");
  });
});
