// What is saved of a place's state, part by part: the board, the ids seen, the specs at work. A checkpoint is the state as of
// a sequence of the journal; a start loads it and replays what follows.

/** A piece of a part's state. */
export interface SavedRow {
  /** Names the row within its part; at most 1,024 bytes. */
  readonly key: Buffer;
  /** At most `limits.checkpointRowBytes`. Taken by reference: not to be touched any more. Null: there is no such row any more. */
  readonly value: Buffer | null;
}

/** A part's share in one checkpoint. */
export interface Round {
  /** The state to be saved is that of this entry, or a later one that is on disk: what follows is applied again. */
  readonly seq: number;
  /** False: rows that are not given stay as they were saved before. True: there are none, all have to be given. */
  readonly whole: boolean;
}

/** A part of the state that can be saved and loaded. */
export interface Saved {
  /** Lower-case letters. */
  readonly name: string;
  /** Of the rows' form, and of what entries do to the state. What another version saved is not loaded. */
  readonly version: number;
  /** What the state rests on beside the entries, such as the hash of a spec. What was saved with another is not loaded. */
  readonly basis: string;
  /** It always gives all rows: those of earlier rounds are void. */
  readonly alwaysWhole?: boolean;
  /** Nothing of it was loaded, or kept: what was saved under its name and basis is another one's, and void. */
  readonly isNew?: boolean;
  /** The first entry that is needed beside what was kept; missing: the one behind `Round.seq`. 0: all are. */
  readonly neededSeq?: number;
  /**
   * Gives the rows, a little work at a time: between two steps everybody else has their turn, and goes on changing the
   * state where the part allows it. A step takes well below 0.5 ms; null: it has worked, and has no row yet. A row that is
   * given twice counts as given last. One round at a time; the iterator may be left (`return`) before its end.
   */
  save(round: Round): Iterator<SavedRow | null>;
  /** The round is on disk, all parts together. Without this call the rows given are lost, and to be given again. */
  kept?(round: Round): void;
  /**
   * Takes in what was saved. Before anything was applied, once at most.
   *
   * @param rows  each key once, in the order of their length, then of their bytes; checksums were checked
   * @param seq   what `Round.seq` was
   */
  load(rows: Iterable<LoadedRow>, seq: number): void;
  /**
   * Instead of `load`, where it is there: rows are asked for one by one, as they are needed, for as long as the place runs.
   *
   * @throws whatever `SavedTable` throws
   */
  open?(table: SavedTable, seq: number): void;
}

/** What was saved of a part: as of the last round that was kept, so later rounds show in it. */
export interface SavedTable {
  /** Null: there is no such row. @throws AisleError `corrupt` for a row that is not as it was written */
  get(key: Buffer): Buffer | null;
  /** So many rows that begin with `prefix`, in the order of `load`, behind a key; null: from the first. @throws as `get` */
  page(prefix: Buffer, after: Buffer | null, limit: number): readonly LoadedRow[];
}

export interface LoadedRow {
  readonly key: Buffer;
  readonly value: Buffer;
}
