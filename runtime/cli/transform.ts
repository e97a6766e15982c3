import { existsSync, readFileSync } from "node:fs";
import { Command, Option } from "commander";
import { FORMATS, type Format, missingOutput, writerOf } from "../batch/formats.ts";
import { PROCESSORS, type Processor } from "../batch/input.ts";
import { terminalProgress } from "../batch/progress.ts";
import { fileSource, type Source, streamSource } from "../batch/sources.ts";
import { tallyLines } from "../batch/tally.ts";
import { transform } from "../batch/transform.ts";
import { systemClock } from "../clock.ts";
import { AisleError, formatMistake, reasonOf, SiteError } from "../errors.ts";
import { kindOfSpec, readTransform, type SpecFile } from "../spec/load.ts";
import type { Transform } from "../spec/spec.ts";
import type { Shell } from "./shell.ts";
import { printTrainingRows } from "./training.ts";
import { likeBlurr, yamlIn } from "./validate.ts";

interface Options {
  readonly streamingBts?: string;
  readonly windowBts?: string;
  readonly dataProcessor: Processor;
  readonly source?: string;
  readonly to: Format;
  readonly output?: string;
  readonly state?: string;
  readonly compat?: "blurr";
  readonly debug?: boolean;
  readonly training?: boolean;
  readonly data?: string;
}

/** `aisle transform`: records or rows of the events in files. */
export function transformCommand(shell: Shell): Command {
  const command = new Command("transform")
    .description("Fold the events of files, and print each record, or with a window spec the rows of each identity")
    .argument("[files...]", "events: NDJSON, a JSON array, either also as gzip; '-': standard input")
    .option("--streaming-bts <file>", "the streaming spec; default: the first one in this folder")
    .option("--window-bts <file>", "the window spec; default: none, or where no spec is named the first one here")
    .option("--source <files>", "events, as files separated by commas")
    .addOption(new Option("--data-processor <name>", "what a line is").choices(PROCESSORS).default("simple"))
    .addOption(new Option("--to <format>", "what comes out").choices(FORMATS).default("json"))
    .option("--output <path>", "file for it instead of standard output; a folder for tables of records")
    .option(
      "--state <folder>",
      "state between runs: two batches give what one would have given, as far as the later has no event older than the spec's Lateness allows",
    )
    .addOption(new Option("--compat <system>", "do as that system does, also where it is wrong").choices(["blurr"]))
    .option(
      "--training",
      "rows of the journal of a place, by the transforms of its site, which is named in place of files",
    )
    .option("--data <folder>", "with --training: data folder of the place; default: the site's")
    .option("--debug", "say of each event that is not used why, on standard error")
    .addOption(new Option("--runner <name>").choices(["local"]).hideHelp());
  return command.action((files: string[], options: Options) => {
    if (options.training !== true) return run(shell, command, files, options);
    const { source, state, compat, dataProcessor } = options;
    if (source !== undefined || state !== undefined || compat !== undefined || dataProcessor !== "simple")
      command.error("error: --training reads a journal: it goes without --source, --state, --compat, --data-processor");
    return printTrainingRows(shell, command, files, options);
  });
}

async function run(shell: Shell, command: Command, files: readonly string[], options: Options): Promise<void> {
  const { to: format, compat, debug, data } = options;
  if (data !== undefined) command.error("error: --data goes with --training");
  const path = options.output ?? null;
  const isCompat = compat === "blurr";
  const spec = read(shell, options);
  const hasWindows = spec.window !== null;
  const missing = missingOutput({ format, path, hasWindows });
  if (missing !== null) command.error(`error: ${missing}`);
  const sources = sourcesOf(shell, command, files, options);
  const sizes = sources.map(({ bytes }) => bytes);
  const bytes = sizes.includes(null) ? null : sizes.reduce<number>((sum, size) => sum + size!, 0);
  const tally = await transform({
    transform: spec,
    sources,
    processor: options.dataProcessor,
    compat: isCompat,
    stateDir: options.state ?? null,
    writer: await writerOf({ format, path, hasWindows, stdout: shell.stdout }),
    progress: shell.overwrite === null ? undefined : terminalProgress(systemClock, bytes, shell.overwrite),
    debug: debug === true ? shell.warn : undefined,
  });
  for (const line of tallyLines(tally)) shell.warn(line);
}

// Specs

function read(shell: Shell, options: Options): Transform {
  const compat = options.compat === "blurr";
  const { streaming, window } = named(shell, options);
  const loaded = readTransform({ streaming, window }, { compat });
  if (loaded.spec === null) throw new SiteError(loaded.mistakes);
  if (!compat)
    for (const note of loaded.notes) shell.warn(formatMistake({ ...note, message: `note: ${note.message}` }));
  return loaded.spec;
}

function named(shell: Shell, options: Options): { streaming: SpecFile; window: SpecFile | null } {
  const { streamingBts, windowBts } = options;
  if (streamingBts === undefined && windowBts === undefined) return found(shell, options);
  if (streamingBts === undefined)
    throw new AisleError("invalid", `'${windowBts}' is a window spec: name its streaming spec with --streaming-bts`);
  return { streaming: specFile(streamingBts), window: windowBts === undefined ? null : specFile(windowBts) };
}

/** The first spec of each kind in this folder. As Blurr does it, all of them are validated before. */
function found(shell: Shell, { compat }: Options): { streaming: SpecFile; window: SpecFile | null } {
  const files = yamlIn(".");
  if (compat === "blurr") likeBlurr(shell, files);
  const specs = files.map(specFile);
  const streaming = specs.find(({ text }) => kindOfSpec(text) === "streaming");
  if (streaming === undefined) {
    const message = "there is no streaming spec in this folder: name one with --streaming-bts";
    throw new AisleError("not-found", message);
  }
  return { streaming, window: specs.find(({ text }) => kindOfSpec(text) === "window") ?? null };
}

function specFile(file: string): SpecFile {
  try {
    return { file, text: readFileSync(file, "utf8").replace(/^\uFEFF/, "") };
  } catch (cause) {
    throw new AisleError("not-found", `cannot read '${file}': ${reasonOf(cause)}`, { cause });
  }
}

// Events

function sourcesOf(
  shell: Shell,
  command: Command,
  files: readonly string[],
  { source }: Pick<Options, "source">,
): Source[] {
  if (source !== undefined && files.length > 0)
    command.error("error: name the events with --source or as arguments, not both");
  const paths = (source === undefined ? files : [source]).flatMap(separated);
  const stdin = shell.stdin();
  if (paths.length === 0 && stdin === null) command.error("error: name the files with the events, or pipe events in");
  if (paths.filter((path) => path === "-").length > 1) command.error("error: there is one standard input");
  return (paths.length === 0 ? ["-"] : paths).map((path) =>
    path === "-" ? streamSource("-", stdin ?? process.stdin) : fileSource(path),
  );
}

/** Blurr separates files by commas; one may be in a name. */
function separated(text: string): string[] {
  return existsSync(text) ? [text] : text.split(",").filter((path) => path !== "");
}
