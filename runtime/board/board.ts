// The board: pages of records, a record a row of cells. Everything that people and actors see of the work.
import type { PageConfig } from "../site.ts";
import { type Cell, cell, isTrue, readGoalText, textOf } from "./cell.ts";

/** Number of a column within its page. Columns are only ever added. */
export type Column = number;

/** `key`: names the record; `goal`: an actor or a person fills it; `data`: anything else. */
export type Role = "key" | "ready" | "goal" | "data" | "complete";

/** A row of a page. `data` is what the runtime keeps of it beside its cells. */
export interface BoardRecord<Data = unknown> {
  readonly page: Page;
  /** The key cells in rank order, each percent-encoded, joined by commas. */
  readonly key: string;
  /** The key cells in rank order; an optional one may be "". */
  readonly keys: readonly string[];
  /** The node whose journal is the record's truth; null: this one. */
  readonly home: string | null;
  readonly parent: BoardRecord | null;
  /** Null until there is one. */
  children: Set<BoardRecord> | null;
  /** Nothing is started before. */
  ready: boolean;
  /** Nothing is started any more. */
  complete: boolean;
  /** By column: goals that somebody has begun, and texts of data. Keys, `ready` and `complete` stand above. */
  readonly cells: (Cell | string | undefined)[];
  /** The first entry of the journal that the record is made of, and its receive time, ms; 0: events make it. */
  baseSeq: number;
  baseAt: number;
  /** Of the journal's entries that changed it, oldest first: the youngest `limits.cellHistory`. */
  readonly seqs: number[];
  readonly data: Data;
}

/** The records of a page, found by key. Iteration is by when a record was last touched, oldest first. */
export class Page {
  readonly name: string;
  /** Replaced when a plan is changed while running. */
  config: PageConfig;
  readonly #columns = new Map<string, Column>();
  readonly #names: string[] = [];
  readonly #roles: Role[] = [];
  /** Null: a column has come since it was made. */
  #header: readonly string[] | null = null;
  readonly #records = new Map<string, BoardRecord>();

  constructor(config: PageConfig) {
    this.name = config.name;
    this.config = config;
    for (const { name } of config.keys) this.#add(name, "key");
    this.#add("ready", "ready");
    for (const goal of config.goals) this.#add(goal, "goal");
    for (const name of config.data ?? []) this.#add(name, "data");
    this.#add("complete", "complete");
  }

  /** Events fill it, or the records of its parent do: people and files make no records there. */
  get fed(): boolean {
    return this.config.opens.length > 0 || this.config.parent !== null;
  }

  /** Names of columns in the order in which a sheet shows them: keys, `ready`, goals and data, `complete`. */
  get header(): readonly string[] {
    const order: Role[] = ["key", "ready", "goal", "data", "complete"];
    this.#header ??= order.flatMap((role) => this.#names.filter((_, column) => this.#roles[column] === role));
    return this.#header;
  }

  get size(): number {
    return this.#records.size;
  }

  /** Undefined: there is no such column (yet). */
  column(name: string): Column | undefined {
    return this.#columns.get(name);
  }

  nameOf(column: Column): string {
    return this.#names[column]!;
  }

  roleOf(column: Column): Role {
    return this.#roles[column]!;
  }

  /** The column of a name, made as one of data if the page has none. */
  ensure(name: string, role: "data" | "goal" = "data"): Column {
    const known = this.#columns.get(name);
    if (known === undefined) return this.#add(name, role);
    // A column that was data before an actor came to own it.
    if (role === "goal" && this.#roles[known] === "data") this.#own(known);
    return known;
  }

  find<Data>(key: string): BoardRecord<Data> | undefined {
    return this.#records.get(key) as BoardRecord<Data> | undefined;
  }

  add<Data>(
    keys: readonly string[],
    data: Data,
    { parent = null, home = null }: { readonly parent?: BoardRecord | null; readonly home?: string | null } = {},
  ): BoardRecord<Data> {
    const record: BoardRecord<Data> = {
      page: this,
      key: keyOf(keys),
      keys,
      home,
      parent,
      children: null,
      ready: this.config.ready || parent !== null,
      complete: false,
      cells: [],
      baseSeq: 0,
      baseAt: 0,
      seqs: [],
      data,
    };
    this.#records.set(record.key, record as BoardRecord);
    if (parent !== null) {
      parent.children ??= new Set();
      parent.children.add(record as BoardRecord);
    }
    return record;
  }

  /** Puts a record back that was saved; its cells are still to come. It is the latest of its page. */
  restore(
    saved: Omit<BoardRecord, "page" | "key" | "children" | "cells">,
    { onPage, inParent }: { readonly onPage: boolean; readonly inParent: boolean },
  ): BoardRecord {
    const { keys, home, parent, ready, complete, baseSeq, baseAt, seqs, data } = saved;
    // The members in the order of `add`: to the engine it is the same kind of object.
    const key = keyOf(keys);
    const record: BoardRecord = {
      page: this,
      key,
      keys,
      home,
      parent,
      children: null,
      ready,
      complete,
      cells: [],
      baseSeq,
      baseAt,
      seqs,
      data,
    };
    if (onPage) this.#records.set(record.key, record);
    if (saved.parent !== null && inParent) {
      saved.parent.children ??= new Set();
      saved.parent.children.add(record);
    }
    return record;
  }

  /** Names and roles of the columns, by their numbers. */
  columns(): (readonly [name: string, role: Role])[] {
    return this.#names.map((name, column) => [name, this.#roles[column]!] as const);
  }

  /** Makes the record the latest of its page. */
  touch(record: BoardRecord): void {
    if (this.#records.delete(record.key)) this.#records.set(record.key, record);
  }

  /** Takes the record off its page; its children keep it as their parent. */
  remove(record: BoardRecord): void {
    if (this.#records.get(record.key) === record) this.#records.delete(record.key);
    record.parent?.children?.delete(record);
  }

  /** Least recently touched first. */
  records<Data>(): IterableIterator<BoardRecord<Data>> {
    return this.#records.values() as IterableIterator<BoardRecord<Data>>;
  }

  /** Makes a column of data one of a goal: its texts count as if they had been written into a goal. */
  #own(column: Column): void {
    this.#roles[column] = "goal";
    this.#header = null;
    for (const { cells } of this.#records.values()) {
      const text = cells[column];
      if (typeof text !== "string") continue;
      const written = readGoalText(text);
      cells[column] = written === null || written.state === "empty" ? undefined : cell(written);
    }
  }

  #add(name: string, role: Role): Column {
    const column = this.#names.length;
    this.#columns.set(name, column);
    this.#names.push(name);
    this.#roles.push(role);
    this.#header = null;
    return column;
  }
}

/** The pages of a plan. */
export class Board {
  readonly #pages = new Map<string, Page>();

  constructor(pages: Iterable<PageConfig>) {
    for (const page of pages) this.#pages.set(page.name, new Page(page));
  }

  get pages(): IterableIterator<Page> {
    return this.#pages.values();
  }

  /** Undefined: the plan has no such page. */
  find(name: string): Page | undefined {
    return this.#pages.get(name);
  }

  /** @throws Error a page that the plan lacks: a mistake of the program */
  page(name: string): Page {
    const page = this.#pages.get(name);
    if (page === undefined) throw new Error(`no page '${name}'`);
    return page;
  }

  /** A page that the plan lacks by now, for the records that the journal has of it: they rest, and are not lost. */
  rest(name: string, keys: number): Page {
    const page = new Page({
      ...{ name, parent: null, opens: [], closes: [], timeToLiveMs: Number.POSITIVE_INFINITY, goals: [], data: null },
      keys: Array.from({ length: keys }, (_, rank) => ({ name: `key ${rank + 1}`, required: true })),
      ...{ ready: false, completes: false, lenient: false, shared: false, ranks: false, records: [] },
    });
    this.#pages.set(name, page);
    return page;
  }

  /** Takes over the pages of a changed plan. Records of pages that it lacks stay, and rest: they rank nothing either. */
  adopt(pages: Iterable<PageConfig>): void {
    for (const page of this.#pages.values())
      page.config = { ...page.config, goals: [], completes: false, ranks: false };
    for (const config of pages) {
      const page = this.#pages.get(config.name);
      if (page === undefined) {
        this.#pages.set(config.name, new Page(config));
        continue;
      }
      page.config = config;
      for (const goal of config.goals) page.ensure(goal, "goal");
      for (const name of config.data ?? []) page.ensure(name);
    }
  }
}

/** The key of a record, from its key cells in rank order. */
export function keyOf(keys: readonly string[]): string {
  return keys.map(encodeURIComponent).join(",");
}

/** The key cells of a key. @throws URIError when it is not well-formed */
export function keysOf(key: string): string[] {
  return key.split(",").map(decodeURIComponent);
}

/** The cell of a goal; undefined: nobody has begun, or the page has no such goal. */
export function cellOf(record: BoardRecord, goal: string): Cell | undefined {
  const column = record.page.column(goal);
  const cell = column === undefined ? undefined : record.cells[column];
  return typeof cell === "object" ? cell : undefined;
}

/** Puts a goal's cell, of a page that may have no such column yet. */
export function putCell(record: BoardRecord, goal: string, cell: Cell | undefined): void {
  record.cells[record.page.ensure(goal, "goal")] = cell;
}

/** What a sheet shows in a column of the record; "" where there is nothing. */
export function textAt(record: BoardRecord, column: Column): string {
  const { page, keys, cells } = record;
  switch (page.roleOf(column)) {
    case "key":
      return keys[page.config.keys.findIndex(({ name }) => name === page.nameOf(column))] ?? "";
    case "ready":
      return record.ready ? "1" : "";
    case "complete":
      return record.complete ? "1" : "";
    default: {
      const cell = cells[column];
      return typeof cell === "string" ? cell : textOf(cell);
    }
  }
}

/** Whether a field holds: a goal that is done, or a text that is true. */
export function holdsAt(record: BoardRecord, column: Column): boolean {
  const cell = record.cells[column];
  if (typeof cell === "object") return cell.state === "done";
  return isTrue(cell ?? textAt(record, column), record.page.config.lenient);
}

/** The whole row as texts, by name, in the order of the header. */
export function rowOf(record: BoardRecord): Record<string, string> {
  return Object.fromEntries(record.page.header.map((name) => [name, textAt(record, record.page.column(name)!)]));
}
