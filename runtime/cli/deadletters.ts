import { Command, InvalidArgumentError } from "commander";
import { ask, type PlaceOptions, placeOptions } from "./ask.ts";
import type { Owner } from "./client.ts";
import type { Shell } from "./shell.ts";

interface ListOptions extends PlaceOptions {
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
  const sub = (name: string, description: string) => placeOptions(command.command(name).description(description));
  sub("list", "List dead letters, newest first")
    .option("--limit <n>", "at most so many", whole, 20)
    .option("--before <id>", "only letters with a smaller id: the next page", whole)
    .option("--code <code>", "only letters with this reason")
    .action((options: ListOptions) => ask(shell, options, (owner) => list(shell, owner, options)));
  sub("show", "Show a dead letter with its payload")
    .argument("<id>", "the letter", whole)
    .action((id: number, options: PlaceOptions) => ask(shell, options, (owner) => show(shell, owner, id)));
  sub("replay", "Take a dead letter in again, once its cause is mended")
    .argument("<id>", "the letter", whole)
    .action((id: number, options: PlaceOptions) => ask(shell, options, (owner) => replay(shell, owner, id, options)));
  return command;
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

async function replay(shell: Shell, owner: Owner, id: number, { json }: PlaceOptions): Promise<void> {
  const receipt = await owner.call<{ accepted: number }>("POST", `/deadletters/${id}/replay`);
  if (json === true) shell.write(JSON.stringify(receipt, null, 2));
  else shell.write(`dead letter ${id} was taken in again`);
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("Expected a whole number from 1.");
  return value;
}
