// Whether a commit has room on the disk, asked before LMDB is: LMDB's own way to meet a full disk (lmdb-js 3.5.6) prints
// a message that is longer than the memory it has for it, and may take the process with it.
import { statfsSync } from "node:fs";
import type { Write } from "./store.ts";

const PAGE = 4096;
/** Pages that a commit takes besides its values: the way down each tree it touches, and LMDB's list of free ones. */
const COMMIT_PAGES = 64;
/** A value that is no longer, in a commit that removes others, takes no more than they do. */
const NOTE_BYTES = 16;

export interface RoomOptions {
  /** A folder on the disk that is meant. */
  readonly path: string;
  /** Bytes that all tables together may take. */
  readonly mapBytes: number;
  /** Bytes of the disk that stay free, so that something can still be removed. */
  readonly reserveBytes: number;
  /** Bytes that all tables take. */
  readonly used: () => number;
  /** Bytes of the file that nothing lies in any more. */
  readonly reusable: () => number;
}

/** Why a commit has no room. */
export interface Lack {
  readonly of: "map" | "disk";
  readonly why: string;
}

export class Room {
  readonly #options: RoomOptions;
  /** Bytes that may be written before it is looked again how much the tables take. */
  #left = 0;

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  /** Why a commit has no room; null: it has. */
  lacks(writes: readonly Write[]): Lack | null {
    const bytes = bytesOf(writes);
    const map = bytes === null ? null : this.#lacksMap(bytes);
    if (map !== null) return { of: "map", why: map };
    const disk = bytes === null ? this.#lacksToRemove() : this.#lacksDisk(bytes);
    return disk === null ? null : { of: "disk", why: disk };
  }

  /** Is so little free that a write which failed can have failed by that? */
  isTight(writes: readonly Write[]): boolean {
    return this.#free() < (bytesOf(writes) ?? COMMIT_PAGES * PAGE);
  }

  #lacksMap(bytes: number): string | null {
    const { mapBytes, used } = this.#options;
    this.#left -= bytes;
    if (this.#left >= 0) return null;
    this.#left = mapBytes - used() - bytes;
    return this.#left >= 0
      ? null
      : `of the ${mapBytes} bytes that it may take ${Math.max(this.#left + bytes, 0)} are left`;
  }

  /** The file has pages to use again, but perhaps not side by side: what it then takes from the disk has to be there. */
  #lacksDisk(bytes: number): string | null {
    const { reserveBytes, reusable } = this.#options;
    const free = this.#free();
    if (free >= bytes + reserveBytes || (free >= bytes && reusable() >= 2 * bytes)) return null;
    return `${free} bytes are free on its disk, ${bytes} and a reserve of ${reserveBytes} are needed`;
  }

  #lacksToRemove(): string | null {
    const bytes = COMMIT_PAGES * PAGE;
    const free = this.#free();
    if (free >= bytes || this.#options.reusable() >= 2 * bytes) return null;
    return `${free} bytes are free on its disk, and it takes ${bytes} to remove something`;
  }

  #free(): number {
    try {
      const { bavail, bsize } = statfsSync(this.#options.path);
      return bavail * bsize;
    } catch {
      return Number.POSITIVE_INFINITY; // a system that doesn't tell: LMDB will
    }
  }
}

/** Upper bound of what a commit adds to the file; null: it only removes, and at most notes that. */
function bytesOf(writes: readonly Write[]): number | null {
  const notesMax = writes.some(({ value }) => value === null) ? NOTE_BYTES : 0;
  let bytes = 0;
  let isRemoval = true;
  for (const { key, value } of writes) {
    if (value === null) continue;
    bytes += key.length + value.length + PAGE;
    isRemoval &&= value.length <= notesMax;
  }
  return isRemoval ? null : bytes + COMMIT_PAGES * PAGE;
}
