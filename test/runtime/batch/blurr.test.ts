// Specs and events at random, and what Blurr 0.4.1 made of them (Python 3.11): one spec, batches of events with the state
// of one passed to the next, the last one's output.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Aborted } from "../../../runtime/core/fold.ts";
import { parsePython } from "../../cases/blurr/compare.ts";
import { type Given, type Setting, transformed } from "../../support/transforming.ts";

interface Run {
  readonly streaming: string;
  readonly window: string | null;
  readonly batches: readonly string[];
  /** Blurr's standard output. */
  readonly out?: string;
  /** What ended its run. */
  readonly error?: string;
}

const runs = readFileSync("test/fixtures/blurr-runs.jsonl", "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Run);

/** Names of fields that are sets, whose order is not Blurr's. */
function setsOf(streaming: string): Set<string> {
  const { Aggregates } = JSON.parse(streaming) as { Aggregates: { Fields: { Name: string; Type: string }[] }[] };
  return new Set(
    Aggregates.flatMap(({ Fields }) => Fields.filter(({ Type }) => Type === "set").map(({ Name }) => Name)),
  );
}

function comparable(stdout: string, sets: ReadonlySet<string>): unknown[] {
  const lines = stdout.split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const [key, value] = parsePython(line) as [string, Record<string, unknown> | unknown[]];
    if (Array.isArray(value)) return line;
    const fields = Object.entries(value).map(([name, field]) => [
      name,
      sets.has(name) && Array.isArray(field) ? field.toSorted() : field,
    ]);
    return [key, fields];
  });
}

describe("with Blurr's compatibility, a run at random", () => {
  it.each(runs.map((run, n) => [n + 1, run] as const))("gives what Blurr gave: %i", async (_, run) => {
    const { streaming, window, batches, out, error } = run;
    const stateDir = mkdtempSync(join(tmpdir(), "blurr-"));
    const setting: Setting = { streaming, ...(window === null ? {} : { window }), compat: true, stateDir };
    let given: Given | null = null;
    try {
      for (const batch of batches) given = await transformed({ ...setting, events: batch.split("\n") });
    } catch (thrown) {
      if (!(thrown instanceof Aborted)) throw thrown;
      expect(thrown.message).toBe(error);
      return;
    } finally {
      rmSync(stateDir, { recursive: true });
    }
    const sets = setsOf(streaming);
    expect(error).toBeUndefined();
    expect(comparable(given!.stdout, sets)).toEqual(comparable(out!, sets));
  });
});
