// A place's checkpoints: what of them is used at its start, and those that it makes from then on.
import type { Clock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import type { Extent } from "../journal/extent.ts";
import type { Commit, Entry, Journal } from "../journal/journal.ts";
import { limits } from "../limits.ts";
import type { Store } from "../store/store.ts";
import { Archive, type Meta, type SavedPart, type Standing } from "./archive.ts";
import type { BoardState } from "./board-state.ts";
import type { Saved, SavedTable } from "./checkpoint.ts";
import { Checkpointer, type CheckpointLimits } from "./checkpointer.ts";
import { irreplaceable } from "./open.ts";
import { Shadow } from "./shadow.ts";

export interface CheckpointsOptions {
  readonly store: Store;
  readonly journal: Pick<Journal, "epoch" | "lastSeq" | "appliedSeq" | "parts" | "extent" | "onCommit">;
  readonly clock: Clock;
  readonly everyMs: number;
  /** Hash of what decides what a board hears; missing: any event. */
  readonly hears: (board: BoardState) => string | undefined;
  /** The board at work: it is only loaded. */
  readonly board: BoardState;
  /** Another one, with nothing on it, for the same site. */
  readonly newBoard: () => BoardState;
  /** What else is loaded, and saved: as of now, as specs may be replaced. */
  readonly others: () => readonly Saved[];
  /** A sentence for the log: works, but worse than it might. */
  readonly warn: (sentence: string) => void;
  readonly failed: (error: unknown) => void;
  readonly limits?: Partial<CheckpointLimits>;
}

export class Checkpoints {
  readonly #options: CheckpointsOptions;
  readonly #archive: Archive;
  readonly #loaded = new Map<string, number>();
  /** What was found, by the journal's epoch of then. */
  readonly #standing: Standing;
  /** The journal has lost its end, or all: under the epoch that it has, ids would be given again. */
  readonly isAhead: boolean;
  #lost: string | null = null;
  #meta: Meta | null = null;
  /** It was found damaged while the place runs. */
  #isForgotten = false;
  #shadow: Shadow | null = null;
  #urgency: () => number = () => 0;
  #checkpointer: Checkpointer | null = null;

  constructor(options: CheckpointsOptions) {
    this.#options = options;
    this.#archive = new Archive(options.store);
    const { epoch, lastSeq } = options.journal;
    const standing = this.#archive.standing(options.journal);
    this.#standing = standing;
    this.isAhead =
      standing.state === "lost" ? standing.meta.epoch === epoch : standing.state === "unusable" && lastSeq === 0;
  }

  /**
   * Loads what can be used of the checkpoint that is there. Why something can't is told: the journal says it too.
   *
   * @throws AisleError `unsupported` when a newer version made it, `corrupt` when it can't be used, and the journal alone
   *   no longer has all; `corrupt` when what is read row by row can't be: then it is not used at the next start
   */
  load(): void {
    const meta = this.#usable();
    if (meta === null) return;
    this.#meta = meta;
    const others: string[] = [];
    for (const part of this.#parts()) {
      const saved = partOf(meta, part);
      if (saved === null) {
        this.#checkReplays(part, meta);
        others.push(part.name);
      } else {
        this.#take(part, saved, meta);
        this.#loaded.set(part.name, meta.seq);
      }
    }
    if (others.length === 0) return;
    const names = others.map((name) => `'${name}'`).join(", ");
    this.#options.warn(
      `the checkpoint does not have ${names} as the plan, the specs and this version have it: the journal is replayed for it`,
    );
  }

  /** What a newer version knows of entries that are gone can't be made again of the journal. */
  #checkReplays({ name, version }: Saved, { parts }: Meta): void {
    const saved = parts.find((part) => part.name === name)?.version ?? version;
    if (saved > version && this.#extent !== "all") throw newer(`'${name}' in version ${saved}`);
  }

  #take(part: Saved, saved: SavedPart, { seq, round }: Meta): void {
    if (part.open === undefined) {
      part.load(this.#archive.rows(saved, round), seq);
      return;
    }
    try {
      part.open(this.#watched(this.#archive.table(part.name, () => this.meta!)), seq);
    } catch (cause) {
      if (!(cause instanceof AisleError && cause.code === "corrupt")) throw cause;
      // It may have taken in a half.
      this.#forget();
      if (this.#extent === "some") throw irreplaceable(cause.message);
      throw new AisleError(
        "corrupt",
        `the checkpoint is damaged: ${cause.message}. Start again: the journal is replayed`,
        {
          cause,
        },
      );
    }
  }

  /** What is read row by row is found damaged late: the next start is not to read it again. */
  #watched(table: SavedTable): SavedTable {
    const watch = <T>(read: () => T): T => {
      try {
        return read();
      } catch (error) {
        if (error instanceof AisleError && error.code === "corrupt") this.#forget();
        throw error;
      }
    };
    return {
      get: (key) => watch(() => table.get(key)),
      page: (prefix, after, limit) => watch(() => table.page(prefix, after, limit)),
    };
  }

  /** Until the next start nothing is saved, and the journal keeps all that it has. */
  #forget(): void {
    if (this.#isForgotten) return;
    this.#isForgotten = true;
    this.#checkpointer?.rest("it is damaged: the next start replays the journal, if that has all entries");
    this.#archive.condemn().catch((error) => this.#options.failed(error));
  }

  /** The entry as of which a part was loaded; 0: it was not. */
  loadedSeq(part: string): number {
    return this.#loaded.get(part) ?? 0;
  }

  /** The first entry to be replayed. Parts that are opened read what they need themselves. */
  get fromSeq(): number {
    const replayed = this.#parts().filter((part) => part.open === undefined);
    return Math.min(...replayed.map(({ name }) => this.loadedSeq(name))) + 1;
  }

  #parts(): readonly Saved[] {
    // The plan of the second board is the one in force.
    return [this.#shadow?.board ?? this.#options.board, ...this.#options.others()];
  }

  /** From here on the state is saved now and then. Call it when all that is on disk was replayed. */
  begin(): void {
    const { journal, newBoard, others, ...rest } = this.#options;
    const saved = this.#meta === null ? null : partOf(this.#meta, rest.board);
    const loaded = saved === null ? null : { rows: this.#archive.rows(saved, this.#meta!.round), seq: this.#meta!.seq };
    const { checkpointQueueEntries: queueEntries, checkpointQueueBytes: queueBytes } = { ...limits, ...rest.limits };
    this.#shadow = new Shadow({ journal, hears: rest.hears, queueEntries, queueBytes }, newBoard, loaded);
    const { clock, everyMs, failed } = rest;
    this.#checkpointer = new Checkpointer({
      ...{ archive: this.#archive, journal, clock, everyMs, failed, others },
      shadow: this.#shadow,
      urgency: () => this.#urgency(),
      ...{ meta: this.#meta, keepsRecord: this.#standing.state === "lost" },
      ...(rest.limits === undefined ? {} : { limits: rest.limits }),
    });
    journal.onCommit((entries: readonly Entry[], commit: Commit) => this.#checkpointer!.committed(entries, commit));
    this.#checkpointer.begin();
  }

  /** The plan has changed: the board that is saved is made anew, from the journal. */
  replan(): void {
    this.#shadow?.restart();
  }

  /** A start does not need the journal up to here: 0 while there is no checkpoint. */
  get upToSeq(): number {
    const { meta } = this;
    if (meta === null || this.#isForgotten) return 0;
    const needs = this.#parts().map((part) => (partOf(meta, part) === null ? 1 : (part.neededSeq ?? meta.seq + 1)));
    return Math.max(0, Math.min(meta.seq, ...needs.map((seq) => seq - 1)));
  }

  get meta(): Meta | null {
    return this.#checkpointer?.meta ?? this.#meta;
  }

  /** Saves at once, unless it does so already; resolves when that counts, or has failed. */
  async save(): Promise<void> {
    await this.#checkpointer?.next();
  }

  /** @param urgency  how much the journal waits for a checkpoint to let go of what is old: 0 to 1; asked at each slice */
  hurry(urgency: () => number): void {
    this.#urgency = urgency;
  }

  get checkpointer(): Checkpointer | null {
    return this.#checkpointer;
  }

  /** What works worse than it might; null: nothing. */
  trouble(): string | null {
    const trouble = this.#checkpointer?.trouble ?? null;
    return trouble === null
      ? null
      : `the state can't be saved: ${trouble}. The journal keeps all that was not, and a start takes longer`;
  }

  /** Entries that were acknowledged are in the journal no more: which, and what comes of it; null: none that is known. */
  get lost(): string | null {
    return this.#lost;
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.#archive.bytes;
  }

  /** A last checkpoint, if that can be had soon; then the end. */
  async close(): Promise<void> {
    await this.#checkpointer?.stop();
    await this.#options.store.close();
  }

  #usable(): Meta | null {
    const standing = this.#standing;
    switch (standing.state) {
      case "none":
        return null;
      case "newer":
        if (this.#extent !== "all") throw newer(`format ${standing.format}`);
        return this.#unusable(`it has format ${standing.format}, and a newer version of Aisle made it`);
      case "lost":
        return this.#unusable(this.#lostWith(standing.meta), true);
      case "unusable":
        return this.#unusable(standing.detail);
      case "good": {
        const read = this.#parts().flatMap((part) =>
          part.open === undefined ? (partOf(standing.meta, part) ?? []) : [],
        );
        const damage = this.#archive.damage(read, standing.meta.round);
        return damage === null ? standing.meta : this.#unusable(damage);
      }
    }
  }

  /** The journal is replayed instead, if that is all that there is to know, or nothing can be had back. */
  #unusable(detail: string, hasLost = false): null {
    const extent = this.#extent;
    if (extent === "some") throw irreplaceable(detail);
    const why = `the checkpoint can't be used: ${detail}`;
    if (extent === "all" && !hasLost) this.#options.warn(`${why}. What the journal has is replayed from its beginning`);
    else {
      const nothing = extent === "nothing" ? ", and the journal has no entries" : "";
      this.#lost = `${why}${nothing}. The place goes on with what the journal has, under the epoch '${this.#options.journal.epoch}', so that no id is given twice; it tells of this until it is started again after its next checkpoint`;
      this.#options.warn(this.#lost);
    }
    return null;
  }

  #lostWith({ epoch, seq }: Meta): string {
    const { lastSeq, epoch: own } = this.#options.journal;
    if (this.isAhead)
      return `it is as of entry ${seq}, and the journal ends at ${lastSeq}: entries ${lastSeq + 1} to ${seq} are lost, as the disk did not keep them or an older journal was put back`;
    return `it is of a journal with epoch '${epoch}', as of its entry ${seq}; this one has '${own}' and ends at ${lastSeq}: what only that one had is lost`;
  }

  /** What was saved was in the journal, so an empty one lost all. */
  get #extent(): Extent {
    return this.#options.journal.extent();
  }
}

function partOf({ parts }: Meta, { name, version, basis }: Saved): SavedPart | null {
  return parts.find((part) => part.name === name && part.version === version && part.basis === basis) ?? null;
}

function newer(what: string): AisleError {
  return new AisleError(
    "unsupported",
    `the checkpoint in the data folder has ${what}, which only a newer version of Aisle reads, and the journal no longer has its oldest entries: start the version that made it, or a newer one; or, to go on with what the journal has, move the folder 'checkpoint' away`,
  );
}
