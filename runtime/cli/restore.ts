import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { Command } from "commander";
import { Archive } from "../checkpoint/archive.ts";
import { checkpointStore } from "../checkpoint/open.ts";
import { systemClock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import { openJournal } from "../journal/lmdb.ts";
import { openStore } from "../store/lmdb.ts";
import { fileProgress, type Manifest, readManifest, sha256, sync } from "./backup-files.ts";
import type { Shell } from "./shell.ts";

interface Options {
  readonly data: string;
  readonly json?: boolean;
}

/** `aisle restore`: a data folder from a backup, under an epoch of its own. */
export function restoreCommand(shell: Shell): Command {
  return new Command("restore")
    .description("Make a data folder from a backup; its checksums are compared, and no id given since is given again")
    .argument("<backup>", "folder of the backup")
    .requiredOption("--data <folder>", "the data folder to make: not there yet, or empty")
    .option("--json", "print JSON")
    .action((backup: string, options: Options) => restore(shell, resolve(backup), options));
}

async function restore(shell: Shell, from: string, { data, json }: Options): Promise<void> {
  const to = resolve(data);
  const manifest = readManifest(from);
  if (existsSync(to) && (!statSync(to).isDirectory() || readdirSync(to).length > 0))
    throw new AisleError(
      "conflict",
      `'${to}' is not empty: a backup is restored into a folder that is, or that is not there yet`,
    );
  await verify(shell, from, manifest);
  // What stands there under its name is whole.
  const aside = join(dirname(to), `.${basename(to)}.restoring`);
  rmSync(aside, { recursive: true, force: true });
  try {
    const epoch = await copy(shell, from, aside, manifest);
    if (existsSync(to)) rmdirSync(to);
    renameSync(aside, to);
    sync(dirname(to));
    const { lastSeq, checkpointSeq } = manifest;
    if (json === true) return shell.write(JSON.stringify({ data: to, epoch, lastSeq, checkpointSeq }, null, 2));
    shell.write(`'${to}' has the journal up to entry ${lastSeq}, and epoch '${epoch}' from now on`);
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

/** @returns the new epoch */
async function copy(shell: Shell, from: string, to: string, { files }: Manifest): Promise<string> {
  for (const { path } of files) {
    shell.overwrite?.(`\rcopying ${path} …\x1b[K`);
    mkdirSync(join(to, dirname(path)), { recursive: true, mode: 0o700 });
    copyFileSync(join(from, path), join(to, path));
    sync(join(to, path));
  }
  shell.overwrite?.("\r\x1b[K");
  const journal = openJournal({ dir: to, clock: systemClock, random: randomBytes, renewEpoch: true });
  const { epoch } = journal;
  await journal.close();
  if (existsSync(join(to, "checkpoint"))) {
    const store = openStore(checkpointStore(join(to, "checkpoint")));
    await new Archive(store).adopt(epoch);
    await store.close();
  }
  return epoch;
}
