import { describe, expect, it, onTestFinished } from "vitest";
import { ManualClock } from "../../../runtime/clock.ts";
import { MemoryBucket } from "../../support/memory-kv.ts";
import { Node, settle } from "../../support/nodes.ts";
import { pageConfig, plannedActor } from "../../support/plans.ts";
import { readCases } from "./cases.ts";
import { NormalWorld } from "./normal.ts";

const improvements = readCases().filter(({ kind }) => kind === "required-improvement");

describe("better than spreadsheet_agent, by default", () => {
  for (const each of improvements) {
    it(each.name, async () => {
      expect(each.expected).toHaveLength(each.action.length);
      const world = new NormalWorld(each);
      onTestFinished(() => world.close());
      for (const [i, action] of each.action.entries()) world.expectSeen(await world.perform(action), each.expected[i]!);
    });
  }

  // Two more, of which the cases tell what the original does, and in their notes what would be better.
  it("a body that throws leaves a failed goal, not a claim for ever", async () => {
    const { node, shown } = await lone(() => {
      throw new Error("boom");
    });

    expect(shown()).toEqual({ state: "failed host-a", note: "" });
    expect(node.notices).toMatchObject([{ outcome: "failed", goal: "goal", detail: expect.stringContaining("boom") }]);
  });

  it("a field without a column is told of, and all else is written", async () => {
    const { node, shown } = await lone(() => ({ outcome: "done", fields: { nosuch: "x", note: "n" } }));

    expect(shown()).toEqual({ state: "done host-a", note: "n" });
    expect(node.notices).toMatchObject([{ outcome: "rejected-fields", detail: expect.stringContaining("nosuch") }]);
  });
});

/** A node alone with a record whose goal is begun at once. */
async function lone(run: ConstructorParameters<typeof Node>[0]["run"]) {
  const pages = [pageConfig("testing", { goals: ["goal"], data: ["note"] })];
  const plan = { pages, actors: [plannedActor("goal", { page: "testing" })] };
  const kv = new MemoryBucket().connect();
  const node = await new Node({ name: "host-a", plan, kv, clock: new ManualClock(1), run }).open();
  onTestFinished(() => node.stop());
  await node.write("testing", "test", {});
  await settle();
  const record = node.find("testing", "test")!;
  return {
    node,
    shown: () => ({
      state: node.shows("testing", "test", "goal"),
      note: String(record.cells[record.page.column("note")!] ?? ""),
    }),
  };
}
