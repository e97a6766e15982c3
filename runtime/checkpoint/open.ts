import { renameSync, rmSync } from "node:fs";
import { AisleError } from "../errors.ts";
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

/** Opens the store; what lies there and is none is put aside, as the journal says the same. @param warn  told of it */
export function openCheckpointStore(
  path: string,
  open: (options: StoreOptions) => Store,
  warn: (sentence: string) => void,
): Store {
  const options = checkpointStore(path);
  try {
    return open(options);
  } catch (error) {
    if (!(error instanceof AisleError && error.code === "invalid")) throw error;
    const aside = `${path}.unusable`;
    rmSync(aside, { recursive: true, force: true });
    renameSync(path, aside);
    warn(`the checkpoint can't be used: ${error.message}. It is '${aside}' now, and the journal is replayed`);
    return open(options);
  }
}
