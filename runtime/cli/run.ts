import { Command, InvalidArgumentError, Option } from "commander";
import { type BoardRecord, textAt } from "../board/board.ts";
import type { Change, Changed } from "../board/change.ts";
import { boardMessage } from "../board/message.ts";
import { whyOf } from "../board/why.ts";
import { systemClock } from "../clock.ts";
import type { OpenedSite, Overrides } from "../config.ts";
import { AisleError, didYouMean } from "../errors.ts";
import type { Entry } from "../journal/journal.ts";
import { createLog } from "../log.ts";
import { Place, type StartOptions } from "../main.ts";
import type { Plan, PlannedActor } from "../site.ts";
import { ownerOf } from "./client.ts";
import { runAsOriginal } from "./run-compat.ts";
import { dataFolder, planReader, readSite, type Shell } from "./shell.ts";

interface Options {
  readonly onlyPages?: readonly string[];
  readonly skipPages?: readonly string[];
  readonly onlyGoals?: readonly string[];
  readonly dryRun?: boolean;
  readonly serial?: boolean;
  readonly sleepBetween?: number;
  readonly watch?: boolean;
  readonly compat?: "spreadsheet-agent";
  readonly data?: string;
  readonly place?: string;
  readonly nats?: string;
  readonly logLevel?: string;
  readonly json?: boolean;
}

const HELP = `
Without --watch it is for cron: it starts what may start, and what that makes possible, until nothing runs any more.
What waits for a person, for another node or for its next try is left for the next time. With --watch it stays, and
starts whatever a change makes possible: a cell that somebody fills, a record that is imported.

A page of a plan that ranks others, named with --only-pages, restricts the run to what its rows point at.

Exit code: 0 when no run failed, 1 when one did or the site can't be run, 2 when it was called in a wrong way.`;

/** `aisle run`: walks the pages of a plan and starts what may start. */
export function runCommand(shell: Shell): Command {
  return new Command("run")
    .description("Work on the goals of a board: start what may start, once or standing")
    .argument("[site]", "folder of the site, or its plan file; default: this one, or the one that ships")
    .addOption(new Option("--only-pages <names>", "only these pages").argParser(names).conflicts("skipPages"))
    .addOption(new Option("--skip-pages <names>", "all pages but these").argParser(names).conflicts("onlyPages"))
    .option("--only-goals <names>", "only these goals", names)
    .option("--dry-run", "start nothing; print what would start, and what would not, and why")
    .option("--serial", "one run at a time")
    .option("--sleep-between <seconds>", "pause between the starts of two runs", seconds)
    .option("--watch", "stay, and start what each change makes possible")
    .addOption(
      new Option("--compat <original>", "as the original did").choices(["spreadsheet-agent"]).conflicts("watch"),
    )
    .option("--data <folder>", "where the journal is kept")
    .option("--place <name>", "name of this node; default: AISLE_PLACE, or the name of the host")
    .option("--nats <url>", "share the board with other nodes over this NATS server; default: AISLE_NATS_URL")
    .option("--log-level <level>", "debug, info, warn or error")
    .option("--json", "print a JSON object for each change of the board")
    .addHelpText("after", HELP)
    .action((site: string | undefined, options: Options) => run(shell, site, options));
}

async function run(shell: Shell, named: string | undefined, options: Options): Promise<void> {
  const overrides = overridesOf(options);
  const opened = readSite(shell, named, overrides);
  const { plan, name } = opened.site;
  const dataDir = dataFolder(shell, options.data, name);
  checkNames(plan, options);
  if ((await ownerOf(dataDir)) !== null) {
    const what = "it starts what may start by itself, and 'aisle why-not' asks it";
    throw new AisleError("conflict", `a running place owns ${dataDir}: ${what}`);
  }
  const teller = new RunTeller(shell, options.json === true);
  const rereadPlan = planReader(shell, opened.site, named, overrides);
  const place = await placeOf(shell, { ...opened, rereadPlan }, dataDir, options, teller);
  let errors = 0;
  if (options.compat !== undefined) errors = await runAsOriginal(shell, place, options);
  else if (options.dryRun === true) await dryRun(shell, place, options);
  else if (options.watch === true) await stand(shell, place);
  else await once(shell, place);
  if (options.dryRun !== true) summary(shell, place, teller, options);
  if (teller.failed + errors > 0) process.exitCode = 1;
}

/** Starts the place; what the command leaves out is not started. */
async function placeOf(
  shell: Shell,
  { site, ...rest }: OpenedSite & Pick<StartOptions, "rereadPlan">,
  dataDir: string,
  options: Options,
  teller: RunTeller,
): Promise<Place> {
  const { serial = false, sleepBetween = 0 } = options;
  const log = await createLog(
    { ...site.log, level: options.logLevel === undefined ? "warn" : site.log.level },
    shell.terminal,
  );
  const place: Place = new Place({
    ...{ ...rest, site: { ...site, play: null }, dataDir, log, version: shell.version, env: shell.env },
    ...(serial || sleepBetween > 0 ? { pace: { serial, sleepMs: sleepBetween * 1_000 } } : {}),
    admits: (actor, record) => admits(place, actor, record, options),
    teller: {
      applied: () => {},
      decided: () => {},
      boarded: (entry, change, changed) => {
        if (options.dryRun !== true) teller.boarded(entry, change, changed);
      },
    },
  });
  teller.tailOf = (run, bytes) => place.workshop.logs.tail(run, bytes);
  try {
    if (options.dryRun === true || options.compat !== undefined) await place.attach();
    else await place.open(false);
  } catch (error) {
    await place.stop();
    throw error;
  }
  return place;
}

function admits(place: Place, actor: PlannedActor, record: BoardRecord, options: Options): boolean {
  const { onlyPages, skipPages, onlyGoals } = options;
  if (onlyGoals !== undefined && !onlyGoals.includes(actor.goal)) return false;
  if (skipPages?.includes(actor.page)) return false;
  if (onlyPages === undefined || onlyPages.includes(actor.page)) return true;
  // A page that ranks stands for what its rows point at.
  const now = systemClock.now();
  return onlyPages.some((page) => place.workshop.ranks.points(page, actor, record, now));
}

/** Until nothing runs any more, and no change makes anything possible. */
async function once(shell: Shell, place: Place): Promise<void> {
  await Promise.race([place.runner.idle(), stopped(shell, place)]);
  await place.stop();
}

function stand(shell: Shell, place: Place): Promise<void> {
  const { name, place: node, plan } = place.site;
  shell.warn(`Aisle ${shell.version}: '${name}' on node '${node}', ${plan.actors.length} goals; Ctrl-C ends`);
  return stopped(shell, place);
}

/** Resolves when a signal has ended the place; the second one ends the process. */
function stopped(shell: Shell, place: Place): Promise<void> {
  return new Promise((resolve, reject) => {
    let stopping = false;
    shell.onSignal((signal) => {
      if (stopping) shell.exit(1);
      stopping = true;
      shell.warn(`${signal}: waiting for what runs …`);
      place.stop().then(resolve, reject);
    });
  });
}

async function dryRun(shell: Shell, place: Place, options: Options): Promise<void> {
  const node = place.site.place;
  let starts = 0;
  for (const { actor, record } of walk(place)) {
    if (!admits(place, actor, record, options)) continue;
    const blockers = place.runner.scheduler.blockers(actor, record);
    if (blockers.length === 0) starts++;
    const { says } = whyOf(actor, record, actor.goal, blockers, { node, now: systemClock.now(), doing: () => [] });
    const what = `${actor.page}  ${record.keys.join(" ")}  ${actor.goal}`;
    if (options.json === true)
      shell.write(
        JSON.stringify({ page: actor.page, key: record.key, goal: actor.goal, starts: blockers.length === 0, says }),
      );
    else shell.write(blockers.length === 0 ? `would start  ${what}` : `would not    ${what}: ${says}`);
  }
  if (options.json !== true) shell.write(`${starts} would start; nothing was started`);
  await place.stop();
}

/** All goals of all records, as a run comes to them: page by page, record by record. Events wake the others. */
function* walk({ runner, site }: Place): Generator<{ readonly actor: PlannedActor; readonly record: BoardRecord }> {
  const actors = site.plan.actors.filter(({ on }) => on.length === 0);
  for (const page of runner.board.pages) {
    const own = actors.filter((actor) => actor.page === page.name);
    for (const record of own.length === 0 ? [] : page.records()) for (const actor of own) yield { actor, record };
  }
}

function summary(shell: Shell, place: Place, teller: RunTeller, { json }: Options): void {
  if (json === true) return;
  const waiting = waitingFor(place);
  const rest = waiting === 0 ? "" : `; ${waiting} ${waiting === 1 ? "waits" : "wait"} for a person`;
  shell.write(`${teller.done} done, ${teller.failed} failed, ${teller.again} to be tried again${rest}`);
}

/** Cells that a person may fill now. */
function waitingFor(place: Place): number {
  const { scheduler, board } = place.runner;
  let count = 0;
  for (const actor of place.site.plan.actors.filter(({ kind }) => kind === "person")) {
    for (const record of board.page(actor.page).records()) {
      if (textAt(record, record.page.ensure(actor.goal, "goal")) !== "") continue;
      if (scheduler.blockers(actor, record).every(({ rule }) => rule === "person")) count++;
    }
  }
  return count;
}

/** Of the log of a run that failed, shown. */
const TAIL_LINES = 10;
const TAIL_BYTES = 2_048;

/** Says what becomes of runs, as they begin and end. */
class RunTeller {
  /** The end of a run's log. */
  tailOf: (run: string, bytes: number) => string = () => "";
  done = 0;
  failed = 0;
  again = 0;
  readonly #shell: Shell;
  readonly #json: boolean;
  readonly #began = new Map<string, number>();

  constructor(shell: Shell, json: boolean) {
    this.#shell = shell;
    this.#json = json;
  }

  boarded(entry: Entry, change: Change, changed: Changed | null): void {
    if (changed === null) return;
    if (this.#json) this.#shell.write(JSON.stringify(boardMessage(change, changed, entry)));
    if (change.do === "claim") this.#began.set(change.run, entry.receivedAt);
    if (change.do !== "finish" && change.do !== "lapse") return;
    const outcome = change.outcome;
    if (outcome === "done") this.done++;
    else if (outcome === "failed") this.failed++;
    else this.again++;
    if (this.#json) return;
    const ms = entry.receivedAt - (this.#began.get(change.run) ?? entry.receivedAt);
    this.#began.delete(change.run);
    const { keys, page } = changed.record;
    const word = outcome === "retry" ? "again " : outcome.padEnd(6);
    const why = change.detail === undefined ? "" : `: ${change.detail}`;
    this.#shell.write(`${word}  ${page.name}  ${keys.join(" ")}  ${change.goal}  ${(ms / 1_000).toFixed(1)} s${why}`);
    if (outcome !== "done") this.#tail(change.run);
  }

  /** The log goes with this process: what a run that failed said last is shown now. */
  #tail(run: string): void {
    const lines = this.tailOf(run, TAIL_BYTES).trimEnd().split("\n").slice(-TAIL_LINES);
    for (const line of lines) if (line !== "") this.#shell.write(`        | ${line}`);
  }
}

/** @throws AisleError `invalid` for a page or goal that the plan lacks */
function checkNames({ pages, actors }: Plan, { onlyPages = [], skipPages = [], onlyGoals = [] }: Options): void {
  const check = (what: string, written: readonly string[], known: readonly string[]) => {
    for (const name of written) {
      if (!known.includes(name))
        throw new AisleError("invalid", `the plan has no ${what} '${name}'${didYouMean(name, known)}`);
    }
  };
  check(
    "page",
    [...onlyPages, ...skipPages],
    pages.map(({ name }) => name),
  );
  check(
    "goal",
    onlyGoals,
    actors.map(({ goal }) => goal),
  );
}

function overridesOf({ place, nats, logLevel }: Options): Overrides {
  return {
    play: null,
    ...(place === undefined ? {} : { place }),
    ...(nats === undefined ? {} : { nats }),
    ...(logLevel === undefined ? {} : { logLevel }),
  };
}

function names(text: string): string[] {
  const list = text.split(",").map((name) => name.trim());
  if (list.some((name) => name === "")) throw new InvalidArgumentError("Expected names with commas between them.");
  return list;
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 86_400))
    throw new InvalidArgumentError("Expected seconds, such as 5 or 0.5.");
  return value;
}
