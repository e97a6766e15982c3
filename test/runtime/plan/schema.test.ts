import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { planJsonSchema } from "../../../runtime/plan.ts";
import { STORE } from "../../support/site.ts";

describe("the JSON Schema of plan.yml", () => {
  const schema = z.fromJSONSchema(planJsonSchema() as Parameters<typeof z.fromJSONSchema>[0]);
  const accepts = (text: string) => schema.safeParse(parse(text)).success;
  const page = (text: string) => accepts(`{ version: 1, pages: { p: ${text} }, actors: [] }`);
  const actor = (text: string) => accepts(`{ version: 1, pages: { p: { keys: [k] } }, actors: [${text}] }`);

  it("takes the store's plan", () => {
    expect(accepts(readFileSync(`${STORE}/plan.yml`, "utf8"))).toBe(true);
  });

  it.each([
    "{ keys: k }",
    "{ keys: [k, l], data: [d], ready: true, complete: all-goals, truth: lenient, shared: false, records: [[a, b]] }",
    "{ keys: { k: { rank: 1, required: true }, l: { rank: 2 } } }",
    "{ ranks: [q] }",
    "{ opens: [entry], closes: exit, timeToLive: 30m }",
    "{ keys: k, ready: '${READY}' }",
  ])("takes the page %s", (text) => {
    expect(page(text)).toBe(true);
  });

  it.each(["{ keys: 7 }", "{ keys: { k: { rnak: 1 } } }", "{ ready: maybe }", "{ complete: all }", "{ kyes: [k] }"])(
    "refuses the page %s",
    (text) => {
      expect(page(text)).toBe(false);
    },
  );

  it.each([
    "{ goal: a, command: scripts/a, conflicts: { b: 1, c: { limit: 1, scope: site } }, maxSelves: 4 }",
    "{ goal: a, module: a.ts, maxSelves: { limit: 4, scope: site }, retries: { max: 1, backoff: 1s } }",
    "{ goal: a, remote: true, timeout: 1m, lease: 5s, retries: 0, onLapse: fail }",
    "{ goal: a, person: true }",
    "{ goal: a, person: { who: [ann], due: 2d }, layer: 2, inhibits: { port: b, match: c, for: 1m } }",
    "{ goal: a, suppresses: [{ port: b, for: 1m }], with: { x: 1 }, on: entry }",
  ])("takes the actor %s", (text) => {
    expect(actor(text)).toBe(true);
  });

  it.each([
    "{ command: a }",
    "{ goal: a, remote: false }",
    "{ goal: a, conflicts: { b: 0 } }",
    "{ goal: a, conflicts: { b: { limit: 1, scope: all } } }",
    "{ goal: a, person: { whom: ann } }",
    "{ goal: a, inhibits: { port: b } }",
    "{ goal: a, onLapse: again }",
  ])("refuses the actor %s", (text) => {
    expect(actor(text)).toBe(false);
  });
});
