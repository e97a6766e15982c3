// What a sheet would change on a page: every mistake in it with its line and column, or the cells that differ.
import { shorten } from "../data/mistakes.ts";
import { didYouMean } from "../errors.ts";
import type { CellMistake, SheetReceipt } from "../http/ports.ts";
import { limits } from "../limits.ts";
import { type BoardRecord, keyOf, type Page, textAt } from "./board.ts";
import type { SetCells } from "./change.ts";
import {
  type CellLimits,
  columnMistake,
  freshMistake,
  keysFrom,
  meaningOf,
  mistakesIn,
  type Writer,
  withoutKeys,
} from "./check.ts";
import { readSheet, type SheetLine } from "./csv.ts";
import { mistakeIn } from "./refused.ts";

export type SheetLimits = CellLimits & {
  /** Mistakes told of one file; past that only their count. */
  readonly mistakesPerFile: number;
  readonly pageRecords: number;
};

export interface SheetOptions extends Writer {
  /** Why a record that is there may not be written here; null: it may. */
  readonly closed: (record: BoardRecord) => string | null;
  readonly limits?: SheetLimits;
}

export interface SheetChanges {
  /** None: the changes may be made. In the order of the file. */
  readonly mistakes: readonly CellMistake[];
  readonly changes: readonly SetCells[];
  readonly counts: Omit<SheetReceipt, "dryRun">;
}

/** Compares a sheet with a page: a line for each record, found by its key cells. Nothing is changed. */
export async function changesOf(bytes: Uint8Array, page: Page, options: SheetOptions): Promise<SheetChanges> {
  const reader = new SheetReader(page, options);
  const lines = readSheet(bytes);
  for (;;) {
    const { done, value } = await lines.next();
    if (done === true) {
      if (value !== null) reader.blame(value.line, { ...mistakeIn("", "malformed", value.detail), pointer: "" });
      return reader.finish();
    }
    for (const line of value) reader.take(line);
  }
}

class SheetReader {
  readonly #page: Page;
  readonly #options: SheetOptions;
  readonly #limits: SheetLimits;
  readonly #mistakes: CellMistake[] = [];
  readonly #changes: SetCells[] = [];
  /** Key → the line that it stands on. */
  readonly #lines = new Map<string, number>();
  readonly #counts = { records: 0, created: 0, changed: 0, unchanged: 0, cells: 0, running: 0 };
  #header: readonly string[] | null = null;
  /** The header can't be used: lines are not looked at. */
  #lost = false;
  #blamed = 0;

  constructor(page: Page, options: SheetOptions) {
    this.#page = page;
    this.#options = options;
    this.#limits = options.limits ?? limits;
  }

  take(line: SheetLine): void {
    if (this.#header === null) this.#takeHeader(line);
    else if (!this.#lost) this.#takeRecord(line, this.#header);
  }

  finish(): SheetChanges {
    if (this.#header === null && this.#blamed === 0)
      this.blame(0, whole("empty", "the file is empty: expected a first line with the names of the columns"));
    const more = this.#blamed - this.#mistakes.length;
    if (more > 0) this.#mistakes.push(whole("more", `${more} more ${more === 1 ? "mistake" : "mistakes"} not shown`));
    return { mistakes: this.#mistakes, changes: this.#changes, counts: this.#counts };
  }

  /** @param line  0: the file as a whole */
  blame(line: number, mistake: CellMistake, column?: string): void {
    if (++this.#blamed > this.#limits.mistakesPerFile) return;
    const where =
      line === 0 ? "" : column === undefined ? `line ${line}: ` : `line ${line}, column '${shorten(column)}': `;
    const index = Math.max(0, this.#counts.records - 1);
    this.#mistakes.push({
      ...{ ...mistake, index, detail: where + mistake.detail },
      ...(line > 0 && { line }),
      ...(column !== undefined && { column }),
    });
  }

  #takeHeader({ line, cells }: SheetLine): void {
    const names = cells.map((name) => name.trim());
    // Spreadsheets leave separators after the last column.
    while (names.at(-1) === "") names.pop();
    this.#header = names;
    const before = this.#blamed;
    for (const { name } of this.#page.config.keys.filter(({ name, required }) => required && !names.includes(name))) {
      const instead = didYouMean(name, names) || `: it has ${shorten(names.join(", "))}`;
      this.blame(line, mistakeIn(name, "missing-column", `the key column '${name}' is missing${instead}`));
    }
    for (const [index, name] of names.entries()) {
      const mistake =
        name === ""
          ? whole("invalid-column", `column ${index + 1} has no name`)
          : names.indexOf(name) < index
            ? mistakeIn(name, "column-twice", `the column '${shorten(name)}' stands twice`)
            : columnMistake(name, this.#page, this.#limits);
      if (mistake !== null) this.blame(line, mistake, name === "" ? undefined : name);
    }
    const fresh = freshMistake(names, this.#page, this.#limits);
    if (fresh !== null) this.blame(line, fresh);
    this.#lost = this.#blamed > before;
  }

  #takeRecord({ line, cells }: SheetLine, header: readonly string[]): void {
    this.#counts.records++;
    const more = cells.slice(header.length);
    if (cells.length < header.length || more.some((cell) => cell !== "")) {
      const detail = `expected ${header.length} cells as in the first line, found ${cells.length}`;
      this.blame(line, whole("ragged", detail));
      return;
    }
    const texts = Object.fromEntries(header.map((name, index) => [name, cells[index]!] as const));
    const key = this.#keyOf(line, texts);
    if (key !== null) this.#compare(line, key, withoutKeys(texts, this.#page));
  }

  /** Null: it has none that could be used. */
  #keyOf(line: number, texts: Readonly<Record<string, string>>): string | null {
    const mistakes: CellMistake[] = [];
    const key = safeKey(keysFrom(texts, this.#page, mistakes, this.#limits), mistakes);
    for (const mistake of mistakes) this.blame(line, mistake, nameIn(mistake));
    if (key === null) return null;
    const first = this.#lines.get(key);
    if (first === undefined) {
      this.#lines.set(key, line);
      return key;
    }
    this.blame(line, whole("duplicate-key", `the key ${shorten(key)} stands on line ${first} already`));
    return null;
  }

  #compare(line: number, key: string, texts: Readonly<Record<string, string>>): void {
    const record = this.#page.find(key);
    const cells = this.#differing(texts, record);
    const names = Object.keys(cells);
    if (record !== undefined && names.length === 0) {
      this.#counts.unchanged++;
      return;
    }
    const closed = record === undefined ? this.#full() : this.#options.closed(record);
    if (closed !== null) this.blame(line, whole("closed", closed));
    for (const mistake of mistakesIn(cells, this.#page, this.#options, this.#limits))
      this.blame(line, mistake, nameIn(mistake));
    if (record === undefined) this.#counts.created++;
    else this.#counts.changed++;
    this.#counts.cells += names.length;
    if (this.#blamed > 0)
      this.#changes.length = 0; // none of them will be made
    else this.#changes.push({ do: "set", page: this.#page.name, key, cells });
  }

  #full(): string | null {
    const { name, fed, size } = this.#page;
    if (fed) return `records of page '${name}' are made by events: there is none with this key`;
    const most = this.#limits.pageRecords;
    return size + this.#counts.created < most ? null : `page '${name}' has ${most} records, the most there may be`;
  }

  /** Texts that are not what the record shows. Running goals are nobody's to write. */
  #differing(texts: Readonly<Record<string, string>>, record: BoardRecord | undefined): Record<string, string> {
    const cells: Record<string, string> = {};
    for (const [name, text] of Object.entries(texts)) {
      const column = this.#page.column(name);
      const goal = column !== undefined && this.#page.roleOf(column) === "goal";
      if (goal && RUNNING.test(text)) {
        this.#counts.running++;
        continue;
      }
      const before = column === undefined ? "" : record === undefined ? this.#default(name) : textAt(record, column);
      if ((meaningOf(this.#page, name, text) ?? text) !== before) cells[name] = text;
    }
    return cells;
  }

  /** What a new record shows. */
  #default(name: string): string {
    return name === "ready" && this.#page.config.ready ? "1" : "";
  }
}

/** What a goal shows that somebody works on. */
const RUNNING = /^r(?::|$)/;

function whole(code: string, detail: string): CellMistake {
  return { index: 0, pointer: "", code, detail };
}

function nameIn({ pointer }: CellMistake): string {
  return pointer.slice("/cells/".length).replaceAll("~1", "/").replaceAll("~0", "~");
}

function safeKey(keys: readonly string[], mistakes: readonly CellMistake[]): string | null {
  return mistakes.length === 0 ? keyOf(keys) : null;
}
