// `aisle transform --training`: rows of the journal of a place, whether somebody runs it or not.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { type Format, missingOutput, writerOf } from "../batch/formats.ts";
import { terminalProgress } from "../batch/progress.ts";
import { tallyLines } from "../batch/tally.ts";
import { type Trained, train } from "../batch/training.ts";
import { systemClock } from "../clock.ts";
import { loadSite } from "../config.ts";
import { AisleError, reasonOf, SiteError } from "../errors.ts";
import { openJournal } from "../journal/lmdb.ts";
import type { StoreJournal } from "../journal/store-journal.ts";
import type { Site, SiteTransform } from "../site.ts";
import { readTransform, type SpecFile } from "../spec/load.ts";
import { openBeside } from "./beside.ts";
import { dataFolder, type Shell, siteFolder, siteOptions } from "./shell.ts";

export interface TrainingOptions {
  readonly streamingBts?: string;
  readonly windowBts?: string;
  readonly data?: string;
  readonly to: Format;
  readonly output?: string;
}

/** @param named  the site's folder, if one is named */
export async function printTrainingRows(
  shell: Shell,
  command: Command,
  named: readonly string[],
  options: TrainingOptions,
): Promise<void> {
  const { to: format, output: path = null } = options;
  if (named.length > 1) command.error("error: training rows are of one place: name one site");
  const missing = missingOutput({ format, path, hasWindows: true });
  if (missing !== null) command.error(`error: ${missing}`);
  const site = once(() => loadSite(siteFolder(shell, named[0]), siteOptions(shell)));
  const spec = specOf(options, site);
  const journal = await openRead(options.data ?? dataFolder(shell, undefined, site().name));
  try {
    const trained = await train({
      spec,
      journal,
      writer: await writerOf({ format, path, hasWindows: true, stdout: shell.stdout }),
      progress: shell.overwrite === null ? undefined : terminalProgress(systemClock, null, shell.overwrite),
    });
    for (const line of linesOf(trained)) shell.warn(line);
  } finally {
    await journal.close();
  }
}

async function openRead(dir: string): Promise<StoreJournal> {
  try {
    return await openBeside(dir, () => openJournal({ dir, clock: systemClock, random: randomBytes, readOnly: true }));
  } catch (error) {
    if (!(error instanceof AisleError) || error.code !== "not-found") throw error;
    throw new AisleError("not-found", `${error.message}: choose the folder of the place with --data`, { cause: error });
  }
}

function* linesOf({ tally, rows, waiting, settledAt, lacksEarlier }: Trained): Iterable<string> {
  const until = settledAt === null ? "" : `: events from ${new Date(settledAt).toISOString()} on may still change them`;
  const more = waiting === 0 ? "" : `, and ${waiting} that ${waiting === 1 ? "is" : "are"} not complete yet${until}`;
  yield `${rows} ${rows === 1 ? "row" : "rows"}${more}`;
  if (lacksEarlier) yield "the journal no longer has its oldest entries: what came of them is in no row";
  yield* tallyLines(tally);
}

// Specs

/** The specs named; else the site's. */
function specOf({ streamingBts, windowBts }: TrainingOptions, site: () => Site): SiteTransform {
  if (windowBts === undefined && streamingBts === undefined) return onlySpec(site());
  if (windowBts === undefined)
    throw new AisleError("invalid", "training rows are made by a window spec: name one with --window-bts");
  const window = specFile(windowBts);
  const streaming = streamingBts === undefined ? streamingFor(window, site()) : specFile(streamingBts);
  const { spec, mistakes } = readTransform({ streaming, window });
  if (spec === null) throw new SiteError(mistakes);
  return { name: spec.streaming.name, transform: spec, hash: "" };
}

function onlySpec({ dir, transforms: { specs } }: Site): SiteTransform {
  const found = specs.filter(({ transform }) => transform.window !== null);
  if (found.length === 1) return found[0]!;
  const files = found.map(({ transform }) => transform.window!.file).join(", ");
  const message =
    found.length === 0
      ? `the site in '${dir}' has no window spec in transforms/: name one with --window-bts`
      : `the site in '${dir}' has several window specs (${files}): name one with --window-bts`;
  throw new AisleError("invalid", message);
}

/** The site's streaming spec that a window spec is over. */
function streamingFor({ file, text }: SpecFile, { dir, transforms: { specs } }: Site): SpecFile {
  const names = new Set([...text.matchAll(SOURCES)].map(([, name]) => name!));
  const found = specs.find(({ name }) => names.has(name)) ?? (specs.length === 1 ? specs[0]! : null);
  if (found === null)
    throw new AisleError(
      "invalid",
      `the site has no streaming spec that '${file}' is over: name it with --streaming-bts`,
    );
  const { streaming } = found.transform;
  return { file: streaming.file, text: specFile(join(dir, streaming.file)).text };
}

/** Where a window spec names what it is over. */
const SOURCES = /\b(?:Source|SourceBTS|SourceDTC) *: *["']?([\p{L}_][\p{L}\p{N}_]{0,200})/gu;

function specFile(file: string): SpecFile {
  try {
    return { file, text: readFileSync(file, "utf8").replace(/^\uFEFF/, "") };
  } catch (cause) {
    throw new AisleError("not-found", `cannot read '${file}': ${reasonOf(cause)}`, { cause });
  }
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
