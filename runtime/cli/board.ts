import { createReadStream, createWriteStream } from "node:fs";
import { basename } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Command, InvalidArgumentError } from "commander";
import { AisleError } from "../errors.ts";
import type { RecordHistory, RecordsView, RecordView, SheetReceipt } from "../http/ports.ts";
import { limits } from "../limits.ts";
import { type AskOptions, ask, type PlaceOptions, placeOptions } from "./ask.ts";
import { cellsOf, keyPath, pageNamed, pagesOf } from "./board-names.ts";
import type { Owner, Sent } from "./client.ts";
import type { Shell } from "./shell.ts";
import { columnsOf, tableOf } from "./table.ts";

interface WriteOptions extends PlaceOptions {
  readonly by?: string;
  readonly was?: readonly string[];
  readonly dryRun?: boolean;
}

interface ListOptions extends PlaceOptions {
  readonly limit: number;
  readonly after?: string;
  readonly state?: string;
  readonly goal?: string;
}

const KEYS = "The key cells of a record are arguments of their own, in rank order.";

/** `aisle board`: what is done for each record, and writing into it. */
export function boardCommand(shell: Shell): Command {
  const command = new Command("board").description(
    "The board: list, show, set, remove, history, log, import, export, stream",
  );
  const sub = (name: string, description: string) =>
    placeOptions(command.command(name).description(description).argument("<page>", "the page"));
  const writing = (name: string, description: string) =>
    sub(name, description).option("--by <name>", "who writes; default: the user's name");
  const at = (options: PlaceOptions, work: (owner: Owner) => Promise<void>, how: AskOptions = {}) =>
    ask(shell, options, work, how);

  placeOptions(command.command("list").description("List the records of a page; without a page, the pages"))
    .argument("[page]", "the page")
    .option("--limit <n>", "at most so many", whole, 50)
    .option("--after <key>", "go on after this record, as the list before says")
    .option("--state <state>", "only records with a goal that is empty, running, done, failed or waiting")
    .option("--goal <goal>", "with --state: only this goal counts")
    .action((page: string | undefined, options: ListOptions) =>
      at(options, (owner) => (page === undefined ? pages(shell, owner, options) : list(shell, owner, page, options))),
    );
  sub("show", "Show a record, and what stands behind its goals")
    .argument("<key...>", "its key cells")
    .addHelpText("after", `\n${KEYS}`)
    .action((page: string, key: string[], options: PlaceOptions) =>
      at(options, (owner) => show(shell, owner, page, key, options)),
    );
  writing("set", "Write cells of a record; makes it if it is not there")
    .argument("<key and cells...>", "its key cells, then <column>=<text> …")
    .option("--was <column=text>", "only if the cell shows this still; may be given several times", collect, [])
    .addHelpText("after", `\n${KEYS} A goal takes nothing (to have it done again), 1, or F.`)
    .action((page: string, words: string[], options: WriteOptions) =>
      at(options, (owner) => set(shell, owner, page, words, options), { make: true }),
    );
  writing("remove", "Take a record off its page; work on it ends")
    .argument("<key...>", "its key cells")
    .action((page: string, key: string[], options: WriteOptions) =>
      at(options, (owner) => remove(shell, owner, page, key, options)),
    );
  sub("history", "Who changed what of a record, and when")
    .argument("<key...>", "its key cells")
    .option("--field <column>", "only what concerns this cell")
    .action((page: string, key: string[], options: PlaceOptions & { readonly field?: string }) =>
      at(options, (owner) => history(shell, owner, page, key, options)),
    );
  sub("log", "What a run has printed")
    .argument("<key...>", "the key cells of its record, then the run")
    .action((page: string, words: string[], options: PlaceOptions) =>
      at(options, (owner) => log(shell, owner, page, words)),
    );
  writing("import", "Write a CSV into a page: all of it, or nothing when there is a mistake in it")
    .argument("<file>", "the CSV; - is standard input")
    .option("--dry-run", "only look what it would change")
    .action((page: string, file: string, options: WriteOptions) =>
      at(options, (owner) => importFile(shell, owner, page, file, options), { make: true }),
    );
  sub("export", "Write a page as CSV")
    .argument("[file]", "default: standard output")
    .action((page: string, file: string | undefined, options: PlaceOptions) =>
      at(options, (owner) => exportFile(shell, owner, page, file)),
    );
  sub("stream", "Print the changes of a page as they are made: a JSON object on each line").action(
    (page: string, options: PlaceOptions) => at(options, (owner) => stream(shell, owner, page)),
  );
  return command;
}

async function pages(shell: Shell, owner: Owner, { json }: ListOptions): Promise<void> {
  const heads = await pagesOf(owner);
  if (json === true) return print(shell, { pages: heads });
  const rows = heads.map(({ name, size, columns }) => {
    const named = (role: string) => columns.filter((each) => each.role === role).map((each) => each.name);
    return { page: name, records: String(size), key: named("key").join(" "), goals: named("goal").join(" ") };
  });
  for (const line of tableOf(["page", "records", "key", "goals"], rows)) shell.write(line);
}

async function list(shell: Shell, owner: Owner, page: string, options: ListOptions): Promise<void> {
  const { limit, after, state, goal, json } = options;
  const query = new URLSearchParams({ limit: String(limit) });
  for (const [name, value] of Object.entries({ after, state, goal })) if (value !== undefined) query.set(name, value);
  const found = await owner.call<RecordsView>("GET", `/pages/${encodeURIComponent(page)}?${query}`);
  if (json === true) return print(shell, found);
  const rows = found.records.map(({ row }) => row);
  for (const line of tableOf(columnsOf(found.columns, rows), rows)) shell.write(line);
  if (rows.length === 0) shell.write("No records.");
  if (found.next !== null) shell.write(`… of ${found.size}; more with --after '${found.next}'`);
}

async function show(
  shell: Shell,
  owner: Owner,
  page: string,
  key: readonly string[],
  { json }: PlaceOptions,
): Promise<void> {
  const record = await owner.call<RecordView>("GET", await keyPath(owner, page, key));
  if (json === true) return print(shell, record);
  const width = Math.max(...Object.keys(record.row).map((name) => name.length));
  for (const [name, text] of Object.entries(record.row)) {
    const goal = record.goals[name];
    const behind = goal === undefined || goal.state === "empty" ? "" : `  ${behindOf(goal)}`;
    shell.write(`${name.padEnd(width)}  ${text}${behind}`.trimEnd());
  }
}

function behindOf({ state, by, at, run, attempts, detail, notBefore }: RecordView["goals"][string]): string {
  const parts = [
    state,
    at === null ? "" : new Date(at).toISOString(),
    by === "" ? "" : `by ${by}`,
    run === "" ? "" : `run ${run}`,
    attempts > 1 ? `attempt ${attempts}` : "",
    notBefore === null ? "" : `not before ${new Date(notBefore).toISOString()}`,
    detail ?? "",
  ];
  return `(${parts.filter((part) => part !== "").join(", ")})`;
}

async function set(
  shell: Shell,
  owner: Owner,
  name: string,
  words: readonly string[],
  options: WriteOptions,
): Promise<void> {
  const page = await pageNamed(owner, name);
  const cells = cellsOf(page, words);
  const body = JSON.stringify({ cells, was: cellsOf(page, options.was ?? []) });
  const path = `/pages/${encodeURIComponent(name)}/records`;
  const record = await owner.call<RecordView>("POST", path, sentBy(shell, options, body));
  if (options.json === true) return print(shell, record);
  const written = Object.keys(cells).filter((cell) => record.keys[cell] === undefined);
  shell.write(`${name} ${record.key}: ${written.length === 0 ? "is there" : `${written.join(", ")} written`}`);
}

async function remove(
  shell: Shell,
  owner: Owner,
  page: string,
  key: readonly string[],
  options: WriteOptions,
): Promise<void> {
  await owner.call("DELETE", await keyPath(owner, page, key), sentBy(shell, options));
  if (options.json !== true) shell.write(`removed ${page} ${key.join(" ")}`);
}

async function history(
  shell: Shell,
  owner: Owner,
  page: string,
  key: readonly string[],
  { field, json }: PlaceOptions & { readonly field?: string },
): Promise<void> {
  const query = field === undefined ? "" : `?field=${encodeURIComponent(field)}`;
  const told = await owner.call<RecordHistory>("GET", `${await keyPath(owner, page, key)}/history${query}`);
  if (json === true) return print(shell, told);
  if (told.missing) shell.write("… what is older is no longer kept");
  for (const { at, by, do: what, cells, goal, run, detail } of told.changes) {
    const written = Object.entries(cells).map(([name, text]) => `${name}=${text}`);
    const about = [...(written.length > 0 ? written : [goal ?? ""]), run ?? "", detail ?? ""].filter(
      (part) => part !== "",
    );
    shell.write(`${new Date(at).toISOString()}  ${by.padEnd(12)}  ${what.padEnd(7)}  ${about.join("  ")}`.trimEnd());
  }
}

async function log(shell: Shell, owner: Owner, page: string, words: readonly string[]): Promise<void> {
  const run = words.at(-1)!;
  const path = `${await keyPath(owner, page, words.slice(0, -1))}/runs/${encodeURIComponent(run)}/log`;
  await pipeline(Readable.from(await owner.read(path)), shell.stdout, { end: false });
}

async function importFile(
  shell: Shell,
  owner: Owner,
  page: string,
  file: string,
  options: WriteOptions,
): Promise<void> {
  const body = await contentOf(shell, file);
  const path = `/pages/${encodeURIComponent(page)}/csv${options.dryRun === true ? "?dryRun=1" : ""}`;
  const sent = sentBy(shell, options, body, "text/csv");
  const receipt = await owner.call<SheetReceipt>("POST", path, sent).catch((error: unknown) => {
    if (!(error instanceof AisleError)) throw error;
    throw new AisleError(error.code, `${file === "-" ? "" : `${basename(file)}: `}${error.message}`, { cause: error });
  });
  if (options.json === true) return print(shell, receipt);
  const { records, created, changed, unchanged, cells, running, dryRun } = receipt;
  const would = dryRun ? "would be " : "";
  const left = running === 0 ? "" : `; ${running} cells that say r: were left out`;
  const how = `${created} ${would}made, ${changed} ${would}changed, ${unchanged} as they were`;
  shell.write(`${records} records: ${how}; ${cells} cells ${would}written${left}`);
}

async function contentOf(shell: Shell, file: string): Promise<Uint8Array> {
  const source = file === "-" ? shell.stdin() : createReadStream(file);
  if (source === null) throw new AisleError("invalid", "nothing comes on standard input: name a file, or pipe one in");
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of source) {
      bytes += (chunk as Buffer).length;
      if (bytes > limits.sheetBytes)
        throw new AisleError("too-large", `${file} has more than ${limits.sheetBytes} bytes: split it`);
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    if (error instanceof AisleError) throw error;
    throw new AisleError("invalid", `the file '${file}' can't be read: ${(error as Error).message}`);
  }
  return Buffer.concat(chunks);
}

async function exportFile(shell: Shell, owner: Owner, page: string, file: string | undefined): Promise<void> {
  const source = Readable.from(await owner.read(`/pages/${encodeURIComponent(page)}/csv`));
  if (file === undefined) return pipeline(source, shell.stdout, { end: false });
  try {
    await pipeline(source, createWriteStream(file));
  } catch (error) {
    throw new AisleError("unavailable", `the file '${file}' can't be written: ${(error as Error).message}`);
  }
}

/** Until whoever makes the changes ends, or the command is ended. */
async function stream(shell: Shell, owner: Owner, page: string): Promise<void> {
  shell.onSignal(() => shell.exit(0));
  const utf8 = new TextDecoder();
  let rest = "";
  for await (const chunk of await owner.read(`/pages/${encodeURIComponent(page)}/stream`)) {
    const lines = (rest + utf8.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) if (line.startsWith("data: ")) shell.write(line.slice("data: ".length));
  }
}

function sentBy(shell: Shell, { by }: WriteOptions, body?: string | Uint8Array, type = "application/json"): Sent {
  const name = by ?? shell.env.USER ?? shell.env.LOGNAME ?? "";
  return {
    ...(body !== undefined && { body }),
    headers: { ...(body !== undefined && { "content-type": type }), ...(name !== "" && { "aisle-principal": name }) },
  };
}

function print(shell: Shell, value: unknown): void {
  shell.write(JSON.stringify(value, null, 2));
}

function collect(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > limits.recordsPage)
    throw new InvalidArgumentError(`Expected a whole number from 1 to ${limits.recordsPage}.`);
  return value;
}
