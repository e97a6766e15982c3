import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Mistake } from "../../../runtime/errors.ts";
import { kindOfSpec, loadStreaming, loadWindow } from "../../../runtime/spec/load.ts";
import { translate } from "../../../runtime/spec/translate.ts";
import { validateLikeBlurr } from "../../../runtime/spec/validator.ts";
import { prng } from "../../support/prng.ts";
import { caseSpecs, caseText, spoiled } from "../../support/specs.ts";

const SEED = 20_180_312;
const SPECS = [...caseSpecs(), fixture("draft-streaming.yml"), fixture("draft-window.yml")];
const OUTLINE = loadStreaming(caseText("testsdata_window/streaming.yml"), "a.yml").outline;

/** Mistakes that stand nowhere in the text. */
function lost(text: string, mistakes: readonly Mistake[]): Mistake[] {
  const lines = text.split("\n");
  return mistakes.filter(({ line, column }) => {
    if (line === 0) return false;
    return line > lines.length || column < 1 || column > [...(lines[line - 1] ?? "")].length + 1;
  });
}

function fixture(name: string): string {
  return readFileSync(new URL(`../../fixtures/specs/${name}`, import.meta.url), "utf8");
}

describe(`spoiled specs (seed ${SEED})`, () => {
  it.each([false, true])("give a spec, or a mistake with its place (compat: %s)", (compat) => {
    const random = prng(SEED);
    for (let round = 0; round < 1_000; round++) {
      const text = spoiled(SPECS[Math.floor(random() * SPECS.length)]!, random);
      const loaded =
        kindOfSpec(text) === "window"
          ? loadWindow(text, "a.yml", OUTLINE, { compat })
          : loadStreaming(text, "a.yml", { compat });

      if ((loaded.spec === null) !== loaded.mistakes.length > 0) expect(text).toBe("told of");
      expect(lost(text, [...loaded.mistakes, ...loaded.notes])).toEqual([]);
    }
  });

  it("never throw, translated or held against Blurr's rules", () => {
    const random = prng(SEED + 1);
    for (let round = 0; round < 1_000; round++) {
      const text = spoiled(SPECS[Math.floor(random() * SPECS.length)]!, random);
      const { text: translated, mistakes } = translate(text, "a.yml");
      const verdict = validateLikeBlurr(text, "a.yml");

      expect((translated === null) === mistakes.length > 0).toBe(true);
      if (translated !== null && kindOfSpec(text) === "streaming")
        expect(loadStreaming(translated, "a.yml").mistakes).toEqual([]);
      expect(verdict.valid && verdict.errors.length > 0).toBe(false);
    }
  });
});
