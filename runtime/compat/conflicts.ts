// Who else is at work on this host, by its process table.
import { AisleError, reasonOf } from "../errors.ts";
import type { Dialect } from "./dialect.ts";

/** A line of the process table. */
export interface Process {
  readonly pid: number;
  /** With its arguments. */
  readonly command: string;
}

/** @throws (or rejects) when it can't be read */
export type ProcessTable = () => readonly Process[] | Promise<readonly Process[]>;

export interface ConflictRules {
  /** With so many others of itself at work it doesn't run; null: any number may. */
  readonly maxSelves: number | null;
  /** Pattern on a command → the number of such processes with which it doesn't run; null: none is looked for. */
  readonly conflictsWith: Readonly<Record<string, number>> | null;
}

export interface Self {
  /** Base name of the script. */
  readonly name: string;
  /** Null: the process table holds others only. */
  readonly pid: number | null;
}

/** `detail` in the words of the original, which people look for in logs. */
export interface Conflict {
  readonly reason: "max-selves" | "conflict";
  readonly detail: string;
}

/** Programs in which somebody may have a script open without running it. */
const EDITORS = /\b(?:emacs|vim?|pico)\b/;
const TERMINALS = /\bscreen\b|^\s*\[/i;

/**
 * Null: nothing is in the way. Without rules the table is not read; one that can't be read counts as a conflict.
 *
 * A command is matched wherever the pattern stands in it, so longer names count too; and a line that shows our own
 * number anywhere is taken for our own, as in the original.
 */
export async function findConflict(
  { maxSelves, conflictsWith }: ConflictRules,
  self: Self,
  table: ProcessTable,
  dialect: Dialect,
): Promise<Conflict | null> {
  if (maxSelves === null && conflictsWith === null) return null;
  let processes: readonly Process[];
  try {
    processes = await table();
  } catch (error) {
    return { reason: "conflict", detail: `the process table can't be read: ${reasonOf(error)}` };
  }
  const patterns = Object.entries(conflictsWith ?? {}).map(([name, limit]) => ({
    ...{ name, limit, pattern: patternOf(name), count: 0 },
  }));
  let selves = 0;
  for (const { pid, command } of processes) {
    if (isNobody(command, dialect) || isSelf(pid, command, self)) continue;
    if (maxSelves !== null && command.includes(self.name) && ++selves >= maxSelves)
      return { reason: "max-selves", detail: "max_selves limit reached" };
    for (const each of patterns) {
      if (each.pattern.test(command) && ++each.count >= each.limit)
        return { reason: "conflict", detail: `conflicts with ${each.name}` };
    }
  }
  return null;
}

/** @throws AisleError `invalid`: no regular expression */
export function patternOf(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw new AisleError("invalid", `expected a pattern on command lines, found '${text}': ${reasonOf(error)}`);
  }
}

function isNobody(command: string, dialect: Dialect): boolean {
  return EDITORS.test(command) || (dialect === "perl" && TERMINALS.test(command));
}

function isSelf(pid: number, command: string, self: Self): boolean {
  return self.pid !== null && `${pid} ${command}`.includes(String(self.pid));
}
