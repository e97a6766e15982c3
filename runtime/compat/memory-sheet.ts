import type { Clock } from "../clock.ts";
import { AisleError, didYouMean } from "../errors.ts";
import { asText, type Sheet, type Worksheet, type Writing } from "./sheet.ts";
import { type Edit, OpenPage, type PageStore, type RowCopy, type RowId } from "./worksheet.ts";

/** A page to begin with: names of columns, and cells by name; what is left out is empty. */
export interface PageContent {
  readonly header: readonly string[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

interface StoredCell {
  text: string;
  id: number;
  at: number;
}

interface StoredRow {
  readonly id: number;
  /** By name of column. */
  readonly cells: ReadonlyMap<string, StoredCell>;
}

interface Stored {
  readonly header: readonly string[];
  readonly rows: StoredRow[];
}

/** A spreadsheet in memory, for tests and simulations: many may have it open at once. */
export class MemorySheet implements Sheet {
  readonly #clock: Clock;
  readonly #pages = new Map<string, Stored>();
  #writings = 0;
  #rows = 0;

  constructor(clock: Clock, pages: Readonly<Record<string, PageContent>>) {
    this.#clock = clock;
    for (const [title, content] of Object.entries(pages)) this.add(title, content);
  }

  /** A page more, behind the others; or in the place of one of that title. */
  add(title: string, { header, rows }: PageContent): void {
    this.#pages.set(title, { header, rows: [] });
    for (const [index, row] of rows.entries()) this.insert(title, index, row);
  }

  /** A row more; those from there on move down. @throws AisleError `not-found` */
  insert(title: string, index: number, row: Readonly<Record<string, unknown>>): void {
    const { header, rows } = this.#page(title);
    const cells = new Map(header.map((name) => [name, this.#cell(asText(row[name]))]));
    rows.splice(index, 0, { id: ++this.#rows, cells });
  }

  async titles(): Promise<readonly string[]> {
    return [...this.#pages.keys()];
  }

  async open(title: string): Promise<Worksheet> {
    return OpenPage.open(title, this.#store(title));
  }

  /** What the page shows: its rows, as texts by name. @throws AisleError `not-found` */
  show(title: string): Record<string, string>[] {
    return this.#page(title).rows.map(({ cells }) =>
      Object.fromEntries([...cells].map(([name, { text }]) => [name, text])),
    );
  }

  /** Writes a cell, as a person does who edits the sheet. @throws AisleError `not-found` */
  put(title: string, row: number, name: string, value: unknown): void {
    const page = this.#page(title);
    this.#write(page, [{ row: page.rows[row]?.id ?? "", name, text: asText(value), over: null }]);
  }

  #store(title: string): PageStore {
    return {
      read: async () => {
        const { header, rows } = this.#page(title);
        return { header, rows: rows.map(copyOf) };
      },
      write: async (edits) => this.#write(this.#page(title), edits),
      renew: (row, name) => {
        const cell = cellAt(this.#page(title), row, name);
        if (cell !== undefined) cell.at = this.#clock.now();
      },
    };
  }

  #write(page: Stored, edits: readonly Edit[]): void {
    const cells = edits.map(({ row, name, over }) => {
      const cell = cellAt(page, row, name);
      if (cell === undefined) throw new AisleError("not-found", `there is no cell '${name}' in row ${row}`);
      if (over !== null && cell.id !== over)
        throw new AisleError("conflict", `somebody else has written '${name}' meanwhile: '${cell.text}'`);
      return cell;
    });
    cells.forEach((cell, i) => {
      Object.assign(cell, this.#cell(edits[i]!.text));
    });
  }

  #page(title: string): Stored {
    const page = this.#pages.get(title);
    if (page !== undefined) return page;
    const titles = [...this.#pages.keys()];
    throw new AisleError("not-found", `the sheet has no page '${title}'${didYouMean(title, titles)}`);
  }

  #cell(text: string): StoredCell {
    return { text, id: ++this.#writings, at: this.#clock.now() };
  }
}

function cellAt({ rows }: Stored, row: RowId, name: string): StoredCell | undefined {
  return rows.find(({ id }) => id === row)?.cells.get(name);
}

function copyOf({ id, cells }: StoredRow): RowCopy {
  const writings = new Map<string, Writing>([...cells].map(([name, { id, at }]) => [name, { id, at }]));
  return {
    id,
    texts: Object.fromEntries([...cells].map(([name, { text }]) => [name, text])),
    writing: (name) => writings.get(name) ?? { id: 0, at: 0 },
  };
}
