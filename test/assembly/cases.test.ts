import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Evaluated, Expressions } from "../support/evaluate.ts";

// Tables of expressions and what Python makes of them, in the real machine.

/** The `repr` of a value, or the name of a class of errors. */
type Case = readonly [expression: string, expected: string];

const EXPRESSIONS_COUNT = 100;
const folder = new URL("./", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".cases.ts"));

describe.each(files)("%s", async (file) => {
  const { cases }: { cases: readonly Case[] } = await import(new URL(file, folder).href);
  const expressions = cases.filter(([text]) => typeof text === "string");

  it.runIf(expressions.length > 0)("gives what Python gives", () => {
    const wrong: string[] = [];
    for (let from = 0; from < expressions.length; from += EXPRESSIONS_COUNT) {
      const some = expressions.slice(from, from + EXPRESSIONS_COUNT);
      const values = new Expressions(some.map(([text]) => text)).evaluate("{}");
      for (const [i, [text, expected]] of some.entries()) {
        if (!agrees(values[i]!, expected)) wrong.push(`${text} → ${JSON.stringify(values[i])}, expected ${expected}`);
      }
    }

    expect(wrong).toEqual([]);
  });
});

/** Told at load of what Python would raise is as good. */
function agrees(evaluated: Evaluated, expected: string): boolean {
  if ("value" in evaluated) return evaluated.value === expected;
  if ("fault" in evaluated) return evaluated.fault === expected;
  return /^\w+Error$/.test(expected);
}
