import { AisleError, type Code } from "../errors.ts";
import type { CellMistake } from "../http/ports.ts";

/** A change that was refused as a whole, with each cell that is to blame. */
export class ChangeRefused extends AisleError {
  override name = "ChangeRefused";
  readonly mistakes: readonly CellMistake[];

  constructor(code: Code, message: string, mistakes: readonly CellMistake[]) {
    super(code, message);
    this.mistakes = mistakes;
  }
}

/** A mistake in one cell of a change. */
export function mistakeIn(name: string, code: string, detail: string): CellMistake {
  return { index: 0, pointer: pointerTo(name), code, detail };
}

/** JSON pointer of a cell in the body of a request. @param member  of the body: `cells`, `was` */
export function pointerTo(name: string, member = "cells"): string {
  return `/${member}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/**
 * @param summary  what to say of them all; without it the first speaks for all
 * @throws ChangeRefused when there are mistakes: `forbidden` when all that is wrong is who writes
 */
export function refuseMistakes(mistakes: readonly CellMistake[], summary?: string): void {
  if (mistakes.length === 0) return;
  const wrong = mistakes.filter(({ code }) => code !== NOT_YOURS);
  const told = wrong.length > 0 ? wrong : mistakes;
  throw new ChangeRefused(wrong.length > 0 ? "invalid" : "forbidden", summary ?? told[0]!.detail, told);
}

/** The code of a cell that only others may fill. */
export const NOT_YOURS = "not-yours";
