// The recorded cases: where they are read from, and what one looks like.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Process } from "../../../runtime/compat/conflicts.ts";
import type { Dialect } from "../../../runtime/compat/dialect.ts";
import type { PageContent } from "../../../runtime/compat/memory-sheet.ts";

export type Json = Readonly<Record<string, unknown>>;

export interface Case {
  readonly name: string;
  /** `required-improvement`: the original fails it. */
  readonly kind: string;
  /** Where it was seen: "ruby:agent_test; perl:05". */
  readonly source: string;
  readonly setup: Setup;
  readonly action: readonly Action[];
  /** One for each action: what is compared, by name. */
  readonly expected: readonly Json[];
}

export interface Setup {
  readonly configKeyFields: Json;
  readonly hostname?: string;
  readonly processes?: readonly Process[];
  /** `error`: it can't be read. */
  readonly processTable?: string;
  readonly pages?: Readonly<Record<string, PageContent>>;
  /** The agent of `process`. */
  readonly agent?: Json;
  readonly selfName?: string;
  readonly selfPid?: number;
  readonly faults?: Json;
  readonly agentBin?: AgentBin;
  readonly runner?: Json;
  /** By goal: the agents of a pipeline. */
  readonly agents?: Readonly<Record<string, Json>>;
  readonly hosts?: number;
}

export interface AgentBin {
  readonly path: string;
  readonly scripts: Readonly<Record<string, { readonly executable: boolean; readonly does?: string }>>;
}

export type Action = Json & { readonly op: string };

/** The file that ships. */
const SHIPPED = resolve("test/cases/agents/spreadsheet_cases.json");
const { AISLE_CASES } = process.env;

/** `$AISLE_CASES/agents/spreadsheet_cases.json`, or the file that ships. */
export const FILE =
  AISLE_CASES === undefined || AISLE_CASES === ""
    ? SHIPPED
    : join(resolve(AISLE_CASES), "agents", "spreadsheet_cases.json");

export const isShipped = FILE === SHIPPED;

export function readCases(): readonly Case[] {
  return (JSON.parse(readFileSync(FILE, "utf8")) as { readonly cases: readonly Case[] }).cases;
}

/** Ruby, unless the case is about the Perl module alone. */
export function dialectOf({ name, source }: Pick<Case, "name" | "source">): Dialect {
  const isPerl = source.split(";").every((part) => part.trim().startsWith("perl"));
  return isPerl || name.startsWith("perl-") ? "perl" : "ruby";
}

/** @throws Error that names what is not understood: nothing of a case is left out in silence */
export function refuseOthers(what: string, value: Json, known: readonly string[]): void {
  const strangers = Object.keys(value).filter((key) => !known.includes(key));
  if (strangers.length > 0)
    throw new Error(`${what}: not understood: ${strangers.join(", ")}; known: ${known.join(", ")}`);
}
