import { describe, expect, it } from "vitest";
import { AisleError, SiteError } from "../../../../runtime/errors.ts";
import { testApp } from "../../../support/http.ts";

describe("GET /aggregates/:identity", () => {
  it("shows the records by spec and aggregate", async () => {
    const { app } = testApp();

    const response = await app.request("/aggregates/7");

    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toEqual({
      identity: "7",
      specs: { visits: { incomplete: true, settledAt: 1_000, records: { visit: [{ stops: 2 }] } } },
    });
  });

  it("is not found for who was never heard of", async () => {
    const response = await testApp().app.request(`/aggregates/${encodeURIComponent('a/"b"')}`);

    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ detail: `no spec of this site has heard of 'a/"b"'` });
  });

  it("refuses an identity beyond all bounds", async () => {
    expect((await testApp().app.request(`/aggregates/${"x".repeat(300)}`)).status).toBe(400);
  });
});

describe("GET /aggregates", () => {
  it.each(["/aggregates", "/aggregates?format=ndjson"])("streams everybody's records: %s", async (path) => {
    const { app, ports } = testApp();
    ports.pieces = ['{"identity":"7"}\n{"identity":"8"}\n', '{"identity":"9"}\n'];

    const response = await app.request(path);

    expect(response.headers.get("content-type")).toBe("application/x-ndjson; charset=utf-8");
    expect(await response.text()).toBe('{"identity":"7"}\n{"identity":"8"}\n{"identity":"9"}\n');
  });

  it("ends when nobody reads any more", async () => {
    const { app, ports } = testApp();
    ports.pieces = ["a\n", "b\n", "c\n"];

    const { body } = await app.request("/aggregates");
    const reader = body!.getReader();
    await reader.read();
    await reader.cancel();

    expect(ports.endedPieces).toBe(1);
  });

  it("breaks off when a spec is replaced meanwhile", async () => {
    const { app, ports } = testApp();
    ports.pieces = ["a\n", new AisleError("unavailable", "the spec was replaced")];

    await expect((await app.request("/aggregates")).text()).rejects.toThrow("replaced");
    expect(ports.endedPieces).toBe(1);
  });

  it("knows no other format", async () => {
    const response = await testApp().app.request("/aggregates?format=csv");

    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ pointer: "/format" }] });
  });

  it("has nothing to show where nothing is folded", async () => {
    const { app, ports } = testApp();
    ports.specStates = [];

    for (const path of ["/aggregates", "/aggregates/7", "/features/7"])
      expect((await app.request(path)).status, path).toBe(404);
  });
});

describe("GET /features/:identity", () => {
  it("shows the row as of now", async () => {
    const response = await testApp().app.request("/features/7");

    expect(await response.json()).toEqual({
      identity: "7",
      at: null,
      specs: { visits: { incomplete: true, settledAt: 1_000, features: { "now.stops": 2 } } },
    });
  });

  it.each([
    ["1772442000000", 1_772_442_000_000],
    ["0", 0],
    ["2026-03-02T09:00:00Z", 1_772_442_000_000],
    ["2026-03-02T10:00:00.5%2B01:00", 1_772_442_000_500],
    ["2026-03-02T10:00:00+01:00", 1_772_442_000_000],
  ])("shows it as of %s", async (at, instant) => {
    const response = await testApp().app.request(`/features/7?at=${at}`);

    expect(await response.json()).toMatchObject({ at: instant, specs: { visits: { features: { "now.stops": 1 } } } });
  });

  it.each(["", "yesterday", "-1", "1e9", "2026-03-02", "2026-03-02T09:00:00", "2026-13-02T09:00:00Z"])(
    "takes '%s' for no instant",
    async (at) => {
      const response = await testApp().app.request(`/features/7?at=${at}`);

      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ errors: [{ pointer: "/at", code: "wrong-type" }] });
    },
  );

  it("says so when no spec has windows", async () => {
    const { app, ports } = testApp();
    ports.specStates = ports.specStates.map((spec) => ({ ...spec, window: null }));

    const response = await app.request("/features/7");

    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ detail: expect.stringContaining("window spec") });
  });
});

describe("GET /transforms", () => {
  it("shows the specs at work, and the last reload", async () => {
    const { app, ports } = testApp();

    expect(await (await app.request("/transforms")).json()).toEqual({ specs: ports.specStates, reload: null });
  });
});

describe("POST /transforms/reload", () => {
  it("begins one", async () => {
    const response = await testApp().post("/transforms/reload", "");

    expect(response.status).toBe(202);
    expect(await response.json()).toMatchObject({ state: "building", changed: ["visits"] });
  });

  it("tells every mistake with its place", async () => {
    const { ports, post } = testApp();
    ports.reloadError = new SiteError([
      { file: "transforms/a.yml", line: 3, column: 5, message: "one" },
      { file: "transforms/b.yml", line: 0, column: 0, message: "two" },
    ]);

    const response = await post("/transforms/reload", "");

    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({
      errors: [{ detail: "transforms/a.yml:3:5: one" }, { detail: "transforms/b.yml: two" }],
    });
  });

  it("is refused while one is under way", async () => {
    const { ports, post } = testApp();
    ports.reloadError = new AisleError("conflict", "a reload is under way");

    expect((await post("/transforms/reload", "")).status).toBe(409);
  });
});
