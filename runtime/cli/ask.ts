// Commands that need a place's live state ask who runs it; when nobody does, they open its data folder themselves.
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { AisleError } from "../errors.ts";
import { createLog } from "../log.ts";
import { Place } from "../main.ts";
import { type Owner, ownerAt, ownerOf, within } from "./client.ts";
import { dataFolder, readSite, type Shell } from "./shell.ts";

export interface PlaceOptions {
  readonly site?: string;
  readonly data?: string;
  readonly url?: string;
  readonly place?: string;
  readonly json?: boolean;
}

/** Gives a command the options that say which place is meant. */
export function placeOptions(command: Command): Command {
  return command
    .option("--site <folder>", "folder of the site, or its plan file; default: this one, or the one that ships")
    .option("--data <folder>", "data folder of the place; default: the site's")
    .option("--place <name>", "name of the place; default: AISLE_PLACE, or the name of the host")
    .option("--url <url>", "ask a running place there instead (AISLE_TOKEN is sent)")
    .option("--json", "print JSON");
}

export interface AskOptions {
  /** A folder without a journal gets one. */
  readonly make?: boolean;
}

/** Asks who runs the place; when nobody does, opens the data folder itself for as long as it takes. */
export async function ask(
  shell: Shell,
  { site: named, data, url, place: name }: PlaceOptions,
  work: (owner: Owner) => Promise<void>,
  { make = false }: AskOptions = {},
): Promise<void> {
  if (url !== undefined) return work(ownerAt(url, shell.env.AISLE_TOKEN));
  const opened = readSite(shell, named, name === undefined ? {} : { place: name });
  const dataDir = dataFolder(shell, data, opened.site.name);
  const owner = await ownerOf(dataDir);
  if (owner !== null) return work(owner);
  if (!make && !existsSync(join(dataDir, "journal")))
    throw new AisleError("not-found", `there is no journal in '${dataDir}': choose the folder with --data`);
  // It comes and goes: nobody wants to read of that.
  const log = await createLog({ ...opened.site.log, level: "warn" }, shell.terminal);
  const place = new Place({ ...opened, dataDir, log, version: shell.version });
  try {
    await work(within(await place.attach()));
    await place.runner.idle();
  } finally {
    await place.stop();
  }
}
