// A share of the seeds, as a test: files of tests run beside each other.
import { it } from "vitest";
import { runSeed } from "./run.ts";

/** Seeds of all files together. */
const COUNT = Number(process.env.AISLE_FAULT_SEEDS ?? 1_000);
const ONLY = process.env.AISLE_SEED;
/** From where the seeds of this run go on. */
const FIRST = Number(process.env.AISLE_FAULT_FIRST ?? 1);
/** Seeds between two lines of progress. */
const PROGRESS = 500;

/** Each `of`-th seed, beginning with the `share`-th. */
export function seeds(share: number, of: number): void {
  const mine = Array.from({ length: COUNT }, (_, i) => FIRST + i).filter((seed) => seed % of === share);
  const list = ONLY === undefined ? mine : share === 0 ? [Number(ONLY)] : [];
  it.skipIf(list.length === 0)(
    `keeps its promises: ${list.length} seeds from ${list[0]} on`,
    {
      timeout: 60_000 + COUNT * 1_000,
    },
    async () => {
      for (const [i, seed] of list.entries()) {
        await runSeed(seed);
        if ((i + 1) % PROGRESS === 0) process.stderr.write(`${i + 1} of ${list.length} seeds\n`);
      }
    },
  );
}
