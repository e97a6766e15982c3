// The simulator is worth something only if it finds what is wrong: bugs put in on purpose.
import { describe, expect, it } from "vitest";
import {
  ACKNOWLEDGES_BEFORE_SYNC,
  CONFIRMS_BY_ITSELF,
  COUNTS_CHECKPOINT_WRONG,
  DROPS_DEDUPE,
  NOTES_POSITION_APART,
  SKIPS_APPLIED_SEQ,
  SWALLOWS_FULL_DISK,
} from "./sim/plants.ts";
import { runSeed } from "./sim/run.ts";
import type { Plant } from "./sim/world.ts";

/** Seeds within which each has to be found. */
const SEEDS = 100;

/** The first seed that finds something, and what it says. */
async function found(plant: Plant): Promise<{ readonly seed: number; readonly message: string }> {
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      await runSeed(seed, { plant });
    } catch (error) {
      return { seed, message: (error as Error).message };
    }
  }
  throw new Error(`nothing is found within ${SEEDS} seeds`);
}

describe("the simulator finds a place that", () => {
  it.each<[string, Plant, RegExp]>([
    ["acknowledges before the sync", ACKNOWLEDGES_BEFORE_SYNC, /is lost|journal: |never done/],
    [
      "takes a full disk for written",
      SWALLOWS_FULL_DISK,
      /was acknowledged, and is lost|went out, and is lost|follows entry|journal: .* missing/,
    ],
    ["skips what 'appliedSeq' says is undone", SKIPS_APPLIED_SEQ, /was never made/],
    // Without their ids, events of one time are folded in another order as well.
    ["drops the dedupe on restart", DROPS_DEDUPE, /is in the journal twice|is in another state, in aggregates/],
    ["notes its position in a stream apart", NOTES_POSITION_APART, /of the stream is lost|were consumed/],
    ["makes its checkpoint with the wrong sequence", COUNTS_CHECKPOINT_WRONG, /is in another state/],
    ["moves the outbox's cursor before the confirmation", CONFIRMS_BY_ITSELF, /never went out|overtook/],
  ])("%s", { timeout: 120_000 }, async (_, plant, words) => {
    const { seed, message } = await found(plant);

    expect(message).toMatch(words);
    expect(message).toContain(`AISLE_SEED=${seed} repeats it`);
    // The seed repeats it, step by step.
    await expect(runSeed(seed, { plant })).rejects.toThrow(message.split("The log:")[0]!);
    // It is the bug that is found, and nothing else.
    await runSeed(seed);
  });
});
