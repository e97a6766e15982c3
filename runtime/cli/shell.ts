// What a command needs of the terminal and of the machine, handed in by `cli.ts`.
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Readable, Writable } from "node:stream";
import { actors } from "../../actors/index.ts";
import {
  type LoadedPlan,
  loadSitePlan,
  type OpenedSite,
  type Overrides,
  openSite,
  type SiteOptions,
} from "../config.ts";
import type { Site } from "../site.ts";

export interface Shell {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly hostname: string;
  readonly version: string;
  /** The site that ships: what a command works on when none is named and none is here. */
  readonly shippedSite: string;
  /** Somebody looks at stdout. */
  readonly terminal: boolean;
  readonly colour: boolean;
  readonly write: (line: string) => void;
  readonly warn: (line: string) => void;
  readonly stdout: Writable;
  /** Standard input; null: it is a terminal, and nobody has piped anything in. */
  readonly stdin: () => Readable | null;
  /** Writes to stderr, where somebody looks at it, without a line break; null: nobody does. */
  readonly overwrite: ((text: string) => void) | null;
  readonly onSignal: (handle: (signal: string) => void) => void;
  readonly exit: (code: number) => never;
}

const PLANS = /\.ya?ml$/;
/** What makes a folder a site, the second only where events feed it. */
const SITE_FILES = ["plan.yml", "site.yml"];

/** The folder of the site named, by its folder or by its plan's file; else the one that is here, else the one that ships. */
export function siteFolder(shell: Shell, named: string | undefined): string {
  if (named !== undefined) return resolve(PLANS.test(named) ? dirname(named) : named);
  return SITE_FILES.some((file) => existsSync(file)) ? resolve(".") : shell.shippedSite;
}

/** Name of the plan's file in the site's folder. */
function planFile(named: string | undefined): string {
  if (named === undefined || !PLANS.test(named) || basename(named) === "site.yml") return "plan.yml";
  return basename(named);
}

/** @param named  what the command line calls the site: its folder, or the file of its plan */
export function siteOptions({ env, hostname }: Shell, overrides: Overrides = {}, named?: string): SiteOptions {
  const declared = actors as unknown as SiteOptions["actors"];
  return { env, hostname, overrides, actors: declared, planFile: planFile(named) };
}

export function readSite(shell: Shell, named: string | undefined, overrides: Overrides = {}): OpenedSite {
  return openSite(siteFolder(shell, named), siteOptions(shell, overrides, named));
}

/** Reads the plan of a running site again. */
export function planReader(
  shell: Shell,
  { dir, events }: Site,
  named: string | undefined,
  overrides: Overrides,
): () => LoadedPlan {
  return () => loadSitePlan(dir, { ...siteOptions(shell, overrides, named), events });
}

/** `--data`, else AISLE_DATA, $STATE_DIRECTORY (systemd), $XDG_STATE_HOME/aisle/<site>. */
export function dataFolder({ env, home }: Shell, named: string | undefined, site: string): string {
  const given = named ?? env.AISLE_DATA ?? env.STATE_DIRECTORY;
  if (given !== undefined && given !== "") return resolve(given);
  return join(env.XDG_STATE_HOME || join(home, ".local", "state"), "aisle", site);
}
