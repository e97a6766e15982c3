import type { Goal } from "./actor.ts";

/** What a goal has come to for a record. No cell: nobody has begun. */
export type Cell =
  | { readonly state: "running" }
  | { readonly state: "done"; readonly value: unknown }
  | { readonly state: "failed"; readonly detail: string };

/** A row of a page. `data` is what the page keeps of it beside its goals. */
export interface BoardRecord<Data = unknown> {
  readonly page: string;
  readonly key: string;
  readonly parent: BoardRecord | null;
  readonly children: Set<BoardRecord>;
  /** Nothing is started before. */
  ready: boolean;
  /** Nothing is started any more. */
  complete: boolean;
  readonly cells: Map<Goal, Cell>;
  readonly data: Data;
}

/** The pages of a plan and their records, found by key. Iteration is by when a record was last touched, oldest first. */
export class Board {
  readonly #pages = new Map<string, Map<string, BoardRecord>>();

  constructor(pages: Iterable<string>) {
    for (const page of pages) this.#pages.set(page, new Map());
  }

  find<Data>(page: string, key: string): BoardRecord<Data> | undefined {
    return this.#page(page).get(key) as BoardRecord<Data> | undefined;
  }

  add<Data>(page: string, key: string, data: Data, parent: BoardRecord | null = null): BoardRecord<Data> {
    const record: BoardRecord<Data> = {
      page,
      key,
      parent,
      children: new Set(),
      ready: parent !== null,
      complete: false,
      cells: new Map(),
      data,
    };
    this.#page(page).set(key, record as BoardRecord);
    parent?.children.add(record as BoardRecord);
    return record;
  }

  /** Makes the record the latest of its page. */
  touch(record: BoardRecord): void {
    const page = this.#page(record.page);
    if (page.delete(record.key)) page.set(record.key, record);
  }

  /** Takes the record off its page; its children keep it as their parent. */
  remove(record: BoardRecord): void {
    const page = this.#page(record.page);
    if (page.get(record.key) === record) page.delete(record.key);
    record.parent?.children.delete(record);
  }

  /** Of a page, least recently touched first. */
  records<Data>(page: string): IterableIterator<BoardRecord<Data>> {
    return this.#page(page).values() as IterableIterator<BoardRecord<Data>>;
  }

  size(page: string): number {
    return this.#page(page).size;
  }

  #page(name: string): Map<string, BoardRecord> {
    const page = this.#pages.get(name);
    if (page === undefined) throw new Error(`no page '${name}'`);
    return page;
  }
}
