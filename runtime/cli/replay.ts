import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { systemClock } from "../clock.ts";
import type { OpenedSite } from "../config.ts";
import { AisleError } from "../errors.ts";
import type { Entry } from "../journal/journal.ts";
import { openJournal } from "../journal/lmdb.ts";
import { coreScorer, load } from "../loaded.ts";
import { newApplier, workOf } from "../main.ts";
import { type Difference, replay } from "../replay.ts";
import { openBeside } from "./beside.ts";
import { checkTarget } from "./folders.ts";
import { type Bound, type Bounds, checkOrder, type Stretch, stretchOf } from "./replay-bounds.ts";
import { replayInto } from "./replay-into.ts";
import { replaySpecs } from "./replay-specs.ts";
import { dataFolder, readSite, type Shell } from "./shell.ts";

interface Options extends Bounds {
  readonly data?: string;
  readonly spec?: readonly string[];
  readonly json?: boolean;
}

/** Entries between two writings of progress. */
const SHOW_EVERY = 5_000;
/** Differences that are told of; past that their number. */
const SHOWN = 20;

const HELP = `
The data folder of --into is one to look at and to try things on. It has the journal, under another epoch, and what
follows from it; not the dead letters, nor how far streams, the hub, its devices and the bus have come. So no site with
streams or a hub, on either side, starts on it, and decisions that the first place has not sent are not sent from it.
'aisle backup' and 'aisle restore' make a folder that goes on in place of the first.`;

/** `aisle replay`: history once more, read only, beside a place that runs, too. */
export function replayCommand(shell: Shell): Command {
  return new Command("replay")
    .description(
      "Play a journal again: compare the decisions, see what a spec makes of it, or make a data folder of it",
    )
    .argument("[site]", "folder of the site; default: this one, or the one that ships")
    .option("--data <folder>", "data folder of the place; default: the site's")
    .option("--from <seq|time>", "begin there: a sequence, or a time such as 2026-03-02T09:00:00Z", bound)
    .option("--to <seq|time>", "end there, itself included", bound)
    .option(
      "--spec <file...>",
      "print what this streaming spec makes of the events; with a window spec, its features too",
    )
    .option("--into <folder>", "write there: with --spec its records, else a data folder that ends there; new or empty")
    .option("--json", "print JSON")
    .addHelpText("after", HELP)
    .action((site: string | undefined, options: Options, command: Command) => run(shell, command, site, options));
}

async function run(shell: Shell, command: Command, named: string | undefined, options: Options): Promise<void> {
  const { data, spec, into, json = false } = options;
  checkOrder(command, options);
  const opened = readSite(shell, named, { play: null });
  const dir = dataFolder(shell, data, opened.site.name);
  if (into !== undefined) checkTarget(resolve(into), dir);
  const journal = await openRead(dir);
  try {
    const stretch = { journal, ...stretchOf(shell, journal, dir, options) };
    if (spec !== undefined) return await replaySpecs(shell, stretch, spec, into ?? null, json);
    if (into !== undefined) return await replayInto(shell, stretch, opened, resolve(into), json);
    compare(shell, stretch, opened, json);
  } finally {
    await journal.close();
  }
}

async function openRead(dir: string) {
  try {
    return await openBeside(dir, () => openJournal({ dir, clock: systemClock, random: randomBytes, readOnly: true }));
  } catch (error) {
    if (!(error instanceof AisleError) || error.code !== "not-found") throw error;
    throw new AisleError("not-found", `${error.message}: choose the folder of the place with --data`, { cause: error });
  }
}

/** @throws AisleError `conflict` when decisions differ */
function compare(shell: Shell, { journal, fromSeq, toSeq }: Stretch, opened: OpenedSite, json: boolean): void {
  const loaded = load(opened);
  const played = replay(
    workOf(loaded, journal.epoch, coreScorer(loaded)),
    newApplier(loaded),
    () => told(shell, journal.read(), toSeq),
    fromSeq,
  );
  shell.overwrite?.("\r\x1b[K");
  // What retention took the cause of can't be made again.
  const isGone = ({ recorded }: Difference) => recorded !== null && journal.find(recorded.cause) === null;
  const gone = played.differences.filter(isGone).length;
  const differences = played.differences.filter((each) => !isGone(each));
  const compared = played.compared - gone;
  if (json) shell.write(JSON.stringify({ ...played, fromSeq, toSeq, compared, gone, differences }, null, 2));
  else {
    shell.write(
      `${played.entries} entries were played: ${compared} decisions were made again, ${differences.length} differ`,
    );
    if (played.expired > 0) shell.write(`${played.expired} had expired at a restart, and rest on its clock`);
    if (gone > 0) shell.write(`${gone} can't be made again: the journal no longer has the events that caused them`);
    for (const each of differences.slice(0, SHOWN)) shell.write(lineOf(each));
  }
  if (differences.length > 0)
    throw new AisleError("conflict", `${differences.length} decisions differ from those that the journal has`);
}

function lineOf({ id, recorded, remade }: Difference): string {
  const said = (decision: Difference["recorded"]) => {
    if (decision === null) return "none was made";
    if (decision.none !== null) return decision.none.reason;
    return `coupon ${decision.offers.map(({ coupon }) => coupon).join(", ")}`;
  };
  const [before, now] = [said(recorded), said(remade)];
  if (before !== now) return `${id}: ${before} then, ${now} now`;
  const names = Object.keys(recorded!).filter((name) => text(recorded, name) !== text(remade, name));
  return `${id}: ${before}; differs in ${names.join(", ")}`;
}

function text(decision: Difference["recorded"], name: string): string {
  return JSON.stringify((decision as Readonly<Record<string, unknown>> | null)?.[name]);
}

/** Says on a terminal how far it is. */
function* told(shell: Shell, entries: Iterable<Entry>, toSeq: number): Generator<Entry> {
  let count = 0;
  for (const entry of entries) {
    if (entry.seq > toSeq) return;
    if (++count % SHOW_EVERY === 0) shell.overwrite?.(`\rreplaying  ${Math.floor((100 * entry.seq) / toSeq)} %\x1b[K`);
    yield entry;
  }
}

function bound(written: string): Bound {
  if (/^\d{1,15}$/.test(written) && Number(written) > 0) return { seq: Number(written) };
  const at = /^\d{4}-\d\d-\d\d/.test(written) ? Date.parse(written) : Number.NaN;
  if (Number.isNaN(at))
    throw new InvalidArgumentError("Expected a sequence from 1, or a time such as 2026-03-02T09:00:00Z.");
  return { at };
}
