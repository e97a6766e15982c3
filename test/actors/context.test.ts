import { describe, expect, it } from "vitest";
import { context } from "../../actors/context.ts";
import type { Profile } from "../../runtime/decide/decision.ts";
import { WORLD } from "../support/shop.ts";

const VISIT = { customer: "7", number: 12 };
const SETTINGS = { timeToLive: 60_000, retry: 1_000 };

describe("context", () => {
  it("asks the source for the customer of the visit", () => {
    expect(context.ask!(VISIT, SETTINGS, WORLD)).toEqual({ port: "customers", customer: "7" });
  });

  it.each<Profile>([
    { state: "known", row: { age: 40 }, stale: false },
    { state: "known", row: { age: 40 }, stale: true },
    { state: "unknown" },
    { state: "unavailable", detail: "the source is away" },
  ])("keeps what the source said: $state", (profile) => {
    expect(context.handle(VISIT, profile, SETTINGS, WORLD)).toEqual(profile);
  });

  it("takes no answer for a source that is away", () => {
    expect(context.handle(VISIT, null, SETTINGS, WORLD)).toEqual({
      state: "unavailable",
      detail: "the source gave no answer",
    });
  });
});
