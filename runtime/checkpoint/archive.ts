// Checkpoints on disk, in a store of their own. A round writes rows beside those of the rounds before, in as many commits
// as it takes; the record that names the round is written last, and makes all of it count at once. What no round in force
// needs any more is removed after that.
import { crc32 } from "../crc32.ts";
import type { Row, Store, Write } from "../store/store.ts";
import type { LoadedRow, Saved, SavedRow, SavedTable } from "./checkpoint.ts";
import {
  endOf,
  isGone,
  KEY_BYTES_MAX,
  keyIn,
  partOf,
  prefixOf,
  ROUND_BYTES,
  storedKey,
  storedValue,
  valueIn,
} from "./rows.ts";

/** What this version writes, and the newest that it reads. */
export const FORMAT = 1;
const ROWS = "rows";
const META = "meta";
const META_KEY = Buffer.from("checkpoint");
/** Stands in place of the record of a checkpoint that was found damaged at work. */
const CONDEMNED = Buffer.from("damaged");
const MAGIC = 0x43534941; // "AISC"
/** Magic u32, format u16, its complement u16, CRC-32 of what follows u32, all little-endian; then JSON. All formats begin so. */
const META_HEAD = 12;
/** Rows read at a time, and keys: nothing in the store is held in between. */
const FETCH = 8;
const FETCH_KEYS = 128;
/** To look for a row takes as long as to pass so many keys by, about; and as many steps that pass keys by make one. */
const LOOK_COST = 16;
/** Behind every round. */
const ALL_ROUNDS = 0xffff_ffff;
/** Rows removed in one commit. */
const REMOVED = 256;

export interface SavedPart {
  readonly name: string;
  readonly version: number;
  readonly basis: string;
  /** Rows of earlier rounds are void. */
  readonly since: number;
  /** Rows of this round, of a part that always gives all; null: not counted. */
  rows: number | null;
}

/** A complete checkpoint. */
export interface Meta {
  readonly round: number;
  /** The journal's. */
  readonly epoch: string;
  readonly seq: number;
  /** ms since epoch. */
  readonly at: number;
  readonly parts: readonly SavedPart[];
}

export type Standing =
  | { readonly state: "none" }
  | { readonly state: "good"; readonly meta: Meta }
  /** A newer version wrote it. */
  | { readonly state: "newer"; readonly format: number }
  /** It is as of an entry that the journal does not have: behind its end, or of another epoch. */
  | { readonly state: "lost"; readonly meta: Meta }
  | { readonly state: "unusable"; readonly detail: string };

export class Archive {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.#store.bytes(ROWS);
  }

  /** The checkpoint that is there, and whether it is one of this journal. Rows are not looked at. */
  standing({ epoch, lastSeq }: { readonly epoch: string; readonly lastSeq: number }): Standing {
    const stored = this.#store.get(META, META_KEY);
    if (stored === null) return { state: "none" };
    const read = readMeta(stored);
    if (typeof read === "string") return { state: "unusable", detail: read };
    if ("format" in read) return { state: "newer", format: read.format };
    return { state: read.epoch === epoch && read.seq <= lastSeq ? "good" : "lost", meta: read };
  }

  /** What is wrong with the rows of some parts, in words; null: nothing. Reads all of them. */
  damage(parts: readonly SavedPart[], round: number): string | null {
    for (const part of parts) {
      try {
        let rows = 0;
        for (const _ of this.rows(part, round)) rows++;
        if (part.rows !== null && part.rows !== rows) return `'${part.name}' has ${rows} rows of ${part.rows}`;
      } catch (error) {
        return `'${part.name}': ${(error as Error).message}`;
      }
    }
    return null;
  }

  /** The rows of a part as of a round. @throws AisleError `corrupt` */
  *rows(part: SavedPart, round: number, after: Buffer | null = null): Generator<LoadedRow> {
    const { name } = part;
    const from = after === null ? prefixOf(name) : storedKey(name, after, ALL_ROUNDS);
    let youngest: { readonly key: Buffer; readonly stored: Row } | null = null;
    for (const stored of this.#scan(from, endOf(name))) {
      const { key, round: of } = keyIn(stored.key, name);
      if (of < part.since || of > round) continue;
      if (youngest !== null && !youngest.key.equals(key)) yield* loaded(youngest);
      youngest = { key, stored };
    }
    if (youngest !== null) yield* loaded(youngest);
  }

  /** The rows of a part, as of the checkpoint that is in force when they are asked for. */
  table(name: string, inForce: () => Meta): SavedTable {
    const part = () => inForce().parts.find((each) => each.name === name)!;
    return {
      get: (key) => this.#get(part(), inForce().round, key),
      page: (prefix, after, limit) => {
        const rows: LoadedRow[] = [];
        for (const row of this.rows(part(), inForce().round, after)) {
          if (!row.key.subarray(0, prefix.length).equals(prefix)) continue;
          rows.push(row);
          if (rows.length === limit) break;
        }
        return rows;
      },
    };
  }

  #get({ name, since }: SavedPart, round: number, key: Buffer): Buffer | null {
    const start = storedKey(name, key, since);
    const end = storedKey(name, key, round + 1);
    let youngest: Row | null = null;
    for (const stored of this.#store.range(ROWS, { start, end })) youngest = stored;
    return youngest === null ? null : valueIn(youngest.value, youngest.key);
  }

  /** Begins a round. Rows of a round that was left have to be swept before. */
  begin(meta: Omit<Meta, "parts">, before: Meta | null): RoundWriter {
    return new RoundWriter(this.#store, meta, before);
  }

  /**
   * Finds what no checkpoint needs: of rounds that were left or are over. A step for each row; gives what is to be
   * committed, now and then.
   *
   * @param meta  what is in force; null: nothing is
   */
  *sweep(meta: Meta | null): Generator<Write[] | null> {
    const parts = new Map(meta?.parts.map((part) => [part.name, part]));
    const removals = new Removals();
    let before: Buffer | null = null;
    for (const { key: stored, value } of this.#scan()) {
      const name = partOf(stored);
      const { round } = keyIn(stored, name);
      const part = parts.get(name);
      if (part === undefined || round < part.since || round > meta!.round) removals.add(stored);
      else {
        if (before !== null && isOfSameRow(before, stored)) removals.add(before);
        before = stored;
        if (isGone(value)) removals.add(stored);
      }
      yield removals.take();
    }
    yield removals.rest();
  }

  /** The rows of rounds before, of parts that are saved anew each time. As `sweep`, without reading all. */
  *sweepBefore({ parts, round }: Meta): Generator<Write[] | null> {
    const removals = new Removals();
    for (const { name, since } of parts) {
      if (since !== round) continue;
      for (const { key } of this.#scan(prefixOf(name), endOf(name))) {
        if (keyIn(key, name).round < since) removals.add(key);
        yield removals.take();
      }
    }
    yield removals.rest();
  }

  /** The rows that a round has taken the place of, now that it counts. As `sweep`, without reading all. */
  *sweepReplaced({ round, parts }: Meta, written: readonly Written[]): Generator<Write[] | null> {
    const removals = new Removals();
    for (const { part, keys, gone } of written) {
      const { since } = parts.find(({ name }) => name === part)!;
      // Of a part that is whole `sweepBefore` has all rows before.
      const replaced = since === round ? [] : keys === null ? this.#passing(part) : this.#looking(part, keys);
      for (const key of replaced) {
        if (key !== null) removals.add(key);
        yield removals.take();
      }
      // Behind what it hides: never the other way round.
      for (const text of gone) {
        const key = Buffer.from(text, "latin1");
        const value = this.#store.get(ROWS, key);
        if (value !== null && isGone(value)) removals.add(key); // else it was given again, with a value
        yield removals.take();
      }
    }
    yield removals.rest();
  }

  /** Rows of a part that a younger one hides: all keys are passed by. */
  *#passing(part: string): Generator<Buffer | null> {
    let before: Buffer | null = null;
    let passed = 0;
    for (const key of this.#scanKeys(prefixOf(part), endOf(part))) {
      if (before !== null && isOfSameRow(before, key)) yield before;
      else if (++passed % LOOK_COST === 0) yield null;
      before = key;
    }
  }

  /** The same, for few: each is looked for. */
  *#looking(part: string, keys: readonly string[]): Generator<Buffer | null> {
    for (const text of keys) {
      const end = Buffer.from(text, "latin1");
      const start = storedKey(part, keyIn(end, part).key, 0);
      yield* [...this.#store.keys(ROWS, { start, end })];
      yield null;
    }
  }

  commit(writes: readonly Write[]): Promise<void> {
    return this.#store.commit(writes);
  }

  /** There is no checkpoint any more. */
  forget(): Promise<void> {
    return this.#store.commit([{ table: META, key: META_KEY, value: null }]);
  }

  /** It is not used any more, and the next start hears that there was one. A full disk has room for it as for `forget`. */
  condemn(): Promise<void> {
    const record = { table: META, key: META_KEY };
    // As a removal that is noted it may take of the reserve: see `Room`.
    return this.#store.commit([
      { ...record, value: null },
      { ...record, value: CONDEMNED },
    ]);
  }

  /**
   * What was saved under one epoch is under another from now on: the journal was restored together with it. What is no
   * state of that journal stays as it is, and a start tells of it.
   *
   * @param journal  as it was before
   */
  async adopt(journal: { readonly epoch: string; readonly lastSeq: number }, epoch: string): Promise<void> {
    const standing = this.standing(journal);
    if (standing.state === "good") await this.#store.commit([metaWrite({ ...standing.meta, epoch })]);
  }

  *#scan(from?: Buffer, end?: Buffer): Generator<Row> {
    let start = from;
    for (;;) {
      const options = { ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) };
      const rows = [...this.#store.range(ROWS, { ...options, limit: FETCH })];
      yield* rows;
      if (rows.length < FETCH) return;
      start = behind(rows.at(-1)!.key);
    }
  }

  *#scanKeys(from: Buffer, end: Buffer): Generator<Buffer> {
    let start = from;
    for (;;) {
      const keys = [...this.#store.keys(ROWS, { start, end, limit: FETCH_KEYS })];
      yield* keys;
      if (keys.length < FETCH_KEYS) return;
      start = behind(keys.at(-1)!);
    }
  }
}

/** The first key behind another. */
function behind(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.alloc(1)]);
}

function isOfSameRow(a: Buffer, b: Buffer): boolean {
  return a.subarray(0, -ROUND_BYTES).equals(b.subarray(0, -ROUND_BYTES));
}

/** Gathers rows that go, so that a commit removes some. */
class Removals {
  #writes: Write[] = [];

  add(key: Buffer): void {
    this.#writes.push({ table: ROWS, key, value: null });
  }

  /** What is to be committed; null: not yet. */
  take(): Write[] | null {
    return this.#writes.length < REMOVED ? null : this.rest();
  }

  rest(): Write[] | null {
    const writes = this.#writes;
    this.#writes = [];
    return writes.length === 0 ? null : writes;
  }
}

function* loaded({ key, stored }: { readonly key: Buffer; readonly stored: Row }): Generator<LoadedRow> {
  const value = valueIn(stored.value, stored.key);
  if (value !== null) yield { key, value };
}

/** What a round wrote of one part. Keys are as they are stored, as latin1: a `Buffer` would keep values that lie beside it. */
export interface Written {
  /** Its name. */
  readonly part: string;
  /** None of a part that is whole: it hides all that was there. Null: so many that all keys are looked through instead. */
  keys: string[] | null;
  /** Those of rows that have gone. */
  readonly gone: string[];
  /** Keys and values. */
  bytes: number;
}

/** Writes one round. */
export class RoundWriter {
  readonly #store: Store;
  readonly #meta: Omit<Meta, "parts">;
  readonly #before: Meta | null;
  readonly #parts: SavedPart[] = [];
  #writes: Write[] = [];
  /** Bytes that wait for `flush`. */
  waiting = 0;
  /** Of the part that was begun last. */
  #whole = true;
  readonly #written: Written[] = [];

  constructor(store: Store, meta: Omit<Meta, "parts">, before: Meta | null) {
    this.#store = store;
    this.#meta = meta;
    this.#before = before;
  }

  /** Begins a part. @returns whether all its rows have to be given */
  part({ name, version, basis, alwaysWhole = false, isNew = false }: Saved): boolean {
    const before = this.#before?.parts.find((part) => part.name === name);
    const rests = before !== undefined && before.version === version && before.basis === basis;
    const whole = alwaysWhole || isNew || !rests;
    const since = whole ? this.#meta.round : before.since;
    this.#whole = whole;
    this.#parts.push({ name, version, basis, since, rows: alwaysWhole ? 0 : null });
    this.#written.push({ part: name, keys: [], gone: [], bytes: 0 });
    return whole;
  }

  /** A row of the part that was begun last. */
  put({ key, value }: SavedRow): void {
    if (key.length > KEY_BYTES_MAX)
      throw new RangeError(`a row's key has ${key.length} bytes, at most ${KEY_BYTES_MAX}`);
    const part = this.#parts.at(-1)!;
    const written = this.#written.at(-1)!;
    const stored = storedKey(part.name, key, this.#meta.round);
    const bytes = storedValue(stored, value);
    if (part.rows !== null) part.rows++;
    const text = stored.toString("latin1");
    if (!this.#whole) written.keys?.push(text);
    if (value === null) written.gone.push(text);
    this.#writes.push({ table: ROWS, key: stored, value: bytes });
    this.waiting += stored.length + bytes.length;
    written.bytes += stored.length + bytes.length;
  }

  async flush(): Promise<void> {
    const writes = this.#writes;
    this.#writes = [];
    this.waiting = 0;
    if (writes.length > 0) await this.#store.commit(writes);
    const written = this.#written.at(-1);
    if (written !== undefined && written.bytes * LOOK_COST > this.#store.bytes(ROWS)) written.keys = null;
  }

  /** What was given counts from now on; what it replaces goes with the sweep. */
  async finish(): Promise<{ readonly meta: Meta; readonly written: readonly Written[] }> {
    const meta: Meta = { ...this.#meta, parts: this.#parts };
    await this.flush();
    await this.#store.commit([metaWrite(meta)]);
    return { meta, written: this.#written };
  }
}

function metaWrite(meta: Meta): Write {
  const json = Buffer.from(JSON.stringify(meta));
  const value = Buffer.alloc(META_HEAD + json.length);
  value.writeUInt32LE(MAGIC, 0);
  value.writeUInt16LE(FORMAT, 4);
  value.writeUInt16LE(~FORMAT & 0xffff, 6);
  value.writeUInt32LE(crc32(json, 0, json.length), 8);
  value.set(json, META_HEAD);
  return { table: META, key: META_KEY, value };
}

function readMeta(stored: Buffer): Meta | { readonly format: number } | string {
  if (stored.equals(CONDEMNED)) return "it was found damaged while the place ran";
  if (stored.length < META_HEAD || stored.readUInt32LE(0) !== MAGIC) return "its record is none of a checkpoint";
  const format = stored.readUInt16LE(4);
  if (stored.readUInt16LE(6) !== (~format & 0xffff)) return "its record has a damaged format";
  if (format > FORMAT) return { format };
  if (crc32(stored, META_HEAD, stored.length) !== stored.readUInt32LE(8)) return "its record has a wrong checksum";
  return JSON.parse(stored.toString("utf8", META_HEAD)) as Meta;
}
