// The board as a spreadsheet of the original. What an agent writes into a goal's cell becomes what the board knows it
// as: a claim, the end of a run; so both modes can work on one journal, one after the other.
import { type Board, type BoardRecord, cellOf, type Page, rowOf } from "../board/board.ts";
import type { Cell } from "../board/cell.ts";
import { type Change, changeDraft } from "../board/change.ts";
import type { Clock } from "../clock.ts";
import { AisleError, didYouMean } from "../errors.ts";
import type { Draft } from "../journal/journal.ts";
import { limits } from "../limits.ts";
import type { Plan } from "../site.ts";
import { statusOf } from "./dialect.ts";
import type { Sheet, Worksheet, Writing } from "./sheet.ts";
import { type Edit, OpenPage, type PageStore, type RowCopy } from "./worksheet.ts";

export interface BoardSheetPorts {
  readonly board: Board;
  readonly plan: Plan;
  readonly clock: Clock;
  /** Resolves once it is on disk; by the time it returns the board shows it. */
  readonly append: (drafts: readonly Draft[]) => Promise<unknown>;
  /** Name of this node: the host of its claims, and who writes. */
  readonly node: string;
  /** A run's id: never given twice, not by an earlier process either. */
  readonly newRun: () => string;
}

/** Pages whose records people and files make; those that events fill, and plan pages, are none of the original's. */
export class BoardSheet implements Sheet {
  readonly #ports: BoardSheetPorts;
  /** Cells of goals: each writing makes one. Numbers are below zero, those of entries above. */
  readonly #cells = new WeakMap<Cell, { readonly id: number; renewedAt: number }>();
  #lastId = 0;

  constructor(ports: BoardSheetPorts) {
    this.#ports = ports;
  }

  async titles(): Promise<readonly string[]> {
    return this.#ports.plan.pages
      .filter(({ opens, parent, ranks }) => opens.length === 0 && parent === null && !ranks)
      .map(({ name }) => name);
  }

  async open(title: string): Promise<Worksheet> {
    const titles = await this.titles();
    if (!titles.includes(title))
      throw new AisleError("not-found", `the board has no page '${title}' of records${didYouMean(title, titles)}`);
    return OpenPage.open(title, this.#store(this.#ports.board.page(title)));
  }

  #store(page: Page): PageStore {
    /** Runs that were claimed by whoever has the page open. */
    const runs = new Set<string>();
    return {
      read: async () => {
        // Other nodes look after their own records.
        const own = [...page.records()].filter(({ home }) => home === null);
        return { header: page.header, rows: own.map((record) => this.#copyOf(record)) };
      },
      write: (edits) => this.#write(page, edits, runs),
      renew: (key, goal) => {
        const record = page.find(String(key));
        const cell = record === undefined ? undefined : cellOf(record, goal);
        if (cell !== undefined) this.#known(cell).renewedAt = this.#ports.clock.now();
      },
    };
  }

  #copyOf(record: BoardRecord): RowCopy {
    const writings = new Map(record.page.header.map((name) => [name, this.#writing(record, name)]));
    return { id: record.key, texts: rowOf(record), writing: (name) => writings.get(name) ?? NEVER };
  }

  /** Checked and handed to the journal in one turn, so that nobody comes between. */
  async #write(page: Page, edits: readonly Edit[], runs: Set<string>): Promise<void> {
    const changes: Change[] = [];
    edits.forEach(checkLength);
    for (const key of new Set(edits.map(({ row }) => String(row)))) {
      const own = edits.filter(({ row }) => String(row) === key);
      const record = page.find(key);
      if (record === undefined)
        throw new AisleError("not-found", `page '${page.name}' has no record '${key}' any more`);
      const moved = own.find(({ name, over }) => over !== null && this.#writing(record, name).id !== over);
      if (moved !== undefined) throw new AisleError("conflict", `somebody else has written '${moved.name}' meanwhile`);
      changes.push(...this.#changes(record, own, runs));
    }
    const { append, node } = this.#ports;
    if (changes.length > 0) await append(changes.map((change) => changeDraft(change, node)));
  }

  /** Texts as they are; a mark in a goal's cell is a claim, and what is then written there the end of that run. */
  #changes(record: BoardRecord, edits: readonly Edit[], runs: Set<string>): Change[] {
    const of = { page: record.page.name, key: record.key };
    const cells = new Map(edits.map(({ name, text }) => [name, text]));
    const runChanges: Change[] = [];
    for (const { name, text } of edits) {
      const cell = cellOf(record, name);
      const { mark } = statusOf(text, "ruby");
      const { node: host, newRun } = this.#ports;
      if (mark === "r" && isGoal(record, name)) {
        const run = newRun();
        runs.add(run);
        runChanges.push({ do: "claim", ...of, goal: name, run, host, attempt: (cell?.attempts ?? 0) + 1 });
      } else if (mark !== null && cell?.state === "running" && runs.delete(cell.run)) {
        const also = mark === "1" ? othersDone(record, name, cells) : [];
        const ended = { outcome: mark === "1" ? "done" : "failed", ...(also.length > 0 && { also }) } as const;
        runChanges.push({ do: "finish", ...of, goal: name, run: cell.run, host, ...ended });
        for (const other of also) cells.delete(other);
      } else continue;
      cells.delete(name);
    }
    return cells.size === 0 ? runChanges : [{ do: "set", ...of, cells: Object.fromEntries(cells) }, ...runChanges];
  }

  /** Of texts it is only known when the record was last written; of a goal that nobody has begun, nothing is to be known. */
  #writing(record: BoardRecord, name: string): Writing {
    const column = record.page.column(name);
    const cell = column === undefined ? undefined : record.cells[column];
    if (cell === undefined) return NEVER;
    if (typeof cell === "string") return { id: record.seqs.at(-1) ?? 0, at: 0 };
    const { id, renewedAt } = this.#known(cell);
    return { id, at: Math.max(cell.at, renewedAt) };
  }

  #known(cell: Cell): { readonly id: number; renewedAt: number } {
    const known = this.#cells.get(cell) ?? { id: --this.#lastId, renewedAt: 0 };
    this.#cells.set(cell, known);
    return known;
  }
}

function isGoal({ page }: BoardRecord, name: string): boolean {
  return page.config.goals.includes(name);
}

/** The other goals that are written to be done. */
function othersDone(record: BoardRecord, goal: string, cells: ReadonlyMap<string, string>): string[] {
  return [...cells].flatMap(([name, text]) => (text === "1" && name !== goal && isGoal(record, name) ? [name] : []));
}

/** @throws AisleError `too-large` */
function checkLength({ name, text }: Edit): void {
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.cellBytes)
    throw new AisleError("too-large", `the text for '${name}' has ${bytes} bytes: a cell holds ${limits.cellBytes}`);
}

const NEVER: Writing = { id: 0, at: 0 };
