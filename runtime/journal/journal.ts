import type { Write } from "../store/store.ts";
import type { Block, Part } from "./block.ts";
import type { Extent } from "./extent.ts";

/** What an entry is. Stored as its index: append only. */
export const KINDS = ["event", "outcome", "cell", "import", "effect", "decision", "tick", "config"] as const;
export type Kind = (typeof KINDS)[number];

/** What is handed in; the journal adds sequence, receive time and checksum. */
export interface Draft {
  readonly kind: Kind;
  /** Who sent it: "http", "nats", "player", "runner" … */
  readonly principal: string;
  /** The bus subject or URL path it came by. */
  readonly subject: string;
  /** The headers kept: `id`, `content-type`, `traceparent`, `test`, `replay-of`, `replay-seq`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Taken by reference and not copied before the commit: don't reuse the memory. */
  readonly payload: Uint8Array;
  /** What the payload says, while it is at hand: handed on to listeners, not stored. */
  readonly value?: unknown;
}

export interface Entry extends Draft {
  /** From 1, without gaps within a journal, except where retention removed entries. */
  readonly seq: number;
  /** Host time at append, ms since epoch; never less than that of the entry before. */
  readonly receivedAt: number;
}

export interface Appended {
  readonly firstSeq: number;
  readonly lastSeq: number;
}

export interface JournalStats {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly queuedEntries: number;
  readonly queuedBytes: number;
  readonly commits: number;
  readonly bytes: number;
}

/** How far a source was consumed: stored in the same commit as what came from it. */
export interface Position {
  /** Its name, such as `stream/SALES`; at most 256 bytes. */
  readonly source: string;
  /** In its own words; the last one counts. */
  readonly value: string;
}

export interface AppendOptions {
  /** As `beside`, makes one commit of the batch, however large. */
  readonly position?: Position;
  /** Called at once with the first sequence: what else of the store changes in that commit. */
  readonly beside?: (firstSeq: number) => Write;
}

/** Plain events on their way into the journal: see `Block`. */
export interface BlockDraft {
  /** Entries, at least one. */
  readonly count: number;
  /** Upper bound of what they take, in bytes. */
  readonly bytesMax: number;
  /**
   * Called at once within `appendBlock`, or never: writes the entries, with these sequences and this receive time (ms),
   * into a buffer, behind `BLOB_HEADER` bytes of room, cut where they end. It is taken by reference, and free again when
   * what `appendBlock` returned is settled. The room is written when all that was appended before is settled, or it is
   * in the same commit: so it may be the end of the block before, and then both are written to the disk as they lie.
   */
  readonly encode: (firstSeq: number, receivedAt: number) => Buffer;
  readonly position?: Position;
}

/** What has reached the disk together. */
export interface Commit {
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** All of it, in order. */
  readonly parts: readonly Part[];
}

export type CommitListener = (entries: readonly Entry[], commit: Commit) => void;

/** The append-only log: the only truth. */
export interface Journal {
  /** Random, renewed by a restore; part of every id that the place gives. */
  readonly epoch: string;
  /** Highest sequence on disk; 0 when empty. */
  readonly lastSeq: number;
  /** All causes up to here have had their effect; stored with the next commit. Set by the runner. */
  appliedSeq: number;

  /**
   * Queues a batch; resolves once it is on disk. Batches never interleave: a batch has consecutive sequences.
   * Everything that arrived while a commit was under way goes into the next one, as one LMDB value.
   *
   * @throws AisleError `overloaded` at the bound of the queue, `too-large` for what could never pass it, or is more
   *   than one commit and has to be one; `unavailable` after a failed commit or `close`
   */
  append(batch: readonly Draft[], options?: AppendOptions): Promise<Appended>;

  /**
   * The same for plain events, as bytes. `onAppend` is not called for them: nothing on the board hears of them.
   *
   * @throws AisleError as `append`
   */
  appendBlock(block: BlockDraft): Promise<Appended>;

  /** How far a source was consumed, by what is on disk; null: never. */
  position(source: string): string | null;

  /**
   * Called within `append`, once the sequences are given and before anything is on disk. The runner applies entries
   * here: what follows from an entry is appended in the same turn, and goes to the disk in the same commit.
   */
  onAppend(listener: (entries: readonly Entry[]) => void): void;

  /**
   * Called once for each commit, in order, synchronously after it is on disk and before the promises of its
   * `append`s resolve. Only now may anybody outside hear of the entries. `entries` are those that exist as objects,
   * perhaps none; `commit.parts` are all. The bytes of blocks are good during the call only: who keeps one copies it.
   */
  onCommit(listener: CommitListener): void;

  /**
   * Entries from `fromSeq` on, in order, as they were on disk when reached.
   *
   * @throws AisleError `corrupt` naming the sequence of an entry whose checksum is wrong
   */
  read(fromSeq?: number): Generator<Entry>;

  /**
   * The same, and runs of plain events come as one `Block` each, never across commits.
   *
   * @throws AisleError `corrupt`
   */
  parts(fromSeq?: number): Generator<Entry | Block>;

  /** How much is left of what was ever in it. Reads all of it. @throws AisleError `corrupt` */
  extent(): Extent;

  /**
   * One entry; null when it isn't on disk (yet, or any more).
   *
   * @throws AisleError `corrupt`
   */
  find(seq: number): Entry | null;

  stats(): JournalStats;
  /** Commits what is queued, then closes. */
  close(): Promise<void>;
}
