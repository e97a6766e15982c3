import { existsSync } from "node:fs";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { AisleError } from "../errors.ts";
import { createLog } from "../log.ts";
import { Place } from "../main.ts";
import { type Owner, ownerAt, ownerOf, within } from "./client.ts";
import { dataFolder, readSite, type Shell } from "./shell.ts";

interface Options {
  readonly site?: string;
  readonly data?: string;
  readonly url?: string;
  readonly place?: string;
  readonly json?: boolean;
}

interface ListOptions extends Options {
  readonly limit: number;
  readonly before?: number;
  readonly code?: string;
}

interface Letter {
  readonly id: number;
  readonly at: string | number;
  readonly code: string;
  readonly detail: string;
  readonly subject: string;
  readonly replayedAs?: number | null;
}

interface Page {
  readonly letters: readonly Letter[];
  readonly count: number;
  readonly next: number | null;
}

/** `aisle deadletters`: what could not be used, and taking it in again. */
export function deadlettersCommand(shell: Shell): Command {
  const command = new Command("deadletters").description("Events that could not be used: list, show, replay");
  const sub = (name: string, description: string) =>
    command
      .command(name)
      .description(description)
      .option("--site <folder>", "folder of the site; default: this one, or the one that ships")
      .option("--data <folder>", "data folder of the place; default: the site's")
      .option("--place <name>", "name of the place; default: AISLE_PLACE, or the name of the host")
      .option("--url <url>", "ask a running place there instead (AISLE_TOKEN is sent)")
      .option("--json", "print JSON");
  sub("list", "List dead letters, newest first")
    .option("--limit <n>", "at most so many", whole, 20)
    .option("--before <id>", "only letters with a smaller id: the next page", whole)
    .option("--code <code>", "only letters with this reason")
    .action((options: ListOptions) => ask(shell, options, (owner) => list(shell, owner, options)));
  sub("show", "Show a dead letter with its payload")
    .argument("<id>", "the letter", whole)
    .action((id: number, options: Options) => ask(shell, options, (owner) => show(shell, owner, id)));
  sub("replay", "Take a dead letter in again, once its cause is mended")
    .argument("<id>", "the letter", whole)
    .action((id: number, options: Options) => ask(shell, options, (owner) => replay(shell, owner, id, options)));
  return command;
}

/** Asks who runs the place; when nobody does, opens the data folder itself for as long as it takes. */
async function ask(
  shell: Shell,
  { site: named, data, url, place: name }: Options,
  work: (owner: Owner) => Promise<void>,
): Promise<void> {
  if (url !== undefined) return work(ownerAt(url, shell.env.AISLE_TOKEN));
  const opened = readSite(shell, named, name === undefined ? {} : { place: name });
  const dataDir = dataFolder(shell, data, opened.site.name);
  const owner = await ownerOf(dataDir);
  if (owner !== null) return work(owner);
  if (!existsSync(join(dataDir, "journal")))
    throw new AisleError("not-found", `there is no journal in '${dataDir}': choose the folder with --data`);
  const log = await createLog(opened.site.log, shell.terminal);
  const place = new Place({ ...opened, dataDir, log, version: shell.version });
  try {
    await work(within(await place.attach()));
    await place.runner.idle();
  } finally {
    await place.stop();
  }
}

async function list(shell: Shell, owner: Owner, { limit, before, code, json }: ListOptions): Promise<void> {
  const query = new URLSearchParams({ limit: String(limit) });
  if (before !== undefined) query.set("before", String(before));
  if (code !== undefined) query.set("code", code);
  const page = await owner.call<Page>("GET", `/deadletters?${query}`);
  if (json === true) return shell.write(JSON.stringify(page, null, 2));
  if (page.letters.length === 0) return shell.write("No dead letters.");
  for (const { id, at, code: why, detail, subject, replayedAs } of page.letters) {
    const again = replayedAs === undefined || replayedAs === null ? "" : `  (taken in again as ${replayedAs})`;
    shell.write(
      `${String(id).padStart(6)}  ${new Date(at).toISOString()}  ${why.padEnd(18)}  ${subject}: ${detail}${again}`,
    );
  }
  if (page.next !== null) shell.write(`… of ${page.count}; more with --before ${page.next}`);
}

async function show(shell: Shell, owner: Owner, id: number): Promise<void> {
  shell.write(JSON.stringify(await owner.call("GET", `/deadletters/${id}`), null, 2));
}

async function replay(shell: Shell, owner: Owner, id: number, { json }: Options): Promise<void> {
  const receipt = await owner.call<{ accepted: number }>("POST", `/deadletters/${id}/replay`);
  if (json === true) shell.write(JSON.stringify(receipt, null, 2));
  else shell.write(`dead letter ${id} was taken in again`);
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("Expected a whole number from 1.");
  return value;
}
