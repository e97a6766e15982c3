import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Decision } from "../runtime/decide/decision.ts";
import { decisionsOf, startStore } from "./support/place.ts";

const README = readFileSync(new URL("../README.md", import.meta.url), "utf8");

/** What is asked for here of the answers about a customer. */
type Specs = Record<string, { records?: Record<string, unknown[]>; features?: Record<string, unknown> }>;

/** The `curl` lines of the README: path, and body where there is one. */
const CALLS = [...README.matchAll(/^curl (?:-N )?localhost:8787(\S+)(?: +--json '([^']*)')?/gm)].map(
  ([, path, body]) => ({ path: path!, body }),
);

describe("the README's main job", () => {
  it("does what it says, in the order it says it", async () => {
    await using store = await startStore();
    const call = (path: string, body?: string) =>
      fetch(
        `${store.place.url}${path}`,
        body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body },
      );
    expect(CALLS.map(({ path }) => path)).toEqual([
      "/events",
      "/events",
      "/offers/7",
      "/decisions/<id>",
      "/offers/stream",
      "/aggregates/7",
      "/features/7",
    ]);

    for (const { path, body } of CALLS.slice(0, 2)) expect((await call(path, body)).status).toBe(202);
    await store.place.runner.idle();

    expect((await call(CALLS[2]!.path)).status).toBe(200);
    // Whether something is offered depends on the day's coupons; a decision there is in any case.
    const [{ id }] = decisionsOf(store.place.journal) as [Decision];
    const decision = await (await call(CALLS[3]!.path.replace("<id>", id))).json();
    expect(decision).toMatchObject({ id, customer: "7", department: "Sport" });
    const stream = await call(CALLS[4]!.path);
    expect(stream.headers.get("content-type")).toContain("text/event-stream");
    await stream.body?.cancel();
    const [folded, featured] = await Promise.all(
      CALLS.slice(5).map(async ({ path }) => ((await (await call(path)).json()) as { specs: Specs }).specs.visits),
    );
    expect(folded!.records!.visit).toMatchObject([{ _identity: "7", stops: 1, department: "Sport" }]);
    expect(featured!.features).toMatchObject({ "now.stops": 1, "now.department": "Sport" });
  });
});
