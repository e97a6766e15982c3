// What a command needs of the terminal and of the machine, handed in by `cli.ts`.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Readable, Writable } from "node:stream";
import { actors } from "../../actors/index.ts";
import { type OpenedSite, type Overrides, openSite, type SiteOptions } from "../config.ts";

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

/** The site named, else the one in this folder, else the one that ships. */
export function siteFolder(shell: Shell, named: string | undefined): string {
  if (named !== undefined) return resolve(named);
  return existsSync("site.yml") ? resolve(".") : shell.shippedSite;
}

export function siteOptions({ env, hostname }: Shell, overrides: Overrides = {}): SiteOptions {
  return { env, hostname, overrides, actors: actors as unknown as SiteOptions["actors"] };
}

export function readSite(shell: Shell, named: string | undefined, overrides: Overrides = {}): OpenedSite {
  return openSite(siteFolder(shell, named), siteOptions(shell, overrides));
}

/** `--data`, else AISLE_DATA, $STATE_DIRECTORY (systemd), $XDG_STATE_HOME/aisle/<site>. */
export function dataFolder({ env, home }: Shell, named: string | undefined, site: string): string {
  const given = named ?? env.AISLE_DATA ?? env.STATE_DIRECTORY;
  if (given !== undefined && given !== "") return resolve(given);
  return join(env.XDG_STATE_HOME || join(home, ".local", "state"), "aisle", site);
}
