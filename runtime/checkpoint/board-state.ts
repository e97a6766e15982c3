// The board of a place with all that its entries make beside it: visits, holds, standing offers, the configuration in
// force. Saved as lines, in an order that loads in one pass.
import type { AppliedState, Applier, FocusData, VisitData } from "../apply.ts";
import type { BoardRecord, Page, Role } from "../board/board.ts";
import type { Cell } from "../board/cell.ts";
import type { OfferBook, StandingSaved } from "../decide/offers.ts";
import type { Entry } from "../journal/journal.ts";
import type { HoldSaved, Layers } from "../layers/layers.ts";
import type { Row } from "../site.ts";
import type { LoadedRow, Saved, SavedRow } from "./checkpoint.ts";
import { itemsIn, rowsOf } from "./rows.ts";

/** Of the lines' form, and of what entries do to a board: with another, the journal is read from its beginning. */
const VERSION = 1;
/** Small things on one line. */
const BATCH = 100;

export interface BoardParts {
  readonly applier: Applier;
  readonly layers: Layers;
  readonly offers: OfferBook;
  /** Hash of what of the site the board rests on. */
  readonly basis: string;
}

type CellSaved = string | CellTuple;

interface RecordSaved {
  /** Index of its page. */
  readonly p: number;
  readonly k: readonly string[];
  readonly home?: string;
  readonly ready?: 1;
  readonly complete?: 1;
  /** Column, cell, column, cell … */
  readonly c: readonly (number | CellSaved)[];
  readonly base: readonly [seq: number, at: number];
  readonly seqs: readonly number[];
  readonly data?: unknown;
  /** Number of its parent among the records of pages that events feed. */
  readonly parent?: number;
  /** Its parent no longer counts it among its children. */
  readonly lost?: 1;
  /** It is off its page, and something still holds it. */
  readonly off?: 1;
}

type Line =
  | readonly ["head", { readonly appliedSeq: number; readonly evicted: number; readonly configured: string }]
  | readonly ["page", string, keys: number, columns: readonly (readonly [string, Role])[]]
  | readonly ["record", RecordSaved]
  | readonly ["undecided" | "open" | "good" | "poor", readonly (readonly [key: number, record: number])[]]
  | readonly ["copies", readonly (readonly [string, Row])[]]
  | readonly ["customers", readonly (readonly [string, string])[]]
  | readonly ["holds", readonly HoldSaved[]]
  | readonly ["offers", readonly StandingSaved[]]
  | readonly ["end"];

export class BoardState implements Saved {
  readonly name = "board";
  readonly version = VERSION;
  readonly alwaysWhole = true;
  readonly basis: string;
  readonly applier: Applier;
  readonly offers: OfferBook;
  readonly layers: Layers;
  /** What the journal's last `config` entry says; "" before there is one. */
  configured = "";

  constructor({ applier, layers, offers, basis }: BoardParts) {
    this.applier = applier;
    this.layers = layers;
    this.offers = offers;
    this.basis = basis;
  }

  /** One entry of the journal. What can't be applied changes nothing, as at the time. */
  apply(entry: Entry): void {
    if (entry.kind === "config") this.configured = Buffer.from(entry.payload).toString();
    try {
      const { decision } = this.applier.apply(entry);
      if (decision !== null) this.offers.add(entry.seq, decision);
    } catch {
      // Who applied it live has told of it.
    }
  }

  /** Focuses of causes up to here have their decision, or have none for good. */
  settle(seq: number): void {
    for (const [cause, focus] of [...this.applier.undecided]) {
      if (cause > seq) return;
      this.applier.abandon(focus);
    }
  }

  save(): Generator<SavedRow | null> {
    return rowsOf(this.#lines());
  }

  load(rows: Iterable<LoadedRow>): void {
    for (const _ of this.loading(rows));
  }

  /** As `load`; a step for each line. */
  *loading(rows: Iterable<LoadedRow>): Generator<void> {
    const loader = new Loader(this);
    for (const line of itemsIn(rows)) {
      loader.take(line as Line);
      yield;
    }
    loader.end();
  }

  *#lines(): Generator<Line> {
    const { applier, configured } = this;
    const { appliedSeq, evicted } = applier;
    yield ["head", { appliedSeq, evicted, configured }];
    yield* new BoardLines(applier.state).lines();
    yield* batched("copies", applier.state.copies);
    yield* batched("customers", applier.state.customerOf);
    yield* batched("holds", this.layers.saved());
    yield* batched("offers", this.offers.saved());
    yield ["end"];
  }
}

/** The records, and what points at them. */
class BoardLines {
  readonly #state: AppliedState;
  readonly #pages: readonly Page[];
  /** Records that others point at, by their number. */
  readonly #numbers = new Map<BoardRecord, number>();

  constructor(state: AppliedState) {
    this.#state = state;
    this.#pages = [...state.board.pages];
  }

  *lines(): Generator<Line> {
    for (const page of this.#pages) yield ["page", page.name, page.config.keys.length, page.columns()];
    // Parents first.
    const isChild = ({ config }: Page) => config.parent !== null;
    const ordered = [...this.#pages.filter((page) => !isChild(page)), ...this.#pages.filter(isChild)];
    for (const page of ordered) for (const record of page.records()) yield* this.#record(record, false);
    const { undecided, visitByNumber, good, poor } = this.#state;
    yield* this.#pointers("undecided", undecided);
    yield* this.#pointers("open", visitByNumber);
    yield* this.#pointers("good", good);
    yield* this.#pointers("poor", poor);
  }

  *#pointers(name: "undecided" | "open" | "good" | "poor", records: ReadonlyMap<number, BoardRecord>): Generator<Line> {
    let pointers: [number, number][] = [];
    for (const [key, record] of records) {
      yield* this.#known(record);
      pointers.push([key, this.#numbers.get(record)!]);
      if (pointers.length < BATCH) continue;
      yield [name, pointers];
      pointers = [];
    }
    yield [name, pointers];
  }

  /** A record that something points at; if it is on no page, it is written here. */
  *#known(record: BoardRecord): Generator<Line> {
    if (!this.#numbers.has(record)) yield* this.#record(record, true);
  }

  *#record(record: BoardRecord, isOff: boolean): Generator<Line> {
    const { page, parent } = record;
    if (parent !== null) yield* this.#known(parent);
    if (page.fed) this.#numbers.set(record, this.#numbers.size);
    const pointer = parent === null ? {} : { parent: this.#numbers.get(parent)! };
    const isLost = parent !== null && parent.children?.has(record) !== true;
    yield [
      "record",
      {
        p: this.#pages.indexOf(page),
        k: record.keys,
        ...(record.home === null ? {} : { home: record.home }),
        ...(record.ready ? { ready: 1 } : {}),
        ...(record.complete ? { complete: 1 } : {}),
        c: cellsOf(record),
        base: [record.baseSeq, record.baseAt],
        seqs: record.seqs,
        ...(record.data === null ? {} : { data: savedData(record.data) }),
        ...pointer,
        ...(isLost ? { lost: 1 } : {}),
        ...(isOff ? { off: 1 } : {}),
      },
    ];
  }
}

/** Takes lines in, in the order in which they were saved. */
class Loader {
  readonly #to: BoardState;
  readonly #pages: Page[] = [];
  /** By page: its columns, by their number when they were saved. */
  readonly #columns: number[][] = [];
  readonly #records: BoardRecord[] = [];
  #ended = false;

  constructor(to: BoardState) {
    this.#to = to;
  }

  take(line: Line): void {
    const { applier, layers, offers } = this.#to;
    const { undecided, visitByNumber, good, poor, copies, customerOf } = applier.state;
    switch (line[0]) {
      case "head":
        applier.appliedSeq = line[1].appliedSeq;
        applier.evicted = line[1].evicted;
        this.#to.configured = line[1].configured;
        return;
      case "page":
        this.#page(line[1], line[2], line[3]);
        return;
      case "record":
        this.#record(line[1]);
        return;
      case "undecided":
        this.#point(undecided, line[1]);
        return;
      case "open":
        this.#point(visitByNumber, line[1]);
        return;
      case "good":
        this.#point(good, line[1]);
        return;
      case "poor":
        this.#point(poor, line[1]);
        return;
      case "copies":
        for (const [customer, row] of line[1]) copies.set(customer, row);
        return;
      case "customers":
        for (const [decision, customer] of line[1]) customerOf.set(decision, customer);
        return;
      case "holds":
        for (const hold of line[1]) layers.restore(hold);
        return;
      case "offers":
        for (const standing of line[1]) offers.restore(standing);
        return;
      case "end":
        this.#ended = true;
    }
  }

  /** @throws Error lines are missing: a mistake of the program, as rows were checked */
  end(): void {
    if (!this.#ended) throw new Error("the saved board has no end");
  }

  #point<T>(map: Map<number, T>, pointers: readonly (readonly [number, number])[]): void {
    for (const [key, record] of pointers) map.set(key, this.#records[record] as T);
  }

  #page(name: string, keys: number, columns: readonly (readonly [string, Role])[]): void {
    const { board } = this.#to.applier;
    const page = board.find(name) ?? board.rest(name, keys);
    this.#pages.push(page);
    this.#columns.push(
      columns.map(([column, role]) =>
        role === "goal" ? page.ensure(column, "goal") : (page.column(column) ?? page.ensure(column)),
      ),
    );
  }

  #record(saved: RecordSaved): void {
    const page = this.#pages[saved.p]!;
    const columns = this.#columns[saved.p]!;
    const parent = saved.parent === undefined ? null : this.#records[saved.parent]!;
    const record = page.restore(
      {
        keys: saved.k,
        home: saved.home ?? null,
        parent,
        ready: saved.ready === 1,
        complete: saved.complete === 1,
        baseSeq: saved.base[0],
        baseAt: saved.base[1],
        seqs: [...saved.seqs],
        data: loadedData(saved.data ?? null, parent !== null),
      },
      { onPage: saved.off === undefined, inParent: saved.lost === undefined },
    );
    for (let at = 0; at < saved.c.length; at += 2) {
      const cell = saved.c[at + 1] as CellSaved;
      record.cells[columns[saved.c[at] as number]!] = typeof cell === "string" ? cell : cellIn(cell);
    }
    if (page.fed) this.#records.push(record);
  }
}

function* batched<Name extends "copies" | "customers" | "holds" | "offers", Item>(
  name: Name,
  items: Iterable<Item>,
): Generator<readonly [Name, readonly Item[]]> {
  let batch: Item[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length < BATCH) continue;
    yield [name, batch];
    batch = [];
  }
  if (batch.length > 0) yield [name, batch];
}

const STATES = ["running", "done", "failed", "waiting"] as const satisfies readonly Cell["state"][];

/** Index of the state, then as in `Cell`; the value last, if there is one. */
type CellTuple = readonly [
  state: number,
  host: string,
  run: string,
  attempts: number,
  by: string,
  at: number,
  detail: string | null,
  notBefore: number,
  value?: unknown,
];

function cellsOf({ cells }: BoardRecord): (number | CellSaved)[] {
  const saved: (number | CellSaved)[] = [];
  cells.forEach((cell, column) => {
    if (cell !== undefined) saved.push(column, typeof cell === "string" ? cell : savedCell(cell));
  });
  return saved;
}

function savedCell({ state, host, run, attempts, by, at, detail, notBefore, value }: Cell): CellTuple {
  const cell = [STATES.indexOf(state), host, run, attempts, by, at, detail, notBefore] as const;
  return value === undefined ? cell : [...cell, value];
}

function cellIn(saved: CellTuple): Cell {
  const [state, host, run, attempts, by, at, detail, notBefore] = saved;
  const cell = { state: STATES[state]!, host, run, attempts, by, at, detail, notBefore };
  return saved.length > 8 ? { ...cell, value: saved[8] } : cell;
}

/** What the runtime keeps of a visit is all JSON; of a focus, the entry that made it has bytes. */
function savedData(data: unknown): unknown {
  const { entry } = data as Partial<FocusData>;
  if (entry === undefined) return data;
  const { value: _, payload, ...rest } = entry;
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  return { ...(data as FocusData), entry: { ...rest, payload: bytes.toString("base64") } };
}

function loadedData(saved: unknown, isFocus: boolean): unknown {
  if (saved === null) return null;
  if (!isFocus) return { ...(saved as VisitData), dwell: (saved as VisitData).dwell };
  const { entry, ...data } = saved as Omit<FocusData, "entry"> & {
    entry: Omit<Entry, "payload"> & { payload: string };
  };
  return { ...data, entry: { ...entry, payload: Buffer.from(entry.payload, "base64") } };
}
