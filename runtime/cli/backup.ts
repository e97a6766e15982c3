import { randomBytes } from "node:crypto";
import { existsSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { checkpointStore } from "../checkpoint/open.ts";
import { systemClock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import type { Corruption } from "../journal/blob.ts";
import { Block } from "../journal/block.ts";
import { openJournal } from "../journal/lmdb.ts";
import type { Damage } from "../journal/repair.ts";
import { type LmdbStore, openStore } from "../store/lmdb.ts";
import {
  checkpointIn,
  damageIn,
  describeDamage,
  fileProgress,
  type Manifest,
  sha256,
  sync,
  unusableIn,
  writeManifest,
} from "./backup-files.ts";
import { openBeside } from "./beside.ts";
import { checkTarget, makeTarget } from "./folders.ts";
import { dataFolder, readSite, type Shell } from "./shell.ts";

interface Options {
  readonly site?: string;
  readonly data?: string;
  readonly json?: boolean;
}

/** A checkpoint may be completed while the journal is copied: then all is copied again, so often. */
const TRIES = 3;
const STORES = ["checkpoint", "journal"] as const;

interface Copied {
  readonly manifest: Manifest;
  readonly damage: readonly Damage[];
}

/** `aisle backup`: a copy of a place's journal and state, while it runs. */
export function backupCommand(shell: Shell): Command {
  return new Command("backup")
    .description("Copy a place's journal and state to a folder, whether it runs or not; with checksums")
    .argument("<folder>", "where to: a folder that is not there, or empty")
    .option("--site <folder>", "folder of the site; default: this one, or the one that ships")
    .option("--data <folder>", "data folder of the place; default: the site's")
    .option("--json", "print JSON")
    .action((folder: string, options: Options) => backup(shell, resolve(folder), options));
}

async function backup(shell: Shell, to: string, { site, data, json }: Options): Promise<void> {
  const from = dataFolder(shell, data, data === undefined ? readSite(shell, site).site.name : "");
  if (!existsSync(join(from, "journal", "data.mdb")))
    throw new AisleError("not-found", `there is no journal in '${from}': choose the folder of the place with --data`);
  checkTarget(to, from);
  const isNew = !existsSync(to);
  const { manifest, damage } = await copy(shell, from, to).catch((error) => {
    clear(to, isNew);
    throw error;
  });
  tell(shell, to, manifest, json === true);
  // The copy stays: there may never be a better one.
  if (damage.length > 0) throw damaged(damage, from, to);
}

function tell(shell: Shell, to: string, manifest: Manifest, json: boolean): void {
  const { lastSeq, checkpointSeq, files } = manifest;
  if (json) {
    shell.write(JSON.stringify(manifest, null, 2));
    return;
  }
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const state = checkpointSeq === null ? "without a checkpoint of the state" : `the state as of entry ${checkpointSeq}`;
  shell.write(`'${to}' has the journal up to entry ${lastSeq}, and ${state}: ${(bytes / 2 ** 20).toFixed(1)} MiB`);
}

function damaged(damage: readonly Damage[], from: string, to: string): AisleError {
  const what = `the journal is damaged, and so is the copy in '${to}': ${describeDamage(damage)}`;
  const todo = `See all of it with 'aisle journal verify --data ${from}'; stop the place, move it to the dead letters with 'aisle journal repair --data ${from}', and make another backup`;
  return new AisleError("corrupt", `${what}. ${todo}. 'aisle restore --damaged' takes this one as it is`);
}

async function copy(shell: Shell, from: string, to: string): Promise<Copied> {
  for (let tries = 1; ; tries++) {
    const said = await copyOnce(shell, from, to);
    if (said !== null) return said;
    if (tries === TRIES)
      throw new AisleError("overloaded", "the state was saved anew each time while the journal was copied: try again");
    clear(to, false);
  }
}

/** Null: what was copied of the state is older than what the journal may have been cut behind. */
async function copyOnce(shell: Shell, from: string, to: string): Promise<Copied | null> {
  // The state first: the journal has all that follows it, as long as no later one lets it be cut.
  const live = await standingOf(from);
  for (const name of STORES) await copyStore(shell, name, from, to);
  const { epoch, lastSeq, checkpointSeq } = await standingOf(to);
  const isLater = (await standingOf(from)).round !== live.round;
  if (isLater && !(await hasAllBehind(to, checkpointSeq ?? 0))) return null;
  const unusable = await unusableIn(to, { epoch, lastSeq });
  if (unusable !== null)
    shell.warn(
      `the state that was saved can't be used: ${unusable}. A start makes it of the journal, and is refused where that no longer has all entries`,
    );
  const damage = await damageIn(to);
  const files = [];
  for (const name of STORES) {
    const path = `${name}/data.mdb`;
    const file = join(to, path);
    if (!existsSync(file)) continue;
    rmSync(join(to, name, "lock.mdb"), { force: true });
    sync(file);
    const progress = fileProgress(shell, `checksum of ${name}`, file);
    files.push({ path, bytes: statSync(file).size, sha256: await sha256(file, progress.told) });
    progress.done();
    sync(join(to, name));
  }
  const place = { version: shell.version, at: systemClock.now(), epoch, lastSeq, checkpointSeq };
  const manifest = writeManifest(to, { ...place, damaged: damage.length, files });
  sync(to);
  return { manifest, damage };
}

async function copyStore(shell: Shell, name: (typeof STORES)[number], from: string, to: string): Promise<void> {
  if (!existsSync(join(from, name, "data.mdb"))) return;
  shell.overwrite?.(`\rcopying the ${name} …\x1b[K`);
  const store = await openToCopy(shell, name, from);
  if (store === null) return;
  try {
    makeTarget(join(to, name));
    await store.copyTo(join(to, name));
  } finally {
    await store.close();
    shell.overwrite?.("\r\x1b[K");
  }
}

/** Null: it is a checkpoint that can't be read, of which is told. */
async function openToCopy(shell: Shell, name: (typeof STORES)[number], from: string): Promise<LmdbStore | null> {
  const path = join(from, name);
  if (name === "journal") return openBeside(from, () => openStore({ path, readOnly: true, what: name }));
  try {
    return await openBeside(from, () => openStore(checkpointStore(path, true)));
  } catch (error) {
    if (!(error instanceof AisleError && error.code === "invalid")) throw error;
    shell.warn(`the checkpoint is left out: ${error.message}. What the journal no longer has is not in the backup`);
    return null;
  }
}

async function standingOf(dir: string) {
  const ports = { dir, clock: systemClock, random: randomBytes };
  const journal = await openBeside(dir, () => openJournal({ ...ports, readOnly: true }));
  try {
    const { epoch, lastSeq } = journal;
    const meta = await checkpointIn(dir, { epoch, lastSeq });
    return { epoch, lastSeq, round: meta?.round ?? 0, checkpointSeq: meta?.seq ?? null };
  } finally {
    await journal.close();
  }
}

/** Whether the journal there has every entry that follows. */
async function hasAllBehind(dir: string, seq: number): Promise<boolean> {
  const journal = openJournal({ dir, clock: systemClock, random: randomBytes, readOnly: true });
  try {
    let next = seq + 1;
    const had = (firstSeq: number, lastSeq: number): void => {
      if (firstSeq <= next) next = Math.max(next, lastSeq + 1);
    };
    // What is damaged was there: another copy has no more of it.
    const onCorrupt = ({ firstSeq, lastSeq }: Corruption) => had(firstSeq, lastSeq);
    for (const part of journal.parts(next, { onCorrupt })) {
      if (part instanceof Block) had(part.firstSeq, part.lastSeq);
      else had(part.seq, part.seq);
    }
    return next > journal.lastSeq;
  } finally {
    await journal.close();
  }
}

function clear(dir: string, all: boolean): void {
  if (all) rmSync(dir, { recursive: true, force: true });
  else for (const name of [...STORES, "manifest.json"]) rmSync(join(dir, name), { recursive: true, force: true });
}
