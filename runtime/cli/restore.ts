import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, renameSync, rmdirSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { Command } from "commander";
import { Archive } from "../checkpoint/archive.ts";
import { checkpointStore } from "../checkpoint/open.ts";
import { systemClock } from "../clock.ts";
import { AisleError, reasonOf } from "../errors.ts";
import { openJournal } from "../journal/lmdb.ts";
import type { Damage } from "../journal/repair.ts";
import { openStore } from "../store/lmdb.ts";
import { damageIn, describeDamage, fileProgress, type Manifest, readManifest, sha256, sync } from "./backup-files.ts";
import { renewEpoch } from "./epoch.ts";
import { checkTarget, makeTarget } from "./folders.ts";
import type { Shell } from "./shell.ts";

interface Options {
  readonly data: string;
  readonly damaged?: boolean;
  readonly json?: boolean;
}

/** `aisle restore`: a data folder from a backup, under an epoch of its own. */
export function restoreCommand(shell: Shell): Command {
  return new Command("restore")
    .description("Make a data folder from a backup; its checksums are compared, and no id given since is given again")
    .argument("<backup>", "folder of the backup")
    .requiredOption("--data <folder>", "the data folder to make: not there yet, or empty")
    .option("--damaged", "also where entries of its journal can't be read; 'aisle journal repair' then goes over it")
    .option("--json", "print JSON")
    .action((backup: string, options: Options) => restore(shell, resolve(backup), options));
}

async function restore(shell: Shell, from: string, { data, damaged, json }: Options): Promise<void> {
  const to = resolve(data);
  const manifest = readManifest(from);
  checkTarget(to, from);
  await verify(shell, from, manifest);
  // What stands there under its name is whole.
  const aside = join(dirname(to), `.${basename(to)}.restoring`);
  rmSync(aside, { recursive: true, force: true });
  try {
    copy(shell, from, aside, manifest);
    await compare(from, aside, manifest);
    const damage = await damageIn(aside);
    if (damage.length > 0 && damaged !== true) throw refused(damage, from);
    const { epoch } = await renewEpoch(aside);
    await adopt(aside, manifest, epoch);
    if (existsSync(to)) rmdirSync(to);
    renameSync(aside, to);
    sync(dirname(to));
    tell(shell, { ...manifest, data: to, epoch, damaged: damage.length }, json === true);
  } catch (error) {
    rmSync(aside, { recursive: true, force: true });
    throw error;
  }
}

async function verify(shell: Shell, from: string, { files }: Manifest): Promise<void> {
  for (const { path, bytes, sha256: expected } of files) {
    const file = join(from, path);
    if (!existsSync(file)) throw new AisleError("corrupt", `the backup is not whole: '${file}' is missing`);
    const { size } = statSync(file);
    if (size !== bytes)
      throw new AisleError("corrupt", `the backup is damaged: '${file}' has ${size} bytes, not ${bytes}`);
    const progress = fileProgress(shell, `checking ${path}`, file);
    const found = await sha256(file, progress.told);
    progress.done();
    if (found !== expected) throw new AisleError("corrupt", `the backup is damaged: '${file}' has another checksum`);
  }
}

function copy(shell: Shell, from: string, to: string, { files }: Manifest): void {
  for (const { path } of files) {
    shell.overwrite?.(`\rcopying ${path} …\x1b[K`);
    try {
      makeTarget(join(to, dirname(path)));
      copyFileSync(join(from, path), join(to, path));
      sync(join(to, path));
    } catch (cause) {
      throw new AisleError("unavailable", `'${path}' of the backup can't be copied to '${to}': ${reasonOf(cause)}`, {
        cause,
      });
    }
  }
  shell.overwrite?.("\r\x1b[K");
}

/** Is the journal there the one that the manifest speaks of? @throws AisleError `corrupt` */
async function compare(from: string, to: string, said: Manifest): Promise<void> {
  const journal = openJournal({ dir: to, clock: systemClock, random: randomBytes, readOnly: true });
  const { epoch, lastSeq } = journal;
  await journal.close();
  if (epoch === said.epoch && lastSeq === said.lastSeq) return;
  throw new AisleError(
    "corrupt",
    `the backup in '${from}' is not what its manifest says: its journal has epoch '${epoch}' and ends at entry ${lastSeq}, not '${said.epoch}' and ${said.lastSeq}`,
  );
}

/** The state follows the journal into its new epoch. */
async function adopt(dir: string, journal: Manifest, epoch: string): Promise<void> {
  if (!existsSync(join(dir, "checkpoint"))) return;
  const store = openStore(checkpointStore(join(dir, "checkpoint")));
  await new Archive(store).adopt(journal, epoch).finally(() => store.close());
}

function refused(damage: readonly Damage[], from: string): AisleError {
  return new AisleError(
    "corrupt",
    `the journal in the backup '${from}' is damaged: ${describeDamage(damage)}. Nothing was restored: take an older backup, or this one with --damaged, and move what is damaged to the dead letters with 'aisle journal repair'`,
  );
}

type Told = Pick<Manifest, "epoch" | "lastSeq" | "checkpointSeq" | "damaged"> & { readonly data: string };

function tell(shell: Shell, { data, epoch, lastSeq, checkpointSeq, damaged }: Told, json: boolean): void {
  if (json) shell.write(JSON.stringify({ data, epoch, lastSeq, checkpointSeq, damaged }, null, 2));
  else shell.write(`'${data}' has the journal up to entry ${lastSeq}, and epoch '${epoch}' from now on`);
  if (damaged === 0) return;
  const todo = `'aisle journal repair --data ${data}' moves them to the dead letters`;
  shell.warn(`${damaged} stretches of the journal are damaged: ${todo}`);
}
