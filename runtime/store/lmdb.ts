// The port on LMDB: an environment in a folder of its own, a database in it for each table.
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Database, open, type RootDatabase } from "lmdb";
import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";
import { makeFolders } from "./folders.ts";
import { faultIn } from "./lmdb-file.ts";
import { type Lack, Room } from "./room.ts";
import { MapFull, type RangeOptions, type Row, type Store, type Write } from "./store.ts";

export interface LmdbStoreOptions {
  /** A folder of its own; made when it isn't there. */
  readonly path: string;
  /** Reads beside the process that writes; creates nothing. */
  readonly readOnly?: boolean;
  /** Bytes that the tables may take: past that a commit is refused with `full`, unless it only removes. */
  readonly mapSize?: number;
  /** Bytes of the disk that stay free; `limits.diskReserveBytes` unless given. */
  readonly reserveBytes?: number;
  /** Opened at once. In a store that isn't new the first one has to be there. Others are opened when they are used. */
  readonly tables?: readonly string[];
  /** What it holds, for messages: "journal". */
  readonly what?: string;
}

type Root = RootDatabase<Buffer, Buffer>;
type Table = Database<Buffer, Buffer>;

interface TreeStats {
  readonly pageSize: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

interface EnvironmentStats {
  readonly root: TreeStats;
  /** LMDB's list of free pages. */
  readonly free: TreeStats;
  readonly lastPageNumber: number;
}

const BINARY = { encoding: "binary", keyEncoding: "binary" } as const;
const TABLES_MAX = 32;
/** What LMDB says, and the system: no room. */
const MAP_FULL = -30_792;
const DISK_FULL = [28, 122]; // ENOSPC, EDQUOT
const EIO = 5;
const NOTHING = (): void => {};

/**
 * @throws AisleError `not-found` when there is nothing to read, `invalid` when the folder holds something else
 */
export function openStore(options: LmdbStoreOptions): LmdbStore {
  const { path, readOnly = false, what = "store" } = options;
  checkFolder(path, readOnly, what);
  if (!readOnly) makeFolders(path, 0o700);
  const root = openRoot(options, what);
  try {
    return new LmdbStore(root, options);
  } catch (error) {
    void root.close();
    throw error;
  }
}

export class LmdbStore implements Store {
  readonly readOnly: boolean;
  readonly #root: Root;
  readonly #what: string;
  readonly #room: Room;
  readonly #tables = new Map<string, Table>();
  /** That each table took when it was asked last. */
  readonly #bytes = new Map<string, number>();
  #last: Promise<unknown> = Promise.resolve();
  /** The last that has begun. */
  #underWay: Promise<unknown> = Promise.resolve();
  #holds = 0;
  /** Commits that wait until nobody holds them. */
  #held: (() => void)[] = [];
  #closed: Promise<void> | null = null;
  #gone = false;

  constructor(root: Root, options: LmdbStoreOptions) {
    const { path, readOnly = false, tables = [], what = "store" } = options;
    this.#root = root;
    this.#what = what;
    this.readOnly = readOnly;
    this.#room = new Room({
      path,
      mapBytes: options.mapSize ?? limits.journalMapBytes,
      reserveBytes: options.reserveBytes ?? limits.diskReserveBytes,
      used: () => this.#usedBytes(),
      reusable: () => this.#reusableBytes(),
    });
    const names = namesIn(root);
    checkTables(names, options);
    for (const name of new Set([...names, ...tables])) this.#table(name);
  }

  get(table: string, key: Buffer): Buffer | null {
    const database = this.#read(table);
    if (database === null) return null;
    database.resetReadTxn();
    return database.getBinary(key) ?? null;
  }

  *range(table: string, options: RangeOptions = {}): Generator<Row> {
    const database = this.#read(table);
    if (database === null) return;
    database.resetReadTxn();
    for (const { key, value } of database.getRange(options)) yield { key, value };
  }

  *keys(table: string, options: RangeOptions = {}): Generator<Buffer> {
    const database = this.#read(table);
    if (database === null) return;
    database.resetReadTxn();
    yield* database.getKeys({ ...options }); // lmdb-js writes into them
  }

  commit(writes: readonly Write[]): Promise<void> {
    try {
      this.#checkTakes(writes);
    } catch (error) {
      return Promise.reject(error);
    }
    if (writes.length === 0) return Promise.resolve();
    this.#last = this.#holds === 0 ? this.#begin(writes) : this.#released().then(() => this.#begin(writes));
    return this.#last.then(NOTHING, (error) => this.#failed(error, writes));
  }

  async hold(): Promise<() => void> {
    this.#holds++;
    await this.#underWay.catch(NOTHING);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      if (--this.#holds === 0) for (const goOn of this.#held.splice(0)) goOn();
    };
  }

  bytes(table: string): number {
    const database = this.#read(table);
    if (database === null) return 0;
    try {
      this.#bytes.set(table, treeBytes(database.getStats() as TreeStats));
    } catch {
      // After a fatal error LMDB tells nothing, until it is opened again: what it told last holds.
    }
    return this.#bytes.get(table) ?? 0;
  }

  async copyTo(dir: string): Promise<void> {
    this.#checkOpen();
    await this.#root.backup(dir, false);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#last.catch(NOTHING); // commits end in order
    this.#gone = true;
    await this.#root.close();
  }

  /** lmdb-js ends the process when a closed environment is read or written: never let it come to that. */
  #checkOpen(): void {
    if (this.#gone) throw new AisleError("unavailable", `the ${this.#what} is closed`);
  }

  #read(name: string): Table | null {
    this.#checkOpen();
    return this.#table(name);
  }

  /** Null: it isn't there, and can't be made. */
  #table(name: string): Table | null {
    const known = this.#tables.get(name);
    if (known !== undefined) return known;
    const opened = this.#root.openDB<Buffer, Buffer>({ name, ...BINARY }) as Table | undefined;
    if (opened !== undefined) this.#tables.set(name, opened);
    return opened ?? null;
  }

  #checkTakes(writes: readonly Write[]): void {
    if (this.#closed !== null) throw new AisleError("unavailable", `the ${this.#what} is closed`);
    if (this.readOnly) throw new AisleError("unavailable", `the ${this.#what} is open for reading only`);
    const lacks = this.#room.lacks(writes);
    if (lacks !== null) throw this.#full(lacks);
  }

  async #failed(error: unknown, writes: readonly Write[]): Promise<never> {
    const cause = await causeOf(error);
    const why = messageOf(cause);
    const of = this.#lackOf(cause, writes);
    throw of === null ? new AisleError("unavailable", why, { cause }) : this.#full({ of, why }, cause);
  }

  #released(): Promise<void> {
    return new Promise((resolve) => this.#held.push(resolve));
  }

  #begin(writes: readonly Write[]): Promise<unknown> {
    this.#underWay = this.#write(writes);
    return this.#underWay;
  }

  /**
   * Without event turn batching, lmdb-js starts a transaction at the next `setImmediate`, or at once when more than
   * `txnStartThreshold` operations wait. The begin of a block is one, so several writes start at once by themselves;
   * after a lone write the empty block is the second one. Open loop of 2,000 appends a second, interleaved: p50
   * 0.07 ms (6 %) lower in eight rounds of eight.
   */
  #write(writes: readonly Write[]): Promise<unknown> {
    const first = this.#table(writes[0]!.table)!;
    if (writes.length === 1) {
      const written = put(first, writes[0]!);
      first.batch(NOTHING).catch(NOTHING); // fails when the put does, which tells
      return written;
    }
    const tables = writes.map(({ table }) => this.#table(table)!);
    return first.batch(() => {
      for (const [i, write] of writes.entries()) void put(tables[i]!, write);
    });
  }

  #usedBytes(): number {
    let bytes = 0;
    for (const name of this.#tables.keys()) bytes += this.bytes(name);
    return bytes;
  }

  /** What of the file is in no tree. */
  #reusableBytes(): number {
    const { root, free, lastPageNumber } = this.#root.getStats() as unknown as EnvironmentStats;
    return lastPageNumber * root.pageSize - this.#usedBytes() - treeBytes(root) - treeBytes(free);
  }

  /** LMDB calls a write that was cut short an EIO: on a full disk it is that. */
  #lackOf(cause: unknown, writes: readonly Write[]): Lack["of"] | null {
    const code = Number((cause as { readonly code?: unknown }).code);
    if (code === MAP_FULL) return "map";
    return DISK_FULL.includes(code) || (code === EIO && this.#room.isTight(writes)) ? "disk" : null;
  }

  #full({ of, why }: Lack, cause?: unknown): AisleError {
    const message = `the ${this.#what} has no room: ${why}`;
    return of === "map" ? new MapFull(message, { cause }) : new AisleError("full", message, { cause });
  }
}

function treeBytes(stats: TreeStats): number {
  return (stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages) * stats.pageSize;
}

function put(table: Table, { key, value }: Write): Promise<boolean> {
  return value === null ? table.remove(key) : table.put(key, value);
}

/** lmdb-js rejects with "Commit failed", and the reason in a promise beside it. */
async function causeOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<never> };
  return commitError === undefined ? error : commitError.catch((cause: unknown) => cause);
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function openRoot({ path, readOnly = false, mapSize }: LmdbStoreOptions, what: string): Root {
  try {
    return open<Buffer, Buffer>(path, {
      ...BINARY,
      maxDbs: TABLES_MAX,
      mapSize: mapSize ?? limits.journalMapBytes,
      readOnly,
      // LMDB's own way: fdatasync, then the meta page by O_DSYNC, and only then can anybody see the commit. The
      // overlapping kind shows commits before they are synced, and gains nothing with one commit in flight: p50 of
      // a lone 400-byte put, interleaved, 0.46 ms with it and 0.42 ms without, a bare write + fdatasync 0.33 ms.
      overlappingSync: false,
      // Who commits groups by itself; lmdb-js need not wait for the end of the event turn to do it again. See
      // `LmdbStore` for the second half of this.
      eventTurnBatching: false,
      ...{ txnStartThreshold: 1 }, // read by lmdb-js, missing in its types
    });
  } catch (cause) {
    throw new AisleError("invalid", `'${path}' is no ${what}: ${messageOf(cause)}`, { cause });
  }
}

function checkFolder(path: string, readOnly: boolean, what: string): void {
  if (existsSync(path) && !statSync(path).isDirectory()) throw new AisleError("invalid", `'${path}' is no folder`);
  const file = join(path, "data.mdb");
  if (existsSync(file)) {
    // LMDB made an empty one, and was ended before it wrote.
    if (statSync(file).size === 0 && !readOnly) return;
    const fault = faultIn(file);
    if (fault !== null)
      throw new AisleError("invalid", `'${path}' is no ${what}: its 'data.mdb' ${fault}${remedyOf(what)}`);
    return;
  }
  if (readOnly) throw new AisleError("not-found", `no ${what} in '${path}'`);
  if (existsSync(path) && readdirSync(path).some((name) => name !== "lock.mdb")) {
    throw new AisleError("invalid", `'${path}' is no ${what}: it has files, but no 'data.mdb' among them`);
  }
}

/** Of a journal there is no second copy on the disk; what else there is can be made of it again. */
function remedyOf(what: string): string {
  return what === "journal" ? ". Move the data folder aside, and make one of a backup with 'aisle restore'" : "";
}

/** LMDB lists its databases in the unnamed one, by their names, which lmdb-js ends with a zero byte. */
function namesIn(root: Root): string[] {
  return [...root.getKeys()].map((name) => Buffer.from(name).toString("utf8").replace(/\0$/, ""));
}

function checkTables(names: readonly string[], options: LmdbStoreOptions): void {
  const { path, readOnly = false, tables = [], what = "store" } = options;
  const [first] = tables;
  if (first === undefined || names.includes(first) || (names.length === 0 && !readOnly)) return;
  throw new AisleError("invalid", `'${path}' is no ${what}: its LMDB environment was made by something else`);
}
