import type { KeyRule } from "./config.ts";
import { type Dialect, isMet, isSet, statusOf } from "./dialect.ts";
import type { SkipReason } from "./outcome.ts";
import type { SheetRow } from "./sheet.ts";

/** The cells of a key by name. One that may be left out need not be there. */
export type Keys = Readonly<Record<string, string>>;

export interface GuardRules {
  readonly goal: string;
  readonly prerequisites: readonly string[];
  /** A claim that was not renewed for so long counts for nothing. */
  readonly leaseMs: number;
  readonly dialect: Dialect;
}

export interface Guard {
  readonly reason: SkipReason;
  readonly detail: string;
}

/**
 * The first row whose cells are those of the key. Required cells are always compared, so that a key without one finds
 * nothing; others only if the key has them; what is no key field is not looked at.
 */
export function findRow(rows: readonly SheetRow[], rules: readonly KeyRule[], keys: Keys): SheetRow | null {
  const compared = rules.filter(({ name, required }) => required || keys[name] !== undefined);
  return rows.find((row) => compared.every(({ name }) => row.get(name) === keys[name])) ?? null;
}

/** The first rule that keeps a goal of a row from running, in the order of the original; null: it may run. */
export function findGuard(row: SheetRow, header: readonly string[], rules: GuardRules, now: number): Guard | null {
  const { goal, prerequisites, leaseMs, dialect } = rules;
  // A column that is missing throws in Ruby, and reads as empty in Perl.
  const read = (name: string) => (dialect === "perl" && !header.includes(name) ? "" : row.get(name));
  if (!isSet(read("ready"), dialect)) return { reason: "not-ready", detail: "is not ready" };
  if (isSet(read("complete"), dialect)) return { reason: "complete", detail: "is complete" };
  const { mark, host } = statusOf(read(goal), dialect);
  if (mark === "1") return { reason: "already-done", detail: `has ${goal} done` };
  if (mark === "F") return { reason: "already-failed", detail: `has ${goal} failed on '${host}'` };
  if (mark === "r" && now - row.writing(goal).at < leaseMs)
    return { reason: "already-running", detail: `has ${goal} running on '${host}'` };
  const unmet = prerequisites.find((name) => !isMet(read(name), dialect));
  if (unmet !== undefined) return { reason: "prerequisite", detail: `waits with ${goal} for '${unmet}'` };
  return null;
}
