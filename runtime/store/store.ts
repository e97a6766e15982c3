// The port to what lasts: tables of bytes that change together or not at all. LMDB behind it in a place (`lmdb.ts`).
import { AisleError } from "../errors.ts";

export interface Row {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** One change of a commit. */
export interface Write {
  readonly table: string;
  readonly key: Buffer;
  /** Null: the key goes. */
  readonly value: Buffer | null;
}

export interface RangeOptions {
  /** The first key; in reverse the last one, itself included. Missing: from the end of the table. */
  readonly start?: Buffer;
  /** Behind the last key; in reverse before the first. */
  readonly end?: Buffer;
  readonly reverse?: boolean;
  readonly limit?: number;
}

/** Keys are ordered by their bytes, and have at most 1,978 of them. */
export interface Store {
  readonly readOnly: boolean;
  /** As of the last commit; a buffer that nobody else holds. Null: not there. */
  get(table: string, key: Buffer): Buffer | null;
  range(table: string, options?: RangeOptions): Iterable<Row>;
  /** As `range`, and values are not read. */
  keys(table: string, options?: RangeOptions): Iterable<Buffer>;
  /**
   * All of it or nothing, in the order of the calls. Resolves once it is on disk. Keys and values are taken by
   * reference: don't touch them before.
   *
   * @throws AisleError `full` when the disk or the map (`MapFull`) has no room, and nothing has changed: the same may
   *   be tried again; `unavailable` when it can't be known what is on disk: the store has to be opened anew
   */
  commit(writes: readonly Write[]): Promise<void>;
  /** What a table takes on disk, in bytes; freed pages not counted. */
  bytes(table: string): number;
  /** A whole copy as of one commit, in a folder that is there and empty, while others go on writing. */
  copyTo(dir: string): Promise<void>;
  /** Resolves once no commit is under way; none begins until what is returned is called. Reading goes on. */
  hold(): Promise<() => void>;
  /** Writes what was handed over, then closes. Twice is once. */
  close(): Promise<void>;
}

/** `full`: the tables take all that they may together, whatever the disk has free. */
export class MapFull extends AisleError {
  override name = "MapFull";

  constructor(message: string, options?: ErrorOptions) {
    super("full", message, options);
  }
}
