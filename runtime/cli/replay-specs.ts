// `aisle replay --spec`: what a spec makes of the events of a journal.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { terminalProgress } from "../batch/progress.ts";
import { foldJournal } from "../batch/training.ts";
import { systemClock } from "../clock.ts";
import { AisleError, reasonOf, SiteError } from "../errors.ts";
import { Lines } from "../live/lines.ts";
import { readTransform, type SpecFile } from "../spec/load.ts";
import type { Stretch } from "./replay-bounds.ts";
import type { Shell } from "./shell.ts";

/** @param into  a folder for the records; null: they are printed */
export async function replaySpecs(
  shell: Shell,
  { journal, fromSeq, toSeq }: Stretch,
  files: readonly string[],
  into: string | null,
): Promise<void> {
  const spec = readSpec(files);
  const live = foldJournal({
    spec,
    journal: {
      lastSeq: toSeq,
      read: (from = 1) => journal.read(Math.max(from, fromSeq)),
      find: (seq) => journal.find(seq),
    },
    progress: shell.overwrite === null ? undefined : terminalProgress(systemClock, null, shell.overwrite),
  });
  const lines = new Lines([live], () => {});
  const written: string[] = [];
  for (let some = lines.next(); some !== null; some = lines.next()) {
    if (into === null) shell.stdout.write(some);
    else written.push(some);
  }
  if (into !== null) {
    const path = join(into, `${spec.name}.ndjson`);
    mkdirSync(into, { recursive: true });
    writeFileSync(path, written.join(""));
    shell.write(path);
  }
  const { folded } = live.counts;
  shell.warn(`${folded} events folded${live.lacksEarlier ? "; the journal no longer has those before" : ""}`);
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
