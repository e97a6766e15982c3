// What every service answered to a GET.
import { expect } from "vitest";
import type { Shape } from "./cases.ts";
import { Scene } from "./scene.ts";
import { dummySite } from "./sites.ts";
import { verdictOf } from "./verdict.ts";

export const faces: readonly Shape[] = [
  {
    name: "a GET",
    fits: ({ component, input }) => typeof input.GET === "string" && component !== "scenario-player",
    async run(each) {
      const { place } = await Scene.open(dummySite());
      const { status, taken } = verdictOf(each);
      const { content_type: type, body } = each.expect;

      const response = await fetch(`${place.url}${each.input.GET}`);

      expect(response.status).toBe(status);
      if (type !== undefined) expect(response.headers.get("content-type")).toContain(type);
      if (body !== undefined) expect(await response.text()).toBe(body);
      if (!taken) expect(response.headers.get("content-type")).toBe("application/problem+json");
    },
  },
];
