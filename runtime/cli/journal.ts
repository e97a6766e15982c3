import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { Command } from "commander";
import { systemClock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import { describeCorruption } from "../journal/cursor.ts";
import { takeFolder } from "../journal/owner.ts";
import { type Damage, repairJournal, verifyJournal } from "../journal/repair.ts";
import { openDeadLetters } from "../store/deadletters.ts";
import { openStore } from "../store/lmdb.ts";
import { openBeside } from "./beside.ts";
import { removeState, savedState } from "./saved-state.ts";
import { dataFolder, readSite, type Shell } from "./shell.ts";

const STAYS =
  "the journal no longer has all entries, so the state that was saved stays: it keeps what the damaged ones led to, and one of them that is sent again is a duplicate";

interface Options {
  readonly site?: string;
  readonly data?: string;
  readonly json?: boolean;
  readonly yes?: boolean;
}

/** `aisle journal`: whether a place's journal can be read, and making it readable again. */
export function journalCommand(shell: Shell): Command {
  const command = new Command("journal").description("Check a place's journal, and mend it: verify, repair");
  const sub = (name: string, description: string) =>
    command
      .command(name)
      .description(description)
      .option("--site <folder>", "folder of the site; default: this one, or the one that ships")
      .option("--data <folder>", "data folder of the place; default: the site's")
      .option("--json", "print JSON");
  sub("verify", "Read all of it, checksums included; beside a place that runs, too").action((options: Options) =>
    verify(shell, options),
  );
  sub("repair", "Move what is damaged to the dead letters, so that the rest can be read; no place may run")
    .option("--yes", "do not ask")
    .action((options: Options) => repair(shell, options));
  return command;
}

async function verify(shell: Shell, options: Options): Promise<void> {
  const { dir } = folderOf(shell, options);
  const store = await openBeside(dir, () => openStore({ path: join(dir, "journal"), readOnly: true, what: "journal" }));
  try {
    const { commits, entries, damage } = verifyJournal(store);
    if (options.json === true) shell.write(JSON.stringify({ commits, entries, damage: damage.map(shown) }, null, 2));
    else {
      shell.write(`${entries} entries in ${commits} commits can be read`);
      for (const each of damage) shell.write(`damaged: ${describeCorruption(each)}`);
    }
    if (damage.length === 0) return;
    throw new AisleError(
      "corrupt",
      `${damage.length} stretches of the journal are damaged: 'aisle journal repair --data ${dir}' moves them to the dead letters`,
    );
  } finally {
    await store.close();
  }
}

async function repair(shell: Shell, options: Options): Promise<void> {
  const { dir } = folderOf(shell, options);
  const giveBack = takeFolder(dir);
  const store = openStore({ path: join(dir, "journal"), what: "journal" });
  const letters = openDeadLetters({ store, clock: systemClock });
  try {
    const { damage, notable } = verifyJournal(store);
    if (damage.length === 0) {
      shell.write(options.json === true ? JSON.stringify({ damage: [], letters: [] }) : "nothing is damaged");
      return;
    }
    if (options.json !== true) for (const each of damage) shell.write(`damaged: ${describeCorruption(each)}`);
    const state = await savedState(dir, store, notable);
    const tell = (sentence: string) => void (options.json !== true && shell.write(sentence));
    if (state === "stays") tell(STAYS);
    await confirm(shell, options, damage);
    // Before anything is moved: who is cut off and does this again finds less damage.
    if (state === "goes") await removeState(dir);
    const repaired = await repairJournal(store, letters);
    const told = { damage: repaired.damage.map(shown), letters: repaired.letters, commits: repaired.commits };
    if (options.json === true) shell.write(JSON.stringify({ ...told, state }, null, 2));
    tell(`moved to the dead letters ${repaired.letters.join(", ")}: the journal can be read again`);
    if (state === "goes") tell("the next start makes the state of it again; what was moved may be sent once more");
  } finally {
    await letters.close();
    await store.close();
    giveBack();
  }
}

/** @throws AisleError `conflict` when nobody says yes */
async function confirm(shell: Shell, { yes }: Options, { length }: readonly Damage[]): Promise<void> {
  if (yes === true) return;
  const input = shell.terminal ? process.stdin : null;
  if (input === null || !input.isTTY)
    throw new AisleError("conflict", "nothing was changed: say --yes where nobody can be asked");
  const terminal = createInterface({ input, output: process.stderr });
  const answer = await terminal.question(`Move ${length === 1 ? "it" : `all ${length}`} to the dead letters? [y/N] `);
  terminal.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new AisleError("conflict", "nothing was changed");
}

function folderOf(shell: Shell, { site, data }: Options): { readonly dir: string } {
  const dir = dataFolder(shell, data, data === undefined ? readSite(shell, site).site.name : "");
  if (!existsSync(join(dir, "journal", "data.mdb")))
    throw new AisleError("not-found", `there is no journal in '${dir}': choose the folder of the place with --data`);
  return { dir };
}

function shown({ part, commit, firstSeq, lastSeq, detail, offset, bytes }: Damage) {
  return { part, commit, firstSeq, lastSeq, detail, offset, bytes: bytes.length };
}
