import { describe, expect, it } from "vitest";
import { labSite } from "../../support/lab-site.ts";

const planOf = (actors: string) =>
  `version: 1\npages:\n  samples: { keys: [sample], ready: true }\nactors:\n  - { goal: counted, person: true }\n${actors}`;

describe("a checkpoint and the plan", () => {
  it("go together: after a reload the board is saved as the new plan has it", async () => {
    const site = labSite(planOf(""));
    const first = await site.open();
    await first.make("samples", { sample: "a", note: "x" });
    await first.place.checkpoints.checkpointer!.now();
    expect(first.place.checkpoints.upToSeq).toBe(first.place.journal.lastSeq);

    site.plan(planOf("  - { goal: graded, person: true }\n"));
    await first.ask("POST", "/plan/reload");
    // What was saved is of a plan that no start will find.
    expect(first.place.checkpoints.upToSeq).toBe(0);
    await first.place.checkpoints.checkpointer!.now();
    expect(first.place.checkpoints.upToSeq).toBe(first.place.journal.lastSeq);
    const before = first.row("samples", "a");
    await first.place.stop();
    const second = await site.open();

    expect(second.place.checkpoints.fromSeq).toBe(first.place.checkpoints.meta!.seq + 1);
    expect(second.row("samples", "a")).toEqual(before);
    await second.place.stop();

    site.plan(planOf(""));
    const third = await site.open();
    expect(third.place.checkpoints.fromSeq).toBe(1);
    expect(third.row("samples", "a")).toMatchObject({ sample: "a", note: "x" });
    await third.place.stop();
  });
});
