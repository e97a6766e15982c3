// Table `meta` has these records. `journal`: {"format": 2, "epoch": "…", "createdAt": …}; what changes in it is written with
// the first commit: a journal of an older format is one of this version from then on. `removed`: the last sequence of
// which a commit was removed on purpose, as a key, and XXH32 of that; behind it no sequence may be missing.
// `moved` and a first sequence: a stretch that a repair has moved away, two keys, and XXH32 of both. `excerpt`, one byte:
// it was copied from another journal without what others know of it (`aisle replay --into`).
import type { Clock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import { keyOf, seqOf } from "../key.ts";
import type { Store, Write } from "../store/store.ts";
import { FORMAT } from "./blob.ts";
import { checksum, viewOf } from "./checksum.ts";
import type { Stretch } from "./extent.ts";

/** Tables of the journal: the record; commits under their first sequences (`blob.ts`); positions under their sources. */
export const META = "meta";
export const JOURNAL = "journal";
export const POSITIONS = "positions";

export interface MetaOptions {
  readonly clock: Clock;
  /** So many random bytes; for the epoch. */
  readonly random: (bytes: number) => Uint8Array;
  /** Gives the place a new epoch: after a restore, so that no id given since the backup is given again. */
  readonly renewEpoch?: boolean;
  /** The data folder, for messages. */
  readonly dir?: string;
}

interface Meta {
  readonly format: number;
  readonly epoch: string;
  readonly createdAt: number;
}

const KEY = Buffer.from("journal");
const REMOVED = Buffer.from("removed");
const REMOVED_BYTES = 12;
const MOVED = Buffer.from("moved");
const MOVED_END = Buffer.from("movee");
const MOVED_BYTES = 20;
const EXCERPT = Buffer.from("excerpt");
const EPOCH_BYTES = 5;
/** Without i, l, o and u: nobody misreads an id on the phone. */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/**
 * @returns write: what the first commit has to say besides; null: nothing
 *
 * @throws AisleError `invalid` when the store isn't a journal, `not-found` when there is nothing to read yet,
 *   `unsupported` when a newer version wrote it, `corrupt` when the record is damaged
 */
export function readMeta(store: Store, options: MetaOptions): { readonly epoch: string; readonly write: Write | null } {
  const { clock, random, renewEpoch = false, dir } = options;
  const where = dir === undefined ? "the journal" : `the journal in '${dir}'`;
  const stored = store.get(META, KEY);
  if (stored === null) checkEmpty(store, where);
  const meta = stored === null ? null : parseMeta(stored, where);
  if (meta !== null && store.readOnly) return { epoch: meta.epoch, write: null };
  if (meta?.format === FORMAT && !renewEpoch) return { epoch: meta.epoch, write: null };

  const epoch = meta === null || renewEpoch ? epochOf(random(EPOCH_BYTES)) : meta.epoch;
  const next: Meta = { createdAt: clock.now(), ...meta, format: FORMAT, epoch };
  return { epoch, write: { table: META, key: KEY, value: Buffer.from(JSON.stringify(next)) } };
}

/**
 * For who reads commits without opening the journal: in a newer form they would seem damaged.
 *
 * @throws AisleError `unsupported` when a newer version wrote it, `corrupt` when the record is damaged
 */
export function checkFormat(store: Store): void {
  const stored = store.get(META, KEY);
  if (stored !== null) parseMeta(stored, "the journal");
}

/** What has to be written with a commit in the form of this version, by who has not opened the journal: once. */
export function formatWrites(store: Store): readonly Write[] {
  const stored = store.get(META, KEY);
  const meta = stored === null ? null : parseMeta(stored, "the journal");
  if (meta === null || meta.format === FORMAT) return [];
  return [{ table: META, key: KEY, value: Buffer.from(JSON.stringify({ ...meta, format: FORMAT })) }];
}

/** The last sequence of which a commit was removed on purpose; 0: none was. Infinity: nobody noted it, any may be gone. */
export function removedSeq(store: Pick<Store, "get">): number {
  const stored = store.get(META, REMOVED);
  if (stored === null || stored.length !== REMOVED_BYTES) return Number.POSITIVE_INFINITY;
  return checksum(viewOf(stored), 0, 8) === stored.readUInt32LE(8) ? seqOf(stored) : Number.POSITIVE_INFINITY;
}

/** To be committed with what it speaks of. */
export function removedWrite(seq: number): Write {
  const value = Buffer.alloc(REMOVED_BYTES);
  keyOf(seq).copy(value);
  value.writeUInt32LE(checksum(viewOf(value), 0, 8), 8);
  return { table: META, key: REMOVED, value };
}

/** What repairs have moved away, in order of the first sequences; a note that is damaged is left out. */
export function movedIn(store: Pick<Store, "range">): Stretch[] {
  const moved: Stretch[] = [];
  for (const { value } of store.range(META, { start: MOVED, end: MOVED_END })) {
    if (value.length !== MOVED_BYTES || checksum(viewOf(value), 0, 16) !== value.readUInt32LE(16)) continue;
    moved.push({ firstSeq: seqOf(value), lastSeq: seqOf(value.subarray(8)) });
  }
  return moved;
}

/** To be committed with what it speaks of. */
export function movedWrite({ firstSeq, lastSeq }: Stretch): Write {
  const value = Buffer.alloc(MOVED_BYTES);
  keyOf(firstSeq).copy(value);
  keyOf(lastSeq).copy(value, 8);
  value.writeUInt32LE(checksum(viewOf(value), 0, 16), 16);
  return { table: META, key: Buffer.concat([MOVED, keyOf(firstSeq)]), value };
}

/** Whether it was copied without positions and notes: nobody knows what of it the hub has, or came from a stream. */
export function isExcerpt(store: Pick<Store, "get">): boolean {
  return store.get(META, EXCERPT) !== null;
}

export function excerptWrite(): Write {
  return { table: META, key: EXCERPT, value: Buffer.of(1) };
}

function checkEmpty(store: Store, where: string): void {
  for (const _ of store.range(JOURNAL, { limit: 1 })) {
    throw new AisleError("invalid", `${where} is none: its store was made by something else`);
  }
  if (store.readOnly) throw new AisleError("not-found", `${where} has no entries yet`);
}

function parseMeta(stored: Buffer, where: string): Meta {
  let meta: Partial<Meta>;
  try {
    meta = JSON.parse(stored.toString("utf8")) as Partial<Meta>;
  } catch (cause) {
    throw new AisleError("corrupt", `${where} has a meta record that is no JSON`, { cause });
  }
  const { format, epoch, createdAt } = meta;
  if (typeof format !== "number" || typeof epoch !== "string" || typeof createdAt !== "number") {
    throw new AisleError("corrupt", `${where} has an incomplete meta record`);
  }
  if (format > FORMAT) {
    throw new AisleError(
      "unsupported",
      `${where} has format ${format}; this version of Aisle reads formats up to ${FORMAT}. Use the version that wrote it, or a newer one`,
    );
  }
  return { format, epoch, createdAt };
}

/** Five bits a letter: 5 bytes make 8 letters. */
function epochOf(bytes: Uint8Array): string {
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  let epoch = "";
  for (let left = (bytes.length * 8) / 5; left > 0; left--) {
    epoch = ALPHABET[Number(bits & 31n)]! + epoch;
    bits >>= 5n;
  }
  return epoch;
}
