// `aisle replay --spec`: what a spec makes of the events of a journal.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { terminalProgress } from "../batch/progress.ts";
import { foldJournal } from "../batch/training.ts";
import { systemClock } from "../clock.ts";
import { AisleError, reasonOf, SiteError } from "../errors.ts";
import { Lines } from "../live/lines.ts";
import type { Live } from "../live/live.ts";
import { readTransform, type SpecFile } from "../spec/load.ts";
import type { Stretch } from "./replay-bounds.ts";
import type { Shell } from "./shell.ts";

/**
 * @param into  a folder for the records; null: they are printed
 * @param json  print one object, also of the records
 */
export async function replaySpecs(
  shell: Shell,
  { journal, fromSeq, toSeq }: Stretch,
  files: readonly string[],
  into: string | null,
  json: boolean,
): Promise<void> {
  const spec = readSpec(files);
  const live = foldJournal({
    spec,
    journal: { lastSeq: toSeq, read: (from) => journal.read(from), find: (seq) => journal.find(seq) },
    fromSeq,
    progress: shell.overwrite === null ? undefined : terminalProgress(systemClock, null, shell.overwrite),
  });
  const { folded } = live.counts;
  const incomplete = live.lacksEarlier;
  const told = { fromSeq, toSeq, folded, incomplete };
  if (into !== null) {
    const path = join(into, `${spec.name}.ndjson`);
    mkdirSync(into, { recursive: true });
    writeFileSync(path, [...linesOf(live)].join(""));
    shell.write(json ? JSON.stringify({ ...told, path }, null, 2) : path);
  } else if (json) printRecords(shell, told, live);
  else for (const some of linesOf(live)) shell.stdout.write(some);
  if (!json)
    shell.warn(`${folded} events folded${incomplete ? "; the journal no longer has all that there were" : ""}`);
}

/** Some lines at a time, each with its line break. */
function* linesOf(live: Live): Generator<string> {
  const lines = new Lines([live], () => {});
  for (let some = lines.next(); some !== null; some = lines.next()) yield some;
}

/** As one object, a record on each line: all of them as one text may be more than a text can be. */
function printRecords({ stdout }: Shell, told: object, live: Live): void {
  stdout.write(`${JSON.stringify(told).slice(0, -1)},"records":[`);
  let before = "\n";
  for (const some of linesOf(live)) {
    stdout.write(before + some.trimEnd().replaceAll("\n", ",\n"));
    before = ",\n";
  }
  stdout.write("\n]}\n");
}

/** A streaming spec and perhaps the window spec over it, in whatever order. */
function readSpec(files: readonly string[]) {
  const read = files.map(specFile);
  const windows = read.filter(({ text }) => WINDOW.test(text));
  const streaming = read.filter((file) => !windows.includes(file));
  if (streaming.length !== 1 || windows.length > 1)
    throw new AisleError("invalid", "--spec takes one streaming spec, and at most one window spec over it");
  const { spec, mistakes } = readTransform({ streaming: streaming[0]!, window: windows[0] ?? null });
  if (spec === null) throw new SiteError(mistakes);
  return { name: spec.streaming.name, transform: spec, hash: "" };
}

/** How a window spec says what it is. */
const WINDOW = /^ *["']?Type["']? *: *["']?\S*Window/im;

function specFile(file: string): SpecFile {
  try {
    return { file, text: readFileSync(file, "utf8").replace(/^\uFEFF/, "") };
  } catch (cause) {
    throw new AisleError("not-found", `cannot read '${file}': ${reasonOf(cause)}`, { cause });
  }
}
