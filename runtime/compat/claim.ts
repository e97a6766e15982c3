// The claim on a goal: a mark in its cell, and a look some time later whether it still stands there.
import { AisleError, reasonOf } from "../errors.ts";
import type { KeyRule } from "./config.ts";
import { statusOf } from "./dialect.ts";
import { findRow, type Keys } from "./guards.ts";
import type { SheetRow, Worksheet, Writing } from "./sheet.ts";

export interface ClaimOptions {
  readonly goal: string;
  readonly host: string;
  /** Between the mark and the look at it, so that who wrote at the same time is seen. */
  readonly settleMs: number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly rules: readonly KeyRule[];
  readonly keys: Keys;
}

export type Claimed =
  | { readonly row: SheetRow; readonly writing: Writing }
  /** Somebody else has it, or it can't be known: the own mark may stay behind. */
  | { readonly lost: string };

/**
 * Asks for a goal of a row. The mark is written only over the cell that was read, and that decides between two who ask
 * at the same time, on one host too; the original has the last writer win, and hosts compared.
 */
export async function claim(page: Worksheet, row: SheetRow, options: ClaimOptions): Promise<Claimed> {
  const { goal, host, settleMs, sleep, rules, keys } = options;
  row.set(goal, `r:${host}`);
  try {
    await page.save("unchanged");
    await sleep(settleMs);
    await page.reload();
  } catch (error) {
    if (error instanceof AisleError) return { lost: reasonOf(error) };
    throw error;
  }
  const found = findRow(page.rows, rules, keys);
  if (found === null) return { lost: "the row is gone" };
  const text = found.get(goal);
  if (statusOf(text, "ruby").host !== host) return { lost: `the cell says '${text}'` };
  return { row: found, writing: found.writing(goal) };
}

/** Whether the goal was claimed again, by somebody for whom our claim had run out. */
export function isTakenOver(row: SheetRow, goal: string, { id }: Writing): boolean {
  return statusOf(row.get(goal), "ruby").mark === "r" && row.writing(goal).id !== id;
}
