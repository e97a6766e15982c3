// A place's journal in its data folder:
//
//   <dir>/owner.json      who owns it (owner.ts)
//   <dir>/journal/        the LMDB environment: tables `meta`, `journal` and `positions`, and those of others
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { AisleError } from "../errors.ts";
import { makeFolders } from "../store/folders.ts";
import { openStore } from "../store/lmdb.ts";
import type { Store } from "../store/store.ts";
import { META } from "./meta.ts";
import { takeFolder } from "./owner.ts";
import { StoreJournal, type StoreJournalOptions } from "./store-journal.ts";

export interface JournalOptions extends StoreJournalOptions {
  /** The data folder; made when it isn't there. */
  readonly dir: string;
  /** Reads beside a living owner, takes no ownership, creates nothing. */
  readonly readOnly?: boolean;
  /** Bytes that the store may take; `limits.journalMapBytes` unless given. */
  readonly mapSize?: number;
  /** Bytes of the disk that stay free; `limits.diskReserveBytes` unless given. */
  readonly reserveBytes?: number;
  /** Instead of LMDB: then nothing is looked for in the folder, and nobody owns it. */
  readonly store?: Store;
}

/**
 * Opens the journal of a data folder, and takes the folder for this process (unless `readOnly`).
 *
 * @throws AisleError `conflict` when another process owns the folder, `not-found` when there is nothing to read,
 *   `invalid` when it isn't a journal, `unsupported` when a newer version wrote it
 */
export function openJournal(options: JournalOptions): StoreJournal {
  const { dir, readOnly = false, store } = options;
  if (store !== undefined) return new StoreJournal(store, options);
  if (existsSync(dir) && !statSync(dir).isDirectory()) throw new AisleError("invalid", `'${dir}' is no folder`);
  if (readOnly && !existsSync(join(dir, "journal", "data.mdb"))) {
    throw new AisleError("not-found", `no journal in '${dir}'`);
  }
  if (!readOnly) makeFolders(dir);
  const giveBack = readOnly ? () => {} : takeFolder(dir);
  try {
    return openIn(options, giveBack);
  } catch (error) {
    giveBack();
    throw error;
  }
}

function openIn(options: JournalOptions, closed: () => void): StoreJournal {
  const { dir, readOnly = false, mapSize, reserveBytes } = options;
  const store = openStore({
    ...{ path: join(dir, "journal"), what: "journal", tables: [META], readOnly },
    ...(mapSize === undefined ? {} : { mapSize }),
    ...(reserveBytes === undefined ? {} : { reserveBytes }),
  });
  try {
    return new StoreJournal(store, { ...options, closed });
  } catch (error) {
    void store.close();
    throw error;
  }
}
