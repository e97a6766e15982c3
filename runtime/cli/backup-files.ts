// A backup: copies of a place's stores, and a manifest that says what they are and how their bytes add up.
import { createHash } from "node:crypto";
import {
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { Archive, type Meta, type Standing } from "../checkpoint/archive.ts";
import { checkpointStore } from "../checkpoint/open.ts";
import { type Clock, systemClock } from "../clock.ts";
import { AisleError, reasonOf } from "../errors.ts";
import { describeCorruption } from "../journal/cursor.ts";
import { type Damage, verifyJournal } from "../journal/repair.ts";
import { type LmdbStore, openStore } from "../store/lmdb.ts";
import { openBeside } from "./beside.ts";
import type { Shell } from "./shell.ts";

const FORMAT = 1;
const MANIFEST = "manifest.json";
/** Between two writings of progress, ms. */
const SHOW_EVERY_MS = 200;

const manifest = z.object({
  format: z.literal(FORMAT),
  /** Of Aisle. */
  version: z.string(),
  /** ms since epoch. */
  at: z.number(),
  epoch: z.string(),
  /** Of the journal. */
  lastSeq: z.number(),
  /** As of which entry the state was saved; null: it was not. */
  checkpointSeq: z.number().nullable(),
  /** Stretches of the journal that can't be read. */
  damaged: z.number(),
  files: z.array(
    z.object({ path: z.string().regex(/^(journal|checkpoint)\/data\.mdb$/), bytes: z.number(), sha256: z.string() }),
  ),
  /** Of all the rest: of its JSON, indented by two spaces. */
  sha256: z.string(),
});
export type Manifest = z.infer<typeof manifest>;

/** @returns what was written */
export function writeManifest(dir: string, said: Omit<Manifest, "format" | "sha256">): Manifest {
  const path = join(dir, MANIFEST);
  const rest = { format: FORMAT, ...said } as const;
  const whole = { ...rest, sha256: hashOf(rest) };
  writeFileSync(path, `${printed(whole)}\n`);
  sync(path);
  return whole;
}

function printed(said: object): string {
  return JSON.stringify(said, null, 2);
}

function hashOf(rest: object): string {
  return createHash("sha256").update(printed(rest)).digest("hex");
}

/** @throws AisleError `not-found`, `unsupported` or `corrupt` */
export function readManifest(dir: string): Manifest {
  const path = join(dir, MANIFEST);
  if (!existsSync(path)) throw new AisleError("not-found", `'${dir}' is no backup: it has no ${MANIFEST}`);
  let said: unknown;
  try {
    said = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new AisleError("corrupt", `'${path}' can't be read: ${reasonOf(cause)}`, { cause });
  }
  const { format } = (said ?? {}) as { readonly format?: unknown };
  if (typeof format === "number" && format > FORMAT)
    throw new AisleError(
      "unsupported",
      `the backup has format ${format}; this version reads up to ${FORMAT}: use a newer one`,
    );
  const read = manifest.safeParse(said);
  if (!read.success) throw new AisleError("corrupt", `'${path}' is not as a backup writes it`);
  const { sha256, ...rest } = said as Manifest;
  if (hashOf(rest) !== sha256)
    throw new AisleError("corrupt", `'${path}' was changed since it was written: its checksum is another`);
  if (!read.data.files.some((file) => file.path === "journal/data.mdb"))
    throw new AisleError("corrupt", `'${path}' names no journal among its files: this backup has nothing to restore`);
  return read.data;
}

/** @param told  how many bytes were read, now and then */
export async function sha256(path: string, told: (bytes: number) => void = () => {}): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    hash.update(chunk as Buffer);
    told((chunk as Buffer).length);
  }
  return hash.digest("hex");
}

/** What can't be read of the journal in a data folder, or in a backup. */
export async function damageIn(dir: string): Promise<readonly Damage[]> {
  const store = openStore({ path: join(dir, "journal"), readOnly: true, what: "journal" });
  try {
    return verifyJournal(store).damage;
  } finally {
    await store.close();
  }
}

/** "entry 5: has checksum …, and 2 other stretches" */
export function describeDamage([first, ...others]: readonly Damage[]): string {
  const more =
    others.length === 0 ? "" : `, and ${others.length} other ${others.length === 1 ? "stretch" : "stretches"}`;
  return `${describeCorruption(first!)}${more}`;
}

/** Says on a terminal how far a file is. */
export function fileProgress({ overwrite }: Shell, what: string, path: string, clock: Clock = systemClock) {
  const all = existsSync(path) ? statSync(path).size : 0;
  let read = 0;
  let shown = 0;
  return {
    told(bytes: number): void {
      read += bytes;
      if (overwrite === null || clock.monotonic() - shown < SHOW_EVERY_MS) return;
      shown = clock.monotonic();
      overwrite(`\r${what}  ${Math.floor((100 * read) / Math.max(1, all))} %\x1b[K`);
    },
    done(): void {
      if (shown > 0) overwrite?.("\r\x1b[K");
    },
  };
}

/** The bytes of a file, or the names in a folder, are on the disk. */
export function sync(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** The checkpoint in a data folder, or in a backup; null: there is none that this version reads. */
export async function checkpointIn(
  dir: string,
  journal: { readonly epoch: string; readonly lastSeq: number },
): Promise<Meta | null> {
  const standing = await standingIn(dir, journal);
  return standing.state === "good" ? standing.meta : null;
}

/** Why a start would not use the checkpoint there, in words; null: it would, or there is none. Rows are not looked at. */
export async function unusableIn(
  dir: string,
  journal: { readonly epoch: string; readonly lastSeq: number },
): Promise<string | null> {
  const standing = await standingIn(dir, journal);
  switch (standing.state) {
    case "none":
    case "good":
      return null;
    case "newer":
      return `it has format ${standing.format}, which only a newer version of Aisle reads`;
    case "lost":
      return `it is as of entry ${standing.meta.seq} of the epoch '${standing.meta.epoch}', and the journal ends at ${journal.lastSeq} of '${journal.epoch}'`;
    case "unusable":
      return standing.detail;
  }
}

async function standingIn(
  dir: string,
  journal: { readonly epoch: string; readonly lastSeq: number },
): Promise<Standing> {
  const path = join(dir, "checkpoint");
  if (!existsSync(join(path, "data.mdb"))) return { state: "none" };
  let store: LmdbStore;
  try {
    store = await openBeside(dir, () => openStore(checkpointStore(path, true)));
  } catch (error) {
    if (error instanceof AisleError && error.code === "invalid") return { state: "none" };
    throw error;
  }
  try {
    return new Archive(store).standing(journal);
  } finally {
    await store.close();
  }
}
