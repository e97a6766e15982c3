// A bucket of keys and values that several nodes share: a port, over JetStream in nats-kv.ts.

/** "away": nobody answers for the bucket; it is looked for on and on. */
export type BucketState = "here" | "away" | "closed";

/** What stands under a key. */
export interface Held {
  /** Null: it was removed, and a mark of that is left. */
  readonly value: string | null;
  /** Of its last change: a whole number from 1 that only grows, the bucket's changes counted through. */
  readonly revision: number;
}

/** Told of the keys of a bucket. Must not throw. */
export interface Watcher {
  /** The bucket is read from its beginning, at first and after each absence: until `current` it says what was. */
  began(): void;
  /**
   * In the order of their revisions, except between `began` and `current`, and without those that are known already.
   *
   * @param value  null: the key was removed
   * @param revision  of the change; 0: it was removed while nobody watched, and no mark of it is left
   */
  changed(key: string, value: string | null, revision: number): void;
  /** All that stood in the bucket when it was read has been told; from now on changes are. */
  current(): void;
}

export interface Watch {
  /** Nothing more is told. Twice is once. */
  stop(): void;
}

/**
 * Keys are tokens joined by dots, as `encodeToken` gives them; values are texts. One value is kept for each key.
 *
 * Each call can reject with an AisleError: `unavailable` when the bucket is away, or did not answer in time, and then a
 * change may have been made or not, and may even be made later; `overloaded` when the bucket is full, or too many
 * requests wait; `too-large`; `invalid` for a bad key.
 */
export interface KeyValue {
  readonly state: BucketState;
  /** Called at each change, not for the state that it is in now. */
  onState(listener: (state: BucketState) => void): void;
  /** Resolves to the revision; null: the key is there. */
  create(key: string, value: string): Promise<number | null>;
  /**
   * Resolves to the new revision; null: the last change of the key is not `revision`.
   *
   * @param revision  of a value, or of the mark of a removed one
   */
  update(key: string, value: string, revision: number): Promise<number | null>;
  /** Whatever stood there. Resolves to the revision. */
  put(key: string, value: string): Promise<number>;
  /** What stands under the key now, after every change that anybody was told has been made; null: nothing, and no mark. */
  get(key: string): Promise<Held | null>;
  /** Leaves a mark. Resolves to the mark's revision; null: the last change of the key is not `revision`. */
  remove(key: string, revision: number): Promise<number | null>;
  /** Takes a mark away, if it is still the last change of the key. Who watches hears nothing of it. */
  forget(key: string, revision: number): Promise<void>;
  /** @param filter  which keys, as in `c.>` */
  watch(filter: string, watcher: Watcher): Watch;
  /** Stops all watches. The connection is somebody else's. Twice is once. */
  close(): Promise<void>;
}

/** Changes a key whose last known change is `revision`; 0: none is known. As `create` and `update`. */
export function swap(kv: KeyValue, key: string, value: string, revision: number): Promise<number | null> {
  return revision === 0 ? kv.create(key, value) : kv.update(key, value, revision);
}
