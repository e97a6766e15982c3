// What a home shows of its records: each as one value in the bucket, written again after each change that is on disk.
import type { BoardRecord } from "../board/board.ts";
import type { Cell } from "../board/cell.ts";
import { type KeyValue, swap } from "../bus/kv.ts";
import type { Clock } from "../clock.ts";
import { AisleError } from "../errors.ts";
import { limits } from "../limits.ts";
import { fits, recordKey } from "./keys.ts";
import { isObject, name, object, whole } from "./values.ts";

/** A goal of a record, as its home shows it. */
export type ShownGoal = Omit<Cell, "value">;

/** A record, as its home shows it. */
export interface Shown {
  readonly home: string;
  /** Of the home's journal: tells a home that has another name now from another home. */
  readonly epoch: string;
  /** The last entry of the home's journal that changed it. */
  readonly seq: number;
  readonly keys: readonly string[];
  readonly ready: boolean;
  readonly complete: boolean;
  /** Texts of data cells by name; those that are not here are empty. */
  readonly cells: Readonly<Record<string, string>>;
  /** Goals that somebody has begun. */
  readonly goals: Readonly<Record<string, ShownGoal>>;
}

export interface MirrorOptions {
  readonly kv: KeyValue;
  /** Name of this node. */
  readonly node: string;
  /** Of its journal. */
  readonly epoch: string;
  readonly clock: Clock;
  readonly isSynced: () => boolean;
  /** A record that is not on disk as it is may not be shown. */
  readonly isUncommitted: (record: BoardRecord) => boolean;
  /** All nodes can see the record as it is. */
  readonly shown: (record: BoardRecord) => void;
  /** Another node is the record's home: it was there first. */
  readonly foreign: (record: BoardRecord, text: string) => void;
  readonly removed: (key: string, revision: number) => void;
  readonly fault: (what: string, error: unknown) => void;
}

interface Standing {
  readonly revision: number;
  readonly seq: number;
}

export class Mirror {
  readonly #options: MirrorOptions;
  /** What stands in the bucket of this node's records, by key. */
  readonly #standing = new Map<string, Standing>();
  /** Records that are to be written. */
  readonly #due = new Set<BoardRecord>();
  /** Records on their way. */
  readonly #underWay = new Set<BoardRecord>();
  #isPlanned = false;
  #closed = false;

  constructor(options: MirrorOptions) {
    this.#options = options;
  }

  /**
   * What stands in the bucket of a record of this node.
   *
   * @param isRead  the bucket is read anew: what stands there counts, whatever was known before
   */
  see(key: string, shown: Shown | null, revision: number, isRead: boolean): void {
    const before = this.#standing.get(key);
    if (revision !== 0 && before !== undefined && !isRead && revision <= before.revision) return;
    if (shown === null) this.#standing.delete(key);
    else this.#standing.set(key, this.#standingOf(shown, revision));
  }

  /** Whether the record that is shown is one of this node. */
  isOurs({ home, epoch }: Shown): boolean {
    return home === this.#options.node || (epoch !== "" && epoch === this.#options.epoch);
  }

  /** Keys of this node's records in the bucket, each with its revision. */
  standing(): [string, number][] {
    return [...this.#standing].map(([key, { revision }]) => [key, revision]);
  }

  /** Whether all nodes can see the record as it is. */
  isShown(record: BoardRecord): boolean {
    return !this.#due.has(record) && !this.#underWay.has(record);
  }

  /** To be shown, once it is on disk. */
  show(record: BoardRecord): void {
    this.#due.add(record);
    this.#plan();
  }

  /** After the bucket was read: shows the record if what stands there is not what it is. */
  compare(record: BoardRecord): void {
    const standing = this.#standing.get(recordKey(record.page.name, record.key));
    if (standing?.seq !== seqOf(record)) this.show(record);
  }

  /** The bucket is away: when it is back, all is compared. */
  began(): void {
    this.#due.clear();
  }

  close(): void {
    this.#closed = true;
    this.#due.clear();
  }

  #plan(): void {
    if (this.#isPlanned || this.#closed) return;
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      this.#start();
    });
  }

  #start(): void {
    const { isSynced, isUncommitted } = this.#options;
    if (!isSynced()) {
      this.#due.clear();
      return;
    }
    for (const record of this.#due) {
      if (this.#underWay.size >= limits.bucketWrites) return; // the next that arrives makes room
      if (this.#underWay.has(record)) continue;
      this.#due.delete(record);
      if (isUncommitted(record)) continue; // its commit asks again
      this.#underWay.add(record);
      void this.#write(record).then((isDone) => {
        this.#underWay.delete(record);
        if (this.#closed) return;
        if (isDone && this.isShown(record)) this.#options.shown(record);
        if (this.#due.size > 0) this.#plan();
      });
    }
  }

  /** False: it could not be written. */
  async #write(record: BoardRecord): Promise<boolean> {
    const { kv, clock, fault } = this.#options;
    const key = recordKey(record.page.name, record.key);
    try {
      if (!fits(key))
        throw new AisleError("too-large", `its key has ${key.length} bytes, at most ${limits.bucketKeyBytes}`);
      await this.#change(record, key);
      return true;
    } catch (error) {
      // After an absence all is compared.
      if (kv.state !== "here" || this.#closed) return false;
      const { code = null, retryable = false } = error instanceof AisleError ? error : {};
      const [page, which] = [record.page.name, record.key.slice(0, 100)];
      if (code !== "unavailable") fault(`other nodes can't see the record '${which}' of '${page}' as it is`, error);
      if (retryable) clock.after(10 * limits.claimRetryMs, () => this.show(record));
      return false;
    }
  }

  async #change(record: BoardRecord, key: string): Promise<void> {
    const { kv, node, epoch } = this.#options;
    for (let attempt = 0; attempt < limits.claimTries; attempt++) {
      const revision = this.#standing.get(key)?.revision ?? 0;
      const isGone = record.page.find(record.key) !== record;
      if (isGone && revision === 0) return;
      const seq = seqOf(record);
      const text = isGone ? null : JSON.stringify(shownOf(record, node, epoch));
      const made = text === null ? await kv.remove(key, revision) : await swap(kv, key, text, revision);
      if (made !== null) {
        if (text !== null) this.#standing.set(key, { revision: made, seq });
        else this.#gone(key, made);
        return;
      }
      const held = await kv.get(key);
      const shown = held?.value == null ? null : readShown(held.value);
      if (shown !== null && !this.isOurs(shown)) {
        if (!isGone) this.#options.foreign(record, held!.value!);
        return;
      }
      this.#standing.delete(key);
      if (held !== null && held.value !== null)
        this.#standing.set(key, { revision: held.revision, seq: shown?.seq ?? 0 });
    }
    throw new AisleError("unavailable", "it was written by somebody else time and again");
  }

  #standingOf({ home, seq }: Shown, revision: number): Standing {
    // Under another name it is to be shown again.
    return { revision, seq: home === this.#options.node ? seq : -1 };
  }

  #gone(key: string, revision: number): void {
    this.#standing.delete(key);
    this.#options.removed(key, revision);
  }
}

/** A record of this node, as all may see it. */
export function shownOf(record: BoardRecord, home: string, epoch: string): Shown {
  const { page, keys, ready, complete } = record;
  const cells: Record<string, string> = {};
  const goals: Record<string, ShownGoal> = {};
  for (const [column, cell] of record.cells.entries()) {
    if (cell === undefined) continue;
    if (typeof cell === "string") cells[page.nameOf(column)] = cell;
    // A goal that is only being asked for is nobody's yet.
    else if (cell.state !== "running" || cell.run !== "") goals[page.nameOf(column)] = shownGoal(cell);
    else if (cell.attempts > 0) goals[page.nameOf(column)] = shownGoal({ ...cell, state: "waiting" });
  }
  return { home, epoch, seq: seqOf(record), keys, ready, complete, cells, goals };
}

function shownGoal({ value: _, ...shown }: Cell): ShownGoal {
  return shown;
}

/** Reads what a home shows; null: it makes no sense. */
export function readShown(text: string): Shown | null {
  const said = object(text);
  const [home, seq] = [name(said?.home), whole(said?.seq, 0)];
  if (said === null || home === null || seq === null) return null;
  const { keys, ready, complete, cells, goals } = said;
  if (!Array.isArray(keys) || !keys.every(isText) || !isObject(cells) || !isObject(goals)) return null;
  const texts = Object.entries(cells).filter((entry): entry is [string, string] => isText(entry[1]));
  const read = Object.entries(goals).flatMap(([goal, cell]) => {
    const shown = readGoal(cell);
    return shown === null ? [] : [[goal, shown] as const];
  });
  return {
    ...{ home, epoch: isText(said.epoch) ? said.epoch : "", seq, keys },
    ...{ ready: ready === true, complete: complete === true },
    ...{ cells: Object.fromEntries(texts), goals: Object.fromEntries(read) },
  };
}

const STATES = ["running", "done", "failed", "waiting"] as const;

function readGoal(cell: unknown): ShownGoal | null {
  if (!isObject(cell)) return null;
  const state = STATES.find((each) => each === cell.state);
  if (state === undefined) return null;
  const text = (value: unknown) => (isText(value) ? value : "");
  return {
    ...{ state, host: text(cell.host), run: text(cell.run), by: text(cell.by) },
    ...{ attempts: whole(cell.attempts, 0) ?? 0, at: whole(cell.at, 0) ?? 0, notBefore: whole(cell.notBefore, 0) ?? 0 },
    detail: isText(cell.detail) ? cell.detail : null,
  };
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function seqOf({ seqs }: BoardRecord): number {
  return seqs.at(-1) ?? 0;
}
