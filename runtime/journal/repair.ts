// What is damaged in a journal, and how it becomes readable again: damaged stretches become dead letters, byte for byte,
// and their commits are written again with what is whole. Done by a person, while no place is at work on the folder.
import { keyOf, seqOf } from "../key.ts";
import { limits } from "../limits.ts";
import type { Row, Store } from "../store/store.ts";
import { BLOB_HEADER, type BlobHeader, BlobReader, BlobWriter, type Corruption, readHeader } from "./blob.ts";
import { describeCorruption } from "./cursor.ts";
import type { Stretch } from "./extent.ts";
import { checkFormat, formatWrites, JOURNAL, movedIn, movedWrite } from "./meta.ts";
import { Succession } from "./succession.ts";

/** A stretch that can't be read. */
export interface Damage extends Corruption {
  /** First sequence of the commit that it lies in; what is missing counts as one of its own. */
  readonly commit: number;
  /** The stretch as it lies on the disk, and where in its commit; no bytes: it was cut off, or is missing. */
  readonly bytes: Buffer;
  readonly offset: number;
}

export interface Verified {
  readonly commits: number;
  /** Whole ones. */
  readonly entries: number;
  readonly damage: readonly Damage[];
  /** Of it, what a repair would note: see `notable`. */
  readonly notable: readonly Stretch[];
}

export interface Repaired {
  /** What was moved to the dead letters. */
  readonly damage: readonly Damage[];
  /** Ids of the letters: a stretch longer than a letter may be takes several. */
  readonly letters: readonly number[];
  /** Commits that were written again, or in the place of others. */
  readonly commits: number;
}

/** Where damaged stretches go: what `DeadLetters.addDurable` takes. */
export interface CorruptLetters {
  addDurable(letter: {
    readonly code: string;
    readonly detail: string;
    readonly where: { readonly source: string; readonly offset: number };
    readonly seq: number;
    readonly principal: string;
    readonly subject: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly payload: Uint8Array;
  }): Promise<number>;
}

/** Commits read at a time. */
const FETCH = 8;

/** Reads all of it, checksums included. @throws AisleError `unsupported`, `corrupt`: see `checkFormat` */
export function verifyJournal(store: Store): Verified {
  const damage: Damage[] = [];
  const notes: Stretch[] = [];
  const moved = movedIn(store);
  let commits = 0;
  let entries = 0;
  for (const [row, beforeSeq, missing] of commitsOf(store)) {
    const commit = inspect(row, beforeSeq);
    if (missing !== null) damage.push(missing);
    commits++;
    entries += commit.entries;
    damage.push(...commit.damage);
    if (missing !== null) notes.push(missing);
    notes.push(...notable(row, commit.damage, moved));
  }
  return { commits, entries, damage, notable: notes };
}

/**
 * Moves all that is damaged to the dead letters, with the code `corrupt`; of what is missing a letter tells, and a commit
 * without entries takes its place. What is whole stays as it is, under its sequence; no sequence is given again. May be done again after it was cut off: then some letters are there twice.
 *
 * @throws AisleError `unsupported`, `corrupt`: see `checkFormat`
 */
export async function repairJournal(store: Store, letters: CorruptLetters): Promise<Repaired> {
  const repaired = { damage: [] as Damage[], letters: [] as number[], commits: 0 };
  let before: BlobHeader | null = null;
  const moved = movedIn(store);
  const replace = async (
    damage: readonly Damage[],
    notes: readonly Stretch[],
    key: Buffer,
    value: Buffer,
  ): Promise<void> => {
    for (const each of damage)
      for (const letter of lettersOf(each)) repaired.letters.push(await letters.addDurable(letter));
    await store.commit([...formatWrites(store), ...notes.map(movedWrite), { table: JOURNAL, key, value }]);
    repaired.damage.push(...damage);
    repaired.commits++;
  };
  for (const [row, beforeSeq, missing] of commitsOf(store)) {
    if (missing !== null) await replace([missing], [missing], keyOf(missing.firstSeq), emptyCommit(missing, before));
    const { damage } = inspect(row, beforeSeq);
    let { value } = row;
    if (damage.length > 0) {
      value = withoutDamage(row, beforeSeq, before);
      await replace(damage, notable(row, damage, moved), row.key, value);
    }
    before = readHeader(value) as BlobHeader;
  }
  return repaired;
}

/** In order, each with the first sequence of the one that follows, Infinity: none does; and with what is missing before it. */
function* commitsOf(store: Store): Generator<readonly [Row, number, Damage | null]> {
  checkFormat(store);
  const succession = new Succession(store);
  const told = (row: Row, beforeSeq: number): readonly [Row, number, Damage | null] => {
    const missing = succession.missing(seqOf(row.key));
    const header = readHeader(row.value);
    succession.passed(typeof header === "string" ? beforeSeq - 1 : header.lastSeq);
    return [row, beforeSeq, missing && { ...missing, commit: missing.firstSeq, offset: 0, bytes: Buffer.alloc(0) }];
  };
  let start = keyOf(0);
  for (let last: Row | null = null; ; ) {
    const rows = [...store.range(JOURNAL, { start, limit: FETCH })];
    for (const row of rows) {
      if (last !== null) yield told(last, seqOf(row.key));
      last = row;
    }
    if (rows.length < FETCH) {
      if (last !== null) yield told(last, Number.POSITIVE_INFINITY);
      return;
    }
    start = keyOf(seqOf(last!.key) + 1);
  }
}

function inspect({ key, value }: Row, beforeSeq: number): { readonly entries: number; readonly damage: Damage[] } {
  const damage: Damage[] = [];
  const found: Corruption[] = [];
  const commit = seqOf(key);
  const reader = new BlobReader((corruption) => found.push(corruption));
  const tell = (start: number, end: number): void => {
    for (const corruption of found.splice(0)) {
      damage.push({ ...corruption, commit, offset: start, bytes: value.subarray(start, end) });
    }
  };
  reader.open(value, commit, beforeSeq);
  tell(0, BLOB_HEADER);
  let entries = 0;
  let end = BLOB_HEADER;
  while (reader.next()) {
    tell(end, reader.entryStart);
    end = reader.entryEnd;
    entries++;
  }
  tell(end, value.length);
  return { entries, damage };
}

/**
 * What of the damage in a commit is a loss of its own, for `extentOf`. Where retention removed entries of it nobody knows
 * which of them the damaged stretch had; nor where the header is damaged, which would tell how many there were.
 *
 * @param moved  what was noted before
 */
function notable({ value }: Row, damage: readonly Damage[], moved: readonly Stretch[]): readonly Stretch[] {
  const header = readHeader(value);
  if (damage.length === 0 || typeof header === "string") return [];
  const { firstSeq, lastSeq, count } = header;
  let accounted = count;
  let next = firstSeq;
  for (const each of moved) {
    const from = Math.max(next, each.firstSeq);
    next = Math.max(next, Math.min(each.lastSeq, lastSeq) + 1);
    accounted += Math.max(0, next - from);
  }
  return accounted === lastSeq - firstSeq + 1 ? damage : [];
}

/** The commit with its whole entries only. */
function withoutDamage({ key, value }: Row, beforeSeq: number, before: BlobHeader | null): Buffer {
  const reader = new BlobReader(() => {});
  const writer = new BlobWriter(Math.max(value.length - BLOB_HEADER, 0));
  const firstSeq = seqOf(key);
  let [lastSeq, lastAt] = [0, before?.lastAt ?? 0];
  reader.open(value, firstSeq, beforeSeq);
  while (reader.next()) {
    writer.copy(reader);
    lastSeq = reader.seq;
    lastAt = Math.max(lastAt, reader.receivedAt);
  }
  const header = readHeader(value);
  if (typeof header !== "string") return writer.finish(header);
  // How many sequences it gave, its header alone could tell: as many as it can have had.
  const most = Number.isFinite(beforeSeq) ? beforeSeq - 1 : firstSeq + limits.commitEntries - 1;
  return writer.finish({ firstSeq, lastSeq: Math.max(lastSeq, most), appliedSeq: before?.appliedSeq ?? 0, lastAt });
}

/** Stands for sequences that were given, and of which nothing is left. */
function emptyCommit({ firstSeq, lastSeq }: Damage, before: BlobHeader | null): Buffer {
  return new BlobWriter(0).finish({
    ...{ firstSeq, lastSeq },
    ...{ appliedSeq: before?.appliedSeq ?? 0, lastAt: before?.lastAt ?? 0 },
  });
}

function* lettersOf(damage: Damage): Generator<Parameters<CorruptLetters["addDurable"]>[0]> {
  const { firstSeq, lastSeq, bytes, offset, commit } = damage;
  for (let from = 0; from === 0 || from < bytes.length; from += limits.deadLetterBytes) {
    yield {
      code: "corrupt",
      detail: describeCorruption(damage),
      where: { source: "journal", offset: offset + from },
      seq: firstSeq,
      principal: "journal",
      subject: "journal",
      headers: { commit: String(commit), "first-seq": String(firstSeq), "last-seq": String(lastSeq) },
      payload: bytes.subarray(from, from + limits.deadLetterBytes),
    };
  }
}
