import { beforeEach, describe, expect, it } from "vitest";
import { limits } from "../../../../runtime/limits.ts";
import { type TestApp, testApp } from "../../../support/http.ts";

let at: TestApp;

beforeEach(() => {
  at = testApp();
});

describe("GET /offers/:customer", () => {
  it("lists what stands, newest first", async () => {
    at.ports.decide("7");
    at.ports.decide("8");
    at.ports.decide("7", "Boys");

    const response = await at.app.request("/offers/7");

    expect(response.status).toBe(200);
    const { customer, standing } = await response.json();
    expect(customer).toBe("7");
    expect(standing.map(({ seq }: { seq: number }) => seq)).toEqual([6, 2]);
    expect(standing[0]).toMatchObject({
      decision: "here-ab12-5-0",
      offers: [{ coupon: "1", score: 0.9, rank: 1 }],
      messages: [{ coupon: { id: "1" } }],
    });
  });

  it("says nothing of what the decision rests on", async () => {
    at.ports.decide("7");

    const { standing } = await (await at.app.request("/offers/7")).json();

    expect(Object.keys(standing[0])).not.toContain("features");
  });

  it("is empty for somebody it doesn't know", async () => {
    expect(await (await at.app.request("/offers/12345")).json()).toEqual({ customer: "12345", standing: [] });
  });

  it("decodes the customer", async () => {
    expect(await (await at.app.request("/offers/a%2Fb%20c")).json()).toMatchObject({ customer: "a/b c" });
  });

  it("refuses a name that is too long", async () => {
    const response = await at.app.request(`/offers/${"x".repeat(limits.tokenBytes + 1)}`);

    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ pointer: "/customer", code: "too-long" }] });
  });
});

describe("GET /decisions/:id", () => {
  it("shows a decision with all that it rests on", async () => {
    const { decision } = at.ports.decide("7");

    const response = await at.app.request(`/decisions/${decision.id}`);

    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(decision);
  });

  it.each([
    ["42", "an id has the form <place>-<epoch>-<sequence of the cause>-<n>"],
    ["here-ab12-99-0", "it was never made here, or is past its retention"],
  ])("answers 404 to %s and says why", async (id, why) => {
    const response = await at.app.request(`/decisions/${id}`);

    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: "not-found", detail: `no decision '${id}': ${why}` });
  });
});
