import { AisleError, didYouMean } from "../errors.ts";
import { asText, type SheetRow, type Worksheet, type Writing } from "./sheet.ts";

/** Where a page's rows are kept: what a sheet has to bring, all else is done by `OpenPage`. */
export interface PageStore {
  /** @throws AisleError `not-found`, `unavailable` */
  read(): Promise<PageCopy>;
  /** Writes all or nothing. @throws AisleError `conflict` when the writing of a cell is no longer the one named */
  write(edits: readonly Edit[]): Promise<void>;
  renew(row: RowId, name: string): void;
}

/** Names a row for as long as it is on its page, wherever it moves. */
export type RowId = string | number;

export interface PageCopy {
  readonly header: readonly string[];
  readonly rows: readonly RowCopy[];
}

export interface RowCopy {
  readonly id: RowId;
  /** By name; a cell that is not there is empty. */
  readonly texts: Readonly<Record<string, string>>;
  writing(name: string): Writing;
}

export interface Edit {
  readonly row: RowId;
  readonly name: string;
  readonly text: string;
  /** The writing that must still stand there; null: whatever does. */
  readonly over: number | null;
}

/** A page that somebody has open. */
export class OpenPage implements Worksheet {
  readonly title: string;
  readonly #store: PageStore;
  #header: readonly string[] = [];
  #rows: OpenRow[] = [];

  private constructor(title: string, store: PageStore) {
    this.title = title;
    this.#store = store;
  }

  static async open(title: string, store: PageStore): Promise<OpenPage> {
    const page = new OpenPage(title, store);
    await page.reload();
    return page;
  }

  get header(): readonly string[] {
    return this.#header;
  }

  get rows(): readonly SheetRow[] {
    return this.#rows;
  }

  async reload(): Promise<void> {
    const { header, rows } = await this.#store.read();
    this.#header = header;
    this.#rows = rows.map((row, index) => new OpenRow(this.title, index, header, row, this.#store));
  }

  async save(how: "over" | "unchanged" = "over"): Promise<void> {
    const rows = this.#rows;
    await this.#store.write(rows.flatMap((row) => row.edits(how)));
    for (const row of rows) row.saved();
  }
}

class OpenRow implements SheetRow {
  readonly index: number;
  readonly #title: string;
  readonly #header: readonly string[];
  readonly #row: RowCopy;
  readonly #store: PageStore;
  readonly #texts: Map<string, string>;
  readonly #edited = new Set<string>();

  constructor(title: string, index: number, header: readonly string[], row: RowCopy, store: PageStore) {
    this.#title = title;
    this.index = index;
    this.#header = header;
    this.#row = row;
    this.#store = store;
    this.#texts = new Map(header.map((name) => [name, row.texts[name] ?? ""]));
  }

  get(name: string): string {
    const text = this.#texts.get(name);
    if (text === undefined) throw noColumn(this.#title, name, this.#header);
    return text;
  }

  set(name: string, value: unknown): void {
    this.get(name);
    this.#texts.set(name, asText(value));
    this.#edited.add(name);
  }

  writing(name: string): Writing {
    return this.#row.writing(name);
  }

  renew(name: string): void {
    this.#store.renew(this.#row.id, name);
  }

  texts(): Record<string, string> {
    return Object.fromEntries(this.#texts);
  }

  edits(how: "over" | "unchanged"): Edit[] {
    const row = this.#row.id;
    return [...this.#edited].map((name) => {
      const over = how === "over" ? null : this.#row.writing(name).id;
      return { row, name, text: this.#texts.get(name)!, over };
    });
  }

  saved(): void {
    this.#edited.clear();
  }
}

function noColumn(title: string, name: string, header: readonly string[]): AisleError {
  return new AisleError(
    "not-found",
    `page '${title}' has no column '${name}'${didYouMean(name, header)}; its columns: ${header.join(", ")}`,
  );
}
