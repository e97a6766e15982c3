import { renameSync, rmSync } from "node:fs";
import { AisleError } from "../errors.ts";
import type { Extent } from "../journal/extent.ts";
import { limits } from "../limits.ts";
import type { Store } from "../store/store.ts";

/** As a machine opens a store. */
export interface StoreOptions {
  readonly path: string;
  readonly what: string;
  readonly tables: readonly string[];
  readonly mapSize: number;
  readonly reserveBytes?: number;
  readonly readOnly?: boolean;
}

/** What a store of checkpoints is opened with. @param path  a folder of its own */
export function checkpointStore(path: string, readOnly = false): StoreOptions {
  return {
    ...{ path, what: "checkpoint", tables: ["meta", "rows"], readOnly },
    ...{ mapSize: limits.checkpointMapBytes, reserveBytes: limits.checkpointReserveBytes },
  };
}

/**
 * Opens the store; what lies there and is none is put aside, as the journal says the same.
 *
 * @param warn  told of it
 * @param journal  how much it has
 * @throws AisleError `corrupt` when the journal says less
 */
export function openCheckpointStore(
  path: string,
  open: (options: StoreOptions) => Store,
  warn: (sentence: string) => void,
  journal: () => Extent,
): Store {
  const options = checkpointStore(path);
  try {
    return open(options);
  } catch (error) {
    if (!(error instanceof AisleError && error.code === "invalid")) throw error;
    if (journal() === "some") throw irreplaceable(error.message);
    const aside = `${path}.unusable`;
    rmSync(aside, { recursive: true, force: true });
    renameSync(path, aside);
    warn(`the checkpoint can't be used: ${error.message}. It is '${aside}' now, and the journal is replayed`);
    return open(options);
  }
}

/** Refuses to go on without a checkpoint that knows what the journal no longer does. @param detail  what is wrong with it */
export function irreplaceable(detail: string): AisleError {
  return new AisleError(
    "corrupt",
    `the checkpoint in the data folder can't be used: ${detail}; and the journal no longer has all entries, so that the state can't be made of it again: restore a backup with 'aisle restore'; or, to go on with what the journal has, move the folder 'checkpoint' away`,
  );
}
