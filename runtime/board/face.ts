// The board's faces: what people and programs ask of it, and what they write.
import type { Clock } from "../clock.ts";
import { shorten } from "../data/mistakes.ts";
import { AisleError, didYouMean } from "../errors.ts";
import type {
  BoardFaces,
  CellMistake,
  PageHead,
  Pieces,
  RecordHistory,
  RecordsQuery,
  RecordsView,
  RecordView,
  SheetReceipt,
  Why,
  Writing,
} from "../http/ports.ts";
import type { Appended, Draft, Entry } from "../journal/journal.ts";
import { limits } from "../limits.ts";
import type { Scheduler } from "../scheduler.ts";
import { type Board, type BoardRecord, cellOf, keyOf, keysOf, type Page } from "./board.ts";
import { type Change, changeDraft } from "./change.ts";
import { keysFrom, mistakesIn, movedKeys, type Writer, withoutKeys } from "./check.ts";
import { writeSheet } from "./csv.ts";
import type { BoardFeed, Reset } from "./feed.ts";
import { historyOf } from "./history.ts";
import { Listing, type ListingLimits } from "./listing.ts";
import type { BoardMessage } from "./message.ts";
import { ChangeRefused, refuseMistakes } from "./refused.ts";
import { clashesIn, staleness } from "./seen.ts";
import { changesOf, type SheetLimits } from "./sheet.ts";
import { headOf, inState, rowsOf, viewOf } from "./view.ts";
import { type Doing, whyOf } from "./why.ts";

export type FaceLimits = SheetLimits &
  ListingLimits & { readonly cellHistory: number; readonly sheetBatch: number; readonly exports: number };

export interface FaceOptions {
  readonly board: Board;
  readonly scheduler: Pick<Scheduler, "blockers" | "actorOf">;
  readonly feed: BoardFeed;
  /** The journal's: what it is given is on the board when it returns, and on disk when it resolves. */
  readonly append: (drafts: readonly Draft[]) => Promise<Appended>;
  readonly find: (seq: number) => Entry | null;
  readonly clock: Clock;
  /** The name of this node. */
  readonly node: string;
  /** Ends a run that somebody has written over. The cell may be another run's by now: only `run` is meant. */
  readonly cancel: (page: string, key: string, goal: string, run: string) => void;
  /** What a run has printed; null: nobody knows of it (any more). */
  readonly logOf: (run: string) => { readonly text: string; readonly truncated: boolean } | null;
  /** What is under way on a goal at this node; bounded. Without it nobody says with whom a goal conflicts. */
  readonly doing?: (goal: string) => readonly Doing[];
  /** Other bounds than the usual, for tests. */
  readonly limits?: Partial<FaceLimits>;
}

export class BoardFace implements BoardFaces {
  readonly #options: FaceOptions;
  readonly #limits: FaceLimits;
  readonly #listing: Listing;
  /** Sheets being read. */
  #sheets = 0;

  constructor(options: FaceOptions) {
    this.#options = options;
    this.#limits = { ...limits, ...options.limits };
    this.#listing = new Listing(this.#limits);
  }

  pages(): readonly PageHead[] {
    return [...this.#options.board.pages].map((page) => this.#head(page));
  }

  async records(name: string, { after, limit, state, goal }: RecordsQuery): Promise<RecordsView> {
    const page = this.#page(name);
    if (goal !== null) knownGoal(page, goal);
    const matches = state === null ? () => true : inState(page, state, goal);
    const { seq } = this.#options.feed;
    const { records, next } = await this.#listing.list(page, { after, limit, matches });
    return { ...this.#head(page), seq, records: records.map(rowsOf(page)), next };
  }

  record(page: string, key: string): RecordView {
    return this.#view(this.#record(this.#page(page), key));
  }

  async put(name: string, writing: Writing): Promise<{ created: boolean; record: RecordView }> {
    const page = this.#page(name);
    const mistakes: CellMistake[] = [];
    const keys = keysFrom(writing.cells, page, mistakes, this.#limits);
    const cells = withoutKeys(writing.cells, page);
    mistakes.push(...mistakesIn(cells, page, this.#writer(writing.by), this.#limits));
    refuseMistakes(mistakes);
    const key = keyOf(keys);
    const record = page.find(key) ?? null;
    if (record === null) this.#admit(page);
    await this.#set(page, record, key, { ...writing, cells });
    return { created: record === null, record: this.#view(record ?? this.#record(page, key)) };
  }

  async write(name: string, key: string, writing: Writing): Promise<RecordView> {
    const page = this.#page(name);
    const record = this.#record(page, key);
    const cells = withoutKeys(writing.cells, page);
    refuseMistakes([
      ...movedKeys(writing.cells, page, record.keys),
      ...mistakesIn(cells, page, this.#writer(writing.by), this.#limits),
    ]);
    await this.#set(page, record, record.key, { ...writing, cells });
    return this.#view(record);
  }

  async remove(name: string, key: string, writing: Omit<Writing, "cells">): Promise<void> {
    const page = this.#page(name);
    const record = this.#record(page, key);
    this.#look(page, record, { ...writing, cells: {} });
    if (page.fed)
      throw new AisleError("conflict", `events make the records of page '${name}', and take them off in their time`);
    const goals = page.header.filter((column) => cellOf(record, column)?.state === "running");
    await this.#append({ do: "remove", page: name, key: record.key }, writing, record, goals);
  }

  history(name: string, key: string, field: string | null): RecordHistory {
    const page = this.#page(name);
    const record = this.#record(page, key);
    if (field !== null && page.column(field) === undefined) throw unknownColumn(page, field);
    return historyOf(record, { find: this.#options.find, most: this.#limits.cellHistory, field });
  }

  why(name: string, key: string, goal: string): Why {
    const page = this.#page(name);
    const record = this.#record(page, key);
    knownGoal(page, goal);
    const { scheduler, node, clock, doing = () => [] } = this.#options;
    const actor = scheduler.actorOf(name, goal);
    const blockers = actor === undefined ? [] : scheduler.blockers(actor, record);
    return whyOf(actor, record, goal, blockers, { node, now: clock.now(), doing });
  }

  log(page: string, key: string, run: string): { readonly text: string; readonly truncated: boolean } {
    this.#record(this.#page(page), key);
    const log = this.#options.logOf(run);
    if (log !== null) return log;
    throw new AisleError(
      "not-found",
      `no log of run '${shorten(run)}' is kept: it may have printed nothing, or be too old`,
    );
  }

  follow(page: string, listener: (message: BoardMessage) => void): () => void {
    return this.#options.feed.follow(this.#page(page).name, listener);
  }

  since(page: string, seq: number): readonly (BoardMessage | Reset)[] {
    return this.#options.feed.since(this.#page(page).name, seq);
  }

  sheet(name: string): Pieces {
    const page = this.#page(name);
    if (this.#sheets >= this.#limits.exports)
      throw new AisleError("overloaded", `${this.#limits.exports} sheets are being read, the most there may be`);
    this.#sheets++;
    let open = true;
    return writeSheet(page, () => {
      if (open) this.#sheets--;
      open = false;
    });
  }

  async importSheet(
    name: string,
    bytes: Uint8Array,
    writing: Pick<Writing, "by" | "headers"> & { readonly dryRun: boolean },
  ): Promise<SheetReceipt> {
    const page = this.#page(name);
    const { mistakes, changes, counts } = await changesOf(bytes, page, {
      ...this.#writer(writing.by),
      closed: (record) => this.#elsewhere(record),
      limits: this.#limits,
    });
    refuseMistakes(mistakes, "the file has mistakes: nothing was changed");
    if (!writing.dryRun) await this.#appendAll(page, changes, writing);
    return { ...counts, dryRun: writing.dryRun };
  }

  /** In batches, each on disk before the next. */
  async #appendAll(page: Page, changes: readonly Change[], writing: Pick<Writing, "by" | "headers">): Promise<void> {
    for (let done = 0; done < changes.length; done += this.#limits.sheetBatch) {
      const batch = changes.slice(done, done + this.#limits.sheetBatch);
      const runs = batch.flatMap((change) => this.#runsUnder(page.find(change.key), namesIn(change)));
      const onDisk = this.#options.append(batch.map((change) => changeDraft(change, writing.by, writing.headers)));
      this.#cancel(runs);
      await onDisk.catch((error: unknown) => {
        if (!(error instanceof AisleError)) throw error;
        const how = `${done} of ${changes.length} records were written: import the file again for the rest`;
        throw new AisleError(error.code, `${error.message}; ${how}`, { cause: error });
      });
    }
  }

  #head(page: Page): PageHead {
    const { scheduler } = this.#options;
    return headOf(page, (name, goal) => scheduler.actorOf(name, goal));
  }

  #view(record: BoardRecord): RecordView {
    return viewOf(record, this.#options.node);
  }

  #writer(by: string): Writer {
    const { scheduler } = this.#options;
    return { by, actorOf: (page, goal) => scheduler.actorOf(page, goal) };
  }

  #page(name: string): Page {
    const { board } = this.#options;
    const page = board.find(name);
    if (page !== undefined) return page;
    const names = [...board.pages].map((each) => each.name);
    const instead = didYouMean(name, names) || `: there are ${shorten(names.join(", "))}`;
    throw new AisleError("not-found", `the board has no page '${shorten(name)}'${instead}`);
  }

  #record(page: Page, key: string): BoardRecord {
    const record = page.find(canonical(page, key));
    if (record !== undefined) return record;
    throw new AisleError("not-found", `page '${page.name}' has no record '${shorten(key)}'${keyHint(page, key)}`);
  }

  /** A new record has room on the page. */
  #admit({ name, fed, size }: Page): void {
    if (fed)
      throw new AisleError("conflict", `events make the records of page '${name}': write into those that are there`);
    if (size >= this.#limits.pageRecords)
      throw new AisleError("overloaded", `page '${name}' has ${size} records, the most there may be: remove some`);
  }

  /** Nobody was there before, and this node may write it. */
  #look(page: Page, record: BoardRecord | null, writing: Writing): void {
    const elsewhere = record === null ? null : this.#elsewhere(record);
    if (elsewhere !== null) throw new AisleError("conflict", elsewhere);
    const clashes = clashesIn(page, record, writing);
    if (clashes.length > 0) throw new ChangeRefused("conflict", clashes[0]!.detail, clashes);
    const stale = staleness(page, record, writing);
    if (stale !== null) throw new ChangeRefused("conflict", stale.detail, stale.clashes);
  }

  #elsewhere({ home, page, key }: BoardRecord): string | null {
    const { node } = this.#options;
    if (home === null || home === node) return null;
    return `the home of record ${key} of page '${page.name}' is node '${home}': write it there, this is '${node}'`;
  }

  async #set(page: Page, record: BoardRecord | null, key: string, writing: Writing): Promise<void> {
    this.#look(page, record, writing);
    const { cells } = writing;
    await this.#append({ do: "set", page: page.name, key, cells }, writing, record, Object.keys(cells));
  }

  /** @param goals  cells that it is the end of, if they are goals that somebody works on */
  async #append(
    change: Change,
    { by, headers }: Pick<Writing, "by" | "headers">,
    record: BoardRecord | null,
    goals: readonly string[],
  ): Promise<void> {
    const runs = this.#runsUnder(record ?? undefined, goals);
    const onDisk = this.#options.append([changeDraft(change, by, headers)]);
    this.#cancel(runs);
    await onDisk;
  }

  #runsUnder(record: BoardRecord | undefined, names: readonly string[]): Under[] {
    if (record === undefined) return [];
    return names.flatMap((goal) => {
      const cell = cellOf(record, goal);
      return cell?.state === "running" ? [{ record, goal, run: cell.run }] : [];
    });
  }

  /** Ends runs whose cell is no longer theirs. A journal that is full has taken nothing, and so they go on. */
  #cancel(runs: readonly Under[]): void {
    for (const { record, goal, run } of runs) {
      const cell = cellOf(record, goal);
      const gone = record.page.find(record.key) !== record;
      if (gone || cell?.state !== "running" || cell.run !== run)
        this.#options.cancel(record.page.name, record.key, goal, run);
    }
  }
}

/** A run, and the cell that it works for. */
interface Under {
  readonly record: BoardRecord;
  readonly goal: string;
  readonly run: string;
}

function namesIn(change: Change): string[] {
  return change.do === "set" ? Object.keys(change.cells) : [];
}

/** A key as the board writes it. Optional key cells at its end may be left out. */
function canonical({ config }: Page, key: string): string {
  const cells = cellsIn(key);
  const short = config.keys.length - cells.length;
  if (short < 0) return key;
  return keyOf([...cells, ...Array.from({ length: short }, () => "")]);
}

/** @throws AisleError `invalid`: a percent sign that begins no encoded character */
function cellsIn(key: string): string[] {
  try {
    return keysOf(key);
  } catch {
    const expected = "its cells in rank order, each percent-encoded, joined by commas";
    throw new AisleError("invalid", `the key '${shorten(key)}' can't be read: expected ${expected}`);
  }
}

function keyHint({ config }: Page, key: string): string {
  const { length } = cellsIn(key);
  const names = config.keys.map(({ name }) => name).join(", ");
  const least = config.keys.filter(({ required }) => required).length;
  return length <= config.keys.length && length >= least ? "" : `: its key is ${names}, this one has ${length} cells`;
}

function knownGoal(page: Page, goal: string): void {
  const column = page.column(goal);
  if (column !== undefined && page.roleOf(column) === "goal") return;
  const goals = page.header.filter((name) => page.roleOf(page.column(name)!) === "goal");
  const instead = didYouMean(goal, goals) || `: it has ${goals.join(", ") || "none"}`;
  throw new AisleError("not-found", `page '${page.name}' has no goal '${shorten(goal)}'${instead}`);
}

function unknownColumn(page: Page, field: string): AisleError {
  const instead = didYouMean(field, page.header) || `: it has ${shorten(page.header.join(", "))}`;
  return new AisleError("not-found", `page '${page.name}' has no column '${shorten(field)}'${instead}`);
}
